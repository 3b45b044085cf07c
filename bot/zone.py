"""Morocco's clock, from the tzdata package and never from the machine.

Morocco left UTC+1 for good on 20 September 2026 (decree 2.26.530) and no longer
changes its clock in Ramadan; the zone files of most machines still say otherwise.
"""

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NAME = "Africa/Casablanca"
# The first instant catches data from before the decree, the second a clock still moved in Ramadan.
PROBES = (datetime(2026, 10, 1, 12, tzinfo=UTC), datetime(2027, 2, 20, 12, tzinfo=UTC))


class ZoneDataWrong(Exception):
    """The time zone data are missing or out of date; the message is a sentence for the operator."""


def use_pinned_zones() -> None:
    """Switch the system's zone files off for the whole process; harmless when repeated."""
    if zoneinfo.TZPATH:
        zoneinfo.reset_tzpath(to=())
        ZoneInfo.clear_cache()


def casablanca() -> ZoneInfo:
    """Return Morocco's zone from the tzdata package, whoever asks first; ZoneInfo itself caches it."""
    use_pinned_zones()
    return ZoneInfo(NAME)


def check_zone() -> None:
    """Refuse to go on with a wrong clock. Raises ZoneDataWrong."""
    try:
        zone = casablanca()
    except ZoneInfoNotFoundError as error:
        raise ZoneDataWrong(
            "The time zone data are missing: install the tzdata package, 2026.3 or newer."
        ) from error
    for probe in PROBES:
        local = probe.astimezone(zone)
        if local.utcoffset() != timedelta(0):
            raise ZoneDataWrong(
                f"The time zone data are out of date: they put Morocco at {local:%z} on {probe:%Y-%m-%d}, "
                "where the law says +0000. Install the tzdata package, 2026.3 or newer."
            )
