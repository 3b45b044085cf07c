"""What a channel is asked to show: the outbox's payload, free of any channel."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from conversations.care.clips import Clip
from conversations.care.documents import Document
from conversations.engine.flow import Choice


class Purpose(StrEnum):
    """Why a message is sent: decides its lane, its consent and its quiet hours."""

    REPLY = "reply"  # answers something the person has just done
    STAFF = "staff"  # tells a caseworker or a manager of something
    VISIT = "visit"  # a change of the person's own visit, made by the centre
    REMINDER = "reminder"
    CHECK_IN = "check_in"
    HANDOVER = "handover"  # words between a person and a caseworker
    FEEDBACK = "feedback"  # how was the visit, and what managers answer to a complaint
    ADDRESS = "address"  # another phone or app was joined to the person's conversation
    BROADCAST = "broadcast"


class Lane(StrEnum):
    """Who goes first when the platform's rate is short: "1" before "2" before "3"."""

    INTERACTIVE = "1"
    DUE = "2"
    BULK = "3"


LANES = {
    Purpose.REPLY: Lane.INTERACTIVE,
    Purpose.STAFF: Lane.INTERACTIVE,
    Purpose.VISIT: Lane.INTERACTIVE,
    Purpose.HANDOVER: Lane.INTERACTIVE,
    Purpose.ADDRESS: Lane.INTERACTIVE,
    Purpose.REMINDER: Lane.DUE,
    Purpose.CHECK_IN: Lane.DUE,
    Purpose.FEEDBACK: Lane.DUE,
    Purpose.BROADCAST: Lane.BULK,
}


@dataclass(frozen=True, slots=True)
class Venue:
    """A place to be shown on a map, in degrees (WGS84); `address` is "" when it is not known.

    Raises ValueError for degrees that no map has, and for a place without a name.
    """

    name: str
    address: str
    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        # Not a number fails both.
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180) or not self.name.strip():
            raise ValueError("no place on a map")

    def to_json(self) -> list[Any]:
        return [self.name, self.address, self.latitude, self.longitude]

    @classmethod
    def from_json(cls, body: list[Any]) -> Self:
        name, address, latitude, longitude = body
        return cls(name, address, latitude, longitude)


@dataclass(frozen=True, slots=True, repr=False)
class OutboundMessage:
    """One message as a person will see it.

    `prompt_ref` goes into every button, so that a tap on an old message is recognised.
    `edits` is a channel's message reference to write in place of; when it can't be edited any more,
    the message is sent anew. `location_label` is for the channel's own location button, where it has one.
    `tap_ref` is acknowledged with the send; a message without words only acknowledges.
    `takes_keyboard_away` asks a channel with a lasting keyboard (Telegram's location button) to remove
    it. `media_kind`/`media_ref` forward something by the channel's own handle. `document` is a page that is
    made when the message leaves, whose caption the text is. `venue` is shown as the channel's own pin, `clip`
    is a recording that is sent without words; the text stands in their place where there is neither.
    """

    text: str
    language: str
    direction: str = "ltr"
    choices: tuple[Choice, ...] = ()
    prompt_ref: str | None = None
    wants_location: bool = False
    location_label: str | None = None
    takes_keyboard_away: bool = False
    edits: str | None = None
    tap_ref: str | None = None
    media_kind: str | None = None
    media_ref: str | None = None
    document: Document | None = None
    venue: Venue | None = None
    clip: Clip | None = None

    def __repr__(self) -> str:
        return f"<OutboundMessage {self.prompt_ref or 'plain'}>"

    def anew(self) -> Self:
        """Return the same message to be sent instead of written in place."""
        return replace(self, edits=None)

    def to_json(self) -> str:
        """Return a compact text form; `from_json` is its mirror."""
        body = {name: value for name in _FIELDS if (value := getattr(self, name)) not in (None, (), False)}
        if self.choices:
            body["choices"] = [[choice.id, choice.label] for choice in self.choices]
        if self.document:
            body["document"] = self.document.to_json()
        if self.venue:
            body["venue"] = self.venue.to_json()
        if self.clip:
            body["clip"] = self.clip.to_json()
        return _ENCODE(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        body = json.loads(text)
        body["choices"] = tuple(Choice(*pair) for pair in body.get("choices", ()))
        if "document" in body:
            body["document"] = Document.from_json(body["document"])
        if "venue" in body:
            body["venue"] = Venue.from_json(body["venue"])
        if "clip" in body:
            body["clip"] = Clip(*body["clip"])
        return cls(**body)


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FIELDS = tuple(OutboundMessage.__dataclass_fields__)
