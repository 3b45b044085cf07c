"""What time does to visits at whose time a centre closed, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.closing_ticks import ClosingTicks
from bot.ticks import Ticks
from bot.turns import Voice, act_for
from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.closures import ClosureReason
from conversations.care.group_sessions import GroupSession
from conversations.care.group_visits import hold
from conversations.care.holds import HoldPurpose
from conversations.care.hours import HoursPeriod, Opening, PeriodKind, VisitRules, WeeklyHours
from conversations.care.people import Contact, Role
from conversations.care.tasks import TaskKind
from conversations.engine.outbound import OutboundMessage
from conversations.engine.turn import Turn
from conversations.errors import SlotTaken
from conversations.flows import routes
from conversations.flows.displaced_visits import move_touched
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import addresses, outbox, slot_holds
from tests.fakes import MovableClock, marked_texts, real_world
from tests.people import MONDAY
from tests.storage.conftest import centre_row

WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)
TEN = time(10)


@dataclass
class Town:
    """A centre with its people, and the ticks that look at it."""

    database: Database
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    voice: Voice = field(default_factory=lambda: Voice(routes(), marked_texts(), real_world()))

    def __post_init__(self) -> None:
        self.ticks = ClosingTicks(self.database, self.voice, self.clock)

    async def opens(self, hours: str = "mon-fri 08:30-12:00 12:30-16:30", **rules: Any) -> None:
        async with self.database.transaction() as unit:
            await unit.centres.load([centre_row()])
            await unit.centres.set_rules("sale", VisitRules(WeeklyHours.parse(hours), **rules))

    async def joins(self, name: str, role: Role = Role.BENEFICIARY) -> Contact:
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create("telegram", name, now=self.clock.now())
            await unit.contacts.set_language(contact.id, "en")
            await unit.contacts.agree(contact.id, news=False, at=self.clock.now())
            if role is not Role.BENEFICIARY:
                await unit.contacts.make_staff(contact.id, role, "sale")
            return await unit.contacts.get(contact.id)

    async def does(self, contact: Contact, act: Callable[[Turn[Any]], Awaitable[Any]]) -> Any:
        async with self.database.transaction() as unit:
            return await act_for(unit, contact.id, self.voice, act, now=self.clock.now())

    async def books(self, contact: Contact, day: date = WEDNESDAY, at: time = TEN) -> Appointment:
        async def act(turn: Turn[Any]) -> Appointment:
            return await visits.book(turn, centre_slug="sale", need=Need.JOB, day=day, at=at)

        visit: Appointment = await self.does(contact, act)
        return visit

    async def closes(self, day: date = WEDNESDAY, *hours: Opening, closed: bool = True) -> None:
        """Write staff's word down, and move nobody yet."""
        async with self.database.transaction() as unit:
            by = (await unit.contacts.staff(Role.CASEWORKER, "sale"))[0].id
            for stretch in hours:
                await unit.closures.close_hours("sale", day, stretch, reason=ClosureReason.WORKS, by=by)
            if not hours:
                await unit.closures.decide("sale", day, closed=closed, by=by, reason=ClosureReason.MEETING)

    async def looks_at(self, moment: datetime | None = None) -> None:
        if moment:
            self.clock.moves_to(moment)
        await self.ticks.look()

    async def visit(self, visit: Appointment) -> Appointment:
        async with self.database.reading() as unit:
            return await unit.appointments.get(visit.id)

    async def messages(self, contact: Contact) -> list[OutboundMessage]:
        """Return what is on its way to somebody or arrived."""
        async with self.database.reading() as unit:
            address = await unit.addresses.preferred(contact.id)
            assert address is not None
            shown = await unit.outbox.history(address.id, limit=100, now=self.clock.now())
        return [each.message for each in shown if each.message]

    async def first_lines(self, contact: Contact) -> list[str]:
        return [message.text.splitlines()[0] for message in await self.messages(contact)]

    async def kept(self) -> dict[int, tuple[date, time]]:
        """Return the time kept for each visit, as long as it is."""
        async with self.database.reading() as unit:
            holds = await unit.holds.moved("sale", now=self.clock.now())
        return {hold.appointment_id or 0: (hold.day, hold.at) for hold in holds}

    async def open_tasks(self) -> list[tuple[TaskKind, int]]:
        async with self.database.reading() as unit:
            return [(task.kind, task.contact_id) for task in await unit.tasks.open("sale")]

    async def loses(self, contact: Contact) -> None:
        async with self.database.transaction() as unit:
            await unit.connection.execute(
                update(addresses).where(addresses.c.contact_id == contact.id).values(reachable=False)
            )


