"""Where caseworkers and managers start from."""

from datetime import date, time

import pytest

from conversations.care.people import Role
from tests.conversations.flows.staff.doings import books, sets_hours, writes
from tests.people import Person, Scene

TODAY = date(2026, 11, 23)


async def test_a_caseworker_sees_what_the_day_holds(
    scene: Scene, amina: Person, brahim: Person, driss: Person, hind: Person
) -> None:
    await sets_hours(scene, "mon-fri 09:00-12:00")
    await books(amina, TODAY, time(11))
    await writes(amina, "hello")
    await writes(brahim, "hello")
    await hind.taps_notice("take")

    await driss.says("menu")

    assert driss.screen.splitlines() == ["🏢 Centre of Salé", "1 visit today", "1 person waits for you"]


async def test_a_caseworker_sees_how_many_requests_wait(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    await books(amina, TODAY, time(11))
    await books(brahim, date(2026, 12, 9), time(11))
    await driss.says("menu")
    assert driss.screen.splitlines()[-1] == "⏳ 2 requests wait to be confirmed"

    await driss.taps_notice("confirm")
    await driss.says("menu")
    assert driss.screen.splitlines()[-1] == "⏳ 1 request waits to be confirmed"


async def test_a_request_whose_time_has_passed_waits_no_more(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await books(amina, TODAY, time(11))
    scene.later(hours=3)

    await driss.says("menu")

    assert "confirmed" not in driss.screen


@pytest.mark.parametrize(
    ("button", "flow"),
    [
        ("today", "agenda"),
        ("week", "agenda"),
        ("tasks", "tasks"),
        ("centre", "centre_details"),
        ("figures", "figures"),
    ],
)
async def test_each_button_of_a_caseworker_leads_somewhere(driss: Person, button: str, flow: str) -> None:
    await driss.says("menu")

    await driss.taps(button)

    assert driss.flow == flow


@pytest.mark.parametrize(
    ("button", "flow"),
    [
        ("broadcast", "broadcast"),
        ("content", "content"),
        ("centres", "centre_details"),
        ("complaints", "complaints"),
        ("figures", "figures"),
    ],
)
async def test_each_button_of_a_manager_leads_somewhere(karim: Person, button: str, flow: str) -> None:
    await karim.says("menu")

    await karim.taps(button)

    assert karim.flow == flow


async def test_a_manager_sees_how_many_centres_lack_hours(scene: Scene, karim: Person) -> None:
    count = len(await scene.desk.centres.open())
    await karim.says("menu")
    assert f"{count} centres have no hours of their own yet." in karim.screen

    await sets_hours(scene, "mon-fri 09:00-12:00")
    await karim.says("menu")

    assert f"{count - 1} centres have no hours of their own yet." in karim.screen


async def test_staff_change_their_language_and_stay_staff(driss: Person) -> None:
    await driss.says("menu")

    await driss.taps("!language")
    await driss.taps("fr")

    assert (await driss.contact()).role is Role.CASEWORKER
    await driss.says("menu")
    assert driss.buttons[0] == "[fr] 📅 Today"


async def test_a_caseworker_without_a_centre_is_told(scene: Scene) -> None:
    lost = scene.caseworker("Ilham", centre_slug=None)

    await lost.says("menu")
    assert lost.screen == "You belong to no centre yet. Ask for a new invitation."

    for button in ("today", "tasks", "centre"):
        await lost.says("menu")
        await lost.taps(button)
        assert lost.screen


async def test_a_caseworker_says_what_people_call_them(driss: Person) -> None:
    await driss.starts()
    await driss.taps("own_name")
    await driss.says("  Si  Driss ")
    assert (await driss.contact()).name == "Si Driss"
    assert driss.flow == "caseworker_menu"

    await driss.taps("own_name")
    assert "Now we call you Si Driss." in driss.screen
    await driss.says("x" * 41)
    assert "That is too long for a name." in driss.screen
    await driss.taps("forget")
    assert (await driss.contact()).name is None
