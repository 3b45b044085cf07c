"""How days are written out, against the library that the table was made with."""

from datetime import date, timedelta

import pytest
from babel.dates import format_date

from bot.day_forms import LOCALES, computed_forms, day_forms


def test_the_table_is_what_the_library_says() -> None:
    assert day_forms() == computed_forms()


@pytest.mark.parametrize("language", LOCALES)
def test_a_day_is_written_as_the_library_writes_it(language: str) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(2 * 366)]

    for day in days:
        expected = format_date(day, "full", LOCALES[language])
        if language == "fr" and day.day == 1:
            expected = expected.replace(" 1 ", " 1er ")
        assert day_forms()[language].format(day) == expected
