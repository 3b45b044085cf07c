"""Wall time is what a clock on the centre's wall shows: a naive datetime.

Plans are made in wall time, because "10:00" stays 10:00 when a zone's rules
change; only here do they become instants, with the zone the caller hands in.
"""

from datetime import UTC, datetime, tzinfo


def to_utc(local: datetime, tz: tzinfo) -> datetime:
    """Return the instant, in UTC, at which clocks in the zone show the wall time.

    A time shown twice (clocks go back) means the first, unless `fold` says
    otherwise; a time that is skipped (clocks go forward) means as long after
    midnight as it would have been.
    """
    if local.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    return local.replace(tzinfo=tz).astimezone(UTC)


def to_local(instant: datetime, tz: tzinfo) -> datetime:
    """Return the wall time in the zone at the instant, which must be aware.

    Keeps `fold`, so that `to_utc` leads back to the same instant.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return instant.astimezone(tz).replace(tzinfo=None)
