"""What pushed messages about a visit have in common: the visit must still be so, and three buttons."""

from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.visits import VisitNews
from conversations.engine.flow import Enter, Finish, Move
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.my_visits import say_coming
from conversations.flows.beneficiary.wish import live_visit, wish_to_change
from conversations.flows.displaced_visits import VISIT_DISPLACED, displacement_of
from conversations.flows.visit_words import over


async def visit_told_of(turn: Turn[VisitNews]) -> Appointment | None:
    """Return the visit as it was when the news was made; None when it has changed since or is over."""
    visit = await live_visit(turn, turn.draft.appointment_id)
    return visit if visit is not None and visit.version == turn.draft.version else None


async def act_on_visit(turn: Turn[Any], choice_id: str) -> Move:
    """Act on "coming" (for a call: "answering"), "change" or "cancel"."""
    visit = await live_visit(turn, turn.draft.appointment_id)
    if visit is None:
        return Finish(over(turn))
    match choice_id:
        case "coming" | "answering" if visit.displaced_at:
            return Enter(VISIT_DISPLACED, await displacement_of(turn, visit))
        case "coming" | "answering":
            return Finish(await say_coming(turn, visit))
        case "change":
            return Enter("my_visits", wish_to_change(visit), step="day")
    return Enter("my_visits", wish_to_change(visit), step="cancel")
