"""Several people with one phone, over the whole service: WhatsApp's and Telegram's real HTTP.

Brahim and Amina share a phone; caseworker Driss answers one of them.
"""

import json

from sqlalchemy import select

from bot import zone
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.tables import inbox
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import KEYS
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import ids as telegram_ids
from tests.whatsapp_people import Phone, bodies_to, ids


async def named(phone: Phone | TelegramPhone, name: str) -> None:
    await phone.says("menu")
    await phone.taps("settings", "name")
    await phone.says(name)


async def test_what_is_for_one_is_not_shown_to_the_other(
    graph: FakeGraph, on_both: ServiceProcess, driss: TelegramPhone
) -> None:
    phone = Phone(graph, graph.person("Amina"))
    await phone.says("سلام")
    await phone.taps("en", "agree")
    await named(phone, "Amina")
    await phone.says("menu")
    await phone.taps("person")
    await phone.says("Which papers do I bring?")
    task = await driss.finds("Which papers do I bring?")
    await phone.says("menu")
    await phone.taps("settings", "profiles", "add", "begin", "en", "agree")
    await named(phone, "Brahim")
    seen = len(bodies_to(phone))

    await driss.taps_in(task, "answer")
    await driss.says("Your identity card is enough.")

    waiting = await phone.sees()
    assert waiting.text == "✉️ A message is waiting for Amina."
    assert ids(waiting) == ["switch"]
    assert len(bodies_to(phone)) == seen + 1

    told = [(await phone.taps_in(waiting, "switch")).text, (await phone.sees()).text]
    assert sum("Your identity card is enough." in text for text in told) == 1
    assert sum(text.startswith("✅ Now this is your conversation.") for text in told) == 1
    assert "Hello Amina." in (await phone.says("menu")).text


async def test_a_pin_keeps_one_from_the_other_and_is_kept_nowhere(
    telegram: FakeTelegram, on_both: ServiceProcess, database_url: str
) -> None:
    phone = TelegramPhone(telegram, telegram.user(first_name="Brahim"))
    await phone.says("/start")
    await phone.taps("en", "agree")
    await named(phone, "Brahim")
    await phone.says("/menu")
    await phone.taps("settings", "profiles", "pin")
    told = await phone.says("٢٤٦٨")
    assert told.text.startswith("🔒 The PIN is set. Now delete your message")
    added = await phone.taps("add", "begin")
    assert telegram_ids(added) == ["ary", "ar", "fr", "en"]
    await phone.taps("fr", "agree")
    await phone.says("/menu")
    people = await phone.taps("settings", "profiles")
    assert "Brahim" in [button.text for button in people.buttons]

    asked = await phone.taps("Brahim")
    assert telegram_ids(asked)[0] == "forgotten"
    await phone.says("1357")
    numbers = await phone.says("sos")
    assert "150" in numbers.text
    await phone.taps("ok")
    opened = await phone.says("2468")

    assert "Hello Brahim." in (await phone.says("/menu")).text
    assert "✅ Now this is your conversation." in opened.text
    # Neither the PIN as it was set nor any try; other words are kept for a while.
    assert await texts_in(database_url, "Brahim", "٢٤٦٨", "2468", "1357") == {"Brahim"}
    await on_both.stop()
    assert "2468" not in on_both.logs


async def texts_in(database_url: str, *words: str) -> set[str]:
    """Return which of these messages stand in the inbox, whatever way their letters are written."""
    engine = create_engine(database_url)
    database = Database(engine, KeyRing.from_text(KEYS), zone=zone.casablanca(), zone_name=zone.NAME)
    try:
        async with database.reading() as unit:
            kept = await unit.connection.scalars(
                select(inbox.c.payload_enc).where(inbox.c.payload_enc.is_not(None))
            )
            bodies = [json.loads(database.keys.decrypt(each, about="inbox.payload")) for each in kept]
    finally:
        await database.close()
    # Written anew, so that each letter stands for itself.
    written = [json.dumps(body, ensure_ascii=False) for body in bodies]
    return {word for word in words if any(f'"{word}"' in body for body in written)}
