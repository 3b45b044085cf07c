"""Which phones and apps are a person's, and where they are written to."""

import pytest

from conversations.engine.reply import Channel
from tests.conversations.flows.beneficiary.test_joining import code_of, joins
from tests.people import Person, Scene


@pytest.fixture
async def phone(scene: Scene) -> Person:
    """Brahim on Telegram, who also has the web page open."""
    phone = scene.beneficiary("Brahim", channel=Channel.TELEGRAM)
    await phone.starts()
    return phone


@pytest.fixture
async def web(scene: Scene, phone: Person) -> Person:
    web = scene.newcomer("Brahim's web page")
    scene.later(minutes=1)
    await joins(web, await code_of(phone))
    return web


async def test_all_of_them_are_shown(phone: Person, web: Person) -> None:
    await phone.says("menu")
    await phone.taps("settings", "addresses")

    for words in ("• Telegram (you are here)", "• Web page", "We write to you where you wrote last."):
        assert words in phone.screen
    assert phone.ids == ["link", "recovery", "prefer", "remove", "not_me", "!menu"]


async def test_who_has_one_has_nothing_to_choose(phone: Person) -> None:
    await phone.taps("settings", "addresses")

    assert phone.ids == ["link", "recovery", "not_me", "!menu"]


async def test_messages_go_to_the_one_last_used_unless_another_is_chosen(
    scene: Scene, phone: Person, web: Person
) -> None:
    addresses, contact_id = scene.desk.addresses, phone.contact_id
    scene.later(minutes=1)
    await web.says("menu")
    assert addresses.preferred(contact_id) == web.address_id

    await web.taps("settings", "addresses", "prefer", "Telegram")
    assert addresses.preferred(contact_id) == phone.address_id
    assert "We write to you on Telegram." in web.screen

    await web.taps("prefer", "last")
    assert addresses.preferred(contact_id) == web.address_id


async def test_a_lost_phone_is_cut_off(phone: Person, web: Person) -> None:
    brahim = phone.contact_id
    await web.says("menu")
    await web.taps("settings", "addresses", "remove", "Telegram")

    assert "✂️ It is cut off." in web.screen
    assert (web.contact_id, phone.contact_id == brahim) == (brahim, False)
    await phone.says("menu")
    assert phone.flow == "language"


async def test_two_of_one_kind_are_numbered(scene: Scene, phone: Person) -> None:
    second = scene.newcomer("second phone", channel=Channel.TELEGRAM)
    await second.says(await code_of(phone))
    await second.taps("yes", "keep")
    await second.says("menu")
    await second.taps("settings", "addresses", "remove")

    assert second.buttons == ["Telegram 1", "⬅️ Back", "🏠 Menu"]


async def test_back_language_and_an_old_button(phone: Person, web: Person) -> None:
    await web.says("menu")
    await web.taps("settings", "addresses")
    old = web.prompt_ref
    await web.taps("prefer", "!back")
    assert web.step == "addresses"

    await web.taps_old(old, "remove")
    assert web.step == "addresses"
    await web.says("langue")
    await web.taps("fr")
    assert "[fr] 📱 Here you go on with this conversation:" in web.screen
