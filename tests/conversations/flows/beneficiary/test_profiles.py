"""Several people with one phone."""

import pytest

from conversations.care.addresses import LinkKind
from conversations.care.people import Role
from conversations.care.profiles import MOST_PEOPLE, read_pin
from conversations.engine.reply import Channel, Tap
from conversations.texts import LANGUAGES
from tests.conversations.flows.beneficiary.test_joining import code_of
from tests.people import Person, Scene


@pytest.fixture
async def phone(scene: Scene) -> Person:
    """Amina's phone, at her menu."""
    phone = scene.beneficiary("Amina", channel=Channel.WHATSAPP)
    await scene.desk.contacts.set_name(phone.contact_id, "Amina")
    await phone.starts()
    return phone


async def to_people(phone: Person) -> None:
    await phone.says("menu")
    await phone.taps("settings", "profiles")


async def begins(phone: Person, name: str | None = None) -> None:
    """Let somebody new begin on the phone, as far as their menu."""
    await to_people(phone)
    await phone.taps("add", "begin", "en", "agree")
    if name is not None:
        await phone.scene.desk.contacts.set_name(phone.contact_id, name)


async def sets_pin(phone: Person, pin: str = "2468") -> None:
    await to_people(phone)
    await phone.taps("pin")
    await phone.says(pin)


@pytest.mark.parametrize("text", ["2468", "٢٤٦٨", "۲۴۶۸", " 24 68 ", "٢٤٦٨١٣"])
def test_a_pin_is_read_in_any_script(text: str) -> None:
    assert read_pin(text) in ("2468", "246813")


@pytest.mark.parametrize("text", ["246", "2468135", "my pin is 2468", "", "abcd"])
def test_what_is_no_pin(text: str) -> None:
    assert read_pin(text) is None


async def test_somebody_new_is_asked_as_anybody_is(phone: Person) -> None:
    amina = phone.contact_id
    await to_people(phone)
    assert phone.ids == ["add", "pin", "!menu"]
    await phone.taps("add", "begin")

    assert (phone.contact_id == amina, phone.flow) == (False, "language")
    assert "Amina" not in phone.screen
    await phone.taps("fr")
    assert phone.flow == "consent"
    await phone.taps("agree")
    assert "[fr] What can we do for you?" in phone.screen


async def test_switching_shows_nothing_of_the_one_before_and_goes_on_with_the_other(phone: Person) -> None:
    amina = phone.contact_id
    await phone.taps("booking", "job")
    asked = phone.screen
    await phone.says("menu")
    await phone.taps("booking", "job")
    await begins(phone, "Brahim")
    await to_people(phone)
    assert phone.buttons[0] == "Amina"
    await phone.taps("Amina")

    assert (phone.contact_id, phone.flow) == (amina, "menu")
    assert phone.screen.startswith("✅ Now this is your conversation.")
    assert "Brahim" not in phone.screen
    assert asked


async def test_buttons_of_the_one_before_do_nothing_any_more(phone: Person) -> None:
    await phone.taps("settings")
    settings, old_refs = phone.last, {}
    for _ in range(3):
        await phone.says("menu")
        old_refs[phone.prompt_ref] = phone.ids
    await begins(phone)
    await phone.taps("settings")
    brahim = await phone.contact()

    for ref, ids in {**old_refs, str(settings.prompt_ref): settings.ids}.items():
        for choice_id in ids:
            if not choice_id.startswith("!"):
                await phone.sends(Tap(ref, choice_id))
                assert "That button was from an older message." in phone.screen
                assert phone.flow == "settings"
                phone.scene.later(seconds=3)
    assert await phone.contact() == brahim


async def test_who_gave_no_name_has_a_number(phone: Person) -> None:
    await phone.scene.desk.contacts.set_name(phone.contact_id, None)
    await begins(phone)
    await to_people(phone)

    assert "• Person 1" in phone.screen
    assert "• Person 2 (you)" in phone.screen
    assert phone.ids == [str(1), "add", "pin", "leave", "!menu"]


async def test_there_is_room_for_a_few(phone: Person) -> None:
    for _ in range(MOST_PEOPLE - 1):
        await begins(phone)
    await sets_pin(phone)

    assert "add" not in phone.ids
    assert len(phone.ids) <= 8


