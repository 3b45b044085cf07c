"""Where a contact stands: one session per contact, and the notices pushed beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from conversations.engine.flow import JSON, Choice

# A dialogue left for longer than this starts afresh, politely. Menus never expire.
PATIENCE = timedelta(hours=24)
_PLACES = ("frame", "resume", "awaits")
_MOMENTS = ("shown_at", "expires_at", "tapped_at")


@dataclass(frozen=True, slots=True)
class Frame:
    """A place inside a flow: what is needed to ask the step again."""

    flow: str
    version: int
    step: str
    draft: JSON = field(default_factory=dict)
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """The conversation with one contact.

    `frame` is None between flows. `choices` are the ones last shown, under prompt number
    `prompt_no`; replies are matched against them and never against recomputed ones. `resume` is
    the place a pushed notice interrupted; `awaits` is what the person came for, and gets to once
    they have chosen a language and answered the question of consent. `misses` counts answers in a
    row that were not understood, `failures` turns in a row that went wrong. `tapped` is the prompt
    and the choice last acted on by a tap. Moments are aware UTC.
    """

    frame: Frame | None = None
    prompt_no: int = 0
    choices: tuple[Choice, ...] = ()
    wants_location: bool = False
    shown_at: datetime | None = None
    expires_at: datetime | None = None
    resume: Frame | None = None
    awaits: Frame | None = None
    misses: int = 0
    failures: int = 0
    tapped: str | None = None
    tapped_at: datetime | None = None

    def __repr__(self) -> str:
        return f"<Session prompt {self.prompt_no}>"

    @property
    def prompt_ref(self) -> str:
        return f"p{self.prompt_no}"

    def offers(self, choice_id: str) -> bool:
        return any(choice.id == choice_id for choice in self.choices)

    def to_json(self) -> str:
        """Return a text form; `from_json` is its mirror."""
        body = {name: getattr(self, name) for name in _FIELDS}
        for name in _MOMENTS:
            body[name] = body[name] and body[name].isoformat()
        for name in _PLACES:
            body[name] = body[name] and _fields(body[name])
        body["choices"] = _pairs(self.choices)
        return _ENCODE(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        body = json.loads(text)
        for name in _MOMENTS:
            body[name] = datetime.fromisoformat(body[name]) if body.get(name) else None
        for name in _PLACES:
            # Sessions from before there was one have none.
            body[name] = _frame(body[name]) if body.get(name) else None
        body["choices"] = _choices(body["choices"])
        return cls(**body)


@dataclass(frozen=True, slots=True)
class Notice:
    """A prompt pushed to a contact beside the session: a reminder, a booking to confirm.

    `id` is unique over all contacts and names the prompt as "n<id>". `subject` ("visit:12") lets
    every open notice about a thing be closed when the thing is gone.
    """

    id: int
    frame: Frame
    choices: tuple[Choice, ...]
    created_at: datetime
    subject: str | None = None

    @property
    def prompt_ref(self) -> str:
        return f"n{self.id}"

    def offers(self, choice_id: str) -> bool:
        return any(choice.id == choice_id for choice in self.choices)


def notice_to_json(frame: Frame, choices: Sequence[Choice]) -> str:
    """Return the stored form of a notice's content; `notice_from_json` is its mirror."""
    return json.dumps({"frame": _fields(frame), "choices": _pairs(choices)}, ensure_ascii=False)


def notice_from_json(text: str) -> tuple[Frame, tuple[Choice, ...]]:
    body = json.loads(text)
    return _frame(body["frame"]), _choices(body["choices"])


def renewed(session: Session, now: datetime) -> Session:
    """Return the session with its patience counted from now."""
    return replace(session, expires_at=now + PATIENCE)


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FIELDS = tuple(Session.__dataclass_fields__)
_FRAME_FIELDS = tuple(Frame.__dataclass_fields__)


def _fields(frame: Frame) -> JSON:
    # asdict would copy every value of the draft, for nothing.
    return {name: getattr(frame, name) for name in _FRAME_FIELDS}


def _frame(body: JSON) -> Frame:
    return Frame(**{**body, "history": tuple(body["history"])})


def _pairs(choices: Sequence[Choice]) -> list[list[str]]:
    return [[choice.id, choice.label] for choice in choices]


def _choices(pairs: list[list[str]]) -> tuple[Choice, ...]:
    return tuple(Choice(*pair) for pair in pairs)
