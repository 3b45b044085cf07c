"""A time that is kept for somebody for a while. It takes a place as a visit does, until it is over."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from conversations.care.hours import VisitKind
from conversations.care.people import ContactId


class HoldPurpose(StrEnum):
    """Why a time is kept; the values are stored."""

    CONFIRMING = "confirming"  # the person is about to say yes
    MOVED = "moved"  # the centre closed at the visit's time and offers this one instead
    OFFERED = "offered"  # the waiting list


HELD_FOR = {
    HoldPurpose.CONFIRMING: timedelta(minutes=10),
    # Long enough to see it, short enough for the next in the list.
    HoldPurpose.OFFERED: timedelta(minutes=45),
    # A message may be seen only the next day; who says nothing keeps others from the place no longer.
    HoldPurpose.MOVED: timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """`day` and `at` are wall time at the centre, `until` is aware UTC.

    `appointment_id` is the visit that would move there, None for a new one. A person has one hold for each
    purpose and visit: another takes its place.
    """

    contact_id: ContactId
    centre_slug: str
    purpose: HoldPurpose
    kind: VisitKind
    day: date
    at: time
    until: datetime
    minutes: int | None = None
    buffer_minutes: int | None = None
    group_session_id: int | None = None
    appointment_id: int | None = None
