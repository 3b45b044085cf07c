"""When Ramadan is expected."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from bot.ramadan import fasting_months
from conversations.care.periods import FastingMonth, next_fasting


@pytest.mark.parametrize(
    ("first_day", "feast"),
    [
        (date(2026, 2, 18), date(2026, 3, 20)),
        (date(2027, 2, 8), date(2027, 3, 9)),
        # The last day is a 25 February; the leap day is already after the feast.
        (date(2028, 1, 28), date(2028, 2, 26)),
        # Two in one year, the second over the turn of the year.
        (date(2030, 1, 5), date(2030, 2, 4)),
        (date(2030, 12, 26), date(2031, 1, 24)),
    ],
)
def test_it_is_expected_as_the_calendar_computes_it(first_day: date, feast: date) -> None:
    assert FastingMonth(first_day, feast - timedelta(days=1)) in fasting_months()


def test_each_is_a_month_of_the_moon_and_they_follow_each_other() -> None:
    months = fasting_months()

    assert all((month.last_day - month.first_day).days + 1 in (29, 30) for month in months)
    assert all(353 <= (later.first_day - month.first_day).days <= 356 for month, later in pairwise(months))


def test_the_calendar_does_not_come_to_its_end_unnoticed() -> None:
    assert fasting_months()[-1].first_day.year >= 2070


@pytest.mark.parametrize(
    ("today", "year"), [(date(2026, 11, 23), 2027), (date(2027, 3, 8), 2027), (date(2027, 3, 9), 2028)]
)
def test_the_next_is_the_one_that_is_not_over(today: date, year: int) -> None:
    month = next_fasting(fasting_months(), today)

    assert month is not None
    assert month.first_day.year == year
