"""Sessions, one a contact, and the notices pushed beside them."""

import logging
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import ContactId
from conversations.engine.flow import Choice
from conversations.engine.session import Frame, Notice, Session, notice_from_json, notice_to_json
from storage.encryption import KeyRing
from storage.errors import ValueTampered
from storage.prepared import Into, Prepared, Statement
from storage.tables import notices, sessions

_SESSION, _NOTICE = "sessions.state", "notices.state"
# What reading a state raises when it was damaged, or written by a version that has other fields.
_UNREADABLE = (ValueTampered, ValueError, TypeError, KeyError, AttributeError)

log = logging.getLogger(__name__)


_EVER = datetime(1970, 1, 1, tzinfo=UTC)

_load = Prepared(
    lambda _: (
        select(sessions.c.state_enc).where(sessions.c.contact_id == bindparam("contact")).with_for_update()
    )
)


def _upsert(into: Into) -> Statement:
    new = into(sessions)
    return new.on_conflict_do_update(
        index_elements=[sessions.c.contact_id],
        set_={"state_enc": new.excluded.state_enc, "updated_at": new.excluded.updated_at},
    )


def _newest() -> Select[Any]:
    mine = select(notices).where(notices.c.contact_id == bindparam("contact"))
    return mine.order_by(notices.c.id.desc()).limit(1)


_save = Prepared(_upsert, ["contact_id", "state_enc", "updated_at"])
_notice = Prepared(lambda _: _newest().where(notices.c.id == bindparam("notice_id")))
_newest_notice = Prepared(lambda _: _newest().where(notices.c.created_at > bindparam("since")))
_notice_about = Prepared(lambda _: _newest().where(notices.c.subject == bindparam("subject")))
_close_notice = Prepared(lambda _: delete(notices).where(notices.c.id == bindparam("notice_id")))
_add_notice = Prepared(
    lambda into: into(notices).returning(notices.c.id), ["contact_id", "subject", "state_enc", "created_at"]
)


class SessionStore:
    """Keeps where each contact stands; the state is encrypted, since it holds people's words."""

    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def load(self, contact_id: ContactId) -> Session:
        """Return the session, locked until the transaction ends; a new one when there is none.

        One that can't be read any more is as good as none: the person must not be stuck in it.
        """
        return self.opened(contact_id, await _load.scalar(self._connection, contact=contact_id))

    def opened(self, contact_id: ContactId, state: bytes | None) -> Session:
        """Return what `load` returns, of a session that is locked and read already."""
        if state is None:
            return Session()
        try:
            return Session.from_json(self._keys.decrypt(state, about=_SESSION))
        except _UNREADABLE:
            log.warning("session_unreadable", extra={"contact": contact_id})
            return Session()

    async def save(self, contact_id: ContactId, session: Session, *, now: datetime) -> None:
        state = self._keys.encrypt(session.to_json(), about=_SESSION)
        await _save.run(self._connection, contact_id=contact_id, state_enc=state, updated_at=now)

    async def add_notice(
        self,
        contact_id: ContactId,
        frame: Frame,
        choices: tuple[Choice, ...],
        *,
        subject: str | None,
        now: datetime,
    ) -> Notice:
        """Keep a pushed prompt, so that its buttons mean something; returns it with its id."""
        state = self._keys.encrypt(notice_to_json(frame, choices), about=_NOTICE)
        notice_id = await _add_notice.scalar(
            self._connection, contact_id=contact_id, subject=subject, state_enc=state, created_at=now
        )
        return Notice(int(notice_id), frame, choices, now, subject)

    async def update_notice(self, notice_id: int, frame: Frame, choices: tuple[Choice, ...]) -> None:
        """Let a notice be about what its message says now; its buttons go on working."""
        state = self._keys.encrypt(notice_to_json(frame, choices), about=_NOTICE)
        await self._connection.execute(
            update(notices).where(notices.c.id == notice_id).values(state_enc=state)
        )

    async def notice_about(self, contact_id: ContactId, subject: str) -> Notice | None:
        """Return the contact's newest open notice about a subject."""
        found = await _notice_about.first(self._connection, contact=contact_id, subject=subject)
        return self._notice_in(found)

    async def notice(self, contact_id: ContactId, notice_id: int) -> Notice | None:
        """Return the contact's open notice of that id; somebody else's is not found."""
        return self._notice_in(await _notice.first(self._connection, notice_id=notice_id, contact=contact_id))

    async def newest_notice(self, contact_id: ContactId, *, since: datetime | None) -> Notice | None:
        """Return the newest open notice, None when none came after `since`."""
        found = await _newest_notice.first(self._connection, contact=contact_id, since=since or _EVER)
        return self._notice_in(found)

    async def close_notice(self, notice_id: int) -> None:
        await _close_notice.run(self._connection, notice_id=notice_id)

    async def close_notices(self, contact_id: ContactId, subject: str, *, but: int | None = None) -> None:
        """Close a contact's notices about a subject, all but one when it is named."""
        query = delete(notices).where(notices.c.contact_id == contact_id, notices.c.subject == subject)
        await self._connection.execute(query if but is None else query.where(notices.c.id != but))

    def _notice_in(self, row: Any) -> Notice | None:
        if row is None:
            return None
        try:
            frame, choices = notice_from_json(self._keys.decrypt(row.state_enc, about=_NOTICE))
        except _UNREADABLE:
            log.warning("notice_unreadable", extra={"notice": row.id})
            return None
        return Notice(row.id, frame, choices, row.created_at, row.subject)
