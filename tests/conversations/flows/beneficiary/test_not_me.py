"""Somebody else holds the phone now."""

import pytest

from conversations.engine.reply import Channel
from conversations.texts import LANGUAGES
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
async def test_nothing_of_the_person_is_said_or_shown_any_more(scene: Scene, language: str) -> None:
    phone = scene.beneficiary("Amina", language=language, channel=Channel.WHATSAPP)
    await scene.desk.contacts.set_name(phone.contact_id, "Lalla Amina")
    amina = phone.contact_id
    await phone.starts()
    visit = await books(phone)

    await phone.says("wrong number")
    asked = phone.screen
    await phone.taps("yes")

    mark = "" if language == "en" else f"[{language}] "
    assert phone.screen == f"{mark}Thank you. Nothing of it is sent here any more."
    for said in (asked, phone.screen):
        assert "Amina" not in said
        assert visit.code not in said
    assert phone.contact_id != amina
    await phone.says("salam")
    assert phone.flow == "language"
    assert [each.id for each in await scene.desk.appointments.upcoming(amina, now=scene.now)] == [visit.id]


async def test_no_leaves_everything_as_it_is(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("booking", "job")
    before = brahim.contact_id
    await brahim.says("pas moi")
    await brahim.taps("no")

    assert (brahim.contact_id, brahim.flow) == (before, "booking")


async def test_it_is_reached_from_settings_too(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("settings", "addresses", "not_me")

    assert brahim.flow == "not_me"


async def test_staff_stay_staff(driss: Person) -> None:
    await driss.says("not me")

    assert driss.flow == "caseworker_menu"
