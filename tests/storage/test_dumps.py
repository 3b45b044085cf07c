"""What a database holds is the same after a dump, whichever of the two databases it was in and comes to."""

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from conversations.care.people import Role
from storage import dumps, schema
from storage.database import create_engine
from storage.dumps import BATCH, LEFT_OUT, Dump, load_dump, snapshot, sums_of, write_dump
from storage.encryption import KeyRing
from storage.errors import BackupUnusable
from storage.tables import (
    addresses,
    announcements,
    appointments,
    audit,
    billed_days,
    budget_days,
    closed_hours,
    closures,
    complaints,
    contacts,
    content_changes,
    due_messages,
    experiment_visits,
    experiments,
    group_sessions,
    held_messages,
    inbox,
    life_projects,
    link_codes,
    marks,
    metadata,
    notices,
    openings,
    outbox,
    profiles,
    sessions,
    slot_holds,
    tasks,
    templates,
    unanswered_questions,
    waiting_list,
)
from tests.conftest import PostgresServer
from tests.storage.conftest import NOW, Town, stores

_numbers = count(1)
MAKE = Callable[[str], Awaitable[AsyncEngine]]


@pytest.fixture
async def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MAKE]:
    """Make a migrated database on a backend of the test's choice."""
    engines, names = [], []

    async def make(backend: str) -> AsyncEngine:
        if backend == "sqlite":
            path = tmp_path / f"new{next(_numbers)}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            url = f"sqlite+aiosqlite:///{path}"
        else:
            names.append(f"dumps_{next(_numbers)}")
            url = await server().create(names[-1], migrated=True)
        engines.append(create_engine(url))
        return engines[-1]

    def server() -> PostgresServer:
        found: PostgresServer = request.getfixturevalue("postgres_server")
        return found

    yield make
    for engine in engines:
        await engine.dispose()
    for name in names:
        await server().drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
async def target(request: pytest.FixtureRequest, new_database: MAKE) -> AsyncEngine:
    """Where the rows come to."""
    return await new_database(request.param)


