"""A fast Bot API with people in it, as a process of its own: `python -m benchmarks.fake_platform`.

It has to cost far less than the bots, so it believes them: mistakes in calls are for tests/fake_telegram.py.
It shows a message when the call arrives and answers the call when its delay is over. The first line printed
is its port; commands come as POST /control/NAME with JSON (see `Platform.control`), and it ends with its
standard input.
"""

import asyncio
import json
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import ceil
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import uvloop

from benchmarks.crowd import ClosedCrowd, Crowd, GatheredCrowd, Metronome, OpenCrowd, Outside, Person, Screen
from benchmarks.http_protocol import HttpConnection
from benchmarks.scripts import script

BOT_ID = 123456
MOST_UPDATES = 100
OK_TRUE = b'{"ok":true,"result":true}'
ME = (
    b'{"ok":true,"result":{"id":%d,"is_bot":true,"first_name":"Bench","username":"bench_bot",'
    b'"can_join_groups":true,"can_read_all_group_messages":false,"supports_inline_queries":false}}' % BOT_ID
)
BLOCKED = b'{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'
CONFLICT = b'{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}'
NOT_FOUND = b'{"ok":false,"error_code":404,"description":"Not Found"}'


@dataclass(slots=True)
class Conditions:
    """What the network and the platform are like.

    `call_delay_s` each call but getUpdates takes, `poll_delay_s` getUpdates at least. `per_second` messages
    are taken with as many at once after a pause, 0 means any number. Every `blocked_every`-th chat from
    `blocked_from` on has blocked the bot; 0 means none.
    """

    call_delay_s: float = 0.0
    poll_delay_s: float = 0.02
    per_second: float = 0.0
    blocked_every: int = 0
    blocked_from: int = 0


@dataclass(slots=True)
class Counts:
    """What the bot did. `sent` and `blocked` count messages by chat; `tried` is whom they went to, when."""

    calls: int = 0
    polls: int = 0
    edits: int = 0
    refused_too_fast: int = 0
    refused_blocked: int = 0
    # Calls whose answer nobody waited for any more.
    cut_off: int = 0
    sent: Counter[int] = field(default_factory=Counter)
    blocked: Counter[int] = field(default_factory=Counter)
    tried: "array[int]" = field(default_factory=lambda: array("q"))
    tried_at_s: "array[float]" = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class Poll:
    """A getUpdates that waits. `ready_at` is when it may be answered, `ends_at` when it must."""

    connection: HttpConnection
    ready_at: float
    ends_at: float
    timer: asyncio.TimerHandle | None = None
    timer_at: float = 0.0


