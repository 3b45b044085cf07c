"""For a manager: somebody asks for a visit at a centre of which no caseworker can be reached."""

from conversations.care.people import MANAGERS, Role
from conversations.care.visits import UNHEARD_REQUEST as NAME
from conversations.care.visits import UnheardRequest, waiting_requests
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.visit_words import city


class TellManager(Step[UnheardRequest]):
    """Say at which centre; whose request it is and what for is for its caseworkers alone."""

    name = "unheard"

    async def holds(self, turn: Turn[UnheardRequest]) -> bool:
        slug = turn.draft.centre_slug
        if await turn.desk.contacts.staff(Role.CASEWORKER, slug):
            return False
        return bool(await waiting_requests(turn, slug))

    async def ask(self, turn: Turn[UnheardRequest]) -> Prompt:
        centre = await turn.desk.centres.get(turn.draft.centre_slug)
        lines = [
            # Translators: first line seen on a locked screen.
            turn.gettext("📥 A request for a visit waits for an answer."),
            turn.gettext(
                "No caseworker of the centre of {city} can be reached here yet. Please have one invited."
            ).format(city=city(turn, centre)),
        ]
        # Translators: label, at most 20 characters.
        return Prompt("\n\n".join(lines), [Choice("ok", turn.pgettext("button", "👌 OK"))])

    async def chosen(self, turn: Turn[UnheardRequest], choice_id: str) -> Move:
        return Finish((await self.ask(turn)).text)


UNHEARD = Flow(NAME, UnheardRequest, (TellManager,), roles=MANAGERS)
