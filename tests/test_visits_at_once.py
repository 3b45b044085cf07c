"""Whatever many people and their centre do at once: no place is given twice, and nobody is left in the dark.

A few people book, change, cancel, wait and answer at the same moments, staff close and open days, and time
goes by. After each step the database must hold together. It runs on SQLite and on PostgreSQL.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from bot.app import load_voice
from bot.closing_ticks import ClosingTicks
from bot.ticks import Ticks
from bot.turns import Voice, act_for
from bot.waiting_ticks import WaitingTicks
from bot.zone import NAME, casablanca
from conversations.care import group_visits, offers, visits
from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.closures import ClosureReason
from conversations.care.group_sessions import GroupSession
from conversations.care.holds import HoldPurpose
from conversations.care.hours import Length, Opening, VisitKind, VisitRules, WeeklyHours, meets, slot_times
from conversations.care.offers import WaitingNews
from conversations.care.people import ContactId, Role
from conversations.care.reminders import plan_reminders
from conversations.care.wall_time import to_local
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive, NotWaiting, SlotTaken, TooManyVisits, VisitChanged
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked
from storage.tables import (
    addresses,
    appointments,
    closed_hours,
    closures,
    due_messages,
    group_sessions,
    is_live,
    metadata,
    outbox,
    slot_holds,
)
from storage.unit_of_work import UnitOfWork
from tests.fakes import MovableClock
from tests.storage.conftest import centre_row

# A Monday; the machine goes on for some weeks at most.
BEGINS = datetime(2026, 11, 23, 9, tzinfo=UTC)
CENTRE = "sale"
CAPACITY = 2
RULES = VisitRules(
    WeeklyHours.parse("mon-sun 10:00-12:00"),
    capacity=CAPACITY,
    lead_minutes=30,
    horizon_days=5,
    buffer_minutes=10,
    phone=Length(20, 5),
)
KINDS = (VisitKind.IN_PERSON, VisitKind.PHONE)
REFUSALS = (SlotTaken, TooManyVisits, AppointmentNotLive, VisitChanged, NotWaiting, DatabaseLocked)
PEOPLE = 4
DOINGS = ("keep", "book", "book", "group", "change", "cancel", "wait", "answer", "leave")

Act = Callable[[Turn[Any]], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Doing:
    """What one person does in a wave; the numbers choose a day, a time, a kind and one of several things."""

    who: int
    what: str
    day: int
    slot: int
    phone: bool


doings = st.builds(
    Doing,
    st.integers(0, PEOPLE - 1),
    st.sampled_from(DOINGS),
    st.integers(0, 4),
    st.integers(0, 6),
    st.booleans(),
)
waves = st.lists(doings, min_size=1, max_size=PEOPLE, unique_by=lambda doing: doing.who)


class Town:
    """A database with one centre, four people and a caseworker, a clock, and what time does by itself."""

    def __init__(self, url: str, voice: Voice) -> None:
        self.voice, self.clock = voice, MovableClock(BEGINS)
        self.engine = create_engine(url)
        keys = KeyRing.from_text("test:YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=")
        self.database = Database(self.engine, keys, zone=casablanca(), zone_name=NAME)
        self.people: list[ContactId] = []
        self.caseworker = ContactId(0)

    async def opens(self) -> None:
        async with self.database.transaction() as unit:
            for table in reversed(metadata.sorted_tables):
                await unit.connection.execute(table.delete())
            await unit.centres.load([centre_row(CENTRE)])
            await unit.centres.set_rules(CENTRE, RULES)
            for number in range(PEOPLE):
                self.people.append(await _joins(unit, f"{1000 + number}"))
            self.caseworker = await _joins(unit, "9000")
            await unit.contacts.make_staff(self.caseworker, Role.CASEWORKER, CENTRE)

    async def closes(self) -> None:
        await self.database.close()

    async def does(self, who: ContactId, act: Act) -> Any:
        """Do something in a transaction of its own; None when it is refused."""
        try:
            async with self.database.transaction() as unit:
                return await act_for(unit, who, self.voice, act, now=self.clock.now())
        except REFUSALS:
            return None

    async def time_does(self) -> None:
        """What the service does by itself."""
        await ClosingTicks(self.database, self.voice, self.clock).look()
        await WaitingTicks(self.database, self.voice, self.clock).look()
        while await Ticks(self.database, self.voice, self.clock).turn_due():
            pass

    async def rows(self, query: Any) -> Any:
        async with self.database.reading() as unit:
            return (await unit.connection.execute(query)).all()


async def _joins(unit: UnitOfWork, external_id: str) -> ContactId:
    contact, _ = await unit.addresses.find_or_create("telegram", external_id, now=BEGINS)
    await unit.contacts.set_language(contact.id, "fr")
    await unit.contacts.agree(contact.id, news=False, at=BEGINS)
    return contact.id


class ManyAtOnce(RuleBasedStateMachine):
    """`url` and `voice` are set by the test."""

    url = ""
    voice: Voice

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.town = Town(self.url, self.voice)
        self.runs(self.town.opens())
        # What people gave up themselves, and since when the reminders of each visit are planned.
        self.given_up: set[int] = set()
        self.planned_from: dict[tuple[int, int], datetime] = {}

    def teardown(self) -> None:
        self.runs(self.town.closes())
        self.runner.close()

    def runs(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @rule(wave=waves)
    def people_act_at_once(self, wave: list[Doing]) -> None:
        self.runs(self._wave(wave))

    async def _wave(self, wave: list[Doing]) -> None:
        await asyncio.gather(
            *(self.town.does(self.town.people[doing.who], partial(self._do, doing=doing)) for doing in wave)
        )

    @rule(day=st.integers(0, 4), hours=st.sampled_from([None, (10, 11), (11, 12)]))
    def the_centre_closes(self, day: int, hours: tuple[int, int] | None) -> None:
        async def close(turn: Turn[Any]) -> None:
            closed = turn.today + timedelta(days=day)
            closures = turn.desk.closures
            if hours is None:
                await closures.decide(
                    CENTRE, closed, closed=True, by=turn.contact.id, reason=ClosureReason.WORKS
                )
            else:
                stretch = Opening(time(hours[0]), time(hours[1]))
                await closures.close_hours(
                    CENTRE, closed, stretch, reason=ClosureReason.MEETING, by=turn.contact.id
                )

        self.runs(self.town.does(self.town.caseworker, close))
        self.runs(self.town.time_does())

    @rule(day=st.integers(0, 4), at=st.sampled_from([time(10), time(11)]))
    def the_centre_holds_a_group_session(self, day: int, at: time) -> None:
        async def plan(turn: Turn[Any]) -> None:
            await group_visits.hold(
                turn, GroupSession(0, CENTRE, Need.JOB, turn.today + timedelta(days=day), at, 45, 3)
            )

        self.runs(self.town.does(self.town.caseworker, plan))

    @rule(day=st.integers(0, 4))
    def the_centre_opens_again(self, day: int) -> None:
        async def reopen(turn: Turn[Any]) -> None:
            opened = turn.today + timedelta(days=day)
            await turn.desk.closures.decide(CENTRE, opened, closed=False, by=turn.contact.id)
            await turn.desk.closures.open_hours(CENTRE, opened)

        self.runs(self.town.does(self.town.caseworker, reopen))
        self.runs(self.town.time_does())

    @rule(by=st.sampled_from([timedelta(minutes=5), timedelta(minutes=50), timedelta(hours=7)]))
    def time_goes_by(self, by: timedelta) -> None:
        self.town.clock.moves_on(by)
        self.runs(self.town.time_does())

    # What people do

    async def _do(self, turn: Turn[Any], doing: Doing) -> None:
        kind = KINDS[doing.phone]
        day = turn.today + timedelta(days=doing.day)
        times = slot_times(RULES, day, kind)
        at = times[doing.slot % len(times)]
        match doing.what:
            case "keep":
                await visits.keep_time(
                    turn, centre_slug=CENTRE, day=day, at=at, purpose=HoldPurpose.CONFIRMING, kind=kind
                )
            case "book":
                visit = await visits.book(turn, centre_slug=CENTRE, need=Need.JOB, day=day, at=at, kind=kind)
                self._planned(visit, turn.now)
            case "group":
                if sessions := await group_visits.sessions_with_room(turn, CENTRE, None):
                    chosen = sessions[doing.slot % len(sessions)]
                    visit = await visits.book(
                        turn, centre_slug=CENTRE, need=Need.JOB, day=chosen.day, at=chosen.at, session=chosen
                    )
                    self._planned(visit, turn.now)
            case "change":
                await self._change(turn, doing, day)
            case "cancel":
                if visit_ := await self._one_of(turn, doing.slot):
                    cancelled = await visits.cancel(turn, visit_)
                    self.given_up.add(cancelled.id)
            case "wait":
                own = await self._one_of(turn, doing.slot) if doing.slot % 2 else None
                if own and own.kind is VisitKind.GROUP:
                    return
                news = WaitingNews(
                    CENTRE, own.kind if own else kind, Need.JOB, appointment_id=own.id if own else 0
                )
                await offers.join(turn, news)
            case "answer":
                await self._answer(turn, doing)
            case "leave":
                for entry in (await turn.desk.waiting.of(turn.contact.id))[:1]:
                    await visits.end_waiting(turn, entry)

    async def _change(self, turn: Turn[Any], doing: Doing, day: date) -> None:
        visit = await self._one_of(turn, doing.slot)
        if visit is not None:
            times = slot_times(RULES, day, visit.kind)
            moved = await visits.move(turn, visit, day=day, at=times[doing.slot % len(times)])
            self._planned(moved, turn.now)

    async def _answer(self, turn: Turn[Any], doing: Doing) -> None:
        """Take what is kept: by a closure, or by the waiting list."""
        for hold in await turn.desk.holds.of(turn.contact.id, now=turn.now):
            if hold.purpose is HoldPurpose.MOVED and hold.appointment_id is not None:
                visit = await turn.desk.appointments.get(hold.appointment_id)
                if await visits.visit_on(turn, hold.day, but=visit.id):
                    return
                moved = await visits.move(turn, visit, day=hold.day, at=hold.at, by_staff=True)
                self._planned(moved, turn.now)
                return
        for entry in await turn.desk.waiting.of(turn.contact.id):
            if entry.has_offer(turn.now) and entry.offered is not None:
                if doing.phone:
                    await offers.decline(turn, entry, entry.offered)
                else:
                    self._planned(await offers.take(turn, entry, entry.offered), turn.now)
                return

    async def _one_of(self, turn: Turn[Any], number: int) -> Appointment | None:
        ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
        return ahead[number % len(ahead)] if ahead else None

    def _planned(self, visit: Appointment, at: datetime) -> None:
        self.planned_from[visit.id, visit.version] = at

    # What must always hold

    @invariant()
    def no_place_is_given_twice(self) -> None:
        live = self._visits(is_live(), _is_alone())
        by_day: dict[date, list[tuple[int, int]]] = {}
        for visit in live:
            begins = visit.at.hour * 60 + visit.at.minute
            ends = begins + visit.minutes + visit.buffer_minutes
            by_day.setdefault(visit.day, []).append((begins, ends))
        for session in self.runs(
            self.town.rows(select(group_sessions).where(group_sessions.c.status == "open"))
        ):
            begins = session.at.hour * 60
            by_day.setdefault(session.day, []).append((begins, begins + session.minutes))
        for day, stretches in by_day.items():
            for begins, _ in stretches:
                at_once = sum(start <= begins < end for start, end in stretches)
                assert at_once <= CAPACITY, f"{at_once} visits at once on {day}"

    @invariant()
    def nobody_is_kept_what_others_have(self) -> None:
        """What is kept for people and what is booked fit together, too; a person's own count once."""
        now = self.town.clock.now()
        kept = self.runs(self.town.rows(select(slot_holds).where(slot_holds.c.until > now)))
        live = self._visits(is_live(), _is_alone())
        for held in kept:
            begins = datetime.combine(held.day, held.at)
            others = {
                row.contact_id
                for row in (*live, *kept)
                if row.contact_id != held.contact_id
                and (start := datetime.combine(row.day, row.at)) <= begins
                and begins < start + timedelta(minutes=row.minutes + row.buffer_minutes)
            }
            assert len(others) < CAPACITY

    @invariant()
    def nobody_in_a_group_comes_to_a_closed_door(self) -> None:
        places = self._visits(is_live(), ~_is_alone(), appointments.c.starts_at > self.town.clock.now())
        days = {row.day for row in self.runs(self.town.rows(select(closures).where(closures.c.closed)))}
        hours = self.runs(self.town.rows(select(closed_hours)))
        for place in places:
            closed = [Opening(row.from_at, row.until_at) for row in hours if row.day == place.day]
            assert place.day not in days
            assert not meets(place.at, place.minutes, closed)

    @invariant()
    def no_session_has_more_people_than_places(self) -> None:
        taken = [visit.group_session_id for visit in self._visits(is_live(), ~_is_alone())]
        assert all(taken.count(session) <= 3 for session in taken)

    @invariant()
    def a_person_has_few_visits_and_one_a_day(self) -> None:
        now = self.town.clock.now()
        ahead = [visit for visit in self._visits(is_live()) if visit.starts_at > now]
        for person in self.town.people:
            days = [visit.day for visit in ahead if visit.contact_id == person]
            assert len(days) <= visits.MOST_AHEAD
            assert len(days) == len(set(days))

    @invariant()
    def nobody_loses_a_visit_without_a_message(self) -> None:
        told = self._told()
        for visit in self._visits():
            cancelled = visit.status == AppointmentStatus.CANCELLED
            if cancelled and visit.id not in self.given_up:
                assert visit.ended_by == EndedBy.CENTRE
                assert (visit.contact_id, visit.id, visit.version) in told
            if visit.displaced_at is not None:
                assert (visit.contact_id, visit.id, visit.version) in told

    @invariant()
    def each_visit_has_exactly_its_live_reminders(self) -> None:
        now = self.town.clock.now()
        waiting: dict[int, set[tuple[int, str]]] = {}
        due = select(due_messages).where(due_messages.c.status == "waiting", due_messages.c.due_at > now)
        for row in self.runs(self.town.rows(due)):
            waiting.setdefault(int(row.subject.rpartition(":")[2]), set()).add((row.version, row.step))
        for visit in self._visits():
            has = waiting.pop(visit.id, set())
            is_live_now = visit.status in (AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED)
            if not is_live_now or visit.displaced_at is not None:
                assert not has
                continue
            # A visit that stays after all is reminded of as it was booked.
            since = self.planned_from.get((visit.id, visit.version), visit.created_at)
            planned = plan_reminders(
                datetime.combine(visit.day, visit.at), booked_at_local=to_local(since, casablanca())
            )
            to_come = {each.step.value for each in planned if each.due_local > to_local(now, casablanca())}
            assert {step for version, step in has if version == visit.version} >= to_come
            assert {version for version, _ in has} <= {visit.version}
        assert not waiting

    def _visits(self, *conditions: Any) -> Any:
        return self.runs(self.town.rows(select(appointments).where(*conditions)))

    def _told(self) -> set[tuple[int, int, int]]:
        """Who was told of which visit as it was in which version; what was withdrawn was not told."""
        query = (
            select(addresses.c.contact_id, outbox.c.unique_key)
            .join(addresses, addresses.c.id == outbox.c.address_id)
            .where(outbox.c.subject.like("visit:%"), outbox.c.status != "failed_permanent")
        )
        told = set()
        for row in self.runs(self.town.rows(query)):
            _, visit_id, version, *_ = row.unique_key.split(":")
            # The keys of reminders name their step first, and tell of no change.
            if version.isdecimal():
                told.add((row.contact_id, int(visit_id), int(version)))
        return told


def _is_alone() -> Any:
    return appointments.c.kind != VisitKind.GROUP


def test_places_and_people_hold_together(database_url: str) -> None:
    class OnThisDatabase(ManyAtOnce):
        url = database_url
        voice = load_voice()

    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
