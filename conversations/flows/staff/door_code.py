"""The code at a centre's door: a page to print, and another code when the old one should no longer work."""

from conversations.care.documents import Document, DocumentKind
from conversations.engine.flow import Again, Choice, Goto, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.staff.centre_access import CentreDraft, back_to_centre, centre_in_hand, not_yours


class DoorCode(Step[CentreDraft]):
    """Say what the code is for, and give the page."""

    name = "door"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        text = turn.gettext(
            "🚪 Print this page and hang it at the door. Who comes scans it, and you read here that they "
            "are there."
        )
        # Translators: label, at most 20 characters. The code for the door as a page to print.
        choices = [Choice("page", turn.pgettext("button", "🖨️ As a page"))]
        if centre.door_code is not None:
            # Translators: label, at most 20 characters. Another code for the door; the old one stops working.
            choices.append(Choice("new", turn.pgettext("button", "🔁 New code")))
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        if choice_id == "new":
            return Goto(NewDoorCode)
        await turn.desk.centres.door_code(centre.slug)
        _send_page(turn, centre.slug)
        return Again(turn.gettext("🖨️ The page comes in a moment."))


class NewDoorCode(Step[CentreDraft]):
    """Ask before the page that hangs at the door becomes waste paper."""

    name = "new_door"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("Shall we make a new code? The page at your door stops working at once.")
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🔁 Yes, a new code")),
            # Translators: label, at most 20 characters. Everything stays as it is.
            Choice("keep", turn.pgettext("button", "↩️ Leave as it is")),
        ]
        return Prompt(asked, choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        if choice_id != "yes":
            return back_to_centre(centre.slug, turn.gettext("Everything stays as it was."))
        await turn.desk.centres.new_door_code(centre.slug)
        _send_page(turn, centre.slug)
        said = turn.gettext("🔁 The old code is void. The new page comes in a moment.")
        return back_to_centre(centre.slug, said)


def _send_page(turn: Turn[CentreDraft], slug: str) -> None:
    turn.send_document(Document(DocumentKind.DOOR_PAGE, turn.contact.id, centre_slug=slug))
