"""The words flows are written in: steps, prompts, choices, moves.

A flow is a list of step classes and a typed draft. Asking and answering are two methods: `ask` has
no effects, so a prompt can be shown again after a restart, in another language or on Back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from conversations.care.people import Role
from conversations.engine.reply import Channel, MediaKind

if TYPE_CHECKING:
    from conversations.engine.reply import Reply
    from conversations.engine.turn import Turn

Draft = TypeVar("Draft")
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. The id means the same in every language; the label is only for eyes.

    Ids hold at most 40 bytes of ASCII, so that prompt reference and id fit Telegram's 64 bytes.
    """

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class SentMedia:
    """A voice note or picture by its channel's own handle, which means nothing to other channels."""

    kind: MediaKind
    ref: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person sees: a text and what they can choose.

    `wants_location` asks the channel for its "share my location" button. `navigation` False leaves
    out Back and Menu, for prompts that come before the menu or that are the menu. `media` is something a
    person sent that is passed on with the prompt, where the reader is on the same channel.
    """

    text: str
    choices: Sequence[Choice] = ()
    wants_location: bool = False
    navigation: bool = True
    media: SentMedia | None = None


@dataclass(frozen=True, slots=True)
class Goto:
    """Go on to another step of the same flow."""

    step: type[Step[Any]]


@dataclass(frozen=True, slots=True)
class Again:
    """Ask the same step once more, with a notice that says why (None: it simply changed)."""

    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Enter:
    """Go on in another flow, from its first step or the one named; the notice stands above its prompt."""

    flow: str
    draft: Any = None
    step: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The flow is over. The text is the last word; `choices` may lead on (global ids only)."""

    text: str
    choices: Sequence[Choice] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """Go to the person's menu, with a notice above it."""

    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Farewell:
    """Say a last word and forget where the person was: their data have just been erased."""

    text: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """The turn's contact is now who has just been found out: go on where they are, with a notice."""

    notice: str


Move = Goto | Again | Enter | Finish | Home | Farewell | GoOn


class Step(ABC, Generic[Draft]):
    """One question. `name` is stored in sessions: rename only with an entry in `Flow.renamed`."""

    name: ClassVar[str]
    # Off for steps whose free text may look like a number or a button's label (a phone, a message).
    matches_typed_choices: ClassVar[bool] = True
    # On for steps that ask for a secret: what was sent is kept nowhere.
    is_secret: ClassVar[bool] = False

    @abstractmethod
    async def ask(self, turn: Turn[Draft]) -> Prompt:
        """Return the prompt, without any effect."""

    async def holds(self, turn: Turn[Draft]) -> bool:
        """Tell, before a pushed prompt is made, whether what it is about is still so."""
        return True

    async def left(self, turn: Turn[Draft]) -> None:
        """Act when the person goes back from here, or to the menu, without an answer."""

    async def pushed(self, turn: Turn[Draft]) -> None:
        """Act once the prompt was pushed to the turn's contact, who can read it from now on."""

    async def chosen(self, turn: Turn[Draft], choice_id: str) -> Move:
        """Act on a choice that the stored prompt offered."""
        return Again(turn.not_understood())

    async def answer(self, turn: Turn[Draft], reply: Reply) -> Move:
        """Act on anything that is no choice: text, a location, a voice note."""
        return Again(turn.not_understood(reply))


@dataclass(frozen=True)
class Flow(Generic[Draft]):
    """A conversation: its steps in the order a person meets them, and the draft they fill.

    `version` grows when stored drafts would no longer fit; `upgrade(version, draft)` returns the
    draft in today's form, or None to start over politely. `roles` may enter it. `waits_at_gate`: who has to
    choose a language or answer the question of consent first comes to it afterwards.
    """

    name: str
    draft: type[Draft]
    steps: Sequence[type[Step[Draft]]]
    roles: frozenset[Role] = frozenset(Role)
    version: int = 1
    renamed: Mapping[str, str] = field(default_factory=dict)
    upgrade: Callable[[int, JSON], JSON | None] | None = None
    waits_at_gate: bool = False

    @property
    def first(self) -> type[Step[Draft]]:
        return self.steps[0]

    def step(self, name: str) -> type[Step[Draft]] | None:
        """Return the step stored under this name, today's or an old one; None when it is gone."""
        name = self.renamed.get(name, name)
        return next((step for step in self.steps if step.name == name), None)
