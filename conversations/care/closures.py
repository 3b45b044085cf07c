"""Days on which a centre is closed, and who said so."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Closure:
    """One day's word. `decided` False: a public holiday as proposed, closed until staff say otherwise.

    `estimated`: the day hangs on the moon and may shift by one.
    """

    day: date
    closed: bool
    decided: bool
    name_fr: str | None = None
    name_ar: str | None = None
    estimated: bool = False
