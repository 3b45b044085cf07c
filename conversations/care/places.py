"""Places of Morocco and the key under which every spelling of a name is the same word.

People write a town in Arabic, in French, with arabizi digits or in Tifinagh, with or
without article, accents and spaces. `fold` brings all of that to one key.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import zip_longest
from math import asin, cos, radians, sin, sqrt
from typing import Protocol

# Mean radius of the earth (IUGG). Over Moroccan distances the sphere is at most 0.3 % off.
EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True, slots=True)
class Region:
    """One of the twelve regions; `code` is the two-digit code of the High Commission for Planning."""

    code: str
    name_fr: str
    name_ar: str


@dataclass(frozen=True, slots=True)
class Place:
    """A commune, an arrondissement of a large city, or a locality that is neither.

    `coord` says whose point latitude and longitude (WGS84 degrees) are: "place" its own,
    "commune" the one of its city, "province" the one of the largest town of its province.
    Only the first may be turned into a distance that people see. `name_ar` is empty for
    most localities; `name_zgh` serves matching and is shown to nobody. `aliases` too.
    `population` is the legal population of 2024, 0 when unknown.
    """

    place_id: str
    kind: str
    name_fr: str
    name_ar: str
    aliases: tuple[str, ...]
    latitude: float
    longitude: float
    coord: str
    urban: bool
    population: int
    province_code: str
    province_fr: str
    province_ar: str
    region_code: str
    region_fr: str
    region_ar: str
    name_zgh: str

    @property
    def has_own_point(self) -> bool:
        return self.coord == "place"


@dataclass(frozen=True, slots=True)
class Match:
    """A place that may be meant. When not `certain` it was guessed and must be confirmed by the person."""

    place: Place
    certain: bool


class PlaceFinder(Protocol):
    """What conversations need to know about places."""

    def find(self, text: str, limit: int = 3) -> list[Match]:
        """Return the places the text may name, the likeliest first; empty when it names none."""
        ...

    def place(self, place_id: str) -> Place | None: ...

    def regions(self) -> list[Region]:
        """Return the twelve regions in the official order, north to south."""
        ...

    def towns(self, region_code: str, limit: int = 12) -> list[Place]:
        """Return the urban communes of the region, the most populous first."""
        ...

    def nearest_province(self, latitude: float, longitude: float) -> str | None:
        """Return the code of the province of the nearest place with its own point.

        None when every such place is further than 200 km: the point is outside the country.
        """
        ...


_INVISIBLE = frozenset({"Mn", "Mc", "Me", "Cf"})


class _Visible(dict[int, int | None]):
    """For `str.translate`: drops what sits on letters or cannot be seen; knows common letters by heart."""

    def __missing__(self, code: int) -> int | None:
        found = None if unicodedata.category(chr(code)) in _INVISIBLE else code
        if code < _LAST_COMMON:
            self[code] = found
        return found


# Latin, Arabic and Tifinagh all stand below.
_LAST_COMMON = 0x3000
_VISIBLE = _Visible()
_REPEATED = re.compile(r"(.)\1+", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"\b[dl]['’‘]")
_APOSTROPHES = re.compile(r"['’‘`´ʼʾʿˈ]")

_TIFINAGH_LETTERS = (
    "ⴰa ⴱb ⴲb ⴳg ⴴg ⴵj ⴶg ⴷd ⴸd ⴹd ⴺd ⴻe ⴼf ⴽk ⴾk ⴿk ⵀh ⵁh ⵂh ⵃh ⵄ ⵅkh ⵆkh ⵇq ⵈq ⵉi ⵊj ⵋj ⵌj "
    "ⵍl ⵎm ⵏn ⵐn ⵒp ⵓu ⵔr ⵕr ⵖgh ⵗgh ⵙs ⵚs ⵛch ⵜt ⵝt ⵞch ⵟt ⵠv ⵡw ⵢy ⵣz ⵤz ⵥz ⵯ"
)
_TIFINAGH = str.maketrans({pair[0]: pair[1:] for pair in _TIFINAGH_LETTERS.split()})

_ARABIC_LETTER = re.compile(r"[\u0620-\u06ff]")
_ARABIC = str.maketrans("ٱىیېةەہھکگڭݣګپڤ", "ايييههههكككككبف", "ءـ")
# Darija writes the article as it sounds, a lam alone; a lam before a vowel belongs to the word.
_ARABIC_ARTICLE = re.compile(r"^(?:ال(?=..)|ل(?=[^اوي]..))")

_LATIN_ARTICLES = frozenset({"el", "al", "l", "la", "le", "les", "de", "des", "du", "d"})
# The article of "Es Semara" and "Ech Chaouen".
_ASSIMILATED_ARTICLE = re.compile(r"[ae]([tdrzsn]|[cs]h)")
_ARABIZI = str.maketrans({"7": "h", "9": "q", "5": "kh", "6": "t"} | dict.fromkeys("012348ɛʕ", ""))
# Applied in this order. "š" is one sign for a sound written with two.
_LATIN_SPELLING = (
    (re.compile(r"[cs]h"), "š"),
    (re.compile(r"ou|w|o"), "u"),
    (re.compile(r"e"), "a"),
    (re.compile(r"y"), "i"),
    # The article grown onto its word: "lksar", "eljadida", and "errbat" before a sun letter.
    (re.compile(r"^a?l(?=[^aiul]..)|^a([tdrzsšn])(?=\1..)"), ""),
)


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the length of the straight line over ground between two points given in degrees."""
    phi1, phi2 = radians(lat1), radians(lat2)
    half_chord = sin((phi2 - phi1) / 2) ** 2 + cos(phi1) * cos(phi2) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half_chord)))


def fold(text: str) -> str:
    """Return the key of a name: equal for spellings that differ by habit only, "" when no word is left.

    Arabic stays Arabic: one alef, ya and kaf, ha for ta marbuta, no hamza, tatweel, vowel
    sign or article. Tifinagh becomes Latin letter by letter. Latin loses accents, articles
    and arabizi digits, and the vowels that French and Darija writers mix up become one.
    Spaces and doubled letters are gone in all scripts; numbers on their own are no word.
    """
    words = _WORD.findall(_APOSTROPHES.sub("", _ELISION.sub(" ", _plain_letters(text))))
    spelled = [word for word in words if not word.isdigit()]
    folded = [
        _fold_arabic(word) if _ARABIC_LETTER.match(word) else _fold_latin(word, following)
        for word, following in zip_longest(spelled, spelled[1:], fillvalue="")
    ]
    return _REPEATED.sub(r"\1", "".join(folded))


def _plain_letters(text: str) -> str:
    """Drop what sits on letters or cannot be seen, and write Tifinagh in Latin letters.

    The compatibility decomposition also takes the hamza off its carrier.
    """
    return unicodedata.normalize("NFKD", text).translate(_TIFINAGH).casefold().translate(_VISIBLE)


def _fold_arabic(word: str) -> str:
    return _ARABIC_ARTICLE.sub("", word.translate(_ARABIC))


def _fold_latin(word: str, following: str) -> str:
    before_sun_letter = _ASSIMILATED_ARTICLE.fullmatch(word)
    if word in _LATIN_ARTICLES or (before_sun_letter and following.startswith(before_sun_letter[1])):
        return ""
    word = word.translate(_ARABIZI)
    for pattern, replacement in _LATIN_SPELLING:
        word = pattern.sub(replacement, word)
    return word
