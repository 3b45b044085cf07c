"""A service behind the web chat page that says what a test tells it to say, over real HTTP and websockets."""

import asyncio
from collections import deque
from pathlib import Path
from typing import Any, Self

from aiohttp import WSMsgType, web

STATIC = Path(__file__).parents[2] / "bot" / "http" / "static"
POLICY = (
    "default-src 'self'; connect-src 'self'; frame-src 'self'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:"
)
# Far longer than any answer takes: only a broken page makes a test wait for it.
LONGEST_WAIT_S = 10

Frame = dict[str, Any]

UI = {
    "ary": {
        "placeholder": "كتب هنا…",
        "send": "صيفط",
        "offline": "ماكايناش الكونيكسيون. كنعاودو نجربو…",
        "online": "رجعات الكونيكسيون.",
        "share_location": "📍 صيفط فين أنا",
        "locating": "كنقلبو فين نتا…",
        "location_failed": "ماقدرناش نعرفو فين نتا. كتب سمية المدينة ديالك.",
        "today": "اليوم",
    },
    "fr": {
        "placeholder": "Écrivez ici…",
        "send": "Envoyer",
        "offline": "Pas de connexion. Nous réessayons…",
        "online": "Connexion rétablie.",
        "share_location": "📍 Envoyer ma position",
        "locating": "Recherche en cours…",
        "location_failed": "Position introuvable. Écrivez le nom de votre ville.",
        "today": "Aujourd’hui",
    },
}


def hello(language: str = "fr", *, demo: bool = False) -> Frame:
    """The greeting in Darija ("ary") or French ("fr")."""
    direction = "rtl" if language == "ary" else "ltr"
    return {"type": "hello", "language": language, "direction": direction, "demo": demo, "ui": UI[language]}


def message(
    number: int,
    text: str,
    *labels: str,
    lang: str = "fr",
    replaces: int | None = None,
    prompt_no: int | None = None,
    wants_location: bool = False,
    document: str | None = None,
    map_links: tuple[tuple[str, str], ...] = (),
    clip: str | None = None,
    at: str = "2026-11-21T10:00:00+00:00",
) -> Frame:
    """A bubble with one choice per label; the choices are called c1, c2 and so on."""
    choices = [{"id": f"c{n}", "label": label} for n, label in enumerate(labels, start=1)]
    return {
        "type": "message",
        "id": number,
        "text": text,
        "direction": "rtl" if lang in {"ar", "ary"} else "ltr",
        "lang": lang,
        "choices": choices,
        "prompt_no": number if prompt_no is None and (choices or wants_location) else prompt_no,
        "wants_location": wants_location,
        "document": {"path": f"/page/{number}", "label": document} if document else None,
        "map": [{"link": link, "label": label} for link, label in map_links] or None,
        "clip": {"path": f"/clip/{number}", "label": clip} if clip else None,
        "replaces": replaces,
        "at": at,
        "clock": at[11:16],
    }


def echo(text: str, ref: str | None = None, clock: str = "10:01") -> Frame:
    """The person's own words, as the service remembers them."""
    return {"type": "echo", "text": text, "clock": clock, "ref": ref}


class FakeService:
    """Keeps the protocol's promises: greets, sends the history on every connect, confirms what it stores."""

    def __init__(self) -> None:
        self.greeting = hello()
        self.history: list[Frame] = []
        self.is_confirming = True
        self.is_refusing = False
        self.seats: list[str | None] = []
        self.next_event: str | None = "Reminder for Chama"
        self.url = ""
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._set_aside: deque[Frame] = deque()
        self._lines: dict[web.WebSocketResponse, web.Request] = {}
        self._connected = asyncio.Event()
        self._runner = web.AppRunner(self._app(), shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drop()
        await self._runner.cleanup()

    async def say(self, *frames: Frame, seat: str | None = None) -> None:
        """Send frames to every open page of the seat."""
        for line, request in list(self._lines.items()):
            for frame in frames if request.query.get("seat") == seat else ():
                await line.send_json(frame)

    async def received(self, kind: str) -> Frame:
        """The next frame of this type that a page sent; others wait for their own call."""
        for frame in self._set_aside:
            if frame["type"] == kind:
                self._set_aside.remove(frame)
                return frame
        while True:
            frame = await asyncio.wait_for(self._frames.get(), LONGEST_WAIT_S)
            if frame["type"] == kind:
                return frame
            self._set_aside.append(frame)

    def unread(self, kind: str) -> list[Frame]:
        """Frames of this type that came and were not asked for with `received`."""
        while not self._frames.empty():
            self._set_aside.append(self._frames.get_nowait())
        return [frame for frame in self._set_aside if frame["type"] == kind]

    async def connected(self) -> None:
        """Wait until a page has connected since the last `drop`."""
        await asyncio.wait_for(self._connected.wait(), LONGEST_WAIT_S)

    async def drop(self) -> None:
        """Cut every line without a goodbye."""
        self._connected.clear()
        for request in self._lines.values():
            if request.transport is not None:
                request.transport.abort()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[with_policy])
        app.router.add_get("/", self._demo)
        app.router.add_get("/chat", self._chat)
        app.router.add_get("/ws", self._websocket)
        app.router.add_get("/demo/clock", self._clock)
        app.router.add_post("/demo/skip", self._skip)
        app.router.add_get("/page/{number}", self._page)
        app.router.add_static("/static", STATIC)
        return app

    async def _demo(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "demo.html")

    async def _chat(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "chat.html")

    async def _page(self, request: web.Request) -> web.Response:
        """A file in the colours of its number and seat."""
        words = f"%PDF- {request.match_info['number']} {request.query.get('seat')}"
        headers = {"Content-Disposition": 'attachment; filename="jisr.pdf"'}
        return web.Response(text=words, content_type="application/pdf", headers=headers)

    async def _clock(self, _: web.Request) -> web.Response:
        return web.json_response({"now": "2026-11-21T10:00:00+00:00", "clock": "Sat 21 November, 10:00"})

    async def _skip(self, _: web.Request) -> web.Response:
        moved = {"now": "2026-11-24T09:00:00+00:00", "clock": "Tue 24 November, 09:00"}
        return web.json_response({**moved, "skipped_to": self.next_event})

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.is_refusing:
            return web.Response(status=503)
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.seats.append(request.query.get("seat"))
        self._lines[line] = request
        await line.send_json(self.greeting)
        await line.send_json({"type": "history", "items": self.history})
        self._connected.set()
        try:
            async for received in line:
                if received.type is WSMsgType.TEXT:
                    await self._take(line, received.json())
        finally:
            del self._lines[line]
        return line

    async def _take(self, line: web.WebSocketResponse, frame: Frame) -> None:
        self._frames.put_nowait(frame)
        if self.is_confirming and "ref" in frame:
            await line.send_json({"type": "stored", "ref": frame["ref"]})


@web.middleware
async def with_policy(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer under the strict content policy of the real service."""
    response: web.StreamResponse = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = POLICY
    return response
