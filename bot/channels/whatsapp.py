"""WhatsApp as a channel: what its webhook brings becomes inbound messages, outbound messages become bodies.

`split`, `parse_payload` and `render` are pure, `WhatsAppSender` is the thin client's user. Limits:
Cloud API reference, interactive messages, 2026-05-21.
"""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.channels.button_data import button_data, tap_in
from bot.channels.channel import File, MessageRefused, Pace, SendFailed, TryLater
from bot.channels.plain_text import directed, parts, units, whole, words
from bot.channels.whatsapp_client import GraphClient, GraphError, NotSent, Unclear
from bot.channels.whatsapp_errors import failure
from bot.channels.whatsapp_templates import TemplateUse
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import (
    Channel,
    Command,
    Inbound,
    Location,
    Media,
    MediaKind,
    Reply,
    SharedPhone,
    Text,
)
from conversations.texts import Texts, clean_incoming
from storage.encryption import KeyRing

log = structlog.get_logger()

JSON = Mapping[str, Any]

# In UTF-16 code units, the strictest way to count what the platform calls characters.
MAX_TEXT, MAX_BODY, MAX_CAPTION = 4096, 1024, 1024
MAX_BUTTONS, BUTTON_TITLE = 3, 20
MAX_ROWS, ROW_TITLE, ROW_DESCRIPTION = 10, 24, 72

_MEDIA = {
    "audio": MediaKind.VOICE,
    "image": MediaKind.PHOTO,
    "document": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
    "video": MediaKind.VIDEO,
}
# What somebody sends that can't be read, and gets an answer all the same.
_ODD_KINDS = frozenset({"unsupported", "order", "ephemeral"})
# What nobody expects an answer to: a heart on a message, the news of another number.
_SILENT_KINDS = frozenset({"reaction", "system"})
_KNOWN_KINDS = (
    {"text", "interactive", "button", "location", "contacts", "request_welcome"}
    | _MEDIA.keys()
    | _ODD_KINDS
    | _SILENT_KINDS
)


# In


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """One message of a webhook call. `sender` is the address's external id."""

    message_id: str
    sender: str
    payload: JSON


@dataclass(frozen=True, slots=True, repr=False)
class News:
    """What became of a message of ours: "sent", "delivered", "read" or "failed", and why."""

    message_id: str
    status: str
    payload: JSON


