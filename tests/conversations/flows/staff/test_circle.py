"""The circle between a person and the centre closes: what one does, the other sees, and back."""

from datetime import timedelta

from conversations.care.appointments import AppointmentStatus
from tests.conversations.flows.staff.doings import ELEVEN, THURSDAY, WEDNESDAY, books, visit_now
from tests.people import MONDAY, Person, Scene


async def test_a_confirmed_visit_is_told_and_reminded_of(scene: Scene, brahim: Person, driss: Person) -> None:
    await books(brahim, WEDNESDAY)
    await driss.taps_notice("confirm")
    assert brahim.notice.flow == "visit_confirmed"

    await scene.goes_on_until(MONDAY + timedelta(days=2))

    assert [notice.flow for notice in brahim.notices[1:]] == ["reminder"] * len(brahim.notices[1:])
    assert len(brahim.notices) > 1


async def test_a_proposed_time_that_suits_is_confirmed_and_heard_of(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, WEDNESDAY)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100", "send")

    await brahim.taps_notice("accept")

    moved = await visit_now(scene, visit)
    assert (moved.day, moved.at, moved.status) == (THURSDAY, ELEVEN, AppointmentStatus.CONFIRMED)
    assert driss.notice.text.startswith("🔄 A visit was moved to this time.")
    assert "✔️ confirmed" in driss.notice.text
    assert "confirm" not in driss.notice.ids


async def test_a_call_asked_for_comes_back_as_a_number_to_call(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    await books(brahim)
    await driss.taps_notice("call")

    await brahim.taps_notice("call")
    await brahim.says("06 12 34 56 78")

    assert driss.notice.text.startswith("📞 Somebody wants to be called.")
    assert "Number to call:\n" in driss.notice.text
    await driss.taps_notice("done")
    assert await scene.desk.tasks.open("sale") == []


async def test_words_go_there_and_back(brahim: Person, driss: Person) -> None:
    await brahim.says("personne")
    await brahim.says("J'ai perdu mes papiers")
    assert "“J'ai perdu mes papiers”" in driss.notice.text

    await driss.taps_notice("answer")
    await driss.says("Venez mercredi.")

    assert "Venez mercredi." in brahim.notice.text


async def test_stop_in_an_announcement_stops_the_next_one(scene: Scene, karim: Person, amina: Person) -> None:
    for count in ("It goes to 1 person.", "This would reach nobody"):
        await karim.commands("broadcast")
        await karim.taps("everyone", "ar")
        await karim.says("يوم الخميس")
        assert count in karim.screen

        await amina.taps_old("g", "!stop")
