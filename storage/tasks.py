"""What caseworkers have to do for people. The person's words are encrypted."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Update, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import ContactId
from conversations.care.tasks import Task, TaskKind, TaskStatus
from conversations.errors import TaskTaken, TaskUnknown
from storage.encryption import KeyRing
from storage.tables import is_not_done, tasks

_TEXT = "tasks.text"


class TaskStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def add(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str | None,
        kind: TaskKind,
        text: str,
        urgent: bool,
        now: datetime,
    ) -> Task:
        new = insert(tasks).values(
            contact_id=contact_id,
            centre_slug=centre_slug,
            kind=kind,
            text_enc=self._keys.encrypt(text, about=_TEXT),
            urgent=urgent,
            created_at=now,
            changed_at=now,
        )
        return self._task((await self._connection.execute(new.returning(tasks))).one())

    async def get(self, task_id: int) -> Task:
        """Raises TaskUnknown."""
        row = (await self._connection.execute(select(tasks).where(tasks.c.id == task_id))).one_or_none()
        if row is None:
            raise TaskUnknown(task_id)
        return self._task(row)

    async def take(self, task_id: int, by: ContactId, *, now: datetime) -> Task:
        """Make it the caseworker's own; taking one's own again changes nothing.

        Raises TaskTaken when a colleague was first or it is done, and TaskUnknown.
        """
        free = or_(tasks.c.taken_by.is_(None), tasks.c.taken_by == by)
        taken = await self._changed(
            update(tasks)
            .where(tasks.c.id == task_id, is_not_done(), free)
            .values(status=TaskStatus.TAKEN, taken_by=by, changed_at=now)
        )
        if taken is None:
            await self.get(task_id)
            raise TaskTaken(task_id)
        return taken

    async def finish(self, task_id: int, by: ContactId, *, now: datetime) -> Task:
        """Mark it as done by that caseworker; one that is done stays as it is. Raises TaskUnknown."""
        finished = await self._changed(
            update(tasks)
            .where(tasks.c.id == task_id, is_not_done())
            .values(status=TaskStatus.DONE, taken_by=by, changed_at=now)
        )
        return finished or await self.get(task_id)

    async def open(self, centre_slug: str | None) -> list[Task]:
        """Return what is not done for a centre and what has no centre, urgent first, then oldest first."""
        query = (
            select(tasks)
            .where(is_not_done(), or_(tasks.c.centre_slug == centre_slug, tasks.c.centre_slug.is_(None)))
            .order_by(tasks.c.urgent.desc(), tasks.c.created_at, tasks.c.id)
        )
        return [self._task(row) for row in await self._connection.execute(query)]

    async def latest(self, contact_id: ContactId) -> Task | None:
        """Return the person's newest task that is not done."""
        query = (
            select(tasks)
            .where(tasks.c.contact_id == contact_id, is_not_done())
            .order_by(tasks.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else self._task(row)

    async def has_open(self, contact_id: ContactId, kind: TaskKind) -> bool:
        """Tell whether something of that kind is still to be done for the person."""
        query = select(tasks.c.id).where(
            tasks.c.contact_id == contact_id, tasks.c.kind == kind, is_not_done()
        )
        return await self._connection.scalar(query.limit(1)) is not None

    async def newest(self, contact_id: ContactId, kind: TaskKind) -> Task | None:
        """Return the person's newest task of a kind, done or not."""
        query = (
            select(tasks)
            .where(tasks.c.contact_id == contact_id, tasks.c.kind == kind)
            .order_by(tasks.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else self._task(row)

    async def _changed(self, change: Update) -> Task | None:
        row = (await self._connection.execute(change.returning(tasks))).one_or_none()
        return None if row is None else self._task(row)

    def _task(self, row: Row[Any]) -> Task:
        return Task(
            id=row.id,
            contact_id=ContactId(row.contact_id),
            centre_slug=row.centre_slug,
            kind=TaskKind(row.kind),
            text=self._keys.decrypt(row.text_enc, about=_TEXT),
            urgent=row.urgent,
            status=TaskStatus(row.status),
            taken_by=row.taken_by and ContactId(row.taken_by),
            created_at=row.created_at,
        )
