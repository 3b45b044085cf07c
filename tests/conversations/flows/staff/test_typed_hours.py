"""Weeks as people type them."""

import pytest

from conversations.care.hours import WeeklyHours
from conversations.errors import HoursFault, HoursUnreadable
from conversations.flows.staff.typed_hours import parse_typed

BOTH_HALVES = "mon-fri 08:30-12:00 13:00-16:30"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (BOTH_HALVES, BOTH_HALVES),
        ("Mon – Fri: 8:30–12:00, 13:00–16:30", BOTH_HALVES),
        ("Monday to Friday from 8:30 to 12 and 13 to 16:30", BOTH_HALVES),
        ("lundi au vendredi 8h30-12h 13h-16h30", BOTH_HALVES),
        ("Du lundi au vendredi : de 8h30 à 12h et de 13 h à 16 h 30", BOTH_HALVES),
        ("lun-jeu 9h-12h\nven 9h-11h", "mon-thu 09:00-12:00; fri 09:00-11:00"),
        ("من الاثنين حتى الجمعة 8:30-12:00 و 13:00-16:30", BOTH_HALVES),
        ("الإثنين إلى الخميس ٩-١٢؛ السبت ١٠:٠٠-١٢:٠٠", "mon-thu 09:00-12:00; sat 10:00-12:00"),
        ("التنين 9-12", "mon 09:00-12:00"),
    ],
)
def test_a_week_is_read_as_people_write_it(typed: str, meant: str) -> None:
    assert parse_typed(typed) == WeeklyHours.parse(meant)


@pytest.mark.parametrize(
    ("typed", "reason", "part"),
    [
        ("", HoursFault.EMPTY, ""),
        ("blursday 9-12", HoursFault.UNKNOWN_DAY, "blursday"),
        ("fri-mon 9-12", HoursFault.UNKNOWN_DAY, "fri-mon"),
        ("lundi", HoursFault.DAY_WITHOUT_HOURS, "mon"),
        ("lundi 9-12; mon 13-16", HoursFault.DAY_TWICE, "mon 13:00-16:00"),
        ("mon 25-26", HoursFault.UNKNOWN_TIME, "25:00-26:00"),
        ("mon 9 to 5", HoursFault.ENDS_BEFORE_START, "09:00-05:00"),
        ("mon 9-12 11-13", HoursFault.OVERLAP, "09:00-12:00 11:00-13:00"),
    ],
)
def test_what_is_no_week_says_why(typed: str, reason: HoursFault, part: str) -> None:
    with pytest.raises(HoursUnreadable) as unreadable:
        parse_typed(typed)

    assert (unreadable.value.reason, unreadable.value.part) == (reason, part)
