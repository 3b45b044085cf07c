"""The sender over real HTTP: what people see, and what it says of each refusal."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from telegram import Bot
from telegram.error import NetworkError, RetryAfter

from bot.channels.channel import (
    AddressUnreachable,
    MessageRefused,
    Sender,
    SendFailed,
    TooFast,
    TryLater,
)
from bot.channels.telegram import TelegramSender, seconds
from bot.channels.telegram_transport import AiohttpRequest
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Venue
from tests.bot.senders import UNHURRIED
from tests.fake_telegram import FakeTelegram, Person

CHOICES = (Choice("identity", "Papiers"), Choice("work", "Travail"), Choice("!menu", "🏠 Menu"))


@pytest.fixture
async def sender(telegram: FakeTelegram) -> AsyncIterator[Sender]:
    async with bot_for(telegram, read_timeout_s=1) as bot:
        yield TelegramSender(bot, UNHURRIED)


def bot_for(telegram: FakeTelegram, *, read_timeout_s: float) -> Bot:
    return Bot(
        telegram.token,
        base_url=f"{telegram.base_url}/bot",
        request=AiohttpRequest(read_timeout_s=read_timeout_s),
        get_updates_request=AiohttpRequest(),
    )


@pytest.fixture
def brahim(telegram: FakeTelegram) -> Person:
    return telegram.user(first_name="Brahim")


def question(**fields: object) -> OutboundMessage:
    message = OutboundMessage("De quoi avez-vous besoin ?", "fr", choices=CHOICES, prompt_ref="p1")
    return replace(message, **fields)  # type: ignore[arg-type]


async def send(sender: Sender, person: Person, message: OutboundMessage) -> str | None:
    return await sender.send(str(person.id), message)


async def fails(sender: Sender, person: Person, message: OutboundMessage) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        await send(sender, person, message)
    return caught.value


async def test_a_place_with_an_address_is_a_venue(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    venue = Venue("📍 Le centre à Salé", "12, rue de la Gare", 34.05312, -6.79854)

    ref = await send(sender, brahim, OutboundMessage("📍 Le centre à Salé", "fr", venue=venue))

    shown = await brahim.next_message()
    assert (shown.kind, str(shown.message_id)) == ("venue", ref)
    assert shown.raw["venue"] == {
        "location": {"latitude": 34.05312, "longitude": -6.79854},
        "title": "📍 Le centre à Salé",
        "address": "12, rue de la Gare",
    }
    assert telegram.refusals == []


async def test_a_place_without_an_address_is_a_location(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    venue = Venue("📍 Le centre à Salé", "", 34.05312, -6.79854)

    await send(sender, brahim, OutboundMessage("📍 Le centre à Salé", "fr", venue=venue))

    shown = await brahim.next_message()
    assert (shown.kind, shown.raw["location"]) == ("location", {"latitude": 34.05312, "longitude": -6.79854})
    assert telegram.refusals == []


@pytest.mark.parametrize(
    ("status", "description", "error"),
    [
        (403, "Forbidden: bot was blocked by the user", AddressUnreachable),
        (400, "Bad Request: x", MessageRefused),
    ],
)
async def test_what_telegram_says_of_a_place_means_what_it_means_for_words(
    telegram: FakeTelegram,
    sender: Sender,
    brahim: Person,
    status: int,
    description: str,
    error: type[SendFailed],
) -> None:
    telegram.fail_next("sendLocation", status, description=description)

    failure = await fails(sender, brahim, OutboundMessage("x", "fr", venue=Venue("x", "", 34.0, -6.0)))

    assert isinstance(failure, error)


async def test_a_prompt_is_seen_with_its_buttons(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    ref = await send(sender, brahim, question())

    shown = await brahim.next_message()
    assert ref == str(shown.message_id)
    assert shown.text == "De quoi avez-vous besoin ?"
    assert shown.labels == ["Papiers", "Travail", "🏠 Menu"]
    assert telegram.calls_of("sendMessage")[0].params["link_preview_options"] == {"is_disabled": True}
    assert telegram.refusals == []


async def test_peoples_words_are_never_read_as_markup(sender: Sender, brahim: Person) -> None:
    await send(sender, brahim, question(text="*5 < 6* & [ici](tg://user?id=1) <b>_x_</b>"))

    assert (await brahim.next_message()).text == "*5 < 6* & [ici](tg://user?id=1) <b>_x_</b>"


async def test_a_tap_is_acknowledged_and_answered_in_place(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    ref = await send(sender, brahim, question())
    tap = await brahim.taps("Travail")

    new_ref = await send(
        sender, brahim, OutboundMessage("Quel centre ?", "fr", edits=ref, tap_ref=tap.callback_id)
    )

    (shown,) = brahim.chat
    assert await tap.answered() == ""
    assert (new_ref, shown.text, shown.labels, shown.edits) == (ref, "Quel centre ?", [], 1)
    assert telegram.refusals == []


async def test_a_double_tap_is_only_acknowledged(sender: Sender, brahim: Person) -> None:
    await send(sender, brahim, question())
    tap = await brahim.taps("Travail")

    ref = await send(sender, brahim, OutboundMessage("", "fr", tap_ref=tap.callback_id))

    assert ref is None
    assert await tap.answered() == ""
    assert len(brahim.chat) == 1


async def test_a_tap_acknowledged_too_late_costs_nobody_the_answer(sender: Sender, brahim: Person) -> None:
    await send(sender, brahim, question())
    tap = await brahim.taps("Travail")
    tap.expires()

    ref = await send(sender, brahim, OutboundMessage("Quel centre ?", "fr", tap_ref=tap.callback_id))

    assert brahim.chat[-1].text == "Quel centre ?"
    assert ref == str(brahim.chat[-1].message_id)


@pytest.mark.parametrize("hanging", ["sendMessage", "answerCallbackQuery"])
async def test_tap_and_message_do_not_wait_for_each_other(
    telegram: FakeTelegram, brahim: Person, hanging: str
) -> None:
    async with bot_for(telegram, read_timeout_s=60) as bot:
        sender = TelegramSender(bot, UNHURRIED)
        await send(sender, brahim, question())
        tap = await brahim.taps("Travail")
        telegram.hang_next(hanging)

        sending = asyncio.create_task(send(sender, brahim, question(tap_ref=tap.callback_id)))
        await (tap.answered() if hanging == "sendMessage" else telegram.called("sendMessage", 2))

        assert not sending.done()
        sending.cancel()
        await asyncio.wait([sending])


async def test_an_edit_that_changes_nothing_is_done(sender: Sender, brahim: Person) -> None:
    """The first try was accepted and its answer lost."""
    ref = await send(sender, brahim, question())

    assert await send(sender, brahim, question(edits=ref)) == ref
    assert len(brahim.chat) == 1


@pytest.mark.parametrize("gone", ["99", "media"])
async def test_a_message_that_cannot_be_written_over_is_sent_anew(
    sender: Sender, brahim: Person, gone: str
) -> None:
    await brahim.sends_voice()
    file_id = brahim.chat[0].raw["voice"]["file_id"]
    voice = await send(sender, brahim, question(media_kind="voice", media_ref=file_id))
    ref = voice if gone == "media" else gone

    new_ref = await send(sender, brahim, question(text="Quel centre ?", edits=ref))

    assert new_ref not in (None, ref)
    assert brahim.chat[-1].text == "Quel centre ?"
    assert brahim.chat[-1].labels == ["Papiers", "Travail", "🏠 Menu"]


async def test_a_location_is_asked_for_and_its_keyboard_taken_away(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    choices = (CHOICES[2],)
    await send(
        sender, brahim, question(choices=choices, wants_location=True, location_label="📍 Ma position")
    )
    asked = brahim.reply_keyboard

    ref = await send(sender, brahim, question(takes_keyboard_away=True))

    assert asked == ["📍 Ma position", "🏠 Menu"]
    assert brahim.reply_keyboard == []
    assert brahim.chat[-2].removes_keyboard
    assert ref == str(brahim.chat[-1].message_id)
    assert brahim.chat[-1].labels == ["Papiers", "Travail", "🏠 Menu"]
    assert telegram.refusals == []


@pytest.mark.parametrize("kind", ["voice", "photo"])
async def test_what_somebody_sent_reaches_another_with_words_and_buttons(
    telegram: FakeTelegram, sender: Sender, brahim: Person, kind: str
) -> None:
    driss = telegram.user(first_name="Driss")
    await (brahim.sends_voice() if kind == "voice" else brahim.sends_photo())
    media = brahim.chat[0].raw[kind]
    file_id = (media[-1] if isinstance(media, list) else media)["file_id"]

    ref = await send(sender, driss, question(text="Une personne écrit", media_kind=kind, media_ref=file_id))

    shown = await driss.next_message()
    assert (shown.kind, shown.text, str(shown.message_id)) == (kind, "Une personne écrit", ref)
    assert shown.labels == ["Papiers", "Travail", "🏠 Menu"]
    assert telegram.refusals == []


@pytest.mark.parametrize(
    ("kind", "method", "words"),
    [("document", "sendDocument", 1), ("video", "sendVideo", 1), ("sticker", "sendSticker", 2)],
)
async def test_each_kind_of_file_has_its_method(
    telegram: FakeTelegram, sender: Sender, brahim: Person, kind: str, method: str, words: int
) -> None:
    telegram.fail_next(method, 400, description="Bad Request: wrong file identifier/HTTP URL specified")

    error = await fails(sender, brahim, question(media_kind=kind, media_ref="BQAC"))

    (call,) = telegram.calls_of(method)
    assert call.params[kind] == "BQAC"
    assert ("caption" in call.params) is (words == 1)
    assert isinstance(error, MessageRefused)
    assert error.reason == "file_unknown"


async def test_a_text_too_long_for_one_message_keeps_its_buttons_at_the_end(
    sender: Sender, brahim: Person
) -> None:
    line = "Rabat " + "ر" * 58
    text = "\n".join([line] * 63)

    ref = await send(sender, brahim, question(text=text, language="ary", direction="rtl"))

    first, last = brahim.chat
    assert (first.labels, last.labels) == ([], ["Papiers", "Travail", "🏠 Menu"])
    assert ref == str(last.message_id)


async def test_who_blocked_the_bot_is_unreachable(sender: Sender, brahim: Person) -> None:
    await brahim.blocks()

    assert isinstance(await fails(sender, brahim, question()), AddressUnreachable)


async def test_who_never_came_is_unreachable(telegram: FakeTelegram, sender: Sender) -> None:
    stranger = telegram.user(first_name="Chama", has_started=False)

    assert isinstance(await fails(sender, stranger, question()), AddressUnreachable)
    with pytest.raises(AddressUnreachable):
        await sender.send("404404", question())


REFUSALS = [
    (403, "Forbidden: user is deactivated", AddressUnreachable, "blocked"),
    (400, "Bad Request: chat not found", AddressUnreachable, "blocked"),
    (400, "Bad Request: PEER_ID_INVALID", AddressUnreachable, "blocked"),
    (400, "Bad Request: message is too long", MessageRefused, "text_too_long"),
    (400, "Bad Request: BUTTON_DATA_INVALID", MessageRefused, "button_data"),
    (400, "Bad Request: something new about 5900000001", MessageRefused, "bad_request"),
    (404, "Not Found", TryLater, "token"),
    (401, "Unauthorized", TryLater, "token"),
    (420, "Flood", TryLater, "refused_for_now"),
    (502, "Bad Gateway", TryLater, "unclear"),
]


@pytest.mark.parametrize(("status", "said", "kind", "reason"), REFUSALS)
async def test_each_refusal_means_one_thing(
    telegram: FakeTelegram,
    sender: Sender,
    brahim: Person,
    status: int,
    said: str,
    kind: type[SendFailed],
    reason: str,
) -> None:
    telegram.fail_next("sendMessage", status, description=said)

    error = await fails(sender, brahim, question())

    assert (type(error), error.reason) == (kind, reason)


async def test_a_platform_out_of_breath_is_waited_for(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    telegram.fail_next("sendMessage", 429, description="Too Many Requests: retry after 7", retry_after=7)

    error = await fails(sender, brahim, question())

    assert isinstance(error, TooFast)
    assert error.retry_after_s == 7


async def test_an_edit_out_of_breath_is_waited_for(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    ref = await send(sender, brahim, question())
    telegram.fail_next("editMessageText", 429, retry_after=3)

    assert isinstance(await fails(sender, brahim, question(text="Quel centre ?", edits=ref)), TooFast)


async def test_a_group_that_moved_is_no_address(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    telegram.fail_next(
        "sendMessage", 400, description="Bad Request: group chat was upgraded", migrate_to_chat_id=-1001
    )

    error = await fails(sender, brahim, question())

    assert (type(error), error.reason) == (MessageRefused, "chat_migrated")


async def test_an_answer_that_got_lost_is_unclear(
    telegram: FakeTelegram, sender: Sender, brahim: Person
) -> None:
    telegram.accept_then_reset_next("sendMessage")

    error = await fails(sender, brahim, question())

    assert isinstance(error, TryLater)
    assert error.unclear


async def test_a_platform_that_is_not_there_has_taken_nothing(telegram: FakeTelegram) -> None:
    bot = Bot(
        telegram.token,
        base_url="http://127.0.0.1:9/bot",  # the discard port, where nothing listens
        request=AiohttpRequest(),
        get_updates_request=AiohttpRequest(),
    )
    with pytest.raises(NetworkError):
        await bot.initialize()

    with pytest.raises(TryLater) as caught:
        await TelegramSender(bot, UNHURRIED).send("42", question())

    await bot.shutdown()
    assert (caught.value.reason, caught.value.unclear) == ("not_sent", False)


@pytest.mark.parametrize(("status", "said"), [(400, "Bad Request: marked-5900000001"), (403, "marked")])
async def test_failures_say_nothing_of_whom_and_with_which_key(
    telegram: FakeTelegram,
    sender: Sender,
    brahim: Person,
    caplog: pytest.LogCaptureFixture,
    status: int,
    said: str,
) -> None:
    caplog.set_level(logging.INFO)
    telegram.fail_next("sendMessage", status, description=said)
    telegram.fail_next("answerCallbackQuery", 400, description="marked")

    with capture_logs() as lines:
        error = await fails(sender, brahim, question(tap_ref="70001"))

    assert [line["event"] for line in lines] == ["telegram_tap_not_acknowledged"]
    seen = f"{error!r} {error.__cause__!r} {error.__context__!r} {lines} {caplog.text}"
    for secret in (telegram.token, str(brahim.id), "marked", "70001", "besoin"):
        assert secret not in seen


def test_waits_are_seconds_in_either_form_the_library_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    as_timedelta = RetryAfter(7).retry_after
    monkeypatch.delenv("PTB_TIMEDELTA")

    assert seconds(as_timedelta) == seconds(RetryAfter(7).retry_after) == 7
