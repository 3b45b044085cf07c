"""Telegram as a channel: updates become inbound messages, outbound messages become calls of the Bot API.

`parse` and `render` are pure, `TelegramSender` is the thin client. Limits: Bot API reference 10.3.
"""

import asyncio
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache, partial
from itertools import groupby
from math import ceil
from typing import Any, cast

import structlog
import telegram
from telegram import Bot, Update
from telegram.constants import ChatMemberStatus, ChatType, MessageAttachmentType, MessageType
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import RequestData

from bot.channels.button_data import button_data, tap_in
from bot.channels.channel import (
    AddressUnreachable,
    File,
    MessageRefused,
    Pace,
    SendFailed,
    TooFast,
    TryLater,
)
from bot.channels.plain_text import directed, parts, units, whole, words
from bot.channels.telegram_transport import Fields, FileForm, NotSent, Unclear
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import (
    Blocked,
    Channel,
    Inbound,
    Location,
    Media,
    MediaKind,
    Reply,
    SharedPhone,
    Tap,
)
from conversations.engine.words import Word
from conversations.texts import clean_incoming

log = structlog.get_logger()

JSON = Mapping[str, Any]

# Lengths in UTF-16 code units.
MAX_TEXT, MAX_CAPTION = 4096, 1024

# Characters of a label that a phone 360 points wide shows whole, by buttons in a row: it cuts the rest.
LABEL_WIDTHS = {4: 7, 3: 10, 2: 16}
# Four stand in a row only when there are many, such as times of a day.
MANY_CHOICES = 6

NAVIGATION = (Word.BACK, Word.MENU)
# On the location button when nobody named it.
LOCATION_LABEL = "📍"
KEYBOARD_GONE = "👌"

# Messages that Telegram writes itself: a pinned message, a new background. The last five only say
# something about a message whose content stands elsewhere.
_SERVICE_KINDS = (
    set(map(str, MessageType))
    - set(map(str, MessageAttachmentType))
    - {MessageType.TEXT, MessageType.CHECKLIST}
    - {MessageType.EFFECT_ID, MessageType.BUSINESS_CONNECTION_ID, MessageType.SENDER_BUSINESS_BOT}
    - {MessageType.SENDER_BOOST_COUNT, MessageType.REPLY_TO_STORY}
)


# In

_OF_A_TAPPED_MESSAGE = ("message_id", "chat")


@dataclass(frozen=True, slots=True, repr=False)
class Origin:
    """Who an update is from and in which group or channel, read without trusting its shape.

    `user_id` is None when it does not say, `group_id` when it is none.
    """

    user_id: int | None
    group_id: int | None


def origin(update: JSON) -> Origin:
    body = next((value for value in update.values() if isinstance(value, dict)), {})
    chat = _object(body.get("chat")) or _object(_object(body.get("message")).get("chat"))
    user_id, chat_id = _object(body.get("from")).get("id"), chat.get("id")
    is_group = isinstance(chat_id, int) and chat.get("type") != ChatType.PRIVATE
    return Origin(user_id if isinstance(user_id, int) else None, chat_id if is_group else None)


def _object(value: object) -> JSON:
    return value if isinstance(value, dict) else {}


def trimmed(update: JSON) -> JSON:
    """Return the update without what nobody reads: words and buttons, ours, of the message tapped on."""
    query = update.get("callback_query")
    if not isinstance(query, dict) or not isinstance(query.get("message"), dict):
        return update
    message = {name: value for name, value in query["message"].items() if name in _OF_A_TAPPED_MESSAGE}
    return {**update, "callback_query": {**query, "message": message}}


def payload_parser(bot: Bot) -> Callable[[str], Inbound | None]:
    return partial(parse_payload, bot=bot)


def parse_payload(payload: str, bot: Bot | None = None) -> Inbound | None:
    """Return what a stored update means, None when there is nothing to answer.

    A message that the library can't read, of a kind newer than it, still gets an answer.
    """
    body: JSON = json.loads(payload)
    tapped_on = _taken_out(body)
    try:
        # Of another type than it should be, a value is only stumbled over when it is used.
        inbound = parse(Update.de_json(dict(body), bot))
        return inbound if inbound is None or tapped_on is None else _with_message(inbound, tapped_on)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        log.warning("telegram_update_unreadable", error=type(error).__name__)
        return _unreadable(body)


def _taken_out(body: JSON) -> JSON | None:
    """Take the message that was tapped on out of an update and return it, None when there is none.

    The library would make it an object of a hundred fields, of which two are read.
    """
    query = body.get("callback_query")
    message = query.pop("message", None) if isinstance(query, dict) else None
    return message if isinstance(message, dict) else None


