"""A person sees, changes and cancels their own visits, and nobody else's."""

from datetime import time

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.centres import CentreStatus
from conversations.care.visits import VisitEvent
from tests.conversations.flows.staff.doings import ELEVEN, TEN, THURSDAY, WEDNESDAY, books, cancels
from tests.people import MONDAY, Person


@pytest.fixture
async def visit(driss: Person, amina: Person) -> Appointment:
    return await books(amina, WEDNESDAY, TEN)


@pytest.fixture
async def at_card(visit: Appointment, amina: Person) -> Person:
    """Amina, who looks at her visit."""
    await amina.starts()
    await amina.taps("my_visits", str(visit.id))
    return amina


async def test_without_a_visit_one_can_be_booked(amina: Person) -> None:
    await amina.starts()
    await amina.taps("my_visits")
    assert "You have no visit ahead." in amina.screen

    await amina.taps("book")
    assert amina.flow == "booking"


async def test_the_card_shows_all_there_is_to_know(at_card: Person, visit: Appointment) -> None:
    for words in (
        "10:00",
        "سلا",
        visit.code,
        "The centre will confirm the time.",
        "We don't have the address",
    ):
        assert words in at_card.screen
    assert at_card.ids[:3] == ["coming", "change", "cancel"]


async def test_visits_stand_in_the_order_of_their_time(amina: Person) -> None:
    later = await books(amina, THURSDAY, ELEVEN)
    sooner = await books(amina, WEDNESDAY, TEN)
    await amina.starts()
    await amina.taps("my_visits")

    assert amina.ids[:2] == [str(sooner.id), str(later.id)]
    assert "You have 2 visits ahead." in amina.screen


async def test_saying_that_one_comes_is_heard_at_the_centre(
    at_card: Person, visit: Appointment, driss: Person
) -> None:
    await at_card.taps("coming")

    assert "The centre knows that you are coming" in at_card.screen
    assert driss.notice.draft.event is VisitEvent.COMING

    await at_card.taps("!menu", "my_visits", str(visit.id))

    assert "coming" not in at_card.ids


async def test_a_visit_moves_and_its_reminders_with_it(
    at_card: Person, visit: Appointment, driss: Person
) -> None:
    await at_card.taps("change", THURSDAY.isoformat(), "1100", "yes")

    moved = at_card.scene.desk.appointments.rows[visit.id]
    assert (moved.day, moved.at) == (THURSDAY, ELEVEN)
    assert "The centre has your request for a new time." in at_card.screen
    assert driss.notice.draft.event is VisitEvent.CHANGED
    assert {due.version for due in at_card.scene.desk.schedule.due} == {moved.version}


async def test_a_visit_moves_within_its_day_but_not_to_the_day_of_another(
    at_card: Person, visit: Appointment
) -> None:
    await books(at_card, THURSDAY, TEN)
    await at_card.taps("change", THURSDAY.isoformat())
    assert at_card.screen.startswith("[ar] You already have a visit that day, at 10:00.")

    await at_card.taps(WEDNESDAY.isoformat(), "1100", "yes")

    moved = at_card.scene.desk.appointments.rows[visit.id]
    assert (moved.day, moved.at) == (WEDNESDAY, ELEVEN)


async def test_a_visit_booked_meanwhile_on_the_new_day_keeps_the_old_where_it_is(
    at_card: Person, visit: Appointment
) -> None:
    await at_card.taps("change", THURSDAY.isoformat(), "1100")
    await books(at_card, THURSDAY, TEN)
    await at_card.taps("yes")

    assert at_card.screen.startswith("[ar] You already have a visit that day, at 10:00.")
    assert (at_card.flow, at_card.step) == ("my_visits", "day")
    assert at_card.scene.desk.appointments.rows[visit.id].day == WEDNESDAY


async def test_the_new_time_was_just_taken(at_card: Person, visit: Appointment, brahim: Person) -> None:
    await at_card.taps("change", THURSDAY.isoformat(), "1100")
    at_card.scene.later(minutes=11)
    await books(brahim, THURSDAY, ELEVEN)
    await at_card.taps("yes")

    assert at_card.screen.startswith("[ar] That time has just been taken.")
    assert (at_card.flow, at_card.step) == ("my_visits", "time")
    kept = at_card.scene.desk.appointments.rows[visit.id]
    assert (kept.day, kept.at) == (WEDNESDAY, TEN)


