"""One database, SQLite or PostgreSQL, behind the same transaction.

SQLite: one process (a lock file refuses a second), one writer at a time; waiting for one's turn
happens in the event loop, never in SQLite's busy handler. PostgreSQL: any number of processes.
"""

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import Connection, Dialect, Engine, Text, bindparam, event, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.encryption import KeyRing
from storage.errors import (
    SILENT,
    UNUSABLE,
    DatabaseLocked,
    DatabaseUnreachable,
    ProcessAlreadyRunning,
    TransactionFailed,
    ours,
)
from storage.outbox import Carrier
from storage.prepared import Into, Statement, driver_of, goes_straight, prepared, translated
from storage.unit_of_work import UnitOfWork

# The PostgreSQL channel on which processes wake each other; the payload is a topic.
NOTIFY_CHANNEL = "jisr"
# How long PostgreSQL may take to accept a connection.
CONNECT_WITHIN_S = 10
# How long another program may hold an SQLite file before we give up.
BUSY_S = 15
# For so long SQLite itself waits, in the event loop's thread; beyond, we wait and let others go on.
BUSY_IN_LOOP_MS = 20
BUSY_PAUSE_S = 0.05
# Of the file's pages each connection keeps so many of its own; the system keeps the others.
CACHE_KIB = 512
# Connections kept open between transactions, by "is it SQLite", each of whose has a cache of its own.
MOST_IDLE = {True: 4, False: 24}
# On SQLite so many at most wait for the disk together: the first of them waits for the last to write.
MOST_TOGETHER = 32


@prepared
def _notify(into: Into) -> Statement:
    topics = bindparam("topics", type_=ARRAY(Text))
    return select(func.pg_notify(bindparam("notify_channel", type_=Text), func.unnest(topics)))


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for an async URL, set up so that both databases behave alike.

    Whatever is done with it raises DatabaseUnreachable or DatabaseLocked when the database is the reason.
    No error tells the values of a statement.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_async_engine(
            url, hide_parameters=True, pool_size=8, async_creator=partial(_open_sqlite, url)
        )
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


log = logging.getLogger(__name__)


class _SqliteDriver(sqlite3.Connection):
    def close(self) -> None:
        # While a statement of a closed connection is in memory, until somebody looks for garbage,
        # its transaction goes on and nobody else may write.
        if self.in_transaction:
            self.rollback()
        super().close()


class _SqliteConnection(aiosqlite.Connection):
    """aiosqlite's, which works in a thread of its own, with the way past that thread for short statements."""

    @property
    def in_this_thread(self) -> sqlite3.Connection:
        return self._conn


def _open_sqlite(url: str) -> _SqliteConnection:
    path = make_url(url).database
    connect = partial(sqlite3.connect, path, timeout=BUSY_S, check_same_thread=False, factory=_SqliteDriver)
    connection = _SqliteConnection(connect, iter_chunk_size=64)
    # A connection that somebody forgot to close must not keep the process alive.
    connection._thread.daemon = True
    return connection


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
        raise DatabaseUnreachable(SILENT) from error


def _raise_ours(context: ExceptionContext) -> None:
    """Turn the driver's "can't reach" and "is locked" into ours; leave everything else as it is."""
    if context.is_pre_ping:
        return  # the pool connects anew, and that may raise
    error = context.original_exception
    if isinstance(error, OSError):
        context.is_disconnect = context.connection is not None
    if found := ours(error):
        raise found
    if context.is_disconnect and isinstance(error, Exception):
        raise DatabaseUnreachable(SILENT)


class Wakes:
    """Who waits for what: a commit rings a topic, everybody who waits for it goes on.

    A ring that comes while nobody waits is kept for the next who does, so no work is missed between
    "nothing to do" and "now I wait".
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._rung: Counter[str] = Counter()

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

    def times_rung(self, topic: str) -> int:
        """Return how often a topic has rung so far."""
        return self._rung[topic]

    def ring(self, topic: str) -> None:
        self._rung[topic] += 1
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


class _Joint:
    """A transaction of SQLite in which several write one after the other."""

    def __init__(self, connection: AsyncConnection, changes_before: int) -> None:
        self.connection = connection
        self.changes_before = changes_before
        # How many have written so far.
        self.blocks = 0
        self.ending: asyncio.Task[None] | None = None
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Whose own block has failed does not ask.
        self.outcome.add_done_callback(lambda outcome: outcome.exception())


class _Teller:
    """Tells other processes what has rung here: after the commit, and all at once what came together.

    Within the transactions, PostgreSQL would let only one of them commit at a time. What is lost with the
    connection is found all the same: every worker looks by itself now and then.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._topics: set[str] = set()
        self._telling: asyncio.Task[None] | None = None

    def tell(self, topics: Collection[str]) -> None:
        self._topics.update(topics)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._topics:
            topics, self._topics = self._topics, set()
            try:
                await _tell(self._connection, topics)
            except (DatabaseUnreachable, DatabaseLocked) as error:
                log.debug("wakes_not_told", extra={"error": type(error).__name__})
                return


