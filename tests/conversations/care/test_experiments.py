import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.experiments import (
    ASSUMED_ATTENDANCE,
    COMPARISONS,
    SIZES,
    Outcomes,
    Result,
    Wording,
    attendance_of,
    comparison_of,
    detectable,
    difference,
    wilson,
    wording_for,
)
from conversations.care.people import ContactId

COUNTS = st.integers(0, 2000)
# Of which at least one is counted.
OUTCOMES = st.builds(Outcomes, COUNTS, COUNTS).filter(lambda outcomes: outcomes.counted > 0)


@pytest.mark.parametrize(
    ("first", "second", "value", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        ((56, 14), (48, 32), 0.2, 0.0524, 0.3339),
        ((9, 1), (3, 7), 0.6, 0.1705, 0.8090),
        ((6, 1), (2, 5), 0.5714, 0.0582, 0.8062),
        ((5, 51), (0, 29), 0.0893, -0.0381, 0.1926),
        ((10, 0), (0, 10), 1.0, 0.6075, 1.0),
    ],
)
def test_it_is_the_published_interval(
    first: tuple[int, int], second: tuple[int, int], value: float, low: float, high: float
) -> None:
    found = difference(Outcomes(*second), Outcomes(*first))

    assert found.value == pytest.approx(value, abs=5e-5)
    assert found.interval.low == pytest.approx(low, abs=5e-5)
    assert found.interval.high == pytest.approx(high, abs=5e-5)


def test_it_is_the_published_interval_of_one_rate() -> None:
    # Newcombe 1998 (one sample): 81 of 263, score method.
    found = wilson(81, 263)

    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(OUTCOMES)
def test_an_interval_holds_the_rate_itself(outcomes: Outcomes) -> None:
    found = wilson(outcomes.came, outcomes.counted)

    assert 0 <= found.low <= outcomes.rate + 1e-12
    assert outcomes.rate - 1e-12 <= found.high <= 1


@given(OUTCOMES, OUTCOMES)
def test_an_interval_holds_what_was_observed_and_nothing_impossible(a: Outcomes, b: Outcomes) -> None:
    found = difference(a, b)

    assert found.interval.low <= found.value <= found.interval.high
    assert found.interval.low >= -1
    assert found.interval.high <= 1


@given(OUTCOMES, OUTCOMES)
def test_the_other_way_round_it_is_the_same(a: Outcomes, b: Outcomes) -> None:
    one, other = difference(a, b), difference(b, a)

    assert one.value == pytest.approx(-other.value)
    assert one.interval.low == pytest.approx(-other.interval.high)
    assert one.interval.high == pytest.approx(-other.interval.low)
    assert one.is_clear == other.is_clear


@given(OUTCOMES)
def test_between_the_same_there_is_no_clear_difference(outcomes: Outcomes) -> None:
    found = difference(outcomes, outcomes)

    assert found.value == 0
    assert not found.is_clear


@given(OUTCOMES, OUTCOMES, st.integers(2, 20))
def test_more_of_the_same_makes_it_narrower(a: Outcomes, b: Outcomes, times: int) -> None:
    few = difference(a, b).interval
    many = difference(
        Outcomes(a.came * times, a.missed * times), Outcomes(b.came * times, b.missed * times)
    ).interval

    assert many.high - many.low < few.high - few.low


@given(st.integers(1, 10_000))
def test_about_half_get_each_wording(experiment_id: int) -> None:
    given_b = sum(wording_for(experiment_id, ContactId(id)) is Wording.B for id in range(1, 1001))

    # More than six standard deviations of a fair coin.
    assert 400 < given_b < 600


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_person_keeps_their_wording(experiment_id: int, contact_id: int) -> None:
    contact = ContactId(contact_id)

    assert wording_for(experiment_id, contact) is wording_for(experiment_id, contact)


def test_another_comparison_divides_people_anew() -> None:
    people = [ContactId(id) for id in range(1, 1001)]
    same = sum(wording_for(1, contact) is wording_for(2, contact) for contact in people)

    assert 400 < same < 600


def test_one_reminder_is_never_in_two_comparisons() -> None:
    assert len({each.step for each in COMPARISONS}) == len({each.name for each in COMPARISONS})
    assert len({each.step for each in COMPARISONS}) == len(COMPARISONS)
    assert all(comparison_of(each.name) is each for each in COMPARISONS)
    assert all(len(each.name) <= 20 for each in COMPARISONS)


def test_the_number_of_visits_says_what_it_can_show() -> None:
    # Fleiss 2003, formula 4.14: 0.7 against 0.5 needs 93 visits of each wording.
    assert detectable(186, 0.7) == pytest.approx(0.2, abs=0.001)


@given(st.sampled_from(SIZES), st.floats(0.01, 0.99))
def test_more_visits_show_smaller_differences(size: int, attendance: float) -> None:
    found = detectable(size, attendance)

    assert 0 < found <= 1
    assert detectable(2 * size, attendance) < found
    assert detectable(size, 1 - attendance) == pytest.approx(found)


@given(OUTCOMES, OUTCOMES)
def test_nothing_is_shown_that_a_small_number_could_be_found_out_by(a: Outcomes, b: Outcomes) -> None:
    numbers = (a.came, a.missed, b.came, b.missed)

    assert (Result(a, b).difference is None) == (min(numbers) < 5)


def test_the_attendance_is_assumed_until_it_is_known() -> None:
    assert attendance_of(Outcomes()) == ASSUMED_ATTENDANCE
    assert attendance_of(Outcomes(49, 50)) == ASSUMED_ATTENDANCE
    assert attendance_of(Outcomes(150, 50)) == 0.75
    # So many came that the few who did not could be told.
    assert attendance_of(Outcomes(197, 3)) == ASSUMED_ATTENDANCE
