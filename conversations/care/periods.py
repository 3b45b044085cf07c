"""Other hours for a while: those of Ramadan, and those that a centre sets for another time of the year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from conversations.care.appointments import Appointment
from conversations.care.hours import HoursPeriod, PeriodKind, VisitRules, WeeklyHours

# Public offices in Ramadan 2026, Friday prayer made possible; a proposal that staff change.
# Source: https://fr.le360.ma/societe/ramadan-les-administrations-publiques-adoptent-lhoraire-continu_XEA7F2IRH5FTROA5MMGPVJOM4A/
RAMADAN_WEEK = WeeklyHours.parse("mon-fri 09:00-15:00")

# The moon is looked for on the evening before, and a lunar month has 29 or 30 days.
_MOON_DAYS = (-1, 0, 1)
_MONTH_LENGTHS = (29, 30)


@dataclass(frozen=True, slots=True)
class FastingMonth:
    """A Ramadan as it was computed beforehand. The moon decides: it may begin and end a day off."""

    first_day: date
    last_day: date

    @property
    def first_days(self) -> tuple[date, ...]:
        """The days on which it may begin, in order."""
        return tuple(self.first_day + timedelta(days=shift) for shift in _MOON_DAYS)

    def meets(self, period: HoursPeriod) -> bool:
        """Tell whether a period is about this Ramadan."""
        return (
            period.kind is PeriodKind.RAMADAN
            and period.first_day <= self.last_day
            and self.first_day <= period.last_day
        )


def last_days(first_day: date) -> tuple[date, ...]:
    """Return the days on which a Ramadan may end that began on the first day, in order."""
    return tuple(first_day + timedelta(days=length - 1) for length in _MONTH_LENGTHS)


def next_fasting(months: Sequence[FastingMonth], today: date) -> FastingMonth | None:
    """Return the Ramadan that runs or comes next; None when none was computed that far ahead."""
    return next((month for month in months if today <= month.last_day), None)


def fasting_of(months: Sequence[FastingMonth], period: HoursPeriod) -> FastingMonth | None:
    """Return the Ramadan that a period is about, None when it is about none."""
    return next((month for month in months if month.meets(period)), None)


def in_place(
    periods: Sequence[HoursPeriod], new: HoursPeriod, *, of: date | None, today: date
) -> tuple[HoursPeriod, ...]:
    """Return a centre's periods with a new one, in place of the one of its kind that began on `of`.

    A Ramadan has one set of hours, so another takes its place. What is over falls out.
    """
    return (*(each for each in still(periods, today) if not _gives_way(each, new, of)), new)


def without(
    periods: Sequence[HoursPeriod], kind: PeriodKind, first_day: date, *, today: date
) -> tuple[HoursPeriod, ...]:
    """Return a centre's periods but for the one of the kind that begins on the day, and what is over."""
    return tuple(each for each in still(periods, today) if (each.kind, each.first_day) != (kind, first_day))


def still(periods: Sequence[HoursPeriod], today: date) -> tuple[HoursPeriod, ...]:
    """Return the periods that are not over."""
    return tuple(each for each in periods if today <= each.last_day)


def is_outside(rules: VisitRules, visit: Appointment) -> bool:
    """Tell whether a visit does not lie within the hours that hold on its day."""
    minutes = rules.length(visit.kind).minutes if visit.minutes is None else visit.minutes
    begins = visit.starts_local
    ends = begins + timedelta(minutes=minutes)
    return not any(
        datetime.combine(visit.day, opening.opens) <= begins
        and ends <= datetime.combine(visit.day, opening.closes)
        for opening in rules.hours_on(visit.day)
    )


def _gives_way(kept: HoursPeriod, new: HoursPeriod, of: date | None) -> bool:
    if kept.kind is not new.kind:
        return False
    is_same_ramadan = (
        kept.kind is PeriodKind.RAMADAN and kept.first_day <= new.last_day and new.first_day <= kept.last_day
    )
    return is_same_ramadan or kept.first_day in (of, new.first_day)