async def test_a_visit_at_a_centre_that_closed_can_be_talked_about_or_cancelled_but_not_moved(
    at_card: Person, visit: Appointment
) -> None:
    at_card.scene.desk.centres.set_status("sale", CentreStatus.CLOSED)
    await at_card.taps("change")
    assert "receives nobody at the moment" in at_card.screen
    assert at_card.ids[0] == "!person"

    await at_card.taps("!back", "cancel", "yes")
    assert not at_card.scene.desk.appointments.rows[visit.id].is_live


async def test_cancelling_asks_once_more_and_gives_the_place_back(
    at_card: Person, visit: Appointment, driss: Person
) -> None:
    await at_card.taps("cancel")
    assert "Cancel this visit?" in at_card.screen

    await at_card.taps("yes")

    assert "Your visit is cancelled." in at_card.screen
    assert at_card.scene.desk.appointments.rows[visit.id].status is AppointmentStatus.CANCELLED
    assert at_card.scene.desk.schedule.due == []
    assert driss.notice.draft.event is VisitEvent.CANCELLED


async def test_a_visit_may_be_kept_or_changed_instead(at_card: Person, visit: Appointment) -> None:
    await at_card.taps("cancel", "keep")
    assert "Your visit stays as it is." in at_card.screen

    await at_card.taps("!menu", "my_visits", str(visit.id), "cancel", "change")
    assert at_card.step == "day"


async def test_a_visit_cancelled_meanwhile_can_be_neither_changed_nor_cancelled(
    at_card: Person, visit: Appointment
) -> None:
    await cancels(at_card, visit)
    await at_card.taps("change")

    assert "This visit was cancelled or is over." in at_card.screen


async def test_a_visit_cancelled_while_one_chooses_is_not_moved(at_card: Person, visit: Appointment) -> None:
    await at_card.taps("change", THURSDAY.isoformat(), "1100")
    await cancels(at_card, visit)
    await at_card.taps("yes")

    assert "This visit was cancelled or is over." in at_card.screen


async def test_a_visit_that_has_begun_is_not_moved(amina: Person) -> None:
    visit = await books(amina, MONDAY.date(), time(10, 30))
    await amina.starts()
    await amina.taps("my_visits", str(visit.id), "change", THURSDAY.isoformat(), "1100")
    amina.scene.later(hours=2)
    await amina.taps("yes")

    assert "This visit was cancelled or is over." in amina.screen
    assert amina.scene.desk.appointments.rows[visit.id].day == MONDAY.date()


async def test_nobody_sees_another_person_s_visit(visit: Appointment, brahim: Person) -> None:
    own = await books(brahim, WEDNESDAY, time(10, 30))
    await brahim.starts()
    await brahim.taps("my_visits")
    assert brahim.ids[0] == str(own.id)

    frame = brahim.session.frame
    assert frame is not None
    frame.draft["appointment_id"] = visit.id
    await brahim.taps(str(own.id))
    assert visit.code not in brahim.screen


async def test_back_leads_from_the_question_to_the_card_to_the_list(at_card: Person) -> None:
    await at_card.taps("cancel", "!back")
    assert at_card.step == "visit"

    await at_card.taps("!back")
    assert at_card.step == "visits"


async def test_a_language_chosen_half_way_shows_the_same_visit(at_card: Person, visit: Appointment) -> None:
    await at_card.says("langue")
    await at_card.taps("fr")

    assert "mercredi 25 novembre 2026" in at_card.screen
    assert visit.code in at_card.screen


async def test_an_old_button_cancels_nothing(at_card: Person, visit: Appointment) -> None:
    await at_card.taps("cancel")
    old = at_card.prompt_ref
    await at_card.taps("!back")
    await at_card.taps_old(old, "yes")

    assert at_card.scene.desk.appointments.rows[visit.id].is_live
    assert at_card.step == "visit"


async def test_silence_cancels_nothing(at_card: Person, visit: Appointment) -> None:
    await at_card.taps("cancel")
    at_card.scene.later(hours=25)
    await at_card.says("1")

    assert at_card.scene.desk.appointments.rows[visit.id].is_live
    assert at_card.flow == "menu"


async def test_stop_leaves_visits_and_their_reminders(at_card: Person, visit: Appointment) -> None:
    await at_card.says("stop")

    assert at_card.scene.desk.appointments.rows[visit.id].is_live
    assert at_card.scene.desk.schedule.due