# The PIN


async def test_a_pin_is_asked_before_a_switch(phone: Person) -> None:
    amina = phone.contact_id
    await sets_pin(phone, "٢٤٦٨")
    assert "Now delete your message" in phone.screen
    await begins(phone)
    await to_people(phone)
    await phone.taps("Amina")
    assert phone.step == "ask_pin"
    await phone.says("1357")
    assert (phone.screen.partition("\n")[0], phone.contact_id == amina) == ("This PIN is wrong.", False)

    await phone.says("2468")

    assert (phone.contact_id, phone.flow) == (amina, "menu")


async def test_wrong_pins_cost_waiting(phone: Person) -> None:
    amina = phone.contact_id
    await sets_pin(phone)
    await begins(phone)
    await to_people(phone)
    await phone.taps("Amina")
    await phone.says(*["1357"] * 5)
    await phone.says("2468")
    assert phone.screen.startswith("Too many PINs were wrong.")
    assert phone.contact_id != amina

    phone.scene.later(minutes=1, seconds=1)
    await phone.says("2468")

    assert phone.contact_id == amina


async def test_a_pin_is_changed_and_removed(phone: Person) -> None:
    await sets_pin(phone)
    await sets_pin(phone, "9753")
    await begins(phone)
    await to_people(phone)
    await phone.taps("Amina")
    await phone.says("2468")
    assert "This PIN is wrong." in phone.screen
    await phone.says("9753")
    await to_people(phone)
    await phone.taps("no_pin")
    assert "🔓 The PIN is gone." in phone.screen

    await phone.taps("Person 2")
    await to_people(phone)
    await phone.taps("Amina")

    assert phone.flow == "menu"


async def test_what_is_no_pin_is_not_taken(phone: Person) -> None:
    await to_people(phone)
    await phone.taps("pin")
    await phone.says("12")

    assert phone.screen.startswith("A PIN has 4 to 6 digits.")
    assert phone.step == "pin"


async def test_a_forgotten_pin_is_replaced_by_a_recovery_code(phone: Person) -> None:
    amina = phone.contact_id
    code = await phone.scene.desk.links.new_code(amina, LinkKind.RECOVERY, now=phone.scene.now)
    await sets_pin(phone)
    await begins(phone)
    brahim = phone.contact_id
    await to_people(phone)
    await phone.taps("Amina", "forgotten")
    assert "recovery code" in phone.screen
    await phone.says(code)

    assert phone.contact_id == amina
    assert {each.contact_id for each in await phone.scene.desk.profiles.of(phone.address_id)} == {
        amina,
        brahim,
    }
    await to_people(phone)
    assert "no_pin" not in phone.ids


# The lock


@pytest.fixture
async def shared(phone: Person) -> Person:
    """Amina's phone with her PIN, which Brahim used last and left a quarter of an hour ago."""
    await sets_pin(phone)
    await begins(phone, "Brahim")
    await phone.taps("booking")
    phone.scene.later(minutes=16)
    return phone


async def test_it_asks_who_is_there(shared: Person) -> None:
    await shared.says("salam")

    assert shared.screen == "👋 Who is there?"
    assert shared.buttons == ["Amina", "Brahim", "➕ Somebody else"]


