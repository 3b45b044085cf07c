"""Looks at the service itself each minute: tells administrators when something is wrong and when it is over.

A trouble is told once when it has lasted for some looks, and once when it has been over for some. Nothing
said here is about a person. While all is well, a heartbeat goes out; its silence is the alarm that needs no
chat.
"""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

import structlog

from bot.clock import Clock
from bot.metrics import metrics
from bot.turns import Trouble, Voice, on_its_own, show_push
from conversations.care.people import Role
from conversations.engine.outbound import Lane, Purpose
from conversations.engine.reply import Channel
from conversations.engine.turn import Push
from conversations.flows.news import AlertKind, AlertNews
from storage.database import Database
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.unit_of_work import UnitOfWork
from storage.vitals import TICKED_MARK, Outcome, Vitals, VitalsStore

log = structlog.get_logger()

# So many looks, a minute apart, must say the same before it is believed: one slow minute is no trouble.
LOOKS_UNTIL_WRONG, LOOKS_UNTIL_WELL = 2, 3
# Who is told more often stops reading. What has no room this hour is told later, if it is still so.
MOST_AN_HOUR = 6
# News of a trouble that could not be told sooner helps nobody.
ALERT_LIFE = timedelta(hours=6)

UPDATES_WRONG_S, UPDATES_WELL_S = 120.0, 30.0
SENDS_WRONG_S, SENDS_WELL_S = 120.0, 60.0
# Of the messages written lately: at least so many failed, and so large a share.
RECENT = timedelta(minutes=10)
FAILED_AT_LEAST, FAILED_SHARE_WRONG, FAILED_SHARE_WELL = 5, 0.2, 0.1
DISK_WRONG_BYTES, DISK_WELL_BYTES = 500_000_000, 700_000_000
BACKUP_WRONG_AGE = timedelta(hours=36)
# A look that comes so long after the one before means that nothing was done meanwhile.
STANDSTILL = timedelta(minutes=3)
LEAVE_WITHIN_S = 2.0
# What a monitoring service must hear of by silence.
STUCK_S = 300.0

# The platform took it, or it is the person's side that does not: no failure of ours or the platform's.
_ARRIVED = frozenset({"sent", "delivered", "read"})
_NOBODYS_FAULT = frozenset({"blocked", "opted_out", "stale", "quiet_hours", "too_fast"})

# Marks, beside one for each kind: who looked last, and when in the last hour something was told.
LOOKER_MARK = "looker"
TOLD_MARK = "alerts_told"
WATCHED_MARK = "watched_since"


class State(Enum):
    WELL = "well"
    BETWEEN = "between"  # neither: what was told last stays true
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one thing stands; `number` goes into the alert's words."""

    state: State
    number: int = 0


@dataclass(frozen=True, slots=True)
class Signs:
    """What there is to judge by. `free_bytes` None: nothing is kept on this machine's disk.

    `no_backup_since` None: this service makes no backups.
    """

    now: datetime
    vitals: Vitals
    outcomes: Sequence[Outcome]
    free_bytes: int | None
    no_backup_since: datetime | None


def judge(signs: Signs) -> Mapping[AlertKind, Judgement]:
    """Return how each thing stands that can be wrong for a while."""
    return {
        AlertKind.UPDATES_WAITING: _updates(signs),
        AlertKind.SENDS_FAILING: _sends(signs),
        AlertKind.DISK_FULL: _disk(signs),
        AlertKind.BACKUP_OLD: _backup(signs),
    }


def is_alive(signs: Signs) -> bool:
    """Tell whether updates are answered, due rows are turned and messages leave."""
    vitals, now = signs.vitals, signs.now
    is_stuck = max(vitals.inbox.age_s(now), vitals.late.age_s(now)) > STUCK_S
    return not is_stuck and _sends(signs).state is not State.WRONG


