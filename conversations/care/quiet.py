"""The hours in which nobody is written to unasked, in the person's wall time."""

from datetime import datetime, time, timedelta

QUIET_FROM, QUIET_UNTIL = time(21), time(8)


def is_quiet(local: datetime) -> bool:
    """Whether the moment is in the quiet hours: 21:00 belongs to them, 08:00 no longer does."""
    return local.time() >= QUIET_FROM or local.time() < QUIET_UNTIL


def next_allowed(local: datetime) -> datetime:
    """Return the same moment, or the end of the quiet hours it falls into."""
    if not is_quiet(local):
        return local
    morning = local.date() if local.time() < QUIET_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(morning, QUIET_UNTIL)
