import copy
import logging
import re
from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import polib
import pytest

from bot.catalogues import HEADERS, compile
from bot.texts import CataloguesMissing, catalogue_path, load_texts
from conversations.texts import LANGUAGES, Texts, clean_incoming, strip_isolates

FSI, PDI = "\u2068", "\u2069"

DAYS_LEFT = {
    "ar": ["zero", "one", "two", "{n} few", "{n} many", "{n} other"],
    "ary": ["walu", "wahed", "jouj", "{n} chwiya", "{n} bezzaf", "{n} okhra"],
    "fr": ["{n} jour", "{n} jours"],
}


@pytest.fixture
def texts(tmp_path: Path) -> dict[str, Texts]:
    """A few sentences; Darija lacks what only Arabic has, and French lacks "Later"."""
    write_catalogue(tmp_path, "ary", {"See you at {time}.": "نتلاقاو مع {time}."})
    write_catalogue(
        tmp_path,
        "ar",
        {
            "See you at {time}.": "نلتقي في {time}.",
            "Later": "لاحقا",
            "Write to {name}.": "اكتب إلى {nmae}.",
            "Broken {name}.": "مكسور {name.",
        },
    )
    write_catalogue(tmp_path, "fr", {"See you at {time}.": "Rendez-vous à {time}."})
    compile(tmp_path)
    return load_texts(tmp_path)


def write_catalogue(locales: Path, language: str, sentences: dict[str, str]) -> None:
    catalogue = polib.POFile()
    catalogue.metadata = dict(HEADERS[language])
    for source, translation in sentences.items():
        catalogue.append(polib.POEntry(msgid=source, msgstr=translation))
    catalogue.append(
        polib.POEntry(
            msgid="one day left",
            msgid_plural="{n} days left",
            msgstr_plural=dict(enumerate(DAYS_LEFT[language])),
        )
    )
    catalogue.append(polib.POEntry(msgctxt="button", msgid="Open", msgstr=f"{language}: open"))
    path = catalogue_path(language, ".po", locales)
    path.parent.mkdir(parents=True)
    catalogue.save(str(path))


@pytest.mark.parametrize("language", ["ar", "ary"])
def test_arabic_and_darija_have_six_plural_forms(texts: dict[str, Texts], language: str) -> None:
    forms = DAYS_LEFT[language]
    expected = {0: 0, 1: 1, 2: 2, 3: 3, 11: 4, 100: 5, 103: 3}

    said = {n: texts[language].ngettext("one day left", "{n} days left", n) for n in expected}

    assert said == {n: forms[form] for n, form in expected.items()}


def test_english_and_french_count_nothing_differently(texts: dict[str, Texts]) -> None:
    english, french = texts["en"], texts["fr"]

    assert [english.ngettext("one day left", "{n} days left", n).format(n=n) for n in (0, 1, 2)] == [
        "0 days left",
        "one day left",
        "2 days left",
    ]
    assert [french.ngettext("one day left", "{n} days left", n).format(n=n) for n in (0, 1, 2)] == [
        "0 jour",
        "1 jour",
        "2 jours",
    ]


def test_what_darija_lacks_is_said_in_arabic_and_at_last_in_english(texts: dict[str, Texts]) -> None:
    darija = texts["ary"]

    assert darija.gettext("See you at {time}.") == "نتلاقاو مع {time}."
    assert darija.gettext("Later") == "لاحقا"
    assert darija.gettext("Nobody translated this") == "Nobody translated this"


def test_what_french_lacks_is_said_in_english(texts: dict[str, Texts]) -> None:
    assert texts["fr"].gettext("Later") == "Later"


def test_a_word_is_translated_in_its_context(texts: dict[str, Texts]) -> None:
    assert texts["ary"].pgettext("button", "Open") == "ary: open"
    assert texts["ary"].gettext("Open") == "Open"


def test_values_keep_their_direction_in_arabic(texts: dict[str, Texts]) -> None:
    sentence = texts["ar"].gettext("See you at {time}.")

    assert sentence.format(time="09:00 - 12:30") == f"نلتقي في {FSI}09:00 - 12:30{PDI}."


def test_counts_stand_in_arabic_without_isolates(texts: dict[str, Texts]) -> None:
    assert texts["ar"].ngettext("one day left", "{n} days left", 3).format(n=3) == "3 few"


