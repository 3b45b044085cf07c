"""The packaged rules can be used; what is wrong with a file is told with its line."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.catalogues import PRISON_WORDS
from bot.rules_file import main, read_rules
from bot.sources_file import DataFileBroken, packaged_text
from conversations.care.rules import (
    LABEL,
    Change,
    ChangeRefused,
    Programme,
    RuleSet,
    Standing,
    standing,
)
from tests.fakes import MovableClock

TODAY = date(2026, 11, 23)
FILE = packaged_text("rules.toml")


@pytest.fixture
def rules() -> RuleSet:
    return read_rules(today=TODAY)


def broken(folder: Path, text: str) -> str:
    """Return the sentence that refuses a file."""
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileBroken) as refusal:
        read_rules(path, today=TODAY)
    return refusal.value.sentence


def changed(entry: str, old: str, new: str) -> tuple[str, int]:
    """Return the packaged file with one line of an entry changed, and that line's number."""
    start = FILE.index(f'id = "{entry}"\n')
    at = FILE.index(old, start)
    return FILE[:at] + new + FILE[at + len(old) :], FILE.count("\n", 0, at) + 1


def test_the_packaged_file_has_all_services_programmes_and_rules(rules: RuleSet) -> None:
    assert [each.id for each in rules.services] == [f"S{number}" for number in range(1, 14)]
    assert [each.id for each in rules.programmes] == [f"P{number}" for number in range(1, 7)]
    assert [each.id for each in rules.rules] == [f"E{number}" for number in range(1, 22)]