@dataclass(frozen=True, slots=True, repr=False)
class Other:
    """Anything else: a field of another kind, or what is not understood. `field` is "" for the latter."""

    field: str
    payload: JSON


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something of another number of the account, or of a group: not ours to keep."""


def split(body: object, phone_number_id: str) -> Iterator[Said | News | Other | Foreign]:
    """Yield everything that one webhook call holds, in its order: every entry, change, message and status."""
    for entry in _list(_object(body).get("entry")):
        for change in _list(_object(entry).get("changes")):
            field, value = _object(change).get("field"), _object(_object(change).get("value"))
            if field == "messages":
                yield from _messages(value, phone_number_id)
            else:
                # The same may come twice and mean it: paused, approved, paused again.
                told = {**_object(change), "time": _object(entry).get("time")}
                yield Other(field if isinstance(field, str) else "", told)


def _messages(value: JSON, phone_number_id: str) -> Iterator[Said | News | Other | Foreign]:
    if _object(value.get("metadata")).get("phone_number_id") != phone_number_id:
        yield Foreign()
        return
    contacts = [_object(contact) for contact in _list(value.get("contacts"))]
    for message in _list(value.get("messages")):
        yield _said(_object(message), contacts)
    for status in _list(value.get("statuses")):
        yield _news(_object(status))
    for error in _list(value.get("errors")):
        yield Other("errors", _object(error))


def _said(message: JSON, contacts: Sequence[JSON]) -> Said | Other | Foreign:
    if message.get("group_id"):
        return Foreign()
    contact = _contact_of(message, contacts)
    user_id = _text(message.get("from_user_id")) or _text(contact.get("user_id"))
    number = _number(message.get("from")) or _number(contact.get("wa_id"))
    message_id, sender = _text(message.get("id")), user_id or number
    if not message_id or not sender or message.get("type") not in _KNOWN_KINDS:
        return Other("", {"message": message})
    # Of the contact only what is needed to answer: names are nobody's business.
    return Said(message_id, sender, {"message": message, "sender": sender, "number": number})


def _contact_of(message: JSON, contacts: Sequence[JSON]) -> JSON:
    """Return the contact that a message is from; a change may hold messages of several people."""
    for contact in contacts:
        for ours, theirs in (("user_id", "from_user_id"), ("wa_id", "from")):
            if contact.get(ours) and contact.get(ours) == message.get(theirs):
                return contact
    return {}


def _news(status: JSON) -> News | Other:
    message_id, said = _text(status.get("id")), _text(status.get("status"))
    if not message_id or said not in STATUSES:
        return Other("", {"status": status})
    # Whom it went to stands in the outbox.
    kept = ("id", "status", "timestamp", "errors", "pricing", "conversation")
    return News(message_id, said, {"status": {name: status[name] for name in kept if name in status}})


def parse_payload(payload: str) -> Inbound | None:
    """Return what a stored message means, None when there is nothing to answer."""
    match json.loads(payload):
        case {"message": dict(message), "sender": str(sender), "number": str() | None as number}:
            pass
        case _:
            return None
    reply = _reply(message, number)
    if reply is None:
        return None
    # Somebody known by their number alone has no other id that it could belong to.
    return Inbound(Channel.WHATSAPP, sender, reply, phone=None if number == sender else number)


def _reply(message: JSON, number: str | None) -> Reply | None:
    kind = str(message.get("type"))
    content = _object(message.get(kind))
    match kind:
        case "text":
            return words(clean_incoming(str(content.get("body", ""))))
        case "interactive":
            return _tapped(content)
        case "button":
            return _tap(content.get("payload"), content.get("text"))
        case "location":
            return _location(content)
        case "contacts":
            return _shared(_list(message.get("contacts")), number)
        case "request_welcome":
            return Command("start")
        case _ if kind in _MEDIA:
            ref = _text(content.get("id")) or ""
            return Media(_MEDIA[kind], ref, clean_incoming(str(content.get("caption") or "")))
        case _ if kind in _SILENT_KINDS:
            return None
        case _:
            return Media(MediaKind.OTHER)


def _tapped(content: JSON) -> Reply:
    chosen = _object(content.get(str(content.get("type"))))
    return _tap(chosen.get("id"), chosen.get("title"))


def _tap(data: object, label: object) -> Reply:
    """Return a tap on a button of ours; of another's, such as an old template's, what stood on it."""
    found = tap_in(data) if isinstance(data, str) else None
    if found is not None:
        return found
    return Text(clean_incoming(label)) if isinstance(label, str) and label else Media(MediaKind.OTHER)


def _location(content: JSON) -> Reply:
    match content:
        case {"latitude": float() | int() as latitude, "longitude": float() | int() as longitude}:
            return Location(float(latitude), float(longitude))
    return Media(MediaKind.OTHER)


def _shared(cards: Sequence[object], number: str | None) -> Reply:
    """Only one's own card is a number that was shared; somebody else's is a card like any file."""
    match [_object(card).get("phones") for card in cards]:
        case [[{"wa_id": str(wa_id)}]] if number and wa_id == number:
            return SharedPhone(f"+{number}")
    return Media(MediaKind.OTHER)


# The news of a message that are told, in the order they come when all goes well.
STATUSES = ("sent", "delivered", "read", "failed")


def _object(value: object) -> JSON:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() and value.isdecimal() else None


# Out


def render(message: OutboundMessage, texts: Texts) -> list[JSON]:
    """Return the bodies that show a message, as a rule one; none for a message that says nothing.

    Buttons when there are few and short, else a list, else numbers in the text, which can be typed: labels
    are never cut. Nothing is written in place: this platform can't. `texts` speak the message's language.
    """
    if message.venue is not None:
        return [_place(message.venue)]
    text = directed(whole(message.text), message.direction)
    media = _media(message)
    if message.choices or message.wants_location:
        asked = _asked(text, message, texts)
        return [media, asked] if media else [asked]
    if media is None:
        return [_plain(part) for part in parts(text, MAX_TEXT)] if text.strip() else []
    if text.strip() and media["type"] in _CAPTIONED and units(text) <= MAX_CAPTION:
        kind = media["type"]
        return [{"type": kind, kind: {**media[kind], "caption": text}}]
    return [media, *map(_plain, parts(text, MAX_TEXT))] if text.strip() else [media]


_CAPTIONED = ("image", "document", "video")
_TYPES = {kind: name for name, kind in _MEDIA.items()}


def _media(message: OutboundMessage) -> JSON | None:
    """Return what is forwarded by the platform's own id; what came as OTHER has none."""
    kind = _TYPES.get(MediaKind(message.media_kind)) if message.media_kind else None
    return {"type": kind, kind: {"id": message.media_ref}} if kind and message.media_ref else None


