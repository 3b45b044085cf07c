"""Brahim lives in Errachidia; by air Béni Mellal is the nearest, by road it is not."""

import pytest

from conversations.care.centres import Centre, CentreStatus
from conversations.care.hours import PUBLIC_OFFICE_RULES
from conversations.care.nearest import rank_centres

ERRACHIDIA_PROVINCE = "08.201"
ERRACHIDIA = (31.9314, -4.4244)


def a_centre(
    slug: str, latitude: float, longitude: float, status: CentreStatus = CentreStatus.OPEN
) -> Centre:
    return Centre(
        slug=slug,
        city_fr=slug.title(),
        city_ar=slug,
        region_fr="",
        region_ar="",
        status=status,
        address=None,
        phone=None,
        latitude=latitude,
        longitude=longitude,
        rules=PUBLIC_OFFICE_RULES,
        hours_confirmed=False,
    )


TANGER = a_centre("tanger", 35.7673, -5.7998)
BENI_MELLAL = a_centre("beni-mellal", 32.3372, -6.3498)
FES = a_centre("fes", 34.0331, -5.0003)
MEKNES = a_centre("meknes", 33.8935, -5.5473)
CENTRES = [TANGER, BENI_MELLAL, FES, MEKNES]
CATCHMENT = {ERRACHIDIA_PROVINCE: "meknes"}


def test_the_centre_of_the_province_comes_before_nearer_ones() -> None:
    ranked = rank_centres(CENTRES, province_code=ERRACHIDIA_PROVINCE, point=ERRACHIDIA, catchment=CATCHMENT)

    assert [one.centre.slug for one in ranked] == ["meknes", "beni-mellal", "fes", "tanger"]


def test_distances_are_straight_lines_in_km() -> None:
    ranked = rank_centres(CENTRES, province_code=ERRACHIDIA_PROVINCE, point=ERRACHIDIA, catchment=CATCHMENT)

    assert [one.distance_km for one in ranked] == pytest.approx([242, 187, 240, 445], abs=3)


@pytest.mark.parametrize("province_code", [None, "99.999"])
def test_without_a_centre_of_the_province_the_nearest_comes_first(province_code: str | None) -> None:
    ranked = rank_centres(CENTRES, province_code=province_code, point=ERRACHIDIA, catchment=CATCHMENT)

    assert [one.centre.slug for one in ranked] == ["beni-mellal", "fes", "meknes", "tanger"]


def test_no_distance_is_told_when_the_point_is_not_the_place_s_own() -> None:
    """Only the province is known: the others stand by their distance from the centre that receives it."""
    ranked = rank_centres(CENTRES, province_code=ERRACHIDIA_PROVINCE, point=None, catchment=CATCHMENT)

    assert [one.centre.slug for one in ranked] == ["meknes", "fes", "beni-mellal", "tanger"]
    assert [one.distance_km for one in ranked] == [None] * 4


def test_knowing_nothing_keeps_the_given_order() -> None:
    ranked = rank_centres(CENTRES, province_code=None, point=None, catchment=CATCHMENT)

    assert [one.centre.slug for one in ranked] == ["tanger", "beni-mellal", "fes", "meknes"]


@pytest.mark.parametrize("status", [status for status in CentreStatus if status is not CentreStatus.OPEN])
def test_only_open_centres_are_offered(status: CentreStatus) -> None:
    """The centre of the province shut: the nearest open one takes its place."""
    shut = a_centre("meknes", MEKNES.latitude, MEKNES.longitude, status)

    ranked = rank_centres(
        [TANGER, BENI_MELLAL, FES, shut],
        province_code=ERRACHIDIA_PROVINCE,
        point=ERRACHIDIA,
        catchment=CATCHMENT,
    )

    assert [one.centre.slug for one in ranked] == ["beni-mellal", "fes", "tanger"]


def test_no_open_centre_is_an_empty_offer() -> None:
    assert rank_centres([], province_code=ERRACHIDIA_PROVINCE, point=ERRACHIDIA, catchment=CATCHMENT) == []