def test_labels_fit_a_list_of_whatsapp_in_every_language(rules: RuleSet) -> None:
    labels = [label for each in rules.questions for option in each.options for label in option.label.values()]

    assert labels
    assert not [label for label in labels if len(label.encode("utf-16-le")) // 2 > LABEL]


def test_what_a_locked_screen_shows_of_a_question_tells_nothing(rules: RuleSet) -> None:
    for said in (*rules.outcomes.values(), *(question.text for question in rules.questions)):
        for language, text in said.items():
            assert not PRISON_WORDS[language].search(text)


@pytest.mark.parametrize(
    ("entry", "old", "new", "told"),
    [
        ("E1", '"for_self", "released"', '"for_self", "relaesed"', 'the condition "relaesed" is not known'),
        ("E1", 'sources = ["maroc-interview"]', "sources = []", "there is no source"),
        ("E1", '"maroc-interview"', '"maroc-intervue"', '"maroc-intervue" is not in sources.toml'),
        ("E1", "reviewed = 2026-11-21", "reviewed = 2025-11-20", "the last review is over a year ago"),
        ("E1", "reviewed = 2026-11-21", 'reviewed = "2026-11-21"', '"reviewed" is a day'),
        ("E1", 'tag = "F"', 'tag = "X"', '"X" is not known; write one of F, O, P, I, U'),
        ("E1", 'all = "for"', 'all = "maybe"', '"maybe" is not known'),
        ("E1", 'S11 = "note"', 'S99 = "note"', "S99 is no service"),
        ("E2", 'id = "E2"', 'id = "E1"', '"E1" stands in an earlier rule already'),
        ("E1", 'text_ar = "', 'text_ar = " "\n# "', "the text in ar is missing"),
        ("E17", ": the centre decides", "", "it must say “the centre decides”"),
        ("E17", "For an alternative", "The Foundation: for an alternative", "not be told as the Foundation"),
        ("E17", "المركز هو الذي يقرر", "مؤسسة محمد السادس تقرر", "not be told as the Foundation"),
        ("E10", "text_en = ", 'text_en = "You get 30 000 MAD." # ', "it names an amount of money"),
        ("S5", 'needs = ["job"]', 'needs = ["jobs"]', '"jobs" is not known'),
        ("S5", 'see = ["S11"]', "see = []", "name another service for those whom this one is not for"),
        ("S5", 'then = ["book"]', "then = []", "at least one thing that the person can do next"),
        ("P1", 'services = ["S6"]', 'services = ["S66"]', "S66 is no service"),
        ("P1", 'services = ["S6"]', 'services = ["S6"]\nopen = "yes"', '"open" is true or false'),
        ("P1", 'services = ["S6"]', 'services = ["S6"]\nregions = ["13"]', '"13" is no region'),
        ("P1", 'services = ["S6"]', 'services = ["S6"]\nbudget = 3', '"budget" is not known'),
        ("relative", "👪 I am a relative", "👪 I am one of the relatives", "the label holds 24"),
        ("for_self", 'yes = ["self"]', 'yes = ["me"]', '"me" is no option of the question "asker"'),
        ("for_self", 'question = "asker"', 'question = "who"', 'the question "who" is not asked'),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, entry: str, old: str, new: str, told: str
) -> None:
    text, line = changed(entry, old, new)
    # A line put below the one that it is about.
    line += new.count("\n") if "\n" in new and not new.startswith("text") else 0

    sentence = broken(tmp_path, text)

    assert sentence.startswith(f"rules.toml, line {line}: ")
    assert told in sentence


def test_a_language_that_is_left_out_is_told_with_the_entry(tmp_path: Path) -> None:
    start = FILE.index('id = "E1"\n')
    at = FILE.index("text_ary = ", start)
    text = FILE[:at] + FILE[FILE.index("\n", at) + 1 :]
    # The entry's own line, since the text has none.
    line = FILE.count("\n", 0, start)

    assert broken(tmp_path, text) == f'rules.toml, line {line}: "text_ary" is missing; write it.'


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert broken(tmp_path, 'a = "b"\n[[rule]\n').startswith("rules.toml, line 2: ")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert broken(tmp_path, "") == "rules.toml: there is no [[question]]; the service needs at least one."


def test_a_review_that_grew_old_keeps_no_service_down(tmp_path: Path) -> None:
    text, _ = changed("E1", "reviewed = 2026-11-21", "reviewed = 2020-01-01")
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")

    assert read_rules(path).rule("E1").reviewed == date(2020, 1, 1)


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, line = changed("E9", 'tag = "F"', 'tag = "G"')
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    clock = MovableClock(datetime(2026, 11, 23, tzinfo=UTC))

    assert main(["check"], clock=clock) == 0
    assert main(["check"], clock=clock, path=path) == 1
    assert f"line {line}: " in capsys.readouterr().out


def test_the_command_fails_a_year_after_the_last_review(capsys: pytest.CaptureFixture[str]) -> None:
    clock = MovableClock(datetime(2027, 12, 1, tzinfo=UTC))

    assert main(["check"], clock=clock) == 1
    assert re.search(r"rules\.toml, line \d+: .*over a year ago", capsys.readouterr().out)


# What managers may change


def test_a_change_gives_new_rules_and_leaves_the_old_ones(rules: RuleSet) -> None:
    later = rules.with_changes(
        [
            Change("S5", "text", "Le centre cherche un emploi avec vous.", "fr"),
            Change("P1", "open", True),
            Change("P1", "from", date(2027, 2, 8)),
            Change("P1", "until", date(2027, 3, 9)),
            Change("P1", "regions", ["06", "04"]),
        ]
    )

    assert later.service("S5").text["fr"] == "Le centre cherche un emploi avec vous."
    assert later.service("S5").text["ar"] == rules.service("S5").text["ar"]
    programme = later.programmes[0]
    assert (programme.open, programme.opens_on, programme.closes_on) == (
        True,
        date(2027, 2, 8),
        date(2027, 3, 9),
    )
    assert programme.regions == ("06", "04")
    assert rules == read_rules()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change("E99", "text", "…", "fr"), "E99 is nothing that can be changed"),
        (Change("E1", "tag", "O"), "this cannot be changed"),
        (Change("E1", "open", True), "this cannot be changed"),
        (Change("P1", "open", "yes"), "this cannot be changed, or not to that"),
        (Change("P1", "regions", ["99"]), '"99" is no region'),
        (Change("E1", "text", "Bonjour."), "say which language"),
        (Change("E1", "text", " ", "fr"), "the text in fr is missing"),
        (Change("E1", "text", "Vous aurez 5000 dirhams.", "fr"), "it names an amount of money"),
        (Change("E17", "text", "Oui.", "fr"), "it must say “c’est le centre qui décide”"),
    ],
)
def test_a_change_is_held_to_the_rules_of_the_file(rules: RuleSet, change: Change, told: str) -> None:
    with pytest.raises(ChangeRefused) as refusal:
        rules.with_changes([change])

    assert told in refusal.value.sentence


def test_a_programme_cannot_end_before_it_begins(rules: RuleSet) -> None:
    changes = [Change("P1", "from", date(2027, 3, 1)), Change("P1", "until", date(2027, 2, 1))]

    with pytest.raises(ChangeRefused, match="it ends before it begins"):
        rules.with_changes(changes)


@pytest.mark.parametrize(
    ("fields", "region", "expected"),
    [
        ({}, "06", Standing.NOT_KNOWN),
        ({"open": True}, None, Standing.OPEN),
        ({"open": False}, "06", Standing.NOT_NOW),
        ({"from": date(2026, 11, 24)}, "06", Standing.NOT_NOW),
        ({"from": date(2026, 11, 23), "until": date(2026, 11, 23)}, "06", Standing.OPEN),
        ({"until": date(2026, 11, 22)}, "06", Standing.NOT_NOW),
        ({"open": True, "regions": ["06"]}, "06", Standing.OPEN),
        ({"open": True, "regions": ["06"]}, "04", Standing.NOT_HERE),
        ({"open": True, "regions": ["06"]}, None, Standing.NOT_KNOWN),
    ],
)
def test_how_a_programme_stands(
    rules: RuleSet, fields: dict[str, object], region: str | None, expected: Standing
) -> None:
    later = rules.with_changes([Change("P2", name, value) for name, value in fields.items()])
    programme = later.programmes[1]

    assert isinstance(programme, Programme)
    assert standing(programme, TODAY, region) is expected
