"""HTTP to the Bot API on aiohttp, which tells a request that never left from one that may have been accepted.

The address of every call holds the bot's token, and aiohttp's errors quote addresses. So nothing that aiohttp
raises goes on, not even as a cause: the errors below carry a short text of their own.
"""

import asyncio
import io
import json
import logging
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from telegram._utils.types import ODVInput

# At DEBUG, PTB logs the token when a Bot is built, and every parameter of every call.
logging.getLogger("telegram").setLevel(logging.INFO)

# Below the 75 s after which nginx, the usual front of such services, drops an idle connection: a connection
# dropped while a request goes out costs an unclear outcome.
KEEP_ALIVE_S = 30.0

PIECE_BYTES = 64 * 1024

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class NotSent(NetworkError):
    """The Bot API can't have acted: the request never left whole, or something in between refused it.

    Sending it again can't make a duplicate.
    """

    __slots__ = ()


class NotSentTimeout(NotSent, TimedOut):
    """NotSent, because no connection was free, none was made or the upload stood still for too long."""

    __slots__ = ()


class Unclear(NetworkError):
    """The request left whole and no answer of the Bot API came back: it may have been accepted.

    Sending it again may make a duplicate. Answers with status 5xx count as unclear too: a gateway gives
    them while the request it passed on may still be carried out.
    """

    __slots__ = ()


class UnclearTimeout(Unclear, TimedOut):
    """Unclear, because the answer did not come in time."""

    __slots__ = ()


class _Body(aiohttp.payload.Payload):
    """A request's body, which knows whether its last piece was handed to the socket."""

    _autoclose = True

    def __init__(self, content: bytes, content_type: str, write_timeout_s: float | None) -> None:
        super().__init__(content, content_type=content_type)
        self._size = len(content)
        self._write_timeout_s = write_timeout_s
        self.left = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: "AbstractStreamWriter") -> None:
        if len(self._value) < PIECE_BYTES:
            # So little goes into the writer's buffer at once: there is nothing to wait for.
            self.left = True
            await writer.write(self._value)
            return
        content = memoryview(self._value)
        for start in range(0, max(len(content), 1), PIECE_BYTES):
            end = start + PIECE_BYTES
            # Set before the writing: bytes in the socket's buffer can no longer be called back.
            self.left = end >= len(content)
            async with asyncio.timeout(self._write_timeout_s):
                await writer.write(content[start:end])


class Fields:
    """A call's fields, which leave as JSON; those without a value stay. Takes the place of RequestData."""

    contains_files = False

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.encoded = _ENCODE({name: value for name, value in fields.items() if value is not None}).encode(
            errors="replace"
        )


class FileForm:
    """A call's fields, which leave as a multipart form with one file. Takes the place of RequestData."""

    contains_files = True

    def __init__(
        self, fields: Mapping[str, str], name: str, *, filename: str, mime_type: str, content: bytes
    ) -> None:
        self.json_parameters = fields
        self.multipart_data = {name: (filename, content, mime_type)}