async def fill(town: Town) -> None:
    """Put a row into every table that a service fills, with values at the edges."""
    odd = "سلا \u0001\n\"'\\ 🦉 \u2028 é e\u0301"
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    amina = town.amina.id
    rows: list[tuple[Table, dict[str, Any]]] = [
        (sessions, {"contact_id": amina, "state_enc": bytes(range(256)), "updated_at": last}),
        (notices, {"contact_id": amina, "subject": None, "state_enc": b"", "created_at": first}),
        (
            closures,
            {"day": date(2026, 11, 18), "closed": True, "name_fr": odd, "name_ar": "عيد الاستقلال"},
        ),
        (
            appointments,
            {
                "contact_id": amina,
                "centre_slug": "sale",
                "need": "job",
                "day": date(2026, 11, 24),
                "at": time(9, 30),
                "zone": "Africa/Casablanca",
                "starts_at": NOW + timedelta(microseconds=1),
                "place_no": 1,
                "status": "requested",
                "code": "R7",
                "created_at": NOW,
                "changed_at": NOW,
            },
        ),
        (
            group_sessions,
            {
                "centre_slug": "sale",
                "need": "training",
                "day": date(2026, 11, 25),
                "at": time(23, 59, 59),
                "minutes": 90,
                "places": 12,
                "created_at": NOW,
            },
        ),
        (
            closed_hours,
            {
                "centre_slug": "sale",
                "day": date(2028, 2, 29),
                "from_at": time(),
                "until_at": time(23, 59),
                "reason": "works",
            },
        ),
        (
            slot_holds,
            {
                "contact_id": amina,
                "centre_slug": "sale",
                "purpose": "moved",
                "kind": "group",
                "day": date(2026, 11, 25),
                "at": time(9),
                "group_session_id": 1,
                "appointment_id": 1,
                "until": last,
            },
        ),
        (
            waiting_list,
            {
                "contact_id": amina,
                "centre_slug": "sale",
                "kind": "visit",
                "need": "job",
                "phone_enc": b"\0",
                "joined_at": first,
                "offered_time": time(9, 30),
            },
        ),
        (experiments, {"name": "eve", "sample_size": 200, "started_by": amina, "started_at": NOW}),
        (experiment_visits, {"experiment_id": 1, "appointment_id": 1, "wording": "b"}),
        (
            complaints,
            {"contact_id": None, "text_enc": bytes(range(256)), "created_at": NOW, "changed_at": last},
        ),
        (
            due_messages,
            {
                "contact_id": amina,
                "purpose": "reminder",
                "subject": "visit:1",
                "step": "day_before",
                "version": 2_147_483_647,
                "due_at": NOW,
            },
        ),
        (
            inbox,
            {"channel": "telegram", "update_key": odd, "lane": b"\0" * 32, "received_at": NOW},
        ),
        (
            tasks,
            {
                "contact_id": amina,
                "kind": "call",
                "text_enc": b"x",
                "urgent": True,
                "created_at": NOW,
                "changed_at": NOW,
            },
        ),
        (
            announcements,
            {"audience": "{}", "texts": odd, "status": "running", "total": 1, "started_at": NOW},
        ),
        (link_codes, {"contact_id": amina, "kind": "link", "code_hash": b"\0" * 32, "created_at": NOW}),
        (
            templates,
            {"name": "jisr_visit", "language": "ar", "status": "paused", "reason": odd, "changed_at": last},
        ),
        # The key has three parts, of which one is a truth value.
        (billed_days, {"day": date(2026, 11, 23), "category": "utility", "bulk": True, "messages": 2}),
        (billed_days, {"day": date(2026, 11, 23), "category": "utility", "bulk": False, "messages": 1}),
        (budget_days, {"day": date(2026, 11, 23), "messages": 2}),
        (
            life_projects,
            {
                "contact_id": amina,
                "answers_enc": bytes(range(256)),
                "appointment_id": 1,
                "created_at": first,
                "changed_at": last,
            },
        ),
        (
            content_changes,
            {"entry": "S6", "field": "text", "language": "ary", "value": odd, "before": odd, "at": NOW},
        ),
        (
            unanswered_questions,
            {
                "language": "ary",
                "words": "… حق …",
                "first_week": date(2026, 11, 16),
                "last_week": date(2026, 11, 23),
            },
        ),
        (audit, {"at_contact_id": amina, "what": "task", "at": NOW}),
        # In the order of bytes "Z" comes before "a"; in most languages it does not.
        (marks, {"name": "a", "value": odd}),
        (marks, {"name": "Z", "value": ""}),
        (marks, {"name": "é", "value": "0"}),
    ]
    async with town.engine.begin() as connection:
        for table, row in rows:
            await connection.execute(insert(table).values(row))
        address_id = await connection.scalar(select(addresses.c.id).limit(1))
        outbox_id = await connection.scalar(
            insert(outbox).values(
                address_id=address_id, channel="telegram", purpose="reply", lane="1", unique_key="in:1:0",
                payload_enc=b"\xff\0", due_at=NOW, created_at=NOW,
            ).returning(outbox.c.id)
        )  # fmt: skip
        await connection.execute(insert(held_messages).values(outbox_id=outbox_id, contact_id=amina))
        await connection.execute(
            insert(profiles).values(
                address_id=address_id, contact_id=amina, pin_hash=b"\xff\0", last_used_at=NOW
            )
        )
        await connection.execute(insert(openings).values(address_id=address_id, opened_at=first))
        unit = stores(connection, town.keys)
        await unit.invitations.create(Role.MANAGER, None, expires_at=last, now=NOW)


async def dump_of(engine: AsyncEngine, keys: KeyRing) -> tuple[bytes, dumps.Sums]:
    file = io.BytesIO()
    async with snapshot(engine) as connection:
        sums = await write_dump(connection, file.write, keys, made_at=NOW)
    return file.getvalue(), sums


