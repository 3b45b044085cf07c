"""Who was asked whether they come and has said nothing, shortly before their visit."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.reminders import ANSWER_EXPECTED, ReminderStep
from conversations.care.visits import subject_of
from conversations.engine.turn import Turn

# Two hours before it is asked too late to be answered by then.
_ASKS_IN_TIME = frozenset(ReminderStep) - {ReminderStep.TWO_HOURS_BEFORE}


async def without_answer(turn: Turn[Any], visits: Sequence[Appointment]) -> set[int]:
    """Return the ids of the visits less than four hours away whose people were reminded and said nothing.

    Only what was sent about the visit as it is now counts: of one that has just been booked or moved nobody
    was asked.
    """
    near = [visit for visit in visits if _is_open(turn, visit)]
    if not near:
        return set()
    told = await turn.desk.schedule.told([subject_of(visit.id) for visit in near])
    return {
        visit.id
        for visit in near
        if any((subject_of(visit.id), step, visit.version) in told for step in _ASKS_IN_TIME)
    }


def no_answer(turn: Turn[Any]) -> str:
    return turn.pgettext("visit", "❔ no answer")


def _is_open(turn: Turn[Any], visit: Appointment) -> bool:
    """Whether the visit is near and nothing is known of whether the person comes."""
    ahead = visit.starts_local - turn.local_now
    has_answered = visit.coming or visit.plan is not None
    return visit.is_live and not has_answered and timedelta() < ahead <= ANSWER_EXPECTED
