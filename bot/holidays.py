"""Public holidays of Morocco, proposed to the staff of a centre as days to close.

They come from a table that ships with the service: the library that knows them reads every country of the
world into memory. `python -m bot.holidays` writes the table anew, after the library was updated.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "holidays_ma.csv"
# The calendar of the moon is an estimate anyway; a later release has a later table.
YEARS = range(2025, 2047)
# How the library marks a name whose day was computed from the moon, in its French and Arabic names.
_ESTIMATED_FR, _ESTIMATED_AR = " (estimé)", " (تقديري)"


@dataclass(frozen=True, slots=True)
class ProposedClosure:
    """One holiday. `estimated`: it hangs on the sighting of the moon and often comes a day later.

    The ministry announces such a day the evening before, so staff confirm it.
    """

    day: date
    name_fr: str
    name_ar: str
    estimated: bool


def proposed_closures(start: date, end: date) -> list[ProposedClosure]:
    """Return the public holidays from start to end, both included, in order, each day once.

    A holiday on a weekend stays there: Morocco gives no other day for it. Two
    on one day are one closure with both names, certain when one of them is.
    """
    return [closure for closure in _table() if start <= closure.day <= end]


@cache
def _table() -> Sequence[ProposedClosure]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return [
            ProposedClosure(
                date.fromisoformat(row["day"]), row["name_fr"], row["name_ar"], row["estimated"] == "yes"
            )
            for row in csv.DictReader(stream)
        ]


def computed_closures(years: Sequence[int]) -> Iterator[ProposedClosure]:
    """Ask the library for the holidays of so many years."""
    from holidays import country_holidays

    french = country_holidays("MA", years=years, language="fr")
    arabic = country_holidays("MA", years=years, language="ar")
    for day in sorted(french):
        names = french.get_list(day)
        yield ProposedClosure(
            day,
            name_fr=_joined(names, _ESTIMATED_FR),
            name_ar=_joined(arabic.get_list(day), _ESTIMATED_AR),
            estimated=all(name.endswith(_ESTIMATED_FR) for name in names),
        )


def _joined(names: list[str], estimated: str) -> str:
    return " / ".join(name.removesuffix(estimated) for name in names)


def write_table() -> None:
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, ["day", "name_fr", "name_ar", "estimated"], lineterminator="\n")
        table.writeheader()
        for closure in computed_closures(YEARS):
            table.writerow({**asdict(closure), "estimated": "yes" if closure.estimated else "no"})


if __name__ == "__main__":
    write_table()
