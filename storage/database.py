"""One database, SQLite or PostgreSQL, behind the same transaction.

SQLite: one process (a lock file refuses a second), one writer at a time; waiting for one's turn
happens in the event loop, never in SQLite's busy handler. PostgreSQL: any number of processes.
"""

import asyncio
import fcntl
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.encryption import KeyRing
from storage.errors import DatabaseLocked, DatabaseUnreachable, ProcessAlreadyRunning
from storage.unit_of_work import UnitOfWork

# The PostgreSQL channel on which processes wake each other; the payload is a topic.
NOTIFY_CHANNEL = "jisr"


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for an async URL, set up so that both databases behave alike.

    SQLAlchemy is told to leave BEGIN to us: SQLite's driver would begin a transaction late and as a reader,
    and two writers could then deadlock instead of queueing.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=16, max_overflow=8, pool_pre_ping=True)
    engine = create_async_engine(url, pool_size=8, connect_args={"timeout": 15})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # what was acknowledged survives a power cut
            "foreign_keys=ON",
            "busy_timeout=15000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


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
        async with self._turn_to_write():
            with _database_errors():
                async with self.engine.begin() as connection:
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
        with _database_errors():
            async with self.engine.connect() as connection:
                connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield self._unit(connection)

    async def relay_wakes(self) -> None:
        """Ring here what other processes ring, until cancelled (PostgreSQL; SQLite has one process).

        Raises DatabaseUnreachable when the listening connection is lost: wakes are only lost with
        it, never work, since every worker also looks by itself now and then.
        """
        with _database_errors():
            async with self.engine.connect() as connection:
                connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
                driver: Any = (await connection.get_raw_connection()).driver_connection
                lost = asyncio.Event()
                driver.add_termination_listener(lambda _: lost.set())
                await driver.add_listener(NOTIFY_CHANNEL, lambda *call: self.wakes.ring(call[3]))
                await lost.wait()
        raise DatabaseUnreachable("The listening connection was lost.")

    async def close(self) -> None:
        await self.engine.dispose()

    def _unit(self, connection: AsyncConnection) -> UnitOfWork:
        return UnitOfWork(connection, self.keys, zone=self._zone, zone_name=self._zone_name)

    def _turn_to_write(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._writer is None else self._writer


class _database_errors:  # noqa: N801 - reads as the phrase it is used in
    """Turn the driver's "can't reach" and "is locked" into ours; leave everything else as it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        match error:
            case DBAPIError() if "database is locked" in str(error.orig):
                raise DatabaseLocked("The database is locked by another program.") from error
            case DBAPIError() if error.connection_invalidated or "unable to open" in str(error.orig):
                raise DatabaseUnreachable("The database does not answer.") from error
            case OSError() | TimeoutError() if not isinstance(error, InterruptedError):
                raise DatabaseUnreachable("The database does not answer.") from error


class ProcessLock:
    """Holds a lock file for as long as the process lives; the kernel lets it go even after a kill."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> None:
        """Raises ProcessAlreadyRunning when another process serves the same database."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
