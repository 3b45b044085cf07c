"""Zone rules come from the tzdata package: the machine's own may be older than Morocco's change of 2026."""

from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.wall_time import to_local, to_utc

with (files("tzdata.zoneinfo.Africa") / "Casablanca").open("rb") as rules:
    CASABLANCA = ZoneInfo.from_file(rules, key="Africa/Casablanca")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-06-15 10:00", "2026-06-15 09:00"),
        ("2026-09-19 10:00", "2026-09-19 09:00"),
        ("2026-09-20 10:00", "2026-09-20 10:00"),
        ("2027-02-10 10:00", "2027-02-10 10:00"),  # Ramadan no longer changes the clock
        ("2028-02-29 10:00", "2028-02-29 10:00"),
    ],
)
def test_ten_o_clock_stays_ten_when_the_clocks_change(local: str, utc: str) -> None:
    instant = to_utc(wall(local), CASABLANCA)

    assert instant == wall(utc).replace(tzinfo=UTC)
    assert instant.tzinfo is UTC
    assert to_local(instant, CASABLANCA) == wall(local)


def test_a_time_shown_twice_means_the_first() -> None:
    assert to_utc(wall("2026-09-20 01:30"), CASABLANCA) == datetime(2026, 9, 20, 0, 30, tzinfo=UTC)


def test_a_skipped_time_means_as_long_after_midnight() -> None:
    assert to_utc(wall("2026-03-22 02:30"), CASABLANCA) == datetime(2026, 3, 22, 2, 30, tzinfo=UTC)


@given(st.datetimes(wall("2026-01-01"), wall("2030-01-01"), timezones=st.just(UTC)))
def test_every_instant_survives_the_way_to_the_wall_and_back(instant: datetime) -> None:
    assert to_utc(to_local(instant, CASABLANCA), CASABLANCA) == instant


def test_wall_times_and_instants_are_not_mixed_up() -> None:
    an_hour_east = timezone(timedelta(hours=1))

    with pytest.raises(ValueError, match="no zone"):
        to_utc(datetime(2026, 11, 25, 10, tzinfo=UTC), an_hour_east)
    with pytest.raises(ValueError, match="needs a zone"):
        to_local(wall("2026-11-25 10:00"), an_hour_east)
