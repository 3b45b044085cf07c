"""Pages that somebody asked to have as a file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from conversations.care.people import ContactId


class DocumentKind(StrEnum):
    LIFE_PROJECT = "life_project"


@dataclass(frozen=True, slots=True)
class Document:
    """A page by what it is about: it is made when it is sent, from what is then kept.

    `contact_id` is whose it is. With `visit_id` it is there only while it is attached to that visit.
    """

    kind: DocumentKind
    contact_id: ContactId
    visit_id: int | None = None

    def to_json(self) -> list[Any]:
        return [self.kind, self.contact_id, self.visit_id]

    @classmethod
    def from_json(cls, body: list[Any]) -> Self:
        kind, contact_id, visit_id = body
        return cls(DocumentKind(kind), ContactId(contact_id), visit_id)