def _place(venue: Venue) -> JSON:
    named = {"name": whole(venue.name), "address": whole(venue.address)}
    # An empty field is no field here.
    said = {field: value for field, value in named.items() if value.strip()}
    return {
        "type": "location",
        "location": {"latitude": venue.latitude, "longitude": venue.longitude, **said},
    }


def _asked(text: str, message: OutboundMessage, texts: Texts) -> JSON:
    labels = [whole(choice.label) for choice in message.choices]
    if message.wants_location:
        return _location_request(_numbered(text, labels))
    ids = [button_data(message.prompt_ref, choice.id) for choice in message.choices]
    fits = 0 < units(text) <= MAX_BODY and len(set(labels)) == len(labels)
    if fits and len(labels) <= MAX_BUTTONS and _fit(labels, BUTTON_TITLE):
        buttons = [
            {"type": "reply", "reply": {"id": id_, "title": label}}
            for id_, label in zip(ids, labels, strict=True)
        ]
        return _interactive("button", text, {"buttons": buttons})
    # What is over the rows stands in the text with its number: as a rule Back and Menu, which come last.
    body = _numbered(text, labels, start=MAX_ROWS)
    if fits and units(body) <= MAX_BODY and _fit(labels[:MAX_ROWS], ROW_DESCRIPTION):
        numbered = enumerate(zip(ids, labels, strict=True), 1)
        rows = [_row(id_, number, label) for number, (id_, label) in numbered][:MAX_ROWS]
        # Translators: label, at most 20 characters. Opens the list of answers on WhatsApp.
        action = {"button": texts.pgettext("button", "📋 Choose"), "sections": [{"rows": rows}]}
        return _interactive("list", body, action)
    return _plain(_numbered(text, labels))


def _row(id_: str, number: int, label: str) -> JSON:
    """Return a row; a name that is too long for its title stands whole under the number that can be typed."""
    if units(label) <= ROW_TITLE:
        return {"id": id_, "title": label}
    return {"id": id_, "title": f"{number}.", "description": label}


def _fit(labels: Sequence[str], most: int) -> bool:
    return all(0 < units(label) <= most for label in labels)


def _numbered(text: str, labels: Sequence[str], *, start: int = 0) -> str:
    """Return the text with the choices from that one on under it, each with the number to type."""
    lines = [f"{number}. {label}" for number, label in enumerate(labels, 1) if number > start]
    return "\n".join([text, "", *lines]) if lines else text


def _location_request(text: str) -> JSON:
    if units(text) > MAX_BODY:
        return _plain(text)
    return _interactive("location_request_message", text, {"name": "send_location"})


def _interactive(kind: str, text: str, action: JSON) -> JSON:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def _plain(text: str) -> JSON:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


# The client


def message_ref(keys: KeyRing, message_id: str) -> str:
    """Return our name of a message: the platform's own id holds the person's number, in plain base64."""
    return keys.index(Channel.WHATSAPP, f"message:{message_id}").hex()


