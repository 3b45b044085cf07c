"""Outbound messages become calls that Telegram takes and a small phone shows well."""

from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove, TelegramObject

from bot.channels.telegram import (
    MAX_CAPTION,
    MAX_TEXT,
    Call,
    EditText,
    SendMedia,
    SendPlace,
    SendText,
    layout,
    render,
)
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import MediaKind

Keyboard = TypeVar("Keyboard", bound=TelegramObject)

RLM = "\u200f"
BACK, MENU = Choice("!back", "⬅️ Retour"), Choice("!menu", "🏠 Menu")
NEEDS = (Choice("identity", "Papiers d'identité"), Choice("work", "Travail"))


def french(text: str = "De quoi avez-vous besoin ?", **fields: object) -> OutboundMessage:
    return replace(OutboundMessage(text, "fr", prompt_ref="p17"), **fields)  # type: ignore[arg-type]


def darija(text: str) -> OutboundMessage:
    return OutboundMessage(text, "ary", direction="rtl")


def only(calls: list[Call]) -> Call:
    (call,) = calls
    return call


def buttons(call: Call) -> list[list[tuple[str, object]]]:
    markup = keyboard(call, InlineKeyboardMarkup)
    return [[(button.text, button.callback_data) for button in row] for row in markup.inline_keyboard]


def keyboard(call: Call, kind: type[Keyboard]) -> Keyboard:
    """Return the call's keyboard as the library's object, which must say all that was given."""
    assert call.markup is not None
    read = kind.de_json(dict(call.markup), None)
    assert read.to_dict() == call.markup
    return read


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def labels(*texts: str) -> list[list[str]]:
    """The rows in which choices of these labels stand."""
    rows = layout([Choice(f"c{number}", text) for number, text in enumerate(texts)])
    return [[choice.label for choice in row] for row in rows]


def test_a_prompt_is_one_message_whose_buttons_carry_its_number() -> None:
    call = only(render(french(choices=(*NEEDS, BACK, MENU))))

    assert isinstance(call, SendText)
    assert call.text == "De quoi avez-vous besoin ?"
    assert buttons(call) == [
        [("Papiers d'identité", "p17:identity")],
        [("Travail", "p17:work")],
        [("⬅️ Retour", "p17:!back"), ("🏠 Menu", "p17:!menu")],
    ]


def test_buttons_of_no_prompt_are_marked_as_such() -> None:
    call = only(render(french(choices=(MENU,), prompt_ref=None)))

    assert buttons(call) == [[("🏠 Menu", "g:!menu")]]


def test_plain_words_have_no_keyboard() -> None:
    call = only(render(french()))

    assert isinstance(call, SendText)
    assert call.markup is None


def test_an_answer_to_a_tap_is_written_in_place() -> None:
    call = only(render(french(choices=NEEDS, edits="41")))

    assert isinstance(call, EditText)
    assert call.message_id == 41
    assert buttons(call)[1] == [("Travail", "p17:work")]


def test_a_last_word_in_place_leaves_no_buttons() -> None:
    call = only(render(french("C'est noté.", edits="41")))

    assert isinstance(call, EditText)
    assert call.markup is None


def test_a_message_with_nothing_in_it_only_acknowledges() -> None:
    assert render(french("", tap_ref="7")) == []
    assert render(french("\n ", edits="41", choices=NEEDS)) == []


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (["Oui", "Non"], [["Oui", "Non"]]),
        (["Oui, je viens", "Changer", "Annuler"], [["Oui, je viens", "Changer"], ["Annuler"]]),
        (
            ["Darija", "Arabe", "Français", "English"],
            [["Darija", "Arabe"], ["Français", "English"]],
        ),
        (
            ["Trouver le centre le plus proche", "Aide"],
            [["Trouver le centre le plus proche"], ["Aide"]],
        ),
        (
            ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"],
            [["09:00", "09:30", "10:00"], ["10:30", "11:00", "11:30"]],
        ),
        (
            [f"{hour:02}:00" for hour in range(8, 16)],
            [["08:00", "09:00", "10:00", "11:00"], ["12:00", "13:00", "14:00", "15:00"]],
        ),
        (["Oui", "Nous verrons bien"], [["Oui"], ["Nous verrons bien"]]),
    ],
)
def test_rows_are_as_wide_as_a_phone_shows_labels_whole(texts: list[str], rows: list[list[str]]) -> None:
    assert labels(*texts) == rows


