"""Visits as a whole: a place at a centre, its reminders and everybody who has to know.

The one way to book, move, confirm and cancel: so each live visit has exactly its live reminders, and
the centre's caseworkers hear of every change in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.centres import Centre
from conversations.care.closing import receives
from conversations.care.closures import Closure
from conversations.care.group_sessions import GroupSession
from conversations.care.holds import HELD_FOR, Hold, HoldPurpose
from conversations.care.hours import Length, Taken, VisitKind, bookable_days, open_slots
from conversations.care.people import ContactId, Role
from conversations.care.reminders import ReminderStep, plan_reminders, reminder_due
from conversations.care.waiting import WaitingEntry, subject_of_waiting
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import SlotTaken, TooManyVisits

# More would take the places that others need.
MOST_AHEAD = 3

# The flow that tells staff (conversations/flows/staff/visit_news.py).
VISIT_NEWS = "visit_news"
# The flow that tells staff who has come (conversations/flows/staff/arrival_news.py).
ARRIVAL_NEWS = "arrival_news"
# The flow that tells managers (conversations/flows/staff/unheard_request.py).
UNHEARD_REQUEST = "unheard_request"

# When a visit was to begin so long ago, it helps nobody any more to hear that somebody has come.
WAITS_FOR = timedelta(hours=4)
# What is kept for less than this may be somebody else's before a slow turn is over.
_SAFELY_KEPT = timedelta(minutes=1)
# Nothing is bookable as far ahead as this, whatever a centre's rules say.
_FAR_AHEAD = timedelta(days=366)


class VisitEvent(StrEnum):
    """What staff are told about."""

    BOOKED = "booked"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    CALLED_OFF = "called_off"  # a group session, with all who had a place in it
    COMING = "coming"


@dataclass
class VisitNews:
    """What a pushed prompt about a visit is about; the draft of the flows that tell of it.

    `version` is the visit's when the news was made, so that stale news can be told from fresh.
    `step` is the reminder step, where there is one. The rest is filled in on the way.
    """

    appointment_id: int = 0
    version: int = 0
    event: VisitEvent = VisitEvent.BOOKED
    step: str | None = None
    day: date | None = None
    at: time | None = None
    note: str | None = None


@dataclass
class UnheardRequest:
    """The centre where a request waits while none of its caseworkers can be reached."""

    centre_slug: str = ""


def subject_of(appointment_id: int) -> str:
    """Return the name under which everything about a visit is planned and withdrawn."""
    return f"visit:{appointment_id}"


async def open_days(
    turn: Turn[Any], centre_slug: str, *, kind: VisitKind = VisitKind.IN_PERSON, limit: int = 10
) -> list[date]:
    """Return the next days on which the centre has a place, soonest first; none unless it is open."""
    centre = await turn.desk.centres.get(centre_slug)
    days = bookable_days(centre.rules, today=turn.today)
    if not days or not centre.is_open:
        return []
    closures = {c.day: c for c in await turn.desk.closures.between(centre_slug, days[0], days[-1])}
    taken = await turn.desk.appointments.taken(
        centre_slug, days[0], days[-1], now=turn.now, but=turn.contact.id
    )
    now_local = turn.local_now
    found: list[date] = []
    for day in days:
        if len(found) == limit:
            break
        if times_left(now_local, centre, day, kind, closures.get(day), taken):
            found.append(day)
    return found


async def open_times(
    turn: Turn[Any],
    centre_slug: str,
    day: date,
    *,
    kind: VisitKind = VisitKind.IN_PERSON,
    contact_id: ContactId | None = None,
) -> list[time]:
    """Return the times of a day that still have a place for the contact, the turn's unless another is given.

    In order; none unless the centre is open. What is kept for the contact is free for them.
    """
    centre = await turn.desk.centres.get(centre_slug)
    if not centre.is_open:
        return []
    closures = await turn.desk.closures.between(centre_slug, day, day)
    but = turn.contact.id if contact_id is None else contact_id
    taken = await turn.desk.appointments.taken(centre_slug, day, day, now=turn.now, but=but)
    return times_left(turn.local_now, centre, day, kind, closures[0] if closures else None, taken)


def times_left(
    now_local: datetime,
    centre: Centre,
    day: date,
    kind: VisitKind,
    closure: Closure | None,
    taken: Mapping[date, tuple[Taken, ...]],
) -> list[time]:
    """Return the times of a day that still have a place, by what is closed and taken then."""
    return open_slots(
        centre.rules,
        day,
        closed=closure is not None and closure.closed,
        taken=taken.get(day, ()),
        now_local=now_local,
        kind=kind,
        closed_hours=closure.hours if closure else (),
    )


async def keep_time(
    turn: Turn[Any],
    *,
    centre_slug: str,
    day: date,
    at: time,
    purpose: HoldPurpose,
    kind: VisitKind = VisitKind.IN_PERSON,
    contact_id: ContactId | None = None,
    appointment_id: int | None = None,
) -> Hold:
    """Keep a time for a contact, the turn's unless another is given, as long as the purpose says.

    What was kept for them before for the same purpose and visit is free again. Raises SlotTaken.
    """
    whose = turn.contact.id if contact_id is None else contact_id
    await _lock_time(turn, centre_slug, day, at, kind, whose)
    length = (await turn.desk.centres.get(centre_slug)).rules.length(kind)
    hold = Hold(
        whose,
        centre_slug,
        purpose,
        kind,
        day,
        at,
        until=turn.now + HELD_FOR[purpose],
        minutes=length.minutes,
        buffer_minutes=length.buffer_minutes,
        appointment_id=appointment_id,
    )
    await turn.desk.holds.keep(hold)
    return hold


async def _claim(
    turn: Turn[Any],
    centre_slug: str,
    kind: VisitKind,
    day: date,
    at: time,
    session: GroupSession | None = None,
) -> list[Hold]:
    """Make sure of a time and return what is kept for the turn's contact. Raises SlotTaken.

    What is kept for them, and not just about to end, needs no lock: nobody else is given it. Else others wait
    until the turn is over.
    """
    kept = await turn.desk.holds.of(turn.contact.id, now=turn.now)
    if session is not None:
        await turn.desk.appointments.lock_day(centre_slug, day)
        await _check_session(turn, session)
        return kept
    wanted = (centre_slug, kind, day, at)
    safe = [hold for hold in kept if hold.until > turn.now + _SAFELY_KEPT]
    if all((hold.centre_slug, hold.kind, hold.day, hold.at) != wanted for hold in safe):
        await _lock_time(turn, centre_slug, day, at, kind, turn.contact.id)
    elif at not in await open_times(turn, centre_slug, day, kind=kind):
        raise SlotTaken
    return kept


async def _lock_time(
    turn: Turn[Any], centre_slug: str, day: date, at: time, kind: VisitKind, contact_id: ContactId
) -> None:
    """Keep others from a time, and make sure that it is free for the contact. Raises SlotTaken.

    It is looked at before, too: of many who want one time, those who come too late need not stand in line.
    """
    for lock in (False, True):
        if lock:
            await _lock(turn, centre_slug, day, at, kind)
        if at not in await open_times(turn, centre_slug, day, kind=kind, contact_id=contact_id):
            raise SlotTaken


async def _lock(turn: Turn[Any], centre_slug: str, day: date, at: time, kind: VisitKind) -> None:
    """Keep others from a time, or from the whole day where its visits are counted."""
    rules = (await turn.desk.centres.get(centre_slug)).rules
    if rules.walk_in_percent:
        await turn.desk.appointments.lock_day(centre_slug, day)
    else:
        await turn.desk.appointments.lock_time(centre_slug, day, at, rules.length(kind))


async def keep_place(turn: Turn[Any], session: GroupSession, *, appointment_id: int | None = None) -> Hold:
    """Keep a place in a group session for the turn's contact while they confirm it.

    What was kept for them before for the same visit is free again. Raises SlotTaken.
    """
    await turn.desk.appointments.lock_day(session.centre_slug, session.day)
    await _check_session(turn, session)
    hold = Hold(
        turn.contact.id,
        session.centre_slug,
        HoldPurpose.CONFIRMING,
        VisitKind.GROUP,
        session.day,
        session.at,
        until=turn.now + HELD_FOR[HoldPurpose.CONFIRMING],
        minutes=session.minutes,
        buffer_minutes=0,
        group_session_id=session.id,
        appointment_id=appointment_id,
    )
    await turn.desk.holds.keep(hold)
    return hold


async def _check_session(turn: Turn[Any], session: GroupSession) -> None:
    """Raises SlotTaken when it was called off, is full, has begun, or the centre is closed meanwhile.

    Places that are kept for others count as taken.
    """
    now = await turn.desk.group_sessions.get(session.id)
    held = await turn.desk.holds.in_groups(now.centre_slug, now=turn.now, but=turn.contact.id)
    has_room = now.taken + held.get(now.id, 0) < now.places
    centre = await turn.desk.centres.get(now.centre_slug)
    closures = await turn.desk.closures.between(now.centre_slug, now.day, now.day)
    is_held = now.is_open and receives(
        now.starts_local, now.minutes, centre.rules, closures[0] if closures else None
    )
    if not is_held or not centre.is_open or not has_room or now.starts_local <= turn.local_now:
        raise SlotTaken


async def _let_go(turn: Turn[Any], kept: list[Hold], appointment_id: int | None = None) -> None:
    """Give back what was kept until the visit was settled: what was being confirmed, other times for it."""
    for hold in kept:
        if hold.purpose is HoldPurpose.CONFIRMING or (
            appointment_id is not None and hold.appointment_id == appointment_id
        ):
            await turn.desk.holds.release(hold.contact_id, hold.purpose, appointment_id=hold.appointment_id)


async def may_book(turn: Turn[Any]) -> bool:
    """Tell whether the turn's contact has fewer visits ahead than one may have."""
    return len(await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)) < MOST_AHEAD


