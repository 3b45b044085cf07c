"""Several people with one phone, from the stored update to the outbox."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import Undeliverable
from bot.turns import show_push
from conversations.care.announcements import Audience
from conversations.care.centres import Point
from conversations.care.people import ContactId, Role
from conversations.care.visits import VisitNews
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from conversations.engine.turn import Push
from conversations.flows.news import Words
from storage.database import Database
from storage.encryption import KeyRing
from storage.tables import contacts, inbox
from tests.bot.small_talk import Guest, House, cut_off, parse, turns_of
from tests.bot.test_joining import VOICE, Lost, books, delivers, reminds
from tests.bot.test_turns import SORRY


@pytest.fixture
def house(engine: AsyncEngine, keys: KeyRing) -> House:
    """The service with its real flows."""
    house = House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    house.turns = turns_of(house.database, VOICE, house.clock, {"telegram": parse, "webchat": parse})
    return house


async def comes_in(phone: Guest, name: str) -> ContactId:
    """Choose a language, agree and say a name."""
    await phone.taps("fr")
    await phone.taps("agree")
    contact = await phone.contact()
    async with phone.house.database.transaction() as unit:
        await unit.contacts.set_name(contact.id, name)
    return contact.id


@pytest.fixture
async def phone(house: House) -> Guest:
    """A phone that Amina and Brahim share; Brahim uses it now."""
    phone = house.stranger("amina")
    await phone.says("salam")
    await comes_in(phone, "Amina")
    for choice in ("!menu", "settings", "profiles", "add", "begin"):
        await phone.taps(choice)
    await comes_in(phone, "Brahim")
    return phone


async def people_of(house: House) -> dict[str | None, ContactId]:
    async with house.database.reading() as unit:
        ids = (await unit.connection.scalars(select(contacts.c.id))).all()
        found = [await unit.contacts.get(ContactId(number)) for number in ids]
    return {contact.name: contact.id for contact in found}


async def answers(house: House, contact_id: ContactId, words: str, key: str = "words:1") -> bool:
    """Have a caseworker's words pushed to somebody."""
    push = Push(contact_id, "staff_words", Words(1, words), Purpose.HANDOVER, key)
    async with house.database.transaction() as unit:
        return await show_push(unit, push, VOICE, now=house.clock.now())


async def switches_to(phone: Guest, name: str) -> None:
    await phone.says("menu")
    for choice in ("settings", "profiles"):
        await phone.taps(choice)
    await phone.taps(next(c.id for c in (await phone.last()).choices if c.label == name))


async def sets_pin(phone: Guest, pin: str) -> None:
    await phone.says("menu")
    for choice in ("settings", "profiles", "pin"):
        await phone.taps(choice)
    await phone.says(pin)


async def kept_texts(house: House) -> list[str]:
    async with house.database.reading() as unit:
        found = await unit.connection.scalars(
            select(inbox.c.payload_enc).where(inbox.c.payload_enc.is_not(None))
        )
        read = [json.loads(house.database.keys.decrypt(each, about="inbox.payload")) for each in found]
    return [each.get("text", "") for each in read]


async def test_a_message_for_the_other_waits_and_only_that_is_told(house: House, phone: Guest) -> None:
    amina = (await people_of(house))["Amina"]

    assert await answers(house, amina, "Come on Wednesday.")
    assert await answers(house, amina, "Bring your card.", "words:2")

    assert [each for each in await phone.texts() if "✉️" in each] == ["[fr] ✉️ A message is waiting for Amina."]
    assert not [each for each in await phone.texts() if "Wednesday" in each or "card" in each]
    assert [choice.id for choice in (await phone.last()).choices] == ["switch"]


async def test_it_is_shown_after_the_switch_and_its_buttons_work(house: House, phone: Guest) -> None:
    amina = (await people_of(house))["Amina"]
    await answers(house, amina, "Come on Wednesday.")

    await phone.taps("switch")

    assert (await phone.contact()).id == amina
    shown = await phone.messages()
    words = next(each for each in shown if "Come on Wednesday." in each.text)
    house.clock.moves_on(timedelta(seconds=5))
    await phone.taps("thanks", words.prompt_ref)
    assert "🙏 You are welcome." in await phone.screen()


