"""Health, readiness and figures over HTTP, and who is told what of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.types import Message

from bot import zone
from bot.http import health as health_module
from bot.http.app import create_health_app
from bot.http.health import Health
from bot.metrics import Metrics
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from tests.bot.http.web import NOW, Web
from tests.fakes import MovableClock

TOKEN = "a-token-for-tests-only"
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP")


@dataclass
class Probe:
    """The health routes on a port of their own, and somebody on this machine who asks."""

    database: Database
    token: str | None = None
    trusts_loopback: bool = True
    metrics: Metrics = field(default_factory=Metrics)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> "Probe":
        self.health = Health(self.database, MovableClock(NOW), token=self.token, figures=self.metrics)
        self.app = create_health_app(self.health.routes(trusts_loopback=self.trusts_loopback))
        web = await self.stack.enter_async_context(Web(self.app, self.database, MovableClock(NOW)))
        self.session = await self.stack.enter_async_context(aiohttp.ClientSession(web.url))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def asks(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(path, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
async def probe(database: Database) -> AsyncIterator[Probe]:
    async with Probe(database) as probe:
        yield probe


@pytest.fixture
async def without_database(keys: KeyRing) -> AsyncIterator[Probe]:
    gone = create_engine("sqlite+aiosqlite:////nowhere/at/all.db")
    async with Probe(Database(gone, keys, zone=zone.casablanca(), zone_name=zone.NAME)) as probe:
        yield probe


@pytest.fixture
def always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "LOOK_EVERY_S", 0)


async def comes_from_elsewhere(database: Database) -> None:
    """Leave the form of a newer version that this one can't work with."""
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("DELETE FROM marks WHERE name = 'oldest_code'"))


async def test_a_service_that_is_well_lives_and_is_ready(probe: Probe) -> None:
    assert await probe.asks("/healthz") == (200, '{"status":"ok"}')
    assert await probe.asks("/readyz") == (200, '{"status":"ready"}')


async def test_without_its_database_it_lives_but_is_not_ready(without_database: Probe) -> None:
    """A restart would not bring the database back, so nobody must think the process dead."""
    assert await without_database.asks("/healthz") == (200, '{"status":"ok"}')
    assert await without_database.asks("/readyz") == (503, '{"status":"not ready","reasons":["database"]}')


@pytest.mark.usefixtures("always_looks")
async def test_a_schema_of_another_version_is_a_reason(probe: Probe) -> None:
    assert await probe.health.reasons() == []

    await comes_from_elsewhere(probe.database)

    assert await probe.asks("/readyz") == (503, '{"status":"not ready","reasons":["schema"]}')


async def test_a_process_that_stops_or_has_lost_a_part_is_not_ready(probe: Probe) -> None:
    async def part() -> None:
        return

    task = asyncio.create_task(part())
    probe.health.watch([task])
    assert await probe.health.reasons() == []
    await task
    probe.health.is_stopping = True

    assert await probe.asks("/readyz") == (503, '{"status":"not ready","reasons":["stopping","workers"]}')


async def test_the_database_is_not_asked_each_time(probe: Probe) -> None:
    """Anybody may ask for readiness, as often as they like."""
    await probe.asks("/readyz")
    await comes_from_elsewhere(probe.database)

    assert await probe.health.reasons() == []


async def test_figures_are_told_as_prometheus_reads_them(probe: Probe) -> None:
    probe.metrics.turn_done("answered", 0.1)

    async with probe.session.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}

    turns = {sample.labels["outcome"]: sample.value for sample in families["jisr_turns"].samples}
    assert turns["answered"] == 1
    assert families["jisr_database_up"].samples[0].value == 1


# Who is told


@pytest.mark.parametrize("header", PROXIED)
async def test_what_a_proxy_passes_on_does_not_come_from_this_machine(
    header: str, without_database: Probe
) -> None:
    status, _ = await without_database.asks("/metrics", **{header: "127.0.0.1"})
    _, readiness = await without_database.asks("/readyz", **{header: "127.0.0.1"})

    assert status == 401
    assert readiness == '{"status":"not ready"}'


async def test_a_name_that_was_led_to_this_machine_is_told_nothing(probe: Probe) -> None:
    assert (await probe.asks("/metrics", Host="rebound.example.org"))[0] == 401


async def test_behind_a_public_address_this_machine_is_not_trusted(database: Database) -> None:
    """A proxy on this machine need not say whom it asks for."""
    async with Probe(database, trusts_loopback=False) as probe:
        assert (await probe.asks("/metrics"))[0] == 401
        assert (await probe.asks("/readyz"))[0] == 200


async def test_who_knows_the_token_is_told_from_anywhere(database: Database) -> None:
    async with Probe(database, token=TOKEN, trusts_loopback=False) as probe:
        from_afar = {"X-Forwarded-For": "198.51.100.7"}

        assert (await probe.asks("/metrics", Authorization=f"Bearer {TOKEN}", **from_afar))[0] == 200
        assert (await probe.asks("/metrics", Authorization=f"Bearer {TOKEN}x", **from_afar))[0] == 401
        assert (await probe.asks("/metrics", Authorization=f"Basic {TOKEN}", **from_afar))[0] == 401
        assert (await probe.asks("/metrics", **from_afar))[0] == 401


async def test_without_a_token_none_is_right(probe: Probe) -> None:
    status, said = await probe.asks("/metrics", Authorization="Bearer ", Via="1.1 proxy")

    assert status == 401
    assert "JISR_METRICS_TOKEN" in said


async def test_another_machine_is_not_this_one(database: Database) -> None:
    app = create_health_app(Health(database, MovableClock(NOW)).routes(trusts_loopback=True))

    assert await status_for("198.51.100.7", app) == 401
    assert await status_for("127.0.0.1", app) == 200


async def status_for(client: str, app: Starlette) -> int:
    """Return how /metrics answers who connects from that address."""
    answers: list[Message] = []

    async def send(message: Message) -> None:
        answers.append(message)

    headers = [(b"host", b"127.0.0.1")]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "headers": headers,
        "client": (client, 4711),
    }
    await app(scope, nothing_comes, send)
    return int(answers[0]["status"])


async def nothing_comes() -> Message:
    return {"type": "http.request", "body": b""}