def test_latin_values_stand_plainly_in_french_but_arabic_ones_are_isolated(texts: dict[str, Texts]) -> None:
    sentence = texts["fr"].gettext("See you at {time}.")

    assert sentence.format(time="10:00") == "Rendez-vous à 10:00."
    assert sentence.format(time="مراكش") == f"Rendez-vous à {FSI}مراكش{PDI}."


def test_a_value_is_isolated_once(texts: dict[str, Texts]) -> None:
    arabic = texts["ar"]

    said = arabic.gettext("See you at {time}.").format(time=arabic.isolate("10:00"))

    assert said.count(FSI) == said.count(PDI) == 1
    assert arabic.isolate(f"{FSI}a{PDI} {FSI}b{PDI}") == f"{FSI}{FSI}a{PDI} {FSI}b{PDI}{PDI}"


def test_a_misspelt_placeholder_shows_an_ellipsis_and_is_logged(
    texts: dict[str, Texts], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        said = texts["ar"].gettext("Write to {name}.").format(name="Driss")

    assert said == f"اكتب إلى {FSI}…{PDI}."
    assert [record.message for record in caplog.records] == ["text_placeholder_missing"]
    assert vars(caplog.records[0])["placeholder"] == "nmae"
    assert "Driss" not in str(vars(caplog.records[0]))


def test_a_broken_translation_is_shown_as_it_is_and_logged(
    texts: dict[str, Texts], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        said = texts["ar"].gettext("Broken {name}.").format(name="Driss")

    assert said == "مكسور {name."
    assert [record.message for record in caplog.records] == ["text_malformed"]


@pytest.mark.parametrize("field", ["{name.__class__}", "{name[0]}", "{}", "{0}"])
def test_a_catalogue_reaches_nothing_but_the_named_values(texts: dict[str, Texts], field: str) -> None:
    assert texts["en"].gettext(f"Write to {field}").format("Amina", name="Driss") == "Write to …"


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, str])
def test_a_sentence_is_a_string_that_can_be_copied(
    texts: dict[str, Texts], copied: Callable[[str], str]
) -> None:
    assert copied(texts["ar"].gettext("Later")) == "لاحقا"


def test_arabic_months_are_moroccan(texts: dict[str, Texts]) -> None:
    months = [date(2026, month, 3) for month in range(1, 13)]

    for language in ("ar", "ary"):
        said = [texts[language].format_day(day) for day in months]
        assert [re.sub(r"^.*، 3 (.*) 2026$", r"\1", day) for day in said] == [
            *("يناير", "فبراير", "مارس", "أبريل", "ماي", "يونيو"),
            *("يوليوز", "غشت", "شتنبر", "أكتوبر", "نونبر", "دجنبر"),
        ]


def test_days_have_their_weekday_and_year(texts: dict[str, Texts]) -> None:
    day = date(2026, 8, 3)

    assert {language: said.format_day(day) for language, said in texts.items()} == {
        "ary": "الاثنين، 3 غشت 2026",
        "ar": "الاثنين، 3 غشت 2026",
        "fr": "lundi 3 août 2026",
        "en": "Monday, 3 August 2026",
    }


def test_only_the_first_of_a_month_is_counted_in_order_in_french(texts: dict[str, Texts]) -> None:
    days = [date(2026, 12, 1), date(2026, 12, 11), date(2027, 1, 1)]

    assert [texts["fr"].format_day(day) for day in days] == [
        "mardi 1er décembre 2026",
        "vendredi 11 décembre 2026",
        "vendredi 1er janvier 2027",
    ]
    assert texts["fr"].label_day(days[0]) == "mardi 1er décembre"
    assert texts["en"].format_day(days[0]) == "Tuesday, 1 December 2026"


def test_times_are_four_digits_in_every_language(texts: dict[str, Texts]) -> None:
    assert {said.format_time(time(8, 5)) for said in texts.values()} == {"08:05"}


def test_every_language_has_texts_in_its_direction(texts: dict[str, Texts]) -> None:
    assert [(language.code, language.direction) for language in LANGUAGES] == [
        (code, said.direction) for code, said in texts.items()
    ]


def test_a_catalogue_that_was_never_compiled_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(CataloguesMissing, match="catalogues compile"):
        load_texts(tmp_path)


def test_labels_carry_no_isolates() -> None:
    assert strip_isolates(f"مع {FSI}10:00{PDI} \u2066a\u2069\u2067b\u2069") == "مع 10:00 ab"


def test_incoming_text_loses_direction_marks_and_is_composed() -> None:
    marks = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

    assert clean_incoming(f"{marks}cafe\u0301 {marks}سلا") == "café سلا"
