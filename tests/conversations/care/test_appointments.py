import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.appointments import Appointment, AppointmentStatus, Need, new_visit_code

VISIT = Appointment(
    id=1,
    contact_id=7,
    centre_slug="sale",
    need=Need.PAPERS,
    day=date(2026, 11, 25),
    at=time(10, 30),
    zone="Africa/Casablanca",
    status=AppointmentStatus.REQUESTED,
    version=1,
    code="KD472",
    coming=False,
    booked_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
)


def test_a_visit_starts_at_its_wall_time_in_the_zone_handed_in() -> None:
    an_hour_east = timezone(timedelta(hours=1))

    assert VISIT.starts_local.isoformat() == "2026-11-25T10:30:00"
    assert VISIT.starts_at(UTC) == datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
    assert VISIT.starts_at(an_hour_east) == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "live"),
    [("requested", True), ("confirmed", True), ("cancelled", False), ("attended", False), ("missed", False)],
)
def test_only_a_requested_or_confirmed_visit_is_live(status: str, live: bool) -> None:
    assert replace(VISIT, status=AppointmentStatus(status)).is_live is live


def test_printing_a_visit_does_not_tell_what_it_is_for() -> None:
    assert "papers" not in repr(VISIT)
    assert "KD472" not in repr(VISIT)


@given(st.integers(0, 2**64 - 1))
def test_a_code_can_be_read_out_without_confusion(random_bits: int) -> None:
    assert re.fullmatch(r"[A-HJ-NP-Z]{2}[2-9]{3}", new_visit_code(random_bits))


def test_every_code_is_drawn_equally_often() -> None:
    total = 24**2 * 8**3

    assert len({new_visit_code(bits) for bits in range(total)}) == total
