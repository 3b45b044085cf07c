"""A visit for the calendar: its button is wherever a visit is told, and leaves everybody where they are."""

import pytest

from conversations.care.appointments import Appointment
from conversations.care.documents import Document, DocumentKind
from tests.conversations.flows.staff.doings import ELEVEN, TEN, THURSDAY, WEDNESDAY, books, cancels, moves
from tests.people import Person


@pytest.fixture
async def visit(amina: Person) -> Appointment:
    await amina.starts()
    return await books(amina, WEDNESDAY, TEN)


def date_of(visit: Appointment) -> Document:
    return Document(DocumentKind.VISIT_DATE, visit.contact_id, visit_id=visit.id)


async def test_who_has_just_booked_can_keep_the_date(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job", "sale", "2026-11-25", "1000", "yes")
    assert amina.ids == ["!visit_date=1", "!menu"]
    confirmation = amina.last

    await amina.taps("!visit_date=1")

    assert amina.documents == [Document(DocumentKind.VISIT_DATE, amina.contact_id, visit_id=1)]
    assert amina.last is confirmation, "what was booked still stands there"
    await amina.taps("!menu")
    assert amina.flow == "menu"


async def test_who_has_just_moved_a_visit_can_too(amina: Person, visit: Appointment) -> None:
    await amina.taps("my_visits", str(visit.id), "change", "2026-11-27", "1000", "yes")

    assert amina.ids == [f"!visit_date={visit.id}", "!menu"]


async def test_it_stands_under_the_visit(amina: Person, visit: Appointment) -> None:
    await amina.taps("my_visits", str(visit.id))

    await amina.taps("📆 To my calendar")

    assert amina.documents == [date_of(visit)]
    assert (amina.flow, amina.step) == ("my_visits", "visit")


async def test_it_can_be_typed(amina: Person, visit: Appointment) -> None:
    """On WhatsApp buttons over the list are numbers."""
    await amina.taps("my_visits", str(visit.id))

    await amina.says(str(amina.ids.index(f"!visit_date={visit.id}") + 1))

    assert amina.documents == [date_of(visit)]


async def test_under_a_confirmation_it_leaves_the_other_buttons_open(
    amina: Person, driss: Person, visit: Appointment
) -> None:
    await driss.taps_notice("confirm")

    await amina.taps_notice("📆 To my calendar")
    await amina.taps_notice("coming")

    assert amina.documents == [date_of(visit)]
    assert amina.scene.desk.appointments.rows[visit.id].coming


async def test_a_trembling_finger_gets_one_file(amina: Person, visit: Appointment) -> None:
    await amina.taps("my_visits", str(visit.id))
    old = amina.prompt_ref

    await amina.taps_old(old, f"!visit_date={visit.id}")
    amina.scene.later(seconds=-2)
    await amina.taps_old(old, f"!visit_date={visit.id}")

    assert len(amina.documents) == 1


async def test_an_old_button_gives_the_visit_as_it_stands(amina: Person, visit: Appointment) -> None:
    await amina.taps("my_visits", str(visit.id))
    old = amina.prompt_ref
    await amina.taps("!menu")
    await moves(amina, visit, THURSDAY, ELEVEN)

    await amina.taps_old(old, f"!visit_date={visit.id}")

    assert amina.documents == [date_of(visit)]
    assert amina.flow == "menu"


async def test_a_cancelled_visit_is_not_for_the_calendar(amina: Person, visit: Appointment) -> None:
    await amina.taps("my_visits", str(visit.id))
    await cancels(amina, visit)

    await amina.taps(f"!visit_date={visit.id}")

    assert amina.documents == []
    assert "[ar] This visit was cancelled or is over." in amina.screen


@pytest.mark.parametrize("about", ["1", "2", "", "x", "-1", "9" * 30, "١"])
async def test_nobody_gets_the_date_of_somebody_else(
    amina: Person, brahim: Person, visit: Appointment, about: str
) -> None:
    await brahim.starts()

    await brahim.taps_old(brahim.prompt_ref, f"!visit_date={about}")

    assert brahim.documents == []
    assert "[fr] This visit was cancelled or is over." in brahim.screen


async def test_who_accepts_another_time_can_keep_it(amina: Person, driss: Person, visit: Appointment) -> None:
    await driss.commands("week")
    await driss.taps(str(visit.id), "propose", "2026-11-26", "1100", "send")

    await amina.taps_notice("accept")

    assert amina.ids == [f"!visit_date={visit.id}"]
    await amina.taps_old("g", f"!visit_date={visit.id}")
    assert amina.documents == [date_of(visit)]
