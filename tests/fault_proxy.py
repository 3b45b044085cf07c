"""A bad day between the service and a platform: a proxy that loses, delays, doubles and garbles.

    async with FakeTelegram() as telegram, FaultProxy(telegram.base_url, scenario("bad_network")) as proxy:
        ...  # the service gets proxy.url in place of telegram.base_url
        assert doubled[chat] <= proxy.cut_off[chat]

A scenario is a TOML file of phases, each so many calls of the service long, with the faults of its time.
Which call is hit is drawn by seed, fault, chat and the chat's own count, never by the clock, so the same
conversation meets the same faults again. After the last phase all is well.

    seed = 7
    [[phase]]
    name = "storm"
    calls = 40                    # for ever when not given
    counts = ["getUpdates"]       # which calls count; what shows somebody something when not given
    [[phase.fault]]
    kind = "hang"                 # one of Kind
    methods = ["sendMessage"]     # patterns; what shows somebody something when not given
    chats = ["1001"]              # all when not given
    share = 0.2                   # of the calls that match
    nth = [1, 4]                  # or just these of each chat, from 1
    most = 3                      # at most so many in the phase
    accepted = true               # the platform acts, and only the answer is lost

By hand: `python -m tests.fault_proxy tests/scenarios/bad_day.toml --platform http://127.0.0.1:8081`. The
platform needs to be no particular one: what is Telegram's stands in TELEGRAM.
"""

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import tomllib
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

JSON = dict[str, Any]

SCENARIOS = Path(__file__).parent / "scenarios"
# Where the platform delivers to when it delivers by webhook; the service's own path follows.
INBOUND = "/inbound"
MAX_BODY_BYTES = 64 * 1024 * 1024
# Of HTTP itself, for one connection alone. Source: RFC 9110, 7.6.1.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "content-length",
}
# What the service does not take is offered again so often and so far apart; a poison update less often.
POISON_TRIES, RETRY_S = 3, 0.1
GATEWAY_PAGE = "<h1>Bad Gateway</h1>"
LOGIN_PAGE = "<h1>Log in to use this network</h1>"


class Kind(StrEnum):
    """What goes wrong. The first nine befall what the service sends, the others what it is sent."""

    TOO_FAST = "too_fast"  # 429, with retry_after_s when given
    SERVER_ERROR = "server_error"  # status, 502 when not given, with a gateway's page
    HANG = "hang"  # no answer, ever
    RESET = "reset"
    SLOW = "slow"  # the answer comes delay_s late
    CUT_SHORT = "cut_short"  # the connection ends in the middle of the answer
    NOT_JSON = "not_json"  # 200, with a page instead of an answer
    BLOCKED = "blocked"  # 403
    MIGRATED = "migrated"  # the chat has become another one
    DUPLICATE = "duplicate"  # twice at once
    REORDER = "reorder"  # after the update that follows it
    GAP = "gap"  # left out, and only delivered `after` so many deliveries
    LATE = "late"  # delivered, and once more `after` so many deliveries
    POISON = "poison"  # an update before it that nobody can read

    @property
    def is_inbound(self) -> bool:
        return self in (Kind.DUPLICATE, Kind.REORDER, Kind.GAP, Kind.LATE, Kind.POISON)


@dataclass(frozen=True)
class Platform:
    """How a platform uses HTTP: all that the proxy knows of it. A call's method is its path's last part."""

    chat_field: str
    # Patterns of the methods that show somebody something, and of those that hand out updates.
    shows: tuple[str, ...]
    polls: tuple[str, ...]
    # The method that says where updates are delivered, and its parameter; None where a person sets that.
    webhook: tuple[str, str] | None
    sender_of: Callable[[JSON], str]
    # How the platform says no: the status and the answer.
    refusals: Mapping[Kind, Callable[["Fault"], tuple[int, JSON]]]
    # Updates that can't be read, as text: $id and $sender are put in. Those that are not even JSON come by
    # webhook alone.
    poison: Mapping[str, str]
    # The parameter that says how long a poll may wait, and where in its answer the updates stand.
    poll_timeout: str = ""
    poll_updates: str = ""


