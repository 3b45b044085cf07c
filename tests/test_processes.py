"""Two processes of the real service, each with all roles, on one PostgreSQL and one bot."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.zone import NAME, casablanca
from conversations.care.announcements import Audience
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.tables import inbox, is_unsent, is_waiting, leaderships, outbox
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import KEYS, TOKEN, Phone, calls_to, invited, settings_with

# Only ends a test that has failed.
PATIENCE_S = 60
NAMES = ("Amina", "Brahim", "Chama", "Hind", "Yassin", "Zineb")
# So slow that two processes which do not know of each other would be twice as fast for all to see.
PER_SECOND = 10
NEWS = "Training begins on Monday."

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@dataclass
class Stage:
    services: Sequence[ServiceProcess]
    telegram: FakeTelegram
    database: Database

    def phone(self, name: str) -> Phone:
        return Phone(self.telegram, self.telegram.user(first_name=name, language_code="en"))

    async def leader(self, name: str) -> ServiceProcess | None:
        """Return the process that leads something and lives."""
        async with self.database.reading() as unit:
            query = select(leaderships.c.holder).where(leaderships.c.name == name)
            holder: str = await unit.connection.scalar(query) or ""
        return next((each for each in self.services if f":{each.pid}:" in holder), None)

    async def is_led_by(self, name: str, service: ServiceProcess) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.leader(name) is not service:  # noqa: ASYNC110 - it tells nobody outside
                await asyncio.sleep(0.1)

    async def settled(self) -> None:
        """Wait until every update is handled and every message has left."""
        await self.telegram.drained(PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            while await self._waits():  # noqa: ASYNC110 - nor does it of that
                await asyncio.sleep(0.1)

    async def announces(self, *phones: Phone) -> int:
        """Start an announcement to people, known or not, and return its number."""
        async with self.database.transaction() as unit:
            now = datetime.now(UTC)
            for phone in phones:
                contact, _ = await unit.addresses.find_or_create("telegram", str(phone.id), now=now)
                await unit.contacts.set_language(contact.id, "en")
                await unit.contacts.agree(contact.id, news=True, at=now)
            news = await unit.announcements.start(
                author=contact.id, audience=Audience(), texts={"en": NEWS}, now=now
            )
            unit.topics.add("outbox")
        assert news.total == len(phones)
        return news.id

    async def is_over(self, announcement_id: int) -> None:
        """Wait until a tick has seen that an announcement is through."""
        async with asyncio.timeout(PATIENCE_S):
            while await self._runs(announcement_id):  # noqa: ASYNC110 - nor of this
                await asyncio.sleep(0.1)

    async def _runs(self, announcement_id: int) -> bool:
        async with self.database.reading() as unit:
            return announcement_id in {each.id for each in await unit.announcements.running()}

    async def _waits(self) -> bool:
        async with self.database.reading() as unit:
            waiting = (select(inbox.c.id).where(is_waiting(inbox)), select(outbox.c.id).where(is_unsent()))
            return any([await unit.connection.scalar(query.limit(1)) for query in waiting])


@pytest.fixture
def per_second() -> int:
    return 0


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, per_second: int) -> AsyncIterator[Stage]:
    engine = create_engine(database_url)
    database = Database(engine, KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)
    async with FakeTelegram(token=TOKEN) as telegram, AsyncExitStack() as stack:
        settings = {**settings_with(telegram, database_url), "TELEGRAM_PER_SECOND": str(per_second)}
        services = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            services.append(ServiceProcess(tmp_path / name, settings))
            # One after the other only because the second would wait for the first's migrations anyway.
            await stack.enter_async_context(services[-1])
        yield Stage(services, telegram, database)
    await database.close()


async def test_everybody_is_answered_once_and_in_order(stage: Stage) -> None:
    people = [stage.phone(name) for name in NAMES]

    async def books(phone: Phone) -> list[str]:
        seen = [await phone.says("/start")]
        seen += [await phone.taps(button) for button in ("en", "agree", "booking", "job")]
        # Several words at once: the turns of one person must not overtake one another.
        for words in ("rabat", "/menu", "/help", "/menu"):
            await phone.person.says(words)
        seen += [await phone.sees() for _ in range(4)]
        return [shown.text for shown in seen]

    first, *others = await asyncio.gather(*map(books, people))
    await stage.settled()

    assert len(set(first)) >= 6
    for other in others:
        assert other == first
    assert len({len(calls_to(phone)) for phone in people}) == 1
    assert stage.telegram.refusals == []
    # Only one of them asked for updates, and none was taken away by the other.
    assert "telegram_intake_conflict" not in "".join(service.logs for service in stage.services)


async def test_when_the_leader_is_killed_the_other_takes_over(stage: Stage) -> None:
    brahim = stage.phone("Brahim")
    await brahim.says("/start")
    await brahim.taps("en", "agree")
    killed = await stage.leader("ticks")
    assert killed is not None
    (other,) = [service for service in stage.services if service is not killed]

    await killed.kill()
    news = await stage.announces(brahim)

    await stage.is_led_by("ticks", other)
    await stage.is_led_by("telegram_intake", other)
    await stage.is_over(news)
    await brahim.finds(NEWS)
    await brahim.person.says("/menu")
    await brahim.finds("What can we do for you?")


async def test_at_a_clean_stop_the_other_goes_on(stage: Stage) -> None:
    first = await stage.leader("telegram_intake")
    assert first is not None
    (other,) = [service for service in stage.services if service is not first]

    assert await first.stop() == 0

    assert await stage.leader("telegram_intake") in (None, other)
    await stage.is_led_by("telegram_intake", other)
    assert (await stage.phone("Brahim").says("/start")).text
    assert '"leadership_lost"' not in other.logs


@pytest.mark.parametrize("per_second", [PER_SECOND])
async def test_together_they_keep_to_one_rate(stage: Stage) -> None:
    people = [stage.phone(f"Person {number}") for number in range(60)]
    await stage.announces(*people)

    for phone in people:
        await phone.finds(NEWS)
    await stage.settled()

    calls = stage.telegram.calls_of("sendMessage")
    sent = [call.received_at_s for call in calls if NEWS in call.params["text"]]
    assert len(sent) == len(people)
    # A full bucket leaves at once, the rest at the rate; two rates would have taken half of this.
    longest_burst = PER_SECOND * 2 / 3
    assert max(sent) - min(sent) > 0.8 * (len(people) - longest_burst) / PER_SECOND
    assert stage.telegram.refusals == []


async def test_what_a_manager_publishes_in_one_process_is_told_by_both(stage: Stage) -> None:
    karim = stage.phone("Karim")
    await karim.says(await invited("manager", settings=stage.services[0].settings))
    await karim.taps("en")
    people = [stage.phone(name) for name in NAMES]
    for phone in people:
        await phone.says("/start")
        await phone.taps("en", "agree")

    for choice, told in (("yes", "It is open now."), ("no", "It is not open now;")):
        await karim.says("/content")
        await karim.taps("programmes", "P2", "open", choice, "preview")
        assert "Published as number" in (await karim.taps("publish")).text

        await asyncio.gather(*(phone.says("/menu") for phone in people))
        read = await asyncio.gather(
            *(phone.taps("services", "self", "project", "enough", "more") for phone in people)
        )

        assert [told in shown.text for shown in read] == [True] * len(people)
    assert stage.telegram.refusals == []
