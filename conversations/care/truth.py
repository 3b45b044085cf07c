"""Yes, no and not known (Kleene), and conditions over answers made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Truth(IntEnum):
    """In this order, "and" is the least of its parts and "or" the greatest. Source: Kleene's strong logic."""

    NO = 0
    UNKNOWN = 1
    YES = 2

    def negated(self) -> "Truth":
        return Truth(Truth.YES - self)


def all_of(parts: Iterable[Truth]) -> Truth:
    return min(parts, default=Truth.YES)


def any_of(parts: Iterable[Truth]) -> Truth:
    return max(parts, default=Truth.NO)


@dataclass(frozen=True, slots=True)
class Says:
    """True or false by the answer to one question; what is in neither set leaves it open."""

    id: str
    question: str
    yes: frozenset[str]
    no: frozenset[str]

    def truth(self, given: Mapping[str, str]) -> Truth:
        option = given.get(self.question)
        if option in self.yes:
            return Truth.YES
        return Truth.NO if option in self.no else Truth.UNKNOWN

    @property
    def questions(self) -> frozenset[str]:
        return frozenset({self.question})


@dataclass(frozen=True, slots=True)
class All:
    """Without parts: always true."""

    parts: tuple["Condition", ...] = ()

    def truth(self, given: Mapping[str, str]) -> Truth:
        return all_of(part.truth(given) for part in self.parts)

    @property
    def questions(self) -> frozenset[str]:
        return frozenset().union(*(part.questions for part in self.parts))


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple["Condition", ...]

    def truth(self, given: Mapping[str, str]) -> Truth:
        return any_of(part.truth(given) for part in self.parts)

    @property
    def questions(self) -> frozenset[str]:
        return frozenset().union(*(part.questions for part in self.parts))


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"

    def truth(self, given: Mapping[str, str]) -> Truth:
        return self.part.truth(given).negated()

    @property
    def questions(self) -> frozenset[str]:
        return self.part.questions


Condition = Says | All | Any | Not
ALWAYS = All()