async def visit_on(turn: Turn[Any], day: date, *, but: int = 0) -> Appointment | None:
    """Return the contact's own visit ahead on that day, at any centre; `but` is the id of one that may be."""
    ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
    return next((visit for visit in ahead if visit.day == day and visit.id != but), None)


async def book(
    turn: Turn[Any],
    *,
    centre_slug: str,
    need: Need,
    day: date,
    at: time,
    kind: VisitKind = VisitKind.IN_PERSON,
    wants_woman: bool = False,
    phone: str | None = None,
    session: GroupSession | None = None,
) -> Appointment:
    """Book for the turn's contact, plan the reminders and tell the centre.

    `phone` is where the centre calls, for a visit by telephone. With a session it is one of its places, and
    the kind is that of a group.
    Raises TooManyVisits, and SlotTaken when the time is held by somebody else or no longer offered.
    """
    # To count is enough: a turn holds its contact's session, so nothing else books for them meanwhile.
    ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
    if len(ahead) >= MOST_AHEAD or any(visit.day == day for visit in ahead):
        raise TooManyVisits
    centre = await turn.desk.centres.get(centre_slug)
    if session:
        kind = VisitKind.GROUP
    kept = await _claim(turn, centre_slug, kind, day, at, session)
    appointment = await turn.desk.appointments.book(
        contact_id=turn.contact.id,
        centre_slug=centre_slug,
        need=need,
        day=day,
        at=at,
        capacity=session.places if session else centre.rules.capacity,
        confirmed=centre.hours_confirmed or session is not None,
        now=turn.now,
        kind=kind,
        length=Length(session.minutes) if session else centre.rules.length(kind),
        group_session_id=session.id if session else None,
        wants_woman=wants_woman,
    )
    if phone:
        await turn.desk.appointments.set_phone(appointment.id, phone)
    await _let_go(turn, kept)
    for entry in await turn.desk.waiting.of(turn.contact.id):
        # Who waits for an earlier time of another visit still does.
        if (entry.centre_slug, entry.kind, entry.appointment_id) == (centre_slug, kind, None):
            await end_waiting(turn, entry)
    await turn.desk.contacts.set_home(turn.contact.id, centre_slug=centre_slug)
    await _plan(turn, appointment, booked_at=turn.now)
    await tell_staff(turn, appointment, VisitEvent.BOOKED)
    return appointment


