"""How a visit went, by one tap of a caseworker, and put right by another."""

from datetime import date, time
from typing import Any

from conversations.care import attendance, visits
from conversations.care.appointments import Appointment
from conversations.care.attendance import AfterStep, Mark, mark_of, may_be_marked, word_due
from conversations.care.hours import VisitKind
from conversations.care.tasks import Said, TaskKind
from conversations.care.visits import VisitNews, subject_of
from conversations.engine.flow import Choice
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import VisitChanged
from conversations.flows.attached_project import project_for
from conversations.flows.handover import make_task
from conversations.flows.staff.visit_actions import PROJECT, own_visit

MOVED = "moved"


def can_be_marked(turn: Turn[Any], visit: Appointment) -> bool:
    return may_be_marked(visit, now_local=turn.local_now)


def is_unmarked(turn: Turn[Any], visit: Appointment) -> bool:
    """Tell whether a visit has begun and nobody has said how it went."""
    return visit.is_live and visit.starts_local <= turn.local_now


async def mark_choices(turn: Turn[Any], visit: Appointment) -> list[Choice]:
    """Return what can be said of a visit; who marks one wrongly says something else of it."""
    labels = {
        # Translators: label, at most 20 characters. The person was at their visit.
        Mark.CAME: turn.pgettext("button", "✅ Came"),
        # Translators: label, at most 20 characters. The person came after the hour of their visit.
        Mark.LATE: turn.pgettext("button", "🕐 Came late"),
        # Translators: label, at most 20 characters. The person was not at their visit.
        Mark.MISSED: turn.pgettext("button", "➖ Did not come"),
        # Translators: label, at most 20 characters. The centre could not keep the visit.
        Mark.CALLED_OFF: turn.pgettext("button", "↩️ We cancelled"),
    }
    said = mark_of(visit)
    choices = [Choice(mark, label) for mark, label in labels.items() if mark is not said]
    if visit.kind is not VisitKind.GROUP:
        # Translators: label, at most 20 characters. The visit takes place at another time.
        choices.append(Choice(MOVED, turn.pgettext("button", "🔄 Moved")))
    if await project_for(turn, visit):
        # Translators: label, at most 20 characters. What the person prepared for the visit.
        choices.append(Choice(PROJECT, turn.pgettext("button", "📄 Life project")))
    return choices


async def visit_to_mark(turn: Turn[Any], appointment_id: int, version: int) -> Appointment | str:
    """Return the visit as the caseworker sees it, else the sentence that says why nothing can be noted."""
    visit = await own_visit(turn, appointment_id)
    if visit is None:
        return turn.gettext("This visit is not one of your centre's.")
    if visit.version != version:
        return _changed(turn, visit)
    if not can_be_marked(turn, visit):
        return turn.gettext("Visit {code}: nothing can be noted about it any more.").format(code=visit.code)
    return visit


async def note_mark(turn: Turn[Any], appointment_id: int, version: int, said: Mark) -> str:
    """Write down how a visit went and see to what follows; return what to tell the caseworker."""
    visit = await visit_to_mark(turn, appointment_id, version)
    if isinstance(visit, str):
        return visit
    try:
        marked = await attendance.mark(turn, visit, said)
    except VisitChanged:
        return _changed(turn, visit)
    lines = [turn.gettext("Noted: visit {code}.").format(code=visit.code), await _told(turn, visit, said)]
    if marked.asks_for_call:
        person = await turn.desk.contacts.get(visit.contact_id)
        handover = await make_task(turn.desk, person, TaskKind.MISSED_VISITS, Said(), now=turn.now)
        turn.effects.extend(handover.news)
        lines.append(
            turn.gettext("It is the second in a row: a call may help. It stands under “People waiting”.")
        )
    return "\n".join(line for line in lines if line)


async def agree_on(turn: Turn[Any], visit: Appointment, day: date, at: time) -> Appointment:
    """Move a visit whose time has come to one agreed with its person, who gets it in writing.

    Raises SlotTaken, VisitChanged.
    """
    moved = await visits.move_begun(turn, visit, day=day, at=at)
    turn.push(
        moved.contact_id,
        "visit_confirmed",
        VisitNews(moved.id, moved.version),
        purpose=Purpose.VISIT,
        key=f"{subject_of(moved.id)}:{moved.version}:confirmed",
        subject=subject_of(moved.id),
    )
    return moved


async def _told(turn: Turn[Any], visit: Appointment, said: Mark) -> str | None:
    """Return what the person hears of a mark; None when they hear nothing of it but a question later."""
    if said in (Mark.CAME, Mark.LATE):
        return None
    step = AfterStep.MISSED if said is Mark.MISSED else AfterStep.CALLED_OFF
    if word_due(step, marked_local=turn.local_now, starts_local=visit.starts_local) is None:
        return None
    if not await turn.desk.contacts.is_reachable(visit.contact_id):
        return turn.gettext("The person can't be reached here at the moment and does not know.")
    if said is Mark.MISSED:
        return turn.gettext("The person is offered other times, without blame.")
    return turn.gettext("The person hears that it was us, and is offered other times.")


def _changed(turn: Turn[Any], visit: Appointment) -> str:
    return turn.gettext("Visit {code} has changed meanwhile. This is how it stands now.").format(
        code=visit.code
    )
