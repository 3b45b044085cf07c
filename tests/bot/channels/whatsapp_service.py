"""The WhatsApp part of the service in the test's own process, with the fake Graph API on the other side."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette

from bot.app import load_voice
from bot.channels.whatsapp import WhatsAppSender, pace_of, parse_payload
from bot.channels.whatsapp_client import GraphClient
from bot.channels.whatsapp_intake import WEBHOOK_PATH, OnField, WhatsAppIntake
from bot.channels.whatsapp_statuses import tell_early
from bot.channels.whatsapp_window import Limits, WhatsAppGate
from bot.clock import Clock
from bot.delivery import Delivery
from bot.fallback import Fallback
from bot.pacing import Pacer
from storage.database import Database, rung
from storage.tables import inbox, outbox
from tests.bot.small_talk import turns_of
from tests.fake_graph import FakeGraph
from tests.fakes import MovableClock
from tests.people import MONDAY

PATIENCE_S = 20


@dataclass(frozen=True)
class WhatsAppService:
    """The parts of a running service that a test looks at."""

    database: Database
    graph: FakeGraph
    intake: WhatsAppIntake
    clock: MovableClock
    url: str

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.reading() as unit:
            return list((await unit.connection.execute(select(table).order_by(table.c.id))).all())

    async def sent(self) -> list[Any]:
        return await self.rows(outbox)

    async def received(self) -> list[Any]:
        return await self.rows(inbox)

    async def until_status(self, *statuses: str) -> list[Any]:
        """Wait until the messages written so far have these statuses, in order."""
        async with asyncio.timeout(PATIENCE_S), self.database.wakes.bell("delivered") as bell:
            rows = await self.sent()
            while [row.status for row in rows] != list(statuses):
                await rung(bell, timeout_s=PATIENCE_S)
                rows = await self.sent()
            return rows


def make_intake(
    database: Database,
    graph: FakeGraph,
    clock: Clock,
    fallback: Fallback | None = None,
    **more: OnField,
) -> WhatsAppIntake:
    return WhatsAppIntake(
        database,
        clock,
        phone_number_id=graph.phone_number_id,
        app_secret=graph.app_secret,
        verify_token=graph.verify_token,
        fields=more,
        fallback=fallback,
    )


@asynccontextmanager
async def served(intake: WhatsAppIntake) -> AsyncIterator[str]:
    """Serve the webhook; gives the service's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=intake.routes())
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def running(
    database: Database, graph: FakeGraph, limits: Limits | None = None
) -> AsyncIterator[WhatsAppService]:
    """Run webhook, turns and delivery on a Monday at nine in the morning, until the block ends."""
    clock = MovableClock(MONDAY)
    async with at_work(database, graph, clock, api_url=graph.base_url, limits=limits) as (intake, url):
        yield WhatsAppService(database, graph, intake, clock, url)


@asynccontextmanager
async def at_work(
    database: Database, graph: FakeGraph, clock: Clock, *, api_url: str, limits: Limits | None = None
) -> AsyncIterator[tuple[WhatsAppIntake, str]]:
    """Run webhook, turns and delivery by that clock, the platform's too; gives the webhook and its host."""
    voice = load_voice()
    graph.now = clock.now
    fallback = Fallback(voice)
    intake = make_intake(database, graph, clock, fallback)
    turns = turns_of(database, voice, clock, {"whatsapp": parse_payload})
    async with GraphClient(api_url, graph.token, graph.phone_number_id) as client, served(intake) as url:
        sender = WhatsAppSender(client, database.keys, voice.texts, pace_of(0))
        delivery = Delivery(
            database,
            sender,
            voice.texts,
            clock,
            pacer=Pacer(sender.pace, time.monotonic),
            after_sent=partial(tell_early, fallback=fallback),
            gate=WhatsAppGate(database, sender, voice.texts, clock, voice.world.zone, limits or Limits()),
            fallback=fallback,
        )
        working = [asyncio.create_task(delivery.run()), asyncio.create_task(turns.work())]
        try:
            await graph.subscribe(f"{url}{WEBHOOK_PATH}")
            yield intake, url
        finally:
            delivery.stop()
            await asyncio.wait_for(working[0], PATIENCE_S)
            working[1].cancel()
            await asyncio.gather(*working, return_exceptions=True)
