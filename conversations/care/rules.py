"""What is known of who may get what, as values: services, programmes, rules, questions and their sources.

The values come from a file that staff edit (bot/data/rules.toml); `faults` says what must not be in it, so
that a change made later is held to the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from conversations.care.appointments import Need
from conversations.care.sources import Sources
from conversations.care.truth import ALWAYS, Condition
from conversations.engine.matching import fold_words
from conversations.texts import LANGUAGES

# In each language of LANGUAGES.
Said = Mapping[str, str]

# A list of WhatsApp: characters of a row's title, in UTF-16 units as it counts them.
LABEL = 24
# With "rather not say", "answer me now", Back and Menu they fill the ten rows of WhatsApp's list.
MOST_OPTIONS = 6
# No sentence of a file is longer; one that is tells too much at once.
LONGEST = 220
# What a programme is called stands in lists beside others.
LONGEST_NAME = 60
# How long a review is good for.
REVIEW_DAYS = 366

_FOUNDATION = {
    language: fold_words(name)
    for language, name in {"en": "Foundation", "fr": "Fondation", "ar": "مؤسسة", "ary": "مؤسسة"}.items()
}
# An amount, in any digits: what is said of money is said at the centre.
_MONEY = re.compile(r"\d[\d\s.,]*(?:MAD|DH|dh|dirham|درهم|درهما|دراهم)", re.IGNORECASE)
_REGION = re.compile(r"0[1-9]|1[0-2]")


class Tag(StrEnum):
    """How sure a fact is."""

    FOUNDATION = "F"  # said by the Foundation, or by one of its officers
    OFFICIAL = "O"  # law or a state body
    PRESS = "P"
    INFERRED = "I"  # by us
    UNKNOWN = "U"  # in no public source


# Nobody has said so, so the words say that the centre decides.
UNSAID = frozenset({Tag.INFERRED, Tag.UNKNOWN})


class Outcome(StrEnum):
    """What a service is for a person. None of them shuts the door."""

    LIKELY = "likely_for_you"
    ASSESS = "centre_will_assess"
    ELSEWHERE = "not_this_service_but_see"


class Effect(StrEnum):
    """What a rule does for a service where its condition is true."""

    FOR = "for"  # the service is for this person
    ASSESS = "assess"  # the same, but the centre looks first
    CAUTION = "caution"  # opens nothing; the centre looks first
    NOTE = "note"  # is told, and changes nothing


AnyFact = TypeVar("AnyFact", bound="Fact")

OPENING = frozenset({Effect.FOR, Effect.ASSESS})


class NextThing(StrEnum):
    """What a person can do next; the ids of choices."""

    BOOK = "book"
    CALL_BACK = "call_back"
    NEAREST = "nearest"
    LIFE_PROJECT = "life_project"


@dataclass(frozen=True, slots=True)
class Fact:
    """What every entry about the world has: how sure it is, from where, and when somebody last looked."""

    id: str
    tag: Tag
    sources: tuple[str, ...]
    reviewed: date
    text: Said


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    label: Said


@dataclass(frozen=True, slots=True)
class Question:
    """Its answer is the id of an option, or nothing at all."""

    id: str
    text: Said
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Service(Fact):
    """`next` is what happens at the centre, `then` what the person can do here, `see` where else to look."""

    next: Said
    needs: tuple[Need, ...]
    then: tuple[NextThing, ...]
    see: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Programme(Fact):
    """`open` None: nobody told us. `opens_on` and `closes_on` are its first and its last day.

    `regions` are the first two digits of the codes of places; empty: everywhere.
    """

    name: Said
    services: tuple[str, ...]
    open: bool | None = None
    opens_on: date | None = None
    closes_on: date | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule(Fact):
    """`effects` by service, "all" for those not named. `reassures` ranks what is said first; 0 is never."""

    effects: Mapping[str, Effect]
    when: Condition = ALWAYS
    next: tuple[NextThing, ...] = ()
    reassures: int = 0

    def effect(self, service_id: str) -> Effect | None:
        return self.effects.get(service_id, self.effects.get("all"))


class Standing(StrEnum):
    """How a programme stands on a day, for somebody who lives somewhere."""

    OPEN = "open"
    NOT_NOW = "not_now"
    NOT_HERE = "not_here"  # open, in other regions
    NOT_KNOWN = "not_known"


def standing(programme: Programme, day: date, region: str | None) -> Standing:
    """Return how the programme stands on a day; `region` None is not known."""
    if programme.open is None and programme.opens_on is None and programme.closes_on is None:
        return Standing.NOT_KNOWN
    begun = programme.opens_on is None or programme.opens_on <= day
    ended = programme.closes_on is not None and programme.closes_on < day
    if programme.open is False or not begun or ended:
        return Standing.NOT_NOW
    if not programme.regions or region in programme.regions:
        return Standing.OPEN
    return Standing.NOT_KNOWN if region is None else Standing.NOT_HERE


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the entry of that id, at that field."""

    entry: str
    field: str
    sentence: str


