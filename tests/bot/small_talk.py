"""A house of small flows, with guests who write to it through the real inbox, turns and outbox.

house = House(database)
amina = await house.guest("amina", language="ar")
await amina.says("hello")
assert await amina.screen() == "[ar] Welcome."
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.clock import Clock
from bot.delivery import lose_address
from bot.fallback import Fallback
from bot.turns import Parser, Turns, Voice
from conversations.care.clips import Clip
from conversations.care.documents import Document, DocumentKind
from conversations.care.people import Contact, ContactId, Role
from conversations.engine.engine import Routes
from conversations.engine.flow import (
    Again,
    Choice,
    Enter,
    Finish,
    Flow,
    Goto,
    Home,
    Move,
    Prompt,
    SentMedia,
    Step,
)
from conversations.engine.outbound import OutboundMessage, Purpose, Venue
from conversations.engine.reply import (
    Blocked,
    Channel,
    Inbound,
    Location,
    Media,
    MediaKind,
    Reply,
    Tap,
    Text,
)
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.news import TaskNews
from storage.database import Database
from storage.inbox import NewUpdate
from storage.outbox import Shown
from storage.tables import addresses, metadata
from tests.fakes import MovableClock, marked_texts, real_world
from tests.people import MONDAY
from tests.storage.conftest import centre_row

TEA_HOUSE = Venue("Tea house", "12, rue de la Gare", 34.05312, -6.79854)


@dataclass
class Nothing:
    """A flow without answers of its own."""


@dataclass
class Count:
    number: int = 0


@dataclass
class News:
    """Words from somebody, and what they sent along by their channel's own handle."""

    words: str = ""
    photo: str | None = None
    channel: str = ""


class Tongue(Step[Nothing]):
    name = "tongue"

    async def ask(self, turn: Turn[Nothing]) -> Prompt:
        return Prompt(
            turn.gettext("Which language?"),
            [Choice("fr", "Français"), Choice("ar", "العربية")],
            navigation=False,
        )

    async def chosen(self, turn: Turn[Nothing], choice_id: str) -> Move:
        await turn.desk.contacts.set_language(turn.contact.id, choice_id)
        await turn.reload()
        return Finish(turn.gettext("Fine."))


class Hall(Step[Nothing]):
    """Some words make it stumble, as a mistake of ours would."""

    name = "hall"

    async def ask(self, turn: Turn[Nothing]) -> Prompt:
        return Prompt(turn.gettext("Welcome."), [Choice("count", "Count")], navigation=False)

    async def chosen(self, turn: Turn[Nothing], choice_id: str) -> Move:
        return Enter("count", Count())

    async def answer(self, turn: Turn[Nothing], reply: Reply) -> Move:
        match reply:
            case Text("my page"):
                turn.send_document(Document(DocumentKind.LIFE_PROJECT, turn.contact.id, visit_id=12))
                await tell_staff(turn, News("Somebody has a page."), "page")
                return Again(turn.gettext("It comes."))
            case Text("the map"):
                await tell_staff(turn, News("Somebody looks for us."), "map")
                turn.send_venue(TEA_HOUSE)
                return Again(turn.gettext("It comes."))
            case Text("my ears"):
                turn.send_clip(Clip("fr", "need-job"))
                return Again(turn.gettext("It comes."))
            case Media(_, ref):
                await tell_staff(turn, News("A picture.", ref, turn.channel or ""), f"photo:{ref}")
                return Home(turn.gettext("Passed on."))
        return Again(turn.gettext("What?"))


class CountUp(Step[Count]):
    """Each word counts, and staff hear of it."""

    name = "count"
    matches_typed_choices = False

    async def ask(self, turn: Turn[Count]) -> Prompt:
        return Prompt(str(turn.draft.number), [Choice("up", "Up"), Choice("end", "End")])

    async def answer(self, turn: Turn[Count], reply: Reply) -> Move:
        match reply:
            case Text("stumble"):
                turn.draft.number += 100
                await tell_staff(turn, News("never"), "never")
                raise RuntimeError("a slip of ours")
            case Text("stumble over a file"):
                raise FileNotFoundError
        return await self.chosen(turn, "up")

    async def chosen(self, turn: Turn[Count], choice_id: str) -> Move:
        if choice_id == "end":
            return Goto(Farewells)
        turn.draft.number += 1
        key = f"count:{turn.contact.id}:{turn.draft.number}"
        await tell_staff(turn, News(f"Somebody is at {turn.draft.number}."), key)
        return Again()


