"""What people do in Telegram is read from the payloads that Telegram sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import types

from bot.channels.telegram import origin, parse_payload
from conversations.engine.reply import (
    Blocked,
    Channel,
    Command,
    Inbound,
    Location,
    Media,
    MediaKind,
    Reply,
    SharedPhone,
    Tap,
    Text,
)

JSON = dict[str, Any]

BRAHIM = {"id": 5_900_000_001, "is_bot": False, "first_name": "Brahim", "language_code": "fr"}
PRIVATE = {"id": 5_900_000_001, "first_name": "Brahim", "type": "private"}
GROUP = {"id": -1_001_900_000_009, "title": "Quartier", "type": "supergroup"}
BOT = {"id": 123_456, "is_bot": True, "first_name": "Jisr", "username": "jisr_test_bot"}
FILE = {"file_id": "AgACAgQ", "file_unique_id": "AQADx", "file_size": 4096}
SIZE = {**FILE, "width": 90, "height": 60}


def message(**content: object) -> JSON:
    return {"message_id": 41, "from": BRAHIM, "chat": PRIVATE, "date": 1_796_000_000, **content}


def parsed(kind: str, body: JSON) -> Inbound | None:
    return parse_payload(json.dumps({"update_id": 500_000_001, kind: body}, ensure_ascii=False))


def replied(**content: object) -> Reply:
    inbound = parsed("message", message(**content))
    assert inbound is not None
    return inbound.reply


def tap(data: str | None, **query: object) -> JSON:
    shown = {"message_id": 17, "from": BOT, "chat": PRIVATE, "date": 1_796_000_000, "text": "Menu"}
    button = {} if data is None else {"data": data}
    return {"id": "70001", "from": BRAHIM, "chat_instance": "99", "message": shown, **button, **query}


def test_words_come_with_who_said_them_and_the_language_of_the_phone() -> None:
    inbound = parsed("message", message(text="Bonjour"))

    assert inbound == Inbound(
        Channel.TELEGRAM, "5900000001", Text("Bonjour"), language_hint="fr", group_id=None
    )


def test_words_lose_invisible_marks_and_are_composed() -> None:
    assert replied(text="\u202bسلا\u202c cafe\u0301") == Text("سلا café")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/start", Command("start")),
        ("/start inv_abc-123", Command("start", "inv_abc-123")),
        ("/Today@jisr_test_bot", Command("today")),
        ("/broadcast@jisr_test_bot  salle\nfermée ", Command("broadcast", "salle\nfermée")),
        ("\u200f/menu", Command("menu")),
    ],
)
def test_a_slash_makes_a_command(text: str, command: Command) -> None:
    assert replied(text=text) == command


@pytest.mark.parametrize("text", ["/", "/var/log", "/القائمة", "09/12", "// oui"])
def test_other_slashes_are_words(text: str) -> None:
    assert replied(text=text) == Text(text)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("p17:sale", Tap("p17", "sale")),
        ("n4:confirm", Tap("n4", "confirm")),
        ("p3:!menu", Tap("p3", "!menu")),
        ("g:!menu", Tap("g", "!menu")),
        ("p17:2026-12-04 09:30", Tap("p17", "2026-12-04 09:30")),
        ("sale", Tap("", "")),
        ("p:sale", Tap("", "")),
        ("p1:", Tap("", "")),
        ("x9:sale", Tap("", "")),
        (None, Tap("", "")),
    ],
)
def test_a_tap_names_prompt_and_choice_or_nothing(data: str | None, expected: Tap) -> None:
    inbound = parsed("callback_query", tap(data))

    assert inbound is not None
    assert (inbound.reply, inbound.message_ref, inbound.tap_ref) == (expected, "17", "70001")


def test_a_tap_on_a_message_too_old_to_be_shown_is_still_a_tap() -> None:
    inbound = parsed("callback_query", tap("p1:fr", message={"message_id": 3, "chat": PRIVATE, "date": 0}))

    assert inbound is not None
    assert (inbound.reply, inbound.message_ref) == (Tap("p1", "fr"), "3")


def test_a_tap_without_its_message_is_still_a_tap() -> None:
    query = tap("p1:fr", inline_message_id="AbC")
    del query["message"]

    inbound = parsed("callback_query", query)

    assert inbound is not None
    assert (inbound.reply, inbound.message_ref) == (Tap("p1", "fr"), None)


def test_a_shared_place_is_a_location_and_so_is_a_venue() -> None:
    place = {"latitude": 34.0371, "longitude": -6.7985}
    venue = {"location": place, "title": "Gare", "address": "Salé"}

    assert replied(location=place) == Location(34.0371, -6.7985)
    assert replied(location=place, venue=venue) == Location(34.0371, -6.7985)


def test_only_ones_own_number_counts_as_shared() -> None:
    own = {"phone_number": "+212600000001", "first_name": "Brahim", "user_id": BRAHIM["id"]}
    other = {"phone_number": "+212600000002", "first_name": "Amina", "user_id": 7}
    unknown = {"phone_number": "+212600000003", "first_name": "Amina"}

    assert replied(contact=own) == SharedPhone("+212600000001")
    assert replied(contact=other) == Media(MediaKind.OTHER)
    assert replied(contact=unknown) == Media(MediaKind.OTHER)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"voice": {**FILE, "duration": 3}}, Media(MediaKind.VOICE, "AgACAgQ")),
        (
            {"photo": [{**SIZE, "file_id": "small"}, SIZE], "caption": "mon \u200epapier"},
            Media(MediaKind.PHOTO, "AgACAgQ", "mon papier"),
        ),
        ({"document": {**FILE, "file_name": "cv.pdf"}}, Media(MediaKind.DOCUMENT, "AgACAgQ")),
        ({"video": {**SIZE, "duration": 3}}, Media(MediaKind.VIDEO, "AgACAgQ")),
        (
            {
                "sticker": {
                    **SIZE,
                    "type": "regular",
                    "is_animated": False,
                    "is_video": False,
                }
            },
            Media(MediaKind.STICKER, "AgACAgQ"),
        ),
        ({"audio": {**FILE, "duration": 3}}, Media(MediaKind.OTHER, "AgACAgQ")),
        ({"video_note": {**FILE, "duration": 3, "length": 240}}, Media(MediaKind.OTHER, "AgACAgQ")),
        (
            {"animation": {**SIZE, "duration": 3}, "document": FILE},
            Media(MediaKind.OTHER, "AgACAgQ"),
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, Media(MediaKind.OTHER)),
        ({"story": {"chat": PRIVATE, "id": 2}}, Media(MediaKind.OTHER)),
        ({"something_of_2027": {"text": "?"}}, Media(MediaKind.OTHER)),
    ],
)
def test_anything_else_is_media_of_a_kind(content: JSON, expected: Media) -> None:
    origin = {"type": "hidden_user", "sender_user_name": "Quelqu'un", "date": 1_796_000_000}

    assert replied(**content) == expected
    assert replied(**content, forward_origin=origin) == expected


def test_a_message_that_the_library_cannot_read_is_answered_all_the_same() -> None:
    """A voice note without its duration stands for whatever Telegram changes next."""
    inbound = parsed("message", message(voice={"file_id": "AwACAg"}))

    assert inbound == Inbound(Channel.TELEGRAM, "5900000001", Media(MediaKind.OTHER))


@pytest.mark.parametrize(("status", "blocked"), [("kicked", True), ("member", False)])
def test_blocking_and_letting_in_again_are_noticed(status: str, blocked: bool) -> None:
    inbound = parsed("my_chat_member", membership(PRIVATE, status))

    assert inbound is not None
    assert inbound.external_id == "5900000001"
    assert inbound.reply == Blocked(blocked)


def test_membership_of_groups_is_nobodys_reply() -> None:
    assert parsed("my_chat_member", membership(GROUP, "kicked")) is None
    assert parsed("my_chat_member", membership(GROUP, "member")) is None


def membership(chat: JSON, status: str) -> JSON:
    until = {"until_date": 0} if status == "kicked" else {}
    return {
        "chat": chat,
        "from": BRAHIM,
        "date": 1_796_000_000,
        "old_chat_member": {"user": BOT, "status": "left"},
        "new_chat_member": {"user": BOT, "status": status, **until},
    }


def test_what_is_said_in_a_group_names_the_group() -> None:
    said = parsed("message", message(text="Salam", chat=GROUP))
    shown = {"message_id": 17, "from": BOT, "chat": GROUP, "date": 1_796_000_000, "text": "Menu"}
    tapped = parsed("callback_query", tap("p1:fr", message=shown))

    assert said is not None
    assert tapped is not None
    assert said.group_id == tapped.group_id == "-1001900000009"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("edited_message", message(text="Bonsoir", edit_date=1_796_000_100)),
        ("channel_post", {**message(text="Avis"), "chat": {**GROUP, "type": "channel"}}),
        (
            "message_reaction",
            {
                "chat": PRIVATE,
                "message_id": 41,
                "user": BRAHIM,
                "date": 1_796_000_000,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            },
        ),
        ("something_of_2027", {"from": BRAHIM}),
        ("message", message(pinned_message=message(text="Menu"))),
        ("message", message(message_auto_delete_timer_changed={"message_auto_delete_time": 86400})),
        ("message", {**message(text="bip"), "from": BOT}),
    ],
)
def test_what_nobody_waits_on_an_answer_for_is_left_alone(kind: str, body: JSON) -> None:
    assert parsed(kind, body) is None


def test_updates_that_another_library_builds_are_read_the_same() -> None:
    """aiogram's models know every field of the Bot API; what they write is not our own idea of it."""
    brahim = types.User(id=42, is_bot=False, first_name="Brahim", language_code="fr")
    chat = types.Chat(id=42, type="private")
    asked = types.Message(message_id=7, date=datetime(2026, 12, 4, tzinfo=UTC), chat=chat, text="Besoin ?")
    query = types.CallbackQuery(
        id="1", from_user=brahim, chat_instance="5", message=asked, data="p2:identity"
    )
    voice = types.Voice(file_id="AwAC", file_unique_id="x", duration=2)
    spoken = asked.model_copy(update={"from_user": brahim, "text": None, "voice": voice})

    tapped = parse_payload(as_sent(types.Update(update_id=1, callback_query=query)))
    said = parse_payload(as_sent(types.Update(update_id=2, message=spoken)))

    assert tapped == Inbound(Channel.TELEGRAM, "42", Tap("p2", "identity"), "7", "1", "fr")
    assert said == Inbound(Channel.TELEGRAM, "42", Media(MediaKind.VOICE, "AwAC"), language_hint="fr")


