"""Hear it: the button under a text of which there is a recording, and what it does."""

from typing import Any

from conversations.care.clips import Script
from conversations.engine.flow import Again, Choice
from conversations.engine.turn import Turn

LISTEN = "listen"


def listen_choices(turn: Turn[Any], script: Script) -> list[Choice]:
    """Return the button, where a recording says what is written now to who reads this language."""
    if turn.world.clips.fitting(script, turn.texts.language) is None:
        return []
    # Translators: label, at most 20 characters. Plays a recording of the text above.
    return [Choice(LISTEN, turn.pgettext("button", "🔊 Listen"))]


def listen(turn: Turn[Any], script: Script) -> Again:
    """Have the recording sent; when the text has changed meanwhile, it stands there anew."""
    clip = turn.world.clips.fitting(script, turn.texts.language)
    if clip is None:
        return Again(turn.gettext("The text has changed, and nobody has read it out yet."))
    turn.send_clip(clip)
    return Again()
