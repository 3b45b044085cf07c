"""How are you? And whoever needs help gets a person at once."""

from datetime import UTC, datetime

import pytest

from conversations.care.tasks import TaskKind
from tests.people import Person, Scene

FIRST = datetime(2026, 11, 24, 10, tzinfo=UTC)
THIRD = datetime(2026, 11, 26, 10, tzinfo=UTC)
SEVENTH = datetime(2026, 11, 30, 10, tzinfo=UTC)


@pytest.fixture
async def enrolled(chama: Person) -> Person:
    """Chama, who agreed on Monday."""
    await chama.starts()
    await chama.taps("en", "agree")
    return chama


async def test_three_questions_come_in_the_first_week(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(SEVENTH)

    assert [notice.draft.step for notice in enrolled.notices] == ["d1", "d3", "d7"]
    assert len({notice.text for notice in enrolled.notices}) == 3
    assert all(notice.ids == ["fine", "so_so", "help"] for notice in enrolled.notices)


async def test_the_question_tells_nothing_on_a_locked_screen(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)

    assert enrolled.notice.text == "👋 How are you today?"


async def test_fine_is_enough_and_disturbs_nothing(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.starts()
    await enrolled.taps("booking", "job")
    await enrolled.taps_notice("fine")

    assert enrolled.screen.startswith("🙂 That is good to hear.")
    assert enrolled.step == "centre"
    assert enrolled.scene.desk.tasks.rows == {}


async def test_so_so_offers_somebody_to_talk_to(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.taps_notice("so_so")

    assert enrolled.ids == ["!person"]
    await enrolled.taps_old("g", "!person")
    assert enrolled.flow == "person"


async def test_i_need_help_makes_an_urgent_task_at_once(enrolled: Person, driss: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.taps_notice("help")

    (task,) = enrolled.scene.desk.tasks.rows.values()
    assert (task.kind, task.urgent, task.contact_id) == (TaskKind.HELP, True, enrolled.contact_id)
    assert driss.notice.flow == "task_news"
    assert "A person will write to you here." in enrolled.screen
    assert {"15", "19"} <= set(enrolled.screen.splitlines())


async def test_what_is_typed_after_i_need_help_reaches_a_caseworker(enrolled: Person, driss: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.taps_notice("help")
    await enrolled.says("I have nowhere to sleep")

    assert "I have nowhere to sleep" in driss.notice.screen.text


async def test_help_is_asked_once_however_often_one_taps(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.taps_notice("help")
    await enrolled.taps_notice("help")

    assert len(enrolled.scene.desk.tasks.rows) == 1


async def test_nobody_is_promised_while_nobody_is_there(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.taps_notice("help")

    assert "as soon as one is there" in enrolled.screen


async def test_an_answer_can_be_typed(enrolled: Person, driss: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.says("I need help")

    assert len(enrolled.scene.desk.tasks.rows) == 1


async def test_who_switched_them_off_is_not_asked(enrolled: Person) -> None:
    """The row may already be on its way when the person says stop."""
    await enrolled.scene.desk.contacts.set_check_ins(enrolled.contact_id, False)
    await enrolled.scene.goes_on_until(SEVENTH)

    assert enrolled.notices == []


async def test_a_question_that_comes_too_late_is_not_asked(scene: Scene, enrolled: Person) -> None:
    """The service was down for two days: the first question would press upon the second."""
    scene.clock.moves_to(THIRD)
    await scene.goes_on_until(THIRD)

    assert [notice.draft.step for notice in enrolled.notices] == ["d3"]


async def test_it_speaks_the_language_chosen_meanwhile(enrolled: Person) -> None:
    await enrolled.says("langue")
    await enrolled.taps("fr")
    await enrolled.scene.goes_on_until(FIRST)

    assert enrolled.notice.text == "[fr] 👋 How are you today?"


async def test_an_old_question_can_still_be_answered(enrolled: Person, driss: Person) -> None:
    await enrolled.scene.goes_on_until(SEVENTH)
    await enrolled.taps_notice("help", enrolled.notices[0])

    assert len(enrolled.scene.desk.tasks.rows) == 1


async def test_stop_ends_the_questions(enrolled: Person) -> None:
    await enrolled.scene.goes_on_until(FIRST)
    await enrolled.says("stop")
    await enrolled.scene.goes_on_until(SEVENTH)

    assert len(enrolled.notices) == 1
