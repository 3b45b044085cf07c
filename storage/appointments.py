"""Visits to centres. Who gets a place is decided by the database, never by a look-up alone.

Visits of one length are kept apart by a unique index. Where lengths differ, or times are kept for somebody,
whoever takes one first locks the time (`lock_time`) or the day (`lock_day`) and looks then: see
`conversations.care.visits`.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need, new_visit_code
from conversations.care.attendance import GRADES, MARKED_FROM, Feeling
from conversations.care.closing import DISPLACED_STEP
from conversations.care.hours import Length, Taken, VisitKind
from conversations.care.people import NOBODY, ContactId
from conversations.care.visit_figures import VisitFigures
from conversations.care.wall_time import to_utc
from conversations.errors import AppointmentNotLive, SlotTaken, VisitChanged
from storage.encryption import KeyRing
from storage.errors import violates
from storage.prepared import Into, Prepared, Statement, prepared
from storage.tables import appointments, group_sessions, is_live, outbox, slot_holds

CODE_BITS = 32

_lock_day = Prepared(lambda _: select(func.pg_advisory_xact_lock(_lock_key(bindparam("centre_day")))))
# Two visits that run at one minute have a part of the day in common; half hours are what most visits last.
_PART_MINUTES = 30


def _lock_key(name: Any) -> ColumnElement[int]:
    return func.hashtextextended(name, 0)


@prepared
def _lock_parts(_: Into) -> Statement:
    """Lock some parts of a day, in their order, and share the day with those who lock others."""
    centre_day: Any = bindparam("centre_day", type_=String())
    first: Any = bindparam("first", type_=Integer())
    last: Any = bindparam("last", type_=Integer())
    part = func.generate_series(cast(first, Integer), cast(last, Integer)).column_valued("part")
    return select(
        func.pg_advisory_xact_lock_shared(_lock_key(centre_day)),
        func.pg_advisory_xact_lock(_lock_key(centre_day + " " + cast(part, String))),
    )


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
_CAME = (AppointmentStatus.ATTENDED, AppointmentStatus.LATE)
_PHONE = "appointments.phone"
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
    Behind the day come the fields of `Taken`, in their order.
    """
    slug: Any = bindparam("slug")
    start: Any = bindparam("start")
    end: Any = bindparam("end")
    visits = (
        select(
            appointments.c.day,
            appointments.c.at,
            func.count().label("visits"),
            appointments.c.minutes,
            appointments.c.buffer_minutes,
        )
        .where(*_held(slug, start, end), _is_of_one(appointments))
        .group_by(
            appointments.c.day, appointments.c.at, appointments.c.minutes, appointments.c.buffer_minutes
        )
    )
    held = select(
        slot_holds.c.day,
        slot_holds.c.at,
        literal_column("1"),
        slot_holds.c.minutes,
        slot_holds.c.buffer_minutes,
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
        literal_column("1"),
        group_sessions.c.minutes,
        literal_column("0"),
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
            phone_enc=None,
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
        keys: KeyRing,
        zone_name: str,
        zone: tzinfo,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._connection = connection
        self._keys = keys
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
        visits of another length overlap this one is for `open_slots` to see before, under a lock.
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
        return await self._take_place(kept, changed, day, at, capacity)

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
            await _lock_day.all(self._connection, centre_day=_centre_day(centre_slug, day))

    async def lock_time(self, centre_slug: str, day: date, at: time, length: Length) -> None:
        """Keep others from taking or holding a time that meets this one before the transaction ends.

        SQLite has one writer anyway.
        """
        self._read.clear()
        if self._connection.dialect.name == "postgresql":
            begins = at.hour * 60 + at.minute
            await _lock_parts.all(
                self._connection,
                centre_day=_centre_day(centre_slug, day),
                first=begins // _PART_MINUTES,
                last=(begins + length.minutes + length.buffer_minutes - 1) // _PART_MINUTES,
            )

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
            found[row.day].append(Taken._make(row[1:]))
        return {day: tuple(taken) for day, taken in found.items()}

    async def displace(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        """Note that the centre is closed at the time of a visit as it was seen; it stays where it is.

        Raises VisitChanged when it is not that visit any more, or has begun.
        """
        as_seen = _change(appointment_id, now).where(appointments.c.version == version)
        try:
            return await self._changed(as_seen.values(displaced_at=now, coming=False))
        except AppointmentNotLive:
            raise VisitChanged from None

    async def restore(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Note that the centre is open at a visit's time after all. Raises AppointmentNotLive."""
        displaced = _change(appointment_id, now).where(appointments.c.displaced_at.is_not(None))
        return await self._changed(displaced.values(displaced_at=None))

    async def lapse(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Cancel, by the centre, a visit whose time has come while the centre is closed.

        Raises AppointmentNotLive when the person has another time meanwhile.
        """
        self._read.clear()
        over = update(appointments).where(
            appointments.c.id == appointment_id,
            is_live(),
            appointments.c.displaced_at.is_not(None),
            appointments.c.starts_at <= now,
        )
        return await self._changed(
            over.values(
                version=appointments.c.version + 1,
                changed_at=now,
                status=AppointmentStatus.CANCELLED.value,
                displaced_at=None,
                coming=False,
                ended_by=EndedBy.CENTRE.value,
            )
        )

    async def displaced(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        """Return the centre's visits ahead at whose time it is closed, by time."""
        return await self._ahead(centre_slug, now, appointments.c.displaced_at.is_not(None))

    async def resettled(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        """Return the centre's visits ahead that have a time again after a closure, by time.

        The message that told of the closure shows which: `conversations.care.closing.told_key`.
        """
        subject: ColumnElement[str] = literal_column("'visit:'", String) + cast(appointments.c.id, String)
        told = exists().where(
            outbox.c.subject == subject, outbox.c.unique_key.like(f"visit:%:{DISPLACED_STEP}")
        )
        return await self._ahead(centre_slug, now, appointments.c.displaced_at.is_(None), told)

    async def lock_closings(self, centre_slug: str) -> None:
        """Keep others from moving the visits of a closed centre before the transaction ends.

        Whoever moves several at once locks several days; two of them never wait for each other.
        """
        if self._connection.dialect.name == "postgresql":
            await _lock_day.all(self._connection, centre_day=f"{centre_slug} closings")

    async def _ahead(
        self, centre_slug: str, now: datetime, *conditions: ColumnElement[bool]
    ) -> list[Appointment]:
        query = (
            select(appointments)
            .where(
                appointments.c.centre_slug == centre_slug,
                is_live(),
                appointments.c.starts_at > now,
                appointments.c.contact_id.is_not(None),
                *conditions,
            )
            .order_by(appointments.c.day, appointments.c.at, appointments.c.place_no)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def set_plan(self, appointment_id: int, plan: str) -> Appointment:
        """Note how the person means to come. Raises AppointmentNotLive."""
        return await self._changed(
            update(appointments).where(appointments.c.id == appointment_id, is_live()).values(plan=plan)
        )

    async def set_wants_woman(self, appointment_id: int, wants_woman: bool) -> None:
        """Note whether the person would rather speak with a woman."""
        await self._connection.execute(
            update(appointments).where(appointments.c.id == appointment_id).values(wants_woman=wants_woman)
        )

    async def set_phone(self, appointment_id: int, phone: str) -> None:
        """Keep the number to call for a visit by telephone, encrypted, until the day after it or its end."""
        await self._connection.execute(
            update(appointments)
            .where(appointments.c.id == appointment_id)
            .values(phone_enc=self._keys.encrypt(phone, about=_PHONE))
        )

    async def phone(self, appointment_id: int) -> str | None:
        """Return the number to call; None when there is none, or none any more."""
        kept = await self._connection.scalar(
            select(appointments.c.phone_enc).where(appointments.c.id == appointment_id)
        )
        return None if kept is None else self._keys.decrypt(kept, about=_PHONE)

    async def forget_phones(self, *, before: date) -> int:
        """Delete the numbers to call of visits on days before that; returns how many."""
        past = appointments.c.phone_enc.is_not(None) & (appointments.c.day < before)
        gone = await self._connection.execute(update(appointments).where(past).values(phone_enc=None))
        return gone.rowcount

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

    async def _take_place(
        self, kept: Appointment, change: Update, day: date, at: time, capacity: int
    ) -> Appointment:
        """Change a visit, with a place and a code that nobody has at its new time. Raises SlotTaken."""
        code = kept.code
        for _ in range(_tries(capacity)):
            place_no = await self._free_place(kept.centre_slug, day, at, capacity, kept.kind)
            try:
                async with self._connection.begin_nested():
                    return await self._changed(change.values(place_no=place_no, code=code))
            except IntegrityError as error:
                if violates(error, "uq_appointments_live_code"):
                    code = self._new_code()
                elif not violates(error, "uq_appointments_live_place"):
                    raise
        raise SlotTaken

    async def _changed(self, change: Update) -> Appointment:
        row = (await self._connection.execute(change.returning(appointments))).one_or_none()
        if row is None:
            raise AppointmentNotLive
        return _appointment(row)

    # After a visit

    async def mark(
        self,
        appointment_id: int,
        *,
        version: int,
        status: AppointmentStatus,
        by: EndedBy | None = None,
        now: datetime,
    ) -> Appointment:
        """Write down how a visit went, in place of what was said before; `by` who cancelled it.

        Raises VisitChanged when it is no longer as it was seen, its time has not come, or its person is
        forgotten.
        """
        self._read.clear()
        obstacle = appointments.c.obstacle if status is AppointmentStatus.MISSED else None
        marked = _as_seen(appointment_id, version, now).values(
            status=status, ended_by=by, displaced_at=None, obstacle=obstacle
        )
        return await self._changed_as_seen(marked)

    async def move_begun(
        self,
        appointment_id: int,
        *,
        version: int,
        day: date,
        at: time,
        capacity: int,
        length: Length | None = None,
        now: datetime,
    ) -> Appointment:
        """Give a visit whose time has come another one, confirmed, whatever was said of how it went.

        Raises SlotTaken, and VisitChanged as `mark` does.
        """
        self._read.clear()
        kept = await self.get(appointment_id, lock=True)
        changed = _as_seen(appointment_id, version, now).values(
            **self._when(day, at),
            status=AppointmentStatus.CONFIRMED,
            coming=False,
            minutes=length and length.minutes,
            buffer_minutes=length and length.buffer_minutes,
            ended_by=None,
            displaced_at=None,
            arrived_at=None,
            plan=None,
            obstacle=None,
            feedback=None,
        )
        try:
            return await self._take_place(kept, changed, day, at, capacity)
        except AppointmentNotLive:
            raise VisitChanged from None

    async def set_obstacle(self, appointment_id: int, contact_id: ContactId, obstacle: str) -> None:
        """Note what got in the way of a person's own visit; nothing happens unless it was missed."""
        await self._connection.execute(
            update(appointments)
            .where(
                appointments.c.id == appointment_id,
                appointments.c.contact_id == contact_id,
                appointments.c.status == AppointmentStatus.MISSED,
            )
            .values(obstacle=obstacle)
        )

    async def set_feedback(self, appointment_id: int, contact_id: ContactId, feedback: int) -> None:
        """Note how a person found their own visit, 1 to 3; nothing happens unless they came."""
        await self._connection.execute(
            update(appointments)
            .where(
                appointments.c.id == appointment_id,
                appointments.c.contact_id == contact_id,
                appointments.c.status.in_(_CAME),
            )
            .values(feedback=feedback)
        )

    async def with_marks(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        """Return a centre's visits that are live, and those of which staff said how they went, by time."""
        query = (
            select(appointments)
            .where(
                appointments.c.centre_slug == centre_slug,
                appointments.c.day.between(start, end),
                _is_markable(),
                appointments.c.contact_id.is_not(None),
            )
            .order_by(appointments.c.day, appointments.c.at, appointments.c.place_no, appointments.c.id)
        )
        return [_appointment(row) for row in await self._connection.execute(query)]

    async def missed_in_a_row(self, contact_id: ContactId) -> list[Appointment]:
        """Return what a person missed since they last came to a visit, at any centre, newest first."""
        past = select(appointments).where(
            appointments.c.contact_id == contact_id,
            appointments.c.status.in_((AppointmentStatus.MISSED, *_CAME)),
        )
        newest_first = past.order_by(appointments.c.starts_at.desc(), appointments.c.id.desc())
        visits = [_appointment(row) for row in await self._connection.execute(newest_first)]
        return list(takewhile(lambda visit: visit.status is AppointmentStatus.MISSED, visits))

    async def unmarked(self, day: date, *, now: datetime) -> Mapping[str, int]:
        """Return how many visits of a day have begun and are not marked, by centre, where there are any."""
        query = (
            select(appointments.c.centre_slug, func.count().label("visits"))
            .where(
                appointments.c.day == day,
                appointments.c.starts_at <= now,
                is_live(),
                appointments.c.contact_id.is_not(None),
            )
            .group_by(appointments.c.centre_slug)
        )
        return {row.centre_slug: row.visits for row in await self._connection.execute(query)}

    async def figures(self, start: date, end: date) -> Mapping[str, VisitFigures]:
        """Return how visits of some days went, by centre; those of people who are forgotten count, too."""
        kinds = (
            appointments.c.centre_slug,
            appointments.c.status,
            appointments.c.ended_by,
            appointments.c.feedback,
        )
        query = (
            select(*kinds, func.count().label("visits"))
            .where(appointments.c.day.between(start, end), ~is_live())
            .group_by(*kinds)
        )
        found: dict[str, VisitFigures] = defaultdict(VisitFigures)
        for row in await self._connection.execute(query):
            found[row.centre_slug] += _figures(row)
        return found

    async def _changed_as_seen(self, change: Update) -> Appointment:
        try:
            return await self._changed(change)
        except AppointmentNotLive:
            raise VisitChanged from None


def _change(appointment_id: Any, now: Any) -> Update:
    """Return an update of a visit that is live and has not begun."""
    return (
        update(appointments)
        .where(appointments.c.id == appointment_id, is_live(), appointments.c.starts_at > now)
        .values(version=appointments.c.version + 1, changed_at=now)
    )


def _as_seen(appointment_id: int, version: int, now: datetime) -> Update:
    """Return an update of a visit whose time has come, as long as nobody changed it since it was seen."""
    return (
        update(appointments)
        .where(
            appointments.c.id == appointment_id,
            appointments.c.version == version,
            appointments.c.contact_id.is_not(None),
            appointments.c.starts_at <= now + MARKED_FROM,
            _is_markable(),
        )
        .values(version=appointments.c.version + 1, changed_at=now)
    )


def _is_markable() -> ColumnElement[bool]:
    """Return the condition of a visit that is live, or of which staff said how it went."""
    ended_by_centre = and_(
        appointments.c.status == AppointmentStatus.CANCELLED, appointments.c.ended_by == EndedBy.CENTRE
    )
    gone = appointments.c.status.in_((*_CAME, AppointmentStatus.MISSED))
    return or_(is_live(), gone, ended_by_centre)


def _figures(row: Row[Any]) -> VisitFigures:
    """Return what some visits that went alike add to the figures."""
    visits = row.visits
    match AppointmentStatus(row.status):
        case AppointmentStatus.MISSED:
            return VisitFigures(missed=visits)
        case AppointmentStatus.CANCELLED if row.ended_by == EndedBy.CENTRE:
            return VisitFigures(cancelled_by_centre=visits)
        case AppointmentStatus.CANCELLED:
            return VisitFigures(cancelled_by_people=visits)
        case AppointmentStatus.LATE:
            came = VisitFigures(late=visits)
        case _:
            came = VisitFigures(came=visits)
    graded = {
        GRADES[Feeling.GOOD]: VisitFigures(good=visits),
        GRADES[Feeling.SO_SO]: VisitFigures(so_so=visits),
        GRADES[Feeling.BAD]: VisitFigures(bad=visits),
    }
    return came + graded.get(row.feedback, VisitFigures())


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


def _centre_day(centre_slug: str, day: date) -> str:
    return f"{centre_slug} {day.isoformat()}"


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
