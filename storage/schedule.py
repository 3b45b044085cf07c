"""Messages that fall due later: reminders and check-ins, one row a step."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import ContactId
from conversations.engine.outbound import Lane, Purpose
from storage.prepared import Into, Prepared, Statement, among, prepared
from storage.tables import (
    addresses,
    due_messages,
    held_messages,
    is_held,
    is_unsent,
    is_waiting,
    notices,
    outbox,
)


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


_plan = Prepared(
    lambda into: into(due_messages).on_conflict_do_nothing(
        index_elements=[due_messages.c.subject, due_messages.c.step, due_messages.c.version]
    ),
    ["contact_id", "purpose", "subject", "step", "version", "due_at"],
)
_drop_about = Prepared(
    lambda _: (
        update(due_messages)
        .where(is_waiting(due_messages), due_messages.c.subject == bindparam("about"))
        .values(status="dropped")
    )
)
_close_notices = Prepared(lambda _: delete(notices).where(notices.c.subject == bindparam("about")))
_next_due_at = Prepared(lambda _: select(func.min(due_messages.c.due_at)).where(is_waiting(due_messages)))


@prepared
def _withdraw(_: Into) -> Statement:
    to_tell = [outbox.c.purpose == purpose.value for purpose in (Purpose.STAFF, Purpose.VISIT)]
    return (
        update(outbox)
        .where(
            outbox.c.subject == bindparam("about"),
            or_(is_unsent(), is_held()),
            or_(outbox.c.lane == Lane.DUE.value, *to_tell),
        )
        .values(status="failed_permanent", reason="withdrawn", lease_until=None)
    )


@prepared
def _claim(_: Into) -> Statement:
    return (
        select(due_messages)
        .where(is_waiting(due_messages), due_messages.c.due_at <= bindparam("now"))
        .order_by(due_messages.c.due_at, due_messages.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )


@prepared
def _close(into: Into) -> Statement:
    return (
        update(due_messages)
        .where(is_waiting(due_messages), among(due_messages.c.id, "ids", into))
        .values(status=bindparam("new_status"))
    )


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
        rows = [{**same, "step": step, "due_at": due_at} for step, due_at in steps]
        await _plan.run_many(self._connection, rows)

    async def withdraw(self, subject: str) -> None:
        """Drop what is due about the subject, what waits unsent in the outbox, and close its notices.

        Answers and words between people about the subject still leave.
        """
        for statement in (_drop_about, _withdraw, _close_notices):
            await statement.run(self._connection, about=subject)

    async def withdraw_for(self, contact_id: ContactId, purpose: Purpose) -> None:
        """Drop one person's due rows of a purpose, and what waits unsent for the end of quiet hours."""
        await self._drop(due_messages.c.contact_id == contact_id, due_messages.c.purpose == purpose)
        theirs = select(addresses.c.id).where(addresses.c.contact_id == contact_id)
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.address_id.in_(theirs), outbox.c.purpose == purpose, is_unsent())
            .values(status="failed_permanent", reason="opted_out", lease_until=None)
        )
        held = select(held_messages.c.outbox_id).where(held_messages.c.contact_id == contact_id)
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(held), outbox.c.purpose == purpose, is_held())
            .values(status="failed_permanent", reason="opted_out")
        )

    async def move(self, subject: str, steps: Sequence[tuple[str, datetime]]) -> None:
        """Let steps about the subject that still wait fall due at other moments; all else stays as it is."""
        for step, due_at in steps:
            await self._connection.execute(
                update(due_messages)
                .where(is_waiting(due_messages), due_messages.c.subject == subject)
                .where(due_messages.c.step == step)
                .values(due_at=due_at)
            )

    async def told(self, subjects: Collection[str]) -> set[tuple[str, str, int]]:
        """Return subject, step and version of what has become a message about the subjects."""
        rows = due_messages.c
        query = select(rows.subject, rows.step, rows.version).where(
            rows.subject.in_(subjects), rows.status == "turned"
        )
        return {(row.subject, row.step, row.version) for row in await self._connection.execute(query)}

    async def claim_due(self, now: datetime, limit: int) -> list[DueMessage]:
        """Return what has fallen due, earliest first, locked until the transaction ends.

        Two ticks at once get different rows. A row not marked as turned or dropped comes again.
        """
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
            for row in await _claim.all(self._connection, now=now, most=limit)
        ]

    async def turned(self, ids: Collection[int]) -> None:
        """Mark rows that became messages."""
        if ids:
            await _close.run(self._connection, ids=list(ids), new_status="turned")

    async def dropped(self, ids: Collection[int]) -> None:
        """Mark rows whose message is no longer wanted or useful."""
        if ids:
            await _close.run(self._connection, ids=list(ids), new_status="dropped")

    async def put_off(self, due_id: int, due_at: datetime) -> None:
        """Let a row fall due later, such as at the end of quiet hours."""
        await self._connection.execute(
            update(due_messages).where(due_messages.c.id == due_id).values(due_at=due_at)
        )

    async def next_due_at(self) -> datetime | None:
        """Return when the next message falls due, None when none waits."""
        moment: datetime | None = await _next_due_at.scalar(self._connection)
        return moment

    async def _drop(self, *conditions: ColumnElement[bool]) -> None:
        await self._connection.execute(
            update(due_messages).where(is_waiting(due_messages), *conditions).values(status="dropped")
        )
