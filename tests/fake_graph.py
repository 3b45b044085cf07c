"""A strict WhatsApp Cloud API on 127.0.0.1, with people to play.

    async with FakeGraph() as graph:
        amina = graph.person("Amina", phone="212600000001")
        await graph.subscribe(f"{service.url}/whatsapp/webhook")
        await amina.says("سلام")
        menu = await amina.next_message()
        await amina.taps("العربية")
        assert graph.refusals == []

The service under test gets `base_url` (with the version), `token`, `phone_number_id`, `business_account_id`,
`app_secret` and `verify_token`. What the Cloud API refuses is refused here, and more: unknown fields
(`graph_bodies.py`). Webhooks carry the signature of their raw bytes, come again until they are answered 200,
and on demand together, twice or in another order.

Limits hold unless switched off: 24 hours after somebody's last message only approved templates reach them;
`pair_burst` messages at once to one person, then one per 6 seconds (None: no limit); `per_second` in and out
together (None: no limit). `tier` is how many people a day may be written to outside the 24 hours.
`tells_later` holds the error codes that come as a failed status after a 200. All go by `now`.
Sources: Cloud API references of 2026-05 and -06, 360dialog's pages on webhooks and business-scoped ids; the
burst of 45 to one person: dualhook.com, capacity and quality limits.

By hand: `python -m tests.fake_graph --webhook http://127.0.0.1:8080/whatsapp/webhook`, then
    curl -d '{"text": "Bonjour"}' http://127.0.0.1:8082/control/say
    curl -d '{"label": "Français"}' http://127.0.0.1:8082/control/tap
    curl http://127.0.0.1:8082/control/messages
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
from aiohttp import web

from tests.graph_bodies import (
    MEDIA,
    TITLES,
    Refused,
    filled_in,
    judge_message,
    judge_receipt,
    judge_template,
    title_of,
)

JSON = dict[str, Any]

VERSION = "v26.0"
WINDOW = timedelta(hours=24)
PAIR_S = 6.0
AUTOMATIC = ("sent", "delivered")
MAX_UPLOAD_BYTES = 100_000_000
# What can be said wrong of a call, other than by the person it is for.
NOT_OWN_FAULTS = frozenset({1, 131000, 131016, 131026, 131049, 131050})
# Media kinds by what their type begins with. Source: Cloud API reference, media, supported types.
MEDIA_TYPES = {"audio": ("audio/",), "image": ("image/jpeg", "image/png"), "video": ("video/",)}
VOICE_TYPE = "audio/ogg; codecs=opus"


@dataclass(frozen=True)
class Call:
    """One request of the service; the body is JSON decoded, or the fields of a form."""

    action: str  # messages, receipt, media, media_info, media_bytes, templates, new_template, number ...
    body: JSON
    received_at_s: float  # time.monotonic()


@dataclass(frozen=True)
class Refusal:
    """A call that was the service's own mistake."""

    action: str
    code: int
    details: str
    body: JSON


@dataclass(frozen=True)
class WebhookAnswer:
    """What the service said to one POST; status None: it did not answer at all."""

    status: int | None
    took_s: float
    items: int  # messages and statuses in it


