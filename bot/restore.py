"""Restoring a backup, into SQLite or PostgreSQL, whichever it was made of. Nothing is lost on the way.

SQLite: a new file is made beside the old one, and takes its place at the end; the old one is kept aside.
PostgreSQL: only an empty database is filled, in one transaction.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.backup import TIME_IN_NAME, BackupFailed, fill_file, opened_backup, sync
from storage import schema
from storage.database import create_engine
from storage.dumps import Dump, check_readable, is_empty, load_dump, lock_tables
from storage.encryption import KeyRing
from storage.errors import BackupUnusable, DatabaseUnreachable, SchemaOutdated
from storage.restoring import GivenUp, settle

# No process gives rows more numbers than that, averaged over the time since a backup.
NUMBERS_A_SECOND = 100
# A process that was stopped a moment ago may still hang on.
GONE_WITHIN_S, LOOK_AGAIN_S = 3.0, 0.2


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `kept` is where the database before is, None when there was none."""

    made_at: datetime
    rows: int
    given_up: GivenUp
    kept: Path | None


async def restore_sqlite(
    backup: Path, path: Path, keys: KeyRing, *, replace: bool, now: datetime
) -> Restored:
    """Put a backup in the place of an SQLite file. Only while nobody else has the file: see ProcessLock."""
    if not replace and not await _is_empty_file(path):
        raise BackupFailed(
            f"The database {path} is not empty. With --replace the backup takes its place, "
            "and it is kept beside it under another name."
        )
    new = path.with_name(f"{path.name}.restoring")
    try:
        with _room_for(new), opened_backup(backup, keys) as dump:
            engine = await fill_file(new, dump, keys, numbers_ahead=_numbers_ahead(dump, now))
            try:
                async with engine.begin() as connection:
                    given_up = await settle(connection, now=now)
            finally:
                await engine.dispose()
            await schema.migrate(f"sqlite+aiosqlite:///{new}")
            sync(new)
            kept = _take_place(new, path, now)
    except (DatabaseUnreachable, OSError) as error:
        raise BackupFailed(
            f"The folder {path.parent} can't be written: check its owner and the disk's free space. "
            "The database there is as it was."
        ) from error
    return _restored(dump, given_up, kept)


async def restore_postgresql(backup: Path, url: str, keys: KeyRing, *, now: datetime) -> Restored:
    """Fill an empty PostgreSQL database from a backup."""
    with opened_backup(backup, keys) as dump:
        # Known to be whole before anything is touched.
        dump.check()
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            await _refuse_company(connection)
            await _refuse_rows(connection)
            revision = await schema.current(connection)
        if revision not in (None, dump.header.revision):
            raise BackupFailed(
                "The database was prepared by another version of Jisr than the backup's: make a new one, "
                "and restore there before the first start."
            )
        try:
            await schema.migrate(url, dump.header.revision)
        except SchemaOutdated:
            raise BackupUnusable(
                "The backup was made by a newer version of Jisr: restore it with that version."
            ) from None
        try:
            given_up = await _fill(engine, backup, keys, now)
        except DBAPIError as error:
            raise BackupFailed(
                f"PostgreSQL refuses the backup's rows ({type(error).__name__}): nothing was restored."
            ) from error
        await schema.migrate(url)
    finally:
        await engine.dispose()
    return _restored(dump, given_up, None)


async def _fill(engine: AsyncEngine, backup: Path, keys: KeyRing, now: datetime) -> GivenUp:
    with opened_backup(backup, keys) as dump:
        async with engine.begin() as connection:
            await lock_tables(connection)
            await _refuse_rows(connection)
            await load_dump(connection, dump, numbers_ahead=_numbers_ahead(dump, now))
            await check_readable(connection, keys)
            return await settle(connection, now=now)


async def _refuse_company(connection: AsyncConnection) -> None:
    """Raises BackupFailed while anybody else is connected to the PostgreSQL database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()"
    )
    patience_s = GONE_WITHIN_S
    while others := await connection.scalar(query):
        if patience_s <= 0:
            raise BackupFailed(
                f"The database is in use ({others} other connections): stop every Jisr process, close "
                "other programs that use it, and try again."
            )
        # Nothing tells when another program's connection ends.
        await asyncio.sleep(LOOK_AGAIN_S)
        patience_s -= LOOK_AGAIN_S


async def _refuse_rows(connection: AsyncConnection) -> None:
    if not await is_empty(connection):
        raise BackupFailed(
            "The PostgreSQL database is not empty, and no backup takes the place of one: make a new database "
            "(createdb), set DATABASE_URL to it and restore there. The old one stays as it is."
        )


async def _is_empty_file(path: Path) -> bool:
    """Whether an SQLite file holds nobody or is not there; one that can't be read may hold somebody."""
    if not _exists(path):
        return True
    engine = create_engine(f"sqlite+aiosqlite:///{path}")
    try:
        async with engine.connect() as connection:
            return await is_empty(connection)
    except DatabaseUnreachable:
        return False
    finally:
        await engine.dispose()


def _exists(path: Path) -> bool:
    return path.exists()


@contextmanager
def _room_for(new: Path) -> Iterator[None]:
    """Keep a name free for a new database, before the block and after it."""
    _clear(new)
    try:
        yield
    finally:
        _clear(new)


def _clear(database: Path) -> None:
    for file in _files_of(database):
        file.unlink(missing_ok=True)


def _take_place(new: Path, path: Path, now: datetime) -> Path | None:
    """Put the new file in the old one's place; returns where the old one is now.

    At every moment there is a database of that name. The old one's WAL goes first: SQLite would take it for
    the new one's.
    """
    kept = None
    if path.exists():
        kept = path.with_name(f"{path.stem}-until-{now.astimezone(UTC):{TIME_IN_NAME}}Z{path.suffix}")
        os.link(path, kept)
        for before, after in list(zip(_files_of(path), _files_of(kept), strict=True))[1:]:
            if before.exists():
                os.rename(before, after)
    os.replace(new, path)
    sync(path.parent)
    return kept


def _files_of(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm")]


def _numbers_ahead(dump: Dump, now: datetime) -> int:
    """Return how many numbers to leave out: rows may have had them that were written after the backup."""
    age_s = max(0.0, (now - dump.header.made_at).total_seconds())
    return int(age_s + 1) * NUMBERS_A_SECOND


def _restored(dump: Dump, given_up: GivenUp, kept: Path | None) -> Restored:
    return Restored(dump.header.made_at, sum(found.rows for found in dump.sums.values()), given_up, kept)
