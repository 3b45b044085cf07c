"""How people read where a fact comes from."""

from typing import Any

from conversations.care.sources import Source
from conversations.engine.turn import Turn


def source_words(turn: Turn[Any], source: Source) -> str:
    """Return publisher, date and when it was read; the address stands alone on its line."""
    said = turn.gettext("Source: {title}, read in {month}").format(title=source.title, month=source.read)
    return f"{said}\n{turn.texts.isolate(source.url)}" if source.url else said
