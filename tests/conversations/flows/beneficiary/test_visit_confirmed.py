"""The centre says yes to a request."""

from datetime import date

import pytest

from conversations.care.appointments import Appointment
from tests.conversations.flows.staff.doings import TEN, WEDNESDAY, books, cancels
from tests.people import Person


@pytest.fixture
async def visit(driss: Person, amina: Person) -> Appointment:
    return await books(amina, WEDNESDAY, TEN)


async def test_a_confirmation_reaches_the_person(visit: Appointment, amina: Person, driss: Person) -> None:
    await driss.taps_notice("confirm")

    assert amina.notice.flow == "visit_confirmed"
    assert amina.notice.text.splitlines()[0] == "[ar] ✅ Your time is confirmed."
    for words in ("10:00", "سلا", visit.code):
        assert words in amina.notice.text
    assert "will confirm" not in amina.notice.text
    assert amina.notice.ids == ["coming", "change", "cancel", f"!visit_date={visit.id}"]


async def test_its_buttons_act(visit: Appointment, amina: Person, driss: Person) -> None:
    await driss.taps_notice("confirm")
    await amina.taps_notice("coming")

    assert amina.scene.desk.appointments.rows[visit.id].coming


async def test_change_and_cancel_lead_to_the_visit(visit: Appointment, amina: Person, driss: Person) -> None:
    await driss.taps_notice("confirm")
    await amina.taps_notice("change")
    await amina.taps("2026-11-27", "1000", "yes")

    assert amina.scene.desk.appointments.rows[visit.id].day == date(2026, 11, 27)


async def test_a_confirmation_of_a_visit_cancelled_meanwhile_is_not_shown(
    visit: Appointment, amina: Person, driss: Person
) -> None:
    await driss.taps_notice("confirm")
    (push,) = [push for push in amina.scene.pushes if push.flow == "visit_confirmed"]
    await cancels(amina, amina.scene.desk.appointments.rows[visit.id])
    amina.notices.clear()
    amina.scene.pushes.clear()
    await amina.scene.pushes_out(push)

    assert amina.notices == []
