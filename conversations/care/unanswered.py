"""Questions that nobody has written an answer to yet, for editors. Nothing in them tells who asked."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What was asked so often, in words that the service itself knows; "…" stands for all others.

    `first_week` and `last_week` are Mondays: the day itself could tell of a person.
    """

    id: int
    language: str
    words: str
    count: int
    first_week: date
    last_week: date


def week_of(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())
