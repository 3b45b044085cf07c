"""Figures of a week, for managers and for the caseworkers of a centre; small ones are not told."""

from datetime import date, datetime, time

import pytest

from conversations.care.attendance import GRADES, Feeling, Mark
from tests.conversations.flows.staff.doings import books, cancels, marks, sets_hours
from tests.people import MONDAY, Person, Scene

TODAY = date(2026, 11, 23)


async def went(scene: Scene, driss: Person, said: Mark, times: int, *, centre: str = "sale") -> None:
    for number in range(times):
        person = scene.beneficiary(f"{said} {centre} {number}")
        visit = await books(person, TODAY, time(12), centre=centre)
        scene.clock.moves_to(datetime.combine(TODAY, time(12), MONDAY.tzinfo))
        await marks(driss, visit, said)
        if said is Mark.CAME:
            grade = GRADES[Feeling.GOOD if number < 5 else Feeling.BAD]
            await scene.desk.appointments.set_feedback(visit.id, person.contact_id, grade)
        scene.clock.moves_to(MONDAY)


@pytest.fixture
async def week(scene: Scene, driss: Person) -> None:
    await sets_hours(scene, "mon-fri 09:00-18:00", capacity=50)
    await sets_hours(scene, "mon-fri 09:00-18:00", centre="fes", capacity=50)
    await went(scene, driss, Mark.CAME, 6)
    await went(scene, driss, Mark.MISSED, 4)
    await went(scene, driss, Mark.CALLED_OFF, 5)
    samir = scene.caseworker("Samir", centre_slug="fes")
    await went(scene, samir, Mark.MISSED, 7, centre="fes")
    for number in range(5):
        person = scene.beneficiary(f"cancels {number}")
        await cancels(person, await books(person, TODAY, time(12)))


async def test_a_caseworker_sees_the_own_centre(week: None, driss: Person) -> None:
    await driss.commands("figures")

    assert driss.screen.splitlines() == [
        "📊 Visits of the week from Monday, 23 November 2026",
        "Centre: Salé",
        "",
        "Came: 6",
        "Came late: fewer than 5",
        "Did not come: fewer than 5",
        "Cancelled by people: 5",
        "Cancelled by us: 5",
        "🙂 Found it good: 5",
        "😐 So-so: fewer than 5",
        "🙁 Not good: fewer than 5",
    ]
    assert "centre" not in driss.ids


async def test_a_manager_sees_all_centres_and_each(week: None, karim: Person) -> None:
    await karim.says("menu")
    await karim.taps("figures")
    assert "All centres together" in karim.screen
    assert "Did not come: 11" in karim.screen

    await karim.taps("centre", "fes")
    assert "Centre: Fès" in karim.screen
    assert "Did not come: 7" in karim.screen
    assert "Came: fewer than 5" in karim.screen


async def test_other_weeks_are_looked_at_one_by_one(week: None, scene: Scene, driss: Person) -> None:
    scene.later(days=7)
    await driss.commands("figures")
    assert "Came: fewer than 5" in driss.screen

    await driss.taps("week_before")
    assert "23 November" in driss.screen
    assert "Came: 6" in driss.screen
    await driss.taps("week_after")
    assert "30 November" in driss.screen
    assert "week_after" not in driss.ids


async def test_they_are_not_for_everybody(week: None, brahim: Person) -> None:
    await brahim.commands("figures")

    assert "You can't do that here." in brahim.screen
