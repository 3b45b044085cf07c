"""What must hold of a database once nothing is left to do, whatever happened to the service before.

    assert await broken(database) == []

Each check returns a sentence for every row that breaks it, with our own numbers alone.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select

from bot.zone import casablanca
from conversations.care.announcements import AnnouncementStatus
from conversations.care.appointments import AppointmentStatus
from conversations.care.people import Consent, Role
from conversations.care.tasks import TaskStatus
from conversations.care.wall_time import to_utc
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.reply import Channel
from conversations.engine.session import Session, notice_from_json
from storage.database import Database
from storage.tables import (
    LIVE_STATUSES,
    addresses,
    announcements,
    appointments,
    contacts,
    due_messages,
    inbox,
    notices,
    outbox,
    sessions,
    tasks,
)

SENT = {"sent", "delivered", "read"}
FAILED = {"failed_permanent", "failed_technical"}


async def broken(database: Database, *, now: datetime) -> list[str]:
    """Return what does not hold; [] when all does. `now` is the service's time."""
    async with database.reading() as unit:

        async def rows(query: Select[Any]) -> Sequence[Row[Any]]:
            found: Sequence[Row[Any]] = (await unit.connection.execute(query)).all()
            return found

        return [
            *_inbox(await rows(select(inbox))),
            *_outbox(await rows(select(outbox))),
            *_in_order(await rows(select(outbox).order_by(outbox.c.id))),
            *_visits(await rows(select(appointments))),
            *_due(await rows(select(due_messages)), await rows(select(appointments)), now),
            *_people(await rows(select(contacts)), await rows(select(addresses)), database),
            *_readable(await rows(select(sessions)), await rows(select(notices)), database),
            *_messages(await rows(select(outbox)), database),
            *_announcements(
                await rows(select(announcements)),
                await rows(
                    select(outbox.c.announcement_id, func.count().label("rows"))
                    .where(outbox.c.announcement_id.is_not(None))
                    .group_by(outbox.c.announcement_id)
                ),
            ),
            *_tasks(await rows(select(tasks))),
        ]


async def unanswered(database: Database) -> list[int]:
    """Return the updates that were handled without a word or an acknowledgement to whoever sent them."""
    async with database.reading() as unit:
        handled = (await unit.connection.scalars(select(inbox.c.id))).all()
        keys = (await unit.connection.scalars(select(outbox.c.unique_key))).all()
    answered = {key.split(":")[1] for key in keys if key.startswith("in:")}
    return [number for number in handled if str(number) not in answered]


def _inbox(rows: Sequence[Row[Any]]) -> list[str]:
    return [
        *[f"update {row.id} is {row.status}" for row in rows if row.status not in ("done", "failed")],
        *[f"update {row.id} was handled at no time" for row in rows if row.handled_at is None],
    ]


def _outbox(rows: Sequence[Row[Any]]) -> list[str]:
    return [
        *[
            f"message {row.id} is {row.status}, {row.reason}, due {row.due_at}"
            for row in rows
            if row.status not in SENT | FAILED
        ],
        *[f"message {row.id} is leased" for row in rows if row.lease_until is not None],
        *[
            f"message {row.id} is {row.status}, sent at {row.sent_at}"
            for row in rows
            if (row.status in SENT) != (row.sent_at is not None) and not _failed_later(row)
        ],
        *[f"message {row.id} failed for nothing" for row in rows if row.status in FAILED and not row.reason],
    ]


def _failed_later(row: Row[Any]) -> bool:
    """WhatsApp takes a message and may tell afterwards that it won't arrive."""
    return row.channel == Channel.WHATSAPP and row.status in FAILED and row.sent_at is not None


def _in_order(rows: Sequence[Row[Any]]) -> list[str]:
    """Of the answers to one person, none left before an earlier one.

    What several people's turns write to somebody at once, such as to a caseworker, has no order.
    """
    wrong = []
    latest: dict[int, Row[Any]] = {}
    for row in rows:
        if row.purpose != Purpose.REPLY or row.sent_at is None:
            continue
        before = latest.get(row.address_id)
        if before is not None and row.sent_at < before.sent_at:
            wrong.append(f"message {row.id} left before message {before.id}")
        latest[row.address_id] = row
    return wrong


