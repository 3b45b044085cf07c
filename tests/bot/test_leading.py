"""Leading on PostgreSQL, where others would lead too; leases of an hour end only when a test ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.leading import LEASE_S, MARGIN_S, RENEW_EVERY_S, TOPIC, Leading
from storage.database import Database
from storage.encryption import KeyRing
from storage.errors import DatabaseUnreachable
from storage.leaderships import LeadershipStore
from storage.tables import leaderships
from storage.unit_of_work import UnitOfWork

HOUR = 3600.0
# Only ends a test that has failed.
PATIENCE_S = 30


class Connection(Database):
    """A process's way to the database, which can be cut."""

    is_cut = False

    def __init__(self, engine: AsyncEngine, keys: KeyRing) -> None:
        super().__init__(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
        self.asked: asyncio.Queue[None] = asyncio.Queue()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        if self.is_cut:
            raise DatabaseUnreachable("cut")
        async with super().transaction() as unit:
            yield unit
        self.asked.put_nowait(None)


@dataclass
class Process:
    """A process that works whenever it leads. Its seconds go by when a test says so."""

    database: Connection
    seconds: float = 0.0
    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    times: int = 0
    task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.leading = Leading(self.database, lease_s=HOUR, renew_every_s=0.02, clock=lambda: self.seconds)
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def starts(self) -> "asyncio.Task[None]":
        self.task = asyncio.create_task(self.leading.lead("ticks", self.work))
        return self.task

    async def work(self) -> None:
        self.times += 1
        self.began.set()
        self.ended.clear()
        try:
            await self.fault
        finally:
            self.began.clear()
            self.ended.set()

    async def stops(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def leads(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.began.wait()

    async def leads_no_more(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.ended.wait()


@pytest.fixture
async def processes(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[list[Process]]:
    made = [Process(Connection(engine, keys)) for _ in range(2)]
    yield made
    for process in made:
        await process.stops()


postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@postgresql
async def test_one_of_two_leads(processes: list[Process]) -> None:
    one, two = processes
    one.starts()
    await one.leads()
    two.starts()
    # Again and again.
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            await two.database.asked.get()

    assert one.leading.led == {"ticks"}
    assert two.leading.led == set()
    assert two.times == 0
    async with one.database.reading() as unit:
        assert await LeadershipStore(unit.connection).held() == ["ticks"]


@postgresql
async def test_at_a_clean_stop_the_next_one_leads_at_once(processes: list[Process]) -> None:
    one, two = processes
    one.starts()
    await one.leads()
    two.starts()

    await one.stops()
    two.database.wakes.ring(TOPIC)

    await two.leads()
    assert one.ended.is_set()
    assert one.leading.led == set()


@postgresql
async def test_who_lets_its_lease_run_out_is_followed_and_works_no_more(processes: list[Process]) -> None:
    one, two = processes
    one.starts()
    await one.leads()
    one.database.is_cut = True
    two.starts()
    async with two.database.transaction() as unit:
        await unit.connection.execute(update(leaderships).values(until_s=0.0))

    await two.leads()
    one.database.is_cut = False

    await one.leads_no_more()
    assert one.times == 1


@postgresql
async def test_the_work_is_broken_off_before_a_lease_ends_that_cannot_be_renewed(
    processes: list[Process],
) -> None:
    """The database is gone for this process: another one may lead when the lease has ended."""
    one, _ = processes
    one.starts()
    await one.leads()
    one.database.is_cut = True

    one.seconds = HOUR - MARGIN_S

    await one.leads_no_more()
    assert one.leading.led == set()

    one.database.is_cut = False
    await one.leads()
    assert one.times == 2


@postgresql
async def test_work_that_ends_by_itself_ends_the_leading(processes: list[Process]) -> None:
    one, two = processes
    task = one.starts()
    await one.leads()

    one.fault.set_exception(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(task, PATIENCE_S)
    two.starts()
    await two.leads()


def test_a_dead_leader_is_followed_within_fifteen_seconds() -> None:
    """After its lease, at the next look of the others; one renewal may fail without harm."""
    assert LEASE_S + RENEW_EVERY_S < 15
    assert 2 * RENEW_EVERY_S < LEASE_S - MARGIN_S


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_on_sqlite_there_is_nobody_to_ask(processes: list[Process]) -> None:
    one, _ = processes
    one.database.is_cut = True
    one.starts()

    await one.leads()

    assert one.leading.led == {"ticks"}
