"""Long lists, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from conversations.engine.flow import Choice
from conversations.engine.turn import Turn

Item = TypeVar("Item")

EARLIER, LATER = "earlier", "later"
# With the two that turn the page, a list of this length still fits on a small phone.
PAGE_SIZE = 8


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list; `number` counts from 0."""

    items: Sequence[Item]
    number: int
    is_last: bool


def page_of(items: Sequence[Item], number: int, *, size: int = PAGE_SIZE) -> Page[Item]:
    """Return the page of that number, or the nearest there is: the list may have become shorter."""
    last = max(0, len(items) - 1) // size
    number = min(max(0, number), last)
    return Page(items[number * size : (number + 1) * size], number, number == last)


def page_choices(turn: Turn[Any], page: Page[Any]) -> list[Choice]:
    """Return the buttons that turn the page, where there is something to turn to."""
    choices = []
    if page.number > 0:
        # Translators: label, at most 24 characters. Shows the part of a list before this one.
        choices.append(Choice(EARLIER, turn.pgettext("button", "🔼 Earlier")))
    if not page.is_last:
        # Translators: label, at most 24 characters. Shows the part of a list after this one.
        choices.append(Choice(LATER, turn.pgettext("button", "🔽 Later")))
    return choices


def turned(number: int, choice_id: str) -> int | None:
    """Return the number of the page to go to; None when the choice turns no page."""
    return {EARLIER: number - 1, LATER: number + 1}.get(choice_id)
