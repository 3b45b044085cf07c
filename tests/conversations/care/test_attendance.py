"""When a visit can be marked, and when its person hears of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.attendance import AfterStep, Mark, mark_of, may_be_marked, useful_until, word_due
from conversations.care.people import ContactId
from conversations.care.visit_figures import week_from
from tests.people import MONDAY

# Naive wall time.
wall = datetime.fromisoformat

STARTS = wall("2026-11-25T10:00")
VISIT = Appointment(
    id=1,
    contact_id=ContactId(1),
    centre_slug="sale",
    need=Need.JOB,
    day=STARTS.date(),
    at=STARTS.time(),
    zone="Africa/Casablanca",
    status=AppointmentStatus.CONFIRMED,
    version=1,
    code="KD472",
    coming=False,
    booked_at=MONDAY,
)


@pytest.mark.parametrize(
    ("now", "may"),
    [
        (STARTS - timedelta(minutes=16), False),
        (STARTS - timedelta(minutes=15), True),
        (STARTS + timedelta(days=14), True),
        (wall("2026-12-09T23:59"), True),
        (wall("2026-12-10T00:00"), False),
    ],
)
def test_a_visit_is_marked_from_a_quarter_of_an_hour_before_it_for_fourteen_days(
    now: datetime, may: bool
) -> None:
    assert may_be_marked(VISIT, now_local=now) is may


@pytest.mark.parametrize(
    ("status", "ended_by", "mark"),
    [
        (AppointmentStatus.ATTENDED, None, Mark.CAME),
        (AppointmentStatus.LATE, None, Mark.LATE),
        (AppointmentStatus.MISSED, None, Mark.MISSED),
        (AppointmentStatus.CANCELLED, EndedBy.CENTRE, Mark.CALLED_OFF),
    ],
)
def test_every_mark_can_be_put_right(status: AppointmentStatus, ended_by: EndedBy | None, mark: Mark) -> None:
    marked = replace(VISIT, status=status, ended_by=ended_by)

    assert mark_of(marked) is mark
    assert may_be_marked(marked, now_local=STARTS)


@pytest.mark.parametrize("ended_by", [None, EndedBy.PERSON])
def test_what_a_person_cancelled_is_nobodys_to_mark(ended_by: EndedBy | None) -> None:
    cancelled = replace(VISIT, status=AppointmentStatus.CANCELLED, ended_by=ended_by)

    assert mark_of(cancelled) is None
    assert not may_be_marked(cancelled, now_local=STARTS)


@pytest.mark.parametrize("step", [AfterStep.MISSED, AfterStep.CALLED_OFF])
@pytest.mark.parametrize(
    ("marked", "due"),
    [
        (wall("2026-11-25T11:00"), wall("2026-11-25T11:00")),
        (wall("2026-11-25T20:59"), wall("2026-11-25T20:59")),
        (wall("2026-11-25T21:00"), wall("2026-11-26T08:00")),
        (wall("2026-11-26T03:00"), wall("2026-11-26T08:00")),
    ],
)
def test_people_hear_at_once_but_never_in_the_night(step: AfterStep, marked: datetime, due: datetime) -> None:
    assert word_due(step, marked_local=marked, starts_local=STARTS) == due


def test_who_missed_a_visit_hears_nothing_of_it_after_three_days() -> None:
    almost, over = wall("2026-11-28T09:59"), wall("2026-11-28T10:00")

    assert word_due(AfterStep.MISSED, marked_local=almost, starts_local=STARTS) == almost
    assert word_due(AfterStep.MISSED, marked_local=over, starts_local=STARTS) is None
    assert word_due(AfterStep.CALLED_OFF, marked_local=over, starts_local=STARTS) == over


@pytest.mark.parametrize(
    ("marked", "due"),
    [
        (wall("2026-11-25T10:30"), wall("2026-11-25T12:30")),
        (wall("2026-11-25T06:00"), wall("2026-11-25T09:00")),
        (wall("2026-11-25T17:59"), wall("2026-11-25T19:59")),
        (wall("2026-11-25T18:00"), wall("2026-11-26T09:00")),
        (wall("2026-11-25T23:00"), wall("2026-11-26T09:00")),
    ],
)
def test_how_it_was_is_asked_two_hours_later_by_day(marked: datetime, due: datetime) -> None:
    assert word_due(AfterStep.FEEDBACK, marked_local=marked, starts_local=STARTS) == due
    until = useful_until(AfterStep.FEEDBACK, due_local=due, starts_local=STARTS)
    assert until == due + timedelta(days=3)


@pytest.mark.parametrize("day", [date(2026, 12, 28), date(2026, 12, 31), date(2027, 1, 3)])
def test_a_week_goes_over_the_end_of_the_year(day: date) -> None:
    assert week_from(day) == (date(2026, 12, 28), date(2027, 1, 3))
