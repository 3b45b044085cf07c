"""How the service is, as the database tells it: what waits, for how long, and what was last heard.

Every question is answered from an index and looks at MOST_COUNTED rows at the most, so that asking costs the
same however much waits. It only reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from sqlalchemy import Select, and_, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.engine.outbound import Lane
from conversations.engine.reply import Channel
from storage.outbox import QUIET_HOURS
from storage.tables import due_messages, inbox, is_unsent, is_waiting, marks, may_be_next, outbox

# A count that has come so far means "that many or more".
MOST_COUNTED = 10_000
# The newest messages looked at to tell whether sending goes well.
MOST_RECENT = 2_000

# Marks, UTC in ISO 8601: when a tick last looked at how the service is, when a backup was last verified.
TICKED_MARK = "ticked"
BACKUP_MARK = "backup"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: how many, and since when the oldest of them does (None: nothing waits)."""

    count: int = 0
    oldest_at: datetime | None = None

    def age_s(self, now: datetime) -> float:
        """Return for how long the oldest has waited, in seconds."""
        return 0.0 if self.oldest_at is None else max(0.0, (now - self.oldest_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Vitals:
    """What waits, and what was last heard of.

    `outbox` is by channel and lane and leaves out what waits for the morning on purpose. `late` are due rows
    whose time has come. `ticked_at` and `backup_at` are None when it has never happened.
    """

    inbox: Backlog
    outbox: Mapping[tuple[str, Lane], Backlog]
    late: Backlog
    last_update_at: datetime | None
    ticked_at: datetime | None
    backup_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of the newest messages ended up so."""

    channel: str
    status: str
    reason: str | None
    count: int


class VitalsStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, *, now: datetime) -> Vitals:
        written = {
            row.name: datetime.fromisoformat(row.value)
            for row in await self._connection.execute(
                select(marks).where(marks.c.name.in_((TICKED_MARK, BACKUP_MARK)))
            )
        }
        return Vitals(
            inbox=await self._backlog(
                select(inbox.c.received_at).where(is_waiting(inbox), may_be_next(inbox)).order_by(inbox.c.id)
            ),
            outbox={
                (channel, lane): backlog
                for channel, lane in product(Channel, Lane)
                if (backlog := await self._unsent(channel, lane, now)).count
            },
            late=await self._backlog(
                select(due_messages.c.due_at)
                .where(is_waiting(due_messages), due_messages.c.due_at <= now)
                .order_by(due_messages.c.due_at)
            ),
            last_update_at=await self._connection.scalar(
                select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1)
            ),
            ticked_at=written.get(TICKED_MARK),
            backup_at=written.get(BACKUP_MARK),
        )

    async def outcomes(self, *, since: datetime) -> Sequence[Outcome]:
        """Return what became of the newest messages, as far as they were written since then."""
        newest = (
            select(outbox.c.channel, outbox.c.status, outbox.c.reason, outbox.c.created_at)
            .order_by(outbox.c.id.desc())
            .limit(MOST_RECENT)
            .subquery()
        )
        kinds = (newest.c.channel, newest.c.status, newest.c.reason)
        query = select(*kinds, func.count().label("number")).where(newest.c.created_at >= since)
        return [
            Outcome(row.channel, row.status, row.reason, row.number)
            for row in await self._connection.execute(query.group_by(*kinds))
        ]

    async def revision(self) -> str | None:
        """Return the revision of the database's form, None when it was never migrated."""
        found: str | None = await self._connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found

    async def _unsent(self, channel: Channel, lane: Lane, now: datetime) -> Backlog:
        """Return what has not left; its age is from when it was written, also when it was put off."""
        waits_on_purpose = and_(outbox.c.reason == QUIET_HOURS, outbox.c.due_at > now)
        oldest = (
            select(outbox.c.created_at, case((waits_on_purpose, True), else_=False).label("on_purpose"))
            .where(outbox.c.channel == channel, outbox.c.lane == lane, is_unsent(), may_be_next(outbox))
            .order_by(outbox.c.due_at)
            .limit(MOST_COUNTED)
            .subquery()
        )
        return await self._backlog(select(oldest.c.created_at).where(oldest.c.on_purpose.is_(False)))

    async def _backlog(self, moments: Select[tuple[datetime]]) -> Backlog:
        """Return how many moments there are, of as many as are counted, and the earliest."""
        counted = moments.limit(MOST_COUNTED).subquery()
        (moment,) = counted.c
        row = (
            await self._connection.execute(
                select(
                    func.count().label("number"), func.min(moment, type_=moment.type).label("oldest")
                ).select_from(counted)
            )
        ).one()
        return Backlog(row.number, row.oldest)
