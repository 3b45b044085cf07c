"""The service is killed at any moment and started again: nothing is lost, nothing is done twice.

The real process, both databases, Telegram over HTTP. Kills come at random points of what people do and of
what the service sends; each is followed by a new process while everybody goes on.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, Select, select

from bot.zone import NAME, casablanca
from conversations.care.reminders import plan_reminders
from conversations.care.wall_time import to_local, to_utc
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.tables import addresses, appointments, due_messages, inbox, is_live, is_unsent, outbox
from tests.fake_telegram import Button, FakeTelegram, Person
from tests.service import ServiceProcess
from tests.telegram_people import FIRST, KEYS, TOKEN, Phone, calls_to, ids, invited, settings_with

KILLS = 14
SEEDS = {"sqlite": 20260920, "postgresql": 20261001}
# Each comes at a time of their own.
VISITORS = {"Amina": "0900", "Brahim": "0930", "Chama": "1000", "Hind": "1030", "Yassin": "1100"}
EVENTS = ("act", "act", "act", "sendMessage", "editMessageText", "getUpdates", "getMe")
# A turn takes about this long, so a kill falls into any part of it.
LONGEST_DELAY_S = 0.05
# Only ends a test that has failed.
PATIENCE_S = 120.0

_PROMPT = re.compile(r"([pn])(\d+):(.+)")


@dataclass
class World:
    """The service, the platform, and what the database holds."""

    service: ServiceProcess
    telegram: FakeTelegram
    database: Database
    kills: int = 0
    # What people have done.
    acts: int = 0
    # The sends that kills cut off: chat, row, attempt.
    cut_off: set[tuple[str, int, int]] = field(default_factory=set)

    async def kill(self) -> None:
        await self.service.kill()
        self.kills += 1
        query = (
            select(addresses.c.external_enc, outbox.c.id, outbox.c.attempts)
            .select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
            .where(outbox.c.status == "sending")
        )
        under_way = [(self._chat(row.external_enc), row.id, row.attempts) for row in await self.rows(query)]
        # One person's messages leave one after the other: of no chat there are two.
        assert len({chat for chat, *_ in under_way}) == len(under_way)
        self.cut_off.update(under_way)

    def cut_off_of(self, person: Person) -> int:
        return sum(chat == str(person.id) for chat, *_ in self.cut_off)

    async def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self.database.reading() as unit:
            found: Sequence[Row[Any]] = (await unit.connection.execute(query)).all()
            return found

    async def settled(self) -> None:
        """Wait until every update is handled and every message has left."""
        await self.telegram.drained(PATIENCE_S)
        waiting = (
            select(inbox.c.id).where(inbox.c.status == "waiting"),
            select(outbox.c.id).where(is_unsent(outbox)),
        )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if not any([await self.rows(query) for query in waiting]):
                    return
                # Another process tells nobody outside when it is done.
                await asyncio.sleep(0.1)

    async def until(self, claim: Callable[[], bool], what: str) -> None:
        try:
            await self.telegram.until(claim, PATIENCE_S, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.service.logs[-4000:]}") from None

    def _chat(self, external_enc: bytes) -> str:
        return self.database.keys.decrypt(external_enc, about="addresses.external")


class Visitor:
    """Somebody who books and cancels, over and over, whatever happens to the service meanwhile."""

    def __init__(self, world: World, name: str, at: str) -> None:
        self.world = world
        self.person = world.telegram.user(first_name=name, language_code="fr")
        self.booked = 0
        self._at = at
        self._prompt_no = 0

    async def goes_on(self, enough: asyncio.Event) -> None:
        """Book and cancel until it is enough; the last visit stays."""
        await self._acts(self.person.says("/start"))
        for choice in ("en", "agree"):
            await self._taps(choice)
        while True:
            await self._books()
            if enough.is_set():
                return
            for choice in ("!menu", "my_visits", _VISIT, "cancel", "yes", "!menu"):
                await self._taps(choice)

    async def _books(self) -> None:
        await self._taps("booking")
        await self._taps("job")
        await self.world.until(lambda: "Salé" in self.person.reply_keyboard, f"{self.person.id}: the centres")
        await self._acts(self.person.taps("Salé"))
        for choice in (_DAY, self._at, "yes"):
            await self._taps(choice)
        self.booked += 1
        await self.world.until(lambda: self._find("!menu") is not None, f"{self.person.id}: the answer")

    async def _taps(self, choice: str) -> None:
        """Tap a choice of the first prompt that is newer than the one tapped last."""
        await self.world.until(lambda: self._find(choice) is not None, f"{self.person.id}: {choice}")
        found = self._find(choice)
        assert found is not None
        message_id, data, self._prompt_no = found
        await self._acts(self.person.taps_in(message_id, data))

    def _find(self, choice: str) -> tuple[int, str, int] | None:
        for shown in reversed(self.person.chat):
            for button in reversed(shown.buttons):
                kind, number, offered = _parts(button)
                if kind == "p" and number > self._prompt_no and re.fullmatch(choice, offered):
                    return shown.message_id, button.callback_data or "", number
        return None

    async def _acts(self, act: Awaitable[object]) -> None:
        await act
        self.world.acts += 1
        await self.world.telegram.announce()


# Choices by their shape, the last that fits: a day far enough ahead to have all its times, the only visit.
_DAY, _VISIT = r"\d{4}-\d\d-\d\d", r"\d+"


class Confirmer:
    """A caseworker who confirms every visit they hear of."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.person = world.telegram.user(first_name="Driss", language_code="en")
        self._notice_no = 0

    async def comes_in(self) -> None:
        phone = Phone(self.world.telegram, self.person)
        await phone.says(
            await invited("caseworker", "--centre", "sale", settings=self.world.service.settings)
        )
        await phone.taps("en")

    async def goes_on(self) -> None:
        """Confirm until cancelled."""
        while True:
            await self.world.telegram.until(lambda: self._find() is not None, None, "a request")
            found = self._find()
            assert found is not None
            message_id, data, self._notice_no = found
            await self.person.taps_in(message_id, data)

    def _find(self) -> tuple[int, str, int] | None:
        for shown in self.person.chat:
            for button in shown.buttons:
                kind, number, choice = _parts(button)
                if kind == "n" and number > self._notice_no and choice == "confirm":
                    return shown.message_id, button.callback_data or "", number
        return None