class ChangeRefused(Exception):
    """The change would break the rules; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Change:
    """Another value for a field of an entry: a text of a language, or how a programme stands.

    `field` is named as in the file. `value` is a text, true or false (`open`), a date (`from`, `until`) or
    region codes (`regions`); None where that is no longer known. `reviewed` is when its writer compared it
    with what they know; None leaves what was.
    """

    entry: str
    field: str
    value: object
    language: str | None = None
    reviewed: date | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All of it, in the order of the file. The first question is who it is about."""

    questions: tuple[Question, ...]
    services: tuple[Service, ...]
    programmes: tuple[Programme, ...]
    rules: tuple[Rule, ...]
    outcomes: Mapping[Outcome, Said]
    centre_decides: Said
    bring: Fact
    sources: Sources = field(repr=False)

    def question(self, question_id: str) -> Question | None:
        return next((each for each in self.questions if each.id == question_id), None)

    def fact(self, fact_id: str) -> Fact | None:
        """Return the service, programme, rule or thing to bring of that id."""
        return next((each for each in _facts(self) if each.id == fact_id), None)

    def rule(self, rule_id: str) -> Rule:
        return next(each for each in self.rules if each.id == rule_id)

    def service(self, service_id: str) -> Service:
        return next(each for each in self.services if each.id == service_id)

    def for_need(self, need: Need) -> tuple[Service, ...]:
        return tuple(each for each in self.services if need in each.needs)

    def with_changes(self, changes: Sequence[Change]) -> "RuleSet":
        """Return the rules with the changes made in order; this one stays as it is.

        Raises ChangeRefused when a change names nothing that may be changed, or breaks what `faults` guards.
        """
        changed = self
        for change in changes:
            changed = _with_change(changed, change)
        for fault in faults(changed):
            raise ChangeRefused(f"{fault.entry}, {fault.field}: {fault.sentence}")
        return changed


def faults(rules: RuleSet, *, today: date | None = None) -> Iterator[Fault]:
    """Yield what must not be told to anybody; with `today`, also what nobody has reviewed for a year."""
    for entry, name, said in _said(rules):
        yield from _text_faults(entry, name, said)
    for fact in _facts(rules):
        yield from _fact_faults(fact, rules)
        if today is not None and (today - fact.reviewed).days > REVIEW_DAYS:
            yield Fault(fact.id, "reviewed", "the last review is over a year ago; look at the sources again.")
    for question in rules.questions:
        yield from _option_faults(question)
    yield from _tie_faults(rules)


def _facts(rules: RuleSet) -> Iterator[Fact]:
    yield from (*rules.services, *rules.programmes, *rules.rules, rules.bring)


def _said(rules: RuleSet) -> Iterator[tuple[str, str, Said]]:
    """Yield entry, field without its language, and texts of all that people read."""
    yield "centre_decides", "text", rules.centre_decides
    for outcome, said in rules.outcomes.items():
        yield outcome, "text", said
    for question in rules.questions:
        yield question.id, "text", question.text
    for fact in _facts(rules):
        yield fact.id, "text", fact.text
        match fact:
            case Service():
                yield fact.id, "next", fact.next
            case Programme():
                yield fact.id, "name", fact.name


def _text_faults(entry: str, name: str, said: Said) -> Iterator[Fault]:
    for language in LANGUAGES:
        text = said.get(language.code, "")
        where = f"{name}_{language.code}"
        if not text.strip():
            yield Fault(entry, where, f"the text in {language.code} is missing; write it.")
        elif len(text) > LONGEST:
            yield Fault(entry, where, f"{len(text)} characters are too many; {LONGEST} is the most.")
        elif _MONEY.search(text):
            yield Fault(entry, where, "it names an amount of money; nobody is promised one.")


def names_foundation(text: str, language: str) -> bool:
    """Tell whether the text speaks of the Foundation by name."""
    return _FOUNDATION[language] in fold_words(text)


