"""A strict Bot API on 127.0.0.1, with people to play.

    async with FakeTelegram() as telegram:
        brahim = telegram.user(first_name="Brahim", language_code="fr")
        await brahim.says("/start")
        menu = await brahim.next_message()
        tap = await brahim.taps("Prendre rendez-vous")
        assert await tap.answered() == ""
        assert telegram.refusals == []

The service under test gets `telegram.base_url` and `telegram.token`, and polls or sets a webhook as it would
with Telegram. What Telegram refuses is refused here, and more: parameters that aiogram's models do not know.
Texts with parse_mode are refused, since nothing here reads markup.
Sources: Bot API reference 10.3, aiogram 3.31.

By hand: `python -m tests.fake_telegram --port 8081 --token 1:TEST`, then
    curl -d '{"text": "/start"}' http://127.0.0.1:8081/control/say
    curl -d '{"label": "Français"}' http://127.0.0.1:8081/control/tap
    curl http://127.0.0.1:8081/control/messages
"""

import argparse
import asyncio
import functools
import json
import re
import socket
import struct
import sys
import time
import typing
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from types import NoneType, TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

JSON = dict[str, Any]

# Lengths in UTF-16 code units. Source: Bot API reference, the methods of the same names.
MAX_TEXT, MAX_CAPTION, MAX_NOTICE = 4096, 1024, 200
MAX_NAME, MAX_SHORT_DESCRIPTION, MAX_DESCRIPTION = 64, 120, 512
MAX_COMMANDS, MAX_COMMAND_DESCRIPTION = 100, 256
MAX_CALLBACK_BYTES = 64
MAX_BUTTONS, MAX_BUTTONS_IN_ROW = 100, 8
MAX_UPLOAD_BYTES, MAX_PHOTO_BYTES, MAX_DOWNLOAD_BYTES = 50_000_000, 10_000_000, 20_000_000
# Larger ones are files, not voice messages that are played in the chat.
MAX_VOICE_BYTES = 1_000_000

# Not sent unless asked for by name. Source: Bot API reference, setWebhook.
UNUSUAL_UPDATES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
WEBHOOK_PORTS = frozenset({443, 80, 88, 8443})
# What a button has besides its action; an inline button has exactly one action. Source: InlineKeyboardButton.
BUTTON_LOOKS = frozenset({"text", "style", "icon_custom_emoji_id", "disabled"})


# A blocked bot (403) or a clash of two pollers (409) is not a mistake in the call.
OWN_FAULTS = frozenset({400, 401, 404, 413})


class Refused(Exception):
    """The Bot API says no."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


@dataclass(frozen=True)
class Upload:
    """A file that came with a call."""

    filename: str
    content: bytes
    mime_type: str | None = None


@dataclass(frozen=True)
class Call:
    """One request of the bot; values that came as JSON are decoded, files are Upload."""

    method: str
    params: JSON
    received_at_s: float  # time.monotonic()


@dataclass(frozen=True)
class Refusal:
    """A call that was the bot's own mistake."""

    method: str
    status: int
    description: str
    params: JSON


@dataclass(frozen=True)
class WebhookAnswer:
    """What the bot's webhook said to one attempt; status None: it did not answer at all."""

    update_id: int
    status: int | None
    body: bytes


@dataclass(frozen=True)
class Button:
    """Of an inline keyboard, or of a reply keyboard when it has neither data nor address.

    `asks` is "location" or "contact" when a tap sends that instead of the label.
    """

    text: str
    callback_data: str | None = None
    url: str | None = None
    asks: str | None = None


Rows = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True)
class Shown:
    """A message as a person sees it at one moment."""

    message_id: int
    from_bot: bool
    kind: str  # text, voice, photo, document, location, venue, sticker, contact
    text: str  # text or caption; "" without
    rows: Rows  # of the inline keyboard
    reply_keyboard: Rows | None  # None: the message brought none
    removes_keyboard: bool
    edits: int
    is_protected: bool
    raw: JSON  # as the Bot API gives it

    @property
    def buttons(self) -> list[Button]:
        """The inline buttons, row after row."""
        return [button for row in self.rows for button in row]

    @property
    def labels(self) -> list[str]:
        """What the inline buttons say, row after row."""
        return [button.text for button in self.buttons]


class Tap:
    """A button pressed. callback_id is None for a button of a reply keyboard, which just sends its label."""

    def __init__(self, telegram: "FakeTelegram", update_id: int, callback_id: str | None) -> None:
        self._telegram = telegram
        self.update_id = update_id
        self.callback_id = callback_id
        self.notice: str | None = None  # None until answered
        self.is_alert = False
        self.is_late = False

    def expires(self) -> None:
        """From now on it is too late to answer."""
        self.is_late = True

    async def answered(self, timeout_s: float = 5) -> str:
        """Wait for answerCallbackQuery and return its text, "" without."""
        await self._telegram.until(lambda: self.notice is not None, timeout_s, "an answer to the tap")
        assert self.notice is not None
        return self.notice


@dataclass
class _Kept:
    """A message in a chat, with the markup it came with."""

    raw: JSON
    from_bot: bool
    markup: JSON | None
    edits: int = 0

    def show(self) -> Shown:
        markup = self.markup or {}
        return Shown(
            message_id=self.raw["message_id"],
            from_bot=self.from_bot,
            kind=_kind(self.raw),
            text=self.raw.get("text") or self.raw.get("caption") or "",
            rows=_rows(markup.get("inline_keyboard", [])),
            reply_keyboard=_rows(markup["keyboard"]) if "keyboard" in markup else None,
            removes_keyboard="remove_keyboard" in markup,
            edits=self.edits,
            is_protected=self.raw.get("has_protected_content", False),
            raw=self.raw,
        )


def _kind(message: JSON) -> str:
    # A venue's message holds its location too.
    kinds = ("text", "venue", "voice", "photo", "document", "location", "sticker", "contact")
    return next((kind for kind in kinds if kind in message), "other")


