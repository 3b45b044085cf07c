"""Feasts that hang on the moon."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.holidays import proposed_closures
from conversations.care.closures import Closure
from conversations.care.moon import MoonAnswer, answered_days, feasts

FITR = date(2027, 3, 9)


def closures_of(year: int) -> list[Closure]:
    return [
        Closure(each.day, closed=True, decided=False, estimated=each.estimated)
        for each in proposed_closures(date(year, 1, 1), date(year, 12, 31))
    ]


def test_the_days_of_a_feast_belong_together() -> None:
    found = [[f"{closure.day:%m-%d}" for closure in feast] for feast in feasts(closures_of(2027))]

    assert found == [["03-09", "03-10"], ["05-16", "05-17"], ["06-06"], ["08-15"]]


def test_a_year_without_the_moon_has_no_feast() -> None:
    assert feasts([Closure(FITR, closed=True, decided=False)]) == []


@pytest.mark.parametrize(
    ("answer", "closed", "opened"),
    [
        (MoonAnswer.AS_COMPUTED, [9, 10], []),
        (MoonAnswer.A_DAY_LATER, [10, 11], [9]),
        (MoonAnswer.BOTH, [9, 10, 11], []),
        (MoonAnswer.OPEN, [], [9, 10]),
    ],
)
def test_an_answer_says_of_each_day_whether_it_is_closed(
    answer: MoonAnswer, closed: list[int], opened: list[int]
) -> None:
    days = answered_days(FITR, 2, answer)

    assert [day.day for day, is_closed in days.items() if is_closed] == closed
    assert [day.day for day, is_closed in days.items() if not is_closed] == opened


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(1, 5), st.sampled_from(MoonAnswer))
def test_every_answer_decides_the_first_day_first(first_day: date, days: int, answer: MoonAnswer) -> None:
    """By it staff are known to have answered."""
    answered = answered_days(first_day, days, answer)

    assert next(iter(answered)) == first_day
    assert {first_day + timedelta(days=ahead) for ahead in range(days)} <= answered.keys()
