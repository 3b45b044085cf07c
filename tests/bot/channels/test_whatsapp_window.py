"""What goes to somebody on WhatsApp inside and outside their 24 hours, through the delivery."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.app import load_voice
from bot.channels.channel import WindowClosed
from bot.channels.whatsapp_templates import TemplateUse, templates_of
from bot.channels.whatsapp_window import Limits, WhatsAppGate, is_open, next_day, people_for
from bot.delivery import Delivery
from bot.fallback import Fallback
from bot.pacing import Pacer
from conversations.care.announcements import Audience
from conversations.care.people import ContactId, Role
from conversations.care.tasks import Said, Task, TaskKind
from conversations.engine.flow import Choice
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.engine.reply import Channel
from storage.centres import CentreStore
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import addresses, outbox
from storage.unit_of_work import UnitOfWork
from tests.bot.senders import UNHURRIED, FakeSender
from tests.fakes import MovableClock
from tests.people import MONDAY
from tests.storage.conftest import centre_row

AMINA, CHAMA, BRAHIM, DRISS = "MA.amina", "MA.chama", "4242", "7777"
DAY = timedelta(days=1)
PATIENCE_S = 30
VOICE = load_voice()
COMING = (Choice("coming", "👍 ..."), Choice("change", "🔄 ..."), Choice("cancel", "❌ ..."))


class FakeWhatsApp(FakeSender):
    """A WhatsApp that takes templates as well, and knows by itself whose window is closed."""

    channel = Channel.WHATSAPP
    pace = UNHURRIED

    def __init__(self) -> None:
        super().__init__()
        self.templates: list[tuple[str, TemplateUse]] = []

    async def send_template(self, external_id: str, use: TemplateUse) -> str:
        self.templates.append((external_id, use))
        return f"template-{len(self.templates)}"


@dataclass
class Town:
    """People on WhatsApp and Telegram, a caseworker, and the deliveries between them."""

    database: Database
    whatsapp: FakeWhatsApp = field(default_factory=FakeWhatsApp)
    telegram: FakeSender = field(default_factory=FakeSender)
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    contacts: dict[str, ContactId] = field(default_factory=dict)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def opens(self, limits: Limits = Limits()) -> None:  # noqa: B008 - it is frozen
        gate = WhatsAppGate(
            self.database,
            self.whatsapp,
            VOICE.texts,
            self.clock,
            zone.casablanca(),
            limits,
        )
        for sender, before in ((self.whatsapp, gate), (self.telegram, None)):
            delivery = Delivery(
                self.database, sender, VOICE.texts, self.clock,
                pacer=Pacer(UNHURRIED, time.monotonic), gate=before, fallback=Fallback(VOICE),
            )  # fmt: skip
            self.tasks.append(asyncio.create_task(delivery.run()))

    async def closes(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def joins(self, channel: str, external_id: str) -> None:
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create(channel, external_id, now=self.clock.now())
            await unit.contacts.set_language(contact.id, "fr")
            await unit.contacts.agree(contact.id, news=True, at=self.clock.now())
            self.contacts[external_id] = contact.id

    async def also_writes_from(self, external_id: str, channel: str, other_id: str) -> None:
        """Give a person a second address, on which they wrote just now."""
        async with self.database.transaction() as unit:
            _, address_id = await unit.addresses.find_or_create(channel, other_id, now=self.clock.now())
            await unit.connection.execute(
                update(addresses)
                .where(addresses.c.id == address_id)
                .values(contact_id=self.contacts[external_id])
            )

    async def is_approved(self, status: str = "approved") -> None:
        async with self.database.transaction() as unit:
            for template in templates_of(VOICE.texts):
                await unit.templates.note(
                    template.name, template.platform_language, at=self.clock.now(), status=status
                )

    async def write(
        self,
        external_id: str,
        key: str,
        purpose: Purpose = Purpose.REMINDER,
        *,
        useful_until: datetime | None = None,
    ) -> None:
        async with self.database.transaction() as unit:
            address = await self._whatsapp_of(unit, external_id)
            await unit.outbox.add(
                address_id=address, channel="whatsapp", purpose=purpose, key=key,
                message=OutboundMessage(f"📅 {key}", "fr", choices=COMING, prompt_ref="n7"),
                now=self.clock.now(), useful_until=useful_until,
            )  # fmt: skip
            unit.topics.add("outbox")

    @staticmethod
    async def _whatsapp_of(unit: UnitOfWork, external_id: str) -> int:
        reader = await unit.addresses.reader("whatsapp", external_id, now=MONDAY)
        assert reader is not None
        return int(reader.address_id)

    async def announces(self) -> None:
        async with self.database.transaction() as unit:
            await unit.announcements.start(
                author=self.contacts[DRISS],
                audience=Audience(),
                texts={"fr": "Atelier"},
                now=self.clock.now(),
            )
            unit.topics.add("outbox")

    async def rows(self) -> dict[str, tuple[str, str | None, str, str | None]]:
        """Return status, reason, channel and template of each message by its key."""
        columns = outbox.c.unique_key, outbox.c.status, outbox.c.reason, outbox.c.channel, outbox.c.template
        async with self.database.reading() as unit:
            found = (await unit.connection.execute(select(*columns).order_by(outbox.c.id))).all()
        return {key: (status, reason, channel, template) for key, status, reason, channel, template in found}

    async def until(self, key: str, status: str, reason: str | None = None) -> None:
        async with asyncio.timeout(PATIENCE_S), self.database.wakes.bell("delivered") as bell:
            while (await self.rows()).get(key, ())[:2] != (status, reason):
                await rung(bell, timeout_s=PATIENCE_S)

    async def open_tasks(self) -> list[Task]:
        async with self.database.reading() as unit:
            return await unit.tasks.open("sale")

    async def moves_on(self, by: timedelta) -> None:
        self.clock.moves_on(by)
        self.database.wakes.ring("outbox")


@pytest.fixture
async def town(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[Town]:
    town = Town(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    await town.joins("whatsapp", AMINA)
    await town.joins("whatsapp", CHAMA)
    async with town.database.transaction() as unit:
        await CentreStore(unit.connection).load([centre_row()])
        driss, _ = await unit.addresses.find_or_create("telegram", DRISS, now=MONDAY)
        await unit.contacts.make_staff(driss.id, Role.CASEWORKER, "sale")
        await unit.contacts.set_language(driss.id, "fr")
        town.contacts[DRISS] = driss.id
    yield town
    await town.closes()


# The window


def test_the_window_ends_a_day_after_the_last_message_and_a_little_before() -> None:
    assert is_open(MONDAY, MONDAY + timedelta(hours=23, minutes=50))
    assert not is_open(MONDAY, MONDAY + timedelta(hours=23, minutes=55))


async def test_inside_the_window_a_message_goes_in_its_own_words(town: Town) -> None:
    town.opens()
    await town.write(AMINA, "today")

    await town.until("today", "sent")

    assert town.whatsapp.texts(AMINA) == ["📅 today"]
    assert (await town.rows())["today"] == ("sent", None, "whatsapp", None)


async def test_outside_it_goes_as_the_template_whose_buttons_lead_on(town: Town) -> None:
    await town.is_approved()
    town.clock.moves_on(DAY)
    town.opens()
    await town.write(AMINA, "later")

    await town.until("later", "sent")

    ((whom, use),) = town.whatsapp.templates
    assert (whom, use.value, use.payloads) == (AMINA, "📅 later", ("n7:coming", "n7:change", "n7:cancel"))
    assert use.name.startswith("jisr_reminder_coming_fr_")
    assert (await town.rows())["later"] == ("sent", None, "whatsapp", use.name)
    assert town.whatsapp.sent == []


async def test_the_platforms_word_on_the_window_is_final(town: Town) -> None:
    """Amina's last message was handled long after she had written it."""
    await town.is_approved()
    town.whatsapp.fails(AMINA, WindowClosed("window_closed"))
    town.opens()
    await town.write(AMINA, "today")

    await town.until("today", "sent")

    assert [whom for whom, _ in town.whatsapp.templates] == [AMINA]


