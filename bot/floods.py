"""Floods: somebody who writes faster than they are answered is slowed, alone, and their queue kept short."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.metrics import metrics
from conversations.care.helplines import AMBULANCE, POLICE
from conversations.texts import Texts
from storage.inbox import NewUpdate, StoredUpdate
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

# Only updates that came before the one ahead of them was taken up count, so who waits for answers is never
# slowed, however fast they tap. Twenty of them in a row is more than impatient fingers manage in the moment
# that an answer takes, and from then on one a second is still faster than anybody reads the answers.
BURST = 20
INTERVAL_S = 1.0
# What stays waiting of one person at most: minutes' worth, less than what counts as a service that is stuck.
MOST_WAITING = 200
# How many updates of one lane are stored without asking the database how many wait.
UNASKED = 50
# The one unheard of for longest is forgotten first, in effect forgiven.
MOST_LANES = 2_000
# Several processes that slow one person tell them once in so many seconds.
TELL_EVERY_S = 600


@dataclass(slots=True)
class _Lane:
    """When the last update was taken up and when the bucket is full, in seconds since 1970."""

    taken_at: float = 0.0
    full_at: float = 0.0
    is_told: bool = False


class Brake:
    """Says for how long an update must wait because of those before it. One per process, in memory."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[bytes, _Lane] = OrderedDict()

    def wait_s(self, update: StoredUpdate, now: datetime) -> float:
        """Return 0 when the update may be handled, which is counted, or in how many seconds it may."""
        now_s, received_s = now.timestamp(), update.received_at.timestamp()
        lane = self._lane(update)
        if lane.full_at <= now_s:
            lane.is_told = False
        if received_s < lane.taken_at:
            # Never further ahead than an empty bucket is: a clock may have been put back.
            full_at = min(max(lane.full_at, now_s), now_s + BURST * INTERVAL_S)
            wait_s = full_at - now_s - (BURST - 1) * INTERVAL_S
            if wait_s > 0:
                return wait_s
            lane.full_at = full_at + INTERVAL_S
        lane.taken_at = now_s
        return 0.0

    def is_told(self, update: StoredUpdate) -> bool:
        """Tell whether the person has heard in this flood that they are slowed."""
        return self._lane(update).is_told

    def told(self, update: StoredUpdate) -> None:
        self._lane(update).is_told = True

    def _lane(self, update: StoredUpdate) -> _Lane:
        lane = self._lanes.pop(update.lane, None) or _Lane()
        self._lanes[update.lane] = lane
        if len(self._lanes) > MOST_LANES:
            self._lanes.popitem(last=False)
        return lane


class Gate:
    """Stores updates, but of a lane where too many wait only the keys. One per intake, in memory.

    What other intakes and processes store meanwhile is only seen when the database is asked, so a few more
    than MOST_WAITING may get in.
    """

    def __init__(self) -> None:
        # How many more of each lane may be stored before the database is asked.
        self._left: OrderedDict[bytes, int] = OrderedDict()
        self._full: set[bytes] = set()

    async def add(self, unit: UnitOfWork, updates: Sequence[NewUpdate], *, now: datetime) -> int:
        """Store the updates, and return how many of them were new and are going to be handled."""
        kept: list[NewUpdate] = []
        turned_away: list[NewUpdate] = []
        for update in updates:
            (kept if await self._has_room(unit, update) else turned_away).append(update)
        if turned_away:
            metrics.updates_turned_away(
                turned_away[0].channel, await unit.inbox.turn_away(turned_away, now=now)
            )
        return await unit.inbox.add(kept, now=now)

    async def _has_room(self, unit: UnitOfWork, update: NewUpdate) -> bool:
        lane = update.lane
        left = self._left.pop(lane, UNASKED)
        if left <= 0:
            waiting = await unit.inbox.waiting(lane, most=MOST_WAITING)
            left = min(UNASKED, MOST_WAITING - waiting)
            self._note(lane, channel=update.channel, is_full=left <= 0)
        self._left[lane] = left - 1
        if len(self._left) > MOST_LANES:
            forgotten, _ = self._left.popitem(last=False)
            self._full.discard(forgotten)
        return left > 0

    def _note(self, lane: bytes, *, channel: str, is_full: bool) -> None:
        if is_full and lane not in self._full:
            self._full.add(lane)
            log.warning("flood_turned_away", channel=channel, waiting=MOST_WAITING)
        elif not is_full:
            self._full.discard(lane)


def slowed(texts: Texts) -> str:
    """Return what somebody is told whose messages are put off."""
    lead = texts.gettext(
        "You are writing faster than we can read. Your messages are kept here and are answered in order. "
        "There is no need to send them again."
    )
    emergency = texts.gettext("If it can't wait, call the ambulance or the police:")
    numbers = "\n".join((AMBULANCE.numbers[0], POLICE.numbers[0]))
    return f"{lead}\n\n{emergency}\n{numbers}"
