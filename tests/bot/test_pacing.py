import asyncio
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.channel import Pace
from bot.pacing import BULK_PAUSE_S, LONGEST_WAIT_S, MOST_CHATS, Pacer

PACE = Pace(per_second=30, burst=20, reserve=8, chat_per_second=1, chat_burst=3)
AMINA, BRAHIM, CHAMA = 1, 2, 3
# Floating point: a token counts as there a little early or late.
GRAIN_S = 1e-6


class Stopwatch:
    """Monotonic seconds that pass only when everybody sleeps."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> float:
        return self._now

    def passes(self, seconds: float) -> None:
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        wakes = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), wakes))
        await wakes

    async def runs(self, tasks: Sequence["asyncio.Task[float | None]"]) -> None:
        """Let time pass until the tasks are done."""
        while True:
            await self._everybody_stands(tasks)
            if all(task.done() for task in tasks):
                return
            at, _, wakes = heapq.heappop(self._sleepers)
            self._now = max(math.nextafter(self._now, math.inf), at)
            wakes.set_result(None)

    async def _everybody_stands(self, tasks: Sequence["asyncio.Task[float | None]"]) -> None:
        """Let whoever was woken, and whom they wake in turn, go on until the next sleep or the end."""
        calm, before = 0, None
        while calm < 5:
            await asyncio.sleep(0)
            now = (len(self._sleepers), sum(task.done() for task in tasks))
            calm, before = (calm + 1 if now == before else 0), now


@dataclass
class Queue:
    """People's messages before one pacer, and when each of them left, in seconds from the start.

    The pacer has been running for `rested_s` before.
    """

    pace: Pace = PACE
    rested_s: float = 60
    watch: Stopwatch = field(default_factory=Stopwatch)
    left: dict[int, list[float]] = field(default_factory=dict)
    put_off: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pacer = Pacer(self.pace, self.watch.now, self.watch.sleep)
        self.watch.passes(self.rested_s)
        self._start = self.watch.now()
        self._tasks: list[asyncio.Task[float | None]] = []

    def sends(self, address_id: int, *, times: int = 1, after: float = 0, bulk: bool = False) -> None:
        self._tasks += [
            asyncio.create_task(self._send(address_id, after=after, bulk=bulk)) for _ in range(times)
        ]

    def is_told_too_fast(self, address_id: int, retry_after_s: float) -> None:
        self.pacer.too_fast(address_id, retry_after_s)

    async def empties(self) -> list[float]:
        """Return when messages left, to whomever, in order."""
        await self.watch.runs(self._tasks)
        for task in self._tasks:
            task.result()
        return sorted(moment for moments in self.left.values() for moment in moments)

    async def _send(self, address_id: int, *, after: float, bulk: bool) -> None:
        if after:
            await self.watch.sleep(after)
        wait_s = await self.pacer.wait(address_id, bulk=bulk)
        (self.put_off if wait_s else self.left).setdefault(address_id, []).append(
            wait_s or self.watch.now() - self._start
        )


def within(moments: Sequence[float], seconds: float) -> int:
    return sum(moment <= seconds + GRAIN_S for moment in moments)


async def test_so_many_leave_at_once_and_then_so_many_a_second() -> None:
    queue = Queue()
    for person in range(100):
        queue.sends(person)

    left = await queue.empties()

    assert within(left, 0) == 20
    assert within(left, 1) == 50
    assert left[-1] == pytest.approx(80 / 30)


async def test_a_process_that_has_just_started_sends_no_burst() -> None:
    """What left just before a crash is not known, and another crash would cut off the whole of it."""
    queue = Queue(rested_s=0)
    for person in range(100):
        queue.sends(person)

    left = await queue.empties()

    assert within(left, 0) == 1
    assert left[-1] == pytest.approx(99 / 30)


async def test_after_a_pause_so_many_may_leave_at_once_again() -> None:
    queue = Queue()
    for person in range(200):
        queue.sends(person, after=0 if person < 100 else 60)

    left = await queue.empties()

    assert within(left, 59) == 100
    assert within(left, 60) == 120


async def test_one_person_gets_three_at_once_and_then_one_a_second() -> None:
    queue = Queue()
    queue.sends(AMINA, times=6)
    queue.sends(BRAHIM, times=2)

    await queue.empties()

    assert queue.left[AMINA] == pytest.approx([0, 0, 0, 1, 2, 3])
    assert queue.left[BRAHIM] == [0, 0]


async def test_bulk_takes_what_answers_leave_and_no_answer_waits_for_it() -> None:
    queue = Queue()
    for person in range(500):
        queue.sends(1000 + person, bulk=True)
    for second in range(1, 15):
        queue.sends(second, after=second)

    left = await queue.empties()

    bulk = sorted(moment for person, moments in queue.left.items() if person >= 1000 for moment in moments)
    assert within(bulk, 0) == 12
    assert within(left, 10) == pytest.approx(12 + 300, abs=1)
    assert within(bulk, 10) == pytest.approx(12 + 300 - 10, abs=1)
    for second in range(1, 15):
        assert queue.left[second] == pytest.approx([second])


async def test_a_crowd_of_answers_goes_before_bulk_that_has_waited_for_longer() -> None:
    queue = Queue()
    for person in range(500):
        queue.sends(1000 + person, bulk=True)
    for person in range(100):
        queue.sends(person, after=1)

    await queue.empties()

    answers = sorted(queue.left[person][0] for person in range(100))
    assert within(answers, 1) == 8
    assert answers[-1] == pytest.approx(1 + 92 / 30, abs=0.05)


async def test_without_a_limit_nobody_waits_but_for_what_the_platform_asks() -> None:
    queue = Queue(Pace(per_second=0, burst=1, reserve=0, chat_per_second=0, chat_burst=1))
    queue.sends(AMINA, times=200)
    queue.sends(CHAMA, times=200, bulk=True)
    queue.is_told_too_fast(BRAHIM, 4)
    queue.sends(BRAHIM)

    await queue.empties()

    assert queue.left[AMINA] == [0] * 200
    assert queue.left[BRAHIM] == pytest.approx([4])
    assert queue.left[CHAMA] == pytest.approx([4] * 200)


async def test_too_fast_holds_that_chat_alone_and_bulk_for_a_moment() -> None:
    queue = Queue()
    queue.is_told_too_fast(AMINA, 15)
    queue.sends(AMINA, times=2)
    queue.sends(BRAHIM, times=3)
    queue.sends(CHAMA, bulk=True)

    await queue.empties()

    assert queue.left[AMINA] == pytest.approx([15, 16])
    assert queue.left[BRAHIM] == [0, 0, 0]
    assert queue.left[CHAMA] == pytest.approx([BULK_PAUSE_S])


async def test_too_fast_for_less_than_a_moment_holds_bulk_no_longer_than_that() -> None:
    queue = Queue()
    queue.is_told_too_fast(AMINA, 2)
    queue.sends(CHAMA, bulk=True)

    await queue.empties()

    assert queue.left[CHAMA] == pytest.approx([2])


async def test_a_long_wait_is_handed_back_and_nothing_is_taken() -> None:
    queue = Queue()
    queue.is_told_too_fast(AMINA, LONGEST_WAIT_S + 100)
    queue.sends(AMINA)
    queue.sends(AMINA, after=101)

    await queue.empties()

    assert queue.put_off[AMINA] == pytest.approx([LONGEST_WAIT_S + 100])
    assert queue.left[AMINA] == pytest.approx([LONGEST_WAIT_S + 100])


async def test_of_so_many_chats_the_one_unheard_of_for_longest_is_forgotten() -> None:
    """Memory has an end; whoever is forgotten has had time enough."""
    pace = Pace(per_second=0, burst=1, reserve=0, chat_per_second=0.001, chat_burst=1)
    pacer = Pacer(pace, lambda: 0.0)
    assert await pacer.wait(AMINA, bulk=False) == 0
    assert await pacer.wait(BRAHIM, bulk=False) == 0
    assert await pacer.wait(AMINA, bulk=False) > 0

    for person in range(10, 10 + MOST_CHATS - 1):
        await pacer.wait(person, bulk=False)

    assert await pacer.wait(AMINA, bulk=False) > 0
    assert await pacer.wait(BRAHIM, bulk=False) == 0


PACES = st.builds(
    Pace,
    per_second=st.floats(0.5, 50),
    burst=st.integers(10, 30),
    reserve=st.integers(0, 9),
    chat_per_second=st.floats(0.5, 5),
    chat_burst=st.integers(1, 5),
)
ARRIVALS = st.lists(
    st.tuples(st.integers(1, 5), st.floats(0, 10), st.booleans(), st.sampled_from([0, 0, 0, 0, 3.5])),
    min_size=1,
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(PACES, ARRIVALS)
def test_never_more_leave_in_any_window_than_the_rate_and_the_burst_allow(
    pace: Pace, arrivals: list[tuple[int, float, bool, float]]
) -> None:
    asyncio.run(_never_more(pace, arrivals))


async def _never_more(pace: Pace, arrivals: list[tuple[int, float, bool, float]]) -> None:
    queue = Queue(pace)
    for address_id, after, bulk, retry_after_s in arrivals:
        # Bulk goes to people of its own, so that the two can be told apart.
        queue.sends(address_id + 100 * bulk, after=after, bulk=bulk)
        if retry_after_s:
            queue.is_told_too_fast(address_id, retry_after_s)

    left = await queue.empties()

    assert_keeps_to(left, pace.per_second, pace.burst)
    bulk_left = sorted(moment for person, moments in queue.left.items() if person > 100 for moment in moments)
    assert_keeps_to(bulk_left, pace.per_second, pace.burst - pace.reserve)
    for moments in queue.left.values():
        assert_keeps_to(sorted(moments), pace.chat_per_second, pace.chat_burst)


def assert_keeps_to(moments: Sequence[float], per_second: float, burst: int) -> None:
    for first, begins in enumerate(moments):
        for last in range(first, len(moments)):
            window_s = moments[last] - begins
            assert last - first + 1 <= per_second * window_s + burst + GRAIN_S * per_second
