"""Two addresses of one person, from the stored update to the outbox."""

import asyncio
import re
import time as time_module
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import AddressUnreachable, Pace, Sender
from bot.channels.sms import Gateway, SmsSender
from bot.delivery import Delivery
from bot.fallback import Fallback
from bot.pacing import Pacer
from bot.turns import Voice, show_push
from conversations.care.addresses import KnownAddress
from conversations.care.appointments import Appointment, Need
from conversations.care.centres import Point
from conversations.care.reminders import ReminderStep
from conversations.care.tasks import Said, TaskKind
from conversations.care.visits import VisitNews
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.reply import Channel
from conversations.engine.turn import Push
from conversations.flows import routes
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import addresses, is_unsent, outbox
from tests.bot.small_talk import Guest, House, parse, turns_of
from tests.fake_kannel import PASSWORD, USER, FakeKannel
from tests.fakes import marked_texts, real_world
from tests.storage.conftest import centre_row

VOICE = Voice(routes(), marked_texts(), real_world())


@pytest.fixture
def house(engine: AsyncEngine, keys: KeyRing) -> House:
    """The service with its real flows."""
    house = House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    parsers = {"telegram": parse, "webchat": parse}
    house.turns = turns_of(house.database, VOICE, house.clock, parsers)
    return house


@pytest.fixture
async def brahim(house: House) -> Guest:
    """Brahim on Telegram, who has agreed and stands before his menu."""
    brahim = house.stranger("brahim")
    await brahim.says("salut")
    await brahim.taps("fr")
    await brahim.taps("agree")
    return brahim


@pytest.fixture
def web(house: House) -> Guest:
    return house.stranger("brahim-at-home", "webchat")


async def code_of(guest: Guest) -> str:
    for choice in ("!menu", "settings", "addresses", "link"):
        await guest.taps(choice)
    found = re.search(r"[0-9][0-9 ]{8,}[0-9]", await guest.screen())
    assert found
    return found[0]


async def joins(web: Guest, brahim: Guest) -> None:
    await web.says(await code_of(brahim))
    await web.taps("yes")


async def books(house: House, guest: Guest) -> Appointment:
    async with house.database.transaction() as unit:
        await unit.centres.load([centre_row()])
        return await unit.appointments.book(
            contact_id=(await guest.contact()).id,
            centre_slug="sale",
            need=Need.JOB,
            day=date(2026, 11, 26),
            at=time(10),
            capacity=1,
            confirmed=True,
            now=house.clock.now(),
        )


async def reminds(
    house: House,
    guest: Guest,
    visit: Appointment,
    voice: Voice = VOICE,
    *,
    step: ReminderStep = ReminderStep.DAY_BEFORE,
) -> bool:
    draft = VisitNews(visit.id, visit.version, step=step)
    push = Push(
        (await guest.contact()).id, "reminder", draft, Purpose.REMINDER, f"visit:{visit.id}:{step}:1",
        f"visit:{visit.id}",
    )  # fmt: skip
    async with house.database.transaction() as unit:
        return await show_push(unit, push, voice, now=house.clock.now())


async def test_the_conversation_goes_on_at_the_new_address(house: House, brahim: Guest, web: Guest) -> None:
    code = await code_of(brahim)
    await brahim.taps("!menu")
    await brahim.taps("booking")
    question = await brahim.screen()

    await web.says(code)
    await web.taps("yes")

    assert await web.screen() == f"[fr] ✅ Your conversation goes on here.\n\n{question}"
    assert await web.contact() == await brahim.contact()
    assert (await brahim.screen()).startswith("[fr] 📱 Your conversation now goes on elsewhere, too:")

    await web.taps("job")
    assert (await web.last()).choices
    await brahim.says("menu")
    await web.says("retour")
    assert await brahim.contact() == await web.contact()


async def test_the_one_who_was_told_cuts_it_off(house: House, brahim: Guest, web: Guest) -> None:
    await joins(web, brahim)
    house.clock.moves_on(timedelta(seconds=5))
    await brahim.taps("cut")

    assert (await web.contact()).id != (await brahim.contact()).id
    assert await web.texts() == [], "what was shown there is not shown again"
    assert "✂️ It is cut off." in await brahim.screen()


async def test_not_me_leaves_nothing_of_the_person_at_the_address(
    house: House, brahim: Guest, web: Guest
) -> None:
    await joins(web, brahim)
    before = await web.contact()
    await web.says("pas moi")
    await web.taps("yes")

    assert await web.texts() == ["[fr] Thank you. Nothing of it is sent here any more."]
    assert (await web.contact()).language is None
    assert await brahim.contact() == before
    await brahim.says("menu")
    assert len(await web.texts()) == 1

    await web.says("salut")
    assert "Bonjour" in await web.screen()


