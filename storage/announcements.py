"""News for many people: the text once, and one outbox row a person."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.announcements import (
    Announcement,
    AnnouncementStatus,
    Audience,
    Progress,
    text_language,
)
from conversations.care.people import Consent, ContactId, Role
from conversations.engine.outbound import LANES, Purpose
from conversations.texts import LANGUAGES
from storage.addresses import preferred_of
from storage.tables import addresses, announcements, centres, contacts, is_unsent, outbox

# No contact has this id: the author of an announcement who was forgotten since.
NOBODY = ContactId(0)

_SENT = ("sent", "delivered", "read")
_DROPPED = ("withdrawn", "stopped", "opted_out")


class AnnouncementStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._counted: dict[int, Progress] = {}

    async def count(self, audience: Audience, languages: Collection[str]) -> int:
        """Return how many would get it: agreed to news, reachable, in the audience, with a text."""
        receivers = receivers_of(audience, languages).subquery()
        return await self._connection.scalar(select(func.count()).select_from(receivers)) or 0

    async def start(
        self, *, author: ContactId, audience: Audience, texts: Mapping[str, str], now: datetime
    ) -> Announcement:
        """Write the announcement and one outbox row a person, in one statement however many they are."""
        announcement_id = await self._connection.scalar(
            insert(announcements)
            .values(
                author=author,
                audience=json.dumps(asdict(audience)),
                texts=json.dumps(dict(texts), ensure_ascii=False),
                status=AnnouncementStatus.RUNNING,
                total=0,
                started_at=now,
            )
            .returning(announcements.c.id)
        )
        rows = _outbox_rows(announcement_id, receivers_of(audience, texts), now)
        written = await self._connection.execute(
            insert(outbox).from_select([column.name for column in rows.selected_columns], rows)
        )
        await self._connection.execute(
            update(announcements).where(announcements.c.id == announcement_id).values(total=written.rowcount)
        )
        return await self.get(announcement_id)

    async def stop(self, announcement_id: int, *, now: datetime) -> None:
        """Drop what has not left."""
        await self._end(announcement_id, AnnouncementStatus.STOPPED, now)
        await self._give_up(announcement_id, "stopped")

    async def finish(self, announcement_id: int, now: datetime) -> None:
        """Mark a running announcement as done; what could not leave until now is given up as expired."""
        await self._end(announcement_id, AnnouncementStatus.DONE, now)
        await self._give_up(announcement_id, "expired")

    async def get(self, announcement_id: int) -> Announcement:
        query = select(announcements).where(announcements.c.id == announcement_id)
        return _announcement((await self._connection.execute(query)).one())

    async def running(self) -> list[Announcement]:
        query = (
            select(announcements)
            .where(announcements.c.status == AnnouncementStatus.RUNNING)
            .order_by(announcements.c.id)
        )
        return [_announcement(row) for row in await self._connection.execute(query)]

    async def settle(self, *, before: datetime) -> bool:
        """Write down how one announcement from before that ended, since its rows go; False: none is left."""
        query = (
            select(announcements.c.id)
            .where(
                announcements.c.outcomes.is_(None),
                announcements.c.status != AnnouncementStatus.RUNNING,
                announcements.c.started_at < before,
            )
            .order_by(announcements.c.id)
            .limit(1)
        )
        announcement_id = await self._connection.scalar(query)
        if announcement_id is None:
            return False
        people = json.dumps(await self._people(announcement_id))
        await self._connection.execute(
            update(announcements).where(announcements.c.id == announcement_id).values(outcomes=people)
        )
        return True

    async def count_once(self, announcement_id: int) -> Progress:
        """Return how far it is; `progress` says the same from now on, though messages go on leaving.

        What is told of an announcement is known by its figures: text and key must be of one moment.
        """
        self._counted[announcement_id] = await self._count(announcement_id)
        return self._counted[announcement_id]

    async def progress(self, announcement_id: int) -> Progress:
        """Return how far it is. Whoever was forgotten since counts as dropped."""
        return self._counted.get(announcement_id) or await self._count(announcement_id)

    async def _count(self, announcement_id: int) -> Progress:
        query = select(announcements.c.total, announcements.c.outcomes)
        total, settled = (
            await self._connection.execute(query.where(announcements.c.id == announcement_id))
        ).one()
        people = json.loads(settled) if settled else await self._people(announcement_id)
        forgotten = total - sum(people.values())
        return Progress(
            total=total,
            sent=people.get("sent", 0),
            failed=people.get("failed", 0),
            blocked=people.get("blocked", 0),
            dropped=people.get("dropped", 0) + forgotten,
        )

    async def _people(self, announcement_id: int) -> dict[str, int]:
        """Count its people by what became of their message."""
        query = (
            select(_outcome().label("outcome"), func.count().label("people"))
            .where(outbox.c.announcement_id == announcement_id)
            .group_by("outcome")
        )
        return {row.outcome: row.people for row in await self._connection.execute(query)}

    async def _give_up(self, announcement_id: int, reason: str) -> None:
        self._counted.pop(announcement_id, None)
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.announcement_id == announcement_id, is_unsent())
            .values(status="failed_permanent", reason=reason, lease_until=None)
        )

    async def _end(self, announcement_id: int, status: AnnouncementStatus, now: datetime) -> None:
        await self._connection.execute(
            update(announcements)
            .where(
                announcements.c.id == announcement_id,
                announcements.c.status == AnnouncementStatus.RUNNING,
            )
            .values(status=status, ended_at=now)
        )


def receivers_of(audience: Audience, languages: Collection[str]) -> Select[Any]:
    """Return the query for who gets it: contact, address, channel and the language of their text."""
    read = {
        language.code: text
        for language in LANGUAGES
        if (text := text_language(language.code, languages)) is not None
    }
    return (
        select(
            contacts.c.id.label("contact_id"),
            addresses.c.id.label("address_id"),
            addresses.c.channel,
            case(read, value=contacts.c.language, else_=None).label("language")
            if read
            else literal(None, String).label("language"),
        )
        .select_from(contacts.join(addresses, addresses.c.id == preferred_of(contacts.c.id)))
        .where(
            contacts.c.role == Role.BENEFICIARY,
            contacts.c.consent == Consent.AGREED,
            contacts.c.news,
            contacts.c.erased_at.is_(None),
            contacts.c.language.in_(read),
            *_within(audience),
        )
    )


def _within(audience: Audience) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if audience.language is not None:
        conditions.append(contacts.c.language == audience.language)
    if audience.centre_slug is not None:
        conditions.append(contacts.c.centre_slug == audience.centre_slug)
    if audience.region_code is not None:
        there = select(centres.c.slug).where(centres.c.region_code == audience.region_code)
        conditions.append(
            or_(
                contacts.c.province_code.startswith(f"{audience.region_code}.", autoescape=True),
                contacts.c.centre_slug.in_(there),
            )
        )
    return conditions


def _outbox_rows(announcement_id: int, receivers: Select[Any], now: datetime) -> Select[Any]:
    receiver = receivers.subquery()
    key = literal(f"announcement:{announcement_id}:") + cast(receiver.c.contact_id, String)
    return select(
        receiver.c.address_id,
        receiver.c.channel,
        literal(Purpose.BROADCAST.value).label("purpose"),
        literal(LANES[Purpose.BROADCAST].value).label("lane"),
        key.label("unique_key"),
        literal(announcement_id, outbox.c.announcement_id.type).label("announcement_id"),
        receiver.c.language,
        literal(now, outbox.c.due_at.type).label("due_at"),
        literal("created").label("status"),
        literal(now, outbox.c.created_at.type).label("created_at"),
    )


def _outcome() -> ColumnElement[str]:
    return case(
        (is_unsent(), "waiting"),
        (outbox.c.status.in_(_SENT), "sent"),
        (outbox.c.reason == "blocked", "blocked"),
        (outbox.c.reason.in_(_DROPPED), "dropped"),
        else_="failed",
    )


def _announcement(row: Row[Any]) -> Announcement:
    return Announcement(
        id=row.id,
        author=NOBODY if row.author is None else ContactId(row.author),
        audience=Audience(**json.loads(row.audience)),
        texts=json.loads(row.texts),
        status=AnnouncementStatus(row.status),
        total=row.total,
        started_at=row.started_at,
    )
