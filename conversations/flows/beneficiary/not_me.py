"""Somebody else reads here: the phone or app is parted from the person, and nothing of them is said."""

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Farewell, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers


class CheckNotMe(Step[NoAnswers]):
    name = "not_me"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        text = turn.gettext("Are these messages meant for somebody else? Then no more of them come here.")
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🚫 Yes, not for me")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "✖️ No, for me")),
        ]
        return Prompt(text, choices, navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        if choice_id != "yes" or turn.address_id is None:
            return Finish(turn.gettext("Nothing was changed."))
        stranger = await turn.desk.addresses.cut(turn.contact.id, turn.address_id, now=turn.now)
        await turn.becomes(stranger)
        return Farewell(turn.gettext("Thank you. Nothing of it is sent here any more."))


NOT_ME = Flow(name="not_me", draft=NoAnswers, steps=[CheckNotMe], roles=BENEFICIARIES)
