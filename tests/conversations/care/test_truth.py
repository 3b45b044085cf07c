from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.truth import ALWAYS, All, Any, Condition, Not, Says, Truth

NO, UNKNOWN, YES = Truth.NO, Truth.UNKNOWN, Truth.YES
RAINS = Says("rains", "weather", frozenset({"rain"}), frozenset({"sun"}))
COLD = Says("cold", "warmth", frozenset({"cold"}), frozenset({"warm"}))
WEATHER = {NO: "sun", UNKNOWN: "rather not say", YES: "rain"}
WARMTH = {NO: "warm", UNKNOWN: "rather not say", YES: "cold"}

# Kleene's strong tables: one part settles what it can, whatever the other turns out to be.
AND = {
    (NO, NO): NO,
    (NO, UNKNOWN): NO,
    (NO, YES): NO,
    (UNKNOWN, UNKNOWN): UNKNOWN,
    (UNKNOWN, YES): UNKNOWN,
    (YES, YES): YES,
}
OR = {
    (NO, NO): NO,
    (NO, UNKNOWN): UNKNOWN,
    (NO, YES): YES,
    (UNKNOWN, UNKNOWN): UNKNOWN,
    (UNKNOWN, YES): YES,
    (YES, YES): YES,
}


@pytest.mark.parametrize(("left", "right"), list(product(Truth, Truth)))
def test_and_and_or_know_what_is_known(left: Truth, right: Truth) -> None:
    given = {"weather": WEATHER[left], "warmth": WARMTH[right]}
    pair = (min(left, right), max(left, right))

    assert All((RAINS, COLD)).truth(given) is AND[pair]
    assert Any((RAINS, COLD)).truth(given) is OR[pair]


@pytest.mark.parametrize(("truth", "negated"), [(NO, YES), (UNKNOWN, UNKNOWN), (YES, NO)])
def test_not_leaves_open_what_is_open(truth: Truth, negated: Truth) -> None:
    assert Not(RAINS).truth({"weather": WEATHER[truth]}) is negated


def test_a_question_that_was_not_asked_leaves_it_open() -> None:
    assert RAINS.truth({}) is UNKNOWN
    assert ALWAYS.truth({}) is YES


def test_a_condition_knows_its_questions() -> None:
    condition: Condition = All((Not(RAINS), Any((COLD,))))

    assert condition.questions == {"weather", "warmth"}
    assert ALWAYS.questions == frozenset()


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.builds(
        lambda question: Says(question, question, frozenset({"yes"}), frozenset({"no"})),
        st.sampled_from("abcd"),
    ),
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(lambda found: All(tuple(found)), st.lists(parts, max_size=3)),
        st.builds(lambda found: Any(tuple(found)), st.lists(parts, max_size=3)),
    ),
    max_leaves=8,
)
ANSWERS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["yes", "no"]))


@given(CONDITIONS, ANSWERS, ANSWERS)
def test_more_answers_never_turn_a_yes_into_a_no(
    condition: Condition, given_: dict[str, str], further: dict[str, str]
) -> None:
    before = condition.truth(given_)

    after = condition.truth({**further, **given_})

    assert before in (UNKNOWN, after)


@given(CONDITIONS, ANSWERS)
def test_only_its_own_questions_decide_a_condition(condition: Condition, given_: dict[str, str]) -> None:
    own = {name: said for name, said in given_.items() if name in condition.questions}

    assert condition.truth(own) is condition.truth(given_)
