"""Something a caseworker has to do for a person."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from conversations.care.people import ContactId


class TaskKind(StrEnum):
    """Why a person needs a caseworker."""

    MESSAGE = "message"  # they wrote to a person
    HELP = "help"  # they answered a check-in with "I need help"
    CALL_BACK = "call_back"  # they want to be called
    DANGER = "danger"  # their words sounded like danger
    NOT_UNDERSTOOD = "not_understood"  # the service failed them three times


class TaskStatus(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """`centre_slug` None: every caseworker sees it. `text` holds the person's words."""

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