def _updates(signs: Signs) -> Judgement:
    age_s = signs.vitals.inbox.age_s(signs.now)
    return Judgement(_between(age_s, UPDATES_WELL_S, UPDATES_WRONG_S), int(age_s // 60))


def _sends(signs: Signs) -> Judgement:
    """A web page's messages wait until it is opened, so they say nothing."""
    outcomes = [each for each in signs.outcomes if each.channel != Channel.WEBCHAT]
    arrived = sum(each.count for each in outcomes if each.status in _ARRIVED)
    failed = sum(
        each.count
        for each in outcomes
        if each.status.startswith("failed") and each.reason not in _NOBODYS_FAULT
    )
    waits_s = max(
        (
            backlog.age_s(signs.now)
            for (channel, lane), backlog in signs.vitals.outbox.items()
            if channel != Channel.WEBCHAT and lane is not Lane.BULK
        ),
        default=0.0,
    )
    share = failed / (failed + arrived) if failed else 0.0
    # One chat that can't be written to must not look like a platform that can't.
    if (waits_s > SENDS_WRONG_S and not arrived) or (
        failed >= FAILED_AT_LEAST and share > FAILED_SHARE_WRONG
    ):
        return Judgement(State.WRONG)
    is_well = (waits_s < SENDS_WELL_S or arrived) and share < FAILED_SHARE_WELL
    return Judgement(State.WELL if is_well else State.BETWEEN)


def _disk(signs: Signs) -> Judgement:
    if signs.free_bytes is None:
        return Judgement(State.WELL)
    return Judgement(
        _between(-signs.free_bytes, -DISK_WELL_BYTES, -DISK_WRONG_BYTES), signs.free_bytes // 1_000_000
    )


def _backup(signs: Signs) -> Judgement:
    if signs.no_backup_since is None:
        return Judgement(State.WELL)
    age = signs.now - signs.no_backup_since
    return Judgement(State.WRONG if age > BACKUP_WRONG_AGE else State.WELL, int(age.total_seconds() // 3600))


def _between(value: float, well: float, wrong: float) -> State:
    if value > wrong:
        return State.WRONG
    return State.WELL if value < well else State.BETWEEN


class Alerts:
    """Looks each minute, wherever ticks are led.

    `folder` is where this machine keeps what the service writes, None when that is elsewhere.
    `makes_backups` says that a missing one is a trouble. `beat` is called while all is well.
    """

    def __init__(
        self,
        database: Database,
        voice: Voice,
        clock: Clock,
        *,
        folder: Path | None = None,
        makes_backups: bool = False,
        beat: Callable[[], Awaitable[object]] | None = None,
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        self._database = database
        self._voice = voice
        self._clock = clock
        self._folder = folder
        self._makes_backups = makes_backups
        self._beat = beat
        self._free_bytes = free_bytes or free_bytes_of
        self._looker = secrets.token_hex(8)
        # How many looks in a row have said otherwise than what was told last.
        self._otherwise = dict.fromkeys(AlertKind, 0)
        self._trouble = Trouble("alerts")

    async def look(self) -> None:
        """Judge, tell what has changed, and send the heartbeat while all is well."""
        try:
            async with self._database.transaction() as unit:
                signs = await self._signs(unit)
                await self._tell_events(unit, signs)
                for kind, judgement in judge(signs).items():
                    await self._tell_change(unit, kind, judgement, signs.now)
                await unit.marks.set(TICKED_MARK, signs.now.isoformat())
                await unit.marks.set(LOOKER_MARK, self._looker)
        except (DatabaseLocked, DatabaseUnreachable) as error:
            # Told when it is back: until then nobody can be.
            self._trouble.pause_s(error)
            return
        self._trouble.over()
        if self._beat is not None and is_alive(signs):
            await self._beat()

    async def leave(self) -> None:
        """Say that looking ends on purpose, so that whoever looks next does not think it a crash."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S), self._database.transaction() as unit:
                if await unit.marks.get(LOOKER_MARK) == self._looker:
                    await unit.marks.set(LOOKER_MARK, "")
        except (DatabaseLocked, DatabaseUnreachable, TimeoutError) as error:
            log.info("alerts_left_unsaid", error=type(error).__name__)

    async def _signs(self, unit: UnitOfWork) -> Signs:
        now = self._clock.now()
        store = VitalsStore(unit.connection)
        vitals = await store.read(now=now)
        since = await unit.marks.get(WATCHED_MARK)
        if since is None:
            since = now.isoformat()
            await unit.marks.set(WATCHED_MARK, since)
        # A service that has just begun has no backup yet, and need not.
        no_backup_since = vitals.backup_at or datetime.fromisoformat(since)
        return Signs(
            now=now,
            vitals=vitals,
            outcomes=await store.outcomes(since=now - RECENT),
            free_bytes=self._free_bytes(self._folder) if self._folder else None,
            no_backup_since=no_backup_since if self._makes_backups else None,
        )

    async def _tell_events(self, unit: UnitOfWork, signs: Signs) -> None:
        """Tell what is already over: a standstill, and a looker that did not say goodbye."""
        before = signs.vitals.ticked_at
        looker = await unit.marks.get(LOOKER_MARK)
        if before is not None and signs.now - before > STANDSTILL:
            minutes = int((signs.now - before).total_seconds() // 60)
            await self._tell(unit, AlertNews(AlertKind.STOOD_STILL, number=minutes), signs.now)
        elif looker and looker != self._looker:
            await self._tell(unit, AlertNews(AlertKind.TAKEN_OVER), signs.now)

    async def _tell_change(
        self, unit: UnitOfWork, kind: AlertKind, judgement: Judgement, now: datetime
    ) -> None:
        mark = f"alert_{kind}"
        is_on = bool(await unit.marks.get(mark))
        says_otherwise = judgement.state is (State.WELL if is_on else State.WRONG)
        self._otherwise[kind] = self._otherwise[kind] + 1 if says_otherwise else 0
        metrics.alert(kind, is_on)
        if self._otherwise[kind] < (LOOKS_UNTIL_WELL if is_on else LOOKS_UNTIL_WRONG):
            return
        if not await self._tell(unit, AlertNews(kind, is_over=is_on, number=judgement.number), now):
            return
        self._otherwise[kind] = 0
        metrics.alert(kind, not is_on)
        await unit.marks.set(mark, "" if is_on else now.isoformat())

    async def _tell(self, unit: UnitOfWork, news: AlertNews, now: datetime) -> bool:
        """Write to every administrator; False when they have been told enough for this hour."""
        told = [int(second) for second in (await unit.marks.get(TOLD_MARK) or "").split(",") if second]
        told = [second for second in told if second > now.timestamp() - 3600]
        if len(told) >= MOST_AN_HOUR:
            return False
        log.warning("alert_over" if news.is_over else "alert", kind=news.kind.value, amount=news.number)
        await unit.marks.set(TOLD_MARK, ",".join(map(str, [*told, int(now.timestamp())])))
        for administrator in await unit.contacts.staff(Role.ADMINISTRATOR):
            async with on_its_own(unit, "alert_not_written", kind=news.kind.value):
                push = Push(
                    administrator.id,
                    "alert",
                    news,
                    Purpose.STAFF,
                    key=f"alert:{news.kind}:{now:%Y%m%dT%H%M%S}:{administrator.id}",
                    useful_until=now + ALERT_LIFE,
                )
                await show_push(unit, push, self._voice, now=now)
        return True


def free_bytes_of(folder: Path) -> int:
    """Return how much may still be written there by the service's user."""
    return shutil.disk_usage(folder).free