class Farewells(Step[Count]):
    name = "end"

    async def ask(self, turn: Turn[Count]) -> Prompt:
        return Prompt(turn.gettext("Goodbye."))


class TellNews(Step[News]):
    name = "news"

    async def holds(self, turn: Turn[News]) -> bool:
        return turn.draft.words != "old"

    async def ask(self, turn: Turn[News]) -> Prompt:
        draft = turn.draft
        photo = SentMedia(MediaKind.PHOTO, draft.photo, Channel(draft.channel)) if draft.photo else None
        if draft.words == "done":
            return Prompt(turn.gettext(draft.words))
        label = "\u2068" + turn.pgettext("button", "Thanks") + "\u2069"
        return Prompt(turn.gettext(draft.words), [Choice("thanks", label)], media=photo)

    async def chosen(self, turn: Turn[News], choice_id: str) -> Move:
        return Finish(turn.gettext("You are welcome."))


class TellTask(Step[TaskNews]):
    name = "task"

    async def ask(self, turn: Turn[TaskNews]) -> Prompt:
        task = await turn.desk.tasks.get(turn.draft.task_id)
        return Prompt(turn.gettext("Somebody needs you."), [Choice("take", task.kind)])

    async def pushed(self, turn: Turn[TaskNews]) -> None:
        task = await turn.desk.tasks.get(turn.draft.task_id)
        await turn.desk.audit.looked(turn.contact.id, task.contact_id, "task", now=turn.now)


async def tell_staff(turn: Turn[Any], news: News, key: str) -> None:
    for colleague in await turn.desk.contacts.staff(Role.CASEWORKER):
        turn.push(colleague.id, "news", news, purpose=Purpose.STAFF, key=f"{key}:{colleague.id}", subject=key)


async def go_home(turn: Turn[Any]) -> Move:
    return Home()


def small_talk() -> Routes:
    flows: list[Flow[Any]] = [
        Flow("tongue", Nothing, [Tongue]),
        Flow("hall", Nothing, [Hall]),
        Flow("count", Count, [CountUp, Farewells]),
        Flow("news", News, [TellNews]),
        Flow("task_news", TaskNews, [TellTask]),
    ]
    by_name = {flow.name: flow for flow in flows}
    return Routes(
        flows=by_name,
        home=lambda turn: by_name["hall"],
        gate=lambda turn, name: by_name["tongue"] if not turn.contact.language and name != "tongue" else None,
        words=dict.fromkeys(Word, go_home),
        commands={},
    )


def voice() -> Voice:
    return Voice(small_talk(), marked_texts(), real_world())


def parse(payload: str) -> Inbound | None:
    """Read what a guest's phone sends."""
    body = json.loads(payload)
    replies: dict[str, Reply] = {
        "text": Text(body.get("text", "")),
        "tap": Tap(body.get("prompt", ""), body.get("choice", "")),
        "photo": Media(MediaKind.PHOTO, body.get("ref", "")),
        "place": Location(34.0, -6.8),
        "block": Blocked(True),
        "unblock": Blocked(False),
    }
    if body["kind"] == "noise":
        return None
    if body["kind"] == "poison":
        raise ValueError("nobody can read this")
    return Inbound(
        channel=Channel(body["channel"]),
        external_id=body["from"],
        reply=replies[body["kind"]],
        message_ref=body.get("message"),
        tap_ref=body.get("tap"),
        language_hint=body.get("hint"),
    )


def turns_of(database: Database, voice: Voice, clock: Clock, parsers: Mapping[str, Parser]) -> Turns:
    """Return turns as the service has them."""
    return Turns(
        database, voice, clock, parsers, lose_address=partial(lose_address, fallback=Fallback(voice))
    )


