"""Matching what somebody typed with the choices they were shown."""

import unicodedata
from collections.abc import Sequence

from conversations.engine.flow import Choice

_ARABIC_FOLDS = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ة": "ه",
        "گ": "ك",
        "ڭ": "ك",
        "ݣ": "ك",
        "ڤ": "ف",
        "ـ": None,
        "’": "'",
        "ʼ": "'",
    }
)


def fold_words(text: str) -> str:
    """Return the text as bare lower-case words with single spaces: no marks, emoji or punctuation.

    Digits of any script become those of ASCII, and the first of a French month a number like the others.
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_ARABIC_FOLDS).casefold())
    kept = "".join(
        _plain_digit(letter) if letter.isalnum() or letter == "'" else " "
        for letter in decomposed
        if not unicodedata.combining(letter) and unicodedata.category(letter) != "Cf"
    )
    words = ("1" if word == "1er" else word for word in kept.replace("'", " ").split())
    return " ".join(words).translate(_ARABIC_FOLDS)


def _plain_digit(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def typed_number(text: str) -> int | None:
    """Return the number typed alone, in any script's digits; None when it is anything else."""
    text = text.strip().strip(".)").strip()
    return int(text) if text.isdecimal() and len(text) <= 2 else None


def matching_choice(text: str, choices: Sequence[Choice]) -> str | None:
    """Return the id of the choice meant by a typed number (1 is the first) or by its label."""
    number = typed_number(text)
    if number is not None and 1 <= number <= len(choices):
        return choices[number - 1].id
    words = fold_words(text)
    # A label of digits and signs alone ("10:00") folds to digits; one of emoji alone to nothing.
    hits = {choice.id for choice in choices if words and fold_words(choice.label) == words}
    return hits.pop() if len(hits) == 1 else None