@dataclass(frozen=True)
class Button:
    """A reply button, a row of a list or a template's quick reply."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True)
class Shown:
    """A message as a person sees it."""

    message_id: str
    from_service: bool
    kind: (
        str  # text, buttons, list, location_request, cta_url, template, image, audio, document, location ...
    )
    text: str  # text, body or caption; "" without
    buttons: tuple[Button, ...]
    list_label: str  # what opens the list, "" without
    raw: JSON  # the body as it was sent, or as it went into the webhook

    @property
    def labels(self) -> list[str]:
        return [button.title for button in self.buttons]


@dataclass(frozen=True)
class MediaFile:
    media_id: str
    mime_type: str
    content: bytes

    def about(self, url: str) -> JSON:
        return {
            "messaging_product": "whatsapp",
            "id": self.media_id,
            "url": url,
            "mime_type": self.mime_type,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "file_size": len(self.content),
        }


@dataclass
class Template:
    """A template as Meta holds it."""

    id: str
    body: JSON
    status: str = "PENDING"
    quality: str = "UNKNOWN"

    @property
    def about(self) -> JSON:
        return {**self.body, "id": self.id, "status": self.status, "quality_score": {"score": self.quality}}


class Person:
    """Somebody with WhatsApp: known by a phone number, by a business-scoped user id, or by both.

    What they do returns the wamid of the message it makes. `is_unreachable`: whatever is sent to them fails.
    """

    def __init__(self, graph: "FakeGraph", name: str, phone: str | None, user_id: str | None) -> None:
        self._graph = graph
        self.name = name
        self.phone = phone
        self.user_id = user_id
        self.is_unreachable = False
        self.wrote_at: datetime | None = None
        self.messages: dict[str, Shown] = {}
        self._told: list[Shown] = []
        self._read = 0
        self._spent = 0.0  # of the burst to this person, in messages
        self._spent_at: datetime | None = None

    @property
    def chat(self) -> list[Shown]:
        """The messages of both sides, oldest first."""
        return list(self.messages.values())

    @property
    def contact(self) -> JSON:
        """What a webhook says of them."""
        ids = {"wa_id": self.phone, "user_id": self.user_id}
        return {"profile": {"name": self.name}, **{key: value for key, value in ids.items() if value}}

    async def next_message(self, timeout_s: float = 5) -> Shown:
        """Wait for the first message of the service after the one returned last."""
        what = f"a message to {self.name}"
        await self._graph.until(lambda: len(self._told) > self._read, timeout_s, what)
        self._read += 1
        return self._told[self._read - 1]

    async def says(self, text: str) -> str:
        return await self._sends("text", {"text": {"body": text}}, text=text)

    async def sends_location(self, lat: float, lon: float) -> str:
        """Share a place, in degrees."""
        return await self._sends("location", {"location": {"latitude": lat, "longitude": lon}})

    async def sends_voice(self, content: bytes = b"OggS") -> str:
        return await self._sends_file("audio", "audio/ogg; codecs=opus", content, voice=True)

    async def sends_photo(self, content: bytes = b"\xff\xd8\xff") -> str:
        return await self._sends_file("image", "image/jpeg", content)

    async def sends_document(self, content: bytes = b"%PDF", filename: str = "papier.pdf") -> str:
        return await self._sends_file("document", "application/pdf", content, filename=filename)

    async def sends_sticker(self) -> str:
        return await self._sends_file("sticker", "image/webp", b"RIFF", animated=False)

    async def sends_contact(self, phone: str) -> str:
        card = {"name": {"formatted_name": self.name, "first_name": self.name}, "phones": [{"phone": phone}]}
        return await self._sends("contacts", {"contacts": [card]})

    async def reacts(self, message_id: str, emoji: str = "👍") -> str:
        return await self._sends("reaction", {"reaction": {"message_id": message_id, "emoji": emoji}})

    async def sends_unsupported(self) -> str:
        """Send something that the Cloud API does not pass on."""
        error = {
            "code": 131051,
            "title": TITLES[131051],
            "message": TITLES[131051],
            "error_data": {"details": "Message type is currently not supported."},
        }
        return await self._sends("unsupported", {"errors": [error]})

    async def sends_unknown(self) -> str:
        """Send a kind that nobody has heard of yet."""
        return await self._sends("hologram", {"hologram": {"depth": 3}})

    async def taps(self, label_or_id: str) -> str:
        """Tap the button or row of that label or id, in the newest message that has it.

        Raises LookupError when no such button is to be seen.
        """
        for shown in reversed(self.messages.values()):
            if shown.from_service and _find(shown.buttons, label_or_id):
                return await self.taps_in(shown.message_id, label_or_id)
        in_sight = [label for shown in self.chat for label in shown.labels]
        raise LookupError(f"no button {label_or_id!r} among {in_sight}")

    async def taps_in(self, message_id: str, label_or_id: str) -> str:
        """Tap a button of one message, however old. Raises LookupError when it has no such button."""
        shown = self.messages.get(message_id)
        button = _find(shown.buttons, label_or_id) if shown else None
        if shown is None or button is None:
            raise LookupError(f"no button {label_or_id!r} in that message")
        context = {"context": {"from": self._graph.display_phone_number, "id": message_id}}
        if shown.kind == "template":
            pressed = {"button": {"payload": button.id, "text": button.title}}
            return await self._sends("button", {**context, **pressed}, text=button.title)
        kind = "list_reply" if shown.kind == "list" else "button_reply"
        reply = {"id": button.id, "title": button.title}
        if button.description:
            reply["description"] = button.description
        content = {"interactive": dict[str, object](type=kind, **{kind: reply})}
        return await self._sends("interactive", {**context, **content}, text=button.title)

    async def reads(self, message_id: str | None = None) -> None:
        """Read one message of the service, or the newest."""
        newest = message_id or next(
            shown.message_id for shown in reversed(self.messages.values()) if shown.from_service
        )
        await self._graph.tell_status(newest, "read")

    async def changes_number(self, phone: str | None, user_id: str | None) -> str:
        """Move to another number; with it comes a new business-scoped id."""
        before = self.phone
        self.phone, self.user_id = phone, user_id
        ids = {"wa_id": phone, "user_id": user_id}
        news = {"body": f"User {self.name} changed number", "type": "user_changed_number"}
        system = {**news, **{key: value for key, value in ids.items() if value}}
        message = self._graph.new_inbound("system", {"system": system})
        # Source: system messages webhook reference, 2026-05: no contacts, and from the number that was.
        await self._graph.push(
            "messages", {"messages": [{**message, **({"from": before} if before else {})}]}
        )
        return str(message["id"])

    def receives(self, shown: Shown) -> None:
        self.messages[shown.message_id] = shown
        self._told.append(shown)

    def has_window(self, now: datetime) -> bool:
        """Whether free text may be sent to them."""
        return self.wrote_at is not None and now - self.wrote_at < WINDOW

    def spends(self, now: datetime, burst: int) -> bool:
        """Count one message to them; False when it would be one too many."""
        if self._spent_at is not None:
            gone_s = (now - self._spent_at).total_seconds()
            self._spent = max(0.0, self._spent - gone_s / PAIR_S)
        self._spent_at = now
        if self._spent + 1 > burst:
            return False
        self._spent += 1
        return True

    async def _sends_file(self, kind: str, mime_type: str, content: bytes, **more: object) -> str:
        kept = self._graph.keep_media(mime_type, content)
        sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
        about = {"id": kept.media_id, "mime_type": mime_type, "sha256": sha256, **more}
        return await self._sends(kind, {kind: about})

    async def _sends(self, kind: str, content: JSON, *, text: str = "") -> str:
        ids = {"from": self.phone, "from_user_id": self.user_id}
        message = self._graph.new_inbound(kind, content)
        message = {**{key: value for key, value in ids.items() if value}, **message}
        self.wrote_at = self._graph.now()
        self.messages[message["id"]] = Shown(message["id"], False, kind, text, (), "", message)
        await self._graph.push("messages", {"contacts": [self.contact], "messages": [message]})
        return str(message["id"])


def _find(buttons: Iterable[Button], label_or_id: str) -> Button | None:
    return next((button for button in buttons if label_or_id in (button.title, button.id)), None)


@dataclass(frozen=True)
class _Fault:
    kind: Literal["fail", "hang", "reset"]
    accepted: bool = False
    refusal: Refused | None = None


@dataclass(frozen=True)
class _Sent:
    """A message that was accepted, and who it is for (None: nobody on WhatsApp has that number)."""

    message_id: str
    person: Person | None
    recipient_id: str
    category: str
    sent_at: datetime
    callback_data: str | None


class FakeGraph:
    """The server, its people, and what the service did to it.

    `automatic` are the statuses that follow each accepted message by themselves. A POST is tried
    `webhook_attempts` times, `webhook_retry_s` apart, until it is answered 200, then dropped.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "EAAtest_token_of_nobody",  # noqa: S107 (it opens nothing)
        phone_number_id: str = "106540352242922",
        business_account_id: str = "102290129340398",
        app_secret: str = "0123456789abcdef0123456789abcdef",  # noqa: S107 (so does this)
        verify_token: str = "a-word-of-ours",  # noqa: S107 (and this)
        automatic: Sequence[str] = AUTOMATIC,
        per_second: int | None = 80,
        pair_burst: int | None = 45,
        tier: int | None = None,
        webhook_attempts: int = 5,
        webhook_retry_s: float = 0.05,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.token = token
        self.phone_number_id = phone_number_id
        self.business_account_id = business_account_id
        self.app_secret = app_secret
        self.verify_token = verify_token
        self.display_phone_number = "212520000000"
        self.automatic = automatic
        self.per_second = per_second
        self.pair_burst = pair_burst
        self.tier = tier
        # What the platform calls it; None: it does not say.
        self.tier_name: str | None = "TIER_250" if tier is None else f"TIER_{tier}"
        self.tells_later = {131026}
        self.latency_s = 0.0
        self.bills_service = True
        self.now = now
        self.calls: list[Call] = []
        self.refusals: list[Refusal] = []
        self.people: list[Person] = []
        self.templates: dict[tuple[str, str], Template] = {}  # by name and language
        self.media: dict[str, MediaFile] = {}
        self.read_by_service: list[str] = []
        self._port = port
        self._news = asyncio.Condition()
        self._closing = False
        self._webhook = _Webhook(self, webhook_attempts, webhook_retry_s)
        self._faults: dict[str, deque[_Fault]] = {}
        self._sent: dict[str, _Sent] = {}
        self._passed: deque[datetime] = deque()  # messages of the last second
        self._reached: dict[str, datetime] = {}  # outside the 24 hours, by who it was
        self._following: set[asyncio.Task[None]] = set()
        self._numbers = count(1)

    @property
    def base_url(self) -> str:
        """The setting WHATSAPP_API_URL of the service."""
        return f"{self.host_url}/{VERSION}"

    @property
    def host_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_UPLOAD_BYTES)
        _Api(self).add_to(app)
        _add_control(app, self)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._webhook.pump())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        await self.announce()
        ending = [self._pump, *self._following]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._runner.cleanup()

    # People

    def person(self, name: str = "Amina", *, phone: str | None = None, user_id: str | None = None) -> Person:
        """Somebody new: with the ids that are given, or with both."""
        if phone is None and user_id is None:
            at = next(self._numbers)
            phone, user_id = f"2126{at:08}", f"MA.{at:020}"
        if self.find(phone) or self.find(user_id):
            raise ValueError("they are there already")
        person = Person(self, name, phone, user_id)
        self.people.append(person)
        return person

    def find(self, external_id: str | None) -> Person | None:
        """Return who has a number or a business-scoped id."""
        if external_id is None:
            return None
        return next((each for each in self.people if external_id in (each.phone, each.user_id)), None)

    # Webhooks

    async def subscribe(self, url: str) -> None:
        """Verify a webhook as Meta does, and deliver to it from now on.

        Raises Refused when it does not echo the challenge.
        """
        await self._webhook.subscribe(url)

    async def push(self, what: str, value: JSON) -> None:
        """Tell the service of something: `what` is the field that it subscribed to."""
        if what == "messages":
            value = {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": self.display_phone_number,
                    "phone_number_id": self.phone_number_id,
                },
                **value,
            }
            # Source: throughput, 2026-05: 80 messages a second, in and out together.
            self._passed.extend([self.now()] * len(value.get("messages", ())))
        await self._webhook.push({"field": what, "value": value})

    async def post(self, body: bytes, signature: str | None = None) -> int:
        """POST bytes to the webhook, signed rightly unless a signature is given; return the status."""
        return await self._webhook.post_raw(body, self.sign(body) if signature is None else signature)

    def sign(self, body: bytes) -> str:
        """Return the header X-Hub-Signature-256 of a body."""
        return "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Put all that happens meanwhile into one POST: one entry, a change each."""
        self._webhook.hold()
        yield
        await self._webhook.release(together=True)

    @asynccontextmanager
    async def in_one_change(self) -> AsyncIterator[None]:
        """Put all messages and statuses of meanwhile into one change of one POST."""
        self._webhook.hold()
        yield
        await self._webhook.release(together=True, merged=True)

    @asynccontextmanager
    async def out_of_order(self) -> AsyncIterator[None]:
        """Hold back what happens meanwhile, then send it newest first."""
        self._webhook.hold()
        yield
        await self._webhook.release(backwards=True)

    async def deliver_again(self, message_id: str) -> None:
        """Send once more whatever told the service of this message, as Meta does when it is not sure."""
        await self._webhook.repeat(message_id)

    async def drained(self, timeout_s: float = 5) -> None:
        """Wait until the service has answered 200 to everything, or it was given up."""
        await self.until(lambda: self._webhook.is_idle, timeout_s, "all webhooks to be answered")

    @property
    def webhook_answers(self) -> list[WebhookAnswer]:
        return self._webhook.answers

    # Statuses

    async def tell_status(self, message_id: str, status: str, code: int | None = None) -> None:
        """Tell the service what became of a message; failed with an error code."""
        sent = self._sent[message_id]
        told: JSON = {
            "id": message_id,
            "status": status,
            "timestamp": self.timestamp(),
            "recipient_id": sent.recipient_id,
        }
        if sent.person and sent.person.user_id:
            told["recipient_user_id"] = sent.person.user_id
        if sent.callback_data is not None:
            told["biz_opaque_callback_data"] = sent.callback_data
        if status == "failed":
            told["errors"] = [_status_error(code or 131000)]
            await self.push("messages", {"statuses": [told]})
            return
        told |= self._priced(sent, status)
        contacts = {"contacts": [sent.person.contact]} if sent.person else {}
        await self.push("messages", {**contacts, "statuses": [told]})

    def _priced(self, sent: _Sent, status: str) -> JSON:
        origin: JSON = {"id": hashlib.md5(sent.recipient_id.encode(), usedforsecurity=False).hexdigest()}
        if status == "sent":
            origin["expiration_timestamp"] = str(int((sent.sent_at + WINDOW).timestamp()))
        billable = sent.category != "service" or self.bills_service
        return {
            "conversation": {**origin, "origin": {"type": sent.category}},
            "pricing": {
                "billable": billable,
                "pricing_model": "PMP",
                "type": "regular" if billable else "free_customer_service",
                "category": sent.category,
            },
        }

    # Templates

    def add_template(self, body: JSON, status: str = "APPROVED") -> Template:
        """Keep a template as if it had been made before. Raises Refused when it isn't one."""
        judge_template(body)
        template = Template(str(1_600_000_000_000_000 + next(self._numbers)), dict(body), status)
        self.templates[body["name"], body["language"]] = template
        return template

    async def set_template_status(
        self, name: str, language: str, status: str, *, reason: str = "NONE"
    ) -> None:
        """Approve, reject, pause, disable a template, and tell the service."""
        template = self.templates[name, language]
        template.status = status
        about = _about_template(template)
        await self.push("message_template_status_update", {"event": status, **about, "reason": reason})

    async def set_template_category(self, name: str, language: str, category: str) -> None:
        """Put a template into another category, as Meta does, and tell the service."""
        template = self.templates[name, language]
        before, template.body["category"] = template.body["category"], category
        change = {"previous_category": before, "new_category": category}
        await self.push("template_category_update", {**_about_template(template), **change})

    async def set_template_quality(self, name: str, language: str, quality: str) -> None:
        template = self.templates[name, language]
        before, template.quality = template.quality, quality
        change = {"previous_quality_score": before, "new_quality_score": quality}
        await self.push("message_template_quality_update", {**_about_template(template), **change})

    # Faults

    def fail_next(self, action: str = "messages", code: int = 131000, *, status: int | None = None) -> None:
        """Refuse the next call of a kind, undone. Faults wait in line."""
        told = 500 if code in (1, 131000, 131016) else 401 if code == 190 else 400
        self._add_fault(action, _Fault("fail", refusal=Refused(code, "a bad day", status=status or told)))

    def hang_next(self, action: str = "messages", *, accepted: bool = False) -> None:
        """Never answer the next call, be it done (accepted) or not."""
        self._add_fault(action, _Fault("hang", accepted))

    def accept_then_reset_next(self, action: str = "messages") -> None:
        """Do the next call, then reset the connection instead of answering."""
        self._add_fault(action, _Fault("reset", accepted=True))

    def _add_fault(self, action: str, fault: _Fault) -> None:
        self._faults.setdefault(action, deque()).append(fault)

    def next_fault(self, action: str) -> _Fault | None:
        waiting = self._faults.get(action)
        return waiting.popleft() if waiting else None

    # What was called

    def calls_of(self, action: str) -> list[Call]:
        return [call for call in self.calls if call.action == action]

    async def called(self, action: str, times: int = 1, timeout_s: float = 5) -> Call:
        """Wait until a kind of call has come that many times in all, and return the newest."""
        await self.until(lambda: len(self.calls_of(action)) >= times, timeout_s, f"{times} calls of {action}")
        return self.calls_of(action)[-1]

    async def until(self, claim: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """Wait for a claim about this server to hold. Raises AssertionError when it doesn't in time."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(claim)
        except TimeoutError:
            refusals = [f"{each.action}: {each.code} {each.details}" for each in self.refusals]
            raise AssertionError(f"waited {timeout_s} s for {what}; refusals: {refusals}") from None

    async def announce(self) -> None:
        """Let everyone who waits look again."""
        async with self._news:
            self._news.notify_all()

    @property
    def is_closing(self) -> bool:
        return self._closing

    async def note(self, call: Call) -> None:
        self.calls.append(call)
        await self.announce()

    def follow(self, work: Awaitable[None]) -> None:
        """Do what follows an answer, whether or not anybody waits for that any more."""
        task = asyncio.ensure_future(work)
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    # Sending

    def accept(self, body: JSON) -> tuple[JSON, Callable[[], Awaitable[None]]]:
        """Take a message for somebody; return the answer, and what follows it. Raises Refused."""
        judge_message(body)
        external_id = str(body.get("to") or body["recipient"]).lstrip("+")
        person = self.find(external_id)
        kind = body["type"]
        self._check_references(body)
        self._check_pace(person)
        shown, category = self._render(body)
        sent = _Sent(
            self.new_wamid(external_id),
            person,
            external_id,
            category,
            self.now(),
            body.get("biz_opaque_callback_data"),
        )
        if code := self._obstacle(person, external_id, kind, category):
            if code not in self.tells_later:
                raise Refused(code, title_of(code))
        elif person is not None:
            person.receives(Shown(sent.message_id, True, *shown, raw=body))
        self._sent[sent.message_id] = sent
        follows = [("failed", code)] if code else [(status, None) for status in self.automatic]

        async def tell() -> None:
            for status, reason in follows:
                await self.tell_status(sent.message_id, status, reason)

        return self._answer(body, sent), tell

    def _answer(self, body: JSON, sent: _Sent) -> JSON:
        asked = body.get("to") or body["recipient"]
        known = {"wa_id": sent.recipient_id} if body.get("to") else {"user_id": sent.recipient_id}
        status = {"message_status": "accepted"} if body["type"] == "template" else {}
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": asked, **known}],
            "messages": [{"id": sent.message_id, **status}],
        }

    def _check_references(self, body: JSON) -> None:
        content = body[body["type"]]
        if body["type"] in MEDIA and "id" in content:
            self._check_media(body["type"], content)
        header = content.get("header", {}) if isinstance(content, dict) else {}
        for kind in MEDIA & header.keys():
            self._check_media(kind, header[kind])
        answered = body.get("context", {}).get("message_id")
        reacted = content.get("message_id") if body["type"] == "reaction" else None
        for message_id in (answered, reacted):
            if message_id is not None and not self.knows(message_id):
                raise Refused(131009, "that message is unknown")

    def _check_media(self, kind: str, content: JSON) -> None:
        kept = self.media.get(content.get("id", ""))
        if "id" in content and kept is None:
            raise Refused(131009, f"{kind}.id: no such media")
        if kept is None:
            return
        if not kept.mime_type.startswith(MEDIA_TYPES.get(kind, ("",))):
            raise Refused(131053, f"{kept.mime_type} is not to be sent as {kind}")
        if content.get("voice") and kept.mime_type != VOICE_TYPE:
            raise Refused(131053, "a voice message is OGG with OPUS")

    def knows(self, message_id: str) -> bool:
        return message_id in self._sent or any(message_id in person.messages for person in self.people)

    def _check_pace(self, person: Person | None) -> None:
        now = self.now()
        while self._passed and now - self._passed[0] >= timedelta(seconds=1):
            self._passed.popleft()
        if self.per_second is not None and len(self._passed) >= self.per_second:
            raise Refused(130429, "Cloud API message throughput has been reached.")
        if person is not None and self.pair_burst is not None and not person.spends(now, self.pair_burst):
            raise Refused(131056, "Too many messages sent from this phone number to the same person.")
        self._passed.append(now)

    def _obstacle(self, person: Person | None, external_id: str, kind: str, category: str) -> int | None:
        """Return why the message can't be had, None when it can."""
        if person is None or person.is_unreachable:
            return 131026
        if person.has_window(self.now()):
            return None
        if kind != "template":
            return 131047
        if category == "authentication" and external_id == person.user_id:
            return 131062
        return self._beyond_tier(person)

    def _beyond_tier(self, person: Person) -> int | None:
        now = self.now()
        self._reached = {who: at for who, at in self._reached.items() if now - at < WINDOW}
        who = person.user_id or person.phone or ""
        if self.tier is not None and who not in self._reached and len(self._reached) >= self.tier:
            return 131064
        self._reached.setdefault(who, now)
        return None

    def _render(self, body: JSON) -> tuple["Look", str]:
        """Return kind, text, buttons and list label as a person sees them, and the category it costs."""
        kind, content = body["type"], body[body["type"]]
        match kind:
            case "text":
                return ("text", content["body"], (), ""), "service"
            case "interactive":
                return _interactive(content), "service"
            case "template":
                template = self._approved(content)
                text, replies = filled_in(template.body, content)
                buttons = tuple(Button(payload, title) for title, payload in replies)
                return ("template", text, buttons, ""), template.body["category"].lower()
            case _:
                caption = content.get("caption", "") if isinstance(content, dict) else ""
                return (kind, caption, (), ""), "service"

    def _approved(self, content: JSON) -> Template:
        name, language = content["name"], content["language"]["code"]
        template = self.templates.get((name, language))
        match template and template.status:
            case "APPROVED":
                assert template is not None
                return template
            case "PAUSED":
                raise Refused(132015, "Template is paused")
            case "DISABLED":
                raise Refused(132016, "Template is disabled")
            case _:
                raise Refused(132001, f"template name ({name}) does not exist in {language}", status=404)

    # Small things

    def timestamp(self) -> str:
        return str(int(self.now().timestamp()))

    def new_wamid(self, external_id: str) -> str:
        raw = f"{external_id}:{next(self._numbers)}".encode() + secrets.token_bytes(6)
        return "wamid." + base64.b64encode(raw).decode()

    def new_inbound(self, kind: str, content: JSON) -> JSON:
        wamid = self.new_wamid("in")
        return {"id": wamid, "timestamp": self.timestamp(), "type": kind, **content}

    def keep_media(self, mime_type: str, content: bytes) -> MediaFile:
        kept = MediaFile(str(1_000_000_000_000_000 + next(self._numbers)), mime_type, content)
        self.media[kept.media_id] = kept
        return kept

    def content_of(self, shown: Shown) -> bytes:
        """The bytes of the file that a message shows."""
        kind = shown.raw["type"]
        return self.media[shown.raw[kind]["id"]].content


Look = tuple[str, str, tuple[Button, ...], str]


def _interactive(content: JSON) -> Look:
    """Return kind, text, buttons and what opens the list."""
    text, action = content["body"]["text"], content["action"]
    match content["type"]:
        case "button":
            replies = [button["reply"] for button in action["buttons"]]
            return "buttons", text, tuple(Button(reply["id"], reply["title"]) for reply in replies), ""
        case "list":
            rows = [row for section in action["sections"] for row in section["rows"]]
            buttons = tuple(Button(row["id"], row["title"], row.get("description", "")) for row in rows)
            return "list", text, buttons, action["button"]
        case "location_request_message":
            return "location_request", text, (), ""
        case kind:
            return kind, text, (), ""


def _status_error(code: int) -> JSON:
    return {
        "code": code,
        "title": title_of(code),
        "message": title_of(code),
        "error_data": {"details": title_of(code)},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }


def _about_template(template: Template) -> JSON:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.body["name"],
        "message_template_language": template.body["language"],
        "message_template_category": template.body["category"],
    }


