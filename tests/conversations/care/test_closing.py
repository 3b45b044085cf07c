"""Which time is the nearest equal one, and when people are asked."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.closing import (
    Timetable,
    heard_at,
    is_closed_for,
    keeps_quiet,
    kept_until,
    second_word_due,
)
from conversations.care.closures import Closure
from conversations.care.hours import (
    HoursPeriod,
    Length,
    Opening,
    PeriodKind,
    Taken,
    VisitKind,
    VisitRules,
    WeeklyHours,
)
from conversations.care.people import ContactId


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a wall time of November 2026."""
    return datetime.combine(date(2026, 11, day), time(hour, minute))


BOOKED = datetime(2026, 11, 20, tzinfo=UTC)
MONDAY_NINE = on(23, 9)
WEDNESDAY = date(2026, 11, 25)
NOON = on(25, 12)
RULES = VisitRules(WeeklyHours.parse("mon-fri 10:00-14:00"), slot_minutes=60, lead_minutes=0)


def timetable(rules: VisitRules = RULES, *closures: Closure, **taken: tuple[Taken, ...]) -> Timetable:
    by_day = {closure.day: closure for closure in closures}
    return Timetable(rules, by_day, {date.fromisoformat(day[1:]): t for day, t in taken.items()}, MONDAY_NINE)


def closed(day: int) -> Closure:
    return Closure(date(2026, 11, day), closed=True, decided=True)


def nearest(table: Timetable, wanted: datetime = NOON, **asked: object) -> datetime | None:
    values: dict[str, object] = {"earliest": MONDAY_NINE, **asked}
    return table.nearest(wanted, VisitKind.IN_PERSON, **values)  # type: ignore[arg-type]


def test_the_nearest_time_is_taken_the_later_of_two() -> None:
    hour = Opening(time(12), time(13))
    table = timetable(RULES, Closure(WEDNESDAY, closed=False, decided=False, hours=(hour,)))

    assert nearest(table) == on(25, 13)
    table.take(on(25, 13), Length(60))
    assert nearest(table) == on(25, 11)


def test_days_are_searched_on_both_sides() -> None:
    # Tuesday at 13:00 is 23 hours before, Thursday at 10:00 22 hours after.
    assert nearest(timetable(RULES, closed(25))) == on(26, 10)
    assert nearest(timetable(RULES, closed(25), closed(26))) == on(24, 13)
    assert nearest(timetable(RULES, closed(25), closed(26), closed(24))) == on(27, 10)


def test_what_is_taken_too_early_or_on_a_day_of_another_visit_is_left_out() -> None:
    table = timetable(RULES, closed(25), closed(26))

    assert nearest(table, earliest=on(24, 14)) == on(27, 10)
    assert nearest(table, but={date(2026, 11, 24)}) == on(27, 10)
    table.take(on(24, 13), Length(60))
    assert nearest(table) == on(24, 12)


def test_where_nothing_is_free_to_the_horizon_there_is_none() -> None:
    rules = replace(RULES, horizon_days=4)

    assert nearest(timetable(rules, *map(closed, (23, 24, 25, 26, 27)))) is None
    assert nearest(timetable(rules, *map(closed, (23, 24, 25, 26)))) == on(27, 10)


def test_visits_by_telephone_have_times_of_their_own() -> None:
    rules = replace(RULES, phone=Length(20))
    table = timetable(rules)
    table.take(on(25, 12), Length(60))

    assert table.nearest(NOON, VisitKind.PHONE, earliest=MONDAY_NINE) == on(25, 11, 40)
    assert timetable().nearest(NOON, VisitKind.PHONE, earliest=MONDAY_NINE) is None


def visit(at: time = time(10), minutes: int | None = 60, **different: object) -> Appointment:
    values: dict[str, object] = {
        "id": 1,
        "contact_id": ContactId(1),
        "centre_slug": "sale",
        "need": Need.JOB,
        "day": WEDNESDAY,
        "at": at,
        "zone": "Africa/Casablanca",
        "status": AppointmentStatus.CONFIRMED,
        "version": 1,
        "code": "KD472",
        "coming": False,
        "booked_at": BOOKED,
        "minutes": minutes,
    }
    return Appointment(**(values | different))  # type: ignore[arg-type]


def test_a_visit_is_touched_by_a_day_or_hours_that_staff_closed() -> None:
    hours = Closure(WEDNESDAY, closed=False, decided=False, hours=(Opening(time(10, 30), time(11)),))

    assert is_closed_for(visit(), RULES, closed(25))
    assert not is_closed_for(visit(), RULES, Closure(WEDNESDAY, closed=True, decided=False))
    assert not is_closed_for(visit(), RULES, None)
    assert is_closed_for(visit(), RULES, hours)
    assert not is_closed_for(visit(minutes=30), RULES, hours)
    # Without a length of its own it lasts as long as visits do today.
    assert is_closed_for(visit(minutes=None), RULES, hours)
    assert is_closed_for(visit(kind=VisitKind.GROUP), RULES, closed(25))


@pytest.mark.parametrize(("at", "is_closed"), [((10, 0), False), ((11, 30), True), ((9, 0), True)])
def test_a_visit_is_touched_by_the_hours_of_a_period(at: tuple[int, int], is_closed: bool) -> None:
    period = HoursPeriod(PeriodKind.RAMADAN, WEDNESDAY, WEDNESDAY, WeeklyHours.parse("wed 09:30-12:00"))
    rules = replace(RULES, periods=(period,))

    assert is_closed_for(visit(time(*at)), rules, None) is is_closed
    assert not is_closed_for(visit(time(*at), day=date(2026, 11, 26)), rules, None)


def test_who_has_a_visit_within_a_day_hears_of_it_at_night() -> None:
    night = on(23, 23)

    assert not keeps_quiet(on(24, 23), now_local=night)
    assert keeps_quiet(on(24, 23, 1), now_local=night)
    assert heard_at(on(24, 10), now_local=night) == night
    assert heard_at(NOON, now_local=night) == on(24, 8)


def test_a_time_is_kept_for_a_day_at_most() -> None:
    assert kept_until(NOON, heard=MONDAY_NINE) == MONDAY_NINE + timedelta(days=1)
    assert kept_until(on(23, 14), heard=MONDAY_NINE) == on(23, 13)


@pytest.mark.parametrize(
    ("displaced", "starts", "due"),
    [
        # A day later.
        ("2026-11-23T09:00", "2026-11-30T10:00", "2026-11-24T09:00"),
        # The next morning.
        ("2026-11-23T22:00", "2026-11-30T10:00", "2026-11-25T08:00"),
        # Three hours before.
        ("2026-11-23T09:00", "2026-11-23T15:00", "2026-11-23T12:00"),
        # An hour before the quiet hours that three hours before lies in.
        ("2026-11-23T09:00", "2026-11-24T09:00", "2026-11-23T20:00"),
        # Who has just been told.
        ("2026-11-23T09:00", "2026-11-23T13:00", None),
        ("2026-11-23T22:00", "2026-11-24T09:00", None),
    ],
)
def test_who_has_not_answered_is_asked_again_by_day_and_in_time(
    displaced: str, starts: str, due: str | None
) -> None:
    moment = second_word_due(datetime.fromisoformat(displaced), datetime.fromisoformat(starts))

    assert moment == (datetime.fromisoformat(due) if due else None)
