"""Keeping under a platform's rate: tokens for the account and for each chat, interactive before bulk.

`Pacer` counts in memory, where one process does all the sending; `SharedPacer` lets several keep to one rate.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.channels.channel import Pace
from bot.turns import Trouble
from storage.budgets import BudgetStore, Rate, Taken
from storage.database import Database
from storage.errors import DatabaseLocked, DatabaseUnreachable

# Chats remembered for their own pace; the one unheard of for longest is forgotten first.
MOST_CHATS = 2_000
# How long bulk pauses after the platform said "too fast" to any chat: it often means the whole account.
BULK_PAUSE_S = 5.0
# A message held for longer than this goes back to the outbox and leaves its place to others.
LONGEST_WAIT_S = 20.0
# At most so much of the rate is taken from the database at once, so that no process takes it all.
SLICE_S = 0.15
# A process asks for tokens no more often than this; who comes meanwhile is asked for with the others.
GATHER_S = 0.02


class Bucket:
    """A token bucket, of which a full one holds `burst`. Times are monotonic seconds; a rate of 0 is none."""

    __slots__ = ("_burst", "_full_at", "_interval_s")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._interval_s = 1 / per_second if per_second else 0.0
        self._burst = burst
        self._full_at = now

    def wait_s(self, now: float, *, spare: int = 0) -> float:
        """Return how long until there is a token more than the spare ones, 0 when there is."""
        return max(0.0, self._full_at - now - (self._burst - 1 - spare) * self._interval_s)

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._interval_s

    def hold(self, until: float) -> None:
        """Give no token before that moment, and then one."""
        self._full_at = max(self._full_at, until + (self._burst - 1) * self._interval_s)


class Pacer:
    """Says when the next message may leave. One per channel account, where one process does all the sending.

    `clock` gives monotonic seconds, and `sleep` waits for so many of them.
    """

    def __init__(
        self,
        pace: Pace,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._reserve = pace.reserve
        # What left just before a crash is not known, so it begins empty: no burst comes on top of that one,
        # and none that another crash would cut off whole.
        self._account = Bucket(pace.per_second, pace.burst, clock())
        self._account.hold(clock())
        self._bulk_from = clock()
        self._chats = Chats(pace)
        # Who waits for the account's tokens queues up: each token wakes one, and they leave in order.
        self._queues = {bulk: asyncio.Lock() for bulk in (False, True)}

    async def wait(self, address_id: int, *, bulk: bool) -> float:
        """Return 0 when a message to the address may leave; its tokens are taken.

        Bulk takes every token that interactive messages leave but the reserve, so these find one at once.
        A wait for the chat that is longer than LONGEST_WAIT_S is not waited for: it is returned, in
        seconds, and nothing is taken.
        """
        while True:
            wait_s = self._chats.of(address_id, self._clock()).wait_s(self._clock())
            if wait_s > LONGEST_WAIT_S:
                return wait_s
            if wait_s > 0:
                await self._sleep(wait_s)
                continue
            async with self._queues[bulk]:
                now = await self._account_has_one(bulk)
                chat = self._chats.of(address_id, now)
                # Another message may have gone to the chat while this one stood in the queue.
                if chat.wait_s(now) <= 0:
                    chat.take(now)
                    self._account.take(now)
                    return 0.0

    def too_fast(self, address_id: int, retry_after_s: float) -> None:
        """Hold one chat for as long as the platform says, and bulk for a moment; nobody else waits."""
        now = self._clock()
        self._chats.of(address_id, now).hold(now + retry_after_s)
        self._bulk_from = max(self._bulk_from, now + min(retry_after_s, BULK_PAUSE_S))

    async def _account_has_one(self, bulk: bool) -> float:
        """Wait until the account has a token for the lane, and return the time."""
        while True:
            now = self._clock()
            wait_s = self._account.wait_s(now, spare=self._reserve if bulk else 0)
            if bulk:
                wait_s = max(wait_s, self._bulk_from - now)
            if wait_s <= 0:
                return now
            await self._sleep(wait_s)


@dataclass(eq=False, slots=True)
class _Ticket:
    """A message that waits for its tokens. `wait_s` is None until that is decided, and 0 when it has them."""

    address_id: int
    wait_s: float | None = None


@dataclass(slots=True)
class _Queue:
    """Messages of one lane. Who has the turn asks for tokens, for themselves and for those behind them."""

    waiting: list[_Ticket] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ask_from: float = 0.0

    def first(self, most: int) -> list[_Ticket]:
        """Return the messages at the head, one of each chat."""
        batch: dict[int, _Ticket] = {}
        for ticket in self.waiting:
            if len(batch) == most:
                break
            batch.setdefault(ticket.address_id, ticket)
        return list(batch.values())


class SharedPacer:
    """Says when the next message may leave, where several processes send on one account.

    Tokens are taken from the database in small slices and only for messages that wait, so a process without
    work takes none. `clock` and `sleep` are as in Pacer; how time goes for tokens is the database's business.
    """

    def __init__(
        self,
        pace: Pace,
        database: Database,
        account: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._account = account
        self._clock = clock
        self._sleep = sleep
        self._reserve = pace.reserve
        self._rate = Rate(1 / pace.per_second, pace.burst)
        self._chat_rate = Rate(1 / pace.chat_per_second, pace.chat_burst)
        self._slice = max(1, min(int(pace.per_second * SLICE_S), pace.burst - pace.reserve))
        # What this process knows by itself of the chats spares the database questions.
        self._chats = Chats(pace)
        self._queues = {bulk: _Queue() for bulk in (False, True)}
        self._telling: set[asyncio.Task[None]] = set()
        self._trouble = Trouble("rate")

    async def wait(self, address_id: int, *, bulk: bool) -> float:
        """Return 0 when a message to the address may leave, else what `Pacer.wait` returns.

        While the database is gone it waits: nothing could be written down of what was sent.
        """
        while True:
            wait_s = self._chats.of(address_id, self._clock()).wait_s(self._clock())
            if wait_s > LONGEST_WAIT_S:
                return wait_s
            if wait_s > 0:
                await self._sleep(wait_s)
                continue
            refused_s = await self._stand_in_line(address_id, bulk=bulk)
            now = self._clock()
            chat = self._chats.of(address_id, now)
            if not refused_s:
                chat.take(now)
                return 0.0
            # Another process has written to the chat.
            chat.hold(now + refused_s)

    def too_fast(self, address_id: int, retry_after_s: float) -> None:
        """Hold one chat for as long as the platform says, and bulk for a moment, in all processes."""
        now = self._clock()
        self._chats.of(address_id, now).hold(now + retry_after_s)
        telling = asyncio.create_task(self._tell(address_id, now + retry_after_s))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _stand_in_line(self, address_id: int, *, bulk: bool) -> float:
        """Return 0 when the message has its tokens, or for how long its chat has none."""
        queue, ticket = self._queues[bulk], _Ticket(address_id)
        queue.waiting.append(ticket)
        try:
            async with queue.turn:
                while ticket.wait_s is None:
                    await self._serve(queue, bulk=bulk)
        finally:
            if ticket in queue.waiting:
                queue.waiting.remove(ticket)
        return ticket.wait_s

    async def _serve(self, queue: _Queue, *, bulk: bool) -> None:
        """Ask once for the messages at the head of the queue; wait when the answer is none."""
        early_s = queue.ask_from - self._clock()
        if early_s > 0:
            await self._sleep(early_s)
        batch = queue.first(self._slice)
        while True:
            try:
                taken = await self._take(len(batch), bulk=bulk)
                refused = await self._take_chats(batch[: taken.tokens])
                self._trouble.over()
                break
            except (DatabaseLocked, DatabaseUnreachable) as error:
                # Tokens that may have been taken are lost: better too few than too many.
                await self._sleep(self._trouble.pause_s(error))
        queue.ask_from = self._clock() + GATHER_S
        for ticket in batch[: taken.tokens]:
            ticket.wait_s = refused.get(ticket.address_id, 0.0)
            if ticket in queue.waiting:
                queue.waiting.remove(ticket)
        if not taken.tokens:
            await self._sleep(taken.wait_s)

    async def _take(self, wanted: int, *, bulk: bool) -> Taken:
        async with self._database.transaction() as unit:
            return await BudgetStore(unit.connection).take(
                self._account,
                wanted,
                rate=self._rate,
                # Bulk is in no hurry, and fewer questions cost less.
                least=wanted if bulk else 1,
                spare=self._reserve if bulk else 0,
                bulk=bulk,
            )

    async def _take_chats(self, tickets: list[_Ticket]) -> Mapping[int, float]:
        """Return for how long the chats have no token; those messages' others are given back."""
        if not tickets:
            return {}
        async with self._database.transaction() as unit:
            budgets = BudgetStore(unit.connection)
            refused = await budgets.take_chats(
                [ticket.address_id for ticket in tickets], rate=self._chat_rate
            )
            if refused:
                await budgets.give_back(self._account, len(refused), rate=self._rate)
            return refused

    async def _tell(self, address_id: int, until: float) -> None:
        while (left_s := until - self._clock()) > 0:
            try:
                async with self._database.transaction() as unit:
                    await BudgetStore(unit.connection).hold(
                        self._account, address_id, chat_s=left_s, bulk_s=min(left_s, BULK_PAUSE_S)
                    )
                self._trouble.over()
                return
            except (DatabaseLocked, DatabaseUnreachable) as error:
                await self._sleep(self._trouble.pause_s(error))


class Chats:
    """The buckets of the chats last written to."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._buckets: OrderedDict[int, Bucket] = OrderedDict()

    def of(self, address_id: int, now: float) -> Bucket:
        bucket = self._buckets.get(address_id)
        if bucket is None:
            bucket = Bucket(self._pace.chat_per_second, self._pace.chat_burst, now)
            self._buckets[address_id] = bucket
            if len(self._buckets) > MOST_CHATS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address_id)
        return bucket
