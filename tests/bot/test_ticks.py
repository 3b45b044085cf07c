import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.ticks import (
    ANNOUNCEMENT_LIFE,
    KEEP,
    KEEP_ERASED,
    Ticks,
)
from bot.turns import Voice, show_push
from conversations.care import visits
from conversations.care.announcements import AnnouncementStatus, Audience
from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Point
from conversations.care.holds import HoldPurpose
from conversations.care.hours import Length, VisitKind, VisitRules, WeeklyHours
from conversations.care.people import Contact, Role
from conversations.care.tasks import TaskKind
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.engine.reply import Channel
from conversations.engine.session import Frame, Session
from conversations.engine.turn import Push, Turn
from conversations.errors import SlotTaken
from conversations.flows import routes
from conversations.flows.news import AnnouncementNews
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked
from storage.inbox import NewUpdate
from storage.outbox import Delivered, OutboxRow
from storage.retention import Grows
from storage.tables import (
    addresses,
    announcements,
    appointments,
    contacts,
    due_messages,
    inbox,
    notices,
    openings,
    outbox,
    slot_holds,
    tasks,
)
from storage.unit_of_work import UnitOfWork
from tests.bot.small_talk import cut_off
from tests.fakes import MovableClock, marked_texts, real_world
from tests.people import MONDAY
from tests.storage.conftest import centre_row

# A Friday eleven days on; Casablanca is on UTC.
VISIT_DAY, VISIT_AT = date(2026, 12, 4), time(9)
WEEK_BEFORE = datetime(2026, 11, 27, 10, tzinfo=UTC)
THREE_DAYS_BEFORE = datetime(2026, 12, 1, 10, tzinfo=UTC)
EVE = datetime(2026, 12, 3, 18, tzinfo=UTC)
TWO_HOURS_BEFORE = datetime(2026, 12, 4, 7, tzinfo=UTC)
# Only ends a test that has failed.
PATIENCE_S = 60


@dataclass
class Town:
    """A centre, the people it serves, and the ticks that write to them."""

    database: Database
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    voice: Voice = field(default_factory=lambda: Voice(routes(), marked_texts(), real_world()))

    def __post_init__(self) -> None:
        self.ticks = Ticks(self.database, self.voice, self.clock)

    async def joins(self, name: str, *, language: str = "fr", channel: str = "telegram") -> Contact:
        async with self.database.transaction() as unit:
            await unit.centres.load([centre_row()])
            contact, _ = await unit.addresses.find_or_create(channel, name, now=self.clock.now())
            await unit.contacts.set_language(contact.id, language)
            await unit.contacts.agree(contact.id, news=True, at=self.clock.now())
            return await unit.contacts.get(contact.id)

    async def manager(self, *, channel: str = "webchat") -> Contact:
        contact = await self.joins("khadija", channel=channel)
        async with self.database.transaction() as unit:
            await unit.contacts.make_staff(contact.id, Role.MANAGER, None)
            return await unit.contacts.get(contact.id)

    async def books(self, contact: Contact, *, day: date = VISIT_DAY, at: time = VISIT_AT) -> Appointment:
        async with self.database.transaction() as unit:
            return await visits.book(
                self._turn(unit, contact), centre_slug="sale", need=Need.JOB, day=day, at=at
            )

    async def keeps(self, contact: Contact, at: time, *, kind: VisitKind = VisitKind.IN_PERSON) -> None:
        """Let somebody choose a time of the visits' day. Raises SlotTaken."""
        async with self.database.transaction() as unit:
            await visits.keep_time(
                self._turn(unit, contact),
                centre_slug="sale",
                day=VISIT_DAY,
                at=at,
                purpose=HoldPurpose.CONFIRMING,
                kind=kind,
            )

    async def wants_reminders_at(self, contact: Contact, hour: int | None) -> None:
        async with self.database.transaction() as unit:
            await visits.remind_at(self._turn(unit, contact), hour)

    async def moves(self, contact: Contact, visit: Appointment, *, day: date, at: time) -> Appointment:
        async with self.database.transaction() as unit:
            turn = self._turn(unit, await unit.contacts.get(contact.id))
            return await visits.move(turn, visit, day=day, at=at)

    async def cancels(self, contact: Contact, visit: Appointment) -> None:
        async with self.database.transaction() as unit:
            await visits.cancel(self._turn(unit, contact), visit)

    async def asks_how(self, contact: Contact, due_at: datetime, *, step: str = "d1") -> None:
        """Plan a check-in."""
        async with self.database.transaction() as unit:
            await unit.schedule.plan(
                contact_id=contact.id,
                purpose=Purpose.CHECK_IN,
                subject=f"check_in:{contact.id}",
                version=1,
                steps=[(step, due_at)],
            )

    async def ticks_at(self, moment: datetime) -> None:
        """Let the time come, and everything that is due be turned."""
        self.clock.moves_to(moment)
        while await self.ticks.turn_due():
            pass

    async def texts(self, contact: Contact) -> list[str]:
        """Return what was written to somebody."""
        return [message.text for message in await self.messages(contact)]

    async def messages(self, contact: Contact) -> list[OutboundMessage]:
        async with self.database.reading() as unit:
            address = await unit.addresses.preferred(contact.id)
            assert address is not None
            shown = await unit.outbox.history(address.id, limit=100, now=self.clock.now())
        return [each.message for each in shown if each.message]

    async def due(self) -> dict[tuple[str, str], tuple[str, datetime]]:
        """Return status and moment of each planned row by its subject and step."""
        query = select(due_messages).order_by(due_messages.c.id)
        async with self.database.reading() as unit:
            rows = (await unit.connection.execute(query)).all()
        return {(row.subject, row.step): (row.status, row.due_at) for row in rows}

    async def sends(
        self, outcome: Callable[[OutboxRow], Delivered], *, bulk: bool = False, limit: int = 100
    ) -> None:
        """Play the delivery: take what waits and report what became of it."""
        lanes = [Lane.BULK] if bulk else [Lane.INTERACTIVE, Lane.DUE]
        async with self.database.transaction() as unit:
            rows = await unit.outbox.claim(
                ["telegram", "webchat", "whatsapp"],
                lanes,
                now=self.clock.now(),
                lease=timedelta(0),
                limit=limit,
            )
            await unit.outbox.report([outcome(row) for row in rows])

    def sent(self, row: OutboxRow) -> Delivered:
        return Delivered(row.id, "sent", self.clock.now(), message_ref=row.replaces_ref or f"ref-{row.id}")

    def becomes(self, status: str, reason: str | None) -> Callable[[OutboxRow], Delivered]:
        return lambda row: Delivered(row.id, status, self.clock.now(), reason=reason)

    def _turn(self, unit: UnitOfWork, contact: Contact) -> Turn[Any]:
        texts = self.voice.of(contact.language)
        return Turn(None, contact, texts, self.voice.of, self.clock.now(), unit, self.voice.world)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    return Town(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))


