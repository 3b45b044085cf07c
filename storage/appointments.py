"""Visits to centres. Who gets a place is decided by a unique index, never by a look-up."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Any

from sqlalchemy import Insert, Row, Update, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, AppointmentStatus, Need, new_visit_code
from conversations.care.people import ContactId
from conversations.care.wall_time import to_utc
from conversations.errors import AppointmentNotLive, SlotTaken, VisitChanged
from storage.errors import violates
from storage.tables import appointments, is_live

CODE_BITS = 32


class AppointmentStore:
    """`zone_name` (IANA) and `zone` are the centres'; `random_bits` gives as many as it is asked for."""

    def __init__(
        self,
        connection: AsyncConnection,
        zone_name: str,
        zone: tzinfo,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._connection = connection
        self._zone_name = zone_name
        self._zone = zone
        self._random_bits = random_bits

    async def book(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str,
        need: Need,
        day: date,
        at: time,
        capacity: int,
        confirmed: bool,
        now: datetime,
    ) -> Appointment:
        """Take a place at that time, as a confirmed visit or as a request.

        Raises SlotTaken when all places are held by live visits, also when
        two people ask at once: the partial unique index decides. It compares starts alone; that
        visits of an earlier timetable overlap this one is for `open_slots` to see before.
        """
        new = insert(appointments).values(
            contact_id=contact_id,
            centre_slug=centre_slug,
            need=need,
            **self._when(day, at),
            status=_status(confirmed),
            created_at=now,
            changed_at=now,
        )
        row = await self._on_a_free_place(new, capacity, self._new_code())
        assert row is not None  # noqa: S101 - an insert returns its row or raises
        return _appointment(row)

    async def move(
        self, appointment_id: int, *, day: date, at: time, capacity: int, confirmed: bool, now: datetime
    ) -> Appointment:
        """Take the new place and give the old one back, in one statement: nobody is left without one.

        A confirmation at the same moment waits, and then finds the visit changed.
        Raises SlotTaken, AppointmentNotLive.
        """
        kept = await self.get(appointment_id, lock=True)
        changed = _change(appointment_id, now).values(
            **self._when(day, at), status=_status(confirmed), coming=False
        )
        row = await self._on_a_free_place(changed, capacity, kept.code)
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)

    async def cancel(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Raises AppointmentNotLive when it was cancelled or has begun."""
        return await self._changed(
            _change(appointment_id, now).values(status=AppointmentStatus.CANCELLED, coming=False)
        )

    async def confirm(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        """Confirm a request as it was seen.

        Raises VisitChanged when it is no request of that version any more, also when a colleague
        confirms or the person moves it at the same moment: the statement decides, not a look-up.
        """
        as_seen = _change(appointment_id, now).where(
            appointments.c.version == version, appointments.c.status == AppointmentStatus.REQUESTED
        )
        try:
            return await self._changed(as_seen.values(status=AppointmentStatus.CONFIRMED))
        except AppointmentNotLive:
            raise VisitChanged from None

    async def set_coming(self, appointment_id: int) -> Appointment:
        """Note that the person said they are coming. Raises AppointmentNotLive."""
        return await self._changed(
            update(appointments).where(appointments.c.id == appointment_id, is_live()).values(coming=True)
        )

    async def get(self, appointment_id: int, *, lock: bool = False) -> Appointment:
        """Return the visit; with `lock` nobody else changes it before the transaction ends.

        Raises AppointmentNotLive when there is none, or its person is forgotten.
        """
        query = select(appointments).where(
            appointments.c.id == appointment_id, appointments.c.contact_id.is_not(None)
        )
        if lock:
            query = query.with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)

    async def upcoming(self, contact_id: ContactId, *, now: datetime) -> list[Appointment]:
        """Return the person's live visits that have not begun, soonest first."""
        query = (
            select(appointments)
            .where(appointments.c.contact_id == contact_id, is_live(), appointments.c.starts_at > now)
            .order_by(appointments.c.starts_at, appointments.c.id)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def agenda(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        """Return the centre's live visits from start to end, both included, by time."""
        query = (
            select(appointments)
            .where(*_held(centre_slug, start, end), appointments.c.contact_id.is_not(None))
            .order_by(appointments.c.day, appointments.c.at, appointments.c.place_no)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def taken(self, centre_slug: str, start: date, end: date) -> Mapping[date, Mapping[time, int]]:
        """Return how many live visits hold each time, for days that have any."""
        query = (
            select(appointments.c.day, appointments.c.at, func.count().label("visits"))
            .where(*_held(centre_slug, start, end))
            .group_by(appointments.c.day, appointments.c.at)
        )
        found: dict[date, dict[time, int]] = defaultdict(dict)
        for row in await self._connection.execute(query):
            found[row.day][row.at] = row.visits
        return dict(found)

    def _when(self, day: date, at: time) -> dict[str, Any]:
        starts_at = to_utc(datetime.combine(day, at), self._zone)
        return {"day": day, "at": at, "zone": self._zone_name, "starts_at": starts_at}

    def _new_code(self) -> str:
        return new_visit_code(self._random_bits(CODE_BITS))

    async def _on_a_free_place(self, statement: Insert | Update, capacity: int, code: str) -> Row[Any] | None:
        """Try the places of the time one after the other; None when an update finds no row."""
        place_no = 1
        while place_no <= capacity:
            attempt = statement.values(place_no=place_no, code=code).returning(appointments)
            try:
                async with self._connection.begin_nested():
                    row: Row[Any] | None = (await self._connection.execute(attempt)).one_or_none()
                return row
            except IntegrityError as error:
                if violates(error, "uq_appointments_live_place"):
                    place_no += 1
                elif violates(error, "uq_appointments_live_code"):
                    code = self._new_code()
                else:
                    raise
        raise SlotTaken

    async def _changed(self, change: Update) -> Appointment:
        row = (await self._connection.execute(change.returning(appointments))).one_or_none()
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)


def _change(appointment_id: int, now: datetime) -> Update:
    """Return an update of a visit that is live and has not begun."""
    return (
        update(appointments)
        .where(appointments.c.id == appointment_id, is_live(), appointments.c.starts_at > now)
        .values(version=appointments.c.version + 1, changed_at=now)
    )


def _held(centre_slug: str, start: date, end: date) -> tuple[Any, ...]:
    return (
        appointments.c.centre_slug == centre_slug,
        appointments.c.day.between(start, end),
        is_live(),
    )


def _status(confirmed: bool) -> AppointmentStatus:
    return AppointmentStatus.CONFIRMED if confirmed else AppointmentStatus.REQUESTED


def _appointment(row: Row[Any]) -> Appointment:
    return Appointment(
        id=row.id,
        contact_id=ContactId(row.contact_id),
        centre_slug=row.centre_slug,
        need=Need(row.need),
        day=row.day,
        at=row.at,
        zone=row.zone,
        status=AppointmentStatus(row.status),
        version=row.version,
        code=row.code,
        coming=row.coming,
        booked_at=row.created_at,
    )
