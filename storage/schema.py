"""Brings a database's tables to the form that this version works with.

`python -m storage.schema "add opt out"` writes a draft of the next migration: what `storage.tables` has and
the migrations lack.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import create_engine
from storage.errors import MigrationBroken, SchemaOutdated

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as nobody else locks the same one in this database.
_LOCK = 5_717_702
_FROM_THE_FUTURE = (
    "The database was changed by a newer version of Jisr: run that version, or restore a backup."
)


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at an async URL to the newest form, or leave it as it is when that fails.

    An older `revision` is where a new database stops, to take a backup's rows. Processes that start at once
    wait for the first one. Raises MigrationBroken, and SchemaOutdated when a newer version has been at work.
    """
    try:
        await _run(url, lambda config: command.upgrade(config, revision))
    except CommandError as error:
        # The only thing an upgrade can complain about is a revision that it has never heard of.
        raise SchemaOutdated(_FROM_THE_FUTURE) from error


async def downgrade(url: str, revision: str) -> None:
    """Bring the database back to the form of a revision; "base" is an empty one. Raises MigrationBroken."""
    await _run(url, lambda config: command.downgrade(config, revision))


async def current(connection: AsyncConnection) -> str | None:
    """Return the revision the database is at, None when it has never been migrated."""
    return await connection.run_sync(
        lambda sync_connection: MigrationContext.configure(sync_connection).get_current_revision()
    )


async def check_up_to_date(connection: AsyncConnection) -> None:
    """Raises SchemaOutdated when the database is at another revision than the newest we have."""
    scripts = ScriptDirectory.from_config(_config())
    found, wanted = await current(connection), scripts.get_current_head()
    if found == wanted:
        return
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaOutdated(_FROM_THE_FUTURE)
    raise SchemaOutdated("The database has an older form than this version needs: run jisr migrate.")


async def write_migration(message: str) -> None:
    """Write the next migration from the difference between the migrations and `storage.tables`."""
    revision = f"{len(list(ScriptDirectory.from_config(_config()).walk_revisions())) + 1:04}"
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/draft.db"
        await migrate(url)
        await _run(url, lambda config: command.revision(config, message, autogenerate=True, rev_id=revision))


async def _run(url: str, work: Callable[[Config], object]) -> None:
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


def _config(connection: Connection | None = None) -> Config:
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
