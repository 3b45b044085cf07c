"""What a caseworker can do about a visit, from its news and from the agenda alike.

Everything is checked at the moment of the tap: a colleague may have been faster, the person may have
moved or cancelled, the caseworker may have gone to another centre.
"""

from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.hours import VisitKind
from conversations.care.visits import VisitNews, subject_of
from conversations.engine.flow import Choice
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive, VisitChanged
from conversations.flows.attached_project import project_for

CONFIRM, PROPOSE, CALL, PROJECT = "confirm", "propose", "call", "project"
# The flow that shows the life project (conversations/flows/staff/visit_project.py).
VISIT_PROJECT = "visit_project"


async def action_choices(turn: Turn[Any], visit: Appointment) -> list[Choice]:
    """Return what can be done about a live visit; only a request can be confirmed.

    What the person prepared is offered when they let the centre read it.
    """
    # Translators: label, at most 20 characters. Asks the person to call the centre.
    choices = [Choice(CALL, turn.pgettext("button", "📞 Ask to call me"))]
    # A place in a group can only go to another session, which the person chooses.
    if visit.kind is not VisitKind.GROUP:
        # Translators: label, at most 20 characters.
        choices.insert(0, Choice(PROPOSE, turn.pgettext("button", "🕐 Other time")))
    if visit.status is AppointmentStatus.REQUESTED and not visit.displaced_at:
        # Translators: label, at most 20 characters.
        choices.insert(0, Choice(CONFIRM, turn.pgettext("button", "✅ Confirm")))
    if await project_for(turn, visit):
        # Translators: label, at most 20 characters. What the person prepared for the visit.
        choices.append(Choice(PROJECT, turn.pgettext("button", "📄 Life project")))
    return choices


async def own_visit(turn: Turn[Any], appointment_id: int) -> Appointment | None:
    """Return a visit of the caseworker's own centre, live or not; None for any other."""
    try:
        visit = await turn.desk.appointments.get(appointment_id)
    except AppointmentNotLive:
        return None
    return visit if visit.centre_slug == turn.contact.centre_slug else None


async def visit_to_act_on(turn: Turn[Any], appointment_id: int) -> Appointment | str:
    """Return the visit while something can be done about it, else the sentence that says why not."""
    visit = await own_visit(turn, appointment_id)
    if visit is None:
        return turn.gettext("This visit is not one of your centre's.")
    if visit.status is AppointmentStatus.CANCELLED:
        return turn.gettext("Visit {code} was cancelled meanwhile. There is nothing left to do.").format(
            code=visit.code
        )
    if not visit.is_live or visit.starts_at(turn.world.zone) <= turn.now:
        return turn.gettext("The time of visit {code} has passed.").format(code=visit.code)
    return visit


async def note_look(turn: Turn[Any], visit: Appointment) -> None:
    """Write down that this caseworker opened a visit with the name the person gave."""
    await turn.desk.audit.looked(turn.contact.id, visit.contact_id, "visit", now=turn.now)


async def open_project(turn: Turn[Any], appointment_id: int) -> Appointment | str:
    """Write down that this caseworker opens the life project of a visit, and return the visit.

    Instead comes the sentence that says why not: the person may have taken it back a moment ago.
    """
    visit = await own_visit(turn, appointment_id)
    if visit is None:
        return turn.gettext("This visit is not one of your centre's.")
    if await project_for(turn, visit) is None:
        return turn.gettext("The life project is no longer with visit {code}.").format(code=visit.code)
    await turn.desk.audit.looked(turn.contact.id, visit.contact_id, "life_project", now=turn.now)
    return visit


async def confirm(turn: Turn[Any], appointment_id: int, version: int) -> str:
    """Confirm the request as it was seen and tell the person; return what to tell the caseworker."""
    visit = await visit_to_act_on(turn, appointment_id)
    if isinstance(visit, str):
        return visit
    try:
        confirmed = await visits.confirm(turn, appointment_id, version=version)
    except VisitChanged:
        return await _why_not_confirmed(turn, appointment_id)
    if await turn.desk.contacts.is_reachable(confirmed.contact_id):
        _tell_person(turn, confirmed, "visit_confirmed", "confirmed")
        said = turn.gettext("Confirmed: visit {code}. The person knows.")
    else:
        said = turn.gettext(
            "Confirmed: visit {code}. The person can't be reached here at the moment and does not know yet."
        )
    return _with_time(turn, confirmed, said.format(code=visit.code))


async def ask_to_call(turn: Turn[Any], appointment_id: int) -> str:
    """Ask the person to call the centre, once a day at most; return what to tell the caseworker."""
    visit = await visit_to_act_on(turn, appointment_id)
    if isinstance(visit, str):
        return visit
    if not await turn.desk.contacts.is_reachable(visit.contact_id):
        return turn.gettext(
            "The person of visit {code} can't be reached here at the moment, so nobody was asked to call."
        ).format(code=visit.code)
    _tell_person(turn, visit, "call_request", f"call:{turn.today.isoformat()}")
    return turn.gettext("The person of visit {code} has been asked to call.").format(code=visit.code)


async def _why_not_confirmed(turn: Turn[Any], appointment_id: int) -> str:
    """Return how a visit stands that somebody else changed, perhaps a moment ago: it is read again."""
    visit = await visit_to_act_on(turn, appointment_id)
    if isinstance(visit, str):
        return visit
    if visit.displaced_at:
        said = turn.gettext("The centre is closed at the time of visit {code}, so nothing was confirmed:")
    elif visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("Visit {code} is already confirmed.")
    else:
        said = turn.gettext("Visit {code} was moved meanwhile, so nothing was confirmed. Its time now:")
    return _with_time(turn, visit, said.format(code=visit.code))


def _tell_person(turn: Turn[Any], visit: Appointment, flow: str, what: str) -> None:
    turn.push(
        visit.contact_id,
        flow,
        VisitNews(visit.id, visit.version),
        purpose=Purpose.VISIT,
        key=f"{subject_of(visit.id)}:{visit.version}:{what}",
        subject=subject_of(visit.id),
    )


def _with_time(turn: Turn[Any], visit: Appointment, said: str) -> str:
    return f"{said}\n{turn.format_day(visit.day)}\n{turn.format_time(visit.at)}"
