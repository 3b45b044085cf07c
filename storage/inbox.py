"""The inbox: every update is stored, once, before it is acknowledged to its platform."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, Update, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.encryption import KeyRing
from storage.errors import ValueTampered
from storage.prepared import Into, Prepared, Statement, prepared
from storage.tables import inbox, is_none, is_waiting, may_be_next

_PAYLOAD = "inbox.payload"


@dataclass(frozen=True, slots=True, repr=False)
class NewUpdate:
    """An update as it came. `key` is the platform's own id of it; `lane` says whose turn it is part of."""

    channel: str
    key: str
    lane: bytes
    payload: str


@dataclass(frozen=True, slots=True, repr=False)
class StoredUpdate:
    """An update to be handled. `attempts` counts how often its turn failed so that it was put off.

    `payload` is None when what is stored can't be read any more.
    """

    id: int
    channel: str
    lane: bytes
    payload: str | None
    attempts: int
    received_at: datetime


# What differs between the updates of a call.
_COLUMNS = ("channel", "update_key", "lane", "payload_enc")
_add = Prepared(
    lambda into: into(inbox).on_conflict_do_nothing(index_elements=[inbox.c.channel, inbox.c.update_key]),
    [*_COLUMNS, "received_at"],
)


@prepared
def _add_all(into: Into) -> Statement:
    """On PostgreSQL: `_add` for a list of values for each of `_COLUMNS`, numbered in their order."""
    lists: list[Any] = [bindparam(name, type_=ARRAY(inbox.c[name].type)) for name in _COLUMNS]
    some = func.unnest(*lists).table_valued(*_COLUMNS, with_ordinality="place").render_derived()
    came = bindparam("received_at", type_=inbox.c.received_at.type)
    new = select(*(some.c[name] for name in _COLUMNS), came).order_by(some.c.place)
    return (
        into(inbox)
        .from_select([*_COLUMNS, "received_at"], new)
        .on_conflict_do_nothing(index_elements=[inbox.c.channel, inbox.c.update_key])
        .returning(inbox.c.id)
    )


_add_handled = Prepared(
    lambda into: into(inbox).on_conflict_do_nothing(index_elements=[inbox.c.channel, inbox.c.update_key]),
    [*_COLUMNS, "received_at", "status", "handled_at"],
)


@prepared
def _waiting(_: Into) -> Statement:
    some = select(inbox.c.id).where(inbox.c.lane == bindparam("lane"), is_waiting(inbox))
    return select(func.count()).select_from(some.limit(bindparam("most", type_=Integer)).subquery())


@prepared
def _claim(_: Into) -> Statement:
    earlier, now = inbox.alias(), bindparam("now", type_=inbox.c.not_before.type)
    before = select(earlier.c.id).where(
        earlier.c.lane == inbox.c.lane, is_waiting(earlier), earlier.c.id < inbox.c.id
    )
    first = (
        select(inbox.c.id)
        .where(is_waiting(inbox), may_be_next(inbox))
        .where(or_(inbox.c.not_before.is_(None), inbox.c.not_before <= now))
        .where(is_none(before))
        .order_by(inbox.c.id)
        .limit(1)
        .with_for_update(of=inbox, skip_locked=True)
    )
    return (
        update(inbox)
        .where(inbox.c.id == first.correlate(None).scalar_subquery())
        .values(status="done", handled_at=now)
        .returning(
            inbox.c.id,
            inbox.c.channel,
            inbox.c.lane,
            inbox.c.payload_enc,
            inbox.c.attempts,
            inbox.c.received_at,
        )
    )


def _closing() -> Update:
    return (
        update(inbox)
        .where(inbox.c.id == bindparam("update_id"))
        .values(status=bindparam("new_status"), handled_at=bindparam("now"))
    )


_close = Prepared(lambda _: _closing())
_close_emptied = Prepared(lambda _: _closing().values(payload_enc=None))
_hold = Prepared(
    lambda _: (
        update(inbox)
        .where(inbox.c.id == bindparam("update_id"))
        .values(status="waiting", handled_at=None, not_before=bindparam("until"))
    )
)
_next_at = Prepared(
    lambda _: select(func.min(inbox.c.not_before)).where(is_waiting(inbox), may_be_next(inbox))
)


@prepared
def _queue_up(_: Into) -> Statement:
    lanes = bindparam("lanes", type_=ARRAY(BigInteger))
    return select(func.pg_advisory_xact_lock(func.unnest(lanes)))


class InboxStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def add(self, updates: Sequence[NewUpdate], *, now: datetime) -> int:
        """Store the updates and return how many were new; one that is there already is left alone."""
        if not updates:
            return 0
        await self._queue_up({new.lane for new in updates})
        rows = [
            (new.channel, new.key, new.lane, self._keys.encrypt(new.payload, about=_PAYLOAD))
            for new in updates
        ]
        if self._connection.dialect.name == "postgresql":
            # One way to the server and back for all of them.
            columns = dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
            return len(await _add_all.all(self._connection, **columns, received_at=now))
        added = 0
        for row in rows:
            values = dict(zip(_COLUMNS, row, strict=True))
            added += await _add.run(self._connection, **values, received_at=now)
        return added

    async def turn_away(self, updates: Sequence[NewUpdate], *, now: datetime) -> int:
        """Store of the updates only the keys, as handled, and return how many were new.

        The same ones are known when they come again, and nobody handles them.
        """
        added = 0
        for new in updates:
            added += await self._add_done(new, None, now)
        return added

    async def add_handled(self, new: NewUpdate, *, now: datetime) -> bool:
        """Store an update that nobody has to answer; False when it was there already."""
        await self._queue_up({new.lane})
        return await self._add_done(new, self._keys.encrypt(new.payload, about=_PAYLOAD), now) == 1

    async def _add_done(self, new: NewUpdate, payload_enc: bytes | None, now: datetime) -> int:
        return await _add_handled.run(
            self._connection,
            channel=new.channel,
            update_key=new.key,
            lane=new.lane,
            payload_enc=payload_enc,
            received_at=now,
            status="done",
            handled_at=now,
        )

    async def waiting(self, lane: bytes, *, most: int) -> int:
        """Return how many updates of a lane wait, counting no further than `most`."""
        return int(await _waiting.scalar(self._connection, lane=lane, most=most))

    async def claim(self, *, now: datetime) -> StoredUpdate | None:
        """Return the oldest update whose lane has none before it, marked as done by this transaction.

        Two workers never get two updates of one lane: the second waits behind the first, which stays
        "waiting" for everybody else until its turn has been committed, and if it fails.
        """
        row = await _claim.first(self._connection, now=now)
        if row is None:
            return None
        try:
            payload = self._keys.decrypt(row.payload_enc, about=_PAYLOAD)
        except ValueTampered:
            payload = None
        return StoredUpdate(row.id, row.channel, row.lane, payload, row.attempts, row.received_at)

    async def claim_again(self, taken: StoredUpdate) -> bool:
        """Lock an update whose turn has failed; False when another worker has it or has dealt with it."""
        query = select(inbox.c.id).where(
            inbox.c.id == taken.id, is_waiting(inbox), inbox.c.attempts == taken.attempts
        )
        return await self._connection.scalar(query.with_for_update(skip_locked=True)) is not None

    async def handled(
        self, channel: str, keys: Collection[str], lanes: Collection[bytes]
    ) -> list[tuple[str, str]]:
        """Return key and payload of those of these updates that `add_handled` has stored, oldest first.

        `lanes` are theirs: whoever is storing one has committed before this returns, or waits until we have.
        """
        await self._queue_up(set(lanes))
        query = (
            select(inbox.c.update_key, inbox.c.payload_enc)
            .where(inbox.c.channel == channel, inbox.c.update_key.in_(keys))
            .order_by(inbox.c.id)
        )
        found = await self._connection.execute(query)
        return [
            (row.update_key, self._keys.decrypt(row.payload_enc, about=_PAYLOAD))
            for row in found
            if row.payload_enc is not None
        ]

    async def close(self, update_id: int, *, status: str, now: datetime, keep: bool = True) -> None:
        """Mark an update as "failed" when it could not be handled at all, or "done" again.

        Without `keep` only its key stays, which tells the same one when it comes again.
        """
        statement = _close if keep else _close_emptied
        await statement.run(self._connection, update_id=update_id, new_status=status, now=now)

    async def try_later(self, update_id: int, *, not_before: datetime) -> int:
        """Put an update off, its lane with it, and return how often that has happened now."""
        attempts = await self._connection.scalar(
            update(inbox)
            .where(inbox.c.id == update_id)
            .values(status="waiting", handled_at=None, attempts=inbox.c.attempts + 1, not_before=not_before)
            .returning(inbox.c.attempts)
        )
        return int(attempts or 0)

    async def hold(self, update_id: int, *, not_before: datetime) -> None:
        """Put an update off, its lane with it, through no fault of its own."""
        await _hold.run(self._connection, update_id=update_id, until=not_before)

    async def next_at(self) -> datetime | None:
        """Return when the next put-off update may be tried again."""
        moment: datetime | None = await _next_at.scalar(self._connection)
        return moment

    async def latest(self, lane: bytes, *, limit: int) -> list[tuple[datetime, str]]:
        """Return the last updates of a lane, oldest first, with the moment each came."""
        query = (
            select(inbox.c.received_at, inbox.c.payload_enc)
            .where(inbox.c.lane == lane, inbox.c.payload_enc.is_not(None))
            .order_by(inbox.c.id.desc())
            .limit(limit)
        )
        rows = (await self._connection.execute(query)).all()
        return [
            (row.received_at, self._keys.decrypt(row.payload_enc, about=_PAYLOAD)) for row in reversed(rows)
        ]

    async def _queue_up(self, lanes: set[bytes]) -> None:
        """Wait until whoever is adding to one of the lanes has committed.

        PostgreSQL hands out ids before the commit: an update could become visible behind one of a higher
        id that somebody is already handling. On SQLite there is one writer.
        """
        if self._connection.dialect.name == "postgresql":
            # In one order for everybody, so that nobody waits in a circle.
            numbers = sorted(int.from_bytes(lane[:8], signed=True) for lane in lanes)
            await _queue_up.all(self._connection, lanes=numbers)
