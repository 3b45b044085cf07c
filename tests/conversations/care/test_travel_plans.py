from datetime import datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.travel_plans import TravelPlan, Way, leaving_times

STARTS = datetime(2026, 12, 3, 10)  # noqa: DTZ001 - wall time
# As wide as the column.
LONGEST = 20


@given(st.sampled_from(Way), st.none() | st.times().map(lambda at: at.replace(second=0, microsecond=0)))
def test_a_plan_comes_back_as_it_was_stored(way: Way, leaves_at: time | None) -> None:
    plan = TravelPlan(way, leaves_at)

    assert TravelPlan.parse(str(plan)) == plan
    assert len(str(plan)) <= LONGEST


def test_it_is_stored_so_that_people_can_read_it() -> None:
    assert str(TravelPlan(Way.BUS, time(8, 30))) == "bus 0830"
    assert str(TravelPlan(Way.FOOT)) == "foot"


@pytest.mark.parametrize("stored", ["", "camel", "bus half past eight"])
def test_anything_else_is_no_plan(stored: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        TravelPlan.parse(stored)


@pytest.mark.parametrize("way", list(Way))
def test_who_sets_out_then_is_there_in_time(way: Way) -> None:
    times = leaving_times(way, STARTS)

    assert len(times) == 3
    assert times == sorted(times)
    assert all(time(8) <= at <= time(9, 30) for at in times)


def test_a_bus_has_to_be_waited_for() -> None:
    assert leaving_times(Way.BUS, STARTS)[0] < leaving_times(Way.TAXI, STARTS)[0]
