"""The running service between a platform, a bad day and a database, for tests that do harm to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, Select, or_, select

from bot.zone import NAME, casablanca
from conversations.care.people import Role
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.tables import due_messages, inbox, is_unsent, is_waiting, outbox
from tests.fake_telegram import FakeTelegram
from tests.fault_proxy import FaultProxy, Scenario
from tests.service import ServiceProcess
from tests.telegram_people import KEYS, TOKEN, Phone, invitation, settings_with
from tests.visitors import PATIENCE_S, Confirmer


@dataclass
class Stage:
    """The service's processes, the platform, what stands between them, and what the database holds."""

    services: Sequence[ServiceProcess]
    telegram: FakeTelegram
    proxy: FaultProxy
    database: Database

    @property
    def service(self) -> ServiceProcess:
        return self.services[0]

    @property
    def logs(self) -> list[dict[str, Any]]:
        """Every line that the processes have logged."""
        lines = "".join(service.logs for service in self.services).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, *names: str) -> list[str]:
        """Return what was logged of these events, in order."""
        return [line["event"] for line in self.logs if line["event"] in names]

    async def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self.database.reading() as unit:
            found: Sequence[Row[Any]] = (await unit.connection.execute(query)).all()
            return found

    async def until(self, claim: Callable[[], bool], what: str) -> None:
        """Wait for something that people see; a failure shows what was logged last."""
        try:
            await self.telegram.until(claim, PATIENCE_S, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    async def until_rows(self, query: Select[Any], claim: Callable[[Sequence[Row[Any]]], bool]) -> None:
        """Wait until what a query finds makes the claim true."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    if claim(await self.rows(query)):
                        return
                    # Another process tells nobody outside when it is done.
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"waited for {query}\n{await self.rows(query)}\n{self.tail()}") from None

    async def settled(self) -> None:
        """Wait until every update is handled, every message has left and nothing is due."""
        await self.telegram.drained(PATIENCE_S)
        await self.proxy.drained(PATIENCE_S)
        now = datetime.now(UTC)
        for waiting in (
            select(inbox.c.id, inbox.c.attempts).where(is_waiting(inbox)),
            select(due_messages.c.id).where(is_waiting(due_messages), due_messages.c.due_at <= now),
            select(outbox.c.id, outbox.c.status, outbox.c.reason, outbox.c.due_at).where(
                or_(is_unsent(outbox), outbox.c.lease_until.is_not(None))
            ),
        ):
            await self.until_rows(waiting, lambda rows: not rows)

    def tail(self) -> str:
        return "\n".join(service.logs[-3000:] for service in self.services)

    async def confirmer(self) -> Confirmer:
        """Return a caseworker of Salé who has come in."""
        driss = Confirmer(self.telegram)
        phone = Phone(self.telegram, driss.person)
        await phone.says(await invitation(self.database, Role.CASEWORKER, "sale"))
        await phone.taps("en")
        return driss

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings for a command beside the service, which talks to the platform itself."""
        return {**self.service.settings, "TELEGRAM_API_URL": self.telegram.base_url}


@asynccontextmanager
async def staged(
    folder: Path,
    database_url: str,
    scenario: Scenario | None = None,
    *,
    processes: int = 1,
    by_webhook: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Stage]:
    """Run so many processes of the service behind a proxy that makes it a bad day."""
    engine = create_engine(database_url)
    database = Database(engine, KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        telegram = await stack.enter_async_context(FakeTelegram(token=TOKEN))
        proxy = await stack.enter_async_context(FaultProxy(telegram.base_url, scenario))
        services = []
        for number in range(processes):
            own = folder / f"process-{number}"
            own.mkdir()
            services.append(ServiceProcess(own, {**settings_with(telegram, database_url), **settings}))
            services[-1].settings["TELEGRAM_API_URL"] = proxy.url
        if by_webhook:
            proxy.services += [service.url for service in services]
            for service in services:
                service.settings["PUBLIC_URL"] = services[0].url
        for service in services:
            await stack.enter_async_context(service)
        yield Stage(services, telegram, proxy, database)
