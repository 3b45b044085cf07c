"""A recording on its way to Telegram and to WhatsApp: a voice message without words."""

from collections.abc import AsyncIterator

import pytest

from bot.channels.channel import File, MessageRefused
from bot.channels.telegram import TelegramSender
from bot.channels.whatsapp import CLIP_KEPT_S, WhatsAppSender, pace_of
from bot.channels.whatsapp_client import GraphClient
from bot.clips import OGG_OPUS
from conversations.care.clips import Clip
from conversations.engine.outbound import OutboundMessage
from storage.encryption import KeyRing
from tests.bot.channels.test_telegram_sender import bot_for
from tests.bot.senders import UNHURRIED
from tests.fake_graph import FakeGraph
from tests.fake_graph import Person as WhatsAppPerson
from tests.fake_telegram import FakeTelegram, Person
from tests.fakes import marked_texts
from tests.recordings import opus

VOICE = File("jisr.ogg", OGG_OPUS, opus())
MESSAGE = OutboundMessage("It can't be played.", "ar", "rtl", clip=Clip("ar", "need-job"))


# Telegram


@pytest.fixture
async def bot_sender(telegram: FakeTelegram) -> AsyncIterator[TelegramSender]:
    async with bot_for(telegram, read_timeout_s=1) as bot:
        yield TelegramSender(bot, UNHURRIED)


@pytest.fixture
async def brahim(telegram: FakeTelegram) -> Person:
    brahim = telegram.user(first_name="Brahim")
    await brahim.says("/start")
    return brahim


async def test_on_telegram_it_is_a_voice_message(
    telegram: FakeTelegram, bot_sender: TelegramSender, brahim: Person
) -> None:
    ref = await bot_sender.send_file(str(brahim.id), MESSAGE, VOICE)

    shown = await brahim.next_message()
    assert (shown.kind, str(shown.message_id)) == ("voice", ref)
    assert shown.text == ""
    assert shown.raw["voice"]["mime_type"] == OGG_OPUS
    assert telegram.content_of(shown) == VOICE.content
    assert telegram.refusals == []


async def test_who_takes_no_voice_messages_is_reached_otherwise(
    telegram: FakeTelegram, bot_sender: TelegramSender, brahim: Person
) -> None:
    telegram.fail_next("sendVoice", 400, description="Bad Request: VOICE_MESSAGES_FORBIDDEN")

    with pytest.raises(MessageRefused) as failed:
        await bot_sender.send_file(str(brahim.id), MESSAGE, VOICE)

    assert failed.value.reason == "voice_forbidden"


# WhatsApp


class Stopwatch:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
async def sender(graph: FakeGraph, keys: KeyRing, stopwatch: Stopwatch) -> AsyncIterator[WhatsAppSender]:
    async with GraphClient(graph.base_url, graph.token, graph.phone_number_id) as client:
        yield WhatsAppSender(client, keys, marked_texts(), pace_of(0), seconds=stopwatch)


@pytest.fixture
async def amina(graph: FakeGraph) -> WhatsAppPerson:
    amina = graph.person("Amina")
    await amina.says("سلام")
    return amina


async def test_on_whatsapp_it_is_a_voice_message(
    graph: FakeGraph, sender: WhatsAppSender, amina: WhatsAppPerson
) -> None:
    await sender.send_file(str(amina.phone), MESSAGE, VOICE)

    shown = await amina.next_message()
    assert shown.kind == "audio"
    assert shown.raw["audio"].keys() == {"id", "voice"}
    assert graph.content_of(shown) == VOICE.content
    assert graph.refusals == []


async def test_everybody_hears_the_file_that_was_uploaded_once(
    graph: FakeGraph, sender: WhatsAppSender, amina: WhatsAppPerson
) -> None:
    chama = graph.person("Chama")
    await chama.says("salut")

    for person in (amina, chama, amina):
        await sender.send_file(str(person.phone), MESSAGE, VOICE)

    assert len(graph.calls_of("media")) == 1
    assert graph.content_of(await chama.next_message()) == VOICE.content


async def test_after_a_week_it_is_uploaded_anew(
    graph: FakeGraph, sender: WhatsAppSender, amina: WhatsAppPerson, stopwatch: Stopwatch
) -> None:
    await sender.send_file(str(amina.phone), MESSAGE, VOICE)
    stopwatch.now_s = CLIP_KEPT_S
    graph.media.clear()

    await sender.send_file(str(amina.phone), MESSAGE, VOICE)

    assert len(graph.calls_of("media")) == 2


async def test_a_file_that_the_platform_has_lost_is_uploaded_for_the_next(
    graph: FakeGraph, sender: WhatsAppSender, amina: WhatsAppPerson
) -> None:
    await sender.send_file(str(amina.phone), MESSAGE, VOICE)
    graph.media.clear()
    with pytest.raises(MessageRefused):
        await sender.send_file(str(amina.phone), MESSAGE, VOICE)

    await sender.send_file(str(amina.phone), MESSAGE, VOICE)

    assert len(graph.calls_of("media")) == 2
