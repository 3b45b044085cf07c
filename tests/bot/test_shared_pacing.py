"""Several processes on one account. A token comes each hour, so the buckets decide, not the clock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import Pace
from bot.pacing import LONGEST_WAIT_S, SharedPacer
from storage.database import Database
from storage.encryption import KeyRing
from storage.tables import rate_budgets

HOUR = 3600.0
PACE = Pace(per_second=1 / HOUR, burst=10, reserve=4, chat_per_second=1 / HOUR, chat_burst=3)
AMINA, BRAHIM, CHAMA = 1, 2, 3
# Only ends a test that has failed.
PATIENCE_S = 30


@dataclass
class Process:
    """One process's messages, and which of them have left. Who sleeps sleeps until the test wakes them."""

    database: Database
    left: list[int] = field(default_factory=list)
    put_off: dict[int, float] = field(default_factory=dict)
    sleeping: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    morning: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.pacer = SharedPacer(PACE, self.database, "telegram:1", lambda: self.seconds, self._sleep)

    def sends(self, *address_ids: int, bulk: bool = False) -> None:
        self.tasks += [asyncio.create_task(self._send(number, bulk)) for number in address_ids]

    async def stands(self) -> float:
        """Wait until the process sleeps because there are no tokens, and return for how long it means to."""
        return await asyncio.wait_for(self.sleeping.get(), PATIENCE_S)

    async def all_left(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self.tasks)

    def goes_on(self) -> None:
        self.morning.set()
        self.morning = asyncio.Event()

    async def _send(self, address_id: int, bulk: bool) -> None:
        wait_s = await self.pacer.wait(address_id, bulk=bulk)
        if wait_s:
            self.put_off[address_id] = wait_s
        else:
            self.left.append(address_id)

    async def _sleep(self, seconds: float) -> None:
        if seconds < 1:
            # Gathering.
            self.seconds += seconds
            return
        self.sleeping.put_nowait(seconds)
        await self.morning.wait()
        self.seconds += seconds


@pytest.fixture
async def processes(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[list[Process]]:
    made = [Process(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)) for _ in range(2)]
    yield made
    for task in [task for process in made for task in process.tasks]:
        task.cancel()
        await asyncio.wait([task])


async def hours_pass(database: Database, hours: float) -> None:
    async with database.transaction() as unit:
        seconds = hours * HOUR
        await unit.connection.execute(
            update(rate_budgets).values(
                full_at_s=rate_budgets.c.full_at_s - seconds, bulk_from_s=rate_budgets.c.bulk_from_s - seconds
            )
        )


async def test_two_processes_together_send_no_more_than_one_may(processes: list[Process]) -> None:
    one, two = processes
    one.sends(*range(100, 120))
    two.sends(*range(200, 220))

    assert await one.stands() == pytest.approx(HOUR, abs=60)
    assert await two.stands() == pytest.approx(HOUR, abs=60)

    assert len(one.left) + len(two.left) == PACE.burst

    await hours_pass(one.database, 3)
    one.goes_on()
    await one.stands()
    assert len(one.left) + len(two.left) == PACE.burst + 3


async def test_the_messages_of_one_process_leave_in_order(processes: list[Process]) -> None:
    one, _ = processes
    one.sends(*range(100, 110))

    await one.all_left()

    assert one.left == list(range(100, 110))


async def test_a_process_that_sends_nothing_takes_nothing(processes: list[Process]) -> None:
    one, two = processes
    two.sends(AMINA)
    await two.all_left()

    one.sends(*range(100, 109))
    await one.all_left()

    assert len(one.left) == PACE.burst - 1


async def test_no_process_s_bulk_takes_what_is_kept_for_answers(processes: list[Process]) -> None:
    one, two = processes
    one.sends(*range(100, 120), bulk=True)
    await one.stands()
    assert len(one.left) == PACE.burst - PACE.reserve

    two.sends(AMINA, BRAHIM, CHAMA)
    one.sends(4)

    await two.all_left()
    assert two.left == [AMINA, BRAHIM, CHAMA]


async def test_a_chat_keeps_its_pace_over_all_processes(processes: list[Process]) -> None:
    one, two = processes
    one.sends(AMINA, AMINA)
    await one.all_left()

    two.sends(AMINA, AMINA)
    two.sends(BRAHIM)
    await two.all_left()

    assert sorted(two.left) == [AMINA, BRAHIM]
    assert two.put_off == {AMINA: pytest.approx(HOUR, abs=60)}
    # Its token was not used, so that it is there for others.
    one.sends(*range(100, 106))
    await one.all_left()
    assert len(one.left) == 8


async def test_too_fast_in_one_process_holds_the_chat_and_bulk_in_all(processes: list[Process]) -> None:
    one, two = processes
    before = asyncio.all_tasks()
    one.pacer.too_fast(AMINA, LONGEST_WAIT_S + 100)
    await asyncio.gather(*(asyncio.all_tasks() - before))

    two.sends(AMINA, BRAHIM)
    await two.all_left()
    two.sends(CHAMA, bulk=True)

    assert two.left == [BRAHIM]
    assert two.put_off == {AMINA: pytest.approx(LONGEST_WAIT_S + 100, abs=60)}
    assert 0 < await two.stands() <= 5


async def test_who_stops_waiting_holds_up_nobody_behind_them(processes: list[Process]) -> None:
    one, _ = processes
    one.sends(*range(100, 111))
    await one.stands()

    one.tasks[-1].cancel()
    await asyncio.wait([one.tasks[-1]])
    one.tasks.pop()
    one.sends(AMINA)
    await one.stands()
    await hours_pass(one.database, 1)
    one.goes_on()

    await one.all_left()
    assert one.left[-1] == AMINA
