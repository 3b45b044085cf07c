"""Visits to centres. Who gets a place is decided by the database, never by a look-up alone.

Visits of one length are kept apart by a unique index. Where lengths differ, or times are kept for somebody,
whoever takes one first locks the centre's day (`lock_day`) and looks then: see `conversations.care.visits`.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    Update,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need, new_visit_code
from conversations.care.hours import Length, Taken, VisitKind
from conversations.care.people import NOBODY, ContactId
from conversations.care.wall_time import to_utc
from conversations.errors import AppointmentNotLive, SlotTaken, VisitChanged
from storage.errors import violates
from storage.prepared import Into, Prepared, Statement, prepared
from storage.tables import appointments, group_sessions, is_live, slot_holds

CODE_BITS = 32

_LOCK_DAY = text("SELECT pg_advisory_xact_lock(hashtextextended(:day, 0))")

# What a booking writes; all else comes later.
_APPOINTMENT = (
    "contact_id",
    "centre_slug",
    "need",
    "day",
    "at",
    "zone",
    "starts_at",
    "place_no",
    "status",
    "code",
    "created_at",
    "changed_at",
    "kind",
    "minutes",
    "buffer_minutes",
    "group_session_id",
    "wants_woman",
)
# The places of a group session are counted from here, so that they are not those of visits at the same time.
_GROUP_PLACES_FROM = 101


def _one() -> Select[Any]:
    return select(appointments).where(
        appointments.c.id == bindparam("appointment"), appointments.c.contact_id.is_not(None)
    )


@prepared
def _upcoming(_: Into) -> Statement:
    """A person's live visits that have not begun, soonest first."""
    return (
        select(appointments)
        .where(
            appointments.c.contact_id == bindparam("contact"),
            is_live(),
            appointments.c.starts_at > bindparam("now"),
        )
        .order_by(appointments.c.starts_at, appointments.c.id)
    )


@prepared
def _taken(_: Into) -> Statement:
    """What holds places of a centre's days: visits, times that are kept for others, and group sessions.

    One statement sees all three as they are at one moment: a time kept for somebody becomes their visit.
    """
    slug: Any = bindparam("slug")
    start: Any = bindparam("start")
    end: Any = bindparam("end")
    visits = (
        select(
            appointments.c.day,
            appointments.c.at,
            appointments.c.minutes,
            appointments.c.buffer_minutes,
            func.count().label("visits"),
        )
        .where(*_held(slug, start, end), _is_of_one(appointments))
        .group_by(
            appointments.c.day, appointments.c.at, appointments.c.minutes, appointments.c.buffer_minutes
        )
    )
    held = select(
        slot_holds.c.day,
        slot_holds.c.at,
        slot_holds.c.minutes,
        slot_holds.c.buffer_minutes,
        literal_column("1"),
    ).where(
        slot_holds.c.centre_slug == slug,
        slot_holds.c.day.between(start, end),
        slot_holds.c.until > bindparam("now", type_=slot_holds.c.until.type),
        slot_holds.c.contact_id != bindparam("but", type_=slot_holds.c.contact_id.type),
        _is_of_one(slot_holds),
    )
    groups = select(
        group_sessions.c.day,
        group_sessions.c.at,
        group_sessions.c.minutes,
        literal_column("0"),
        literal_column("1"),
    ).where(
        group_sessions.c.centre_slug == slug,
        group_sessions.c.day.between(start, end),
        group_sessions.c.status == literal_column("'open'"),
    )
    return visits.union_all(held, groups)


@prepared
def _places(_: Into) -> Statement:
    """The places of a time that live visits hold."""
    return select(appointments.c.place_no).where(
        appointments.c.centre_slug == bindparam("slug"),
        appointments.c.day == bindparam("that_day"),
        appointments.c.at == bindparam("that_time"),
        is_live(),
    )


@prepared
def _cancel(_: Into) -> Statement:
    moment = bindparam("now", type_=appointments.c.starts_at.type)
    return (
        _change(bindparam("appointment"), moment)
        .values(
            status=AppointmentStatus.CANCELLED.value,
            coming=False,
            displaced_at=None,
            ended_by=bindparam("ended_by"),
        )
        .returning(appointments)
    )


