from pathlib import Path

import pytest

from bot.centres_file import CentresFileBroken, read_centres
from conversations.care.centres import CentreStatus

HEADER = "slug,city_fr,city_ar,region_fr,region_ar,status,address,phone,latitude,longitude\n"
SALE = "sale,Salé,سلا,Rabat-Salé-Kénitra,الرباط - سلا - القنيطرة,open,,,34.0531,-6.7985\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "centres.csv"
    path.write_bytes(text.encode(encoding))
    return path


def broken(path: Path) -> str:
    """Return the sentence with which the file is refused."""
    with pytest.raises(CentresFileBroken) as refusal:
        read_centres(path)
    assert str(refusal.value) == refusal.value.sentence
    return refusal.value.sentence


def test_the_packaged_file_lists_eleven_open_centres() -> None:
    slugs = {centre.slug for centre in read_centres() if centre.status is CentreStatus.OPEN}

    assert len(slugs) == 11
    assert {"casablanca", "sale", "agadir", "tanger", "meknes"} <= slugs
    assert "laayoune" not in slugs


def test_no_address_or_telephone_is_invented() -> None:
    """The packaged file knows a district of two centres, but no street and no number."""
    assert {(centre.address, centre.phone) for centre in read_centres()} == {(None, None)}


def test_a_line_becomes_a_centre(tmp_path: Path) -> None:
    line = SALE.replace(",open,,,", ',open,"12, rue des Oliviers",0537000000,')

    [sale] = read_centres(written(tmp_path, HEADER + line))

    assert (sale.slug, sale.city_fr, sale.city_ar) == ("sale", "Salé", "سلا")
    assert (sale.region_fr, sale.region_ar) == ("Rabat-Salé-Kénitra", "الرباط - سلا - القنيطرة")
    assert sale.status is CentreStatus.OPEN
    assert (sale.address, sale.phone) == ("12, rue des Oliviers", "0537000000")
    assert (sale.latitude, sale.longitude) == (34.0531, -6.7985)


@pytest.mark.parametrize(
    "cell", ["", "  ", '"Dokkarat (district, press 2009; street unknown)"', "Belvédère; Street unknown"]
)
def test_an_address_without_a_street_is_unknown(tmp_path: Path, cell: str) -> None:
    [sale] = read_centres(written(tmp_path, HEADER + SALE.replace(",open,,", f",open,{cell},")))

    assert sale.address is None


def test_more_columns_another_order_a_mark_and_empty_lines_are_fine(tmp_path: Path) -> None:
    """Spreadsheets put a byte order mark in front, windows line ends, and lines of commas at the end."""
    header, line = f"note,{HEADER}", f"as of 2024,{SALE}"
    text = f"{header}{line}\n{',' * 10}\n".replace("\n", "\r\n")

    [sale] = read_centres(written(tmp_path, text, encoding="utf-8-sig"))

    assert sale.slug == "sale"


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("", 1, "columns slug, city_fr"),
        (HEADER.replace(",phone", "").replace(",status", "") + SALE, 1, "columns status, phone are missing"),
        (HEADER.replace(",", ";") + SALE.replace(",", ";"), 1, "with commas between the columns"),
        (HEADER.replace("phone", "slug,phone") + SALE, 1, "slug stands there twice"),
        (HEADER + SALE + SALE, 3, 'slug "sale" stands in an earlier line'),
        (HEADER + SALE.replace("sale,", "Salé ville,", 1), 2, "slug must be small Latin letters"),
        (HEADER + SALE.replace("sale,", ",", 1), 2, "slug must be small Latin letters"),
        (
            HEADER + SALE.replace(",open,", ",opened,"),
            2,
            "write one of open, under_construction, unknown, closed",
        ),
        (HEADER + SALE.replace("Salé,سلا", " ,سلا"), 2, "city_fr is empty"),
        (HEADER + SALE.replace("Salé,سلا", "Salé,"), 2, "city_ar is empty"),
        (HEADER + SALE.replace("Rabat-Salé-Kénitra,", ",", 1), 2, "region_fr is empty"),
        (
            HEADER + SALE.replace("34.0531,-6.7985", "-6.7985,34.0531"),
            2,
            "latitude -6.7985 lies outside Morocco",
        ),
        (HEADER + SALE.replace("-6.7985", "6.7985"), 2, "longitude 6.7985 lies outside Morocco"),
        (HEADER + SALE.replace("34.0531", "nan"), 2, "lies outside Morocco"),
        (HEADER + SALE.replace("34.0531", ""), 2, "is not a number"),
        (HEADER + SALE.replace("34.0531", '"34,0531"'), 2, "write degrees with a point"),
        (
            HEADER + SALE.replace(",open,,", ",open,12, rue des Oliviers,"),
            2,
            "put texts that hold a comma between",
        ),
        (HEADER + SALE + SALE.replace("sale", "fes").replace(",open,,", ',open,"rue,'), 3, "double quote"),
    ],
)
def test_a_broken_line_is_named_with_what_to_do(tmp_path: Path, text: str, line: int, advice: str) -> None:
    sentence = broken(written(tmp_path, text))

    assert f"line {line}:" in sentence
    assert advice in sentence


def test_a_file_without_centres_is_broken(tmp_path: Path) -> None:
    assert "lists no centre" in broken(written(tmp_path, HEADER))


def test_letters_of_another_encoding_are_broken(tmp_path: Path) -> None:
    """Saved as "CSV" by a spreadsheet in French, without UTF-8."""
    path = tmp_path / "centres.csv"
    path.write_bytes(HEADER.encode() + SALE.replace("سلا", "Sla").encode("cp1256"))

    sentence = broken(path)

    assert "line 2:" in sentence
    assert "CSV UTF-8" in sentence


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    sentence = broken(tmp_path / "nowhere.csv")

    assert "nowhere.csv cannot be read" in sentence


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read" in broken(tmp_path)
