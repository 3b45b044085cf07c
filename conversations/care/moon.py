"""Holidays that hang on the moon: which days belong together, and what a centre may answer about them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

from conversations.care.closures import Closure

# The ministry announces such a day the evening before; staff want to know whom to move before that.
ASKED_BEFORE = timedelta(days=3)


class MoonAnswer(StrEnum):
    """When a centre closes for a feast; the values are the ids of choices."""

    AS_COMPUTED = "as_computed"
    A_DAY_LATER = "later"
    BOTH = "both"
    OPEN = "open"


def feasts(closures: Sequence[Closure]) -> list[list[Closure]]:
    """Return the days that hang on the moon, those of one feast together; `closures` are in order."""
    found: list[list[Closure]] = []
    for closure in closures:
        if not closure.estimated:
            continue
        if found and closure.day - found[-1][-1].day == timedelta(days=1):
            found[-1].append(closure)
        else:
            found.append([closure])
    return found


def days_from(first_day: date, days: int) -> list[date]:
    return [first_day + timedelta(days=ahead) for ahead in range(days)]


def answered_days(first_day: date, days: int, answer: MoonAnswer) -> Mapping[date, bool]:
    """Return on which days the centre is closed (True) or open, by an answer about a feast of so many days.

    The day after the feast is left as it is unless the feast may reach it.
    """
    computed = days_from(first_day, days)
    later = days_from(first_day + timedelta(days=1), days)
    match answer:
        case MoonAnswer.AS_COMPUTED:
            return dict.fromkeys(computed, True)
        case MoonAnswer.A_DAY_LATER:
            return {first_day: False, **dict.fromkeys(later, True)}
        case MoonAnswer.BOTH:
            return dict.fromkeys([first_day, *later], True)
        case MoonAnswer.OPEN:
            return dict.fromkeys(computed, False)
