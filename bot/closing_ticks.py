"""What time does to visits at whose time a centre closed.

The rest of those a closure touches are moved, who says nothing is asked once more, and what nobody moved
ends. Nothing is planned for that: each pass reads off closures and visits what there is to do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bot.clock import Clock
from bot.turns import Trouble, Voice, act_for
from conversations.care.closing import second_word_due
from conversations.care.people import ContactId
from conversations.care.quiet import is_quiet
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.turn import Turn
from conversations.flows.displaced_visits import ask_again, lapse, move_touched, open_again, restore_open
from storage.closings import ClosingStore, Waiting
from storage.database import Database
from storage.errors import DatabaseLocked, DatabaseUnreachable

log = structlog.get_logger()

# How soon the rest of many hear of a closure, and how late a visit whose time has come may end.
EVERY_S = 5.0
# Between two steps, so that others get their turn.
STEP_PAUSE_S = 0.05
# Visits outside a period's hours are looked for in so many passes once: all of a centre's have to be read.
PERIODS_EVERY = 60


class ClosingTicks:
    """One process's look at closed centres."""

    def __init__(self, database: Database, voice: Voice, clock: Clock) -> None:
        self._database = database
        self._voice = voice
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        trouble = Trouble("closings")
        passes = 0
        while True:
            try:
                await self.look()
                if passes % PERIODS_EVERY == 0:
                    await self.look_at_periods()
                passes += 1
                trouble.over()
                pause_s = EVERY_S
            except (DatabaseLocked, DatabaseUnreachable) as error:
                pause_s = trouble.pause_s(error)
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Do what there is to do about closed days and hours."""
        now = self._clock.now()
        today = self._local(now).date()
        open_centres: dict[str, ContactId] = {}
        async with self._database.reading() as unit:
            store = ClosingStore(unit.connection)
            touched = await store.touched(today=today, now=now)
            waiting = await store.waiting()
            for slug in {visit.centre_slug for visit in waiting}:
                if found := await open_again(unit, slug, today=today, now=now):
                    open_centres[slug] = found[0].contact_id
        await self._move(touched)
        for slug, contact_id in open_centres.items():
            await self._until_nothing(contact_id, partial(restore_open, centre_slug=slug))
        for visit in waiting:
            await self._see_to(visit)

    async def look_at_periods(self) -> None:
        """Move visits outside the hours that a centre has for a while, such as in Ramadan."""
        async with self._database.reading() as unit:
            centres = await ClosingStore(unit.connection).in_periods(now=self._clock.now())
        await self._move(centres)

    async def _move(self, centres: Mapping[str, ContactId]) -> None:
        for slug, contact_id in centres.items():
            await self._until_nothing(contact_id, partial(_move_some, centre_slug=slug))

    async def _see_to(self, visit: Waiting) -> None:
        now = self._clock.now()
        local = self._local(now)
        starts_local = datetime.combine(visit.day, visit.at)
        if to_utc(starts_local, self._voice.world.zone) <= now:
            await self._act(visit.contact_id, partial(_lapse, appointment_id=visit.appointment_id))
            return
        due = second_word_due(self._local(visit.displaced_at), starts_local)
        if due is not None and due <= local and not visit.asked_again and not is_quiet(local):
            await self._act(visit.contact_id, partial(_ask_again, appointment_id=visit.appointment_id))

    async def _until_nothing(self, contact_id: ContactId, act: Callable[[Turn[Any]], Awaitable[int]]) -> None:
        """Do a step, each time in a transaction of its own, until nothing is left."""
        left = await self._act(contact_id, act)
        while left:
            await asyncio.sleep(STEP_PAUSE_S)
            left = await self._act(contact_id, act)

    async def _act(self, contact_id: ContactId, act: Callable[[Turn[Any]], Awaitable[int]]) -> int:
        """Return what the step does: how much it did or left. What fails is tried again at the next pass."""
        try:
            async with self._database.transaction() as unit:
                return await act_for(unit, contact_id, self._voice, act, now=self._clock.now())
        except (DatabaseLocked, DatabaseUnreachable):
            raise
        except Exception:
            log.exception("closing_failed")
            return 0

    def _local(self, moment: datetime) -> datetime:
        return to_local(moment, self._voice.world.zone)


async def _move_some(turn: Turn[Any], centre_slug: str) -> int:
    touched = await move_touched(turn, centre_slug)
    log.info("visits_displaced", centre=centre_slug, asked=touched.asked, left=touched.left)
    return touched.left


async def _lapse(turn: Turn[Any], appointment_id: int) -> int:
    await lapse(turn, appointment_id)
    log.info("displaced_visit_lapsed", visit=appointment_id)
    return 0


async def _ask_again(turn: Turn[Any], appointment_id: int) -> int:
    await ask_again(turn, appointment_id)
    return 0
