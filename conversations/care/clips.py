"""Recordings of what is written, for who would rather listen: what they read out, and which still fit."""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conversations.care.appointments import Need
from conversations.care.questions import Question, QuestionBook, Topic
from conversations.care.rules import RuleSet, Said
from conversations.texts import LANGUAGES

CODES = tuple(language.code for language in LANGUAGES)
# The languages in which who reads one may be offered recordings, the best first: in Darija where there is
# none in Arabic.
_OFFERED = {"ar": ("ar", "ary")}
# Hexadecimal digits of a text's hash: it guards against forgetting, not against anybody.
HASH_DIGITS = 16


@dataclass(frozen=True, slots=True, order=True)
class Clip:
    """A recording by the language it is in and the name of what it reads out."""

    language: str
    name: str

    def __str__(self) -> str:
        return f"{self.language}/{self.name}"

    def to_json(self) -> list[str]:
        return [self.language, self.name]


class Standing(StrEnum):
    RECORDED = "recorded"
    OUTDATED = "outdated"  # the text has changed since
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Script:
    """What the recordings of one name read out, by language."""

    name: str
    said: Said


@dataclass(frozen=True, slots=True)
class Shelf:
    """The recordings there are, each with the hash of the text it reads out."""

    reads: Mapping[Clip, str] = field(default_factory=dict)

    def fitting(self, script: Script, language: str) -> Clip | None:
        """Return the recording to offer to who reads a language; None when none says what is written."""
        clips = (Clip(code, script.name) for code in _OFFERED.get(language, (language,)))
        return next((each for each in clips if self._fits(script, each)), None)

    def _fits(self, script: Script, clip: Clip) -> bool:
        return self.standing(script, clip.language) is Standing.RECORDED

    def standing(self, script: Script, language: str) -> Standing:
        recorded = self.reads.get(Clip(language, script.name))
        if recorded is None:
            return Standing.MISSING
        return Standing.RECORDED if recorded == words_hash(script.said[language]) else Standing.OUTDATED

    def outdated(self, rules: RuleSet, questions: QuestionBook) -> list[Clip]:
        """Return the recordings of texts that have changed since."""
        return [
            Clip(code, script.name)
            for script in scripts(rules, questions)
            for code in CODES
            if self.standing(script, code) is Standing.OUTDATED
        ]


def question_script(question: Question) -> Script:
    """Return what is read out of an answer: the question, and the answer."""
    said = {code: f"{wording.question}\n{wording.answer}" for code, wording in question.wordings.items()}
    return Script(f"question-{question.id}", said)


def need_script(rules: RuleSet, need: Need) -> Script:
    """Return what is read out of a need: its services and what happens at the centre.

    What depends on the answers of one person is in no recording.
    """
    services = [service for service in rules.services if need in service.needs]
    said = {
        code: "\n".join(f"{service.text[code]} {service.next[code]}" for service in services)
        for code in CODES
    }
    return Script(f"need-{need}", said)


def scripts(rules: RuleSet, questions: QuestionBook) -> Iterator[Script]:
    """Yield all that is read out, in the order in which people meet it."""
    for need in Need:
        yield need_script(rules, need)
    for topic in Topic:
        for question in questions.about(topic):
            yield question_script(question)


def words_hash(text: str) -> str:
    """Return a hash by which to see that other words stand there; spaces and lines make none."""
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(words.encode()).hexdigest()[:HASH_DIGITS]
