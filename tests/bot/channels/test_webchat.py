"""Frames of the page in and out; no network."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import webchat
from conversations.care.documents import Document, DocumentKind
from conversations.care.people import ContactId
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import Channel, Command, Inbound, Location, Tap, Text
from tests.fakes import marked_texts

TEXTS = marked_texts()
AT = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)


def stored(frame: dict[str, Any]) -> Inbound | None:
    """Take a frame the whole way: from the page, into the store, and out again for its turn."""
    read = webchat.read_frame(json.dumps(frame))
    return read and webchat.parse_payload(webchat.payload_of(read, sender="chama", language="fr-MA"))


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "ref": "r1"}


def tap(**fields: Any) -> dict[str, Any]:
    return {"type": "tap", "prompt_no": "p17", "choice": "yes", "label": "Oui", "ref": "r1", **fields}


def place(latitude: Any, longitude: Any) -> dict[str, Any]:
    return {"type": "location", "latitude": latitude, "longitude": longitude, "ref": "r1"}


def test_words_come_with_who_wrote_them_and_the_browsers_language() -> None:
    inbound = stored(text("Bonjour"))

    assert inbound == Inbound(Channel.WEBCHAT, "chama", Text("Bonjour"), language_hint="fr-MA")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\u200fسلام\u202c", "سلام"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x00b\x07\nc", "ab\nc"),
        ("half of \ud83d an emoji", "half of \ufffd an emoji"),
        ("x" * 5000, "x" * 4096),
        ("\u200f", ""),
        ("😀", "😀"),
        ("5/6", "5/6"),
        ("/", "/"),
    ],
)
def test_words_are_kept_clean(written: str, kept: str) -> None:
    inbound = stored(text(written))

    assert inbound
    assert inbound.reply == Text(kept)


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("/today", Command("today")),
        (" /Week ", Command("week")),
        ("/start  invite-abc_1", Command("start", "invite-abc_1")),
        ("/broadcast@jisr_bot to all\nof us", Command("broadcast", "to all\nof us")),
    ],
)
def test_words_behind_a_stroke_are_commands(written: str, command: Command) -> None:
    inbound = stored(text(written))

    assert inbound
    assert inbound.reply == command


def test_a_tap_names_its_prompt_its_choice_and_the_message_it_was_on() -> None:
    inbound = stored(tap(message=31))

    assert inbound
    assert (inbound.reply, inbound.message_ref) == (Tap("p17", "yes"), "31")


def test_a_tap_on_a_button_without_a_prompt_is_one() -> None:
    inbound = stored(tap(prompt_no=None, choice="!stop"))

    assert inbound
    assert (inbound.reply, inbound.message_ref) == (Tap("", "!stop"), None)


def test_a_place_is_a_location() -> None:
    inbound = stored(place(34.05, -7))

    assert inbound
    assert inbound.reply == Location(34.05, -7.0)


def test_the_same_link_twice_is_the_same_frame() -> None:
    first, again, other = (
        webchat.read_frame(json.dumps({"type": "start", "payload": payload}))
        for payload in ("invite-1", "invite-1", "invite-2")
    )

    assert first
    assert other
    assert first == again == webchat.start_frame("invite-1")
    assert other["ref"] != first["ref"]
    inbound = stored({"type": "start", "payload": "invite-1"})
    assert inbound
    assert inbound.reply == Command("start", "invite-1")


@pytest.mark.parametrize(
    "frame",
    [
        text("Bonjour") | {"ref": "r" * 41},
        text("Bonjour") | {"ref": "a:b"},
        text("Bonjour") | {"ref": None},
        text("Bonjour") | {"text": 7},
        {"type": "text", "text": "Bonjour"},
        tap(choice=""),
        tap(choice="x" * 65),
        tap(choice="oui é"),
        tap(prompt_no="p 1"),
        tap(prompt_no=1),
        tap(label=None),
        place("34", -7),
        place(91, 0),
        place(0, -180.5),
        place(float("nan"), 0),
        place(float("inf"), 0),
        place(10**400, 0),
        {"type": "start"},
        {"type": "shown", "id": "1"},
        {"type": "hello", "ref": "r1"},
        {"type": ["text"], "ref": "r1"},
        [],
        None,
    ],
)
def test_anything_else_is_none_of_ours(frame: Any) -> None:
    assert webchat.read_frame(json.dumps(frame)) is None


@pytest.mark.parametrize("data", ["", "hello", "[" * 60_000, '{"type":"shown","id":' + "9" * 5000 + "}"])
def test_what_is_no_json_is_none_of_ours(data: str) -> None:
    assert webchat.read_frame(data) is None
    assert webchat.parse_payload(data) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tap", "location", "start", "shown"]) | anything},
    optional=dict.fromkeys(
        ("text", "ref", "choice", "label", "prompt_no", "message", "latitude", "longitude", "payload", "id"),
        anything,
    ),
)


@given(fields | anything)
def test_no_frame_makes_the_parser_fail(frame: Any) -> None:
    read = webchat.read_frame(json.dumps(frame))

    if read is not None:
        payload = webchat.payload_of(read, sender="chama", language=None)
        assert (webchat.parse_payload(payload) is None) == (read["type"] == "shown")
        assert webchat.read_frame(json.dumps(read)) == read
        payload.encode()


# ---- What is shown


def test_a_message_is_shown_with_its_buttons_and_the_local_time() -> None:
    message = OutboundMessage(
        "فوقاش؟", "ary", "rtl", (Choice("d1", "\u2068الاثنين\u2069"),), prompt_ref="p3", wants_location=True
    )

    frame = webchat.render(message, TEXTS["ary"], number=12, replaces=None, at=AT)

    assert frame == {
        "type": "message",
        "id": 12,
        "text": "فوقاش؟",
        "direction": "rtl",
        "lang": "ary",
        "choices": [{"id": "d1", "label": "الاثنين"}],
        "prompt_no": "p3",
        "wants_location": True,
        "document": None,
        "map": None,
        "clip": None,
        "replaces": None,
        "at": "2026-11-23T09:05:00+00:00",
        "clock": "09:05",
    }


@pytest.mark.parametrize(("edits", "replaces", "place_of"), [("31", None, 31), (None, 30, 30), ("x", 30, 30)])
def test_a_message_takes_the_place_of_the_one_it_answers(
    edits: str | None, replaces: int | None, place_of: int
) -> None:
    message = OutboundMessage("Quel jour ?", "fr", edits=edits)

    frame = webchat.render(message, TEXTS["fr"], number=32, replaces=replaces, at=AT)

    assert frame["replaces"] == place_of


def test_a_page_is_a_link_that_tells_nothing() -> None:
    document = Document(DocumentKind.LIFE_PROJECT, ContactId(7), visit_id=3)
    message = OutboundMessage("Voici la page.", "fr", document=document)

    frame = webchat.render(message, TEXTS["fr"], number=32, replaces=None, at=AT)

    assert frame["document"] == {"path": "/page/32", "label": "[fr] 📄 Open the page"}


def test_a_place_is_two_links_with_its_degrees_and_nothing_else() -> None:
    """No name of it goes along to whoever serves the map."""
    venue = Venue("📍 Le centre à Salé", "12, rue de la Gare", 34.05312, -6.0)

    frame = webchat.render(
        OutboundMessage("📍 Le centre à Salé", "fr", venue=venue),
        TEXTS["fr"],
        number=32,
        replaces=None,
        at=AT,
    )

    assert frame["text"] == "📍 Le centre à Salé"
    assert frame["map"] == [
        {"link": "geo:34.05312,-6.00000?q=34.05312,-6.00000", "label": "[fr] 📱 In a map app"},
        {
            "link": "https://www.openstreetmap.org/?mlat=34.05312&mlon=-6.00000#map=18/34.05312/-6.00000",
            "label": "[fr] 🗺️ On a web page",
        },
    ]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (text("Bonjour"), "Bonjour"),
        (tap(), "Oui"),
        (place(34, -7), "[fr] 📍 Share my location"),
    ],
)
def test_what_a_person_did_stands_in_their_chat(frame: dict[str, Any], said: str) -> None:
    read = webchat.read_frame(json.dumps(frame))
    assert read

    shown = webchat.stored_echo(webchat.payload_of(read, sender="chama", language=None), AT, TEXTS["fr"])

    assert shown == {"type": "echo", "text": said, "clock": "09:05", "ref": "r1"}


def test_coming_in_is_not_seen_in_the_chat() -> None:
    payload = webchat.payload_of(webchat.start_frame("invite-1"), sender="chama", language=None)

    assert webchat.stored_echo(payload, AT, TEXTS["fr"]) is None


def test_a_page_is_told_its_language_and_its_words() -> None:
    frame = webchat.hello(TEXTS["ary"], demo=True)

    assert (frame["language"], frame["direction"], frame["demo"]) == ("ary", "rtl", True)
    assert frame["ui"].keys() == {
        "placeholder", "send", "offline", "online", "share_location", "locating", "location_failed", "today"
    }  # fmt: skip
    assert all(word.startswith("[ary] ") for word in frame["ui"].values())


def test_the_link_at_a_door_counts_each_time_its_page_is_opened() -> None:
    first, second = (
        webchat.read_frame(json.dumps({"type": "start", "payload": "door_abcdefgh23", "ref": ref}))
        for ref in ("r1", "r2")
    )
    invited = [
        webchat.read_frame(json.dumps({"type": "start", "payload": "invite-1", "ref": ref}))
        for ref in ("r1", "r2")
    ]

    assert first is not None
    assert second is not None
    assert (first["ref"], second["ref"]) == ("r1", "r2")
    assert invited[0] == invited[1] == webchat.start_frame("invite-1")
    inbound = stored(first)
    assert inbound is not None
    assert inbound.reply == Command("start", "door_abcdefgh23")


def test_the_date_of_a_visit_has_a_link_of_its_own() -> None:
    date_of = Document(DocumentKind.VISIT_DATE, ContactId(7), visit_id=3)
    message = OutboundMessage("Ouvrez.", "fr", document=date_of)

    frame = webchat.render(message, TEXTS["fr"], number=5, replaces=None, at=AT)

    assert frame["document"] == {"path": "/page/5", "label": "[fr] 📆 Open the date"}
