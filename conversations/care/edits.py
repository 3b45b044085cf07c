"""What managers change of what is told: drafts of their own, what was published, and what was taken back.

Nothing published is ever deleted. What holds for a field is its newest published value; when that is rolled
back, the one before it holds again, and at last what the service was shipped with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from conversations.care.people import ContactId
from conversations.care.rules import Change


class EditState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ROLLED_BACK = "rolled_back"
    # Written by a roll back, for the history: what a field went back to.
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Target:
    """What a change is about. `language` None: the same in every language."""

    entry: str
    field: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A change as it is kept. `before` is what its writer saw in its place.

    `based_on` is the revision that had last touched the field when a draft was written, None when none had;
    of what a roll back wrote, the revision that it took back. `by` None: who wrote it has left since.
    `published_at` and `revision` are None for drafts.
    """

    id: int
    change: Change
    before: object
    state: EditState
    by: ContactId | None
    at: datetime
    published_at: datetime | None = None
    revision: int | None = None
    based_on: int | None = None

    @property
    def target(self) -> Target:
        return target_of(self.change)


@dataclass(frozen=True, slots=True)
class Revision:
    """What was published, or rolled back, in one go. `takes_back` is the revision that it undid."""

    number: int
    by: ContactId | None
    at: datetime
    edits: tuple[Edit, ...]
    takes_back: int | None = None

    @property
    def can_be_rolled_back(self) -> bool:
        return any(edit.state is EditState.PUBLISHED for edit in self.edits)


def target_of(change: Change) -> Target:
    return Target(change.entry, change.field, change.language)


def last_touches(edits: Iterable[Edit]) -> Mapping[Target, Edit]:
    """Return who touched each field last, by publishing or rolling back."""
    done = (edit for edit in edits if edit.revision is not None)
    return {edit.target: edit for edit in sorted(done, key=lambda edit: (edit.revision or 0, edit.id))}


def in_force(edits: Iterable[Edit]) -> Mapping[Target, Edit]:
    """Return what holds now, by field, in the order in which it was published."""
    return last_touches(edit for edit in edits if edit.state is EditState.PUBLISHED)


def touched_meanwhile(drafts: Iterable[Edit], edits: Iterable[Edit]) -> list[Edit]:
    """Return what others did to the fields of these drafts after they were written."""
    touches = last_touches(edits)
    return [
        touch
        for draft in drafts
        if (touch := touches.get(draft.target)) and touch.revision != draft.based_on and touch.by != draft.by
    ]


def value_without(target: Target, revision: int, edits: Iterable[Edit]) -> object:
    """Return what the field will say when a revision is rolled back."""
    others = [edit for edit in edits if edit.target == target and edit.revision is not None]
    left = in_force(edit for edit in others if edit.revision != revision)
    if target in left:
        return left[target].change.value
    # The first who changed it saw what the service was shipped with.
    return min(others, key=lambda edit: (edit.revision or 0, edit.id)).before


def revisions(edits: Iterable[Edit]) -> list[Revision]:
    """Return the history, newest first."""
    done = sorted(
        (edit for edit in edits if edit.revision is not None),
        key=lambda edit: (-(edit.revision or 0), edit.id),
    )
    return [
        _revision(number or 0, tuple(together))
        for number, together in groupby(done, lambda edit: edit.revision)
    ]


def _revision(number: int, edits: tuple[Edit, ...]) -> Revision:
    first = edits[0]
    takes_back = first.based_on if first.state is EditState.TAKEN_BACK else None
    return Revision(number, first.by, first.published_at or first.at, edits, takes_back)
