"""A town of people with WhatsApp around one running service, on good days and on bad ones.

    async with town(folder, database_url, scenario("bad_graph")) as town:
        amina = town.walker("Amina")
        await amina.says("سلام")
        await amina.taps("en", "agree")
        await amina.is_in("menu")

A walker waits for each answer however late it is, and knows it from one that comes a second time. Which flow
they have come to is read from the database: what stands in their session, or in the news pushed to them.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, update

from bot.channels.whatsapp import message_ref
from bot.texts import load_texts
from bot.zone import NAME, casablanca
from conversations.care.hours import VisitRules, WeeklyHours
from conversations.care.people import Role
from conversations.care.quiet import is_quiet
from conversations.care.wall_time import to_local
from conversations.engine.session import Session, notice_from_json
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.outbox import QUIET_HOURS
from storage.tables import (
    addresses,
    centres,
    due_messages,
    inbox,
    is_unsent,
    is_waiting,
    notices,
    outbox,
    sessions,
)
from tests.fake_graph import VERSION, Button, FakeGraph, Shown
from tests.fake_kannel import PASSWORD, USER, FakeKannel
from tests.fault_proxy import FaultProxy, Kind, Platform, Scenario
from tests.service import ServiceProcess
from tests.telegram_people import invitation
from tests.whatsapp_people import KEYS, WEBHOOK_PATH, ids, offered, settings_with

# Only ends a test that has failed.
PATIENCE_S = 45.0
# What nobody is told by a button of their own, or by one that may be gone before they see it; by how its rows
# of the outbox are named.
_TOLD_BY_KEY = {
    "announcement_progress": "announcement:%:progress:%",
    "alert": "alert:%",
    "template_news": "template:%",
    "sms_reminder": "%:sms",
}
_TOO_FAST = {"error": {"message": "(#130429) Rate limit hit", "type": "OAuthException", "code": 130429}}

# All that people see goes to one address, and names people by their business-scoped ids.
WHATSAPP = Platform(
    chat_field="recipient",
    shows=("messages",),
    polls=(),
    webhook=None,
    sender_of=lambda _: "",
    refusals={Kind.TOO_FAST: lambda _: (429, _TOO_FAST)},
    poison={},
)


@dataclass(frozen=True)
class Nth:
    """Which of several choices: the one at a place among those whose ids have a shape."""

    shape: str
    place: int


# The second day has all its times, whatever the hour is now.
DAY, TIME, VISIT = Nth(r"\d{4}-\d\d-\d\d", 1), Nth(r"\d{4}", -1), Nth(r"\d+", 0)

Choice = str | Nth


@dataclass
class Town:
    """The service, the platform, what stands between them, what the database holds, and who walks here.

    `seen` are the flows that the database showed, by the name of the walk.
    """

    service: ServiceProcess
    graph: FakeGraph
    kannel: FakeKannel
    proxy: FaultProxy
    database: Database
    walkers: list["Walker"] = field(default_factory=list)
    seen: dict[str, set[str]] = field(default_factory=dict)
    is_tidy: bool = False
    _mess: asyncio.Task[None] | None = None

    def walker(self, name: str, *, of: str = "") -> "Walker":
        """Somebody new; `of` is the walk that what they see counts for."""
        walker = Walker(self, self.seen.setdefault(of, set()), name)
        self.walkers.append(walker)
        return walker

    async def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self.database.reading() as unit:
            found: Sequence[Row[Any]] = (await unit.connection.execute(query)).all()
            return found

    @property
    def api_url(self) -> str:
        """What the service is told of where the Graph API is."""
        return self.service.settings["WHATSAPP_API_URL"]

    @property
    def events(self) -> list[str]:
        """What the service has logged, in order."""
        lines = self.service.logs.splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]

    async def until(self, claim: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for something that the database shows; a failure shows what was logged last."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    if await claim():
                        return
                    # Another process tells nobody outside when it is done.
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"waited for {what}\n{self.service.logs[-3000:]}") from None

    async def invitation(self, role: Role, centre: str | None = None) -> str:
        """Return what somebody types who was invited."""
        return await invitation(self.database, role, centre)

    async def city(self, slug: str, language: str) -> str:
        """Return how the button of a centre is called."""
        (row,) = await self.rows(select(centres).where(centres.c.slug == slug))
        return str(row.city_ar if language in ("ar", "ary") else row.city_fr)

    async def opens(self, slug: str, *, lead_days: int = 0) -> None:
        """Let a centre receive people every day; as many days ahead nothing can be booked any more."""
        hours = WeeklyHours.parse("mon-sun 09:00-18:00")
        rules = VisitRules(hours, lead_minutes=lead_days * 24 * 60 + 60, horizon_days=30)
        async with self.database.transaction() as unit:
            await unit.centres.set_rules(slug, rules)

    async def lets_morning_come(self) -> None:
        """Let what was put off for the night go now, as in the morning: these tests run at any hour."""
        async with self.database.transaction() as unit:
            await unit.connection.execute(
                update(outbox)
                .where(outbox.c.status == "failed_temporary", outbox.c.reason == QUIET_HOURS)
                .values(keeps_quiet=False, due_at=datetime.now(UTC))
            )

    async def gets_messy(self) -> None:
        """From now on what is told to the service comes together, twice and in another order."""
        self._mess = asyncio.create_task(_makes_a_mess(self))

    async def gets_tidy(self) -> None:
        """From now on what is told to the service comes once and in order."""
        self.is_tidy = True
        if self._mess is not None:
            await self._mess

    async def settled(self) -> None:
        """Wait until every update is handled and every message has left, and nothing follows from that."""
        written = -1
        while written != (written := await self._written()):
            await self.graph.drained(PATIENCE_S)
            for waiting in (
                select(inbox.c.id).where(is_waiting(inbox)),
                select(outbox.c.id).where(or_(is_unsent(outbox), outbox.c.lease_until.is_not(None))),
            ):
                await self.until(partial(self._is_empty, waiting), f"nothing of {waiting}")

    async def _written(self) -> int:
        """Return how much has been kept so far, news of messages included."""
        counted = [await self.rows(select(func.count().label("n")).select_from(t)) for t in (inbox, outbox)]
        return sum(int(row.n) for (row,) in counted)

    async def _is_empty(self, query: Select[Any]) -> bool:
        return not await self.rows(query)


class Walker:
    """Somebody on their way through the service. `acts` are the wamids of what they sent.

    What they sent before they were forgotten is not kept, and can't be looked at afterwards.
    """

    def __init__(self, town: Town, seen: set[str], name: str) -> None:
        self.town = town
        self.person = town.graph.person(name)
        self.acts: list[str] = []
        self.forgotten = 0
        self._seen = seen
        self._prompt_no = 0
        self._since = 0
        self._heard: set[str] = set()

    # What they do

    async def says(self, text: str) -> None:
        # What is answered is to be tapped next, and nothing that stands above.
        self._prompt_no = max(self._prompt_no, *self._prompts_seen())
        await self._does(lambda: self.person.says(text))

    async def taps(self, *choices: Choice) -> None:
        """Tap one choice after the other, each in a prompt that is newer than the one tapped before."""
        for choice in choices:
            await self._taps(choice)

    async def _taps(self, choice: Choice) -> None:
        await self._sees(lambda: self._find(choice) is not None, str(choice))
        found = self._find(choice)
        assert found is not None
        message_id, button, self._prompt_no = found
        await self._does(lambda: self.person.taps_in(message_id, button.id))

    async def taps_in(self, news: Shown, choice: str) -> None:
        """Tap a choice of one message: of news, or of one that is long past."""
        button = news.buttons[ids(news).index(choice)]
        await self._does(lambda: self.person.taps_in(news.message_id, button.id))

    async def picks(self, label: str) -> None:
        """Type the number of a choice that stands in the text of the newest answer."""
        await self._sees(lambda: any(label in offered(shown) for shown in self._answers()), label)
        labels = next(offered(shown) for shown in self._answers() if label in offered(shown))
        await self.says(str(labels.index(label) + 1))

    async def shares_location(self, lat: float, lon: float) -> None:
        await self._does(lambda: self.person.sends_location(lat, lon))

    async def sends_voice(self, content: bytes) -> None:
        await self._does(lambda: self.person.sends_voice(content))

    async def sends_sticker(self) -> None:
        await self._does(self.person.sends_sticker)

    async def agrees(self, *, language: str = "en", consent: str = "agree") -> None:
        """Come as far as the menu."""
        await self.says("سلام")
        await self.taps(language, consent)
        await self.is_in("menu")

    async def books(self, centre: str, *, day: Nth = DAY, language: str = "en") -> Shown:
        """Book a visit from the menu and return what was said to it."""
        await self.goes_to("booking")
        await self.taps("job")
        await self.picks(await self.town.city(centre, language))
        await self.taps(day, TIME, "yes")
        return await self.hears(load_texts()[language].gettext("✅ The centre has your request."))

    async def waits_at(self, centre: str) -> None:
        """Join the waiting list of a centre that has no free time, in English."""
        await self.goes_to("booking")
        await self.taps("job")
        await self.picks(await self.town.city(centre, "en"))
        await self.taps("wait")
        await self.hears("✅ You are on the waiting list.")

    async def goes_to(self, flow: str) -> None:
        """Type "menu", and choose from it what bears the flow's name."""
        await self.says("menu")
        await self.taps(flow)
        await self.is_in(flow)

    async def comes_as(self, role: Role, centre: str | None = None) -> None:
        """Come in as staff by an invitation."""
        await self.says(await self.town.invitation(role, centre))
        await self.is_in("language")
        await self.taps("en")
        await self.is_in(f"{role}_menu")

    def is_forgotten(self) -> None:
        """Note that what they do next deletes all that they did until now."""
        self.forgotten = len(self.acts)

    # What they see

    async def hears(self, words: str, *, offering: str = "") -> Shown:
        """Wait for a message with these words, and this choice, that was not heard before, and return it."""
        await self._sees(lambda: self._unheard(words, offering) is not None, words)
        shown = self._unheard(words, offering)
        assert shown is not None
        # What comes again because its answer was cut off says the same.
        self._heard.add(json.dumps(shown.raw, sort_keys=True))
        return shown

    async def is_in(self, flow: str) -> None:
        """Wait until the database says that their conversation is in that flow, and they see where."""
        await self.town.until(lambda: self._stands_in(flow), f"{self.person.name} in {flow}")
        self._seen.add(flow)
        session = await self._session()
        self._prompt_no = session.prompt_no - 1
        if session.choices:
            await self._sees(lambda: self._is_shown(session.prompt_no), f"prompt {session.prompt_no}")

    async def is_told(self, flow: str, words: str, *, offering: str = "") -> Shown:
        """Wait for news with these words; the database must say that it is that flow's."""
        shown = await self.hears(words, offering=offering)
        assert await self._has_news(flow), f"{self.person.name} was told {words!r}, and not by {flow}"
        self._seen.add(flow)
        return shown

    async def is_told_by_day(self, flow: str, words: str) -> Shown:
        """Wait for news that does not come at night; when it is night, morning comes."""
        if is_quiet(to_local(datetime.now(UTC), casablanca())):
            await self.town.until(self._has_put_off, f"{words!r} put off until the morning")
            await self.town.lets_morning_come()
        return await self.is_told(flow, words)

    async def is_texted(self, flow: str) -> None:
        """Wait until a row was written for them that no button belongs to."""
        await self.town.until(lambda: self._has_row(flow), f"{flow} for {self.person.name}")
        self._seen.add(flow)

    @property
    def doubled(self) -> int:
        """How many messages with buttons they were shown twice."""
        bodies = Counter(
            json.dumps(shown.raw, sort_keys=True)
            for shown in self.person.chat
            if shown.from_service and shown.buttons
        )
        return bodies.total() - len(bodies)

    async def gets_page(self, words: str) -> None:
        """Wait for a PDF with these words under it."""
        page = await self.hears(words)
        assert page.kind == "document"
        assert self.town.graph.content_of(page).startswith(b"%PDF")

    # What is behind it

    async def contact_id(self) -> int:
        index = self.town.database.keys.index("whatsapp", self.person.user_id or "")
        query = select(addresses.c.contact_id).where(addresses.c.external_index == index)
        (row,) = await self.town.rows(query)
        return int(row.contact_id)

    async def falls_due(self, step: str) -> None:
        """Let a message that is planned for them fall due now."""
        row = await self._planned(step)
        async with self.town.database.transaction() as unit:
            await unit.connection.execute(
                update(due_messages).where(due_messages.c.id == row.id).values(due_at=datetime.now(UTC))
            )
            unit.topics.add("due")

    async def leaves_the_phone(self) -> None:
        """Let so long pass without a message that the next one may be somebody else's.

        It is the database that holds when that is, and no setting moves the service's clock.
        """
        index = self.town.database.keys.index("whatsapp", self.person.user_id or "")
        async with self.town.database.transaction() as unit:
            changed = await unit.connection.execute(
                update(addresses)
                .where(addresses.c.external_index == index, addresses.c.locks_at.is_not(None))
                .values(locks_at=datetime.now(UTC))
            )
            assert changed.rowcount == 1, "several people use this phone"

    async def due_at(self, step: str) -> datetime:
        """Return when a message that is planned for them is due; aware UTC."""
        moment: datetime = (await self._planned(step)).due_at
        return moment

    async def _planned(self, step: str) -> Row[Any]:
        query = select(due_messages).where(
            due_messages.c.contact_id == await self.contact_id(),
            due_messages.c.step == step,
            is_waiting(due_messages),
        )
        (row,) = await self.town.rows(query)
        return row

    async def _stands_in(self, flow: str) -> bool:
        if not await self._is_handled():
            # They may have been there before.
            return False
        frame = (await self._session()).frame
        return frame is not None and frame.flow == flow

    async def _is_handled(self) -> bool:
        """Whether what they did last is."""
        key = message_ref(self.town.database.keys, self.acts[-1])
        query = select(inbox.c.id).where(inbox.c.update_key == key, ~is_waiting(inbox))
        return bool(await self.town.rows(query))

    async def _session(self) -> Session:
        """Return where they are; while nobody has said who they are, that is before the door."""
        keys = self.town.database.keys
        query = (
            select(sessions.c.state_enc, addresses.c.door_enc)
            .join_from(addresses, sessions, addresses.c.contact_id == sessions.c.contact_id, isouter=True)
            .where(addresses.c.external_index == keys.index("whatsapp", self.person.user_id or ""))
        )
        for row in await self.town.rows(query):
            if row.door_enc is not None:
                return Session.from_json(keys.decrypt(row.door_enc, about="addresses.door"))
            if row.state_enc is not None:
                return Session.from_json(keys.decrypt(row.state_enc, about="sessions.state"))
        return Session()

    def _is_shown(self, prompt_no: int) -> bool:
        """Whether the prompt has arrived; one whose choices stand in its text bears no number."""
        return any(
            any(_parts(button)[:2] == ("p", prompt_no) for button in shown.buttons)
            or (not shown.buttons and offered(shown))
            for shown in self._answers()
        )

    async def _has_put_off(self) -> bool:
        mine = select(addresses.c.id).where(addresses.c.contact_id == await self.contact_id())
        put_off = select(outbox.c.id).where(outbox.c.address_id.in_(mine), outbox.c.reason == QUIET_HOURS)
        return bool(await self.town.rows(put_off))

    async def _has_news(self, flow: str) -> bool:
        if flow in _TOLD_BY_KEY:
            return await self._has_row(flow)
        query = select(notices.c.state_enc).where(notices.c.contact_id == await self.contact_id())
        keys = self.town.database.keys
        frames = [
            notice_from_json(keys.decrypt(row.state_enc, about="notices.state"))[0]
            for row in await self.town.rows(query)
        ]
        return flow in {frame.flow for frame in frames}

    async def _has_row(self, flow: str) -> bool:
        query = (
            select(outbox.c.id)
            .join(addresses, addresses.c.id == outbox.c.address_id)
            .where(
                addresses.c.contact_id == await self.contact_id(),
                outbox.c.unique_key.like(_TOLD_BY_KEY[flow]),
            )
        )
        return bool(await self.town.rows(query))

    def _find(self, choice: Choice) -> tuple[str, Button, int] | None:
        """Return the newest prompt after the one tapped last that has the choice."""
        wanted = choice if isinstance(choice, Nth) else Nth(re.escape(choice), 0)
        for shown in reversed(self.person.chat):
            if not shown.from_service:
                continue
            fits = [
                (shown.message_id, button, _parts(button)[1])
                for button in shown.buttons
                if _parts(button)[0] == "p"
                and _parts(button)[1] > self._prompt_no
                and re.fullmatch(wanted.shape, _parts(button)[2])
            ]
            if fits:
                return fits[wanted.place]
        return None

    def _prompts_seen(self) -> Iterable[int]:
        buttons = (button for shown in self.person.chat for button in shown.buttons)
        return (0, *(number for kind, number, _ in map(_parts, buttons) if kind == "p"))

    def _answers(self) -> Iterable[Shown]:
        """Yield what came since they last did something, newest first."""
        return reversed([shown for shown in self.person.chat[self._since :] if shown.from_service])

    def _unheard(self, words: str, offering: str) -> Shown | None:
        for shown in self.person.chat:
            is_new = json.dumps(shown.raw, sort_keys=True) not in self._heard
            is_it = words in shown.text and (not offering or offering in ids(shown))
            if shown.from_service and is_it and is_new:
                return shown
        return None

    async def _does(self, act: Callable[[], Awaitable[str]]) -> None:
        """Do it, now that the service has handled what they did before."""
        if self.acts:
            await self.town.until(self._is_handled, f"what {self.person.name} did")
        self._since = len(self.person.chat)
        self.acts.append(await act())

    async def _sees(self, claim: Callable[[], bool], what: str) -> None:
        try:
            await self.town.graph.until(claim, PATIENCE_S, f"{self.person.name}: {what}")
        except AssertionError as error:
            last = [shown.text for shown in self.person.chat][-4:]
            raise AssertionError(f"{error}\n{last}\n{self.town.service.logs[-3000:]}") from None


