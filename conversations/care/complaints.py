"""Complaints about a centre or the service: for managers alone, with the person's name or without.

Of who complains without a name nothing is kept: not in the complaint, not beside it. Nobody can answer them.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from conversations.care.people import ContactId

MOST_OPEN = 3
LONGEST = 1000
# From then on one waits too long.
URGENT_AFTER = timedelta(days=5)


class ComplaintStatus(StrEnum):
    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True, repr=False)
class Complaint:
    """`contact_id` None: it came without a name. Then `created_at` says the day alone.

    `centre_slug` None: it is about no centre that is known.
    """

    id: int
    contact_id: ContactId | None
    centre_slug: str | None
    text: str
    status: ComplaintStatus
    created_at: datetime

    def __repr__(self) -> str:
        return f"<Complaint {self.id}>"


@dataclass(repr=False)
class UnnamedToday:
    """How many complaints without a name somebody filed today, in memory and nowhere else.

    Written down it would say who they are. A process that ends forgets it, which lets somebody file more.
    """

    _day: date | None = None
    _filed: Counter[ContactId] = field(default_factory=Counter)

    def may_file(self, contact_id: ContactId, today: date) -> bool:
        return today != self._day or self._filed[contact_id] < MOST_OPEN

    def note(self, contact_id: ContactId, today: date) -> None:
        if today != self._day:
            self._day, self._filed = today, Counter()
        self._filed[contact_id] += 1


def day_alone(moment: datetime) -> datetime:
    """Return the moment without its time of day, which would lead to whoever wrote just then."""
    return datetime.combine(moment.date(), time(), moment.tzinfo)


def news_due(moment: datetime) -> datetime:
    """Return when managers hear of a complaint without a name: not in the minute in which it came."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
