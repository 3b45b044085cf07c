"""Public holidays of Morocco, proposed to the staff of a centre as days to close."""

from dataclasses import dataclass
from datetime import date

from holidays import country_holidays

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
    years = range(start.year, end.year + 1)
    french = country_holidays("MA", years=years, language="fr")
    arabic = country_holidays("MA", years=years, language="ar")
    return [
        ProposedClosure(
            day,
            name_fr=_joined(french.get_list(day), _ESTIMATED_FR),
            name_ar=_joined(arabic.get_list(day), _ESTIMATED_AR),
            estimated=all(name.endswith(_ESTIMATED_FR) for name in french.get_list(day)),
        )
        for day in sorted(french)
        if start <= day <= end
    ]


def _joined(names: list[str], estimated: str) -> str:
    return " / ".join(name.removesuffix(estimated) for name in names)
