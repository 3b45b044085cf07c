"""Holding group sessions, and who can have a place in them."""

from datetime import date, datetime, time, timedelta
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, EndedBy, Need
from conversations.care.centres import Centre
from conversations.care.closing import keeps_quiet, receives
from conversations.care.group_sessions import GroupSession
from conversations.care.hours import Length, could_take
from conversations.care.visits import VisitNews, subject_of
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive, SlotTaken

# The flow that tells those who had a place (conversations/flows/beneficiary/group_called_off.py).
GROUP_CALLED_OFF = "group_called_off"
_FAR_AHEAD = timedelta(days=366)


async def sessions_to_come(turn: Turn[Any], centre_slug: str) -> list[GroupSession]:
    """Return a centre's sessions that have not begun, soonest first."""
    found = await turn.desk.group_sessions.between(centre_slug, turn.today, turn.today + _FAR_AHEAD)
    return [session for session in found if session.starts_local > turn.local_now]


async def sessions_with_room(turn: Turn[Any], centre_slug: str, need: Need | None) -> list[GroupSession]:
    """Return sessions about a need, or any, that can still be booked; none unless the centre is open."""
    centre = await turn.desk.centres.get(centre_slug)
    sessions = await sessions_to_come(turn, centre_slug)
    # Most centres hold none, and everybody who books asks.
    if not sessions or not centre.is_open:
        return []
    earliest = turn.local_now + timedelta(minutes=centre.rules.lead_minutes)
    held = await turn.desk.holds.in_groups(centre_slug, now=turn.now, but=turn.contact.id)
    last = turn.today + _FAR_AHEAD
    closures = {c.day: c for c in await turn.desk.closures.between(centre_slug, turn.today, last)}
    return [
        session
        for session in sessions
        if session.taken + held.get(session.id, 0) < session.places
        and need in (None, session.need)
        and session.starts_local >= earliest
        and receives(session.starts_local, session.minutes, centre.rules, closures.get(session.day))
    ]


async def may_be_held(turn: Turn[Any], centre: Centre, day: date, at: time, minutes: int) -> bool:
    """Tell whether the centre is open, and one of its places free, for so long at that time."""
    ends = datetime.combine(day, at) + timedelta(minutes=minutes)
    if all(
        at < each.opens or datetime.combine(day, each.closes) < ends for each in centre.rules.hours_on(day)
    ):
        return False
    closures = await turn.desk.closures.between(centre.slug, day, day)
    taken = await turn.desk.appointments.taken(centre.slug, day, day, now=turn.now)
    closed = closures[0] if closures else None
    return (closed is None or not closed.closed) and could_take(
        centre.rules,
        at,
        Length(minutes),
        taken=taken.get(day, ()),
        closed_hours=closed.hours if closed else (),
    )


async def hold(turn: Turn[Any], session: GroupSession) -> GroupSession:
    """Let a session be booked; its id and what it has taken so far are not looked at.

    Raises SlotTaken when no place of the centre is free for it, or another session begins then.
    """
    centre = await turn.desk.centres.get(session.centre_slug)
    await turn.desk.appointments.lock_day(session.centre_slug, session.day)
    if not await may_be_held(turn, centre, session.day, session.at, session.minutes):
        raise SlotTaken
    return await turn.desk.group_sessions.create(session, by=turn.contact.id, now=turn.now)


async def call_off(turn: Turn[Any], session: GroupSession) -> list[Appointment]:
    """Cancel a session and all its visits, and return these; whoever had a place is told, and the centre."""
    await turn.desk.appointments.lock_day(session.centre_slug, session.day)
    await turn.desk.group_sessions.call_off(session.id)
    agenda = await turn.desk.appointments.agenda(session.centre_slug, session.day, session.day)
    booked = [visit for visit in agenda if visit.group_session_id == session.id]
    lost: list[Appointment] = []
    for visit in booked:
        try:
            cancelled = await visits.end(turn, visit, by=EndedBy.CENTRE)
        except AppointmentNotLive:
            # They have just given it up themselves.
            continue
        lost.append(cancelled)
        turn.push(
            cancelled.contact_id,
            GROUP_CALLED_OFF,
            VisitNews(cancelled.id, cancelled.version),
            purpose=Purpose.VISIT,
            key=f"{subject_of(cancelled.id)}:{cancelled.version}:called_off",
            subject=subject_of(cancelled.id),
            keeps_quiet=keeps_quiet(cancelled.starts_local, now_local=turn.local_now),
        )
    if lost:
        # One word for all of them.
        await visits.tell_staff(turn, lost[0], visits.VisitEvent.CALLED_OFF)
    return lost
