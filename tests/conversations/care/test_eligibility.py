"""What the packaged rules say to whom: each rule has a case, all combinations of answers are looked at."""

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules_file import read_rules
from conversations.care.appointments import Need
from conversations.care.eligibility import (
    MOST_QUESTIONS,
    MOST_REASSURANCES,
    UNSAID,
    Answers,
    Verdict,
    evaluate,
    leading,
    next_question,
)
from conversations.care.rules import Outcome, Question, Rule, RuleSet
from conversations.care.truth import Says, Truth
from conversations.texts import LANGUAGES

LIKELY, ASSESS, ELSEWHERE = Outcome.LIKELY, Outcome.ASSESS, Outcome.ELSEWHERE
# The better, the higher.
RANK = {ELSEWHERE: 0, ASSESS: 1, LIKELY: 2}
MYSELF = {"asker": "self", "release": "out", "foreign": "morocco"}

RULES = read_rules()


@dataclass(frozen=True)
class Case:
    """What one rule does: for whom it is true, and what comes of it at a service."""

    rule: str
    given: dict[str, str]
    service: str
    outcome: Outcome
    decides: bool
    # The same person but for this: the rule is silent.
    but_for: dict[str, str] | None = None


CASES = [
    Case("E1", MYSELF, "S5", LIKELY, True, {"release": UNSAID}),
    Case("E2", {}, "S5", ASSESS, False),
    Case("E3", {"asker": "young"}, "S8", LIKELY, True, {"asker": "relative"}),
    Case("E4", {"asker": "relative"}, "S11", ASSESS, True, {"asker": "self"}),
    Case("E5", {}, "S1", ASSESS, False),
    Case("E6", MYSELF, "S6", ASSESS, False, {"asker": "relative"}),
    Case("E7", {}, "S2", ASSESS, False),
    Case("E8", {**MYSELF, "training": "nothing"}, "S5", LIKELY, False, {"training": "learned"}),
    Case("E9", MYSELF, "S6", ASSESS, True),
    Case("E10", MYSELF, "S6", ASSESS, True),
    Case("E11", MYSELF, "S6", ASSESS, True),
    Case("E12", {}, "S4", ASSESS, False),
    Case("E13", {**MYSELF, "since": "years"}, "S2", LIKELY, False, {"since": "year"}),
    Case("E14", MYSELF, "S2", LIKELY, False),
    Case("E15", MYSELF, "S3", LIKELY, False),
    Case("E16", {**MYSELF, "release": "conditional"}, "S13", ASSESS, True, {"release": "out"}),
    Case("E17", {**MYSELF, "release": "alternative"}, "S5", ASSESS, True, {"release": "out"}),
    Case("E18", {**MYSELF, "release": "other"}, "S5", ASSESS, True, {"release": "out"}),
    Case("E19", {**MYSELF, "foreign": "elsewhere"}, "S5", ASSESS, True, {"foreign": "morocco"}),
    Case("E20", MYSELF, "S1", LIKELY, False),
    Case("E21", MYSELF, "S1", LIKELY, False),
]


def test_every_rule_of_the_file_has_a_case() -> None:
    expected = [f"E{number}" for number in range(1, 22)]

    assert [rule.id for rule in RULES.rules] == expected
    assert [case.rule for case in CASES] == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_each_rule_speaks_where_it_is_true_and_not_elsewhere(case: Case) -> None:
    found = verdict_of(case.service, case.given)

    assert found.outcome is case.outcome
    assert case.rule in ids(found.named if case.decides else found.notes)
    if case.but_for is not None:
        other = verdict_of(case.service, {**case.given, **case.but_for})
        true = [
            rule
            for rule in (*other.named, *other.notes)
            if rule.when.truth({**case.given, **case.but_for}) is Truth.YES
        ]
        assert case.rule not in ids(true)


def test_the_reader_who_was_there_shortly_and_learned_nothing_is_welcome() -> None:
    """The question that all this began with."""
    answers = Answers((Need.JOB,), {**MYSELF, "since": "month", "training": "nothing"})

    found = leading(evaluate(RULES, answers))

    assert found.outcome is LIKELY
    assert ids(found.named) == ["E1"]
    assert ids(found.reassurances) == ["E8", "E6"]
    assert "book" in found.then


@pytest.mark.parametrize("asker", ["relative", "inside"])
def test_families_are_led_to_what_there_is_for_families(asker: str) -> None:
    found = leading(evaluate(RULES, Answers((Need.JOB,), {"asker": asker})))

    assert found.outcome is ELSEWHERE
    assert ids(found.see) == ["S11"]
    assert found.then == ("call_back", "nearest")


