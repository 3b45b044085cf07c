import asyncio
import gc
import socket
import sqlite3
import struct
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, nullcontext
from pathlib import Path
from typing import Any, Self

import aiosqlite
import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import MOST_TOGETHER, Database, ProcessLock, create_engine, rung
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked, DatabaseUnreachable, ProcessAlreadyRunning
from storage.inbox import NewUpdate
from storage.schema import migrate
from storage.tables import marks
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, ZONE, ZONE_NAME

# Only ends a test that has failed.
PATIENCE_S = 60

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=ZONE, zone_name=ZONE_NAME)


@pytest.fixture
def impatient(engine: AsyncEngine, database: Database) -> Iterator[Database]:
    """A database (SQLite) that never waits for a lock: whoever meets one fails at once."""

    def never_wait(connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=0")

    event.listen(engine.sync_engine, "connect", never_wait)
    yield database
    event.remove(engine.sync_engine, "connect", never_wait)


@pytest.fixture
async def wire(request: pytest.FixtureRequest) -> AsyncIterator["Wire"]:
    async with Wire(request.getfixturevalue("postgres_server").socket_dir) as wire:
        yield wire


@pytest.fixture
async def far_database(wire: "Wire", database_url: str, keys: KeyRing) -> AsyncIterator[Database]:
    """The database (PostgreSQL) at the other end of the wire."""
    name = make_url(database_url).database
    engine = create_engine(f"postgresql+asyncpg://postgres@127.0.0.1:{wire.port}/{name}")
    yield Database(engine, keys, zone=ZONE, zone_name=ZONE_NAME)
    await engine.dispose()


class Wire:
    """A TCP port before PostgreSQL's socket, which can be cut and mended."""

    def __init__(self, socket_dir: Path) -> None:
        self._socket = f"{socket_dir}/.s.PGSQL.5432"
        self._server: asyncio.Server | None = None
        self._writers: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listened: dict[bytes, asyncio.Event] = {}
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self, *, reset: bool = False) -> None:
        """Refuse new connections and end those that are there, politely or with a reset."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            if reset:
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            writer.transport.abort()
        self._writers.clear()

    async def passes(self, words: bytes) -> None:
        """Wait until these words have gone to the server."""
        await self._listened.setdefault(words, asyncio.Event()).wait()

    async def _carry(self, client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._socket)
        self._writers.update((to_client, to_server))
        self._tasks.add(asyncio.create_task(self._pipe(client, to_server)))
        self._tasks.add(asyncio.create_task(self._pipe(server, to_client)))

    async def _pipe(self, source: StreamReader, target: StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
            for words, heard in self._listened.items():
                if words in data:
                    heard.set()
        target.transport.abort()


async def marked(database: Database, name: str) -> str | None:
    async with database.reading() as unit:
        return await unit.marks.get(name)


async def mark(database: Database, name: str, value: str = "yes") -> None:
    async with database.transaction() as unit:
        await unit.marks.set(name, value)


async def fail(database: Database, error: Exception, *names: str, topic: str = "any") -> None:
    async with database.transaction() as unit:
        for name in names:
            await unit.marks.set(name, "yes")
        unit.topics.add(topic)
        raise error


# All or nothing


async def test_a_transaction_that_ends_well_is_kept(database: Database) -> None:
    await mark(database, "first")

    assert await marked(database, "first") == "yes"


async def test_of_a_transaction_that_fails_nothing_is_kept(database: Database) -> None:
    with pytest.raises(LookupError):
        await fail(database, LookupError(), "first", "second")

    assert await marked(database, "first") is None
    assert await marked(database, "second") is None


async def test_of_a_transaction_that_is_cut_off_nothing_is_kept_and_others_go_on(
    database: Database,
) -> None:
    is_under_way = asyncio.Event()

    async def never_ends() -> None:
        async with database.transaction() as unit:
            await unit.marks.set("first", "yes")
            is_under_way.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await is_under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await marked(database, "first") is None
    await mark(database, "second")
    assert await marked(database, "second") == "yes"


@pytest.mark.parametrize("steps", range(24))
async def test_wherever_a_transaction_is_cut_off_others_go_on(
    database: Database, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is left of a connection stays in memory until the next look for garbage, and that may be long.
    gc.disable()
    monkeypatch.setattr("storage.database.BUSY_S", 0)
    async with database.transaction() as unit:
        await unit.inbox.next_at()

    async def writes() -> None:
        async with database.transaction() as unit:
            await unit.inbox.next_at()
            for number in range(9):
                await unit.marks.set(f"first{number}", "yes")

    try:
        task = asyncio.create_task(writes())
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait([task])
        # SQLite's own thread may still be at work for whoever was cut off.
        await mark(database, "second")
        assert await marked(database, "second") == "yes"
    finally:
        gc.enable()


async def test_what_a_block_raises_itself_is_not_taken_for_the_databases_fault(database: Database) -> None:
    for error in (FileNotFoundError(), TimeoutError(), ConnectionResetError()):
        with pytest.raises(type(error)):
            await fail(database, error, "first")


async def test_an_error_does_not_tell_what_was_written(database: Database) -> None:
    async def write_twice() -> None:
        async with database.transaction() as unit:
            for _ in range(2):
                await unit.connection.execute(insert(marks).values(name="first", value="marked Amina"))

    with pytest.raises(IntegrityError) as refused:
        await write_twice()

    assert "Amina" not in str(refused.value)


# Wakes


async def test_a_topic_rings_once_what_was_written_can_be_seen(database: Database) -> None:
    async def seen_when_it_rings() -> str | None:
        await bell.wait()
        return await marked(database, "first")

    async with database.wakes.bell("news", "other") as bell:
        waiting = asyncio.create_task(seen_when_it_rings())
        async with database.transaction() as unit:
            await unit.marks.set("first", "yes")
            unit.topics.add("news")
            await unit.marks.set("second", "yes")
            assert not bell.is_set()

        assert await waiting == "yes"


async def test_nothing_rings_when_a_transaction_fails(database: Database) -> None:
    async with database.wakes.bell("news") as bell:
        with pytest.raises(LookupError):
            await fail(database, LookupError(), "first", topic="news")

        assert not bell.is_set()


async def test_a_ring_is_kept_for_whoever_waits_next(database: Database) -> None:
    async with database.wakes.bell("news") as bell:
        database.wakes.ring("news")
        await asyncio.wait_for(rung(bell, timeout_s=3600), PATIENCE_S)

        waiting = asyncio.create_task(rung(bell, timeout_s=3600))
        database.wakes.ring("weather")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()

        database.wakes.ring("news")
        await asyncio.wait_for(waiting, PATIENCE_S)


async def test_waiting_ends_without_a_ring_when_the_time_is_up(database: Database) -> None:
    async with database.wakes.bell("news") as bell:
        await asyncio.wait_for(rung(bell, timeout_s=0), PATIENCE_S)


@on_postgresql
async def test_processes_wake_each_other(database: Database, database_url: str, keys: KeyRing) -> None:
    async with _another(database_url, keys) as other, database.wakes.bell("news") as bell:
        listens = asyncio.Event()
        relay = asyncio.create_task(database.relay_wakes(listens.set))
        async with asyncio.timeout(PATIENCE_S):
            await listens.wait()
            async with other.transaction() as unit:
                unit.topics.add("news")
            await bell.wait()
        relay.cancel()
        with pytest.raises(asyncio.CancelledError):
            await relay

        # The connection that listened has gone with it.
        async with asyncio.timeout(PATIENCE_S):
            while await _listeners(other):
                pass


@on_postgresql
async def test_whoever_listens_learns_that_the_connection_is_lost(
    database: Database, database_url: str, keys: KeyRing
) -> None:
    async with _another(database_url, keys) as other:
        relay = asyncio.create_task(database.relay_wakes())
        async with asyncio.timeout(PATIENCE_S):
            while not (listeners := await _listeners(other)):
                pass
            async with other.reading() as unit:
                await unit.connection.execute(
                    text("SELECT pg_terminate_backend(:pid)"), {"pid": listeners[0]}
                )
            with pytest.raises(DatabaseUnreachable):
                await relay


LISTENERS = """
SELECT pid FROM pg_stat_activity WHERE query ILIKE 'listen%' AND datname = current_database()
"""


async def _listeners(database: Database) -> list[int]:
    async with database.reading() as unit:
        return list((await unit.connection.scalars(text(LISTENERS))).all())


@asynccontextmanager
async def _another(database_url: str, keys: KeyRing) -> AsyncIterator[Database]:
    """Give the same database as another process would open it."""
    other = Database(create_engine(database_url), keys, zone=ZONE, zone_name=ZONE_NAME)
    yield other
    await other.close()


# SQLite: one writer after the other


@on_sqlite
async def test_fifty_writers_wait_for_each_other_in_the_event_loop(impatient: Database) -> None:
    async def counts() -> None:
        async with impatient.transaction() as unit:
            number = int(await unit.marks.get("number") or 0)
            await unit.marks.set("number", str(number + 1))

    await asyncio.gather(*(counts() for _ in range(50)))

    assert await marked(impatient, "number") == "50"


@on_sqlite
async def test_readers_and_the_writer_do_not_wait_for_each_other(impatient: Database) -> None:
    await mark(impatient, "number", "1")

    async with impatient.reading() as before:
        async with impatient.transaction() as writing:
            await writing.marks.set("number", "2")
            assert await before.marks.get("number") == "1"
            assert await marked(impatient, "number") == "1"

        assert await before.marks.get("number") == "2"
    await mark(impatient, "number", "3")
    assert await marked(impatient, "number") == "3"


# Writing together


class Straight:
    """Writes with statements that go straight to the driver."""

    @staticmethod
    async def write(unit: UnitOfWork, name: str) -> None:
        await unit.inbox.add([NewUpdate("telegram", name, name.encode(), "{}")], now=NOW)

    @staticmethod
    async def is_kept(database: Database, name: str) -> bool:
        async with database.reading() as unit:
            return bool(await unit.inbox.latest(name.encode(), limit=1))


class BySqlalchemy:
    """Writes with statements of which SQLAlchemy keeps books."""

    @staticmethod
    async def write(unit: UnitOfWork, name: str) -> None:
        await unit.marks.set(name, "yes")

    @staticmethod
    async def is_kept(database: Database, name: str) -> bool:
        return await marked(database, name) is not None


Way = type[Straight] | type[BySqlalchemy]
each_way = pytest.mark.parametrize("way", [Straight, BySqlalchemy])


async def write(database: Database, way: Way, name: str) -> None:
    async with database.transaction() as unit:
        await way.write(unit, name)
        if name == "bad":
            raise LookupError


@on_sqlite
async def test_who_writes_at_the_same_time_waits_for_the_disk_once(database: Database) -> None:
    async with commits_of(database) as commits:
        await asyncio.gather(*(write(database, Straight, f"mark{number}") for number in range(8)))

    assert len(commits) == 1
    assert all([await Straight.is_kept(database, f"mark{number}") for number in range(8)])


@on_sqlite
async def test_a_crowd_does_not_all_wait_for_the_last_of_it(database: Database) -> None:
    async with commits_of(database) as commits:
        crowd = range(3 * MOST_TOGETHER)
        await asyncio.gather(*(write(database, Straight, f"mark{number}") for number in crowd))

    # Who stands in the writer's line when enough have written goes on with them.
    assert len(commits) in (2, 3)


@on_sqlite
async def test_what_calls_others_one_by_one_waits_for_the_disk_with_them(database: Database) -> None:
    async def write_and_call(number: int) -> None:
        next_one = None
        async with database.transaction() as unit:
            await Straight.write(unit, f"mark{number}")
            if number < 5:
                next_one = asyncio.create_task(write_and_call(number + 1))
        if next_one:
            await next_one

    async with commits_of(database) as commits:
        await write_and_call(0)

    assert len(commits) == 1


@on_sqlite
async def test_what_is_urgent_is_written_before_those_who_wait(database: Database) -> None:
    written: list[str] = []

    async def note(name: str, *, urgent: bool = False) -> None:
        async with database.transaction(urgent=urgent) as unit:
            written.append(name)
            await Straight.write(unit, name)
            # Others come while this one writes.
            await asyncio.sleep(0)

    in_line = [note(name) for name in ("first", "second", "third", "fourth")]
    await asyncio.gather(*in_line, note("urgent", urgent=True))

    # One may have stood in the writer's line before it.
    assert written.index("urgent") <= 2
    assert set(written) == {"first", "second", "third", "fourth", "urgent"}


@on_sqlite
@each_way
async def test_nobody_goes_on_before_what_they_wrote_is_kept(database: Database, way: Way) -> None:
    async def writes(name: str) -> bool:
        await write(database, way, name)
        return await way.is_kept(database, name)

    assert all(await asyncio.gather(*(writes(f"mark{number}") for number in range(8))))


@on_sqlite
@each_way
@pytest.mark.parametrize("order", [("good", "bad", "late"), ("bad", "good", "late"), ("good", "late", "bad")])
async def test_of_those_who_write_together_one_who_fails_is_undone_alone(
    database: Database, way: Way, order: tuple[str, ...]
) -> None:
    outcomes = await asyncio.gather(*(write(database, way, name) for name in order), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [
        LookupError if name == "bad" else type(None) for name in order
    ]
    assert [await way.is_kept(database, name) for name in ("good", "bad", "late")] == [True, False, True]


@on_sqlite
@each_way
async def test_of_those_who_write_together_one_who_is_cut_off_is_undone_alone(
    database: Database, way: Way
) -> None:
    is_under_way = asyncio.Event()

    async def never_ends() -> None:
        async with database.transaction() as unit:
            await way.write(unit, "second")
            is_under_way.set()
            await asyncio.Event().wait()

    first = asyncio.create_task(write(database, way, "first"))
    second = asyncio.create_task(never_ends())
    third = asyncio.create_task(write(database, way, "third"))
    await is_under_way.wait()
    second.cancel()
    await asyncio.wait([first, second, third])

    assert (first.exception(), second.cancelled(), third.exception()) == (None, True, None)
    kept = [await way.is_kept(database, name) for name in ("first", "second", "third")]
    assert kept == [True, False, True]


@on_sqlite
async def test_when_the_common_commit_fails_all_who_wrote_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    names = [f"mark{number}" for number in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(aiosqlite.Connection, "commit", full)
        outcomes = await asyncio.gather(
            *(write(database, Straight, name) for name in names), return_exceptions=True
        )

    assert [type(outcome) for outcome in outcomes] == [DatabaseUnreachable] * 3
    assert [await Straight.is_kept(database, name) for name in names] == [False] * 3
    await write(database, Straight, "later")
    assert await Straight.is_kept(database, "later")


@on_sqlite
async def test_when_sqlite_undoes_all_by_itself_all_who_wrote_are_told(database: Database) -> None:
    async def loses_all() -> None:
        async with database.transaction() as unit:
            await Straight.write(unit, "second")
            driver: Any = (await unit.connection.get_raw_connection()).driver_connection
            # As SQLite does when the disk is full.
            driver.in_this_thread.rollback()
            raise sqlite3.OperationalError("database or disk is full")

    outcomes = await asyncio.gather(
        write(database, Straight, "first"), loses_all(), write(database, Straight, "third"),
        return_exceptions=True,
    )  # fmt: skip

    assert [type(outcome) for outcome in outcomes] == [
        DatabaseUnreachable,
        sqlite3.OperationalError,
        type(None),
    ]
    assert [await Straight.is_kept(database, name) for name in ("first", "second", "third")] == [
        False,
        False,
        True,
    ]


@asynccontextmanager
async def commits_of(database: Database) -> AsyncIterator[list[str]]:
    """Give a list that grows by each wait for the disk."""
    commits: list[str] = []
    to_disk = aiosqlite.Connection.commit

    async def noted(self: aiosqlite.Connection) -> None:
        commits.append("commit")
        await to_disk(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(aiosqlite.Connection, "commit", noted)
        yield commits


# Trouble


@on_sqlite
async def test_a_file_that_another_program_holds_is_locked_until_it_lets_go(
    impatient: Database, database_url: str
) -> None:
    path = make_url(database_url).database or ""
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseLocked, match="locked by another program"):
            await mark(impatient, "first")
        program.execute("ROLLBACK")

    await mark(impatient, "first")
    assert await marked(impatient, "first") == "yes"


@on_sqlite
async def test_a_full_disk_is_the_databases_fault(database: Database, engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def grow_no_more(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1")

    async def fill_it_up() -> None:
        for number in range(1000):
            await mark(database, f"mark {number}", "x" * 200)

    with pytest.raises(DatabaseUnreachable, match="disk"):
        await fill_it_up()


@pytest.mark.parametrize("content", [b"no database at all, but a letter of more than sixteen bytes", None])
async def test_a_file_that_is_no_database_is_said_to_be_so(
    content: bytes | None, tmp_path: Path, keys: KeyRing
) -> None:
    """One holds something else, the other's folder is missing."""
    path = tmp_path / "here" / "jisr.db"
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)

    async with _another(f"sqlite+aiosqlite:///{path}", keys) as database:
        with pytest.raises(DatabaseUnreachable, match="file"):
            await mark(database, "first")
    with pytest.raises(DatabaseUnreachable, match="file"):
        await migrate(f"sqlite+aiosqlite:///{path}")