@pytest.fixture
async def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    town = Town(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    await town.opens()
    return town


@pytest.fixture
async def driss(town: Town) -> Contact:
    return await town.joins("driss", Role.CASEWORKER)


@pytest.fixture
async def amina(town: Town) -> Contact:
    return await town.joins("amina")


async def test_whom_a_turn_left_is_moved_by_the_next_tick(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina)
    await town.closes()

    await town.looks_at()
    await town.looks_at()

    now = await town.visit(visit)
    assert (now.displaced_at, now.version, now.is_live) == (MONDAY, visit.version + 1, True)
    assert await town.first_lines(amina) == ["🔄 Your time has to change."]
    assert await town.kept() == {visit.id: (date(2026, 11, 24), time(16))}


async def test_closed_hours_touch_only_the_visits_that_meet_them(
    town: Town, amina: Contact, driss: Contact
) -> None:
    brahim, chama = await town.joins("brahim"), await town.joins("chama")
    before, meeting = await town.books(amina, at=time(9, 30)), await town.books(brahim, at=TEN)
    after = await town.books(chama, at=time(10, 30))
    await town.closes(WEDNESDAY, Opening(TEN, time(10, 30)))

    await town.looks_at()

    displaced = [(await town.visit(visit)).displaced_at for visit in (before, meeting, after)]
    assert displaced == [None, MONDAY, None]
    (message,) = await town.messages(brahim)
    assert "there is work on the building" in message.text


async def test_a_holiday_moves_people_once_staff_confirm_it(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina)
    async with town.database.transaction() as unit:
        await unit.closures.propose([(WEDNESDAY, "Fête", "عيد", True)])
    await town.looks_at()
    assert (await town.visit(visit)).displaced_at is None

    await town.closes()
    await town.looks_at()

    assert (await town.visit(visit)).displaced_at == MONDAY


async def test_a_hundred_are_moved_in_small_steps_and_each_is_told(town: Town, driss: Contact) -> None:
    await town.opens("mon-fri 08:30-16:30", capacity=10)
    people = [await town.joins(f"person {number}") for number in range(100)]
    times = [time(8 + (minute + 30) // 60, (minute + 30) % 60) for minute in range(0, 300, 30)]
    booked = {
        (await town.books(person, at=times[number // 10])).id: person for number, person in enumerate(people)
    }
    await town.closes()
    steps = 0

    async def some(turn: Turn[Any]) -> int:
        nonlocal steps
        steps += 1
        touched = await move_touched(turn, "sale")
        assert touched.asked <= 20
        return touched.left

    while await town.does(driss, some):
        pass

    assert steps == 5
    kept = await town.kept()
    assert kept.keys() == booked.keys()
    assert max(list(kept.values()).count(each) for each in kept.values()) <= 10
    for person in people:
        assert await town.first_lines(person) == ["🔄 Your time has to change."]


async def test_two_who_close_at_once_give_no_time_twice(town: Town, amina: Contact, driss: Contact) -> None:
    """Each process moves some of the same visits, while somebody books."""
    people = [await town.joins(f"person {number}") for number in range(12)]
    for number, person in enumerate(people):
        day = WEDNESDAY if number < 6 else THURSDAY
        await town.books(person, day, time(9 + number % 6 // 2, 30 * (number % 2)))
    await town.closes(WEDNESDAY)
    await town.closes(THURSDAY)
    other = ClosingTicks(town.database, town.voice, town.clock)

    async def book() -> bool:
        try:
            await town.books(amina, date(2026, 11, 27), time(8, 30))
        except SlotTaken:
            return False
        return True

    async with asyncio.timeout(60):
        _, _, booked = await asyncio.gather(town.ticks.look(), other.look(), book())

    kept = list((await town.kept()).values())
    assert len(kept) == len(set(kept)) == 12
    # Whoever was faster has it, and nobody else.
    assert ((date(2026, 11, 27), time(8, 30)) in kept) != booked
    for person in people:
        assert await town.first_lines(person) == ["🔄 Your time has to change."]


async def test_who_says_nothing_is_asked_once_more_a_day_later(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, date(2026, 11, 30))
    await town.closes(date(2026, 11, 30))
    await town.looks_at()
    first = await town.kept()
    brahim = await town.joins("brahim")

    await town.looks_at(MONDAY + timedelta(hours=23, minutes=59))
    assert await town.kept() == first
    town.clock.moves_to(MONDAY + timedelta(hours=24))
    assert await town.kept() == {}
    await town.books(brahim, *first[visit.id])
    await town.looks_at()
    await town.looks_at(MONDAY + timedelta(hours=30))

    assert await town.first_lines(amina) == ["⏰ We still need your answer."]
    second = await town.kept()
    assert second.keys() == {visit.id}
    assert second != first
    await town.looks_at(MONDAY + timedelta(days=4))
    assert await town.first_lines(amina) == ["⏰ We still need your answer."]


async def test_at_the_latest_three_hours_before_they_are_asked_once_more(
    town: Town, amina: Contact, driss: Contact
) -> None:
    await town.books(amina, date(2026, 11, 23), time(15))
    await town.closes(date(2026, 11, 23), Opening(time(14), time(16)))
    await town.looks_at()

    await town.looks_at(datetime(2026, 11, 23, 11, 59, tzinfo=UTC))
    assert await town.first_lines(amina) == ["🔄 Your time has to change."]
    await town.looks_at(datetime(2026, 11, 23, 12, tzinfo=UTC))

    assert (await town.first_lines(amina))[-1] == "⏰ We still need your answer."


async def test_nobody_is_asked_again_at_night(town: Town, amina: Contact, driss: Contact) -> None:
    await town.books(amina, date(2026, 11, 30))
    town.clock.moves_to(datetime(2026, 11, 23, 20, 59, tzinfo=UTC))
    await town.closes(date(2026, 11, 30))
    await town.looks_at()

    await town.looks_at(datetime(2026, 11, 24, 23, tzinfo=UTC))
    assert len(await town.messages(amina)) == 1
    await town.looks_at(datetime(2026, 11, 25, 8, tzinfo=UTC))

    assert (await town.first_lines(amina))[-1] == "⏰ We still need your answer."


async def test_what_nobody_moved_ends_at_its_time_and_says_so(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina)
    await town.closes()
    await town.looks_at()

    await town.looks_at(datetime(2026, 11, 25, 9, 59, tzinfo=UTC))
    assert (await town.visit(visit)).is_live
    await town.looks_at(datetime(2026, 11, 25, 10, tzinfo=UTC))
    await town.looks_at(datetime(2026, 11, 25, 10, 1, tzinfo=UTC))

    now = await town.visit(visit)
    assert (now.status, now.ended_by) == (AppointmentStatus.CANCELLED, EndedBy.CENTRE)
    last = (await town.messages(amina))[-1]
    assert last.text.startswith("❌ Your time is cancelled.")
    assert [choice.id for choice in last.choices] == ["book", "!person"]
    assert await town.open_tasks() == [(TaskKind.DISPLACED, amina.id)]
    async with town.database.reading() as unit:
        assert (await unit.connection.execute(select(slot_holds))).all() == []


async def test_who_moved_in_time_keeps_the_new_visit(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina)
    await town.closes()
    await town.looks_at()
    displaced = await town.visit(visit)
    await town.does(amina, lambda turn: visits.move(turn, displaced, day=THURSDAY, at=TEN, by_staff=True))

    await town.looks_at(datetime(2026, 11, 25, 10, tzinfo=UTC))

    now = await town.visit(visit)
    assert (now.status, now.day, now.displaced_at) == (AppointmentStatus.CONFIRMED, THURSDAY, None)
    assert await town.open_tasks() == []
    async with town.database.reading() as unit:
        assert await unit.appointments.displaced("sale", now=town.clock.now()) == []
        assert [each.id for each in await unit.appointments.resettled("sale", now=town.clock.now())] == [
            visit.id
        ]


async def test_a_day_opened_again_elsewhere_gives_visits_their_time_back(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina)
    await town.closes()
    await town.looks_at()
    await town.closes(closed=False)

    await town.looks_at()

    assert (await town.visit(visit)).displaced_at is None
    assert await town.kept() == {}
    # What had not left would contradict what is true now.
    assert await town.first_lines(amina) == ["✅ Your time stays as it was."]
    reminded = Ticks(town.database, town.voice, town.clock)
    town.clock.moves_to(datetime(2026, 11, 24, 18, tzinfo=UTC))
    await reminded.turn_due()
    assert (await town.first_lines(amina))[-1] == "📅 A reminder for you"


async def test_who_can_t_be_reached_is_a_task_once(town: Town, amina: Contact, driss: Contact) -> None:
    await town.books(amina, date(2026, 11, 30))
    await town.loses(amina)
    await town.closes(date(2026, 11, 30))

    await town.looks_at()
    await town.looks_at(MONDAY + timedelta(hours=25))

    assert await town.open_tasks() == [(TaskKind.UNREACHED, amina.id)]


async def test_visits_outside_ramadan_hours_are_found_without_a_closure(
    town: Town, amina: Contact, driss: Contact
) -> None:
    brahim = await town.joins("brahim")
    early, late = await town.books(amina), await town.books(brahim, at=time(15))
    async with town.database.transaction() as unit:
        hours = WeeklyHours.parse("mon-fri 09:00-14:00")
        period = HoursPeriod(PeriodKind.RAMADAN, WEDNESDAY, date(2026, 12, 20), hours)
        await unit.centres.set_periods("sale", [period])

    await town.ticks.look_at_periods()

    assert (await town.visit(early)).displaced_at is None
    assert (await town.visit(late)).displaced_at == MONDAY
    assert await town.kept() == {late.id: (WEDNESDAY, time(13, 30))}


async def test_no_visit_is_displaced_without_a_message_or_a_task(town: Town, driss: Contact) -> None:
    """Whatever was closed and opened in between, and however often."""
    people = [await town.joins(f"person {number}") for number in range(8)]
    for number, person in enumerate(people):
        await town.books(
            person, WEDNESDAY if number % 2 else THURSDAY, time(9 + number // 4, 30 * (number // 2 % 2))
        )
    await town.loses(people[0])
    morning = Opening(time(8, 30), time(11))
    for close in (
        lambda: town.closes(WEDNESDAY, morning),
        lambda: town.closes(THURSDAY),
        lambda: town.closes(WEDNESDAY),
        lambda: town.closes(THURSDAY, closed=False),
        lambda: town.closes(THURSDAY),
        lambda: town.closes(date(2026, 11, 27)),
    ):
        await close()
        town.clock.moves_on(timedelta(minutes=30))
        await town.looks_at()

        async with town.database.reading() as unit:
            waiting = await unit.appointments.displaced("sale", now=town.clock.now())
        assert waiting
        for visit in waiting:
            if visit.contact_id == people[0].id:
                assert (TaskKind.UNREACHED, people[0].id) in await town.open_tasks()
            else:
                key = f"visit:{visit.id}:{visit.version}:displaced"
                assert await _is_to_leave(town, key)


async def _is_to_leave(town: Town, key: str) -> bool:
    query = select(outbox.c.status).where(outbox.c.unique_key == key)
    async with town.database.reading() as unit:
        return await unit.connection.scalar(query) == "created"


@pytest.mark.parametrize("hours", [(), (Opening(time(10, 30), time(11)),)])
async def test_a_group_session_at_a_closed_time_is_called_off_once(
    town: Town, amina: Contact, driss: Contact, hours: tuple[Opening, ...]
) -> None:
    brahim = await town.joins("brahim")
    alone = await town.books(brahim, at=time(11))
    planned = GroupSession(0, "sale", Need.JOB, WEDNESDAY, TEN, minutes=60, places=4)
    session = await town.does(driss, lambda turn: hold(turn, planned))

    async def takes(turn: Turn[Any]) -> Appointment:
        return await visits.book(
            turn, centre_slug="sale", need=Need.JOB, day=WEDNESDAY, at=TEN, session=session
        )

    place = await town.does(amina, takes)
    await town.closes(WEDNESDAY, *hours)

    await town.looks_at()
    await town.looks_at()

    lost = await town.visit(place)
    assert (lost.status, lost.ended_by) == (AppointmentStatus.CANCELLED, EndedBy.CENTRE)
    assert await town.first_lines(amina) == ["❌ Your meeting is called off."]
    assert ((await town.visit(alone)).displaced_at is None) == bool(hours)
    async with town.database.reading() as unit:
        assert not (await unit.group_sessions.get(session.id)).is_open


async def test_a_time_kept_in_the_closed_hours_of_another_visit_is_offered_anew(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina)
    await town.closes()
    await town.looks_at()
    day, at = (await town.kept())[visit.id]
    await town.closes(day)

    await town.does(driss, lambda turn: move_touched(turn, "sale"))

    assert (await town.kept())[visit.id][0] != day
    assert at
    async with town.database.reading() as unit:
        holds = await unit.holds.of(amina.id, now=town.clock.now())
    assert [hold.purpose for hold in holds] == [HoldPurpose.MOVED]


async def test_one_that_fails_holds_up_nobody_else(town: Town, amina: Contact, driss: Contact) -> None:
    """A visit at a centre whose row can't be read must not end the ticks."""
    visit = await town.books(amina)
    await town.closes()
    await town.looks_at()
    broken = replace(town.voice, texts={})
    ticks = ClosingTicks(town.database, broken, town.clock)
    town.clock.moves_to(datetime(2026, 11, 25, 10, tzinfo=UTC))

    await ticks.look()
    assert (await town.visit(visit)).is_live
    await town.looks_at()

    assert not (await town.visit(visit)).is_live


async def test_the_service_s_ticks_look_at_closed_centres(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina)
    await town.closes()
    running = asyncio.create_task(Ticks(town.database, town.voice, town.clock).run())
    try:
        async with town.database.wakes.bell("outbox") as bell, asyncio.timeout(60):
            while (await town.visit(visit)).displaced_at is None:
                await rung(bell, timeout_s=1)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
