"""Hours without the network, and clocks that jump: what is late is judged by what it still helps.

The service's own parts behind the fault proxy, real databases and HTTP, and a clock that tests set: no
setting moves the clock of a service that serves real people.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import or_, select

from bot.app import opened, telegram_bot
from bot.channels.telegram import TelegramSender, payload_parser
from bot.channels.telegram_intake import TelegramIntake
from bot.delivery import Delivery
from bot.pacing import Pacer
from bot.settings import load_settings
from bot.ticks import Ticks
from conversations.engine.reply import Channel
from storage.database import Database
from storage.tables import due_messages, is_unsent, is_waiting, outbox
from tests.bot.senders import UNHURRIED
from tests.bot.small_talk import turns_of
from tests.fake_telegram import FakeTelegram, Shown
from tests.fakes import MovableClock
from tests.fault_proxy import Fault, FaultProxy, Kind, Phase, Scenario
from tests.people import MONDAY
from tests.telegram_people import TOKEN, WAIT_S, Phone, ids, settings_with

FRIDAY = MONDAY + timedelta(days=4)
MINUTE = timedelta(minutes=1)


@dataclass
class Service:
    database: Database
    clock: MovableClock
    telegram: FakeTelegram
    proxy: FaultProxy

    async def moves_to(self, moment: datetime, *, by: timedelta | None = None) -> None:
        """Set the clock, in one jump or step by step, and let be done what is to be done at each."""
        while by is not None and self.clock.now() + by < moment:
            await self._is_at(self.clock.now() + by)
        await self._is_at(moment)

    async def _is_at(self, moment: datetime) -> None:
        self.clock.moves_to(moment)
        for topic in ("due", "outbox", "inbox"):
            self.database.wakes.ring(topic)
        async with asyncio.timeout(WAIT_S):
            while True:
                if await self._is_idle():
                    return
                await asyncio.sleep(0.02)

    async def _is_idle(self) -> bool:
        """Whether nothing more can be done before the clock moves."""
        now = self.clock.now()
        async with self.database.reading() as unit:
            for query in (
                select(due_messages.c.id).where(is_waiting(due_messages), due_messages.c.due_at <= now),
                select(outbox.c.id).where(
                    is_unsent(), or_(outbox.c.due_at <= now, outbox.c.status == "sending")
                ),
            ):
                if await unit.connection.scalar(query.limit(1)) is not None:
                    return False
        return True

    async def outbox(self, purpose: str) -> list[tuple[str, str | None, int]]:
        """Return status, reason and attempts of the messages of a purpose."""
        async with self.database.reading() as unit:
            rows = await unit.connection.execute(
                select(outbox.c.status, outbox.c.reason, outbox.c.attempts)
                .where(outbox.c.purpose == purpose)
                .order_by(outbox.c.id)
            )
            return [(row.status, row.reason, row.attempts) for row in rows]


@pytest.fixture
def day() -> Scenario:
    return Scenario()


@pytest.fixture
async def service(database_url: str, tmp_path: Path, day: Scenario) -> AsyncIterator[Service]:
    """Intake, turns, ticks and delivery, on a Monday at nine in the morning."""
    clock = MovableClock(MONDAY)
    async with FakeTelegram(token=TOKEN) as telegram, FaultProxy(telegram.base_url, day) as proxy:
        environ = {
            **settings_with(telegram, database_url),
            "JISR_VAR_DIR": str(tmp_path),
            "TELEGRAM_API_URL": proxy.url,
        }
        settings = load_settings(environ, env_file=None)
        async with telegram_bot(settings) as bot, opened(settings) as about:
            sender, pacer = TelegramSender(bot, UNHURRIED), Pacer(UNHURRIED, time.monotonic)
            parts = (
                TelegramIntake(about.database, bot, clock, pause=shortly).poll(),
                turns_of(about.database, about.voice, clock, {Channel.TELEGRAM: payload_parser(bot)}).work(),
                Ticks(about.database, about.voice, clock).run(),
                Delivery(about.database, sender, about.voice.texts, clock, pacer=pacer).run(),
            )
            tasks = [asyncio.create_task(part) for part in parts]
            yield Service(about.database, clock, telegram, proxy)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=WAIT_S)


async def shortly(_: float) -> None:
    await asyncio.sleep(0.02)


@pytest.fixture
async def brahim(service: Service) -> Phone:
    """Somebody who has asked for a visit on Friday at half past one, and been asked how they are."""
    phone = Phone(service.telegram, service.telegram.user(first_name="Brahim", language_code="fr"))
    await phone.says("/start")
    await phone.taps("en", "agree", "booking", "job", "Salé", FRIDAY.date().isoformat(), "1330", "yes")
    await service.moves_to(at(26, 12), by=timedelta(hours=12))
    return phone


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of that week's day of November 2026, when Casablanca is on UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def told(phone: Phone) -> list[Shown]:
    return [shown for shown in phone.person.chat if shown.from_bot]


async def test_what_fell_due_in_an_hour_without_network_comes_once_it_is_back(
    service: Service, brahim: Phone
) -> None:
    before = len(told(brahim))
    await service.proxy.goes_down()
    await service.moves_to(at(26, 18))
    await brahim.person.says("/menu")
    await service.moves_to(at(26, 19), by=MINUTE)
    assert len(told(brahim)) == before

    await service.proxy.comes_up()
    await service.telegram.drained(WAIT_S)
    await service.moves_to(at(26, 19, 15), by=MINUTE)

    reminder, menu = sorted(told(brahim)[before:], key=lambda shown: "booking" in ids(shown))
    assert reminder.text.startswith("📅 A reminder for you")
    assert "What can we do for you?" in menu.text
    status, _, attempts = (await service.outbox("reminder"))[-1]
    # Tries come further and further apart.
    assert status == "sent"
    assert attempts < 20


async def test_what_helps_nobody_any_more_is_dropped(service: Service, brahim: Phone) -> None:
    await service.moves_to(at(26, 18))
    before = len(told(brahim))
    await service.proxy.goes_down()
    await service.moves_to(at(27, 13, 5), by=timedelta(minutes=5))

    await service.proxy.comes_up()
    await service.moves_to(at(27, 14), by=timedelta(minutes=5))

    assert len(told(brahim)) == before
    *earlier, last = await service.outbox("reminder")
    assert {status for status, *_ in earlier} == {"sent"}
    assert last[:2] == ("failed_permanent", "stale")


async def test_a_clock_that_jumps_on_sends_what_is_late_but_useful(service: Service, brahim: Phone) -> None:
    """As when a machine was asleep: the reminder of 18:00 still helps at 20:00, that of Monday never came."""
    before = len(told(brahim))

    await service.moves_to(at(26, 20))
    (reminder,) = told(brahim)[before:]
    assert reminder.text.startswith("📅 A reminder for you")
    assert (await brahim.says("/menu")).text

    await service.moves_to(at(28, 12))
    await brahim.says("/menu")
    assert [shown.text for shown in told(brahim) if "⏰" in shown.text] == []


async def test_a_clock_that_is_put_back_holds_up_no_answer(service: Service, brahim: Phone) -> None:
    await brahim.person.says("/menu")
    await brahim.finds("What can we do for you?")

    await service.moves_to(at(26, 9))

    assert "You have 1 visit ahead." in (await brahim.taps("my_visits")).text
    assert "What can we do for you?" in (await brahim.taps("!menu")).text
    await service.moves_to(at(26, 18))
    assert await count(service, brahim, "📅 A reminder for you") == 2


async def count(service: Service, phone: Phone, words: str) -> int:
    await service.telegram.until(lambda: any(words in shown.text for shown in told(phone)), WAIT_S, words)
    return sum(words in shown.text for shown in told(phone))


SLOW = Scenario(phases=(Phase("slow", faults=(Fault(Kind.SLOW, delay_s=1.0, methods=("sendMessage",)),)),))


@pytest.mark.parametrize("day", [SLOW])
async def test_a_jump_while_a_message_is_on_its_way_does_not_send_it_again(service: Service) -> None:
    """The lease that keeps other hands off it is long over by the new time."""
    amina = Phone(service.telegram, service.telegram.user(first_name="Amina", language_code="ar"))
    await amina.person.says("/start")
    await service.proxy.until(lambda: service.proxy.calls["sendMessage"] == 1, WAIT_S, "the message to leave")

    await service.moves_to(MONDAY + timedelta(hours=5))

    assert len(told(amina)) == 1
    assert service.proxy.calls["sendMessage"] == 1
