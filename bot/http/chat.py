"""The web chat's page and its lines: one websocket an open page.

What a page sends is stored before it is acknowledged, and handled by `bot.turns` like any other update. What
it is shown comes from the outbox: a commit rings, and the line shows what is new.
"""

import asyncio
import contextlib
import html
import json
import re
import secrets
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from bot.announcement_text import announcement_message
from bot.channels import webchat
from bot.channels.channel import File
from bot.channels.webchat import JSON
from bot.clock import Clock
from bot.documents import Documents
from bot.floods import Gate
from bot.http.demo import CLOCK_TOPIC, Demo, seat_of
from bot.http.origin import is_from_elsewhere, is_on_loopback, is_own_page
from bot.metrics import metrics
from bot.turns import Voice
from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import Channel
from conversations.texts import Texts
from storage.addresses import Reader
from storage.database import Database, rung
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.inbox import NewUpdate
from storage.outbox import Delivered, Shown, reason_to_drop

log = structlog.get_logger()

CHAT_PAGE = Path(__file__).parent / "static" / "chat.html"
# 256 random bits, as secrets.token_urlsafe writes them.
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
COOKIE_LIFE_S = 365 * 24 * 3600
MOST_LINES = 8
# Longer numbers than the database counts are nobody's message.
NUMBER = re.compile(r"[0-9]{1,18}")
# A part of a file, asked for by its first byte.
PART = re.compile(r"bytes=([0-9]{1,9})-([0-9]{1,9})?")
MOST_FRAME_CHARACTERS = 64 * 1024
HISTORY = 200
# How long a line waits when nobody rings: only matters when a ring got lost.
IDLE_S = 30.0
# Rung when an announcement may have begun: it writes to many addresses at once.
NEWS_TOPIC = "announcements"
# Close codes of RFC 6455 and its registry.
TOO_BIG, TRY_LATER = 1009, 1013
# A browser's language by the one we speak to it until the person has chosen.
DEVICE_LANGUAGES = {"ar": "ary", "fr": "fr", "en": "en"}


class Chat:
    """Serves the page, knows who opens it, and holds the lines that are open in this process."""

    def __init__(
        self, database: Database, clock: Clock, voice: Voice, *, demo: Demo | None, public_url: str | None
    ) -> None:
        self.database = database
        self.clock = clock
        self.voice = voice
        self.demo = demo
        self._public_url = public_url
        self._page = CHAT_PAGE.read_text(encoding="utf-8")
        self._documents = Documents(database, voice.texts, clock=clock, doors=voice.doors)
        self.gate = Gate()
        self._lines: defaultdict[str, set[Line]] = defaultdict(set)

    async def page(self, request: Request) -> Response:
        """Serve the page, to a person it knows or as the first one to a new person."""
        token = self._token(request)
        if token is None and is_from_elsewhere(request) and "again" not in request.query_params:
            return _asked_again(request)
        if token is None or await self._is_erased(token):
            token = secrets.token_urlsafe(32)
        response = HTMLResponse(self._page)
        response.set_cookie(
            self._cookie_name(request), token, max_age=COOKIE_LIFE_S,
            httponly=True, samesite="strict", secure=not is_on_loopback(request),
        )  # fmt: skip
        return response

    async def line(self, websocket: WebSocket) -> None:
        """Hold a line to a page until it closes. Closing before accepting answers 403."""
        token = self._token(websocket)
        if token is None or not is_own_page(websocket, self._public_url):
            await websocket.close()
            return
        if len(self._lines[token]) >= MOST_LINES:
            await websocket.close()
            return
        line = Line(self, websocket, token)
        self._lines[token].add(line)
        try:
            await line.hold()
        finally:
            self._lines[token].discard(line)
            if not self._lines[token]:
                del self._lines[token]

    async def document(self, request: Request) -> Response:
        """Serve the page that a message brings, to whom the message was shown; it is made now."""
        message = await self._message_asked_for(request)
        if message is None or message.document is None:
            raise HTTPException(404)
        made = await self._documents.make(message.document, message.language)
        if made.file is None:
            return _read_here(made.text, self.voice.of(message.language))
        return Response(
            made.file.content,
            media_type=made.file.mime_type,
            headers={"Content-Disposition": f'attachment; filename="{made.file.name}"'},
        )

    async def clip(self, request: Request) -> Response:
        """Serve the recording that a message brings, to whom the message was shown."""
        message = await self._message_asked_for(request)
        file = await self.voice.recordings.file(message.clip) if message and message.clip else None
        if file is None:
            raise HTTPException(404)
        return _played(request, file)

    async def _message_asked_for(self, request: Request) -> OutboundMessage | None:
        token, number = self._token(request), request.path_params["number"]
        if token is None or not NUMBER.fullmatch(number):
            return None
        return await self._message_shown(token, int(number))

    async def _message_shown(self, token: str, number: int) -> OutboundMessage | None:
        now = self.clock.now()
        async with self.database.reading() as unit:
            reader = await unit.addresses.reader(Channel.WEBCHAT, token, now=now)
            if reader is None or reader.is_erased:
                return None
            shown = await unit.outbox.shown_to(reader.address_id, number, now=now, since=reader.shown_from)
        return shown.message if shown else None

    def echo(self, frame: JSON, *, token: str, by: "Line") -> None:
        """Show what a person wrote in the other windows they have open here."""
        for line in self._lines[token] - {by}:
            line.overhear(frame)

    async def _is_erased(self, token: str) -> bool:
        """Tell whether this person had everything deleted: whoever opens the page next is somebody new."""
        try:
            async with self.database.reading() as unit:
                reader = await unit.addresses.reader(Channel.WEBCHAT, token, now=self.clock.now())
        except (DatabaseLocked, DatabaseUnreachable):
            return False
        return reader is not None and reader.is_erased

    def _cookie_name(self, request: HTTPConnection) -> str:
        if self.demo:
            return f"jisr-{seat_of(request)}"
        # Browsers take the prefix only from an encrypted page of this very host.
        return "jisr" if is_on_loopback(request) else "__Host-jisr"

    def _token(self, request: HTTPConnection) -> str | None:
        token = request.cookies.get(self._cookie_name(request), "")
        return token if TOKEN.fullmatch(token) else None


