"""Backups: made beside the running service, checked by a restore, and kept for some days.

A backup is one file, the same for both databases: the rows of `storage.dumps`, sealed with the service's
keys by `storage.sealed`. The keys are not in it. It is made in a process of its own, which the service does
not feel.
"""

import asyncio
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import structlog
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.clock import Clock
from bot.zone import casablanca
from conversations.care.wall_time import to_local, to_utc
from storage.database import Database, create_engine
from storage.dumps import (
    Dump,
    Sums,
    check_foreign_keys,
    check_readable,
    load_dump,
    snapshot,
    sums_of,
    write_dump,
)
from storage.encryption import KeyRing
from storage.errors import (
    BackupUnusable,
    DatabaseUnreachable,
    KeysBroken,
    MigrationBroken,
    SchemaOutdated,
)
from storage.marks import MarkStore
from storage.schema import migrate
from storage.sealed import SealedWriter, unsealed

log = structlog.get_logger()

# When the last backup that passed its check was made, as ISO time in UTC.
BACKUP_MARK = "backup"
# In UTC; a file's age is told by its name, which a copy keeps.
NAME = re.compile(r"jisr-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)Z\.backup")
TIME_IN_NAME = "%Y-%m-%dT%H-%M-%S"
# Both begin so; what is left of a backup that was killed goes when it is a day old.
DRAFTS, SCRATCH = ".jisr-backup-", ".jisr-check-"
LEFT_OVER = timedelta(days=1)
# While rows are read SQLite's WAL only grows; a backup that takes too long must not fill the disk.
MOST_WAL = 1024**3
# So much goes to the disk at a time: all at once at the end would hold up what the service writes.
MOST_UNSYNCED = 8 * 1024**2
# The quiet hour from which each day has its backup, in the country's time.
DAILY_AT_H = 3
DAILY_WITHIN_S = 4 * 3600
# It reads the same settings as the service, and writes into the same log.
COMMAND = (sys.executable, "-m", "bot", "backup", "--daily")
# The command's exit code when it has said itself what is wrong.
SAID = 2
MIB = 1024**2


class BackupFailed(Exception):
    """A backup could not be made or used; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that passed its check. `size` is in bytes."""

    path: Path
    made_at: datetime
    tables: int
    rows: int
    size: int


async def back_up(
    engine: AsyncEngine,
    keys: KeyRing,
    folder: Path,
    *,
    scratch: Path,
    now: datetime,
    most_wal: int = MOST_WAL,
) -> Backup:
    """Write the database into a new file in a folder, restore it on trial, and note that there is one.

    The trial's database stands in `scratch` while it lasts. Raises BackupFailed, and then leaves nothing
    behind; earlier backups stay as they are.
    """
    with _telling(folder, "written"):
        _prepare(folder, DRAFTS, now)
    with _telling(scratch, "checked"):
        _prepare(scratch, SCRATCH, now)
    size = await _size(engine)
    check_room([(folder, size), (scratch, size)])
    path = folder / f"jisr-{now.astimezone(UTC):{TIME_IN_NAME}}Z.backup"
    draft = folder / f"{DRAFTS}{secrets.token_hex(4)}"
    try:
        with _telling(folder, "written"), _private(draft) as file:
            sums = await _write(engine, keys, file, now, most_wal)
        await _check(draft, keys, sums, scratch)
        with _telling(folder, "written"):
            os.replace(draft, path)
            sync(folder)
    finally:
        draft.unlink(missing_ok=True)
    async with engine.begin() as connection:
        await MarkStore(connection).set(BACKUP_MARK, now.astimezone(UTC).isoformat())
    return Backup(path, now, len(sums), sum(found.rows for found in sums.values()), path.stat().st_size)


def forget_backups(folder: Path, *, before: datetime) -> int:
    """Delete a folder's backups made before that; returns how many. Only right after a new one was made."""
    old = [
        path
        for path in folder.iterdir()
        if (found := NAME.fullmatch(path.name))
        and datetime.strptime(found[1], TIME_IN_NAME).replace(tzinfo=UTC) < before
    ]
    for path in old:
        path.unlink()
    return len(old)


@contextmanager
def opened_backup(file: Path, keys: KeyRing) -> Iterator[Dump]:
    """Give a backup's rows, to be read once. Raises BackupFailed, BackupUnusable or KeysBroken."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise BackupFailed(f"The backup {file} can't be read ({error.strerror}): check the path.") from None
    with stream:
        dump = Dump(unsealed(stream, keys))
        header = dump.header
        missing = set(header.key_ids) - keys.ids
        if missing or header.keys != keys.sign:
            raise KeysBroken(
                "The backup also needs keys that are not among these"
                + (f", such as {sorted(missing)[0]}" if missing else "")
                + ": put back the key file (or JISR_KEYS) that belongs to it."
            )
        yield dump


async def fill_file(path: Path, dump: Dump, keys: KeyRing, *, numbers_ahead: int = 0) -> AsyncEngine:
    """Make an SQLite database of a dump, at the dump's revision, and give an engine for it, to be disposed.

    It is written without a safety net: a file that is not finished is to be thrown away.
    """
    url = f"sqlite+aiosqlite:///{path}"
    try:
        await migrate(url, dump.header.revision)
    except SchemaOutdated:
        raise BackupUnusable(
            "The backup was made by a newer version of Jisr: restore it with that version."
        ) from None
    engine = create_engine(url)
    event.listen(engine.sync_engine, "connect", _without_safety_net)
    try:
        async with engine.begin() as connection:
            await load_dump(connection, dump, numbers_ahead=numbers_ahead)
            await check_foreign_keys(connection)
            await check_readable(connection, keys)
    except BaseException:
        await engine.dispose()
        raise
    return engine


class DailyBackup:
    """Has a backup made each day from a quiet hour on, and again each hour until there is one."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        command: Sequence[str] = COMMAND,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._command = command
        self._environ = environ

    async def make_if_due(self) -> None:
        """Make the day's backup unless there is one. What goes wrong is one line in the log."""
        async with self._database.reading() as unit:
            last = await unit.marks.get(BACKUP_MARK)
        if last is not None and datetime.fromisoformat(last) >= _last_quiet_hour(self._clock.now()):
            return
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(DAILY_WITHIN_S):
                code = await process.wait()
        except TimeoutError:
            log.error("backup_failed", reason="it took too long")
            return
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code not in (0, SAID):
            # Anything else it has written into the log itself.
            log.error("backup_failed", reason=f"it ended with exit code {code}")


