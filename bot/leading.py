"""Leading: what only one of several processes does, and another takes over when that one is gone."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from bot.metrics import metrics
from bot.turns import Trouble
from storage.database import Database, rung
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.leaderships import LeadershipStore

log = structlog.get_logger()

# Who dies is followed at the latest after a lease and one more look.
LEASE_S = 10.0
RENEW_EVERY_S = 3.0
# So long before a lease ends that could not be renewed, the work is broken off.
MARGIN_S = 2.0
TOPIC = "leaderships"

Work = Callable[[], Coroutine[Any, Any, None]]


class Leading:
    """What one process leads. With SQLite there is no other: it leads everything and asks nobody.

    `clock` gives monotonic seconds of this machine: leases begin and end by the database's clock, and only
    how long ago this process asked for its own is counted here.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease_s: float = LEASE_S,
        renew_every_s: float = RENEW_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        self._clock = clock
        self._holder = f"{socket.gethostname()[:20]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._trouble = Trouble("leading")
        # The names of what this process leads now.
        self.led: set[str] = set()

    async def lead(self, name: str, work: Work) -> None:
        """Do the work for as long as this process leads, each time it does; ends only when the work does."""
        if self._database.is_sqlite:
            self._leads(name, True)
            await work()
            return
        async with self._database.wakes.bell(TOPIC) as bell:
            while True:
                until = await self._take(name)
                if until is None:
                    await rung(bell, timeout_s=self._renew_every_s)
                elif await self._has_led(name, work, until):
                    return

    async def _has_led(self, name: str, work: Work, until: float) -> bool:
        """Work until the work ends by itself (True) or the leadership is lost (False)."""
        log.info("leadership_taken", lead=name)
        self._leads(name, True)
        working = asyncio.create_task(work())
        try:
            while self._clock() < until:
                await asyncio.wait([working], timeout=self._renew_every_s)
                if working.done():
                    working.result()
                    return True
                until = await self._renew(name, until)
            log.error("leadership_lost", lead=name)
            return False
        finally:
            self._leads(name, False)
            working.cancel()
            await asyncio.wait([working])
            if not working.cancelled() and (error := working.exception()) is not None:
                log.error("led_work_failed", lead=name, error=type(error).__name__)
            await self._give_up(name)

    def _leads(self, name: str, leads: bool) -> None:
        (self.led.add if leads else self.led.discard)(name)
        metrics.leads(name, leads)

    async def _renew(self, name: str, until: float) -> float:
        """Return until when the work may go on: longer, or not at all when another process leads."""
        try:
            async with asyncio.timeout(max(0.0, until - self._clock())):
                return await self._take(name) or 0.0
        except TimeoutError:
            return 0.0

    async def _take(self, name: str) -> float | None:
        """Return until when this process leads, None when another does. Waits while the database is gone."""
        while True:
            asked_at = self._clock()
            try:
                async with self._database.transaction() as unit:
                    is_taken = await LeadershipStore(unit.connection).take(
                        name, self._holder, lease_s=self._lease_s
                    )
            except (DatabaseLocked, DatabaseUnreachable) as error:
                await asyncio.sleep(min(1.0, self._trouble.pause_s(error)))
                continue
            self._trouble.over()
            return asked_at + self._lease_s - MARGIN_S if is_taken else None

    async def _give_up(self, name: str) -> None:
        """Let another process go on at once."""
        try:
            async with asyncio.timeout(MARGIN_S), self._database.transaction() as unit:
                await LeadershipStore(unit.connection).give_up(name, self._holder)
                unit.topics.add(TOPIC)
        except (DatabaseLocked, DatabaseUnreachable, TimeoutError) as error:
            # Its lease runs out.
            log.warning("leadership_not_given_up", lead=name, error=type(error).__name__)
