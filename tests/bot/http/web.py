"""The web application on a loopback port, and browsers that talk to it over real HTTP and websockets."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self

import aiohttp
import uvicorn
from sqlalchemy import event
from starlette.applications import Starlette
from yarl import URL

from bot.channels import webchat
from bot.clock import Clock
from bot.http.chat import NEWS_TOPIC
from bot.turns import Voice
from conversations.care.announcements import Audience
from conversations.care.people import ContactId, Role
from conversations.engine.engine import Routes
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.reply import Inbound
from storage.addresses import AddressId
from storage.database import Database
from storage.errors import DatabaseUnreachable
from tests.fakes import marked_texts, real_world

# Far longer than any answer takes: only a broken service makes a test wait for it.
LONGEST_WAIT_S = 10
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)

Frame = dict[str, Any]
Serve = Callable[..., Awaitable["Web"]]


async def nowhere(*_: object) -> Any:
    raise AssertionError("no turn runs here")


def quiet_voice() -> Voice:
    """Languages and places without flows: what stands in for a turn is the test."""
    return Voice(Routes({}, nowhere, nowhere, {}, {}), marked_texts(), real_world())  # type: ignore[arg-type]


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class Web:
    """The running application, what lies behind it, and a hand to play the turns."""

    app: Starlette
    database: Database
    clock: Clock
    port: int = 0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _keys: Any = field(default_factory=count)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        # Who connects before the server has begun waits in the backlog.
        listener.listen()
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio"
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._server.should_exit = True
        await self._serving

    async def browser(self, **headers: str) -> "Browser":
        """A browser with cookies of its own."""
        session = aiohttp.ClientSession(
            self.url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept-Language": "fr-MA,fr;q=0.9", **headers},
        )
        await self._stack.enter_async_context(session)
        return Browser(session, self.url)

    async def next_inbound(self) -> Inbound | None:
        """Take the oldest stored update off the inbox, as a turn does; None when none waits."""
        async with self.database.transaction() as unit:
            update = await unit.inbox.claim(now=self.clock.now())
            if update is None:
                return None
            await unit.inbox.close(update.id, status="done", now=self.clock.now())
        return webchat.parse_payload(update.payload)

    async def inbound(self) -> Inbound:
        """Wait for the next update, and take it."""
        async with asyncio.timeout(LONGEST_WAIT_S), self.database.wakes.bell("inbox") as bell:
            while True:
                if inbound := await self.next_inbound():
                    return inbound
                await bell.wait()
                bell.clear()

    async def answers(self, *messages: OutboundMessage, language: str | None = None) -> AddressId:
        """Play the next turn: take the update and say something to whom it came from."""
        inbound = await self.next_inbound()
        assert inbound
        return await self.says(inbound.external_id, *messages, language=language)

    async def says(
        self, external_id: str, *messages: OutboundMessage, language: str | None = None
    ) -> AddressId:
        """Write messages to somebody, who chooses a language by the way, and ring as a turn does."""
        async with self.database.transaction() as unit:
            contact, address_id = await unit.addresses.find_or_create(
                "webchat", external_id, now=self.clock.now()
            )
            if language:
                await unit.contacts.set_language(contact.id, language)
        await self.writes_to(address_id, *messages)
        return address_id

    async def writes_to(
        self, address_id: AddressId, *messages: OutboundMessage, useful_until: datetime | None = None
    ) -> None:
        now = self.clock.now()
        async with self.database.transaction() as unit:
            for message in messages:
                await unit.outbox.add(
                    address_id=address_id,
                    channel="webchat",
                    purpose=Purpose.REPLY,
                    key=f"test:{next(self._keys)}",
                    message=message,
                    now=now,
                    useful_until=useful_until,
                )
            unit.topics.update(("outbox", f"address:{address_id}"))

    async def agrees_to_news(self, external_id: str) -> ContactId:
        """Have somebody choose French and agree to news."""
        now = self.clock.now()
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create("webchat", external_id, now=now)
            await unit.contacts.set_language(contact.id, "fr")
            await unit.contacts.agree(contact.id, news=True, at=now)
        return contact.id

    async def announces(self, **texts: str) -> int:
        """Have a manager send news to everybody; returns the announcement's id."""
        now = self.clock.now()
        async with self.database.transaction() as unit:
            manager, _ = await unit.addresses.find_or_create("telegram", "9", now=now)
            await unit.contacts.make_staff(manager.id, Role.MANAGER, None)
            news = await unit.announcements.start(
                author=manager.id, audience=Audience(), texts=texts, now=now
            )
            unit.topics.add(NEWS_TOPIC)
        return news.id

    def loses_its_database(self) -> None:
        """From now on no transaction can begin."""

        @event.listens_for(self.database.engine.sync_engine, "begin")
        def refuse(_: object) -> None:
            raise DatabaseUnreachable("The database does not answer.")

    async def statuses(self, address_id: AddressId) -> list[str]:
        """What became of the messages to somebody, in order."""
        async with self.database.reading() as unit:
            rows = await unit.outbox.history(address_id, limit=100, now=self.clock.now())
        return [row.status for row in rows]

    async def reports(self, address_id: AddressId, *statuses: str) -> None:
        """Wait until the messages to somebody have these statuses, in order."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            while True:
                if await self.statuses(address_id) == list(statuses):
                    return
                # The page gets no answer to "shown": nothing tells from outside that it was written down.
                await asyncio.sleep(0.01)


@dataclass
class Browser:
    session: aiohttp.ClientSession
    url: str

    async def opens(self, path: str = "/chat", **query: str) -> "Page":
        """Open the chat's page and its line, and take what it begins with: hello and history."""
        async with self.session.get(path, params=query) as answer:
            assert answer.status == 200
        page = await self.connects(**query)
        await page.begins()
        return page

    async def connects(self, *, origin: str | None = None, **query: str) -> "Page":
        line = await self.session.ws_connect("/ws", params=query, origin=origin or self.url)
        return Page(line)

    @property
    def token(self) -> str:
        """What the service knows this browser by."""
        return next(iter(self.session.cookie_jar)).value

    def cookie(self, seat: str) -> str:
        return self.session.cookie_jar.filter_cookies(URL(self.url))[f"jisr-{seat}"].value


