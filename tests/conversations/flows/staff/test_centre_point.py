"""Only who stands before the door says where a centre is, and only what is confirmed is shown."""

import pytest

from bot.texts import load_texts
from conversations.care.centres import Point
from conversations.care.people import Role
from conversations.engine.outbound import Venue
from conversations.engine.reply import Channel
from conversations.flows import routes
from conversations.texts import LANGUAGES
from tests.people import Person, Scene

DOOR = Point(34.05312, -6.79854)
CASABLANCA = Point(33.5731, -7.5898)


async def point_of(scene: Scene, slug: str = "sale") -> Point | None:
    return (await scene.desk.centres.get(slug)).point


async def stands_there(person: Person, point: Point = DOOR) -> None:
    await person.commands("centre")
    await person.taps("more", "at_the_door", "point")
    await person.shares_location(point.latitude, point.longitude)


async def test_a_point_is_shown_once_it_is_confirmed(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")
    assert "On the map: not yet" in driss.screen
    await driss.taps("more", "at_the_door", "point")
    assert driss.last.wants_location

    await driss.shares_location(34.053121234, -6.798541234)

    assert driss.screen == "Is the door of the centre in Salé where you are now?"
    assert driss.last.takes_keyboard_away
    assert (await point_of(scene), driss.venues) == (None, [])

    await driss.taps("yes")

    assert driss.screen.startswith("Saved. This is what people see:")
    assert "On the map: yes" in driss.screen
    assert await point_of(scene) == DOOR
    assert driss.venues == [Venue("📍 The centre in Salé", "", DOOR.latitude, DOOR.longitude)]


async def test_of_a_place_that_is_not_the_one_nothing_is_kept(scene: Scene, driss: Person) -> None:
    await stands_there(driss)

    await driss.taps("no")

    assert driss.screen.startswith("Nothing was kept of where you are.")
    assert (await point_of(scene), driss.venues) == (None, [])
    assert "34.05" not in driss.session.to_json()


async def test_a_place_far_from_the_city_is_asked_about(driss: Person) -> None:
    await stands_there(driss, CASABLANCA)

    assert "⚠️ That is about 91 km from the middle of the city." in driss.screen


async def test_a_place_in_another_country_is_none(scene: Scene, driss: Person) -> None:
    await stands_there(driss, Point(48.85, 2.35))

    assert driss.screen.startswith("That place seems to be outside the country.")
    assert driss.step == "point"
    assert await point_of(scene) is None


async def test_a_written_place_is_none(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("more", "at_the_door", "point")

    await driss.says("34.05, -6.79")

    assert driss.screen.startswith("Please share your location")
    assert driss.last.wants_location


async def test_a_point_can_be_removed(scene: Scene, driss: Person) -> None:
    await scene.desk.centres.set_point("sale", DOOR)
    await driss.commands("centre")

    await driss.taps("more", "at_the_door", "point", "remove")

    assert driss.screen.startswith("The centre is no longer on the map.")
    assert "On the map: not yet" in driss.screen
    assert await point_of(scene) is None


async def test_a_manager_sets_the_point_of_any_centre(scene: Scene, karim: Person) -> None:
    await karim.commands("centre")
    await karim.taps("casablanca", "more", "at_the_door", "point")
    await karim.shares_location(CASABLANCA.latitude, CASABLANCA.longitude)
    await karim.taps("yes")

    assert await point_of(scene, "casablanca") == CASABLANCA
    assert await point_of(scene) is None


async def test_a_web_page_is_too_rough(scene: Scene) -> None:
    """It rounds what it sends, on purpose."""
    hind = scene.caseworker("Hind")
    hind.channel = Channel.WEBCHAT
    await hind.commands("centre")
    await hind.taps("more", "at_the_door", "point")
    assert not hind.last.wants_location

    await hind.shares_location(34.053, -6.799)

    assert "Set the point on Telegram or WhatsApp." in hind.screen
    assert await point_of(scene) is None


async def test_who_changed_centres_meanwhile_sets_no_point(scene: Scene, driss: Person) -> None:
    await stands_there(driss)
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "fes")

    await driss.taps("yes")

    assert "This centre is not yours to look after." in driss.screen
    assert (await point_of(scene), await point_of(scene, "fes"), driss.venues) == (None, None, [])


@pytest.mark.parametrize("code", [language.code for language in LANGUAGES])
async def test_it_is_asked_and_shown_in_every_language(code: str) -> None:
    scene = Scene(routes())
    scene.texts = load_texts()
    driss = scene.caseworker("Driss", language=code)
    text = scene.texts[code].gettext

    await stands_there(driss, CASABLANCA)
    assert "91" in driss.screen
    await driss.taps("yes")

    assert driss.screen.splitlines()[0].startswith(text("Saved. This is what people see:"))
    assert (code == "en") == driss.screen.startswith("Saved.")
    [venue] = driss.venues
    assert venue.name.endswith("سلا" if code in ("ar", "ary") else "Salé")
    assert "\u2068" not in venue.name
