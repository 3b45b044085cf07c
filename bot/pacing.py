"""Keeping under a platform's rate: tokens for the account and for each chat, interactive before bulk."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from bot.channels.channel import Pace

# Chats remembered for their own pace; the one unheard of for longest is forgotten first.
MOST_CHATS = 10_000
# How long bulk pauses after the platform said "too fast" to any chat: it often means the whole account.
BULK_PAUSE_S = 5.0
# A message held for longer than this goes back to the outbox and leaves its place to others.
LONGEST_WAIT_S = 20.0


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
        self._account = Bucket(pace.per_second, pace.burst, clock())
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