async def loaded(engine: AsyncEngine, dump: bytes, *, numbers_ahead: int = 0) -> None:
    async with engine.begin() as connection:
        await load_dump(connection, Dump([dump]), numbers_ahead=numbers_ahead)


async def sums_in(engine: AsyncEngine) -> dumps.Sums:
    async with snapshot(engine) as connection:
        return await sums_of(connection)


async def next_id(engine: AsyncEngine, table: Table, **values: Any) -> int:
    async with engine.begin() as connection:
        number = await connection.scalar(insert(table).values(values).returning(table.c.id))
        assert number is not None
        return int(number)


async def test_every_value_of_every_table_comes_back(town: Town, target: AsyncEngine) -> None:
    await fill(town)

    dump, written = await dump_of(town.engine, town.keys)
    await loaded(target, dump)

    kept = {name for name in metadata.tables if name not in LEFT_OUT}
    assert {name for name, found in written.items() if found.rows} == kept
    assert await sums_in(target) == written == await sums_in(town.engine)
    async with target.connect() as connection:
        unit = stores(connection, town.keys)
        assert (await unit.contacts.get(town.amina.id)).name == "Amina"
        visit = (await connection.execute(select(appointments))).one()
    assert (visit.day, visit.at, visit.coming) == (date(2026, 11, 24), time(9, 30), False)
    assert visit.starts_at == NOW + timedelta(microseconds=1)


async def test_what_stood_there_before_is_gone(town: Town, target: AsyncEngine) -> None:
    dump, written = await dump_of(town.engine, town.keys)
    async with target.begin() as connection:
        await connection.execute(insert(marks).values(name="demo", value="1"))
        await connection.execute(insert(contacts).values(role="manager", created_at=NOW))

    await loaded(target, dump)

    assert await sums_in(target) == written


async def test_the_numbers_of_deleted_rows_are_not_given_again(town: Town, target: AsyncEngine) -> None:
    gone = await next_id(town.engine, contacts, role="beneficiary", created_at=NOW)
    async with town.engine.begin() as connection:
        await connection.execute(delete(contacts).where(contacts.c.id == gone))
        # A table that is empty now was not always.
        await connection.execute(insert(announcements).values(_announcement()))
        await connection.execute(delete(announcements))

    dump, _ = await dump_of(town.engine, town.keys)
    await loaded(target, dump)

    assert await next_id(target, contacts, role="beneficiary", created_at=NOW) == gone + 1
    assert await next_id(target, announcements, **_announcement()) == 2
    assert await next_id(target, audit, at_contact_id=town.amina.id, what="task", at=NOW) == 1


async def test_numbers_given_after_the_backup_are_left_out(town: Town, target: AsyncEngine) -> None:
    dump, _ = await dump_of(town.engine, town.keys)

    await loaded(target, dump, numbers_ahead=1000)

    after = await next_id(target, contacts, role="beneficiary", created_at=NOW)
    assert after == town.brahim.id + 1001


async def test_what_is_written_meanwhile_is_not_in_it(town: Town) -> None:
    async with snapshot(town.engine) as connection:
        before = await sums_of(connection)
        async with asyncio.timeout(10):
            # Nobody has to wait for the snapshot.
            await next_id(town.engine, contacts, role="beneficiary", created_at=NOW)
        assert await sums_of(connection) == before

    assert (await sums_in(town.engine))["contacts"].rows == before["contacts"].rows + 1


async def test_many_rows_keep_their_order_and_pass_in_batches(town: Town, target: AsyncEngine) -> None:
    async with town.engine.begin() as connection:
        await connection.execute(
            insert(contacts),
            [{"role": "beneficiary", "created_at": NOW + timedelta(days=day)} for day in range(BATCH * 2)],
        )

    dump, written = await dump_of(town.engine, town.keys)
    await loaded(target, dump)

    assert written["contacts"].rows == BATCH * 2 + 2
    assert await sums_in(target) == written
    assert max(len(batch) for _, _, batches in Dump([dump]).tables() for batch in batches) == BATCH