async def test_news_reach_only_whom_they_are_for(house: House, brahim: Guest, web: Guest) -> None:
    """The web page is cut off between the push being decided and being shown."""
    await joins(web, brahim)
    contact = await brahim.contact()
    async with house.database.transaction() as unit:
        there = next(each for each in await unit.addresses.of(contact.id) if each.channel == "webchat")
        await unit.addresses.cut(contact.id, there.id, now=house.clock.now())
        push = Push(contact.id, "menu", None, Purpose.ADDRESS, "late", address_id=there.id)

        assert not await show_push(unit, push, VOICE, now=house.clock.now())


async def test_an_address_silent_for_a_month_may_say_it_is_not_theirs(house: House, brahim: Guest) -> None:
    visit = await books(house, brahim)
    house.clock.moves_on(timedelta(days=-31))
    await brahim.says("menu")
    house.clock.moves_on(timedelta(days=31))
    assert await reminds(house, brahim, visit)
    reminder = await brahim.last()
    assert [choice.id for choice in reminder.choices] == ["coming", "change", "cancel", "!not_me"]

    await brahim.taps("!not_me", reminder.prompt_ref)
    await brahim.taps("yes")

    assert await brahim.texts() == ["[fr] Thank you. Nothing of it is sent here any more."]


async def test_an_address_used_lately_is_not_asked(house: House, brahim: Guest) -> None:
    visit = await books(house, brahim)
    await reminds(house, brahim, visit)

    assert [choice.id for choice in (await brahim.last()).choices] == ["coming", "change", "cancel"]


@pytest.mark.parametrize("sends_sms", [True, False])
async def test_a_reminder_that_nothing_carries_is_texted_where_texts_are_sent(
    house: House, brahim: Guest, sends_sms: bool
) -> None:
    visit = await books(house, brahim)
    contact = await brahim.contact()
    async with house.database.transaction() as unit:
        await unit.addresses.find_or_create("whatsapp", "212600000003", now=house.clock.now())
        await unit.connection.execute(update(addresses).values(contact_id=contact.id, reachable=False))
    voice = Voice(VOICE.routes, VOICE.texts, VOICE.world, sends_sms=sends_sms)

    assert await reminds(house, brahim, visit, voice) is sends_sms

    async with house.database.reading() as unit:
        rows = (await unit.connection.execute(select(outbox).where(outbox.c.channel == "sms"))).all()
    decrypt = house.database.keys.decrypt
    texts = [OutboundMessage.from_json(decrypt(row.payload_enc, about="outbox.payload")) for row in rows]
    assert [text.choices for text in texts] == ([()] if sends_sms else [])
    assert all("[fr] Reminder: your appointment is on" in text.text for text in texts)


# What an address can't take


class Lost:
    """A channel that lost everybody."""

    channel = Channel.TELEGRAM
    pace = Pace(0, burst=1, reserve=0, chat_per_second=0, chat_burst=1)

    async def send(self, external_id: str, message: OutboundMessage) -> str | None:
        raise AddressUnreachable("blocked")


async def delivers(house: House, sender: Sender, voice: Voice = VOICE) -> None:
    """Run a channel's delivery until nothing waits for it."""
    delivery = Delivery(
        house.database, sender, voice.texts, house.clock, pacer=Pacer(sender.pace, time_module.monotonic),
        fallback=Fallback(voice),
    )  # fmt: skip
    waiting = select(outbox.c.id).where(outbox.c.channel == sender.channel, is_unsent(outbox))
    async with asyncio.timeout(60), house.database.wakes.bell("delivered") as bell:
        running = asyncio.create_task(delivery.run())
        while True:
            async with house.database.reading() as unit:
                if await unit.connection.scalar(waiting) is None:
                    break
            await rung(bell, timeout_s=0.2)
        delivery.stop()
        await running


async def test_what_a_lost_address_had_waiting_goes_to_the_other_one(
    house: House, brahim: Guest, web: Guest
) -> None:
    visit = await books(house, brahim)
    await joins(web, brahim)
    house.clock.moves_on(timedelta(minutes=1))
    await brahim.says("menu")
    await reminds(house, brahim, visit)
    assert "📅 A reminder for you" not in "".join(await web.texts())

    await delivers(house, Lost())

    assert [text for text in await web.texts() if "📅 A reminder for you" in text]
    assert not [text for text in await web.texts() if "now goes on elsewhere" in text]
    assert {each.channel: each.reachable for each in await known(house, web)} == {
        "telegram": False,
        "webchat": True,
    }