class Platform(Outside):
    """The Bot API, its chats and its crowds."""

    def __init__(self) -> None:
        self.conditions = Conditions()
        self.counts = Counts()
        self._loop = asyncio.get_running_loop()
        self._updates: deque[tuple[int, bytes]] = deque()
        self._update_ids = count(1)
        self._message_ids = count(1)
        self._poll: Poll | None = None
        self._first_poll_at: float | None = None
        self._tokens, self._tokens_at = 0.0, self.now()
        self._crowds: dict[str, Crowd] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return time.monotonic()

    # People

    def types(self, person: Person, text: str) -> None:
        entities = ""
        if text.startswith("/"):
            length = len(text.split(" ", 1)[0])
            entities = f',"entities":[{{"type":"bot_command","offset":0,"length":{length}}}]'
        self._happens(
            f'"message":{{"message_id":{next(self._message_ids)},"from":{_person(person.chat_id)},'
            f'"chat":{_chat(person.chat_id)},"date":{int(time.time())},"text":{json.dumps(text)}{entities}}}'
        )

    def presses(self, person: Person, screen: Screen, data: str) -> None:
        query_id = str(next(self._update_ids) * 7919)
        self._happens(
            f'"callback_query":{{"id":"{query_id}","from":{_person(person.chat_id)},'
            f'"message":{screen.message},"chat_instance":"{person.chat_id * 31}","data":{json.dumps(data)}}}'
        )

    def _happens(self, content: str) -> None:
        update_id = next(self._update_ids)
        self._updates.append((update_id, f'{{"update_id":{update_id},{content}}}'.encode()))
        self._serve_poll()

    # Bot API

    def handle(self, connection: HttpConnection, path: bytes, body: bytes) -> None:
        if path.startswith(b"/bot"):
            method, _, query = path[path.rindex(b"/") + 1 :].partition(b"?")
            self._call(connection, method, body or query, query)
        elif path.startswith(b"/control/"):
            try:
                answer = self.control(path[9:].decode(), json.loads(body) if body else {})
            except (AttributeError, KeyError, LookupError, TypeError) as error:
                connection.respond(400, json.dumps(repr(error)).encode())
            else:
                connection.respond(200, json.dumps(answer).encode())
        else:
            connection.respond(404, NOT_FOUND)

    def _call(self, connection: HttpConnection, method: bytes, body: bytes, query: bytes) -> None:
        name = method.lower()
        if name == b"getupdates":
            self._get_updates(connection, dict(parse_qsl((body or query).decode())))
            return
        self.counts.calls += 1
        if name == b"sendmessage":
            status, answer = self._message(_fields(body), is_edit=False)
        elif name == b"editmessagetext":
            status, answer = self._message(_fields(body), is_edit=True)
        elif name == b"getme":
            status, answer = 200, ME
        else:
            status, answer = 200, OK_TRUE
        if self.conditions.call_delay_s:
            self._loop.call_later(self.conditions.call_delay_s, self._answer, connection, status, answer)
        else:
            connection.respond(status, answer)

    def _answer(self, connection: HttpConnection, status: int, answer: bytes) -> None:
        if not connection.is_open:
            self.counts.cut_off += 1
        connection.respond(status, answer)

    def _message(self, fields: dict[bytes, bytes], *, is_edit: bool) -> tuple[int, bytes]:
        chat_id = int(fields[b"chat_id"])
        if (wait_s := self._too_fast_s()) > 0:
            self.counts.refused_too_fast += 1
            return 429, _too_many_requests(wait_s)
        if not is_edit:
            self.counts.tried.append(chat_id)
            self.counts.tried_at_s.append(self.now())
        conditions = self.conditions
        if (
            conditions.blocked_every
            and chat_id >= conditions.blocked_from
            and (chat_id - conditions.blocked_from) % conditions.blocked_every == 0
        ):
            self.counts.refused_blocked += 1
            self.counts.blocked[chat_id] += 1
            return 403, BLOCKED
        text, markup = fields[b"text"].decode(), fields.get(b"reply_markup", b"")
        if is_edit:
            self.counts.edits += 1
            message_id = int(fields[b"message_id"])
        else:
            message_id = next(self._message_ids)
            self.counts.sent[chat_id] += 1
        keyboard = json.loads(markup) if markup else {}
        shown = (
            f'{{"message_id":{message_id},"from":{{"id":{BOT_ID},"is_bot":true,"first_name":"Bench",'
            f'"username":"bench_bot"}},"chat":{_chat(chat_id)},"date":{int(time.time())},'
            f'"text":{json.dumps(text)}'
        )
        if is_edit:
            shown += f',"edit_date":{int(time.time())}'
        if "inline_keyboard" in keyboard:
            shown += f',"reply_markup":{markup.decode()}'
        shown += "}"
        for crowd in self._crowds.values():
            if (person := crowd.people.get(chat_id)) is not None:
                # Whoever acts does so after the bot's call has come to its end here.
                self._loop.call_soon(crowd.sees, person, Screen(text, _buttons(keyboard), shown))
        return 200, b'{"ok":true,"result":%b}' % shown.encode()

    def _too_fast_s(self) -> float:
        """Take one of the account's tokens and return 0, or return when there will be one."""
        rate = self.conditions.per_second
        if not rate:
            return 0.0
        now = self.now()
        self._tokens = min(rate, self._tokens + (now - self._tokens_at) * rate)
        self._tokens_at = now
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0

    # getUpdates

    def _get_updates(self, connection: HttpConnection, fields: dict[str, str]) -> None:
        self.counts.polls += 1
        now = self.now()
        if self._first_poll_at is None:
            self._first_poll_at = now
        offset = int(fields.get("offset") or 0)
        while self._updates and self._updates[0][0] < offset:
            self._updates.popleft()
        if self._poll is not None:
            self._end_poll(409, CONFLICT)
        ready_at = now + self.conditions.poll_delay_s
        self._poll = Poll(connection, ready_at, max(ready_at, now + float(fields.get("timeout") or 0)))
        self._serve_poll()

    def _serve_poll(self) -> None:
        """Answer the poll when there is something and it may be answered, else look again then."""
        poll = self._poll
        if poll is None:
            return
        if not poll.connection.is_open:
            self._poll = None
            return
        now = self.now()
        answer_at = poll.ready_at if self._updates else poll.ends_at
        if now >= answer_at:
            batch = [update for _, (_, update) in zip(range(MOST_UPDATES), self._updates, strict=False)]
            self._end_poll(200, b'{"ok":true,"result":[%b]}' % b",".join(batch))
            return
        if poll.timer is not None and poll.timer_at <= answer_at:
            return
        if poll.timer is not None:
            poll.timer.cancel()
        poll.timer = self._loop.call_later(answer_at - now, self._look_again, poll)
        poll.timer_at = answer_at

    def _look_again(self, poll: Poll) -> None:
        poll.timer = None
        if poll is self._poll:
            self._serve_poll()

    def _end_poll(self, status: int, answer: bytes) -> None:
        poll, self._poll = self._poll, None
        if poll is None:
            return
        if poll.timer is not None:
            poll.timer.cancel()
        poll.connection.respond(status, answer)

    # Control

    def control(self, name: str, given: dict[str, Any]) -> Any:
        """Do what the benchmark asks: the methods below, by name."""
        return getattr(self, f"control_{name}")(**given)

    def control_conditions(self, **given: Any) -> None:
        self.conditions = Conditions(**given)
        # A platform that nobody has written to for a while has its whole burst.
        self._tokens, self._tokens_at = self.conditions.per_second, self.now()

    def control_first_poll(self) -> float | None:
        """Return when the bot first asked for updates, on the monotonic clock; None: not yet."""
        return self._first_poll_at

    def control_closed(self, *, size: int, hasty: float = 0.0, **given: Any) -> None:
        crowd = ClosedCrowd(self, **self._crowd_arguments(given), hasty=hasty)
        self._watch(crowd)
        crowd.start(size)

    def control_open(self, *, per_second: float, **given: Any) -> None:
        crowd = OpenCrowd(self, **self._crowd_arguments(given), per_second=per_second)
        self._watch(crowd)
        self._spawn(crowd.run())

    def control_gather(self, *, size: int, at_once: int, until: str, **given: Any) -> None:
        crowd = GatheredCrowd(self, **self._crowd_arguments(given), until=until)
        self._watch(crowd)
        crowd.start(size, at_once)

    def control_gathered(self) -> dict[str, Any]:
        crowd = self._gathered()
        return {
            "gathered": crowd.gathered,
            "told_after_s": crowd.told_after_s.tolist(),
            "winners": crowd.winners,
        }

    def control_release(self) -> None:
        self._gathered().release()

    def control_metronome(self, *, every_s: float, **given: Any) -> None:
        crowd = Metronome(self, **self._crowd_arguments(given))
        self._watch(crowd)
        self._spawn(crowd.run(every_s))

    def control_noticed(self, *, crowd: str = "people") -> dict[str, Any]:
        """Return what a crowd noticed and what the bot did since the last call, and begin anew."""
        seen, counts = self._crowds[crowd].noticed, self.counts
        self._crowds[crowd].noticed = type(seen)()
        answer = seen.as_json() | {
            "at_s": self.now(),
            "calls": counts.calls,
            "polls": counts.polls,
            "waiting_updates": len(self._updates),
        }
        counts.calls = counts.polls = 0
        return answer

    def control_sent(self, *, first: int, last: int) -> dict[str, Any]:
        """Return what became of messages to the chats from first to last, both included."""
        counts, chats = self.counts, range(first, last + 1)
        pairs = zip(counts.tried, counts.tried_at_s, strict=True)
        tried_at_s = [at_s for chat, at_s in pairs if chat in chats]
        received = [counts.sent[chat] for chat in chats if chat in counts.sent]
        return {
            "chats": len(received),
            "messages": sum(received),
            "doubled": sum(received) - len(received),
            "blocked_chats": sum(chat in counts.blocked for chat in chats),
            "refused_too_fast": counts.refused_too_fast,
            "cut_off": counts.cut_off,
            "first_at_s": tried_at_s[0] if tried_at_s else None,
            "last_at_s": tried_at_s[-1] if tried_at_s else None,
            "now_s": self.now(),
        }

    def control_forget_sent(self) -> None:
        self.counts = Counts()

    def control_stop(self) -> None:
        for crowd in self._crowds.values():
            crowd.stop()

    def _gathered(self) -> GatheredCrowd:
        crowd = self._crowds["people"]
        if not isinstance(crowd, GatheredCrowd):
            raise LookupError("nobody was gathered")
        return crowd

    def _crowd_arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.pop("crowd", "people")
        self._starting = name
        first, last = given.pop("first"), given.pop("last")
        wish = {key: given.pop(key) for key in ("day", "at") if key in given}
        return {
            "script": script(given.pop("script"), **wish),
            "chat_ids": iter(range(first, last + 1)),
            "patience_s": given.pop("patience_s", 20.0),
            "seed": given.pop("seed", 1),
        }

    def _watch(self, crowd: Crowd) -> None:
        self._crowds[self._starting] = crowd
        self._spawn(crowd.watch())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            task.print_stack()


