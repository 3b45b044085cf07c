"""When Ramadan is expected, by the Umm al-Qura calendar.

Morocco looks for the moon and is often a day later.
"""

from datetime import timedelta
from functools import cache

from hijridate import Hijri

from conversations.care.periods import FastingMonth

_RAMADAN, _SHAWWAL = 9, 10
# From the year 2026 to the calendar's last.
_YEARS = range(1447, 1501)


@cache
def fasting_months() -> tuple[FastingMonth, ...]:
    """Return every Ramadan from 2026 to 2077, in order."""
    return tuple(
        FastingMonth(
            Hijri(year, _RAMADAN, 1).to_gregorian(),
            Hijri(year, _SHAWWAL, 1).to_gregorian() - timedelta(days=1),
        )
        for year in _YEARS
    )
