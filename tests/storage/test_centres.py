from dataclasses import replace
from datetime import date

import pytest

from conversations.care.centres import CentreStatus, Point
from conversations.care.hours import (
    PUBLIC_OFFICE_RULES,
    HoursPeriod,
    Length,
    PeriodKind,
    VisitRules,
    WeeklyHours,
)
from conversations.errors import CentreUnknown
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import Town, centre_row

SALE = centre_row()


async def test_a_loaded_centre_is_read_as_the_file_has_it(unit: UnitOfWork) -> None:
    await unit.centres.load([replace(SALE, address="12, rue des Orangers", phone="0537000000")])

    centre = await unit.centres.get("sale")

    assert (centre.city_fr, centre.city_ar, centre.region_fr) == ("Salé", "سلا", "Rabat-Salé-Kénitra")
    assert (centre.address, centre.phone) == ("12, rue des Orangers", "0537000000")
    assert (centre.status, centre.latitude, centre.longitude) == (CentreStatus.OPEN, 34.05, -6.8)


async def test_until_staff_set_hours_public_office_hours_stand_in(unit: UnitOfWork) -> None:
    centre = await unit.centres.get("sale")

    assert centre.rules == PUBLIC_OFFICE_RULES
    assert not centre.hours_confirmed


async def test_the_staffs_hours_are_kept_whole(unit: UnitOfWork) -> None:
    rules = VisitRules(
        WeeklyHours.parse("mon 08:30-12:00 13:00-16:00; thu 09:00-11:15"),
        slot_minutes=45,
        capacity=3,
        lead_minutes=240,
        horizon_days=14,
    )

    await unit.centres.set_rules("sale", rules)
    await unit.centres.load([SALE])

    centre = await unit.centres.get("sale")
    assert centre.rules == rules
    assert centre.hours_confirmed


async def test_a_new_file_changes_what_staff_have_not(unit: UnitOfWork) -> None:
    await unit.centres.load([replace(SALE, address="Rue neuve", phone="0537111111", latitude=34.1)])

    centre = await unit.centres.get("sale")
    assert (centre.address, centre.phone, centre.latitude) == ("Rue neuve", "0537111111", 34.1)


async def test_a_new_file_leaves_what_staff_have_set(unit: UnitOfWork) -> None:
    await unit.centres.set_address("sale", "12, rue des Orangers")
    await unit.centres.set_phone("sale", None)

    await unit.centres.load(
        [replace(SALE, address="Rue neuve", phone="0537111111", city_fr="Salé-Médina", latitude=34.1)]
    )

    centre = await unit.centres.get("sale")
    assert (centre.address, centre.phone) == ("12, rue des Orangers", None)
    assert (centre.city_fr, centre.latitude) == ("Salé-Médina", 34.1)


async def test_the_point_that_staff_set_is_kept_and_no_file_moves_it(unit: UnitOfWork) -> None:
    assert (await unit.centres.get("sale")).point is None

    await unit.centres.set_point("sale", Point(34.05312, -6.79854))
    await unit.centres.load([replace(SALE, latitude=34.1, longitude=-6.9)])

    centre = await unit.centres.get("sale")
    assert centre.point == Point(34.05312, -6.79854)
    assert (centre.latitude, centre.longitude) == (34.1, -6.9)
    assert [each.point for each in await unit.centres.open()] == [Point(34.05312, -6.79854)]


async def test_a_point_can_be_taken_away_again(unit: UnitOfWork) -> None:
    await unit.centres.set_point("sale", Point(0.0, 0.0))
    assert (await unit.centres.get("sale")).point == Point(0.0, 0.0)

    await unit.centres.set_point("sale", None)

    assert (await unit.centres.get("sale")).point is None


async def test_open_centres_come_by_their_french_name_accents_aside(unit: UnitOfWork) -> None:
    await unit.centres.load(
        [
            replace(SALE, slug=slug, city_fr=city)
            for slug, city in [("ez", "Ezzahra"), ("er", "Errachidia"), ("el", "Élite"), ("fes", "Fès")]
        ]
    )
    await unit.centres.load(
        [replace(SALE, slug="agadir", city_fr="Agadir", status=CentreStatus.UNDER_CONSTRUCTION)]
    )

    assert [centre.slug for centre in await unit.centres.open()] == ["el", "er", "ez", "fes", "sale"]


async def test_a_centre_that_closes_is_no_longer_offered(unit: UnitOfWork) -> None:
    await unit.centres.set_phone("sale", "0537000000")

    await unit.centres.load([replace(SALE, status=CentreStatus.CLOSED)])

    assert await unit.centres.open() == []


