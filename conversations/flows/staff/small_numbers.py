"""How numbers of people are told without telling of anybody."""

from typing import Any

from conversations.care.small_numbers import FEWEST_SHOWN
from conversations.engine.turn import Turn


def shown(turn: Turn[Any], count: int) -> str:
    """Return a number, unless it is so small that it could tell of somebody."""
    if count < FEWEST_SHOWN:
        return turn.gettext("fewer than {n}").format(n=str(FEWEST_SHOWN))
    return str(count)
