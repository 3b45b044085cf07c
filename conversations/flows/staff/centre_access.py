"""Whose centre it is: caseworkers look after their own, managers after all."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from conversations.care.centres import Centre
from conversations.care.hours import PeriodKind
from conversations.care.people import Contact, Role
from conversations.engine.flow import Enter
from conversations.engine.turn import Turn
from conversations.errors import CentreUnknown


@dataclass
class CentreDraft:
    """The centre and, on the way to new hours, its week: one text a day, Monday first, "" when closed.

    `page` is the part of a list of days on the screen. `latitude` and `longitude`, in degrees, are where
    the centre may be, until that is confirmed. `period`, `first_day` and `last_day` are those of other hours
    for a while; `changed_from` is the first day of those that are being changed, None for new ones.
    """

    slug: str = ""
    week: list[str] = field(default_factory=list)
    capacity: int = 1
    slot_minutes: int = 30
    page: int = 0
    latitude: float | None = None
    longitude: float | None = None
    buffer_minutes: int = 0
    phone_minutes: int = 0
    period: PeriodKind = PeriodKind.RAMADAN
    first_day: date | None = None
    last_day: date | None = None
    changed_from: date | None = None


def may_look_after(contact: Contact, slug: str) -> bool:
    return contact.role is Role.MANAGER or (contact.role is Role.CASEWORKER and contact.centre_slug == slug)


async def own_centre(turn: Turn[Any], slug: str) -> Centre | None:
    """Return a centre; None when it is not, or no longer, this person's to look after."""
    if not may_look_after(turn.contact, slug):
        return None
    try:
        return await turn.desk.centres.get(slug)
    except CentreUnknown:
        return None


async def centre_in_hand(turn: Turn[CentreDraft]) -> Centre | None:
    """Return the centre; None when it is not, or no longer, this person's to look after."""
    return await own_centre(turn, turn.draft.slug)


async def centre_to_change(turn: Turn[CentreDraft]) -> Centre | None:
    """Return the centre as it now is, for this turn alone to change; None when it is not this person's."""
    if await centre_in_hand(turn) is None:
        return None
    return await turn.desk.centres.to_change(turn.draft.slug)


def not_yours(turn: Turn[Any]) -> str:
    return turn.gettext("This centre is not yours to look after.")


def back_to_centre(slug: str, said: str | None) -> Enter:
    """Lead back to what is known of the centre."""
    return Enter("centre_details", CentreDraft(slug), "overview", said)
