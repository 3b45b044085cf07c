"""The evening's word to caseworkers about visits that nobody has noted."""

from datetime import date, time

from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import UnmarkedVisits
from tests.conversations.flows.staff.doings import TEN, books, marks
from tests.people import Person, Scene

TODAY = date(2026, 11, 23)


async def told(driss: Person, centre: str = "sale") -> None:
    draft = UnmarkedVisits(centre, TODAY)
    await driss.scene.pushes_out(
        Push(driss.contact_id, "unmarked_visits", draft, Purpose.STAFF, key=f"unmarked:{len(driss.notices)}")
    )


async def test_it_says_how_many_and_leads_to_that_days_agenda(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    await books(amina, TODAY, TEN)
    await books(brahim, TODAY, time(16))
    scene.later(hours=2)
    await told(driss)
    assert driss.notice.text.startswith("📋 Of 1 visit it is not noted how it went.")

    scene.later(days=1)
    await driss.taps_notice("agenda")

    assert driss.flow == "agenda"
    assert driss.screen.startswith("Monday, 23 November 2026")


async def test_nobody_is_told_when_all_is_noted_or_of_another_centre(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "came")
    before = len(driss.notices)

    await told(driss)
    await told(driss, "fes")

    assert len(driss.notices) == before
