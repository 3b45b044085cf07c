"""A centre closes a day or hours of it, and everybody touched is asked."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from conversations.care import visits
from conversations.care.appointments import Appointment, Need
from conversations.care.closures import ClosureReason
from conversations.care.holds import HoldPurpose
from conversations.care.hours import HoursPeriod, Length, Opening, PeriodKind, VisitKind, WeeklyHours
from conversations.care.tasks import TaskKind
from conversations.engine.outbound import Purpose
from conversations.flows.displaced_visits import move_touched
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    TEN,
    THURSDAY,
    WEDNESDAY,
    books,
    cancels,
    marks,
    moves,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene

HALF_PAST_TWELVE = time(12, 30)
MONDAY_DAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
# The end of Tuesday is nearer to Wednesday at ten than the beginning of Thursday.
NEAREST = (TUESDAY, time(16))


@pytest.fixture
async def hours(scene: Scene) -> None:
    """Salé has hours of its own, so that what is booked is confirmed at once."""
    await sets_hours(scene, "mon-fri 08:30-12:00 12:30-16:30")


async def closes(staff: Person, day: date, hours: str = "day", reason: str = "meeting") -> None:
    """Close the staff's own centre with buttons, hours typed."""
    await staff.commands("close")
    await staff.says(day.strftime("%d/%m/%Y"))
    if hours == "day":
        await staff.taps("day")
    else:
        await staff.says(hours)
    await staff.taps(reason, "yes")


def kept(scene: Scene, visit: Appointment) -> list[tuple[date, time]]:
    return [
        (hold.day, hold.at)
        for hold in scene.desk.holds.rows
        if hold.purpose is HoldPurpose.MOVED and hold.appointment_id == visit.id
    ]


async def closed_on(scene: Scene, day: date) -> tuple[bool, tuple[Opening, ...], ClosureReason | None]:
    found = await scene.desk.closures.between("sale", day, day)
    return (found[0].closed, found[0].hours, found[0].reason) if found else (False, (), None)


# What is closed


async def test_a_day_is_closed_with_its_reason(scene: Scene, driss: Person) -> None:
    await driss.commands("close")
    assert (driss.flow, driss.step) == ("close", "day")

    await driss.taps(THURSDAY.isoformat(), "day", "illness")
    assert "Nobody has a visit then." in driss.screen
    await driss.taps("yes")

    assert await closed_on(scene, THURSDAY) == (True, (), ClosureReason.ILLNESS)
    assert (driss.flow, driss.step) == ("centre_details", "closed_days")
    assert driss.screen.startswith("🔒 Closed.")
    assert "🔒 Thursday, 26 November 2026 · 🤒 Illness" in driss.screen


@pytest.mark.parametrize("typed", ["26/11", "26-11-2026", "26.11.26", "٢٦/١١", "2026-11-26", " 26 / 11 "])
async def test_the_day_can_be_typed(driss: Person, typed: str) -> None:
    await driss.commands("close")

    await driss.says(typed)

    assert (driss.step, driss.draft["day"]) == ("hours", "2026-11-26")


async def test_a_month_that_is_over_is_next_years(driss: Person) -> None:
    await driss.commands("close")

    await driss.says("5/2")

    assert driss.draft["day"] == "2027-02-05"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("22/11", "That day has passed."),
        ("26/11/2025", "That day has passed."),
        ("26/11/2028", "That is more than a year ahead."),
        ("28/11", "The centre receives nobody on that day of the week anyway."),
        ("31/02", "That is no day. Write it as day/month, such as 26/11."),
        ("bientôt", "That is no day. Write it as day/month, such as 26/11."),
    ],
)
async def test_a_day_that_can_t_be_closed_gets_its_sentence(driss: Person, typed: str, said: str) -> None:
    await driss.commands("close")

    await driss.says(typed)

    assert driss.screen.startswith(said)
    assert driss.step == "day"


@pytest.mark.parametrize(
    "typed", ["10-12", "10:00-12:00", "10h-12h", "de 10h à 12h", "١٠-١٢", "من 10 حتى 12"]
)
async def test_hours_can_be_typed(scene: Scene, driss: Person, typed: str) -> None:
    await closes(driss, THURSDAY, typed, "works")

    assert await closed_on(scene, THURSDAY) == (False, (Opening(TEN, time(12)),), None)
    reasons = await scene.desk.closures.hours_reasons("sale", THURSDAY)
    assert reasons == {Opening(TEN, time(12)): ClosureReason.WORKS}
    assert "🕐 Thursday, 26 November 2026 · 10:00–12:00" in driss.screen


