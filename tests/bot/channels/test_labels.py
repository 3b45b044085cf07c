"""Every label, in every language, fits the buttons and rows of WhatsApp, whose limits are the strictest."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta

import polib
import pytest

from bot.catalogues import HEADERS
from bot.channels.plain_text import units
from bot.channels.whatsapp import BUTTON_TITLE, ROW_DESCRIPTION, ROW_TITLE
from bot.places import load_places
from bot.texts import LOCALES, catalogue_path, load_texts
from conversations.texts import LANGUAGES

LIMIT = re.compile(r"label, at most (\d+) characters")
CODES = [language.code for language in LANGUAGES]
MONDAY = date(2026, 11, 30)


def labels_of(catalogue: polib.POFile) -> Iterator[tuple[int, polib.POEntry]]:
    """Yield the labels with the limit that their translators are told; without one they fit a button."""
    for entry in catalogue:
        if entry.msgctxt == "button":
            told = LIMIT.search(entry.comment)
            yield int(told[1]) if told else BUTTON_TITLE, entry


def test_no_label_is_allowed_more_than_a_row_holds() -> None:
    template = polib.pofile(str(LOCALES / "messages.pot"), wrapwidth=0)

    too_long = [entry.msgid for most, entry in labels_of(template) if most > ROW_TITLE]

    assert too_long == []


@pytest.mark.parametrize("language", HEADERS)
def test_labels_are_as_short_in_the_platforms_way_of_counting(language: str) -> None:
    """An emoji counts two there, and may be hidden in what looks like one letter."""
    catalogue = polib.pofile(str(catalogue_path(language, ".po")), wrapwidth=0)

    too_long = {
        words: units(words)
        for _, entry in labels_of(catalogue)
        for words in (entry.msgid, entry.msgstr)
        if units(words) > ROW_TITLE
    }

    assert too_long == {}


@pytest.mark.parametrize("language", CODES)
def test_days_and_times_fit_a_row(language: str) -> None:
    texts = load_texts()[language]

    days = [texts.label_day(MONDAY + timedelta(days=number)) for number in range(366)]

    assert max(map(units, days)) <= ROW_TITLE
    assert units(texts.format_time(time(10, 30))) <= BUTTON_TITLE


def test_languages_are_named_within_a_button() -> None:
    assert max(units(language.name) for language in LANGUAGES) <= BUTTON_TITLE


def test_every_region_and_town_stands_whole_in_its_row() -> None:
    """One region, Tanger-Tétouan-Al Hoceïma, is longer than a title: it stands under its number."""
    places = load_places()
    regions = places.regions()
    towns = [town for region in regions for town in places.towns(region.code, limit=1000)]

    names = [name for place in (*regions, *towns) for name in (place.name_fr, place.name_ar)]

    assert max(map(units, names)) > ROW_TITLE
    assert max(map(units, names)) <= ROW_DESCRIPTION