@pytest.fixture
async def amina(town: Town) -> Contact:
    return await town.joins("amina", language="ar")


# Reminders and check-ins


async def test_reminders_come_when_they_are_due_and_once(town: Town, amina: Contact) -> None:
    await town.books(amina)
    counts = []
    for moment in (WEEK_BEFORE, THREE_DAYS_BEFORE, EVE, TWO_HOURS_BEFORE):
        await town.ticks_at(moment - timedelta(seconds=1))
        counts.append(len(await town.texts(amina)))
        await town.ticks_at(moment)
        await town.ticks_at(moment + timedelta(seconds=1))

    assert counts == [0, 1, 2, 3]
    messages = await town.messages(amina)
    assert len(messages) == 4
    assert [message.text.split("\n")[0] for message in messages[-2:]] == [
        "[ar] 📅 A reminder for you",
        "[ar] ⏰ Today at \u206809:00\u2069",
    ]
    assert {choice.id for choice in messages[0].choices} >= {"coming", "change", "cancel"}
    assert await town.ticks.turn_due() == 0


async def test_a_reminder_of_a_visit_that_was_cancelled_never_comes(town: Town, amina: Contact) -> None:
    visit = await town.books(amina)
    await town.ticks_at(WEEK_BEFORE)
    await town.cancels(amina, visit)

    for moment in (THREE_DAYS_BEFORE, EVE, TWO_HOURS_BEFORE):
        await town.ticks_at(moment)

    # Not even the one that was already written and had not left.
    assert await town.texts(amina) == []


async def test_a_plan_whose_visit_is_no_longer_so_is_dropped_when_it_falls_due(
    town: Town, amina: Contact
) -> None:
    """Whatever forgot to withdraw it: the visit as it is now decides."""
    visit = await town.books(amina)
    async with town.database.transaction() as unit:
        await unit.appointments.move(
            visit.id, day=VISIT_DAY, at=time(10), capacity=1, confirmed=False, now=town.clock.now()
        )

    await town.ticks_at(EVE)

    assert await town.texts(amina) == []
    assert (await town.due())["visit:1", "t-1d"][0] == "dropped"


async def test_a_reminder_that_comes_late_in_the_night_waits_for_the_morning(
    town: Town, amina: Contact
) -> None:
    await town.books(amina, at=time(15))
    morning = datetime(2026, 12, 4, 8, tzinfo=UTC)

    for hour in (22, 23, 31):
        await town.ticks_at(datetime(2026, 12, 3, tzinfo=UTC) + timedelta(hours=hour, minutes=59))
        assert await town.texts(amina) == []
    assert (await town.due())["visit:1", "t-1d"] == ("waiting", morning)

    await town.ticks_at(morning)
    assert len(await town.texts(amina)) == 1


