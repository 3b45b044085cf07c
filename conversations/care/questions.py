"""Questions people ask, and curated answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from conversations.care.appointments import Need
from conversations.care.rules import REVIEW_DAYS, Tag
from conversations.care.sources import Source

# A person reads it on a small telephone.
LONGEST_ANSWER = 300
# It stands above its answer.
LONGEST_QUESTION = 120


class Topic(StrEnum):
    """What a question is about; the values are ids of choices."""

    COMING = "coming"  # who may come, when, and with what
    WORK = "work"  # work, projects, money, training
    PEOPLE = "people"  # women, young people, relatives
    LAW = "law"  # the record and kinds of sentences, as general law
    HELP = "help"  # whom to call


class Next(StrEnum):
    """What somebody can do after an answer; the values are stored and are ids of choices."""

    BOOK = "book"
    NEAREST = "nearest"
    PERSON = "person"
    SERVICES = "services"
    LIFE_PROJECT = "life_project"
    HELP_NUMBERS = "help_numbers"


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in one language. `label` names it on a button; `asked` is how people put it."""

    label: str
    question: str
    answer: str
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its answer in every language, what it rests on and where it leads.

    `need` is what a visit booked from here is for. `reviewed` is when somebody last compared the answer with
    its sources.
    """

    id: str
    topic: Topic
    tag: Tag
    wordings: Mapping[str, Wording]
    sources: tuple[Source, ...]
    reviewed: date
    need: Need
    next: tuple[Next, ...]

    def needs_review(self, today: date) -> bool:
        """Tell whether nobody has compared the answer with its sources for too long."""
        return self.reviewed < today - timedelta(days=REVIEW_DAYS)


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody's words may ask, the likeliest first; empty when they ask nothing that is known.

    When not `sure` they were guessed: the person chooses, and no answer is given before.
    """

    questions: tuple[Question, ...] = ()
    sure: bool = False


class QuestionBook(Protocol):
    """What conversations need to know about questions."""

    def about(self, topic: Topic) -> Sequence[Question]: ...

    def question(self, question_id: str) -> Question | None: ...

    def to_review(self, today: date) -> Sequence[Question]:
        """Return the questions that nobody has compared with their sources for too long."""
        ...

    def find(self, text: str) -> Found:
        """Return what the text asks, in whatever language and spelling: one when sure, else three at most."""
        ...

    def known_words(self, text: str) -> str:
        """Return the text with only words that tell of no person; "…" stands for all others.

        Empty when nothing is left from which one could learn what was asked.
        """
        ...
