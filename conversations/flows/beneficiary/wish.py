"""What a person is about to arrange: the draft of the flows that find a centre, book and change visits."""

from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from conversations.care.appointments import Appointment, Need
from conversations.care.hours import VisitKind
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive


@dataclass
class Wish:
    """A visit in the making, or one to change (`appointment_id`, 0 for a new one).

    `place_id` and `province` are where the person looks from, `order` the centres as they are best
    for that place, `hits` the places their words may have meant. `page` is the part of a long list that
    is on the screen. `brings_project`: the person lets the centre read their life project, once the visit
    is booked. `kind` is how they and the centre meet, `phone` where to call them; `wants_woman`: they
    would rather speak with a woman. `group_session_id` is the session of which a place is wanted, 0: none.
    No position is ever kept.
    """

    appointment_id: int = 0
    need: Need | None = None
    centre: str = ""
    day: date | None = None
    at: time | None = None
    place_id: str = ""
    province: str = ""
    region: str = ""
    hits: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    page: int = 0
    brings_project: bool = False
    kind: VisitKind = VisitKind.IN_PERSON
    phone: str = field(default="", repr=False)
    wants_woman: bool = False
    group_session_id: int = 0

    def takes_up(self, visit: Appointment) -> None:
        """Begin with the visit as it stands, to change it."""
        self.appointment_id, self.need, self.centre = visit.id, visit.need, visit.centre_slug
        self.kind, self.wants_woman = visit.kind, visit.wants_woman


def wish_to_change(visit: Appointment) -> Wish:
    wish = Wish()
    wish.takes_up(visit)
    return wish


async def live_visit(turn: Turn[Any], appointment_id: int) -> Appointment | None:
    """Return the person's own visit while it can still be changed: live and not yet begun."""
    try:
        visit = await turn.desk.appointments.get(appointment_id)
    except AppointmentNotLive:
        return None
    is_ahead = visit.is_live and visit.starts_at(turn.world.zone) > turn.now
    return visit if is_ahead and visit.contact_id == turn.contact.id else None