def _rows(keyboard: list[list[JSON]]) -> Rows:
    return tuple(tuple(_button(button) for button in row) for row in keyboard)


def _button(button: JSON) -> Button:
    asks = next((what for what in ("location", "contact") if button.get(f"request_{what}")), None)
    return Button(button["text"], button.get("callback_data"), button.get("url"), asks)


@dataclass
class _Chat:
    """What Telegram keeps of one chat."""

    about: JSON
    has_started: bool
    is_blocked: bool = False
    messages: dict[int, _Kept] = field(default_factory=dict)
    from_the_bot: list[Shown] = field(default_factory=list)  # every message and every edit, in order
    keyboard_from: _Kept | None = None  # the message whose reply keyboard is on the screen

    @property
    def is_private(self) -> bool:
        return bool(self.about["type"] == "private")

    def keep(self, message: _Kept) -> None:
        self.messages[message.raw["message_id"]] = message
        if message.from_bot:
            self.tell(message)

    def tell(self, message: _Kept) -> None:
        shown = message.show()
        self.from_the_bot.append(shown)
        if shown.reply_keyboard is not None:
            self.keyboard_from = message
        elif shown.removes_keyboard:
            self.keyboard_from = None

    def reply_keys(self) -> list[Button]:
        """The buttons of the reply keyboard on the screen."""
        rows = self.keyboard_from.show().reply_keyboard if self.keyboard_from else None
        return [button for row in rows or () for button in row]


class Person:
    """A Telegram user in one chat: their own with the bot, or a group.

    What they do returns the id of the update it makes.
    """

    def __init__(self, telegram: "FakeTelegram", about: JSON, chat: _Chat) -> None:
        self._telegram = telegram
        self._about = about
        self._chat = chat
        self._read = 0

    @property
    def id(self) -> int:
        return int(self._about["id"])

    @property
    def chat(self) -> list[Shown]:
        """The messages now in the chat, of both sides, oldest first."""
        return [message.show() for message in self._chat.messages.values()]

    def newest_first(self) -> Iterator[Shown]:
        """Yield the messages now in the chat, the newest first: cheaper than `chat` when it is long."""
        for message in reversed(self._chat.messages.values()):
            yield message.show()

    @property
    def reply_keyboard(self) -> list[str]:
        """The labels of the reply keyboard now on the screen."""
        return [button.text for button in self._chat.reply_keys()]

    async def next_message(self, timeout_s: float = 5) -> Shown:
        """Wait for the first message or edit of the bot after the one returned last."""
        told = self._chat.from_the_bot
        await self._telegram.until(
            lambda: len(told) > self._read, timeout_s, f"a message of the bot to {self._about['first_name']}"
        )
        self._read += 1
        return told[self._read - 1]

    async def says(self, text: str) -> int:
        content: JSON = {"text": text}
        if command := re.match(r"/\w+(@\w+)?", text):
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": command.end()}]
        return await self._sends(content)

    async def edits(self, message_id: int, text: str) -> int:
        """Change the text of a message of one's own."""
        message = self._chat.messages[message_id]
        message.raw = {**message.raw, "text": text, "edit_date": self._telegram.unix_time()}
        message.edits += 1
        return await self._telegram.push("edited_message", message.raw)

    async def sends_location(self, lat: float, lon: float) -> int:
        """Share a place, in degrees."""
        return await self._sends({"location": {"latitude": lat, "longitude": lon}})

    async def sends_contact(self, phone: str, *, own: bool = True) -> int:
        contact = {"phone_number": phone, "first_name": self._about["first_name"]}
        return await self._sends({"contact": {**contact, **({"user_id": self.id} if own else {})}})

    async def sends_voice(self, content: bytes = b"OggS", duration_s: int = 3) -> int:
        voice = self._telegram.keep_file("voice", Upload("voice.ogg", content))
        return await self._sends({"voice": {**voice, "duration": duration_s, "mime_type": "audio/ogg"}})

    async def sends_photo(self, content: bytes = b"\xff\xd8\xff", *, forwarded: bool = False) -> int:
        photo = self._telegram.keep_file("photo", Upload("photo.jpg", content))
        origin = {"type": "hidden_user", "sender_user_name": "Someone", "date": self._telegram.unix_time()}
        sizes = {"photo": [{**photo, "width": 90, "height": 90}]}
        return await self._sends({**sizes, **({"forward_origin": origin} if forwarded else {})})

    async def sends_sticker(self) -> int:
        sticker = self._telegram.keep_file("sticker", Upload("sticker.webp", b"RIFF"))
        form = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return await self._sends({"sticker": {**sticker, **form}})

    async def taps(self, label_or_data: str) -> Tap:
        """Tap the button of that label or callback data, in the newest message that has it.

        A button of the reply keyboard on the screen counts as one of the message that brought it. Raises
        LookupError when no such button is to be seen.
        """
        for message in reversed(self._chat.messages.values()):
            if _find(message.show().buttons, label_or_data):
                return await self.taps_in(message.raw["message_id"], label_or_data)
            if message is self._chat.keyboard_from and label_or_data in self.reply_keyboard:
                break
        if label_or_data in self.reply_keyboard:
            return Tap(self._telegram, await self._taps_key(label_or_data), None)
        in_sight = [label for shown in self.chat for label in shown.labels] + self.reply_keyboard
        raise LookupError(f"no button {label_or_data!r} among {in_sight}")

    async def taps_in(self, message_id: int, label_or_data: str) -> Tap:
        """Tap an inline button of one message, however old. Raises LookupError when it has no such button."""
        message = self._chat.messages.get(message_id)
        button = _find(message.show().buttons, label_or_data) if message else None
        if message is None or button is None:
            raise LookupError(f"no button {label_or_data!r} in message {message_id}")
        if button.callback_data is None:
            raise LookupError(f"{label_or_data!r} opens {button.url}; the bot hears nothing of it")
        return await self._telegram.push_tap(self._about, message.raw, button.callback_data)

    async def blocks(self) -> int:
        """Block the bot: from now on it is answered 403."""
        return await self._becomes("member", "kicked")

    def blocks_unnoticed(self) -> None:
        """Block the bot while Telegram has not told it yet: it learns of it by the 403 alone."""
        self._chat.is_blocked = True

    async def unblocks(self) -> int:
        return await self._becomes("kicked", "member")

    async def _becomes(self, before: str, after: str) -> int:
        assert self._chat.is_private, "a bot is blocked in its own chat"
        self._chat.is_blocked = after == "kicked"
        bot = self._telegram.bot_user
        until = {"until_date": 0}
        change = {
            "chat": self._chat.about,
            "from": self._about,
            "date": self._telegram.unix_time(),
            "old_chat_member": {"user": bot, "status": before, **(until if before == "kicked" else {})},
            "new_chat_member": {"user": bot, "status": after, **(until if after == "kicked" else {})},
        }
        return await self._telegram.push("my_chat_member", change)

    async def _taps_key(self, label: str) -> int:
        asks = next(button.asks for button in self._chat.reply_keys() if button.text == label)
        if asks is not None:
            raise LookupError(f"{label!r} shares a {asks}: call sends_{asks}()")
        keyboard_from = self._chat.keyboard_from
        if keyboard_from and keyboard_from.markup and keyboard_from.markup.get("one_time_keyboard"):
            self._chat.keyboard_from = None
        return await self.says(label)

    async def _sends(self, content: JSON) -> int:
        assert not self._chat.is_blocked, "who has blocked the bot can't write to it"
        self._chat.has_started = True
        message = self._telegram.new_message(self._chat, self._about, content)
        self._chat.keep(_Kept(message, from_bot=False, markup=None))
        return await self._telegram.push("message", message)


