"""The voice: compiled gettext catalogues and the forms of days, behind `conversations.texts.Texts`."""

import gettext
import logging
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from bot.day_forms import DayForm, day_forms
from conversations.texts import FIRST_STRONG_ISOLATE, LANGUAGES, POP_ISOLATE, Direction, Texts

LOCALES = Path(__file__).resolve().parent.parent / "locales"
DOMAIN = "jisr"
SOURCE = "en"  # the language of the literals in the code: it has no catalogue

# A sentence that a language lacks is taken from the next one, and at last from the source.
FALLBACKS: Mapping[str, Sequence[str]] = {"ary": ("ary", "ar"), "ar": ("ar",), "fr": ("fr",), SOURCE: ()}

_UNKNOWN = "…"
log = logging.getLogger(__name__)


class CataloguesMissing(Exception):
    """A compiled catalogue is not there: people would be answered in English without a word of warning."""


def load_texts(locales: Path = LOCALES) -> dict[str, Texts]:
    """Return every language's texts by its code.

    Raises CataloguesMissing when a catalogue has not been compiled.
    """
    return {
        language.code: GettextTexts(
            language.code,
            language.direction,
            _translations(FALLBACKS[language.code], locales),
            day_forms()[language.code],
        )
        for language in LANGUAGES
    }


def catalogue_path(language: str, suffix: str, locales: Path = LOCALES) -> Path:
    """Return where a language's catalogue lies; suffix is `.po` or `.mo`."""
    return locales / language / "LC_MESSAGES" / f"{DOMAIN}{suffix}"


def _translations(languages: Sequence[str], locales: Path) -> gettext.NullTranslations:
    chain = gettext.NullTranslations()
    for language in reversed(languages):
        catalogue = _open(catalogue_path(language, ".mo", locales))
        catalogue.add_fallback(chain)
        chain = catalogue
    return chain


def _open(path: Path) -> gettext.GNUTranslations:
    try:
        with path.open("rb") as file:
            return gettext.GNUTranslations(file)
    except FileNotFoundError as error:
        raise CataloguesMissing(f"{path} is missing. Run: python -m bot.catalogues compile") from error


@dataclass(frozen=True, slots=True)
class GettextTexts:
    """One language's texts: sentences from a chain of catalogues, and how it writes days."""

    language: str
    direction: Direction
    _catalogue: gettext.NullTranslations
    _day_form: DayForm

    def gettext(self, message: str) -> str:
        return self._text(self._catalogue.gettext(message))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self._text(self._catalogue.ngettext(singular, plural, n))

    def pgettext(self, context: str, message: str) -> str:
        return self._text(self._catalogue.pgettext(context, message))

    def format_day(self, day: date) -> str:
        return self._day_form.format(day)

    def label_day(self, day: date) -> str:
        return self.format_day(day).removesuffix(f" {day.year}")

    def format_time(self, time: time) -> str:
        return f"{time:%H:%M}"

    def isolate(self, value: object) -> str:
        shown = str(value)
        if self.direction == "ltr" and not _runs_right_to_left(shown):
            return shown
        if shown.startswith(FIRST_STRONG_ISOLATE) and shown.find(POP_ISOLATE) == len(shown) - 1:
            return shown
        return f"{FIRST_STRONG_ISOLATE}{shown}{POP_ISOLATE}"

    def _text(self, sentence: str) -> "_Text":
        return _Text(sentence, self)


def _runs_right_to_left(text: str) -> bool:
    """An Arabic name in a French sentence would pull the time behind it to its other side."""
    return any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)


class _Text(str):
    """A sentence whose `format` isolates string values and never fails in front of a person."""

    __slots__ = ("_texts",)
    _texts: GettextTexts

    def __new__(cls, sentence: str, texts: GettextTexts) -> "_Text":
        text = super().__new__(cls, sentence)
        text._texts = texts
        return text

    def format(self, *args: object, **values: object) -> str:
        try:
            return _Filling(self._texts).vformat(str(self), args, values)
        except ValueError:
            # Braces that do not match, or a format that its value does not know.
            log.warning("text_malformed", extra={"language": self._texts.language})
            return str(self)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # A copy or a pickle is the plain sentence: it needs no catalogue behind it.
        return str, (str(self),)


class _Filling(string.Formatter):
    """Fills in values by plain name only: no attributes or items, which a catalogue has no business with."""

    def __init__(self, texts: GettextTexts) -> None:
        self._texts = texts

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name in kwargs:
            return kwargs[field_name], field_name
        log.warning(
            "text_placeholder_missing",
            extra={"language": self._texts.language, "placeholder": field_name},
        )
        return _UNKNOWN, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        shown = str(super().format_field(value, format_spec))
        return self._texts.isolate(shown) if isinstance(value, str) else shown
