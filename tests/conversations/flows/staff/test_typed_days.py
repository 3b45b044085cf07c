"""Days as staff type them."""

from datetime import date

import pytest

from conversations.flows.staff.typed_days import parse_day, parse_full_day

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("8/2/2027", date(2027, 2, 8)),
        ("08.02.2027", date(2027, 2, 8)),
        ("08-02-27", date(2027, 2, 8)),
        ("۸/۲/۲۰۲۷", date(2027, 2, 8)),
        ("٢٦/١١", date(2026, 11, 26)),
        (" 8 2 2027 ", date(2027, 2, 8)),
        ("2027-02-08", date(2027, 2, 8)),
        ("29/02/2028", date(2028, 2, 29)),
        ("29/02/2027", None),
        ("8 février 2027", None),
        ("8", None),
        ("", None),
    ],
)
def test_a_day_is_read_in_any_digits(text: str, day: date | None) -> None:
    assert parse_day(text, today=TODAY) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [("25/11", date(2026, 11, 25)), ("8/2", date(2027, 2, 8)), ("20/11", date(2026, 11, 20))],
)
def test_a_day_without_a_year_is_the_nearest_that_makes_sense(text: str, day: date) -> None:
    assert parse_day(text, today=TODAY) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("8/2/2027", date(2027, 2, 8)),
        ("۸/۲/۲۰۲۷", date(2027, 2, 8)),
        (" 8 2 2027 ", date(2027, 2, 8)),
        ("08/02/27", None),
        ("8/2", None),
        ("29/02/2027", None),
        ("8 février 2027", None),
        ("", None),
    ],
)
def test_a_full_day_has_its_year(text: str, day: date | None) -> None:
    assert parse_full_day(text) == day