async def test_it_says_what_it_is_of(town: Town) -> None:
    dump, _ = await dump_of(town.engine, town.keys)

    header = Dump([dump]).header

    async with town.engine.connect() as connection:
        assert header.revision == await schema.current(connection)
    assert (header.made_at, header.keys, header.key_ids) == (NOW, town.keys.sign, ("test",))


async def test_a_database_that_was_never_migrated_is_not_dumped(
    empty_database_url: str, keys: KeyRing
) -> None:
    engine = create_engine(empty_database_url)
    with pytest.raises(BackupUnusable, match="nothing to back up"):
        await dump_of(engine, keys)
    await engine.dispose()


async def test_pieces_may_be_of_any_size(town: Town) -> None:
    dump, written = await dump_of(town.engine, town.keys)

    read = Dump(bytes([byte]) for byte in dump)
    read.check()

    assert read.sums == written


def _lines_without(part: str) -> Callable[[list[str]], Iterator[str]]:
    return lambda lines: (line for line in lines if part not in line)


def _one_value_changed(lines: list[str]) -> list[str]:
    return [line.replace("beneficiary", "caseworker") for line in lines]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[:3],
        lambda lines: [],
        _lines_without('"ar"'),
        _lines_without('"numbers"'),
        _one_value_changed,
    ],
    ids=["without its end", "cut", "empty", "without a row", "without numbers", "a value changed"],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_rows_that_are_not_all_there_are_refused(change: Any, town: Town, backend: str) -> None:
    dump, _ = await dump_of(town.engine, town.keys)
    broken = "".join(change(dump.decode().splitlines(keepends=True))).encode()

    with pytest.raises(BackupUnusable, match="not as they were written"):
        Dump([broken]).check()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_dump_with_a_column_that_is_not_known_is_left_to_its_version(town: Town) -> None:
    dump, _ = await dump_of(town.engine, town.keys)
    lines = dump.decode().splitlines(keepends=True)
    changed = "".join(
        line.replace('"role":"text"', '"rank":"text"') if '"contacts"' in line else line for line in lines
    )

    with pytest.raises(BackupUnusable, match="another version"):
        await loaded(town.engine, changed.encode())

    assert json.loads(lines[0])["dump"] == dumps.LAYOUT
    assert (await sums_in(town.engine))["contacts"].rows == 2


async def test_a_database_without_people_counts_as_empty(engine: AsyncEngine, keys: KeyRing) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(marks).values(name="keys", value="x"))
        await connection.execute(insert(closures).values(day=date(2026, 11, 18), closed=True))
        assert await dumps.is_empty(connection)
        await connection.execute(insert(contacts).values(role="beneficiary", created_at=NOW))
        assert not await dumps.is_empty(connection)


async def test_whether_the_keys_read_anything_is_tried_on_every_column(town: Town) -> None:
    async with snapshot(town.engine) as connection:
        # Addresses and names.
        assert await dumps.check_readable(connection, town.keys) == 2
    async with town.engine.begin() as connection:
        # One damaged value is no reason to refuse a backup; a column without a readable one is.
        damaged = addresses.update().where(
            addresses.c.id == select(func.max(addresses.c.id)).scalar_subquery()
        )
        await connection.execute(damaged.values(external_enc=b"x"))
        assert await dumps.check_readable(connection, town.keys) == 2
        await connection.execute(addresses.update().values(external_enc=b"x"))
        with pytest.raises(BackupUnusable, match=r"read nothing of addresses\.external"):
            await dumps.check_readable(connection, town.keys)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_wal_of_a_snapshot_that_ended_begins_anew(town: Town, tmp_path: Path) -> None:
    """Nothing of a snapshot stays behind that would let SQLite's WAL grow on."""
    async with snapshot(town.engine) as connection:
        await sums_of(connection)

    async with town.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        busy, pages, _ = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()
    assert (busy, pages) == (0, 0)


def _announcement() -> dict[str, Any]:
    return {"audience": "{}", "texts": "{}", "status": "done", "total": 0, "started_at": NOW}
