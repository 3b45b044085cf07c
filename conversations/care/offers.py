"""Free places offered to those who wait for one: in their order, one at a time, kept while they think.

Whoever books by themselves may take a free time at any moment: it is offered to those who wait within seconds
of becoming free, and from then on it is theirs for as long as it is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from conversations.care.appointments import Appointment, Need
from conversations.care.centres import Centre
from conversations.care.holds import HELD_FOR, HoldPurpose
from conversations.care.hours import VisitKind, bookable_days
from conversations.care.visits import MOST_AHEAD, book, keep_time, move, times_left
from conversations.care.waiting import (
    MOST_UNANSWERED,
    WaitingEntry,
    first_fitting,
    soonest_offer,
    subject_of_waiting,
)
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import SlotTaken
from conversations.ports import Desk

# The flow that offers (conversations/flows/beneficiary/place_offered.py).
PLACE_OFFERED = "place_offered"
# The flow in which people see where they wait (conversations/flows/beneficiary/waiting.py).
WAITING = "waiting"


@dataclass
class WaitingNews:
    """What somebody waits for, or was taken off the list of and may wait for again; without a centre nothing.

    `appointment_id` is the visit for which an earlier time was wanted, 0 where there was none.
    """

    centre_slug: str = ""
    kind: VisitKind = VisitKind.IN_PERSON
    need: Need = field(default=Need.OTHER, repr=False)
    wants_woman: bool = field(default=False, repr=False)
    phone: str | None = field(default=None, repr=False)
    appointment_id: int = 0


@dataclass
class PlaceOffer(WaitingNews):
    """A start that is offered to an entry of a list: the draft of the flow that offers it.

    It says all that a booking needs, so that it can be taken even when the list was left meanwhile for
    want of an answer.
    """

    entry_id: int = 0
    day: date | None = None
    at: time | None = None


async def join(turn: Turn[Any], wanted: WaitingNews) -> WaitingEntry:
    """Put the turn's contact at the end of a list; who waits there already keeps their place."""
    entry = await turn.desk.waiting.join(
        contact_id=turn.contact.id,
        centre_slug=wanted.centre_slug,
        kind=wanted.kind,
        need=wanted.need,
        now=turn.now,
        wants_woman=wanted.wants_woman,
        phone=wanted.phone,
        appointment_id=wanted.appointment_id or None,
    )
    turn.desk.waiting.wake()
    return entry


async def next_in_line(
    desk: Desk, centre_slug: str, kind: VisitKind, *, after: int, now: datetime, now_local: datetime
) -> tuple[WaitingEntry, datetime] | None:
    """Return who is to be offered a place next and which start, None when there is nobody or nothing left.

    `after` is the id of the entry that was looked at last, 0 to begin with the first.
    """
    centre = await desk.centres.get(centre_slug)
    waiting = [entry for entry in await desk.waiting.line(centre_slug, kind, now=now) if entry.id > after]
    free = await _free_starts(desk, centre, kind, now=now, now_local=now_local) if waiting else []
    for entry in waiting:
        if free and (start := await _start_for(desk, entry, free, now=now)):
            return entry, start
    return None


async def _free_starts(
    desk: Desk, centre: Centre, kind: VisitKind, *, now: datetime, now_local: datetime
) -> Sequence[datetime]:
    """Return what is free for everybody and may still be offered, in order."""
    days = bookable_days(centre.rules, today=now_local.date())
    if not days or not centre.is_open:
        return []
    closures = {each.day: each for each in await desk.closures.between(centre.slug, days[0], days[-1])}
    taken = await desk.appointments.taken(centre.slug, days[0], days[-1], now=now)
    soonest = soonest_offer(centre.rules, now_local=now_local)
    free: list[datetime] = []
    for day in days:
        times = times_left(now_local, centre, day, kind, closures.get(day), taken)
        free += [start for at in times if (start := datetime.combine(day, at)) >= soonest]
    return free


