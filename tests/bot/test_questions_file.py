"""The questions file: what is shipped can be shipped, and what is wrong is said with its line."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.catalogues import PRISON_WORDS
from bot.questions_file import main, read_questions
from bot.sources_file import DataFileBroken, packaged_text, read_sources
from conversations.care.questions import Topic
from conversations.care.rules import Tag
from conversations.texts import LANGUAGES
from tests.fakes import MovableClock
from tests.people import MONDAY

TODAY = date(2026, 11, 23)
CODES = [language.code for language in LANGUAGES]


def broken(change: tuple[str, str], tmp_path: Path, today: date = TODAY) -> str:
    """Return what is said of the packaged file with its first such text replaced."""
    text = packaged_text("questions.toml")
    assert change[0] in text
    path = tmp_path / "questions.toml"
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(DataFileBroken) as caught:
        read_questions(path, today=today)
    return caught.value.sentence


def line_of(text: str) -> int:
    content = packaged_text("questions.toml")
    return content[: content.index(text)].count("\n") + 1


def test_every_question_people_ask_has_its_answer() -> None:
    ids = {question.id for question in read_questions(today=TODAY).questions}

    assert ids == {
        *("short_time", "how_late", "papers", "money", "project", "job", "training", "case"),
        *("women", "young", "family", "conditional", "alternative", "record", "which_centre", "season"),
        *("record_time", "record_court", "record_card", "alternative_kinds", "help_numbers"),
    }


def test_each_answer_has_its_source_and_no_topic_is_too_long_for_a_list() -> None:
    questions = read_questions(today=TODAY).questions

    assert all(question.sources for question in questions)
    for topic in Topic:
        about = [question for question in questions if question.topic is topic]
        assert 1 <= len(about) <= 7
        for code in CODES:
            assert len({question.wordings[code].label for question in about}) == len(about)


@pytest.mark.parametrize("code", CODES)
def test_no_answer_names_an_amount_or_speaks_for_the_foundation_unasked(code: str) -> None:
    foundation = re.compile(r"foundation|fondation|مؤسسة", re.IGNORECASE)
    money = re.compile(r"\d[\d\s.,]*(?:mad|dh|dirham|درهم)|\bfree\b|gratuit|مجان|فابور", re.IGNORECASE)
    for question in read_questions(today=TODAY).questions:
        wording = question.wordings[code]
        assert not money.search(wording.answer), question.id
        if question.tag in (Tag.INFERRED, Tag.UNKNOWN):
            assert not foundation.search(wording.answer), question.id


@pytest.mark.parametrize("code", CODES)
def test_no_label_tells_a_bystander_of_the_past(code: str) -> None:
    """Buttons of a list stand open on the screen; the two that must name a kind of sentence are law alone."""
    labels = {
        question.id: question.wordings[code].label
        for question in read_questions(today=TODAY).questions
        if question.topic is not Topic.LAW
    }

    assert not [name for name, label in labels.items() if PRISON_WORDS[code].search(label)]


def test_waiting_periods_are_told_as_law_to_be_asked_about() -> None:
    question = next(each for each in read_questions(today=TODAY).questions if each.id == "record_time")

    answer = question.wordings["en"].answer
    assert answer.startswith("By the law as we read it")
    assert answer.endswith("Ask at the court or the centre before you rely on it.")
    assert question.wordings["fr"].answer.startswith("Selon la loi telle que nous la lisons")


def test_sources_are_named_by_publisher_and_read_in_a_month() -> None:
    sources = read_sources()

    assert all(re.fullmatch(r"20\d\d-\d\d", source.read) for source in sources.values())
    assert sources["libe-2014"].title == "Libération, 2014"


@pytest.mark.parametrize(
    ("change", "said", "where"),
    [
        (('sources = ["alm-visite"]', 'sources = ["nobody"]'), '"nobody"', 'sources = ["alm-visite"]'),
        (('sources = ["alm-visite"]', "sources = []"), '"sources" is missing', 'sources = ["alm-visite"]'),
        (('label = "⏱️ Only a short time"', 'label = "⏱️ Only a very short time inside"'), "holds 24",
         'label = "⏱️ Only a short time"'),
        (("We know of no deadline.", "You get 35,000 MAD."), "amount", "We know of no deadline."),
        (("We know of no deadline.", "Vous recevez 300 dirhams."), "amount", "We know of no deadline."),
        (('topic = "work"', 'topic = "weather"'), '"weather" is not known', 'topic = "work"'),
        (('tag = "U"', 'tag = "X"'), '"X" is not known', 'tag = "U"'),
        (("reviewed = 2026-11-22", "reviewed = 2024-11-22"), "over a year ago", "reviewed = 2026-11-22"),
        (("reviewed = 2026-11-22", "reviewed = 2031-11-22"), "in the future", "reviewed = 2026-11-22"),
        (("reviewed = 2026-11-22", 'reviewed = "soon"'), "review date", "reviewed = 2026-11-22"),
        (('id = "how_late"', 'id = "short_time"'), "earlier question", 'id = "how_late"'),
        (('id = "how_late"', 'id = "How late"'), "small Latin letters", 'id = "how_late"'),
        (('next = ["book"]', 'next = ["fly"]'), '"fly" is not known', 'next = ["book"]'),
        (("[vocabulary]", "[words]"), "[words] is not known", "[vocabulary]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_line(
    change: tuple[str, str], said: str, where: str, tmp_path: Path
) -> None:
    sentence = broken(change, tmp_path)

    assert said in sentence
    assert sentence.startswith(f"questions.toml, line {line_of(where)}: ")


def test_a_missing_language_and_darija_in_one_script_are_refused(tmp_path: Path) -> None:
    text = packaged_text("questions.toml")
    start, end = text.index("[question.ary]"), text.index("[[question]]", text.index("[question.ary]"))
    path = tmp_path / "questions.toml"
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    with pytest.raises(DataFileBroken, match=rf"line {line_of('[[question]]')}: the language ary is missing"):
        read_questions(path)

    one_script = re.sub(r'(\[question\.ary\].*?asked = \[).*?\]', r'\1"واش", "شنو", "فين", "علاش"]', text,
                        count=1, flags=re.DOTALL)  # fmt: skip
    path.write_text(one_script, encoding="utf-8")
    with pytest.raises(DataFileBroken, match="in Latin letters"):
        read_questions(path)


def test_what_is_no_toml_is_said_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.toml"
    path.write_text('[[question]]\nid = "a"\ntopic = coming\n', encoding="utf-8")

    with pytest.raises(DataFileBroken, match=r"questions\.toml, line 3: this is no TOML"):
        read_questions(path)


def test_the_check_fails_a_year_after_the_last_review(capsys: pytest.CaptureFixture[str]) -> None:
    """The service itself starts all the same: nobody is left without an answer because a day has passed."""
    reviewed = datetime(2026, 11, 22, 12, tzinfo=MONDAY.tzinfo)

    assert main(["check"], MovableClock(reviewed + timedelta(days=300))) == 0
    assert main(["check"], MovableClock(reviewed + timedelta(days=400))) == 1
    assert "over a year ago" in capsys.readouterr().out
    assert read_questions().questions
