"""A code from one phone makes the conversation go on on another."""

import re
from datetime import time

import pytest

from conversations.care.addresses import FREE_TRIES, LinkKind
from conversations.care.people import Consent
from conversations.engine.reply import Channel
from conversations.texts import LANGUAGES
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene


@pytest.fixture
def web(scene: Scene) -> Person:
    """Another phone, on which nobody has written yet."""
    return scene.newcomer("Brahim's web page")


@pytest.fixture
async def on_telegram(scene: Scene) -> Person:
    """Brahim, who is choosing what he needs."""
    brahim = scene.beneficiary("Brahim", channel=Channel.TELEGRAM)
    await brahim.starts()
    return brahim


async def code_of(person: Person, which: str = "link") -> str:
    """Return a code from the person's settings, as it is shown."""
    await person.says("menu")
    await person.taps("settings", "addresses", which)
    found = re.search(r"[0-9][0-9 ]{8,}[0-9]", person.screen)
    assert found, person.screen
    return found[0]


async def joins(new: Person, code: str) -> None:
    await new.says(code)
    await new.taps("yes")


async def test_the_conversation_goes_on_where_it_was(on_telegram: Person, web: Person) -> None:
    code = await code_of(on_telegram)
    await on_telegram.taps("!menu", "booking", "job")
    before = (on_telegram.flow, on_telegram.step, on_telegram.draft)

    await web.says(code)
    assert "Shall your conversation go on here, too?" in web.screen
    assert (web.flow, on_telegram.flow) == ("join", "booking"), "nothing is joined before it is confirmed"
    await web.taps("yes")

    assert "✅ Your conversation goes on here." in web.screen
    assert (web.flow, web.step, web.draft) == before
    assert web.contact_id == on_telegram.contact_id


async def test_what_is_answered_on_one_phone_counts_on_the_other(on_telegram: Person, web: Person) -> None:
    await joins(web, await code_of(on_telegram))
    await web.says("menu")
    await web.taps("settings", "news")

    assert (await on_telegram.contact()).news
    assert on_telegram.step == "settings"


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
async def test_every_language_has_the_way(scene: Scene, language: str) -> None:
    """The new phone speaks English until it is known whose it is."""
    first = scene.beneficiary("Amina", language=language, channel=Channel.TELEGRAM)
    new = scene.newcomer("Amina's web page")
    await first.starts()
    await joins(new, await code_of(first))

    mark = "" if language == "en" else f"[{language}] "
    assert f"{mark}✅ Your conversation goes on here." in new.screen
    assert first.notice.text.startswith(f"{mark}📱 Your conversation now goes on elsewhere, too:")


async def test_the_code_may_follow_a_start_and_be_typed_in_any_digits(
    on_telegram: Person, scene: Scene
) -> None:
    by_link, by_hand = scene.newcomer("one"), scene.newcomer("two")
    await by_link.commands("start", (await code_of(on_telegram)).replace(" ", ""))
    await by_link.taps("yes")
    arabic = (await code_of(on_telegram)).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    await by_hand.says(arabic)
    await by_hand.taps("yes", "keep")

    assert by_link.contact_id == by_hand.contact_id == on_telegram.contact_id


async def test_the_old_phone_is_told_and_can_undo_it(on_telegram: Person, web: Person) -> None:
    await joins(web, await code_of(on_telegram))
    notice = on_telegram.notice
    assert notice.text == "📱 Your conversation now goes on elsewhere, too: the web page"
    assert web.notices == []

    await on_telegram.taps_notice("🚫 That was not me")

    assert web.contact_id != on_telegram.contact_id
    assert "It is cut off." in on_telegram.screen
    await web.says("menu")
    assert web.flow == "language", "whoever is there is a stranger"


async def test_a_code_serves_once(on_telegram: Person, scene: Scene, web: Person) -> None:
    code = await code_of(on_telegram)
    other = scene.newcomer("somebody else", channel=Channel.WHATSAPP)
    await other.says(code)
    await joins(web, code)
    await other.taps("yes")

    assert "This code is too old." in other.screen
    assert other.contact_id != on_telegram.contact_id
    await other.says(code)
    assert "This code is wrong or too old." in other.screen


async def test_a_code_is_good_for_a_quarter_of_an_hour(
    scene: Scene, on_telegram: Person, web: Person
) -> None:
    code = await code_of(on_telegram)
    scene.later(minutes=16)
    await web.says(code)

    assert "This code is wrong or too old." in web.screen


async def test_a_recovery_code_is_good_for_years_until_the_next_one(
    scene: Scene, on_telegram: Person, web: Person
) -> None:
    old, code = await code_of(on_telegram, "recovery"), await code_of(on_telegram, "recovery")
    scene.later(days=800)
    await web.says(old)
    assert "This code is wrong or too old." in web.screen

    await joins(web, code)

    assert web.contact_id == on_telegram.contact_id


async def test_wrong_codes_are_slowed_down(scene: Scene, on_telegram: Person, web: Person) -> None:
    code = await code_of(on_telegram, "recovery")
    for _ in range(FREE_TRIES + 1):
        await web.says("1111111111")
        assert "This code is wrong or too old." in web.screen

    await web.says(code)
    assert "Too many codes were wrong. Please try again after 09:01 on Monday" in web.screen

    scene.later(minutes=1, seconds=1)
    await web.says(code)
    assert web.flow == "join"