def _telegram_sender(update: JSON) -> str:
    body = next((value for value in update.values() if isinstance(value, dict)), {})
    return str((body.get("from") or {}).get("id", ""))


def _telegram_no(status: int, description: str, **parameters: int) -> tuple[int, JSON]:
    extra = {"parameters": parameters} if parameters else {}
    return status, {"ok": False, "error_code": status, "description": description, **extra}


def _telegram_too_fast(fault: "Fault") -> tuple[int, JSON]:
    if fault.retry_after_s is None:
        return _telegram_no(429, "Too Many Requests")
    said = f"Too Many Requests: retry after {fault.retry_after_s}"
    return _telegram_no(429, said, retry_after=fault.retry_after_s)


def _telegram_migrated(fault: "Fault") -> tuple[int, JSON]:
    said = "Bad Request: group chat was upgraded to a supergroup chat"
    return _telegram_no(400, said, migrate_to_chat_id=fault.migrate_to)


def _telegram_text(text: str) -> str:
    """Return a message of the sender's with that JSON in place of its text."""
    person = '{"id":$sender,"is_bot":false,"first_name":"Poison"}'
    chat = '{"id":$sender,"type":"private"}'
    message = f'{{"message_id":1,"date":1,"chat":{chat},"from":{person},"text":{text}}}'
    return f'{{"update_id":$id,"message":{message}}}'


TELEGRAM = Platform(
    chat_field="chat_id",
    shows=("send*", "edit*"),
    polls=("getUpdates",),
    webhook=("setWebhook", "url"),
    sender_of=_telegram_sender,
    refusals={
        Kind.TOO_FAST: _telegram_too_fast,
        Kind.BLOCKED: lambda _: _telegram_no(403, "Forbidden: bot was blocked by the user"),
        Kind.MIGRATED: _telegram_migrated,
    },
    poison={
        "unknown_kind": '{"update_id":$id,"hologram":{"from":{"id":$sender},"shape":"cube"}}',
        "empty": '{"update_id":$id}',
        "no_sender": '{"update_id":$id,"message":{"message_id":1}}',
        "wrong_types": '{"update_id":$id,"message":{"message_id":"x","chat":[],"from":{"id":"x"}}}',
        "text_is_number": _telegram_text("17"),
        "text_is_object": _telegram_text('{"a":[1,2]}'),
        "tap_without_id": '{"update_id":$id,"callback_query":{"id":null,"from":{"id":$sender}}}',
        "half_an_emoji": _telegram_text('"\\ud83d"'),
        "zero_byte": _telegram_text('"a\\u0000b"'),
        "huge": _telegram_text(f'"{"ب" * 600_000}"'),
        "nested": _telegram_text("[" * 20_000 + "]" * 20_000),
        "nested_but_read": _telegram_text("[" * 400 + "]" * 400),
        "sender_is_huge": '{"update_id":$id,"message":{"message_id":1,"date":1,"text":"x","chat":{"id":1'
        + "0" * 30
        + ',"type":"private"},"from":{"id":1'
        + "0" * 30
        + ',"is_bot":false,"first_name":"x"}}}',
        "tap_on_nothing": '{"update_id":$id,"callback_query":{"id":"1","from":{"id":$sender,"is_bot":false,'
        '"first_name":"x"},"chat_instance":"1","data":"p999999999999999999999:\\u0000"}}',
        "not_a_number": _telegram_text("NaN"),
        "id_is_text": '{"update_id":"$id"}',
        "id_is_true": '{"update_id":true}',
        "id_is_fraction": '{"update_id":$id.5,"message":{}}',
        "id_is_huge": '{"update_id":1' + "0" * 100 + "}",
        "id_is_below_zero": '{"update_id":-$id,"message":{}}',
        "list": "[]",
        "number": "5",
        "null": "null",
        "broken": '{"update_id":$id,"message":{',
        "nothing": "",
        "control_bytes": "\x00\x01",
    },
    poll_timeout="timeout",
    poll_updates="result",
)