async def _start_for(
    desk: Desk, entry: WaitingEntry, free: Sequence[datetime], *, now: datetime
) -> datetime | None:
    ahead = await desk.appointments.upcoming(entry.contact_id, now=now)
    own = next((visit for visit in ahead if visit.id == entry.appointment_id), None)
    if entry.appointment_id is not None and own is None:
        return None
    if own is None and len(ahead) >= MOST_AHEAD:
        return None
    busy = {visit.day for visit in ahead if visit is not own}
    return first_fitting(entry, free, before=own.starts_local if own else None, busy=busy)


async def offer(turn: Turn[Any], entry: WaitingEntry, start: datetime) -> bool:
    """Keep a start for the turn's contact, whose entry it is, and tell them.

    Who can't be reached is passed over as if they did not answer: nothing is kept for them, and False is
    returned. Raises SlotTaken, NotWaiting.
    """
    until = turn.now + HELD_FOR[HoldPurpose.OFFERED]
    is_reachable = await turn.desk.contacts.is_reachable(turn.contact.id)
    if is_reachable:
        await keep_time(
            turn,
            centre_slug=entry.centre_slug,
            day=start.date(),
            at=start.time(),
            purpose=HoldPurpose.OFFERED,
            kind=entry.kind,
            appointment_id=entry.appointment_id,
        )
    await turn.desk.waiting.offer(entry.id, start, until=until, now=turn.now)
    if is_reachable:
        turn.push(
            turn.contact.id,
            PLACE_OFFERED,
            PlaceOffer(**_wanted(entry), entry_id=entry.id, day=start.date(), at=start.time()),
            purpose=Purpose.VISIT,
            key=f"{subject_of_waiting(entry.id)}:{start.isoformat(timespec='minutes')}",
            subject=subject_of_waiting(entry.id),
            keeps_quiet=True,
            useful_until=until,
        )
    return is_reachable


async def take(turn: Turn[Any], offered: PlaceOffer, start: datetime) -> Appointment:
    """Book what was offered, or move the visit there; the person waits there no longer.

    Raises SlotTaken when it is no longer kept and somebody else has it, TooManyVisits, AppointmentNotLive.
    """
    if offered.appointment_id:
        visit = await turn.desk.appointments.get(offered.appointment_id)
        if start >= visit.starts_local:
            # They have found a better time themselves.
            raise SlotTaken
        return await move(turn, visit, day=start.date(), at=start.time())
    return await book(
        turn,
        centre_slug=offered.centre_slug,
        need=offered.need,
        day=start.date(),
        at=start.time(),
        kind=offered.kind,
        wants_woman=offered.wants_woman,
        phone=offered.phone,
    )


async def decline(turn: Turn[Any], entry: WaitingEntry, start: datetime) -> None:
    """Let the next in the list have what was offered; the person keeps their place in it."""
    if entry.offered != start or entry.offered_until is None:
        return
    await turn.desk.waiting.decline(entry.id)
    await turn.desk.holds.release(entry.contact_id, HoldPurpose.OFFERED, appointment_id=entry.appointment_id)
    turn.desk.waiting.wake()


async def note_silence(turn: Turn[Any], entry: WaitingEntry) -> None:
    """Count an offer that went by; after too many the turn's contact is taken off the list and told."""
    silences = await turn.desk.waiting.not_answered(entry.id, now=turn.now)
    if silences is None or silences < MOST_UNANSWERED:
        return
    # What was offered last may still be taken while it is free, so its buttons stay.
    await turn.desk.waiting.leave(entry.id)
    turn.push(
        turn.contact.id,
        WAITING,
        WaitingNews(**_wanted(entry)),
        purpose=Purpose.VISIT,
        key=f"{subject_of_waiting(entry.id)}:over",
        keeps_quiet=True,
    )


def _wanted(entry: WaitingEntry) -> dict[str, Any]:
    """Return the fields of `WaitingNews` that tell of an entry."""
    return {
        "centre_slug": entry.centre_slug,
        "kind": entry.kind,
        "need": entry.need,
        "wants_woman": entry.wants_woman,
        "phone": entry.phone,
        "appointment_id": entry.appointment_id or 0,
    }
