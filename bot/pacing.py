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
    """A token bucket. Times are monotonic seconds."""

    __slots__ = ("_burst", "_full_at", "_per_second")

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._full_at = now

    def wait_s(self, now: float) -> float:
        """Return how long until a token is there, 0 when one is."""
        owed = max(0.0, self._full_at - now) * self._per_second
        return max(0.0, (owed + 1 - self._burst) / self._per_second)

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + 1 / self._per_second

    def hold(self, until: float) -> None:
        """Give no token before that moment, and then one."""
        self._full_at = max(self._full_at, until + (self._burst - 1) / self._per_second)


class Pacer:
    """Says when the next message may leave. One per channel account and process.

    `clock` gives monotonic seconds, and `sleep` waits for so many of them.
    """

    def __init__(
        self,
        pace: Pace,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        now = clock()
        self._account = Bucket(pace.per_second, pace.burst, now)
        self._bulk = Bucket(pace.bulk_per_second, 1, now)
        self._chats: OrderedDict[int, Bucket] = OrderedDict()

    async def wait(self, address_id: int, *, bulk: bool) -> float:
        """Return 0 when a message to the address may leave; its tokens are taken.

        Interactive messages never wait for the bulk bucket, and bulk leaves them the difference
        between the two rates. A wait longer than LONGEST_WAIT_S is not waited for: it is returned,
        in seconds, and nothing is taken.
        """
        while True:
            now = self._clock()
            chat = self._chat(address_id, now)
            buckets = [self._account, chat, self._bulk] if bulk else [self._account, chat]
            wait_s = max(bucket.wait_s(now) for bucket in buckets)
            if wait_s <= 0:
                for bucket in buckets:
                    bucket.take(now)
                return 0.0
            if wait_s > LONGEST_WAIT_S:
                return wait_s
            await self._sleep(wait_s)

    def too_fast(self, address_id: int, retry_after_s: float) -> None:
        """Hold one chat for as long as the platform says, and bulk for a moment; nobody else waits."""
        now = self._clock()
        self._chat(address_id, now).hold(now + retry_after_s)
        self._bulk.hold(now + min(retry_after_s, BULK_PAUSE_S))

    def _chat(self, address_id: int, now: float) -> Bucket:
        bucket = self._chats.get(address_id)
        if bucket is None:
            bucket = self._chats[address_id] = Bucket(self._pace.chat_per_second, self._pace.chat_burst, now)
            if len(self._chats) > MOST_CHATS:
                self._chats.popitem(last=False)
        self._chats.move_to_end(address_id)
        return bucket
