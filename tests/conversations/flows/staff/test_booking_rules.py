"""Staff decide how their centre can be booked: calls, walk-ins, how late and how far ahead, the landmark."""

from dataclasses import replace
from datetime import time

import pytest

from conversations.care.hours import Length, VisitKind, VisitRules, slot_times
from conversations.care.people import Role
from conversations.errors import SlotTaken
from tests.conversations.flows.staff.doings import WEDNESDAY, books, sets_hours
from tests.people import Person, Scene


@pytest.fixture
async def at_more(scene: Scene, driss: Person) -> Person:
    """Driss before what else can be set of his centre, which has hours of its own."""
    await sets_hours(scene, "mon-fri 09:00-12:00")
    await driss.commands("centre")
    await driss.taps("more")
    return driss


async def rules_now(scene: Scene) -> VisitRules:
    return (await scene.desk.centres.get("sale")).rules


async def test_what_is_set_stands_on_the_screen_and_in_the_overview(at_more: Person) -> None:
    expected = [
        "Telephone visits: none",
        "Kept for people without a visit: 0 %",
        "Booked at the latest 1 hour before",
        "Booked at most 60 days ahead",
        "Landmark: not known yet",
    ]
    assert at_more.screen.splitlines()[2:] == expected

    await at_more.taps("!back")

    assert at_more.step == "overview"
    lines = at_more.screen.splitlines()
    assert lines[lines.index("Minutes of rest after it: 0") + 1 :][:5] == expected


async def test_calls_of_their_own_length_can_be_booked(scene: Scene, at_more: Person) -> None:
    await at_more.taps("phone_visits", "20", "10")

    assert "Telephone visits: 20 minutes, then 10 minutes of rest" in at_more.screen
    rules = await rules_now(scene)
    assert rules.phone == Length(20, 10)
    assert slot_times(rules, WEDNESDAY, VisitKind.PHONE)[:2] == (time(9), time(9, 30))


@pytest.mark.parametrize(("typed", "minutes"), [("25", 25), ("٤٥", 45), ("60", 60), ("15", 15)])
async def test_the_length_of_a_call_can_be_typed(
    scene: Scene, at_more: Person, typed: str, minutes: int
) -> None:
    await at_more.taps("phone_visits")
    await at_more.says(typed)
    await at_more.taps("0")

    assert (await rules_now(scene)).phone == Length(minutes)


@pytest.mark.parametrize("typed", ["14", "61", "long", "²", "-20", "9" * 50])
async def test_a_length_that_no_call_has_is_asked_again(scene: Scene, at_more: Person, typed: str) -> None:
    await at_more.taps("phone_visits")

    await at_more.says(typed)

    assert at_more.screen.startswith("Please write a number from 15 to 60.")
    assert (await rules_now(scene)).phone is None


async def test_calls_can_be_given_up_again(scene: Scene, at_more: Person) -> None:
    await at_more.taps("phone_visits", "30", "0", "phone_visits", "none")

    assert (await rules_now(scene)).phone is None
    assert "Telephone visits: none" in at_more.screen


async def test_a_call_longer_than_the_openings_is_not_taken(scene: Scene, at_more: Person) -> None:
    await sets_hours(scene, "mon 09:00-09:30")

    await at_more.taps("phone_visits", "45")

    assert at_more.screen.startswith("No visit of that length fits into your hours.")
    assert at_more.step == "phone_visits"


async def test_a_share_is_kept_for_people_without_a_visit(
    scene: Scene, at_more: Person, amina: Person, brahim: Person
) -> None:
    """Of the six places of a day five are kept; so one visit is all."""
    await at_more.taps("walk_ins")
    await at_more.says("84 %")
    assert "Kept for people without a visit: 84 %" in at_more.screen
    await books(amina, WEDNESDAY, time(9))

    with pytest.raises(SlotTaken):
        await books(brahim, WEDNESDAY, time(10))


@pytest.mark.parametrize("percent", ["0", "10", "20", "30", "50"])
async def test_the_share_is_one_tap(scene: Scene, at_more: Person, percent: str) -> None:
    await at_more.taps("walk_ins", percent)

    assert (await rules_now(scene)).walk_in_percent == int(percent)


@pytest.mark.parametrize("typed", ["91", "100", "half"])
async def test_a_share_that_leaves_nothing_is_asked_again(scene: Scene, at_more: Person, typed: str) -> None:
    await at_more.taps("walk_ins")

    await at_more.says(typed)

    assert at_more.screen.startswith("Please write a number from 0 to 90.")
    assert (await rules_now(scene)).walk_in_percent == 0


