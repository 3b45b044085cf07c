"""A file of ours on WhatsApp: uploaded once, however often its message has to be tried."""

from collections.abc import AsyncIterator

import pytest

from bot.channels.channel import File, MessageRefused, TooFast, TryLater
from bot.channels.whatsapp import WhatsAppSender, message_ref, pace_of
from bot.channels.whatsapp_client import GraphClient
from conversations.engine.outbound import OutboundMessage
from storage.encryption import KeyRing
from tests.fake_graph import FakeGraph, Person
from tests.fakes import marked_texts

PAGE = File("jisr.pdf", "application/pdf", b"%PDF-1.7 one page")
CAPTION = OutboundMessage("📄 هذه هي الصفحة.", "ar", "rtl")


@pytest.fixture
async def sender(graph: FakeGraph, keys: KeyRing) -> AsyncIterator[WhatsAppSender]:
    async with GraphClient(graph.base_url, graph.token, graph.phone_number_id, answer_within_s=0.3) as client:
        yield WhatsAppSender(client, keys, marked_texts(), pace_of(0))


@pytest.fixture
async def amina(graph: FakeGraph) -> Person:
    amina = graph.person("Amina")
    await amina.says("سلام")
    return amina


async def test_a_page_arrives_whole_under_its_name_with_its_caption(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person, keys: KeyRing
) -> None:
    ref = await sender.send_file(str(amina.phone), CAPTION, PAGE)

    shown = await amina.next_message()
    assert shown.kind == "document"
    assert ref == message_ref(keys, shown.message_id)
    assert CAPTION.text in shown.text
    assert shown.raw["document"]["filename"] == "jisr.pdf"
    assert graph.content_of(shown) == PAGE.content
    assert graph.refusals == []


@pytest.mark.parametrize("code", [131000, 131056])
async def test_a_message_that_is_tried_again_takes_the_file_that_is_there(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person, code: int
) -> None:
    graph.fail_next("messages", code)
    with pytest.raises((TryLater, TooFast)):
        await sender.send_file(str(amina.phone), CAPTION, PAGE)

    await sender.send_file(str(amina.phone), CAPTION, PAGE)

    assert len(graph.calls_of("media")) == 1
    first, second = (call.body["document"]["id"] for call in graph.calls_of("messages"))
    assert first == second


async def test_another_page_is_another_file(graph: FakeGraph, sender: WhatsAppSender, amina: Person) -> None:
    other = File("jisr.pdf", "application/pdf", b"%PDF-1.7 of somebody else")

    await sender.send_file(str(amina.phone), CAPTION, PAGE)
    await sender.send_file(str(amina.phone), CAPTION, other)

    shown = [await amina.next_message(), await amina.next_message()]
    assert [graph.content_of(each) for each in shown] == [PAGE.content, other.content]


async def test_an_upload_that_fails_is_tried_again(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person
) -> None:
    graph.fail_next("media", 131016)

    with pytest.raises(TryLater) as failed:
        await sender.send_file(str(amina.phone), CAPTION, PAGE)
    await sender.send_file(str(amina.phone), CAPTION, PAGE)

    assert failed.value.reason == "platform"
    assert failed.value.__cause__ is failed.value.__context__ is None
    assert len(graph.calls_of("media")) == 2
    assert len(graph.calls_of("messages")) == 1


async def test_an_upload_without_an_answer_sends_no_message(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person
) -> None:
    graph.hang_next("media", accepted=True)

    with pytest.raises(TryLater):
        await sender.send_file(str(amina.phone), CAPTION, PAGE)

    assert graph.calls_of("messages") == []


async def test_a_file_that_the_platform_has_lost_is_uploaded_again(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person
) -> None:
    graph.fail_next("messages", 131000)
    with pytest.raises(TryLater):
        await sender.send_file(str(amina.phone), CAPTION, PAGE)
    graph.media.clear()

    with pytest.raises(MessageRefused):
        await sender.send_file(str(amina.phone), CAPTION, PAGE)
    await sender.send_file(str(amina.phone), CAPTION, PAGE)

    assert len(graph.calls_of("media")) == 2
    assert graph.content_of(await amina.next_message()) == PAGE.content
