"""Messages that fall due later: reminders and check-ins, one row a step."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import ContactId
from conversations.engine.outbound import Lane, Purpose
from storage.tables import addresses, due_messages, is_unsent, is_waiting, notices, outbox
from storage.upserts import insert_into


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A row that has fallen due. Whether it still holds is for the subject to say, as it is now."""

    id: int
    contact_id: ContactId
    purpose: Purpose
    subject: str
    step: str
    version: int
    due_at: datetime


class DueStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def plan(
        self,
        *,
        contact_id: ContactId,
        purpose: Purpose,
        subject: str,
        version: int,
        steps: Sequence[tuple[str, datetime]],
    ) -> None:
        """Add a due row a step. Planning the same (subject, step, version) again changes nothing."""
        if not steps:
            return
        same = {"contact_id": contact_id, "purpose": purpose, "subject": subject, "version": version}
        key = [due_messages.c.subject, due_messages.c.step, due_messages.c.version]
        await self._connection.execute(
            insert_into(self._connection, due_messages).on_conflict_do_nothing(index_elements=key),
            [{**same, "step": step, "due_at": due_at} for step, due_at in steps],
        )

    async def withdraw(self, subject: str) -> None:
        """Drop what is due about the subject, what waits unsent in the outbox, and close its notices.

        Answers and words between people about the subject still leave.
        """
        await self._drop(due_messages.c.subject == subject)
        await self._connection.execute(
            update(outbox)
            .where(
                outbox.c.subject == subject,
                is_unsent(),
                or_(outbox.c.lane == Lane.DUE, outbox.c.purpose.in_((Purpose.STAFF, Purpose.VISIT))),
            )
            .values(status="failed_permanent", reason="withdrawn", lease_until=None)
        )
        await self._connection.execute(delete(notices).where(notices.c.subject == subject))

    async def withdraw_for(self, contact_id: ContactId, purpose: Purpose) -> None:
        """Drop one person's due rows of a purpose, and what waits unsent for the end of quiet hours."""
        await self._drop(due_messages.c.contact_id == contact_id, due_messages.c.purpose == purpose)
        theirs = select(addresses.c.id).where(addresses.c.contact_id == contact_id)
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.address_id.in_(theirs), outbox.c.purpose == purpose, is_unsent())
            .values(status="failed_permanent", reason="opted_out", lease_until=None)
        )

    async def claim_due(self, now: datetime, limit: int) -> list[DueMessage]:
        """Return what has fallen due, earliest first, locked until the transaction ends.

        Two ticks at once get different rows. A row not marked as turned or dropped comes again.
        """
        query = (
            select(due_messages)
            .where(is_waiting(due_messages), due_messages.c.due_at <= now)
            .order_by(due_messages.c.due_at, due_messages.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [
            DueMessage(
                id=row.id,
                contact_id=ContactId(row.contact_id),
                purpose=Purpose(row.purpose),
                subject=row.subject,
                step=row.step,
                version=row.version,
                due_at=row.due_at,
            )
            for row in await self._connection.execute(query)
        ]

    async def turned(self, ids: Collection[int]) -> None:
        """Mark rows that became messages."""
        await self._connection.execute(
            update(due_messages).where(due_messages.c.id.in_(ids)).values(status="turned")
        )

    async def dropped(self, ids: Collection[int]) -> None:
        """Mark rows whose message is no longer wanted or useful."""
        await self._drop(due_messages.c.id.in_(ids))

    async def put_off(self, due_id: int, due_at: datetime) -> None:
        """Let a row fall due later, such as at the end of quiet hours."""
        await self._connection.execute(
            update(due_messages).where(due_messages.c.id == due_id).values(due_at=due_at)
        )

    async def next_due_at(self) -> datetime | None:
        """Return when the next message falls due, None when none waits."""
        moment: datetime | None = await self._connection.scalar(
            select(func.min(due_messages.c.due_at)).where(is_waiting(due_messages))
        )
        return moment

    async def _drop(self, *conditions: ColumnElement[bool]) -> None:
        await self._connection.execute(
            update(due_messages).where(is_waiting(due_messages), *conditions).values(status="dropped")
        )
