"""Another time instead of a visit that did not take place: the nearest three in one tap each."""

from datetime import date, datetime, time
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.attendance import AfterStep, mark_of, useful_until
from conversations.care.hours import VisitKind
from conversations.care.visits import VisitNews, open_days, open_times
from conversations.engine.flow import Choice, Enter, Move
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.errors import AppointmentNotLive, SlotTaken, TooManyVisits
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.centre_words import weekday_names
from conversations.flows.visit_words import when_and_where, will_confirm

OFFERED = 3
ANOTHER = "another"
# Day and time as an id: "s20261125T1000".
_SLOT_ID = "s%Y%m%dT%H%M"
# Where this many days have places, one of them is a day on which the person has no visit.
_DAYS_LOOKED_AT = OFFERED + visits.MOST_AHEAD


async def visit_marked(turn: Turn[VisitNews], step: AfterStep) -> Appointment | None:
    """Return the person's own visit as it was marked when they were told; None when it is no longer so."""
    visit = await own_visit(turn)
    if visit is None or mark_of(visit) != step.value or visit.version != turn.draft.version:
        return None
    return visit


async def own_visit(turn: Turn[VisitNews]) -> Appointment | None:
    """Return the person's own visit the news is about, however it stands."""
    try:
        visit = await turn.desk.appointments.get(turn.draft.appointment_id)
    except AppointmentNotLive:
        return None
    return visit if visit.contact_id == turn.contact.id else None


def still_helps(turn: Turn[VisitNews], visit: Appointment, step: AfterStep) -> bool:
    """Tell whether a word after a visit that comes late is still worth saying."""
    if step is not AfterStep.MISSED:
        return True
    until = useful_until(step, due_local=turn.local_now, starts_local=visit.starts_local)
    return turn.local_now < until


async def nearest_slots(turn: Turn[Any], visit: Appointment) -> list[tuple[date, time]]:
    """Return the nearest times that the person could take at the same centre instead.

    None for a visit by telephone or in a group: the one needs a number, the other a group.
    """
    if visit.kind is not VisitKind.IN_PERSON or not await visits.may_book(turn):
        return []
    found: list[tuple[date, time]] = []
    for day in await open_days(turn, visit.centre_slug, kind=visit.kind, limit=_DAYS_LOOKED_AT):
        if await visits.visit_on(turn, day):
            continue
        found += [(day, at) for at in await open_times(turn, visit.centre_slug, day, kind=visit.kind)]
        if len(found) >= OFFERED:
            break
    return found[:OFFERED]


def slot_choices(turn: Turn[Any], slots: list[tuple[date, time]]) -> list[Choice]:
    """Return a button a time; it is named by weekday and day, since the full date stands in the text."""
    names = weekday_names(turn)
    choices = []
    for day, at in slots:
        # Translators: label, at most 24 characters. Day is the number in the month: "Wednesday 25 · 10:00".
        label = turn.pgettext("button", "{weekday} {day} · {time}").format(
            weekday=names[day.weekday()], day=str(day.day), time=turn.format_time(at)
        )
        choices.append(Choice(datetime.combine(day, at).strftime(_SLOT_ID), label))
    return choices


def slot_lines(turn: Turn[Any], slots: list[tuple[date, time]]) -> str:
    return "\n".join(
        turn.gettext("{day}, {time}").format(day=turn.format_day(day), time=turn.format_time(at))
        for day, at in slots
    )


def ways_on(turn: Turn[Any]) -> list[Choice]:
    return [
        # Translators: label, at most 20 characters.
        Choice(ANOTHER, turn.pgettext("button", "🔄 Another time")),
        # Translators: label, at most 20 characters.
        Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person")),
    ]


async def take_slot(turn: Turn[VisitNews], choice_id: str) -> Appointment | str:
    """Book the time of a button instead of the visit the news is about; else return why it can't be."""
    visit = await own_visit(turn)
    if visit is None:
        return turn.gettext("That time is no longer free.")
    slot = datetime.strptime(choice_id, _SLOT_ID)  # noqa: DTZ007 - wall time, as visits are kept
    try:
        return await visits.book(
            turn,
            centre_slug=visit.centre_slug,
            need=visit.need,
            day=slot.date(),
            at=slot.time(),
            kind=visit.kind,
            wants_woman=visit.wants_woman,
        )
    except SlotTaken:
        return turn.gettext("That time has just been taken.")
    except TooManyVisits:
        return turn.gettext("You already have a visit that day, or as many as one can have.")


async def booked_words(turn: Turn[Any], visit: Appointment) -> str:
    """Return what the person reads about the visit they have just booked with one tap."""
    centre = await turn.desk.centres.get(visit.centre_slug)
    if visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is booked.")
        return f"{said}\n\n{when_and_where(turn, visit, centre)}"
    said = turn.gettext("✅ The centre has your request.")
    return f"{said}\n\n{when_and_where(turn, visit, centre)}\n{will_confirm(turn)}"


async def choose_freely(turn: Turn[VisitNews]) -> Move:
    """Lead to all days of the same centre."""
    visit = await own_visit(turn)
    if visit is None or visit.kind is not VisitKind.IN_PERSON:
        return Enter("booking")
    return Enter("booking", Wish(need=visit.need, centre=visit.centre_slug), step="day")
