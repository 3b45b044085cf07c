"""Two wordings of one reminder, compared: which of them helps more people to come.

The comparisons ship with the code. Who gets which wording follows from the person, so that nobody reads now
one and now the other; how many visits are to be counted is settled before the start. What is counted names
nobody, and numbers so small that they could tell of somebody are hidden.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from conversations.care.people import ContactId
from conversations.care.reminders import ReminderStep
from conversations.care.small_numbers import FEWEST_SHOWN

# Taken for the attendance while too few visits of the centres' own are known: in the trial on supervision
# visits about 30 % were missed (Hastings 2021).
ASSUMED_ATTENDANCE = 0.7
KNOWN_FROM = 100
SIZES = range(40, 20_001)
# Two-sided.
ERROR, POWER = 0.05, 0.8


class Wording(StrEnum):
    """`A` is the one that everybody gets while nothing is compared. The values are stored."""

    A = "a"
    B = "b"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two wordings of a reminder. `name` is stored; the words stand in the flow of the reminder."""

    name: str
    step: ReminderStep


# One a step, so that of two that run neither disturbs the other.
COMPARISONS = (
    Comparison("plan", ReminderStep.THREE_DAYS_BEFORE),
    Comparison("eve", ReminderStep.DAY_BEFORE),
    Comparison("hours", ReminderStep.TWO_HOURS_BEFORE),
)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run of a comparison. `sample_size`: so many visits are to be counted. `started_by` None: erased."""

    id: int
    name: str
    sample_size: int
    started_by: ContactId | None
    started_at: datetime
    stopped_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How visits ended: the person came (late, too), was missed, or the visit was cancelled before."""

    came: int = 0
    missed: int = 0
    cancelled: int = 0

    @property
    def counted(self) -> int:
        return self.came + self.missed

    @property
    def rate(self) -> float:
        """The part that came, 0 to 1. Raises ZeroDivisionError when nothing is counted."""
        return self.came / self.counted

    @property
    def may_be_shown(self) -> bool:
        """Whether neither number is so small that it could be found out by taking one from the other."""
        return min(self.came, self.missed) >= FEWEST_SHOWN


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often people came with wording B than with A, -1 to 1, and how sure that is (95 %)."""

    value: float
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """Whether no difference at all is outside the interval."""
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True, slots=True)
class Result:
    """What an experiment has counted of each wording."""

    a: Outcomes
    b: Outcomes

    @property
    def counted(self) -> int:
        return self.a.counted + self.b.counted

    @property
    def difference(self) -> Difference | None:
        """None while too few visits are counted to be shown."""
        return difference(self.a, self.b) if self.a.may_be_shown and self.b.may_be_shown else None


def comparison_of(name: str) -> Comparison:
    """Raises KeyError for a comparison that is not in the catalogue."""
    return {each.name: each for each in COMPARISONS}[name]


def wording_for(experiment_id: int, contact_id: ContactId) -> Wording:
    """Return the wording that a person gets for as long as the experiment runs; about half get each."""
    digest = hashlib.sha256(f"{experiment_id}:{contact_id}".encode()).digest()
    return Wording.B if digest[0] & 1 else Wording.A


def wilson(came: int, counted: int) -> Interval:
    """Return the 95 % interval of a rate, the score interval without continuity correction.

    Source: Wilson EB. Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 1927; 22: 209-212.
    """
    z = _z(1 - ERROR / 2)
    rate, square = came / counted, z * z
    middle = (rate + square / (2 * counted)) / (1 + square / counted)
    half = z * sqrt(rate * (1 - rate) / counted + square / (4 * counted * counted)) / (1 + square / counted)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def difference(a: Outcomes, b: Outcomes) -> Difference:
    """Return B's rate less A's with its 95 % interval, made of the Wilson intervals of the two (method 10).

    Source: Newcombe RG. Interval estimation for the difference between independent proportions: comparison of
    eleven methods. Statistics in Medicine 1998; 17: 873-890.
    """
    value = b.rate - a.rate
    of_a, of_b = wilson(a.came, a.counted), wilson(b.came, b.counted)
    below = sqrt((b.rate - of_b.low) ** 2 + (of_a.high - a.rate) ** 2)
    above = sqrt((of_b.high - b.rate) ** 2 + (a.rate - of_a.low) ** 2)
    return Difference(value, Interval(max(-1.0, value - below), min(1.0, value + above)))


def attendance_of(outcomes: Outcomes) -> float:
    """Return how large a part of the visits is kept: what the centres have seen, else what is assumed."""
    known = outcomes.counted >= KNOWN_FROM and outcomes.may_be_shown
    return outcomes.rate if known else ASSUMED_ATTENDANCE


def detectable(sample_size: int, attendance: float) -> float:
    """Return the smallest difference, 0 to 1, that so many visits in all show four times out of five.

    Taken towards one half, where chance is greatest, so that no direction needs more. Two-sided 5 %, power
    80 %, both wordings sent about equally often. Source: Fleiss JL, Levin B, Paik MC. Statistical Methods for
    Rates and Proportions, 3rd ed. 2003, chapter 4 (without continuity correction).
    """
    # Of a rate and of its counterpart the same is true.
    rate = max(attendance, 1 - attendance)
    low, high = 0.0, rate
    # Halved so often, what is left is less than a millionth.
    for _ in range(20):
        middle = (low + high) / 2
        if _needed(rate, rate - middle) > sample_size / 2:
            low = middle
        else:
            high = middle
    return high


def _needed(first: float, second: float) -> float:
    """Return how many visits each of two wordings needs to tell such rates apart."""
    if first == second:
        return float("inf")
    mean = (first + second) / 2
    by_chance = _z(1 - ERROR / 2) * sqrt(2 * mean * (1 - mean))
    truly = _z(POWER) * sqrt(first * (1 - first) + second * (1 - second))
    return ((by_chance + truly) / (first - second)) ** 2


def _z(part: float) -> float:
    return NormalDist().inv_cdf(part)
