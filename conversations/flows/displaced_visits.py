"""Moves everybody at whose visit a centre closes: another time is kept for them, and they are asked.

A group session is called off: its people are told, and can choose something else.

In a turn of whoever closes the centre, and by ticks for all that a turn leaves: what there is to do is read
off closures and visits, so nothing is forgotten when a process ends half-way.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment
from conversations.care.centres import Centre
from conversations.care.closing import (
    AGAIN_STEP,
    DISPLACED_STEP,
    NOTICE,
    DisplacedEvent,
    Displacement,
    Timetable,
    heard_at,
    is_closed_for,
    keeps_quiet,
    kept_until,
    told_key,
)
from conversations.care.closures import Closure, ClosureReason
from conversations.care.group_visits import call_off
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import VisitKind, meets
from conversations.care.people import ContactId
from conversations.care.tasks import Said, TaskKind
from conversations.care.visits import subject_of
from conversations.care.wall_time import to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive, VisitChanged
from conversations.flows.handover import make_task
from conversations.ports import Desk

# The flow that tells people (conversations/flows/beneficiary/visit_displaced.py).
VISIT_DISPLACED = "visit_displaced"
# So many are moved in one transaction: others write meanwhile.
AT_A_TIME = 20
# No closure, and no visit, is as far ahead.
FAR_AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Touched:
    """How many people a closure has touched so far: written to, without another time, not reached; and left.

    Who is not reached has another time kept, too, where there is one.
    """

    asked: int = 0
    without_time: int = 0
    unreached: int = 0
    left: int = 0


async def touched_visits(turn: Turn[Any], centre: Centre) -> list[Appointment]:
    """Return the visits ahead at whose time the centre is closed and whose people are not told, by time.

    Those who were asked are among them when the centre has closed at the time kept for them.
    """
    last = turn.today + FAR_AHEAD
    closures = await _closures(turn, centre, last)
    found: dict[int, Appointment] = {}
    for first, until in _stretches(centre, closures, turn.today, last):
        for visit in await turn.desk.appointments.agenda(centre.slug, first, until):
            found[visit.id] = visit
    touched = [
        visit
        for visit in found.values()
        if visit.starts_local > turn.local_now
        and visit.displaced_at is None
        and is_closed_for(visit, centre.rules, closures.get(visit.day))
    ]
    touched += await _offered_in_vain(turn, centre, closures)
    return sorted(touched, key=lambda visit: (visit.starts_local, visit.id))


async def move_touched(turn: Turn[Any], centre_slug: str, *, most: int = AT_A_TIME) -> Touched:
    """Ask the first people of those that the centre's closures touch, and keep another time for each.

    Group sessions come first, and each is called off as a whole. The days are locked before the first visit
    changes, and by one transaction of a centre at a time, so that nobody waits for somebody who waits for
    them.
    """
    await turn.desk.appointments.lock_closings(centre_slug)
    centre = await turn.desk.centres.get(centre_slug)
    touched = await touched_visits(turn, centre)
    groups = [visit for visit in touched if visit.group_session_id]
    sessions = _first_sessions(groups, most)
    in_time = [visit for visit in groups if visit.group_session_id in sessions]
    alone = [visit for visit in touched if visit.kind is not VisitKind.GROUP]
    moved = alone[: max(0, most - len(in_time))]
    for day in sorted({visit.day for visit in in_time}):
        await turn.desk.appointments.lock_day(centre.slug, day)
    chosen = await _choose(turn, centre, moved)
    results = [outcome for session_id in sessions for outcome in await _call_off(turn, session_id)]
    results += [await _displace(turn, visit, chosen[visit.id]) for visit in moved]
    return Touched(
        asked=results.count("asked"),
        without_time=results.count("without_time"),
        unreached=results.count("unreached"),
        left=len(groups) - len(in_time) + len(alone) - len(moved),
    )


async def restore_open(turn: Turn[Any], centre_slug: str, *, most: int = AT_A_TIME) -> int:
    """Let visits stay where they are at whose time the centre is open again; returns how many did."""
    await turn.desk.appointments.lock_closings(centre_slug)
    found = await open_again(turn.desk, centre_slug, today=turn.today, now=turn.now)
    for visit in found[:most]:
        await _stays(turn, visit)
    return len(found[:most])


async def open_again(desk: Desk, centre_slug: str, *, today: date, now: datetime) -> list[Appointment]:
    """Return the visits that wait for another time, though the centre is open at theirs after all."""
    centre = await desk.centres.get(centre_slug)
    closures = {c.day: c for c in await desk.closures.between(centre_slug, today, today + FAR_AHEAD)}
    return [
        visit
        for visit in await desk.appointments.displaced(centre_slug, now=now)
        if not is_closed_for(visit, centre.rules, closures.get(visit.day))
    ]


async def ask_again(turn: Turn[Any], appointment_id: int) -> None:
    """Ask somebody who has not answered once more, with what is free now; nobody who can't be reached."""
    visit = await _displaced(turn, appointment_id)
    if visit is None or not await turn.desk.contacts.is_reachable(visit.contact_id):
        return
    await turn.desk.appointments.lock_closings(visit.centre_slug)
    centre = await turn.desk.centres.get(visit.centre_slug)
    await _let_go(turn, visit)
    start = (await _choose(turn, centre, [visit]))[visit.id]
    await turn.desk.schedule.withdraw(subject_of(visit.id))
    await _keep(turn, visit, start)
    await _tell(turn, visit, DisplacedEvent.AGAIN, AGAIN_STEP, start)