def test_many_times_stand_close_together_beside_a_longer_choice() -> None:
    times = [f"{hour:02}:00" for hour in range(8, 16)]

    assert labels(*times, "Un autre jour") == [times[:4], times[4:], ["Un autre jour"]]


def test_emoji_count_as_wide_and_vowel_marks_as_nothing() -> None:
    assert labels("🟢🟢🟢🟢🟢🟢🟢🟢🟢", "ok") == [["🟢🟢🟢🟢🟢🟢🟢🟢🟢"], ["ok"]]
    assert labels("مُسْتَشَارٌ", "نَعَمْ", "لَا") == [["مُسْتَشَارٌ", "نَعَمْ", "لَا"]]


def test_a_location_is_asked_for_with_the_platforms_own_button() -> None:
    sale, fes, other = Choice("sale", "Salé"), Choice("fes", "Fès"), Choice("regions", "Choisir une région")

    call = only(
        render(
            french(
                choices=(sale, fes, BACK, MENU),
                wants_location=True,
                location_label="📍 Envoyer ma position",
                edits="41",
            )
        )
    )
    wide = only(render(french(choices=(sale, fes, other), wants_location=True)))

    assert isinstance(call, SendText)
    shown = keyboard(call, ReplyKeyboardMarkup)
    rows = [[(key["text"], key.get("request_location")) for key in row] for row in call.markup["keyboard"]]
    assert rows == [
        [("📍 Envoyer ma position", True)],
        [("Salé", None), ("Fès", None)],
        [("⬅️ Retour", None), ("🏠 Menu", None)],
    ]
    assert [len(row) for row in keyboard(wide, ReplyKeyboardMarkup).keyboard] == [1, 2, 1]
    assert shown.one_time_keyboard
    assert shown.resize_keyboard


def test_the_location_button_has_a_sign_when_nobody_named_it() -> None:
    call = only(render(french(wants_location=True)))

    assert keyboard(call, ReplyKeyboardMarkup)
    assert call.markup["keyboard"] == [[{"text": "📍", "request_location": True}]]


def test_the_location_keyboard_goes_before_buttons_come() -> None:
    gone, prompt = render(french(choices=NEEDS, takes_keyboard_away=True, edits="41"))

    assert isinstance(gone, SendText)
    assert keyboard(gone, ReplyKeyboardRemove).remove_keyboard
    assert isinstance(prompt, SendText)
    assert buttons(prompt)[1] == [("Travail", "p17:work")]


def test_the_location_keyboard_goes_with_words_that_have_no_buttons() -> None:
    call = only(render(french("À bientôt.", takes_keyboard_away=True, edits="41")))

    assert isinstance(call, SendText)
    assert call.text == "À bientôt."
    assert keyboard(call, ReplyKeyboardRemove).remove_keyboard


@pytest.mark.parametrize("kind", ["voice", "photo", "document", "video"])
def test_a_forwarded_file_carries_the_words_and_the_buttons(kind: str) -> None:
    call = only(render(french("De Brahim", choices=NEEDS, media_kind=kind, media_ref="AwAC", edits="41")))

    assert isinstance(call, SendMedia)
    assert (call.kind, call.ref, call.caption) == (MediaKind(kind), "AwAC", "De Brahim")
    assert buttons(call)[1] == [("Travail", "p17:work")]


def test_a_sticker_takes_no_words_so_they_follow() -> None:
    sticker, words = render(french("De Brahim", choices=NEEDS, media_kind="sticker", media_ref="CAAC"))

    assert isinstance(sticker, SendMedia)
    assert (sticker.caption, sticker.markup) == (None, None)
    assert isinstance(words, SendText)
    assert buttons(words)[1] == [("Travail", "p17:work")]


def test_words_too_long_for_a_caption_follow_the_file() -> None:
    long = "a" * (MAX_CAPTION + 1)

    voice, words = render(french(long, media_kind="voice", media_ref="AwAC"))

    assert isinstance(voice, SendMedia)
    assert voice.caption is None
    assert isinstance(words, SendText)
    assert words.text == long


def test_a_file_without_words_is_sent_alone() -> None:
    call = only(render(french("", media_kind="voice", media_ref="AwAC")))

    assert isinstance(call, SendMedia)
    assert call.caption is None


