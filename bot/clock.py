"""Where the service gets the time from: one clock, handed to every part that needs it."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """A clock that runs ahead of another: the demo skips to the next reminder with it.

    It never runs backwards, so nothing that was due becomes future again.
    """

    def __init__(self, offset: timedelta = timedelta(0), *, base: Clock | None = None) -> None:
        if offset < timedelta(0):
            raise ValueError("A shifted clock can only run ahead.")
        self._offset = offset
        self._base = base or SystemClock()

    @property
    def offset(self) -> timedelta:
        """How far ahead of its base the clock runs."""
        return self._offset

    def now(self) -> datetime:
        return self._base.now() + self._offset

    def shift_to(self, moment: datetime) -> None:
        """Make the aware `moment` the present; a moment already past changes nothing."""
        self._offset = max(self._offset, moment - self._base.now())
