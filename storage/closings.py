"""What ticks have to do about visits at whose time a centre closed, read off closures and visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.closing import AGAIN_STEP
from conversations.care.hours import PUBLIC_OFFICE_RULES, Opening, VisitKind, meets
from conversations.care.people import ContactId
from storage.tables import appointments, centres, closed_hours, closures, is_live, outbox


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visit whose person has no other time yet. `asked_again`: they were asked a second time.

    `displaced_at` is aware UTC, `day` and `at` wall time at the centre.
    """

    appointment_id: int
    contact_id: ContactId
    centre_slug: str
    day: date
    at: time
    displaced_at: datetime
    asked_again: bool


class ClosingStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def touched(self, *, today: date, now: datetime) -> dict[str, ContactId]:
        """Return the centres that are closed at the time of a visit whose person was not told.

        With one such person each.
        """
        ahead = and_(
            is_live(),
            appointments.c.starts_at > now,
            appointments.c.displaced_at.is_(None),
            appointments.c.contact_id.is_not(None),
            appointments.c.kind != VisitKind.GROUP.value,
        )
        days = (
            select(appointments.c.centre_slug, func.min(appointments.c.contact_id).label("contact_id"))
            .join(closures, _same_day(closures))
            .where(closures.c.day >= today, closures.c.closed, ahead)
            .group_by(appointments.c.centre_slug)
        )
        hours = (
            select(
                appointments.c.centre_slug,
                appointments.c.contact_id,
                appointments.c.at,
                _minutes().label("minutes"),
                closed_hours.c.from_at,
                closed_hours.c.until_at,
            )
            .join(closed_hours, _same_day(closed_hours))
            .join(centres, centres.c.slug == appointments.c.centre_slug)
            .where(closed_hours.c.day >= today, appointments.c.at < closed_hours.c.until_at, ahead)
        )
        found = {row.centre_slug: ContactId(row.contact_id) for row in await self._connection.execute(days)}
        for row in await self._connection.execute(hours):
            if meets(row.at, row.minutes, [Opening(row.from_at, row.until_at)]):
                found.setdefault(row.centre_slug, ContactId(row.contact_id))
        return found

    async def in_periods(self, *, now: datetime) -> dict[str, ContactId]:
        """Return the centres with other hours for a while and visits ahead, with somebody who has one."""
        query = (
            select(appointments.c.centre_slug, func.min(appointments.c.contact_id).label("contact_id"))
            .join(centres, centres.c.slug == appointments.c.centre_slug)
            .where(
                centres.c.periods.is_not(None),
                is_live(),
                appointments.c.starts_at > now,
                appointments.c.contact_id.is_not(None),
            )
            .group_by(appointments.c.centre_slug)
        )
        return {row.centre_slug: ContactId(row.contact_id) for row in await self._connection.execute(query)}

    async def waiting(self) -> Sequence[Waiting]:
        """Return the visits that wait for another time, also those whose own has come, by time."""
        subject: ColumnElement[str] = literal_column("'visit:'", String) + cast(appointments.c.id, String)
        version: ColumnElement[str] = cast(appointments.c.version, String)
        key = subject + literal_column("':'", String) + version + literal_column(f"':{AGAIN_STEP}'", String)
        asked_again: Any = exists().where(outbox.c.unique_key == key)
        query = (
            select(
                appointments.c.id,
                appointments.c.contact_id,
                appointments.c.centre_slug,
                appointments.c.day,
                appointments.c.at,
                appointments.c.displaced_at,
                asked_again.label("asked_again"),
            )
            .where(
                appointments.c.displaced_at.is_not(None), is_live(), appointments.c.contact_id.is_not(None)
            )
            .order_by(appointments.c.starts_at, appointments.c.id)
        )
        return [
            Waiting(
                row.id,
                ContactId(row.contact_id),
                row.centre_slug,
                row.day,
                row.at,
                row.displaced_at,
                bool(row.asked_again),
            )
            for row in await self._connection.execute(query)
        ]


def _minutes() -> ColumnElement[int]:
    """Return how long a visit takes; without a length of its own, as long as visits to its centre."""
    usual = PUBLIC_OFFICE_RULES.slot_minutes
    minutes: ColumnElement[int] = func.coalesce(appointments.c.minutes, centres.c.slot_minutes, usual)
    return minutes


def _same_day(closed: Any) -> ColumnElement[bool]:
    return and_(
        closed.c.centre_slug == appointments.c.centre_slug,
        closed.c.day == appointments.c.day,
    )
