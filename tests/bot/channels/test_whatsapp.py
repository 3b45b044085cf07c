"""People with WhatsApp talk to the service over real HTTP: in by webhook, out by the Graph API."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.whatsapp_statuses import AGAIN_AFTER
from bot.zone import casablanca
from conversations.care.addresses import LinkKind
from conversations.care.people import ContactId, Role
from storage.database import Database
from storage.encryption import KeyRing
from storage.tables import addresses
from tests.bot.channels.whatsapp_service import WhatsAppService, running
from tests.fake_graph import FakeGraph, Person
from tests.people import MONDAY
from tests.storage.conftest import centre_row


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


async def test_what_becomes_of_a_message_is_written_down(service: WhatsAppService, amina: Person) -> None:
    await amina.says("سلام")
    await amina.next_message()
    await service.until_status("delivered")

    await amina.reads()
    await service.graph.drained()

    [message] = await service.sent()
    assert message.status == "read"


async def test_statuses_in_any_order_take_no_message_back(service: WhatsAppService, amina: Person) -> None:
    service.graph.automatic = ()
    await amina.says("سلام")
    shown = await amina.next_message()
    await service.until_status("sent")

    for status in ("read", "delivered", "sent", "read"):
        await service.graph.tell_status(shown.message_id, status)
    await service.graph.tell_status(shown.message_id, "failed", 131000)
    await service.graph.drained()

    [message] = await service.sent()
    assert (message.status, message.reason) == ("read", None)


async def test_a_status_before_the_answer_to_the_send_is_not_lost(
    service: WhatsAppService, amina: Person
) -> None:
    """Delivered is told while the send's own answer is still on its way."""
    service.graph.latency_s = 0.3
    await amina.says("سلام")

    await service.until_status("delivered")


async def test_what_the_platform_could_not_bring_goes_out_again(
    service: WhatsAppService, amina: Person
) -> None:
    service.graph.automatic = ()
    await amina.says("سلام")
    shown = await amina.next_message()
    await service.until_status("sent")

    await service.graph.tell_status(shown.message_id, "failed", 131016)
    await service.graph.drained()
    [failed] = await service.sent()
    service.clock.moves_on(AGAIN_AFTER)
    service.database.wakes.ring("outbox")
    again = await amina.next_message()

    assert (failed.status, failed.reason) == ("failed_temporary", "platform")
    assert again.text == shown.text


async def test_somebody_who_can_be_reached_no_more_is_written_to_no_more(
    service: WhatsAppService, amina: Person
) -> None:
    service.graph.automatic = ()
    await amina.says("سلام")
    shown = await amina.next_message()
    await service.until_status("sent")

    await service.graph.tell_status(shown.message_id, "failed", 131026)
    await service.graph.drained()

    [message] = await service.sent()
    [address] = await service.rows(addresses)
    assert (message.status, message.reason) == ("failed_permanent", "blocked")
    assert not address.reachable


async def test_what_never_arrived_goes_to_another_address_of_the_person(
    service: WhatsAppService, amina: Person
) -> None:
    """Amina has Telegram, too, which nothing delivers to in this test."""
    service.graph.automatic = ()
    await amina.says("سلام")
    shown = await amina.next_message()
    await service.until_status("sent")
    async with service.database.transaction() as unit:
        _, telegram = await unit.addresses.find_or_create("telegram", "4242", now=service.clock.now())
        code = await unit.links.new_code(ContactId(1), LinkKind.LINK, now=service.clock.now())
        offer = await unit.links.find(code, telegram, now=service.clock.now())
        await unit.links.join(offer.id, ContactId(2), now=service.clock.now())

    await service.graph.tell_status(shown.message_id, "failed", 131026)
    await service.graph.drained()

    [message] = await service.sent()
    assert (message.status, message.channel, message.address_id) == ("created", "telegram", telegram)


@pytest.mark.parametrize("kind", ["audio", "image", "document"])
async def test_what_somebody_sends_reaches_the_caseworker_by_the_platforms_own_id(
    service: WhatsAppService, amina: Person, kind: str
) -> None:
    driss = service.graph.person("Driss")
    for person, role in ((driss, Role.CASEWORKER), (amina, Role.BENEFICIARY)):
        async with service.database.transaction() as unit:
            await unit.centres.load([centre_row()])
            contact, _ = await unit.addresses.find_or_create("whatsapp", str(person.user_id), now=MONDAY)
            await unit.contacts.set_language(contact.id, "fr")
            await unit.contacts.agree(contact.id, news=True, at=MONDAY)
            if role is Role.CASEWORKER:
                await unit.contacts.make_staff(contact.id, role, "sale")
    await driss.says("menu")
    await driss.next_message()
    await amina.says("person")
    await amina.next_message()

    sends = {"audio": amina.sends_voice, "image": amina.sends_photo, "document": amina.sends_document}
    await sends[kind](b"of Amina")
    await amina.next_message()
    await driss.next_message()
    await service.graph.drained()

    forwarded = [shown for shown in driss.chat if shown.from_service and shown.kind == kind]
    assert [service.graph.content_of(shown) for shown in forwarded] == [b"of Amina"]