def _with_message(inbound: Inbound, tapped_on: JSON) -> Inbound:
    chat = _object(tapped_on.get("chat"))
    group_id = str(chat["id"]) if chat and chat.get("type") != ChatType.PRIVATE else None
    return replace(inbound, message_ref=str(int(tapped_on["message_id"])), group_id=group_id)


def _unreadable(update: JSON) -> Inbound | None:
    came_from = origin(update)
    if "message" not in update or came_from.user_id is None or came_from.group_id is not None:
        return None
    return Inbound(Channel.TELEGRAM, str(came_from.user_id), Media(MediaKind.OTHER))


def parse(update: Update) -> Inbound | None:
    """Return what a person did; None for edits, reactions, polls, service messages and unknown kinds."""
    if update.callback_query:
        return _tapped(update.callback_query)
    if update.message:
        return _said(update.message)
    if update.my_chat_member:
        return _let_in_or_out(update.my_chat_member)
    return None


def _tapped(query: telegram.CallbackQuery) -> Inbound:
    message = query.message
    return _inbound(
        query.from_user,
        message.chat if message else None,
        tap_in(query.data or "") or Tap("", ""),
        message_ref=str(message.message_id) if message else None,
        tap_ref=query.id,
    )


def _said(message: telegram.Message) -> Inbound | None:
    reply = _reply(message)
    if reply is None or message.from_user is None or message.from_user.is_bot:
        return None
    return _inbound(message.from_user, message.chat, reply)


def _let_in_or_out(change: telegram.ChatMemberUpdated) -> Inbound | None:
    status = change.new_chat_member.status
    if change.chat.type != ChatType.PRIVATE:
        return None
    if status not in (ChatMemberStatus.BANNED, ChatMemberStatus.MEMBER):
        return None
    return _inbound(change.from_user, change.chat, Blocked(status == ChatMemberStatus.BANNED))


def _inbound(
    user: telegram.User,
    chat: telegram.Chat | None,
    reply: Reply,
    *,
    message_ref: str | None = None,
    tap_ref: str | None = None,
) -> Inbound:
    return Inbound(
        Channel.TELEGRAM,
        str(user.id),
        reply,
        message_ref,
        tap_ref,
        language_hint=user.language_code,
        group_id=str(chat.id) if chat and chat.type != ChatType.PRIVATE else None,
    )


def _reply(message: telegram.Message) -> Reply | None:
    if message.text is not None:
        return words(clean_incoming(message.text))
    caption = clean_incoming(message.caption or "")
    match message.effective_attachment:
        case telegram.Location(latitude=latitude, longitude=longitude):
            return Location(latitude, longitude)
        case telegram.Venue(location=place):
            return Location(place.latitude, place.longitude)
        case telegram.Contact() as contact:
            return _shared(contact, message.from_user)
        case telegram.Voice(file_id=ref):
            return Media(MediaKind.VOICE, ref, caption)
        case telegram.Sticker(file_id=ref):
            return Media(MediaKind.STICKER, ref)
        case telegram.Document(file_id=ref):
            return Media(MediaKind.DOCUMENT, ref, caption)
        case telegram.Video(file_id=ref):
            return Media(MediaKind.VIDEO, ref, caption)
        case [*_, telegram.PhotoSize(file_id=ref)]:  # the same picture in growing sizes
            return Media(MediaKind.PHOTO, ref, caption)
        case telegram.Animation(file_id=ref) | telegram.Audio(file_id=ref) | telegram.VideoNote(file_id=ref):
            return Media(MediaKind.OTHER, ref, caption)
        case None if any(message[kind] for kind in _SERVICE_KINDS):
            return None
        case _:
            return Media(MediaKind.OTHER, caption=caption)


def _shared(contact: telegram.Contact, sender: telegram.User | None) -> Reply:
    """Only one's own number was chosen to be shared; somebody else's is a card like any file."""
    if sender is not None and contact.user_id == sender.id:
        return SharedPhone(contact.phone_number)
    return Media(MediaKind.OTHER)


# Out

# InlineKeyboardMarkup, ReplyKeyboardMarkup or ReplyKeyboardRemove as the Bot API takes them: the library's
# objects of them cost as much as all the rest of a message.
Markup = JSON
KEYBOARD_REMOVED: Markup = {"remove_keyboard": True}


