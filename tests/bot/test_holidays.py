from datetime import UTC, date, datetime

import pytest

from bot.holidays import YEARS, ProposedClosure, computed_closures, proposed_closures


def days(closures: list[ProposedClosure]) -> str:
    return " ".join(f"{closure.day:%m-%d}{'?' if closure.estimated else ''}" for closure in closures)


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (
            2026,
            "01-01 01-11 01-14 03-20? 03-21? 05-01 05-27? 05-28? 06-16? 07-30 08-14 08-20 08-21 "
            "08-25? 08-26? 10-31 11-06 11-18",
        ),
        (
            2027,
            "01-01 01-11 01-14 03-09? 03-10? 05-01 05-16? 05-17? 06-06? 07-30 08-14 08-15? 08-20 08-21 "
            "10-31 11-06 11-18",
        ),
    ],
)
def test_a_year_has_its_fixed_days_and_those_of_the_moon(year: int, expected: str) -> None:
    assert days(proposed_closures(date(year, 1, 1), date(year, 12, 31))) == expected


def test_a_closure_is_named_in_both_languages_without_the_mark_of_the_estimate() -> None:
    [closure] = proposed_closures(date(2026, 3, 20), date(2026, 3, 20))

    assert closure == ProposedClosure(
        date(2026, 3, 20), "Fête de la rupture du jeûne", "عيد الفطر", estimated=True
    )


def test_two_holidays_on_one_day_are_one_certain_closure() -> None:
    [closure] = proposed_closures(date(2027, 8, 14), date(2027, 8, 14))

    assert closure.name_fr == "Allégeance Oued Eddahab / Anniversaire du prophète"
    assert closure.name_ar == "ذكرى استرجاع إقليم وادي الذهب / عيد المولد النبوي"
    assert not closure.estimated


def test_a_holiday_on_a_weekend_is_not_moved_to_a_working_day() -> None:
    """31 October 2026 is a Saturday, 16 May 2027 a Sunday that is followed by the feast's second day."""
    assert days(proposed_closures(date(2026, 10, 30), date(2026, 11, 3))) == "10-31"
    assert days(proposed_closures(date(2027, 5, 15), date(2027, 5, 20))) == "05-16? 05-17?"


def test_a_stretch_over_new_year_is_in_order_and_includes_both_ends() -> None:
    assert days(proposed_closures(date(2026, 11, 18), date(2027, 1, 11))) == "11-18 01-01 01-11"
    assert proposed_closures(date(2026, 12, 1), date(2026, 12, 31)) == []


def test_the_table_is_what_the_library_says() -> None:
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)

    assert proposed_closures(first, last) == list(computed_closures(YEARS))


def test_the_table_does_not_come_to_its_end_unnoticed() -> None:
    last = max(closure.day for closure in proposed_closures(date.min, date.max))

    assert last.year >= datetime.now(UTC).year + 10
