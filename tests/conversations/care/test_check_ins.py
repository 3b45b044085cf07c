from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.check_ins import plan_check_ins, still_useful


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("enrolled", ["2026-11-25 00:05", "2026-11-25 14:00", "2026-11-25 23:55"])
def test_people_are_asked_on_the_first_third_and_seventh_morning(enrolled: str) -> None:
    check_ins = plan_check_ins(wall(enrolled))

    assert [(item.step.value, f"{item.due_local:%Y-%m-%d %H:%M}") for item in check_ins] == [
        ("d1", "2026-11-26 10:00"),
        ("d3", "2026-11-28 10:00"),
        ("d7", "2026-12-02 10:00"),
    ]


@given(st.datetimes(wall("2026-01-01"), wall("2030-01-01")), st.timedeltas(timedelta(0), timedelta(days=10)))
def test_a_late_question_leaves_a_day_before_the_next(enrolled: datetime, late: timedelta) -> None:
    check_ins = plan_check_ins(enrolled)

    assert all(item.due_local > enrolled and item.due_local.time() == time(10) for item in check_ins)
    for item, following in pairwise(check_ins):
        now = item.due_local + late
        if still_useful(item.step, due_local=item.due_local, now_local=now):
            assert following.due_local - now > timedelta(days=1)


def test_a_question_a_few_hours_late_is_asked_and_an_old_one_is_not() -> None:
    for item in plan_check_ins(wall("2026-11-25 14:00")):
        evening, next_week = item.due_local + timedelta(hours=9), item.due_local + timedelta(days=7)
        assert still_useful(item.step, due_local=item.due_local, now_local=evening)
        assert not still_useful(item.step, due_local=item.due_local, now_local=next_week)
