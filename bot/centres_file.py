"""Centres as the centres file knows them: a table in CSV, the packaged one or one that staff edited."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from conversations.care.centres import CentreStatus
from storage.centres import CentreRow

PACKAGED = "the packaged centres.csv"
COLUMNS = (
    "slug",
    "city_fr",
    "city_ar",
    "region_fr",
    "region_ar",
    "status",
    "address",
    "phone",
    "latitude",
    "longitude",
)
NAMES = ("city_fr", "city_ar", "region_fr", "region_ar")

# WGS84 degrees from Lagouira to Tanger and from Lagouira to the border beyond Figuig, with a margin.
LATITUDES = (20.5, 36.2)
LONGITUDES = (-17.4, -0.9)

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class CentresFileBroken(Exception):
    """The file cannot be used; `sentence` names the line and says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the file; knows where it stands, to say so."""

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def broken(self, fault: str) -> CentresFileBroken:
        return CentresFileBroken(f"{self.place}: {fault}")


def read_centres(path: Path | None = None) -> list[CentreRow]:
    """Return the centres of the file in its order; the packaged file when no path is given.

    Further columns are for readers and left aside. Raises CentresFileBroken.
    """
    name = str(path) if path else PACKAGED
    seeds: dict[str, CentreRow] = {}
    for row in _rows(name, _text(name, path)):
        seed = _seed(row)
        if seed.slug in seeds:
            raise row.broken(
                f'the slug "{seed.slug}" stands in an earlier line already; give each centre its own.'
            )
        seeds[seed.slug] = seed
    if not seeds:
        raise CentresFileBroken(f"{name} lists no centre; add one line for each centre.")
    return list(seeds.values())


def _text(name: str, path: Path | None) -> str:
    source = path or resources.files("bot").joinpath("data", "centres.csv")
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise CentresFileBroken(
            f"{name} cannot be read; check the path and that the file may be opened."
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CentresFileBroken(
            f'{name}, line {line}: a letter is not written in UTF-8; save the file again as "CSV UTF-8".'
        ) from error


def _rows(name: str, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(name, header)
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            place = f"{name}, line {reader.line_num}"
            if len(cells) != len(header):
                raise CentresFileBroken(
                    f"{place}: {len(cells)} cells instead of {len(header)}; "
                    "put texts that hold a comma between double quotes."
                )
            yield _Row(place, dict(zip(header, map(str.strip, cells), strict=True)))
    except csv.Error as error:
        raise CentresFileBroken(
            f"{name}, line {reader.line_num}: a double quote is not closed or stands inside a text; "
            "write it twice inside a quoted text, or take it out."
        ) from error


def _check_header(name: str, header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise CentresFileBroken(
            f"{name}, line 1: the columns {', '.join(missing)} are missing; "
            "name them in the first line, with commas between the columns."
        )
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise CentresFileBroken(f"{name}, line 1: {', '.join(repeated)} stands there twice; keep one.")


def _seed(row: _Row) -> CentreRow:
    if not _SLUG.fullmatch(row["slug"]):
        raise row.broken(
            "the slug must be small Latin letters, digits and single hyphens, such as beni-mellal."
        )
    for column in NAMES:
        if not row[column]:
            raise row.broken(f"{column} is empty; write the name.")
    return CentreRow(
        slug=row["slug"],
        city_fr=row["city_fr"],
        city_ar=row["city_ar"],
        region_fr=row["region_fr"],
        region_ar=row["region_ar"],
        status=_status(row),
        address=_address(row["address"]),
        phone=row["phone"] or None,
        latitude=_degrees(row, "latitude", LATITUDES),
        longitude=_degrees(row, "longitude", LONGITUDES),
        region_code=None,
    )


def _status(row: _Row) -> CentreStatus:
    try:
        return CentreStatus(row["status"])
    except ValueError as error:
        known = ", ".join(CentreStatus)
        raise row.broken(f'the status "{row["status"]}" is not known; write one of {known}.') from error


def _address(cell: str) -> str | None:
    """Return the address, None when the cell holds a mere clue: a district whose street is unknown.

    Somebody sent to a district looks for a door in vain.
    """
    return None if not cell or "street unknown" in cell.casefold() else cell


def _degrees(row: _Row, column: str, allowed: tuple[float, float]) -> float:
    low, high = allowed
    try:
        degrees = float(row[column])
    except ValueError as error:
        raise row.broken(
            f'the {column} "{row[column]}" is not a number; write degrees with a point, such as {low}.'
        ) from error
    if not low <= degrees <= high:
        raise row.broken(
            f"the {column} {degrees} lies outside Morocco; it must be between {low} and {high} degrees."
        )
    return degrees
