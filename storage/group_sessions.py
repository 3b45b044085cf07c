"""Group sessions of centres, and how many of their places are held."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Need
from conversations.care.group_sessions import GroupSession
from conversations.care.people import ContactId
from conversations.errors import GroupSessionGone, SlotTaken
from storage.errors import violates
from storage.prepared import Into, Prepared, Statement, prepared
from storage.tables import appointments, group_sessions, is_live


def _with_taken() -> Any:
    """Sessions with the number of their live visits, which the index of places counts."""
    taken = (
        select(func.count())
        .where(
            appointments.c.centre_slug == group_sessions.c.centre_slug,
            appointments.c.day == group_sessions.c.day,
            appointments.c.at == group_sessions.c.at,
            appointments.c.group_session_id == group_sessions.c.id,
            is_live(),
        )
        .correlate(group_sessions)
        .scalar_subquery()
    )
    return select(group_sessions, taken.label("taken"))


@prepared
def _between(_: Into) -> Statement:
    found: Statement = (
        _with_taken()
        .where(
            group_sessions.c.centre_slug == bindparam("slug"),
            group_sessions.c.day.between(bindparam("start"), bindparam("end")),
            group_sessions.c.status == literal_column("'open'"),
        )
        .order_by(group_sessions.c.day, group_sessions.c.at)
    )
    return found


_get = Prepared(lambda _: _with_taken().where(group_sessions.c.id == bindparam("session")))


class GroupSessionStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def between(self, centre_slug: str, start: date, end: date) -> list[GroupSession]:
        """Return a centre's open sessions from start to end, both included, by time."""
        rows = await _between.all(self._connection, slug=centre_slug, start=start, end=end)
        return [_session(row) for row in rows]

    async def get(self, session_id: int) -> GroupSession:
        """Return a session, open or not. Raises GroupSessionGone when there is none."""
        row = await _get.first(self._connection, session=session_id)
        if row is None:
            raise GroupSessionGone
        return _session(row)

    async def create(self, session: GroupSession, *, by: ContactId, now: datetime) -> GroupSession:
        """Write a new session; its id is given here. Raises SlotTaken when another one begins then."""
        try:
            async with self._connection.begin_nested():
                session_id = await self._connection.scalar(
                    insert(group_sessions)
                    .values(
                        centre_slug=session.centre_slug,
                        need=session.need,
                        day=session.day,
                        at=session.at,
                        minutes=session.minutes,
                        places=session.places,
                        created_by=by,
                        created_at=now,
                    )
                    .returning(group_sessions.c.id)
                )
        except IntegrityError as error:
            if violates(error, "uq_group_sessions_open"):
                raise SlotTaken from None
            raise
        return await self.get(session_id or 0)

    async def call_off(self, session_id: int) -> None:
        """Let nobody book it any more; calling it off again changes nothing."""
        await self._connection.execute(
            update(group_sessions).where(group_sessions.c.id == session_id).values(status="cancelled")
        )


def _session(row: Row[Any]) -> GroupSession:
    return GroupSession(
        id=row.id,
        centre_slug=row.centre_slug,
        need=Need(row.need),
        day=row.day,
        at=row.at,
        minutes=row.minutes,
        places=row.places,
        taken=row.taken,
        is_open=row.status == "open",
    )