async def test_its_button_asks_for_the_pin(house: House, phone: Guest) -> None:
    amina = (await people_of(house))["Amina"]
    await switches_to(phone, "Amina")
    await sets_pin(phone, "2468")
    await switches_to(phone, "Brahim")
    await answers(house, amina, "Come on Wednesday.")
    await phone.taps("switch")
    assert "🔒 Please send the PIN." in await phone.screen()
    assert not [each for each in await phone.texts() if "Wednesday" in each]

    await phone.says("2468")

    assert [each for each in await phone.texts() if "Wednesday" in each]


async def test_who_gave_no_name_is_not_named(house: House, phone: Guest) -> None:
    amina = (await people_of(house))["Amina"]
    async with house.database.transaction() as unit:
        await unit.contacts.set_name(amina, None)
    await answers(house, amina, "Come on Wednesday.")

    assert await phone.screen() == "[fr] ✉️ A message is waiting for the other person who uses this phone."


async def test_another_address_of_theirs_comes_first(house: House, phone: Guest) -> None:
    amina = (await people_of(house))["Amina"]
    await switches_to(phone, "Amina")
    for choice in ("!menu", "settings", "addresses", "link"):
        await phone.taps(choice)
    code = re.search(r"[0-9][0-9 ]{8,}[0-9]", await phone.screen())
    assert code
    web = house.stranger("amina-at-home", "webchat")
    await web.says(code[0])
    await web.taps("yes")
    await switches_to(phone, "Brahim")
    seen = await phone.texts()

    await answers(house, amina, "Come on Wednesday.")

    assert "Come on Wednesday." in await web.screen()
    assert await phone.texts() == seen


async def test_what_their_own_phone_can_not_take_waits_on_the_shared_one(house: House, phone: Guest) -> None:
    """Amina's own Telegram is lost; her reminder comes to the phone of both, where Brahim is."""
    await switches_to(phone, "Amina")
    visit = await books(house, phone)
    for choice in ("!menu", "settings", "addresses", "link"):
        await phone.taps(choice)
    code = re.search(r"[0-9][0-9 ]{8,}[0-9]", await phone.screen())
    assert code
    own = house.stranger("aminas-own", "webchat")
    await own.says(code[0])
    await own.taps("yes")
    await switches_to(phone, "Brahim")
    assert await reminds(house, own, visit)

    class LostPage(Lost):
        channel = Channel.WEBCHAT

    await delivers(house, LostPage())

    assert await phone.screen() == "[fr] ✉️ A message is waiting for Amina."
    house.clock.moves_on(timedelta(seconds=5))
    await phone.taps("switch")
    assert [each for each in await phone.texts() if "📅 A reminder for you" in each]


async def test_a_place_waits_with_the_reminder_it_belongs_to(house: House, phone: Guest) -> None:
    """Two hours before Amina's visit Brahim has the phone; a pin would tell him where she goes."""
    await switches_to(phone, "Amina")
    visit = await books(house, phone)
    amina = await phone.contact()
    async with house.database.transaction() as unit:
        await unit.centres.set_point("sale", Point(34.05, -6.79))
    await switches_to(phone, "Brahim")
    draft = VisitNews(visit.id, visit.version, step="t-2h")
    push = Push(amina.id, "reminder", draft, Purpose.REMINDER, "visit:1:t-2h:1", "visit:1")
    async with house.database.transaction() as unit:
        assert await show_push(unit, push, VOICE, now=house.clock.now())

    assert await phone.screen() == "[fr] ✉️ A message is waiting for Amina."
    assert [each for each in await phone.messages() if each.venue] == []

    house.clock.moves_on(timedelta(seconds=5))
    await phone.taps("switch")
    words, pin = [each for each in await phone.messages() if each.venue or "Today at" in each.text]
    assert words.venue is None
    assert pin.venue is not None


async def test_what_nobody_can_be_told_of_goes_to_a_caseworker(house: House, phone: Guest) -> None:
    driss = await house.colleague("driss", channel="webchat")
    amina = (await people_of(house))["Amina"]
    await answers(house, amina, "Come on Wednesday.")

    class ClosedWindow(Lost):
        async def send(self, external_id: str, message: object) -> str | None:
            raise Undeliverable("no_template")

    await delivers(house, ClosedWindow())

    assert "📵 A message can't reach somebody." in await driss.screen()
    assert "Come on Wednesday." in await driss.screen()


