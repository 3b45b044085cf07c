"""The code at a centre's door: what somebody sends to say that they have come."""

import re
from collections.abc import Callable
from datetime import timedelta

# It comes as the payload of /start, like an invitation, or typed; this tells it apart.
DOOR_PREFIX = "door_"
# Capitals look like small letters to who types them, and i, l, o, 0 and 1 like one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH = 10
_CODE = re.compile(rf"(?<![A-Za-z0-9_-]){DOOR_PREFIX}([{_ALPHABET}]{{{_LENGTH}}})(?![A-Za-z0-9_-])")

# How long before a visit somebody can say that they are there, and how long after its start.
ARRIVES_FROM = timedelta(hours=2)
ARRIVES_UNTIL = timedelta(hours=1)


def new_door_code(random_bits: Callable[[int], int]) -> str:
    """Return a code that nobody guesses before they have stood at the door: 49 bits."""
    number = random_bits(64)
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def door_payload(code: str) -> str:
    """Return what leads to a door: at most 64 letters, as Telegram's links take them."""
    return f"{DOOR_PREFIX}{code}"


def door_code_in(text: str) -> str | None:
    """Return the code in what somebody sends, wherever it stands; None when there is none."""
    found = _CODE.search(text.lower())
    return found and found[1]