@dataclass(frozen=True, slots=True, repr=False)
class SendText:
    """sendMessage."""

    text: str
    markup: Markup | None = None


@dataclass(frozen=True, slots=True, repr=False)
class EditText:
    """editMessageText; without a keyboard the old one goes."""

    message_id: int
    text: str
    markup: Markup | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SendMedia:
    """sendVoice, sendPhoto, sendDocument, sendVideo or sendSticker, with a file that Telegram has."""

    kind: MediaKind
    ref: str
    caption: str | None = None
    markup: Markup | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SendPlace:
    """sendVenue, or sendLocation where no address is known, which a venue must have."""

    venue: Venue


Call = SendText | EditText | SendMedia | SendPlace


def render(message: OutboundMessage) -> list[Call]:
    """Return the calls that show a message, in order; the last one carries its buttons.

    A place is a pin alone. None for a message without words or media: it only acknowledges a tap. Nothing
    is marked up, so that people's words are never read as markup.
    """
    if message.venue is not None:
        return [SendPlace(message.venue)]
    text = directed(whole(message.text), message.direction)
    texts = parts(text, MAX_TEXT) if text.strip() else []
    media = _media(message)
    if not texts and media is None:
        return []
    markup = _markup(message)
    before: list[Call] = []
    if message.takes_keyboard_away and markup is not None and "inline_keyboard" in markup:
        # Telegram takes one markup a message: it can't remove a reply keyboard and show buttons at once.
        before.append(SendText(KEYBOARD_GONE, KEYBOARD_REMOVED))
    elif message.takes_keyboard_away and markup is None:
        markup = KEYBOARD_REMOVED
    if media is not None:
        return before + _with_media(media, texts, markup)
    # Only a message with inline buttons, or without any, can be written in place.
    is_plain = len(texts) == 1 and not before
    if message.edits and is_plain and (markup is None or "inline_keyboard" in markup):
        return [EditText(int(message.edits), texts[0], markup)]
    return before + _texts(texts, markup)


def _media(message: OutboundMessage) -> SendMedia | None:
    """Return what is forwarded; what came as OTHER can't be sent by its handle."""
    if message.media_kind in (None, MediaKind.OTHER) or not message.media_ref:
        return None
    return SendMedia(MediaKind(message.media_kind), message.media_ref)


def _with_media(media: SendMedia, texts: Sequence[str], markup: Markup | None) -> list[Call]:
    if not texts:
        return [SendMedia(media.kind, media.ref, None, markup)]
    if media.kind is not MediaKind.STICKER and len(texts) == 1 and units(texts[0]) <= MAX_CAPTION:
        return [SendMedia(media.kind, media.ref, texts[0], markup)]
    return [media, *_texts(texts, markup)]


def _texts(texts: Sequence[str], markup: Markup | None) -> list[Call]:
    *first, last = texts
    return [*map(SendText, first), SendText(last, markup)]


def _markup(message: OutboundMessage) -> Markup | None:
    if message.wants_location:
        return _location_keyboard(message.choices, message.location_label or LOCATION_LABEL)
    if not message.choices:
        return None
    return {
        "inline_keyboard": [
            [
                {"text": whole(choice.label), "callback_data": button_data(message.prompt_ref, choice.id)}
                for choice in row
            ]
            for row in layout(message.choices)
        ]
    }


def _location_keyboard(choices: Sequence[Choice], label: str) -> Markup:
    """Return the keyboard with the location button; the other buttons type their label."""
    rows: list[list[JSON]] = [[{"text": label, "request_location": True}]]
    rows += [[{"text": whole(choice.label)} for choice in row] for row in layout(choices)]
    return {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}


def layout(choices: Sequence[Choice]) -> list[list[Choice]]:
    """Return the choices in rows as wide as their labels allow, Back and Menu together in the last."""
    others, navigation = _parted(choices)
    # One long label must not put eleven short ones each on a row of their own.
    rows = [row for _, run in groupby(others, key=_is_wide) for row in _packed(list(run))]
    return [*rows, navigation] if navigation else rows


def _packed(choices: list[Choice]) -> list[list[Choice]]:
    """Return the choices in rows; many tiny ones, such as times, stay apart from the others."""
    runs = [list(run) for _, run in groupby(choices, key=_is_tiny)]
    if not any(_is_tiny(run[0]) and len(run) >= MANY_CHOICES for run in runs):
        runs = [choices]
    return [row for run in runs for row in _rows(run)]


