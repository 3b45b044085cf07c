"""The centre called off a group session in which the person had a place."""

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.errors import AppointmentNotLive
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.visit_words import over, when_and_where


class TellCalledOff(Step[VisitNews]):
    name = "called_off"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit = await _visit(turn)
        return visit is not None and visit.status is AppointmentStatus.CANCELLED

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await _visit(turn)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        # Translators: first line seen on a locked screen.
        said = turn.gettext("❌ Your meeting is called off.")
        sorry = turn.gettext(
            "The centre had to cancel the group session; we are sorry. You can choose another time."
        )
        choices = [
            # Translators: label, at most 20 characters.
            Choice("other", turn.pgettext("button", "📅 Another time")),
            # Translators: label, at most 20 characters.
            Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person")),
        ]
        return Prompt(f"{said}\n\n{when_and_where(turn, visit, centre)}\n\n{sorry}", choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        visit = await _visit(turn)
        wish = Wish(need=visit.need, centre=visit.centre_slug) if visit else Wish()
        return Enter("booking", wish, step="day" if visit else None)


async def _visit(turn: Turn[VisitNews]) -> Appointment | None:
    """Return the visit that was, while it is still known whose it is."""
    try:
        visit = await turn.desk.appointments.get(turn.draft.appointment_id)
    except AppointmentNotLive:
        return None
    return visit if visit.contact_id == turn.contact.id else None


GROUP_CALLED_OFF = Flow("group_called_off", VisitNews, (TellCalledOff,), roles=BENEFICIARIES)
