"""HTTP/1.1 by hand: just enough to answer a bot's calls for a few microseconds each."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias, cast

# Gets the connection to answer, the path and the body.
Handler: TypeAlias = Callable[["HttpConnection", bytes, bytes], None]

_REASONS = {200: b"OK", 400: b"Bad Request", 403: b"Forbidden", 404: b"Not Found", 409: b"Conflict"}
_REASONS[429] = b"Too Many Requests"


class HttpConnection(asyncio.Protocol):
    """One client's connection. Requests come one after the other, each answered before the next."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = buffer[:head_end]
        body_start, length = head_end + 4, _content_length(head)
        if len(buffer) < body_start + length:
            return
        self._buffer = buffer[body_start + length :]
        self._handle(self, head.split(b" ", 2)[1], buffer[body_start : body_start + length])

    def respond(self, status: int, body: bytes) -> None:
        """Answer; a client that has gone meanwhile misses it."""
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (status, _REASONS[status], len(body), body)
            )


def _content_length(head: bytes) -> int:
    at = head.find(b"ontent-")
    while at >= 0:
        if head[at + 7 : at + 14].lower() == b"length:":
            return int(head[at + 14 :].split(b"\r\n", 1)[0])
        at = head.find(b"ontent-", at + 7)
    return 0
