"""What people complain about, in their words, which are encrypted."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.complaints import Complaint, ComplaintStatus, day_alone
from conversations.care.people import ContactId
from storage.encryption import KeyRing
from storage.tables import complaints

_TEXT = "complaints.text"


class ComplaintStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def file(
        self, text: str, *, contact_id: ContactId | None, centre_slug: str | None, now: datetime
    ) -> Complaint:
        """Keep a complaint; without a contact nothing of it says who wrote it, the hour neither."""
        at = now if contact_id is not None else day_alone(now)
        new = insert(complaints).values(
            contact_id=contact_id,
            centre_slug=centre_slug,
            text_enc=self._keys.encrypt(text, about=_TEXT),
            created_at=at,
            changed_at=at,
        )
        return self._complaint((await self._connection.execute(new.returning(complaints))).one())

    async def get(self, complaint_id: int) -> Complaint | None:
        """Return a complaint; None when there is none, or its person had their data erased."""
        query = select(complaints).where(complaints.c.id == complaint_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else self._complaint(row)

    async def open(self) -> list[Complaint]:
        """Return what nobody has closed yet, oldest first."""
        query = (
            select(complaints)
            .where(complaints.c.status != ComplaintStatus.DONE)
            .order_by(complaints.c.created_at, complaints.c.id)
        )
        return [self._complaint(row) for row in await self._connection.execute(query)]

    async def count_open(self, contact_id: ContactId) -> int:
        """Return how many of a person's own, with their name, are open."""
        query = select(func.count()).where(
            complaints.c.contact_id == contact_id, complaints.c.status != ComplaintStatus.DONE
        )
        return int(await self._connection.scalar(query) or 0)

    async def close(self, complaint_id: int, *, now: datetime) -> None:
        """Mark it as done; nothing happens to one that is."""
        await self._connection.execute(
            update(complaints)
            .where(complaints.c.id == complaint_id, complaints.c.status != ComplaintStatus.DONE)
            .values(status=ComplaintStatus.DONE, changed_at=now)
        )

    def _complaint(self, row: Row[Any]) -> Complaint:
        return Complaint(
            id=row.id,
            contact_id=row.contact_id and ContactId(row.contact_id),
            centre_slug=row.centre_slug,
            text=self._keys.decrypt(row.text_enc, about=_TEXT),
            status=ComplaintStatus(row.status),
            created_at=row.created_at,
        )