async def test_the_week_says_how_many_visits_nobody_can_book(at_more: Person) -> None:
    """Six visits a day, three of them for people who come without one."""
    await at_more.taps("walk_ins", "50", "!back", "hours", "next", "1", "30", "0")

    assert "That is 30 visits a week.\n15 of them are kept for people who come without a visit." in (
        at_more.screen
    )


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("60", "Booked at the latest 1 hour before"),
        ("240", "Booked at the latest 4 hours before"),
        ("2880", "Booked at the latest 2 days before"),
    ],
)
async def test_how_late_people_book_is_one_tap(scene: Scene, at_more: Person, choice: str, said: str) -> None:
    await at_more.taps("lead", choice)

    assert said in at_more.screen
    assert (await rules_now(scene)).lead_minutes == int(choice)


async def test_how_far_ahead_people_book_is_a_tap_or_a_number(scene: Scene, at_more: Person) -> None:
    await at_more.taps("horizon", "14")
    assert "Booked at most 14 days ahead" in at_more.screen

    await at_more.taps("horizon")
    await at_more.says("3")
    assert at_more.screen.startswith("Please write a number from 7 to 120.")
    await at_more.says("45")

    assert (await rules_now(scene)).horizon_days == 45


async def test_nothing_else_changes_with_one_rule(scene: Scene, at_more: Person) -> None:
    """Also not what a colleague has set while Driss looked at the question."""
    await at_more.taps("lead")
    mine = replace(await rules_now(scene), phone=Length(20), walk_in_percent=30, buffer_minutes=5)
    await scene.desk.centres.set_rules("sale", mine)

    await at_more.taps("1440")

    assert await rules_now(scene) == replace(mine, lead_minutes=1440)


async def test_new_hours_leave_the_other_rules(scene: Scene, at_more: Person) -> None:
    await at_more.taps("phone_visits", "30", "5", "walk_ins", "20", "lead", "240", "horizon", "90")

    await at_more.taps("!back", "hours", "mornings", "next", "2", "45", "15", "save")

    rules = await rules_now(scene)
    assert (rules.phone, rules.walk_in_percent) == (Length(30, 5), 20)
    assert (rules.lead_minutes, rules.horizon_days) == (240, 90)
    assert (rules.capacity, rules.slot_minutes, rules.buffer_minutes) == (2, 45, 15)


@pytest.mark.parametrize("choice", ["phone_visits", "walk_ins", "lead", "horizon"])
async def test_a_centre_without_hours_sets_them_first(scene: Scene, driss: Person, choice: str) -> None:
    await driss.commands("centre")
    await driss.taps("more", choice)
    assert driss.screen.startswith("Please set your opening hours first.")

    await driss.taps("hours")

    assert driss.step == "week"
    assert "Monday: 08:30 to 12:00 and 12:30 to 16:30" in driss.screen
    assert not (await scene.desk.centres.get("sale")).hours_confirmed


async def test_the_landmark_is_shown_back_and_can_be_taken_away(scene: Scene, driss: Person) -> None:
    """It needs no hours."""
    await driss.commands("centre")
    await driss.taps("more", "at_the_door", "landmark")
    assert "remove" not in driss.ids

    await driss.says("A blue door,  beside the pharmacy")
    assert "Landmark: A blue door, beside the pharmacy" in driss.screen
    assert (await scene.desk.centres.get("sale")).landmark == "A blue door, beside the pharmacy"
    await driss.taps("landmark")
    assert "Landmark: A blue door, beside the pharmacy" in driss.screen
    await driss.taps("remove")

    assert (await scene.desk.centres.get("sale")).landmark is None
    assert "Landmark: not known yet" in driss.screen


@pytest.mark.parametrize("typed", ["x", "x" * 201])
async def test_a_landmark_of_no_use_is_asked_again(scene: Scene, driss: Person, typed: str) -> None:
    await driss.commands("centre")
    await driss.taps("more", "at_the_door", "landmark")

    await driss.says(typed)

    assert driss.screen.startswith("Please write it in 3 to 200 characters.")
    assert (await scene.desk.centres.get("sale")).landmark is None


async def test_who_went_to_another_centre_changes_nothing_at_the_old_one(
    scene: Scene, at_more: Person
) -> None:
    await at_more.taps("lead")
    await scene.desk.contacts.make_staff(at_more.contact_id, Role.CASEWORKER, "agadir")

    await at_more.taps("2880")

    assert at_more.screen.startswith("This centre is not yours to look after.")
    assert (await rules_now(scene)).lead_minutes == 60
