"""The morning's questions to staff, with a clock that moves and the real stores."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.staff_questions import StaffQuestions
from bot.ticks import Ticks, propose_holidays
from bot.turns import Voice
from conversations.care.hours import HoursPeriod, PeriodKind, VisitRules, WeeklyHours
from conversations.care.people import Contact, Role
from conversations.care.periods import RAMADAN_WEEK
from conversations.care.quiet import is_quiet
from conversations.flows import routes
from conversations.texts import strip_isolates
from storage.database import Database
from storage.encryption import KeyRing
from storage.tables import outbox
from tests.fakes import MovableClock, marked_texts, real_world
from tests.people import MONDAY
from tests.storage.conftest import centre_row

WEEK = WeeklyHours.parse("mon-fri 08:30-16:30")


def morning(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=UTC)


@dataclass
class Town:
    """Two open centres: Salé with caseworkers, and Fès, which has none unless a test says so."""

    database: Database
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    voice: Voice = field(default_factory=lambda: Voice(routes(), marked_texts(), real_world()))

    def __post_init__(self) -> None:
        self.questions = StaffQuestions(self.database, self.voice, self.clock)

    async def joins(self, name: str, role: Role, centre: str | None = None, language: str = "fr") -> Contact:
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create("telegram", name, now=self.clock.now())
            await unit.contacts.set_language(contact.id, language)
            await unit.contacts.make_staff(contact.id, role, centre)
            return await unit.contacts.get(contact.id)

    async def asks_on(self, moment: datetime) -> None:
        """Let a morning come, its holidays proposed as in the night before."""
        self.clock.moves_to(moment)
        async with self.database.transaction() as unit:
            await propose_holidays(unit, moment.date())
        await self.questions.ask_staff()

    async def asks_each_morning(self, first: datetime, last: datetime) -> None:
        while first <= last:
            await self.asks_on(first)
            first += timedelta(days=1)

    async def texts(self, contact: Contact) -> list[str]:
        async with self.database.reading() as unit:
            address = await unit.addresses.preferred(contact.id)
            assert address is not None
            shown = await unit.outbox.history(address.id, limit=100, now=self.clock.now())
        return [each.message.text for each in shown if each.message]

    async def headlines(self, contact: Contact) -> list[str]:
        return [strip_isolates(text).split("\n")[0] for text in await self.texts(contact)]


@pytest.fixture(autouse=True)
def no_errors() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs
    assert [log for log in logs if log["log_level"] == "error"] == []


@pytest.fixture
async def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    town = Town(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    async with town.database.transaction() as unit:
        await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
        await unit.centres.set_rules("sale", VisitRules(WEEK))
    return town


@pytest.fixture
async def driss(town: Town) -> Contact:
    return await town.joins("driss", Role.CASEWORKER, "sale")


RAMADAN = "[fr] 🌙 Do other hours hold at your centre in Ramadan?"


async def test_ramadan_is_asked_ten_days_before_and_once(town: Town, driss: Contact) -> None:
    """That of 2027 is expected on 8 February."""
    await town.asks_on(morning(2027, 1, 28))
    assert await town.texts(driss) == []

    await town.asks_on(morning(2027, 1, 29))
    (text,) = await town.texts(driss)
    assert text.startswith(RAMADAN)
    await town.asks_each_morning(morning(2027, 1, 29), morning(2027, 2, 12))

    assert await town.headlines(driss) == [RAMADAN]


async def test_a_morning_that_was_missed_is_made_up_for(town: Town, driss: Contact) -> None:
    await town.asks_on(morning(2027, 2, 9))

    assert await town.headlines(driss) == [RAMADAN]


async def test_once_it_runs_nobody_is_asked_about_ramadan(town: Town, driss: Contact) -> None:
    await town.asks_on(morning(2027, 2, 10))

    assert await town.texts(driss) == []


async def test_each_year_is_asked_about_anew_also_over_the_turn_of_the_year(
    town: Town, driss: Contact
) -> None:
    """2028: 28 January, asked for on the 18th. 1452 begins on 26 December 2030, asked for on the 16th."""
    for year, month, day in ((2027, 1, 29), (2028, 1, 18), (2030, 12, 16)):
        await town.asks_on(morning(year, month, day))

    assert await town.headlines(driss) == [RAMADAN] * 3


async def test_a_centre_that_has_set_its_hours_is_not_asked(town: Town, driss: Contact) -> None:
    async with town.database.transaction() as unit:
        period = HoursPeriod(PeriodKind.RAMADAN, date(2027, 2, 9), date(2027, 3, 9), RAMADAN_WEEK)
        await unit.centres.set_periods("sale", [period])

    await town.asks_on(morning(2027, 1, 29))

    assert await town.texts(driss) == []


async def test_managers_are_asked_where_no_caseworker_is(town: Town, driss: Contact) -> None:
    karim = await town.joins("karim", Role.MANAGER, language="ar")

    await town.asks_on(morning(2027, 1, 29))

    (text,) = await town.texts(karim)
    assert text.startswith("[ar] 🌙 Do other hours hold")
    assert "فاس" in text or "سلا" in text
    assert await town.headlines(driss) == [RAMADAN]


async def test_colleagues_are_each_asked(town: Town, driss: Contact) -> None:
    hind = await town.joins("hind", Role.CASEWORKER, "sale")

    await town.asks_on(morning(2027, 1, 29))

    assert await town.headlines(driss) == await town.headlines(hind) == [RAMADAN]


FITR = "[fr] 🌙 Fête de la rupture du jeûne: when do you close?"


async def test_a_feast_is_asked_about_three_days_before_and_once(town: Town, driss: Contact) -> None:
    """9 and 10 March 2027 are one feast."""
    await town.asks_on(morning(2027, 3, 5))
    assert await town.texts(driss) == []

    await town.asks_each_morning(morning(2027, 3, 6), morning(2027, 3, 12))

    assert [
        headline.replace("\u2068", "").replace("\u2069", "") for headline in await town.headlines(driss)
    ] == [FITR]


async def test_a_feast_that_the_centre_has_decided_is_not_asked_about(town: Town, driss: Contact) -> None:
    async with town.database.transaction() as unit:
        await unit.closures.decide("sale", date(2027, 3, 9), closed=False, by=driss.id)

    await town.asks_on(morning(2027, 3, 6))

    assert await town.texts(driss) == []


async def test_a_certain_holiday_is_not_asked_about(town: Town, driss: Contact) -> None:
    """11 and 14 January."""
    await town.asks_each_morning(morning(2027, 1, 5), morning(2027, 1, 14))

    assert await town.texts(driss) == []


async def test_a_feast_on_days_that_are_closed_anyway_is_not_asked_about(town: Town, driss: Contact) -> None:
    """The centre receives people on Saturdays alone; Eid is on a Tuesday and a Wednesday."""
    async with town.database.transaction() as unit:
        await unit.centres.set_rules("sale", VisitRules(WeeklyHours.parse("sat 09:00-12:00")))

    await town.asks_on(morning(2027, 3, 6))

    assert await town.texts(driss) == []


async def test_a_question_keeps_quiet_and_is_given_up_when_it_helps_no_more(
    town: Town, driss: Contact
) -> None:
    await town.asks_on(morning(2027, 3, 6))

    query = select(outbox.c.keeps_quiet, outbox.c.useful_until)
    async with town.database.reading() as unit:
        ((keeps_quiet, useful_until),) = (await unit.connection.execute(query)).all()
    assert keeps_quiet
    assert useful_until == datetime(2027, 3, 9, tzinfo=UTC)


async def test_staff_are_asked_in_the_morning_of_their_country(town: Town) -> None:
    ticks = Ticks(town.database, town.voice, town.clock)
    (trigger,) = [trigger for job, trigger in ticks.timers() if job.__name__ == "ask_staff"]

    at = trigger.get_next_fire_time(None, MONDAY)

    assert (at.hour, str(at.tzinfo)) == (9, zone.NAME)
    assert not is_quiet(at.replace(tzinfo=None))
