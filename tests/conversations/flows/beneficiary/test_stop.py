"""STOP acts at once, and can be taken back."""

import pytest

from conversations.care.people import Consent
from conversations.engine.outbound import Purpose
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene


@pytest.fixture
async def enrolled(chama: Person) -> Person:
    """Chama, who wants news and has just agreed; her check-ins are planned."""
    await chama.starts()
    await chama.taps("en", "agree_news")
    return chama


@pytest.mark.parametrize("word", ["stop", "STOP!", "توقف", "سطوب", "arrêter les messages", "7bess"])
async def test_stop_acts_at_the_word_in_every_language(enrolled: Person, word: str) -> None:
    await enrolled.says(word)

    contact = await enrolled.contact()
    assert not contact.news
    assert not contact.check_ins
    assert enrolled.scene.desk.schedule.due == []
    assert enrolled.screen.startswith("🔕 Done.")


async def test_reminders_of_one_s_own_visits_still_come(enrolled: Person) -> None:
    await books(enrolled)
    await enrolled.says("stop")

    assert {due.purpose for due in enrolled.scene.desk.schedule.due} == {Purpose.REMINDER}
    assert "Reminders of your own visits still come." in enrolled.screen


async def test_undo_brings_back_what_there_was(enrolled: Person) -> None:
    await enrolled.says("stop")
    await enrolled.taps("undo")

    contact = await enrolled.contact()
    assert contact.news
    assert contact.check_ins
    assert [due.step for due in enrolled.scene.desk.schedule.due] == ["d1", "d3", "d7"]


async def test_undo_gives_nothing_that_was_not_there(scene: Scene) -> None:
    brahim = scene.beneficiary("Brahim", news=False)
    await brahim.says("stop")
    await brahim.taps("undo")

    assert not (await brahim.contact()).news


async def test_said_twice_there_is_nothing_to_undo(enrolled: Person) -> None:
    await enrolled.says("stop", "stop")

    assert "undo" not in enrolled.ids
    assert "erase" in enrolled.ids


async def test_erasing_is_offered(enrolled: Person) -> None:
    await enrolled.says("stop")
    await enrolled.taps("erase")

    assert enrolled.flow == "erase"


async def test_the_command_is_the_word(enrolled: Person) -> None:
    await enrolled.commands("stop")

    assert not (await enrolled.contact()).news


@pytest.mark.parametrize("consent", [Consent.UNASKED, Consent.REFUSED])
async def test_stop_works_for_who_never_agreed(scene: Scene, consent: Consent) -> None:
    person = scene.beneficiary("Zineb", consent=consent)
    await person.says("stop")

    assert person.flow == "stop"


async def test_a_newcomer_can_stop_before_choosing_a_language(chama: Person) -> None:
    await chama.says("stop")

    assert chama.flow == "stop"
    assert not (await chama.contact()).check_ins


async def test_staff_are_led_to_their_menu(driss: Person) -> None:
    await driss.says("stop")

    assert driss.flow == "caseworker_menu"


async def test_language_old_button_and_silence(enrolled: Person) -> None:
    await enrolled.says("stop")
    old = enrolled.prompt_ref
    await enrolled.says("langue")
    await enrolled.taps("fr")
    assert "[fr] 🔕 Done." in enrolled.screen

    await enrolled.taps_old(old, "undo")
    assert not (await enrolled.contact()).news

    enrolled.scene.later(hours=25)
    await enrolled.says("1")
    assert not (await enrolled.contact()).news
    assert enrolled.flow == "menu"