def _visits(rows: Sequence[Row[Any]]) -> list[str]:
    places = Counter(
        (row.centre_slug, row.day, row.at, row.place_no) for row in rows if row.status in LIVE_STATUSES
    )
    return [
        *[f"{times} live visits hold {place}" for place, times in places.items() if times > 1],
        *[f"visit {row.id} is {row.status}" for row in rows if row.status not in set(AppointmentStatus)],
        *[
            f"visit {row.id} starts at another time than it says"
            for row in rows
            if row.starts_at != to_utc(datetime.combine(row.day, row.at), casablanca())
        ],
    ]


def _due(rows: Sequence[Row[Any]], visits: Sequence[Row[Any]], now: datetime) -> list[str]:
    live = {f"visit:{visit.id}": visit.version for visit in visits if visit.status in LIVE_STATUSES}
    versions = {f"visit:{visit.id}": visit.version for visit in visits}
    return [
        *[
            f"due row {row.id} is {row.status}"
            for row in rows
            if row.status not in ("waiting", "turned", "dropped")
        ],
        *[f"due row {row.id} is late" for row in rows if row.status == "waiting" and row.due_at <= now],
        *[
            f"due row {row.id} waits for a visit that is not so any more"
            for row in rows
            if row.status == "waiting"
            and row.subject.startswith("visit:")
            and (live if row.purpose == Purpose.REMINDER else versions).get(row.subject) != row.version
        ],
    ]


def _people(people: Sequence[Row[Any]], where: Sequence[Row[Any]], database: Database) -> list[str]:
    wrong = [f"person {row.id} has the role {row.role}" for row in people if row.role not in set(Role)]
    wrong += [f"person {row.id} has {row.consent}" for row in people if row.consent not in set(Consent)]
    for row in where:
        external = database.keys.decrypt(row.external_enc, about="addresses.external")
        if row.external_index != database.keys.index(row.channel, external):
            wrong.append(f"address {row.id} is found by another id than it holds")
        if row.reachable != (row.unreachable_since is None):
            wrong.append(f"address {row.id} is reachable: {row.reachable}, not since {row.unreachable_since}")
    homeless = {row.id for row in people} - {row.contact_id for row in where}
    return [*wrong, *[f"person {number} has no address" for number in sorted(homeless)]]


def _readable(states: Sequence[Row[Any]], shown: Sequence[Row[Any]], database: Database) -> list[str]:
    """Raises what the reading raises: a state that nobody can read is a fault of its own."""
    wrong = []
    for row in states:
        text = database.keys.decrypt(row.state_enc, about="sessions.state")
        if Session.from_json(Session.from_json(text).to_json()) != Session.from_json(text):
            wrong.append(f"the session of person {row.contact_id} is not itself when it is read")
    for row in shown:
        notice_from_json(database.keys.decrypt(row.state_enc, about="notices.state"))
    return wrong


def _messages(rows: Sequence[Row[Any]], database: Database) -> list[str]:
    known = {row.id for row in rows}
    for row in rows:
        if row.payload_enc is not None:
            OutboundMessage.from_json(database.keys.decrypt(row.payload_enc, about="outbox.payload"))
    return [
        *[
            f"message {row.id} says nothing"
            for row in rows
            if row.payload_enc is None and row.announcement_id is None
        ],
        *[
            f"message {row.id} is written over one that is not there"
            for row in rows
            if row.replaces_id is not None and row.replaces_id not in known
        ],
    ]


def _announcements(rows: Sequence[Row[Any]], written: Sequence[Row[Any]]) -> list[str]:
    counts = {row.announcement_id: row.rows for row in written}
    return [
        *[
            f"announcement {row.id} is {row.status}"
            for row in rows
            if row.status not in (AnnouncementStatus.DONE, AnnouncementStatus.STOPPED)
        ],
        *[
            f"announcement {row.id} is for {row.total} and written {counts.get(row.id, 0)} times"
            for row in rows
            if row.total != counts.get(row.id, 0)
        ],
    ]


def _tasks(rows: Sequence[Row[Any]]) -> list[str]:
    return [f"task {row.id} is {row.status}" for row in rows if row.status not in set(TaskStatus)]
