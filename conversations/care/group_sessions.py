"""Talks and courses for several people at once, which the staff of a centre hold at a time."""

from dataclasses import dataclass, field
from datetime import date, datetime, time

from conversations.care.appointments import Need

LENGTHS_MIN = (30, 45, 60, 90, 120)
PLACES = range(2, 61)


@dataclass(frozen=True, slots=True)
class GroupSession:
    """`day` and `at` are wall time at the centre; `taken` counts the places that live visits hold."""

    id: int
    centre_slug: str
    need: Need = field(repr=False)
    day: date
    at: time
    minutes: int
    places: int
    taken: int = 0
    is_open: bool = True

    @property
    def has_room(self) -> bool:
        return self.taken < self.places

    @property
    def starts_local(self) -> datetime:
        """The start as naive wall time at the centre."""
        return datetime.combine(self.day, self.at)
