"""A centre on the map: only where its staff have said where it is, never the city's point."""

import pytest

from bot.texts import load_texts
from conversations.care.centres import Point
from conversations.engine.outbound import Venue
from conversations.flows import routes
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene

DOOR = Point(34.05312, -6.79854)
ADDRESS = "12, rue de la Gare"


NAMES = {"fr": "📍 Le centre à Salé", "ar": "📍 مركز سلا"}
ON_ITS_WAY = {"fr": "🗺️ La carte arrive dans un instant.", "ar": "🗺️ الخريطة تصل بعد لحظة."}

in_both = pytest.mark.parametrize("language", NAMES)


def reader(language: str) -> Person:
    """Return somebody before the texts as they are translated."""
    scene = Scene(routes())
    scene.texts = load_texts()
    return scene.beneficiary("Amina", language=language)


async def test_where_nobody_said_where_a_centre_is_there_is_no_map(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale")

    assert amina.last.ids == ["book", "others", "!back", "!menu"]


@in_both
async def test_the_card_of_a_centre_leads_to_its_pin(language: str) -> None:
    person = reader(language)
    centres = person.scene.desk.centres
    await centres.set_point("sale", DOOR)
    await centres.set_address("sale", ADDRESS)
    await person.starts()
    await person.taps("nearest", "sale", "map")

    assert person.venues == [Venue(NAMES[language], ADDRESS, DOOR.latitude, DOOR.longitude)]
    assert person.screen.startswith(ON_ITS_WAY[language])
    assert person.step == "card"
    await person.taps("book")
    assert person.flow == "booking"


@in_both
async def test_the_card_of_a_visit_leads_to_the_pin_of_its_centre(language: str) -> None:
    person = reader(language)
    await person.scene.desk.centres.set_point("sale", DOOR)
    visit = await books(person)
    await person.starts()
    await person.taps("my_visits", str(visit.id), "map")

    assert person.venues == [Venue(NAMES[language], "", DOOR.latitude, DOOR.longitude)]
    assert person.step == "visit"
    await person.taps("cancel")
    assert person.step == "cancel"


async def test_a_pin_that_is_gone_meanwhile_is_not_sent(amina: Person) -> None:
    centres = amina.scene.desk.centres
    await centres.set_point("sale", DOOR)
    await amina.starts()
    await amina.taps("nearest", "sale")
    await centres.set_point("sale", None)

    await amina.taps("map")

    assert "The centre is no longer on the map." in amina.screen
    assert amina.venues == []
    assert "map" not in amina.last.ids
