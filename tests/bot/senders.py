"""A channel's sending side that tests look into: it keeps the promises of `bot.channels.channel.Sender`."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.channels.channel import File, Pace
from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import Channel

UNHURRIED = Pace(per_second=0, burst=1, reserve=0, chat_per_second=0, chat_burst=1)


@dataclass(frozen=True)
class Sent:
    """A message that arrived."""

    external_id: str
    message: OutboundMessage
    file: File | None = None

    @property
    def text(self) -> str:
        return self.message.text


class FakeSender:
    """Takes messages at once, unless told otherwise for an address.

    `begun` are the addresses of all sends in the order in which they began, `sent` what arrived.
    """

    channel = Channel.TELEGRAM
    pace = UNHURRIED

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.sent: list[Sent] = []
        self._failures: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self._held: dict[str, asyncio.Event] = {}
        self._holds_all: asyncio.Event | None = None
        self._changed = asyncio.Condition()

    async def send(self, external_id: str, message: OutboundMessage) -> str | None:
        return await self._send(external_id, message)

    def takes(self, mime_type: str) -> bool:
        return True

    async def send_file(self, external_id: str, message: OutboundMessage, file: File) -> str | None:
        return await self._send(external_id, message, file)

    async def _send(self, external_id: str, message: OutboundMessage, file: File | None = None) -> str:
        self.begun.append(external_id)
        await self._tell()
        if hold := self._held.get(external_id) or self._holds_all:
            await hold.wait()
        if self._failures[external_id]:
            raise self._failures[external_id].popleft()
        self.sent.append(Sent(external_id, message, file))
        await self._tell()
        return f"ref-{len(self.sent)}"

    def texts(self, external_id: str) -> list[str]:
        """Return what arrived at an address, in order."""
        return [sent.text for sent in self.sent if sent.external_id == external_id]

    def fails(self, external_id: str, *errors: Exception) -> None:
        """Have the next sends to an address fail so, one after the other."""
        self._failures[external_id].extend(errors)

    def holds(self, external_id: str | None = None) -> None:
        """Let sends hang, to one address or to all."""
        if external_id is None:
            self._holds_all = asyncio.Event()
        else:
            self._held[external_id] = asyncio.Event()

    def lets_go(self, external_id: str | None = None) -> None:
        if external_id is not None:
            self._held.pop(external_id).set()
        elif self._holds_all is not None:
            self._holds_all.set()
            self._holds_all = None

    async def until(self, happened: Callable[["FakeSender"], bool]) -> None:
        """Wait until something has been sent or begun that makes it true."""
        async with self._changed:
            await self._changed.wait_for(lambda: happened(self))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