async def test_a_centre_missing_in_the_file_stays(unit: UnitOfWork) -> None:
    await unit.centres.load([replace(SALE, slug="fes", city_fr="Fès")])
    await unit.centres.load([])

    assert [centre.slug for centre in await unit.centres.open()] == ["fes", "sale"]


async def test_an_unknown_slug_is_told(unit: UnitOfWork) -> None:
    for asked in (
        unit.centres.get("atlantis"),
        unit.centres.set_address("atlantis", "x"),
        unit.centres.set_phone("atlantis", "x"),
        unit.centres.set_point("atlantis", Point(0.0, 0.0)),
        unit.centres.set_rules("atlantis", PUBLIC_OFFICE_RULES),
    ):
        with pytest.raises(CentreUnknown):
            await asked


async def test_lengths_walk_ins_and_other_hours_are_kept(unit: UnitOfWork) -> None:
    ramadan = HoursPeriod(
        PeriodKind.RAMADAN, date(2027, 2, 8), date(2027, 3, 9), WeeklyHours.parse("mon-fri 09:00-15:00")
    )
    rules = VisitRules(
        WeeklyHours.parse("mon 09:00-12:00"),
        buffer_minutes=10,
        phone=Length(20, 5),
        walk_in_percent=20,
        periods=(ramadan,),
    )

    await unit.centres.set_rules("sale", rules)
    assert (await unit.centres.get("sale")).rules == rules
    await unit.centres.set_periods("sale", ())
    assert (await unit.centres.get("sale")).rules == replace(rules, periods=())


async def test_other_hours_hold_where_the_usual_ones_are_not_known(unit: UnitOfWork) -> None:
    ramadan = HoursPeriod(
        PeriodKind.RAMADAN, date(2027, 2, 8), date(2027, 3, 9), WeeklyHours.parse("mon-fri 09:00-15:00")
    )

    await unit.centres.set_periods("sale", [ramadan])
    centre = await unit.centres.get("sale")

    assert centre.rules == replace(PUBLIC_OFFICE_RULES, periods=(ramadan,))
    assert not centre.hours_confirmed


async def test_what_one_sees_before_the_door_is_kept(unit: UnitOfWork) -> None:
    await unit.centres.set_landmark("sale", "أمام الصيدلية")

    assert (await unit.centres.get("sale")).landmark == "أمام الصيدلية"


async def test_of_two_who_change_a_rule_each_at_once_both_are_heard(town: Town) -> None:
    async def keeps_places(unit: UnitOfWork) -> None:
        rules = (await unit.centres.to_change("sale")).rules
        await unit.centres.set_rules("sale", replace(rules, walk_in_percent=20))

    async def takes_calls(unit: UnitOfWork) -> None:
        rules = (await unit.centres.to_change("sale")).rules
        await unit.centres.set_rules("sale", replace(rules, phone=Length(20, 5)))

    assert await town.at_once(keeps_places, takes_calls) == [None, None]

    rules = (await town.alone(lambda unit: unit.centres.get("sale"))).rules
    assert (rules.walk_in_percent, rules.phone) == (20, Length(20, 5))


async def test_an_unknown_centre_can_not_be_changed(unit: UnitOfWork) -> None:
    with pytest.raises(CentreUnknown):
        await unit.centres.to_change("nowhere")


async def test_a_doors_code_is_made_once_and_leads_back_to_its_centre(unit: UnitOfWork) -> None:
    assert (await unit.centres.get("sale")).door_code is None

    code = await unit.centres.door_code("sale")

    assert code == await unit.centres.door_code("sale") == (await unit.centres.get("sale")).door_code
    found = await unit.centres.at_door(code)
    assert found is not None
    assert found.slug == "sale"
    assert code not in repr(found)


async def test_a_new_code_voids_the_old_one(unit: UnitOfWork) -> None:
    old = await unit.centres.door_code("sale")

    new = await unit.centres.new_door_code("sale")

    assert new != old
    assert await unit.centres.at_door(old) is None
    assert await unit.centres.door_code("sale") == new


async def test_a_new_centres_file_leaves_the_code_at_the_door(unit: UnitOfWork) -> None:
    code = await unit.centres.door_code("sale")

    await unit.centres.load([replace(SALE, phone="0537222222")])

    assert await unit.centres.door_code("sale") == code


async def test_no_door_belongs_to_an_unknown_centre(unit: UnitOfWork) -> None:
    with pytest.raises(CentreUnknown):
        await unit.centres.door_code("atlantis")
    with pytest.raises(CentreUnknown):
        await unit.centres.new_door_code("atlantis")
    assert await unit.centres.at_door("") is None
