"""How a day is written out in full in each language, as CLDR has it.

It comes from a table that ships with the service: the library that knows it reads much more of each language
into memory. `python -m bot.day_forms` writes the table anew, after the library was updated.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "day_forms.json"

# Babel knows no Darija, and its locale `ar` names the months as the Middle East does. A person's language
# goes through this table and never to Locale.parse, so that a later Babel that learns `ary` changes nothing
# unseen.
LOCALES = {"ary": "ar_MA", "ar": "ar_MA", "fr": "fr_MA", "en": "en_GB"}


@dataclass(frozen=True, slots=True)
class DayForm:
    """Weekdays from Monday on, months from January on, and `pattern` with what goes where.

    `first` is what the first of a month is called, where all others are called by their number.
    """

    pattern: str
    weekdays: Sequence[str]
    months: Sequence[str]
    first: str = "1"

    def format(self, day: date) -> str:
        return self.pattern.format(
            weekday=self.weekdays[day.weekday()],
            day=self.first if day.day == 1 else day.day,
            month=self.months[day.month - 1],
            year=day.year,
        )


@cache
def day_forms() -> Mapping[str, DayForm]:
    """Return the form of each language, by its code."""
    with TABLE.open(encoding="utf-8") as stream:
        return {language: DayForm(**form) for language, form in json.load(stream).items()}


def computed_forms() -> dict[str, DayForm]:
    """Ask the library for the forms."""
    from babel import Locale

    forms = {}
    for language, name in LOCALES.items():
        locale = Locale.parse(name)
        weekdays, months = locale.days["format"]["wide"], locale.months["format"]["wide"]
        forms[language] = DayForm(
            locale.date_formats["full"].format
            % {"EEEE": "{weekday}", "d": "{day}", "MMMM": "{month}", "y": "{year}"},
            [weekdays[number] for number in range(7)],
            [months[number] for number in range(1, 13)],
            # French counts the first of a month in order, which CLDR's patterns do not say.
            first="1er" if language == "fr" else "1",
        )
    return forms


def write_table() -> None:
    forms = {language: asdict(form) for language, form in computed_forms().items()}
    with TABLE.open("w", encoding="utf-8") as stream:
        json.dump(forms, stream, ensure_ascii=False, indent=1)
        stream.write("\n")


if __name__ == "__main__":
    write_table()
