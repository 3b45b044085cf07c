"""How many came and how they found it, without saying anything of one person."""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class VisitFigures:
    """Visits of some days. What a centre cancelled is apart from what people cancelled, and no miss."""

    came: int = 0
    late: int = 0
    missed: int = 0
    cancelled_by_people: int = 0
    cancelled_by_centre: int = 0
    good: int = 0
    so_so: int = 0
    bad: int = 0

    def __add__(self, other: Self) -> Self:
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        return type(self)(**sums)


def week_from(day: date) -> tuple[date, date]:
    """Return the Monday and the Sunday of a day's week."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)
