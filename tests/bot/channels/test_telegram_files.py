"""A file of ours on Telegram: uploaded with its caption, and never twice for one message that arrived."""

from collections.abc import AsyncIterator

import pytest

from bot.channels.channel import (
    AddressUnreachable,
    File,
    FileSender,
    MessageRefused,
    SendFailed,
    TooFast,
    TryLater,
)
from bot.channels.telegram import TelegramSender
from conversations.engine.outbound import OutboundMessage
from tests.bot.channels.test_telegram_sender import bot_for
from tests.bot.senders import UNHURRIED
from tests.fake_telegram import FakeTelegram, Person

PAGE = File("jisr.pdf", "application/pdf", b"%PDF-1.7 " + b"0123456789abcdef" * 10_000)
CAPTION = OutboundMessage("📄 هذه هي الصفحة.", "ar", "rtl")


@pytest.fixture
async def sender(telegram: FakeTelegram) -> AsyncIterator[FileSender]:
    async with bot_for(telegram, read_timeout_s=1) as bot:
        yield TelegramSender(bot, UNHURRIED)


@pytest.fixture
async def amina(telegram: FakeTelegram) -> Person:
    amina = telegram.user(first_name="Amina")
    await amina.says("/start")
    return amina


async def fails(sender: FileSender, person: Person) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await sender.send_file(str(person.id), CAPTION, PAGE)
    return caught.value


async def test_a_page_arrives_whole_under_its_name_with_its_caption(
    telegram: FakeTelegram, sender: FileSender, amina: Person
) -> None:
    ref = await sender.send_file(str(amina.id), CAPTION, PAGE)

    shown = await amina.next_message()
    assert (shown.kind, str(shown.message_id)) == ("document", ref)
    assert CAPTION.text in shown.text
    assert shown.raw["document"]["file_name"] == "jisr.pdf"
    assert shown.raw["document"]["mime_type"] == "application/pdf"
    assert telegram.content_of(shown) == PAGE.content
    assert telegram.refusals == []


@pytest.mark.parametrize(
    ("status", "description", "error"),
    [
        (403, "Forbidden: bot was blocked by the user", AddressUnreachable),
        (413, "Request Entity Too Large", TryLater),
        (400, "Bad Request: file must be non-empty", MessageRefused),
        (502, "Bad Gateway", TryLater),
    ],
)
async def test_what_telegram_says_means_what_it_means_for_words(
    telegram: FakeTelegram,
    sender: FileSender,
    amina: Person,
    status: int,
    description: str,
    error: type[SendFailed],
) -> None:
    telegram.fail_next("sendDocument", status, description=description)

    failed = await fails(sender, amina)

    assert type(failed) is error
    assert failed.__cause__ is failed.__context__ is None


async def test_too_fast_is_told_with_its_wait(
    telegram: FakeTelegram, sender: FileSender, amina: Person
) -> None:
    telegram.fail_next("sendDocument", 429, description="Too Many Requests", retry_after=7)

    failed = await fails(sender, amina)

    assert isinstance(failed, TooFast)
    assert failed.retry_after_s == 7


async def test_an_upload_without_an_answer_may_have_arrived(
    telegram: FakeTelegram, sender: FileSender, amina: Person
) -> None:
    telegram.accept_then_reset_next("sendDocument")

    failed = await fails(sender, amina)

    assert isinstance(failed, TryLater)
    assert failed.unclear
