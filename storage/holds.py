"""Times that are kept for somebody for a while. What holds places counts them: `AppointmentStore.taken`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Row, Select, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import VisitKind
from conversations.care.people import ContactId
from storage.prepared import Into, Prepared, Statement, prepared
from storage.tables import slot_holds


@prepared
def _of(_: Into) -> Statement:
    now = bindparam("now", type_=slot_holds.c.until.type)
    return (
        select(slot_holds)
        .where(slot_holds.c.contact_id == bindparam("contact"), slot_holds.c.until > now)
        .order_by(slot_holds.c.id)
    )


def _theirs() -> Delete:
    return delete(slot_holds).where(
        slot_holds.c.contact_id == bindparam("contact"), slot_holds.c.purpose == bindparam("why")
    )


_HOLD = tuple(column.name for column in slot_holds.c if column.name != "id")
_keep = Prepared(lambda into: into(slot_holds), _HOLD)
_release = Prepared(lambda _: _theirs().where(slot_holds.c.appointment_id.is_(None)))
_release_for = Prepared(lambda _: _theirs().where(slot_holds.c.appointment_id == bindparam("visit")))


class HoldStore:
    """Whoever keeps a time first locks it and looks whether it is free: conversations/care/visits.py."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, hold: Hold) -> None:
        """Keep a time for somebody, in place of what they had for the same purpose and visit."""
        await self.release(hold.contact_id, hold.purpose, appointment_id=hold.appointment_id)
        await _keep.run(self._connection, **{name: getattr(hold, name) for name in _HOLD})

    async def release(
        self, contact_id: ContactId, purpose: HoldPurpose, *, appointment_id: int | None = None
    ) -> None:
        """Let others have what was kept. Nothing happens when nothing is."""
        if appointment_id is None:
            await _release.run(self._connection, contact=contact_id, why=purpose.value)
        else:
            await _release_for.run(
                self._connection, contact=contact_id, why=purpose.value, visit=appointment_id
            )

    async def in_groups(self, centre_slug: str, *, now: datetime, but: ContactId) -> Mapping[int, int]:
        """Return how many places of a centre's group sessions are kept for others than `but`, by session."""
        query = (
            select(slot_holds.c.group_session_id, func.count())
            .where(
                slot_holds.c.centre_slug == centre_slug,
                slot_holds.c.group_session_id.is_not(None),
                slot_holds.c.until > now,
                slot_holds.c.contact_id != but,
            )
            .group_by(slot_holds.c.group_session_id)
        )
        rows = (await self._connection.execute(query)).all()
        return {row[0]: row[1] for row in rows}

    async def of(self, contact_id: ContactId, *, now: datetime) -> list[Hold]:
        """Return what is kept for somebody, oldest first."""
        rows = await _of.all(self._connection, contact=contact_id, now=now)
        return [_hold(row) for row in rows]

    async def moved(self, centre_slug: str, *, now: datetime) -> list[Hold]:
        """Return the times that are kept for people at whose visit's time the centre is closed."""
        query = (
            select(slot_holds)
            .where(
                slot_holds.c.centre_slug == centre_slug,
                slot_holds.c.purpose == HoldPurpose.MOVED,
                slot_holds.c.until > now,
            )
            .order_by(slot_holds.c.id)
        )
        return [_hold(row) for row in await self._connection.execute(query)]

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Delete holds that ended before, at most so many; returns how many."""
        old: Select[Any] = select(slot_holds.c.id).where(slot_holds.c.until < before).limit(limit)
        deleted = await self._connection.execute(delete(slot_holds).where(slot_holds.c.id.in_(old)))
        return deleted.rowcount


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        contact_id=ContactId(row.contact_id),
        centre_slug=row.centre_slug,
        purpose=HoldPurpose(row.purpose),
        kind=VisitKind(row.kind),
        day=row.day,
        at=row.at,
        until=row.until,
        minutes=row.minutes,
        buffer_minutes=row.buffer_minutes,
        group_session_id=row.group_session_id,
        appointment_id=row.appointment_id,
    )
