"""Staff fill in what is known of a centre."""

from datetime import date, time

import pytest

from conversations.care.hours import PUBLIC_OFFICE_RULES, VisitRules, WeeklyHours
from conversations.care.people import Role
from tests.conversations.flows.staff.doings import (
    TEN,
    THURSDAY,
    WEDNESDAY,
    books,
)
from tests.people import Person, Scene


async def test_what_is_unknown_is_said_to_be_unknown(driss: Person) -> None:
    await driss.commands("centre")

    assert driss.screen.splitlines()[:4] == [
        "🏢 Centre of Salé",
        "",
        "Address: not known yet",
        "Phone: not known yet",
    ]
    assert "Monday: 08:30 to 12:00 and 12:30 to 16:30" in driss.screen
    assert "each visit is a request that you confirm" in driss.screen


async def test_address_and_phone_are_kept_as_written(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")

    await driss.taps("address")
    await driss.says("Rue du Marché,  opposite the post office")
    assert driss.screen.startswith("Saved.")
    await driss.taps("phone")
    await driss.says("05 00 00 00 00 (mornings)")

    centre = await scene.desk.centres.get("sale")
    assert centre.address == "Rue du Marché, opposite the post office"
    assert centre.phone == "05 00 00 00 00 (mornings)"
    assert "Phone:\n05 00 00 00 00 (mornings)" in driss.screen


async def test_address_and_phone_can_become_unknown_again(scene: Scene, driss: Person) -> None:
    await scene.desk.centres.set_address("sale", "Rue du Marché")
    await scene.desk.centres.set_phone("sale", "05 00 00 00 00")
    await driss.commands("centre")

    await driss.taps("address", "unknown", "phone", "unknown")

    centre = await scene.desk.centres.get("sale")
    assert (centre.address, centre.phone) == (None, None)


@pytest.mark.parametrize("typed", ["12", "no digits at all", "1" * 41])
async def test_what_is_no_phone_number_is_asked_again(scene: Scene, driss: Person, typed: str) -> None:
    await driss.commands("centre")
    await driss.taps("phone")

    await driss.says(typed)

    assert driss.screen.startswith("Please write a phone number")
    assert (await scene.desk.centres.get("sale")).phone is None


async def test_a_photo_is_no_address(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("address")

    await driss.sends_media()

    assert driss.screen.startswith("Please write the address in 3 to 300 characters.")
    assert driss.step == "address"


async def test_hours_are_set_by_buttons_alone(scene: Scene, amina: Person, driss: Person) -> None:
    """Mornings, not on Friday, but on Saturday; three at a time, 20 minutes each."""
    await driss.commands("centre")
    await driss.taps("hours", "mornings", "d4", "d5")
    assert "⬜ Friday" in driss.buttons
    assert "Saturday: 08:30 to 12:00" in driss.screen
    await driss.taps("next", "3", "20", "10")
    # 7 visits of 20 minutes and 10 of rest from 08:30 to 11:30, three at a time, on five days.
    assert "That is 105 visits a week." in driss.screen
    assert "confirmed at once" in driss.screen
    assert not (await scene.desk.centres.get("sale")).hours_confirmed
    await driss.taps("save")

    centre = await scene.desk.centres.get("sale")
    assert centre.hours_confirmed
    assert centre.rules == VisitRules(
        WeeklyHours.parse("mon-thu 08:30-12:00; sat 08:30-12:00"),
        slot_minutes=20,
        capacity=3,
        buffer_minutes=10,
    )
    assert driss.screen.startswith("Saved. From now on bookings are confirmed at once.")
    await books(amina, at=time(10, 30))
    assert driss.notice.text.startswith("📥 A new visit is booked.")


async def test_typed_hours_change_the_days_they_name(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours")

    await driss.says("vendredi 9h-12h")
    assert "Friday: 09:00 to 12:00" in driss.screen
    assert "Monday: 08:30 to 12:00 and 12:30 to 16:30" in driss.screen
    await driss.taps("next", "1", "30", "0", "save")

    rules = (await scene.desk.centres.get("sale")).rules
    assert str(rules.hours).endswith("fri 09:00-12:00")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("blursday 9-12", "Which day is “blursday”?"),
        ("mon", "What are the hours of “mon”?"),
        ("mon 9-12; mon 13-14", "A day is named twice: “mon 13:00-14:00”."),
        ("mon 9-99", "“9:00-99:00” is no time."),
        ("mon 9-5", "“09:00-05:00” ends before it begins."),
        ("mon 9-12 10-11", "These hours overlap: “09:00-12:00 10:00-11:00”."),
    ],
)
async def test_unreadable_hours_are_answered_with_the_reason(driss: Person, typed: str, said: str) -> None:
    await driss.commands("centre")
    await driss.taps("hours")

    await driss.says(typed)

    assert driss.screen.startswith(said)
    assert driss.step == "week"


async def test_a_week_without_an_open_day_is_not_taken(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "mornings", "d0", "d1", "d2", "d3", "d4")
    assert "Every day is closed." in driss.screen

    await driss.taps("next")

    assert driss.screen.startswith("At least one day must be open.")
    await driss.taps("d0", "next")
    assert driss.step == "capacity"


@pytest.mark.parametrize(("typed", "capacity"), [("12", 12), ("٣", 3), ("1", 1)])
async def test_the_number_of_visits_side_by_side_can_be_typed(
    driss: Person, typed: str, capacity: int
) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "next")

    await driss.says(typed)

    assert (driss.step, driss.draft["capacity"]) == ("length", capacity)


