"""What a restored database must not do again.

Between the backup and its end the old service went on: it sent most of what stands unsent in the backup, and
nobody knows which. So what nobody needs any more is given up, and the rest leaves again: lost is worse than
twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.announcements import AnnouncementStatus
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from storage.tables import announcements, is_unsent, outbox

# An answer to a tap helps while somebody looks at the screen.
REPLY_HELPS = timedelta(minutes=5)
# A change of a visit, a booking for a caseworker and words between people are worth reading late.
NEWS_HELPS = timedelta(days=1)
NEWS = (Purpose.STAFF, Purpose.VISIT, Purpose.HANDOVER)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many messages were given up as too old, and how many announcements were stopped."""

    messages: int
    announcements: int


async def settle(connection: AsyncConnection, *, now: datetime) -> GivenUp:
    """Give up what must not leave any more, and let go of what was on its way.

    Reminders and check-ins carry until when they help, and delivery looks at that. The web chat's messages
    wait for their page to be opened, so they can't come as a flood.
    """
    stopped = await connection.execute(
        update(announcements)
        .where(announcements.c.status == AnnouncementStatus.RUNNING)
        .values(status=AnnouncementStatus.STOPPED, ended_at=now)
    )
    await _give_up(connection, outbox.c.announcement_id.is_not(None), reason="stopped")
    pushed = outbox.c.channel != Channel.WEBCHAT
    replies = await _give_up(
        connection,
        pushed,
        outbox.c.purpose == Purpose.REPLY,
        outbox.c.created_at < now - REPLY_HELPS,
        reason="stale",
    )
    news = await _give_up(
        connection,
        pushed,
        outbox.c.purpose.in_(NEWS),
        outbox.c.created_at < now - NEWS_HELPS,
        reason="stale",
    )
    await connection.execute(update(outbox).where(outbox.c.status == "sending").values(lease_until=None))
    return GivenUp(replies + news, stopped.rowcount)


async def _give_up(connection: AsyncConnection, *which: ColumnElement[bool], reason: str) -> int:
    done = await connection.execute(
        update(outbox)
        .where(is_unsent(), *which)
        .values(status="failed_permanent", reason=reason, lease_until=None)
    )
    return done.rowcount
