"""How was it? Once, some time after the visit, and a way to complain."""

from datetime import UTC, date, datetime

import pytest

from conversations.care.appointments import Appointment
from conversations.engine.outbound import Purpose
from tests.conversations.flows.staff.doings import TEN, books, marks, visit_now
from tests.people import Person, Scene

TODAY = date(2026, 11, 23)
ASKED_AT = datetime(2026, 11, 23, 13, tzinfo=UTC)


@pytest.fixture
async def visit(scene: Scene, brahim: Person, driss: Person) -> Appointment:
    """Brahim came, and that is noted at eleven."""
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "came")
    return visit


async def test_it_is_asked_two_hours_after_the_mark(scene: Scene, visit: Appointment, brahim: Person) -> None:
    before = len(brahim.notices)
    await scene.goes_on_until(ASKED_AT)
    assert len(brahim.notices) == before

    await scene.goes_on_until(ASKED_AT.replace(minute=1))

    assert (brahim.notice.flow, brahim.notice.purpose) == ("feedback", Purpose.FEEDBACK)
    assert brahim.notice.text == "[fr] 👋 How was it on lundi 23 novembre 2026?"
    assert brahim.notice.ids == ["good", "so_so", "bad"]


@pytest.mark.parametrize(("tap", "grade"), [("good", 3), ("so_so", 2), ("bad", 1)])
async def test_one_tap_is_kept_with_the_visit(
    scene: Scene, visit: Appointment, brahim: Person, tap: str, grade: int
) -> None:
    await scene.goes_on_until(ASKED_AT.replace(minute=1))

    await brahim.taps_notice(tap)

    assert (await visit_now(scene, visit)).feedback == grade
    assert "Thank you" in brahim.screen


async def test_it_is_asked_once_a_visit(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await scene.goes_on_until(ASKED_AT.replace(minute=1))
    await brahim.taps_notice("good")
    for said in ("missed", "late", "came"):
        await marks(driss, visit, said)
    await scene.goes_on_until(datetime(2026, 11, 25, tzinfo=UTC))

    assert [notice.flow for notice in brahim.notices].count("feedback") == 1


async def test_who_stopped_our_questions_is_not_asked(
    scene: Scene, visit: Appointment, brahim: Person
) -> None:
    await brahim.says("STOP")
    await scene.goes_on_until(datetime(2026, 11, 24, tzinfo=UTC))

    assert "feedback" not in [notice.flow for notice in brahim.notices]


async def test_who_did_not_come_is_not_asked(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "came")
    await marks(driss, visit, "missed")

    await scene.goes_on_until(datetime(2026, 11, 24, tzinfo=UTC))

    assert "feedback" not in [notice.flow for notice in brahim.notices]


async def test_who_was_not_well_received_can_complain_about_that_centre(
    scene: Scene, visit: Appointment, brahim: Person
) -> None:
    await scene.goes_on_until(ASKED_AT.replace(minute=1))

    await brahim.taps_notice("bad")
    assert brahim.ids[:2] == ["complain", "no"]
    await brahim.taps("complain", "named")
    await brahim.says("Nobody let me in.")

    (complaint,) = await scene.desk.complaints.open()
    assert (complaint.centre_slug, complaint.text) == ("sale", "Nobody let me in.")


async def test_nobody_has_to_complain(scene: Scene, visit: Appointment, brahim: Person) -> None:
    await scene.goes_on_until(ASKED_AT.replace(minute=1))

    await brahim.taps_notice("bad")
    await brahim.taps("no")

    assert "Thank you for saying it." in brahim.screen
    assert not await scene.desk.complaints.open()