async def test_the_last_reminder_of_an_early_visit_comes_in_the_quiet_hours(
    town: Town, amina: Contact
) -> None:
    await town.books(amina)
    await town.ticks_at(EVE)

    await town.ticks_at(TWO_HOURS_BEFORE)

    assert "[ar] ⏰ Today at" in (await town.texts(amina))[-1]
    query = select(outbox.c.keeps_quiet).where(outbox.c.purpose == Purpose.REMINDER).order_by(outbox.c.id)
    async with town.database.reading() as unit:
        assert list(await unit.connection.scalars(query)) == [True, False]


# The hour is the person's choice


async def test_reminders_come_at_the_chosen_hour_to_the_second(town: Town, amina: Contact) -> None:
    visit = await town.books(amina)
    await town.wants_reminders_at(amina, 20)
    moments = [
        datetime(2026, 11, 27, 20, tzinfo=UTC),
        datetime(2026, 12, 1, 20, tzinfo=UTC),
        datetime(2026, 12, 3, 20, tzinfo=UTC),
        TWO_HOURS_BEFORE,
    ]
    for number, moment in enumerate(moments):
        await town.ticks_at(moment - timedelta(seconds=1))
        assert len(await town.texts(amina)) == number
        await town.ticks_at(moment)
        assert len(await town.texts(amina)) == number + 1
    assert {status for status, _ in (await town.due()).values()} == {"turned"}
    assert visit.version == 1


async def test_a_moved_visit_keeps_to_the_chosen_hour(town: Town, amina: Contact) -> None:
    visit = await town.books(amina)
    await town.wants_reminders_at(amina, 8)
    moved = await town.moves(amina, visit, day=date(2026, 12, 2), at=time(14))

    await town.ticks_at(datetime(2026, 12, 1, 7, 59, 59, tzinfo=UTC))
    before = len(await town.texts(amina))
    await town.ticks_at(datetime(2026, 12, 1, 8, tzinfo=UTC))

    assert moved.version == 2
    assert len(await town.texts(amina)) == before + 1
    assert "14:00" in (await town.texts(amina))[-1]


async def test_back_to_the_usual_hours(town: Town, amina: Contact) -> None:
    await town.books(amina)
    planned = await town.due()
    await town.wants_reminders_at(amina, 14)
    assert await town.due() != planned

    await town.wants_reminders_at(amina, None)

    assert await town.due() == planned


async def test_an_hour_chosen_after_a_visit_was_cancelled_brings_nothing_back(
    town: Town, amina: Contact
) -> None:
    visit = await town.books(amina)
    await town.cancels(amina, visit)
    await town.wants_reminders_at(amina, 20)

    for moment in (WEEK_BEFORE, THREE_DAYS_BEFORE, EVE, EVE + timedelta(hours=2), TWO_HOURS_BEFORE):
        await town.ticks_at(moment)

    assert await town.texts(amina) == []


@pytest.mark.parametrize(
    ("booked", "day", "eve"),
    [
        # Before 20 September 2026 Casablanca was an hour ahead of UTC.
        (datetime(2026, 9, 14, 9, tzinfo=UTC), date(2026, 9, 18), datetime(2026, 9, 17, 19, tzinfo=UTC)),
        (datetime(2026, 9, 14, 9, tzinfo=UTC), date(2026, 9, 21), datetime(2026, 9, 20, 20, tzinfo=UTC)),
        (datetime(2026, 12, 28, 9, tzinfo=UTC), date(2027, 1, 4), datetime(2027, 1, 3, 20, tzinfo=UTC)),
        (datetime(2027, 12, 27, 9, tzinfo=UTC), date(2028, 1, 3), datetime(2028, 1, 2, 20, tzinfo=UTC)),
        (datetime(2028, 2, 22, 9, tzinfo=UTC), date(2028, 3, 1), datetime(2028, 2, 29, 20, tzinfo=UTC)),
    ],
)
async def test_the_chosen_hour_is_the_one_on_the_wall(
    town: Town, booked: datetime, day: date, eve: datetime
) -> None:
    town.clock.moves_to(booked)
    amina = await town.joins("amina", language="ar")
    await town.wants_reminders_at(amina, 20)
    amina = replace(amina, reminder_hour=20)
    await town.books(amina, day=day, at=time(11))

    await town.ticks_at(eve - timedelta(seconds=1))
    before = len(await town.texts(amina))
    await town.ticks_at(eve)

    assert len(await town.texts(amina)) == before + 1


# What comes with a reminder


async def has_a_point(town: Town) -> None:
    async with town.database.transaction() as unit:
        await unit.centres.set_point("sale", Point(34.05, -6.79))


