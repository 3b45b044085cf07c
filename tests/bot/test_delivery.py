import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.channels.channel import AddressUnreachable, MessageRefused, TooFast, TryLater
from bot.clips import Recordings
from bot.delivery import LEASE, MOST_ATTEMPTS, MOST_IN_FLIGHT, RENEW_EVERY_S, Delivery
from bot.documents import Documents
from bot.pacing import Pacer
from conversations.care.announcements import Audience
from conversations.care.people import Contact, Role
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.words import Word
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked
from storage.tables import outbox
from tests.bot.senders import FakeSender
from tests.fakes import MovableClock, marked_texts
from tests.people import MONDAY

AMINA, BRAHIM = "1001", "1002"
# Only ends a test that has failed.
PATIENCE_S = 60


@dataclass
class PostOffice:
    """A database with people in it, a channel, and the delivery between them."""

    database: Database
    sender: FakeSender = field(default_factory=FakeSender)
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    contacts: dict[str, Contact] = field(default_factory=dict)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    slept_s: float = 0.0
    documents: Documents | None = None
    recordings: Recordings | None = None

    def opens(self, *, renew_every_s: float = RENEW_EVERY_S) -> Delivery:
        """Start delivering."""
        delivery = Delivery(
            self.database, self.sender, marked_texts(), self.clock,
            pacer=Pacer(self.sender.pace, self._seconds, self._sleep), renew_every_s=renew_every_s,
            documents=self.documents, recordings=self.recordings,
        )  # fmt: skip
        self.tasks.append(asyncio.create_task(delivery.run()))
        return delivery

    async def ends(self) -> None:
        """Wait until the delivery has ended by itself."""
        await asyncio.wait_for(self.tasks[-1], PATIENCE_S)

    async def breaks_off(self) -> None:
        """End everything as a kill would."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def moves_on(self, by: timedelta) -> None:
        self.clock.moves_on(by)
        self.moved.set()
        self.moved = asyncio.Event()
        self.database.wakes.ring("outbox")

    async def joins(self, *external_ids: str, language: str = "fr") -> None:
        async with self.database.transaction() as unit:
            for external_id in external_ids:
                contact, _ = await unit.addresses.find_or_create("telegram", external_id, now=MONDAY)
                await unit.contacts.set_language(contact.id, language)
                await unit.contacts.agree(contact.id, news=True, at=MONDAY)
                self.contacts[external_id] = await unit.contacts.get(contact.id)

    async def write(
        self,
        external_id: str,
        *texts: str,
        purpose: Purpose = Purpose.REPLY,
        subject: str | None = None,
        replaces: str | None = None,
        keeps_quiet: bool = False,
        useful_until: datetime | None = None,
    ) -> None:
        """Write messages to somebody, in one transaction; their texts are their keys."""
        async with self.database.transaction() as unit:
            address = await unit.addresses.preferred(self.contacts[external_id].id)
            assert address is not None
            for words in texts:
                await unit.outbox.add(
                    address_id=address.id, channel="telegram", purpose=purpose, key=words,
                    message=OutboundMessage(words, "fr"), now=self.clock.now(), subject=subject,
                    replaces_key=replaces, keeps_quiet=keeps_quiet, useful_until=useful_until,
                )  # fmt: skip
            unit.topics.add("outbox")

    async def announce(self, texts: dict[str, str]) -> int:
        async with self.database.transaction() as unit:
            author, _ = await unit.addresses.find_or_create("webchat", "manager", now=MONDAY)
            await unit.contacts.make_staff(author.id, Role.MANAGER, None)
            announcement = await unit.announcements.start(
                author=author.id, audience=Audience(), texts=texts, now=self.clock.now()
            )
            unit.topics.add("outbox")
        return announcement.id

    async def statuses(self) -> dict[str, tuple[str, str | None]]:
        """Return status and reason of each message by its key."""
        query = select(outbox.c.unique_key, outbox.c.status, outbox.c.reason).order_by(outbox.c.id)
        async with self.database.reading() as unit:
            return {key: (status, reason) for key, status, reason in await unit.connection.execute(query)}

    async def until(self, **wanted: tuple[str, str | None]) -> None:
        """Wait until these messages have come to stand so."""
        async with asyncio.timeout(PATIENCE_S), self.database.wakes.bell("delivered") as bell:
            while not wanted.items() <= (await self.statuses()).items():
                await rung(bell, timeout_s=PATIENCE_S)

    async def until_leased(self, until: datetime) -> None:
        """Wait until what is under way is leased for as long as that."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.database.reading() as unit:
                    leased = await unit.connection.scalar(select(func.min(outbox.c.lease_until)))
                if leased >= until:
                    return

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.sender.until(lambda sender: len(sender.sent) >= count)

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.sender.until(lambda sender: len(sender.begun) >= count)

    def _seconds(self) -> float:
        return (self.clock.now() - MONDAY).total_seconds() + self.slept_s

    async def _sleep(self, seconds: float) -> None:
        if seconds < 0.01:
            self.slept_s += seconds
            await asyncio.sleep(0)
        else:
            await self.moved.wait()


