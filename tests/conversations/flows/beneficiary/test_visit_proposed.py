"""The centre proposes another time; the person decides."""

from datetime import time

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.visits import VisitEvent
from tests.conversations.flows.staff.doings import TEN, THURSDAY, WEDNESDAY, books, moves
from tests.people import Person


@pytest.fixture
async def visit(driss: Person, amina: Person) -> Appointment:
    """Amina asked for Wednesday at ten; Driss proposes Thursday at half past ten."""
    visit = await books(amina, WEDNESDAY, TEN)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1030", "send")
    return visit


async def test_the_proposal_shows_both_times(visit: Appointment, amina: Person) -> None:
    assert amina.notice.flow == "visit_proposed"
    assert amina.notice.text.splitlines()[0] == "[ar] 🕐 Another time is proposed to you:"
    assert "10:30" in amina.notice.text
    assert "10:00" in amina.notice.text
    assert amina.notice.ids == ["accept", "change", "cancel"]


async def test_until_the_yes_the_visit_stays(visit: Appointment, amina: Person) -> None:
    kept = amina.scene.desk.appointments.rows[visit.id]

    assert (kept.day, kept.at) == (WEDNESDAY, TEN)


async def test_accepting_moves_the_visit_and_confirms_it(
    visit: Appointment, amina: Person, driss: Person
) -> None:
    await amina.taps_notice("accept")

    moved = amina.scene.desk.appointments.rows[visit.id]
    assert (moved.day, moved.at, moved.status) == (THURSDAY, time(10, 30), AppointmentStatus.CONFIRMED)
    assert "Your visit is moved." in amina.screen
    assert "will confirm" not in amina.screen
    assert driss.notice.draft.event is VisitEvent.CHANGED


async def test_a_proposed_day_may_have_another_visit_of_the_person(visit: Appointment, amina: Person) -> None:
    await books(amina, THURSDAY, time(11))
    await amina.taps_notice("accept")

    assert amina.scene.desk.appointments.rows[visit.id].day == THURSDAY


async def test_a_proposed_time_taken_meanwhile_leads_to_those_left_of_its_day(
    visit: Appointment, amina: Person, brahim: Person
) -> None:
    await books(brahim, THURSDAY, time(10, 30))
    await amina.taps_notice("accept")

    assert amina.screen.startswith("[ar] That time has just been taken.")
    assert (amina.flow, amina.step) == ("my_visits", "time")
    assert "1030" not in amina.ids

    await amina.taps("1100", "yes")

    moved = amina.scene.desk.appointments.rows[visit.id]
    assert (moved.day, moved.at) == (THURSDAY, time(11))


async def test_another_time_or_cancelling_are_possible_too(visit: Appointment, amina: Person) -> None:
    await amina.taps_notice("change")

    assert (amina.flow, amina.step) == ("my_visits", "day")


async def test_cancelling_asks_once_more(visit: Appointment, amina: Person) -> None:
    await amina.taps_notice("cancel")

    assert (amina.flow, amina.step) == ("my_visits", "cancel")


async def test_a_proposal_for_a_visit_that_moved_meanwhile_is_over(visit: Appointment, amina: Person) -> None:
    notice = amina.notice
    await moves(amina, visit, THURSDAY, time(11))
    await amina.taps_notice("accept", notice)

    assert amina.scene.desk.appointments.rows[visit.id].at == time(11)


async def test_a_proposal_of_a_time_that_is_gone_is_not_shown(
    visit: Appointment, amina: Person, brahim: Person
) -> None:
    (push,) = [push for push in amina.scene.pushes if push.flow == "visit_proposed"]
    await books(brahim, THURSDAY, time(10, 30))
    amina.notices.clear()
    amina.scene.pushes.clear()
    await amina.scene.pushes_out(push)

    assert amina.notices == []