@pytest.mark.parametrize("typed", ["21", "many", "-1", "²"])
async def test_an_impossible_number_is_asked_again(driss: Person, typed: str) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "next")

    await driss.says(typed)

    assert driss.screen.startswith("Please write a number from 1 to 20.")


async def test_a_visit_longer_than_the_openings_is_not_taken(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "mornings", "d1", "d2", "d3", "d4")
    await driss.says("mon 09:00-09:20")
    await driss.taps("next", "1", "30")

    assert driss.screen.startswith("No visit of that length fits into your hours.")
    await driss.taps("15", "0")
    assert "That is 1 visit a week." in driss.screen


async def test_a_manager_chooses_the_centre(scene: Scene, karim: Person) -> None:
    await karim.commands("centre")
    assert "Agadir" in karim.buttons
    await karim.taps("agadir", "phone")
    await karim.says("05 00 00 00 00")

    assert (await scene.desk.centres.get("agadir")).phone == "05 00 00 00 00"
    await karim.taps("other")
    assert karim.step == "centre"


async def test_a_caseworker_who_went_to_another_centre_changes_nothing_at_the_old_one(
    scene: Scene, driss: Person
) -> None:
    await driss.commands("centre")
    await driss.taps("phone")
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "agadir")

    await driss.says("05 00 00 00 00")

    assert driss.screen.startswith("This centre is not yours to look after.")
    assert (await scene.desk.centres.get("sale")).phone is None


async def test_a_proposed_holiday_is_listed_as_one_that_may_shift(scene: Scene, driss: Person) -> None:
    """Eid al-Fitr of March 2027 hangs on the moon."""
    scene.clock.moves_to(scene.now.replace(year=2027, month=2, day=1))
    await driss.commands("centre")

    await driss.taps("closed")

    lines = [line for line in driss.screen.splitlines() if "March 2027" in line]
    assert lines
    assert all(line.startswith("🔒") and line.endswith("may shift by a day") for line in lines)


async def test_a_tap_opens_a_holiday_and_another_closes_it(scene: Scene, driss: Person) -> None:
    day = date(2027, 1, 11)
    await driss.commands("centre")
    await driss.taps("closed")

    await driss.taps(day.isoformat())
    assert "🔓 Monday, 11 January 2027" in driss.buttons
    assert [c.closed for c in await scene.desk.closures.between("sale", day, day)] == [False]
    await driss.taps(day.isoformat())

    assert [c.closed for c in await scene.desk.closures.between("sale", day, day)] == [True]


async def test_another_day_is_closed_and_opened_again(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("closed", "add")
    assert "2026-11-28" not in driss.ids

    await driss.taps(THURSDAY.isoformat(), "day", "meeting", "yes")
    assert "🔒 Thursday, 26 November 2026" in driss.screen
    assert [c.closed for c in await scene.desk.closures.between("sale", THURSDAY, THURSDAY)] == [True]
    await driss.taps(THURSDAY.isoformat())

    assert "26 November" not in driss.screen
    assert [c.closed for c in await scene.desk.closures.between("sale", THURSDAY, THURSDAY)] == [False]


async def test_a_later_day_is_a_page_away(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("closed", "add", "later", "2026-12-08", "day", "works", "yes")

    day = date(2026, 12, 8)
    assert [c.closed for c in await scene.desk.closures.between("sale", day, day)] == [True]


async def test_a_manager_sees_the_count_but_not_the_visits(amina: Person, karim: Person) -> None:
    await books(amina, WEDNESDAY, TEN)
    await karim.commands("centre")

    await karim.taps("sale" if "sale" in karim.ids else "later")
    if karim.step == "centre":
        await karim.taps("sale")
    await karim.taps("closed", "add", WEDNESDAY.isoformat(), "day", "meeting", "yes")

    assert "⚠️ 1 visit waits for another time." in karim.screen
    assert "visits" not in karim.ids


async def test_nobody_can_book_on_a_day_that_staff_closed(scene: Scene, amina: Person, driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("closed", "add", THURSDAY.isoformat(), "day", "meeting", "yes")
    await books(amina, WEDNESDAY)

    await driss.taps_notice("propose")

    assert THURSDAY.isoformat() not in driss.ids


async def test_back_leads_through_the_steps(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "next", "2", "!back")
    assert driss.step == "capacity"

    await driss.taps("!back", "!back")

    assert driss.step == "overview"


async def test_hours_stand_in_until_they_are_saved(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")

    await driss.taps("hours", "mornings", "next", "2", "30", "!menu")

    assert (await scene.desk.centres.get("sale")).rules == PUBLIC_OFFICE_RULES


async def test_a_beneficiary_finds_no_way_in(scene: Scene, brahim: Person) -> None:
    await brahim.commands("centre")

    assert "You can't do that here." in brahim.screen