async def test_two_hours_before_the_place_follows_the_words(town: Town, amina: Contact) -> None:
    await town.books(amina)
    await has_a_point(town)
    await town.ticks_at(EVE)
    await town.ticks_at(TWO_HOURS_BEFORE)
    await town.ticks_at(TWO_HOURS_BEFORE + timedelta(minutes=1))

    *_, words, pin = await town.messages(amina)
    assert words.venue is None
    assert words.text.startswith("[ar] ⏰ Today at")
    assert pin.venue is not None
    assert (pin.venue.latitude, pin.venue.longitude, pin.choices) == (34.05, -6.79, ())
    columns = (outbox.c.subject, outbox.c.purpose, outbox.c.keeps_quiet, outbox.c.useful_until)
    query = select(outbox.c.unique_key, *columns).order_by(outbox.c.id.desc()).limit(2)
    async with town.database.reading() as unit:
        of_pin, of_words = (await unit.connection.execute(query)).all()
    assert of_pin[1:] == of_words[1:]
    assert (of_words.unique_key, of_pin.unique_key) == ("visit:1:t-2h:1", "visit:1:t-2h:1:0")


async def test_a_visit_cancelled_before_they_left_takes_words_and_place_away(
    town: Town, amina: Contact
) -> None:
    visit = await town.books(amina)
    await has_a_point(town)
    await town.ticks_at(TWO_HOURS_BEFORE)
    await town.cancels(amina, visit)

    assert await town.texts(amina) == []


@pytest.mark.parametrize(("silent_hours", "pins"), [(1, 1), (30, 0)])
async def test_who_gets_templates_gets_no_second_one_for_the_place(
    town: Town, silent_hours: int, pins: int
) -> None:
    salma = await town.joins("salma", channel="whatsapp")
    await town.books(salma)
    await has_a_point(town)
    town.clock.moves_to(TWO_HOURS_BEFORE - timedelta(hours=silent_hours))
    async with town.database.transaction() as unit:
        await unit.addresses.arrive(Channel.WHATSAPP, "salma", now=town.clock.now())
    await town.ticks_at(TWO_HOURS_BEFORE)

    assert len([each for each in await town.messages(salma) if each.venue]) == pins


# Comparisons of wordings


async def test_a_comparison_ends_when_enough_is_counted_and_its_manager_hears(
    town: Town, amina: Contact
) -> None:
    karim = await town.manager()
    async with town.database.transaction() as unit:
        experiment = await unit.experiments.start("eve", sample_size=2, by=karim.id, now=town.clock.now())
    visits_kept = [await town.books(amina, at=VISIT_AT), await town.books(amina, day=date(2026, 12, 3))]
    await town.ticks_at(datetime(2026, 12, 2, 18, tzinfo=UTC))
    await town.ticks_at(EVE)
    ended = update(appointments).values(status=AppointmentStatus.ATTENDED)
    for number, visit in enumerate(visits_kept):
        await town.ticks.end_comparisons()
        async with town.database.transaction() as unit:
            assert await unit.experiments.running() == [experiment], number
            await unit.connection.execute(ended.where(appointments.c.id == visit.id))

    await town.ticks.end_comparisons()
    await town.ticks.end_comparisons()

    async with town.database.reading() as unit:
        assert await unit.experiments.running() == []
    (told,) = [each for each in await town.texts(karim) if "comparison" in each]
    assert told.startswith("[fr] 📊 A comparison of two wordings has ended.")


async def test_a_comparison_whose_manager_is_gone_ends_all_the_same(town: Town, amina: Contact) -> None:
    karim = await town.manager()
    async with town.database.transaction() as unit:
        await unit.experiments.start("eve", sample_size=0, by=karim.id, now=town.clock.now())
        await unit.contacts.erase(karim.id, at=town.clock.now())
    async with town.database.transaction() as unit:
        await unit.contacts.forget_erased(before=town.clock.now() + timedelta(days=3))

    await town.ticks.end_comparisons()

    async with town.database.reading() as unit:
        assert await unit.experiments.running() == []


async def test_what_is_turned_knows_until_when_it_helps(town: Town, amina: Contact) -> None:
    await town.books(amina)
    await town.asks_how(amina, MONDAY.replace(day=24, hour=10))

    for moment in (MONDAY.replace(day=24, hour=10), WEEK_BEFORE, EVE, TWO_HOURS_BEFORE):
        await town.ticks_at(moment)

    query = select(outbox.c.useful_until).order_by(outbox.c.id)
    async with town.database.reading() as unit:
        assert list(await unit.connection.scalars(query)) == [
            MONDAY.replace(day=25, hour=10),
            WEEK_BEFORE + timedelta(days=1),
            datetime(2026, 12, 4, 4, tzinfo=UTC),
            datetime(2026, 12, 4, 8, 30, tzinfo=UTC),
        ]


