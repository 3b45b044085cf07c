"""Reminders come at their time, say what is so, and go with the visit."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Appointment, Need
from conversations.care.centres import Point
from conversations.care.hours import Length, VisitKind, VisitRules, WeeklyHours
from conversations.care.life_projects import Question
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitEvent, VisitNews
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from tests.conversations.flows.staff.doings import TEN, THURSDAY, books, cancels, moves, sets_hours
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
    assert notice.ids[-2:] == ["change", "cancel"]
    assert ("coming" in notice.ids) == (step is not ReminderStep.THREE_DAYS_BEFORE)


async def test_three_days_before_it_asks_for_a_plan(visit: Appointment, brahim: Person) -> None:
    notice = await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    assert "How will you get there?" in notice.text
    assert notice.ids == ["foot", "bus", "taxi", "lift", "change", "cancel"]

    await brahim.taps_notice("bus")
    assert "When will you leave? Your visit is at 10:00." in brahim.screen
    assert brahim.buttons[:3] == ["08:00", "08:30", "09:00"]

    await brahim.taps("0830")
    assert "Good plan: [fr] by bus, leaving at 08:30." in brahim.screen
    assert brahim.scene.desk.appointments.rows[visit.id].plan == "bus 0830"


@pytest.mark.parametrize("way", ["foot", "taxi", "lift"])
async def test_who_walks_or_rides_leaves_later(visit: Appointment, brahim: Person, way: str) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice(way)

    assert brahim.buttons[:3] == ["08:30", "09:00", "09:30"]


@pytest.mark.parametrize("step", [ReminderStep.DAY_BEFORE, ReminderStep.TWO_HOURS_BEFORE])
async def test_the_plan_is_read_back(visit: Appointment, brahim: Person, step: ReminderStep) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("bus")
    await brahim.taps("0800")

    assert "You said: [fr] by bus, leaving at 08:00." in (await reminded(brahim, step)).text


async def test_the_way_alone_is_read_back_too(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("foot")

    assert "You said: [fr] on foot." in (await reminded(brahim, ReminderStep.DAY_BEFORE)).text


async def test_a_plan_goes_with_the_time_it_was_made_for(visit: Appointment, brahim: Person) -> None:
    """The visit is moved while the hours are on the screen."""
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("bus")
    await moves(brahim, visit, date(2026, 12, 4), time(11))
    await brahim.taps("0830")

    assert "Your visit has another time now." in brahim.screen
    assert brahim.scene.desk.appointments.rows[visit.id].plan is None


async def test_back_leads_from_the_hours_to_the_ways(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("bus")
    await brahim.taps("!back", "foot", "0900")

    assert brahim.scene.desk.appointments.rows[visit.id].plan == "foot 0900"


async def test_an_hour_of_the_first_answer_is_not_taken_for_another_way(
    visit: Appointment, brahim: Person
) -> None:
    """From a second phone the way was changed while the hours stood on the screen."""
    await reminded(brahim, ReminderStep.THREE_DAYS_BEFORE)
    await brahim.taps_notice("bus")
    await brahim.scene.desk.appointments.set_plan(visit.id, "foot")
    await brahim.taps("0800")

    assert "Choose once more." in brahim.screen
    assert brahim.scene.desk.appointments.rows[visit.id].plan == "foot"


async def test_a_request_is_kept_but_nobody_is_said_to_expect_them(
    visit: Appointment, brahim: Person
) -> None:
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert "This hour is kept for you alone." in notice.text
    assert "expect" not in notice.text
    assert visit.code in notice.text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([None], "The team expects you."),
        (["Driss"], "Driss expects you."),
        (["Driss", "Hind"], "Driss[fr]  and Hind expect you."),
        (["Driss", None], "Driss expects you."),
        (["Driss", "Hind", "Saïd"], "The team expects you."),
    ],
)
async def test_on_the_eve_it_says_who_expects_them_and_for_what(
    brahim: Person, names: list[str | None], said: str
) -> None:
    scene = brahim.scene
    await sets_hours(scene, "mon-fri 09:00-16:00")
    for name in names:
        caseworker = scene.caseworker(name or "nameless", centre_slug="sale")
        await scene.desk.contacts.set_name(caseworker.contact_id, name)
    elsewhere = scene.caseworker("Rachid", centre_slug="safi")
    await scene.desk.contacts.set_name(elsewhere.contact_id, "Rachid")
    await books(brahim, DAY, TEN, need=Need.JOB)
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)

    assert said in notice.text
    assert "For: [fr] 🧰 Work" in notice.text


async def test_what_is_ready_is_said_only_when_it_is(visit: Appointment, brahim: Person) -> None:
    projects = brahim.scene.desk.life_projects
    await projects.answer(brahim.contact_id, Question.IDEA, "un four", now=brahim.scene.now)
    eve = await reminded(brahim, ReminderStep.DAY_BEFORE)
    assert "your project" not in eve.text

    await projects.attach(brahim.contact_id, visit.id)
    await brahim.scene.pushes_out(replace(brahim.scene.pushes[-1], key="again"))
    assert "They have your project" in brahim.notice.text


async def test_a_telephone_visit_asks_for_no_way_and_sends_no_map(brahim: Person, driss: Person) -> None:
    hours = WeeklyHours.parse("mon-fri 09:00-16:00")
    await brahim.scene.desk.centres.set_rules("sale", VisitRules(hours, phone=Length(30)))
    await brahim.scene.desk.centres.set_point("sale", Point(34.0, -6.8))
    await books(brahim, DAY, TEN, kind=VisitKind.PHONE)
    for step in ReminderStep:
        notice = await reminded(brahim, step)

        assert "The centre in Salé calls you." in notice.text
        assert notice.ids == ["answering", "change", "cancel"]
        assert "Address" not in notice.text
        assert "Say it at the door" not in notice.text
    assert brahim.venues == []


async def test_two_hours_before_the_place_comes_as_a_pin(visit: Appointment, brahim: Person) -> None:
    await brahim.scene.desk.centres.set_point("sale", Point(34.0, -6.8))
    await brahim.scene.desk.centres.set_landmark("sale", "devant la grande mosquée")
    await reminded(brahim, ReminderStep.DAY_BEFORE)
    assert brahim.venues == []

    notice = await reminded(brahim, ReminderStep.TWO_HOURS_BEFORE)

    assert "Landmark: devant la grande mosquée" in notice.text
    assert "carte nationale" in notice.text
    assert [(venue.latitude, venue.longitude) for venue in brahim.venues] == [(34.0, -6.8)]


async def test_without_a_point_there_is_no_pin(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.TWO_HOURS_BEFORE)

    assert brahim.venues == []


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
    notice = await reminded(brahim, ReminderStep.DAY_BEFORE)
    await brahim.scene.desk.appointments.cancel(visit.id, now=brahim.scene.now)
    await brahim.taps_notice("coming", notice)

    assert "This visit was cancelled or is over." in brahim.screen


async def test_a_spent_reminder_changes_nothing(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.DAY_BEFORE)
    await brahim.taps_notice("change")
    await brahim.taps_notice("coming")

    assert not brahim.scene.desk.appointments.rows[visit.id].coming
    assert brahim.screen.startswith("[fr] That button was from an older message.")


async def test_an_answer_can_be_typed_in_any_language(visit: Appointment, brahim: Person) -> None:
    await reminded(brahim, ReminderStep.DAY_BEFORE)
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
