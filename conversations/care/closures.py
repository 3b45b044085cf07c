"""Days on which a centre is closed, and who said so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from conversations.care.hours import Opening


class ClosureReason(StrEnum):
    """Why a centre closes, as staff choose it and people are told; the values are stored."""

    HOLIDAY = "holiday"
    MEETING = "meeting"
    ILLNESS = "illness"
    WORKS = "works"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Closure:
    """One day's word. `decided` False: a public holiday as proposed, closed until staff say otherwise.

    `estimated`: the day hangs on the moon and may shift by one. `hours` are closed while the day is not;
    `reason` is why the day is closed, None when nothing was said.
    """

    day: date
    closed: bool
    decided: bool
    name_fr: str | None = None
    name_ar: str | None = None
    estimated: bool = False
    hours: tuple[Opening, ...] = ()
    reason: ClosureReason | None = None


def may_become_holiday(day: date, closures: Iterable[Closure]) -> bool:
    """Tell whether people can come on a day that the moon may yet close; `closures` are those around it.

    That is one which the calendar proposes and the staff opened, and one beside a holiday that nobody has
    decided on: the moon shifts it by a day.
    """
    return any(
        closure.estimated and (not closure.closed if closure.day == day else not closure.decided)
        for closure in closures
        if abs((closure.day - day).days) <= 1
    )
