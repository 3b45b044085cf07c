"""One database, SQLite or PostgreSQL, behind the same transaction.

SQLite: one process (a lock file refuses a second), one writer at a time; waiting for one's turn
happens in the event loop, never in SQLite's busy handler. PostgreSQL: any number of processes.
"""

import asyncio
import fcntl
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, event, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.encryption import KeyRing
from storage.errors import DatabaseLocked, DatabaseUnreachable, ProcessAlreadyRunning, StorageError
from storage.unit_of_work import UnitOfWork

# The PostgreSQL channel on which processes wake each other; the payload is a topic.
NOTIFY_CHANNEL = "jisr"
# How long PostgreSQL may take to accept a connection.
CONNECT_WITHIN_S = 10
# How long another program may hold an SQLite file before we give up.
BUSY_S = 15

_SILENT = (
    "The database does not answer: check that it runs and that its address (JISR_DATABASE_URL) is right."
)
_REFUSED = "The database refuses the user, the password or the name in its address (JISR_DATABASE_URL)."
_UNUSABLE = (
    "The database file can't be opened or written: check its folder, its owner and the disk's free space."
)
_DAMAGED = "The database file is damaged or no SQLite database: restore a backup, or choose another file."
_LOCKED = "The database is locked by another program: close that program, or try again later."

# SQLite's primary result codes. Source: sqlite.org, Result and Error Codes.
_SQLITE: dict[int, tuple[type[StorageError], str]] = {
    5: (DatabaseLocked, _LOCKED),  # BUSY
    6: (DatabaseLocked, _LOCKED),  # LOCKED
    8: (DatabaseUnreachable, _UNUSABLE),  # READONLY
    10: (DatabaseUnreachable, _UNUSABLE),  # IOERR
    11: (DatabaseUnreachable, _DAMAGED),  # CORRUPT
    13: (DatabaseUnreachable, _UNUSABLE),  # FULL
    14: (DatabaseUnreachable, _UNUSABLE),  # CANTOPEN
    26: (DatabaseUnreachable, _DAMAGED),  # NOTADB
}
# Beginnings of PostgreSQL's SQLSTATE. Source: its manual, appendix A.
_POSTGRESQL: dict[str, tuple[type[StorageError], str]] = {
    "08": (DatabaseUnreachable, _SILENT),  # connection lost
    "28": (DatabaseUnreachable, _REFUSED),  # user or password
    "3D000": (DatabaseUnreachable, _REFUSED),  # no such database
    "40001": (DatabaseLocked, _LOCKED),  # serialization failure
    "40P01": (DatabaseLocked, _LOCKED),  # deadlock
    "53": (DatabaseUnreachable, _SILENT),  # disk full, out of memory, too many connections
    "55P03": (DatabaseLocked, _LOCKED),  # lock not available
    "57P": (DatabaseUnreachable, _SILENT),  # shutting down, starting up
}


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for an async URL, set up so that both databases behave alike.

    Whatever is done with it raises DatabaseUnreachable or DatabaseLocked when the database is the reason.
    No error tells the values of a statement.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_async_engine(url, hide_parameters=True, pool_size=8, connect_args={"timeout": BUSY_S})
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        engine = create_async_engine(
            url,
            hide_parameters=True,
            pool_size=16,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={"timeout": CONNECT_WITHIN_S},
        )
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "handle_error", _raise_ours)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was acknowledged survives a power cut
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # SQLite's driver would begin a transaction late and as a reader, and two writers could then deadlock
    # instead of queueing.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect(dialect: Dialect, _: object, args: list[Any], parameters: dict[str, Any]) -> Any:
    try:
        return dialect.connect(*args, **parameters)
    except OSError as error:
        raise DatabaseUnreachable(_SILENT) from error


def _raise_ours(context: ExceptionContext) -> None:
    """Turn the driver's "can't reach" and "is locked" into ours; leave everything else as it is."""
    if context.is_pre_ping:
        return  # the pool connects anew, and that may raise
    error = context.original_exception
    if isinstance(error, OSError):
        context.is_disconnect = context.connection is not None
    if found := _ours(error):
        kind, sentence = found
        raise kind(sentence)
    if context.is_disconnect and isinstance(error, Exception):
        raise DatabaseUnreachable(_SILENT)


