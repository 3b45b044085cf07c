"""Who stands before the centre sends the code at its door, and is expected, early, late or simply welcome."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conversations.care.appointments import Appointment
from conversations.care.door import door_code_in, new_door_code
from conversations.care.hours import VisitKind
from conversations.care.people import Consent
from tests.conversations.flows.staff.doings import ELEVEN, TEN, THURSDAY, WEDNESDAY, books, cancels, marks
from tests.people import Person, Scene

AT_TEN = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.fixture
async def code(scene: Scene) -> str:
    return f"door_{await scene.desk.centres.door_code('sale')}"


@pytest.fixture
async def visit(amina: Person, driss: Person) -> Appointment:
    await driss.starts()
    await amina.starts()
    return await books(amina, WEDNESDAY, TEN)


async def arrived_at(visit: Appointment, scene: Scene) -> datetime | None:
    return (await scene.desk.appointments.get(visit.id)).arrived_at


async def test_who_is_expected_is_noted_and_the_centre_hears_of_it(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN - timedelta(minutes=12))

    await amina.commands("start", code)

    assert amina.screen == f"[ar] 👋 You have arrived. Somebody will call you by your code: {visit.code}"
    assert await arrived_at(visit, scene) == scene.now
    assert driss.notice.flow == "arrival_news"
    assert driss.notice.text == f"👋 {visit.code} is here (10:00)."


@pytest.mark.parametrize("typed", ["{}", "  {} ", "{}.", "سلام {}"])
async def test_the_code_can_be_typed_as_whatsapp_puts_it_there(
    scene: Scene, amina: Person, visit: Appointment, code: str, typed: str
) -> None:
    scene.clock.moves_to(AT_TEN)

    await amina.says(typed.format(code.capitalize()))

    assert await arrived_at(visit, scene) == AT_TEN


async def test_scanned_twice_it_is_told_once(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN)
    await amina.commands("start", code)
    heard = len(driss.notices)
    scene.later(minutes=20)

    await amina.commands("start", code)

    assert "You have arrived." in amina.screen
    assert await arrived_at(visit, scene) == AT_TEN
    assert len(driss.notices) == heard


@pytest.mark.parametrize(("minutes", "counts"), [(-121, False), (-120, True), (60, True), (61, False)])
async def test_from_two_hours_before_to_one_after(
    scene: Scene, amina: Person, visit: Appointment, code: str, minutes: int, counts: bool
) -> None:
    scene.clock.moves_to(AT_TEN + timedelta(minutes=minutes))

    await amina.commands("start", code)

    assert (await arrived_at(visit, scene) is not None) == counts


async def test_who_is_early_reads_from_when_on(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN - timedelta(hours=3))

    await amina.commands("start", code)

    assert amina.screen == "[ar] You are early: your visit is at 10:00. Please scan again from 08:00 on."
    assert all(notice.flow != "arrival_news" for notice in driss.notices)


async def test_who_is_late_is_sent_to_the_desk(
    scene: Scene, amina: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN + timedelta(hours=3))

    await amina.commands("start", code)

    assert amina.screen.startswith("[ar] Your visit was at 10:00.")
    assert amina.ids[:2] == ["booking", "!person"]


async def test_who_comes_after_they_were_noted_as_missing_is_sent_to_the_desk(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN + timedelta(minutes=15))
    await marks(driss, visit, "missed")
    scene.later(minutes=5)

    await amina.commands("start", code)

    assert amina.screen.startswith("[ar] Your visit was at 10:00. Please tell the people at the desk")


async def test_who_was_noted_as_there_reads_that_they_have_arrived(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN)
    await marks(driss, visit, "came")

    await amina.commands("start", code)

    assert "You have arrived." in amina.screen


async def test_at_another_centre_they_read_where_they_are_expected(
    scene: Scene, amina: Person, visit: Appointment
) -> None:
    elsewhere = await scene.desk.centres.door_code("fes")
    scene.clock.moves_to(AT_TEN)

    await amina.commands("start", f"door_{elsewhere}")

    assert "You have no visit today at the centre of فاس." in amina.screen
    assert "سلا" in amina.screen.partition("Your next visit:")[2]
    assert await arrived_at(visit, scene) is None


async def test_a_void_code_says_so(scene: Scene, amina: Person, visit: Appointment, code: str) -> None:
    await scene.desk.centres.new_door_code("sale")
    scene.clock.moves_to(AT_TEN)

    await amina.commands("start", code)

    assert amina.screen == "[ar] This code is no longer used. Please tell the people at the desk."
    assert await arrived_at(visit, scene) is None


async def test_without_a_visit_they_are_welcome_and_can_book(amina: Person, code: str) -> None:
    await amina.commands("start", code)

    assert amina.screen == "[ar] You have no visit today at the centre of سلا. You are welcome at the desk."
    await amina.taps("booking")
    assert amina.flow == "booking"


async def test_with_one_another_day_they_read_which(scene: Scene, amina: Person, code: str) -> None:
    await amina.starts()
    await books(amina, THURSDAY, ELEVEN)
    scene.clock.moves_to(AT_TEN)

    await amina.commands("start", code)

    assert "Your next visit:" in amina.screen
    assert "11:00" in amina.screen
    assert amina.ids[:3] == ["my_visits", "booking", "!person"]


async def test_a_cancelled_visit_is_none(scene: Scene, amina: Person, visit: Appointment, code: str) -> None:
    await cancels(amina, visit)
    scene.clock.moves_to(AT_TEN)

    await amina.commands("start", code)

    assert "You have no visit today" in amina.screen


async def test_nobody_comes_for_a_visit_by_telephone(
    scene: Scene, amina: Person, visit: Appointment, code: str
) -> None:
    rows = scene.desk.appointments.rows
    rows[visit.id] = replace(rows[visit.id], kind=VisitKind.PHONE)
    scene.clock.moves_to(AT_TEN)

    await amina.commands("start", code)

    assert await arrived_at(visit, scene) is None
    assert amina.screen.startswith("[ar] Your visit today is by telephone, at 10:00.")


async def test_a_newcomer_chooses_a_language_agrees_and_comes_back_to_it(chama: Person, code: str) -> None:
    await chama.commands("start", code)
    assert chama.flow == "language"
    await chama.taps("fr")
    assert chama.flow == "consent"

    await chama.taps("agree")

    assert chama.flow == "arrival"
    assert "[fr] You have no visit today at the centre of Salé." in chama.screen
    await chama.taps("!menu")
    assert chama.flow == "menu"


async def test_who_refuses_then_is_only_told_to_ask_at_the_desk(chama: Person, code: str) -> None:
    await chama.commands("start", code)

    await chama.taps("fr", "refuse")

    assert chama.screen.endswith("[fr] 👋 Please tell the people at the desk that you are here.")
    await chama.taps("!menu")
    assert chama.flow == "visitor_menu"


async def test_who_refused_before_is_told_the_same(scene: Scene, code: str) -> None:
    zineb = scene.beneficiary("Zineb", consent=Consent.REFUSED)

    await zineb.commands("start", code)

    assert zineb.screen == "👋 Please tell the people at the desk that you are here."
    assert zineb.ids == ["!menu"]


async def test_who_has_a_visit_and_has_yet_to_agree_is_noted_when_they_say_so(
    scene: Scene, code: str
) -> None:
    zineb = scene.beneficiary("Zineb", consent=Consent.UNASKED)
    visit = await books(zineb, WEDNESDAY, TEN)
    scene.clock.moves_to(AT_TEN)
    await zineb.commands("start", code)
    await zineb.taps("agree")
    assert "Your visit is at 10:00. Have you arrived?" in zineb.screen
    assert await arrived_at(visit, scene) is None

    await zineb.taps("here")

    assert "You have arrived." in zineb.screen
    assert await arrived_at(visit, scene) is not None


async def test_an_interrupted_arrival_does_not_take_the_place_of_the_menu(
    scene: Scene, amina: Person, driss: Person, code: str
) -> None:
    await amina.starts()
    visit = await books(amina, THURSDAY, ELEVEN)
    await amina.commands("start", code)
    await driss.taps_notice("confirm")
    await amina.taps_notice("change")

    await amina.taps("!menu")

    assert amina.flow == "menu"
    assert visit.id in scene.desk.appointments.rows


async def test_staff_who_try_the_code_are_told_what_it_is_for(driss: Person, code: str) -> None:
    await driss.commands("start", code)

    assert driss.screen.startswith("The code at the door is for people who come with a visit.")


async def test_the_caseworker_opens_the_visit_of_who_is_there(
    scene: Scene, amina: Person, driss: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN - timedelta(minutes=5))
    await amina.commands("start", code)

    await driss.taps_notice("visit")

    assert (driss.flow, driss.step) == ("agenda", "visit")
    assert "🚪 arrived" in driss.screen
    assert scene.desk.audit.looks[-1].what == "visit"
    await driss.commands("today")
    assert f"10:00 · {visit.code}" in driss.screen
    assert driss.screen.rstrip().endswith("🚪 arrived")


async def test_of_a_visit_that_is_moved_afterwards_nothing_is_left(
    scene: Scene, amina: Person, visit: Appointment, code: str
) -> None:
    scene.clock.moves_to(AT_TEN - timedelta(hours=1))
    await amina.commands("start", code)
    await amina.taps("!menu")
    await amina.taps("my_visits", str(visit.id), "change", "2026-11-27", "1000", "yes")

    assert await arrived_at(visit, scene) is None


def test_codes_are_found_wherever_they_stand_and_nowhere_else() -> None:
    code = new_door_code(lambda bits: 2**bits - 1)

    assert door_code_in(f"DOOR_{code.upper()}") == code
    for text in ("", "door_", f"door_{code}a", f"backdoor_{code}", f"door_{code[:-1]}0", "inv_abcdefghjk"):
        assert door_code_in(text) is None
    assert len({new_door_code(lambda bits, n=n: n * 7_919_000_003) for n in range(50)}) == 50
