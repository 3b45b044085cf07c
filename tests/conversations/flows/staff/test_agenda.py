"""The centre's visits of today and of the week."""

import re
from datetime import UTC, date, datetime, time, timedelta

from conversations.care.appointments import AppointmentStatus, Need
from conversations.care.centres import CentreStatus
from conversations.care.obstacles import Obstacle
from conversations.care.people import Role
from conversations.engine.reply import Channel
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    TEN,
    THURSDAY,
    WEDNESDAY,
    books,
    cancels,
    is_coming,
    moves,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene

TODAY = date(2026, 11, 23)


async def test_today_lists_the_visits_by_time_without_names(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    await scene.desk.contacts.set_name(brahim.contact_id, "Brahim")
    late = await books(amina, TODAY, ELEVEN, need=Need.JOB)
    early = await is_coming(brahim, await books(brahim, TODAY, time(10, 30), need=Need.PAPERS))

    await driss.commands("today")

    assert driss.screen.splitlines() == [
        "Monday, 23 November 2026",
        f"10:30 · {early.code} · 📄 Papers, legal matters · ⏳ request · 👍 coming",
        f"11:00 · {late.code} · 🧰 Work · ⏳ request",
    ]
    assert driss.buttons[:2] == [f"10:30 · {early.code}", f"11:00 · {late.code}"]


async def test_an_empty_day_is_said_to_be_empty(driss: Person) -> None:
    await driss.commands("today")

    assert driss.screen == "Monday, 23 November 2026\nNo visits."


async def test_the_week_is_grouped_by_day_with_the_empty_and_the_closed_ones(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY)
    await scene.desk.closures.decide("sale", THURSDAY, closed=True, by=driss.contact_id)

    await driss.commands("week")

    days = [part.splitlines() for part in driss.screen.split("\n\n")]
    assert [lines[0].split(",")[0] for lines in days] == [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ]
    assert days[0][1] == "No visits."
    assert days[2][1].startswith(f"10:00 · {visit.code}")
    assert days[3][1] == "Closed."
    assert days[5][1] == "Closed."


async def test_only_the_own_centre_is_listed(amina: Person, driss: Person) -> None:
    await books(amina, TODAY, TEN, centre="agadir")

    await driss.commands("today")

    assert "No visits." in driss.screen


async def test_visits_at_a_centre_that_closed_are_still_listed(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, TODAY, TEN)
    scene.desk.centres.set_status("sale", CentreStatus.CLOSED)

    await driss.commands("today")

    assert driss.buttons[0] == f"10:00 · {visit.code}"


async def test_more_than_eight_visits_are_turned_like_pages(scene: Scene, driss: Person) -> None:
    await sets_hours(scene, "mon-fri 10:00-18:00")
    start = time(10)
    for number in range(10):
        person = scene.beneficiary(f"person {number}")
        minutes = start.hour * 60 + number * 30
        await books(person, TODAY, time(minutes // 60, minutes % 60))

    await driss.commands("today")
    assert driss.ids[8:] == ["later", "day_before", "!menu"]
    assert "14:00" not in driss.screen
    await driss.taps("later")

    assert [button[:5] for button in driss.buttons[:2]] == ["14:00", "14:30"]
    assert driss.screen.startswith("Monday, 23 November 2026\n14:00")
    await driss.taps("earlier")
    assert driss.screen.startswith("Monday, 23 November 2026\n10:00")


async def test_the_card_shows_the_name_and_writes_the_look_down(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")
    visit = await books(amina)
    scene.desk.audit.looks.clear()
    await driss.commands("week")
    assert not scene.desk.audit.looks

    await driss.taps(str(visit.id))

    assert "Name: Amina" in driss.screen
    looks = [(look.by, look.at_contact, look.what) for look in scene.desk.audit.looks]
    assert looks == [(driss.contact_id, amina.contact_id, "visit")]


async def test_the_card_says_why_the_last_message_did_not_arrive(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.commands("week")
    await driss.taps(str(visit.id))
    assert "did not arrive" not in driss.screen

    scene.desk.outbox.obstacles[amina.contact_id] = Obstacle(Channel.WHATSAPP, "blocked")
    await driss.commands("week")
    assert "did not arrive" not in driss.screen
    await driss.taps(str(visit.id))

    assert driss.screen.splitlines()[-2:] == [
        "📵 Our last message did not arrive.",
        "WhatsApp says that nobody has this number there, or that they blocked us.",
    ]


async def test_confirming_on_the_card_leads_back_to_the_agenda(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.commands("week")

    await driss.taps(str(visit.id), "confirm")

    assert driss.screen.startswith(f"Confirmed: visit {visit.code}.")
    assert f"{visit.code} · 🩺 Health · ✔️ confirmed" in driss.screen
    assert amina.notice.flow == "visit_confirmed"
    assert not driss.notice.is_open


async def test_a_request_moved_while_its_card_is_read_is_not_confirmed(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.commands("week")
    await driss.taps(str(visit.id))
    await moves(amina, visit, THURSDAY, ELEVEN)

    await driss.taps("confirm")

    assert "was moved meanwhile" in driss.screen
    assert (await visit_now(scene, visit)).status is AppointmentStatus.REQUESTED


async def test_a_call_is_asked_for_from_the_card(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    await driss.commands("week")

    await driss.taps(str(visit.id), "call")

    assert amina.notice.flow == "call_request"
    assert driss.flow == "agenda"


async def test_a_visit_cancelled_meanwhile_no_longer_opens(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.commands("week")
    await cancels(amina, visit)
    scene.desk.audit.looks.clear()

    await driss.taps(str(visit.id))

    assert driss.screen.startswith("That visit is gone meanwhile.")
    assert not scene.desk.audit.looks


async def test_the_card_of_a_visit_cancelled_meanwhile_offers_nothing(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    await driss.commands("week")
    await driss.taps(str(visit.id))
    await cancels(amina, visit)

    await driss.taps("propose")

    assert driss.screen.startswith(f"Visit {visit.code} was cancelled meanwhile.")
    assert driss.flow == "agenda"


async def test_back_leads_from_the_card_to_the_list(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    await driss.commands("week")

    await driss.taps(str(visit.id), "!back")

    assert (driss.flow, driss.step) == ("agenda", "agenda")


async def test_tomorrow_the_agenda_is_tomorrows(scene: Scene, driss: Person) -> None:
    await driss.commands("today")
    scene.clock.moves_on(timedelta(hours=23))

    await driss.says("hello")

    assert "Tuesday, 24 November 2026" in driss.screen


async def test_the_agenda_is_not_for_beneficiaries_nor_managers(
    amina: Person, brahim: Person, karim: Person
) -> None:
    await books(amina, TODAY, TEN)

    for person in (brahim, karim):
        await person.commands("today")
        assert "You can't do that here." in person.screen
        assert "10:00" not in person.screen


async def test_a_person_with_a_new_number_is_let_in_by_a_caseworker(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """Amina stands before Driss with a new phone, and has no recovery code."""
    visit = await books(amina, TODAY, ELEVEN)
    await driss.commands("today")
    await driss.taps(f"11:00 · {visit.code}", "new_phone")
    assert f"🔗 Code for the person of visit {visit.code}:" in driss.screen
    code = driss.screen.partition(f"{visit.code}: ")[2].splitlines()[0]

    new_phone = scene.newcomer("Amina's new phone", channel=Channel.WHATSAPP)
    await new_phone.says(code)
    await new_phone.taps("yes")

    assert new_phone.contact_id == amina.contact_id
    assert "now goes on elsewhere, too: WhatsApp" in amina.notice.text, "the old phone is told"
    looks = [(look.by, look.what) for look in scene.desk.audit.looks if look.at_contact == amina.contact_id]
    assert (driss.contact_id, "link_code") in looks


async def test_no_caseworker_gives_a_code_for_a_visit_of_another_centre(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """Driss goes to another centre while the visit is on his screen."""
    visit = await books(amina, TODAY, ELEVEN)
    await driss.commands("today")
    await driss.taps(f"11:00 · {visit.code}")
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "fes")

    await driss.taps("new_phone")

    assert "This visit is not one of your centre's." in driss.screen
    assert not re.search(r"[0-9]{2} [0-9]{4} [0-9]{4}", driss.screen)


async def test_who_was_asked_and_said_nothing_shows_four_hours_before(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    silent = await books(amina, WEDNESDAY, TEN)
    answers = await books(brahim, WEDNESDAY, ELEVEN)
    await is_coming(brahim, answers)
    await scene.goes_on_until(datetime(2026, 11, 25, 5, 59, tzinfo=UTC))
    await driss.commands("today")
    assert "no answer" not in driss.screen

    await scene.goes_on_until(datetime(2026, 11, 25, 7, 30, tzinfo=UTC))
    await driss.commands("today")
    lines = driss.screen.splitlines()
    assert lines[1].endswith("❔ no answer")
    assert lines[2].endswith("👍 coming")
    await driss.taps(str(silent.id))
    assert "❔ no answer" in driss.screen

    await is_coming(amina, silent)
    await driss.commands("today")
    assert "no answer" not in driss.screen


async def test_a_plan_is_an_answer(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await scene.goes_on_until(datetime(2026, 11, 25, 7, tzinfo=UTC))
    await scene.desk.appointments.set_plan(visit.id, "bus")
    await driss.commands("today")

    assert "no answer" not in driss.screen


async def test_nobody_owes_an_answer_who_was_not_asked(scene: Scene, amina: Person, driss: Person) -> None:
    """Booked in the same morning; and moved in the same morning, after the evening's reminder."""
    moved = await books(amina, WEDNESDAY, TEN)
    await scene.goes_on_until(datetime(2026, 11, 25, 7, tzinfo=UTC))
    await moves(amina, moved, WEDNESDAY, time(10, 30))
    booked = await books(scene.beneficiary("Chama"), WEDNESDAY, ELEVEN)
    await scene.goes_on_until(datetime(2026, 11, 25, 9, 30, tzinfo=UTC))
    await driss.commands("today")

    assert booked.code in driss.screen
    assert "no answer" not in driss.screen