async def move(
    turn: Turn[Any],
    appointment: Appointment,
    *,
    day: date,
    at: time,
    by_staff: bool = False,
    session: GroupSession | None = None,
) -> Appointment:
    """Move a visit: the new place is taken before the old one is given back.

    A place in a group goes to another session alone. A time that staff proposed and the person accepts
    (`by_staff`) is confirmed, and may be on a day on which the person has another visit. Raises SlotTaken,
    TooManyVisits, AppointmentNotLive.
    """
    if not by_staff and await visit_on(turn, day, but=appointment.id):
        raise TooManyVisits
    centre = await turn.desk.centres.get(appointment.centre_slug)
    if (appointment.kind is VisitKind.GROUP) != (session is not None):
        raise SlotTaken
    kept = await _claim(turn, appointment.centre_slug, appointment.kind, day, at, session)
    moved = await turn.desk.appointments.move(
        appointment.id,
        day=day,
        at=at,
        capacity=session.places if session else centre.rules.capacity,
        confirmed=by_staff or centre.hours_confirmed or session is not None,
        now=turn.now,
        length=Length(session.minutes) if session else centre.rules.length(appointment.kind),
        group_session_id=session.id if session else None,
    )
    await _let_go(turn, kept, appointment.id)
    await _waits_on(turn, appointment, moved)
    await turn.desk.schedule.withdraw(subject_of(moved.id))
    await _plan(turn, moved, booked_at=turn.now)
    await tell_staff(turn, moved, VisitEvent.CHANGED)
    return moved