async def test_people_are_asked_how_they_are_unless_they_said_stop(town: Town, amina: Contact) -> None:
    brahim = await town.joins("brahim")
    tomorrow = MONDAY.replace(day=24, hour=10)
    for contact in (amina, brahim):
        await town.asks_how(contact, tomorrow)
    async with town.database.transaction() as unit:
        await unit.contacts.set_check_ins(brahim.id, False)

    await town.ticks_at(tomorrow)

    (message,) = await town.messages(amina)
    assert message.text == "[ar] 👋 How are you today?"
    assert [choice.id for choice in message.choices][:3] == ["fine", "so_so", "help"]
    assert await town.texts(brahim) == []
    assert (await town.due())[f"check_in:{brahim.id}", "d1"][0] == "dropped"


async def test_one_broken_row_does_not_hold_up_the_others(
    town: Town, amina: Contact, logs: list[MutableMapping[str, Any]]
) -> None:
    tomorrow = MONDAY.replace(day=24, hour=10)
    async with town.database.transaction() as unit:
        for subject, step in (("visit:none", "t-1d"), ("visit:7", "t-9x")):
            await unit.schedule.plan(
                contact_id=amina.id, purpose=Purpose.REMINDER, subject=subject, version=1,
                steps=[(step, tomorrow - timedelta(minutes=1))],
            )  # fmt: skip
    await town.asks_how(amina, tomorrow - timedelta(minutes=1), step="d0")
    await town.asks_how(amina, tomorrow)

    await town.ticks_at(tomorrow)

    assert await town.texts(amina) == ["[ar] 👋 How are you today?"]
    assert Counter(status for status, _ in (await town.due()).values()) == {"dropped": 3, "turned": 1}
    assert {log["event"] for log in logs if log["log_level"] == "error"} == {"due_failed"}


async def test_a_person_without_an_address_is_passed_over(town: Town, amina: Contact) -> None:
    await town.books(amina)
    async with town.database.transaction() as unit:
        address = await unit.addresses.preferred(amina.id)
        assert address is not None
        await unit.addresses.mark_unreachable(address.id, at=MONDAY)

    await town.ticks_at(WEEK_BEFORE)

    assert (await town.due())["visit:1", "t-7d"][0] == "dropped"


async def test_a_tick_that_is_cut_off_leaves_nothing_and_comes_again(town: Town, amina: Contact) -> None:
    tomorrow = MONDAY.replace(day=24, hour=10)
    people = [amina, await town.joins("brahim"), await town.joins("chama")]
    for person in people:
        await town.asks_how(person, tomorrow)
    town.clock.moves_to(tomorrow)

    cut_after = 0
    while True:
        with cut_off(town.database.engine, DatabaseLocked("held"), after=cut_after) as cut:
            try:
                await town.ticks.turn_due()
            except DatabaseLocked:
                assert cut.came
        if not cut.came:
            break
        assert [await town.texts(person) for person in people] == [[], [], []]
        cut_after += 1

    assert cut_after > 10
    assert [len(await town.texts(person)) for person in people] == [1, 1, 1]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_several_processes_show_a_row_once(town: Town) -> None:
    tomorrow = MONDAY.replace(day=24, hour=10)
    people = [await town.joins(f"person {number}") for number in range(60)]
    for person in people:
        await town.asks_how(person, tomorrow)
    town.clock.moves_to(tomorrow)
    others = [Ticks(town.database, town.voice, town.clock) for _ in range(3)]

    turned = await asyncio.gather(*(ticks.turn_due() for ticks in others))

    while await town.ticks.turn_due():
        pass
    assert [len(await town.texts(person)) for person in people] == [1] * 60
    assert sum(turned) <= 60
    assert Counter(status for status, _ in (await town.due()).values()) == {"turned": 60}


# Announcements


async def announce(town: Town, manager: Contact) -> int:
    """Start an announcement as its flow does."""
    async with town.database.transaction() as unit:
        started = await unit.announcements.start(
            author=manager.id, audience=Audience(), texts={"fr": "Une nouvelle"}, now=town.clock.now()
        )
        subject = f"announcement:{started.id}"
        push = Push(
            manager.id, "announcement_progress", AnnouncementNews(started.id), Purpose.STAFF,
            f"{subject}:progress:0", subject,
        )  # fmt: skip
        await show_push(unit, push, town.voice, now=town.clock.now())
    return started.id


async def test_progress_is_written_over_one_message_until_the_end(town: Town) -> None:
    manager = await town.manager()
    for name in ("amina", "brahim", "chama", "driss"):
        await town.joins(name)
    number = await announce(town, manager)
    seen: list[tuple[int, str | None]] = []

    def shows(row: OutboxRow) -> Delivered:
        seen.append((row.id, row.replaces_ref))
        return town.sent(row)

    await town.sends(shows)
    for status, reason in (
        ("sent", None),
        ("failed_permanent", "blocked"),
        ("failed_technical", "text_too_long"),
        ("sent", None),
    ):
        await town.sends(town.becomes(status, reason), bulk=True, limit=1)
        await town.ticks.tell_progress()
        await town.ticks.tell_progress()
        await town.sends(shows)

    texts = await town.texts(manager)
    assert [line.split("\n")[1] for line in texts] == [f"[fr] Sent: {sent} of 4" for sent in (0, 1, 1, 1, 2)]
    assert texts[-1].split("\n") == [
        "[fr] ✅ The announcement has gone to everybody.",
        "[fr] Sent: 2 of 4",
        "[fr] Failed: 1",
        "[fr] Blocked the service: 1",
    ]
    first = seen[0][0]
    assert [ref for _, ref in seen] == [None, *[f"ref-{first}"] * 4]
    await town.ticks.tell_progress()
    assert await town.texts(manager) == texts
    async with town.database.reading() as unit:
        assert (await unit.announcements.get(number)).status is AnnouncementStatus.DONE


