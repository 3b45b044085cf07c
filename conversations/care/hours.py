"""Opening hours of a centre and the visit times they give.

All times are wall times in the centre's zone; weekdays count from 0 = Monday.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple, Self

from conversations.errors import HoursFault, HoursUnreadable

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# People type any dash, "8:30" for "08:30", and Arabic digits, which \d and int() read as well.
_DASHES = str.maketrans("–—−", "---")
_OPENING = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True, order=True, slots=True)
class Opening:
    """A stretch of one day during which the centre receives people.

    Raises HoursUnreadable when it ends before or when it begins.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.closes <= self.opens:
            raise HoursUnreadable(HoursFault.ENDS_BEFORE_START, str(self))

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The openings of each weekday, Monday first; an empty tuple is a closed day.

    `str()` gives the stored form, "mon 08:30-12:00 12:30-16:30; fri 08:30-12:00",
    which `parse` reads back. Raises HoursUnreadable when openings overlap, are
    out of order, or there are none at all.
    """

    days: tuple[tuple[Opening, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(DAY_NAMES):
            raise ValueError("a week has seven days")
        if not any(self.days):
            raise HoursUnreadable(HoursFault.EMPTY)
        for openings in self.days:
            for earlier, later in pairwise(openings):
                if later.opens < earlier.closes:
                    raise HoursUnreadable(HoursFault.OVERLAP, f"{earlier} {later}")

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, text: str) -> Self:
        """Read the stored form; days may also be joined ("mon-thu 08:30-16:30").

        Raises HoursUnreadable.
        """
        week: dict[int, tuple[Opening, ...]] = {}
        for entry in filter(None, (part.strip() for part in text.translate(_DASHES).split(";"))):
            days, *openings = entry.lower().split()
            if not openings:
                raise HoursUnreadable(HoursFault.DAY_WITHOUT_HOURS, entry)
            for weekday in _weekdays(days):
                if weekday in week:
                    raise HoursUnreadable(HoursFault.DAY_TWICE, entry)
                week[weekday] = tuple(map(_opening, openings))
        return cls(tuple(week.get(weekday, ()) for weekday in range(len(DAY_NAMES))))

    def __str__(self) -> str:
        return "; ".join(
            " ".join([name, *map(str, openings)])
            for name, openings in zip(DAY_NAMES, self.days, strict=True)
            if openings
        )

    def on(self, day: date) -> tuple[Opening, ...]:
        return self.days[day.weekday()]


def _weekdays(text: str) -> Iterable[int]:
    first, dash, last = text.partition("-")
    try:
        start, end = DAY_NAMES.index(first), DAY_NAMES.index(last if dash else first)
    except ValueError:
        raise HoursUnreadable(HoursFault.UNKNOWN_DAY, text) from None
    if end < start:
        raise HoursUnreadable(HoursFault.UNKNOWN_DAY, text)
    return range(start, end + 1)


def _opening(text: str) -> Opening:
    match = _OPENING.fullmatch(text)
    if match is None:
        raise HoursUnreadable(HoursFault.UNKNOWN_TIME, text)
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    try:
        opens, closes = time(from_hour, from_minute), time(to_hour, to_minute)
    except ValueError:
        raise HoursUnreadable(HoursFault.UNKNOWN_TIME, text) from None
    return Opening(opens, closes)


class VisitKind(StrEnum):
    """How a person and a caseworker meet; the values are stored and are the ids of choices."""

    IN_PERSON = "visit"
    PHONE = "phone"
    GROUP = "group"  # one of several places of a group session


class PeriodKind(StrEnum):
    """Why other hours hold for a while; the values are stored."""

    RAMADAN = "ramadan"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Length:
    """How long a visit takes, and the rest that the caseworker has after it, in minutes."""

    minutes: int
    buffer_minutes: int = 0

    def __post_init__(self) -> None:
        if self.minutes < 1 or self.buffer_minutes < 0:
            raise ValueError("a visit lasts at least a minute")


@dataclass(frozen=True, slots=True)
class HoursPeriod:
    """Other hours that hold from one day to another, both included."""

    kind: PeriodKind
    first_day: date
    last_day: date
    hours: WeeklyHours

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise HoursUnreadable(HoursFault.ENDS_BEFORE_START, f"{self.first_day} {self.last_day}")

    def holds_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


class Taken(NamedTuple):
    """Visits (or times that are kept for somebody) that begin at one time of a day.

    `minutes` and `buffer_minutes` are None for visits booked before their length was written down: they
    last as long as visits in person do today.
    """

    at: time
    visits: int = 1
    minutes: int | None = None
    buffer_minutes: int | None = None


@dataclass(frozen=True)
class VisitRules:
    """How a centre's hours become visits that people can book.

    `capacity` is how many visits run side by side (rooms or caseworkers), `lead_minutes` how long
    before its start a visit can still be booked, `horizon_days` how many days
    after today the last bookable day lies. `slot_minutes` and `buffer_minutes` are the length of a visit in
    person; `phone` that of one by telephone, None where there are none. So many of a hundred places of a day
    (`walk_in_percent`) are kept for people who come without a visit. Of `periods` the last that holds on a
    day gives its hours.
    """

    hours: WeeklyHours
    slot_minutes: int = 30
    capacity: int = 1
    lead_minutes: int = 60
    horizon_days: int = 60
    buffer_minutes: int = 0
    phone: Length | None = None
    walk_in_percent: int = 0
    periods: tuple[HoursPeriod, ...] = ()

    def __post_init__(self) -> None:
        if self.slot_minutes < 1 or self.capacity < 1 or self.lead_minutes < 0 or self.horizon_days < 0:
            raise ValueError("a visit lasts at least a minute, takes one place, and is booked ahead")
        if self.buffer_minutes < 0 or not 0 <= self.walk_in_percent < 100:
            raise ValueError("a rest is no less than nothing, and some places can be booked")

    def length(self, kind: VisitKind) -> Length:
        """Return how long a visit takes; one in a group lasts as long as its session says, not this."""
        if kind is VisitKind.PHONE and self.phone:
            return self.phone
        return Length(self.slot_minutes, self.buffer_minutes)

    def hours_on(self, day: date) -> tuple[Opening, ...]:
        """Return when the centre is open on a day; closures are another matter."""
        return self._hours_of(day).on(day)

    def places_on(self, day: date) -> int:
        """Return how many visits in person a day has room for, and how many of them can be booked."""
        places = self.capacity * len(slot_times(self, day))
        return places - places * self.walk_in_percent // 100

    def _hours_of(self, day: date) -> WeeklyHours:
        for period in reversed(self.periods):
            if period.holds_on(day):
                return period.hours
        return self.hours

    @cached_property
    def _phone_week(self) -> tuple[tuple[time, ...], ...]:
        return _week(self.hours, self.length(VisitKind.PHONE))

    @cached_property
    def _week(self) -> tuple[tuple[time, ...], ...]:
        return _week(self.hours, self.length(VisitKind.IN_PERSON))

    def starts_on(self, day: date, kind: VisitKind) -> tuple[time, ...]:
        """Return when visits of a kind begin on a day, in order; each ends within its opening."""
        if self.periods and (hours := self._hours_of(day)) is not self.hours:
            return _week(hours, self.length(kind))[day.weekday()]
        week = self._phone_week if kind is VisitKind.PHONE else self._week
        return week[day.weekday()]


# Stand in until the staff of a centre set their own, so a visit booked on them is only a request.
# Monday-Friday 8:30-16:30, half an hour of break at midday and one hour more on Friday for prayer:
# decree 2-05-916, http://bdj.mmsp.gov.ma/Fr/Document/1983-D%C3%A9cret-n-2-05-916-du-13-joumada-II-1426-20-juill.aspx
# That the break begins at 12:00 is our assumption; the decree as we know it gives its length only.
PUBLIC_OFFICE_RULES = VisitRules(
    WeeklyHours.parse("mon-thu 08:30-12:00 12:30-16:30; fri 08:30-12:00 13:30-16:30")
)


def slot_times(rules: VisitRules, day: date, kind: VisitKind = VisitKind.IN_PERSON) -> tuple[time, ...]:
    """Return when visits begin on that day, in order."""
    return rules.starts_on(day, kind)


@lru_cache(maxsize=512)
def _week(hours: WeeklyHours, length: Length) -> tuple[tuple[time, ...], ...]:
    return tuple(tuple(_starts(openings, length)) for openings in hours.days)


def _starts(openings: Iterable[Opening], length: Length) -> Iterator[time]:
    for opening in openings:
        last = _minute(opening.closes) - length.minutes
        for minute in range(_minute(opening.opens), last + 1, length.minutes + length.buffer_minutes):
            yield time(*divmod(minute, 60))


def _minute(at: time) -> int:
    """Return the minutes since midnight."""
    return at.hour * 60 + at.minute


def open_slots(
    rules: VisitRules,
    day: date,
    *,
    closed: bool,
    taken: Sequence[Taken],
    now_local: datetime,
    kind: VisitKind = VisitKind.IN_PERSON,
    closed_hours: Sequence[Opening] = (),
) -> list[time]:
    """Return the times of the day at which a visit of a kind can still be booked, in order.

    `closed` is the centre's own closure of that day, `closed_hours` those of hours of it, `taken` what holds
    a place, `now_local` naive wall time at the centre. A slot is open while, at every minute of the visit and
    of the rest after it, fewer visits run than the centre has places, and the places for those who come
    without a visit are left.
    """
    earliest = now_local + timedelta(minutes=rules.lead_minutes)
    if closed or day < earliest.date() or (kind is VisitKind.PHONE and rules.phone is None):
        return []
    slots: Sequence[time] = slot_times(rules, day, kind)
    length = rules.length(kind)
    if day == earliest.date():
        slots = [slot for slot in slots if datetime.combine(day, slot) >= earliest]
    if closed_hours:
        slots = [slot for slot in slots if not meets(slot, length.minutes, closed_hours)]
    if not taken:
        return list(slots)
    if rules.walk_in_percent and sum(held.visits for held in taken) >= rules.places_on(day):
        return []
    own = rules.length(VisitKind.IN_PERSON)
    if kind is VisitKind.IN_PERSON and _is_one_timetable(taken, slot_times(rules, day), own):
        busy = _visits_by_time(taken)
        return [slot for slot in slots if busy.get(slot, 0) < rules.capacity]
    held = [_stretch(each, own) for each in taken]
    lasts = length.minutes + length.buffer_minutes
    return [slot for slot in slots if _most_at_once(_minute(slot), lasts, held) < rules.capacity]


def could_take(
    rules: VisitRules,
    at: time,
    length: Length,
    *,
    taken: Sequence[Taken],
    closed_hours: Sequence[Opening] = (),
) -> bool:
    """Tell whether a place is free for so long from a time on, whatever the timetable and the hours say."""
    own = rules.length(VisitKind.IN_PERSON)
    held = [_stretch(each, own) for each in taken]
    lasts = length.minutes + length.buffer_minutes
    return (
        not meets(at, length.minutes, closed_hours)
        and _most_at_once(_minute(at), lasts, held) < rules.capacity
    )


def bookable_days(rules: VisitRules, *, today: date) -> list[date]:
    """Return the days from today to the horizon, both included, on which the centre receives people."""
    days = (today + timedelta(days=ahead) for ahead in range(rules.horizon_days + 1))
    return [day for day in days if rules.starts_on(day, VisitKind.IN_PERSON)]


def meets(slot: time, minutes: int, closed_hours: Sequence[Opening]) -> bool:
    """Tell whether a visit of so many minutes runs at any minute of these stretches."""
    begins = _minute(slot)
    return any(
        begins < _minute(stretch.closes) and _minute(stretch.opens) < begins + minutes
        for stretch in closed_hours
    )


def _is_one_timetable(taken: Sequence[Taken], slots: Sequence[time], length: Length) -> bool:
    """Tell whether all visits begin at slots of today's timetable and last as long: so no two overlap."""
    starts = set(slots)
    return all(
        held.at in starts
        and held.minutes in (None, length.minutes)
        and held.buffer_minutes in (None, length.buffer_minutes)
        for held in taken
    )


def _visits_by_time(taken: Sequence[Taken]) -> dict[time, int]:
    busy: dict[time, int] = {}
    for held in taken:
        busy[held.at] = busy.get(held.at, 0) + held.visits
    return busy


def _stretch(held: Taken, own: Length) -> tuple[int, int, int]:
    """Return from which minute of the day until which a caseworker is busy, and how many are."""
    minutes = own.minutes if held.minutes is None else held.minutes
    buffer = own.buffer_minutes if held.buffer_minutes is None else held.buffer_minutes
    begins = _minute(held.at)
    return begins, begins + minutes + buffer, held.visits


def _most_at_once(begins: int, lasts: int, held: Sequence[tuple[int, int, int]]) -> int:
    """Return how many visits run at the busiest minute of a stretch."""
    ends = begins + lasts
    meeting = [each for each in held if each[0] < ends and begins < each[1]]
    # It is busiest at its own start or when another begins.
    moments = {begins, *(start for start, _, _ in meeting if start > begins)}
    return max(sum(visits for start, end, visits in meeting if start <= moment < end) for moment in moments)