async def test_morning_and_afternoon_are_buttons_as_the_day_has_them(scene: Scene, driss: Person) -> None:
    await driss.commands("close")
    await driss.taps(THURSDAY.isoformat())
    assert driss.buttons[:3] == ["🔒 The whole day", "08:30–12:00", "12:30–16:30"]

    await driss.taps("12:30–16:30", "other", "yes")

    assert (await closed_on(scene, THURSDAY))[1] == (Opening(HALF_PAST_TWELVE, time(16, 30)),)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("12-10", "These hours end before they begin. Afternoons are 13-16."),
        ("18-20", "The centre is not open at those hours anyway."),
        ("10-25", "Please write from when until when, such as 10-12."),
        ("le matin", "Please write from when until when, such as 10-12."),
        ("9-10 11-12", "Please write one stretch of hours, such as 10-12."),
    ],
)
async def test_hours_that_can_t_be_closed_get_their_sentence(driss: Person, typed: str, said: str) -> None:
    await driss.commands("close")
    await driss.taps(THURSDAY.isoformat())

    await driss.says(typed)

    assert driss.screen.startswith(said)
    assert driss.step == "hours"


async def test_hours_of_today_that_have_passed_get_their_sentence(scene: Scene, driss: Person) -> None:
    scene.later(hours=3)
    await driss.commands("close")
    await driss.says("23/11")

    await driss.says("8:30-11")

    assert driss.screen.startswith("Those hours have passed.")


async def test_what_is_closed_already_gets_its_sentence(driss: Person) -> None:
    await closes(driss, THURSDAY)
    await driss.commands("close")
    assert THURSDAY.isoformat() not in driss.ids
    await driss.says("26/11")
    assert driss.screen.startswith("That day is closed already.")

    await closes(driss, WEDNESDAY, "10-12")
    await driss.commands("close")
    await driss.says("25/11", "10:30-11")

    assert driss.screen.startswith("Those hours are closed already.")


async def test_a_colleague_who_was_faster_is_seen_at_the_tap(driss: Person, hind: Person) -> None:
    await driss.commands("close")
    await driss.taps(THURSDAY.isoformat(), "day", "meeting")
    await closes(hind, THURSDAY)

    await driss.taps("yes")

    assert (driss.flow, driss.step) == ("close", "day")
    assert driss.screen.startswith("That day is closed already.")


async def test_a_manager_chooses_the_centre(scene: Scene, karim: Person) -> None:
    await karim.commands("close")
    assert karim.step == "centre"
    while "sale" not in karim.ids:
        await karim.taps("later")

    await karim.taps("sale", THURSDAY.isoformat(), "day", "holiday", "yes")

    assert await closed_on(scene, THURSDAY) == (True, (), ClosureReason.HOLIDAY)
    assert "visits" not in karim.ids


async def test_others_close_nothing(scene: Scene, amina: Person) -> None:
    await amina.commands("close")
    lost = scene.caseworker("Lost", centre_slug=None)
    await lost.commands("close")

    assert amina.flow != "close"
    assert lost.screen.startswith("This centre is not yours to look after.")


# Who is touched


async def test_the_check_says_how_many_visits_are_touched(
    hours: None, amina: Person, brahim: Person, driss: Person
) -> None:
    await books(amina, WEDNESDAY, TEN)
    await books(brahim, WEDNESDAY, HALF_PAST_TWELVE)
    await driss.commands("close")

    await driss.taps(WEDNESDAY.isoformat())
    await driss.says("8:30-10:30")
    await driss.taps("works")
    assert "⚠️ 1 visit is booked then." in driss.screen
    await driss.taps("other_day", WEDNESDAY.isoformat(), "day", "works")

    assert "⚠️ 2 visits are booked then." in driss.screen


