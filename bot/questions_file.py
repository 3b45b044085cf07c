"""Questions people ask, from the packaged file; what is wrong with it is said with the line.

`python -m bot.questions_file check`
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bot.channels.plain_text import units
from bot.clock import Clock, SystemClock
from bot.sources_file import DataFileBroken, Entry, entries, read_sources, text_of
from bot.zone import casablanca
from conversations.care.appointments import Need
from conversations.care.questions import LONGEST_ANSWER, Next, Question, Topic, Wording
from conversations.care.rules import LABEL, Tag
from conversations.care.sources import Source, Sources
from conversations.texts import LANGUAGES

PACKAGED = "questions.toml"
# How people put it, in each language: fewer would find nothing.
FEWEST_ASKED = 4

_ID = re.compile(r"[a-z]+(?:_[a-z]+)*")
_ARABIC = re.compile(r"[\u0620-\u064a]")
_LATIN = re.compile(r"[a-z]", re.IGNORECASE)
# Nobody is promised an amount: a number beside a currency.
_CURRENCY = r"(?:MAD|DH|DHS|dirhams?|درهم|دراهم|الدرهم|ريال|€|\$)"
_AMOUNT = re.compile(rf"\d[\d\s.,]*\s*{_CURRENCY}|{_CURRENCY}\s*\d", re.IGNORECASE)

_KEYS = frozenset({"id", "topic", "tag", "sources", "reviewed", "need", "next"})
_WORDING_KEYS = frozenset({"label", "question", "answer", "asked"})
_CODES = tuple(language.code for language in LANGUAGES)

Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """The file's content: questions in its order, and words that may be kept beside theirs."""

    questions: tuple[Question, ...]
    vocabulary: tuple[str, ...]


def read_questions(
    path: Path | None = None, *, sources: Sources | None = None, today: date | None = None
) -> Asked:
    """Return the questions of the file; the packaged file and sources when none are given.

    With `today`, reviews over a year old are refused: that is for those who edit, since a service must not
    stay down because a day has passed. Raises DataFileBroken, with the line.
    """
    sources = read_sources() if sources is None else sources
    questions: dict[str, Question] = {}
    vocabulary: list[str] = []
    for entry in entries(*text_of(PACKAGED, path)):
        if entry.name == "vocabulary":
            vocabulary += _vocabulary(entry)
            continue
        if entry.name != "question":
            raise entry.broken(f"[{entry.name}] is not known; write [[question]] or [vocabulary].")
        question = _question(entry, sources, today)
        if question.id in questions:
            raise entry.broken(f'the id "{question.id}" stands in an earlier question already.', "id")
        questions[question.id] = question
    return Asked(tuple(questions.values()), tuple(vocabulary))


def _question(entry: Entry, sources: Sources, today: date | None) -> Question:
    for key in entry.values.keys() - _KEYS - set(_CODES):
        raise entry.broken(f'"{key}" is not known in a question.', key)
    question_id = _text(entry, "id")
    if not _ID.fullmatch(question_id) or len(question_id) > 30:
        raise entry.broken("the id must be small Latin letters with single underscores, 30 at most.", "id")
    question = Question(
        id=question_id,
        topic=_kind(entry, "topic", Topic),
        tag=_kind(entry, "tag", Tag),
        wordings={code: _wording(entry, code) for code in _CODES},
        sources=tuple(_source(entry, key, sources) for key in _texts(entry, "sources")),
        reviewed=_reviewed(entry),
        need=_kind(entry, "need", Need),
        next=tuple(_one_of(entry, "next", name, Next) for name in _texts(entry, "next")),
    )
    if today is not None:
        _check_review(entry, question, today)
    return question