@pytest.fixture
async def office(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[PostOffice]:
    office = PostOffice(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    await office.joins(AMINA, BRAHIM)
    yield office
    await office.breaks_off()


async def due_at(office: PostOffice, key: str) -> datetime:
    query = select(outbox.c.due_at).where(outbox.c.unique_key == key)
    async with office.database.reading() as unit:
        moment: datetime = (await unit.connection.scalars(query)).one()
    return moment


SENT = ("sent", None)
CREATED = ("created", None)


# Order and company


async def test_a_commit_wakes_the_delivery_and_the_message_is_marked_as_sent(office: PostOffice) -> None:
    office.opens()
    await office.write(AMINA, "one")
    await office.until(one=SENT)

    await office.write(AMINA, "two")
    await office.until(one=SENT, two=SENT)

    assert office.sender.texts(AMINA) == ["one", "two"]
    async with office.database.reading() as unit:
        refs = await unit.connection.scalars(select(outbox.c.message_ref).order_by(outbox.c.id))
        assert list(refs) == ["ref-1", "ref-2"]


async def test_a_hanging_send_holds_up_its_own_address_and_no_other(office: PostOffice) -> None:
    office.sender.holds(AMINA)
    office.opens()
    await office.write(AMINA, "a1", "a2")
    await office.until_begun(1)
    await office.write(BRAHIM, "b1", "b2", "b3")
    await office.until(b1=SENT, b2=SENT, b3=SENT)

    assert office.sender.begun.count(AMINA) == 1
    assert office.sender.texts(BRAHIM) == ["b1", "b2", "b3"]
    assert (await office.statuses())["a2"] == CREATED

    office.sender.lets_go(AMINA)
    await office.until(a1=SENT, a2=SENT)
    assert office.sender.texts(AMINA) == ["a1", "a2"]


async def test_an_answer_overtakes_news(office: PostOffice) -> None:
    people = [str(number) for number in range(5000, 5000 + MOST_IN_FLIGHT[True] + 5)]
    await office.joins(*people)
    office.sender.holds()
    await office.announce({"fr": "Une nouvelle"})
    office.opens()
    await office.until_begun(MOST_IN_FLIGHT[True])

    await office.write(AMINA, "answer")
    await office.until_begun(MOST_IN_FLIGHT[True] + 1)
    office.sender.lets_go()
    await office.until(answer=SENT)
    await office.until_sent(len(people) + 3)


async def test_a_message_is_written_over_the_one_it_replaces(office: PostOffice) -> None:
    office.opens()
    await office.write(AMINA, "first")
    await office.write(AMINA, "second", replaces="first")
    await office.until(second=SENT)

    assert [sent.message.edits for sent in office.sender.sent] == [None, "ref-1"]


# What can go wrong with a message


async def test_whoever_blocked_the_service_is_unreachable_and_gets_nothing_more(office: PostOffice) -> None:
    office.sender.fails(AMINA, AddressUnreachable("forbidden"))
    await office.write(AMINA, "a1", "a2")
    await office.write(AMINA, "reminder", purpose=Purpose.REMINDER)
    await office.write(BRAHIM, "b1")
    office.sender.holds(AMINA)
    office.opens()
    await office.until_begun(2)
    office.sender.lets_go(AMINA)

    await office.until(a1=("failed_permanent", "blocked"), a2=("failed_permanent", "blocked"), b1=SENT)

    async with office.database.reading() as unit:
        assert await unit.addresses.preferred(office.contacts[AMINA].id) is None
        assert await unit.addresses.preferred(office.contacts[BRAHIM].id) is not None


async def test_whoever_has_written_since_a_message_was_refused_is_reachable(office: PostOffice) -> None:
    """The platform's answer is late: Amina has unblocked the service and written again before it came."""
    office.sender.fails(AMINA, AddressUnreachable("forbidden"))
    office.sender.holds(AMINA)
    await office.write(AMINA, "a1")
    office.opens()
    await office.until_begun(1)
    async with office.database.transaction() as unit:
        await unit.addresses.find_or_create("telegram", AMINA, now=MONDAY + timedelta(seconds=1))
    await office.write(AMINA, "a2")
    office.sender.lets_go(AMINA)

    await office.until(a1=("failed_permanent", "blocked"), a2=SENT)

    async with office.database.reading() as unit:
        assert await unit.addresses.preferred(office.contacts[AMINA].id) is not None


async def test_too_fast_is_tried_again_as_late_as_the_platform_says(office: PostOffice) -> None:
    office.sender.fails(AMINA, TooFast(40))
    office.opens()
    await office.write(AMINA, "a1", "a2")
    await office.until(a1=("failed_temporary", "too_fast"))
    assert await due_at(office, "a1") == MONDAY + timedelta(seconds=40)

    await office.write(BRAHIM, "b1")
    await office.until(b1=SENT)
    assert office.sender.begun == [AMINA, BRAHIM]

    office.moves_on(timedelta(seconds=40))
    await office.until(a1=SENT, a2=SENT)
    assert office.sender.texts(AMINA) == ["a1", "a2"]


async def test_another_lane_to_a_chat_that_is_held_is_put_off_without_a_try(office: PostOffice) -> None:
    office.sender.fails(AMINA, TooFast(40))
    office.opens()
    await office.write(AMINA, "answer")
    await office.until(answer=("failed_temporary", "too_fast"))
    office.moves_on(timedelta(seconds=10))
    await office.write(AMINA, "reminder", purpose=Purpose.REMINDER)
    await office.until(reminder=("failed_temporary", "too_fast"))

    assert await due_at(office, "reminder") == MONDAY + timedelta(seconds=40)
    assert office.sender.begun == [AMINA]


async def test_what_the_platform_could_not_take_is_tried_again_a_little_later(office: PostOffice) -> None:
    office.sender.fails(AMINA, TryLater("network"), TryLater("timeout", unclear=True))
    office.opens()
    await office.write(AMINA, "a1", "a2")
    await office.until(a1=("failed_temporary", "network"))
    assert timedelta(seconds=1) <= await due_at(office, "a1") - MONDAY <= timedelta(seconds=2)

    office.moves_on(timedelta(seconds=2))
    await office.until(a1=("failed_temporary", "timeout"))
    assert timedelta(seconds=2) <= await due_at(office, "a1") - office.clock.now() <= timedelta(seconds=4)

    office.moves_on(timedelta(seconds=4))
    await office.until(a1=SENT, a2=SENT)


async def test_a_platform_that_takes_nothing_is_spoken_of_once_and_once_it_is_back(
    office: PostOffice,
) -> None:
    people = [str(2000 + number) for number in range(12)]
    await office.joins(*people)
    for person in people:
        office.sender.fails(person, TryLater("network"))
    office.sender.fails(AMINA, TryLater("network"))
    with capture_logs() as lines:
        office.opens()
        for person in people:
            await office.write(person, f"to {person}")
        await office.until(**{f"to {person}": ("failed_temporary", "network") for person in people})

        office.moves_on(timedelta(seconds=2))
        await office.until(**dict.fromkeys((f"to {person}" for person in people), SENT))
        await office.write(AMINA, "a1")
        await office.until(a1=("failed_temporary", "network"))

    told = [(line["event"], line["log_level"]) for line in lines if line["log_level"] != "debug"]
    assert told == [("channel_lost", "warning"), ("channel_back", "info")]


async def test_after_very_many_tries_a_message_is_given_up(office: PostOffice) -> None:
    await office.write(AMINA, "a1", "a2")
    async with office.database.transaction() as unit:
        await unit.connection.execute(
            text("UPDATE outbox SET attempts = :tries WHERE unique_key = 'a1'"), {"tries": MOST_ATTEMPTS - 1}
        )
    office.sender.fails(AMINA, TryLater("network"))
    office.opens()

    await office.until(a1=("failed_permanent", "network"), a2=SENT)


async def test_a_message_the_platform_never_takes_is_final(office: PostOffice) -> None:
    office.sender.fails(AMINA, MessageRefused("text_too_long"))
    office.opens()
    await office.write(AMINA, "a1", "a2")

    await office.until(a1=("failed_technical", "text_too_long"), a2=SENT)
    assert office.sender.begun == [AMINA, AMINA]


async def test_a_fault_of_our_own_in_one_send_ends_nothing_else(office: PostOffice) -> None:
    office.sender.fails(AMINA, ZeroDivisionError())
    office.opens()
    await office.write(AMINA, "a1", "a2")
    await office.write(BRAHIM, "b1")
    await office.until(a1=("failed_temporary", "error"), b1=SENT)

    office.moves_on(timedelta(seconds=2))
    await office.until(a1=SENT, a2=SENT)


async def test_what_is_withdrawn_on_its_way_is_not_tried_again(office: PostOffice) -> None:
    office.sender.holds(AMINA)
    office.sender.fails(AMINA, TryLater("network"))
    office.opens()
    await office.write(AMINA, "reminder", purpose=Purpose.REMINDER, subject="visit:1")
    await office.until_begun(1)
    async with office.database.transaction() as unit:
        await unit.schedule.withdraw("visit:1")
    office.sender.lets_go(AMINA)
    await office.write(AMINA, "answer")
    await office.until(answer=SENT)
    office.moves_on(timedelta(hours=1))
    await office.write(AMINA, "another", purpose=Purpose.REMINDER)
    await office.until(another=SENT)

    assert office.sender.texts(AMINA) == ["answer", "another"]
    assert (await office.statuses())["reminder"] == ("failed_permanent", "withdrawn")


# Announcements


async def test_news_are_read_in_the_readers_language_and_can_be_stopped(office: PostOffice) -> None:
    await office.joins("2001", language="ary")
    await office.joins("2002", language="en")
    office.opens()
    await office.announce({"fr": "Une nouvelle", "ar": "خبر"})
    await office.until_sent(4)

    by_address = {sent.external_id: sent.message for sent in office.sender.sent}
    assert "Une nouvelle" in by_address[AMINA].text
    assert "[fr] To stop this news, send STOP." in by_address[AMINA].text
    assert (by_address["2001"].language, by_address["2001"].direction) == ("ar", "rtl")
    assert "خبر" in by_address["2001"].text
    assert by_address["2002"].language == "fr"
    assert [[choice.id for choice in message.choices] for message in by_address.values()] == [[Word.STOP]] * 4


async def test_whoever_says_stop_before_their_turn_gets_no_news(office: PostOffice) -> None:
    people = [str(number) for number in range(5000, 5000 + MOST_IN_FLIGHT[True])]
    await office.joins(*people)
    office.sender.holds()
    number = await office.announce({"fr": "Une nouvelle"})
    office.opens()
    await office.until_begun(MOST_IN_FLIGHT[True])
    (late, other) = sorted({AMINA, BRAHIM, *people} - set(office.sender.begun))

    async with office.database.transaction() as unit:
        await unit.contacts.set_news(office.contacts[late].id, False)
    office.sender.lets_go()

    key = f"announcement:{number}:{office.contacts[late].id}"
    await office.until(**{key: ("failed_permanent", "opted_out")})
    await office.until_sent(len(people) + 1)
    assert office.sender.texts(late) == []
    assert len(office.sender.texts(other)) == 1


async def test_an_announcement_that_is_stopped_goes_to_nobody_more(office: PostOffice) -> None:
    people = [str(number) for number in range(5000, 5000 + MOST_IN_FLIGHT[True] + 10)]
    await office.joins(*people)
    office.sender.holds()
    number = await office.announce({"fr": "Une nouvelle"})
    office.opens()
    await office.until_begun(MOST_IN_FLIGHT[True])

    async with office.database.transaction() as unit:
        await unit.announcements.stop(number, now=MONDAY)
    office.sender.lets_go()
    await office.write(AMINA, "answer")
    await office.until(answer=SENT)
    office.opens().stop()
    await office.ends()

    async with office.database.reading() as unit:
        progress = await unit.announcements.progress(number)
    news = [sent for sent in office.sender.sent if sent.text != "answer"]
    assert len(news) == progress.sent == MOST_IN_FLIGHT[True]
    assert progress.dropped == len(people) + 2 - MOST_IN_FLIGHT[True]


async def test_a_row_of_news_without_a_text_is_set_aside(office: PostOffice) -> None:
    number = await office.announce({"fr": "Une nouvelle"})
    key = f"announcement:{number}:{office.contacts[AMINA].id}"
    async with office.database.transaction() as unit:
        await unit.connection.execute(
            text("UPDATE outbox SET language = 'xx' WHERE unique_key = :key"), {"key": key}
        )
    office.opens()

    await office.until(**{key: ("failed_technical", "no_text")})


# The delivery itself


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_statuses_are_written_together(office: PostOffice) -> None:
    people = [str(number) for number in range(5000, 5020)]
    await office.joins(*people)
    for person in people:
        await office.write(person, f"to {person}")
    office.sender.holds()
    office.opens()
    await office.until_begun(len(people))

    with _reports(office.database.engine) as reports:
        # While somebody else writes, results gather.
        async with office.database.transaction():
            office.sender.lets_go()
            await office.until_sent(len(people))
        await office.until(**{f"to {person}": SENT for person in people})

    assert len(reports) <= 2


@contextmanager
def _reports(engine: AsyncEngine) -> Iterator[list[str]]:
    """Give the list of statements that write down what became of messages."""
    reports: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("UPDATE outbox") and "message_ref" in statement:
            reports.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield reports
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_stopping_ends_what_is_under_way_and_writes_it_down(office: PostOffice) -> None:
    office.sender.holds()
    delivery = office.opens()
    await office.write(AMINA, "a1", "a2")
    await office.until_begun(1)

    delivery.stop()
    await office.write(BRAHIM, "b1")
    assert not office.tasks[-1].done()
    office.sender.lets_go()
    await office.ends()

    assert await office.statuses() == {"a1": SENT, "a2": CREATED, "b1": CREATED}


async def test_an_idle_delivery_stops_at_once(office: PostOffice) -> None:
    delivery = office.opens()
    await office.write(AMINA, "a1")
    await office.until(a1=SENT)

    delivery.stop()

    await office.ends()


async def test_a_send_that_was_cut_off_is_repeated_when_its_lease_is_over(office: PostOffice) -> None:
    office.sender.holds(AMINA)
    office.opens()
    await office.write(AMINA, "a1")
    await office.until_begun(1)
    await office.breaks_off()
    office.sender.lets_go(AMINA)
    assert await office.statuses() == {"a1": ("sending", None)}

    office.opens()
    await office.write(BRAHIM, "b1")
    await office.until(b1=SENT)
    assert office.sender.texts(AMINA) == []

    office.moves_on(LEASE)
    await office.until(a1=SENT)
    assert office.sender.texts(AMINA) == ["a1"]


async def test_a_send_that_outlives_its_lease_is_not_begun_again(office: PostOffice) -> None:
    office.sender.holds(AMINA)
    office.opens()
    await office.write(AMINA, "a1")
    await office.until_begun(1)

    office.moves_on(LEASE)
    await office.write(BRAHIM, "b1")
    await office.until(b1=SENT)

    assert office.sender.begun == [AMINA, BRAHIM]
    office.sender.lets_go(AMINA)
    await office.until(a1=SENT)


async def test_another_process_leaves_alone_what_is_still_on_its_way(office: PostOffice) -> None:
    office.sender.holds(AMINA)
    office.opens(renew_every_s=0)
    await office.write(AMINA, "a1")
    await office.until_begun(1)
    office.moves_on(LEASE - timedelta(seconds=1))
    await office.until_leased(office.clock.now() + LEASE)

    office.moves_on(timedelta(seconds=2))
    office.opens()
    await office.write(BRAHIM, "b1")
    await office.until(b1=SENT)

    assert office.sender.begun == [AMINA, BRAHIM]


async def test_a_database_that_is_locked_for_a_while_loses_no_message_and_no_result(
    office: PostOffice,
) -> None:
    office.sender.holds()
    office.opens()
    await office.write(AMINA, "a1")
    await office.until_begun(1)

    with _locked(office.database.engine, times=2) as refusals:
        office.sender.lets_go()
        await office.until(a1=SENT)
        await office.write(BRAHIM, "b1")
        await office.until(b1=SENT)

    assert refusals == [None] * 2
    assert office.sender.begun == [AMINA, BRAHIM]


@contextmanager
def _locked(engine: AsyncEngine, *, times: int) -> Iterator[list[None]]:
    """Refuse so many statements that touch the outbox."""
    refusals: list[None] = []

    def refuse(_: Any, __: Any, statement: str, *___: Any) -> None:
        if len(refusals) < times and statement.startswith(("UPDATE outbox", "SELECT outbox.id")):
            refusals.append(None)
            raise DatabaseLocked

    event.listen(engine.sync_engine, "before_cursor_execute", refuse)
    yield refusals
    event.remove(engine.sync_engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_several_processes_deliver_each_message_once(office: PostOffice) -> None:
    people = [str(number) for number in range(5000, 5010)]
    await office.joins(*people)
    for _ in range(3):
        office.opens()

    for number in range(5):
        for person in people:
            await office.write(person, f"{person} {number}")
    await office.until(**{f"{person} {number}": SENT for person in people for number in range(5)})

    assert len(office.sender.sent) == 50
    for person in people:
        assert office.sender.texts(person) == [f"{person} {number}" for number in range(5)]


async def test_what_comes_late_in_the_evening_waits_for_the_morning(office: PostOffice) -> None:
    """The platform was away until after 21:00; only the reminder two hours before an early visit may ring."""
    await office.joins("brahim")
    office.moves_on(timedelta(hours=13))
    await office.write("brahim", "t-1d", purpose=Purpose.REMINDER, keeps_quiet=True)
    office.opens()
    await office.until(**{"t-1d": ("failed_temporary", "quiet_hours")})
    assert office.sender.texts("brahim") == []

    office.moves_on(timedelta(hours=10))
    await office.until(**{"t-1d": ("sent", None)})

    assert office.sender.texts("brahim") == ["t-1d"]


async def test_what_helps_nobody_any_more_is_not_sent(office: PostOffice) -> None:
    """The platform was away until after the visit; and one reminder would be stale by the morning."""
    moment = MONDAY + timedelta(hours=2)
    await office.write(AMINA, "late", "too late", purpose=Purpose.REMINDER, useful_until=moment)
    office.sender.fails(AMINA, TryLater("network"))
    office.opens()
    await office.until(late=("failed_temporary", "network"))

    office.moves_on(timedelta(hours=2))
    await office.until(**dict.fromkeys(("late", "too late"), ("failed_permanent", "stale")))

    office.moves_on(timedelta(hours=11))
    morning = MONDAY.replace(hour=8) + timedelta(days=1)
    await office.write(BRAHIM, "by night", purpose=Purpose.REMINDER, keeps_quiet=True, useful_until=morning)
    await office.write(
        BRAHIM, "by day", purpose=Purpose.REMINDER, keeps_quiet=True,
        useful_until=morning + timedelta(seconds=1),
    )  # fmt: skip
    await office.until(
        **{"by night": ("failed_permanent", "stale"), "by day": ("failed_temporary", "quiet_hours")}
    )
    assert office.sender.sent == []
