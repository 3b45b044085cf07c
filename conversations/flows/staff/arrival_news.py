"""Somebody whom a centre expects has come: the news for its caseworkers."""

from conversations.care.appointments import Appointment
from conversations.care.people import CASEWORKERS
from conversations.care.visits import ARRIVAL_NEWS as NAME
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.staff.propose import AgendaDraft
from conversations.flows.staff.visit_actions import note_look, own_visit


class TellArrived(Step[VisitNews]):
    """Say who is at the door by what they say there; the name stands on the visit's card."""

    name = "arrived"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        return await _who_is_there(turn) is not None

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await _who_is_there(turn)
        if visit is None:
            return Prompt(turn.gettext("This visit is not one of your centre's."))
        said = turn.gettext("👋 {code} is here ({time}).")
        # Translators: label, at most 20 characters.
        card = Choice("visit", turn.pgettext("button", "🗓️ The visit"))
        return Prompt(said.format(code=visit.code, time=turn.format_time(visit.at)), [card])

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        visit = await _who_is_there(turn)
        if visit is None:
            return Finish(turn.gettext("That visit is gone meanwhile."))
        await note_look(turn, visit)
        return Enter("agenda", AgendaDraft(appointment_id=visit.id, version=visit.version), step="visit")


async def _who_is_there(turn: Turn[VisitNews]) -> Appointment | None:
    """Return the visit while it is of the caseworker's centre and not over."""
    visit = await own_visit(turn, turn.draft.appointment_id)
    return visit if visit is not None and visit.is_live and visit.arrived_at is not None else None


ARRIVAL_NEWS = Flow(NAME, VisitNews, (TellArrived,), roles=CASEWORKERS)