async def confirm(turn: Turn[Any], appointment_id: int, *, version: int) -> Appointment:
    """Give the centre's word on the time of a request as it was seen; reminders go on under the new version.

    Raises VisitChanged when it is no request of that version any more.
    """
    confirmed = await turn.desk.appointments.confirm(appointment_id, version=version, now=turn.now)
    await turn.desk.schedule.withdraw(subject_of(confirmed.id))
    await _plan(turn, confirmed, booked_at=confirmed.booked_at)
    return confirmed


async def restore(turn: Turn[Any], appointment: Appointment) -> Appointment:
    """Let a visit stay where it is that a closure had displaced: its reminders are planned anew.

    Raises AppointmentNotLive.
    """
    stays = await turn.desk.appointments.restore(appointment.id, now=turn.now)
    await turn.desk.schedule.withdraw(subject_of(stays.id))
    await _plan(turn, stays, booked_at=stays.booked_at)
    return stays


async def cancel(turn: Turn[Any], appointment: Appointment) -> Appointment:
    """Cancel a visit of the turn's contact and tell the centre. Raises AppointmentNotLive."""
    cancelled = await end(turn, appointment, by=EndedBy.PERSON)
    await tell_staff(turn, cancelled, VisitEvent.CANCELLED)
    return cancelled


async def end(turn: Turn[Any], appointment: Appointment, *, by: EndedBy) -> Appointment:
    """Cancel a visit; its reminders, and times kept for it, go with it. Raises AppointmentNotLive."""
    cancelled = await turn.desk.appointments.cancel(appointment.id, now=turn.now, by=by)
    await free_kept(turn, cancelled)
    await turn.desk.schedule.withdraw(subject_of(cancelled.id))
    for entry in await _waiting_for_earlier(turn, cancelled):
        await end_waiting(turn, entry)
    turn.desk.waiting.wake()
    return cancelled


async def free_kept(turn: Turn[Any], visit: Appointment) -> None:
    """Let others have the times that are kept for a visit."""
    for hold in await turn.desk.holds.of(visit.contact_id, now=turn.now):
        if hold.appointment_id == visit.id:
            await turn.desk.holds.release(hold.contact_id, hold.purpose, appointment_id=visit.id)


async def end_waiting(turn: Turn[Any], entry: WaitingEntry) -> None:
    """Take somebody off a waiting list; what is on offer to them there is free again."""
    # First the list: whoever is about to offer them something is waited for, and what they offered is known.
    if await turn.desk.waiting.leave(entry.id):
        await turn.desk.holds.release(
            entry.contact_id, HoldPurpose.OFFERED, appointment_id=entry.appointment_id
        )
        turn.desk.waiting.wake()
    await turn.desk.schedule.withdraw(subject_of_waiting(entry.id))


async def _waits_on(turn: Turn[Any], before: Appointment, moved: Appointment) -> None:
    """Let the place that a visit has left be offered, but not to its own person.

    Who has an earlier time now waits no longer; who was moved to a later one still does.
    """
    for entry in await _waiting_for_earlier(turn, moved):
        if moved.starts_local < before.starts_local:
            await end_waiting(turn, entry)
        else:
            await turn.desk.waiting.pass_over(entry.id, before.starts_local, now=turn.now)
    turn.desk.waiting.wake()


async def _waiting_for_earlier(turn: Turn[Any], visit: Appointment) -> list[WaitingEntry]:
    return [
        entry for entry in await turn.desk.waiting.of(visit.contact_id) if entry.appointment_id == visit.id
    ]


async def arrive(turn: Turn[Any], appointment: Appointment) -> None:
    """Note that the person stands before the centre, and tell its caseworkers. Done again, it tells nobody.

    Raises AppointmentNotLive.
    """
    if appointment.arrived_at is not None:
        return
    arrived = await turn.desk.appointments.arrived(appointment.id, now=turn.now)
    for caseworker in await turn.desk.contacts.staff(Role.CASEWORKER, arrived.centre_slug):
        turn.push(
            caseworker.id,
            ARRIVAL_NEWS,
            VisitNews(arrived.id, arrived.version),
            purpose=Purpose.STAFF,
            key=f"{subject_of(arrived.id)}:{arrived.version}:arrived:{caseworker.id}",
            subject=subject_of(arrived.id),
            useful_until=arrived.starts_at(turn.world.zone) + WAITS_FOR,
        )


