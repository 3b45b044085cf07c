from pathlib import Path

import polib
import pytest

from bot.catalogues import HEADERS, check, compile, extract, main, merge
from bot.texts import catalogue_path, load_texts

CODE = """
def ask(turn):
    # Translators: label, at most 20 characters.
    turn.pgettext("button", "Open")
    # Translators: first line seen on a locked screen.
    turn.gettext("See you at {time}.\\n\\nYour centre")
    turn.ngettext("one day left", "{n} days left", 3)
"""
TRANSLATED: dict[str, dict[str, str | list[str]]] = {
    "ary": {
        "Open": "حل",
        "See you at {time}.\n\nYour centre": "نتلاقاو مع {time}.\n\nالمركز",
        "one day left": ["والو", "نهار", "يوماين", "{n} أيام", "{n} يوم", "{n} يوم"],
    },
    "ar": {
        "Open": "فتح",
        "See you at {time}.\n\nYour centre": "نلتقي في {time}.\n\nالمركز",
        "one day left": ["لا شيء", "يوم", "يومان", "{n} أيام", "{n} يوما", "{n} يوم"],
    },
    "fr": {
        "Open": "Ouvrir",
        "See you at {time}.\n\nYour centre": "Rendez-vous à {time}.\n\nVotre centre",
        "one day left": ["{n} jour", "{n} jours"],
    },
}
GREETING = "See you at {time}.\n\nYour centre"


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    """Catalogues that can be shipped, for a code of three texts."""
    write_code(tmp_path, CODE)
    locales = tmp_path / "locales"
    extract(locales)
    merge(locales)
    for language, texts in TRANSLATED.items():
        for source, translation in texts.items():
            translate(locales, language, source, translation)
    assert check(locales) == []
    return locales


def write_code(root: Path, code: str) -> None:
    for package in ("conversations", "bot"):
        (root / package).mkdir(exist_ok=True)
    (root / "conversations" / "visit.py").write_text(code)


def translate(locales: Path, language: str, source: str, translation: str | list[str]) -> None:
    catalogue, entry = opened(locales, language, source)
    if isinstance(translation, str):
        entry.msgstr = translation
    else:
        entry.msgstr_plural = dict(enumerate(translation))
    catalogue.save()


def opened(locales: Path, language: str, source: str) -> tuple[polib.POFile, polib.POEntry]:
    catalogue = polib.pofile(str(catalogue_path(language, ".po", locales)))
    entry = catalogue.find(source)
    assert entry is not None
    return catalogue, entry


def test_the_template_holds_texts_contexts_plurals_and_comments(locales: Path) -> None:
    template = polib.pofile(str(locales / "messages.pot"))

    assert [(entry.msgctxt, entry.msgid, entry.msgid_plural, entry.comment) for entry in template] == [
        ("button", "Open", "", "Translators: label, at most 20 characters."),
        (None, GREETING, "", "Translators: first line seen on a locked screen."),
        (None, "one day left", "{n} days left", ""),
    ]


def test_the_template_does_not_change_when_lines_move(locales: Path) -> None:
    before = (locales / "messages.pot").read_bytes()
    write_code(locales.parent, "\n\n" + CODE)

    extract(locales)

    assert (locales / "messages.pot").read_bytes() == before
    assert check(locales) == []


def test_a_text_said_in_two_files_is_one_entry_that_names_both(locales: Path) -> None:
    (locales.parent / "bot" / "greeting.py").write_text(f"gettext({GREETING!r})")

    extract(locales)

    entry = polib.pofile(str(locales / "messages.pot")).find(GREETING)
    assert entry is not None
    assert entry.occurrences == [("conversations/visit.py", ""), ("bot/greeting.py", "")]


