"""The words of a conversation: what flows ask of a language, and the languages there are.

The sentences themselves live in gettext catalogues; `bot.texts` keeps the promises made here.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date, time
from typing import Literal, Protocol

Direction = Literal["rtl", "ltr"]

# Isolates (Unicode UAX 9) keep a value's own direction from reordering the text around it. Telegram
# deletes the older embeddings and overrides but lets isolates through.
FIRST_STRONG_ISOLATE = "\u2068"
POP_ISOLATE = "\u2069"
_ISOLATES = range(0x2066, 0x206A)
# Marks (LRM, RLM, ALM), embeddings and overrides: keyboards and copied text carry them unseen.
_MARKS = (0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F))


@dataclass(frozen=True, slots=True)
class Language:
    """A language people can choose, named in its own script."""

    code: str
    name: str
    direction: Direction


# In the order in which they are offered: most of the people spoken to speak Darija first.
LANGUAGES = (
    Language("ary", "الدارجة", "rtl"),
    Language("ar", "العربية", "rtl"),
    Language("fr", "Français", "ltr"),
    Language("en", "English", "ltr"),
)


class Texts(Protocol):
    """One language's sentences, dates and times.

    What `gettext`, `ngettext` and `pgettext` return is filled in with `.format(name=value)`: string values
    are isolated where the direction needs it, and a placeholder without a value shows "…" instead of failing.
    """

    @property
    def language(self) -> str:
        """The code of a language in LANGUAGES."""
        ...

    @property
    def direction(self) -> Direction: ...

    def gettext(self, message: str) -> str:
        """Return the translation of an English sentence, written as a literal."""
        ...

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Return the plural form that fits n; n itself is filled in with `.format(n=n)`."""
        ...

    def pgettext(self, context: str, message: str) -> str:
        """Return the translation of a word whose meaning depends on where it stands."""
        ...

    def format_day(self, day: date) -> str:
        """Return weekday, day, month in words and year."""
        ...

    def label_day(self, day: date) -> str:
        """Return a day of the coming months for a button: its full date without the year."""
        ...

    def format_time(self, time: time) -> str:
        """Return a wall time as 24-hour HH:mm."""
        ...

    def isolate(self, value: object) -> str:
        """Return the value as text that keeps its own direction inside a sentence of this language."""
        ...


def strip_isolates(text: str) -> str:
    """Return the text without isolates: labels of buttons carry none."""
    return text.translate(dict.fromkeys(_ISOLATES))


def clean_incoming(text: str) -> str:
    """Return what a person wrote without invisible direction marks, in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", text.translate(dict.fromkeys([*_MARKS, *_ISOLATES])))