def _parted(choices: Sequence[Choice]) -> tuple[list[Choice], list[Choice]]:
    """Return the choices that are answers, and Back and Menu."""
    others = [choice for choice in choices if choice.id not in NAVIGATION]
    return others, [choice for choice in choices if choice.id in NAVIGATION]


def _rows(run: Sequence[Choice]) -> list[list[Choice]]:
    widest = max((_width(choice.label) for choice in run), default=0)
    most = next((number for number, width in LABEL_WIDTHS.items() if widest <= width), 1)
    if len(run) < MANY_CHOICES:
        most = min(most, 3)
    # As many rows as that takes, evenly filled: four languages stand two by two.
    per_row = ceil(len(run) / ceil(len(run) / most)) if run else 1
    return [list(run[start : start + per_row]) for start in range(0, len(run), per_row)]


def _is_wide(choice: Choice) -> bool:
    return _width(choice.label) > LABEL_WIDTHS[2]


def _is_tiny(choice: Choice) -> bool:
    return _width(choice.label) <= LABEL_WIDTHS[4]


@lru_cache(maxsize=4096)
def _width(label: str) -> int:
    """Return the width in letters: an emoji counts two, vowel marks and joiners nothing."""
    widths = {"W": 2, "F": 2}
    return sum(
        widths.get(unicodedata.east_asian_width(character), 1)
        for character in label
        if unicodedata.category(character) not in {"Mn", "Me", "Cf"}
    )


def _place(venue: Venue) -> tuple[str, JSON]:
    """Return the method that shows a place, and its fields."""
    point = {"latitude": venue.latitude, "longitude": venue.longitude}
    if not venue.address.strip():
        return "sendLocation", point
    return "sendVenue", {**point, "title": whole(venue.name), "address": whole(venue.address)}


# The client

NO_PREVIEW: JSON = {"is_disabled": True}

# How each kind of file is sent, and under which name it goes.
_MEDIA_METHODS = {
    MediaKind.VOICE: ("sendVoice", "voice"),
    MediaKind.PHOTO: ("sendPhoto", "photo"),
    MediaKind.VIDEO: ("sendVideo", "video"),
    MediaKind.STICKER: ("sendSticker", "sticker"),
    MediaKind.DOCUMENT: ("sendDocument", "document"),
}

# What the Bot API says, in lower case. It has no codes of its own; sources: tdlib/telegram-bot-api,
# Client.cpp, and the errors that the library's documentation names.
_MESSAGE_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)
_PERSON_GONE = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "input_user_deactivated",
    "peer_id_invalid",
)
_REFUSALS = {
    "message text is empty": "text_empty",
    "message is too long": "text_too_long",
    "caption is too long": "caption_too_long",
    "button_data_invalid": "button_data",
    "reply markup is too long": "too_many_buttons",
    "wrong file identifier": "file_unknown",
    "wrong remote file": "file_unknown",
    "can't use file of type": "file_kind",
    "voice_messages_forbidden": "voice_forbidden",
    "not enough rights": "no_rights",
}