def test_a_changed_sentence_is_a_new_entry_and_the_old_one_goes(locales: Path) -> None:
    write_code(locales.parent, CODE.replace("See you at", "We meet at"))

    extract(locales)
    merge(locales)

    catalogue = polib.pofile(str(catalogue_path("fr", ".po", locales)))
    assert [(entry.msgid, entry.msgstr_plural or entry.msgstr, entry.fuzzy) for entry in catalogue] == [
        ("Open", "Ouvrir", False),
        ("We meet at {time}.\n\nYour centre", "", False),
        ("one day left", {0: "{n} jour", 1: "{n} jours"}, False),
    ]


def test_merging_keeps_what_translators_noted(locales: Path) -> None:
    catalogue, entry = opened(locales, "fr", "Open")
    entry.tcomment = "Asked Brahim."
    entry.fuzzy = True
    catalogue.save()

    merge(locales)

    _, entry = opened(locales, "fr", "Open")
    assert (entry.tcomment, entry.fuzzy) == ("Asked Brahim.", True)


def test_merging_makes_a_missing_catalogue_with_every_plural_form(locales: Path) -> None:
    catalogue_path("ary", ".po", locales).unlink()

    merge(locales)

    catalogue, entry = opened(locales, "ary", "one day left")
    assert catalogue.metadata == HEADERS["ary"]
    assert entry.msgstr_plural == dict.fromkeys(range(6), "")


def test_compiled_catalogues_speak(locales: Path) -> None:
    compile(locales)

    texts = load_texts(locales)
    assert {code: said.pgettext("button", "Open") for code, said in texts.items()} == {
        "ary": "حل",
        "ar": "فتح",
        "fr": "Ouvrir",
        "en": "Open",
    }


def test_an_unchanged_catalogue_is_not_written_again(locales: Path) -> None:
    compile(locales)
    written = catalogue_path("fr", ".mo", locales).stat()

    compile(locales)

    again = catalogue_path("fr", ".mo", locales).stat()
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_text_that_was_not_extracted_is_a_problem(locales: Path) -> None:
    write_code(locales.parent, CODE + '    turn.gettext("A new one")\n')

    assert "messages.pot: not what the code says. Run: python -m bot.catalogues extract" in check(locales)
    assert "fr: 'A new one': missing. Run: python -m bot.catalogues merge" in check(locales)


@pytest.mark.parametrize(
    "call",
    [
        'gettext(f"Hello {name}")',
        "turn.gettext(sentence)",
        'turn.gettext("a" + sentence)',
        'turn.gettext("\\n".join(lines))',
        'turn.ngettext("one day left", several, 3)',
        'turn.pgettext(context, "Open")',
        'turn.gettext(message="Open")',
    ],
)
def test_a_text_that_the_extractor_cannot_read_is_a_problem(locales: Path, call: str) -> None:
    (locales.parent / "bot" / "greeting.py").write_text(f"\n{call}\n")

    assert "bot/greeting.py:2: the text is not a literal" in check(locales)


def test_a_method_that_hands_a_text_on_is_no_problem(locales: Path) -> None:
    (locales.parent / "bot" / "turn.py").write_text(
        "class Turn:\n    def gettext(self, message):\n        return self.texts.gettext(message)\n"
    )

    assert check(locales) == []


@pytest.mark.parametrize(
    ("language", "source", "translation", "problem"),
    [
        ("fr", "Open", "", "'button|Open': not translated"),
        (
            "ar",
            "one day left",
            ["", "يوم", "يومان", "{n} أيام", "{n} يوما", "{n} يوم"],
            "form 0: not translated",
        ),
        ("ary", "one day left", ["والو", "نهار", "يوماين"], "form 3: not translated"),
        ("fr", GREETING, "Rendez-vous à {heure}.", "placeholders differ"),
        ("fr", GREETING, "Rendez-vous.", "placeholders differ"),
        ("fr", GREETING, "Rendez-vous à {time.", "placeholders differ"),
        ("fr", GREETING, "Rendez-vous à {time:>5}.", "placeholders differ"),
        ("fr", "one day left", ["un jour", "{n} jours"], "form 0: placeholders differ"),
        ("ar", "one day left", ["0", "1", "2", "أيام", "{n} 4", "{n} 5"], "form 3: placeholders differ"),
        ("fr", "Open", "Ouvrir le rendez-vous", "21 characters, the label holds 20"),
        ("fr", GREETING, "Sortie de prison à {time}", "the first line tells of prison: prison"),
        ("fr", GREETING, "Votre libération, {time}", "the first line tells of prison: libér"),
        ("ar", GREETING, "خروجك من السِّجن {time}", "the first line tells of prison: السجن"),
        ("ary", GREETING, "بعد الإفراج {time}", "the first line tells of prison: الافراج"),
    ],
)
def test_a_translation_that_would_harm_a_reader_is_a_problem(
    locales: Path, language: str, source: str, translation: str | list[str], problem: str
) -> None:
    translate(locales, language, source, translation)

    found = check(locales)

    assert found
    assert all(line.startswith(f"{language}: ") for line in found)
    assert any(line.endswith(problem) for line in found)


