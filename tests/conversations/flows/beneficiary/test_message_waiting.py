"""A message waits for somebody else who uses the phone."""

import pytest

from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from conversations.engine.turn import Push
from conversations.flows.news import MessageWaiting
from conversations.texts import LANGUAGES
from tests.people import Person, Scene


@pytest.fixture
async def phone(scene: Scene) -> Person:
    """Amina's phone, which Brahim uses now."""
    phone = scene.beneficiary("Amina", channel=Channel.WHATSAPP)
    await scene.desk.contacts.set_name(phone.contact_id, "Amina")
    await phone.starts()
    await phone.taps("booking")
    await phone.says("menu")
    await phone.taps("settings", "profiles", "add", "begin", "en", "agree")
    return phone


async def waits_for_amina(phone: Person) -> None:
    amina = (await phone.scene.desk.profiles.of(phone.address_id))[0].contact_id
    push = Push(
        phone.contact_id, "message_waiting", MessageWaiting(amina), Purpose.ADDRESS, "waiting:1",
        address_id=phone.address_id,
    )  # fmt: skip
    await phone.scene.pushes_out(push)


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
async def test_who_uses_the_phone_hears_it_in_their_language(phone: Person, language: str) -> None:
    await phone.scene.desk.contacts.set_language(phone.contact_id, language)
    await waits_for_amina(phone)

    mark = "" if language == "en" else f"[{language}] "
    assert phone.notice.text == f"{mark}✉️ A message is waiting for Amina."
    assert phone.notice.ids == ["switch"]


async def test_its_button_switches(phone: Person) -> None:
    await waits_for_amina(phone)
    await phone.taps_notice("switch")

    assert (await phone.contact()).name == "Amina"
    assert phone.screen.startswith("✅ Now this is your conversation.")


async def test_who_was_busy_goes_on_when_they_come_back(phone: Person) -> None:
    await phone.taps("booking")
    await phone.taps("job")
    step = phone.step
    await waits_for_amina(phone)
    await phone.taps_notice("switch")
    await phone.says("menu")
    await phone.taps("settings", "profiles", "Person 2")

    assert (phone.flow, phone.step) == ("booking", step)


async def test_who_left_meanwhile_gets_nothing(phone: Person) -> None:
    await waits_for_amina(phone)
    amina = (await phone.scene.desk.profiles.of(phone.address_id))[0].contact_id
    phone.scene.desk.profiles.rows[phone.address_id].pop(0)

    await phone.taps_notice("switch")

    assert phone.screen.startswith("That person no longer uses this phone.")
    assert phone.contact_id != amina
