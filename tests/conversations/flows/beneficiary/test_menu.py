"""The menu leads everywhere, and the visitor's menu to what needs no consent."""

import pytest

from conversations.care.people import Consent
from tests.people import Person, Scene


@pytest.fixture
def visitor(scene: Scene) -> Person:
    """Somebody who refused that anything is kept."""
    return scene.beneficiary("Zineb", consent=Consent.REFUSED)


@pytest.mark.parametrize(
    "flow", ["booking", "my_visits", "nearest", "services", "person", "settings", "help_numbers"]
)
async def test_the_menu_leads_to(amina: Person, flow: str) -> None:
    await amina.starts()
    await amina.taps(flow)

    assert amina.flow == flow


async def test_the_menu_calls_people_what_they_asked_to_be_called(amina: Person) -> None:
    await amina.scene.desk.contacts.set_name(amina.contact_id, "Mina")
    await amina.starts()

    assert "Hello Mina." in amina.screen


async def test_the_menu_waits_for_ever(amina: Person) -> None:
    await amina.starts()
    amina.scene.later(days=90)
    await amina.taps("services")

    assert amina.flow == "services"


async def test_the_menu_is_the_same_in_a_new_language(amina: Person) -> None:
    await amina.starts()
    await amina.says("langue")
    await amina.taps("fr", "!menu")

    assert amina.screen == "[fr] What can we do for you?"


@pytest.mark.parametrize("flow", ["nearest", "services", "help_numbers", "language", "consent"])
async def test_a_visitor_may_look_at(visitor: Person, flow: str) -> None:
    await visitor.starts()
    assert visitor.flow == "visitor_menu"

    await visitor.taps(flow)

    assert visitor.flow == flow


async def test_an_old_button_of_the_menu_shows_where_we_are(amina: Person) -> None:
    await amina.starts()
    old = amina.prompt_ref
    await amina.taps("services")
    await amina.taps_old(old, "settings")

    assert amina.flow == "services"
