"""Visits over the dates at which clocks, hours and years change, in the country's real zone."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from conversations.care.appointments import Appointment
from conversations.care.hours import HoursPeriod, PeriodKind, VisitRules, WeeklyHours
from tests.conversations.flows.staff.doings import TEN
from tests.people import Person, Scene

OFFICE = VisitRules(WeeklyHours.parse("mon-fri 09:00-16:00"), slot_minutes=60)


async def books(person: Person, day: date, at: time = TEN) -> Appointment:
    """Book a visit to Salé, from the menu on, turning pages until the day comes."""
    await person.starts()
    await person.taps("booking", "job", "sale")
    while day.isoformat() not in person.ids:
        await person.taps("later")
    await person.taps(day.isoformat(), f"{at:%H%M}", "yes")
    assert person.screen.splitlines()[0].startswith("✅")
    return max(person.scene.desk.appointments.rows.values(), key=lambda visit: visit.id)


def due(scene: Scene, visit: Appointment) -> dict[str, datetime]:
    return {each.step: each.due_at for each in scene.desk.schedule.due if each.subject == f"visit:{visit.id}"}


async def test_a_visit_booked_in_summer_time_keeps_its_hour_after_the_clocks_changed_for_good(
    scene: Scene,
) -> None:
    """Until 20 September 2026 Morocco was an hour ahead of UTC; since then it is not."""
    amina = scene.beneficiary("Amina")
    scene.clock.moves_to(datetime(2026, 9, 10, 8, tzinfo=UTC))
    await amina.starts()
    await amina.taps("booking", "job", "sale", "2026-09-18", "1000")
    assert "Kept for you until 09:10." in amina.screen
    await amina.taps("yes")
    (before,) = scene.desk.appointments.rows.values()

    after = await books(amina, date(2026, 9, 24))

    assert (before.at, before.starts_at(scene.world.zone)) == (TEN, datetime(2026, 9, 18, 9, tzinfo=UTC))
    assert (after.at, after.starts_at(scene.world.zone)) == (TEN, datetime(2026, 9, 24, 10, tzinfo=UTC))
    assert due(scene, after) == {
        "t-7d": datetime(2026, 9, 17, 9, tzinfo=UTC),
        "t-3d": datetime(2026, 9, 21, 10, tzinfo=UTC),
        "t-1d": datetime(2026, 9, 23, 18, tzinfo=UTC),
        "t-2h": datetime(2026, 9, 24, 8, tzinfo=UTC),
    }
    scene.clock.moves_to(datetime(2026, 9, 24, 9, 59, tzinfo=UTC))
    await amina.taps("!menu", "my_visits", str(after.id))
    assert "10:00" in amina.screen


async def test_in_ramadan_2027_the_hours_of_ramadan_are_offered_and_the_clocks_stay(scene: Scene) -> None:
    amina = scene.beneficiary("Amina")
    first, last = date(2027, 2, 8), date(2027, 3, 9)
    ramadan = HoursPeriod(PeriodKind.RAMADAN, first, last, WeeklyHours.parse("mon-fri 10:00-15:00"))
    await scene.desk.centres.set_rules("sale", replace(OFFICE, periods=(ramadan,)))
    scene.clock.moves_to(datetime(2027, 2, 4, 9, tzinfo=UTC))
    await amina.starts()
    await amina.taps("booking", "job", "sale", "2027-02-05")
    assert {"1400", "1500"} <= set(amina.ids)

    await amina.taps("other_day", "2027-02-08")

    assert [each for each in amina.ids if each.isdecimal()] == ["1000", "1100", "1200", "1300", "1400"]

    visit = await books(amina, date(2027, 3, 8), time(14))
    assert visit.starts_at(scene.world.zone) == datetime(2027, 3, 8, 14, tzinfo=UTC)
    after = await books(amina, date(2027, 3, 12), time(15))
    assert after.starts_at(scene.world.zone) == datetime(2027, 3, 12, 15, tzinfo=UTC)


async def test_a_visit_over_new_year_is_offered_reminded_and_written_with_its_year(scene: Scene) -> None:
    amina = scene.beneficiary("Amina")
    scene.clock.moves_to(datetime(2026, 12, 30, 9, tzinfo=UTC))
    await amina.starts()
    await amina.taps("booking", "job", "sale")
    days = [each for each in amina.ids if each.startswith("20")]
    assert days[:3] == ["2026-12-30", "2026-12-31", "2027-01-04"]

    visit = await books(amina, date(2027, 1, 4))

    assert "Monday, 4 January 2027" in amina.screen
    assert due(scene, visit) == {
        "t-3d": datetime(2027, 1, 1, 10, tzinfo=UTC),
        "t-1d": datetime(2027, 1, 3, 18, tzinfo=UTC),
        "t-2h": datetime(2027, 1, 4, 8, tzinfo=UTC),
    }


async def test_the_29_february_2028_is_a_day_like_others(scene: Scene) -> None:
    amina = scene.beneficiary("Amina")
    scene.clock.moves_to(datetime(2028, 2, 21, 9, tzinfo=UTC))
    leap = await books(amina, date(2028, 2, 29))
    assert "Tuesday, 29 February 2028" in amina.screen
    assert due(scene, leap)["t-1d"] == datetime(2028, 2, 28, 18, tzinfo=UTC)

    after = await books(amina, date(2028, 3, 1), time(11))
    assert due(scene, after)["t-1d"] == datetime(2028, 2, 29, 18, tzinfo=UTC)

    scene.clock.moves_to(datetime(2028, 2, 29, 9, tzinfo=UTC))
    await amina.taps("!menu", "my_visits", str(leap.id), "change", "2028-02-29", "1400", "yes")

    moved = scene.desk.appointments.rows[leap.id]
    assert (moved.day, moved.at) == (date(2028, 2, 29), time(14))