def _ours(error: BaseException) -> tuple[type[StorageError], str] | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)
    state = getattr(error, "sqlstate", None) or ""
    return next((ours for begins, ours in _POSTGRESQL.items() if state.startswith(begins)), None)


class Wakes:
    """Who waits for what: a commit rings a topic, everybody who waits for it goes on.

    A ring that comes while nobody waits is kept for the next who does, so no work is missed between
    "nothing to do" and "now I wait".
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @asynccontextmanager
    async def bell(self, *topics: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that rings with any of the topics for as long as the block runs."""
        bell = asyncio.Event()
        for topic in topics:
            self._bells[topic].add(bell)
        try:
            yield bell
        finally:
            for topic in topics:
                self._bells[topic].discard(bell)
                if not self._bells[topic]:
                    del self._bells[topic]

    def ring(self, topic: str) -> None:
        for bell in self._bells.get(topic, ()):
            bell.set()


async def rung(bell: asyncio.Event, *, timeout_s: float) -> None:
    """Wait until the bell rings or the time is up, and make it ready to ring again."""
    try:
        async with asyncio.timeout(timeout_s):
            await bell.wait()
    except TimeoutError:
        return
    finally:
        bell.clear()


class Database:
    """Hands out units of work. `zone` is the country's; it turns wall times into moments."""

    def __init__(self, engine: AsyncEngine, keys: KeyRing, *, zone: tzinfo, zone_name: str) -> None:
        self.engine = engine
        self.keys = keys
        self.wakes = Wakes()
        self._zone = zone
        self._zone_name = zone_name
        self._writer = asyncio.Lock() if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Run a block as one transaction: all of it is kept, or nothing.

        Raises DatabaseUnreachable or DatabaseLocked when the database is the reason; both may be
        tried again.
        """
        async with self._turn_to_write(), self._connected() as connection, connection.begin():
            unit = self._unit(connection)
            yield unit
            if not self.is_sqlite:
                for topic in sorted(unit.topics):
                    await connection.execute(
                        text("SELECT pg_notify(:channel, :topic)"),
                        {"channel": NOTIFY_CHANNEL, "topic": topic},
                    )
        for topic in unit.topics:
            self.wakes.ring(topic)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """Run a block that only reads, without waiting for the writer."""
        async with self._connected() as connection:
            yield self._unit(await connection.execution_options(isolation_level="AUTOCOMMIT"))

    async def relay_wakes(self, on_listening: Callable[[], None] | None = None) -> None:
        """Ring here what other processes ring, until cancelled (PostgreSQL; SQLite has one process).

        `on_listening` is called once nothing more can be missed.
        Raises DatabaseUnreachable when the listening connection is lost: wakes are only lost with
        it, never work, since every worker also looks by itself now and then.
        """
        async with self._connected() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # It listens for as long as it lives, so it must not go back among the others.
            await connection.run_sync(lambda sync_connection: sync_connection.detach())
            lost = asyncio.Event()
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(NOTIFY_CHANNEL, lambda *call: self.wakes.ring(call[3]))
            if on_listening:
                on_listening()
            await lost.wait()
        raise DatabaseUnreachable(_SILENT)

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self.engine.connect())
            except (OSError, PoolTimeout) as error:
                # An idle connection was found dead, or none came free; the rest is `create_engine`'s.
                raise DatabaseUnreachable(_SILENT) from error
            yield connection

    def _unit(self, connection: AsyncConnection) -> UnitOfWork:
        return UnitOfWork(connection, self.keys, zone=self._zone, zone_name=self._zone_name)

    def _turn_to_write(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._writer is None else self._writer


class ProcessLock:
    """Holds a lock file for as long as the process lives; the kernel lets it go even after a kill."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> None:
        """Raises ProcessAlreadyRunning when another process serves the same database."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseUnreachable(_UNUSABLE) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise ProcessAlreadyRunning(
                f"Another Jisr is already running on this database ({self._path.name} is held). "
                "Stop it first, or use PostgreSQL for more than one process."
            ) from error
        self._file = handle

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
