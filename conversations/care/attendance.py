"""After a visit: who came, what its person hears of it, and when a caseworker had better call.

A miss is never a judgement: nothing is counted about a person but whether somebody should call them. What a
centre cancels itself is never called a miss, and is counted apart.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy
from conversations.care.quiet import next_allowed
from conversations.care.tasks import TaskKind
from conversations.care.visits import free_kept, subject_of
from conversations.care.wall_time import to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn

# People come early.
MARKED_FROM = timedelta(minutes=15)
MARKED_FOR = timedelta(days=14)

# So many visits missed in a row ask for a call.
MISSES_FOR_A_CALL = 2

# Rebooking helps while the matter is fresh; later it would only remind of a failure.
MISSED_HELPS = timedelta(days=3)
WORD_HELPS = timedelta(days=3)
FEEDBACK_AFTER = timedelta(hours=2)
FEEDBACK_FROM, FEEDBACK_UNTIL = time(9), time(20)


class Mark(StrEnum):
    """What a caseworker says of a visit; the values are the ids of choices."""

    CAME = "came"
    LATE = "late"
    MISSED = "missed"
    CALLED_OFF = "called_off"  # the centre could not keep it


_STATUSES = {
    Mark.CAME: AppointmentStatus.ATTENDED,
    Mark.LATE: AppointmentStatus.LATE,
    Mark.MISSED: AppointmentStatus.MISSED,
    Mark.CALLED_OFF: AppointmentStatus.CANCELLED,
}


class Hindrance(StrEnum):
    """What got in the way of a visit; the values are stored and are the ids of choices."""

    FORGOT = "forgot"
    TRANSPORT = "transport"
    WORK = "work"
    HEALTH = "health"
    FAMILY = "family"
    NOT_WANTED = "not_wanted"
    OTHER = "other"


class Feeling(StrEnum):
    """How somebody found a visit; the values are the ids of choices."""

    GOOD = "good"
    SO_SO = "so_so"
    BAD = "bad"


# As they are stored.
GRADES = {Feeling.BAD: 1, Feeling.SO_SO: 2, Feeling.GOOD: 3}


class AfterStep(StrEnum):
    """What a person hears after a visit. The values are stored and part of the outbox key."""

    MISSED = "missed"
    CALLED_OFF = "called_off"
    FEEDBACK = "feedback"


_WORDS = {
    Mark.CAME: AfterStep.FEEDBACK,
    Mark.LATE: AfterStep.FEEDBACK,
    Mark.MISSED: AfterStep.MISSED,
    Mark.CALLED_OFF: AfterStep.CALLED_OFF,
}
# The flows that say them (conversations/flows/beneficiary).
AFTER_FLOWS = {
    AfterStep.MISSED: "missed_visit",
    AfterStep.CALLED_OFF: "visit_called_off",
    AfterStep.FEEDBACK: "feedback",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """`asks_for_call`: the person missed visits in a row, and nobody was asked to call them for it yet."""

    visit: Appointment
    asks_for_call: bool


def mark_of(visit: Appointment) -> Mark | None:
    """Return what was said of a visit; None: nothing yet, or its person cancelled it."""
    match visit.status:
        case AppointmentStatus.ATTENDED:
            return Mark.CAME
        case AppointmentStatus.LATE:
            return Mark.LATE
        case AppointmentStatus.MISSED:
            return Mark.MISSED
        case AppointmentStatus.CANCELLED if visit.ended_by is EndedBy.CENTRE:
            return Mark.CALLED_OFF
    return None


def may_be_marked(visit: Appointment, *, now_local: datetime) -> bool:
    """Tell whether it can be said now how a visit went, or said anew; `now_local` is naive wall time."""
    if not visit.is_live and mark_of(visit) is None:
        return False
    return visit.starts_local - MARKED_FROM <= now_local and visit.day >= now_local.date() - MARKED_FOR


def word_due(step: AfterStep, *, marked_local: datetime, starts_local: datetime) -> datetime | None:
    """Return when a person hears of a mark, in naive wall time; None: it would come too late to help."""
    if step is AfterStep.FEEDBACK:
        due = _in_the_day(marked_local + FEEDBACK_AFTER)
    else:
        due = next_allowed(marked_local)
    return due if due < useful_until(step, due_local=due, starts_local=starts_local) else None


def useful_until(step: AfterStep, *, due_local: datetime, starts_local: datetime) -> datetime:
    """Return the wall time from which on a late word helps nobody."""
    if step is AfterStep.MISSED:
        return starts_local + MISSED_HELPS
    return due_local + WORD_HELPS


async def mark(turn: Turn[Any], visit: Appointment, said: Mark) -> Marked:
    """Write down how a visit went, in place of what was said before, and plan what its person hears.

    What was to be said by the earlier mark and has not left is withdrawn. Whoever heard it does not hear it
    again. Raises VisitChanged when the visit is no longer as it was seen.
    """
    marked = await turn.desk.appointments.mark(
        visit.id,
        version=visit.version,
        status=_STATUSES[said],
        by=EndedBy.CENTRE if said is Mark.CALLED_OFF else None,
        now=turn.now,
    )
    await free_kept(turn, marked)
    await turn.desk.schedule.withdraw(subject_of(visit.id))
    await _plan_word(turn, marked, _WORDS[said])
    return Marked(marked, said is Mark.MISSED and await _asks_for_call(turn, marked))


async def unmarked_on(turn: Turn[Any], centre_slug: str, day: date) -> list[Appointment]:
    """Return the visits of a day whose time has come and of which nobody has said yet how they went."""
    visits = await turn.desk.appointments.agenda(centre_slug, day, day)
    return [visit for visit in visits if visit.starts_local <= turn.local_now]


async def _plan_word(turn: Turn[Any], visit: Appointment, step: AfterStep) -> None:
    if step is AfterStep.FEEDBACK and visit.feedback is not None:
        return
    due = word_due(step, marked_local=turn.local_now, starts_local=visit.starts_local)
    if due is None:
        return
    await turn.desk.schedule.plan(
        contact_id=visit.contact_id,
        purpose=Purpose.FEEDBACK if step is AfterStep.FEEDBACK else Purpose.VISIT,
        subject=subject_of(visit.id),
        version=visit.version,
        steps=[(step.value, to_utc(due, turn.world.zone))],
    )


async def _asks_for_call(turn: Turn[Any], visit: Appointment) -> bool:
    """Tell whether this miss makes a call due: once for misses in a row, whatever is marked anew."""
    missed = await turn.desk.appointments.missed_in_a_row(visit.contact_id)
    if len(missed) < MISSES_FOR_A_CALL:
        return False
    asked = await turn.desk.tasks.newest(visit.contact_id, TaskKind.MISSED_VISITS)
    first = min(each.starts_at(turn.world.zone) for each in missed)
    return asked is None or asked.created_at < first


def _in_the_day(local: datetime) -> datetime:
    """Return the moment, or the next morning at which a question may come."""
    if local.time() < FEEDBACK_FROM:
        return datetime.combine(local.date(), FEEDBACK_FROM)
    if local.time() >= FEEDBACK_UNTIL:
        return datetime.combine(local.date() + timedelta(days=1), FEEDBACK_FROM)
    return local