async def test_news_go_to_whom_uses_the_phone(house: House, phone: Guest) -> None:
    brahim = (await people_of(house))["Brahim"]

    assert await answers(house, brahim, "Come on Wednesday.")

    assert "Come on Wednesday." in await phone.screen()


# PINs and the lock


async def test_no_pin_is_kept(house: House, phone: Guest) -> None:
    await sets_pin(phone, "8642")
    await switches_to(phone, "Amina")
    await switches_to(phone, "Brahim")
    await phone.says("1357")
    await phone.says("8642")
    await sets_pin(phone, "٩٧٥٣")
    house.clock.moves_on(timedelta(minutes=16))
    await phone.says("9753")

    kept = await kept_texts(house)
    assert "salam" in kept
    assert not {"8642", "1357", "٩٧٥٣", "9753"} & set(kept)


async def test_not_even_of_a_turn_that_failed(house: House, phone: Guest, engine: AsyncEngine) -> None:
    await phone.says("menu")
    for choice in ("settings", "profiles", "pin"):
        await phone.taps(choice)
    with cut_off(engine, RuntimeError("gone wrong"), after=0, only="UPDATE profiles"):
        await phone.says("8642")

    assert await phone.screen() == SORRY
    assert "8642" not in await kept_texts(house)


async def test_a_phone_left_alone_asks_who_is_there(house: House, phone: Guest) -> None:
    people = await people_of(house)
    await phone.taps("booking")
    place = await phone.screen()
    house.clock.moves_on(timedelta(minutes=16))
    await phone.says("salam")
    door = await phone.last()
    assert (door.text, [choice.label for choice in door.choices]) == (
        "[fr] 👋 Who is there?",
        ["Amina", "Brahim", "[fr] ➕ Somebody else"],
    )
    await phone.says("menu")
    assert await phone.screen() == "[fr] 👋 Who is there?"

    await phone.taps(str(people["Brahim"]))

    assert await phone.screen() == f"[fr] ✅ Now this is your conversation.\n\n{place}"


async def test_a_reminders_button_does_not_open_it(house: House, phone: Guest) -> None:
    visit = await books(house, phone)
    await reminds(house, phone, visit)
    reminder = await phone.last()
    house.clock.moves_on(timedelta(minutes=16))

    await phone.taps("cancel", reminder.prompt_ref)

    assert "👋 Who is there?" in await phone.screen()
    async with house.database.reading() as unit:
        assert (await unit.appointments.get(visit.id)).is_live


async def test_the_others_reminder_can_not_be_answered(house: House, phone: Guest) -> None:
    visit = await books(house, phone)
    await reminds(house, phone, visit)
    reminder = await phone.last()
    await switches_to(phone, "Amina")
    house.clock.moves_on(timedelta(seconds=5))

    await phone.taps("cancel", reminder.prompt_ref)

    assert "That button was from an older message." in await phone.screen()
    async with house.database.reading() as unit:
        assert (await unit.appointments.get(visit.id)).is_live


async def test_an_announcement_leaves_out_who_does_not_use_the_phone(house: House, phone: Guest) -> None:

    people = await people_of(house)
    async with house.database.transaction() as unit:
        for contact_id in people.values():
            await unit.contacts.set_news(contact_id, True)
        count = await unit.announcements.count(Audience(), ["fr"])

    assert (len(people), count) == (2, 1)


async def test_who_erases_everything_leaves_the_phone_to_the_other(house: House, phone: Guest) -> None:
    for choice in ("settings", "erase", "yes"):
        await phone.taps(choice)
    assert "Everything is erased." in await phone.screen()

    await phone.says("salam")

    door = await phone.last()
    assert [choice.label for choice in door.choices] == ["Amina", "[fr] ➕ Somebody else"]
    assert (await phone.contact()).role is Role.BENEFICIARY


async def test_an_ordinary_turn_asks_nothing_more(house: House, phone: Guest) -> None:
    """What sharing costs, only those pay who share."""
    alone = house.stranger("chama")
    await alone.says("salam")
    await comes_in(alone, "Chama")
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    engine = house.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await alone.taps("settings")
    event.remove(engine, "before_cursor_execute", note)

    assert not [each for each in statements if "profiles" in each or "held_messages" in each]