def _last_quiet_hour(now: datetime) -> datetime:
    """Return when the hour for backups last came, in UTC."""
    local = to_local(now, casablanca())
    today = local.replace(hour=DAILY_AT_H, minute=0, second=0, microsecond=0)
    return to_utc(today if today <= local else today - timedelta(days=1), casablanca())


# Writing


async def _write(engine: AsyncEngine, keys: KeyRing, file: BinaryIO, now: datetime, most_wal: int) -> Sums:
    sealed = SealedWriter(file, keys)
    wal = _wal_of(engine)
    synced = 0

    def seal(data: bytes) -> None:
        nonlocal synced
        sealed.write(data)
        if file.tell() - synced > MOST_UNSYNCED:
            file.flush()
            os.fdatasync(file.fileno())
            synced = file.tell()
        if wal is not None and wal.exists() and wal.stat().st_size > most_wal:
            raise BackupFailed(
                "The backup was given up because the service wrote too much meanwhile: "
                "make it at a quieter hour, or into a faster folder."
            )

    # The snapshot is to be short: while one batch is packed and sealed, the next is read.
    with ThreadPoolExecutor(1) as sealer:
        under_way = sealer.submit(seal, b"")

        def write(data: bytes) -> None:
            nonlocal under_way
            under_way.result()
            under_way = sealer.submit(seal, data)

        async with snapshot(engine) as connection:
            sums = await write_dump(connection, write, keys, made_at=now)
        under_way.result()
    sealed.close()
    return sums


async def _check(file: Path, keys: KeyRing, sums: Sums, scratch: Path) -> None:
    """Restore the file on trial, and compare what is then there with what was written."""
    try:
        with TemporaryDirectory(prefix=SCRATCH, dir=scratch) as folder, opened_backup(file, keys) as dump:
            trial = Path(folder) / "trial.sqlite3"
            engine = await fill_file(trial, dump, keys)
            try:
                async with snapshot(engine) as connection:
                    found = await sums_of(connection)
            finally:
                await engine.dispose()
            if found != sums:
                differ = sorted(name for name in {*found, *sums} if found.get(name) != sums.get(name))
                raise BackupFailed(f"The backup was not kept: rows of {', '.join(differ)} did not come back.")
            await migrate(f"sqlite+aiosqlite:///{trial}")
    except (DatabaseUnreachable, OSError) as error:
        raise BackupFailed(
            f"The backup could not be checked, and was not kept, because {scratch} can't be written: "
            "free space there, or set JISR_VAR_DIR to another folder."
        ) from error
    except (BackupUnusable, KeysBroken, MigrationBroken, SchemaOutdated, IntegrityError) as error:
        reason = "its rows contradict each other" if isinstance(error, IntegrityError) else str(error)
        raise BackupFailed(f"The backup did not pass its check and was not kept: {reason}") from error


async def _size(engine: AsyncEngine) -> int:
    """Return about how many bytes the database takes."""
    if engine.dialect.name == "postgresql":
        async with engine.connect() as connection:
            return int(await connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    files = (Path(engine.url.database or ""), _wal_of(engine))
    return sum(file.stat().st_size for file in files if file is not None and file.exists())


def _wal_of(engine: AsyncEngine) -> Path | None:
    return Path(f"{engine.url.database}-wal") if engine.dialect.name == "sqlite" else None


def check_room(needs: Sequence[tuple[Path, int]]) -> None:
    """Raises BackupFailed when folders have too little room: a full disk would stop the service, too."""
    per_disk: dict[int, int] = {}
    for folder, size in needs:
        disk = folder.stat().st_dev
        per_disk[disk] = per_disk.get(disk, 0) + size
        free = shutil.disk_usage(folder).free
        if free < per_disk[disk]:
            raise BackupFailed(
                f"There is too little room in {folder}: the backup and its check may take "
                f"{per_disk[disk] // MIB} MiB, and {free // MIB} MiB are free."
            )


def _prepare(folder: Path, prefix: str, now: datetime) -> None:
    """Make a folder, and delete in it what backups left behind that were killed long ago."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f"{prefix}*"):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) > now - LEFT_OVER:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """Give a new file for this user alone, which is on the disk when the block ends."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _telling(folder: Path, what: str) -> Iterator[None]:
    """Turn what the operating system refuses in a folder into a sentence."""
    try:
        yield
    except OSError as error:
        raise BackupFailed(
            f"The backup can't be {what} in {folder} ({error.strerror}): free space there or choose "
            "another folder. Earlier backups are as they were."
        ) from error


def sync(path: Path) -> None:
    """Have the file or folder on the disk, not only on its way there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_safety_net(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=OFF")
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()
