"""Where a person can be written to, and the codes that join another phone or app to the same conversation.

Codes are digits alone: they can be read out and typed on any keyboard, in any script's digits. They never
begin with a 0, so that no Moroccan phone number is one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from conversations.care.people import ContactId
from conversations.engine.matching import fold_words
from conversations.engine.reply import Channel


class LinkKind(StrEnum):
    """What a code is for."""

    # Typed within minutes on a phone that lies beside the other one.
    LINK = "link"
    # Written down, and used when the old phone or number is gone.
    RECOVERY = "recovery"


# One in ten thousand million, for a quarter of an hour; the long one has to hold for years.
DIGITS = {LinkKind.LINK: 10, LinkKind.RECOVERY: 16}
LIFE = {LinkKind.LINK: timedelta(minutes=15), LinkKind.RECOVERY: None}

# So many wrong codes cost nothing; then each doubles the wait, up to a day.
FREE_TRIES = 4
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(days=1)

_CODE = re.compile(r"[1-9][0-9]*")
_GROUPS_OF_FOUR = re.compile(r"(?<=[0-9])(?=(?:[0-9]{4})+$)")


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """One of a person's addresses. `preferred`: they chose to be written to there."""

    id: int
    channel: Channel
    reachable: bool
    preferred: bool
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """What a code that was found leads to, before anybody has confirmed it."""

    id: int
    kind: LinkKind
    contact_id: ContactId


def new_code(kind: LinkKind, below: Callable[[int], int]) -> str:
    """Return a fresh code; `below(n)` gives an unguessable number from 0 to n - 1."""
    smallest = 10 ** (DIGITS[kind] - 1)
    return str(smallest + below(9 * smallest))


def code_in(text: str) -> str | None:
    """Return the code that a message is, in ASCII digits; None when it is anything else."""
    digits = fold_words(text).replace(" ", "")
    return digits if _CODE.fullmatch(digits) and len(digits) in DIGITS.values() else None


def spaced(code: str) -> str:
    """Return the code as people read it out, four digits at a time."""
    return _GROUPS_OF_FOUR.sub(" ", code)


def wait_after(failures: int) -> timedelta:
    """Return how long no code counts after so many wrong ones in a row."""
    if failures <= FREE_TRIES:
        return timedelta()
    # Doubling further would only overflow.
    doublings = min(failures - FREE_TRIES - 1, 20)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
