"""The client tells what was refused from what may have been accepted; delivery is told what that means."""

from collections.abc import AsyncIterator

import pytest

from bot.channels.channel import (
    AddressUnreachable,
    MessageRefused,
    SendFailed,
    TooFast,
    TryLater,
    Undeliverable,
    WindowClosed,
)
from bot.channels.whatsapp import WhatsAppSender, message_ref, pace_of
from bot.channels.whatsapp_client import GraphClient, GraphError, NotSent
from bot.channels.whatsapp_errors import FAILURES, Outcome, failure
from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import MediaKind
from storage.encryption import KeyRing
from tests.fake_graph import FakeGraph, Person
from tests.fakes import marked_texts

HELLO = OutboundMessage("Bonjour", "fr")


@pytest.fixture
async def client(graph: FakeGraph) -> AsyncIterator[GraphClient]:
    async with GraphClient(graph.base_url, graph.token, graph.phone_number_id, answer_within_s=0.3) as client:
        yield client


@pytest.fixture
def sender(client: GraphClient, keys: KeyRing) -> WhatsAppSender:
    return WhatsAppSender(client, keys, marked_texts(), pace_of(0))


@pytest.fixture
async def amina(graph: FakeGraph) -> Person:
    amina = graph.person("Amina")
    await amina.says("سلام")
    return amina


async def test_people_are_reached_by_number_and_by_user_id(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person, keys: KeyRing
) -> None:
    assert amina.phone is not None
    assert amina.user_id is not None

    refs = [await sender.send(amina.phone, HELLO), await sender.send(amina.user_id, HELLO)]

    assert [call.body.get("to") or call.body.get("recipient") for call in graph.calls_of("messages")] == [
        amina.phone,
        amina.user_id,
    ]
    assert refs == [message_ref(keys, shown.message_id) for shown in amina.chat if shown.from_service]


def test_a_reference_tells_nothing_of_the_person(keys: KeyRing) -> None:
    """The platform's own id of a message holds the number in base64."""
    assert "HBgM" not in message_ref(keys, "wamid.HBgMMjEyNjAwMDAwMDAx")


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (131026, AddressUnreachable, "not_on_whatsapp"),
        (131047, WindowClosed, "window_closed"),
        (131049, Undeliverable, "marketing_limit"),
        (131053, MessageRefused, "media"),
        (131056, TooFast, "too_fast"),
        (130429, TooFast, "too_fast"),
        (131000, TryLater, "platform"),
        (190, TryLater, "token"),
        (132015, Undeliverable, "template_paused"),
        (132018, Undeliverable, "template"),
        (130403, AddressUnreachable, "blocked_us"),
        (131055, MessageRefused, "method"),
        (999999, MessageRefused, "unknown_code"),
    ],
)
async def test_codes_mean_what_the_table_says(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person, code: int, error: type[SendFailed], reason: str
) -> None:
    graph.fail_next("messages", code)

    with pytest.raises(error) as failed:
        await sender.send(str(amina.phone), HELLO)

    assert type(failed.value) is error
    assert failed.value.reason == reason
    assert failed.value.__cause__ is failed.value.__context__ is None


async def test_what_may_have_arrived_is_called_unclear(
    graph: FakeGraph, sender: WhatsAppSender, amina: Person
) -> None:
    graph.accept_then_reset_next()
    with pytest.raises(TryLater) as reset:
        await sender.send(str(amina.phone), HELLO)
    graph.hang_next()
    with pytest.raises(TryLater) as hung:
        await sender.send(str(amina.phone), HELLO)

    assert (reset.value.unclear, hung.value.unclear) == (True, True)


async def test_without_a_connection_nothing_was_sent() -> None:
    async with GraphClient("http://127.0.0.1:1/v26.0", "secret", "1") as client:
        with pytest.raises(NotSent):
            await client.send("212600000001", {"type": "text", "text": {"body": "Bonjour"}})


async def test_an_error_holds_neither_token_nor_number(graph: FakeGraph, amina: Person) -> None:
    async with GraphClient(graph.base_url, "EAAwrong", graph.phone_number_id) as client:
        with pytest.raises(GraphError) as failed:
            await client.send(str(amina.phone), {"type": "text", "text": {"body": "Bonjour"}})

    told = repr(failed.value) + repr(client)
    assert failed.value.code == 190
    assert "EAAwrong" not in told
    assert str(amina.phone) not in told


async def test_words_arrive_when_their_file_is_not_taken_any_more(
    sender: WhatsAppSender, amina: Person
) -> None:
    gone = OutboundMessage("Voici", "fr", media_kind=MediaKind.PHOTO, media_ref="404")

    await sender.send(str(amina.phone), gone)

    assert (await amina.next_message()).text == "Voici"


def test_an_unknown_code_is_judged_by_its_status() -> None:
    assert failure(77, status=503).outcome is Outcome.TEMPORARY
    assert failure(77).outcome is Outcome.TECHNICAL
    assert failure(230).reason == "permission"


def test_every_code_has_words_and_a_source() -> None:
    assert all(each.words.endswith(".") and each.source for each in FAILURES.values())


def test_in_no_second_more_leave_than_the_number_may_send() -> None:
    pace = pace_of(80)

    assert pace.burst + pace.per_second <= 80
    assert 0 < pace.reserve < pace.burst