class AiohttpRequest(BaseRequest):
    """A connection pool for `telegram.Bot`. All times in seconds; None waits for ever.

    pool_timeout_s   until one of pool_size connections is free
    connect_timeout_s   name look-up, TCP and TLS, the proxy's part included
    write_timeout_s   one piece of 64 KiB to leave; media_write_timeout_s the same when files are uploaded
    read_timeout_s   between the last byte out and the first one in, and between any two after it
    proxy   http:// or https:// URL, may hold user and password; the environment's proxies are ignored
    tls   trust other than the system's certificate authorities; verification can't be switched off otherwise
    """

    __slots__ = (
        "_connect_timeout_s",
        "_media_write_timeout_s",
        "_pool_size",
        "_pool_timeout_s",
        "_proxy",
        "_read_timeout_s",
        "_session",
        "_slots",
        "_tls",
        "_write_timeout_s",
    )

    def __init__(
        self,
        *,
        pool_size: int = 64,
        pool_timeout_s: float | None = 5.0,
        connect_timeout_s: float | None = 5.0,
        write_timeout_s: float | None = 5.0,
        media_write_timeout_s: float | None = 20.0,
        read_timeout_s: float | None = 5.0,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if proxy is not None and URL(proxy).scheme not in ("http", "https"):
            raise ValueError("a proxy is given as an http:// or https:// URL")
        self._pool_size = pool_size
        self._pool_timeout_s = pool_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._write_timeout_s = write_timeout_s
        self._media_write_timeout_s = media_write_timeout_s
        self._read_timeout_s = read_timeout_s
        self._proxy = proxy
        self._tls = tls
        self._slots = asyncio.Semaphore(pool_size)
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read_timeout_s

    async def initialize(self) -> None:
        if self._session is not None:
            return
        self._slots = asyncio.Semaphore(self._pool_size)
        self._session = aiohttp.ClientSession(
            # The pool's size is kept by _slots, so that waiting for a connection has a time limit of its own.
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.USER_AGENT},
            proxy=self._proxy,
        )

    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: "ODVInput[float]" = BaseRequest.DEFAULT_NONE,
        write_timeout: "ODVInput[float]" = BaseRequest.DEFAULT_NONE,
        connect_timeout: "ODVInput[float]" = BaseRequest.DEFAULT_NONE,
        pool_timeout: "ODVInput[float]" = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return status and body of the answer.

        Raises NotSent or Unclear when there is none of the Bot API's own, or its status is 5xx.
        """
        uploads = request_data is not None and request_data.contains_files
        write_default_s = self._media_write_timeout_s if uploads else self._write_timeout_s
        answer = await self._exchange(
            method,
            url,
            request_data,
            pool_timeout_s=_given_or(pool_timeout, self._pool_timeout_s),
            write_timeout_s=_given_or(write_timeout, write_default_s),
            limits=aiohttp.ClientTimeout(
                connect=_given_or(connect_timeout, self._connect_timeout_s),
                sock_read=_given_or(read_timeout, self._read_timeout_s),
            ),
        )
        # Raised here and not where aiohttp's error was caught: that one would stay attached as context.
        if isinstance(answer, NetworkError):
            raise answer
        return answer

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the answer's JSON. Raises Unclear, without quoting or logging what came instead."""
        answer = _json_object(payload)
        if answer is None:
            raise Unclear("the answer is not JSON")
        return answer

    async def _exchange(
        self,
        method: str,
        url: str,
        data: RequestData | None,
        *,
        pool_timeout_s: float | None,
        write_timeout_s: float | None,
        limits: aiohttp.ClientTimeout,
    ) -> tuple[int, bytes] | NetworkError:
        if self._session is None:
            raise RuntimeError("AiohttpRequest is used before initialize() or after shutdown()")
        try:
            # Nothing is waited for, as a rule, and a time limit costs more than the place.
            async with asyncio.timeout(pool_timeout_s) if self._slots.locked() else nullcontext():
                await self._slots.acquire()
        except TimeoutError:
            return NotSentTimeout("all connections are in use")
        body = None
        try:
            body = _Body(*await _encoded(data), write_timeout_s)
            # A redirect would hand the token to another host.
            async with self._session.request(
                method, url, data=body, timeout=limits, allow_redirects=False
            ) as response:
                return _judged(response.status, await response.read())
        except (aiohttp.ClientError, OSError, ValueError, TypeError) as error:
            return _failure(error, left=body is not None and body.left)
        finally:
            self._slots.release()


def _given_or(given: "ODVInput[float]", default: float | None) -> float | None:
    return given if given is None or isinstance(given, int | float) else default


async def _encoded(data: RequestData | Fields | FileForm | None) -> tuple[bytes, str]:
    """Return the body and its content type: a multipart form when files go along, else a plain form."""
    if isinstance(data, Fields):
        return data.encoded, "application/json"
    if not isinstance(data, FileForm) and (data is None or not data.contains_files):
        fields = data.url_encoded_parameters() if data else ""
        return fields.encode(), "application/x-www-form-urlencoded"
    # Names of files go out as plain UTF-8, as browsers send them, not percent-encoded.
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, mimetype) in data.multipart_data.items():
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, file, filename=filename, content_type=mimetype)
    payload = form()
    return await payload.as_bytes(), payload.content_type


def _judged(status: int, content: bytes) -> tuple[int, bytes] | NetworkError:
    """Return an answer that PTB may turn into its own errors, which quote what they can't read."""
    if status >= 500:
        return Unclear(f"the server answered {status}")
    if status >= 300 and _json_object(content) is None:
        return NotSent(f"something before the Bot API answered {status}")
    return status, content


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _failure(error: Exception, *, left: bool) -> NetworkError:
    text = type(error).__name__
    # Of aiohttp's errors, these name host, port and reason only.
    if isinstance(error, aiohttp.ClientConnectorError):
        text = f"{text}: {error}"
    if isinstance(error, TimeoutError):
        return UnclearTimeout(text) if left else NotSentTimeout(text)
    return Unclear(text) if left else NotSent(text)
