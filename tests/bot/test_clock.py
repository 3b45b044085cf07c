from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.clock import Clock, ShiftedClock, SystemClock

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock: Clock = SystemClock()

    assert clock.now().tzinfo is UTC


def test_a_shifted_clock_shows_the_moment_and_runs_on_from_there() -> None:
    base = HandClock()
    clock: Clock = (shifted := ShiftedClock(base=base))

    shifted.shift_to(datetime(2026, 11, 27, 9, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert clock.now().tzinfo is UTC

    base.time += timedelta(minutes=5)
    assert clock.now() == datetime(2026, 11, 27, 8, 5, tzinfo=UTC)


def test_a_shifted_clock_never_runs_backwards() -> None:
    clock = ShiftedClock(timedelta(days=1), base=HandClock())

    clock.shift_to(NOON + timedelta(hours=1))
    assert clock.now() == NOON + timedelta(days=1)

    with pytest.raises(ValueError, match="ahead"):
        ShiftedClock(timedelta(seconds=-1))


def test_a_shift_is_kept_by_its_offset() -> None:
    before = ShiftedClock(base=HandClock())
    before.shift_to(NOON + timedelta(days=3))

    assert ShiftedClock(before.offset, base=HandClock()).now() == NOON + timedelta(days=3)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        ShiftedClock().shift_to(datetime(2026, 11, 25, 12))  # noqa: DTZ001 - the mistake under test