def _parts(button: Button) -> tuple[str, int, str]:
    """Return whether it is a prompt's or a notice's, its number and the choice."""
    found = _PROMPT.fullmatch(button.callback_data or "")
    return (found[1], int(found[2]), found[3]) if found else ("", 0, "")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    engine = create_engine(database_url)
    database = Database(engine, KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)
    async with FakeTelegram(token=TOKEN) as telegram:
        async with ServiceProcess(tmp_path, settings_with(telegram, database_url)) as service:
            yield World(service, telegram, database)
        await database.close()


async def test_killed_in_mid_conversation_it_goes_on_where_everybody_was(world: World) -> None:
    brahim = Phone(world.telegram, world.telegram.user(first_name="Brahim", language_code="fr"))
    await brahim.says("/start")
    days = await brahim.taps("en", "agree", "booking", "job", "Salé")
    await world.settled()
    sent = len(calls_to(brahim))

    await world.kill()
    tap = await brahim.presses(FIRST)
    await world.service.start()

    times = await brahim.sees()
    assert (times.message_id, times.edits) == (days.message_id, 1)
    assert await tap.answered() == ""
    booked = await brahim.taps(FIRST, "yes")
    assert booked.text.startswith("✅ The centre has your request.")
    assert len(calls_to(brahim)) == sent + 3
    assert world.telegram.refusals == []


async def test_a_message_that_was_taken_while_the_service_died_comes_twice_at_most(world: World) -> None:
    brahim = Phone(world.telegram, world.telegram.user(first_name="Brahim", language_code="fr"))
    await brahim.says("/start")
    await brahim.taps("en", "agree")
    await world.settled()
    world.telegram.hang_next("sendMessage", accepted=True)
    menu = await brahim.says("/menu")

    await world.kill()
    await world.service.start()

    again = await brahim.sees()
    assert (again.text, ids(again)) == (menu.text, ids(menu))
    assert again.message_id != menu.message_id
    assert "What would you like to come for?" in (await brahim.taps("booking")).text
    assert world.cut_off_of(brahim.person) == 1


