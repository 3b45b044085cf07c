"""Backups are made whole or not at all, and come back into either database or not at all."""

import asyncio
import base64
import hashlib
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.app import load_voice
from bot.backup import (
    BACKUP_MARK,
    Backup,
    BackupFailed,
    DailyBackup,
    back_up,
    check_room,
    forget_backups,
    opened_backup,
)
from bot.restore import NUMBERS_A_SECOND, Restored, restore_postgresql, restore_sqlite
from bot.ticks import Ticks
from bot.zone import NAME, casablanca
from storage import schema
from storage.database import Database, create_engine
from storage.dumps import Sums, snapshot, sums_of, write_dump
from storage.encryption import KeyRing
from storage.errors import BackupUnusable, KeysBroken, StorageError
from storage.sealed import SealedWriter
from storage.tables import contacts, marks, sessions
from tests.conftest import PostgresServer
from tests.storage.conftest import centre_row, joins, stores

NOW = datetime(2026, 11, 23, 3, 0, 5, 250_000, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
OTHER_KEYS = KeyRing.from_text("test:" + base64.b64encode(b"o" * 32).decode())
NEW_URL = Callable[[str], Awaitable[str]]

_numbers = count(1)


@pytest.fixture
async def source(engine: AsyncEngine, keys: KeyRing) -> AsyncEngine:
    """A database in which Amina and Brahim are."""
    await move_in(engine, keys)
    return engine


async def move_in(engine: AsyncEngine, keys: KeyRing) -> None:
    async with engine.begin() as connection:
        unit = stores(connection, keys)
        await unit.centres.load([centre_row()])
        amina = await joins(unit, "telegram", "111", language="ar", name="Amina")
        await joins(unit, "telegram", "4242", language="fr", name="Brahim")
        state = keys.encrypt("{}", about="sessions.state")
        await connection.execute(
            insert(sessions).values(contact_id=amina.id, state_enc=state, updated_at=NOW)
        )


@pytest.fixture
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[NEW_URL]:
    """Name a database that was never used, on a backend of the test's choice."""
    made = []

    async def name(backend: str) -> str:
        number = next(_numbers)
        if backend == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path}/restored{number}.sqlite3"
        made.append(f"restored_{number}")
        return await server().create(made[-1], migrated=False)

    def server() -> PostgresServer:
        found: PostgresServer = request.getfixturevalue("postgres_server")
        return found

    yield name
    for each in made:
        await server().drop(each)


@pytest.fixture(params=["sqlite", "postgresql"])
async def target(request: pytest.FixtureRequest, empty_url: NEW_URL) -> str:
    """Where a backup comes back to: a database that was never used."""
    return await empty_url(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


async def backed_up(engine: AsyncEngine, keys: KeyRing, folder: Path, *, now: datetime = NOW) -> Backup:
    return await back_up(engine, keys, folder, scratch=folder.parent / "var", now=now)


async def restored(
    file: Path, url: str, keys: KeyRing, *, replace: bool = False, now: datetime = LATER
) -> Restored:
    if make_url(url).get_backend_name() == "sqlite":
        return await restore_sqlite(file, sqlite_file(url), keys, replace=replace, now=now)
    return await restore_postgresql(file, url, keys, now=now)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def sqlite_file(url: str) -> Path:
    return Path(make_url(url).database or "")


async def is_untouched(url: str) -> bool:
    """Whether a database that was never used has no tables, and an SQLite one no file."""
    if make_url(url).get_backend_name() == "sqlite":
        path = sqlite_file(url)
        return not list(path.parent.glob(f"{path.stem}*"))
    engine = create_engine(url)
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync_connection: inspect(sync_connection).get_table_names())
    await engine.dispose()
    return tables == []


async def sums_in(url: str) -> Sums:
    engine = create_engine(url)
    async with snapshot(engine) as connection:
        found = await sums_of(connection)
    await engine.dispose()
    return found


async def names_in(url: str, keys: KeyRing) -> list[str | None]:
    engine = create_engine(url)
    async with engine.connect() as connection:
        unit = stores(connection, keys)
        found = [
            (await unit.contacts.get(number)).name
            for number in await connection.scalars(contacts.select().with_only_columns(contacts.c.id))
        ]
    await engine.dispose()
    return found


# Making


