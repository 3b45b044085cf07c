"""A visit for the calendar of the person's phone: a file, asked for with a button under the visit."""

from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.documents import Document, DocumentKind
from conversations.engine.flow import Choice
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import over

# The name of the link (Routes.links): the button works under every message about a visit, old ones too.
VISIT_DATE = "!visit_date"


def visit_date_choice(turn: Turn[Any], visit: Appointment) -> Choice:
    # Translators: label, at most 20 characters. Sends a file with the date for the phone's own calendar.
    return Choice(f"{VISIT_DATE}={visit.id}", turn.pgettext("button", "📆 To my calendar"))


async def send_visit_date(turn: Turn[Any], appointment_id: str) -> str | None:
    """Send the file of a visit of the person's own, under what is on the screen."""
    visit = await live_visit(turn, int(appointment_id)) if _is_id(appointment_id) else None
    if visit is None:
        return over(turn)
    turn.send_document(Document(DocumentKind.VISIT_DATE, turn.contact.id, visit_id=visit.id))
    return None


def _is_id(text: str) -> bool:
    # Longer numbers than the database counts are no visit's.
    return text.isascii() and text.isdecimal() and len(text) <= 18
