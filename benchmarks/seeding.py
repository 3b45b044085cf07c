"""Databases with people in them, as they are when a service has run for a while.

The service's own tables and encryption are used, many rows a statement: through its stores, 100,000
people would take minutes.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.peers import bookings
from bot.app import opened
from bot.settings import load_settings
from bot.zone import casablanca
from conversations.care.appointments import AppointmentStatus, Need
from conversations.care.hours import VisitRules, WeeklyHours
from conversations.care.people import Consent, Role
from conversations.care.reminders import ReminderStep
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from storage.database import create_engine
from storage.encryption import KeyRing
from storage.tables import addresses, appointments, centres, contacts, due_messages

FIRST_CHAT = 1_000_000
MANAGER_CHAT, PROBE_CHAT = 900_001, 900_002
HOURS = "mon-sat 08:00-18:00"
ROWS_A_STATEMENT = 2_000
SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Seed:
    """What a database holds before a bot is started on it.

    `pending` reminders of these people lie days ahead.
    """

    people: int
    news: bool = False
    slot_minutes: int = 30
    capacity: int = 1
    pending: int = 0
    horizon_days: int = 60


@dataclass(frozen=True, slots=True)
class Booked:
    """So many visits at so many centres: half of them in the past, half within the horizon."""

    centres: int
    visits: int
    horizon_days: int
    capacity: int


async def seed_jisr(settings: Mapping[str, str], seed: Seed) -> None:
    """Fill an empty database: centres with hours of their own, people who agreed and chose English."""
    rules = VisitRules(
        WeeklyHours.parse(HOURS),
        slot_minutes=seed.slot_minutes,
        capacity=seed.capacity,
        horizon_days=seed.horizon_days,
    )
    async with opened(load_settings(settings, None)) as service, service.database.transaction() as unit:
        for centre in await unit.centres.open():
            await unit.centres.set_rules(centre.slug, rules)
    now, keys = datetime.now(UTC), KeyRing.from_text(settings["JISR_KEYS"])
    people = [(FIRST_CHAT + at, Role.BENEFICIARY, seed.news) for at in range(seed.people)]
    people += [(MANAGER_CHAT, Role.MANAGER, False), (PROBE_CHAT, Role.BENEFICIARY, False)]
    async with _connected(settings) as connection:
        await _insert(connection, contacts, _contacts(people, now))
        await _insert(connection, addresses, _addresses(people, keys, now))
        await _insert(connection, due_messages, _pending(seed, now))
        for table in (contacts, addresses, due_messages):
            await _numbers_go_on(connection, table)
    await _settle(settings)


async def make_due(settings: Mapping[str, str], people: int, due_at: datetime) -> None:
    """Give so many people a visit two hours after that moment; all are to be reminded then.

    The reminder two hours before is the one that also comes at night, so the hour of the run does not matter.
    """
    async with _connected(settings) as connection:
        await _insert(connection, appointments, _visits(people, due_at + timedelta(hours=2)))
        await _insert(connection, due_messages, _reminders(people, due_at))
        for table in (appointments, due_messages):
            await _numbers_go_on(connection, table)


async def add_visits(settings: Mapping[str, str], booked: Booked) -> list[str]:
    """Add centres like the first one until there are so many, and visits to them; returns their slugs."""
    async with _connected(settings) as connection:
        first = (await connection.execute(select(centres).where(centres.c.slug == "sale"))).one()._asdict()
        slugs = [f"bench-{number}" for number in range(booked.centres)]
        await _insert(connection, centres, ({**first, "slug": slug} for slug in slugs))
        await _insert(connection, appointments, _spread(slugs, booked))
        await _numbers_go_on(connection, appointments)
    await _settle(settings)
    return slugs


def _spread(slugs: Sequence[str], booked: Booked) -> Iterator[dict[str, Any]]:
    """Visits that fill half of the places ahead, each at another time, and as many that are over."""
    today, now = datetime.now(casablanca()).date(), datetime.now(UTC)
    each = booked.visits // len(slugs)
    draw = Random(3)  # noqa: S311 - the same visits each time
    number = 0
    for slug in slugs:
        days = (today + timedelta(days=ahead) for ahead in range(1, booked.horizon_days + 1))
        slots = [
            (day, time(*divmod(minute, 60)), place)
            for day in days
            if day.weekday() != SUNDAY
            for minute in range(8 * 60, 18 * 60, 30)
            for place in range(1, booked.capacity + 1)
        ]
        ahead = draw.sample(slots, each // 2)
        over = [(day - timedelta(days=booked.horizon_days + 10), at, place) for day, at, place in ahead]
        for is_over, day, at, place in [(False, *slot) for slot in ahead] + [(True, *slot) for slot in over]:
            number += 1
            yield {
                "id": number,
                "contact_id": 1 + number % 1_000,
                "centre_slug": slug,
                "need": Need.JOB,
                "day": day,
                "at": at,
                "zone": "Africa/Casablanca",
                "starts_at": to_utc(datetime.combine(day, at), casablanca()),
                "place_no": place,
                "status": AppointmentStatus.ATTENDED if is_over else AppointmentStatus.CONFIRMED,
                "code": f"B{number}",
                "created_at": now,
                "changed_at": now,
                "minutes": 30,
                "buffer_minutes": 0,
            }


async def seed_peer(url: str, seed: Seed) -> None:
    """Fill an empty database of a peer with the same people, and reminders that are pending."""
    engine = bookings.make_engine(url)
    await bookings.create_tables(engine)
    now = datetime.now(UTC).replace(tzinfo=None)
    async with engine.begin() as connection:
        await _insert(
            connection,
            bookings.Base.metadata.tables["people"],
            (
                {"id": FIRST_CHAT + at, "first_name": "P", "language": "en", "last_seen_at": now}
                for at in range(seed.people)
            ),
        )
        await _insert(
            connection,
            bookings.Base.metadata.tables["reminders"],
            (
                {"person_id": FIRST_CHAT + at % seed.people, "due_at": now + timedelta(days=1, seconds=at)}
                for at in range(seed.pending)
            ),
        )
    await engine.dispose()


async def remind_peer(url: str, people: int, due_at: datetime) -> None:
    engine = bookings.make_engine(url)
    async with engine.begin() as connection:
        at = due_at.astimezone(UTC).replace(tzinfo=None)
        rows = ({"person_id": FIRST_CHAT + each, "due_at": at} for each in range(people))
        await _insert(connection, bookings.Base.metadata.tables["reminders"], rows)
    await engine.dispose()


def _contacts(people: Iterable[tuple[int, Role, bool]], now: datetime) -> Iterator[dict[str, Any]]:
    for number, (_, role, news) in enumerate(people, 1):
        yield {
            "id": number,
            "role": role,
            "language": "en",
            "consent": Consent.AGREED,
            "consent_at": now,
            "news": news,
            "created_at": now,
            "enrolled_at": now,
        }


def _addresses(
    people: Iterable[tuple[int, Role, bool]], keys: KeyRing, now: datetime
) -> Iterator[dict[str, Any]]:
    for number, (chat_id, _, _) in enumerate(people, 1):
        yield {
            "id": number,
            "contact_id": number,
            "channel": Channel.TELEGRAM,
            "external_index": keys.index(Channel.TELEGRAM, str(chat_id)),
            "external_enc": keys.encrypt(str(chat_id), about="addresses.external"),
            "last_used_at": now,
        }


def _visits(people: int, starts_at: datetime) -> Iterator[dict[str, Any]]:
    """One visit a person, all at the same moment and centre."""
    local, now = to_local(starts_at, casablanca()), datetime.now(UTC)
    for number in range(1, people + 1):
        yield {
            "id": number,
            "contact_id": number,
            "centre_slug": "sale",
            "need": Need.JOB,
            "day": local.date(),
            "at": local.time(),
            "zone": "Africa/Casablanca",
            "starts_at": starts_at,
            "place_no": number,
            "status": AppointmentStatus.CONFIRMED,
            "code": f"B{number:05}",
            "created_at": now,
            "changed_at": now,
        }


def _reminders(people: int, due_at: datetime) -> Iterator[dict[str, Any]]:
    for number in range(1, people + 1):
        yield {
            "contact_id": number,
            "purpose": Purpose.REMINDER,
            "subject": f"visit:{number}",
            "step": ReminderStep.TWO_HOURS_BEFORE,
            "version": 1,
            "due_at": due_at,
        }


def _pending(seed: Seed, now: datetime) -> Iterator[dict[str, Any]]:
    """Reminders of visits that lie weeks ahead, spread over a month."""
    for at in range(seed.pending):
        yield {
            "contact_id": 1 + at % seed.people,
            "purpose": Purpose.REMINDER,
            "subject": f"visit:{10_000_000 + at}",
            "step": ReminderStep.DAY_BEFORE,
            "version": 1,
            "due_at": now + timedelta(days=1, seconds=at * 30 * 86_400 / seed.pending),
        }


async def _insert(connection: AsyncConnection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, ROWS_A_STATEMENT)):
        await connection.execute(insert(table), batch)


async def _numbers_go_on(connection: AsyncConnection, table: Table) -> None:
    """Let PostgreSQL count on from the highest id; SQLite does by itself."""
    if connection.dialect.name == "postgresql":
        highest = await connection.scalar(select(func.max(table.c.id)))
        if highest:
            await connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {int(highest)})")
            )


async def _settle(settings: Mapping[str, str]) -> None:
    """Bring the database into the state it has after a while: PostgreSQL gathers statistics by itself, SQLite
    never does; its write-ahead log is emptied, so that its file can be copied.
    """
    engine = create_engine(load_settings(settings, None).async_database_url)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if engine.dialect.name == "sqlite":
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        else:
            await connection.execute(text("ANALYZE contacts, addresses, due_messages, appointments"))
    await engine.dispose()


@asynccontextmanager
async def _connected(settings: Mapping[str, str]) -> AsyncIterator[AsyncConnection]:
    """A transaction of SQLAlchemy's own on the database that the settings name."""
    engine = create_engine(load_settings(settings, None).async_database_url)
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()
