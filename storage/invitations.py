"""One-time ways in for staff; only a hash of each code is kept."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import INVITATION_PREFIX, STAFF, ContactId, Invitation, Role
from conversations.errors import InvitationInvalid
from storage.tables import invitations

# 32 characters after the prefix: fits a Telegram start parameter (A-Z a-z 0-9 _ -, at most 64).
CODE_BYTES = 24


class InvitationStore:
    def __init__(
        self, connection: AsyncConnection, new_code: Callable[[int], str] = secrets.token_urlsafe
    ) -> None:
        self._connection = connection
        self._new_code = new_code

    async def create(
        self, role: Role, centre_slug: str | None, *, now: datetime, expires_at: datetime
    ) -> str:
        """Return a new invitation's code, which can't be read again."""
        if role not in STAFF:
            raise ValueError("only staff are invited")
        code = INVITATION_PREFIX + self._new_code(CODE_BYTES)
        await self._connection.execute(
            insert(invitations).values(
                code_hash=_hash(code),
                role=role,
                centre_slug=centre_slug,
                created_at=now,
                expires_at=expires_at,
            )
        )
        return code

    async def redeem(self, code: str, contact_id: ContactId, *, now: datetime) -> Invitation:
        """Use up an invitation. Raises InvitationInvalid when unknown, used or past its date."""
        statement = (
            update(invitations)
            .where(
                invitations.c.code_hash == _hash(code),
                invitations.c.used_at.is_(None),
                invitations.c.expires_at > now,
            )
            .values(used_at=now, used_by=contact_id)
            .returning(invitations)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise InvitationInvalid
        return Invitation(row.id, Role(row.role), row.centre_slug, row.expires_at)


def _hash(code: str) -> bytes:
    # The code is random and long: nothing to guess, so a plain hash will do.
    return hashlib.sha256(code.strip().encode(errors="surrogatepass")).digest()
