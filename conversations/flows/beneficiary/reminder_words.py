"""What each reminder says beside day, hour and town: only what is so, and only what helps then."""

from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Centre
from conversations.care.experiments import Wording
from conversations.care.hours import VisitKind
from conversations.care.people import Role
from conversations.care.reminders import ReminderStep
from conversations.engine.turn import Turn
from conversations.flows.attached_project import project_for
from conversations.flows.beneficiary.travel import plan_words
from conversations.flows.visit_words import (
    address_and_phone,
    centres_phone,
    code_words,
    need_label,
    what_to_bring,
)

# More names than these are no longer somebody who expects you, but a list.
MOST_NAMES = 2


async def what_helps(
    turn: Turn[Any], visit: Appointment, centre: Centre, step: ReminderStep, wording: Wording
) -> list[str | None]:
    """Return the parts of a reminder's text in order; None is left out."""
    if visit.kind is VisitKind.PHONE:
        return _for_call(turn, centre, step)
    match step, wording:
        case ReminderStep.WEEK_BEFORE, _:
            return []
        case ReminderStep.THREE_DAYS_BEFORE, Wording.A:
            return [turn.gettext("How will you get there? It helps to settle it now.")]
        case ReminderStep.THREE_DAYS_BEFORE, Wording.B:
            return [turn.gettext("Can you come? One tap tells the centre.")]
        case ReminderStep.DAY_BEFORE, Wording.A:
            return [await _who_expects(turn, visit), await _what_is_kept(turn, visit), *_code(turn, visit)]
        case ReminderStep.DAY_BEFORE, Wording.B:
            return [_the_way(turn, centre), await what_to_bring(turn), *_code(turn, visit)]
        case ReminderStep.TWO_HOURS_BEFORE, Wording.A:
            return [_the_way(turn, centre), *_code(turn, visit), await what_to_bring(turn)]
    return [_the_way(turn, centre), *_code(turn, visit), await _who_expects(turn, visit)]


def _for_call(turn: Turn[Any], centre: Centre, step: ReminderStep) -> list[str | None]:
    match step:
        case ReminderStep.WEEK_BEFORE:
            return []
        case ReminderStep.THREE_DAYS_BEFORE:
            return [turn.gettext("Where will you be then? Choose a place where you can speak freely.")]
        case ReminderStep.DAY_BEFORE:
            return [
                turn.gettext(
                    "This hour is kept for you. If you can't answer then, tap “Cancel”: "
                    "somebody else can have it."
                )
            ]
        case ReminderStep.TWO_HOURS_BEFORE:
            near = turn.gettext("Keep your phone near you, charged and switched on.")
            return [near, centres_phone(turn, centre)]


def _code(turn: Turn[Any], visit: Appointment) -> tuple[str | None, ...]:
    return plan_words(turn, visit), code_words(turn, visit)


def _the_way(turn: Turn[Any], centre: Centre) -> str:
    if not centre.landmark:
        return address_and_phone(turn, centre)
    landmark = turn.gettext("Landmark: {landmark}").format(landmark=centre.landmark)
    return f"{landmark}\n{address_and_phone(turn, centre)}"


async def _who_expects(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return who is there for the person, and for what; None while the centre has not said so itself."""
    if visit.status is AppointmentStatus.REQUESTED:
        return None
    lines = [await _expecting(turn, visit)]
    if visit.need is not Need.OTHER:
        lines.append(turn.gettext("For: {need}").format(need=need_label(turn, visit.need)))
    return "\n".join(lines)


async def _expecting(turn: Turn[Any], visit: Appointment) -> str:
    staff = await turn.desk.contacts.staff(Role.CASEWORKER, visit.centre_slug)
    names = [each.name for each in staff if each.name]
    if len(names) not in range(1, MOST_NAMES + 1):
        return turn.gettext("🤝 The team expects you.")
    told = turn.pgettext("between names", " and ").join(turn.texts.isolate(name) for name in names)
    return turn.ngettext("🤝 {names} expects you.", "🤝 {names} expect you.", len(names)).format(names=told)


async def _what_is_kept(turn: Turn[Any], visit: Appointment) -> str:
    if visit.kind is VisitKind.GROUP:
        kept = turn.gettext(
            "A place is kept for you at this hour. If you can't come, tap “Cancel”: "
            "somebody else can have it."
        )
    else:
        kept = turn.gettext(
            "This hour is kept for you alone. If you can't come, one tap gives it to somebody else."
        )
    if await project_for(turn, visit) is None:
        return kept
    ready = turn.gettext("📎 They have your project and can talk about it with you.")
    return f"{kept}\n{ready}"