async def lapse(turn: Turn[Any], appointment_id: int) -> None:
    """Cancel, in the centre's name, a visit that nobody moved before its time; both sides hear of it."""
    try:
        visit = await turn.desk.appointments.lapse(appointment_id, now=turn.now)
    except AppointmentNotLive:
        return
    await turn.desk.schedule.withdraw(subject_of(visit.id))
    await _let_go(turn, visit)
    if await turn.desk.contacts.is_reachable(visit.contact_id):
        await _tell(turn, visit, DisplacedEvent.LAPSED, DisplacedEvent.LAPSED, None)
    words = turn.gettext("Visit {code} was cancelled: the centre was closed, and nobody chose another time.")
    await _make_task(turn, visit, TaskKind.DISPLACED, words.format(code=visit.code))


async def displacement_of(turn: Turn[Any], visit: Appointment) -> Displacement:
    """Return what there is to say now about a visit of the turn's contact at whose time the centre closed."""
    kept = await kept_for(turn, visit)
    return Displacement(
        visit.id,
        visit.version,
        reason=await _reason(turn, visit),
        day=kept.day if kept else None,
        at=kept.at if kept else None,
    )


async def kept_for(turn: Turn[Any], visit: Appointment) -> Hold | None:
    """Return the time that is kept for a visit's person because the centre closed."""
    for hold in await turn.desk.holds.of(visit.contact_id, now=turn.now):
        if hold.purpose is HoldPurpose.MOVED and hold.appointment_id == visit.id:
            return hold
    return None


async def _closures(turn: Turn[Any], centre: Centre, last: date) -> dict[date, Closure]:
    found = await turn.desk.closures.between(centre.slug, turn.today, last)
    return {closure.day: closure for closure in found}


def _stretches(
    centre: Centre, closures: Mapping[date, Closure], today: date, last: date
) -> list[tuple[date, date]]:
    """Return the days on which there may be visits to move."""
    days = [
        (day, day)
        for day, closure in closures.items()
        if (closure.closed and closure.decided) or closure.hours
    ]
    periods = [(max(period.first_day, today), min(period.last_day, last)) for period in centre.rules.periods]
    return [*days, *(stretch for stretch in periods if stretch[0] <= stretch[1])]


async def _offered_in_vain(
    turn: Turn[Any], centre: Centre, closures: Mapping[date, Closure]
) -> list[Appointment]:
    """Return the visits whose people were offered a time at which the centre is closed by now."""
    in_vain = {
        hold.appointment_id
        for hold in await turn.desk.holds.moved(centre.slug, now=turn.now)
        if (closure := closures.get(hold.day))
        and (closure.closed or meets(hold.at, hold.minutes or 1, closure.hours))
    }
    if not in_vain:
        return []
    return [
        visit
        for visit in await turn.desk.appointments.displaced(centre.slug, now=turn.now)
        if visit.id in in_vain and is_closed_for(visit, centre.rules, closures.get(visit.day))
    ]


