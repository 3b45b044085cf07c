"""What grows is cut back: old rows go, a thousand at a time, so that nobody waits for it.

Most tables are gone through in the order of their ids, which is that of time, until all is young. So they
need no index on when a row was written, which every insert would pay for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, ColumnElement, Table, delete, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.complaints import ComplaintStatus
from conversations.care.tasks import TaskStatus
from storage.tables import (
    announcements,
    audit,
    complaints,
    due_messages,
    inbox,
    is_waiting,
    notices,
    outbox,
    tasks,
)

# Rows looked at, and at most deleted, in one transaction.
BATCH = 1000


class Grows(StrEnum):
    """Tables that grow with every day."""

    INBOX = "inbox"
    OUTBOX = "outbox"
    DUE = "due"
    NOTICES = "notices"
    TASKS = "tasks"
    LOOKS = "looks"
    COMPLAINTS = "complaints"


@dataclass(frozen=True, slots=True)
class Pruned:
    """One step: how many rows went, and after which id to go on (None: this was the last step)."""

    rows: int
    after: int | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """`written_at` rises with the id; `may_go` says which of the rows from before a moment may go."""

    table: Table
    written_at: Column[datetime]
    may_go: Callable[[datetime], ColumnElement[bool]] = lambda _: true()


def _settled() -> ColumnElement[bool]:
    """Return whether the outcome of a row's announcement is written down, or it is none's."""
    counted = select(announcements.c.id).where(announcements.c.outcomes.is_not(None))
    return or_(outbox.c.announcement_id.is_(None), outbox.c.announcement_id.in_(counted))


_RULES = {
    Grows.INBOX: _Rule(inbox, inbox.c.received_at, lambda _: ~is_waiting(inbox)),
    Grows.OUTBOX: _Rule(outbox, outbox.c.created_at, lambda _: _settled()),
    Grows.NOTICES: _Rule(notices, notices.c.created_at),
    Grows.TASKS: _Rule(
        tasks,
        tasks.c.created_at,
        lambda before: (tasks.c.status == TaskStatus.DONE) & (tasks.c.changed_at < before),
    ),
    Grows.LOOKS: _Rule(audit, audit.c.at),
    Grows.COMPLAINTS: _Rule(
        complaints,
        complaints.c.created_at,
        lambda before: (complaints.c.status == ComplaintStatus.DONE) & (complaints.c.changed_at < before),
    ),
}


class RetentionStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def prune(self, what: Grows, *, before: datetime, after: int = 0, limit: int = BATCH) -> Pruned:
        """Look at so many rows with ids above `after`, and delete those written before that.

        What is still to be done stays, however old: updates that wait, open tasks and complaints, due rows
        that wait. But what has not left the outbox by then never will. Due rows count from their due moment.
        """
        if what is Grows.DUE:
            return await self._prune_due(before, limit)
        rule = _RULES[what]
        ids = rule.table.c.id
        step = (
            select(ids, rule.written_at.label("written_at"))
            .where(ids > after)
            .order_by(ids)
            .limit(limit)
            .subquery()
        )
        oldest = func.min(step.c.written_at, type_=rule.written_at.type)
        seen, last, oldest_at = (
            await self._connection.execute(
                select(func.count(), func.max(step.c.id), oldest).select_from(step)
            )
        ).one()
        if not seen or oldest_at >= before:
            return Pruned(0, None)
        gone = await self._connection.execute(
            delete(rule.table).where(ids > after, ids <= last, rule.written_at < before, rule.may_go(before))
        )
        return Pruned(gone.rowcount, last if seen == limit else None)

    async def _prune_due(self, before: datetime, limit: int) -> Pruned:
        """Rows are not due in the order in which they were written; there is an index of what is over."""
        over = (
            select(due_messages.c.id)
            .where(~is_waiting(due_messages), due_messages.c.due_at < before)
            .order_by(due_messages.c.due_at)
            .limit(limit)
        )
        gone = await self._connection.execute(delete(due_messages).where(due_messages.c.id.in_(over)))
        return Pruned(gone.rowcount, 0 if gone.rowcount == limit else None)
