"""What delivery asks of a channel: send one message, and say truly what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import Channel
from storage.outbox import OutboxRow


@dataclass(frozen=True, slots=True)
class Pace:
    """A channel's limits: messages a second over the whole account, and to one chat; 0: no limit.

    `burst` is how many of the account's may leave at once after a pause, of which bulk leaves `reserve` to
    others, so that an answer finds one there; `chat_burst` is the same for one chat.
    """

    per_second: float
    burst: int
    reserve: int
    chat_per_second: float
    chat_burst: int


class SendFailed(Exception):
    """A message did not arrive. `reason` is a short code, never words of anybody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressUnreachable(SendFailed):
    """The person blocked the service or is gone: nothing can reach this address."""


class Undeliverable(SendFailed):
    """This message will not reach the person, though the address may take others."""


class WindowClosed(Undeliverable):
    """The person has not written for so long that only an approved template may reach them."""


class MessageRefused(SendFailed):
    """The platform will never take this message; trying again changes nothing."""


class TryLater(SendFailed):
    """The platform could not take it now. `unclear`: it may have taken it all the same."""

    def __init__(self, reason: str, *, unclear: bool = False) -> None:
        super().__init__(reason)
        self.unclear = unclear


class TooFast(SendFailed):
    """The platform asks to wait `retry_after_s` seconds before the next message to this chat."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too_fast")
        self.retry_after_s = retry_after_s


class Held(SendFailed):
    """It may not leave before a moment (aware), by the platform's limits or our own."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True, slots=True)
class Sent:
    """`message_ref` is the channel's name of a message, `template` the platform's template it went as."""

    message_ref: str | None
    template: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """A file of ours to send; `name` is how people see it."""

    name: str
    mime_type: str
    content: bytes


class Sender(Protocol):
    """The sending side of a channel."""

    channel: Channel
    pace: Pace

    async def send(self, external_id: str, message: OutboundMessage) -> str | None:
        """Send or write in place, acknowledge the tap, and return the channel's reference of the message.

        Raises SendFailed in one of its kinds.
        """


@runtime_checkable
class FileSender(Sender, Protocol):
    """The sending side of a channel that carries files."""

    def takes(self, mime_type: str) -> bool:
        """Tell whether files of that type can go at all."""

    async def send_file(self, external_id: str, message: OutboundMessage, file: File) -> str | None:
        """Send a file with the message's words under it, and return the channel's reference of the message.

        A recording (`message.clip`) goes without words. Raises SendFailed in one of its kinds.
        """


class Gate(Protocol):
    """Stands before a sender where the platform does not let everything go to everybody at any time."""

    async def send(self, row: OutboxRow, message: OutboundMessage, file: File | None = None) -> Sent:
        """Send a message as what it may go now. Raises SendFailed in one of its kinds, Held among them."""
