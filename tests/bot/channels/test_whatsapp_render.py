"""Outbound messages become bodies that the Cloud API takes: each is judged as the fake platform judges it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.plain_text import units
from bot.channels.whatsapp import MAX_BODY, MAX_CAPTION, MAX_TEXT, render
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import MediaKind
from tests.fakes import marked_texts
from tests.graph_bodies import judge_message

JSON = Mapping[str, Any]
FRENCH = marked_texts()["fr"]
BACK, MENU = Choice("!back", "⬅️ Retour"), Choice("!menu", "🏠 Menu")
NEEDS = (Choice("identity", "Papiers d'identité"), Choice("work", "Travail"))


def french(text: str = "De quoi avez-vous besoin ?", **fields: Any) -> OutboundMessage:
    return replace(OutboundMessage(text, "fr", prompt_ref="p17"), **fields)


def choices(*labels: str) -> tuple[Choice, ...]:
    return tuple(Choice(f"c{number}", label) for number, label in enumerate(labels))


def rendered(message: OutboundMessage) -> list[JSON]:
    """Return the bodies, each as the platform would take it."""
    bodies = render(message, FRENCH)
    for body in bodies:
        judge_message(
            {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "212600000001", **body}
        )
    return bodies


def only(message: OutboundMessage) -> JSON:
    [body] = rendered(message)
    return body


def titles(body: JSON) -> Sequence[str]:
    action = body["interactive"]["action"]
    if "buttons" in action:
        return [button["reply"]["title"] for button in action["buttons"]]
    return [row["title"] for row in action["sections"][0]["rows"]]


def test_few_short_choices_are_buttons_that_carry_the_prompt() -> None:
    body = only(french(choices=(*NEEDS, MENU)))

    ids = [button["reply"]["id"] for button in body["interactive"]["action"]["buttons"]]
    assert body["interactive"]["type"] == "button"
    assert ids == ["p17:identity", "p17:work", "p17:!menu"]


@pytest.mark.parametrize(
    "labels", [["a" * 21, "b"], [str(number) for number in range(4)]], ids=["longer", "more"]
)
def test_choices_that_are_no_buttons_are_a_list(labels: list[str]) -> None:
    body = only(french(choices=choices(*labels)))

    assert body["interactive"]["type"] == "list"
    assert titles(body) == labels


def test_a_name_too_long_for_its_row_stands_whole_under_its_number() -> None:
    body = only(french(choices=(*choices("Tanger-Tétouan-Al Hoceïma"), BACK, MENU)))

    row = body["interactive"]["action"]["sections"][0]["rows"][0]
    assert (row["title"], row["description"]) == ("1.", "Tanger-Tétouan-Al Hoceïma")


def test_what_does_not_fit_the_rows_stands_in_the_text_with_its_number() -> None:
    """As a rule Back and Menu, which come last; the number can be typed."""
    body = only(french(choices=(*choices(*(f"jour {day}" for day in range(10))), BACK, MENU)))

    assert len(titles(body)) == 10
    assert body["interactive"]["body"]["text"].endswith("\n\n11. ⬅️ Retour\n12. 🏠 Menu")


@pytest.mark.parametrize(
    "message",
    [
        french(choices=choices("x" * 73, "court")),
        french("long " * 300, choices=NEEDS),
        french(choices=choices("pareil", "pareil")),
        french("", choices=NEEDS),
    ],
    ids=["long label", "long text", "same labels", "no text"],
)
def test_everything_else_is_numbered_text_with_whole_labels(message: OutboundMessage) -> None:
    body = only(message)

    lines = body["text"]["body"].splitlines()
    assert lines[-2:] == [f"{number}. {choice.label}" for number, choice in enumerate(message.choices, 1)]


def test_a_location_is_asked_for_with_the_platforms_own_button() -> None:
    body = only(french("Où êtes-vous ?", choices=(BACK, MENU), wants_location=True))

    assert body["interactive"]["type"] == "location_request_message"
    assert body["interactive"]["body"]["text"] == "Où êtes-vous ?\n\n1. ⬅️ Retour\n2. 🏠 Menu"


def test_a_picture_carries_its_words() -> None:
    body = only(french("Voici", media_kind=MediaKind.PHOTO, media_ref="901"))

    assert body == {"type": "image", "image": {"id": "901", "caption": "Voici"}}


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (french("Voici", media_kind=MediaKind.VOICE, media_ref="901"), ["audio", "text"]),
        (french("a" * (MAX_CAPTION + 1), media_kind=MediaKind.PHOTO, media_ref="901"), ["image", "text"]),
        (french(choices=NEEDS, media_kind=MediaKind.DOCUMENT, media_ref="9"), ["document", "interactive"]),
        (french("", media_kind=MediaKind.STICKER, media_ref="901"), ["sticker"]),
        (french("Voici", media_kind=MediaKind.OTHER, media_ref="901"), ["text"]),
    ],
)
def test_other_files_go_before_their_words(message: OutboundMessage, kinds: list[str]) -> None:
    assert [body["type"] for body in rendered(message)] == kinds


def test_a_place_is_a_pin_with_its_name_and_address() -> None:
    venue = Venue("📍 Le centre à Salé", "12, rue de la Gare", 34.05312, -6.79854)

    assert only(french("📍 Le centre à Salé", venue=venue)) == {
        "type": "location",
        "location": {
            "latitude": 34.05312,
            "longitude": -6.79854,
            "name": "📍 Le centre à Salé",
            "address": "12, rue de la Gare",
        },
    }


def test_a_place_without_an_address_says_none() -> None:
    body = only(french("📍 Fès", venue=Venue("📍 Fès", "", -90, 180)))

    assert body["location"] == {"latitude": -90, "longitude": 180, "name": "📍 Fès"}


def test_a_message_without_words_shows_nothing() -> None:
    assert render(french("", tap_ref="1"), FRENCH) == []


def test_nothing_is_written_in_place() -> None:
    assert only(french("Bonjour", edits="abc")) == only(french("Bonjour"))


def test_an_arabic_line_runs_from_the_right_whatever_it_begins_with() -> None:
    message = OutboundMessage("Salé هي المدينة", "ary", direction="rtl")

    assert only(message)["text"]["body"] == "\u200fSalé هي المدينة"


@given(
    text=st.text(max_size=MAX_TEXT + 100).filter(str.strip),
    labels=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=80)
                    .filter(str.strip), max_size=14),
)  # fmt: skip
def test_whatever_is_said_no_limit_is_broken_and_no_label_cut(text: str, labels: list[str]) -> None:
    bodies = render(french(text, choices=choices(*labels)), FRENCH)

    shown = json.dumps(bodies, ensure_ascii=False)
    assert all(json.dumps(label, ensure_ascii=False)[1:-1] in shown for label in labels)
    for body in bodies:
        if body["type"] == "interactive":
            assert units(body["interactive"]["body"]["text"]) <= MAX_BODY
            assert len(titles(body)) <= 10
            assert max(map(units, titles(body))) <= 24
