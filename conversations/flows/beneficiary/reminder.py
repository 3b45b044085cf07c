"""A reminder of a visit. The words change from one to the next: a plan, what is kept ready, the way."""

from conversations.care.appointments import Appointment
from conversations.care.centres import Centre
from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES
from conversations.care.reminders import ReminderStep, reminder_due, still_useful
from conversations.care.visits import VisitNews
from conversations.engine.flow import Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.my_visits import visit_choices
from conversations.flows.beneficiary.visit_notice import act_on_visit, visit_told_of
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import (
    address_and_phone,
    centres_phone,
    code_words,
    how_it_stands,
    over,
    what_to_bring,
    when_and_where,
)


class Remind(Step[VisitNews]):
    name = "remind"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit, step = await visit_told_of(turn), _step(turn)
        return visit is not None and still_useful(
            step,
            due_local=reminder_due(step, visit.starts_local),
            now_local=turn.local_now,
            starts_local=visit.starts_local,
        )

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        parts = [
            _first_line(turn, visit),
            when_and_where(turn, visit, centre),
            how_it_stands(turn, visit),
            *await _what_helps(turn, visit, centre),
        ]
        return Prompt("\n\n".join(part for part in parts if part), visit_choices(turn, visit))

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        return await act_on_visit(turn, choice_id)


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


def _what_helps_for_call(turn: Turn[VisitNews], centre: Centre) -> list[str]:
    match _step(turn):
        case ReminderStep.WEEK_BEFORE:
            return []
        case ReminderStep.THREE_DAYS_BEFORE:
            return [turn.gettext("Where will you be then? Choose a place where you can speak freely.")]
        case ReminderStep.DAY_BEFORE:
            kept = turn.gettext(
                "This hour is kept for you. If you can't answer then, tap “Cancel”: "
                "somebody else can have it."
            )
            return [kept]
        case ReminderStep.TWO_HOURS_BEFORE:
            near = turn.gettext("Keep your phone near you, charged and switched on.")
            return [near, centres_phone(turn, centre)]


async def _what_helps(turn: Turn[VisitNews], visit: Appointment, centre: Centre) -> list[str]:
    if visit.kind is VisitKind.PHONE:
        return _what_helps_for_call(turn, centre)
    match _step(turn):
        case ReminderStep.WEEK_BEFORE:
            return []
        case ReminderStep.THREE_DAYS_BEFORE:
            return [
                turn.gettext("How will you get there, and when will you leave? It helps to settle it now.")
            ]
        case ReminderStep.DAY_BEFORE:
            kept = turn.gettext(
                "A place is kept for you at this hour. If you can't come, tap “Cancel”: "
                "somebody else can have it."
            )
            return [kept, code_words(turn, visit), await what_to_bring(turn)]
        case ReminderStep.TWO_HOURS_BEFORE:
            return [address_and_phone(turn, centre), code_words(turn, visit)]


REMINDER = Flow(name="reminder", draft=VisitNews, steps=[Remind], roles=BENEFICIARIES)
