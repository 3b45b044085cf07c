"""Marking from the agenda how visits went, putting it right, and what follows from it."""

from datetime import date, datetime, time, timedelta

import pytest

from conversations.care.appointments import AppointmentStatus, EndedBy
from conversations.care.tasks import TaskKind
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    TEN,
    books,
    cancels,
    hears_what_is_due,
    marks,
    moves,
    visit_now,
)
from tests.people import MONDAY, Person, Scene

TODAY = date(2026, 11, 23)
MARKS = ["came", "late", "missed", "called_off", "moved"]


async def test_a_visit_whose_time_has_come_is_marked_with_one_tap(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(minutes=44)
    await driss.commands("today")
    await driss.taps(str(visit.id))
    assert "came" not in driss.ids, "sixteen minutes before it"

    scene.later(minutes=1)
    await driss.commands("today")
    await driss.taps(str(visit.id))
    assert driss.ids[:5] == MARKS
    await driss.taps("came")

    assert driss.screen.startswith(f"Noted: visit {visit.code}.")
    assert f"10:00 · {visit.code} · 🩺 Health · ✅ came" in driss.screen
    assert (await visit_now(scene, visit)).status is AppointmentStatus.ATTENDED


@pytest.mark.parametrize(
    ("said", "status", "by"),
    [
        ("late", AppointmentStatus.LATE, None),
        ("missed", AppointmentStatus.MISSED, None),
        ("called_off", AppointmentStatus.CANCELLED, EndedBy.CENTRE),
    ],
)
async def test_each_mark_is_kept(
    scene: Scene, brahim: Person, driss: Person, said: str, status: AppointmentStatus, by: EndedBy | None
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)

    await marks(driss, visit, said)

    kept = await visit_now(scene, visit)
    assert (kept.status, kept.ended_by) == (status, by)


async def test_what_nobody_has_noted_shows_in_the_agenda(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    await driss.commands("today")
    assert "not noted" not in driss.screen

    scene.later(hours=2)
    await driss.commands("today")
    assert "❔ not noted" in driss.screen

    await marks(driss, visit, "came")
    assert "not noted" not in driss.screen


async def test_days_that_are_over_can_be_looked_at_for_two_weeks(scene: Scene, driss: Person) -> None:
    await driss.commands("today")
    assert "day_after" not in driss.ids
    for _ in range(14):
        await driss.taps("day_before")

    assert driss.screen.startswith("Monday, 9 November 2026")
    assert "day_before" not in driss.ids
    await driss.taps("day_after")
    assert driss.screen.startswith("Tuesday, 10 November 2026")


async def test_a_mark_is_put_right_days_later(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "missed")
    scene.later(days=14)

    await marks(driss, visit, "came", on=TODAY)

    assert "✅ came" in driss.screen
    assert (await visit_now(scene, visit)).status is AppointmentStatus.ATTENDED


async def test_after_two_weeks_nothing_can_be_marked(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(days=14)
    await driss.commands("today")
    for _ in range(14):
        await driss.taps("day_before")
    await driss.taps(str(visit.id))
    scene.later(days=1)

    # The button is as old as the message, and the session ended in the night.
    await driss.taps_old(driss.prompt_ref, "came")

    assert (await visit_now(scene, visit)).is_live


async def test_a_miss_that_is_put_right_before_it_was_said_is_never_said(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    """Marked in the evening, put right at once: in the morning Brahim hears of no miss."""
    visit = await books(brahim, TODAY, TEN)
    scene.clock.moves_to(datetime(2026, 11, 23, 21, 30, tzinfo=MONDAY.tzinfo))
    told = len(brahim.notices)
    await marks(driss, visit, "missed")
    await marks(driss, visit, "came")

    await scene.goes_on_until(datetime(2026, 11, 24, 8, 30, tzinfo=MONDAY.tzinfo))
    assert len(brahim.notices) == told

    await scene.goes_on_until(datetime(2026, 11, 24, 9, 30, tzinfo=MONDAY.tzinfo))
    assert brahim.notice.flow == "feedback"


async def test_to_and_fro_nobody_hears_the_same_twice(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    for said in ("missed", "came", "missed", "late", "missed"):
        await marks(driss, visit, said)
        await hears_what_is_due(scene)
    await scene.goes_on_until(MONDAY + timedelta(days=3))

    assert [notice.flow for notice in brahim.notices].count("missed_visit") == 1


async def test_who_saw_another_state_marks_nothing(
    scene: Scene, brahim: Person, driss: Person, hind: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await driss.commands("today")
    await driss.taps(str(visit.id))
    await marks(hind, visit, "came")

    await driss.taps("missed")

    assert f"Visit {visit.code} has changed meanwhile." in driss.screen
    assert (await visit_now(scene, visit)).status is AppointmentStatus.ATTENDED


async def test_a_visit_moved_or_cancelled_while_its_card_is_read_is_not_marked(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    """Ten minutes before it, while Driss reads the card."""
    visit = await books(brahim, TODAY, TEN)
    scene.later(minutes=50)
    await driss.commands("today")
    await driss.taps(str(visit.id))
    await moves(brahim, visit, date(2026, 11, 26))
    await driss.taps("missed")
    assert "has changed meanwhile" in driss.screen

    await cancels(brahim, visit)
    assert (await visit_now(scene, visit)).ended_by is EndedBy.PERSON


async def test_another_centres_visit_is_nobodys_to_mark(scene: Scene, brahim: Person, driss: Person) -> None:
    visit = await books(brahim, TODAY, TEN)
    other = scene.caseworker("Samir", centre_slug="fes")
    scene.later(hours=2)

    await other.commands("today")

    assert str(visit.id) not in other.ids


async def test_the_visits_of_who_is_forgotten_are_no_longer_listed(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "came")
    await scene.desk.contacts.erase(brahim.contact_id, at=scene.now)

    await driss.commands("today")

    assert visit.code not in driss.screen


async def test_moved_leads_to_a_time_agreed_with_the_person(
    scene: Scene, brahim: Person, driss: Person, hind: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await driss.commands("today")
    await driss.taps(str(visit.id), "moved")
    assert driss.flow == "propose"
    await driss.taps("2026-11-26", "1100")
    assert "Move it to this time?" in driss.screen
    await driss.taps("send")

    moved = await visit_now(scene, visit)
    assert (moved.day, moved.at, moved.status) == (date(2026, 11, 26), ELEVEN, AppointmentStatus.CONFIRMED)
    assert driss.screen.startswith(f"Moved: visit {visit.code}.")
    assert brahim.notice.flow == "visit_confirmed"
    assert "26 novembre" in brahim.notice.text
    assert hind.notice.text.startswith("🔄 A visit was moved to this time.")
    steps = [due.step for due in scene.desk.schedule.due if due.subject == f"visit:{visit.id}"]
    assert steps == ["t-1d", "t-2h"]


async def test_a_missed_visit_can_still_be_moved_and_then_is_no_miss(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await marks(driss, visit, "missed")
    await hears_what_is_due(scene)
    told = brahim.notice
    await driss.commands("today")
    await driss.taps(str(visit.id), "moved", "2026-11-26", "1100", "send")

    assert (await visit_now(scene, visit)).is_live
    assert not told.is_open
    assert await scene.desk.appointments.missed_in_a_row(brahim.contact_id) == []


async def test_a_time_taken_while_it_is_agreed_on_is_chosen_anew(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2)
    await driss.commands("today")
    await driss.taps(str(visit.id), "moved", "2026-11-26", "1100")
    await books(amina, date(2026, 11, 26), ELEVEN)

    await driss.taps("send")

    assert driss.screen.startswith("That time has just been taken.")
    assert (await visit_now(scene, visit)).day == TODAY


async def test_a_second_miss_in_a_row_asks_for_a_call_once(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    first, second = await books(brahim, TODAY, TEN), await books(brahim, date(2026, 11, 24), TEN)
    scene.later(hours=2)
    await marks(driss, first, "missed")
    assert not scene.desk.tasks.rows
    scene.later(days=1)

    for said in ("missed", "came", "missed"):
        await marks(driss, second, said)

    (task,) = scene.desk.tasks.rows.values()
    assert (task.contact_id, task.kind) == (brahim.contact_id, TaskKind.MISSED_VISITS)
    assert driss.notice.text.startswith("☎️ Somebody could not be at two visits. Please call: it may help.")

    third = await books(brahim, date(2026, 11, 25), TEN)
    scene.later(days=1)
    await marks(driss, third, "missed")
    assert len(scene.desk.tasks.rows) == 1


@pytest.mark.parametrize("between", ["came", "late", "called_off"])
async def test_who_came_in_between_is_not_called(
    scene: Scene, brahim: Person, driss: Person, between: str
) -> None:
    days = [date(2026, 11, day) for day in (23, 24, 25)]
    said = {days[0]: "missed", days[1]: between, days[2]: "missed"}
    booked = [await books(brahim, day, time(10)) for day in days]
    for visit in booked:
        scene.clock.moves_to(datetime.combine(visit.day, time(11), MONDAY.tzinfo))
        await marks(driss, visit, said[visit.day])

    # What the centre cancelled is no visit at all: the misses before and after it stand side by side.
    assert len(scene.desk.tasks.rows) == (1 if between == "called_off" else 0)


async def test_who_can_not_be_reached_is_known_not_to_know(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.desk.contacts.unreachable.add(brahim.contact_id)
    scene.later(hours=2)

    await marks(driss, visit, "called_off")

    assert "can't be reached here at the moment and does not know." in driss.screen


async def test_a_code_for_a_new_phone_is_given_while_the_person_is_there(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, TODAY, TEN)
    scene.later(minutes=65)
    await driss.commands("today")
    await driss.taps(str(visit.id), "new_phone")
    assert f"🔗 Code for the person of visit {visit.code}:" in driss.screen

    scene.later(days=1)
    await driss.commands("today")
    await driss.taps("day_before", str(visit.id))
    assert "new_phone" not in driss.ids