def test_a_minor_gets_a_call_first() -> None:
    found = leading(evaluate(RULES, Answers((Need.TRAINING,), {"asker": "young"})))

    assert (found.outcome, found.then[0]) == (LIKELY, "call_back")


def test_what_speaks_of_the_person_is_named_first() -> None:
    answers = Answers((Need.PROJECT,), {**MYSELF, "release": "alternative"})

    assert ids(leading(evaluate(RULES, answers)).named)[0] == "E17"


def test_nothing_is_asked_about_what_people_did_or_how_long_it_took() -> None:
    assert [question.id for question in RULES.questions] == [
        "asker",
        "release",
        "since",
        "training",
        "foreign",
    ]
    told = re.compile(
        r"offence|crime|sentenced? to|how long were|condamné|délit|peine de|جريم|جنح|حكم عليك|شحال تحكم"
    )
    assert not [text for question in RULES.questions for text in question.text.values() if told.search(text)]


@pytest.mark.parametrize("question", ["since", "training"])
def test_how_long_ago_and_what_was_learned_only_reassure(question: str) -> None:
    for given_ in combinations():
        without = {name: option for name, option in given_.items() if name != question}
        assert outcomes(given_) == outcomes(without)


def test_no_combination_of_answers_ends_without_something_to_do() -> None:
    for given_ in combinations():
        for found in verdicts(given_):
            assert found.outcome in Outcome
            assert found.then
            assert found.named or found.outcome is not LIKELY
            assert bool(found.see) == (found.outcome is ELSEWHERE)
            assert found.service not in found.see


def test_no_combination_hides_the_way_on_behind_too_many_buttons() -> None:
    for given_ in combinations():
        for found in verdicts(given_):
            # Read more, sources, another question and a person stand beside them.
            assert len(found.then) + 4 <= 7
            assert len(found.reassurances) <= MOST_REASSURANCES


def test_what_is_named_says_why() -> None:
    for given_ in combinations():
        for found in verdicts(given_):
            truths = {rule.when.truth(given_) for rule in found.named}
            assert found.named
            assert (
                truths
                == {
                    LIKELY: {Truth.YES},
                    ASSESS: truths & {Truth.YES} or {Truth.UNKNOWN},
                    ELSEWHERE: {Truth.NO},
                }[found.outcome]
            )


def test_one_more_answer_makes_nothing_worse_without_naming_the_rule() -> None:
    """Each combination, with each of its answers taken back in turn."""
    worse = 0
    for given_ in combinations():
        for name in given_:
            before_given = {other: option for other, option in given_.items() if other != name}
            for before, after in zip(verdicts(before_given), verdicts(given_), strict=True):
                if RANK[after.outcome] >= RANK[before.outcome]:
                    continue
                worse += 1
                turned = [
                    rule
                    for rule in after.named
                    if rule.when.truth(given_) is not rule.when.truth(before_given)
                ]
                assert turned, (before.service.id, given_, name)
    # It does happen: who says that they are a relative is led elsewhere.
    assert worse


def test_rather_not_saying_is_like_not_being_asked() -> None:
    for given_ in combinations():
        silent = {name: given_.get(name, UNSAID) for name in question_ids()}
        assert verdicts(silent) == verdicts(given_)


def test_the_order_of_questions_never_changes_the_outcome() -> None:
    full = {
        "asker": "self",
        "release": "conditional",
        "since": "years",
        "training": "nothing",
        "foreign": "morocco",
    }
    expected = evaluate(RULES, Answers((Need.JOB,), full))
    for order in permutations(full):
        answers = Answers((Need.JOB,))
        for name in order:
            answers = answers.with_answer(name, full[name])
        assert evaluate(RULES, answers) == expected


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_answered_the_questions_end_and_then_nothing_open_could_be_settled(
    data: st.DataObject,
) -> None:
    answers = Answers((data.draw(st.sampled_from(Need)),))
    asked: list[str] = []
    while question := next_question(RULES, answers, asked):
        assert question.id not in asked
        asked.append(question.id)
        options = [option.id for option in question.options]
        answers = answers.with_answer(question.id, data.draw(st.sampled_from([*options, UNSAID])))

    assert len(asked) <= MOST_QUESTIONS
    given_ = answers.given
    for later in (each for each in question_ids() if each not in asked):
        for option in options_of(later):
            found = evaluate(RULES, Answers(answers.needs, {**given_, later: option}))
            assert [each.outcome for each in found] == [each.outcome for each in evaluate(RULES, answers)]


