"""What comes by itself, on Telegram: the service's own parts, real databases and HTTP, and a movable clock.

No setting moves the clock of a service that serves real people, so the parts run inside the test.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import opened, telegram_bot
from bot.channels.telegram import TelegramSender, payload_parser
from bot.channels.telegram_intake import TelegramIntake
from bot.clock import ShiftedClock
from bot.delivery import Delivery
from bot.pacing import Pacer
from bot.settings import load_settings
from bot.ticks import Ticks
from conversations.care.people import Role
from conversations.engine.reply import Channel
from storage.database import Database, rung
from tests.bot.senders import UNHURRIED
from tests.bot.small_talk import turns_of
from tests.fake_telegram import FakeTelegram
from tests.fakes import MovableClock
from tests.people import MONDAY
from tests.telegram_people import FIRST, WAIT_S, Phone, calls_to, ids, settings_with

FRIDAY = MONDAY + timedelta(days=4)


@dataclass
class Service:
    database: Database
    clock: ShiftedClock

    def moves_to(self, moment: datetime) -> None:
        """Let time pass; what falls due until then is due now."""
        self.clock.shift_to(moment)
        self.database.wakes.ring("due")

    async def until_next_due(self, moment: datetime | None) -> None:
        """Wait until nothing is left to do before that moment, None for ever."""
        async with asyncio.timeout(WAIT_S), self.database.wakes.bell("due", "outbox") as bell:
            while await self._next_due() != moment:
                await rung(bell, timeout_s=0.05)

    async def _next_due(self) -> datetime | None:
        async with self.database.reading() as unit:
            return await unit.schedule.next_due_at()


@pytest.fixture
async def service(telegram: FakeTelegram, database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Intake, turns, ticks and delivery, on a Monday at nine in the morning."""
    environ = {**settings_with(telegram, database_url), "JISR_VAR_DIR": str(tmp_path)}
    settings = load_settings(environ, env_file=None)
    clock = ShiftedClock(base=MovableClock(MONDAY))
    async with telegram_bot(settings) as bot, opened(settings) as about:
        pacer = Pacer(UNHURRIED, time.monotonic)
        parts = (
            TelegramIntake(about.database, bot, clock).poll(),
            turns_of(about.database, about.voice, clock, {Channel.TELEGRAM: payload_parser(bot)}).work(),
            Ticks(about.database, about.voice, clock).run(),
            Delivery(
                about.database, TelegramSender(bot, UNHURRIED), about.voice.texts, clock, pacer=pacer
            ).run(),
        )
        tasks = [asyncio.create_task(part) for part in parts]
        yield Service(about.database, clock)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=WAIT_S)


@pytest.fixture
async def driss(telegram: FakeTelegram, service: Service) -> Phone:
    async with service.database.transaction() as unit:
        now = service.clock.now()
        code = await unit.invitations.create(
            Role.CASEWORKER, "sale", now=now, expires_at=now + timedelta(hours=1)
        )
    phone = Phone(telegram, telegram.user(first_name="Driss", language_code="en"))
    await phone.says(f"/start {code}")
    await phone.taps("en")
    return phone


@pytest.fixture
async def brahim(telegram: FakeTelegram, driss: Phone) -> Phone:
    """Somebody who has just enrolled and asked for a visit on Friday at half past one."""
    phone = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
    await phone.says("/start")
    await phone.taps("en", "agree", "booking", "job", "Salé", FRIDAY.date().isoformat(), "1330", "yes")
    await driss.finds("📥")
    return phone


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of that week's day of November 2026, when Casablanca is on UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


async def test_a_visit_is_reminded_of_until_its_day(service: Service, brahim: Phone, driss: Phone) -> None:
    service.moves_to(at(24, 10))
    both = [await brahim.sees(), await brahim.sees()]
    question, reminder = sorted(both, key=lambda shown: "change" in ids(shown))
    assert question.text == "👋 How are you today?"
    assert reminder.text.startswith("📅 A reminder for you")
    assert "13:30\nCentre: Salé" in reminder.text
    assert "When will you leave?" in (await brahim.taps_in(reminder, "bus")).text
    assert "by bus, leaving at 12:00" in (await brahim.taps("1200")).text

    service.moves_to(at(26, 18))
    # The question of the third day had fallen due meanwhile.
    both = [await brahim.sees(), await brahim.sees()]
    eve = max(both, key=lambda shown: "coming" in ids(shown))
    assert "You said: by bus, leaving at 12:00." in eve.text
    assert (await brahim.taps_in(eve, "coming")).text.startswith("👍 Thank you.")
    assert (await driss.finds("👍 Somebody says they are coming.")).text

    service.moves_to(at(27, 11, 30))
    assert (await brahim.sees()).text.startswith("⏰ Today at 13:30")
    agenda = await driss.says("/today")
    assert "13:30" in agenda.text
    assert "👍 coming" in agenda.text


async def test_a_reminder_that_comes_late_waits_for_the_morning(service: Service, brahim: Phone) -> None:
    service.moves_to(at(24, 10))
    await brahim.finds("📅")
    sent = len(calls_to(brahim))

    service.moves_to(at(26, 23))
    await service.until_next_due(at(27, 8))
    assert len(calls_to(brahim)) == sent

    service.moves_to(at(27, 8))
    assert (await brahim.finds("📅 A reminder for you")).text


async def test_reminders_go_with_the_visit_they_belong_to(service: Service, brahim: Phone) -> None:
    await brahim.says("/menu")
    await brahim.taps("my_visits", FIRST, "cancel", "yes")
    await brahim.says("stop")
    sent = len(calls_to(brahim))

    service.moves_to(at(30, 12))

    await service.until_next_due(None)
    assert "You have no visit ahead." in (await brahim.taps("!menu", "my_visits")).text
    assert len(calls_to(brahim)) == sent + 2


async def test_who_needs_help_is_heard_of_at_once(service: Service, brahim: Phone, driss: Phone) -> None:
    service.moves_to(at(24, 10))
    both = [await brahim.sees(), await brahim.sees()]
    question = next(shown for shown in both if shown.text == "👋 How are you today?")

    answer = await brahim.taps_in(question, "help")

    assert "A person will write to you here." in answer.text
    task = await driss.finds("🙋 Somebody needs help.")
    await driss.taps_in(task, "answer")
    await driss.says("I call you in a minute.")
    assert (await brahim.finds("I call you in a minute.")).text.startswith("💬")