async def test_no_means_nothing_changes(on_telegram: Person, web: Person) -> None:
    await web.says(await code_of(on_telegram))
    await web.taps("no")

    assert "Nothing was changed." in web.screen
    assert web.contact_id != on_telegram.contact_id


async def test_who_has_visits_at_both_is_asked_and_keeps_all(scene: Scene, on_telegram: Person) -> None:
    await books(on_telegram)
    web = scene.beneficiary("Brahim at home", language="fr")
    visit = await books(web, at=time(11))
    await web.says(await code_of(on_telegram))
    assert "the visits of both stay" in web.screen

    await web.taps("yes")

    upcoming = await scene.desk.appointments.upcoming(on_telegram.contact_id, now=scene.now)
    assert len(upcoming) == 2
    assert visit.id in [each.id for each in upcoming]
    assert (await web.contact()).language == "en", "the settings of the place the code comes from"


async def test_a_newcomer_is_not_told_of_visits(on_telegram: Person, web: Person) -> None:
    await web.says(await code_of(on_telegram))

    assert "visits" not in web.screen


async def test_a_number_that_was_given_up_is_cut_off(scene: Scene) -> None:
    old = scene.beneficiary("Amina", channel=Channel.WHATSAPP)
    await old.starts()
    code = await code_of(old, "recovery")
    new = scene.newcomer("Amina's new number", channel=Channel.WHATSAPP)
    await new.says(code)
    await new.taps("yes")
    assert "You already write from WhatsApp elsewhere. Is that one still yours?" in new.screen
    amina = old.contact_id

    await new.taps("gone")

    assert new.contact_id == amina
    assert old.contact_id != amina
    assert old.notices == [], "nothing is told to whoever has the number now"


async def test_ones_own_code_changes_nothing(on_telegram: Person) -> None:
    await on_telegram.says(await code_of(on_telegram))

    assert "You are here already." in on_telegram.screen


async def test_digits_that_are_no_code_are_words_where_words_are_asked_for(on_telegram: Person) -> None:
    await on_telegram.taps("settings", "name")
    await on_telegram.says("1234567890")

    assert (await on_telegram.contact()).name == "1234567890"


async def test_a_code_is_taken_where_words_are_asked_for(scene: Scene, on_telegram: Person) -> None:
    web = scene.beneficiary("Brahim at home")
    await web.starts()
    await web.taps("settings", "name")
    await web.says(await code_of(on_telegram))

    assert web.flow == "join"


async def test_who_has_refused_may_still_say_who_they_are(scene: Scene, on_telegram: Person) -> None:
    web = scene.beneficiary("Brahim at home", consent=Consent.REFUSED)
    await joins(web, await code_of(on_telegram))

    assert (await web.contact()).consent is Consent.AGREED


async def test_staff_are_joined_to_nobody(on_telegram: Person, driss: Person) -> None:
    before = driss.contact_id
    await driss.says(await code_of(on_telegram))

    assert (driss.flow, driss.contact_id) == ("caseworker_menu", before)


async def test_a_button_of_the_newcomers_prompt_means_nothing_afterwards(
    on_telegram: Person, web: Person
) -> None:
    await web.starts()
    old = web.prompt_ref
    await joins(web, await code_of(on_telegram))
    await web.taps_old(old, "fr")

    assert (await on_telegram.contact()).language == "en"
    assert "That button was from an older message." in web.screen


# Staff


async def staff_code(person: Person) -> str:
    await person.starts()
    await person.taps("addresses")
    assert person.ids == ["link", "!menu"]
    await person.taps("link")
    found = re.search(r"[0-9][0-9 ]{8,}[0-9]", person.screen)
    assert found, person.screen
    return found[0]


async def test_staff_go_on_at_a_second_app_which_is_written_down(
    scene: Scene, driss: Person, web: Person
) -> None:
    await joins(web, await staff_code(driss))

    assert "✅ Your conversation goes on here." in web.screen
    assert web.contact_id == driss.contact_id
    assert [(look.by, look.at_contact, look.what) for look in scene.desk.audit.looks] == [
        (driss.contact_id, driss.contact_id, "address_joined")
    ]
    await web.taps("tasks")
    assert web.flow == "tasks"

    await driss.taps_notice("cut")
    assert web.contact_id != driss.contact_id


async def test_the_command_leads_there_too(scene: Scene) -> None:
    karim = scene.manager("Karim")
    await karim.commands("link")

    assert (karim.flow, karim.ids) == ("addresses", ["link", "!menu"])


async def test_nobody_with_a_history_becomes_staff_by_a_code(
    scene: Scene, driss: Person, on_telegram: Person
) -> None:
    await on_telegram.says(await staff_code(driss))

    assert "This code only works on a phone or app that is new here." in on_telegram.screen
    assert on_telegram.contact_id != driss.contact_id
    assert scene.desk.audit.looks == []


async def test_a_recovery_code_of_before_opens_no_account_of_staff(
    scene: Scene, driss: Person, web: Person
) -> None:
    code = await scene.desk.links.new_code(driss.contact_id, LinkKind.RECOVERY, now=scene.now)
    await web.says(code)

    assert "This code is wrong or too old." in web.screen
