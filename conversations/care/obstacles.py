"""Why a message did not arrive, as the channel gave it up."""

from dataclasses import dataclass

from conversations.engine.reply import Channel

# Reasons of messages that were not to arrive any more: nothing stood in their way.
TAKEN_BACK = frozenset({"withdrawn", "opted_out", "stopped", "expired", "stale"})
# Nothing reaches that address: one reason for all channels.
LOST = "blocked"
# The person wrote too long ago for anything but an approved template, of which there was none to send.
TOO_LONG_SILENT = frozenset(
    {
        "no_template",
        "window_closed",
        "people_limit",
        "template_missing",
        "template_paused",
        "template_disabled",
    }
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What kept a person's newest message from them. `reason` is the outbox's code for it."""

    channel: Channel
    reason: str
