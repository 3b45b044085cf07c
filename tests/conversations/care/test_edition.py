"""What is told today: what was shipped, with what managers published."""

from datetime import date

import pytest

from bot.places import load_places
from bot.questions import load_questions
from bot.rules_file import read_rules
from conversations.care.edition import Edition, Editions, edition_of
from conversations.care.questions import Topic
from conversations.care.rules import Change

RULES = read_rules()
QUESTIONS = load_questions(load_places())
DAY = date(2027, 3, 1)


def edition(*changes: Change) -> Edition:
    return edition_of(RULES, QUESTIONS, changes)


def test_without_changes_what_was_shipped_is_told() -> None:
    assert edition() == Edition(RULES, QUESTIONS)


def test_no_entry_of_the_rules_is_called_as_a_question_is() -> None:
    """A change names its entry alone."""
    facts = (*RULES.services, *RULES.programmes, *RULES.rules, RULES.bring)

    assert [fact.id for fact in facts if QUESTIONS.question(fact.id)] == []


def test_a_wording_is_told_in_its_language_alone_and_counts_as_reviewed() -> None:
    told = edition(Change("S6", "text", "Un autre texte.", "fr", DAY)).rules.service("S6")

    shipped = RULES.service("S6")
    assert told.text == {**shipped.text, "fr": "Un autre texte."}
    assert told.reviewed == DAY
    assert told.sources == shipped.sources


def test_an_answer_is_told_wherever_the_question_comes_up() -> None:
    questions = edition(Change("short_time", "answer", "Oui, venez.", "fr", DAY)).questions

    found = questions.find("je suis resté peu de temps en prison, est-ce que je peux venir au centre")
    about = [question for question in questions.about(Topic.COMING) if question.id == "short_time"]
    for question in (questions.question("short_time"), *found.questions, *about):
        assert question
        assert question.wordings["fr"].answer == "Oui, venez."
        assert question.wordings["ar"] == QUESTIONS.question("short_time").wordings["ar"]  # type: ignore[union-attr]
        assert question.reviewed == DAY
    assert questions.known_words("passeport") == QUESTIONS.known_words("passeport")
    assert questions.question("nothing") is None


def test_who_worded_an_answer_has_reviewed_it() -> None:
    shipped = QUESTIONS.question("short_time")
    assert shipped
    long_after = date(shipped.reviewed.year + 2, 1, 1)

    changed = edition(Change("short_time", "answer", "Oui, venez.", "fr", long_after)).questions

    still = [question.id for question in changed.to_review(long_after)]
    assert len(still) == len(QUESTIONS.to_review(long_after)) - 1
    assert "short_time" not in still


@pytest.mark.parametrize(
    "change",
    [
        Change("P99", "text", "Un texte.", "fr"),
        Change("no_such_question", "answer", "Une réponse.", "fr"),
        Change("P1", "fee", True),
        Change("P1", "open", "yes"),
        Change("P1", "regions", ("77",)),
        Change("S6", "text", "5 000 dirhams", "fr"),
        Change("S6", "text", "Un texte.", "de"),
        # Tagged U: nobody has said that.
        Change("P5", "text", "La Fondation a un programme.", "fr"),
        Change("P5", "text", "Il y a un programme.", "fr"),
        Change("short_time", "answer", "x" * 301, "fr"),
        Change("short_time", "label", "Une étiquette beaucoup trop longue", "fr"),
        Change("short_time", "asked", "Je peux ?", "fr"),
        Change("short_time", "answer", "Oui, venez.", "de"),
        Change("short_time", "answer", True, "fr"),
        Change("how_late", "answer", "La Fondation dit : un an.", "fr"),
    ],
    ids=str,
)
def test_a_change_that_fits_no_longer_is_skipped_and_the_others_are_told(change: Change) -> None:
    told = edition(Change("P1", "name", "Projets", "fr"), change, Change("P2", "open", True))

    assert [skipped.change for skipped in told.skipped] == [change]
    assert told.skipped[0].sentence
    programmes = {programme.id: programme for programme in told.rules.programmes}
    assert programmes["P1"].name["fr"] == "Projets"
    assert programmes["P2"].open is True


def test_two_days_that_fit_together_alone_are_made_together() -> None:
    """Beside a change that is refused, which has the others made entry by entry."""
    last_year = [Change("P1", "from", date(2026, 2, 1)), Change("P1", "until", date(2026, 3, 1))]
    rules = RULES.with_changes(last_year)
    next_year = [Change("P1", "until", date(2027, 3, 1)), Change("P1", "from", date(2027, 2, 1))]

    told = edition_of(rules, QUESTIONS, [next_year[1], next_year[0], Change("P99", "open", True)])

    (programme,) = [programme for programme in told.rules.programmes if programme.id == "P1"]
    assert (programme.opens_on, programme.closes_on) == (date(2027, 2, 1), date(2027, 3, 1))
    assert len(told.skipped) == 1


def test_the_same_changes_make_the_same_edition_without_being_made_again() -> None:
    editions = Editions(RULES, QUESTIONS)
    first = editions.of((Change("P1", "open", True),))

    assert editions.of((Change("P1", "open", True),)) is first
    assert editions.of((Change("P1", "open", False),)).rules.programmes[0].open is False
    assert editions.of(()) == Edition(RULES, QUESTIONS)
