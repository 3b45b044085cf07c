"""How soon WhatsApp's webhook is answered: signed, split and stored, while the service answers people."""

import argparse
import asyncio
import hashlib
import hmac
import json
import socket
import time
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.machine import OTHER_CORE, pinned, until
from benchmarks.results import Outcome, at_most, median
from benchmarks.seeding import Seed
from benchmarks.stage import JISR, Stage

SUMMARY = __doc__
NUMBER, SECRET = "100200300400500", "bench-app-secret-of-nobody"
WARM_UP = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--per-second", type=float, default=40.0)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])


async def run(options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "webhook",
        f"{options.calls} webhook calls of WhatsApp, {options.per_second:g} a second",
        ["database", "median ms", "slowest of 100 ms", "answered other than 200", "answers sent"],
        options=vars(options),
    )
    async with Stage() as stage:
        for database in options.databases:
            found = await _measure(stage, database, options)
            took = sorted(found["ms"])
            outcome.rows.append(
                [database, median(took), took[int(0.99 * len(took))], found["refused"], found["sent"]]
            )
            outcome.raw.append({"database": database, **found})
            outcome.figures.append(at_most(f"Median, {database}", 50, median(took), unit=" ms"))
    outcome.notes.append(
        "Calls come at their times, whether earlier ones are answered or not. Each brings a message and two "
        "statuses; the service answers the message meanwhile, on the same core."
    )
    return outcome


async def _measure(stage: Stage, database: str, options: argparse.Namespace) -> dict[str, Any]:
    graph = _Graph()
    port = _free_port()
    async with graph:
        kind = JISR.with_environment(
            JISR_PORT=str(port),
            WHATSAPP_TOKEN="EAA-bench-token-of-nobody",  # noqa: S106
            WHATSAPP_PHONE_NUMBER_ID=NUMBER,
            WHATSAPP_APP_SECRET=SECRET,
            WHATSAPP_VERIFY_TOKEN="bench-verify-token",  # noqa: S106
            WHATSAPP_API_URL=graph.url,
            WHATSAPP_PER_SECOND="0",
        )
        async with stage.run(kind, database, Seed(1_000)) as run, aiohttp.ClientSession() as client:
            await run.start()
            url = f"http://127.0.0.1:{port}/whatsapp/webhook"
            for number in range(WARM_UP):
                await _call(client, url, number, options.people)
            await graph.has_sent(WARM_UP)
            graph.sent = 0
            with pinned(OTHER_CORE):
                found = await _at_their_times(client, url, options)
            await graph.has_sent(options.calls)
    took = [ms for _, ms in found]
    return {"ms": took, "refused": sum(status != 200 for status, _ in found), "sent": graph.sent}


async def _at_their_times(
    client: aiohttp.ClientSession, url: str, options: argparse.Namespace
) -> list[tuple[int, float]]:
    began = time.perf_counter()
    calls = []
    for number in range(options.calls):
        wait_s = began + number / options.per_second - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        calls.append(asyncio.create_task(_call(client, url, WARM_UP + number, options.people)))
    return list(await asyncio.gather(*calls))


async def _call(client: aiohttp.ClientSession, url: str, number: int, people: int) -> tuple[int, float]:
    """Return the status and after how many milliseconds it came."""
    body = json.dumps(_body(number, people)).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    began = time.perf_counter()
    async with client.post(url, data=body, headers=headers) as answer:
        await answer.read()
    return answer.status, 1000 * (time.perf_counter() - began)


def _body(number: int, people: int) -> dict[str, Any]:
    """One message and two statuses of earlier ones, as the platform sends them."""
    who = f"2126{number % people:08}"
    moment = str(int(time.time()))
    message = {
        "from": who,
        "id": f"wamid.BENCH{number}",
        "timestamp": moment,
        "type": "text",
        "text": {"body": "menu"},
    }
    statuses = [
        {"id": f"wamid.SENT{number}", "status": status, "timestamp": moment, "recipient_id": who}
        for status in ("sent", "delivered")
    ]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "212500000000", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "P"}, "wa_id": who}],
        "messages": [message],
        "statuses": statuses,
    }
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


class _Graph:
    """Takes whatever is sent, and says so. An async context manager."""

    def __init__(self) -> None:
        self.sent = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "_Graph":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def has_sent(self, number: int) -> None:
        """Wait until so many messages have been sent."""

        async def all_sent() -> bool | None:
            return self.sent >= number or None

        await until(all_sent, within_s=60, what="the answers to all messages")

    async def _take(self, request: web.Request) -> web.Response:
        if request.method == "POST" and request.path.endswith("/messages"):
            self.sent += 1
            return web.json_response({"messages": [{"id": f"wamid.OUT{self.sent}"}]})
        return web.json_response({"data": []})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
