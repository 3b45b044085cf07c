"""Other hours for a while."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.hours import HoursPeriod, PeriodKind, VisitRules, WeeklyHours, slot_times
from conversations.care.people import ContactId
from conversations.care.periods import (
    RAMADAN_WEEK,
    FastingMonth,
    fasting_of,
    in_place,
    is_outside,
    last_days,
    still,
    without,
)

USUAL = WeeklyHours.parse("mon-fri 08:30-12:00 12:30-16:30")
MONTH = FastingMonth(date(2027, 2, 8), date(2027, 3, 8))
TODAY = date(2026, 11, 23)


def ramadan(first: date = date(2027, 2, 8), last: date = date(2027, 3, 9)) -> HoursPeriod:
    return HoursPeriod(PeriodKind.RAMADAN, first, last, RAMADAN_WEEK)


def summer(first: date = date(2027, 7, 1), last: date = date(2027, 8, 31)) -> HoursPeriod:
    return HoursPeriod(PeriodKind.OTHER, first, last, WeeklyHours.parse("mon-fri 08:00-14:00"))


def visit(day: date, at: time, minutes: int | None = 30) -> Appointment:
    return Appointment(
        id=1,
        contact_id=ContactId(1),
        centre_slug="sale",
        need=Need.JOB,
        day=day,
        at=at,
        zone="Africa/Casablanca",
        status=AppointmentStatus.CONFIRMED,
        version=1,
        code="KD472",
        coming=False,
        booked_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        minutes=minutes,
    )


def test_the_moon_leaves_three_first_days_and_two_last_ones() -> None:
    assert [day.day for day in MONTH.first_days] == [7, 8, 9]
    assert last_days(date(2027, 2, 9)) == (date(2027, 3, 9), date(2027, 3, 10))


def test_a_ramadan_of_a_leap_year_may_end_on_its_last_day_of_february() -> None:
    """29 days from 1 February 2028, the year with a 29 February."""
    assert last_days(date(2028, 2, 1)) == (date(2028, 2, 29), date(2028, 3, 1))


def test_a_ramadan_is_known_again_when_the_moon_moved_it() -> None:
    months = [MONTH, FastingMonth(date(2028, 1, 28), date(2028, 2, 25))]

    assert fasting_of(months, ramadan(date(2027, 2, 9), date(2027, 3, 10))) == MONTH
    assert fasting_of(months, summer(date(2027, 2, 8), date(2027, 3, 9))) is None


def test_another_first_day_takes_the_place_of_the_one_before() -> None:
    later = ramadan(date(2027, 2, 9), date(2027, 3, 10))

    kept = in_place((ramadan(), summer()), later, of=date(2027, 2, 8), today=TODAY)

    assert kept == (summer(), later)


def test_two_who_set_one_ramadan_leave_one() -> None:
    later = ramadan(date(2027, 2, 9), date(2027, 3, 10))

    assert in_place((ramadan(),), later, of=None, today=TODAY) == (later,)


def test_a_changed_summer_leaves_ramadan_alone() -> None:
    new = summer(date(2027, 2, 1), date(2027, 3, 1))

    assert in_place((ramadan(), summer()), new, of=date(2027, 7, 1), today=TODAY) == (ramadan(), new)


def test_what_is_over_falls_out() -> None:
    today = date(2027, 3, 10)

    assert still((ramadan(), summer()), today) == (summer(),)
    assert in_place((ramadan(),), summer(), of=None, today=today) == (summer(),)
    assert without((ramadan(), summer()), PeriodKind.OTHER, date(2027, 7, 1), today=TODAY) == (ramadan(),)


@pytest.mark.parametrize(
    ("at", "minutes", "outside"),
    [
        (time(8, 30), 30, True),
        (time(9), 30, False),
        (time(12, 15), 30, False),
        (time(14, 30), 30, False),
        (time(14, 45), 30, True),
        (time(14, 45), None, True),
        (time(14, 45), 15, False),
        (time(15), 30, True),
    ],
)
def test_a_visit_lies_within_the_hours_of_its_day_or_outside(
    at: time, minutes: int | None, outside: bool
) -> None:
    rules = VisitRules(USUAL, periods=(ramadan(),))

    assert is_outside(rules, visit(date(2027, 2, 10), at, minutes)) is outside


def test_before_the_first_and_after_the_last_day_the_usual_hours_hold() -> None:
    rules = VisitRules(USUAL, periods=(ramadan(date(2027, 2, 9), date(2027, 3, 9)),))

    assert not is_outside(rules, visit(date(2027, 2, 8), time(8, 30)))
    assert is_outside(rules, visit(date(2027, 3, 9), time(8, 30)))
    assert not is_outside(rules, visit(date(2027, 3, 10), time(8, 30)))


@given(st.dates(date(2026, 1, 1), date(2040, 1, 1)), st.integers(1, 90))
def test_what_is_offered_is_never_outside(day: date, minutes: int) -> None:
    rules = VisitRules(USUAL, slot_minutes=minutes, periods=(ramadan(day, day + timedelta(days=3)),))

    starts = slot_times(rules, day)

    assert not any(is_outside(rules, visit(day, at, minutes)) for at in starts)
