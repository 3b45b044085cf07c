"""How caseworkers read why the last message did not reach a person."""

from typing import Any

from conversations.care.obstacles import LOST, TOO_LONG_SILENT, Obstacle
from conversations.care.people import ContactId
from conversations.engine.reply import Channel
from conversations.engine.turn import Turn
from conversations.flows.channel_words import channel_name


async def obstacle_words(turn: Turn[Any], contact_id: ContactId) -> str | None:
    """Return why the newest message did not arrive; None when it did, or none was written."""
    obstacle = await turn.desk.outbox.obstacle(contact_id)
    if obstacle is None:
        return None
    return "\n".join((turn.gettext("📵 Our last message did not arrive."), _why(turn, obstacle)))


def _why(turn: Turn[Any], obstacle: Obstacle) -> str:
    if obstacle.reason in TOO_LONG_SILENT:
        return turn.gettext(
            "They have not written for a day, and WhatsApp lets nothing be sent to them until they write."
        )
    if obstacle.reason != LOST:
        return turn.gettext("{channel} did not take it.").format(channel=channel_name(turn, obstacle.channel))
    match obstacle.channel:
        case Channel.WHATSAPP:
            # One code of the platform stands for all of it.
            return turn.gettext("WhatsApp says that nobody has this number there, or that they blocked us.")
        case Channel.TELEGRAM:
            return turn.gettext("Telegram says that they blocked us or closed their account.")
        case _:
            return turn.gettext("Nobody is reached there any more: {channel}.").format(
                channel=channel_name(turn, obstacle.channel)
            )
