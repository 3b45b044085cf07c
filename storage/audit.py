"""Who of the staff looked at what of a person's."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import ContactId
from storage.tables import audit


@dataclass(frozen=True, slots=True)
class Look:
    """`by` None: the one who looked has left since."""

    by: ContactId | None
    what: str
    at: datetime


class AuditStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def looked(self, by: ContactId, at_contact: ContactId, what: str, *, now: datetime) -> None:
        """Write down that staff opened something of a person's."""
        await self._connection.execute(
            insert(audit).values(by_contact_id=by, at_contact_id=at_contact, what=what, at=now)
        )

    async def opened_at(self, at_contact: ContactId) -> list[datetime]:
        return [look.at for look in await self.looks(at_contact)]

    async def looks(self, at_contact: ContactId) -> list[Look]:
        """Return every look at a person's things, newest first: the person can ask for it."""
        query = (
            select(audit)
            .where(audit.c.at_contact_id == at_contact)
            .order_by(audit.c.at.desc(), audit.c.id.desc())
        )
        return [Look(row.by_contact_id, row.what, row.at) for row in await self._connection.execute(query)]