class Database:
    """Hands out units of work. `zone` is the country's; it turns wall times into moments."""

    def __init__(self, engine: AsyncEngine, keys: KeyRing, *, zone: tzinfo, zone_name: str) -> None:
        self.engine = engine
        self.keys = keys
        self.wakes = Wakes()
        # Who sends for which channel in this process.
        self.carriers: dict[str, Carrier] = {}
        self._zone = zone
        self._zone_name = zone_name
        self._writer = asyncio.Lock() if self.is_sqlite else None
        # Who is in no hurry comes through here, so that only one of them stands in the writer's line.
        self._door = asyncio.Lock()
        # The transaction that whoever writes next may go on in.
        self._joint: _Joint | None = None
        self._teller: _Teller | None = None
        self._idle: list[AsyncConnection] = []
        # Whether another program was still writing when somebody here had waited for it as long as we do.
        self._is_locked = False
        event.listen(engine.sync_engine, "engine_disposed", self._close_idle)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[UnitOfWork]:
        """Run a block as one transaction: all of it is kept, or nothing.

        An urgent one, which must be short, goes before all others that wait to write. Raises
        DatabaseUnreachable or DatabaseLocked when the database is the reason; both may be tried again.
        """
        async with self._alone() if self._writer is None else self._jointly(self._writer, urgent) as unit:
            yield unit
        for carrier, row in unit.outbox.carried:
            carrier.carry(row)
        for topic in unit.topics:
            self.wakes.ring(topic)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[UnitOfWork]:
        async with self._lent() as connection:
            unit = self._unit(connection)
            changes_before = await self._begin(connection)
            try:
                yield unit
                if unit.topics and self._teller is None:
                    await _tell(connection, unit.topics)
                await self._commit(connection, changes_before)
            except Exception:
                await _roll_back(connection)
                raise
        if unit.topics and self._teller is not None:
            self._teller.tell(unit.topics)

    # SQLite: many blocks, each all or nothing, and one wait for the disk

    @asynccontextmanager
    async def _jointly(self, writer: asyncio.Lock, urgent: bool) -> AsyncIterator[UnitOfWork]:
        """Run a block by itself, and wait for the disk together with all who want to write now.

        Who finds no transaction begins one. Those who come next go on in the same transaction, and the commit
        behind them is everybody's. A block that fails is undone alone.
        """
        async with AsyncExitStack() as turn:
            if not urgent:
                await turn.enter_async_context(self._door)
            await turn.enter_async_context(writer)
            joint = self._joint
            is_first = joint is None
            if joint is None:
                joint = await self._begin_joint()
            try:
                if not is_first:
                    _execute(joint.connection, "SAVEPOINT joint")
                yield self._unit(joint.connection)
                if not is_first:
                    _execute(joint.connection, "RELEASE joint")
            except BaseException as error:
                await (self._abandon(joint, error) if is_first else self._undo_last(joint, error))
                raise
            joint.blocks += 1
            if _has_begun(joint.connection):
                # What SQLAlchemy has begun for its own account only a commit ends.
                await self._end(joint)
            elif is_first:
                self._joint = joint
                joint.ending = asyncio.create_task(self._end_when_free(joint, writer))
        await asyncio.shield(joint.outcome)

    async def _begin_joint(self) -> "_Joint":
        connection = await self._take()
        try:
            return _Joint(connection, await self._begin(connection))
        except BaseException as error:
            await self._take_back(connection, is_well=isinstance(error, DatabaseLocked))
            raise

    async def _undo_last(self, joint: "_Joint", error: BaseException) -> None:
        """Undo one block; where SQLite or SQLAlchemy has undone all of them, all who wait fail."""
        connection = joint.connection
        try:
            if connection.closed or connection.invalidated:
                raise DatabaseUnreachable(SILENT)
            _execute(connection, "ROLLBACK TO joint")
            _execute(connection, "RELEASE joint")
        except (DBAPIError, DatabaseLocked, DatabaseUnreachable):
            await self._abandon(joint, error)
            return
        if _has_begun(connection):
            await self._end(joint)

    async def _end_when_free(self, joint: "_Joint", writer: asyncio.Lock) -> None:
        """Commit when nobody has come any more, or enough have."""
        seen = 0
        while seen < joint.blocks < MOST_TOGETHER:
            seen = joint.blocks
            # Whoever is about to write does so first: a turn calls the next one, and so on.
            await asyncio.sleep(0)
        async with writer:
            await self._end(joint)

    async def _end(self, joint: "_Joint") -> None:
        """Commit unless that was done; everybody who has a part in it is told how it went."""
        if joint.outcome.done():
            return
        try:
            await self._commit(joint.connection, joint.changes_before)
        except BaseException as error:
            await self._abandon(joint, error, told=error if isinstance(error, Exception) else None)
            if not isinstance(error, Exception):
                raise
            return
        self._leave(joint)
        joint.outcome.set_result(None)
        await self._take_back(joint.connection, is_well=True)

    async def _abandon(self, joint: "_Joint", error: BaseException, *, told: Exception | None = None) -> None:
        """Undo everything, and have all who wrote try again unless something else is to be told."""
        self._leave(joint)
        joint.outcome.set_exception(told or DatabaseUnreachable(SILENT))
        is_well = isinstance(error, Exception) and not isinstance(error, DatabaseUnreachable)
        if is_well:
            await _roll_back(joint.connection)
        await self._take_back(joint.connection, is_well=is_well)

    def _leave(self, joint: "_Joint") -> None:
        if self._joint is joint:
            self._joint = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """Run a block that only reads, without waiting for the writer."""
        async with self._lent() as connection:
            yield self._unit(connection)
            if _has_begun(connection):
                await connection.rollback()

    async def relay_wakes(self, on_listening: Callable[[], None] | None = None) -> None:
        """Ring here what other processes ring, until cancelled (PostgreSQL; SQLite has one process).

        `on_listening` is called once nothing more can be missed.
        Raises DatabaseUnreachable when the listening connection is lost: wakes are only lost with
        it, never work, since every worker also looks by itself now and then.
        """
        async with self._lent() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # It listens for as long as it lives, so it must not go back among the others.
            await connection.run_sync(lambda sync_connection: sync_connection.detach())
            lost = asyncio.Event()
            driver.add_termination_listener(lambda _: lost.set())
            own = driver.get_server_pid()
            # What this process tells the others, it has heard already.
            await driver.add_listener(
                NOTIFY_CHANNEL, lambda *call: self.wakes.ring(call[3]) if call[1] != own else None
            )
            self._teller = _Teller(connection)
            try:
                if on_listening:
                    on_listening()
                await lost.wait()
            finally:
                self._teller = None
        raise DatabaseUnreachable(SILENT)

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection outside any transaction, to be kept for the next.

        Checking one out of SQLAlchemy's pool costs as much as all statements of a turn.
        """
        connection = await self._take()
        is_well = False
        try:
            yield connection
            is_well = True
        except Exception as error:
            is_well = not isinstance(error, DatabaseUnreachable)
            raise
        finally:
            await self._take_back(connection, is_well=is_well)

    async def _take_back(self, connection: AsyncConnection, *, is_well: bool) -> None:
        if is_well and len(self._idle) < MOST_IDLE[self.is_sqlite] and _is_usable(connection):
            self._idle.append(connection)
        else:
            # One whose statement was cancelled half-way is in no state to be used again.
            await asyncio.shield(_let_go(connection))

    async def _take(self) -> AsyncConnection:
        while self._idle:
            connection = self._idle.pop()
            if _is_usable(connection):
                return connection
            await _let_go(connection)
        try:
            connection = await self.engine.connect()
        except (OSError, PoolTimeout) as error:
            # None came free; the rest is `create_engine`'s.
            raise DatabaseUnreachable(SILENT) from error
        try:
            # Transactions are begun and ended on the driver; between, SQLAlchemy has nothing to add.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.is_sqlite:
                await connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_IN_LOOP_MS}")
                await connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
                await connection.rollback()
            goes_straight(connection)
        except BaseException:
            await asyncio.shield(_let_go(connection))
            raise
        return connection

    async def _begin(self, connection: AsyncConnection) -> int:
        """Begin a transaction; who comes after one that waited in vain does not wait as long once more."""
        try:
            changes_before = await _begin(connection, patient=not self._is_locked)
        except DatabaseLocked:
            self._is_locked = True
            raise
        self._is_locked = False
        return changes_before

    async def _commit(self, connection: AsyncConnection, changes_before: int) -> None:
        """Raises TransactionFailed when a statement went wrong and the block did not say so."""
        if _has_begun(connection):
            # What SQLAlchemy has begun for its own account; on SQLite this commits.
            await connection.commit()
        driver = _driver(connection)
        try:
            if not isinstance(driver, sqlite3.Connection):
                if await driver.execute("COMMIT") != "COMMIT":
                    raise TransactionFailed(
                        "A statement of the transaction failed, so nothing of it was kept."
                    )
            elif driver.in_transaction and driver.total_changes == changes_before:
                driver.commit()
            elif driver.in_transaction:
                # Others go on while the disk is waited for, and write together afterwards.
                await _in_its_thread(connection).commit()
        except Exception as error:
            raise translated(error, "COMMIT") from error

    def _close_idle(self, _: Engine) -> None:
        """SQLAlchemy calls this where it may wait for the driver."""
        while self._idle:
            sync_connection = self._idle.pop().sync_connection
            if sync_connection is not None:
                sync_connection.invalidate()
                sync_connection.close()

    def _unit(self, connection: AsyncConnection) -> UnitOfWork:
        return UnitOfWork(
            connection, self.keys, zone=self._zone, zone_name=self._zone_name, carriers=self.carriers
        )


async def _tell(connection: AsyncConnection, topics: Collection[str]) -> None:
    await _notify.all(connection, notify_channel=NOTIFY_CHANNEL, topics=sorted(topics))


async def _begin(connection: AsyncConnection, *, patient: bool) -> int:
    """Return how many rows were ever changed on the connection, as far as that is known.

    A patient one waits BUSY_S for another program that writes.
    """
    driver = _driver(connection)
    try:
        if not isinstance(driver, sqlite3.Connection):
            await driver.execute("BEGIN")
            return 0
        for _ in range(round(BUSY_S / BUSY_PAUSE_S) if patient else 0):
            try:
                driver.execute("BEGIN IMMEDIATE")
                return driver.total_changes
            except sqlite3.OperationalError as error:
                if not isinstance(ours(error), DatabaseLocked):
                    raise
            # Another program is writing: the event loop must not stand still for it.
            await asyncio.sleep(BUSY_PAUSE_S)
        driver.execute("BEGIN IMMEDIATE")
    except Exception as error:
        raise translated(error, "BEGIN") from error
    return driver.total_changes


def _execute(connection: AsyncConnection, sql: str) -> None:
    """Run a statement about transactions on SQLite."""
    try:
        _driver(connection).execute(sql)
    except sqlite3.Error as error:
        raise translated(error, sql) from error


async def _roll_back(connection: AsyncConnection) -> None:
    """Undo what was begun. What fails here is left to `_is_usable`: only the first error tells anything."""
    try:
        if _has_begun(connection):
            await connection.rollback()
        driver = _driver(connection)
        if isinstance(driver, sqlite3.Connection):
            if driver.in_transaction:
                driver.rollback()
        elif driver.is_in_transaction():
            await driver.execute("ROLLBACK")
    except Exception as error:
        log.debug("rollback_failed", extra={"error": type(error).__name__})


async def _let_go(connection: AsyncConnection) -> None:
    await connection.invalidate()
    await connection.close()


def _is_usable(connection: AsyncConnection) -> bool:
    if connection.closed or connection.invalidated or _has_begun(connection):
        return False
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection):
        return not driver.in_transaction
    return driver is not None and not driver.is_closed() and not driver.is_in_transaction()


def _has_begun(connection: AsyncConnection) -> bool:
    """Whether SQLAlchemy has a transaction in its books, also one that failed."""
    return _sync(connection).get_transaction() is not None


def _driver(connection: AsyncConnection) -> Any:
    return driver_of(_sync(connection))


def _in_its_thread(connection: AsyncConnection) -> Any:
    return _sync(connection).connection.driver_connection


def _sync(connection: AsyncConnection) -> Connection:
    if connection.sync_connection is None:
        raise DatabaseUnreachable(SILENT)
    return connection.sync_connection


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
            raise DatabaseUnreachable(UNUSABLE) from error
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
