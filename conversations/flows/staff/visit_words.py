"""How staff read about a visit: what it is for, how it stands, when and whose."""

from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus
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
        case AppointmentStatus.ATTENDED | AppointmentStatus.LATE | AppointmentStatus.MISSED:
            return turn.pgettext("visit", "over")


def agenda_line(turn: Turn[Any], visit: Appointment) -> str:
    """Return a visit as one line of the agenda; names stand on its card only."""
    line = turn.gettext("{time} · {code} · {need} · {status}").format(
        time=turn.format_time(visit.at),
        code=visit.code,
        need=need_label(turn, visit.need),
        status=status_words(turn, visit.status),
    )
    note = attendance_words(turn, visit)
    return f"{line} · {note}" if note else line


def attendance_words(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return whether the person is there or said they come, None when neither."""
    if visit.arrived_at is not None:
        return turn.pgettext("visit", "🚪 arrived")
    return turn.pgettext("visit", "👍 coming") if visit.coming else None


async def visit_details(turn: Turn[Any], visit: Appointment) -> str:
    """Return day, time, need, code, status and the name the person gave, each on its line."""
    lines = [
        turn.format_day(visit.day),
        turn.format_time(visit.at),
        turn.gettext("For: {need}").format(need=need_label(turn, visit.need)),
        turn.gettext("Code: {code}").format(code=visit.code),
    ]
    if name := await _name(turn, visit):
        lines.append(turn.gettext("Name: {name}").format(name=name))
    lines.append(status_words(turn, visit.status))
    if visit.is_live and (note := attendance_words(turn, visit)):
        lines.append(note)
    return "\n".join(lines)


async def _name(turn: Turn[Any], visit: Appointment) -> str | None:
    # A visit that is over or cancelled may have lost its person, who had their data erased.
    if not visit.is_live:
        return None
    return (await turn.desk.contacts.get(visit.contact_id)).name