_book = Prepared(
    lambda into: into(appointments).on_conflict_do_nothing().returning(appointments), _APPOINTMENT
)
_get = Prepared(lambda _: _one())
_get_locked = Prepared(lambda _: _one().with_for_update())


class AppointmentStore:
    """`zone_name` (IANA) and `zone` are the centres'; `random_bits` gives as many as it is asked for.

    What was read of the times that are taken stays so until this store takes or frees one: a transaction asks
    several times for the same, and only the index decides.
    """

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
        self._read: dict[tuple[str, date, date, ContactId], Mapping[date, tuple[Taken, ...]]] = {}

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
        kind: VisitKind = VisitKind.IN_PERSON,
        length: Length | None = None,
        group_session_id: int | None = None,
        wants_woman: bool = False,
    ) -> Appointment:
        """Take a place at that time, as a confirmed visit or as a request.

        `capacity` is how many visits may begin then, or how many places the group session has.

        Raises SlotTaken when all places are held by live visits, also when
        two people ask at once: the partial unique index decides. It compares starts alone; that
        visits of another length overlap this one is for `open_slots` to see before, under `lock_day`.
        """
        self._read.clear()
        for _ in range(_tries(capacity)):
            row = await _book.first(
                self._connection,
                contact_id=contact_id,
                centre_slug=centre_slug,
                need=need,
                **self._when(day, at),
                place_no=await self._free_place(centre_slug, day, at, capacity, kind),
                status=_status(confirmed),
                code=self._new_code(),
                created_at=now,
                changed_at=now,
                kind=kind,
                minutes=length and length.minutes,
                buffer_minutes=length and length.buffer_minutes,
                group_session_id=group_session_id,
                wants_woman=wants_woman,
            )
            # None: somebody has just taken the place, or has the same code that day.
            if row is not None:
                return _appointment(row)
        raise SlotTaken

    async def move(
        self,
        appointment_id: int,
        *,
        day: date,
        at: time,
        capacity: int,
        confirmed: bool,
        now: datetime,
        length: Length | None = None,
        group_session_id: int | None = None,
    ) -> Appointment:
        """Take the new place and give the old one back, in one statement: nobody is left without one.

        A visit stays of its kind; one in a group goes to another group session.

        A confirmation at the same moment waits, and then finds the visit changed.
        Raises SlotTaken, AppointmentNotLive.
        """
        self._read.clear()
        kept = await self.get(appointment_id, lock=True)
        changed = _change(appointment_id, now).values(
            **self._when(day, at),
            status=_status(confirmed),
            coming=False,
            minutes=length and length.minutes,
            buffer_minutes=length and length.buffer_minutes,
            group_session_id=group_session_id,
            displaced_at=None,
            arrived_at=None,
            plan=None,
        )
        code = kept.code
        for _ in range(_tries(capacity)):
            place_no = await self._free_place(kept.centre_slug, day, at, capacity, kept.kind)
            try:
                async with self._connection.begin_nested():
                    return await self._changed(changed.values(place_no=place_no, code=code))
            except IntegrityError as error:
                if violates(error, "uq_appointments_live_code"):
                    code = self._new_code()
                elif not violates(error, "uq_appointments_live_place"):
                    raise
        raise SlotTaken

    async def cancel(
        self, appointment_id: int, *, now: datetime, by: EndedBy = EndedBy.PERSON
    ) -> Appointment:
        """Raises AppointmentNotLive when it was cancelled or has begun."""
        self._read.clear()
        row = await _cancel.first(self._connection, appointment=appointment_id, now=now, ended_by=by.value)
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)

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
        row = await (_get_locked if lock else _get).first(self._connection, appointment=appointment_id)
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)

    async def upcoming(self, contact_id: ContactId, *, now: datetime) -> list[Appointment]:
        """Return the person's live visits that have not begun, soonest first."""
        rows = await _upcoming.all(self._connection, contact=contact_id, now=now)
        return [_appointment(row) for row in rows]

    async def agenda(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        """Return the centre's live visits from start to end, both included, by time."""
        query = (
            select(appointments)
            .where(*_held(centre_slug, start, end), appointments.c.contact_id.is_not(None))
            .order_by(appointments.c.day, appointments.c.at, appointments.c.place_no)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def on_day(self, contact_id: ContactId, day: date) -> list[Appointment]:
        """Return the person's visits of a day at any centre by time, past ones too, not cancelled ones."""
        query = (
            select(appointments)
            .where(
                appointments.c.contact_id == contact_id,
                appointments.c.day == day,
                appointments.c.status != AppointmentStatus.CANCELLED,
            )
            .order_by(appointments.c.at, appointments.c.id)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def arrived(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Note that the person is there; when they were noted first stays. Raises AppointmentNotLive."""
        column = appointments.c.arrived_at
        return await self._changed(
            update(appointments)
            .where(appointments.c.id == appointment_id, is_live())
            .values(arrived_at=func.coalesce(column, literal(now, column.type)))
        )

    async def lock_day(self, centre_slug: str, day: date) -> None:
        """Keep others from taking or holding a time of that day before the transaction ends.

        SQLite has one writer anyway.
        """
        self._read.clear()
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(_LOCK_DAY, {"day": f"{centre_slug} {day.isoformat()}"})

    async def taken(
        self, centre_slug: str, start: date, end: date, *, now: datetime, but: ContactId = NOBODY
    ) -> Mapping[date, tuple[Taken, ...]]:
        """Return what holds places, for days that have any; what is kept for `but` does not count."""
        asked = centre_slug, start, end, but
        if asked not in self._read:
            self._read[asked] = await self._held_times(*asked, now)
        return self._read[asked]

    async def _held_times(
        self, centre_slug: str, start: date, end: date, but: ContactId, now: datetime
    ) -> Mapping[date, tuple[Taken, ...]]:
        found: dict[date, list[Taken]] = defaultdict(list)
        rows = await _taken.all(self._connection, slug=centre_slug, start=start, end=end, but=but, now=now)
        for row in rows:
            found[row.day].append(Taken(row.at, row.visits, row.minutes, row.buffer_minutes))
        return {day: tuple(taken) for day, taken in found.items()}

    def _when(self, day: date, at: time) -> dict[str, Any]:
        starts_at = to_utc(datetime.combine(day, at), self._zone)
        return {"day": day, "at": at, "zone": self._zone_name, "starts_at": starts_at}

    def _new_code(self) -> str:
        return new_visit_code(self._random_bits(CODE_BITS))

    async def _free_place(self, centre_slug: str, day: date, at: time, capacity: int, kind: VisitKind) -> int:
        """Return the first place that looks free; only the index decides. Raises SlotTaken."""
        rows = await _places.all(self._connection, slug=centre_slug, that_day=day, that_time=at)
        held = {row.place_no for row in rows}
        first = _GROUP_PLACES_FROM if kind is VisitKind.GROUP else 1
        for place_no in range(first, first + capacity):
            if place_no not in held:
                return place_no
        raise SlotTaken

    async def _changed(self, change: Update) -> Appointment:
        row = (await self._connection.execute(change.returning(appointments))).one_or_none()
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)


def _change(appointment_id: Any, now: Any) -> Update:
    """Return an update of a visit that is live and has not begun."""
    return (
        update(appointments)
        .where(appointments.c.id == appointment_id, is_live(), appointments.c.starts_at > now)
        .values(version=appointments.c.version + 1, changed_at=now)
    )


def _tries(capacity: int) -> int:
    """Return how often a place is looked for while others take them: more often than there are places."""
    return 2 * capacity + 10


def _is_of_one(rows: FromClause) -> ColumnElement[bool]:
    """Return the condition of what takes a place by itself: a group session does for all of its visits."""
    return rows.c.kind != literal_column(f"'{VisitKind.GROUP.value}'")


def _held(centre_slug: Any, start: Any, end: Any) -> tuple[Any, ...]:
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
        kind=VisitKind(row.kind),
        minutes=row.minutes,
        buffer_minutes=row.buffer_minutes,
        group_session_id=row.group_session_id,
        wants_woman=row.wants_woman,
        displaced_at=row.displaced_at,
        ended_by=EndedBy(row.ended_by) if row.ended_by else None,
        arrived_at=row.arrived_at,
        plan=row.plan,
        obstacle=row.obstacle,
        feedback=row.feedback,
    )