async def test_who_has_no_pin_goes_on_where_they_were(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("Brahim")

    assert shared.flow == "booking"
    assert (await shared.contact()).name == "Brahim"


async def test_who_has_one_gives_it(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("Amina")
    assert shared.step == "ask_pin"
    await shared.says("0000")
    assert "This PIN is wrong." in shared.screen
    await shared.says("2468")

    assert (await shared.contact()).name == "Amina"
    assert shared.flow == "menu"


async def test_a_phone_in_use_does_not_lock(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("Brahim")
    for _ in range(4):
        shared.scene.later(minutes=10)
        await shared.says("menu")

    assert shared.flow == "menu"


async def test_one_persons_phone_locks_only_with_a_pin(phone: Person) -> None:
    phone.scene.later(minutes=20)
    await phone.says("menu")
    assert phone.flow == "menu"
    await sets_pin(phone)
    phone.scene.later(minutes=20)
    await phone.says("menu")

    assert phone.buttons == ["Amina", "➕ Somebody else"]


@pytest.mark.parametrize("words", ["menu", "stop", "person", "not me", "langue", "back", "1 2 3", "retour"])
async def test_nothing_else_opens_it(shared: Person, words: str) -> None:
    brahim = await shared.contact()
    await shared.says("salam", words)

    assert shared.flow == "door"
    assert await shared.contact() == brahim


async def test_an_old_button_does_not_open_it(shared: Person) -> None:
    old = shared.last
    await shared.taps_old(str(old.prompt_ref), old.ids[0])

    assert shared.flow == "door"
    assert shared.buttons == ["Amina", "Brahim", "➕ Somebody else"]


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
async def test_help_numbers_need_no_pin(scene: Scene, language: str) -> None:
    phone = scene.beneficiary("Amina", language=language, channel=Channel.WHATSAPP)
    await phone.starts()
    await phone.taps("settings", "profiles", "pin")
    await phone.says("2468")
    scene.later(minutes=20)
    await phone.says("sos")
    assert "150" in phone.screen

    await phone.taps("ok")
    await phone.says("menu")
    assert phone.flow == "door"


async def test_danger_needs_no_pin(shared: Person, driss: Person) -> None:
    await shared.says("salam")
    await shared.taps("Amina")
    await shared.says("bghit nmout")

    assert "💛 You matter" in shared.screen
    assert driss.notices
    await shared.taps("!person")
    assert shared.step == "who"


async def test_somebody_new_at_the_door(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("new")

    assert shared.flow == "language"
    assert len(await shared.scene.desk.profiles.of(shared.address_id)) == 3


async def test_a_strangers_code_joins_nobody_at_the_door(scene: Scene, shared: Person) -> None:
    other = scene.beneficiary("Chama")
    await other.starts()
    before = shared.contact_id
    code = await code_of(other)
    await shared.says("salam", code)

    assert "That person does not use this phone." in shared.screen
    assert shared.contact_id == before
    assert other.contact_id != before


async def test_ones_own_recovery_code_opens_it(shared: Person) -> None:
    amina = (await shared.scene.desk.profiles.of(shared.address_id))[0].contact_id
    code = await shared.scene.desk.links.new_code(amina, LinkKind.RECOVERY, now=shared.scene.now)
    await shared.says("salam", code)

    assert shared.contact_id == amina
    assert shared.flow == "menu"


# Leaving


async def test_who_leaves_is_forgotten_by_the_phone(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("Brahim")
    await to_people(shared)
    await shared.taps("leave", "yes")
    assert shared.screen == "🚪 This phone has forgotten you."

    await shared.says("salam")

    assert shared.buttons == ["Amina", "➕ Somebody else"]


@pytest.mark.parametrize("way", [["profiles", "leave", "yes"], ["erase", "yes"]])
async def test_buttons_of_who_went_do_nothing_to_the_others(shared: Person, way: list[str]) -> None:
    await shared.says("salam")
    await shared.taps("Brahim")
    old = []
    for _ in range(9):
        await shared.says("menu")
        old.append((shared.prompt_ref, shared.ids[0]))
    await shared.taps("settings", *way)
    await shared.says("salam")
    await shared.taps("Amina")
    await shared.says("2468")

    for _ in range(9):
        await shared.says("menu")
        assert (shared.prompt_ref, shared.ids[0]) not in old


async def test_who_became_staff_comes_in_as_anybody(shared: Person) -> None:
    await shared.scene.desk.contacts.make_staff(shared.contact_id, Role.CASEWORKER, "sale")
    await shared.says("salam")
    await shared.taps("Brahim")

    assert shared.flow == "caseworker_menu"


async def test_who_stays_stays(shared: Person) -> None:
    await shared.says("salam")
    await shared.taps("Brahim")
    await to_people(shared)
    await shared.taps("leave", "no")

    assert (await shared.contact()).name == "Brahim"


async def test_back_language_and_an_old_button(phone: Person) -> None:
    await to_people(phone)
    old = phone.prompt_ref
    await phone.taps("pin", "!back")
    assert phone.step == "people"
    await phone.taps_old(old, "pin")
    assert phone.step == "people"
    await phone.says("langue")
    await phone.taps("fr")
    assert "[fr] 👥 Each person who uses this phone" in phone.screen