def _find(buttons: Iterable[Button], label_or_data: str) -> Button | None:
    return next((button for button in buttons if label_or_data in (button.text, button.callback_data)), None)


class Group:
    """A supergroup in which the bot is an administrator, so that it sees every message."""

    def __init__(self, telegram: "FakeTelegram", chat: _Chat) -> None:
        self._telegram = telegram
        self._chat = chat
        self.id: int = chat.about["id"]

    def member(self, person: Person) -> Person:
        """The same user, speaking and tapping in this group."""
        return Person(self._telegram, person._about, self._chat)


@dataclass(frozen=True)
class _Fault:
    kind: Literal["fail", "hang", "reset"]
    accepted: bool = False
    refusal: Refused | None = None


class FakeTelegram:
    """The server, its people, and what the bot did to it.

    latency_s is waited before each call is looked at. An update is offered webhook_attempts times,
    webhook_retry_s apart, to a webhook that does not answer 2xx, then dropped.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "123456:TEST-token_of_nobody",  # noqa: S107 (it opens nothing)
        latency_s: float = 0,
        webhook_attempts: int = 5,
        webhook_retry_s: float = 0.05,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.token = token
        self.latency_s = latency_s
        self.bot_user: JSON = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Jisr",
            "username": "jisr_test_bot",
        }
        self.calls: list[Call] = []
        self.refusals: list[Refusal] = []
        self.commands: dict[tuple[str, str], list[tuple[str, str]]] = {}  # (scope, language_code or "")
        self.names: dict[str, str] = {}  # by language_code, "" for the rest; so are the next two
        self.descriptions: dict[str, str] = {}
        self.short_descriptions: dict[str, str] = {}
        self._port = port
        self._now = now
        self._news = asyncio.Condition()
        self._closing = False
        self._updates = _Updates(self, webhook_attempts, webhook_retry_s)
        self._methods = _Methods(self, self._updates)
        self._faults: dict[str, deque[_Fault]] = {}
        self._chats: dict[int, _Chat] = {}
        self._people: dict[int, Person] = {}
        self._files: dict[str, tuple[str, Upload]] = {}
        self._taps: dict[str, Tap] = {}
        self._message_ids = count(1)
        self._callback_ids = count(7_000_000_001)
        self._user_ids = count(1001)
        self._group_ids = count(-1_001_000_000_001, -1)

    @property
    def base_url(self) -> str:
        """The setting TELEGRAM_API_URL of the service: methods are at {base_url}/bot{token}/{method}."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        # Takes seconds the first time, more than a bot waits for an answer.
        import aiogram.methods  # noqa: F401

        app = web.Application(client_max_size=2 * MAX_UPLOAD_BYTES)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._serve_file)
        _add_control(app, self)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._updates.pump())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        await self.announce()
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._runner.cleanup()

    def user(
        self,
        id: int | None = None,
        first_name: str = "Brahim",
        language_code: str | None = "fr",
        *,
        has_started: bool = True,
    ) -> Person:
        """A new user with a private chat; without has_started the bot may not write first."""
        user_id = id if id is not None else next(self._user_ids)
        if user_id in self._chats:
            raise ValueError(f"user {user_id} is there already")
        about: JSON = {"id": user_id, "is_bot": False, "first_name": first_name}
        if language_code is not None:
            about["language_code"] = language_code
        chat = _Chat({"id": user_id, "type": "private", "first_name": first_name}, has_started)
        self._chats[user_id] = chat
        person = Person(self, about, chat)
        self._people[user_id] = person
        return person

    def group(self, id: int | None = None, title: str = "Équipe") -> Group:
        group_id = id if id is not None else next(self._group_ids)
        chat = _Chat({"id": group_id, "type": "supergroup", "title": title}, has_started=True)
        self._chats[group_id] = chat
        return Group(self, chat)

    async def push(self, kind: str, body: JSON) -> int:
        """Send the bot an update of any kind, unless it did not ask for that kind, and return its id."""
        return await self._updates.push(kind, body)

    async def deliver_again(self, update_id: int) -> None:
        """Send an update a second time, as Telegram does when it is not sure."""
        await self._updates.repeat(update_id)

    @asynccontextmanager
    async def out_of_order(self) -> AsyncIterator[None]:
        """Hold back what people do meanwhile, then offer it to the webhook newest first."""
        self._updates.hold()
        yield
        await self._updates.release()

    async def drained(self, timeout_s: float = 5) -> None:
        """Wait until the bot has confirmed every update, by offset or by 2xx."""
        await self.until(lambda: not self._updates.pending, timeout_s, "all updates to be confirmed")

    @property
    def webhook_answers(self) -> list[WebhookAnswer]:
        return self._updates.answers

    def fail_next(
        self,
        method: str,
        status: int = 500,
        *,
        description: str | None = None,
        retry_after: int | None = None,
        migrate_to_chat_id: int | None = None,
    ) -> None:
        """Refuse the next call of a method, undone. Faults wait in line; retry_after is in seconds."""
        parameters = {"retry_after": retry_after, "migrate_to_chat_id": migrate_to_chat_id}
        said = description or HTTPStatus(status).phrase
        refusal = Refused(
            status, said, **{name: value for name, value in parameters.items() if value is not None}
        )
        self._add_fault(method, _Fault("fail", refusal=refusal))

    def hang_next(self, method: str, *, accepted: bool = False) -> None:
        """Never answer the next call, be it done (accepted) or not."""
        self._add_fault(method, _Fault("hang", accepted))

    def accept_then_reset_next(self, method: str) -> None:
        """Do the next call, then reset the connection instead of answering."""
        self._add_fault(method, _Fault("reset", accepted=True))

    def _add_fault(self, method: str, fault: _Fault) -> None:
        self._faults.setdefault(method, deque()).append(fault)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    async def called(self, method: str, times: int = 1, timeout_s: float = 5) -> Call:
        """Wait until a method has been called that many times in all, and return the newest call."""
        await self.until(lambda: len(self.calls_of(method)) >= times, timeout_s, f"{times} calls of {method}")
        return self.calls_of(method)[-1]

    def content_of(self, message: Shown) -> bytes:
        """The bytes of the file that a message shows."""
        media = message.raw[message.kind]
        file_id = (media[-1] if isinstance(media, list) else media)["file_id"]
        return self._files[file_id][1].content

    async def until(self, claim: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """Wait for a claim about this server to hold. Raises AssertionError when it doesn't in time."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(claim)
        except TimeoutError:
            refusals = [f"{refusal.method}: {refusal.description}" for refusal in self.refusals]
            raise AssertionError(f"waited {timeout_s} s for {what}; refusals: {refusals}") from None

    @property
    def is_closing(self) -> bool:
        return self._closing

    async def announce(self) -> None:
        """Let everyone who waits look again."""
        async with self._news:
            self._news.notify_all()

    def unix_time(self) -> int:
        return int(self._now().timestamp())

    def find_chat(self, chat_id: object) -> _Chat | None:
        return self._chats.get(chat_id) if isinstance(chat_id, int) else None

    def find_person(self, user_id: int) -> Person | None:
        return self._people.get(user_id)

    def find_file(self, file_id: str) -> tuple[str, Upload] | None:
        """The kind and the content of a file known here."""
        return self._files.get(file_id)

    def find_tap(self, callback_id: str) -> Tap | None:
        return self._taps.get(callback_id)

    def new_message(self, chat: _Chat, sender: JSON, content: JSON) -> JSON:
        head = {"message_id": next(self._message_ids), "from": sender, "chat": chat.about}
        return {**head, "date": self.unix_time(), **content}

    def keep_file(self, kind: str, upload: Upload) -> JSON:
        """Store a file and return what a message says of it."""
        file_id = f"{kind}-{len(self._files) + 1}"
        self._files[file_id] = (kind, upload)
        return _about_file(file_id, upload)

    async def push_tap(self, who: JSON, message: JSON, data: str) -> Tap:
        callback_id = str(next(self._callback_ids))
        tap = Tap(self, 0, callback_id)
        self._taps[callback_id] = tap
        chat_instance = str(message["chat"]["id"])
        query = {
            "id": callback_id,
            "from": who,
            "message": message,
            "chat_instance": chat_instance,
            "data": data,
        }
        tap.update_id = await self.push("callback_query", query)
        return tap

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        params: JSON = {}
        fault = None
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            params = await _params(request, _model(method))
            await self._note(Call(method, params, time.monotonic()))
            await asyncio.sleep(self.latency_s)
            if waiting := self._faults.get(method):
                fault = waiting.popleft()
            if fault and fault.refusal:
                return _refusal(fault.refusal)
            result = await self._perform(method, params) if fault is None or fault.accepted else None
        except Refused as refused:
            if refused.status in OWN_FAULTS:
                self.refusals.append(Refusal(method, refused.status, refused.description, params))
            return _refusal(refused)
        if fault and fault.kind == "hang":
            await self.until(lambda: self._closing, None, "the end")
        if fault and fault.kind == "reset":
            _reset(request)
        return web.json_response({"ok": True, "result": result})

    async def obey(self, method: str, params: JSON) -> None:
        """Do a call that came as a webhook's answer; its result goes nowhere."""
        await self._note(Call(method, params, time.monotonic()))
        try:
            await self._perform(method, params)
        except Refused as refused:
            self.refusals.append(Refusal(method, refused.status, refused.description, params))

    async def _note(self, call: Call) -> None:
        self.calls.append(call)
        await self.announce()

    async def _perform(self, method: str, params: JSON) -> object:
        handler, model = self._methods.find(method), _model(method)
        if handler is None or model is None:
            raise Refused(404, f"Not Found: method {method} is unknown or not emulated")
        _judge(method, model, params)
        result = await handler(params)
        await self.announce()
        return result

    async def _serve_file(self, request: web.Request) -> web.Response:
        found = self.find_file(request.match_info["path"].rpartition("/")[2])
        if request.match_info["token"] != self.token or found is None:
            return _refusal(Refused(404, "Not Found"))
        return web.Response(body=found[1].content)


def _about_file(file_id: str, upload: Upload) -> JSON:
    return {"file_id": file_id, "file_unique_id": f"unique-{file_id}", "file_size": len(upload.content)}


def _refusal(refused: Refused) -> web.Response:
    answer = {"ok": False, "error_code": refused.status, "description": refused.description}
    extra = {"parameters": refused.parameters} if refused.parameters else {}
    return web.json_response({**answer, **extra}, status=refused.status)


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    # Linger of zero seconds makes the close a TCP reset.
    linger = struct.pack("ii", 1, 0)
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.transport.abort()


@dataclass(frozen=True)
class _Webhook:
    url: str
    secret_token: str | None
    max_connections: int


class _Updates:
    """The queue between people and bot: getUpdates or a webhook takes from it."""

    def __init__(self, telegram: FakeTelegram, attempts: int, retry_s: float) -> None:
        self._telegram = telegram
        self._attempts = attempts
        self._retry_s = retry_s
        self._ids = count(500_000_001)
        self._all: dict[int, JSON] = {}
        self._held: list[JSON] | None = None
        self._repeated: list[JSON] = []
        self._polls = 0
        self._allowed: frozenset[str] | None = None  # None: all but the unusual ones
        self._last_error: JSON = {}
        self.pending: list[JSON] = []
        self.webhook: _Webhook | None = None
        self.answers: list[WebhookAnswer] = []

    async def push(self, kind: str, body: JSON) -> int:
        update_id = next(self._ids)
        self._all[update_id] = {"update_id": update_id, kind: body}
        if self._is_wanted(kind):
            (self.pending if self._held is None else self._held).append(self._all[update_id])
            await self._telegram.announce()
        return update_id

    def _is_wanted(self, kind: str) -> bool:
        return kind not in UNUSUAL_UPDATES if self._allowed is None else kind in self._allowed

    async def repeat(self, update_id: int) -> None:
        # An offset would drop an old update from the queue, so polling gets repeats from beside it.
        (self.pending if self.webhook else self._repeated).append(self._all[update_id])
        await self._telegram.announce()

    def hold(self) -> None:
        self._held = []

    async def release(self) -> None:
        held, self._held = self._held or [], None
        self.pending.extend(reversed(held))
        await self._telegram.announce()

    def allow(self, kinds: list[str] | None) -> None:
        """Remember what the bot wants: None leaves it as it was, an empty list is the default."""
        if kinds is not None:
            self._allowed = frozenset(kinds) or None

    async def poll(self, offset: int, limit: int, timeout_s: int) -> list[JSON]:
        if self.webhook is not None:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._polls += 1
        mine = self._polls
        self._confirm(offset)
        await self._telegram.announce()
        with suppress(AssertionError):
            await self._telegram.until(lambda: self._ready or self._polls != mine, timeout_s, "updates")
        if self._polls != mine:
            raise Refused(
                409, "Conflict: terminated by other getUpdates request; is another instance running?"
            )
        repeated, self._repeated = self._repeated, []
        return repeated + sorted(self.pending, key=lambda update: update["update_id"])[:limit]

    @property
    def _ready(self) -> bool:
        return bool(self.pending or self._repeated or self._telegram.is_closing)

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self.pending = self.pending[offset:]
        self.pending = [update for update in self.pending if update["update_id"] >= offset]

    async def set_webhook(self, webhook: _Webhook | None, *, drop_pending: bool) -> None:
        self.webhook = webhook
        self._last_error = {}
        if drop_pending:
            self.pending = []

    def webhook_info(self) -> JSON:
        info: JSON = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
            **self._last_error,
        }
        if self.webhook:
            info["max_connections"] = self.webhook.max_connections
        if self._allowed is not None:
            info["allowed_updates"] = sorted(self._allowed)
        return info

    async def pump(self) -> None:
        """Offer updates to the webhook one by one, for as long as there is a webhook."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                await self._telegram.until(lambda: bool(self.webhook and self.pending), None, "an update")
                await self._offer(session, self.pending[0])

    async def _offer(self, session: aiohttp.ClientSession, update: JSON) -> None:
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._retry_s)
            webhook = self.webhook
            if webhook is None or update not in self.pending:
                return
            answer = await _post(session, webhook, update)
            self.answers.append(answer)
            if answer.status is not None and 200 <= answer.status < 300:
                await self._obey(answer.body)
                break
            self._last_error = {
                "last_error_date": self._telegram.unix_time(),
                "last_error_message": f"Wrong response from the webhook: {answer.status or 'no answer'}",
            }
        if update in self.pending:
            self.pending.remove(update)
        await self._telegram.announce()

    async def _obey(self, body: bytes) -> None:
        with suppress(ValueError):
            params = json.loads(body)
            if isinstance(params, dict) and isinstance(method := params.pop("method", None), str):
                await self._telegram.obey(method, params)


async def _post(session: aiohttp.ClientSession, webhook: _Webhook, update: JSON) -> WebhookAnswer:
    headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret_token} if webhook.secret_token else {}
    try:
        async with session.post(webhook.url, json=update, headers=headers, allow_redirects=False) as response:
            return WebhookAnswer(update["update_id"], response.status, await response.read())
    except (aiohttp.ClientError, TimeoutError):
        return WebhookAnswer(update["update_id"], None, b"")


class _Methods:
    """The Bot API, each method under its name in Python's spelling. aiogram has judged the parameters."""

    def __init__(self, telegram: FakeTelegram, updates: _Updates) -> None:
        self._telegram = telegram
        self._updates = updates

    def find(self, method: str) -> Callable[[JSON], typing.Awaitable[object]] | None:
        if not re.fullmatch(r"[a-z][A-Za-z]+", method) or method == "find":
            return None
        found = getattr(self, re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", method), None)
        return typing.cast("Callable[[JSON], typing.Awaitable[object]] | None", found)

    async def get_me(self, params: JSON) -> JSON:
        rights = {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        return {**self._telegram.bot_user, **rights}

    async def get_updates(self, params: JSON) -> list[JSON]:
        self._updates.allow(params.get("allowed_updates"))
        limit = min(max(params.get("limit", 100), 1), 100)
        return await self._updates.poll(params.get("offset", 0), limit, min(params.get("timeout", 0), 50))

    async def set_webhook(self, params: JSON) -> bool:
        url, secret = params["url"].strip(), params.get("secret_token")
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad("secret token contains unallowed characters")
        if not 1 <= params.get("max_connections", 40) <= 100:
            raise bad("max_connections must be 1 to 100")
        if url:
            _check_webhook_url(url)
        self._updates.allow(params.get("allowed_updates"))
        webhook = _Webhook(url, secret, params.get("max_connections", 40)) if url else None
        await self._updates.set_webhook(webhook, drop_pending=params.get("drop_pending_updates", False))
        return True

    async def delete_webhook(self, params: JSON) -> bool:
        await self._updates.set_webhook(None, drop_pending=params.get("drop_pending_updates", False))
        return True

    async def get_webhook_info(self, params: JSON) -> JSON:
        return self._updates.webhook_info()

    async def set_my_commands(self, params: JSON) -> bool:
        commands = [(entry["command"], entry["description"].strip()) for entry in params["commands"]]
        if len(commands) > MAX_COMMANDS:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for name, description in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= _units(description) <= MAX_COMMAND_DESCRIPTION:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self._telegram.commands[self._scope(params), _language(params)] = commands
        return True

    async def delete_my_commands(self, params: JSON) -> bool:
        self._telegram.commands.pop((self._scope(params), _language(params)), None)
        return True

    async def get_my_commands(self, params: JSON) -> list[JSON]:
        found = self._telegram.commands.get((self._scope(params), _language(params)), [])
        return [{"command": command, "description": description} for command, description in found]

    def _scope(self, params: JSON) -> str:
        scope = params.get("scope") or {"type": "default"}
        if "chat_id" not in scope:
            return str(scope["type"])
        if self._telegram.find_chat(scope["chat_id"]) is None:
            raise bad("chat not found")
        return f"{scope['type']}:{scope['chat_id']}"

    async def set_my_name(self, params: JSON) -> bool:
        return _put(self._telegram.names, params, "name", MAX_NAME)

    async def set_my_description(self, params: JSON) -> bool:
        return _put(self._telegram.descriptions, params, "description", MAX_DESCRIPTION)

    async def set_my_short_description(self, params: JSON) -> bool:
        return _put(self._telegram.short_descriptions, params, "short_description", MAX_SHORT_DESCRIPTION)

    async def send_message(self, params: JSON) -> JSON:
        return self._send(params, _text(params))

    async def send_voice(self, params: JSON) -> JSON:
        voice, upload = self._file("voice", params)
        if upload and (not _sounds(upload.content) or len(upload.content) > MAX_VOICE_BYTES):
            return self._send(
                params, {"document": {**voice, "file_name": upload.filename}, **_caption(params)}
            )
        about = {"mime_type": upload.mime_type} if upload and upload.mime_type else {}
        return self._send(
            params, {"voice": {**voice, **about, "duration": params.get("duration", 0)}, **_caption(params)}
        )

    async def send_photo(self, params: JSON) -> JSON:
        photo, _ = self._file("photo", params)
        return self._send(params, {"photo": [{**photo, "width": 90, "height": 90}], **_caption(params)})

    async def send_document(self, params: JSON) -> JSON:
        document, upload = self._file("document", params)
        about: JSON = {"file_name": upload.filename} if upload else {}
        if upload and upload.mime_type:
            about["mime_type"] = upload.mime_type
        return self._send(params, {"document": {**document, **about}, **_caption(params)})

    async def send_location(self, params: JSON) -> JSON:
        return self._send(params, {"location": _place(params)})

    async def send_venue(self, params: JSON) -> JSON:
        place = _place(params)
        title, address = params["title"].strip(), params["address"].strip()
        if not title or not address:
            raise bad("VENUE_TITLE_EMPTY" if address else "VENUE_ADDRESS_EMPTY")
        return self._send(
            params, {"venue": {"location": place, "title": title, "address": address}, "location": place}
        )

    async def send_chat_action(self, params: JSON) -> bool:
        from aiogram.enums import ChatAction

        self._chat(params)
        if params["action"] not in set(ChatAction):
            raise bad("wrong parameter action in request")
        return True

    def _chat(self, params: JSON) -> _Chat:
        chat = self._telegram.find_chat(params.get("chat_id"))
        if chat is None:
            raise bad("chat not found" if params.get("chat_id") else "chat_id is empty")
        if chat.is_blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if not chat.has_started:
            raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
        return chat

    def _send(self, params: JSON, content: JSON) -> JSON:
        chat = self._chat(params)
        markup = _markup(params, chat)
        extra: JSON = {}
        if (target := _reply_target(params, chat)) is not None:
            extra["reply_to_message"] = target.raw
        if params.get("protect_content"):
            extra["has_protected_content"] = True
        if markup and "inline_keyboard" in markup:
            extra["reply_markup"] = markup
        message = self._telegram.new_message(chat, self._telegram.bot_user, {**content, **extra})
        chat.keep(_Kept(message, from_bot=True, markup=markup))
        return message

    def _file(self, kind: str, params: JSON) -> tuple[JSON, Upload | None]:
        """Return what the message says of a file and, if it was uploaded now or before, the file."""
        given = params[kind]
        if isinstance(given, Upload):
            if len(given.content) > (MAX_PHOTO_BYTES if kind == "photo" else MAX_UPLOAD_BYTES):
                raise Refused(413, "Request Entity Too Large")
            if not given.content:
                raise bad("file must be non-empty")
            return self._telegram.keep_file(kind, given), given
        if found := self._telegram.find_file(given):
            if found[0] != kind:
                raise bad(f"can't use file of type {found[0]} as {kind}")
            return _about_file(given, found[1]), found[1]
        if urlsplit(given).scheme not in ("http", "https"):
            raise bad("wrong file identifier/HTTP URL specified")
        return self._telegram.keep_file(kind, Upload(given.rpartition("/")[2], b"")), None

    async def edit_message_text(self, params: JSON) -> JSON:
        chat, message = self._editable(params)
        content = _text(params)
        if "text" not in message.raw:
            raise bad("there is no text in the message to edit")
        return self._edit(chat, message, {"entities": None, **content}, _markup(params, chat))

    async def edit_message_reply_markup(self, params: JSON) -> JSON:
        chat, message = self._editable(params)
        return self._edit(chat, message, {}, _markup(params, chat))

    def _editable(self, params: JSON) -> tuple[_Chat, _Kept]:
        if params.get("message_id") is None:
            raise bad("message identifier is not specified")
        chat = self._chat(params)
        message = chat.messages.get(params["message_id"])
        if message is None:
            raise bad("message to edit not found")
        if not message.from_bot or (message.markup and "inline_keyboard" not in message.markup):
            raise bad("message can't be edited")
        return chat, message

    def _edit(self, chat: _Chat, message: _Kept, content: JSON, markup: JSON | None) -> JSON:
        """Put new content and keyboard in place of the old; None removes."""
        wanted = {**message.raw, **content, "reply_markup": markup}
        edited = {name: value for name, value in wanted.items() if value is not None}
        unchanged = {name: value for name, value in edited.items() if name != "edit_date"}
        if unchanged == {name: value for name, value in message.raw.items() if name != "edit_date"}:
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        message.raw = {**edited, "edit_date": self._telegram.unix_time()}
        message.markup = markup
        message.edits += 1
        chat.tell(message)
        return message.raw

    async def delete_message(self, params: JSON) -> bool:
        chat = self._chat(params)
        if chat.messages.pop(params["message_id"], None) is None:
            raise bad("message to delete not found")
        return True

    async def answer_callback_query(self, params: JSON) -> bool:
        tap = self._telegram.find_tap(params["callback_query_id"])
        if tap is None or tap.is_late or tap.notice is not None:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        text = params.get("text") or ""
        if _units(text) > MAX_NOTICE:
            raise bad("MESSAGE_TOO_LONG")
        tap.notice, tap.is_alert = text, params.get("show_alert", False)
        return True

    async def get_file(self, params: JSON) -> JSON:
        found = self._telegram.find_file(params["file_id"])
        if found is None:
            raise bad("invalid file_id")
        if len(found[1].content) > MAX_DOWNLOAD_BYTES:
            raise bad("file is too big")
        return {**_about_file(params["file_id"], found[1]), "file_path": f"{found[0]}/{params['file_id']}"}


def _sounds(content: bytes) -> bool:
    """Whether Telegram makes a voice message of it (OGG, MP3, M4A), and not a document."""
    return content.startswith((b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3")) or content[4:8] == b"ftyp"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _text(params: JSON) -> JSON:
    text = (params.get("text") or "").strip()
    if not text:
        raise bad("message text is empty")
    if _units(text) > MAX_TEXT:
        raise bad("message is too long")
    return {"text": text, **_entities(params, "entities")}


def _caption(params: JSON) -> JSON:
    caption = (params.get("caption") or "").strip()
    if _units(caption) > MAX_CAPTION:
        raise bad("message caption is too long")
    return {"caption": caption, **_entities(params, "caption_entities")} if caption else {}


def _entities(params: JSON, name: str) -> JSON:
    if params.get("parse_mode"):
        raise bad(f"can't parse entities: this server reads no markup, send {name} instead")
    return {name: params[name]} if params.get(name) else {}


def _place(params: JSON) -> JSON:
    latitude, longitude = params["latitude"], params["longitude"]
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad("wrong latitude or longitude specified")
    return {"latitude": latitude, "longitude": longitude}


def _language(params: JSON) -> str:
    code = params.get("language_code") or ""
    if not re.fullmatch(r"([a-z]{2})?", code):
        raise bad("invalid language code specified: two letters of ISO 639-1")
    return str(code)


def _put(texts: dict[str, str], params: JSON, name: str, most: int) -> bool:
    text = params.get(name) or ""
    if _units(text) > most:
        raise bad(f"{name} is too long")
    texts[_language(params)] = text
    return True


def _reply_target(params: JSON, chat: _Chat) -> _Kept | None:
    wanted = params.get("reply_parameters")
    if not wanted:
        return None
    target = chat.messages.get(wanted["message_id"])
    if target is None and not wanted.get("allow_sending_without_reply"):
        raise bad("message to be replied not found")
    return target


def _check_webhook_url(url: str) -> None:
    parts = urlsplit(url)
    # Telegram itself takes neither http nor a loopback address, tests have nothing else.
    if parts.hostname in ("127.0.0.1", "localhost") and parts.scheme == "http":
        return
    if parts.scheme != "https" or not parts.hostname:
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in WEBHOOK_PORTS:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def _markup(params: JSON, chat: _Chat) -> JSON | None:
    """Return the keyboard to show or remove, None for none."""
    markup = params.get("reply_markup")
    if not markup:
        return None
    if "inline_keyboard" in markup:
        _check_size(markup["inline_keyboard"])
        for button in _flat(markup["inline_keyboard"]):
            _check_inline(button)
        return dict(markup) if _flat(markup["inline_keyboard"]) else None
    if "keyboard" in markup:
        for button in _flat(markup["keyboard"]):
            _check_key(button, chat)
        if not _flat(markup["keyboard"]):
            raise bad("reply keyboard has no buttons")
    return dict(markup)


def _flat(rows: list[list[JSON]]) -> list[JSON]:
    return [button for row in rows for button in row]


def _check_size(rows: list[list[JSON]]) -> None:
    if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_BUTTONS_IN_ROW for row in rows):
        raise bad("reply markup is too long")


def _check_inline(button: JSON) -> None:
    _check_label(button)
    actions = {name for name in button.keys() - BUTTON_LOOKS if button[name] is not None}
    if not actions:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad(f"can't parse inline keyboard button: it has {len(actions)} actions")
    if "callback_data" in actions and not 1 <= len(button["callback_data"].encode()) <= MAX_CALLBACK_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in actions and urlsplit(button["url"]).scheme not in ("http", "https", "tg"):
        raise bad("BUTTON_URL_INVALID")


def _check_key(button: JSON, chat: _Chat) -> None:
    _check_label(button)
    requests = {name for name in button.keys() - BUTTON_LOOKS if button[name]}
    if len(requests) > 1:
        raise bad("can't parse keyboard button: it has more than one request")
    if requests and not chat.is_private:
        wanted = "phone number" if requests == {"request_contact"} else "location"
        raise bad(f"{wanted} can be requested in private chats only")


def _check_label(button: JSON) -> None:
    if not button["text"].strip():
        raise bad("can't parse keyboard button: Button text must be non-empty")


@functools.cache
def _model(method: str) -> Any:
    """aiogram's class for a method, None when it knows none."""
    import aiogram.methods

    return getattr(aiogram.methods, method[:1].upper() + method[1:], None)


def _is_text(annotation: Any) -> bool:
    from aiogram.client.default import Default

    kinds = set(typing.get_args(annotation)) or {annotation}
    return kinds - {NoneType, Default} == {str}


def _judge(method: str, model: Any, params: JSON) -> None:
    """Raises Refused for what aiogram's models do not take, unknown fields in keyboards included."""
    from aiogram.types import BufferedInputFile

    files = {
        name: BufferedInputFile(value.content, value.filename)
        for name, value in params.items()
        if isinstance(value, Upload)
    }
    _judge_fields(f"method {method}", model, {**params, **files})
    if "reply_markup" in params:
        _judge_markup(params["reply_markup"])


def _judge_markup(markup: JSON) -> None:
    # By its kind, since aiogram takes any object at all for a ReplyKeyboardRemove.
    from aiogram import types

    if "inline_keyboard" in markup:
        _judge_fields("an inline keyboard", types.InlineKeyboardMarkup, markup)
        for button in _flat(markup["inline_keyboard"]):
            _judge_fields("a button of an inline keyboard", types.InlineKeyboardButton, button)
    elif "keyboard" in markup:
        _judge_fields("a reply keyboard", types.ReplyKeyboardMarkup, markup)
        for button in _flat(markup["keyboard"]):
            _judge_fields("a button of a reply keyboard", types.KeyboardButton, button)
    elif "force_reply" in markup:
        _judge_fields("a forced reply", types.ForceReply, markup)
    elif "remove_keyboard" in markup:
        _judge_fields("a removed keyboard", types.ReplyKeyboardRemove, markup)
    else:
        raise bad("object expected as reply markup")


def _judge_fields(what: str, model: Any, given: JSON) -> None:
    from pydantic import ValidationError

    if unknown := given.keys() - model.model_fields.keys():
        raise bad(f"{what} has no field {', '.join(sorted(unknown))}")
    try:
        model.model_validate(given)
    except ValidationError as error:
        faults = {f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()}
        raise bad("; ".join(sorted(faults))) from None


async def _params(request: web.Request, model: Any) -> JSON:
    """Return what query, JSON, form or multipart body say: files as Upload, nulls left out."""
    given: JSON = dict(request.query)
    if request.content_type == "application/json":
        try:
            given |= json.loads(await request.read() or b"{}")
        except (ValueError, TypeError):
            raise bad("can't parse request parameters as JSON Object") from None
    else:
        given |= _with_files((await request.post()).items())
    return {name: _decoded(model, name, value) for name, value in given.items() if value is not None}


def _with_files(fields: Iterable[tuple[str, str | bytes | bytearray | web.FileField]]) -> JSON:
    """Put each attached file in place of the field that points at it."""
    plain: JSON = {}
    files: dict[str, Upload] = {}
    for name, value in fields:
        if isinstance(value, web.FileField):
            files[name] = Upload(value.filename, value.file.read(), value.content_type)
        else:
            plain[name] = value
    for name, value in plain.items():
        if value.startswith("attach://"):
            plain[name] = files.pop(value.removeprefix("attach://"), value)
    return plain | files


def _decoded(model: Any, name: str, value: object) -> object:
    """A form gives everything as text: read what isn't meant as text as JSON."""
    known = model and model.model_fields.get(name)
    if isinstance(value, str) and known and not _is_text(known.annotation):
        with suppress(ValueError):
            return json.loads(value)
    return value


def _add_control(app: web.Application, telegram: FakeTelegram) -> None:
    def person(asked: typing.Mapping[str, Any]) -> Person:
        user_id = int(asked.get("user_id", 1))
        name, language = asked.get("first_name", "Brahim"), asked.get("language_code", "fr")
        return telegram.find_person(user_id) or telegram.user(user_id, name, language)

    async def say(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        return web.json_response({"update_id": await person(asked).says(asked["text"])})

    async def tap(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        try:
            tapped = await person(asked).taps(asked["label"])
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response({"update_id": tapped.update_id, "callback_id": tapped.callback_id})

    async def messages(request: web.Request) -> web.Response:
        return web.json_response([_plain(shown) for shown in person(request.query).chat])

    app.router.add_post("/control/say", say)
    app.router.add_post("/control/tap", tap)
    app.router.add_get("/control/messages", messages)


def _plain(shown: Shown) -> JSON:
    return {
        "message_id": shown.message_id,
        "from": "bot" if shown.from_bot else "person",
        "kind": shown.kind,
        "text": shown.text,
        "buttons": [[button.text for button in row] for row in shown.rows],
        "reply_keyboard": [[button.text for button in row] for row in shown.reply_keyboard or ()],
        "edits": shown.edits,
    }


async def _run(port: int, token: str) -> None:
    async with FakeTelegram(port=port, token=token) as telegram:
        sys.stdout.write(f"Bot API at {telegram.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A Bot API on 127.0.0.1 for trials by hand.")
    arguments.add_argument("--port", type=int, default=8081)
    arguments.add_argument("--token", default="1:TEST")
    given = arguments.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port, given.token))