async def test_killed_again_and_again_it_loses_nothing_and_does_nothing_twice(
    world: World, backend: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    driss = Confirmer(world)
    await driss.comes_in()
    visitors = [Visitor(world, name, at) for name, at in VISITORS.items()]
    enough = asyncio.Event()
    confirming = asyncio.create_task(driss.goes_on())
    async with asyncio.TaskGroup() as people:
        for visitor in visitors:
            people.create_task(visitor.goes_on(enough))
        await _kills(world, random.Random(SEEDS[backend]))  # noqa: S311
        enough.set()
    confirming.cancel()
    await world.settled()

    assert world.kills == KILLS
    await _check_people(world, visitors)
    await _check_plans(world)
    await _check_answers(world)
    doubled = _check_messages(world, [driss.person, *(visitor.person for visitor in visitors)])
    record_testsuite_property(f"{backend}_sends_cut_off", len(world.cut_off))
    record_testsuite_property(f"{backend}_sends_doubled", doubled)


async def _kills(world: World, moments: random.Random) -> None:
    """Kill and start the service, each time a little after something that people or the service did."""
    for _ in range(KILLS):
        await _something_happens(world, moments)
        # A delay that belongs to the experiment: it decides into which part of a turn the kill falls.
        await asyncio.sleep(moments.uniform(0, LONGEST_DELAY_S))
        await world.kill()
        await world.service.launch()
    await world.service.ready()


async def _something_happens(world: World, moments: random.Random) -> None:
    # Only a process that has just been launched still asks who it is.
    event = moments.choice(EVENTS if world.kills else EVENTS[:-1])
    if event == "act":
        acts = world.acts + moments.randint(1, 8)
        await world.until(lambda: world.acts >= acts, "somebody to do something")
        return
    calls = len(world.telegram.calls_of(event)) + (1 if event == "getMe" else moments.randint(1, 6))
    await world.until(lambda: len(world.telegram.calls_of(event)) >= calls, f"more calls of {event}")


async def _check_people(world: World, visitors: list[Visitor]) -> None:
    """Everybody has as many visits as they booked, the last one live, and no two live ones hold one place."""
    for visitor in visitors:
        index = world.database.keys.index("telegram", str(visitor.person.id))
        query = (
            select(appointments.c.status)
            .join(addresses, addresses.c.contact_id == appointments.c.contact_id)
            .where(addresses.c.external_index == index)
            .order_by(appointments.c.id)
        )
        *earlier, last = [row.status for row in await world.rows(query)]
        assert earlier == ["cancelled"] * (visitor.booked - 1)
        assert last in ("requested", "confirmed")
    columns = appointments.c
    live = await world.rows(
        select(columns.centre_slug, columns.day, columns.at, columns.place_no).where(is_live())
    )
    assert len(set(live)) == len(live) == len(visitors)


async def _check_plans(world: World) -> None:
    """Each live visit has the reminders planned for it as it is now, and nothing else waits."""
    wanted = []
    for visit in await world.rows(select(appointments).where(is_live())):
        starts_local = datetime.combine(visit.day, visit.at)
        booked_at_local = to_local(visit.changed_at, casablanca())
        for planned in plan_reminders(starts_local, booked_at_local=booked_at_local):
            due_at = to_utc(planned.due_local, casablanca())
            wanted.append((f"visit:{visit.id}", planned.step.value, visit.version, due_at))
    columns = due_messages.c
    query = select(columns.subject, columns.step, columns.version, columns.due_at).where(
        columns.status == "waiting", columns.purpose == "reminder"
    )
    waiting = [(row.subject, row.step, row.version, row.due_at) for row in await world.rows(query)]
    assert sorted(waiting) == sorted(wanted)


async def _check_answers(world: World) -> None:
    """Every update was handled well and answered, and only news that was no longer true was given up."""
    handled = await world.rows(select(inbox.c.id, inbox.c.status))
    assert {row.status for row in handled} == {"done"}
    written = await world.rows(select(outbox.c.unique_key, outbox.c.status, outbox.c.reason))
    assert {(row.status, row.reason) for row in written} <= {
        ("sent", None),
        ("failed_permanent", "withdrawn"),
    }
    answered = {row.unique_key.split(":")[1] for row in written if row.unique_key.startswith("in:")}
    assert answered == {str(row.id) for row in handled}
    assert not [row for row in written if row.unique_key.endswith(":sorry")]


def _check_messages(world: World, people: list[Person]) -> int:
    """Return how many messages came twice: only those that kills cut off, and those once a kill."""
    repeated = _repeated_edits(world.telegram)
    for person in people:
        # Numbered buttons tell messages apart.
        shown = Counter(
            tuple(button.callback_data for button in message.buttons)
            for message in person.chat
            if message.from_bot and message.buttons
        )
        repeated[person.id] += shown.total() - len(shown)
        assert repeated[person.id] <= world.cut_off_of(person)
    return repeated.total()


def _repeated_edits(telegram: FakeTelegram) -> Counter[int]:
    """Return by chat how often an edit was done again; a tap acknowledged again is no harm."""
    refused = [refusal for refusal in telegram.refusals if refusal.method != "answerCallbackQuery"]
    assert all("not modified" in refusal.description for refusal in refused)
    return Counter(refusal.params["chat_id"] for refusal in refused)