def _fact_faults(fact: Fact, rules: RuleSet) -> Iterator[Fault]:
    for key in fact.sources:
        if key not in rules.sources:
            yield Fault(
                fact.id, "sources", f'the source "{key}" is not in sources.toml; write it there first.'
            )
    if fact.tag not in UNSAID:
        if not fact.sources:
            yield Fault(fact.id, "sources", "there is no source; name one, or tag it I or U.")
        return
    for language, text in fact.text.items():
        folded, where = fold_words(text), f"text_{language}"
        if names_foundation(text, language):
            yield Fault(fact.id, where, f"tagged {fact.tag}, it must not be told as the Foundation's word.")
        elif fact is not rules.bring and fold_words(rules.centre_decides[language]) not in folded:
            yield Fault(fact.id, where, f"tagged {fact.tag}, it must say “{rules.centre_decides[language]}”.")


def _option_faults(question: Question) -> Iterator[Fault]:
    if not 1 < len(question.options) <= MOST_OPTIONS:
        yield Fault(
            question.id, "id", f"{len(question.options)} options; a question has 2 to {MOST_OPTIONS}."
        )
    for option in question.options:
        for language in LANGUAGES:
            label = option.label.get(language.code, "")
            units = len(label.encode("utf-16-le")) // 2
            if not label.strip():
                yield Fault(option.id, f"label_{language.code}", "the label is missing; write it.")
            elif units > LABEL:
                fault = f"{units} characters, the label holds {LABEL}; shorten it."
                yield Fault(option.id, f"label_{language.code}", fault)


def _tie_faults(rules: RuleSet) -> Iterator[Fault]:
    """Yield what names a service that is not there, and a service that would leave somebody alone."""
    known = {service.id for service in rules.services}
    for service in rules.services:
        if unknown := set(service.see) - known:
            yield Fault(service.id, "see", f"{_listed(unknown)} is no service; name one of this file.")
        if not service.see or service.id in service.see:
            yield Fault(service.id, "see", "name another service for those whom this one is not for.")
        if not any(rule.effect(service.id) in OPENING for rule in rules.rules):
            yield Fault(service.id, "id", "no rule says for whom it is; name it in one with for or assess.")
        if not service.then:
            yield Fault(service.id, "then", "name at least one thing that the person can do next.")
    for rule in rules.rules:
        if unknown := set(rule.effects) - known - {"all"}:
            yield Fault(
                rule.id, "effect", f"{_listed(unknown)} is no service; name one of this file, or all."
            )
    for programme in rules.programmes:
        if unknown := set(programme.services) - known:
            yield Fault(programme.id, "services", f"{_listed(unknown)} is no service; name one of this file.")
        for code in programme.regions:
            if not _REGION.fullmatch(code):
                yield Fault(programme.id, "regions", f'"{code}" is no region; they go from 01 to 12.')
        if programme.opens_on and programme.closes_on and programme.closes_on < programme.opens_on:
            yield Fault(programme.id, "until", "it ends before it begins; change one of the days.")
    for need in Need:
        if not rules.for_need(need):
            yield Fault(
                rules.services[0].id, "needs", f"no service is for the need {need}; name it somewhere."
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


_TEXTS = frozenset({"text", "next", "name"})


def _with_change(rules: RuleSet, change: Change) -> RuleSet:
    if change.entry not in {fact.id for fact in _facts(rules)}:
        raise ChangeRefused(f"{change.entry} is nothing that can be changed.")
    return replace(
        rules,
        services=_edited_in(rules.services, change),
        programmes=_edited_in(rules.programmes, change),
        rules=_edited_in(rules.rules, change),
        bring=_edited_in((rules.bring,), change)[0],
    )


def _edited_in(facts: tuple[AnyFact, ...], change: Change) -> tuple[AnyFact, ...]:
    return tuple(_edited(fact, change) if fact.id == change.entry else fact for fact in facts)


def _edited(fact: AnyFact, change: Change) -> AnyFact:
    value = change.value
    if change.field in _TEXTS and hasattr(fact, change.field):
        if not isinstance(value, str) or change.language not in {each.code for each in LANGUAGES}:
            raise ChangeRefused(f"{change.entry}, {change.field}: say which language, and write a text.")
        texts: dict[str, Any] = {change.field: {**getattr(fact, change.field), change.language: value}}
        return replace(fact, **texts, reviewed=change.reviewed or fact.reviewed)
    if isinstance(fact, Programme):
        match change.field, value:
            case ("open", bool() | None):
                return replace(fact, open=value)
            case ("from", date() | None):
                return replace(fact, opens_on=value)
            case ("until", date() | None):
                return replace(fact, closes_on=value)
            case ("regions", list() | tuple()):
                return replace(fact, regions=tuple(map(str, value)))
    raise ChangeRefused(f"{change.entry}, {change.field}: this cannot be changed, or not to that.")
