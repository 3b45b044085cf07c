"""Which free time is offered to whom, and until when."""

from datetime import date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Need
from conversations.care.hours import VisitKind, VisitRules, WeeklyHours
from conversations.care.people import ContactId
from conversations.care.waiting import WaitingEntry, first_fitting, may_want_earlier, soonest_offer
from tests.people import MONDAY

NOW = datetime.combine(date(2026, 11, 23), time(9))
FREE = [datetime.combine(date(2026, 11, day), time(hour)) for day in (24, 25) for hour in (9, 10)]


def entry(*passed: datetime) -> WaitingEntry:
    return WaitingEntry(
        1, ContactId(1), "sale", VisitKind.IN_PERSON, Need.JOB, MONDAY, passed=frozenset(passed)
    )


def test_the_earliest_is_offered() -> None:
    assert first_fitting(entry(), FREE, before=None, busy=()) == FREE[0]


def test_what_was_offered_before_is_passed_over() -> None:
    assert first_fitting(entry(FREE[0], FREE[1]), FREE, before=None, busy=()) == FREE[2]


def test_a_day_with_another_visit_is_passed_over() -> None:
    assert first_fitting(entry(), FREE, before=None, busy={date(2026, 11, 24)}) == FREE[2]


@pytest.mark.parametrize(("before", "fits"), [(FREE[0], None), (FREE[1], FREE[0])])
def test_only_what_is_earlier_than_the_visit_fits(before: datetime, fits: datetime | None) -> None:
    assert first_fitting(entry(), FREE, before=before, busy=()) == fits


@pytest.mark.parametrize(
    ("lead_minutes", "minutes"), [(0, 120), (60, 120), (75, 120), (90, 135), (1440, 1485)]
)
def test_what_is_offered_can_still_be_booked_at_the_end_of_the_offer(lead_minutes: int, minutes: int) -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-12:00"), lead_minutes=lead_minutes)

    assert soonest_offer(rules, now_local=NOW) == NOW + timedelta(minutes=minutes)


def test_a_visit_more_than_two_days_ahead_may_be_wanted_earlier() -> None:
    assert not may_want_earlier(NOW + timedelta(days=2), now_local=NOW)
    assert may_want_earlier(NOW + timedelta(days=2, minutes=1), now_local=NOW)
