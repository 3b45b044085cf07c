"""The centre has confirmed the time of a visit."""

from conversations.care.appointments import AppointmentStatus
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.my_visits import visit_choices
from conversations.flows.beneficiary.visit_date import visit_date_choice
from conversations.flows.beneficiary.visit_notice import act_on_visit, visit_told_of
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import over, visit_card


class TellConfirmed(Step[VisitNews]):
    name = "confirmed"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit = await visit_told_of(turn)
        return visit is not None and visit.status is AppointmentStatus.CONFIRMED

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        # Translators: first line seen on a locked screen.
        said = turn.gettext("✅ Your time is confirmed.")
        choices = [*visit_choices(turn, visit), visit_date_choice(turn, visit)]
        return Prompt(f"{said}\n\n{await visit_card(turn, visit, centre)}", choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        return await act_on_visit(turn, choice_id)


VISIT_CONFIRMED = Flow(name="visit_confirmed", draft=VisitNews, steps=[TellConfirmed], roles=BENEFICIARIES)
