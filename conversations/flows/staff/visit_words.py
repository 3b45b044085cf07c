"""How staff read about a visit: what it is for, how it stands, when and whose."""

from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.hours import VisitKind
from conversations.engine.turn import Turn
from conversations.flows.visit_words import need_label


def status_words(turn: Turn[Any], status: AppointmentStatus) -> str:
    """Return how a visit stands, short enough for a line of the agenda."""
    match status:
        case AppointmentStatus.REQUESTED:
            return turn.pgettext("visit", "⏳ request")
        case AppointmentStatus.CONFIRMED:
            return turn.pgettext("visit", "✔️ confirmed")
        case AppointmentStatus.CANCELLED:
            return turn.pgettext("visit", "❌ cancelled")
        case AppointmentStatus.ATTENDED:
            return turn.pgettext("visit", "✅ came")
        case AppointmentStatus.LATE:
            return turn.pgettext("visit", "🕐 came late")
        case AppointmentStatus.MISSED:
            return turn.pgettext("visit", "➖ did not come")


def how_it_stands(turn: Turn[Any], visit: Appointment) -> str:
    """Return how a visit stands, also that the centre is closed at its time."""
    if visit.displaced_at:
        return turn.pgettext("visit", "⚠️ to be moved")
    return status_words(turn, visit.status)


def agenda_line(turn: Turn[Any], visit: Appointment) -> str:
    """Return a visit as one line of the agenda; names stand on its card only."""
    line = turn.gettext("{time} · {code} · {need} · {status}").format(
        time=turn.format_time(visit.at),
        code=visit.code,
        need=need_label(turn, visit.need),
        status=how_it_stands(turn, visit),
    )
    marks = [
        "📞" if visit.kind is VisitKind.PHONE else "",
        "👩" if visit.wants_woman else "",
        attendance_words(turn, visit) or "",
    ]
    return " · ".join([line, *filter(None, marks)])


def attendance_words(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return whether the person is there or said they come, None when neither."""
    if visit.arrived_at is not None:
        return turn.pgettext("visit", "🚪 arrived")
    return turn.pgettext("visit", "👍 coming") if visit.coming else None


async def visit_details(turn: Turn[Any], visit: Appointment) -> str:
    """Return day, time, need, code, status and the name the person gave, each on its line."""
    lines = [session_details(turn, visit), turn.gettext("Code: {code}").format(code=visit.code)]
    if name := await _name(turn, visit):
        lines.append(turn.gettext("Name: {name}").format(name=name))
    if visit.kind is VisitKind.PHONE:
        lines.append(turn.gettext("📞 By phone: the centre calls the person."))
    if visit.wants_woman:
        lines.append(turn.gettext("👩 Would rather speak with a woman."))
    lines.append(how_it_stands(turn, visit))
    if visit.is_live and (note := attendance_words(turn, visit)):
        lines.append(note)
    return "\n".join(lines)


def session_details(turn: Turn[Any], visit: Appointment) -> str:
    """Return day, time and need, each on its line: what a visit shares with others of its group session."""
    need = turn.gettext("For: {need}").format(need=need_label(turn, visit.need))
    return "\n".join([turn.format_day(visit.day), turn.format_time(visit.at), need])


async def number_to_call(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return where to call for a live visit by telephone, None for any other.

    For the card alone, which nobody opens without its being written down.
    """
    if visit.kind is not VisitKind.PHONE or not visit.is_live:
        return None
    phone = await turn.desk.appointments.phone(visit.id)
    if phone is None:
        return turn.gettext("The number to call is not kept any more.")
    label = turn.gettext("Call this number:")
    return f"{label}\n{turn.texts.isolate(phone)}"


async def _name(turn: Turn[Any], visit: Appointment) -> str | None:
    # A visit that is over or cancelled may have lost its person, who had their data erased.
    if not visit.is_live:
        return None
    return (await turn.desk.contacts.get(visit.contact_id)).name