class Line:
    """The line to one open page. Nothing is shown, and no input counts, but through the database."""

    def __init__(self, chat: Chat, websocket: WebSocket, token: str) -> None:
        self._chat = chat
        self._database = chat.database
        self._websocket = websocket
        self._token = token
        self._lane = chat.database.keys.index(Channel.WEBCHAT, token)
        self._device_language = _device_language(websocket.headers)
        self._brings_invitation = "start" in websocket.query_params
        self._seat = seat_of(websocket)
        self._pace = Pace()
        self._is_open = True
        self._stirred = asyncio.Event()
        self._has_seen = asyncio.Event()
        self._overheard: deque[JSON] = deque()
        # Ids of messages on the page, and of those it has not said to have shown yet, and of those it has.
        self._drawn: set[int] = set()
        self._is_cleared = False
        self._unseen: set[int] = set()
        self._seen: set[int] = set()
        self._language: str | None = None
        self._told_offset: timedelta | None = None
        self._shown_from: datetime | None = None

    async def hold(self) -> None:
        """Serve the page until it goes. When the database is away the page is asked to come back."""
        await self._websocket.accept()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._guarded_watch())
            group.create_task(self._note_seen())
            try:
                await self._listen()
            finally:
                self._let_go()

    def overhear(self, frame: JSON) -> None:
        """Have a frame shown that came up in another window of the same person."""
        self._overheard.append(frame)
        self._stirred.set()

    # What the page sends

    async def _listen(self) -> None:
        try:
            while True:
                received = await self._websocket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                data = received.get("text")
                if data is not None and len(data) > MOST_FRAME_CHARACTERS:
                    await self._websocket.close(TOO_BIG)
                    return
                await self._take(webchat.read_frame(data) if data is not None else None)
        except WebSocketDisconnect:
            return
        except (DatabaseLocked, DatabaseUnreachable):
            await self._hang_up()

    async def _take(self, frame: JSON | None) -> None:
        if frame is not None and frame["type"] == "shown":
            self._note(frame["id"])
            return
        await asyncio.sleep(self._pace.wait_s(asyncio.get_running_loop().time()))
        if frame is None:
            log.info("webchat_frame_refused")
            await self._send({"type": "refused"})
            return
        async with self._database.transaction(urgent=True) as unit:
            now = self._chat.clock.now()
            is_new = await self._chat.gate.add(unit, [self._update(frame)], now=now)
            unit.topics.add("inbox")
        metrics.updates_stored(Channel.WEBCHAT, is_new)
        await self._send({"type": "stored", "ref": frame["ref"]})
        at = now.astimezone(self._chat.voice.world.zone)
        echo = webchat.echo(frame, at, self._texts)
        if is_new and echo is not None:
            await self._send(echo)
            self._chat.echo(echo, token=self._token, by=self)
        self._stirred.set()

    def _update(self, frame: JSON) -> NewUpdate:
        return NewUpdate(
            channel=Channel.WEBCHAT,
            # Half of the hash is plenty to keep people apart.
            key=f"{self._lane.hex()[:32]}:{frame['ref']}",
            lane=self._lane,
            payload=webchat.payload_of(frame, sender=self._token, language=self._device_language),
        )

    def _note(self, number: int) -> None:
        # Only what this line has shown: nobody reports on another's messages.
        if number in self._unseen:
            self._unseen.remove(number)
            self._seen.add(number)
            self._has_seen.set()

    async def _note_seen(self) -> None:
        """Write down what was seen: what comes in one go is one transaction."""
        while self._is_open or self._seen:
            await self._has_seen.wait()
            self._has_seen.clear()
            seen, self._seen = self._seen, set()
            now = self._chat.clock.now()
            try:
                await self._report([Delivered(number, "delivered", now) for number in sorted(seen)])
            except (DatabaseLocked, DatabaseUnreachable):
                # Only the status stays behind: the messages were seen.
                return

    # What the page is shown

    async def _guarded_watch(self) -> None:
        try:
            await self._watch()
        except WebSocketDisconnect:
            self._let_go()
        except (DatabaseLocked, DatabaseUnreachable):
            await self._hang_up()

    async def _watch(self) -> None:
        """Show what there is to show, and then whatever is new, until the page goes."""
        reader = await self._come_in()
        is_greeted = False
        while self._is_open:
            # Before a person's first turn there is no address yet to listen for.
            topic = f"address:{reader.address_id}" if reader else "outbox"
            async with self._database.wakes.bell(topic, NEWS_TOPIC, CLOCK_TOPIC) as self._stirred:
                if not is_greeted:
                    await self._greet(reader)
                    is_greeted = True
                followed = reader and reader.address_id
                while self._is_open and followed == (reader and reader.address_id):
                    await self._show_news(reader)
                    if self._is_open:
                        await rung(self._stirred, timeout_s=IDLE_S)
                    reader = await self._find_reader()

    async def _come_in(self) -> Reader | None:
        """Return who reads here. For somebody new the first word is said in their name: they have come in."""
        reader = await self._find_reader()
        if reader is not None or self._brings_invitation:
            return reader
        async with self._database.transaction() as unit:
            if not await unit.inbox.latest(self._lane, limit=1):
                demo = self._chat.demo
                words = await demo.first_words(unit, self._seat) if demo else ""
                start = webchat.start_frame(words)
                await unit.inbox.add([self._update(start)], now=self._chat.clock.now())
                unit.topics.add("inbox")
        return None

    async def _find_reader(self) -> Reader | None:
        async with self._database.reading() as unit:
            now = self._chat.clock.now()
            return await unit.addresses.reader(Channel.WEBCHAT, self._token, now=now)

    async def _greet(self, reader: Reader | None) -> None:
        await self._say_hello(reader)
        async with self._database.reading() as unit:
            now = self._chat.clock.now()
            said = []
            if reader:
                since = self._shown_from = reader.shown_from
                said = await unit.outbox.history(reader.address_id, limit=HISTORY, now=now, since=since)
            wrote = await unit.inbox.latest(self._lane, limit=HISTORY)
        zone = self._chat.voice.world.zone
        items: list[tuple[datetime, JSON]] = []
        for at, payload in wrote:
            if echo := webchat.stored_echo(payload, at.astimezone(zone), self._texts):
                items.append((at, echo))
        results = []
        if reader and reader.shown_from is not None:
            # Somebody else used the address before.
            items = [item for item in items if item[0] >= reader.shown_from]
        if reader and reader.is_erased:
            # Nothing is left but the last word and what everybody was told.
            said = [shown for shown in said if shown.message is not None]
        for shown in said:
            frame, result = self._frame(shown)
            results.append(result)
            if frame:
                items.append((shown.created_at, frame))
        # Stable: what was written comes before the answer that came in the same instant.
        items.sort(key=lambda item: item[0])
        await self._send({"type": "history", "items": [frame for _, frame in items[-HISTORY:]]})
        await self._report(results)

    async def _say_hello(self, reader: Reader | None) -> None:
        self._language = reader.language if reader else None
        await self._send(webchat.hello(self._texts, demo=self._chat.demo is not None))

    async def _show_news(self, reader: Reader | None) -> None:
        while self._overheard:
            await self._send(self._overheard.popleft())
        await self._tell_clock()
        if reader is None:
            return
        if reader.language != self._language:
            await self._say_hello(reader)
        async with self._database.reading() as unit:
            waiting = await unit.outbox.waiting_for(
                reader.address_id, after=max(self._drawn, default=0), now=self._chat.clock.now()
            )
        results: list[Delivered | None] = []
        try:
            for shown in waiting:
                if shown.id not in self._drawn:
                    frame, result = self._frame(shown)
                    if frame:
                        await self._send(frame)
                    results.append(result)
        finally:
            await self._report(results)
        is_anothers = reader.shown_from is not None and reader.shown_from != self._shown_from
        if is_anothers or (reader.is_erased and not self._is_cleared):
            # What was erased, or another's, must not stay on the screen of a phone that others use.
            await self._greet(reader)
        self._is_cleared = reader.is_erased

    def _frame(self, shown: Shown) -> tuple[JSON | None, Delivered | None]:
        """Return a message's frame, None when it is not to be shown, and what sending it makes of its row."""
        now = self._chat.clock.now()
        if shown.is_unsent and (reason := reason_to_drop(shown, now=now)):
            return None, Delivered(shown.id, "failed_permanent", now, reason=reason)
        message = self._message(shown)
        if message is None:
            return None, Delivered(shown.id, "failed_technical", now, reason="no_text")
        self._drawn.add(shown.id)
        if shown.status not in ("delivered", "read"):
            self._unseen.add(shown.id)
        at = shown.created_at.astimezone(self._chat.voice.world.zone)
        texts = self._chat.voice.of(message.language)
        frame = webchat.render(message, texts, number=shown.id, replaces=shown.replaces_id, at=at)
        sent = Delivered(shown.id, "sent", now, message_ref=str(shown.id)) if shown.is_unsent else None
        return frame, sent

    def _message(self, shown: Shown) -> OutboundMessage | None:
        return shown.message or announcement_message(shown.texts, shown.language, self._chat.voice.texts)

    async def _tell_clock(self) -> None:
        """Tell the demo's clock at the beginning and whenever it was moved."""
        demo = self._chat.demo
        if demo is None or self._told_offset == demo.offset:
            return
        self._told_offset = demo.offset
        clock = demo.clock()
        await self._send({"type": "clock", "now": clock["now"], "text": clock["clock"]})

    # The line itself

    @property
    def _texts(self) -> Texts:
        language = self._language or DEVICE_LANGUAGES.get((self._device_language or "").partition("-")[0])
        return self._chat.voice.of(language)

    async def _report(self, results: Iterable[Delivered | None]) -> None:
        news = [result for result in results if result is not None]
        if news:
            async with self._database.transaction(urgent=True) as unit:
                await unit.outbox.report(news)
            for result in news:
                metrics.status_told(Channel.WEBCHAT, result.status)

    async def _send(self, frame: JSON) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect
        await self._websocket.send_text(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def _hang_up(self) -> None:
        """End the line from this side; the page comes back by itself."""
        log.warning("webchat_line_ended")
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect):
                await self._websocket.close(TRY_LATER)

    def _let_go(self) -> None:
        self._is_open = False
        self._stirred.set()
        self._has_seen.set()