def test_what_cannot_be_forwarded_leaves_its_words() -> None:
    call = only(render(french("De Brahim", media_kind="other", media_ref="BAAC")))

    assert isinstance(call, SendText)
    assert call.text == "De Brahim"


def test_a_line_that_starts_with_latin_letters_still_runs_from_the_right() -> None:
    text = "جسر\nWhatsApp: هنا\n0522 12 34 56\n\n✅ Salé مركز\n\u2068Brahim\u2069 كتب\n(مرحبا)"

    call = only(render(darija(text)))

    assert isinstance(call, SendText)
    assert call.text.split("\n") == [
        "جسر",
        f"{RLM}WhatsApp: هنا",
        "0522 12 34 56",
        "",
        f"{RLM}✅ Salé مركز",
        f"{RLM}\u2068Brahim\u2069 كتب",
        "(مرحبا)",
    ]


def test_a_line_that_has_its_mark_gets_no_second_one() -> None:
    call = only(render(darija(f"{RLM}WhatsApp: هنا")))

    assert isinstance(call, SendText)
    assert call.text == f"{RLM}WhatsApp: هنا"


def test_french_lines_are_left_as_they_are() -> None:
    call = only(render(french("Bonjour\nسلا : Salé")))

    assert isinstance(call, SendText)
    assert call.text == "Bonjour\nسلا : Salé"


def test_marks_that_make_a_text_too_long_move_its_end_to_a_second_message() -> None:
    """4,096 units of lines that each need a mark: the buttons stay under the end."""
    line = "Rabat " + "ر" * 58
    message = replace(darija("\n".join([line] * 63)), choices=NEEDS, edits="41")
    assert units(message.text) <= MAX_TEXT

    first, last = render(message)

    assert isinstance(first, SendText)
    assert isinstance(last, SendText)
    assert first.markup is None
    assert buttons(last)
    assert f"{first.text}\n{last.text}".split("\n") == [f"{RLM}{line}"] * 63


def test_half_an_emoji_from_a_web_page_does_not_stop_a_message() -> None:
    call = only(render(french("Salam \ud83d")))

    assert isinstance(call, SendText)
    assert call.text == "Salam \ufffd"


ANY_TEXT = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("\n \u200fأ😀a"), max_size=40
).flatmap(lambda piece: st.integers(1, 400).map(lambda times: piece * times))
ANY_CHOICES = st.lists(
    st.builds(
        Choice,
        st.from_regex(r"[a-z0-9_.-]{1,40}", fullmatch=True) | st.sampled_from(["!back", "!menu"]),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    ),
    max_size=30,
    unique_by=lambda choice: choice.id,
).map(tuple)


@given(
    message=st.builds(
        OutboundMessage,
        text=ANY_TEXT,
        language=st.just("ary"),
        direction=st.sampled_from(["rtl", "ltr"]),
        choices=ANY_CHOICES,
        prompt_ref=st.sampled_from(["p1234567", "n123456789012", None]),
        takes_keyboard_away=st.booleans(),
        edits=st.none() | st.just("41"),
        media_kind=st.none() | st.sampled_from(MediaKind).map(str),
        media_ref=st.none() | st.just("AwAC"),
    )
)
def test_whatever_is_said_fits_telegram(message: OutboundMessage) -> None:
    calls = render(message)

    for call in calls:
        words = call.caption or "" if isinstance(call, SendMedia) else call.text
        assert units(words) <= (MAX_CAPTION if isinstance(call, SendMedia) else MAX_TEXT)
        assert words.strip() or isinstance(call, SendMedia)
    shown = [button for call in calls if call.markup and "inline_keyboard" in call.markup
             for row in buttons(call) for button in row]  # fmt: skip
    assert sorted(label for label, _ in shown) == sorted(
        choice.label for choice in (message.choices if calls else ())
    )
    assert all(len(str(data).encode()) <= 64 for _, data in shown)
    keyboards = [call.markup["inline_keyboard"] for call in calls if "inline_keyboard" in (call.markup or {})]
    assert all(len(row) <= 8 for rows in keyboards for row in rows)


def test_a_place_is_a_pin_alone() -> None:
    venue = Venue("📍 Le centre à Salé", "", 34.05312, -6.79854)

    assert render(french("📍 Le centre à Salé", venue=venue)) == [SendPlace(venue)]