async def test_what_waits_for_who_blocks_the_service_goes_to_the_other_address(
    house: House, brahim: Guest, web: Guest
) -> None:
    visit = await books(house, brahim)
    await joins(web, brahim)
    house.clock.moves_on(timedelta(minutes=1))
    await brahim.says("menu")
    await reminds(house, brahim, visit)

    await brahim.sends("block")

    assert [text for text in await web.texts() if "📅 A reminder for you" in text]
    assert await unreached(house) == []


async def test_what_waits_for_who_blocks_the_service_is_texted(house: House, brahim: Guest) -> None:
    voice = Voice(VOICE.routes, VOICE.texts, VOICE.world, sends_sms=True)
    house.turns = turns_of(house.database, voice, house.clock, {"telegram": parse})
    visit = await books(house, brahim)
    contact = await brahim.contact()
    async with house.database.transaction() as unit:
        await unit.addresses.find_or_create("whatsapp", "212600000003", now=house.clock.now())
        await unit.connection.execute(
            update(addresses)
            .where(addresses.c.channel == "whatsapp")
            .values(contact_id=contact.id, reachable=False)
        )
    await reminds(house, brahim, visit)

    await brahim.sends("block")

    async with house.database.reading() as unit:
        texted = select(outbox.c.unique_key).where(outbox.c.channel == "sms", is_unsent(outbox))
        assert list(await unit.connection.scalars(texted)) == [f"visit:{visit.id}:t-1d:1:sms"]
    assert await unreached(house) == []


async def test_what_waits_for_who_blocks_the_service_is_a_caseworkers_task_without_another_way(
    house: House, brahim: Guest
) -> None:
    visit = await books(house, brahim)
    await reminds(house, brahim, visit)
    reminder = await brahim.screen()

    await brahim.sends("block")

    assert await unreached(house) == [reminder]


async def test_a_place_that_can_not_follow_its_reminder_is_nobodys_task(house: House, brahim: Guest) -> None:
    """The reminder itself is: a caseworker calls about it, not about the map under it."""
    visit = await books(house, brahim)
    async with house.database.transaction() as unit:
        await unit.centres.set_point("sale", Point(34.05, -6.79))
    voice = Voice(VOICE.routes, VOICE.texts, VOICE.world, sends_sms=True)
    house.turns = turns_of(house.database, voice, house.clock, {"telegram": parse})
    contact = await brahim.contact()
    async with house.database.transaction() as unit:
        await unit.addresses.find_or_create("whatsapp", "212600000003", now=house.clock.now())
        await unit.connection.execute(
            update(addresses)
            .where(addresses.c.channel == "whatsapp")
            .values(contact_id=contact.id, reachable=False)
        )
    await reminds(house, brahim, visit, step=ReminderStep.TWO_HOURS_BEFORE)
    assert (await brahim.last()).venue is not None

    await brahim.sends("block")

    async with house.database.reading() as unit:
        texted = select(outbox.c.unique_key).where(outbox.c.channel == "sms", is_unsent(outbox))
        assert list(await unit.connection.scalars(texted)) == [f"visit:{visit.id}:t-2h:1:sms"]
    assert await unreached(house) == []


async def unreached(house: House) -> list[str]:
    """Return the words of messages that became a caseworker's task."""
    async with house.database.reading() as unit:
        tasks = await unit.tasks.open("sale")
    return [Said.from_text(task.text).words for task in tasks if task.kind is TaskKind.UNREACHED]


async def test_a_reminder_that_no_app_takes_is_texted_once(house: House, brahim: Guest) -> None:
    visit = await books(house, brahim)
    contact = await brahim.contact()
    async with house.database.transaction() as unit:
        await unit.addresses.find_or_create("whatsapp", "212600000003", now=house.clock.now())
        await unit.connection.execute(
            update(addresses)
            .where(addresses.c.channel == "whatsapp")
            .values(contact_id=contact.id, reachable=False)
        )
    voice = Voice(VOICE.routes, VOICE.texts, VOICE.world, sends_sms=True)
    await reminds(house, brahim, visit, voice)

    await delivers(house, Lost(), voice)
    async with FakeKannel() as kannel, SmsSender(Gateway(kannel.url, user=USER, password=PASSWORD)) as sms:
        await delivers(house, sms, voice)

    (text,) = kannel.taken
    assert text.to == "+212600000003"
    assert text.text.startswith("[fr] Reminder: your appointment is on")


async def known(house: House, guest: Guest) -> list[KnownAddress]:
    contact = await guest.contact()
    async with house.database.reading() as unit:
        return await unit.addresses.of(contact.id)