@dataclass
class House:
    """The service without a network: what guests send is stored, handled and written to the outbox."""

    database: Database
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    updates: int = 0

    def __post_init__(self) -> None:
        parsers = {"telegram": parse, "webchat": parse}
        self.turns = turns_of(self.database, voice(), self.clock, parsers)

    def stranger(self, name: str, channel: str = "telegram") -> "Guest":
        """Return somebody who has never written."""
        return Guest(self, f"{name}-id", channel)

    async def guest(self, name: str, *, language: str = "fr", channel: str = "telegram") -> "Guest":
        """Return somebody who has chosen a language and is in the hall."""
        guest = self.stranger(name, channel)
        await self.make(guest, language=language)
        await guest.says("hello")
        return guest

    async def colleague(
        self, name: str, *, language: str = "fr", channel: str = "telegram", centre_slug: str = "sale"
    ) -> "Guest":
        """Return a caseworker, who has not written yet."""
        guest = self.stranger(name, channel)
        await self.make(guest, language=language, role=Role.CASEWORKER, centre_slug=centre_slug)
        return guest

    async def make(
        self,
        guest: "Guest",
        *,
        language: str,
        role: Role = Role.BENEFICIARY,
        centre_slug: str = "sale",
    ) -> None:
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create(
                guest.channel, guest.external_id, now=self.clock.now()
            )
            await unit.contacts.set_language(contact.id, language)
            if role is not Role.BENEFICIARY:
                await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
                await unit.contacts.make_staff(contact.id, role, centre_slug)

    async def store(self, guest: "Guest", body: Mapping[str, Any], *, key: str | None = None) -> None:
        """Put into the inbox what a guest sends; without a key of its own it is a new update."""
        self.updates += 1
        payload = json.dumps({"channel": guest.channel, "from": guest.external_id, **body})
        lane = self.database.keys.index(guest.channel, guest.external_id)
        async with self.database.transaction() as unit:
            new = NewUpdate(guest.channel, key or str(self.updates), lane, payload)
            await unit.inbox.add([new], now=self.clock.now())
            unit.topics.add("inbox")

    async def handles_all(self) -> None:
        while await self.turns.handle_next():
            pass

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that is in the database."""
        async with self.database.reading() as unit:
            return {
                table.name: sorted(map(tuple, await unit.connection.execute(select(table))), key=str)
                for table in metadata.sorted_tables
            }


@dataclass
class Guest:
    """Somebody with a phone. What they see is what stands in the outbox for them."""

    house: House
    external_id: str
    channel: str

    async def says(self, words: str, **more: Any) -> None:
        await self.sends("text", text=words, **more)

    async def taps(self, choice: str, prompt: str | None = None, **more: Any) -> None:
        """Tap a button of the newest prompt, or of the one named."""
        await self.sends("tap", choice=choice, prompt=prompt or (await self.last()).prompt_ref, **more)

    async def sends(self, kind: str, *, key: str | None = None, **body: Any) -> None:
        await self.house.store(self, {"kind": kind, **body}, key=key)
        await self.house.handles_all()

    async def shown(self) -> list[Shown]:
        async with self.house.database.reading() as unit:
            address_id = await self._address_id()
            if address_id is None:
                return []
            return await unit.outbox.history(address_id, limit=1000, now=self.house.clock.now())

    async def messages(self) -> list[OutboundMessage]:
        return [shown.message for shown in await self.shown() if shown.message]

    async def last(self) -> OutboundMessage:
        return (await self.messages())[-1]

    async def screen(self) -> str:
        return (await self.last()).text

    async def texts(self) -> list[str]:
        return [message.text for message in await self.messages()]

    async def contact(self) -> Contact:
        async with self.house.database.reading() as unit:
            query = select(addresses.c.contact_id).where(addresses.c.id == await self._address_id())
            return await unit.contacts.get(ContactId((await unit.connection.scalars(query)).one()))

    async def is_the_same_as(self, other: "Guest") -> None:
        """Make this address one of the other's."""
        contact = await other.contact()
        async with self.house.database.transaction() as unit:
            await unit.connection.execute(
                update(addresses)
                .where(addresses.c.id == await self._address_id())
                .values(contact_id=contact.id)
            )

    async def _address_id(self) -> int | None:
        index = self.house.database.keys.index(self.channel, self.external_id)
        async with self.house.database.reading() as unit:
            found = await unit.connection.scalar(
                select(addresses.c.id).where(addresses.c.external_index == index)
            )
        return None if found is None else int(found)


@dataclass
class CutOff:
    """How many statements have gone, and whether the cut came."""

    statements: int = 0
    came: bool = False


@contextmanager
def cut_off(
    engine: AsyncEngine, error: BaseException, *, after: int, only: str = "", times: int = 1
) -> Iterator[CutOff]:
    """Raise the error instead of the statement behind so many others; a commit counts as one.

    `only` counts those that begin so; `times` lets so many in a row fail.
    """
    cut = CutOff()

    def count(statement: str) -> None:
        if not statement.startswith(only):
            return
        cut.statements += 1
        if after < cut.statements <= after + times:
            cut.came = True
            raise error

    def at_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        count(statement)

    def at_commit(_: Connection) -> None:
        count("COMMIT")

    event.listen(engine.sync_engine, "before_cursor_execute", at_statement)
    event.listen(engine.sync_engine, "commit", at_commit)
    try:
        yield cut
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", at_statement)
        event.remove(engine.sync_engine, "commit", at_commit)
