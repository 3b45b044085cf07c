"""Reminders come at their time, say what is so, and go with the visit."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Appointment
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitEvent, VisitNews
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from tests.conversations.flows.staff.doings import TEN, THURSDAY, books, cancels, moves
from tests.people import Person, ReceivedNotice

# A Thursday ten days ahead, so that all four reminders are planned.
DAY = date(2026, 12, 3)
DUE = {
    ReminderStep.WEEK_BEFORE: datetime(2026, 11, 26, 10, tzinfo=UTC),
    ReminderStep.THREE_DAYS_BEFORE: datetime(2026, 11, 30, 10, tzinfo=UTC),
    ReminderStep.DAY_BEFORE: datetime(2026, 12, 2, 18, tzinfo=UTC),
    ReminderStep.TWO_HOURS_BEFORE: datetime(2026, 12, 3, 8, tzinfo=UTC),
}


@pytest.fixture
async def visit(driss: Person, brahim: Person) -> Appointment:
    return await books(brahim, DAY, TEN)


async def reminded(brahim: Person, step: ReminderStep) -> ReceivedNotice:
    await brahim.scene.goes_on_until(DUE[step])
    assert brahim.notice.draft.step == step
    return brahim.notice


async def test_four_reminders_come_at_their_time(visit: Appointment, brahim: Person) -> None:
    await brahim.scene.goes_on_until(datetime(2026, 12, 4, tzinfo=UTC))

    assert [notice.draft.step for notice in brahim.notices] == list(ReminderStep)


async def test_no_two_say_the_same(visit: Appointment, brahim: Person) -> None:
    await brahim.scene.goes_on_until(datetime(2026, 12, 4, tzinfo=UTC))

    assert len({notice.text for notice in brahim.notices}) == 4


@pytest.mark.parametrize("step", list(ReminderStep))
async def test_each_says_day_time_and_centre_and_nothing_of_it_on_the_first_line(
    visit: Appointment, brahim: Person, step: ReminderStep
) -> None:
    notice = await reminded(brahim, step)

    first, *rest = notice.text.splitlines()
    assert {"jeudi 3 décembre 2026", "10:00", "[fr] Centre: Salé"} <= set(rest)
    assert "entre" not in first
    assert "[fr] ⏳ The centre will confirm the time." in rest
    assert notice.ids == ["coming", "change", "cancel"]


async def test_three_days_before_it_asks_for_a_plan(visit: Appointment, brahim: Person) -> None:
    notice = await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)

    assert "How will you get there, and when will you leave?" in notice.text


async def test_on_the_eve_it_says_what_is_ready(visit: Appointment, brahim: Person) -> None:
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert "A place is kept for you at this hour." in notice.text
    assert visit.code in notice.text
    assert "carte nationale" in notice.text


@pytest.mark.parametrize(
    ("address", "said"), [("12, rue de la Gare", "12, rue de la Gare"), (None, "We don't have the address")]
)
async def test_two_hours_before_it_shows_the_way_as_far_as_it_is_known(
    visit: Appointment, brahim: Person, address: str | None, said: str
) -> None:
    await brahim.scene.desk.centres.set_address("sale", address)
    notice = await reminded(brahim, ReminderStep.TWO_HOURS_BEFORE)

    assert notice.text.startswith("[fr] ⏰ Today at 10:00")
    assert said in notice.text


async def test_a_confirmed_visit_goes_on_being_reminded_and_waits_for_no_word(
    visit: Appointment, brahim: Person, driss: Person
) -> None:
    await driss.taps_notice("confirm")
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert "will confirm" not in notice.text


async def test_coming_is_noted_and_heard_at_the_centre(
    visit: Appointment, brahim: Person, driss: Person
) -> None:
    await reminded(brahim, ReminderStep.DAY_BEFORE)
    await brahim.taps_notice("coming")

    assert brahim.scene.desk.appointments.rows[visit.id].coming
    assert driss.notice.draft.event is VisitEvent.COMING
    assert "The centre knows that you are coming" in brahim.screen
    assert brahim.last.in_place

    notice = await reminded(brahim, ReminderStep.TWO_HOURS_BEFORE)
    assert "coming" not in notice.ids


async def test_change_leads_to_the_days_and_the_reminder_is_spent(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("change")
    assert (brahim.flow, brahim.step) == ("my_visits", "day")

    await brahim.taps("2026-12-04", "1000", "yes")

    assert brahim.scene.desk.appointments.rows[visit.id].day == date(2026, 12, 4)


async def test_cancel_asks_once_more(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("cancel")
    assert (brahim.flow, brahim.step) == ("my_visits", "cancel")

    await brahim.taps("yes")

    assert not brahim.scene.desk.appointments.rows[visit.id].is_live


async def test_what_the_person_was_doing_goes_on_after_a_change(visit: Appointment, brahim: Person) -> None:
    await brahim.scene.goes_on_until(DUE[ReminderStep.THREE_DAYS_BEFORE])
    await brahim.starts()
    await brahim.taps("services", "self", "job")
    await brahim.taps_notice("change")
    await brahim.taps("2026-12-04", "1000", "yes")

    assert (brahim.flow, brahim.step) == ("services", "question")
    assert brahim.draft["need"] == "job"
    assert "request for a new time" in brahim.screen


async def test_a_cancelled_visit_reminds_nobody(visit: Appointment, brahim: Person) -> None:
    await cancels(brahim, visit)
    await brahim.scene.goes_on_until(datetime(2026, 12, 4, tzinfo=UTC))

    assert brahim.notices == []


async def test_a_moved_visit_reminds_of_its_new_time_only(visit: Appointment, brahim: Person) -> None:
    await moves(brahim, visit, THURSDAY, time(11))
    await brahim.scene.goes_on_until(datetime(2026, 12, 4, tzinfo=UTC))

    assert [notice.draft.step for notice in brahim.notices] == ["t-3d", "t-1d", "t-2h"]
    assert all("11:00" in notice.text for notice in brahim.notices)


async def test_a_reminder_of_an_earlier_version_says_nothing(visit: Appointment, brahim: Person) -> None:
    news = VisitNews(visit.id, visit.version + 1, step=ReminderStep.DAY_BEFORE)
    brahim.scene.clock.moves_to(DUE[ReminderStep.DAY_BEFORE])
    push = Push(brahim.contact_id, "reminder", news, Purpose.REMINDER, "stale")
    await brahim.scene.pushes_out(push)
    assert brahim.notices == []

    fresh = replace(push, draft=replace(news, version=visit.version), key="fresh")
    await brahim.scene.pushes_out(fresh)
    assert len(brahim.notices) == 1


async def test_a_reminder_that_comes_too_late_says_nothing(visit: Appointment, brahim: Person) -> None:
    """The service was down: half an hour before, nobody sets out."""
    brahim.scene.clock.moves_to(DUE[ReminderStep.TWO_HOURS_BEFORE] + timedelta(minutes=91))
    await brahim.scene.goes_on_until(brahim.scene.now)

    assert brahim.notices == []


async def test_a_button_of_a_visit_cancelled_since_says_so(visit: Appointment, brahim: Person) -> None:
    """A colleague cancelled on the telephone; the message still stands in the chat."""
    notice = await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.scene.desk.appointments.cancel(visit.id, now=brahim.scene.now)
    await brahim.taps_notice("coming", notice)

    assert "This visit was cancelled or is over." in brahim.screen


async def test_a_spent_reminder_changes_nothing(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("change")
    await brahim.taps_notice("coming")

    assert not brahim.scene.desk.appointments.rows[visit.id].coming
    assert brahim.screen.startswith("[fr] That button was from an older message.")


async def test_an_answer_can_be_typed_in_any_language(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.says("١")

    assert brahim.scene.desk.appointments.rows[visit.id].coming


async def test_the_reminder_speaks_the_language_chosen_meanwhile(visit: Appointment, brahim: Person) -> None:
    await brahim.says("langue")
    await brahim.taps("en")
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert "Thursday, 3 December 2026" in notice.text.splitlines()


async def test_silence_and_stop_leave_reminders_as_they_are(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.says("stop")
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert notice.is_open