# No template


@pytest.mark.parametrize("status", ["pending", "paused"])
async def test_without_a_template_a_caseworker_is_told_once(town: Town, status: str) -> None:
    await town.is_approved(status)
    town.clock.moves_on(DAY)
    town.opens()
    await town.write(AMINA, "later")
    await town.until("later", "failed_permanent", "no_template")
    await town.write(AMINA, "much later")
    await town.until("much later", "failed_permanent", "no_template")

    (task,) = await town.open_tasks()
    assert (task.kind, task.contact_id) == (TaskKind.UNREACHED, town.contacts[AMINA])
    assert Said.from_text(task.text).words == "📅 later"
    await asyncio.wait_for(town.telegram.until(lambda sender: len(sender.texts(DRISS)) == 1), PATIENCE_S)
    assert "📅 later" in town.telegram.texts(DRISS)[0]
    assert town.whatsapp.begun == []


async def test_without_a_template_it_goes_where_the_person_can_be_written_to(town: Town) -> None:
    town.clock.moves_on(DAY)
    await town.also_writes_from(AMINA, "telegram", BRAHIM)
    town.opens()
    await town.write(AMINA, "later")

    await town.until("later", "sent")

    assert town.telegram.texts(BRAHIM) == ["📅 later"]
    assert (await town.rows())["later"][2] == "telegram"
    assert await town.open_tasks() == []


