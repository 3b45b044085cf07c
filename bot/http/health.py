"""How the process is, for whoever runs it: does it live, may it get traffic, and its figures.

`/healthz` and the bare answer of `/readyz` are for everybody. Why it is not ready, and the figures, tell how
much the service is used: they are for this machine, or for who knows the token.
"""

import asyncio
import hmac
import time
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.clock import Clock
from bot.http.origin import is_on_loopback
from bot.metrics import CONTENT_TYPE, Metrics, metrics
from storage.database import Database
from storage.errors import SchemaOutdated, StorageError
from storage.schema import check_up_to_date
from storage.vitals import VitalsStore

log = structlog.get_logger()

READY_WITHIN_S = 3.0
# Anybody may ask, so the database is asked no more often than this.
LOOK_EVERY_S = 1.0

# By these, and X-Forwarded-*, a proxy says that somebody else asks than who it seems.
# Sources: RFC 7239 (Forwarded), RFC 9110 (Via), nginx' and Cloudflare's documentation.
PASSED_ON = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip"})


class Health:
    """Tells how the process is. The wiring says what runs and when it stops.

    `token` opens what is for this machine alone to others, too; None: to nobody.
    """

    def __init__(
        self, database: Database, clock: Clock, *, token: str | None = None, figures: Metrics = metrics
    ) -> None:
        self.is_stopping = False
        self._database = database
        self._clock = clock
        self._token = token
        self._figures = figures
        self._parts: list[asyncio.Task[Any]] = []
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None
        self._found: list[str] = []
        self._known_revision: str | None = None
        self._said: list[str] = []

    def watch(self, parts: Sequence[asyncio.Task[Any]]) -> None:
        """Hear of parts of the service that run until the process ends."""
        self._parts.extend(parts)

    def routes(self, *, trusts_loopback: bool) -> list[Route]:
        """Return the routes of one web server.

        `trusts_loopback`: whoever connects from this machine without a proxy's marks is from this machine.
        Not every proxy leaves marks, so a server that stands behind one must not trust.
        """
        return [
            Route("/healthz", self._lives),
            Route("/readyz", partial(self._ready, trusts_loopback)),
            Route("/metrics", partial(self._metrics, trusts_loopback)),
        ]

    async def reasons(self) -> list[str]:
        """Return why the process must get no traffic; empty when it may.

        stopping: it was told to end. workers: a part of it has ended. database: it does not answer in time.
        schema: another version has changed it so that this one can't work with it.
        """
        own = ["stopping"] if self.is_stopping else []
        own += ["workers"] if any(part.done() for part in self._parts) else []
        async with self._looking:
            if self._looked_at is None or time.monotonic() - self._looked_at >= LOOK_EVERY_S:
                self._found = await self._look()
                self._looked_at = time.monotonic()
        found = [*own, *self._found]
        if found != self._said:
            log.info("readiness_changed", ready=not found, reasons=found)
            self._said = found
        return found

    async def _look(self) -> list[str]:
        try:
            async with asyncio.timeout(READY_WITHIN_S), self._database.reading() as unit:
                revision = await VitalsStore(unit.connection).revision()
                if revision is None or revision != self._known_revision:
                    await check_up_to_date(unit.connection)
                    self._known_revision = revision
        except SchemaOutdated:
            return ["schema"]
        except (StorageError, SQLAlchemyError, TimeoutError):
            return ["database"]
        return []

    async def _lives(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, trusts_loopback: bool, request: Request) -> Response:
        reasons = await self.reasons()
        answer: dict[str, object] = {"status": "not ready" if reasons else "ready"}
        if reasons and self._may_know(request, trusts_loopback):
            answer["reasons"] = reasons
        return JSONResponse(answer, status_code=503 if reasons else 200)

    async def _metrics(self, trusts_loopback: bool, request: Request) -> Response:
        if not self._may_know(request, trusts_loopback):
            return PlainTextResponse(
                "For this machine, or with JISR_METRICS_TOKEN as bearer token.\n",
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        page = await self._figures.page(self._database, self._clock.now())
        return Response(page, headers={"Content-Type": CONTENT_TYPE})

    def _may_know(self, request: HTTPConnection, trusts_loopback: bool) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._token is not None and scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self._token.encode())
        return trusts_loopback and _is_this_machine(request)


def _is_this_machine(request: HTTPConnection) -> bool:
    """Tell whether the request began on this machine: no proxy passed it on, no page led a browser here."""
    if any(name in PASSED_ON or name.startswith("x-forwarded") for name in request.headers):
        return False
    try:
        is_local = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return is_local and is_on_loopback(request)
