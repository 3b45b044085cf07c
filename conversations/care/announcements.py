"""News that a manager sends to the people who agreed to news."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from conversations.care.people import ContactId

# Who reads what when there is no text in their own language: the nearest one in a script they read.
NEAREST_LANGUAGE: Mapping[str, tuple[str, ...]] = {
    "ary": ("ary", "ar"),
    "ar": ("ar", "ary"),
    "fr": ("fr",),
    "en": ("en", "fr"),
}


def text_language(language: str, written: Collection[str]) -> str | None:
    """Return the language of the text a person gets, None when there is none for them."""
    return next((tongue for tongue in NEAREST_LANGUAGE.get(language, ()) if tongue in written), None)


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody, or those of one region (HCP code) or one centre; `language` narrows it to one language."""

    region_code: str | None = None
    centre_slug: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a platform charges for: `messages` of an announcement to come, `today` what it charged so far.

    `counted` is how much of today's budget is used up. `unreachable` of the messages can't leave, since they
    need an approved template and there is none.
    """

    messages: int = 0
    today: int = 0
    counted: int = 0
    unreachable: int = 0


class AnnouncementStatus(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Announcement:
    id: int
    author: ContactId
    audience: Audience
    texts: Mapping[str, str]
    status: AnnouncementStatus
    total: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an announcement is. `dropped`: it was stopped, or the person said STOP meanwhile."""

    total: int
    sent: int
    failed: int
    blocked: int
    dropped: int

    @property
    def waiting(self) -> int:
        return self.total - self.sent - self.failed - self.blocked - self.dropped
