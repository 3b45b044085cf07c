"""What a centre's staff are asked in the morning: whether hours change in Ramadan, and when a feast is.

Both hang on the moon, so what was computed is only a proposal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog

from bot.clock import Clock
from bot.turns import Voice, on_its_own, show_push
from conversations.care.centres import Centre
from conversations.care.closures import Closure
from conversations.care.moon import ASKED_BEFORE, feasts
from conversations.care.people import Contact, Role
from conversations.care.periods import next_fasting
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.staff import moon_day, ramadan_question
from conversations.flows.staff.moon_day import MoonDays
from conversations.flows.staff.ramadan_question import RamadanQuestion
from storage.database import Database
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

RAMADAN_ASKED_BEFORE = timedelta(days=10)
# A feast that begins on the last day asked about may go on for a few more.
_LONGEST_FEAST = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask of a centre. `until` is the day from which on nobody needs to be asked."""

    flow: str
    draft: MoonDays | RamadanQuestion
    key: str
    until: date


class StaffQuestions:
    """Asks each centre's caseworkers; where none can be reached, the managers."""

    def __init__(self, database: Database, voice: Voice, clock: Clock) -> None:
        self._database = database
        self._voice = voice
        self._clock = clock

    async def ask_staff(self) -> None:
        """Ask what is to be asked today. Nobody is asked the same twice, however often this is done."""
        now = self._clock.now()
        today = to_local(now, self._voice.world.zone).date()
        async with self._database.reading() as unit:
            centres = await unit.centres.open()
            asked = [(centre, await self._questions(unit, centre, today)) for centre in centres]
        for centre, questions in asked:
            if questions:
                async with self._database.transaction() as unit:
                    await self._ask(unit, centre, questions, now)

    async def _questions(self, unit: UnitOfWork, centre: Centre, today: date) -> list[Question]:
        last = today + ASKED_BEFORE
        closures = await unit.closures.between(centre.slug, today, last + _LONGEST_FEAST)
        found = [_about_feast(centre, feast) for feast in _open_feasts(centre, closures, today)]
        return [*self._about_ramadan(centre, today), *found]

    def _about_ramadan(self, centre: Centre, today: date) -> Iterator[Question]:
        month = next_fasting(self._voice.world.fasting_months, today)
        if month is None or not month.first_day - RAMADAN_ASKED_BEFORE <= today <= month.first_days[-1]:
            return
        if not any(map(month.meets, centre.rules.periods)):
            yield Question(
                ramadan_question.NAME,
                RamadanQuestion(centre.slug, month.first_day, month.last_day),
                key=f"ramadan:{centre.slug}:{month.first_day.isoformat()}",
                until=month.first_days[-1] + timedelta(days=1),
            )

    async def _ask(
        self, unit: UnitOfWork, centre: Centre, questions: Sequence[Question], now: datetime
    ) -> None:
        zone = self._voice.world.zone
        for contact in await _whom_to_ask(unit, centre.slug):
            for question in questions:
                push = Push(
                    contact.id,
                    question.flow,
                    question.draft,
                    Purpose.STAFF,
                    key=f"{question.key}:{contact.id}",
                    keeps_quiet=True,
                    useful_until=to_utc(datetime.combine(question.until, time()), zone),
                )
                async with on_its_own(unit, "question_failed", flow=question.flow, centre=centre.slug):
                    await show_push(unit, push, self._voice, now=now)


async def _whom_to_ask(unit: UnitOfWork, slug: str) -> list[Contact]:
    return await unit.contacts.staff(Role.CASEWORKER, slug) or await unit.contacts.staff(Role.MANAGER)


def _open_feasts(centre: Centre, closures: Sequence[Closure], today: date) -> Iterator[list[Closure]]:
    """Yield the feasts to ask about: soon, not yet decided, and on days when the centre would be open."""
    for feast in feasts(closures):
        if not today < feast[0].day <= today + ASKED_BEFORE or any(closure.decided for closure in feast):
            continue
        days = [*(closure.day for closure in feast), feast[-1].day + timedelta(days=1)]
        if any(centre.rules.hours_on(day) for day in days):
            yield feast


def _about_feast(centre: Centre, feast: Sequence[Closure]) -> Question:
    first_day = feast[0].day
    return Question(
        moon_day.NAME,
        MoonDays(centre.slug, first_day, len(feast)),
        key=f"moon:{centre.slug}:{first_day.isoformat()}",
        until=first_day,
    )
