"""Ticks of the waiting lists: free places are offered to those who wait, and silences are counted.

Woken by the commit of each turn that freed a place or in which somebody joined a list, when an offer is
over, and each minute for all else that frees places: what nobody confirmed, other hours, a lifted closure.
"""

from datetime import datetime
from functools import partial

import structlog

from bot.clock import Clock
from bot.turns import Voice, act_for, on_its_own, work_off
from conversations.care import offers
from conversations.care.hours import VisitKind
from conversations.care.quiet import is_quiet
from conversations.care.waiting import WaitingEntry
from conversations.care.wall_time import to_local
from conversations.errors import NotWaiting, SlotTaken
from storage.database import Database
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.waiting_list import WAITING_TOPIC

log = structlog.get_logger()

LOOK_EVERY_S = 60.0


class WaitingTicks:
    """Offers along the lists, for as long as this process leads the ticks.

    That only one process does is no more than thrift: who is given a time is decided under its lock, and what
    is on offer to whom under that of their place in the list.
    """

    def __init__(self, database: Database, voice: Voice, clock: Clock) -> None:
        self._database = database
        self._voice = voice
        self._clock = clock

    async def run(self) -> None:
        """Offer until cancelled."""
        await work_off(self._database, WAITING_TOPIC, "waiting", self.look, self._pause_s)

    async def look(self) -> bool:
        """Note the offers that went by, and offer what is free; False, since nothing is left then.

        A look that finds nobody waiting costs one small query.
        """
        async with self._database.reading() as unit:
            lines = await unit.waiting.lines()
        if lines:
            await self._note_silences()
            await self._forget_over()
            if not is_quiet(to_local(self._clock.now(), self._voice.world.zone)):
                for centre_slug, kind in lines:
                    await self._offer_along(centre_slug, kind)
        return False

    async def _note_silences(self) -> None:
        async with self._database.reading() as unit:
            silent = await unit.waiting.gone_by(self._clock.now())
        for entry in silent:
            note = partial(offers.note_silence, entry=entry)
            async with (
                self._database.transaction() as unit,
                on_its_own(unit, "silence_not_noted", entry=entry.id),
            ):
                await act_for(unit, entry.contact_id, self._voice, note, now=self._clock.now())

    async def _forget_over(self) -> None:
        async with self._database.transaction() as unit:
            await unit.waiting.forget_over(self._clock.now())

    async def _offer_along(self, centre_slug: str, kind: VisitKind) -> None:
        """Go along one list once; each person gets at most one offer."""
        last = 0
        try:
            while found := await self._next_in_line(centre_slug, kind, after=last):
                entry, start = found
                last = entry.id
                await self._offer(entry, start)
        except (DatabaseLocked, DatabaseUnreachable):
            raise
        except Exception:
            # One list must not hold up the others.
            log.exception("offers_failed", centre=centre_slug, kind=kind)

    async def _next_in_line(
        self, centre_slug: str, kind: VisitKind, *, after: int
    ) -> tuple[WaitingEntry, datetime] | None:
        now = self._clock.now()
        local = to_local(now, self._voice.world.zone)
        async with self._database.reading() as unit:
            return await offers.next_in_line(unit, centre_slug, kind, after=after, now=now, now_local=local)

    async def _offer(self, entry: WaitingEntry, start: datetime) -> None:
        make = partial(offers.offer, entry=entry, start=start)
        try:
            async with self._database.transaction() as unit:
                told = await act_for(unit, entry.contact_id, self._voice, make, now=self._clock.now())
            log.info("place_offered", entry=entry.id, told=told)
        except (SlotTaken, NotWaiting):
            # Somebody was faster, or has just left: all of it is undone.
            log.info("offer_overtaken", entry=entry.id)
        except (DatabaseLocked, DatabaseUnreachable):
            raise
        except Exception:
            # Who comes after them in the list is still asked.
            log.exception("offer_failed", entry=entry.id)

    async def _pause_s(self) -> float:
        async with self._database.reading() as unit:
            at = await unit.waiting.next_gone_by()
        if at is None:
            return LOOK_EVERY_S
        # What could not be noted must not be tried without a pause.
        return min(LOOK_EVERY_S, max(1.0, (at - self._clock.now()).total_seconds()))
