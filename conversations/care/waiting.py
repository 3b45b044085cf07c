"""Waiting for a place at a centre, or for an earlier one than a visit has. Who came first is asked first."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from conversations.care.appointments import Need
from conversations.care.holds import HELD_FOR, HoldPurpose
from conversations.care.hours import VisitKind, VisitRules
from conversations.care.people import ContactId

# After so many offers in a row without a word others need no longer wait for this person.
MOST_UNANSWERED = 3
# Who hears of a place has to see the message, to make up their mind and to get there.
LEAST_AHEAD = timedelta(hours=2)
# A visit as near as this is worth no waiting for an earlier one.
EARLIER_FROM = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """One person in the list of a centre and kind of visit; the order is that of the ids.

    `appointment_id` is the visit for which an earlier time is wanted, None where there is none. `offered` is
    the start that was offered last (naive wall time), `offered_until` (aware UTC) until when it is theirs to
    answer, None while nothing is on offer. `passed` are the starts that are not offered to them any more:
    what they were offered before, and what they gave back themselves. What they come for, their wish and
    their number stay out of `repr`.
    """

    id: int
    contact_id: ContactId
    centre_slug: str
    kind: VisitKind
    need: Need = field(repr=False)
    joined_at: datetime
    wants_woman: bool = field(default=False, repr=False)
    phone: str | None = field(default=None, repr=False)
    appointment_id: int | None = None
    offered: datetime | None = None
    offered_until: datetime | None = None
    unanswered: int = 0
    passed: frozenset[datetime] = frozenset()

    def has_offer(self, now: datetime) -> bool:
        return self.offered_until is not None and self.offered_until > now


def subject_of_waiting(entry_id: int) -> str:
    """Return the name under which everything that is offered to an entry is withdrawn."""
    return f"place:{entry_id}"


def may_want_earlier(starts_local: datetime, *, now_local: datetime) -> bool:
    """Tell whether a visit is far enough ahead to wait for an earlier time."""
    return starts_local > now_local + EARLIER_FROM


def soonest_offer(rules: VisitRules, *, now_local: datetime) -> datetime:
    """Return the earliest start that may be offered: whoever answers at the last minute can still book it."""
    lead = timedelta(minutes=rules.lead_minutes)
    return now_local + max(LEAST_AHEAD, lead + HELD_FOR[HoldPurpose.OFFERED])


def first_fitting(
    entry: WaitingEntry, free: Iterable[datetime], *, before: datetime | None, busy: Collection[date]
) -> datetime | None:
    """Return the first of the free starts, which are in order, that an entry can use; None when none fits.

    `before` is the start of the visit that would move, `busy` are the days of the person's other visits.
    """
    for start in free:
        if before is not None and start >= before:
            return None
        if start not in entry.passed and start.date() not in busy:
            return start
    return None
