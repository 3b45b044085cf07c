from datetime import timedelta

from storage.templates import TemplateState
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

NAME = "jisr_reminder_fr_0a1b2c3d"
LATER = NOW + timedelta(minutes=5)


async def test_what_the_platform_says_of_a_template_is_kept(unit: UnitOfWork) -> None:
    state = await unit.templates.note(NAME, "fr", at=NOW, status="approved", category="utility")

    assert state == TemplateState(NAME, "fr", "approved", "utility", None, NOW)
    assert state.may_be_sent
    assert await unit.templates.all() == [state]


async def test_a_pause_takes_it_out_of_use_and_keeps_its_category(unit: UnitOfWork) -> None:
    await unit.templates.note(NAME, "fr", at=NOW, status="approved", category="utility")

    paused = await unit.templates.note(NAME, "fr", at=LATER, status="paused", reason="low_quality")

    assert paused == TemplateState(NAME, "fr", "paused", "utility", "low_quality", LATER)
    assert not paused.may_be_sent


async def test_the_same_again_and_older_news_change_nothing(unit: UnitOfWork) -> None:
    paused = await unit.templates.note(NAME, "fr", at=LATER, status="paused")

    assert await unit.templates.note(NAME, "fr", at=LATER + timedelta(hours=1), status="paused") is None
    assert await unit.templates.note(NAME, "fr", at=NOW, status="approved") is None

    assert await unit.templates.all() == [paused]


async def test_another_category_alone_is_news(unit: UnitOfWork) -> None:
    await unit.templates.note(NAME, "fr", at=NOW, status="approved", category="utility")

    changed = await unit.templates.note(NAME, "fr", at=LATER, category="marketing")

    assert changed == TemplateState(NAME, "fr", "approved", "marketing", None, LATER)


async def test_each_language_stands_by_itself(unit: UnitOfWork) -> None:
    await unit.templates.note(NAME, "fr", at=NOW, status="approved")
    await unit.templates.note(NAME, "ar", at=NOW, status="rejected")

    assert {state.language: state.status for state in await unit.templates.all()} == {
        "fr": "approved",
        "ar": "rejected",
    }