def pace_of(per_second: float) -> Pace:
    """Return the pace for a number that may send so many messages a second; 0 is no limit at all.

    In no second more than those leave, whatever went before: a fifth of them may leave at once, the rest as
    time goes by. Of the burst a third is kept for answers.

    One person gets a message each six seconds on average. A dialogue is quicker for a moment, which the
    platform bears (providers speak of 45 in a row): twenty are a booking with its detours.
    """
    if not per_second:
        return Pace(per_second=0, burst=1, reserve=0, chat_per_second=0, chat_burst=1)
    burst = max(1, round(per_second / 5))
    return Pace(max(1.0, per_second - burst), burst, burst // 3, chat_per_second=1 / 6, chat_burst=20)


# The platform keeps a file for 30 days; that of a recording serves everybody who listens for so long.
CLIP_KEPT_S = 7 * 24 * 3600.0

# Of what we make, the types that can be uploaded: a calendar's are not among them.
# Source: Cloud API reference, media, supported types.
FILE_TYPES = frozenset({"application/pdf", "audio/ogg", "audio/mpeg", "audio/mp4"})

# A page whose message was put off is left to be uploaded again, when more than these were put off after it.
UPLOADS_REMEMBERED = 64


class WhatsAppSender:
    """Sends through the Cloud API. Keeps nothing: pace and retries are delivery's."""

    channel = Channel.WHATSAPP

    def __init__(
        self,
        client: GraphClient,
        keys: KeyRing,
        texts: Mapping[str, Texts],
        pace: Pace,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._keys = keys
        self._texts = texts
        # Ids of files that were left with the platform and whose message has not gone, by their content.
        self._uploaded: dict[bytes, str] = {}
        # Ids of recordings by their content, and when they were uploaded.
        self._clips: dict[bytes, tuple[str, float]] = {}
        self._seconds = seconds
        self.pace = pace

    async def send(self, external_id: str, message: OutboundMessage) -> str | None:
        """Show the message, and return our reference of it; None when there was nothing to show.

        A file that the platform does not take any more is left out: the words must arrive.
        """
        try:
            return await self._show(external_id, message)
        except MessageRefused as error:
            if message.media_ref is None:
                raise
            log.warning("whatsapp_media_refused", reason=error.reason)
        return await self._show(external_id, replace(message, media_ref=None))

    async def send_template(self, external_id: str, use: TemplateUse) -> str:
        """Send a message as an approved template and return our reference of it. Raises SendFailed."""
        return message_ref(self._keys, await self._post(external_id, use.body()))

    def takes(self, mime_type: str) -> bool:
        return mime_type in FILE_TYPES

    async def send_file(self, external_id: str, message: OutboundMessage, file: File) -> str:
        """Upload a file, unless an earlier attempt did, and send it with the message's text as caption."""
        if message.clip is not None:
            return await self._send_clip(external_id, file)
        content = hashlib.sha256(file.content).digest()
        if content not in self._uploaded:
            if len(self._uploaded) >= UPLOADS_REMEMBERED:
                self._uploaded.pop(next(iter(self._uploaded)))
            self._uploaded[content] = await _told(
                self._client.upload(file.content, filename=file.name, mime_type=file.mime_type)
            )
        document = {
            "id": self._uploaded[content],
            "filename": file.name,
            "caption": directed(whole(message.text), message.direction),
        }
        try:
            sent = await self._post(external_id, {"type": "document", "document": document})
        except MessageRefused:
            # It may be the file that the platform no longer knows.
            self._uploaded.pop(content, None)
            raise
        self._uploaded.pop(content, None)
        return message_ref(self._keys, sent)

    async def _send_clip(self, external_id: str, file: File) -> str:
        """Send a recording as a voice message, uploaded once a week however many listen to it."""
        content, now_s = hashlib.sha256(file.content).digest(), self._seconds()
        media_id, uploaded_s = self._clips.get(content, ("", 0.0))
        if not media_id or now_s - uploaded_s >= CLIP_KEPT_S:
            media_id = await _told(
                self._client.upload(file.content, filename=file.name, mime_type=file.mime_type)
            )
            self._clips[content] = media_id, now_s
        try:
            sent = await self._post(external_id, {"type": "audio", "audio": {"id": media_id, "voice": True}})
        except MessageRefused:
            # It may be the file that the platform no longer knows.
            self._clips.pop(content, None)
            raise
        return message_ref(self._keys, sent)

    async def _show(self, external_id: str, message: OutboundMessage) -> str | None:
        sent = None
        for body in render(message, self._texts[message.language]):
            sent = await self._post(external_id, body)
        return message_ref(self._keys, sent) if sent else None

    async def _post(self, external_id: str, body: JSON) -> str:
        return await _told(self._client.send(external_id, body))


async def _told(call: Awaitable[str]) -> str:
    """Return what a call of the client's returns. Raises SendFailed for its errors."""
    failed: SendFailed
    try:
        return await call
    except GraphError as error:
        failed = _failed(error)
    except NotSent:
        failed = TryLater("not_sent")
    except Unclear:
        failed = TryLater("unclear", unclear=True)
    # Raised here, so that the client's error does not stay attached.
    raise failed


def _failed(error: GraphError) -> SendFailed:
    found = failure(error.code, status=error.status)
    log.info("whatsapp_send_failed", code=error.code, outcome=found.outcome, reason=found.reason)
    return found.error()