async def test_progress_among_many_is_written_over_with_each_fiftieth_of_them(town: Town) -> None:
    manager = await town.manager()
    for number in range(100):
        await town.joins(f"person-{number}")
    await announce(town, manager)
    for _ in range(3):
        await town.sends(town.sent, bulk=True, limit=1)
        await town.ticks.tell_progress()
        await town.sends(town.sent)

    sent = [line.split("\n")[1] for line in await town.texts(manager)]
    assert sent == ["[fr] Sent: 0 of 100", "[fr] Sent: 2 of 100"]

    await town.sends(town.sent, bulk=True)
    await town.ticks.tell_progress()

    assert (await town.texts(manager))[-1].startswith("[fr] ✅")


async def test_where_nothing_is_written_over_progress_is_told_at_the_end(town: Town) -> None:
    manager = await town.manager(channel="whatsapp")
    for name in ("amina", "brahim"):
        await town.joins(name)
    await announce(town, manager)
    await town.sends(town.sent)
    for _ in range(2):
        await town.sends(town.sent, bulk=True, limit=1)
        await town.ticks.tell_progress()
        await town.sends(town.sent)

    assert [line.split("\n")[1] for line in await town.texts(manager)] == [
        "[fr] Sent: 0 of 2",
        "[fr] Sent: 2 of 2",
    ]


async def test_the_stop_button_works_for_as_long_as_nothing_moves(town: Town) -> None:
    manager = await town.manager()
    await town.joins("brahim")
    await announce(town, manager)

    for _ in range(3):
        await town.ticks.tell_progress()

    (message,) = await town.messages(manager)
    async with town.database.reading() as unit:
        notice = await unit.sessions.newest_notice(manager.id, since=None)
    assert notice is not None
    assert (message.prompt_ref, notice.offers("stop")) == (notice.prompt_ref, True)


async def test_news_nobody_could_be_reached_with_end_after_a_day(town: Town) -> None:
    manager = await town.manager()
    await town.joins("brahim")
    number = await announce(town, manager)
    town.clock.moves_on(ANNOUNCEMENT_LIFE + timedelta(seconds=1))

    await town.ticks.tell_progress()

    async with town.database.reading() as unit:
        assert (await unit.announcements.get(number)).status is AnnouncementStatus.DONE
        assert (await unit.announcements.progress(number)).waiting == 0
    assert "Waiting" not in (await town.texts(manager))[-1]


async def test_an_announcement_whose_author_has_gone_still_ends(town: Town) -> None:
    manager = await town.manager()
    await town.joins("brahim")
    gone, stays = await announce(town, manager), await announce(town, manager)
    async with town.database.transaction() as unit:
        await unit.connection.execute(
            update(announcements).where(announcements.c.id == gone).values(author=None)
        )
    for _ in range(2):
        await town.sends(town.sent, bulk=True)

    await town.ticks.tell_progress()

    async with town.database.reading() as unit:
        assert [(await unit.announcements.get(each)).status for each in (gone, stays)] == ["done", "done"]
    assert (await town.texts(manager))[-1].startswith("[fr] ✅")


# By the clock


async def test_holidays_of_the_coming_months_are_proposed_and_staff_have_the_last_word(
    town: Town, amina: Contact
) -> None:
    new_year, manifesto = date(2027, 1, 1), date(2027, 1, 11)
    await town.ticks.propose_holidays()
    async with town.database.transaction() as unit:
        await unit.closures.decide("sale", manifesto, closed=False, by=amina.id)

    await town.ticks.propose_holidays()

    async with town.database.reading() as unit:
        found = {closure.day: closure for closure in await unit.closures.between("sale", new_year, manifesto)}
    assert set(found) == {new_year, manifesto}
    assert (found[new_year].closed, found[new_year].decided) == (True, False)
    assert (found[manifesto].closed, found[manifesto].decided) == (False, True)


async def test_whom_whatsapp_wrote_to_first_is_forgotten_after_a_day(town: Town) -> None:
    await town.joins("brahim")
    async with town.database.transaction() as unit:
        (address_id,) = await unit.connection.scalars(select(addresses.c.id))
        await unit.billing.open(address_id, now=town.clock.now(), limit=1)
    await town.ticks.forget()
    async with town.database.reading() as unit:
        assert len(list(await unit.connection.scalars(select(openings.c.address_id)))) == 1

    town.clock.moves_to(town.clock.now() + timedelta(days=1))
    await town.ticks.forget()

    async with town.database.reading() as unit:
        assert list(await unit.connection.scalars(select(openings.c.address_id))) == []