def test_never_more_than_six_questions_are_asked() -> None:
    """Also when a file has more of them that all would settle something."""
    many = RULES
    for number in range(9):
        condition = Says(f"c{number}", f"q{number}", frozenset({"elsewhere"}), frozenset({"morocco"}))
        question = replace(RULES.questions[-1], id=f"q{number}")
        rule = replace(RULES.rule("E19"), id=f"X{number}", when=condition)
        many = replace(many, questions=(*many.questions, question), rules=(*many.rules, rule))
    asked = ["asker"]
    answers = Answers((Need.JOB,), {"asker": "self"})
    while question_ := next_question(many, answers, asked):
        asked.append(question_.id)
        answers = answers.with_answer(question_.id, UNSAID)

    assert len(asked) == MOST_QUESTIONS


def test_the_question_that_settles_most_comes_next() -> None:
    """Who came out decides over every service; whether one learned a trade reassures at some."""
    assert asked_next({"asker": "self"}) == "release"
    assert asked_next({**MYSELF}) == "since"
    assert asked_next({"asker": "relative"}) is None


def test_what_could_settle_nothing_is_not_asked() -> None:
    assert asked_next({**MYSELF, "since": "month"}, Need.HEALTH) is None
    assert asked_next({**MYSELF, "since": "month"}, Need.JOB) == "training"


def test_every_need_has_a_service_and_each_fact_shown_a_source() -> None:
    for given_ in combinations():
        for need in Need:
            found = leading(evaluate(RULES, Answers((need,), given_)))
            assert found.sources
            assert set(found.sources) <= set(RULES.sources)
            shown = (found.service, *found.see, *found.named, *found.notes)
            assert all(fact.sources or fact.tag in "IU" for fact in shown)


def test_no_text_says_no_or_promises_money() -> None:
    texts = all_texts(RULES)
    money = re.compile(r"[\d٠-٩][\d٠-٩\s.,]*(?:MAD|DH|dirham|درهم|دراهم)", re.IGNORECASE)
    refusal = re.compile(
        r"eligible|not allowed|you cannot|free of charge|guarantee|éligible|vous ne pouvez pas|gratuit"
        r"|garanti|لا يحق|غير مؤهل|مجان|فابور|ما عندكش الحق",
        re.IGNORECASE,
    )

    assert len(texts) > 250
    assert not [text for text in texts if money.search(text) or refusal.search(text)]


def verdict_of(service_id: str, given_: dict[str, str]) -> Verdict:
    return next(each for each in evaluate(RULES, Answers((), given_)) if each.service.id == service_id)


def verdicts(given_: dict[str, str]) -> list[Verdict]:
    return _verdicts(tuple(sorted(given_.items())))


@cache
def _verdicts(items: tuple[tuple[str, str], ...]) -> list[Verdict]:
    return evaluate(RULES, Answers((), dict(items)))


def outcomes(given_: dict[str, str]) -> list[Outcome]:
    return [each.outcome for each in verdicts(given_)]


def question_ids() -> list[str]:
    return [question.id for question in RULES.questions]


def options_of(question_id: str) -> list[str]:
    question = RULES.question(question_id)
    assert isinstance(question, Question)
    return [option.id for option in question.options]


def combinations() -> list[dict[str, str]]:
    """Return all there are: each question with each option, and unanswered."""
    each = [[None, *options_of(question_id)] for question_id in question_ids()]
    return [
        {name: option for name, option in zip(question_ids(), chosen, strict=True) if option is not None}
        for chosen in product(*each)
    ]


def asked_next(given_: dict[str, str], need: Need = Need.JOB) -> str | None:
    question = next_question(RULES, Answers((need,), given_), list(given_))
    return question.id if question else None


def ids(facts: tuple[Rule, ...] | tuple[object, ...]) -> list[str]:
    return [getattr(fact, "id", "") for fact in facts]


def all_texts(rules: RuleSet) -> list[str]:
    """Return every text and label that people may read, in every language."""
    said = [rules.centre_decides, rules.bring.text, *rules.outcomes.values()]
    said += [
        each for question in rules.questions for each in (question.text, *(o.label for o in question.options))
    ]
    said += [each for service in rules.services for each in (service.text, service.next)]
    said += [each for programme in rules.programmes for each in (programme.name, programme.text)]
    said += [rule.text for rule in rules.rules]
    return [text[language.code] for text in said for language in LANGUAGES]