async def test_a_server_that_is_not_there_is_unreachable_for_all_who_begin(keys: KeyRing) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql+asyncpg://jisr:secret@127.0.0.1:{unused.getsockname()[1]}/jisr"
        async with _another(url, keys) as database:
            for attempt in (mark(database, "first"), marked(database, "first"), database.relay_wakes()):
                with pytest.raises(DatabaseUnreachable) as refused:
                    await attempt
                assert "does not answer" in str(refused.value)
                assert "secret" not in str(refused.value)
        with pytest.raises(DatabaseUnreachable):
            await migrate(url)


@on_postgresql
async def test_a_database_that_does_not_exist_is_refused(database_url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="refuses"):
        await migrate(str(make_url(database_url).set(database="nowhere")))


@on_postgresql
@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_goes_away_in_a_statement_is_unreachable_and_comes_back(
    wire: Wire, far_database: Database, reset: bool
) -> None:
    async def writes() -> None:
        async with far_database.transaction() as unit:
            await unit.marks.set("first", "yes")
            await unit.connection.execute(text("SELECT pg_sleep(3600)"))

    async with asyncio.timeout(PATIENCE_S):
        writing = asyncio.create_task(writes())
        await wire.passes(b"pg_sleep")
        wire.cut(reset=reset)
        with pytest.raises(DatabaseUnreachable):
            await writing
        with pytest.raises(DatabaseUnreachable):
            await mark(far_database, "second")

        await wire.mend()
        await mark(far_database, "third")
        assert await marked(far_database, "first") is None
        assert await marked(far_database, "third") == "yes"