class Pace:
    """How fast one page may write: what comes faster waits, and is not lost."""

    INPUTS = 20
    WINDOW_S = 10.0

    def __init__(self) -> None:
        self._let_in: deque[float] = deque(maxlen=self.INPUTS)

    def wait_s(self, now_s: float) -> float:
        """Return for how long an input that came at `now_s` must wait, and count it as let in then."""
        is_full = len(self._let_in) == self.INPUTS
        wait_s = max(0.0, self._let_in[0] + self.WINDOW_S - now_s) if is_full else 0.0
        self._let_in.append(now_s + wait_s)
        return wait_s


def _asked_again(request: Request) -> Response:
    """Have the page asked for once more, by a page of our own: then the browser says who it is."""
    url = f"{request.url.path}?{request.url.include_query_params(again=1).query}"
    return HTMLResponse(
        f'<!DOCTYPE html><title>Jisr</title><meta http-equiv="refresh" content="0;url={html.escape(url)}">'
    )


def _played(request: Request, file: File) -> Response:
    """Return a file, or of it the one part asked for: Safari plays nothing that it can't have in parts.

    Source: RFC 9110, section 14; several parts at once are answered with the whole, which is allowed.
    """
    size = len(file.content)
    headers = {"Accept-Ranges": "bytes"}
    asked = PART.fullmatch(request.headers.get("range", ""))
    if asked is None:
        return Response(file.content, media_type=file.mime_type, headers=headers)
    first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
    if first > last:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(
        file.content[first : last + 1], status_code=206, media_type=file.mime_type, headers=headers
    )


def _read_here(text: str, texts: Texts) -> Response:
    """Return a plain page with words, for what can't be had as a file."""
    lines = "<br>".join(map(html.escape, text.splitlines()))
    return HTMLResponse(
        f'<!DOCTYPE html><html lang="{texts.language}" dir="{texts.direction}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Jisr</title><p>{lines}</p></html>'
    )


def _device_language(headers: Mapping[str, str]) -> str | None:
    """Return the first language a browser asks for ("fr-MA"), None when it asks for none."""
    first = re.match(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?", headers.get("accept-language", ""))
    return first and first[0]
