"""When a person is asked how they are.

Dense at first: in the two weeks after release the risk of death is 12.7 times
that of other people (Binswanger 2007). All times are wall times in the
person's zone.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

ASKED_AT = time(10)


class CheckInStep(StrEnum):
    """The values are stored and part of the outbox key."""

    FIRST_DAY = "d1"
    THIRD_DAY = "d3"
    SEVENTH_DAY = "d7"


_DAYS_AFTER = {CheckInStep.FIRST_DAY: 1, CheckInStep.THIRD_DAY: 3, CheckInStep.SEVENTH_DAY: 7}

# Late is better than silent, but at most half the way to the next question: two on one day would press.
_USEFUL_FOR = {
    CheckInStep.FIRST_DAY: timedelta(days=1),
    CheckInStep.THIRD_DAY: timedelta(days=2),
    CheckInStep.SEVENTH_DAY: timedelta(days=2),
}


@dataclass(frozen=True, slots=True)
class PlannedCheckIn:
    """`due_local` is naive wall time."""

    step: CheckInStep
    due_local: datetime


def plan_check_ins(enrolled_local: datetime) -> list[PlannedCheckIn]:
    """Return the check-ins of a newly enrolled person, earliest first; the day of enrolment counts as 0."""
    return [PlannedCheckIn(step, check_in_due(step, enrolled_local)) for step in CheckInStep]


def check_in_due(step: CheckInStep, enrolled_local: datetime) -> datetime:
    """Return when the question is due, in naive wall time."""
    return datetime.combine(enrolled_local.date() + timedelta(days=_DAYS_AFTER[step]), ASKED_AT)


def still_useful(step: CheckInStep, *, due_local: datetime, now_local: datetime) -> bool:
    """Whether a check-in that comes late (the service was down) is still worth asking."""
    return now_local < useful_until(step, due_local=due_local)


def useful_until(step: CheckInStep, *, due_local: datetime) -> datetime:
    """Return the wall time from which on a late check-in is not worth asking."""
    return due_local + _USEFUL_FOR[step]