def as_sent(update: types.Update) -> str:
    body: JSON = json.loads(update.model_dump_json(exclude_none=True, by_alias=True))
    seconds = int(datetime(2026, 12, 4, tzinfo=UTC).timestamp())
    for part in (body.get("message"), body.get("callback_query", {}).get("message")):
        if part:
            part["date"] = seconds
    return json.dumps(body)


@pytest.mark.parametrize("text", [17, {"a": [1, 2]}, [[[]]], True])
def test_a_value_of_a_wrong_type_gets_an_answer(text: object) -> None:
    assert parsed("message", message(text=text)) == Inbound(
        Channel.TELEGRAM, "5900000001", Media(MediaKind.OTHER)
    )


def test_the_sender_is_found_in_what_the_library_cannot_read() -> None:
    said = origin({"update_id": 1, "message": {"from": {"id": 42}, "chat": {"id": 42, "type": "private"}}})
    tapped = origin({"update_id": 2, "callback_query": {"from": {"id": 42}, "message": {"chat": GROUP}}})
    broken = origin({"update_id": 3, "message": {"from": "Brahim", "chat": []}})

    assert (said.user_id, said.group_id) == (42, None)
    assert (tapped.user_id, tapped.group_id) == (42, GROUP["id"])
    assert (broken.user_id, broken.group_id) == (None, None)


def test_what_is_parsed_hides_who_it_is_when_printed() -> None:
    inbound = parsed("message", message(text="Brahim Secret"))

    assert "5900000001" not in repr(inbound)
    assert "Secret" not in repr(inbound)
