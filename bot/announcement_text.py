"""How an announcement looks to one person: its row in the outbox has no text of its own."""

from collections.abc import Mapping

from conversations.engine.outbound import OutboundMessage
from conversations.flows.staff.announcement import announcement_prompt
from conversations.texts import Texts


def announcement_message(
    bodies: Mapping[str, str], language: str | None, all_texts: Mapping[str, Texts]
) -> OutboundMessage | None:
    """Return the message for somebody who reads the language, None when nothing was written in it.

    `bodies` are the manager's words by language. The one button, STOP, works without a prompt of its own.
    """
    body, texts = bodies.get(language or ""), all_texts.get(language or "")
    if body is None or texts is None:
        return None
    prompt = announcement_prompt(texts, body)
    return OutboundMessage(prompt.text, texts.language, texts.direction, tuple(prompt.choices))
