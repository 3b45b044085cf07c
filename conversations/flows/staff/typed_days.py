"""A day as people type it: "26/11", "26-11-2026", "26.11.26", "٢٦/١١", "2026-11-26"."""

import re
from datetime import date, timedelta

from conversations.engine.matching import fold_words

_DAY = re.compile(r"(\d{1,2}) (\d{1,2})(?: (\d{4}|\d{2}))?")
_ISO = re.compile(r"(\d{4}) (\d{1,2}) (\d{1,2})")
# A day and month that lie so far back are next year's.
_LONG_AGO = timedelta(days=60)


def parse_day(text: str, *, today: date) -> date | None:
    """Return the day, day before month; without a year the nearest that makes sense. None: it is no day."""
    text = fold_words(text)
    if found := _ISO.fullmatch(text):
        return _day(*map(int, found.groups()))
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    day, month, year = (int(part) if part else 0 for part in found.groups())
    if year:
        return _day(year if year > 99 else 2000 + year, month, day)
    this_year = _day(today.year, month, day)
    if this_year is not None and this_year >= today - _LONG_AGO:
        return this_year
    return _day(today.year + 1, month, day)


def parse_full_day(text: str) -> date | None:
    """Return the day, with nothing left to guess: day, month and a year of four digits, or None."""
    found = _DAY.fullmatch(fold_words(text))
    if found is None or len(found[3] or "") < 4:
        return None
    return _day(int(found[3]), int(found[2]), int(found[1]))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
