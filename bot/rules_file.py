"""The rules of "What can I get?" from the file that staff edit: rules.toml, the packaged one or another.

`python -m bot.rules_file check`
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from bot.clock import Clock, SystemClock
from bot.sources_file import DataFileBroken, Entry, entries, read_sources, text_of
from bot.zone import casablanca
from conversations.care.appointments import Need
from conversations.care.rules import (
    Effect,
    Fact,
    Fault,
    NextThing,
    Option,
    Outcome,
    Programme,
    Question,
    Rule,
    RuleSet,
    Said,
    Service,
    Tag,
    faults,
)
from conversations.care.sources import Sources
from conversations.care.truth import ALWAYS, All, Condition, Not, Says
from conversations.care.truth import Any as AnyOf
from conversations.texts import LANGUAGES

PACKAGED = "rules.toml"

Known = TypeVar("Known", bound=StrEnum)
_CODES = [language.code for language in LANGUAGES]


def _texts(name: str) -> set[str]:
    return {f"{name}_{code}" for code in _CODES}


_FACT = {"id", "tag", "sources", "reviewed", *_texts("text")}
# What an entry of each kind may hold, and what it must.
_KEYS: dict[str, tuple[set[str], set[str]]] = {
    "wording": ({"id", *_texts("text")}, set()),
    "outcome": ({"id", *_texts("text")}, set()),
    "question": ({"id", *_texts("text")}, set()),
    "option": ({"id", "question", *_texts("label")}, set()),
    "condition": ({"id", "question", "yes", "no"}, set()),
    "service": ({*_FACT, "needs", "then", "see", *_texts("next")}, set()),
    "programme": ({*_FACT, "services", *_texts("name")}, {"open", "from", "until", "regions"}),
    "rule": ({*_FACT, "effect"}, {"when", "next", "reassures"}),
    "bring": (_FACT, set()),
}


def read_rules(
    path: Path | None = None, *, sources: Sources | None = None, today: date | None = None
) -> RuleSet:
    """Return the rules of the file; the packaged ones when no path is given.

    With `today`, reviews over a year old are refused: that is for those who edit, since a service must not
    stay down because a day has passed. Raises DataFileBroken, with the line.
    """
    parts = _Parts(entries(*text_of(PACKAGED, path)))
    rules = parts.rules(read_sources() if sources is None else sources)
    for fault in faults(rules, today=today):
        raise parts.broken(fault)
    return rules


@dataclass
class _Parts:
    """The entries of a file by kind and id, each looked at before it is used."""

    found: list[Entry]
    by_kind: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_kind = {kind: {} for kind in _KEYS}
        for entry in self.found:
            _check_keys(entry)
            known = self.by_kind[entry.name]
            entry_id = _text(entry, "id")
            if entry_id in known:
                raise entry.broken(f'"{entry_id}" stands in an earlier {entry.name} already.', "id")
            known[entry_id] = entry

    def rules(self, sources: Sources) -> RuleSet:
        conditions = {name: self._condition(entry) for name, entry in self.by_kind["condition"].items()}
        return RuleSet(
            questions=tuple(map(self._question, self._of("question"))),
            services=tuple(map(_service, self._of("service"))),
            programmes=tuple(map(_programme, self._of("programme"))),
            rules=tuple(_rule(entry, conditions) for entry in self._of("rule")),
            outcomes={each: _said(self._only("outcome", each), "text") for each in Outcome},
            centre_decides=_said(self._only("wording", "centre_decides"), "text"),
            bring=Fact(**_fact(self._of("bring")[0])),
            sources=sources,
        )

    def broken(self, fault: Fault) -> DataFileBroken:
        """Return the fault with the line of its field; an id may be used once in each kind."""
        kinds = (
            ["option"] if fault.field.startswith("label_") else [kind for kind in _KEYS if kind != "option"]
        )
        entry = next(entry for kind in kinds if (entry := self.by_kind[kind].get(fault.entry)))
        return entry.broken(f"{fault.entry}: {fault.sentence}", fault.field)

    def _of(self, kind: str) -> list[Entry]:
        if not (found := list(self.by_kind[kind].values())):
            raise DataFileBroken(f"{self._file}: there is no [[{kind}]]; the service needs at least one.")
        return found

    def _only(self, kind: str, entry_id: str) -> Entry:
        if entry := self.by_kind[kind].get(entry_id):
            return entry
        raise DataFileBroken(f'{self._file}: there is no [[{kind}]] with the id "{entry_id}".')

    @property
    def _file(self) -> str:
        return self.found[0].file if self.found else PACKAGED

    def _question(self, entry: Entry) -> Question:
        options = [each for each in self._of("option") if _text(each, "question") == _text(entry, "id")]
        return Question(
            _text(entry, "id"),
            _said(entry, "text"),
            tuple(Option(_text(each, "id"), _said(each, "label")) for each in options),
        )

    def _condition(self, entry: Entry) -> Says:
        question = _text(entry, "question")
        if question not in self.by_kind["question"]:
            raise entry.broken(f'the question "{question}" is not asked in this file.', "question")
        own = {name for name, each in self.by_kind["option"].items() if _text(each, "question") == question}
        for key in ("yes", "no"):
            if unknown := [each for each in _list(entry, key) if each not in own]:
                raise entry.broken(f'"{unknown[0]}" is no option of the question "{question}".', key)
        return Says(
            _text(entry, "id"), question, frozenset(_list(entry, "yes")), frozenset(_list(entry, "no"))
        )


def _check_keys(entry: Entry) -> None:
    if entry.name not in _KEYS:
        raise entry.broken(f"[[{entry.name}]] is not known; there are {', '.join(sorted(_KEYS))}.")
    needed, possible = _KEYS[entry.name]
    for key in entry.values:
        if key not in needed | possible:
            raise entry.broken(f'"{key}" is not known in [[{entry.name}]]; take it out.', key)
    for key in sorted(needed):
        if key not in entry.values:
            raise entry.broken(f'"{key}" is missing; write it.')


def _text(entry: Entry, key: str) -> str:
    value = entry.values[key]
    if not isinstance(value, str):
        raise entry.broken(f'"{key}" is a text; put it between double quotes.', key)
    return value


def _said(entry: Entry, name: str) -> Said:
    return {code: _text(entry, f"{name}_{code}") for code in _CODES}


def _list(entry: Entry, key: str) -> list[str]:
    value = entry.values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise entry.broken(f'"{key}" is a list of texts, such as ["one", "two"].', key)
    return value


def _known(entry: Entry, key: str, kind: type[Known], value: Any) -> Known:
    try:
        return kind(value)
    except ValueError as error:
        raise entry.broken(f'"{value}" is not known; write one of {", ".join(kind)}.', key) from error


def _day(entry: Entry, key: str) -> date:
    value = entry.values[key]
    # A moment is a date, too, to Python.
    if type(value) is not date:
        raise entry.broken(f'"{key}" is a day, such as 2026-11-21, without quotes.', key)
    return value


def _fact(entry: Entry) -> dict[str, Any]:
    return {
        "id": _text(entry, "id"),
        "tag": _known(entry, "tag", Tag, entry.values["tag"]),
        "sources": tuple(_list(entry, "sources")),
        "reviewed": _day(entry, "reviewed"),
        "text": _said(entry, "text"),
    }


def _service(entry: Entry) -> Service:
    return Service(
        **_fact(entry),
        next=_said(entry, "next"),
        needs=tuple(_known(entry, "needs", Need, each) for each in _list(entry, "needs")),
        then=tuple(_known(entry, "then", NextThing, each) for each in _list(entry, "then")),
        see=tuple(_list(entry, "see")),
    )


def _programme(entry: Entry) -> Programme:
    is_open = entry.values.get("open")
    if is_open is not None and not isinstance(is_open, bool):
        raise entry.broken('"open" is true or false; leave it out when nobody knows.', "open")
    return Programme(
        **_fact(entry),
        name=_said(entry, "name"),
        services=tuple(_list(entry, "services")),
        open=is_open,
        opens_on=_day(entry, "from") if "from" in entry.values else None,
        closes_on=_day(entry, "until") if "until" in entry.values else None,
        regions=tuple(_list(entry, "regions")),
    )


def _rule(entry: Entry, conditions: Mapping[str, Condition]) -> Rule:
    effects = entry.values["effect"]
    if not isinstance(effects, dict) or not effects:
        raise entry.broken('"effect" says what the rule does, such as { all = "note" }.', "effect")
    reassures = entry.values.get("reassures", 0)
    if type(reassures) is not int or reassures < 0:
        raise entry.broken('"reassures" is 1 for what is said first, 2 for what comes then.', "reassures")
    return Rule(
        **_fact(entry),
        effects={each: _known(entry, "effect", Effect, effect) for each, effect in effects.items()},
        when=_when(entry, entry.values["when"], conditions) if "when" in entry.values else ALWAYS,
        next=tuple(_known(entry, "next", NextThing, each) for each in _list(entry, "next")),
        reassures=reassures,
    )


def _when(entry: Entry, value: object, conditions: Mapping[str, Condition]) -> Condition:
    match value:
        case str() if value in conditions:
            return conditions[value]
        case str():
            raise entry.broken(f'the condition "{value}" is not known; write a [[condition]] for it.', "when")
        case {"all": list(parts), **rest} if parts and not rest:
            return All(tuple(_when(entry, part, conditions) for part in parts))
        case {"any": list(parts), **rest} if parts and not rest:
            return AnyOf(tuple(_when(entry, part, conditions) for part in parts))
        case {"not": part, **rest} if not rest:
            return Not(_when(entry, part, conditions))
    raise entry.broken(
        '"when" is the name of a condition, { all = [...] }, { any = [...] } or { not = ... }.', "when"
    )


def main(arguments: list[str] | None = None, *, clock: Clock | None = None, path: Path | None = None) -> int:
    """Check the rules as of today; return 1 and say what is wrong, with the line."""
    if (sys.argv[1:] if arguments is None else arguments) != ["check"]:
        sys.stderr.write("usage: python -m bot.rules_file check\n")
        return 2
    today = (clock or SystemClock()).now().astimezone(casablanca()).date()
    try:
        read_rules(path, today=today)
    except DataFileBroken as broken:
        sys.stdout.write(f"{broken.sentence}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
