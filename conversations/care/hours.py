"""Opening hours of a centre and the visit times they give.

All times are wall times in the centre's zone; weekdays count from 0 = Monday.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Self

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


@dataclass(frozen=True)
class VisitRules:
    """How a centre's hours become visits that people can book.

    `capacity` is how many visits run side by side, `lead_minutes` how long
    before its start a visit can still be booked, `horizon_days` how many days
    after today the last bookable day lies.
    """

    hours: WeeklyHours
    slot_minutes: int = 30
    capacity: int = 1
    lead_minutes: int = 60
    horizon_days: int = 30

    def __post_init__(self) -> None:
        if self.slot_minutes < 1 or self.capacity < 1 or self.lead_minutes < 0 or self.horizon_days < 0:
            raise ValueError("a visit lasts at least a minute, takes one place, and is booked ahead")

    @cached_property
    def week(self) -> tuple[tuple[time, ...], ...]:
        """When visits begin on each weekday, Monday first, in order; each ends within its opening."""
        return _week(self.hours, self.slot_minutes)


# Stand in until the staff of a centre set their own, so a visit booked on them is only a request.
# Monday-Friday 8:30-16:30, half an hour of break at midday and one hour more on Friday for prayer:
# decree 2-05-916, http://bdj.mmsp.gov.ma/Fr/Document/1983-D%C3%A9cret-n-2-05-916-du-13-joumada-II-1426-20-juill.aspx
# That the break begins at 12:00 is our assumption; the decree as we know it gives its length only.
PUBLIC_OFFICE_RULES = VisitRules(
    WeeklyHours.parse("mon-thu 08:30-12:00 12:30-16:30; fri 08:30-12:00 13:30-16:30")
)


def slot_times(rules: VisitRules, day: date) -> tuple[time, ...]:
    """Return when visits begin on that weekday, in order."""
    return rules.week[day.weekday()]


@lru_cache(maxsize=256)
def _week(hours: WeeklyHours, slot_minutes: int) -> tuple[tuple[time, ...], ...]:
    return tuple(tuple(_starts(openings, slot_minutes)) for openings in hours.days)


def _starts(openings: Iterable[Opening], slot_minutes: int) -> Iterator[time]:
    for opening in openings:
        for minute in range(_minute(opening.opens), _minute(opening.closes) - slot_minutes + 1, slot_minutes):
            yield time(*divmod(minute, 60))


def _minute(at: time) -> int:
    """Return the minutes since midnight."""
    return at.hour * 60 + at.minute


def open_slots(
    rules: VisitRules, day: date, *, closed: bool, taken: Mapping[time, int], now_local: datetime
) -> list[time]:
    """Return the times of the day that can still be booked, in order.

    `closed` is the centre's own closure of that day, `taken` the number of live
    visits by time, `now_local` naive wall time at the centre. A visit that was booked
    before the hours changed may begin between two slots: it lasts as long as visits
    do today, and holds a place of every slot that it overlaps.
    """
    earliest = now_local + timedelta(minutes=rules.lead_minutes)
    if closed or day < earliest.date():
        return []
    slots: Sequence[time] = slot_times(rules, day)
    if day == earliest.date():
        slots = [slot for slot in slots if datetime.combine(day, slot) >= earliest]
    if not taken:
        return list(slots)
    if set(slot_times(rules, day)).issuperset(taken):
        # The timetable is that of those who have booked: no two slots overlap.
        return [slot for slot in slots if taken.get(slot, 0) < rules.capacity]
    held = [(_minute(at), visits) for at, visits in taken.items()]
    return [
        slot
        for slot in slots
        if sum(visits for begins, visits in held if abs(begins - _minute(slot)) < rules.slot_minutes)
        < rules.capacity
    ]


def bookable_days(rules: VisitRules, *, today: date) -> list[date]:
    """Return the days from today to the horizon, both included, on which the centre receives people."""
    days = (today + timedelta(days=ahead) for ahead in range(rules.horizon_days + 1))
    week = rules.week
    return [day for day in days if week[day.weekday()]]