async def _choose(
    turn: Turn[Any], centre: Centre, wanting: Sequence[Appointment]
) -> dict[int, datetime | None]:
    """Return the new start of each visit by its id, and keep others from these days.

    What looked free may be gone once a day is locked, so it is looked at again until it stands.
    """
    busy = await _days_of_others(turn, centre, wanting)
    locked: set[date] = set()
    while True:
        chosen = await _nearest(turn, centre, wanting, busy)
        missing = sorted({start.date() for start in chosen.values() if start} - locked)
        if not missing:
            return chosen
        for day in missing:
            await turn.desk.appointments.lock_day(centre.slug, day)
        locked.update(missing)


async def _days_of_others(
    turn: Turn[Any], centre: Centre, wanting: Sequence[Appointment]
) -> dict[int, set[date]]:
    """Return the days on which each visit's person has another visit, or is offered a time for one."""
    kept: dict[ContactId, list[Hold]] = defaultdict(list)
    for hold in await turn.desk.holds.moved(centre.slug, now=turn.now):
        kept[hold.contact_id].append(hold)
    busy: dict[int, set[date]] = {}
    for visit in wanting:
        ahead = await turn.desk.appointments.upcoming(visit.contact_id, now=turn.now)
        busy[visit.id] = {other.day for other in ahead if other.id != visit.id}
        busy[visit.id] |= {hold.day for hold in kept[visit.contact_id] if hold.appointment_id != visit.id}
    return busy


async def _nearest(
    turn: Turn[Any], centre: Centre, wanting: Sequence[Appointment], busy: Mapping[int, set[date]]
) -> dict[int, datetime | None]:
    if not centre.is_open:
        return dict.fromkeys((visit.id for visit in wanting), None)
    timetable = await _timetable(turn, centre)
    given: dict[ContactId, set[date]] = defaultdict(set)
    chosen: dict[int, datetime | None] = {}
    for visit in wanting:
        heard = heard_at(visit.starts_local, now_local=turn.local_now)
        start = timetable.nearest(
            visit.starts_local,
            visit.kind,
            earliest=heard + NOTICE,
            but=busy[visit.id] | given[visit.contact_id],
        )
        chosen[visit.id] = start
        if start:
            timetable.take(start, centre.rules.length(visit.kind))
            given[visit.contact_id].add(start.date())
    return chosen


async def _timetable(turn: Turn[Any], centre: Centre) -> Timetable:
    last = turn.today + timedelta(days=centre.rules.horizon_days)
    taken = await turn.desk.appointments.taken(centre.slug, turn.today, last, now=turn.now)
    closures = await _closures(turn, centre, last)
    return Timetable(centre.rules, closures, dict(taken), turn.local_now)


def _first_sessions(groups: Sequence[Appointment], most: int) -> list[int]:
    """Return the sessions to call off now: whole ones, until so many people have lost their place."""
    people = Counter(visit.group_session_id for visit in groups if visit.group_session_id)
    sessions: list[int] = []
    for session_id in people:
        if sum(people[each] for each in sessions) >= most:
            break
        sessions.append(session_id)
    return sessions


async def _call_off(turn: Turn[Any], session_id: int) -> list[str]:
    """Call off a session, and return what became of each of its people."""
    session = await turn.desk.group_sessions.get(session_id)
    return [await _outcome_of(turn, visit) for visit in await call_off(turn, session)]


async def _outcome_of(turn: Turn[Any], lost: Appointment) -> str:
    if await turn.desk.contacts.is_reachable(lost.contact_id):
        return "asked"
    await _have_told(turn, lost)
    return "unreached"


async def _displace(turn: Turn[Any], visit: Appointment, start: datetime | None) -> str:
    """Displace one visit, and return what became of it; "changed" when somebody was faster."""
    try:
        displaced = await turn.desk.appointments.displace(visit.id, version=visit.version, now=turn.now)
    except VisitChanged:
        return "changed"
    await turn.desk.schedule.withdraw(subject_of(visit.id))
    await _let_go(turn, displaced)
    await _keep(turn, displaced, start)
    if not await turn.desk.contacts.is_reachable(visit.contact_id):
        await _have_told(turn, displaced)
        return "unreached"
    await _tell(turn, displaced, DisplacedEvent.MOVED, DISPLACED_STEP, start)
    if start is None:
        words = turn.gettext("Visit {code}: the centre is closed then, and no other time is free.")
        await _make_task(turn, displaced, TaskKind.DISPLACED, words.format(code=visit.code))
        return "without_time"
    return "asked"


