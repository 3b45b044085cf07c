"""People with WhatsApp talk to the service over real HTTP: in by webhook, out by the Graph API."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.zone import casablanca
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.channels.whatsapp_service import WhatsAppService, running
from tests.fake_graph import FakeGraph, Person


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    async with FakeGraph() as graph:
        yield graph


@pytest.fixture
async def service(engine: AsyncEngine, keys: KeyRing, graph: FakeGraph) -> AsyncIterator[WhatsAppService]:
    database = Database(engine, keys, zone=casablanca(), zone_name="Africa/Casablanca")
    async with running(database, graph) as service:
        yield service


@pytest.fixture
def amina(graph: FakeGraph) -> Person:
    return graph.person("Amina")


async def test_a_text_is_answered_with_something_to_tap(service: WhatsAppService, amina: Person) -> None:
    await amina.says("سلام")
    languages = await amina.next_message()
    await amina.taps("العربية")
    consent = await amina.next_message()
    await amina.taps(consent.labels[0])
    menu = await amina.next_message()

    assert languages.kind == "list"
    assert consent.kind in ("buttons", "list")
    assert menu.kind == "list"
    assert service.graph.refusals == []
