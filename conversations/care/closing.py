"""A centre closes, and everybody who has a visit then gets another time: which one, and when they are asked.

Nothing here acts; conversations/flows/displaced_visits.py does. Times are naive wall times at the centre,
unless they say otherwise.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from conversations.care.appointments import Appointment
from conversations.care.closures import Closure, ClosureReason
from conversations.care.holds import HELD_FOR, HoldPurpose
from conversations.care.hours import Length, Taken, VisitKind, VisitRules, bookable_days, meets, open_slots
from conversations.care.quiet import QUIET_FROM, is_quiet, next_allowed

# Parts of the keys under which people were told; the values are stored.
DISPLACED_STEP, AGAIN_STEP = "displaced", "again"

# Whoever is offered a time can read of it and set out.
NOTICE = timedelta(hours=2)
# Nobody who has not answered by then comes: somebody else may.
LET_GO = timedelta(hours=1)
# Who has a visit so soon hears of it in the night, too.
AT_ONCE = timedelta(hours=24)
# Nobody learns later than this, before they would set out, that nothing is settled.
LAST_WORD = timedelta(hours=3)


class DisplacedEvent(StrEnum):
    """What a person is told about a visit at whose time the centre closed; the values are stored."""

    MOVED = "moved"  # a time is kept for them, or there is none
    AGAIN = "again"  # they have not answered
    STAYS = "stays"  # the centre is open then after all
    LAPSED = "lapsed"  # nobody moved it, and its time has come


@dataclass
class Displacement:
    """The draft of the flow that tells of it. `day` and `at` are the time offered instead, None without one.

    `version` is the visit's when the message was made; `reason` is None where nothing more is known than
    that the centre receives nobody then.
    """

    appointment_id: int = 0
    version: int = 0
    event: DisplacedEvent = DisplacedEvent.MOVED
    reason: ClosureReason | None = None
    day: date | None = None
    at: time | None = None


@dataclass
class Timetable:
    """What is free at a centre, while one visit after the other is given a time."""

    rules: VisitRules
    closures: Mapping[date, Closure]
    taken: dict[date, tuple[Taken, ...]]
    now_local: datetime

    def nearest(
        self, wanted: datetime, kind: VisitKind, *, earliest: datetime, but: Collection[date] = ()
    ) -> datetime | None:
        """Return the free start nearest in time, the later of two; None when there is none to the horizon.

        None lies on one of the days in `but`, nor before `earliest`.
        """
        days = bookable_days(self.rules, today=self.now_local.date())
        best: datetime | None = None
        for day in sorted(days, key=lambda day: (abs(day - wanted.date()), day)):
            if best and abs(day - wanted.date()) > abs(best - wanted) + timedelta(days=1):
                break
            if day not in but:
                starts = [datetime.combine(day, at) for at in self._free_on(day, kind)]
                near = [best] if best else []
                near += [start for start in starts if start >= earliest]
                best = min(near, key=lambda start: (abs(start - wanted), start < wanted), default=None)
        return best

    def take(self, start: datetime, length: Length) -> None:
        taken = Taken(start.time(), 1, length.minutes, length.buffer_minutes)
        self.taken[start.date()] = (*self.taken.get(start.date(), ()), taken)

    def _free_on(self, day: date, kind: VisitKind) -> list[time]:
        closure = self.closures.get(day)
        return open_slots(
            self.rules,
            day,
            closed=closure is not None and closure.closed,
            taken=self.taken.get(day, ()),
            now_local=self.now_local,
            kind=kind,
            closed_hours=closure.hours if closure else (),
        )


def is_closed_for(visit: Appointment, rules: VisitRules, closure: Closure | None) -> bool:
    """Tell whether the centre receives nobody at a visit's time, by the word of its staff.

    A holiday that is only proposed keeps people from booking and moves nobody.
    """
    minutes = rules.slot_minutes if visit.minutes is None else visit.minutes
    return _is_shut(visit.starts_local, minutes, rules, closure)


def receives(starts_local: datetime, minutes: int, rules: VisitRules, closure: Closure | None) -> bool:
    """Tell whether the centre receives people for so long from then on; on proposed holidays it does not."""
    is_closed = closure is not None and closure.closed
    return not is_closed and not _is_shut(starts_local, minutes, rules, closure)


def _is_shut(starts_local: datetime, minutes: int, rules: VisitRules, closure: Closure | None) -> bool:
    day, at = starts_local.date(), starts_local.time()
    if closure and ((closure.closed and closure.decided) or meets(at, minutes, closure.hours)):
        return True
    if not any(period.holds_on(day) for period in rules.periods):
        # What was booked at hours that a centre had before stays.
        return False
    ends = starts_local + timedelta(minutes=minutes)
    return not any(
        opening.opens <= at and ends <= datetime.combine(day, opening.closes)
        for opening in rules.hours_on(day)
    )


def told_key(subject: str, version: int, step: str) -> str:
    """Return the key under which a person is told, once, of a visit as it was then."""
    return f"{subject}:{version}:{step}"


def keeps_quiet(starts_local: datetime, *, now_local: datetime) -> bool:
    """Tell whether what there is to say about a visit waits for the morning."""
    return starts_local - now_local > AT_ONCE


def heard_at(starts_local: datetime, *, now_local: datetime) -> datetime:
    """Return when what is said now about a visit reaches its person."""
    return next_allowed(now_local) if keeps_quiet(starts_local, now_local=now_local) else now_local


def kept_until(start: datetime, *, heard: datetime) -> datetime:
    """Return until when a time is kept for somebody who hears of it then."""
    return min(heard + HELD_FOR[HoldPurpose.MOVED], start - LET_GO)


def second_word_due(displaced_local: datetime, starts_local: datetime) -> datetime | None:
    """Return when somebody who has not answered is asked once more; None when it is too late for that."""
    latest = starts_local - LAST_WORD
    if is_quiet(latest):
        evening = latest.date() if latest.time() >= QUIET_FROM else latest.date() - timedelta(days=1)
        latest = datetime.combine(evening, QUIET_FROM) - timedelta(hours=1)
    due = min(next_allowed(displaced_local + HELD_FOR[HoldPurpose.MOVED]), latest)
    return due if due >= displaced_local + NOTICE else None
