"""What a manager's words must not be, whatever entry they are for."""

import re
from dataclasses import dataclass
from enum import StrEnum

from conversations.care.rules import UNSAID, Tag, names_foundation
from conversations.engine.matching import fold_words


class WordingFault(StrEnum):
    """Why words cannot be told to anybody."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    MONEY = "money"  # an amount; nobody is promised one
    REFUSAL = "refusal"  # shuts the door, which is the centre's to open
    PLACEHOLDER = "placeholder"  # one of the text is missing, or one is new
    SCRIPT = "script"  # written in the letters of another language
    FOUNDATION = "foundation"  # makes the Foundation's word of what nobody has said


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the words will stand: in which language, how long at most, instead of what, tagged how.

    `in_units`: the length counts UTF-16 units, as WhatsApp does for labels.
    """

    language: str
    longest: int
    before: str
    tag: Tag
    in_units: bool = False


def length(text: str, slot: Slot) -> int:
    return len(text.encode("utf-16-le")) // 2 if slot.in_units else len(text)


def one_line(text: str) -> str:
    """Return the text as it is kept: in one line, with single spaces."""
    return " ".join(text.split())


def wording_fault(text: str, slot: Slot) -> WordingFault | None:
    """Return the first thing that is wrong with the words, None when they can be told."""
    if not text:
        return WordingFault.EMPTY
    if length(text, slot) > slot.longest:
        return WordingFault.TOO_LONG
    if names_amount(text):
        return WordingFault.MONEY
    if refusal_in(text):
        return WordingFault.REFUSAL
    if _braces(text) != _braces(slot.before):
        return WordingFault.PLACEHOLDER
    if not _is_in_script(text, slot.language):
        return WordingFault.SCRIPT
    if slot.tag in UNSAID and names_foundation(text, slot.language):
        return WordingFault.FOUNDATION
    return None


def with_centre_decides(text: str, clause: str, language: str) -> str:
    """Return the text with the words that the centre decides, behind it where it lacks them."""
    if not text or fold_words(clause) in fold_words(text):
        return text
    semicolon = {"fr": " ; ", "ar": "؛ ", "ary": "؛ "}.get(language, "; ")
    return f"{text.rstrip(' .!?؟…')}{semicolon}{clause}."


_CURRENCY = (
    r"(?:mad|dhs?|dirhams?|centimes?|euros?|eur|dollars?|usd)\b|درهم|دراهم|دراهيم|ريال|اورو|يورو|دولار"
)
_MANY = r"\d|\b(?:cents?|mille|milles|millions?|hundred|thousand)\b|الف\b|الاف|ميه\b|مايه\b|مييه\b|ميات|مليون"
# Folded, with a word between at most: "mille cinq cents dirhams", "1 500 petits dirhams".
_AMOUNT = re.compile(rf"(?:{_MANY})[\d\s]*(?:\w+\s+)?(?:{_CURRENCY})|(?:{_CURRENCY})\s*\d")
_SIGNED = re.compile(r"[€$]\s*\d|\d\s*[€$]")


def names_amount(text: str) -> bool:
    """Tell whether the text names an amount of money, in digits or in words."""
    return bool(_SIGNED.search(text) or _AMOUNT.search(fold_words(text)))


# What turns people away, and what decides in the centre's place.
_REFUSALS = tuple(
    fold_words(phrase)
    for phrase in (
        "not eligible",
        "ineligible",
        "not entitled",
        "no right to",
        "not allowed",
        "you cannot",
        "you can't",
        "will be refused",
        "will be rejected",
        "is excluded",
        "are excluded",
        "non éligible",
        "pas éligible",
        "inéligible",
        "pas le droit",
        "pas droit",
        "aucun droit",
        "ne pouvez pas",
        "sera refusé",
        "seront refusé",
        "est refusé",
        "êtes exclu",
        "sont exclu",
        "est exclu",
        "غير مؤهل",
        "لا يحق",
        "لا حق لك",
        "ليس لك الحق",
        "ليس من حقك",
        "لا يمكنك",
        "مرفوض",
        "مستثنى",
        "مقصي",
        "ما عندكش الحق",
        "ماعندكش الحق",
        "ما عندك حق",
        "ماشي من حقك",
        "ما تقدرش",
        "ماتقدرش",
    )
)


def refusal_in(text: str) -> str | None:
    """Return the words that shut the door on somebody, folded; None when there are none."""
    folded = f" {fold_words(text)}"
    return next((phrase for phrase in _REFUSALS if f" {phrase}" in folded), None)


_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_ARABIC = re.compile(r"[\u0620-\u06ff]")
_LATIN = re.compile(r"[A-Za-zÀ-ÿ]")


def _braces(text: str) -> list[str]:
    return sorted(_BRACES.findall(text))


def _is_in_script(text: str, language: str) -> bool:
    arabic, latin = len(_ARABIC.findall(text)), len(_LATIN.findall(text))
    return arabic > latin if language in ("ar", "ary") else latin > arabic
