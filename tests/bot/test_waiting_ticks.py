"""Waiting lists by the clock: real turns, real databases, and what stands in the outbox of those who wait.

Salé receives people on Wednesday at 14:00 and 14:30; both times are taken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.turns import Voice, act_for
from bot.waiting_ticks import WaitingTicks
from conversations.care import offers, visits
from conversations.care.appointments import Appointment, Need
from conversations.care.holds import HoldPurpose
from conversations.care.hours import VisitRules, WeeklyHours
from conversations.care.visits import keep_time
from conversations.care.waiting import WaitingEntry
from conversations.engine.turn import Turn
from conversations.flows import routes
from conversations.ports import WaitingList
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import appointments, outbox, slot_holds, waiting_list
from tests.bot.small_talk import Guest, House, parse, turns_of
from tests.fakes import marked_texts, real_world
from tests.storage.conftest import centre_row

VOICE = Voice(routes(), marked_texts(), real_world())
WEDNESDAY = date(2026, 11, 25)
TWO, HALF_PAST = time(14), time(14, 30)
OFFER = "🕐 A time is free for you:"
# Only ends a test that has failed.
PATIENCE_S = 60


@dataclass
class Town:
    """Salé, those who have its two visits, and those who wait."""

    house: House
    ticks: WaitingTicks
    visits: dict[time, Appointment] = field(default_factory=dict)
    owners: dict[time, Guest] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.house.database

    async def comes(self, name: str) -> Guest:
        """Somebody new comes as far as the menu."""
        guest = self.house.stranger(name)
        await guest.says("salut")
        await guest.taps("fr")
        await guest.taps("agree")
        return guest

    async def waits(self, name: str) -> Guest:
        guest = await self.comes(name)
        for choice in ("booking", "job", "sale", "wait"):
            await guest.taps(choice)
        assert "You are on the waiting list." in await guest.screen()
        return guest

    async def books(self, guest: Guest, at: time) -> Appointment:
        return await self.does(
            guest, lambda turn: visits.book(turn, centre_slug="sale", need=Need.JOB, day=WEDNESDAY, at=at)
        )

    async def cancels(self, at: time) -> None:
        """One of the two who have a visit gives it up."""
        visit = self.visits[at]
        await self.does(self.owners[at], lambda turn: visits.cancel(turn, visit))

    async def does(self, guest: Guest, act: Callable[[Turn[Any]], Awaitable[Any]]) -> Any:
        contact = await guest.contact()
        async with self.database.transaction() as unit:
            return await act_for(unit, contact.id, VOICE, act, now=self.house.clock.now())

    async def opens(self, hours: str = "wed 14:00-15:00", **more: int) -> None:
        async with self.database.transaction() as unit:
            rules = VisitRules(WeeklyHours.parse(hours), horizon_days=6, **more)
            await unit.centres.set_rules("sale", rules)

    async def later(self, **by: float) -> None:
        """Let time pass, and the ticks look."""
        self.house.clock.moves_on(timedelta(**by))
        await self.ticks.look()

    async def offers_to(self, guest: Guest) -> list[str]:
        """Return the times that were offered to somebody, in order."""
        texts = [text for text in await guest.texts() if OFFER in text]
        return [text.split("\n")[2].strip("\u2068\u2069") for text in texts]

    async def holds(self) -> list[tuple[int, time]]:
        """Return what is kept now, for whom and when."""
        query = (
            select(slot_holds).where(slot_holds.c.until > self.house.clock.now()).order_by(slot_holds.c.at)
        )
        async with self.database.reading() as unit:
            return [(row.contact_id, row.at) for row in await unit.connection.execute(query)]

    async def booked(self) -> list[tuple[int, time]]:
        """Return who has which time on Wednesday."""
        async with self.database.reading() as unit:
            return [
                (visit.contact_id, visit.at)
                for visit in await unit.appointments.agenda("sale", WEDNESDAY, WEDNESDAY)
            ]

    async def waiting(self, read: Callable[[WaitingList], Awaitable[Any]]) -> Any:
        async with self.database.reading() as unit:
            return await read(unit.waiting)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs
    assert [log for log in logs if log["log_level"] == "error"] == []


@pytest.fixture
async def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    house = House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    house.turns = turns_of(house.database, VOICE, house.clock, {"telegram": parse})
    town = Town(house, WaitingTicks(house.database, VOICE, house.clock))
    async with house.database.transaction() as unit:
        await unit.centres.load([centre_row()])
    await town.opens()
    for name, at in (("rachid", TWO), ("salma", HALF_PAST)):
        town.owners[at] = await town.comes(name)
        town.visits[at] = await town.books(town.owners[at], at)
    return town


@pytest.fixture
async def brahim(town: Town) -> Guest:
    """The first in the list."""
    return await town.waits("brahim")


@pytest.fixture
async def chama(town: Town, brahim: Guest) -> Guest:
    """The second."""
    return await town.waits("chama")


async def test_the_first_is_asked_first_and_the_next_when_they_say_nothing(
    town: Town, brahim: Guest, chama: Guest
) -> None:
    await town.ticks.look()
    await town.cancels(TWO)
    await town.ticks.look()
    assert (await town.offers_to(brahim), await town.offers_to(chama)) == (["14:00"], [])
    assert await town.holds() == [((await brahim.contact()).id, TWO)]

    await town.later(minutes=44, seconds=59)
    assert await town.offers_to(chama) == []

    await town.later(seconds=1)
    assert (await town.offers_to(brahim), await town.offers_to(chama)) == (["14:00"], ["14:00"])
    assert await town.holds() == [((await chama.contact()).id, TWO)]


async def test_who_takes_it_has_it(town: Town, brahim: Guest, chama: Guest) -> None:
    await town.cancels(TWO)
    await town.ticks.look()
    await brahim.taps("take")

    assert "Your visit is booked." in await brahim.screen()
    assert ((await brahim.contact()).id, TWO) in await town.booked()
    assert await town.holds() == []
    await town.later(hours=1)
    assert await town.offers_to(chama) == []
    assert await town.waiting(lambda waiting: waiting.count("sale")) == 1


async def test_who_declines_gives_it_to_the_next_at_once_and_keeps_their_place(
    town: Town, brahim: Guest, chama: Guest
) -> None:
    await town.cancels(TWO)
    await town.ticks.look()
    await brahim.taps("not_this_one")
    await town.ticks.look()
    assert await town.offers_to(chama) == ["14:00"]

    await town.cancels(HALF_PAST)
    await town.ticks.look()
    assert await town.offers_to(brahim) == ["14:00", "14:30"], "they are still the first"


async def test_several_free_times_are_offered_to_several_people_one_each(
    town: Town, brahim: Guest, chama: Guest
) -> None:
    await town.cancels(HALF_PAST)
    await town.cancels(TWO)
    await town.ticks.look()

    assert (await town.offers_to(brahim), await town.offers_to(chama)) == (["14:00"], ["14:30"])


async def test_places_side_by_side_are_offered_side_by_side(town: Town, brahim: Guest, chama: Guest) -> None:
    await town.opens(capacity=3)
    await town.ticks.look()

    assert (await town.offers_to(brahim), await town.offers_to(chama)) == (["14:00"], ["14:00"])
    await brahim.taps("take")
    await chama.taps("take")
    assert len(await town.booked()) == 4


async def test_one_whose_offer_fails_holds_up_nobody_behind_them(
    town: Town,
    brahim: Guest,
    chama: Guest,
    monkeypatch: pytest.MonkeyPatch,
    logs: list[MutableMapping[str, Any]],
) -> None:
    first = await brahim.contact()
    offer = offers.offer

    async def fails_for_the_first(turn: Turn[Any], entry: WaitingEntry, start: datetime) -> bool:
        if entry.contact_id == first.id:
            raise RuntimeError("broken")
        return await offer(turn, entry, start)

    monkeypatch.setattr(offers, "offer", fails_for_the_first)
    await town.cancels(TWO)
    await town.ticks.look()

    assert await town.offers_to(chama) == ["14:00"]
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["offer_failed"]
    logs.clear()


async def test_after_three_silences_in_a_row_somebody_waits_no_longer(town: Town, brahim: Guest) -> None:
    await town.opens("wed 13:00-18:00")
    await town.ticks.look()
    for _ in range(2):
        await town.later(minutes=45)
    assert await town.offers_to(brahim) == ["13:00", "13:30", "15:00"]

    await town.later(minutes=45)
    assert await town.waiting(lambda waiting: waiting.lines()) == []
    assert "We offered you three times and heard nothing" in await brahim.screen()
    await brahim.taps("again")
    assert "You are on the waiting list." in await brahim.screen()


async def test_an_offer_that_has_not_left_goes_when_its_person_leaves(town: Town, brahim: Guest) -> None:
    await town.cancels(TWO)
    await town.ticks.look()
    (entry,) = await town.waiting(
        lambda waiting: waiting.gone_by(town.house.clock.now() + timedelta(hours=1))
    )
    await town.does(brahim, lambda turn: visits.end_waiting(turn, entry))

    query = select(outbox.c.status, outbox.c.reason).where(outbox.c.subject == f"place:{entry.id}")
    async with town.database.reading() as unit:
        assert (await unit.connection.execute(query)).all() == [("failed_permanent", "withdrawn")]
    assert await town.holds() == []


async def test_who_leaves_while_an_offer_is_made_blocks_nobody(
    town: Town, brahim: Guest, chama: Guest
) -> None:
    """What was offered since they looked at their list is free again."""
    contact = await brahim.contact()
    (seen,) = await town.waiting(lambda waiting: waiting.of(contact.id))
    await town.cancels(TWO)
    await town.ticks.look()
    await town.does(brahim, lambda turn: visits.end_waiting(turn, seen))
    await town.ticks.look()

    assert await town.offers_to(chama) == ["14:00"]


async def test_an_offer_knows_until_when_it_helps_and_waits_for_no_night(town: Town, brahim: Guest) -> None:
    await town.cancels(TWO)
    await town.ticks.look()

    query = select(outbox.c.keeps_quiet, outbox.c.useful_until).where(outbox.c.subject.like("place:%"))
    async with town.database.reading() as unit:
        rows = (await unit.connection.execute(query)).all()
    assert rows == [(True, town.house.clock.now() + timedelta(minutes=45))]


@pytest.mark.parametrize(
    ("moment", "offered"),
    [
        (datetime(2026, 11, 24, 20, 59, tzinfo=UTC), ["14:00"]),
        (datetime(2026, 11, 24, 21, tzinfo=UTC), []),
        (datetime(2026, 11, 25, 7, 59, tzinfo=UTC), []),
        (datetime(2026, 11, 25, 8, tzinfo=UTC), ["14:00"]),
        (datetime(2026, 11, 25, 12, tzinfo=UTC), ["14:00"]),
        (datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC), ["14:30"]),
        (datetime(2026, 11, 25, 12, 31, tzinfo=UTC), []),
        (datetime(2026, 11, 25, 15, tzinfo=UTC), []),
    ],
)
async def test_nobody_is_written_to_at_night_nor_too_late_to_come(
    town: Town, brahim: Guest, moment: datetime, offered: list[str]
) -> None:
    await town.cancels(TWO)
    await town.cancels(HALF_PAST)
    town.house.clock.moves_to(moment)
    await town.ticks.look()

    assert await town.offers_to(brahim) == offered


async def test_silences_are_counted_at_night_and_told_of_in_the_morning(town: Town, brahim: Guest) -> None:
    await town.cancels(TWO)
    async with town.database.transaction() as unit:
        await unit.connection.execute(update(waiting_list).values(unanswered=2))
    town.house.clock.moves_to(datetime(2026, 11, 24, 20, 50, tzinfo=UTC))
    await town.ticks.look()
    await town.later(minutes=45)

    assert await town.waiting(lambda waiting: waiting.lines()) == []
    query = select(outbox.c.keeps_quiet).where(outbox.c.unique_key.like("place:%:over"))
    async with town.database.reading() as unit:
        assert await unit.connection.scalar(query)


async def test_a_time_that_nobody_confirmed_is_offered(town: Town, brahim: Guest) -> None:
    hamid = await town.comes("hamid")
    await town.cancels(TWO)
    await town.does(
        hamid,
        lambda turn: keep_time(
            turn, centre_slug="sale", day=WEDNESDAY, at=TWO, purpose=HoldPurpose.CONFIRMING
        ),
    )
    await town.ticks.look()
    assert await town.offers_to(brahim) == []

    await town.later(minutes=10)
    assert await town.offers_to(brahim) == ["14:00"]


async def test_who_has_blocked_the_service_is_passed_over_and_counts_as_silent(
    town: Town, brahim: Guest, chama: Guest
) -> None:
    contact = await brahim.contact()
    async with town.database.transaction() as unit:
        for address in await unit.addresses.of(contact.id):
            await unit.addresses.mark_unreachable(address.id, at=town.house.clock.now())
    await town.cancels(TWO)
    await town.ticks.look()
    assert await town.offers_to(chama) == ["14:00"]
    assert await town.holds() == [((await chama.contact()).id, TWO)]

    await chama.taps("take")
    await town.later(minutes=45)
    (entry,) = await town.waiting(lambda waiting: waiting.of(contact.id))
    assert entry.unanswered == 1


async def test_an_earlier_time_moves_the_visit(town: Town) -> None:
    """Salma would come at 14:00 rather than at 14:30; nothing later is offered to her."""
    salma = town.owners[HALF_PAST]
    async with town.database.transaction() as unit:
        await unit.waiting.join(
            contact_id=(await salma.contact()).id, centre_slug="sale", kind=town.visits[TWO].kind,
            need=Need.JOB, now=town.house.clock.now(), appointment_id=town.visits[HALF_PAST].id,
        )  # fmt: skip
    await town.opens("wed 14:00-17:00")
    await town.ticks.look()
    assert await town.offers_to(salma) == []

    await town.cancels(TWO)
    await town.ticks.look()
    await salma.taps("take")
    assert "Your visit is moved." in await salma.screen()
    assert await town.booked() == [((await salma.contact()).id, TWO)]
    assert await town.waiting(lambda waiting: waiting.lines()) == []


# At once


async def test_two_who_look_at_once_offer_a_time_once(
    town: Town, brahim: Guest, chama: Guest, logs: list[MutableMapping[str, Any]]
) -> None:
    """Two processes that both believe to lead."""
    other = WaitingTicks(town.database, VOICE, town.house.clock)
    await town.cancels(TWO)
    await asyncio.gather(town.ticks.look(), other.look())

    assert len(await town.holds()) == 1
    assert sorted([await town.offers_to(brahim), await town.offers_to(chama)]) == [[], ["14:00"]]
    assert await town.offers_to(brahim) == ["14:00"]


async def test_somebody_who_books_while_a_time_is_offered_gets_it_or_not(town: Town, brahim: Guest) -> None:
    """Whoever is first has it; never both."""
    hamid = await town.comes("hamid")
    await town.cancels(TWO)
    outcome, _ = await asyncio.gather(town.books(hamid, TWO), town.ticks.look(), return_exceptions=True)
    has_booked = isinstance(outcome, Appointment)

    assert len(await town.booked()) == (2 if has_booked else 1)
    assert len(await town.holds()) == (0 if has_booked else 1)
    assert await town.offers_to(brahim) == ([] if has_booked else ["14:00"])


async def test_a_place_is_offered_as_soon_as_it_is_given_up(town: Town, brahim: Guest) -> None:
    """The commit wakes the ticks, which else look once a minute."""
    async with asyncio.timeout(PATIENCE_S), town.database.wakes.bell("outbox") as bell:
        looking = asyncio.create_task(town.ticks.run())
        try:
            rachid = town.owners[TWO]
            for choice in ("!menu", "my_visits", str(town.visits[TWO].id), "cancel", "yes"):
                await rachid.taps(choice)
            while not await town.offers_to(brahim):
                await rung(bell, timeout_s=PATIENCE_S)
        finally:
            looking.cancel()
    assert await town.offers_to(brahim) == ["14:00"]
    async with town.database.reading() as unit:
        cancelled = select(appointments.c.status).where(appointments.c.id == town.visits[TWO].id)
        assert await unit.connection.scalar(cancelled) == "cancelled"