_BUTTON = re.compile(r"([pn])(\d+):(.+)")


def _parts(button: Button) -> tuple[str, int, str]:
    """Return whether it is a prompt's or a notice's, its number and the choice."""
    found = _BUTTON.fullmatch(button.id)
    return (found[1], int(found[2]), found[3]) if found else ("", 0, "")


async def _makes_a_mess(town: Town) -> None:
    graph = town.graph
    ways = (graph.in_one_change, graph.together, graph.out_of_order)
    for turn in count():
        async with ways[turn % len(ways)]():
            # Long enough for several people to have done something.
            await asyncio.sleep(0.05)
        if town.walkers:
            walker = town.walkers[turn % len(town.walkers)]
            # What they did last may still be held back, and what is deleted is not known any more.
            acts = walker.acts[walker.forgotten :]
            if len(acts) > 1:
                await graph.deliver_again(acts[turn % (len(acts) - 1)])
        if town.is_tidy:
            return
        await asyncio.sleep(0.02)


async def unanswered(town: Town) -> list[str]:
    """Return what was wrong with how the service took what people sent: kept once each, and answered."""
    keys = town.database.keys
    kept = {row.update_key: row for row in await town.rows(select(inbox).where(inbox.c.status == "done"))}
    answered = {
        row.unique_key.split(":")[1]
        for row in await town.rows(select(outbox.c.unique_key).where(outbox.c.unique_key.like("in:%")))
    }
    wrong = []
    for walker in town.walkers:
        for at, act in enumerate(walker.acts[walker.forgotten :], walker.forgotten):
            row = kept.get(message_ref(keys, act))
            if row is None or str(row.id) not in answered:
                wrong.append(
                    f"{walker.person.name}'s message {at} was {'lost' if row is None else 'unanswered'}"
                )
    return wrong


@asynccontextmanager
async def town(folder: Path, database_url: str, scenario: Scenario | None = None) -> AsyncIterator[Town]:
    """Run the service with WhatsApp and a gateway for texts, behind a proxy that makes it a bad day."""
    database = Database(
        create_engine(database_url), KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        # A service that is killed is told again until it is back.
        graph = FakeGraph(pair_burst=None, per_second=None, webhook_attempts=1000)
        await stack.enter_async_context(graph)
        kannel = await stack.enter_async_context(FakeKannel())
        proxy = FaultProxy(graph.host_url, scenario, platform=WHATSAPP)
        await stack.enter_async_context(proxy)
        settings = {
            **settings_with(graph, database_url),
            "WHATSAPP_API_URL": f"{proxy.url}/{VERSION}",
            "JISR_SMS_URL": kannel.url,
            "JISR_SMS_USER": USER,
            "JISR_SMS_PASSWORD": PASSWORD,
        }
        service = await stack.enter_async_context(ServiceProcess(folder, settings))
        await graph.subscribe(service.url + WEBHOOK_PATH)
        here = Town(service, graph, kannel, proxy, database)
        stack.push_async_callback(here.gets_tidy)
        yield here
