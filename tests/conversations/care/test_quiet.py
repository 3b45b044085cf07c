from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.quiet import is_quiet, next_allowed


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-11-25 08:00", "2026-11-25 08:00"),
        ("2026-11-25 20:59:59", "2026-11-25 20:59:59"),
        ("2026-11-25 21:00", "2026-11-26 08:00"),
        ("2026-11-25 23:59", "2026-11-26 08:00"),
        ("2026-11-26 00:00", "2026-11-26 08:00"),
        ("2026-11-26 07:59:59", "2026-11-26 08:00"),
        ("2026-12-31 22:00", "2027-01-01 08:00"),
    ],
)
def test_a_message_of_the_night_waits_for_eight_o_clock(moment: str, allowed: str) -> None:
    assert next_allowed(datetime.fromisoformat(moment)) == datetime.fromisoformat(allowed)


@given(st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-01-01")))
def test_the_wait_is_never_quiet_never_back_in_time_and_never_longer_than_the_night(moment: datetime) -> None:
    allowed = next_allowed(moment)

    assert time(8) <= allowed.time() < time(21)
    assert timedelta(0) <= allowed - moment <= timedelta(hours=11)
    assert is_quiet(moment) == (allowed != moment)