@dataclass(frozen=True)
class Fault:
    kind: Kind
    methods: tuple[str, ...] | None = None
    chats: frozenset[str] | None = None
    share: float = 1.0
    nth: frozenset[int] | None = None
    most: int | None = None
    accepted: bool = False
    status: int = 502
    retry_after_s: int | None = None
    delay_s: float = 1.0
    migrate_to: int = 0
    after: int = 3

    @property
    def passes(self) -> bool:
        """Whether the platform gets the call."""
        return self.accepted or self.kind in (Kind.SLOW, Kind.CUT_SHORT)


@dataclass(frozen=True)
class Phase:
    name: str
    calls: int | None = None
    counts: tuple[str, ...] | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """What goes wrong, and when."""

    seed: int = 0
    phases: tuple[Phase, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises TypeError or ValueError for what a scenario can't hold."""
        about = tomllib.loads(path.read_text(encoding="utf-8"))
        phases = tuple(_phase(**entry) for entry in about.pop("phase", ()))
        return cls(**about, phases=phases)


def scenario(name: str) -> Scenario:
    """Return one of those that stand in tests/scenarios."""
    return Scenario.read(SCENARIOS / f"{name}.toml")


def _phase(
    *, name: str, fault: Sequence[JSON] = (), counts: Sequence[str] | None = None, **given: Any
) -> Phase:
    return Phase(
        name, counts=None if counts is None else tuple(counts), faults=tuple(map(_fault, fault)), **given
    )


def _fault(given: JSON) -> Fault:
    lists: dict[str, Callable[[Any], Any]] = {
        "methods": tuple,
        "chats": frozenset,
        "nth": frozenset,
        "kind": Kind,
    }
    return Fault(**{name: lists[name](value) if name in lists else value for name, value in given.items()})


@dataclass(frozen=True)
class Done:
    """A fault that befell somebody; `method` is empty for what came in."""

    phase: str
    kind: Kind
    method: str
    chat: str
    poison: str = ""


class Day:
    """Where in its scenario a proxy is, and what befalls whom."""

    def __init__(self, scenario: Scenario, platform: Platform) -> None:
        self._scenario = scenario
        self._platform = platform
        self._phase_no = 0
        self._calls = 0
        self._matched: Counter[tuple[int, int, str]] = Counter()
        self._hits: Counter[tuple[int, int]] = Counter()
        self.done: list[Done] = []

    @property
    def phase(self) -> str:
        """The name of the present phase, "" after the last one."""
        return self._now.name

    @property
    def _now(self) -> Phase:
        phases = self._scenario.phases
        return phases[self._phase_no] if self._phase_no < len(phases) else Phase("")

    def enter(self, name: str) -> None:
        """Go to a phase at once."""
        self._phase_no = [phase.name for phase in self._scenario.phases].index(name)
        self._calls = 0

    def end(self) -> None:
        """From now on all is well."""
        self._phase_no = len(self._scenario.phases)

    def befalls_call(self, method: str, chat: str) -> Fault | None:
        """Return what happens to a call, which counts for its phase."""
        phase = self._now
        found = self._first_hit(phase, method, chat)
        if self._counts(phase, method):
            self._calls += 1
            if self._calls == phase.calls:
                self._phase_no, self._calls = self._phase_no + 1, 0
        return found

    def befalls_update(self, sender: str) -> list[Fault]:
        phase = self._now
        return [
            fault
            for number, fault in enumerate(phase.faults)
            if fault.kind.is_inbound and self._hit(phase, number, fault, "", sender)
        ]

    def _first_hit(self, phase: Phase, method: str, chat: str) -> Fault | None:
        for number, fault in enumerate(phase.faults):
            if fault.kind.is_inbound or not matches(method, fault.methods or self._platform.shows):
                continue
            if self._hit(phase, number, fault, method, chat):
                return fault
        return None

    def _hit(self, phase: Phase, number: int, fault: Fault, method: str, chat: str) -> bool:
        if fault.chats is not None and chat not in fault.chats:
            return False
        place = (self._phase_no, number)
        self._matched[*place, chat] += 1
        nth = self._matched[*place, chat]
        if fault.most is not None and self._hits[place] >= fault.most:
            return False
        drawn = random.Random(f"{self._scenario.seed}:{place}:{chat}:{nth}").random()  # noqa: S311
        if (nth not in fault.nth) if fault.nth is not None else (drawn >= fault.share):
            return False
        self._hits[place] += 1
        if fault.kind is not Kind.POISON:
            self.done.append(Done(phase.name, fault.kind, method, chat))
        return True

    def _counts(self, phase: Phase, method: str) -> bool:
        return matches(method, phase.counts or self._platform.shows)


def matches(method: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(method, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Item:
    """One thing to deliver: the text of an update, or poison."""

    text: str
    sender: str
    update_id: object = None
    is_poison: bool = False


@dataclass
class _Held:
    """An item that comes later; `after` counts deliveries down. The original of a copy has been delivered."""

    item: Item
    after: int
    is_copy: bool


class Mixer:
    """Makes of the updates that came those that the service gets."""

    def __init__(self, day: Day, platform: Platform) -> None:
        self._day = day
        self._platform = platform
        self._held: list[_Held] = []
        # Below every id that the platform gives, so that none of its updates is confirmed by one of these.
        self._poison_ids = count(1)
        self._poisons = 0

    @property
    def holds(self) -> bool:
        """Whether something is still to come."""
        return bool(self._held)

    def mix(self, updates: Sequence[JSON], *, only_json: bool) -> list[Item]:
        """Return what to deliver. Without updates, what is held back comes nearer all the same."""
        # What polling hands out again because nobody has confirmed it is held back already.
        kept_back = {held.item.update_id for held in self._held if not held.is_copy}
        for held in self._held:
            held.after -= 1
        fresh = [update for update in updates if update.get("update_id") not in kept_back]
        delivered = [item for update in fresh for item in self._befall(update, only_json=only_json)]
        delivered += [held.item for held in self._held if held.after < 0]
        self._held = [held for held in self._held if held.after >= 0]
        return delivered

    def _befall(self, update: JSON, *, only_json: bool) -> list[Item]:
        sender = self._platform.sender_of(update)
        item = Item(json.dumps(update, ensure_ascii=False), sender, update.get("update_id"))
        out = [item]
        for fault in self._day.befalls_update(sender):
            match fault.kind:
                case Kind.POISON:
                    out.insert(0, self._poison(sender, only_json=only_json))
                case Kind.DUPLICATE:
                    out.append(item)
                case Kind.LATE:
                    self._held.append(_Held(item, fault.after, is_copy=True))
                case Kind.GAP | Kind.REORDER:
                    after = fault.after if fault.kind is Kind.GAP else 0
                    self._held.append(_Held(item, after, is_copy=False))
                    out = [each for each in out if each is not item]
        return out

    def _poison(self, sender: str, *, only_json: bool) -> Item:
        """Return the next poison, one after the other."""
        names = [name for name, text in self._platform.poison.items() if not only_json or is_json(text)]
        name = names[self._poisons % len(names)]
        self._poisons += 1
        self._day.done.append(Done(self._day.phase, Kind.POISON, "", sender, name))
        text = self._platform.poison[name].replace("$sender", sender or "1")
        return Item(text.replace("$id", str(next(self._poison_ids))), sender, is_poison=True)


def is_json(poison: str) -> bool:
    """Whether it can stand in a list of updates: what no parser gets through would take the others along."""
    try:
        json.loads(poison.replace("$id", "1").replace("$sender", "1"))
    except (ValueError, RecursionError):
        return False
    return True


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    def passed_on(self) -> web.Response:
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@dataclass(frozen=True)
class _Delivery:
    """What the platform delivered by webhook, and the service's path that it is for."""

    path: str
    headers: CIMultiDict[str]
    update: JSON


class FaultProxy:
    """The proxy, for as long as the block runs.

    `services` are the addresses of the processes that take webhooks, in turn; when none is given, the one
    that the service itself sets. `cut_off` counts by chat what the platform was told to show and whose
    answer the service did not get whole; `inbound_answers` what its webhook said, None for no answer.
    """

    def __init__(
        self,
        platform_url: str,
        scenario: Scenario | None = None,
        *,
        platform: Platform = TELEGRAM,
        services: Sequence[str] = (),
        port: int = 0,
        says: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.day = Day(scenario or Scenario(), platform)
        self.services = list(services)
        self.calls: Counter[str] = Counter()
        self.cut_off: Counter[str] = Counter()
        self.inbound_answers: Counter[int | None] = Counter()
        self._platform_url = platform_url
        self._platform = platform
        self._mixer = Mixer(self.day, platform)
        self._port = port
        self._says = says
        self._closing = asyncio.Event()
        self._news = asyncio.Condition()
        self._delivered: deque[_Delivery] = deque()
        self._last_delivery: _Delivery | None = None
        self._is_posting = False
        self._posts = 0
        self._forwarding: set[asyncio.Task[_Answer]] = set()
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", INBOUND + "/{path:.*}", self._take_delivery)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.comes_up()
        self._postman = asyncio.create_task(self._post_deliveries())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for task in (self._postman, *self._forwarding):
            task.cancel()
        await asyncio.gather(self._postman, *self._forwarding, return_exceptions=True)
        await self._runner.cleanup()
        await self._client.close()

    async def goes_down(self) -> None:
        """From now on connections are refused, and those there are break."""
        await self._site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                # What was answered already arrives: a reset could take that back, and nobody would count it.
                connection.transport.close()

    async def comes_up(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def until(self, claim: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for a claim about this proxy to hold. Raises AssertionError when it doesn't in time."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(claim)
        except TimeoutError:
            raise AssertionError(f"waited {timeout_s} s for {what} in phase {self.day.phase!r}") from None

    async def drained(self, timeout_s: float) -> None:
        """Wait until everything that the platform delivered has been handed on, late things included."""
        await self.until(
            lambda: not (self._delivered or self._is_posting or self._mixer.holds), timeout_s, "deliveries"
        )

    def done(self, *kinds: Kind) -> list[Done]:
        """Return the faults of these kinds that have befallen somebody."""
        return [done for done in self.day.done if done.kind in kinds]

    # What the service sends

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        method = request.path.rpartition("/")[2]
        chat = _parameter(request, body, self._platform.chat_field)
        before = self.day.phase
        fault = self.day.befalls_call(method, chat)
        self.calls[method] += 1
        if fault is not None:
            self._says(f"{fault.kind} {method} {chat}")
        if self.day.phase != before:
            self._says(f"now: {self.day.phase or 'all is well'}")
        await self._announce()
        try:
            if matches(method, self._platform.polls) and (fault is None or fault.kind is Kind.SLOW):
                return await self._poll(request, body, fault)
            return await self._call(request, self._rerouted(request, method, body), method, chat, fault)
        except aiohttp.ClientError:
            return web.Response(status=502, text="the platform does not answer")

    async def _call(
        self, request: web.Request, body: bytes, method: str, chat: str, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is not None and fault.kind in self._platform.refusals:
            status, no = self._platform.refusals[fault.kind](fault)
            return web.json_response(no, status=status)
        if fault is not None and not fault.passes:
            return await self._spoil(request, fault, None)
        task = self._forward(request, body)
        is_told = False
        try:
            await asyncio.shield(task)
            answer = task.result()
            if fault is not None and fault.kind is not Kind.SLOW:
                return await self._spoil(request, fault, answer)
            await asyncio.sleep(fault.delay_s if fault else 0)
            is_told = request.transport is not None and not request.transport.is_closing()
            return answer.passed_on()
        finally:
            # Also when whoever called has gone meanwhile, which may cancel this.
            if not is_told and matches(method, self._platform.shows):
                task.add_done_callback(lambda ended: self._note_cut_off(chat, ended))

    def _note_cut_off(self, chat: str, ended: "asyncio.Task[_Answer]") -> None:
        if not ended.cancelled() and ended.exception() is None:
            self.cut_off[chat] += 1
            telling = asyncio.create_task(self._announce())
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _spoil(self, request: web.Request, fault: Fault, answer: _Answer | None) -> web.StreamResponse:
        match fault.kind:
            case Kind.HANG:
                await self._closing.wait()
            case Kind.SERVER_ERROR:
                return web.Response(status=fault.status, text=GATEWAY_PAGE, content_type="text/html")
            case Kind.NOT_JSON:
                return web.Response(text=LOGIN_PAGE, content_type="text/html")
            case Kind.CUT_SHORT if answer is not None:
                response = web.StreamResponse(status=answer.status, headers=answer.headers)
                response.content_length = len(answer.body)
                await response.prepare(request)
                await response.write(answer.body[: len(answer.body) // 2])
        _break(request)
        return web.Response(status=500)

    async def _poll(self, request: web.Request, body: bytes, fault: Fault | None) -> web.StreamResponse:
        url = request.rel_url
        if self._mixer.holds:
            # What is held back must not wait for somebody to write.
            body = _with_parameter(body, self._platform.poll_timeout, "0")
            if self._platform.poll_timeout in url.query:
                url = url.update_query({self._platform.poll_timeout: "0"})
        answer = await self._request(request.method, str(url), request.headers, body)
        await asyncio.sleep(fault.delay_s if fault else 0)
        if answer.status != 200:
            return answer.passed_on()
        said, updates = json.loads(answer.body), self._platform.poll_updates
        items = self._mixer.mix(said[updates], only_json=True)
        await self._announce()
        # Joined as text, so that poison arrives as it is written.
        parts = {name: json.dumps(value) for name, value in said.items()}
        parts[updates] = f"[{','.join(item.text for item in items)}]"
        whole = ",".join(f"{json.dumps(name)}:{text}" for name, text in parts.items())
        return web.Response(text=f"{{{whole}}}", content_type="application/json")

    def _forward(self, request: web.Request, body: bytes) -> "asyncio.Task[_Answer]":
        """Pass a call on. Once begun it goes on, also when the caller is gone, as on a real line."""
        task = asyncio.create_task(
            self._request(request.method, str(request.rel_url), request.headers.copy(), body)
        )
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)
        return task

    async def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        async with self._client.request(
            method, self._platform_url + path, data=body, headers=_end_to_end(headers), allow_redirects=False
        ) as response:
            return _Answer(response.status, _end_to_end(response.headers), await response.read())

    # What the service is sent by webhook

    def _rerouted(self, request: web.Request, method: str, body: bytes) -> bytes:
        """Return the call's body; when it says where to deliver, that is here from now on."""
        if self._platform.webhook is None or method != self._platform.webhook[0]:
            return body
        name = self._platform.webhook[1]
        wanted = urlsplit(_parameter(request, body, name))
        if not wanted.netloc:
            return body
        if not self.services:
            self.services.append(f"{wanted.scheme}://{wanted.netloc}")
        return _with_parameter(body, name, f"{self.url}{INBOUND}{wanted.path}")

    async def _take_delivery(self, request: web.Request) -> web.Response:
        """Take what the platform delivers; this proxy offers it until the service has taken it."""
        path = "/" + request.match_info["path"]
        self._delivered.append(_Delivery(path, _end_to_end(request.headers), await request.json()))
        await self._announce()
        return web.Response()

    async def _post_deliveries(self) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(
                    lambda: bool(self._delivered or (self._last_delivery and self._mixer.holds))
                )
            batch = list(self._delivered)
            self._delivered.clear()
            self._is_posting = True
            self._last_delivery = like = batch[-1] if batch else self._last_delivery
            assert like is not None
            groups: dict[str, list[Item]] = {}
            for item in self._mixer.mix([delivery.update for delivery in batch], only_json=False):
                groups.setdefault(item.sender, []).append(item)
            await asyncio.gather(*(self._post_in_order(like, items) for items in groups.values()))
            self._is_posting = False
            await self._announce()

    async def _post_in_order(self, like: _Delivery, items: Sequence[Item]) -> None:
        for item in items:
            await self._post(like, item)

    async def _post(self, like: _Delivery, item: Item) -> None:
        """Offer it to one process after the other until one has taken it; poison only so many times."""
        for tries in count(1):
            self._posts += 1
            url = self.services[self._posts % len(self.services)] + like.path
            status = None
            with suppress(aiohttp.ClientError, ConnectionError):
                async with self._client.post(url, data=item.text.encode(), headers=like.headers) as answer:
                    status = answer.status
            self.inbound_answers[status] += 1
            await self._announce()
            if (status is not None and status < 300) or (item.is_poison and tries >= POISON_TRIES):
                return
            if tries % len(self.services) == 0:
                await asyncio.sleep(RETRY_S)

    async def _announce(self) -> None:
        async with self._news:
            self._news.notify_all()


def _parameter(request: web.Request, body: bytes, name: str) -> str:
    """Return a parameter of a call from its query, form, JSON or multipart body; "" without."""
    if name in request.query:
        return request.query[name]
    if request.content_type == "application/json":
        with suppress(ValueError, AttributeError):
            return str(json.loads(body).get(name, ""))
    if request.content_type == "multipart/form-data":
        rest = body.partition(f'name="{name}"'.encode())[2]
        return rest.partition(b"\r\n\r\n")[2].partition(b"\r\n")[0].decode("utf-8", "replace")
    return dict(parse_qsl(body.decode("utf-8", "replace"))).get(name, "")


def _with_parameter(body: bytes, name: str, value: str) -> bytes:
    """Return a form's body with another value for one of its parameters, if it has it."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    if name not in dict(pairs):
        return body
    return urlencode([(key, value if key == name else old) for key, old in pairs]).encode()


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


def _break(request: web.Request) -> None:
    """End the connection with a TCP reset."""
    if request.transport is None:
        return
    # Linger of zero seconds makes the close a reset.
    linger = struct.pack("ii", 1, 0)
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.transport.abort()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _run(path: Path, platform_url: str, service_url: str | None, port: int) -> None:
    services = [service_url] if service_url else []
    day = Scenario.read(path)
    async with FaultProxy(platform_url, day, services=services, port=port, says=_say) as proxy:
        _say(f"{path.stem} between the service and {platform_url}: give the service {proxy.url}")
        try:
            await asyncio.Event().wait()
        finally:
            for kind, times in Counter(done.kind for done in proxy.day.done).items():
                _say(f"{kind}: {times}")
            _say(f"answers cut off: {proxy.cut_off.total()}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A bad day between the service and a platform, by hand.")
    arguments.add_argument("scenario", type=Path)
    arguments.add_argument("--platform", required=True, help="where the platform, or a fake one, listens")
    arguments.add_argument("--service", help="where webhooks go; else where the service itself says")
    arguments.add_argument("--port", type=int, default=8082)
    given = arguments.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.scenario, given.platform, given.service, given.port))
