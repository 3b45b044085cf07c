"""Nothing is kept before the person has agreed, and no is an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from conversations.care.people import Consent
from conversations.engine.outbound import Purpose
from tests.people import Person, Scene


@pytest.fixture
async def asked(chama: Person) -> Person:
    """Chama, who has chosen English and is asked for consent."""
    await chama.starts()
    await chama.taps("en")
    return chama


async def test_the_question_says_what_is_kept_why_and_how_to_stop(asked: Person) -> None:
    for words in ("To help you", "your visits", "encrypted", "erased at any time", "write “stop”"):
        assert words in asked.screen


async def test_details_are_told_in_plain_words_and_lead_to_the_same_answers(asked: Person) -> None:
    await asked.taps("more")

    for words in ("never ask about your case", "never keep where you are", "Nothing goes to the police"):
        assert words in asked.screen
    assert asked.ids == ["agree", "agree_news", "refuse"]

    await asked.taps("agree")

    assert asked.flow == "menu"


async def test_one_can_go_back_from_the_details(asked: Person) -> None:
    await asked.taps("more")
    await asked.says("back")

    assert asked.step == "consent"


@pytest.mark.parametrize(("choice", "news"), [("agree", False), ("agree_news", True)])
async def test_agreeing_enrols_and_leads_to_the_menu(asked: Person, choice: str, news: bool) -> None:
    await asked.taps(choice)

    contact = await asked.contact()
    assert contact.consent is Consent.AGREED
    assert contact.news is news
    assert contact.enrolled_at == asked.scene.now
    assert asked.flow == "menu"
    assert asked.screen.startswith("Thank you.")


async def test_agreeing_plans_the_first_check_ins(asked: Person) -> None:
    await asked.taps("agree")

    due = asked.scene.desk.schedule.due
    assert [(each.step, each.due_at) for each in due] == [
        ("d1", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("d3", datetime(2026, 11, 26, 10, tzinfo=UTC)),
        ("d7", datetime(2026, 11, 30, 10, tzinfo=UTC)),
    ]
    assert {each.purpose for each in due} == {Purpose.CHECK_IN}
    assert {each.subject for each in due} == {f"check_in:{asked.contact_id}"}


async def test_refusing_keeps_nothing_and_still_lets_look_around(asked: Person) -> None:
    await asked.taps("refuse")

    contact = await asked.contact()
    assert contact.consent is Consent.REFUSED
    assert contact.enrolled_at is None
    assert asked.scene.desk.schedule.due == []
    assert asked.flow == "visitor_menu"
    assert asked.screen.startswith("That is fine. We keep nothing of what you tell us")


async def test_who_refused_can_change_their_mind(asked: Person) -> None:
    await asked.taps("refuse", "consent", "agree")

    assert (await asked.contact()).consent is Consent.AGREED
    assert asked.flow == "menu"


async def test_the_question_comes_again_in_the_language_chosen_meanwhile(asked: Person) -> None:
    await asked.says("Français")
    await asked.taps("fr")

    assert asked.step == "consent"
    assert "[fr] To help you" in asked.screen


async def test_after_silence_the_question_is_still_there(asked: Person) -> None:
    asked.scene.later(days=3)
    await asked.says("hello")

    assert asked.step == "consent"


async def test_an_old_button_agrees_to_nothing(asked: Person) -> None:
    old = asked.prompt_ref
    await asked.taps("more")
    await asked.taps_old(old, "agree")

    assert (await asked.contact()).consent is Consent.UNASKED
    assert asked.screen.startswith("That button was from an older message.")


async def test_a_person_can_stop_before_agreeing(asked: Person) -> None:
    await asked.says("stop")

    assert asked.flow == "stop"
    assert asked.screen.startswith("🔕 Done.")


async def test_enrolment_is_the_first_consent(scene: Scene, asked: Person) -> None:
    """Whoever agrees again is not asked a second time how their first days are."""
    await asked.taps("agree")
    first = (await asked.contact()).enrolled_at
    scene.later(days=2)
    await scene.desk.contacts.refuse(asked.contact_id, at=scene.now)
    await scene.desk.schedule.withdraw(f"check_in:{asked.contact_id}")
    await asked.says("menu")
    await asked.taps("consent", "agree")

    assert (await asked.contact()).enrolled_at == first
    assert first is not None
    assert [each.step for each in scene.desk.schedule.due] == ["d3", "d7"]
    assert all(each.due_at > first + timedelta(days=2) for each in scene.desk.schedule.due)
