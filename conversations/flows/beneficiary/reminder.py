"""A reminder of a visit. The words change from one to the next: a plan, who expects them, the way.

Source of the order: the trials that compared wordings (Fishbane 2020: a plan and what is at stake; Hallsworth
2015: what is at stake must be specific). Two of the wordings can be compared: see flows/staff/experiments.py.
"""

from conversations.care.appointments import Appointment
from conversations.care.experiments import Wording
from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES
from conversations.care.reminders import ReminderStep, reminder_due, still_useful
from conversations.care.travel_plans import Way
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.my_visits import visit_choices
from conversations.flows.beneficiary.reminder_words import what_helps
from conversations.flows.beneficiary.travel import ChooseLeaving, keep_way, way_choices
from conversations.flows.beneficiary.visit_notice import act_on_visit, visit_told_of
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.beneficiary.wordings import note_wording, wording_of
from conversations.flows.centre_words import pin_of
from conversations.flows.visit_words import how_it_stands, over, when_and_where


class Remind(Step[VisitNews]):
    name = "remind"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit, step = await visit_told_of(turn), _step(turn)
        return visit is not None and still_useful(
            step,
            due_local=reminder_due(step, visit.starts_local, turn.contact.reminder_hour),
            now_local=turn.local_now,
            starts_local=visit.starts_local,
        )

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        wording = await wording_of(turn, visit, _step(turn))
        parts = [
            _first_line(turn, visit),
            when_and_where(turn, visit, centre),
            how_it_stands(turn, visit),
            *await what_helps(turn, visit, centre, _step(turn), wording),
        ]
        return Prompt("\n\n".join(part for part in parts if part), _choices(turn, visit, wording))

    async def pushed(self, turn: Turn[VisitNews]) -> None:
        """Note for a comparison what was sent, and send the place two hours before."""
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return
        await note_wording(turn, visit, _step(turn))
        pin = pin_of(turn, await turn.desk.centres.get(visit.centre_slug))
        is_on_the_way = _step(turn) is ReminderStep.TWO_HOURS_BEFORE and visit.kind is not VisitKind.PHONE
        if is_on_the_way and pin is not None:
            turn.send_venue(pin)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id not in set(Way):
            return await act_on_visit(turn, choice_id)
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Finish(over(turn))
        await keep_way(turn, visit, Way(choice_id))
        return Goto(ChooseLeaving)


def _step(turn: Turn[VisitNews]) -> ReminderStep:
    return ReminderStep(turn.draft.step or ReminderStep.DAY_BEFORE)


def _first_line(turn: Turn[VisitNews], visit: Appointment) -> str:
    if visit.kind is VisitKind.PHONE:
        return _first_line_of_call(turn, visit)
    if _step(turn) is ReminderStep.TWO_HOURS_BEFORE:
        # Translators: first line seen on a locked screen.
        return turn.gettext("⏰ Today at {time}").format(time=turn.format_time(visit.at))
    # Translators: first line seen on a locked screen.
    return turn.gettext("📅 A reminder for you")


def _first_line_of_call(turn: Turn[VisitNews], visit: Appointment) -> str:
    if _step(turn) is ReminderStep.TWO_HOURS_BEFORE:
        # Translators: first line seen on a locked screen.
        return turn.gettext("📞 You will be called today at {time}").format(time=turn.format_time(visit.at))
    # Translators: first line seen on a locked screen.
    return turn.gettext("📞 A reminder: you will be called")


def _choices(turn: Turn[VisitNews], visit: Appointment, wording: Wording) -> list[Choice]:
    """Return what can be done; where the way is asked for, that is said in place of "I am coming"."""
    choices = visit_choices(turn, visit)
    asks_for_way = (
        _step(turn) is ReminderStep.THREE_DAYS_BEFORE
        and visit.kind is not VisitKind.PHONE
        and wording is Wording.A
    )
    if not asks_for_way:
        return choices
    return [*way_choices(turn), *(choice for choice in choices if choice.id != "coming")]


REMINDER = Flow(name="reminder", draft=VisitNews, steps=[Remind, ChooseLeaving], roles=BENEFICIARIES)
