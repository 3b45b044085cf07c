"""What a button carries and brings back: "p17:job", the prompt it stood under and the choice it is."""

import re

from conversations.engine.reply import Tap

# Stands before the colon in the buttons of a message that is no prompt.
NO_PROMPT = "g"

_BUTTON_DATA = re.compile(rf"([pn]\d{{1,18}}|{NO_PROMPT}):(.+)")


def button_data(prompt_ref: str | None, choice_id: str) -> str:
    """Return what a choice's button carries."""
    return f"{NO_PROMPT if prompt_ref is None else prompt_ref}:{choice_id}"


def tap_in(data: str) -> Tap | None:
    """Return the tap that a button brings back; None when it is no button of ours."""
    found = _BUTTON_DATA.fullmatch(data)
    return found and Tap(*found.groups())
