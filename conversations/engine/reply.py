"""What a person can send, free of any channel.

A channel's `parse` turns a stored payload into an `Inbound`; the engine only ever sees its reply.
"""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """The ways a message can come and go."""

    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    WEBCHAT = "webchat"
    TERMINAL = "terminal"
    # Only for reminders, when nothing else reaches somebody; nobody writes from there.
    SMS = "sms"


class MediaKind(StrEnum):
    """Kinds of things that are not text; what is not listed arrives as OTHER."""

    VOICE = "voice"
    PHOTO = "photo"
    DOCUMENT = "document"
    STICKER = "sticker"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap on a button. `prompt_ref` names the prompt that showed it, "p17" or "n4" (see Session)."""

    prompt_ref: str
    choice_id: str


@dataclass(frozen=True, slots=True)
class Text:
    """Typed words, cleaned of bidirectional controls and in NFC."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command without its slash, lower case, and what follows it ("" when nothing)."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A shared position, WGS84 degrees. Used for one answer and never stored."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class SharedPhone:
    """A phone number that the person chose to share with the channel's own button."""

    number: str


@dataclass(frozen=True, slots=True)
class Media:
    """A voice note, picture, sticker or file. `ref` is the channel's own handle for it."""

    kind: MediaKind
    ref: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The person blocked the service on this channel, or (`blocked` False) let it in again."""

    blocked: bool


Reply = Tap | Text | Command | Location | SharedPhone | Media | Blocked


@dataclass(frozen=True, slots=True, repr=False)
class Inbound:
    """One inbound message after parsing.

    `external_id` is how the channel names the sender. `message_ref` is the message a tap was on, so
    that the answer may be written in its place; `tap_ref` is what the channel wants acknowledged.
    `language_hint` is the language the person's device speaks, None when the channel does not say.
    `group_id` is set when the message came from a group: nothing personal is said there.
    `phone` is the sender's number in digits, country code first, where the channel tells it beside
    another id.
    """

    channel: Channel
    external_id: str
    reply: Reply
    message_ref: str | None = None
    tap_ref: str | None = None
    language_hint: str | None = None
    group_id: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        return f"<Inbound {self.channel} {type(self.reply).__name__}>"
