"""Several people who share a phone: who they are there, and the short PIN that keeps one from another."""

import re
from dataclasses import dataclass
from datetime import timedelta

from conversations.care.people import ContactId
from conversations.engine.matching import fold_words

# Their names, and what else can be done there, fit one list.
MOST_PEOPLE = 4
# Without a message for so long, the next one may be somebody else's.
LOCKS_AFTER = timedelta(minutes=15)

_PIN = re.compile(r"[0-9]{4,6}")


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """Somebody who uses an address. `name` is what they chose to be called, None when they did not say.

    `number` counts those of the address from 1. `in_use`: they are the one who uses it now.
    """

    contact_id: ContactId
    number: int
    name: str | None
    has_pin: bool
    in_use: bool

    def __repr__(self) -> str:
        return f"<Profile {self.number}>"


def read_pin(text: str) -> str | None:
    """Return the PIN that a message is, in ASCII digits whatever script it came in; None when it is none."""
    digits = fold_words(text).replace(" ", "")
    return digits if _PIN.fullmatch(digits) else None