def pace_of(per_second: float) -> Pace:
    """Return the pace at so many messages a second over all chats; 0 is no limit at all, of chats neither.

    About one a second to a chat, short bursts tolerated. Source: Bots FAQ.
    """
    if not per_second:
        return Pace(per_second=0, burst=1, reserve=0, chat_per_second=0, chat_burst=1)
    # After a pause so much leaves at once as else in two thirds of a second: together with what follows that
    # is within the platform's short bursts, and a process that was busy for a moment makes up for it.
    burst = max(1, round(per_second * 2 / 3))
    return Pace(per_second, burst, reserve=burst // 3, chat_per_second=1, chat_burst=3)


class TelegramSender:
    """Sends through the Bot API. Keeps nothing: pace and retries are delivery's."""

    channel = Channel.TELEGRAM

    def __init__(self, bot: Bot, pace: Pace) -> None:
        self._bot = bot
        self.pace = pace

    async def send(self, external_id: str, message: OutboundMessage) -> str | None:
        """Show the message and stop the tapped button's turning, at the same time.

        Returns the id of the message with the buttons, None when there was only a tap to acknowledge.
        """
        shown, _ = await asyncio.gather(
            self._show(int(external_id), message), self._acknowledge(message.tap_ref)
        )
        # Raised here, so that the library's error, whose text may hold ids, does not stay attached.
        if isinstance(shown, SendFailed):
            raise shown
        return shown

    def takes(self, mime_type: str) -> bool:
        return True

    async def send_file(self, external_id: str, message: OutboundMessage, file: File) -> str | None:
        """Upload a file with the message's text as its caption, or a recording; return the message's id."""
        caption = {"caption": directed(whole(message.text), message.direction)}
        is_clip = message.clip is not None
        method, name = _MEDIA_METHODS[MediaKind.VOICE if is_clip else MediaKind.DOCUMENT]
        form = FileForm(
            {"chat_id": external_id, **({} if is_clip else caption)},
            name,
            filename=file.name,
            mime_type=file.mime_type,
            content=file.content,
        )
        failed: SendFailed
        try:
            return _message_id(await self._call_with(method, form))
        except TelegramError as error:
            failed = _failure(error)
        raise failed

    async def _show(self, chat_id: int, message: OutboundMessage) -> str | SendFailed | None:
        shown = None
        try:
            for call in render(message):
                shown = await self._call(chat_id, call)
        except TelegramError as error:
            return _failure(error)
        return shown

    async def _acknowledge(self, tap_ref: str | None) -> None:
        """A tap acknowledged twice or too late is refused; nobody misses anything."""
        if tap_ref is None:
            return
        try:
            await self._post("answerCallbackQuery", {"callback_query_id": tap_ref})
        except TelegramError as error:
            log.info("telegram_tap_not_acknowledged", error=type(error).__name__)

    async def _call(self, chat_id: int, call: Call) -> str:
        match call:
            case EditText():
                return await self._edit(chat_id, call)
            case SendText(text, markup):
                fields = {"chat_id": chat_id, "text": text, "link_preview_options": NO_PREVIEW}
                return await self._send("sendMessage", fields, markup)
            case SendMedia(kind, ref, caption, markup):
                method, name = _MEDIA_METHODS[kind]
                media = {"chat_id": chat_id, name: ref, "caption": caption}
                return await self._send(method, media, markup)
            case SendPlace(venue):
                method, place = _place(venue)
                return await self._send(method, {"chat_id": chat_id, **place}, None)

    async def _edit(self, chat_id: int, call: EditText) -> str:
        try:
            fields = {
                "chat_id": chat_id,
                "message_id": call.message_id,
                "text": call.text,
                "link_preview_options": NO_PREVIEW,
                "reply_markup": call.markup,
            }
            await self._post("editMessageText", fields)
        except BadRequest as error:
            said = error.message.lower()
            if any(words in said for words in _MESSAGE_GONE):
                return await self._call(chat_id, SendText(call.text, call.markup))
            # It says already what it should: a retry after an answer that got lost.
            if "message is not modified" not in said:
                raise
        return str(call.message_id)

    async def _send(self, method: str, fields: JSON, markup: Markup | None) -> str:
        return _message_id(await self._post(method, {**fields, "reply_markup": markup}))

    async def _post(self, method: str, fields: JSON) -> Any:
        """Call a method and return its result as it came.

        The library's own calls build objects of the fields and of the whole message that comes back, of which
        nothing but its number is needed. Errors are the library's. Source: its documentation, BaseRequest.
        """
        return await self._call_with(method, Fields(fields))

    async def _call_with(self, method: str, form: Fields | FileForm) -> Any:
        # It only asks for these few of a request's data, but lets nobody derive from its class.
        data = cast(RequestData, form)
        return await self._bot.request.post(f"{self._bot.base_url}/{method}", request_data=data)


def _message_id(sent: Any) -> str:
    try:
        return str(sent["message_id"])
    except (KeyError, TypeError):
        raise Unclear("the answer names no message") from None


def _failure(error: TelegramError) -> SendFailed:
    """Return what an error means for delivery, without a word of Telegram's."""
    match error:
        case Forbidden():
            return AddressUnreachable("blocked")
        case RetryAfter():
            return TooFast(seconds(error.retry_after))
        case ChatMigrated():
            return MessageRefused("chat_migrated")
        case InvalidToken():
            return TryLater("token")
        case BadRequest(message=said):
            return _refusal(said.lower())
        case NotSent():
            return TryLater("not_sent")
        case Unclear():
            return TryLater("unclear", unclear=True)
        case NetworkError():  # the Bot API's own answer, with a status the library has no class for
            return TryLater("refused_for_now")
        case _:
            return TryLater("telegram_error", unclear=True)


def _refusal(said: str) -> SendFailed:
    if any(words in said for words in _PERSON_GONE):
        return AddressUnreachable("blocked")
    return MessageRefused(next((code for words, code in _REFUSALS.items() if words in said), "bad_request"))


def seconds(wait: float | timedelta) -> float:
    """Return `RetryAfter.retry_after`, which the library gives as either, in seconds."""
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