class _Webhook:
    """What waits to be told to the service, and telling it."""

    def __init__(self, graph: FakeGraph, attempts: int, retry_s: float) -> None:
        self._graph = graph
        self._attempts = attempts
        self._retry_s = retry_s
        self._url: str | None = None
        self._pending: deque[JSON] = deque()
        self._told: list[JSON] = []
        self._held: list[JSON] | None = None
        self._is_busy = False
        self.answers: list[WebhookAnswer] = []

    @property
    def is_idle(self) -> bool:
        return not self._pending and not self._is_busy

    async def subscribe(self, url: str) -> None:
        challenge = str(secrets.randbelow(10**9))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self._graph.verify_token,
        }
        async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
            echoed = await answer.text()
            if answer.status != 200 or echoed != challenge:
                raise Refused(
                    2200, f"Callback verification failed: HTTP {answer.status}, or another challenge"
                )
        self._url = url
        await self._graph.announce()

    async def push(self, change: JSON) -> None:
        if self._held is not None:
            self._held.append(change)
            return
        await self._queue([change])

    async def _queue(self, changes: list[JSON]) -> None:
        entry: JSON = {"id": self._graph.business_account_id, "changes": changes}
        if any(change["field"] != "messages" for change in changes):
            entry["time"] = int(self._graph.now().timestamp())
        body = {"object": "whatsapp_business_account", "entry": [entry]}
        self._told.append(body)
        self._pending.append(body)
        await self._graph.announce()

    def hold(self) -> None:
        self._held = []

    async def release(self, *, together: bool = False, merged: bool = False, backwards: bool = False) -> None:
        held, self._held = self._held or [], None
        if together and held:
            await self._queue(_merged(held) if merged else held)
            return
        for change in reversed(held) if backwards else held:
            await self._queue([change])

    async def repeat(self, message_id: str) -> None:
        # With json.dumps a wamid stands in the text as it is.
        found = next(body for body in self._told if message_id in json.dumps(body))
        self._pending.append(found)
        await self._graph.announce()

    async def pump(self) -> None:
        """Tell the service one thing after the other, for as long as there is a webhook."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                await self._graph.until(lambda: bool(self._url and self._pending), None, "news")
                self._is_busy = True
                await self._offer(session, self._pending.popleft())
                self._is_busy = False
                await self._graph.announce()

    async def _offer(self, session: aiohttp.ClientSession, told: JSON) -> None:
        # As PHP writes it: the signature is of these bytes, not of what they mean.
        body = json.dumps(told).replace("/", r"\/").encode()
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(self._retry_s)
            answer = await self._post(session, body, self._graph.sign(body), _items(told))
            self.answers.append(answer)
            if answer.status == 200:
                return

    async def _post(
        self, session: aiohttp.ClientSession, body: bytes, signature: str, items: int
    ) -> WebhookAnswer:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        headers = {name: value for name, value in headers.items() if value}
        assert self._url is not None, "subscribe first"
        began_s = time.perf_counter()
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return WebhookAnswer(answer.status, time.perf_counter() - began_s, items)
        except (aiohttp.ClientError, TimeoutError):
            return WebhookAnswer(None, time.perf_counter() - began_s, items)

    async def post_raw(self, body: bytes, signature: str) -> int:
        async with aiohttp.ClientSession() as session:
            answer = await self._post(session, body, signature, 0)
        assert answer.status is not None, "the webhook did not answer"
        return answer.status


def _merged(changes: list[JSON]) -> list[JSON]:
    """Put the messages, statuses and contacts of several changes into one; other fields stay as they are."""
    own = [change for change in changes if change["field"] == "messages"]
    others = [change for change in changes if change["field"] != "messages"]
    if not own:
        return others
    value = dict(own[0]["value"])
    for name in ("contacts", "messages", "statuses"):
        found = [each for change in own for each in change["value"].get(name, ())]
        if name == "contacts":
            found = [each for at, each in enumerate(found) if each not in found[:at]]
        if found:
            value[name] = found
    return [{"field": "messages", "value": value}, *others]


def _items(told: JSON) -> int:
    values = [change["value"] for entry in told["entry"] for change in entry["changes"]]
    return sum(len(value.get("messages", ())) + len(value.get("statuses", ())) for value in values)


Handler = Callable[[web.Request, JSON], Awaitable[JSON]]


class _Api:
    """Graph's addresses, each under the name that calls and faults have for it."""

    def __init__(self, graph: FakeGraph) -> None:
        self._graph = graph

    def add_to(self, app: web.Application) -> None:
        self._route(app, "POST", "/{object_id}/messages", "messages", self.messages)
        self._route(app, "POST", "/{object_id}/media", "media", self.upload)
        self._route(app, "GET", "/{object_id}/message_templates", "templates", self.list_templates)
        self._route(app, "POST", "/{object_id}/message_templates", "new_template", self.create_template)
        self._route(app, "DELETE", "/{object_id}/message_templates", "delete_template", self.delete_template)
        self._route(app, "GET", "/{object_id}", "object", self.describe)
        self._route(app, "POST", "/{object_id}", "edit_template", self.edit_template)
        self._route(app, "DELETE", "/{object_id}", "delete_media", self.delete_media)
        app.router.add_get("/media/{media_id}", self._serve_bytes)

    def _route(self, app: web.Application, method: str, path: str, action: str, handler: Handler) -> None:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, action, handler)

        app.router.add_route(method, r"/{version:v\d+\.\d+}" + path, serve)

    async def _serve(self, request: web.Request, action: str, handler: Handler) -> web.StreamResponse:
        graph, body = self._graph, dict[str, Any]()
        fault, result = None, dict[str, Any]()
        try:
            self._authorize(request)
            body = await _body_of(request)
            await graph.note(Call(action, body, time.monotonic()))
            await asyncio.sleep(graph.latency_s)
            fault = graph.next_fault(action)
            if fault and fault.refusal:
                return _refusal(fault.refusal)
            if fault is None or fault.accepted:
                result = await handler(request, body)
        except Refused as refused:
            if refused.code not in NOT_OWN_FAULTS:
                graph.refusals.append(Refusal(action, refused.code, refused.details, body))
            return _refusal(refused)
        follows = result.pop("follows", None)
        response = web.json_response(result)
        if fault and fault.kind == "reset":
            _reset(request)
        elif fault is None:
            # Out before its statuses, so that who waits for it is not overtaken.
            await response.prepare(request)
            await response.write_eof()
        if follows is not None:
            graph.follow(follows())
        if fault and fault.kind == "hang":
            await graph.until(lambda: graph.is_closing, None, "the end")
        return response

    def _authorize(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self._graph.token}"):
            raise Refused(190, "Cannot parse access token", status=401)

    def _check_object(self, request: web.Request, wanted: str) -> None:
        asked = request.match_info["object_id"]
        if asked != wanted:
            raise _unknown_object(request.method.lower(), asked)

    async def messages(self, request: web.Request, body: JSON) -> JSON:
        graph = self._graph
        self._check_object(request, graph.phone_number_id)
        if "status" in body:
            judge_receipt(body)
            if not any(body["message_id"] in person.messages for person in graph.people):
                raise Refused(131009, "message_id: no such message")
            graph.read_by_service.append(body["message_id"])
            await graph.announce()
            return {"success": True}
        answer, tell = graph.accept(body)
        await graph.announce()
        return {**answer, "follows": tell}

    async def upload(self, request: web.Request, body: JSON) -> JSON:
        self._check_object(request, self._graph.phone_number_id)
        if body.get("messaging_product") != "whatsapp":
            raise Refused(131008, "messaging_product is required")
        upload, mime_type = body.get("file"), body.get("type")
        if not isinstance(upload, bytes) or not upload:
            raise Refused(100, "file is required and must not be empty")
        if not isinstance(mime_type, str) or mime_type.partition(";")[0] not in _MAX_BYTES:
            raise Refused(100, f"type {mime_type!r} is no type that can be sent")
        if len(upload) > _MAX_BYTES[mime_type.partition(";")[0]]:
            raise Refused(131053, "the file is too large for its type")
        return {"id": self._graph.keep_media(mime_type, upload).media_id}

    async def describe(self, request: web.Request, body: JSON) -> JSON:
        graph, asked = self._graph, request.match_info["object_id"]
        if kept := graph.media.get(asked):
            return kept.about(f"{graph.host_url}/media/{asked}")
        for template in graph.templates.values():
            if template.id == asked:
                return template.about
        if asked == graph.phone_number_id:
            return {
                "id": asked,
                "display_phone_number": graph.display_phone_number,
                "verified_name": "Jisr",
                "quality_rating": "GREEN",
                **({"whatsapp_business_manager_messaging_limit": graph.tier_name} if graph.tier_name else {}),
            }
        if asked == graph.business_account_id:
            return {"id": asked, "name": "Jisr", "currency": "MAD"}
        raise _unknown_object("get", asked)

    async def delete_media(self, request: web.Request, body: JSON) -> JSON:
        asked = request.match_info["object_id"]
        if self._graph.media.pop(asked, None) is None:
            raise _unknown_object("delete", asked)
        return {"success": True}

    async def _serve_bytes(self, request: web.Request) -> web.Response:
        kept = self._graph.media.get(request.match_info["media_id"])
        try:
            self._authorize(request)
        except Refused as refused:
            return _refusal(refused)
        await self._graph.note(Call("media_bytes", {}, time.monotonic()))
        if kept is None:
            return web.Response(status=404)
        return web.Response(body=kept.content, headers={"Content-Type": kept.mime_type})

    async def list_templates(self, request: web.Request, body: JSON) -> JSON:
        graph, asked = self._graph, request.query
        self._check_object(request, graph.business_account_id)
        found = [
            template.about
            for template in graph.templates.values()
            if all(
                template.about[name] == asked[name]
                for name in ("name", "language", "status")
                if name in asked
            )
        ]
        limit, start = int(asked.get("limit", "25")), int(asked.get("after") or "0")
        page, end = found[start : start + limit], start + limit
        cursors = {"cursors": {"before": str(start), "after": str(min(end, len(found)))}}
        if end < len(found):
            again = request.url.update_query({"after": str(end)})
            return {"data": _chosen(page, asked.get("fields")), "paging": {**cursors, "next": str(again)}}
        return {"data": _chosen(page, asked.get("fields")), **({"paging": cursors} if page else {})}

    async def create_template(self, request: web.Request, body: JSON) -> JSON:
        graph = self._graph
        self._check_object(request, graph.business_account_id)
        judge_template(body)
        if (body["name"], body["language"]) in graph.templates:
            raise Refused(100, "There is already content in this language for this template", subcode=2388024)
        template = graph.add_template(body, status="PENDING")
        await graph.announce()
        return {"id": template.id, "status": template.status, "category": body["category"]}

    async def edit_template(self, request: web.Request, body: JSON) -> JSON:
        asked = request.match_info["object_id"]
        template = next((each for each in self._graph.templates.values() if each.id == asked), None)
        if template is None:
            raise _unknown_object("post", asked)
        if template.status not in ("APPROVED", "REJECTED", "PAUSED"):
            raise Refused(100, f"a template that is {template.status} can't be edited")
        edited = {**template.body, **body}
        judge_template(edited)
        template.body, template.status = edited, "PENDING"
        return {"success": True}

    async def delete_template(self, request: web.Request, body: JSON) -> JSON:
        graph = self._graph
        self._check_object(request, graph.business_account_id)
        found = [key for key in graph.templates if key[0] == request.query.get("name")]
        if not found:
            raise Refused(100, "there is no template of that name", subcode=2593002)
        for key in found:
            del graph.templates[key]
        return {"success": True}