async def test_another_whatsapp_whose_window_is_closed_is_no_other_way(town: Town) -> None:
    await town.also_writes_from(AMINA, "whatsapp", "MA.amina2")
    town.clock.moves_on(DAY)
    town.opens()
    await town.write(AMINA, "later")

    await town.until("later", "failed_permanent", "no_template")

    assert len(await town.open_tasks()) == 1


async def test_an_answer_that_comes_too_late_is_nobodys_task(town: Town) -> None:
    await town.is_approved()
    town.clock.moves_on(DAY)
    town.opens()
    await town.write(AMINA, "answer", Purpose.REPLY)

    await town.until("answer", "failed_permanent", "no_template")

    assert await town.open_tasks() == []


# The limit of people


def test_announcements_leave_some_people_to_reminders() -> None:
    assert (people_for(Lane.BULK, 250), people_for(Lane.DUE, 250)) == (225, 250)


async def test_so_many_people_are_written_to_first_and_the_next_waits(town: Town) -> None:
    await town.is_approved()
    town.clock.moves_on(DAY)
    town.opens(Limits(people=1))
    await town.write(AMINA, "first")
    await town.until("first", "sent")
    await town.write(CHAMA, "second")
    await town.until("second", "failed_temporary", "people_limit")
    # Whoever was written to may be again, and inside the window nothing is limited.
    await town.write(AMINA, "first again")
    await town.until("first again", "sent")

    await town.moves_on(DAY)
    await town.until("second", "sent")

    assert [whom for whom, _ in town.whatsapp.templates] == [AMINA, AMINA, CHAMA]


async def test_what_was_held_stands_in_no_answers_way(town: Town) -> None:
    """Chama writes while a message for her waits."""
    await town.is_approved()
    town.clock.moves_on(DAY)
    town.opens(Limits(people=0))
    await town.write(CHAMA, "news", Purpose.VISIT)
    await town.until("news", "failed_temporary", "people_limit")
    await town.joins("whatsapp", CHAMA)
    await town.write(CHAMA, "answer", Purpose.REPLY)

    await town.until("answer", "sent")

    assert town.whatsapp.texts(CHAMA) == ["📅 answer"]


async def test_what_would_come_too_late_goes_another_way_at_once(town: Town) -> None:
    await town.is_approved()
    town.clock.moves_on(DAY)
    town.opens(Limits(people=0))
    await town.write(AMINA, "visit", useful_until=town.clock.now() + timedelta(hours=5))

    await town.until("visit", "failed_permanent", "people_limit")

    assert [task.kind for task in await town.open_tasks()] == [TaskKind.UNREACHED]


# The budget


def test_held_announcements_go_on_in_the_morning() -> None:
    assert next_day(MONDAY, zone.casablanca()).hour == 8


async def test_the_budget_holds_back_announcements_alone(town: Town) -> None:
    town.opens(Limits(budget=1))
    await town.announces()
    await town.write(AMINA, "reminder")
    await town.write(CHAMA, "answer", Purpose.REPLY)
    await town.until("reminder", "sent")
    await town.until("answer", "sent")
    keys = [key for key in await town.rows() if key.startswith("announcement:")]
    async with asyncio.timeout(PATIENCE_S), town.database.wakes.bell("delivered") as bell:
        while {(await town.rows())[key][0] for key in keys} != {"failed_temporary", "sent"}:
            await rung(bell, timeout_s=PATIENCE_S)

    rows = await town.rows()
    assert sorted(rows[key][:2] for key in keys) == [("failed_temporary", "budget"), ("sent", None)]

    await town.moves_on(DAY - timedelta(hours=1))
    for key in keys:
        await town.until(key, "sent")


async def test_an_announcement_that_could_not_leave_is_not_paid_for(town: Town) -> None:
    town.whatsapp.fails(AMINA, WindowClosed("experiment"))
    town.whatsapp.fails(CHAMA, WindowClosed("experiment"))
    town.opens(Limits(budget=5))
    await town.announces()
    for number in (town.contacts[AMINA], town.contacts[CHAMA]):
        await town.until(f"announcement:1:{number}", "failed_permanent", "no_template")

    async with town.database.reading() as unit:
        assert await unit.billing.spent(unit.billing.day_of(MONDAY)) == 0
