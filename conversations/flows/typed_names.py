"""What somebody wants to be called, as they type it."""

from typing import Any

from conversations.engine.flow import Again, Choice, Prompt
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn

LONGEST_NAME = 40


def name_prompt(turn: Turn[Any], asked: str) -> Prompt:
    """Ask for a name; who has one sees it and can give it up ("forget")."""
    if not turn.contact.name:
        return Prompt(asked)
    now = turn.gettext("Now we call you {name}.").format(name=turn.contact.name)
    # Translators: label, at most 20 characters.
    forget = Choice("forget", turn.pgettext("button", "✖️ No name"))
    return Prompt(f"{asked}\n{now}", [forget])


def typed_name(turn: Turn[Any], reply: Reply) -> str | Again:
    """Return the name; else what is wrong with it."""
    name = " ".join(reply.text.split()) if isinstance(reply, Text) else ""
    if not name:
        return Again(turn.gettext("Please write the name."))
    if len(name) > LONGEST_NAME:
        return Again(turn.gettext("That is too long for a name. A short one is enough."))
    return name