class Page:
    """One open page. Frames are asked for by type; the others wait for their turn."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self.line = line
        self._set_aside: deque[Frame] = deque()
        self._refs = count(1)
        self.hello: Frame = {}
        self.history: list[Frame] = []

    async def begins(self) -> None:
        self.hello = await self.receives("hello")
        self.history = (await self.receives("history"))["items"]

    async def sends(self, frame: Frame) -> None:
        await self.line.send_str(json.dumps(frame))

    async def types(self, text: str, ref: str | None = None) -> str:
        """Send words, wait until they are stored, and return their ref."""
        ref = ref or f"ref-{next(self._refs)}"
        await self.sends({"type": "text", "text": text, "ref": ref})
        assert (await self.receives("stored"))["ref"] == ref
        return ref

    async def receives(self, kind: str) -> Frame:
        """The next frame of this type."""
        for frame in self._set_aside:
            if frame["type"] == kind:
                self._set_aside.remove(frame)
                return frame
        async with asyncio.timeout(LONGEST_WAIT_S):
            while True:
                frame = await self.line.receive_json()
                if frame["type"] == kind:
                    return frame
                self._set_aside.append(frame)

    async def said(self) -> str:
        """The text of the next message."""
        return str((await self.receives("message"))["text"])

    async def ends(self) -> int:
        """Wait until the service ends the line, and return its close code."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            while not self.line.closed:
                await self.line.receive()
        assert self.line.close_code is not None
        return self.line.close_code

    async def leaves(self) -> None:
        await self.line.close()


def texts_of(history: list[Frame]) -> list[str]:
    return [item["text"] for item in history]


def say(text: str, *labels: str, language: str = "fr", prompt: str = "p1", **more: Any) -> OutboundMessage:
    """A message with one choice a label."""
    choices = tuple(Choice(f"c{number}", label) for number, label in enumerate(labels, start=1))
    message = OutboundMessage(text, language, choices=choices, prompt_ref=prompt if labels else None)
    return replace(message, **more)
