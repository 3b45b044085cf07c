"""Something a caseworker has to do for a person."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from conversations.care.people import ContactId
from conversations.engine.flow import SentMedia
from conversations.engine.reply import Channel, MediaKind

# Unicode's separator of records, which no keyboard writes: behind it stands what is no words.
_BEHIND_WORDS = "\x1e"


class TaskKind(StrEnum):
    """Why a person needs a caseworker."""

    MESSAGE = "message"  # they wrote to a person
    HELP = "help"  # they answered a check-in with "I need help"
    CALL_BACK = "call_back"  # they want to be called
    DANGER = "danger"  # their words sounded like danger
    UNREACHED = "unreached"  # a message that they need can't be brought to them
    DISPLACED = "displaced"  # the centre is closed at their visit's time, and they have no other
    NOT_UNDERSTOOD = "not_understood"  # the service failed them three times
    MISSED_VISITS = "missed_visits"  # a call may help them to come


class TaskStatus(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """What a person told a caseworker: words, something sent along, a number to be called at.

    A task keeps it as one text, which is encrypted: `to_text`, and `from_text` is its mirror. Words
    alone are kept as they are.
    """

    words: str = ""
    media: SentMedia | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        return "<Said>"

    def to_text(self) -> str:
        words = self.words.replace(_BEHIND_WORDS, " ")
        if self.media is None and self.phone is None:
            return words
        media = self.media and [self.media.kind, self.media.channel, self.media.ref]
        return words + _BEHIND_WORDS + json.dumps({"media": media, "phone": self.phone})

    @classmethod
    def from_text(cls, text: str) -> Self:
        words, _, behind = text.partition(_BEHIND_WORDS)
        if not behind:
            return cls(words)
        body = json.loads(behind)
        media = None
        if body["media"]:
            kind, channel, ref = body["media"]
            media = SentMedia(kind=MediaKind(kind), channel=Channel(channel), ref=ref)
        return cls(words, media, body["phone"])


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """`centre_slug` None: every caseworker sees it. `text` is what the person said (`Said.from_text`)."""

    id: int
    contact_id: ContactId
    centre_slug: str | None
    kind: TaskKind
    text: str
    urgent: bool
    status: TaskStatus
    taken_by: ContactId | None
    created_at: datetime

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.kind}>"