def _fields(body: bytes) -> dict[bytes, bytes]:
    """Return the fields of a form or of JSON that are looked at."""
    if body.startswith(b"{"):
        values = json.loads(body)
        return {
            name.encode(): (value if isinstance(value, str) else json.dumps(value)).encode()
            for name, value in values.items()
            if name in ("chat_id", "message_id", "text", "reply_markup")
        }
    form = dict(part.partition(b"=")[::2] for part in body.split(b"&"))
    return {
        name: _decoded(value) if name in (b"text", b"reply_markup") else value for name, value in form.items()
    }


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))


def _buttons(keyboard: dict[str, Any]) -> list[tuple[str, str | None]]:
    if "inline_keyboard" in keyboard:
        return [(key["text"], key["callback_data"]) for row in keyboard["inline_keyboard"] for key in row]
    rows = keyboard.get("keyboard", [])
    return [
        (key, None) if isinstance(key, str) else (key["text"], None)
        for row in rows
        for key in row
        if isinstance(key, str) or not key.get("request_location")
    ]


def _person(chat_id: int) -> str:
    return f'{{"id":{chat_id},"is_bot":false,"first_name":"P{chat_id}","language_code":"en"}}'


def _chat(chat_id: int) -> str:
    return f'{{"id":{chat_id},"first_name":"P{chat_id}","type":"private"}}'


def _too_many_requests(wait_s: float) -> bytes:
    seconds = max(1, ceil(wait_s))
    return (
        b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after %d",'
        b'"parameters":{"retry_after":%d}}' % (seconds, seconds)
    )


async def serve() -> None:
    loop = asyncio.get_running_loop()
    platform = Platform()
    server = await loop.create_server(partial(HttpConnection, platform.handle), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the benchmark learns it
    ended = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
    await ended.read()


if __name__ == "__main__":
    uvloop.run(serve())