@on_postgresql
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("inside_a_savepoint", [False, True])
async def test_a_server_that_goes_away_between_statements_is_unreachable(
    wire: Wire, far_database: Database, reset: bool, inside_a_savepoint: bool
) -> None:
    async def is_cut_off() -> None:
        async with far_database.transaction() as unit:
            await unit.marks.set("first", "yes")
            async with unit.connection.begin_nested() if inside_a_savepoint else nullcontext():
                wire.cut(reset=reset)
                if inside_a_savepoint:
                    await unit.marks.set("second", "yes")

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(DatabaseUnreachable):
            await is_cut_off()

        await wire.mend()
        assert await marked(far_database, "first") is None


@on_postgresql
async def test_who_loses_in_a_deadlock_may_try_again(database: Database) -> None:
    await mark(database, "first", "0")
    await mark(database, "second", "0")
    both_hold_one = asyncio.Barrier(2)

    async def writes(*names: str) -> None:
        async with database.transaction() as unit:
            await unit.connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            await unit.marks.set(names[0], "1")
            await both_hold_one.wait()
            await unit.marks.set(names[1], "1")

    results = await asyncio.gather(
        writes("first", "second"), writes("second", "first"), return_exceptions=True
    )

    assert [type(result) for result in results if result is not None] == [DatabaseLocked]


# One process


HOLD = """
import sys
from pathlib import Path
from storage.database import ProcessLock
ProcessLock(Path(sys.argv[1])).take()
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_process_is_refused_until_the_first_has_gone_even_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "jisr.lock"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(path),
        cwd=Path(__file__).parents[2], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    lock = ProcessLock(path)

    with pytest.raises(ProcessAlreadyRunning, match=r"jisr\.lock"):
        lock.take()

    holder.kill()
    await holder.wait()
    lock.take()
    with pytest.raises(ProcessAlreadyRunning):
        ProcessLock(path).take()
    lock.release()
    ProcessLock(path).take()


def test_a_lock_file_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match="folder"):
        ProcessLock(tmp_path).take()