async def waiting_requests(turn: Turn[Any], centre_slug: str) -> list[Appointment]:
    """Return the requests still to come that the centre has not answered, soonest first."""
    last_day = turn.today + _FAR_AHEAD
    return [
        visit
        for visit in await turn.desk.appointments.agenda(centre_slug, turn.today, last_day)
        if visit.status is AppointmentStatus.REQUESTED and visit.starts_local > turn.local_now
    ]


async def tell_staff(turn: Turn[Any], appointment: Appointment, event: VisitEvent) -> None:
    """Push the news to every caseworker of the centre; managers hear of a request that nobody hears of."""
    caseworkers = await turn.desk.contacts.staff(Role.CASEWORKER, appointment.centre_slug)
    if not caseworkers and appointment.status is AppointmentStatus.REQUESTED:
        await _tell_managers(turn, appointment.centre_slug)
    for caseworker in caseworkers:
        if caseworker.id == turn.contact.id:
            continue
        turn.push(
            caseworker.id,
            VISIT_NEWS,
            VisitNews(appointment.id, appointment.version, event),
            purpose=Purpose.STAFF,
            key=f"{subject_of(appointment.id)}:{appointment.version}:{event}:{caseworker.id}",
            subject=subject_of(appointment.id),
        )


async def _tell_managers(turn: Turn[Any], centre_slug: str) -> None:
    """Say that a request waits where no caseworker is, once a centre and day."""
    for manager in await turn.desk.contacts.staff(Role.MANAGER):
        turn.push(
            manager.id,
            UNHEARD_REQUEST,
            UnheardRequest(centre_slug),
            purpose=Purpose.STAFF,
            key=f"unheard:{centre_slug}:{turn.today.isoformat()}:{manager.id}",
        )


async def remind_at(turn: Turn[Any], hour: int | None) -> None:
    """Remind the turn's contact at that hour from now on, also of the visits they have; None: as usual.

    A reminder that would have come already at the new hour comes once more at the old one.
    """
    await turn.desk.contacts.set_reminder_hour(turn.contact.id, hour)
    await turn.reload()
    for visit in await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now):
        moments = [(step.value, reminder_due(step, visit.starts_local, hour)) for step in ReminderStep]
        steps = [(step, to_utc(due, turn.world.zone)) for step, due in moments if due > turn.local_now]
        await turn.desk.schedule.move(subject_of(visit.id), steps)


async def _plan(turn: Turn[Any], appointment: Appointment, *, booked_at: datetime) -> None:
    """Plan what is still to come of a visit's reminders, as they follow from when it was booked."""
    whose = turn.contact
    if whose.id != appointment.contact_id:
        whose = await turn.desk.contacts.get(appointment.contact_id)
    planned_steps = plan_reminders(
        appointment.starts_local,
        booked_at_local=to_local(booked_at, turn.world.zone),
        hour=whose.reminder_hour,
    )
    steps = [planned for planned in planned_steps if planned.due_local > turn.local_now]
    await turn.desk.schedule.plan(
        contact_id=appointment.contact_id,
        purpose=Purpose.REMINDER,
        subject=subject_of(appointment.id),
        version=appointment.version,
        steps=[(planned.step.value, to_utc(planned.due_local, turn.world.zone)) for planned in steps],
    )


async def move_begun(turn: Turn[Any], appointment: Appointment, *, day: date, at: time) -> Appointment:
    """Give a visit whose time has come another one, which staff have agreed on with its person.

    Raises SlotTaken, and VisitChanged when the visit is no longer as it was seen.
    """
    slug, kind = appointment.centre_slug, appointment.kind
    await _lock_time(turn, slug, day, at, kind, appointment.contact_id)
    rules = (await turn.desk.centres.get(slug)).rules
    moved = await turn.desk.appointments.move_begun(
        appointment.id,
        version=appointment.version,
        day=day,
        at=at,
        capacity=rules.capacity,
        length=rules.length(kind),
        now=turn.now,
    )
    await free_kept(turn, moved)
    await turn.desk.schedule.withdraw(subject_of(moved.id))
    await _plan(turn, moved, booked_at=turn.now)
    await tell_staff(turn, moved, VisitEvent.CHANGED)
    return moved
