"""A day as people type it: "26/11", "26-11-2026", "26.11.26", "٢٦/١١", "2026-11-26"."""

import re
from datetime import date, timedelta

_DAY = re.compile(r"(\d{1,2})\s*[/.\- ]\s*(\d{1,2})(?:\s*[/.\- ]\s*(\d{4}|\d{2}))?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
# A day and month that lie so far back are next year's.
_LONG_AGO = timedelta(days=60)


def parse_day(text: str, *, today: date) -> date | None:
    """Return the day, day before month; without a year the nearest that makes sense. None: it is no day."""
    text = text.strip()
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


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
