"""What is told today: what the service was shipped with, and what managers published since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Any

from conversations.care.edits import Target
from conversations.care.questions import (
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    Found,
    Question,
    QuestionBook,
    Topic,
)
from conversations.care.rules import LABEL, Change, ChangeRefused, Programme, RuleSet
from conversations.care.wording import Slot, wording_fault

# What of a question may be worded anew, and how long it may be; its label is a button.
QUESTION_FIELDS = {"answer": LONGEST_ANSWER, "question": LONGEST_QUESTION, "label": LABEL}

# How a programme stands: fields by their names in the file.
PROGRAMME_FIELDS = {"open": "open", "from": "opens_on", "until": "closes_on", "regions": "regions"}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A published change that what is shipped today no longer takes; `sentence` says why, for operators."""

    change: Change
    sentence: str


@dataclass(frozen=True, slots=True)
class Edition:
    rules: RuleSet
    questions: QuestionBook
    skipped: tuple[Skipped, ...] = ()

    def has(self, entry: str) -> bool:
        return self.questions.question(entry) is not None or self.rules.fact(entry) is not None

    def value_of(self, target: Target) -> Any:
        """Return what a field says, as a change would hold it; None too when its entry is gone."""
        if question := self.questions.question(target.entry):
            return getattr(question.wordings[target.language or ""], target.field)
        fact = self.rules.fact(target.entry)
        if target.language is not None:
            return getattr(fact, target.field)[target.language] if fact else None
        return getattr(fact, PROGRAMME_FIELDS[target.field]) if isinstance(fact, Programme) else None


class Editions:
    """Makes editions of what was shipped; the last is remembered, since few turns see a new one."""

    def __init__(self, rules: RuleSet, questions: QuestionBook) -> None:
        self._shipped = Edition(rules, questions)
        self._changes: tuple[Change, ...] = ()
        self._edition = self._shipped

    def of(self, changes: tuple[Change, ...]) -> Edition:
        """Return what was shipped with the changes made in order; what does not fit is skipped."""
        if changes != self._changes:
            self._edition = edition_of(self._shipped.rules, self._shipped.questions, changes)
            self._changes = changes
        return self._edition


def edition_of(rules: RuleSet, questions: QuestionBook, changes: Sequence[Change]) -> Edition:
    of_questions = [change for change in changes if questions.question(change.entry)]
    of_rules = [change for change in changes if not questions.question(change.entry)]
    changed, skipped = _changed_rules(rules, of_rules)
    reworded, skipped_questions = _changed_questions(questions, of_questions)
    return Edition(
        changed,
        EditedBook(questions, reworded) if reworded else questions,
        (*skipped, *skipped_questions),
    )


def _changed_rules(rules: RuleSet, changes: Sequence[Change]) -> tuple[RuleSet, list[Skipped]]:
    try:
        return rules.with_changes(changes), []
    except ChangeRefused:
        return _changed_by_entry(rules, changes)


def _changed_by_entry(rules: RuleSet, changes: Sequence[Change]) -> tuple[RuleSet, list[Skipped]]:
    """Make what can be made. An entry's changes belong together: two days may fit only both."""
    skipped: list[Skipped] = []
    for _, of_entry in groupby(sorted(changes, key=lambda change: change.entry), lambda change: change.entry):
        together = list(of_entry)
        try:
            rules = rules.with_changes(together)
        except ChangeRefused:
            rules, refused = _changed_one_by_one(rules, together)
            skipped += refused
    return rules, skipped


def _changed_one_by_one(rules: RuleSet, changes: Iterable[Change]) -> tuple[RuleSet, list[Skipped]]:
    skipped = []
    for change in changes:
        try:
            rules = rules.with_changes([change])
        except ChangeRefused as refused:
            skipped.append(Skipped(change, refused.sentence))
    return rules, skipped


def _changed_questions(
    questions: QuestionBook, changes: Sequence[Change]
) -> tuple[dict[str, Question], list[Skipped]]:
    reworded: dict[str, Question] = {}
    skipped: list[Skipped] = []
    for change in changes:
        question = reworded.get(change.entry) or questions.question(change.entry)
        try:
            reworded[change.entry] = reworded_question(question, change)
        except ChangeRefused as refused:
            skipped.append(Skipped(change, refused.sentence))
    return reworded, skipped


def reworded_question(question: Question | None, change: Change) -> Question:
    """Return the question with one of its texts in other words. Raises ChangeRefused."""
    wording = question.wordings.get(change.language or "") if question else None
    longest = QUESTION_FIELDS.get(change.field)
    if question is None or wording is None or longest is None or not isinstance(change.value, str):
        raise ChangeRefused(f"{change.entry}, {change.field}: this cannot be changed, or not to that.")
    slot = Slot(
        language=change.language or "",
        longest=longest,
        before=getattr(wording, change.field),
        tag=question.tag,
        in_units=change.field == "label",
    )
    if fault := wording_fault(change.value, slot):
        raise ChangeRefused(f"{change.entry}, {change.field}_{change.language}: {fault}.")
    texts: dict[str, Any] = {change.field: change.value}
    return replace(
        question,
        wordings={**question.wordings, slot.language: replace(wording, **texts)},
        reviewed=change.reviewed or question.reviewed,
    )


@dataclass(frozen=True, slots=True)
class EditedBook:
    """The questions, of which some say something else than when they were shipped.

    They are found by what they were shipped with: managers change what people read, not how they ask.
    """

    shipped: QuestionBook = field(repr=False)
    reworded: dict[str, Question]

    def about(self, topic: Topic) -> Sequence[Question]:
        return [self._today(question) for question in self.shipped.about(topic)]

    def question(self, question_id: str) -> Question | None:
        question = self.shipped.question(question_id)
        return self._today(question) if question else None

    def to_review(self, today: date) -> Sequence[Question]:
        return [
            question
            for question in map(self._today, self.shipped.to_review(today))
            if question.needs_review(today)
        ]

    def find(self, text: str) -> Found:
        found = self.shipped.find(text)
        return replace(found, questions=tuple(map(self._today, found.questions)))

    def known_words(self, text: str) -> str:
        return self.shipped.known_words(text)

    def _today(self, question: Question) -> Question:
        return self.reworded.get(question.id, question)