async def _have_told(turn: Turn[Any], visit: Appointment) -> None:
    """Have a caseworker tell somebody whom no message reaches."""
    words = turn.gettext("Visit {code}: the centre is closed then, and this person does not know.")
    await _make_task(turn, visit, TaskKind.UNREACHED, words.format(code=visit.code))


async def _stays(turn: Turn[Any], visit: Appointment) -> None:
    try:
        stays = await visits.restore(turn, visit)
    except AppointmentNotLive:
        return
    await _let_go(turn, stays)
    await _tell(turn, stays, DisplacedEvent.STAYS, DisplacedEvent.STAYS, None)


async def _keep(turn: Turn[Any], visit: Appointment, start: datetime | None) -> None:
    """Keep a chosen time, whose day is locked, for a visit's person."""
    if start is None:
        return
    length = (await turn.desk.centres.get(visit.centre_slug)).rules.length(visit.kind)
    heard = heard_at(visit.starts_local, now_local=turn.local_now)
    await turn.desk.holds.keep(
        Hold(
            visit.contact_id,
            visit.centre_slug,
            HoldPurpose.MOVED,
            visit.kind,
            start.date(),
            start.time(),
            until=to_utc(kept_until(start, heard=heard), turn.world.zone),
            minutes=length.minutes,
            buffer_minutes=length.buffer_minutes,
            appointment_id=visit.id,
        )
    )


async def _let_go(turn: Turn[Any], visit: Appointment) -> None:
    await turn.desk.holds.release(visit.contact_id, HoldPurpose.MOVED, appointment_id=visit.id)


async def _tell(
    turn: Turn[Any], visit: Appointment, event: DisplacedEvent, step: str, start: datetime | None
) -> None:
    is_ahead = event is not DisplacedEvent.LAPSED
    turn.push(
        visit.contact_id,
        VISIT_DISPLACED,
        Displacement(
            visit.id,
            visit.version,
            event,
            await _reason(turn, visit),
            start.date() if start else None,
            start.time() if start else None,
        ),
        purpose=Purpose.VISIT,
        key=told_key(subject_of(visit.id), visit.version, step),
        subject=subject_of(visit.id),
        keeps_quiet=not is_ahead or keeps_quiet(visit.starts_local, now_local=turn.local_now),
        # From then on there is something else to say.
        useful_until=visit.starts_at(turn.world.zone) if is_ahead else None,
    )


async def _reason(turn: Turn[Any], visit: Appointment) -> ClosureReason | None:
    """Return why the centre is closed at a visit's time, as far as staff said."""
    closures = await turn.desk.closures.between(visit.centre_slug, visit.day, visit.day)
    if not closures:
        return None
    (closure,) = closures
    if closure.closed:
        return closure.reason or (ClosureReason.HOLIDAY if closure.name_fr else None)
    minutes = (await turn.desk.centres.get(visit.centre_slug)).rules.slot_minutes
    reasons = await turn.desk.closures.hours_reasons(visit.centre_slug, visit.day)
    met = [stretch for stretch in closure.hours if meets(visit.at, visit.minutes or minutes, [stretch])]
    return reasons.get(met[0]) if met else None


async def _displaced(turn: Turn[Any], appointment_id: int) -> Appointment | None:
    """Return a visit that still waits for another time, before its own has come."""
    try:
        visit = await turn.desk.appointments.get(appointment_id)
    except AppointmentNotLive:
        return None
    is_waiting = visit.is_live and visit.displaced_at is not None
    return visit if is_waiting and visit.starts_at(turn.world.zone) > turn.now else None


async def _make_task(turn: Turn[Any], visit: Appointment, kind: TaskKind, words: str) -> None:
    """Have a caseworker look after a visit's person, once as long as that is not done."""
    latest = await turn.desk.tasks.latest(visit.contact_id)
    if latest is not None and latest.kind is kind:
        return
    lines = (words, turn.format_day(visit.day), turn.format_time(visit.at))
    # Whatever centre they went to since: it is this one's to do.
    contact = replace(await turn.desk.contacts.get(visit.contact_id), centre_slug=visit.centre_slug)
    handover = await make_task(turn.desk, contact, kind, Said("\n".join(lines)), now=turn.now)
    turn.effects.extend(handover.news)
