"""How to be spoken to, what to get, what is kept."""

from datetime import UTC, datetime

import pytest

from conversations.engine.reply import MediaKind
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene


@pytest.fixture
async def at_settings(chama: Person) -> Person:
    """Chama, who has just enrolled in English and looks at her settings."""
    await chama.starts()
    await chama.taps("en", "agree", "settings")
    return chama


async def test_news_go_on_and_off(at_settings: Person) -> None:
    await at_settings.taps("news")
    assert (await at_settings.contact()).news
    assert "You get news of programmes." in at_settings.screen

    await at_settings.taps("news")
    assert not (await at_settings.contact()).news
    assert "You get no news of programmes." in at_settings.screen


async def test_check_ins_switched_off_are_withdrawn_and_switched_on_planned_again(
    at_settings: Person,
) -> None:
    schedule = at_settings.scene.desk.schedule
    await at_settings.taps("check_ins")
    assert schedule.due == []
    assert "We don't ask you how you are." in at_settings.screen

    at_settings.scene.clock.moves_to(datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    await at_settings.taps("check_ins")
    assert [due.step for due in schedule.due] == ["d1", "d3", "d7"]

    await at_settings.taps("check_ins")
    at_settings.scene.clock.moves_to(datetime(2026, 11, 24, 11, tzinfo=UTC))
    await at_settings.taps("check_ins")
    assert [due.step for due in schedule.due] == ["d3", "d7"]


async def test_a_name_can_be_given_and_taken_back(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("  Lalla   Chama ")
    assert (await at_settings.contact()).name == "Lalla Chama"
    assert at_settings.step == "settings"

    await at_settings.taps("name")
    assert "Now we call you Lalla Chama." in at_settings.screen

    await at_settings.taps("forget")
    assert (await at_settings.contact()).name is None


async def test_what_is_no_name_is_asked_again(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("x" * 4096)
    assert "That is too long for a name." in at_settings.screen

    await at_settings.sends_media(MediaKind.VOICE)
    assert "Please write the name." in at_settings.screen
    assert (await at_settings.contact()).name is None


async def test_a_name_may_look_like_a_button_or_number(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("7")

    assert (await at_settings.contact()).name == "7"


async def test_a_person_sees_all_that_is_kept(scene: Scene, at_settings: Person) -> None:
    await scene.desk.contacts.set_name(at_settings.contact_id, "Chama")
    await scene.desk.contacts.set_home(at_settings.contact_id, province_code="04.441")
    await books(at_settings)
    await at_settings.taps("kept")

    for words in (
        "Language: English",
        "You agreed on Monday, 23 November 2026.",
        "We call you Chama.",
        "Centre: Salé",
        "Province: Salé",
        "You get no news",
        "You have 1 visit ahead.",
    ):
        assert words in at_settings.screen


async def test_a_person_sees_who_looked(scene: Scene, at_settings: Person, driss: Person) -> None:
    await at_settings.taps("kept")
    assert "No caseworker has opened your visits or messages yet." in at_settings.screen

    for _ in range(2):
        await scene.desk.audit.looked(driss.contact_id, at_settings.contact_id, "visit", now=scene.now)
    await at_settings.taps("!menu", "settings", "kept")

    assert "opened your visits or messages 2 times, last on Monday, 23 November 2026." in at_settings.screen


@pytest.mark.parametrize("flow", ["language", "erase"])
async def test_settings_lead_to(at_settings: Person, flow: str) -> None:
    await at_settings.taps(flow)

    assert at_settings.flow == flow


async def test_erasing_is_offered_where_one_sees_what_is_kept(at_settings: Person) -> None:
    await at_settings.taps("kept", "erase")

    assert at_settings.flow == "erase"


async def test_back_language_old_button_silence_and_stop(at_settings: Person) -> None:
    old = at_settings.prompt_ref
    await at_settings.taps("kept")
    await at_settings.taps_old(old, "news")
    assert not (await at_settings.contact()).news

    await at_settings.says("langue")
    await at_settings.taps("fr")
    assert "[fr] This is what we keep about you:" in at_settings.screen

    await at_settings.taps("!back")
    assert at_settings.step == "settings"

    await at_settings.says("stop")
    assert "[fr] 🔕 Done." in at_settings.screen
    await at_settings.taps("undo")
    assert at_settings.step == "settings"

    at_settings.scene.later(hours=25)
    await at_settings.says("hello")
    assert at_settings.flow == "menu"
