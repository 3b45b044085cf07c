"""A strict gateway for text messages over real HTTP, which refuses what Kannel would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

PATH = "/cgi-bin/sendsms"
USER, PASSWORD = "jisr", "marked-password"
KNOWN = {"username", "password", "from", "to", "text", "coding", "charset", "dlr-mask", "dlr-url"}


@dataclass(frozen=True)
class Received:
    """A text that the gateway took."""

    method: str
    fields: Mapping[str, str]

    @property
    def to(self) -> str:
        return self.fields["to"]

    @property
    def text(self) -> str:
        return self.fields["text"]


@dataclass
class FakeKannel:
    """`faults` are statuses that the next calls are answered with instead; 0 hangs up after reading."""

    taken: list[Received] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    retry_after: str = ""
    url: str = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("GET", PATH, self._sendsms)
        app.router.add_route("POST", PATH, self._sendsms)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}{PATH}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _sendsms(self, request: web.Request) -> web.Response:
        pairs = request.query if request.method == "GET" else await request.post()
        fields = {name: str(value) for name, value in pairs.items()}
        if self.faults:
            fault = self.faults.pop(0)
            if not fault:
                assert request.transport
                request.transport.close()
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=fault or 500, text="not now", headers=headers)
        if (fields.get("username"), fields.get("password")) != (USER, PASSWORD):
            return self._refuses(403, "Authorization failed for sendsms")
        wrong = _wrong_with(fields, has_two=len(pairs) != len(fields))
        if wrong:
            return self._refuses(400, wrong)
        self.taken.append(Received(request.method, fields))
        return web.Response(status=202, text="0: Accepted for delivery")

    def _refuses(self, status: int, words: str) -> web.Response:
        self.refused.append(words)
        return web.Response(status=status, text=words)


def _wrong_with(fields: Mapping[str, str], *, has_two: bool) -> str | None:
    if has_two or set(fields) - KNOWN:
        return "unknown field, or one twice"
    if not fields.get("to", "").startswith("+212") or not fields["to"][1:].isdecimal():
        return "Not routable. Do not try again."
    if not fields.get("text"):
        return "no text"
    if fields.get("charset") != "UTF-8" or fields.get("coding") not in ("0", "2"):
        return "unknown coding or charset"
    if fields["coding"] == "0" and any("\u0600" <= letter <= "\u06ff" for letter in fields["text"]):
        return "Arabic is not in GSM-7"
    if ("dlr-mask" in fields) != ("dlr-url" in fields):
        return "half of a delivery report"
    return None