async def test_who_has_a_visit_then_is_told_and_gets_the_nearest_time_kept(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    amina.notices.clear()

    await closes(driss, WEDNESDAY, reason="meeting")

    now = await visit_now(scene, visit)
    assert now.displaced_at == scene.now
    assert now.version == visit.version + 1
    assert kept(scene, visit) == [NEAREST]
    assert [line.removeprefix("[ar] ") for line in amina.notice.text.splitlines()] == [
        "🔄 Your time has to change.",
        "",
        "Until now:",
        *_shown(scene, WEDNESDAY, TEN),
        "The centre is closed then: the staff have a meeting.",
        "",
        "This time is kept for you:",
        *_shown(scene, *NEAREST),
    ]
    assert amina.notice.ids == ["accept", "change", "cancel", "!person"]
    assert amina.notice.purpose is Purpose.VISIT
    assert driss.screen.startswith("🔒 Closed.\n1 person has been told.")


def _shown(scene: Scene, day: date, at: time) -> list[str]:
    return [scene.texts["ar"].format_day(day), scene.texts["ar"].format_time(at)]


async def test_one_tap_takes_the_time(hours: None, scene: Scene, amina: Person, driss: Person) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)

    await amina.taps_notice("accept")

    now = await visit_now(scene, visit)
    assert (now.day, now.at, now.displaced_at, now.status) == (*NEAREST, None, "confirmed")
    assert "✅ Your visit is moved." in amina.screen
    assert kept(scene, visit) == []
    assert {due.version for due in scene.desk.schedule.due if due.subject == f"visit:{visit.id}"} == {
        now.version
    }
    assert driss.notice.text.startswith("🔄 A visit was moved to this time.")


async def test_a_request_is_moved_to_a_time_that_the_centre_offered(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """So it needs no other word of the centre's."""
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)

    await amina.taps_notice("accept")

    assert (await visit_now(scene, visit)).status == "confirmed"