async def test_a_backup_is_one_file_for_its_owner_alone(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)

    assert made.path == folder / "jisr-2026-11-23T03-00-05Z.backup"
    assert files_in(folder) == {made.path.name}
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.size == made.path.stat().st_size
    assert files_in(folder.parent / "var") == set()
    assert not {b"sale", b"beneficiary", b"contacts"} & set(made.path.read_bytes().split())
    assert b"beneficiary" not in made.path.read_bytes()


async def test_it_is_noted_when_the_last_one_was_made(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    await backed_up(source, keys, folder)

    async with source.connect() as connection:
        noted = await stores(connection, keys).marks.get(BACKUP_MARK)
    assert noted is not None
    assert datetime.fromisoformat(noted) == NOW


async def test_it_holds_what_was_there_when_it_began(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    async with snapshot(source) as connection:
        before = await sums_of(connection)

    made = await backed_up(source, keys, folder)

    with opened_backup(made.path, keys) as dump:
        assert dump.header.made_at == NOW
        dump.check()
        assert dump.sums == before
    assert (made.tables, made.rows) == (len(before), sum(found.rows for found in before.values()))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_does_not_come_back_is_not_kept(source: AsyncEngine, keys: KeyRing, folder: Path) -> None:
    earlier = await backed_up(source, keys, folder)
    async with source.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("PRAGMA foreign_keys = OFF"))
        await connection.execute(insert(sessions).values(contact_id=99, state_enc=b"x", updated_at=NOW))
        await connection.execute(text("PRAGMA foreign_keys = ON"))

    with pytest.raises(BackupFailed, match="did not pass its check and was not kept"):
        await backed_up(source, keys, folder, now=LATER)

    assert files_in(folder) == {earlier.path.name}
    assert files_in(folder.parent / "var") == set()


async def test_what_the_keys_cannot_read_is_not_kept(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    async with source.begin() as connection:
        await connection.execute(sessions.update().values(state_enc=b"damaged"))

    with pytest.raises(BackupFailed, match=r"not kept: The keys read nothing of sessions\.state"):
        await backed_up(source, keys, folder)

    assert files_in(folder) == set()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_one_that_lets_the_wal_grow_too_much_is_given_up(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    async with source.begin() as connection:
        await connection.execute(insert(marks).values(name="x", value="y"))

    with pytest.raises(BackupFailed, match="the service wrote too much meanwhile"):
        await back_up(source, keys, folder, scratch=folder, now=NOW, most_wal=4096)

    assert files_in(folder) == set()


def test_there_must_be_room_for_it_and_for_its_check(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_room([(tmp_path, free // 3), (tmp_path, free // 3)])

    with pytest.raises(BackupFailed, match=r"too little room in .* MiB are free"):
        check_room([(tmp_path, free // 3 * 2), (tmp_path, free // 3 * 2)])


async def test_a_folder_that_cannot_be_made_is_named(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    (folder.parent / "file").write_text("a file")
    folder = folder.parent / "file"

    with pytest.raises(BackupFailed, match=f"can't be written in {folder}"):
        await backed_up(source, keys, folder)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_a_kill_left_behind_goes_after_a_day(
    source: AsyncEngine, keys: KeyRing, folder: Path
) -> None:
    (folder.parent / "var" / ".jisr-check-old").mkdir(parents=True)
    (folder.parent / "var" / ".jisr-check-old" / "trial.sqlite3").touch()
    for name in (".jisr-backup-old", ".jisr-backup-new", "jisr-notes.txt"):
        (folder / name).touch()
    yesterday = (NOW - timedelta(hours=25)).timestamp()
    for path in (
        folder / ".jisr-backup-old",
        folder / "jisr-notes.txt",
        folder.parent / "var" / ".jisr-check-old",
    ):
        os.utime(path, (yesterday, yesterday))
    just_now = NOW.timestamp()
    os.utime(folder / ".jisr-backup-new", (just_now, just_now))

    made = await backed_up(source, keys, folder)

    assert files_in(folder) == {".jisr-backup-new", "jisr-notes.txt", made.path.name}
    assert files_in(folder.parent / "var") == set()


def test_old_backups_go_and_nothing_else_does(tmp_path: Path) -> None:
    names = [
        "jisr-2026-11-08T03-00-00Z.backup",
        "jisr-2026-11-09T03-00-06Z.backup",
        "jisr-2026-11-10T03-00-00Z.backup",
        "copy of jisr-2026-11-01T03-00-00Z.backup",
        "jisr.sqlite3",
    ]
    for name in names:
        (tmp_path / name).touch()

    assert forget_backups(tmp_path, before=NOW - timedelta(days=14)) == 1

    assert files_in(tmp_path) == set(names[1:])


# Restoring


async def test_everything_comes_back_into_either_database(
    source: AsyncEngine, target: str, keys: KeyRing, folder: Path
) -> None:
    async with snapshot(source) as connection:
        before = await sums_of(connection)
    made = await backed_up(source, keys, folder)

    done = await restored(made.path, target, keys)

    assert (done.made_at, done.rows, done.kept) == (NOW, made.rows, None)
    assert await sums_in(target) == before
    assert await names_in(target, keys) == ["Amina", "Brahim"]
    engine = create_engine(target)
    async with engine.connect() as connection:
        await schema.check_up_to_date(connection)
    await engine.dispose()


async def test_numbers_go_on_above_what_was_given_since(
    source: AsyncEngine, target: str, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)

    await restored(made.path, target, keys, now=NOW + timedelta(seconds=60))

    engine = create_engine(target)
    async with engine.begin() as connection:
        given = await connection.scalar(
            insert(contacts).values(role="beneficiary", created_at=NOW).returning(contacts.c.id)
        )
    await engine.dispose()
    assert given == 2 + 61 * NUMBERS_A_SECOND + 1


async def test_an_older_backup_is_brought_up_to_date(
    backend: str, empty_url: NEW_URL, target: str, keys: KeyRing, folder: Path
) -> None:
    """It was made by the first release, whose tables were fewer."""
    url = await empty_url(backend)
    await schema.migrate(url, "0001")
    engine = create_engine(url)
    async with engine.begin() as connection:
        # Columns that the first release has: today's stores write more.
        for name in ("Amina", "Brahim"):
            name_enc = keys.encrypt(name, about="contacts.name")
            await connection.execute(
                insert(contacts).values(role="beneficiary", name_enc=name_enc, created_at=NOW)
            )
    made = await backed_up(engine, keys, folder)
    await engine.dispose()

    await restored(made.path, target, keys)

    with opened_backup(made.path, keys) as dump:
        assert dump.header.revision == "0001"
    assert await names_in(target, keys) == ["Amina", "Brahim"]
    engine = create_engine(target)
    async with engine.connect() as connection:
        await schema.check_up_to_date(connection)
    await engine.dispose()


async def test_a_backup_of_a_newer_version_is_left_to_it(
    source: AsyncEngine, target: str, keys: KeyRing, folder: Path
) -> None:
    file = folder / "newer.backup"
    with file.open("wb") as stream:
        sealed = SealedWriter(stream, keys)
        async with snapshot(source) as connection:
            revision = (await schema.current(connection) or "").encode()
            await write_dump(
                connection,
                lambda data: sealed.write(data.replace(b'"' + revision + b'"', b'"9999"')),
                keys,
                made_at=NOW,
            )
        sealed.close()

    with pytest.raises(BackupUnusable, match="by a newer version of Jisr"):
        await restored(file, target, keys)

    assert await is_untouched(target)


def _cut(data: bytes) -> bytes:
    return data[:-100]


def _flipped(data: bytes) -> bytes:
    return data[:-100] + bytes([data[-100] ^ 4]) + data[-99:]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (_cut, BackupUnusable, "cut off, damaged or was changed"),
        (_flipped, BackupUnusable, "cut off, damaged or was changed"),
        (lambda _: b"PK\x03\x04", BackupUnusable, "no backup of Jisr"),
        (lambda _: b"", BackupUnusable, "no backup of Jisr"),
    ],
    ids=["cut", "a bit flipped", "another program's", "empty"],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_broken_file_leaves_the_database_as_it_is(
    change: Callable[[bytes], bytes],
    error: type[StorageError],
    sentence: str,
    source: AsyncEngine,
    target: str,
    keys: KeyRing,
    folder: Path,
) -> None:
    # So long that a file is read in pieces before its end is.
    filler = hashlib.shake_256(b"jisr").hexdigest(90)
    async with source.begin() as connection:
        rows = [{"name": f"{number}{filler[:30]}", "value": filler} for number in range(3000)]
        await connection.execute(insert(marks), rows)
    made = await backed_up(source, keys, folder)
    made.path.write_bytes(change(made.path.read_bytes()))

    with pytest.raises(error, match=sentence):
        await restored(made.path, target, keys)

    assert await is_untouched(target)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_other_keys_are_refused(source: AsyncEngine, target: str, keys: KeyRing, folder: Path) -> None:
    made = await backed_up(source, keys, folder)

    with pytest.raises(KeysBroken, match="made with other keys than these"):
        await restored(made.path, target, OTHER_KEYS)

    assert await is_untouched(target)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_keys_that_are_not_all_there_are_refused(
    source: AsyncEngine, target: str, keys: KeyRing, folder: Path
) -> None:
    """The current key opens the file, but an older one is missing: nobody would be found any more."""
    older = base64.b64encode(b"k" * 32).decode()
    newer = base64.b64encode(b"n" * 32).decode()
    rotated = KeyRing.from_text(f"new:{newer},test:{older}")
    made = await backed_up(source, rotated, folder)

    with pytest.raises(KeysBroken, match="also needs keys that are not among these, such as test"):
        await restored(made.path, target, KeyRing.from_text(f"new:{newer}"))

    assert await is_untouched(target)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_file_that_is_not_there_is_named(
    target: str, keys: KeyRing, folder: Path, backend: str
) -> None:
    with pytest.raises(BackupFailed, match=r"/nowhere can't be read \(No such file or directory\)"):
        await restored(Path("/nowhere"), target, keys)

    assert await is_untouched(target)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_database_in_use_is_only_replaced_when_told_to(
    source: AsyncEngine, empty_url: NEW_URL, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    path = sqlite_file(await empty_url("sqlite"))
    await restored(made.path, f"sqlite+aiosqlite:///{path}", keys)
    # What stands in its WAL is part of it.
    before = sqlite3.connect(path)
    before.execute("INSERT INTO marks VALUES ('mine', '1')")
    before.commit()
    assert path.with_name(f"{path.name}-wal").exists()

    with pytest.raises(BackupFailed, match=r"is not empty\. With --replace"):
        await restored(made.path, f"sqlite+aiosqlite:///{path}", keys)
    shutil.copytree(path.parent, path.parent / "crashed", ignore=shutil.ignore_patterns("crashed"))
    before.close()
    crashed = path.parent / "crashed" / path.name
    done = await restored(made.path, f"sqlite+aiosqlite:///{crashed}", keys, replace=True)

    assert done.kept == crashed.with_name(f"{path.stem}-until-2026-11-23T03-10-05Z.sqlite3")
    query = "SELECT count(*) FROM marks WHERE name = 'mine'"
    assert sqlite3.connect(done.kept).execute(query).fetchone() == (1,)
    assert sqlite3.connect(crashed).execute(query).fetchone() == (0,)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_damaged_database_is_kept_as_well(
    source: AsyncEngine, empty_url: NEW_URL, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    url = await empty_url("sqlite")
    sqlite_file(url).write_bytes(b"no database at all" * 500)

    with pytest.raises(BackupFailed, match="is not empty"):
        await restored(made.path, url, keys)
    done = await restored(made.path, url, keys, replace=True)

    assert done.kept is not None
    assert done.kept.read_bytes() == b"no database at all" * 500
    assert await names_in(url, keys) == ["Amina", "Brahim"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_postgresql_database_in_use_is_never_replaced(
    source: AsyncEngine, database_url: str, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    await source.dispose()
    before = await sums_in(database_url)

    with pytest.raises(BackupFailed, match="not empty, and no backup takes the place of one"):
        await restored(made.path, database_url, keys, replace=True)

    assert await sums_in(database_url) == before


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_postgresql_database_with_company_is_left_alone(
    source: AsyncEngine, empty_url: NEW_URL, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    url = await empty_url("postgresql")
    other = create_engine(url)
    async with other.connect():
        with pytest.raises(BackupFailed, match=r"in use \(1 other connections\): stop every Jisr process"):
            await restored(made.path, url, keys)
    await other.dispose()

    await restored(made.path, url, keys)
    assert await names_in(url, keys) == ["Amina", "Brahim"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_postgresql_database_that_is_only_prepared_is_filled(
    source: AsyncEngine, empty_url: NEW_URL, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    url = await empty_url("postgresql")
    await schema.migrate(url)
    engine = create_engine(url)
    async with engine.begin() as connection:
        await stores(connection, keys).centres.load([centre_row("fes", "Fès")])
    await engine.dispose()

    await restored(made.path, url, keys)

    assert await names_in(url, keys) == ["Amina", "Brahim"]
    assert (await sums_in(url))["centres"].rows == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_postgresql_database_prepared_by_another_version_is_refused(
    source: AsyncEngine, empty_url: NEW_URL, keys: KeyRing, folder: Path
) -> None:
    made = await backed_up(source, keys, folder)
    url = await empty_url("postgresql")
    await schema.migrate(url, "0001")

    with pytest.raises(BackupFailed, match="prepared by another version of Jisr"):
        await restored(made.path, url, keys)


# Each day


class SetClock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


async def attempts(
    source: AsyncEngine, keys: KeyRing, folder: Path, *, last: datetime | None, now: datetime, code: int = 0
) -> tuple[int, list[tuple[str, object]]]:
    """Let the hour come, and return how often a backup was tried and what the log says."""
    trace = folder.parent / "trace"
    database = Database(source, keys, zone=casablanca(), zone_name=NAME)
    if last is not None:
        async with database.transaction() as unit:
            await unit.marks.set(BACKUP_MARK, last.isoformat())
    script = f"import sys; open({str(trace)!r}, 'a').write('x'); sys.exit({code})"
    daily = DailyBackup(database, SetClock(now), command=(sys.executable, "-c", script))
    with capture_logs() as lines:
        await daily.make_if_due()
    return len(trace.read_text()) if trace.exists() else 0, [
        (line["event"], line.get("reason")) for line in lines
    ]


@pytest.mark.parametrize(
    ("last", "now", "is_due"),
    [
        (None, "2026-11-23T14:00", True),
        ("2026-11-22T03:00:09", "2026-11-23T02:59", False),
        ("2026-11-22T03:00:09", "2026-11-23T03:00", True),
        ("2026-11-23T02:50", "2026-11-23T03:00", True),
        ("2026-11-23T03:00:09", "2026-11-23T04:00", False),
        # The machine was off in the night.
        ("2026-11-20T03:00:09", "2026-11-23T08:00", True),
        ("2026-11-20T03:00:09", "2026-11-23T01:00", True),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_there_is_one_backup_from_three_in_the_morning_on(
    source: AsyncEngine, keys: KeyRing, folder: Path, last: str | None, now: str, is_due: bool
) -> None:
    tried, lines = await attempts(
        source,
        keys,
        folder,
        last=None if last is None else datetime.fromisoformat(last).replace(tzinfo=UTC),
        now=datetime.fromisoformat(now).replace(tzinfo=UTC),
    )

    assert (tried, lines) == (int(is_due), [])


@pytest.mark.parametrize(
    ("code", "line"),
    [(2, []), (1, [("backup_failed", "it ended with exit code 1")])],
    ids=["it said why itself", "it could not"],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_one_that_fails_is_one_line_in_the_log(
    source: AsyncEngine, keys: KeyRing, folder: Path, code: int, line: list[tuple[str, object]]
) -> None:
    tried, lines = await attempts(source, keys, folder, last=None, now=NOW, code=code)

    assert (tried, lines) == (1, line)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_each_full_hour_is_looked_whether_one_is_due(source: AsyncEngine, keys: KeyRing) -> None:
    database = Database(source, keys, zone=casablanca(), zone_name=NAME)
    daily = DailyBackup(database, SetClock(NOW)).make_if_due
    ticks = Ticks(database, load_voice(), SetClock(NOW), backup=daily)

    (trigger,) = [trigger for job, trigger in ticks.timers() if job == daily]

    moment = trigger.get_next_fire_time(None, NOW)
    assert moment == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert trigger.get_next_fire_time(moment, moment + timedelta(seconds=1)) == moment + timedelta(hours=1)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_service_that_stops_takes_its_backup_along(
    source: AsyncEngine, keys: KeyRing, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "begun")
    database = Database(source, keys, zone=casablanca(), zone_name=NAME)
    script = (
        f"import os, time; open({str(tmp_path / 'begun')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    daily = DailyBackup(database, SetClock(NOW), command=(sys.executable, "-c", script))
    making = asyncio.create_task(daily.make_if_due())
    pid = int(await asyncio.to_thread((tmp_path / "begun").read_text))

    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
