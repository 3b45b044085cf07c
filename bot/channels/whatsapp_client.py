"""A thin client of Meta's Graph API on aiohttp, whose errors hold no person and no token.

aiohttp's errors quote addresses and the platform's quote numbers, so neither goes on, not even as a cause.
"""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

JSON = Mapping[str, Any]

# Below what proxies in front of such services allow an idle connection, 60 s and more: one that is dropped
# while a request goes out costs an unclear outcome.
KEEP_ALIVE_S = 30.0
CONNECT_WITHIN_S = 5.0
# Meta answers a send in well under a second; what takes longer may still have been accepted.
ANSWER_WITHIN_S = 15.0
CONNECTIONS = 100

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class GraphFailed(Exception):
    """A call did not succeed."""


class GraphError(GraphFailed):
    """The platform refused: `code` is the one of its table of errors, `status` HTTP's.

    `details` says more, in the platform's words; it may quote what was sent, so it is for an operator's
    screen and never for a log.
    """

    def __init__(self, code: int, status: int, details: str = "") -> None:
        super().__init__(f"code {code}, status {status}")
        self.code = code
        self.status = status
        self.details = details


class NotSent(GraphFailed):
    """The platform can't have acted: no connection was made, or something before it refused."""


class Unclear(GraphFailed):
    """The request left, and no answer of the platform's own came back: it may have been accepted."""


class GraphClient:
    """Calls of one business number. An async context manager.

    `url` is the host with the API's version, such as https://graph.facebook.com/v26.0.
    """

    def __init__(
        self, url: str, token: str, phone_number_id: str, *, answer_within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._answer_within_s = answer_within_s
        self._session: aiohttp.ClientSession | None = None
        self.phone_number_id = phone_number_id

    def __repr__(self) -> str:
        return "<GraphClient>"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_WITHIN_S, sock_read=self._answer_within_s),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, to: str, body: JSON) -> str:
        """Send a message and return its id (wamid); `to` is a phone number's digits or a business-scoped id.

        Raises GraphError, NotSent or Unclear.
        """
        # Source: Cloud API, business-scoped user ids: `recipient` takes the place of `to`.
        whom = {"to": to} if to.isdecimal() else {"recipient": to}
        answer = await self.call(
            "POST",
            f"{self.phone_number_id}/messages",
            body={"messaging_product": "whatsapp", "recipient_type": "individual", **whom, **body},
        )
        match answer.get("messages"):
            case [{"id": str(message_id)}, *_]:
                return message_id
        raise Unclear("the answer names no message")

    async def upload(self, content: bytes, *, filename: str, mime_type: str) -> str:
        """Leave a file with the platform for 30 days, and return the id by which messages name it.

        Raises GraphError, NotSent or Unclear. Source: Cloud API reference, media, upload media.
        """
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", mime_type)
        form.add_field("file", content, filename=filename, content_type=mime_type)
        answer = await self._answer("POST", f"{self.phone_number_id}/media", form, {}, None)
        match answer:
            case {"id": str(media_id)}:
                return media_id
        raise Unclear("the answer names no file")

    async def call(
        self, method: str, path: str, *, body: JSON | None = None, query: Mapping[str, str] | None = None
    ) -> JSON:
        """Call `path` below the version and return the answer. Raises GraphError, NotSent or Unclear."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = _ENCODE(body).encode(errors="replace") if body is not None else None
        return await self._answer(method, path, data, headers, query)

    async def _answer(
        self,
        method: str,
        path: str,
        data: bytes | aiohttp.FormData | None,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
    ) -> JSON:
        answer = await self._exchange(method, f"{self._url}/{path}", data, headers, query)
        # Raised here and not where aiohttp's error was caught: that one would stay attached as context.
        if isinstance(answer, GraphFailed):
            raise answer
        return answer

    async def _exchange(
        self,
        method: str,
        url: str,
        data: bytes | aiohttp.FormData | None,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
    ) -> JSON | GraphFailed:
        if self._session is None:
            raise RuntimeError("GraphClient is used before it was entered")
        try:
            # A redirect would hand the token to another host.
            async with self._session.request(
                method, url, data=data, params=query, headers=headers, allow_redirects=False
            ) as response:
                return _judged(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            return NotSent(type(error).__name__)
        except (aiohttp.ClientError, OSError) as error:
            return Unclear(type(error).__name__)


def _judged(status: int, content: bytes) -> JSON | GraphFailed:
    """Return the answer; an error of the platform's own names its code, whatever the status."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"error": {"code": int(code)} as error}:
            return GraphError(code, status, _details(error))
        case dict() if status < 300:
            return answer
    if 400 <= status < 500:
        return NotSent(f"something before the platform answered {status}")
    return Unclear(f"the server answered {status}")


def _details(error: JSON) -> str:
    match error:
        case {"error_data": {"details": str(details)}}:
            return details
        case {"message": str(message)}:
            return message
    return ""