# Source: Cloud API reference, media, supported types and sizes.
_MAX_BYTES = {
    "audio/ogg": 16_000_000,
    "audio/mpeg": 16_000_000,
    "audio/mp4": 16_000_000,
    "image/jpeg": 5_000_000,
    "image/png": 5_000_000,
    "application/pdf": 100_000_000,
    "text/plain": 100_000_000,
    "image/webp": 100_000,
}


def _chosen(page: list[JSON], names: str | None) -> list[JSON]:
    """Of each template the fields that were asked for, and always its id."""
    if not names:
        return page
    wanted = {"id", *names.split(",")}
    return [{name: held for name, held in about.items() if name in wanted} for about in page]


def _unknown_object(verb: str, asked: str) -> Refused:
    return Refused(
        100,
        f"Unsupported {verb} request. Object with ID '{asked}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation",
        subcode=33,
    )


async def _body_of(request: web.Request) -> JSON:
    """Return a JSON body decoded, or a form's fields: of a file its bytes."""
    if request.content_type == "multipart/form-data":
        form = await request.post()
        for value in form.values():
            if isinstance(value, web.FileField) and value.content_type != form.get("type"):
                raise Refused(100, "type must be that of the file")
        return {
            name: value.file.read() if isinstance(value, web.FileField) else value
            for name, value in form.items()
        }
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise Refused(100, "Content-Type must be application/json")
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refused(100, "the body is no JSON") from None
    if not isinstance(body, dict):
        raise Refused(100, "the body must be a JSON object")
    return body


