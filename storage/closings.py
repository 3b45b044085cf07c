"""What ticks have to do about visits at whose time a centre closed, read off closures and visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.closing import AGAIN_STEP
from conversations.care.hours import PUBLIC_OFFICE_RULES, Opening, VisitKind, meets
from conversations.care.people import ContactId
from storage.tables import LIVE_STATUSES, appointments, centres, closed_hours, closures, is_live, outbox


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
            # A place in a group goes with its session.
            or_(appointments.c.kind != VisitKind.GROUP.value, appointments.c.group_session_id.is_not(None)),
        )
        days = select(closures.c.centre_slug, _somebody(_same_day(closures), ahead)).where(
            closures.c.day >= today, closures.c.closed, closures.c.centre_slug.is_not(None)
        )
        found = await self._found(days)
        hours = select(closed_hours).where(closed_hours.c.day >= today)
        for closed in (await self._connection.execute(hours)).all():
            if closed.centre_slug in found:
                continue
            booked = (
                select(appointments.c.contact_id, appointments.c.at, _minutes().label("minutes"))
                .join(centres, centres.c.slug == appointments.c.centre_slug)
                .where(
                    appointments.c.centre_slug == closed.centre_slug,
                    appointments.c.day == closed.day,
                    appointments.c.at < closed.until_at,
                    ahead,
                )
            )
            stretch = Opening(closed.from_at, closed.until_at)
            for row in await self._connection.execute(booked):
                if meets(row.at, row.minutes, [stretch]):
                    found[closed.centre_slug] = ContactId(row.contact_id)
        return found

    async def in_periods(self, *, now: datetime) -> dict[str, ContactId]:
        """Return the centres with other hours for a while and visits ahead, with somebody who has one."""
        ahead = (
            appointments.c.centre_slug == centres.c.slug,
            is_live(),
            appointments.c.starts_at > now,
            appointments.c.contact_id.is_not(None),
        )
        query = select(centres.c.slug.label("centre_slug"), _somebody(*ahead))
        return await self._found(query.where(centres.c.periods.is_not(None)))

    async def waiting(self) -> Sequence[Waiting]:
        """Return the visits that wait for another time, also those whose own has come, by time."""
        subject: ColumnElement[str] = literal_column("'visit:'", String) + cast(appointments.c.id, String)
        version: ColumnElement[str] = cast(appointments.c.version, String)
        key = subject + literal_column("':'", String) + version + literal_column(f"':{AGAIN_STEP}'", String)
        asked_again: Any = exists().where(outbox.c.unique_key == key)
        query = select(
            appointments.c.id,
            appointments.c.contact_id,
            appointments.c.centre_slug,
            appointments.c.day,
            appointments.c.at,
            appointments.c.displaced_at,
            appointments.c.status,
            asked_again.label("asked_again"),
        ).where(appointments.c.displaced_at.is_not(None))
        waiting = [
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
            if row.contact_id is not None and row.status in LIVE_STATUSES
        ]
        # Sorted and sifted here: in the statement it tempts SQLite to go through all visits there ever were.
        return sorted(waiting, key=lambda visit: (visit.day, visit.at, visit.appointment_id))

    async def _found(self, query: Select[Any]) -> dict[str, ContactId]:
        rows = await self._connection.execute(query)
        return {row.centre_slug: ContactId(row.contact_id) for row in rows if row.contact_id is not None}


def _somebody(*visits: ColumnElement[bool]) -> ColumnElement[int]:
    """Return one of the people who have such visits.

    A look for each closed day, however many visits there are: this is asked every few seconds.
    """
    people = select(func.min(appointments.c.contact_id)).where(*visits).correlate_except(appointments)
    return people.scalar_subquery().label("contact_id")


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
