"""What people type is matched by its words, whatever marks, digits and emoji are around them."""

import pytest

from conversations.engine.flow import Choice
from conversations.engine.matching import fold_words, matching_choice, typed_number

TIMES = [Choice("0830", "08:30"), Choice("1000", "10:00"), Choice("!menu", "🏠 Menu")]


@pytest.mark.parametrize(
    ("typed", "choice_id"),
    [
        ("10:00", "1000"),
        ("١٠:٠٠", "1000"),
        ("2", "1000"),
        ("٢", "1000"),
        ("menu", "!menu"),
        ("4", None),
        ("0", None),
        ("🏠", None),
        ("", None),
        ("half past ten", None),
    ],
)
def test_a_typed_label_or_number_finds_its_choice(typed: str, choice_id: str | None) -> None:
    assert matching_choice(typed, TIMES) == choice_id


def test_a_label_that_two_choices_share_is_no_answer() -> None:
    assert matching_choice("tiznit", [Choice("a", "Tiznit"), Choice("b", "TIZNIT")]) is None


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Arrêtez !", "arretez"),
        ("الدّارجة", "الدارجه"),
        ("أرقامُ المساعدة", "ارقام المساعده"),
        ("l\u2019aide", "l aide"),
        ("  MENU \u200f", "menu"),
        ("Mardi 1er décembre", "mardi 1 decembre"),
    ],
)
def test_marks_and_case_do_not_count(text: str, folded: str) -> None:
    assert fold_words(text) == folded


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("3.", 3), ("3)", 3), ("۱۲", 12), ("123", None), ("3 cups", None), ("²", None)],
)
def test_a_number_counts_when_it_stands_alone(text: str, number: int | None) -> None:
    assert typed_number(text) == number