async def test_a_question_that_nobody_asks_any_more_is_forgotten_after_a_year(town: Town) -> None:
    asked = town.clock.now().date()
    async with town.database.transaction() as unit:
        await unit.unanswered.note("fr", "passeport", day=asked)
        await unit.unanswered.note("fr", "logement", day=asked + timedelta(days=7))

    town.clock.moves_to(town.clock.now() + timedelta(days=366))
    await town.ticks.forget()

    async with town.database.reading() as unit:
        assert [row.words for row in await unit.unanswered.all()] == ["logement"]


async def test_what_is_no_longer_needed_is_forgotten_and_nothing_else(town: Town) -> None:
    """Brahim agreed, Chama refused, Driss had his data erased; all of it long ago."""
    brahim, chama, driss = [await town.joins(name) for name in ("brahim", "chama", "driss")]
    visit = await town.books(brahim)
    second = timedelta(seconds=1)
    async with town.database.transaction() as unit:
        await unit.contacts.refuse(chama.id, at=MONDAY)
        await unit.contacts.erase(driss.id, at=MONDAY)
        await unit.tasks.add(
            contact_id=brahim.id, centre_slug="sale", kind=TaskKind.MESSAGE, text="help", urgent=False,
            now=MONDAY,
        )  # fmt: skip
        await unit.sessions.save(brahim.id, Session(prompt_no=3), now=MONDAY)
        now = MONDAY + timedelta(days=400)
        for age in (KEEP[Grows.LOOKS], KEEP[Grows.TASKS]):
            for moment in (now - age - second, now - age + second):
                await unit.audit.looked(brahim.id, brahim.id, "task", now=moment)
                done = await unit.tasks.add(
                    contact_id=brahim.id, centre_slug="sale", kind=TaskKind.MESSAGE, text="done",
                    urgent=False, now=MONDAY,
                )  # fmt: skip
                await unit.tasks.finish(done.id, brahim.id, now=moment)
    town.clock.moves_to(now)
    kinds = ((Grows.INBOX, "done"), (Grows.OUTBOX, "sent"), (Grows.NOTICES, ""), (Grows.DUE, "due"))
    for what, old in kinds:
        for name, moment in (("old", now - KEEP[what] - second), ("young", now - KEEP[what] + second)):
            await _leave(town, brahim, f"{name} {old}", moment)

    await town.ticks.forget()
    await town.ticks.forget_people()

    async with town.database.reading() as unit:
        people = list(await unit.connection.scalars(select(contacts.c.id)))
        assert people == [brahim.id]
        assert await unit.appointments.get(visit.id) == visit
        assert len(await unit.tasks.open("sale")) == 1
        assert (await unit.sessions.load(brahim.id)).prompt_no == 3
        assert len(await unit.audit.looks(brahim.id)) == 3
        assert list(await unit.connection.scalars(select(tasks.c.status).order_by(tasks.c.id))) == [
            "open",
            "done",
        ]
        keys = list(await unit.connection.scalars(select(inbox.c.update_key).order_by(inbox.c.id)))
        assert keys == ["old waiting", "young done", "young waiting"]
        keys = list(await unit.connection.scalars(select(outbox.c.unique_key).order_by(outbox.c.id)))
        assert keys == ["young sent", "young created"]
        subjects = list(await unit.connection.scalars(select(notices.c.subject)))
        assert subjects == ["young "]
        # Here no tick has turned the reminders of the visit: they still wait.
        plans = set(await unit.connection.scalars(select(due_messages.c.subject)))
        assert plans == {"old waiting", "young turned", "young waiting", f"visit:{visit.id}"}


async def test_a_number_to_call_is_forgotten_the_day_after_the_visit(town: Town, amina: Contact) -> None:
    visit = await town.books(amina)
    async with town.database.transaction() as unit:
        await unit.appointments.set_phone(visit.id, "0612345678")

    async def kept_at(moment: datetime) -> str | None:
        town.clock.moves_to(moment)
        await town.ticks.forget_people()
        async with town.database.reading() as unit:
            return await unit.appointments.phone(visit.id)

    assert await kept_at(datetime(2026, 12, 4, 23, 7, tzinfo=UTC)) == "0612345678"
    assert await kept_at(datetime(2026, 12, 5, 0, 7, tzinfo=UTC)) is None


async def test_times_that_were_kept_for_somebody_are_forgotten_when_it_is_over(
    town: Town, amina: Contact
) -> None:
    await town.keeps(amina, time(10))
    rows = select(slot_holds.c.at)
    for minutes, kept in ((9, [time(10)]), (2, [])):
        town.clock.moves_on(timedelta(minutes=minutes))
        await town.ticks.forget()
        async with town.database.reading() as unit:
            assert list(await unit.connection.scalars(rows)) == kept


