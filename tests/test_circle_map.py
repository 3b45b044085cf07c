"""A centre on the map: set by who stands before its door, and seen by people, from the real process."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from conversations.care.people import Role
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.tables import inbox
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import KEYS, invitation
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import settings_with as telegram_settings
from tests.whatsapp_people import WEBHOOK_PATH
from tests.whatsapp_people import Phone as WhatsAppPhone
from tests.whatsapp_people import settings_with as whatsapp_settings

LATITUDE, LONGITUDE = 34.05312, -6.79854
ADDRESS = "12, rue de la Gare"


async def payloads(database_url: str) -> list[str]:
    """Return what the service can still read of all that came in."""
    engine, keys = create_engine(database_url), KeyRing.from_text(KEYS)
    async with engine.connect() as connection:
        query = select(inbox.c.payload_enc).where(inbox.c.payload_enc.is_not(None))
        kept = (await connection.scalars(query)).all()
    await engine.dispose()
    return [json.dumps(json.loads(keys.decrypt(each, about="inbox.payload"))) for each in kept]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_on_telegram_people_see_the_point_that_a_caseworker_shared(
    telegram: FakeTelegram, database: Database, database_url: str, tmp_path: Path
) -> None:
    async with ServiceProcess(tmp_path, telegram_settings(telegram, database_url)):
        driss = TelegramPhone(telegram, telegram.user(first_name="Driss", language_code="en"))
        await driss.says(await invitation(database, Role.CASEWORKER, "sale"))
        await driss.taps("en")
        await driss.says("/centre")
        await driss.taps("more", "at_the_door", "point")
        await driss.person.sends_location(LATITUDE, LONGITUDE)
        assert (await driss.sees()).text == "Is the door of the centre in Salé where you are now?"
        assert (await driss.taps("yes")).text.startswith("Saved. This is what people see:")
        preview = await driss.sees()
        await driss.says("/centre")
        await driss.taps("address")
        await driss.says(ADDRESS)

        brahim = TelegramPhone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        await brahim.says("/start")
        await brahim.taps("fr", "agree", "nearest", "Salé")
        answer = await brahim.taps("map")
        pin = await brahim.sees()

    assert preview.kind == "location"
    assert preview.raw["location"] == {"latitude": LATITUDE, "longitude": LONGITUDE}
    assert answer.text.startswith("🗺️ La carte arrive dans un instant.")
    assert pin.message_id > answer.message_id
    assert pin.raw["venue"] == {
        "location": {"latitude": LATITUDE, "longitude": LONGITUDE},
        "title": "📍 Le centre à Salé",
        "address": ADDRESS,
    }
    kept = await payloads(database_url)
    assert any(ADDRESS in each for each in kept)
    assert not any(str(LATITUDE) in each for each in kept)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_on_whatsapp_people_see_the_point_that_a_caseworker_shared(
    graph: FakeGraph, telegram: FakeTelegram, database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = {**telegram_settings(telegram, database_url), **whatsapp_settings(graph, database_url)}
    async with ServiceProcess(tmp_path, settings) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        driss = WhatsAppPhone(graph, graph.person("Driss"))
        await driss.says(await invitation(database, Role.CASEWORKER, "sale"))
        await driss.taps("en")
        await driss.says("/centre")
        asked = await driss.taps("more", "at_the_door", "point")
        check = await driss.shares_location(LATITUDE, LONGITUDE)
        assert (await driss.taps("yes")).text.startswith("Saved. This is what people see:")
        preview = await driss.sees()
        await driss.says("/centre")
        await driss.taps("address")
        await driss.says(ADDRESS)

        amina = WhatsAppPhone(graph, graph.person("Amina"))
        await amina.says("سلام")
        await amina.taps("ar", "agree", "nearest", "سلا")
        answer = await amina.taps("map")
        pin = await amina.sees()

    assert asked.kind == "location_request"
    assert check.text.startswith("Is the door of the centre in Salé where you are now?")
    point = {"latitude": LATITUDE, "longitude": LONGITUDE}
    assert preview.raw["location"] == {**point, "name": "📍 The centre in Salé"}
    assert answer.text.lstrip("\u200f").startswith("🗺️ الخريطة تصل بعد لحظة.")
    assert pin.raw["location"] == {**point, "name": "📍 مركز سلا", "address": ADDRESS}
    kept = await payloads(database_url)
    assert any(ADDRESS in each for each in kept)
    assert not any(str(LATITUDE) in each for each in kept)
