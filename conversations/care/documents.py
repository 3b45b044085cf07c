"""Files that somebody asked to have: pages to print, dates for a calendar."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from conversations.care.people import ContactId


class DocumentKind(StrEnum):
    LIFE_PROJECT = "life_project"
    VISIT_DATE = "visit_date"  # a visit for the calendar of the person's phone
    DOOR_PAGE = "door_page"  # what hangs at the door of a centre


@dataclass(frozen=True, slots=True)
class Document:
    """A file by what it is about: it is made when it is sent, from what is then kept.

    `contact_id` is who asked for it or, of a life project, whose it is. `visit_id` is the visit it tells of;
    a life project with one is there only while it is attached to that visit. `centre_slug` is the centre of a
    page for a door.
    """

    kind: DocumentKind
    contact_id: ContactId
    visit_id: int | None = None
    centre_slug: str | None = None

    def to_json(self) -> list[Any]:
        return [self.kind, self.contact_id, self.visit_id, self.centre_slug]

    @classmethod
    def from_json(cls, body: list[Any]) -> Self:
        # What waits from before there were centres' pages has no fourth part.
        kind, contact_id, visit_id, *rest = body
        return cls(DocumentKind(kind), ContactId(contact_id), visit_id, *rest)