async def test_nobody_is_reminded_to_come_to_a_closed_door(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    amina.notices.clear()
    await closes(driss, WEDNESDAY)

    await scene.goes_on_until(datetime(2026, 11, 25, 9, tzinfo=UTC))

    assert [notice.flow for notice in amina.notices] == ["visit_displaced"]
    assert not [due for due in scene.desk.schedule.due if due.subject == f"visit:{visit.id}"]


async def test_a_visit_by_telephone_is_moved_to_a_time_for_calls(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    centre = await scene.desk.centres.get("sale")
    await scene.desk.centres.set_rules("sale", replace(centre.rules, phone=Length(15)))
    turn = await scene.turn_for(amina.contact_id)
    visit = await visits.book(
        turn, centre_slug="sale", need=Need.JOB, day=WEDNESDAY, at=time(10, 15), kind=VisitKind.PHONE
    )

    await closes(driss, WEDNESDAY, "10-11")

    assert kept(scene, visit) == [(WEDNESDAY, time(9, 45))]
    (hold,) = [hold for hold in scene.desk.holds.rows if hold.appointment_id == visit.id]
    assert (hold.kind, hold.minutes) == (VisitKind.PHONE, 15)


async def test_two_people_never_get_the_same_time(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    first, second = await books(amina, WEDNESDAY, TEN), await books(brahim, WEDNESDAY, time(10, 30))

    await closes(driss, WEDNESDAY)

    assert kept(scene, first) == [NEAREST]
    assert kept(scene, second) == [(TUESDAY, time(15, 30))]


async def test_after_one_free_time_the_next_in_line_is_told_that_there_is_none(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    """The centre is open on Wednesdays and Thursdays for an hour, and nobody books two months ahead."""
    await sets_hours(scene, "wed-thu 10:00-11:00")
    centre = await scene.desk.centres.get("sale")
    await scene.desk.centres.set_rules("sale", replace(centre.rules, horizon_days=3))
    first, second = await books(amina, WEDNESDAY, TEN), await books(brahim, WEDNESDAY, time(10, 30))
    chama = scene.beneficiary("Chama")
    await books(chama, THURSDAY, TEN)

    await closes(driss, WEDNESDAY)

    assert kept(scene, first) == [(THURSDAY, time(10, 30))]
    assert kept(scene, second) == []
    assert "No other time is free yet." in brahim.notice.text
    assert brahim.notice.ids == ["change", "cancel", "!person"]
    (task,) = await scene.desk.tasks.open("sale")
    assert (task.kind, task.contact_id) == (TaskKind.DISPLACED, brahim.contact_id)
    assert "For 1 of them no other time is free: see your tasks." in driss.screen


async def test_who_can_t_be_reached_is_a_task_at_once(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    scene.desk.contacts.unreachable.add(amina.contact_id)

    await closes(driss, WEDNESDAY)

    (task,) = await scene.desk.tasks.open("sale")
    assert (task.kind, task.contact_id) == (TaskKind.UNREACHED, amina.contact_id)
    assert visit.code in task.text
    assert "📵 1 person can't be reached here: see your tasks." in driss.screen
    assert kept(scene, visit) == [NEAREST]
    await driss.taps("visits")
    assert f"{visit.code} · 📵 not reached" in driss.screen


async def test_what_is_kept_is_no_day_of_another_visit(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await books(amina, THURSDAY, time(14))
    await books(amina, TUESDAY, TEN)

    await closes(driss, WEDNESDAY)

    assert kept(scene, visit) == [(MONDAY_DAY, time(16))]


async def test_a_time_is_kept_for_a_day_and_never_to_its_last_hour(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    """Brahim's visit is this afternoon, so his new time may be soon."""
    await books(amina, WEDNESDAY, TEN)
    soon = await books(brahim, scene.now.date(), time(13))
    await closes(driss, WEDNESDAY)
    await closes(driss, scene.now.date(), "12:30-13:30")

    until = {hold.contact_id: hold.until for hold in scene.desk.holds.rows}
    assert until[amina.contact_id] == scene.desk.appointments.rows[1].displaced_at + timedelta(hours=24)  # type: ignore[operator]
    assert kept(scene, soon) == [(scene.now.date(), time(13, 30))]
    assert until[brahim.contact_id] == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


async def test_at_night_it_waits_for_the_morning_unless_the_visit_is_near(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    await books(amina, THURSDAY, TEN)
    await books(brahim, TUESDAY, TEN)
    scene.clock.moves_to(datetime(2026, 11, 23, 22, tzinfo=UTC))

    await closes(driss, THURSDAY)
    await closes(driss, TUESDAY)

    quiet = {push.contact_id: push.keeps_quiet for push in scene.pushes if push.flow == "visit_displaced"}
    assert quiet == {amina.contact_id: True, brahim.contact_id: False}
    (late,) = [hold for hold in scene.desk.holds.rows if hold.contact_id == amina.contact_id]
    # From eight in the morning, when she hears of it, for a day.
    assert late.until == datetime(2026, 11, 25, 8, tzinfo=UTC)


# What people do with it


async def test_while_somebody_chooses_the_kept_time_stays_theirs(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)

    await amina.taps_notice("change")
    await amina.taps(TUESDAY.isoformat())
    assert time(16) in await _open_times(amina, TUESDAY)
    assert time(16) not in await _open_times(brahim, TUESDAY)
    await amina.taps("0830", "yes")

    assert (await visit_now(scene, visit)).at == time(8, 30)
    assert kept(scene, visit) == []
    assert time(16) in await _open_times(brahim, TUESDAY)


async def _open_times(person: Person, day: date) -> list[time]:
    turn = await person.scene.turn_for(person.contact_id)
    return await visits.open_times(turn, "sale", day)


async def test_an_offer_that_ran_out_and_went_to_somebody_else_leads_to_the_days(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    scene.clock.moves_to(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    await closes(driss, WEDNESDAY)
    scene.later(hours=24.5)
    await books(brahim, *NEAREST)

    await amina.taps_notice("accept")

    assert "That time has just been taken." in amina.screen
    assert (amina.flow, amina.step) == ("my_visits", "day")
    assert (await visit_now(scene, visit)).displaced_at is not None


async def test_a_displaced_visit_can_be_cancelled_and_talked_about(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)

    await amina.taps_notice("cancel")
    await amina.taps("yes")

    now = await visit_now(scene, visit)
    assert (now.status, now.ended_by, now.displaced_at) == ("cancelled", "person", None)


async def test_my_visits_say_how_it_stands_and_offer_the_same(
    hours: None, scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)

    await brahim.commands("start")
    await brahim.taps("my_visits")
    assert brahim.buttons[0].startswith("⚠️ ")
    await brahim.taps(str(visit.id))
    assert "This time is kept for you:" in brahim.screen
    await brahim.taps("accept")

    assert (await visit_now(scene, visit)).day == TUESDAY


async def test_who_said_that_they_come_before_is_not_thanked_for_it_now(
    hours: None, scene: Scene, brahim: Person, driss: Person
) -> None:
    """Brahim had the card of his visit open when the centre closed."""
    visit = await books(brahim, WEDNESDAY, TEN)
    await brahim.commands("start")
    await brahim.taps("my_visits", str(visit.id))
    await closes(driss, WEDNESDAY)

    await brahim.taps("coming")

    assert "This time is kept for you:" in brahim.screen
    assert not (await visit_now(scene, visit)).coming


# Closing again, opening again


async def test_closing_the_time_that_was_offered_brings_another_offer(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)
    first = amina.notice
    await closes(driss, TUESDAY)

    assert kept(scene, visit) == [(THURSDAY, time(8, 30))]
    assert not first.is_open
    await amina.taps_notice("accept")
    assert (await visit_now(scene, visit)).day == THURSDAY


async def test_closing_hours_and_then_the_day_asks_nobody_twice(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY, "10-11")
    told = [push for push in scene.pushes if push.flow == "visit_displaced"]

    await closes(driss, WEDNESDAY)

    again = [push for push in scene.pushes if push.flow == "visit_displaced"]
    # The time that was kept on the same day is closed by now.
    assert len(again) == len(told) + 1
    await closes(driss, date(2026, 12, 10))
    assert len([push for push in scene.pushes if push.flow == "visit_displaced"]) == len(again)


async def test_a_day_opened_again_leaves_visits_as_they_were(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    before = {(due.step, due.due_at) for due in scene.desk.schedule.due}
    await closes(driss, WEDNESDAY)
    offer = amina.notice

    await driss.taps(WEDNESDAY.isoformat())

    assert driss.screen.startswith("1 visit stays as it was; the person is told.")
    now = await visit_now(scene, visit)
    assert (now.displaced_at, now.day, now.at) == (None, WEDNESDAY, TEN)
    assert kept(scene, visit) == []
    assert {(due.step, due.due_at) for due in scene.desk.schedule.due} == before
    assert not offer.is_open
    assert amina.notice.text.startswith("[ar] ✅ Your time stays as it was.")
    await amina.taps_notice("coming")
    assert (await visit_now(scene, visit)).coming


async def test_hours_opened_again_leave_visits_as_they_were(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY, "10-11", "works")
    assert "there is work on the building" in amina.notice.text

    await driss.taps(WEDNESDAY.isoformat())

    assert (await visit_now(scene, visit)).displaced_at is None


async def test_a_day_closed_again_from_the_list_shows_first_whom_it_touches(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """A holiday that staff had opened, on which somebody booked."""
    holiday = date(2027, 1, 11)
    await driss.commands("centre")
    await driss.taps("closed", holiday.isoformat())
    visit = await books(amina, holiday, TEN)

    await driss.commands("centre")
    await driss.taps("closed", holiday.isoformat())
    assert (driss.flow, driss.step) == ("close", "check")
    assert "⚠️ 1 visit is booked then." in driss.screen
    await driss.taps("yes")

    assert (await visit_now(scene, visit)).displaced_at is not None
    assert "it is a holiday" in amina.notice.text


# What staff see


async def test_staff_see_who_has_not_answered(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    first, second = await books(amina, WEDNESDAY, TEN), await books(brahim, WEDNESDAY, ELEVEN)
    await closes(driss, WEDNESDAY)
    assert "⚠️ 2 visits wait for another time." in driss.screen
    await amina.taps_notice("accept")

    await driss.commands("centre")
    await driss.taps("closed", "visits")
    assert f"{second.code} · ⏳ asked" in driss.screen
    assert f"{first.code} · ✅ has a time" in driss.screen

    await driss.taps(str(second.id))
    assert (driss.flow, driss.step) == ("agenda", "visit")
    assert "⚠️ to be moved" in driss.screen
    assert "confirm" not in driss.ids
    assert scene.desk.audit.looks[-1].at_contact == brahim.contact_id


async def test_the_agenda_says_that_a_visit_is_to_be_moved(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY, "10-12")

    await driss.commands("week")

    assert "⚠️ to be moved" in driss.screen


async def test_news_of_before_confirms_nothing_now(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await driss.commands("week")
    await driss.taps(str(visit.id))
    hind = scene.caseworker("Hind")
    await closes(hind, WEDNESDAY)

    await driss.taps("confirm")

    assert driss.screen.startswith(f"The centre is closed at the time of visit {visit.code}")
    assert (await visit_now(scene, visit)).status == "requested"


async def test_more_than_a_turn_takes_are_left_for_later(
    scene: Scene, driss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sets_hours(scene, "mon-fri 08:30-16:30", capacity=3)
    people = [scene.beneficiary(f"Person {number}") for number in range(23)]
    for number, person in enumerate(people):
        await books(person, WEDNESDAY, time(9 + number // 6, 30 * (number // 3 % 2)))

    await closes(driss, WEDNESDAY)

    assert "20 people have been told." in driss.screen
    assert "3 more are told in the next minutes." in driss.screen
    told = [push.contact_id for push in scene.pushes if push.flow == "visit_displaced"]
    assert told == [person.contact_id for person in people[:20]]
    displaced = {visit.contact_id for visit in scene.desk.appointments.rows.values() if visit.displaced_at}
    assert displaced == set(told)


async def test_visits_outside_the_hours_of_a_period_are_moved_too(
    hours: None, scene: Scene, amina: Person, brahim: Person
) -> None:
    """What the settings of Ramadan hours ask for once they are set."""
    early, late = await books(amina, WEDNESDAY, TEN), await books(brahim, WEDNESDAY, time(15))
    period = HoursPeriod(
        PeriodKind.RAMADAN, WEDNESDAY, date(2026, 12, 20), WeeklyHours.parse("mon-fri 09:00-14:00")
    )
    await scene.desk.centres.set_periods("sale", [period])
    turn = await scene.turn_for(amina.contact_id)

    touched = await move_touched(turn, "sale")

    assert (touched.asked, touched.left) == (1, 0)
    assert (await visit_now(scene, early)).displaced_at is None
    assert kept(scene, late) == [(WEDNESDAY, time(13, 30))]


async def test_somebody_who_cancelled_or_moved_meanwhile_hears_nothing(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    gone, elsewhere = await books(amina, WEDNESDAY, TEN), await books(brahim, WEDNESDAY, ELEVEN)
    await cancels(amina, gone)
    await moves(brahim, elsewhere, THURSDAY)

    await closes(driss, WEDNESDAY)

    assert not [push for push in scene.pushes if push.flow == "visit_displaced"]
    assert "told" not in driss.screen


async def test_whoever_opens_a_day_waits_for_others_before_they_change_it(
    hours: None, scene: Scene, driss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two who close and open a day at once wait for each other."""
    await closes(driss, WEDNESDAY)
    done: list[str] = []
    decide = scene.desk.closures.decide

    async def lock_closings(centre_slug: str) -> None:
        done.append("lock")

    async def writes_down(*args: Any, **word: Any) -> None:
        done.append("word")
        await decide(*args, **word)

    monkeypatch.setattr(scene.desk.appointments, "lock_closings", lock_closings)
    monkeypatch.setattr(scene.desk.closures, "decide", writes_down)
    await driss.taps(WEDNESDAY.isoformat())

    assert done[:2] == ["lock", "word"]


@pytest.mark.parametrize("said", ["came", "missed"])
async def test_what_was_kept_for_a_visit_is_free_once_it_is_said_how_it_went(
    hours: None, scene: Scene, amina: Person, brahim: Person, driss: Person, said: str
) -> None:
    """The centre was closed on paper, and the person was received nevertheless."""
    scene.clock.moves_to(datetime(2026, 11, 25, 8, tzinfo=UTC))
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY, "9-12")
    ((day, at),) = kept(scene, visit)
    scene.clock.moves_to(datetime(2026, 11, 25, 9, 50, tzinfo=UTC))

    await marks(driss, visit, said)

    assert kept(scene, visit) == []
    assert (await books(brahim, day, at)).is_live


async def test_a_kept_time_on_a_day_of_another_visit_by_now_is_not_taken(
    hours: None, scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await closes(driss, WEDNESDAY)
    ((day, _),) = kept(scene, visit)
    await books(amina, day, ELEVEN)

    await amina.taps_notice("accept")

    assert "You already have a visit that day" in amina.screen
    assert (await visit_now(scene, visit)).displaced_at is not None