def _refusal(refused: Refused) -> web.Response:
    kind = "GraphMethodException" if refused.subcode == 33 else "OAuthException"
    error: JSON = {
        "message": f"(#{refused.code}) {title_of(refused.code)}",
        "type": kind,
        "code": refused.code,
        "error_data": {"messaging_product": "whatsapp", "details": refused.details},
        "fbtrace_id": "A" + secrets.token_urlsafe(16),
    }
    if refused.subcode is not None:
        error["error_subcode"] = refused.subcode
    return web.json_response({"error": error}, status=refused.status)


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    # Linger of zero seconds makes the close a TCP reset.
    linger = struct.pack("ii", 1, 0)
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.transport.abort()


def _add_control(app: web.Application, graph: FakeGraph) -> None:
    def person(phone: str) -> Person:
        return graph.find(phone) or graph.person("Amina", phone=phone, user_id=f"MA.{phone}")

    async def say(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        return web.json_response({"id": await person(asked.get("phone", FIRST_PHONE)).says(asked["text"])})

    async def tap(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        try:
            tapped = await person(asked.get("phone", FIRST_PHONE)).taps(asked["label"])
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response({"id": tapped})

    async def messages(request: web.Request) -> web.Response:
        chat = person(request.query.get("phone", FIRST_PHONE)).chat
        return web.json_response([_plain(shown) for shown in chat])

    async def refusals(request: web.Request) -> web.Response:
        return web.json_response([f"{each.action}: {each.code} {each.details}" for each in graph.refusals])

    async def approve(request: web.Request) -> web.Response:
        waiting = [key for key, template in graph.templates.items() if template.status == "PENDING"]
        for name, language in waiting:
            await graph.set_template_status(name, language, "APPROVED")
        return web.json_response({"approved": len(waiting)})

    app.router.add_post("/control/say", say)
    app.router.add_post("/control/tap", tap)
    app.router.add_get("/control/messages", messages)
    app.router.add_get("/control/refusals", refusals)
    app.router.add_post("/control/approve", approve)


FIRST_PHONE = "212600000001"


def _plain(shown: Shown) -> JSON:
    return {
        "id": shown.message_id,
        "from": "service" if shown.from_service else "person",
        "kind": shown.kind,
        "text": shown.text,
        "buttons": [[button.title, button.id] for button in shown.buttons],
    }


async def _run(webhook: str | None, given: FakeGraph) -> None:
    async with given as graph:
        sys.stdout.write(
            f"WHATSAPP_API_URL={graph.base_url}\nWHATSAPP_TOKEN={graph.token}\n"
            f"WHATSAPP_PHONE_NUMBER_ID={graph.phone_number_id}\n"
            f"WHATSAPP_BUSINESS_ACCOUNT_ID={graph.business_account_id}\n"
            f"WHATSAPP_APP_SECRET={graph.app_secret}\nWHATSAPP_VERIFY_TOKEN={graph.verify_token}\n"
        )
        sys.stdout.flush()
        while webhook is not None:
            try:
                await graph.subscribe(webhook)
                sys.stdout.write(f"delivers to {webhook}\n")
                sys.stdout.flush()
                break
            except (Refused, aiohttp.ClientError):
                # The service is not up yet; a second is soon enough for whoever types.
                await asyncio.sleep(1)
        await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A WhatsApp Cloud API on 127.0.0.1 for trials by hand.")
    arguments.add_argument("--port", type=int, default=8082)
    arguments.add_argument("--webhook", help="the service's address that Meta would deliver to")
    options = arguments.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(options.webhook, FakeGraph(port=options.port)))