@pytest.mark.parametrize(
    ("language", "translation"),
    [
        ("fr", "À {time}\nCentre, sans mot de prison devant"),
        ("fr", "À peine vers {time}, la liberté de choisir"),
        ("ar", "تنزيل الموعد {time} للاستراحة"),
    ],
)
def test_harmless_first_lines_are_no_problem(locales: Path, language: str, translation: str) -> None:
    translate(locales, language, GREETING, translation)

    assert check(locales) == []


def test_a_fuzzy_entry_is_a_problem(locales: Path) -> None:
    catalogue, entry = opened(locales, "ar", "Open")
    entry.fuzzy = True
    catalogue.save()

    assert check(locales) == ["ar: 'button|Open': fuzzy"]


def test_an_entry_that_the_code_no_longer_has_is_a_problem(locales: Path) -> None:
    catalogue = polib.pofile(str(catalogue_path("fr", ".po", locales)))
    catalogue.append(polib.POEntry(msgid="Old", msgstr="Ancien"))
    catalogue.save()

    assert check(locales) == ["fr: 'Old': not in the template. Run: python -m bot.catalogues merge"]


@pytest.mark.parametrize(
    "plurals",
    [None, "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : 4);"],
)
def test_a_lost_or_foreign_plural_rule_is_a_problem(locales: Path, plurals: str | None) -> None:
    catalogue = polib.pofile(str(catalogue_path("ary", ".po", locales)))
    del catalogue.metadata["Plural-Forms"]
    if plurals is not None:
        catalogue.metadata["Plural-Forms"] = plurals
    catalogue.save()

    assert check(locales) == [
        "ary: the header is not the one in HEADERS. Run: python -m bot.catalogues merge"
    ]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("# Translators: label, at most 3 characters\ngettext('Open')", "4 characters, the label holds 3"),
        (
            "# Translators: label of the menu\ngettext('Open')",
            'write its limit as "label, at most N characters"',
        ),
        ("gettext('Hello {}')", "placeholders are not plain names in braces"),
        ("gettext('Hello {name.first}')", "placeholders are not plain names in braces"),
        (
            "# Translators: first line seen on a locked screen\ngettext('Since your release')",
            "the first line tells of prison: releas",
        ),
    ],
)
def test_the_english_source_is_held_to_the_same_rules(locales: Path, code: str, problem: str) -> None:
    (locales.parent / "bot" / "greeting.py").write_text(code)

    assert any(line.startswith("messages.pot: ") and line.endswith(problem) for line in check(locales))


def test_the_command_fails_while_there_are_problems(
    locales: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(locales, "fr", "Open", "")

    assert main(["check"], locales) == 1
    assert capsys.readouterr().out == "fr: 'button|Open': not translated\n"


def test_the_commands_bring_new_texts_to_the_translators(
    locales: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_code(locales.parent, CODE.replace('"Open"', '"Close"'))

    assert [main([command], locales) for command in ("extract", "merge", "compile", "check")] == [0, 0, 0, 1]
    assert capsys.readouterr().out.splitlines() == [
        f"{language}: 'button|Close': not translated" for language in HEADERS
    ]
