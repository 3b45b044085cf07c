"""The gateway tells what became of a text, over real HTTP and the real delivery."""

import asyncio
import socket
import time as time_module
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from bot import zone
from bot.app import load_voice
from bot.channels.sms import Gateway, SmsSender
from bot.channels.sms_reports import REPORT_PATH, SmsGate, SmsReports
from bot.delivery import Delivery
from bot.fallback import Fallback
from bot.metrics import metrics
from bot.pacing import Pacer
from conversations.care.tasks import TaskKind
from conversations.engine.outbound import OutboundMessage, Purpose
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import outbox
from tests.bot.senders import UNHURRIED
from tests.fake_kannel import PASSWORD, USER, FakeKannel
from tests.fakes import MovableClock
from tests.people import MONDAY

VOICE = load_voice()
SECRET = "marked-secret"
PATIENCE_S = 30


class Post:
    """A text that has left, and the address that the gateway was given for it."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url

    async def reports(self, status: str, *, secret: str | None = None) -> int:
        url = (
            self.url.replace("%d", status) if secret is None else f"{self.url.split('?')[0]}?secret={secret}"
        )
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            return answer.status

    async def status(self) -> tuple[str, str | None]:
        async with self.database.reading() as unit:
            row = (await unit.connection.execute(select(outbox.c.status, outbox.c.reason))).one()
        return row.status, row.reason

    async def tasks(self) -> list[TaskKind]:
        async with self.database.reading() as unit:
            return [task.kind for task in await unit.tasks.open(None)]


@pytest.fixture
async def post(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[Post]:
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    clock, fallback = MovableClock(MONDAY), Fallback(VOICE)
    async with database.transaction() as unit:
        _, address_id = await unit.addresses.find_or_create("sms", "212600000001", now=MONDAY)
        await unit.outbox.add(
            address_id=address_id, channel="sms", purpose=Purpose.REMINDER, key="visit:1:t-1d:1:sms",
            message=OutboundMessage("Rappel", "fr"), now=MONDAY,
        )  # fmt: skip
    reports = SmsReports(database, clock, secret=SECRET, fallback=fallback)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(Starlette(routes=reports.routes()), log_config=None, lifespan="off")
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        own = f"http://127.0.0.1:{listener.getsockname()[1]}{REPORT_PATH}"
        async with FakeKannel() as kannel, SmsSender(Gateway(kannel.url, "get", USER, PASSWORD)) as sms:
            delivery = Delivery(
                database, sms, VOICE.texts, clock, pacer=Pacer(UNHURRIED, time_module.monotonic),
                gate=SmsGate(sms, own, SECRET), fallback=fallback,
            )  # fmt: skip
            running = asyncio.create_task(delivery.run())
            post = Post(database, own)
            async with asyncio.timeout(PATIENCE_S), database.wakes.bell("delivered") as bell:
                while (await post.status())[0] != "sent":
                    await rung(bell, timeout_s=PATIENCE_S)
            post.url = kannel.taken[0].fields["dlr-url"]
            yield post
            delivery.stop()
            await running
        server.should_exit = True
        await serving


def unknown() -> float:
    return metrics.registry.get_sample_value("jisr_sends_total", {"channel": "sms", "status": "unknown"}) or 0


async def test_what_arrived_is_written_down(post: Post) -> None:
    assert await post.reports("8") == 200
    assert await post.status() == ("sent", None)

    assert await post.reports("1") == 200
    assert await post.status() == ("delivered", None)
    # What has arrived has not failed.
    assert await post.reports("2") == 200
    assert await post.status() == ("delivered", None)


@pytest.mark.parametrize("said", ["2", "16"])
async def test_what_did_not_arrive_becomes_a_caseworkers_task_once(post: Post, said: str) -> None:
    for _ in range(2):
        assert await post.reports(said) == 200

    assert await post.status() == ("failed_permanent", "not_delivered")
    assert await post.tasks() == [TaskKind.UNREACHED]


async def test_without_the_secret_nothing_is_believed(post: Post) -> None:
    assert await post.reports("2", secret="wrong&row=1&status=2") == 401
    assert await post.status() == ("sent", None)


@pytest.mark.parametrize("row", ["999", "", "x", "9" * 30])
async def test_what_nobody_knows_is_counted(post: Post, row: str) -> None:
    before = unknown()
    post.url = post.url.replace("row=1&", f"row={row}&")

    assert await post.reports("2") == 200
    assert unknown() == before + 1
    assert await post.status() == ("sent", None)
