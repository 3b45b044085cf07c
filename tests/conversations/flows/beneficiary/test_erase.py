"""Everything is erased, once the person has said so twice."""

import pytest

from conversations.care.appointments import AppointmentStatus
from conversations.care.people import Consent
from conversations.care.visits import VisitEvent
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene


@pytest.fixture
async def asked(amina: Person) -> Person:
    """Amina, who is asked whether she really wants all erased."""
    await amina.starts()
    await amina.taps("settings", "erase")
    return amina


async def test_all_is_gone_and_the_last_word_is_in_her_language(asked: Person, driss: Person) -> None:
    visit = await books(asked)
    await asked.taps("yes")

    contact = await asked.contact()
    assert (contact.language, contact.consent, contact.centre_slug) == (None, Consent.UNASKED, None)
    assert asked.scene.desk.contacts.erased == {asked.contact_id}
    assert asked.scene.desk.schedule.due == []
    assert asked.screen.startswith("[ar] Everything is erased.")
    assert asked.session.frame is None
    assert asked.scene.desk.appointments.rows[visit.id].status is AppointmentStatus.CANCELLED


async def test_the_centre_hears_that_the_place_is_free(asked: Person, driss: Person) -> None:
    await books(asked)
    await asked.taps("yes")

    assert driss.notice.draft.event is VisitEvent.CANCELLED


async def test_whoever_comes_back_is_new(asked: Person) -> None:
    await asked.taps("yes")
    await asked.says("salam")

    assert asked.step == "language"


async def test_no_keeps_everything(asked: Person) -> None:
    await asked.taps("no")

    assert "Nothing was erased." in asked.screen
    assert (await asked.contact()).consent is Consent.AGREED


async def test_who_refused_can_erase_too(scene: Scene) -> None:
    visitor = scene.beneficiary("Zineb", consent=Consent.REFUSED)
    await visitor.says("stop")
    await visitor.taps("erase", "yes")

    assert scene.desk.contacts.erased == {visitor.contact_id}


async def test_language_old_button_silence_and_stop(asked: Person) -> None:
    old = asked.prompt_ref
    await asked.says("langue")
    await asked.taps("fr")
    assert "[fr] 🗑️ Erase all" in asked.screen

    await asked.taps_old(old, "yes")
    assert asked.scene.desk.contacts.erased == set()

    await asked.says("stop")
    await asked.taps("undo")
    assert asked.flow == "erase"

    await asked.says("back")
    assert asked.flow == "menu"

    asked.scene.later(hours=25)
    await asked.taps_old(old, "yes")
    assert asked.scene.desk.contacts.erased == set()
