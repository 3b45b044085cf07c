"""The service is killed at any moment and started again: nothing is lost, nothing is done twice.

The real process, both databases, Telegram over HTTP; on PostgreSQL two processes with all roles, of which now
one and now the other dies. Kills come at random points of what people do and of what the service sends, while
reminders fall due and announcements go out. `make kills` kills 200 times per database.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, Table, func, select, update

from bot.zone import casablanca
from conversations.care.announcements import Audience
from conversations.care.appointments import Need
from conversations.care.people import ContactId, Role
from conversations.care.reminders import ReminderStep, plan_reminders
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from storage.tables import addresses, announcements, appointments, contacts, due_messages, inbox, outbox
from storage.unit_of_work import UnitOfWork
from tests.fake_telegram import Person
from tests.invariants import broken, unanswered
from tests.service import ServiceProcess
from tests.stage import Stage, staged
from tests.telegram_people import AT_TELEGRAMS_PACE, FIRST, Phone, calls_to, ids
from tests.visitors import VISITORS, Visitor, repeated

SEEDS = {"sqlite": 20260920, "postgresql": 20261001}
PROCESSES = {"sqlite": 1, "postgresql": 2}
# What a kill comes after: what people do, what the service calls. Only a process just launched asks getMe.
EVENTS = ("act", "act", "act", "sendMessage", "sendMessage", "editMessageText", "getMe")
# A turn takes about this long, so a kill falls into any part of it.
LONGEST_DELAY_S = 0.05
FAILURES = ("turn_failed", "delivery_failed", "push_failed", "due_failed", "tick_failed", "crashed")
READERS = 25
REMINDERS_A_KILL, KILLS_AN_ANNOUNCEMENT = 2, 4
# Further ahead than anybody books here.
REMINDED_IN, REMINDED_AT = timedelta(days=90), time(13, 30)


@dataclass
class Deaths:
    """What kills have cut off: of each, the messages that were on their way, by chat and lane."""

    stage: Stage
    under_way: list[set[tuple[str, str, int]]] = field(default_factory=list)

    async def kill(self, service: ServiceProcess) -> None:
        await service.kill()
        query = (
            select(addresses.c.external_enc, outbox.c.lane, outbox.c.id)
            .select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
            .where(outbox.c.status == "sending")
        )
        rows = await self.stage.rows(query)
        self.under_way.append({(self._chat(row.external_enc), row.lane, row.id) for row in rows})

    def cut_off_of(self, person: Person) -> int:
        """Return how often something to somebody may have been cut off: at most once a kill and lane."""
        return sum(
            len({lane for chat, lane, _ in at_once if chat == str(person.id)}) for at_once in self.under_way
        )

    @property
    def total(self) -> int:
        return sum(map(len, self.under_way))

    def most_doubled(self, doubled: Mapping[str, int]) -> int:
        """Return how many messages one kill can have doubled; by chat, what came twice is given."""
        return max(sum(doubled.get(chat, 0) > 0 for chat, *_ in at_once) for at_once in self.under_way)

    def _chat(self, external_enc: bytes) -> str:
        return self.stage.database.keys.decrypt(external_enc, about="addresses.external")


@dataclass
class Crowd:
    """People to whom something comes by itself: readers of announcements, and people with a visit."""

    stage: Stage
    author: Person
    readers: list[Person]
    reminded: list[Person]
    announced: list[str] = field(default_factory=list)
    _due: list[int] = field(default_factory=list)

    async def falls_due(self, most: int) -> None:
        """Let the next reminders fall due now."""
        due, self._due = self._due[:most], self._due[most:]
        async with self.stage.database.transaction() as unit:
            await unit.connection.execute(
                update(due_messages).where(due_messages.c.id.in_(due)).values(due_at=datetime.now(UTC))
            )
            unit.topics.add("due")

    async def is_announced(self) -> None:
        text = f"Training number {len(self.announced) + 1} begins."
        async with self.stage.database.transaction() as unit:
            author, _ = await unit.addresses.find_or_create(
                "telegram", str(self.author.id), now=datetime.now(UTC)
            )
            started = await unit.announcements.start(
                author=author.id, audience=Audience(), texts={"en": text}, now=datetime.now(UTC)
            )
            unit.topics.add("outbox")
        assert started.total == len(self.readers)
        self.announced.append(text)


async def crowd(stage: Stage, *, reminded: int) -> Crowd:
    """Return people as they are after they came in, with a reminder each that is not due yet."""
    telegram, now = stage.telegram, datetime.now(UTC)
    people = Crowd(
        stage,
        telegram.user(first_name="Karim", language_code="en"),
        [telegram.user(first_name="Reader", language_code="en") for _ in range(READERS)],
        [telegram.user(first_name="Guest", language_code="en") for _ in range(reminded)],
    )
    async with stage.database.transaction() as unit:
        manager = await enrolled(unit, people.author, news=False)
        await unit.connection.execute(
            update(contacts).where(contacts.c.id == manager).values(role=Role.MANAGER)
        )
        for reader in people.readers:
            await enrolled(unit, reader, news=True)
        for guest in people.reminded:
            contact_id = await enrolled(unit, guest, news=False)
            visit = await unit.appointments.book(
                contact_id=contact_id, centre_slug="sale", need=Need.JOB, day=(now + REMINDED_IN).date(),
                at=REMINDED_AT, capacity=10**4, confirmed=True, now=now,
            )  # fmt: skip
            await unit.schedule.plan(
                contact_id=contact_id, purpose=Purpose.REMINDER, subject=f"visit:{visit.id}",
                version=visit.version, steps=[(ReminderStep.TWO_HOURS_BEFORE, now + timedelta(days=20))],
            )  # fmt: skip
        waiting = select(due_messages.c.id).order_by(due_messages.c.id)
        people._due.extend((await unit.connection.scalars(waiting)).all())
    return people


async def enrolled(unit: UnitOfWork, person: Person, *, news: bool) -> ContactId:
    now = datetime.now(UTC)
    contact, _ = await unit.addresses.find_or_create("telegram", str(person.id), now=now)
    await unit.contacts.set_language(contact.id, "en")
    await unit.contacts.agree(contact.id, news=news, at=now)
    return contact.id


@pytest.fixture
async def stage(
    backend: str, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """By long polling with one process, by webhook with two."""
    processes = PROCESSES[backend]
    settings = AT_TELEGRAMS_PACE if request.config.getoption("--at-telegrams-pace") else {}
    async with staged(
        tmp_path, database_url, processes=processes, by_webhook=processes > 1, settings=settings
    ) as stage:
        yield stage


@pytest.fixture
async def alone(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, database_url) as stage:
        yield stage


async def test_killed_in_mid_conversation_it_goes_on_where_everybody_was(alone: Stage) -> None:
    brahim = Phone(alone.telegram, alone.telegram.user(first_name="Brahim", language_code="fr"))
    await brahim.says("/start")
    days = await brahim.taps("en", "agree", "booking", "job", "Salé")
    await alone.settled()
    sent = len(calls_to(brahim))

    await alone.service.kill()
    tap = await brahim.presses(FIRST)
    await alone.service.start()

    times = await brahim.sees()
    assert (times.message_id, times.edits) == (days.message_id, 1)
    assert await tap.answered() == ""
    booked = await brahim.taps(FIRST, "yes")
    assert booked.text.startswith("✅ The centre has your request.")
    assert len(calls_to(brahim)) == sent + 3
    assert alone.telegram.refusals == []


async def test_a_message_that_was_taken_while_the_service_died_comes_twice_at_most(alone: Stage) -> None:
    brahim = Phone(alone.telegram, alone.telegram.user(first_name="Brahim", language_code="fr"))
    await brahim.says("/start")
    await brahim.taps("en", "agree")
    await alone.settled()
    alone.telegram.hang_next("sendMessage", accepted=True)
    menu = await brahim.says("/menu")
    deaths = Deaths(alone)

    await deaths.kill(alone.service)
    await alone.service.start()

    again = await brahim.sees()
    assert (again.text, ids(again)) == (menu.text, ids(menu))
    assert again.message_id != menu.message_id
    assert "What would you like to come for?" in (await brahim.taps("booking")).text
    assert deaths.cut_off_of(brahim.person) == 1


async def test_killed_again_and_again_it_loses_nothing_and_does_nothing_twice(
    stage: Stage, backend: str, kills: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    people = await crowd(stage, reminded=kills * REMINDERS_A_KILL)
    driss = await stage.confirmer()
    visitors = [Visitor(stage.telegram, name, at) for name, at in VISITORS.items()]
    deaths, enough = Deaths(stage), asyncio.Event()
    confirming = asyncio.create_task(driss.goes_on())
    try:
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(visitor.goes_on(enough))
            await kill_again_and_again(deaths, people, visitors, kills, random.Random(SEEDS[backend]))  # noqa: S311
            enough.set()
    except* AssertionError as failures:
        raise AssertionError(f"{failures.exceptions}\n{stage.tail()}") from None
    confirming.cancel()
    await stage.settled()
    running = select(announcements.c.id).where(announcements.c.status == "running")
    await stage.until_rows(running, lambda rows: not rows)
    await stage.settled()

    assert len(deaths.under_way) == kills
    assert await broken(stage.database, now=datetime.now(UTC)) == []
    await check_visits(stage, visitors)
    await check_plans(stage, visitors)
    await check_answers(stage)
    check_crowd(people, deaths)
    everybody = [driss.person, people.author, *(each.person for each in visitors), *people.readers]
    everybody += people.reminded
    doubled = {person.id: repeated(stage.telegram, person) for person in everybody}
    assert [person.id for person in everybody if doubled[person.id] > deaths.cut_off_of(person)] == []
    assert stage.events(*FAILURES) == []
    for what, figure in {
        "kills": kills,
        "updates": await count_of(stage, inbox),
        "messages": await count_of(stage, outbox),
        "announcements": len(people.announced),
        "sends_under_way": deaths.total,
        "sends_doubled": sum(doubled.values()),
        "doubled_by_one_kill_at_most": deaths.most_doubled({str(id): times for id, times in doubled.items()}),
    }.items():
        record_testsuite_property(f"{backend}_{what}", figure)


async def kill_again_and_again(
    deaths: Deaths, people: Crowd, visitors: Sequence[Visitor], kills: int, moments: random.Random
) -> None:
    """Kill one of the processes and start it again, each time a little after something has happened."""
    stage = deaths.stage
    for number in range(kills):
        if number % KILLS_AN_ANNOUNCEMENT == 0:
            await people.is_announced()
        await people.falls_due(REMINDERS_A_KILL)
        await something_happens(stage, visitors, moments, is_first=number == 0)
        # A delay that belongs to the experiment: it decides into which part of a turn the kill falls.
        await asyncio.sleep(moments.uniform(0, LONGEST_DELAY_S))
        service = moments.choice(stage.services)
        await deaths.kill(service)
        await service.launch()
    for service in stage.services:
        await service.ready()


async def something_happens(
    stage: Stage, visitors: Sequence[Visitor], moments: random.Random, *, is_first: bool
) -> None:
    event = moments.choice(EVENTS[:-1] if is_first else EVENTS)
    if event == "act":
        acts = sum(visitor.acts for visitor in visitors) + moments.randint(1, 8)
        await stage.until(
            lambda: sum(visitor.acts for visitor in visitors) >= acts, "somebody to do something"
        )
        return
    calls = len(stage.telegram.calls_of(event)) + (1 if event == "getMe" else moments.randint(1, 6))
    await stage.until(lambda: len(stage.telegram.calls_of(event)) >= calls, f"more calls of {event}")


async def check_visits(stage: Stage, visitors: Sequence[Visitor]) -> None:
    """Everybody has as many visits as they booked, the last one live."""
    for visitor in visitors:
        *earlier, last = [row.status for row in await visits_of(stage, visitor)]
        assert earlier == ["cancelled"] * (visitor.booked - 1)
        assert last in ("requested", "confirmed")


async def check_plans(stage: Stage, visitors: Sequence[Visitor]) -> None:
    """Each live visit has the reminders planned for it as it is now, and nothing else waits."""
    wanted = []
    for visitor in visitors:
        visit = (await visits_of(stage, visitor))[-1]
        starts_local = datetime.combine(visit.day, visit.at)
        booked_at_local = to_local(visit.changed_at, casablanca())
        for planned in plan_reminders(starts_local, booked_at_local=booked_at_local):
            due_at = to_utc(planned.due_local, casablanca())
            wanted.append((f"visit:{visit.id}", planned.step.value, visit.version, due_at))
    columns = due_messages.c
    query = select(columns.subject, columns.step, columns.version, columns.due_at).where(
        columns.status == "waiting", columns.purpose == Purpose.REMINDER
    )
    assert sorted(tuple(row) for row in await stage.rows(query)) == sorted(wanted)


async def check_answers(stage: Stage) -> None:
    """Every update was handled well and answered, and only news that was no longer true was given up."""
    assert {row.status for row in await stage.rows(select(inbox.c.status))} == {"done"}
    assert await unanswered(stage.database) == []
    written = await stage.rows(select(outbox.c.unique_key, outbox.c.status, outbox.c.reason))
    assert {(row.status, row.reason) for row in written} <= {
        ("sent", None),
        ("failed_permanent", "withdrawn"),
    }
    assert not [row for row in written if row.unique_key.endswith(":sorry")]


def check_crowd(people: Crowd, deaths: Deaths) -> None:
    """Each announcement and each reminder has arrived, once unless a kill cut it off."""
    for reader in people.readers:
        told = [shown.text for shown in reader.chat if shown.from_bot]
        times = [sum(text in each for each in told) for text in people.announced]
        assert min(times) == 1
        assert sum(times) - len(times) <= deaths.cut_off_of(reader)
    for guest in people.reminded:
        reminders = len([shown for shown in guest.chat if shown.from_bot])
        assert 1 <= reminders <= 1 + deaths.cut_off_of(guest)


async def visits_of(stage: Stage, visitor: Visitor) -> Sequence[Row[Any]]:
    index = stage.database.keys.index("telegram", str(visitor.person.id))
    return await stage.rows(
        select(appointments)
        .join(addresses, addresses.c.contact_id == appointments.c.contact_id)
        .where(addresses.c.external_index == index)
        .order_by(appointments.c.id)
    )


async def count_of(stage: Stage, table: Table) -> int:
    return int((await stage.rows(select(func.count()).select_from(table)))[0][0])
