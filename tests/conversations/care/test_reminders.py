from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.quiet import is_quiet
from conversations.care.reminders import HOURS, ReminderStep, plan_reminders, still_useful

WEEK_BEFORE, THREE_DAYS_BEFORE, DAY_BEFORE, TWO_HOURS_BEFORE = ReminderStep


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def plan(starts: str, *, booked: str, hour: int | None = None) -> list[tuple[str, str]]:
    reminders = plan_reminders(wall(starts), booked_at_local=wall(booked), hour=hour)
    return [(item.step.value, f"{item.due_local:%Y-%m-%d %H:%M}") for item in reminders]


def test_a_visit_booked_long_ahead_is_recalled_four_times() -> None:
    assert plan("2026-11-25 10:00", booked="2026-11-15 17:00") == [
        ("t-7d", "2026-11-18 10:00"),
        ("t-3d", "2026-11-22 10:00"),
        ("t-1d", "2026-11-24 18:00"),
        ("t-2h", "2026-11-25 08:00"),
    ]


def test_the_week_before_is_left_out_when_booked_less_than_ten_days_ahead() -> None:
    assert [step for step, _ in plan("2026-11-25 10:00", booked="2026-11-16 08:00")] == [
        "t-3d",
        "t-1d",
        "t-2h",
    ]


def test_reminders_whose_time_has_passed_are_left_out() -> None:
    assert plan("2026-11-25 15:00", booked="2026-11-24 19:00") == [("t-2h", "2026-11-25 13:00")]
    assert plan("2026-11-25 15:00", booked="2026-11-25 13:30") == []


def test_nobody_is_reminded_of_what_they_booked_minutes_ago() -> None:
    assert ("t-1d", "2026-11-24 18:00") in plan("2026-11-25 10:00", booked="2026-11-24 17:30")
    assert "t-1d" not in dict(plan("2026-11-25 10:00", booked="2026-11-24 17:31"))


def test_only_an_early_visit_rings_in_quiet_hours() -> None:
    assert plan("2026-11-25 08:30", booked="2026-11-24 20:00") == [("t-2h", "2026-11-25 06:30")]
    assert "t-2h" not in dict(plan("2026-11-25 23:30", booked="2026-11-20 09:00"))
    assert "t-2h" not in dict(plan("2026-11-25 00:30", booked="2026-11-20 09:00"))


def test_reminders_keep_their_hour_over_the_change_of_clocks_and_of_year() -> None:
    assert plan("2026-09-21 09:00", booked="2026-09-17 09:00")[0] == ("t-3d", "2026-09-18 10:00")
    assert plan("2027-01-02 11:00", booked="2026-12-30 09:00") == [
        ("t-3d", "2026-12-30 10:00"),
        ("t-1d", "2027-01-01 18:00"),
        ("t-2h", "2027-01-02 09:00"),
    ]
    assert dict(plan("2028-03-01 10:00", booked="2028-02-28 09:00"))["t-1d"] == "2028-02-29 18:00"


@pytest.mark.parametrize("hour", HOURS)
def test_who_chose_an_hour_is_reminded_then_and_two_hours_before(hour: int) -> None:
    assert plan("2026-11-25 10:00", booked="2026-11-15 17:00", hour=hour) == [
        ("t-7d", f"2026-11-18 {hour:02}:00"),
        ("t-3d", f"2026-11-22 {hour:02}:00"),
        ("t-1d", f"2026-11-24 {hour:02}:00"),
        ("t-2h", "2026-11-25 08:00"),
    ]


def test_a_chosen_hour_stays_over_the_change_of_clocks_and_of_year() -> None:
    assert plan("2026-09-21 09:00", booked="2026-09-17 09:00", hour=8)[0] == ("t-3d", "2026-09-18 08:00")
    assert plan("2026-09-21 09:00", booked="2026-09-17 09:00", hour=20)[1] == ("t-1d", "2026-09-20 20:00")
    assert plan("2027-01-02 11:00", booked="2026-12-30 19:00", hour=20) == [
        ("t-3d", "2026-12-30 20:00"),
        ("t-1d", "2027-01-01 20:00"),
        ("t-2h", "2027-01-02 09:00"),
    ]


def test_nobody_chooses_an_hour_at_which_people_sleep() -> None:
    assert not any(is_quiet(datetime.combine(wall("2026-11-25"), time(hour))) for hour in HOURS)


CHOSEN = st.none() | st.sampled_from(HOURS)


@given(
    st.datetimes(wall("2026-01-01"), wall("2030-01-01")),
    st.timedeltas(timedelta(0), timedelta(days=70)),
    CHOSEN,
)
def test_no_plan_wakes_crowds_or_comes_too_late(starts: datetime, ahead: timedelta, hour: int | None) -> None:
    booked = starts - ahead

    reminders = plan_reminders(starts, booked_at_local=booked, hour=hour)

    for reminder in reminders:
        quiet = not time(8) <= reminder.due_local.time() < time(21)
        assert not quiet or (reminder.step is TWO_HOURS_BEFORE and starts.time() < time(10))
        assert booked + timedelta(minutes=30) <= reminder.due_local < starts
    for earlier, later in pairwise(reminders):
        assert later.due_local - earlier.due_local >= timedelta(hours=3)
    assert len({reminder.step for reminder in reminders}) == len(reminders)


@given(
    st.datetimes(wall("2026-01-01"), wall("2030-01-01")),
    st.timedeltas(timedelta(0), timedelta(days=9)),
    CHOSEN,
)
def test_a_late_reminder_never_comes_with_or_after_the_next_one(
    starts: datetime, late: timedelta, hour: int | None
) -> None:
    reminders = plan_reminders(starts, booked_at_local=starts - timedelta(days=30), hour=hour)

    for reminder, following in pairwise(reminders):
        now = reminder.due_local + late
        if still_useful(reminder.step, due_local=reminder.due_local, now_local=now, starts_local=starts):
            assert following.due_local - now > timedelta(hours=3)


@given(st.datetimes(wall("2026-01-01"), wall("2030-01-01")), st.integers(1, 60), CHOSEN)
def test_a_reminder_on_its_time_is_always_useful(starts: datetime, days_ahead: int, hour: int | None) -> None:
    booked = starts - timedelta(days=days_ahead)
    for reminder in plan_reminders(starts, booked_at_local=booked, hour=hour):
        due = reminder.due_local
        assert still_useful(reminder.step, due_local=due, now_local=due, starts_local=starts)


@pytest.mark.parametrize(
    ("step", "due", "last_useful", "stale"),
    [
        (WEEK_BEFORE, "2026-11-18 10:00", "2026-11-19 09:59", "2026-11-19 10:00"),
        (THREE_DAYS_BEFORE, "2026-11-22 10:00", "2026-11-23 09:59", "2026-11-24 18:30"),
        (DAY_BEFORE, "2026-11-24 18:00", "2026-11-25 09:59", "2026-11-25 10:00"),
        (TWO_HOURS_BEFORE, "2026-11-25 13:00", "2026-11-25 14:29", "2026-11-25 14:30"),
    ],
)
def test_a_late_reminder_of_a_visit_at_three_is_sent_while_it_helps(
    step: ReminderStep, due: str, last_useful: str, stale: str
) -> None:
    starts = wall("2026-11-25 15:00")

    assert still_useful(step, due_local=wall(due), now_local=wall(last_useful), starts_local=starts)
    assert not still_useful(step, due_local=wall(due), now_local=wall(stale), starts_local=starts)
