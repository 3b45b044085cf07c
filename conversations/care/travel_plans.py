"""How somebody means to come to their visit and when they set out: their own plan, which nobody checks.

To make one helps to come: reminders that asked for a plan worked best (Fishbane 2020). It is asked for three
days ahead and read back on the eve and on the day.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self


class Way(StrEnum):
    """The values are stored and are the ids of choices."""

    FOOT = "foot"
    BUS = "bus"
    TAXI = "taxi"  # of one's own or shared
    LIFT = "lift"  # somebody takes them


# How many minutes before the visit somebody may set out: longer with a bus, which one waits for.
_MINUTES_BEFORE = {
    Way.FOOT: (90, 60, 30),
    Way.BUS: (120, 90, 60),
    Way.TAXI: (90, 60, 30),
    Way.LIFT: (90, 60, 30),
}


@dataclass(frozen=True, slots=True)
class TravelPlan:
    """`leaves_at` is wall time; None until the person has said it."""

    way: Way
    leaves_at: time | None = None

    def __str__(self) -> str:
        """Return the form that is stored, such as "bus 0830"."""
        if self.leaves_at is None:
            return self.way
        return f"{self.way} {self.leaves_at:%H%M}"

    @classmethod
    def parse(cls, stored: str) -> Self:
        """Return the plan of its stored form. Raises ValueError."""
        way, _, leaves = stored.partition(" ")
        return cls(Way(way), time.fromisoformat(leaves) if leaves else None)


def leaving_times(way: Way, starts_local: datetime) -> list[time]:
    """Return three sensible wall times to set out, earliest first."""
    return [(starts_local - timedelta(minutes=minutes)).time() for minutes in _MINUTES_BEFORE[way]]