async def test_of_many_who_choose_the_same_time_at_once_one_has_it_kept(town: Town) -> None:
    """And of two lengths that overlap only one, though they begin at different times."""
    people = [await town.joins(f"person-{number}") for number in range(6)]
    times = [time(10), time(10, 15)] * 3
    async with town.database.transaction() as unit:
        hours = WeeklyHours.parse("fri 10:00-10:45")
        await unit.centres.set_rules("sale", VisitRules(hours, phone=Length(15)))

    async def chooses(contact: Contact, at: time) -> bool:
        kind = VisitKind.PHONE if at.minute else VisitKind.IN_PERSON
        try:
            await town.keeps(contact, at, kind=kind)
        except SlotTaken:
            return False
        return True

    outcomes = await asyncio.gather(*[chooses(*each) for each in zip(people, times, strict=True)])

    assert outcomes.count(True) == 1


async def test_whoever_asked_to_be_forgotten_is_gone_two_hours_later_at_any_time_of_day(town: Town) -> None:
    chama = await town.joins("chama")
    async with town.database.transaction() as unit:
        await unit.contacts.erase(chama.id, at=MONDAY)
    times = {job.__name__: trigger for job, trigger in town.ticks.timers()}
    passes, last = [MONDAY], MONDAY
    while len(passes) < 24:
        last = times["forget_people"].get_next_fire_time(last, last + timedelta(seconds=1))
        passes.append(last)

    assert all(later - each <= timedelta(hours=1) for each, later in pairwise(passes))
    town.clock.moves_to(MONDAY + KEEP_ERASED + timedelta(seconds=1))
    await town.ticks.forget_people()

    async with town.database.reading() as unit:
        assert list(await unit.connection.scalars(select(contacts.c.id))) == []


async def _leave(town: Town, contact: Contact, name: str, moment: datetime) -> None:
    """Leave something in the inbox, in the outbox or among the notices, by what the name ends with."""
    age, _, kind = name.partition(" ")
    async with town.database.transaction() as unit:
        address = await unit.addresses.preferred(contact.id)
        assert address is not None
        if kind == "done":
            for status in ("done", "waiting"):
                new = NewUpdate("telegram", f"{age} {status}", status.encode() * 4, "{}")
                await unit.inbox.add([new], now=moment)
                await unit.connection.execute(
                    update(inbox).where(inbox.c.update_key == f"{age} {status}").values(status=status)
                )
        elif kind == "due":
            for status in ("turned", "waiting"):
                await unit.schedule.plan(
                    contact_id=contact.id, purpose=Purpose.REMINDER, subject=f"{age} {status}", version=1,
                    steps=[("t-1d", moment)],
                )  # fmt: skip
                await unit.connection.execute(
                    update(due_messages)
                    .where(due_messages.c.subject == f"{age} {status}")
                    .values(status=status)
                )
        elif kind == "sent":
            for status in ("sent", "created"):
                await unit.outbox.add(
                    address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key=f"{age} {status}",
                    message=OutboundMessage("hello", "fr"), now=moment,
                )  # fmt: skip
                await unit.connection.execute(
                    update(outbox).where(outbox.c.unique_key == f"{age} {status}").values(status=status)
                )
        else:
            await unit.sessions.add_notice(
                contact.id, Frame("reminder", 1, "remind"), (), subject=name, now=moment
            )


# By themselves


async def until(town: Town, happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S), town.database.wakes.bell("outbox") as bell:
        while not await happened():
            await rung(bell, timeout_s=0.05)


async def test_ticks_go_by_themselves_over_a_locked_database(town: Town, amina: Contact) -> None:
    async def asked() -> bool:
        return len(await town.texts(amina)) == 1

    async def told() -> bool:
        return (await town.texts(manager))[-1].startswith("[fr] ✅")

    async def forgotten() -> bool:
        async with town.database.reading() as unit:
            return chama.id not in set(await unit.connection.scalars(select(contacts.c.id)))

    tomorrow = MONDAY.replace(day=24, hour=10)
    chama = await town.joins("chama")
    manager = await town.manager()
    async with town.database.transaction() as unit:
        await unit.contacts.erase(chama.id, at=MONDAY)
    await town.joins("brahim")
    await town.asks_how(amina, tomorrow)
    await announce(town, manager)
    await town.sends(town.sent)
    await town.sends(town.sent, bulk=True)
    town.clock.moves_to(tomorrow)

    with cut_off(
        town.database.engine, DatabaseLocked("held"), after=0, only="SELECT due_messages", times=2
    ) as cut:
        running = asyncio.create_task(town.ticks.run())
        await until(town, asked)
        await until(town, told)
        await until(town, forgotten)
    assert cut.came
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
