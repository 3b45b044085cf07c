"""Places of Morocco from the packaged files, found by what people write."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import resources
from sys import intern

from rapidfuzz import process
from rapidfuzz.distance import OSA

from conversations.care.places import Match, Place, Region, distance_km, fold

# A point further than this from every known town is not in the country.
FARTHEST_TOWN_KM = 200.0

# Commune before quarter of a city before what is neither.
KIND_ORDER = {"commune": 0, "arrondissement": 1, "locality": 2}


class PlaceIndex:
    """Places by folded name; the PlaceFinder that runs.

    A name is looked up by its key. Only when no place has that key, the nearest keys count:
    one slip in five to seven letters, two in more, none in fewer; swapped neighbours are one slip.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.place_id: place for place in places}
        self._by_key: dict[str, list[tuple[bool, Place]]] = defaultdict(list)
        for place in self._places.values():
            self._enter(place)
        for entries in self._by_key.values():
            entries.sort(key=_likeliest_first)
        self._keys = list(self._by_key)
        self._own_points = [place for place in self._places.values() if place.has_own_point]

    def find(self, text: str, limit: int = 3) -> list[Match]:
        key = fold(text)
        certain = key in self._by_key
        keys = [key] if certain else self._nearest_keys(key)
        entries = sorted((entry for near in keys for entry in self._by_key[near]), key=_likeliest_first)
        places = dict.fromkeys(place for _, place in entries)
        return [Match(place, certain) for place in list(places)[:limit]]

    def is_name(self, text: str) -> bool:
        """Tell whether the text as a whole is the name of a place, whatever its spelling."""
        return fold(text) in self._by_key

    def place(self, place_id: str) -> Place | None:
        return self._places.get(place_id)

    def regions(self) -> list[Region]:
        found = {
            Region(place.region_code, place.region_fr, place.region_ar) for place in self._places.values()
        }
        return sorted(found, key=lambda region: region.code)

    def towns(self, region_code: str, limit: int = 12) -> list[Place]:
        towns = [
            place
            for place in self._places.values()
            if place.region_code == region_code and place.kind == "commune" and place.urban
        ]
        return sorted(towns, key=lambda town: -town.population)[:limit]

    def nearest_province(self, latitude: float, longitude: float) -> str | None:
        far, place = min(
            (
                (distance_km(latitude, longitude, place.latitude, place.longitude), place)
                for place in self._own_points
            ),
            key=lambda pair: pair[0],
        )
        return place.province_code if far <= FARTHEST_TOWN_KM else None

    def _enter(self, place: Place) -> None:
        own = {fold(name) for name in (place.name_fr, place.name_ar, place.name_zgh)}
        others = {fold(alias) for alias in place.aliases} - own
        for keys, is_alias in ((own, False), (others, True)):
            for key in keys - {""}:
                self._by_key[key].append((is_alias, place))

    def _nearest_keys(self, key: str) -> list[str]:
        """Return the keys at the smallest allowed distance, all of them when several are as near."""
        slips = _slips_allowed(key)
        if not slips:
            return []
        near = process.extract(key, self._keys, scorer=OSA.distance, score_cutoff=slips, limit=None)
        smallest = min((slip for _, slip, _ in near), default=0)
        return [found for found, slip, _ in near if slip == smallest]


def load_places() -> PlaceIndex:
    return PlaceIndex(_read_place(row) for row in _rows("places_ma.csv"))


def load_catchment() -> dict[str, str]:
    """Return the slug of the centre that receives the people of each province, by province code."""
    return {row["province_code"]: row["centre_slug"] for row in _rows("catchment.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("bot").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(io.StringIO(text, newline=""))


def _read_place(row: dict[str, str]) -> Place:
    return Place(
        place_id=row["place_id"],
        kind=intern(row["kind"]),
        name_fr=row["name_fr"],
        name_ar=row["name_ar"],
        aliases=tuple(alias for alias in row["aliases"].split("|") if alias),
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        coord=intern(row["coord"]),
        urban=row["type"] == "urban",
        population=int(row["population_2024"] or 0),
        province_code=intern(row["province_code"]),
        province_fr=intern(row["province_fr"]),
        province_ar=intern(row["province_ar"]),
        region_code=intern(row["region_code"]),
        region_fr=intern(row["region_fr"]),
        region_ar=intern(row["region_ar"]),
        name_zgh=row["name_zgh"],
    )


def _slips_allowed(key: str) -> int:
    if len(key) < 5:
        return 0
    return 1 if len(key) <= 7 else 2


def _likeliest_first(entry: tuple[bool, Place]) -> tuple[bool, int, bool, int]:
    is_alias, place = entry
    return is_alias, KIND_ORDER[place.kind], not place.urban, -place.population
