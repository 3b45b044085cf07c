"""The centre closed at the time of a visit: what its person reads later, and can do."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from conversations.care.appointments import Appointment
from conversations.care.closures import ClosureReason
from conversations.engine.turn import Push, Turn
from conversations.flows.displaced_visits import ask_again, lapse, move_touched
from tests.conversations.flows.staff.doings import (
    TEN,
    WEDNESDAY,
    books,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene

BEGUN = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.fixture
async def visit(scene: Scene, brahim: Person, driss: Person) -> Appointment:
    """Brahim's visit of Wednesday at ten, which the centre displaced."""
    await sets_hours(scene, "mon-fri 08:30-12:00 12:30-16:30")
    visit = await books(brahim, WEDNESDAY, TEN)
    await scene.desk.closures.decide(
        "sale", WEDNESDAY, closed=True, by=driss.contact_id, reason=ClosureReason.ILLNESS
    )
    await passes(brahim, lambda turn: move_touched(turn, "sale"))
    return visit


async def passes(person: Person, act: Callable[[Turn[Any]], Awaitable[object]]) -> None:
    """Have a tick do something about somebody, and what it leads to pushed."""
    turn = await person.scene.turn_for(person.contact_id)
    await act(turn)
    for effect in turn.effects:
        assert isinstance(effect, Push)
        await person.scene.pushes_out(effect)


async def test_the_first_line_tells_nothing_and_the_reason_is_plain(
    visit: Appointment, brahim: Person
) -> None:
    lines = [line.removeprefix("[fr] ") for line in brahim.notice.text.splitlines()]

    assert lines[0] == "🔄 Your time has to change."
    assert "The centre is closed then: somebody of the staff is ill." in lines


async def test_after_its_time_one_tap_leads_to_the_days_of_another_visit(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    scene.clock.moves_to(BEGUN)
    await passes(brahim, lambda turn: lapse(turn, visit.id))
    assert "That was not your doing." in brahim.notice.text

    await brahim.taps_notice("book")

    assert (brahim.flow, brahim.step) == ("booking", "day")
    assert (brahim.draft["centre"], brahim.draft["need"]) == ("sale", visit.need)
    assert driss.notice.text.startswith("📅 Somebody's visit needs another time.")
    assert visit.code in driss.notice.text


async def test_what_nobody_can_be_told_ends_with_a_task_alone(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    scene.clock.moves_to(BEGUN)
    scene.desk.contacts.unreachable.add(brahim.contact_id)
    told = len(brahim.notices)

    await passes(brahim, lambda turn: lapse(turn, visit.id))

    assert len(brahim.notices) == told
    assert visit.code in driss.notice.text


async def test_a_visit_that_was_moved_is_not_ended(scene: Scene, visit: Appointment, brahim: Person) -> None:
    await brahim.taps_notice("accept")
    moved = await visit_now(scene, visit)

    await passes(brahim, lambda turn: lapse(turn, visit.id))
    await passes(brahim, lambda turn: ask_again(turn, visit.id))

    assert await visit_now(scene, visit) == moved
    assert not [notice for notice in brahim.notices if "We still need" in notice.text]


async def test_the_second_word_takes_the_place_of_the_first(
    scene: Scene, visit: Appointment, brahim: Person
) -> None:
    first = brahim.notice

    await passes(brahim, lambda turn: ask_again(turn, visit.id))

    assert brahim.notice.text.startswith("[fr] ⏰ We still need your answer.")
    assert not first.is_open
    await brahim.taps_notice("accept")
    assert (await visit_now(scene, visit)).day == date(2026, 11, 24)


async def test_a_person_can_be_asked_for(visit: Appointment, brahim: Person) -> None:
    await brahim.taps_notice("!person")

    assert brahim.flow == "person"


async def test_a_message_shown_when_its_time_has_gone_offers_no_such_time(
    scene: Scene, visit: Appointment, brahim: Person, amina: Person
) -> None:
    """Somebody long silent taps "Show it" under a WhatsApp template."""
    scene.later(hours=25)
    await books(amina, date(2026, 11, 24), time(16))
    turn = await scene.turn_for(brahim.contact_id)
    turn.draft = brahim.notice.draft

    prompt = await scene.routes.flows["visit_displaced"].first().ask(turn)

    assert "The time that we kept for you has been taken." in prompt.text
    assert [choice.id for choice in prompt.choices] == ["change", "cancel", "!person"]


async def test_a_stale_message_says_so(scene: Scene, visit: Appointment, brahim: Person) -> None:
    offer = brahim.notice
    await brahim.taps_notice("accept")
    turn = await scene.turn_for(brahim.contact_id)
    turn.draft = offer.draft
    step = scene.routes.flows["visit_displaced"].first()

    assert not await step.holds(turn)
    assert "Your visit has changed meanwhile." in (await step.ask(turn)).text
