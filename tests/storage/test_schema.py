import asyncio
import sys
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import schema
from storage.database import create_engine
from storage.errors import MigrationBroken, SchemaOutdated
from storage.marks import MarkStore
from storage.tables import metadata
from tests.service import ROOT

# What PostgreSQL and SQLite say of indexes, with the conditions of partial ones, of constraints, of numbers.
_DEFINITIONS = {
    "sqlite": [
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'",
    ],
    "postgresql": [
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'",
    ],
}


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def _definitions(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        queries = _DEFINITIONS[engine.dialect.name]
        return {row for query in queries for row in (await connection.execute(text(query))).scalars().all()}


async def test_the_migrations_make_the_tables_of_the_code(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    wanted = await _definitions(engine)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)

    await schema.migrate(empty_database_url)

    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    assert await _definitions(engine) == wanted
    assert wanted
    await engine.dispose()


async def test_they_go_up_down_and_up_again(empty_database_url: str) -> None:
    await schema.migrate(empty_database_url)
    await schema.downgrade(empty_database_url, "base")

    engine = create_engine(empty_database_url)
    async with engine.connect() as connection:
        left = await connection.run_sync(lambda sync_connection: inspect(sync_connection).get_table_names())
        assert left == ["alembic_version"]
        assert await schema.current(connection) is None

    await schema.migrate(empty_database_url)
    await schema.migrate(empty_database_url)
    async with engine.connect() as connection:
        assert await schema.current(connection) is not None
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_a_migrated_database_is_up_to_date(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await schema.check_up_to_date(connection)


async def test_an_empty_database_is_said_to_be_too_old(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    async with engine.connect() as connection:
        with pytest.raises(SchemaOutdated, match="run jisr migrate"):
            await schema.check_up_to_date(connection)
    await engine.dispose()


async def _is_changed_by_a_later_version(engine: AsyncEngine, *, oldest_code: str | None) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("DELETE FROM marks"))
        if oldest_code is not None:
            await MarkStore(connection).set(schema.OLDEST_CODE_MARK, oldest_code)


@pytest.mark.parametrize("oldest_code", [None, "9998"])
async def test_a_database_that_a_later_version_has_changed_for_good_is_refused(
    engine: AsyncEngine, database_url: str, oldest_code: str | None
) -> None:
    await _is_changed_by_a_later_version(engine, oldest_code=oldest_code)

    async with engine.connect() as connection:
        with pytest.raises(SchemaOutdated, match="newer version"):
            await schema.check_up_to_date(connection)
    with pytest.raises(SchemaOutdated, match="newer version"):
        await schema.migrate(database_url)


@pytest.mark.parametrize("oldest_code", ["0001", schema.NEWEST])
async def test_a_database_to_which_a_later_version_has_only_added_is_taken_as_it_is(
    engine: AsyncEngine, database_url: str, oldest_code: str
) -> None:
    """As in a rolling deploy: a process of this version starts beside one of the next."""
    await _is_changed_by_a_later_version(engine, oldest_code=oldest_code)

    await schema.migrate(database_url)

    async with engine.connect() as connection:
        await schema.check_up_to_date(connection)
        assert await schema.current(connection) == "9999"


async def test_the_newest_migration_says_which_versions_can_live_with_it(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        oldest_code = await MarkStore(connection).get(schema.OLDEST_CODE_MARK)

    assert oldest_code in schema.REVISIONS


async def test_a_start_with_nothing_to_migrate_does_without_alembic(database_url: str) -> None:
    code = (
        "import asyncio, sys; from storage.schema import migrate; "
        "asyncio.run(migrate(sys.argv[1])); sys.exit('alembic' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, database_url, cwd=ROOT)

    assert await process.wait() == 0


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_migration_that_leaves_dangling_rows_changes_nothing(database_url: str) -> None:
    """SQLite's foreign keys are off while it migrates, so they are checked at the end."""
    await schema.downgrade(database_url, schema.REVISIONS[-2])
    engine = create_engine(database_url)
    async with engine.connect() as connection:
        await connection.execute(text("COMMIT"))
        await connection.execute(text("PRAGMA foreign_keys = OFF"))
        await connection.execute(
            text("INSERT INTO sessions (contact_id, state_enc, updated_at) VALUES (42, x'00', '2026-11-23')")
        )
    await engine.dispose()

    with pytest.raises(MigrationBroken, match="sessions"):
        await schema.migrate(database_url)
