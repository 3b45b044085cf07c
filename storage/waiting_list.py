"""Who waits for a place at a centre, by kind of visit, in the order in which they came."""

import json
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Need
from conversations.care.hours import VisitKind
from conversations.care.people import ContactId
from conversations.care.waiting import WaitingEntry
from conversations.care.wall_time import to_local
from conversations.errors import NotWaiting
from storage.encryption import KeyRing
from storage.prepared import Into, Statement, prepared
from storage.tables import appointments, is_live, waiting_list
from storage.upserts import insert_into

# Rung when a place may have become free, or somebody waits for one.
WAITING_TOPIC = "waiting"

_PHONE = "waiting_list.phone"


@prepared
def _of(_: Into) -> Statement:
    # Each booking asks.
    return (
        select(waiting_list)
        .where(waiting_list.c.contact_id == bindparam("contact"))
        .order_by(waiting_list.c.id)
    )


class WaitingStore:
    """`zone` is the centres'; `topics` are rung when the transaction has ended well."""

    def __init__(self, connection: AsyncConnection, keys: KeyRing, zone: tzinfo, topics: set[str]) -> None:
        self._connection = connection
        self._keys = keys
        self._zone = zone
        self._topics = topics

    async def join(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str,
        kind: VisitKind,
        need: Need,
        now: datetime,
        wants_woman: bool = False,
        phone: str | None = None,
        appointment_id: int | None = None,
    ) -> WaitingEntry:
        """Put somebody at the end of a list and return their entry; who is in it stays as they are."""
        await self._connection.execute(
            insert_into(self._connection, waiting_list)
            .values(
                contact_id=contact_id,
                centre_slug=centre_slug,
                kind=kind,
                need=need,
                wants_woman=wants_woman,
                phone_enc=phone and self._keys.encrypt(phone, about=_PHONE),
                appointment_id=appointment_id,
                joined_at=now,
            )
            .on_conflict_do_nothing()
        )
        theirs = await self.of(contact_id)
        return next(each for each in theirs if (each.centre_slug, each.kind) == (centre_slug, kind))

    async def leave(self, entry_id: int) -> bool:
        """Take an entry off its list and tell whether anything was on offer to it; False when it is gone.

        The row tells as it is by then: something may have been offered since it was read.
        """
        gone = delete(waiting_list).where(waiting_list.c.id == entry_id)
        offered_until = gone.returning(waiting_list.c.offered_until)
        return await self._connection.scalar(offered_until) is not None

    async def get(self, entry_id: int) -> WaitingEntry | None:
        """Return an entry, None when it has ended."""
        found = await self._connection.execute(select(waiting_list).where(waiting_list.c.id == entry_id))
        row = found.one_or_none()
        return None if row is None else self._entry(row)

    async def of(self, contact_id: ContactId) -> list[WaitingEntry]:
        """Return where somebody waits, the longest first."""
        return self._entries(await _of.all(self._connection, contact=contact_id))

    async def lines(self) -> list[tuple[str, VisitKind]]:
        """Return the centres and kinds of visits for which somebody waits."""
        line = waiting_list.c.centre_slug, waiting_list.c.kind
        found = await self._connection.execute(select(*line).distinct().order_by(*line))
        return [(row.centre_slug, VisitKind(row.kind)) for row in found]

    async def line(self, centre_slug: str, kind: VisitKind, *, now: datetime) -> list[WaitingEntry]:
        """Return a list in its order, without those to whom anything is on offer, there or elsewhere.

        Nor is anybody in it whose visit is over or begins now.
        """
        query = (
            select(waiting_list)
            .where(
                waiting_list.c.centre_slug == centre_slug,
                waiting_list.c.kind == kind,
                ~_thinks_about_another(),
                or_(waiting_list.c.appointment_id.is_(None), _has_visit_ahead(now)),
            )
            .order_by(waiting_list.c.id)
        )
        return self._entries(await self._connection.execute(query))

    async def count(self, centre_slug: str) -> int:
        """Return how many people wait at a centre."""
        people = func.count(waiting_list.c.contact_id.distinct())
        found = await self._connection.scalar(select(people).where(waiting_list.c.centre_slug == centre_slug))
        return int(found or 0)

    async def offer(self, entry_id: int, start: datetime, *, until: datetime, now: datetime) -> None:
        """Note that a start (naive wall time) is on offer until then, and is never to be again.

        Raises NotWaiting when the entry has ended or something is on offer to its person, also when two
        offer at once: the row is locked.
        """
        # Who waits for the lock finds the row as it is by then, but others as they were before.
        is_free = waiting_list.c.offered_until.is_(None) & ~_thinks_about_another()
        query = select(waiting_list.c.passed).where(waiting_list.c.id == entry_id, is_free)
        row = (await self._connection.execute(query.with_for_update())).one_or_none()
        if row is None:
            raise NotWaiting
        await self._change(
            entry_id,
            offered_day=start.date(),
            offered_time=start.time(),
            offered_until=until,
            passed=self._with(row.passed, start, now),
        )

    async def decline(self, entry_id: int) -> None:
        """Note an answer that was no: nothing is on offer any more, and the silences count anew."""
        await self._change(entry_id, offered_until=None, unanswered=0)

    async def not_answered(self, entry_id: int, *, now: datetime) -> int | None:
        """Note that an offer went by without a word and return how many did in a row.

        None when nothing went by: it was answered, is still on offer, or somebody else noted it.
        """
        silent = (
            update(waiting_list)
            .where(waiting_list.c.id == entry_id, waiting_list.c.offered_until <= now)
            .values(offered_until=None, unanswered=waiting_list.c.unanswered + 1)
            .returning(waiting_list.c.unanswered)
        )
        return (await self._connection.scalars(silent)).one_or_none()

    async def gone_by(self, now: datetime) -> list[WaitingEntry]:
        """Return the entries whose offers are over and were not answered."""
        query = select(waiting_list).where(waiting_list.c.offered_until <= now)
        return self._entries(await self._connection.execute(query.order_by(waiting_list.c.id)))

    async def pass_over(self, entry_id: int, start: datetime, *, now: datetime) -> None:
        """Note a start (naive wall time) that is not to be offered to an entry."""
        query = select(waiting_list.c.passed).where(waiting_list.c.id == entry_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            await self._change(entry_id, passed=self._with(row.passed, start, now))

    def wake(self) -> None:
        """Have somebody look, as soon as the turn has ended well, whether a place can be offered."""
        self._topics.add(WAITING_TOPIC)

    async def next_gone_by(self) -> datetime | None:
        """Return when the next offer is over, None while nothing is on offer."""
        over: ColumnElement[datetime] = func.min(
            waiting_list.c.offered_until, type_=waiting_list.c.offered_until.type
        )
        return await self._connection.scalar(select(over))

    async def forget_over(self, now: datetime) -> int:
        """Delete the entries of visits that are over or were given up; returns how many."""
        over = waiting_list.c.appointment_id.is_not(None) & ~_has_visit_ahead(now)
        return (await self._connection.execute(delete(waiting_list).where(over))).rowcount

    async def _change(self, entry_id: int, **values: object) -> None:
        await self._connection.execute(
            update(waiting_list).where(waiting_list.c.id == entry_id).values(**values)
        )

    def _with(self, passed: str | None, start: datetime, now: datetime) -> str:
        """Return the stored form of what is not offered any more, without what is over."""
        now_local = to_local(now, self._zone)
        return _written(each for each in {*_read(passed), start} if each >= now_local)

    def _entries(self, rows: Iterable[Row[Any]]) -> list[WaitingEntry]:
        return [self._entry(row) for row in rows]

    def _entry(self, row: Row[Any]) -> WaitingEntry:
        has_offered = row.offered_day is not None and row.offered_time is not None
        return WaitingEntry(
            id=row.id,
            contact_id=ContactId(row.contact_id),
            centre_slug=row.centre_slug,
            kind=VisitKind(row.kind),
            need=Need(row.need),
            joined_at=row.joined_at,
            wants_woman=row.wants_woman,
            phone=row.phone_enc and self._keys.decrypt(row.phone_enc, about=_PHONE),
            appointment_id=row.appointment_id,
            offered=datetime.combine(row.offered_day, row.offered_time) if has_offered else None,
            offered_until=row.offered_until,
            unanswered=row.unanswered,
            passed=_read(row.passed),
        )


def _thinks_about_another() -> ColumnElement[bool]:
    """Return whether something is on offer to the person of an entry, in this list or another."""
    theirs = waiting_list.alias()
    return (
        select(theirs.c.id)
        .where(theirs.c.contact_id == waiting_list.c.contact_id, theirs.c.offered_until.is_not(None))
        .exists()
    )


def _has_visit_ahead(now: datetime) -> ColumnElement[bool]:
    """Return whether the visit that an entry is for can still move."""
    return (
        select(appointments.c.id)
        .where(appointments.c.id == waiting_list.c.appointment_id, is_live(), appointments.c.starts_at > now)
        .exists()
    )


def _read(passed: str | None) -> frozenset[datetime]:
    return frozenset(datetime.fromisoformat(each) for each in json.loads(passed or "[]"))


def _written(starts: Iterable[datetime]) -> str:
    return json.dumps([start.isoformat(timespec="minutes") for start in sorted(starts)])
