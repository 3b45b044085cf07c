"""The page for a centre's door: one code for each channel, which leads where it says."""

import io
import json
from dataclasses import asdict

import pypdf
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import door, zone
from bot.centres_file import read_centres
from bot.channels.whatsapp_client import GraphClient
from bot.documents import Documents, Page, typeset
from bot.door import DoorPage, Doors, WaysUnknown, asks_whatsapp, door_page
from bot.texts import load_texts
from conversations.care.documents import Document, DocumentKind
from conversations.care.people import ContactId
from storage.database import Database
from storage.encryption import KeyRing
from tests.fake_graph import FakeGraph
from tests.fakes import FakeCentres, marked_texts

CODE = "abcdefgh23"
PAGE = Document(DocumentKind.DOOR_PAGE, ContactId(7), centre_slug="sale")


async def bots_name() -> str:
    return "jisr_test_bot"


async def number() -> str:
    return "212520000000"


async def no_answer() -> str:
    raise WaysUnknown("telegram: TimedOut")


EVERYWHERE = Doors(telegram=bots_name, whatsapp=number, web="https://jisr.example.org")


async def as_json(page: Page | DoorPage) -> bytes:
    return json.dumps(asdict(page), ensure_ascii=False).encode()


@pytest.fixture
async def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    async with database.transaction() as unit:
        await unit.centres.load([each for each in read_centres() if each.slug == "sale"])
    return database


async def test_each_channel_has_a_way_that_brings_the_code() -> None:
    assert [way.url for way in await EVERYWHERE.ways(CODE)] == [
        "https://wa.me/212520000000?text=door_abcdefgh23",
        "https://t.me/jisr_test_bot?start=door_abcdefgh23",
        "https://jisr.example.org/chat?start=door_abcdefgh23",
    ]


async def test_a_platform_is_asked_for_its_name_once() -> None:
    asked = []

    async def counted() -> str:
        asked.append(1)
        return "jisr_test_bot"

    doors = Doors(telegram=counted)
    await doors.ways(CODE)
    await doors.ways(CODE)

    assert asked == [1]


async def test_whatsapps_number_is_what_the_platform_shows() -> None:
    async with FakeGraph() as graph:
        graph.display_phone_number = "+212 520-00 00 00"
        async with GraphClient(graph.base_url, graph.token, graph.phone_number_id) as client:
            assert await asks_whatsapp(client)() == "212520000000"
            graph.display_phone_number = ""
            with pytest.raises(WaysUnknown):
                await asks_whatsapp(client)()


@pytest.mark.parametrize(
    "doors", [EVERYWHERE, Doors(telegram=bots_name), Doors(telegram=bots_name, whatsapp=number)]
)
async def test_it_is_one_sheet_in_two_languages_with_a_name_under_each_code(doors: Doors) -> None:
    ways = await doors.ways(CODE)
    page = await door_page(await FakeCentres().get("sale"), ways, load_texts())

    (sheet,) = pypdf.PdfReader(io.BytesIO(await typeset(page))).pages

    words = sheet.extract_text()
    for way in ways:
        assert door.name_of(way.channel) in words
    assert "rendez-vous" in words
    assert "Salé" in words
    assert any("\u0600" <= letter <= "\u06ff" or "\ufb50" <= letter <= "\ufeff" for letter in words)
    assert all(each.picture.startswith("<svg") for each in page.ways)
    assert len({each.picture for each in page.ways}) == len(ways)


async def test_the_page_holds_the_code_of_the_moment(database: Database) -> None:
    async with database.transaction() as unit:
        old = await unit.centres.door_code("sale")
        new = await unit.centres.new_door_code("sale")

    made = await Documents(database, marked_texts(), doors=EVERYWHERE, typeset=as_json).make(PAGE, "fr")

    assert made.file is not None
    assert (made.file.name, made.file.mime_type) == ("door.pdf", "application/pdf")
    assert made.text.count(f"door_{new}") == 3
    assert old not in made.text


async def test_where_no_page_can_go_its_addresses_do(database: Database) -> None:
    async with database.transaction() as unit:
        code = await unit.centres.door_code("sale")

    made = await Documents(database, marked_texts(), doors=EVERYWHERE).make(PAGE, "fr", as_text=True)

    assert made.file is None
    assert f"Telegram: https://t.me/jisr_test_bot?start=door_{code}" in made.text.splitlines()


@pytest.mark.parametrize(
    ("doors", "said"),
    [
        (Doors(), "[fr] No phone could open this service from a door"),
        (
            Doors(telegram=no_answer, web="https://jisr.example.org"),
            "[fr] The page can't be made at the moment.",
        ),
    ],
    ids=["no channel", "no answer"],
)
async def test_no_page_is_made_that_leads_to_fewer_places_than_there_are(
    database: Database, doors: Doors, said: str
) -> None:
    async with database.transaction() as unit:
        await unit.centres.door_code("sale")

    made = await Documents(database, marked_texts(), doors=doors, typeset=as_json).make(PAGE, "fr")

    assert made.file is None
    assert made.text.startswith(said)


async def test_a_centre_without_a_code_has_no_page(database: Database) -> None:
    made = await Documents(database, marked_texts(), doors=EVERYWHERE, typeset=as_json).make(PAGE, "fr")

    assert made.text == "[fr] It is no longer there."
