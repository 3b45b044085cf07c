"""How channels are called in texts and on buttons."""

from collections.abc import Sequence
from typing import Any

from conversations.care.addresses import KnownAddress
from conversations.engine.reply import Channel
from conversations.engine.turn import Turn


def channel_name(turn: Turn[Any], channel: Channel) -> str:
    """Return the channel's name inside a sentence."""
    match channel:
        case Channel.TELEGRAM:
            return "Telegram"
        case Channel.WHATSAPP:
            return "WhatsApp"
        case Channel.SMS:
            return "SMS"
        case Channel.WEBCHAT | Channel.TERMINAL:
            return turn.gettext("the web page")


def address_names(turn: Turn[Any], addresses: Sequence[KnownAddress]) -> dict[int, str]:
    """Return a label for each of a person's addresses; several on one channel are numbered, oldest first."""
    names = {}
    for address in addresses:
        alike = sorted(other.id for other in addresses if other.channel is address.channel)
        number = f" {alike.index(address.id) + 1}" if len(alike) > 1 else ""
        names[address.id] = f"{_label(turn, address.channel)}{number}"
    return names


def _label(turn: Turn[Any], channel: Channel) -> str:
    if channel in (Channel.WEBCHAT, Channel.TERMINAL):
        # Translators: label, at most 20 characters; a number may follow.
        return turn.pgettext("button", "Web page")
    return channel_name(turn, channel)
