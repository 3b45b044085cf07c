"""Brings a database's tables to the form that this version works with.

`python -m storage.schema "add opt out"` writes a draft of the next migration: what `storage.tables` has and
the migrations lack.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, event, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import create_engine
from storage.errors import MigrationBroken, SchemaOutdated
from storage.tables import marks

# Alembic takes a tenth of a second to import, and most starts have nothing to migrate.
if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
# The database's forms that this version knows, oldest first; a migration's file name begins with its own.
REVISIONS = sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
NEWEST = REVISIONS[-1]
# Migrations write into it the oldest version, by its newest revision, that can work with what they leave.
OLDEST_CODE_MARK = "oldest_code"
# Any number will do, as long as nobody else locks the same one in this database.
_LOCK = 5_717_702
_FROM_THE_FUTURE = (
    "The database was changed by a newer version of Jisr: run that version, or restore a backup."
)


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at an async URL to the newest form, or leave it as it is when that fails.

    An older `revision` is where a new database stops, to take a backup's rows. Processes that start at once
    wait for the first one. A newer form stays when it says that this version can work with it. Raises
    MigrationBroken, and SchemaOutdated when a newer version has left a form that this one can't work with.
    """
    if revision == "head":
        engine = create_engine(url)
        try:
            async with engine.connect() as connection:
                if await _can_work_with(connection):
                    return
        finally:
            await engine.dispose()
    from alembic import command
    from alembic.util import CommandError

    try:
        await _run(url, lambda config: command.upgrade(config, revision))
    except CommandError as error:
        # The only thing an upgrade can complain about is a revision that it has never heard of.
        raise SchemaOutdated(_FROM_THE_FUTURE) from error


async def _can_work_with(connection: AsyncConnection) -> bool:
    """Return whether this version can work with the database as it is; False when that is to be migrated.

    Raises SchemaOutdated when a newer version has left a form that this one can't work with.
    """
    found = await current(connection)
    if found is None or found in REVISIONS:
        return found == NEWEST
    oldest = await connection.scalar(select(marks.c.value).where(marks.c.name == OLDEST_CODE_MARK))
    if oldest is None or oldest > NEWEST:
        raise SchemaOutdated(_FROM_THE_FUTURE)
    log.warning("schema_is_newer", extra={"found": found, "known": NEWEST})
    return True


async def downgrade(url: str, revision: str) -> None:
    """Bring the database back to the form of a revision; "base" is an empty one. Raises MigrationBroken."""
    from alembic import command

    await _run(url, lambda config: command.downgrade(config, revision))


async def current(connection: AsyncConnection) -> str | None:
    """Return the revision the database is at, None when it has never been migrated."""
    is_there = await connection.run_sync(
        lambda sync_connection: inspect(sync_connection).has_table("alembic_version")
    )
    if not is_there:
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


async def check_up_to_date(connection: AsyncConnection) -> None:
    """Raises SchemaOutdated when this version can't work with the database as it is."""
    if not await _can_work_with(connection):
        raise SchemaOutdated("The database has an older form than this version needs: run jisr migrate.")


async def write_migration(message: str) -> None:
    """Write the next migration from the difference between the migrations and `storage.tables`."""
    from alembic import command

    revision = f"{len(REVISIONS) + 1:04}"
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/draft.db"
        await migrate(url)
        await _run(url, lambda config: command.revision(config, message, autogenerate=True, rev_id=revision))


async def _run(url: str, work: "Callable[[Config], object]") -> None:
    """Run Alembic in one transaction on a connection of our own."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        # To change a table SQLite makes it anew; with foreign keys on, dropping the old one would take
        # along the rows that point to it. It can't be switched off inside a transaction.
        event.listen(engine.sync_engine, "connect", _without_foreign_keys)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(lambda sync_connection: work(_config(sync_connection)))
            if engine.dialect.name == "sqlite":
                await _check_foreign_keys(connection)
    finally:
        await engine.dispose()


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def _without_foreign_keys(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()


async def _check_foreign_keys(connection: AsyncConnection) -> None:
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise MigrationBroken(f"The migration would leave rows of {tables} that point to nothing.")


if __name__ == "__main__":
    asyncio.run(write_migration(sys.argv[1]))