def _wording(entry: Entry, code: str) -> Wording:
    values = entry.values.get(code)
    if not isinstance(values, Mapping):
        raise entry.broken(f"the language {code} is missing; write [question.{code}].")
    part = Entry(entry.file, code, entry.key_lines.get(code, entry.line), values, _lines_below(entry, code))
    for key in values.keys() - _WORDING_KEYS:
        raise part.broken(f'"{key}" is not known in a question\'s language.', key)
    wording = Wording(
        label=_text(part, "label"),
        question=_text(part, "question"),
        answer=_text(part, "answer"),
        asked=_texts(part, "asked"),
    )
    if (length := units(wording.label)) > LABEL:
        raise part.broken(f"{length} characters, the label holds {LABEL}; shorten it.", "label")
    if len(wording.answer) > LONGEST_ANSWER:
        raise part.broken(
            f"the answer has {len(wording.answer)} characters; {LONGEST_ANSWER} are read.", "answer"
        )
    for key in ("question", "answer"):
        if amount := _AMOUNT.search(getattr(wording, key)):
            raise part.broken(f"no amount of money may stand here: {amount.group().strip()!r}.", key)
    _check_asked(part, wording)
    return wording


def _check_asked(part: Entry, wording: Wording) -> None:
    if len(wording.asked) < FEWEST_ASKED:
        raise part.broken(f"only {len(wording.asked)} ways to ask; write {FEWEST_ASKED} at least.", "asked")
    scripts = {"Arabic": _ARABIC, "Latin": _LATIN} if part.name == "ary" else {}
    for script, letters in scripts.items():
        if not any(letters.search(text) for text in wording.asked):
            raise part.broken(f"no way to ask is in {script} letters; people write Darija in both.", "asked")


def _lines_below(entry: Entry, code: str) -> dict[str, int]:
    prefix = f"{code}."
    return {key[len(prefix) :]: line for key, line in entry.key_lines.items() if key.startswith(prefix)}


def _reviewed(entry: Entry) -> date:
    reviewed = entry.values.get("reviewed")
    if not isinstance(reviewed, date) or isinstance(reviewed, datetime):
        raise entry.broken("the review date is missing; write it as 2026-11-22.", "reviewed")
    return reviewed


def _check_review(entry: Entry, question: Question, today: date) -> None:
    if question.reviewed > today:
        raise entry.broken(f"the review date {question.reviewed} is in the future.", "reviewed")
    if question.needs_review(today):
        raise entry.broken(
            f"last reviewed on {question.reviewed}, over a year ago; compare the answer with its sources.",
            "reviewed",
        )


def _source(entry: Entry, key: str, sources: Sources) -> Source:
    try:
        return sources[key]
    except KeyError as error:
        raise entry.broken(f'the source "{key}" is not in sources.toml.', "sources") from error


def _kind(entry: Entry, key: str, kind: type[Kind]) -> Kind:
    return _one_of(entry, key, _text(entry, key), kind)


def _one_of(entry: Entry, key: str, value: str, kind: type[Kind]) -> Kind:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(kind)
        raise entry.broken(f'{key} "{value}" is not known; write one of {known}.', key) from error


def _text(entry: Entry, key: str) -> str:
    value = entry.values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise entry.broken(f'"{key}" is missing or empty.', key)
    return value.strip()


def _texts(entry: Entry, key: str) -> tuple[str, ...]:
    values = entry.values.get(key)
    if not isinstance(values, list) or not values:
        raise entry.broken(f'"{key}" is missing or empty.', key)
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise entry.broken(f'"{key}" holds something that is no text.', key)
    return tuple(values)


def _vocabulary(entry: Entry) -> list[str]:
    for key in entry.values.keys() - set(_CODES):
        raise entry.broken(f"{key} is no language of the service.", key)
    return [word for code in entry.values for word in _texts(entry, code)]


def main(arguments: list[str] | None = None, clock: Clock | None = None) -> int:
    """Check the packaged file; return 1 and say what is wrong when it cannot be shipped."""
    if (sys.argv[1:] if arguments is None else arguments) != ["check"]:
        sys.stderr.write("usage: python -m bot.questions_file check\n")
        return 2
    try:
        read_questions(today=(clock or SystemClock()).now().astimezone(casablanca()).date())
    except DataFileBroken as broken:
        sys.stdout.write(f"{broken.sentence}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
