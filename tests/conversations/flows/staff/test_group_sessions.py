"""Group sessions: staff hold them, people take places in them, staff call them off."""

from datetime import time

import pytest

from conversations.care.appointments import AppointmentStatus, EndedBy, Need
from conversations.care.centres import CentreStatus
from conversations.care.group_sessions import GroupSession
from conversations.care.hours import HoursPeriod, PeriodKind, VisitKind, WeeklyHours
from conversations.care.people import ContactId
from conversations.care.tasks import TaskKind
from conversations.flows.displaced_visits import move_touched
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    TEN,
    THURSDAY,
    WEDNESDAY,
    books,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene


async def plans(driss: Person, *, need: str = "training", places: int = 4, at: str = "1000") -> GroupSession:
    await driss.commands("groups")
    await driss.taps("add", need, "60", WEDNESDAY.isoformat(), at)
    await driss.says(str(places))
    await driss.taps("save")
    sessions = await driss.scene.desk.group_sessions.between("sale", WEDNESDAY, WEDNESDAY)
    return sessions[-1]


async def takes_a_place(person: Person, session: GroupSession, need: str = "training") -> None:
    await person.starts()
    await person.taps("booking", need, "sale", "group", str(session.id), "yes")


async def test_a_session_is_planned_by_buttons_and_one_number(scene: Scene, driss: Person) -> None:
    session = await plans(driss, places=12)

    assert driss.screen.startswith("Saved. People can book it now.")
    assert "Booked: 0 of 12" in driss.screen
    assert (session.need, session.day, session.at) == (Need.TRAINING, WEDNESDAY, TEN)
    assert (session.minutes, session.places, session.centre_slug) == (60, 12, "sale")


@pytest.mark.parametrize("typed", ["1", "61", "many", "-4"])
async def test_a_number_that_is_none_is_asked_again(driss: Person, typed: str) -> None:
    await driss.commands("groups")
    await driss.taps("add", "training", "60", WEDNESDAY.isoformat(), "1000")

    await driss.says(typed)

    assert driss.screen.startswith("Please write a number from 2 to 60.")


async def test_it_takes_a_place_of_the_centre_as_long_as_it_lasts(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await plans(driss)
    await amina.starts()

    await amina.taps("booking", "job", "sale", WEDNESDAY.isoformat())

    assert "0930" in amina.ids
    assert "1000" not in amina.ids
    assert "1030" not in amina.ids
    assert "1100" in amina.ids


async def test_a_person_takes_a_place_and_finds_the_others_told(
    scene: Scene, amina: Person, driss: Person
) -> None:
    session = await plans(driss)

    await takes_a_place(amina, session)

    assert "Your place in the group is booked." in amina.screen
    assert "👥 In a group" in amina.screen
    (visit,) = scene.desk.appointments.rows.values()
    assert (visit.kind, visit.group_session_id, visit.minutes) == (VisitKind.GROUP, session.id, 60)
    assert visit.status is AppointmentStatus.CONFIRMED
    assert driss.notice.flow == "visit_news"
    assert (await scene.desk.group_sessions.get(session.id)).taken == 1


async def test_who_comes_for_something_else_is_not_led_there(amina: Person, driss: Person) -> None:
    await plans(driss)
    await amina.starts()

    await amina.taps("booking", "health", "sale")

    assert "group" not in amina.ids


async def leaves_one_place(scene: Scene, driss: Person, amina: Person, chama: Person) -> GroupSession:
    """Plan a session of which one place is left, while two people are at the menu."""
    session = await plans(driss, places=2)
    await a_stranger_takes_a_place(scene, session)
    for person in (amina, chama):
        await person.starts()
    await chama.taps("fr", "agree")
    return session


async def test_the_last_place_goes_to_one_person(
    scene: Scene, amina: Person, chama: Person, driss: Person
) -> None:
    session = await leaves_one_place(scene, driss, amina, chama)
    await amina.taps("booking", "training", "sale", "group", str(session.id))
    assert "Kept for you until 09:" in amina.screen
    await chama.taps("booking", "training", "sale")
    assert "group" not in chama.ids, "the last place is kept for somebody who is confirming it"

    await amina.taps("yes")

    assert "Your place in the group is booked." in amina.screen
    assert (await scene.desk.group_sessions.get(session.id)).taken == 2


async def test_a_place_is_kept_while_it_is_confirmed_and_no_longer(
    scene: Scene, amina: Person, chama: Person, driss: Person
) -> None:
    session = await leaves_one_place(scene, driss, amina, chama)
    await chama.taps("booking", "training", "sale", "group")
    await amina.taps("booking", "training", "sale", "group", str(session.id))

    await chama.taps(str(session.id))
    assert "This session has no free place any more." in chama.screen
    await amina.taps("other")
    await chama.taps("!menu", "booking", "training", "sale", "group", str(session.id), "yes")

    assert "Your place in the group is booked." in chama.screen
    await amina.taps("alone")
    assert "group" not in amina.ids


async def a_stranger_takes_a_place(scene: Scene, session: GroupSession) -> None:
    await scene.desk.appointments.book(
        contact_id=ContactId(999),
        centre_slug=session.centre_slug,
        need=session.need,
        day=session.day,
        at=session.at,
        capacity=session.places,
        confirmed=True,
        now=scene.now,
        kind=VisitKind.GROUP,
        group_session_id=session.id,
    )


async def test_a_place_goes_to_another_session_and_nowhere_else(
    scene: Scene, amina: Person, driss: Person
) -> None:
    first = await plans(driss)
    second = await plans(driss, at="1400")
    await takes_a_place(amina, first)
    (visit,) = scene.desk.appointments.rows.values()

    await amina.taps("!menu", "my_visits", str(visit.id), "change")
    assert "It can go to another session." in amina.screen
    await amina.taps("group", str(second.id), "yes")

    assert "Your visit is moved." in amina.screen
    moved = await visit_now(scene, visit)
    assert (moved.at, moved.group_session_id, moved.kind) == (time(14), second.id, VisitKind.GROUP)
    assert (await scene.desk.group_sessions.get(first.id)).taken == 0


async def test_who_has_a_place_hears_that_it_is_called_off(
    scene: Scene, amina: Person, driss: Person
) -> None:
    session = await plans(driss)
    await takes_a_place(amina, session)
    (visit,) = scene.desk.appointments.rows.values()

    await driss.commands("groups")
    await driss.taps(str(session.id), "call_off")
    assert "1 person has a place and will be told." in driss.screen
    await driss.taps("yes")

    assert driss.screen.startswith("Called off. 1 person is told.")
    lost = await visit_now(scene, visit)
    assert (lost.status, lost.ended_by) == (AppointmentStatus.CANCELLED, EndedBy.CENTRE)
    assert amina.notice.flow == "group_called_off"
    await amina.taps_notice("other")
    assert "Which day suits you?" in amina.screen


async def test_colleagues_hear_once_that_it_is_called_off_and_not_of_whom(
    scene: Scene, amina: Person, brahim: Person, driss: Person, hind: Person
) -> None:
    session = await plans(driss)
    await takes_a_place(amina, session)
    await takes_a_place(brahim, session)
    heard = len(hind.notices)

    await driss.commands("groups")
    await driss.taps(str(session.id), "call_off", "yes")

    (told,) = hind.notices[heard:]
    assert told.text.startswith("❌ A group session was called off.")
    assert all(visit.code not in told.text for visit in scene.desk.appointments.rows.values())
    assert told.screen.ids == ["ok"]
    assert not any(notice.text.startswith("❌") for notice in driss.notices)


async def test_no_session_where_all_places_are_taken(scene: Scene, amina: Person, driss: Person) -> None:
    await sets_hours(scene, "wed 10:00-11:00; thu 10:00-11:00")
    await books(amina, WEDNESDAY, TEN)
    await driss.commands("groups")

    await driss.taps("add", "training", "60", WEDNESDAY.isoformat())
    assert driss.screen.startswith("All places are taken that day.")
    await driss.taps("other_day", THURSDAY.isoformat(), "1000", "4", "save")

    assert driss.screen.startswith("Saved.")


async def test_staff_cannot_propose_a_time_of_ones_own_for_a_place_in_a_group(
    amina: Person, driss: Person
) -> None:
    session = await plans(driss)

    await takes_a_place(amina, session)

    assert "propose" not in driss.notice.screen.ids


async def closes(driss: Person, hours: str = "day") -> None:
    """Close Wednesday, or hours of it, as far as the check."""
    await driss.commands("close")
    await driss.taps(WEDNESDAY.isoformat())
    await (driss.taps(hours) if hours == "day" else driss.says(hours))
    await driss.taps("meeting")


@pytest.mark.parametrize("hours", ["day", "10:30-12"])
async def test_closing_calls_off_the_sessions_that_it_meets(
    scene: Scene, amina: Person, brahim: Person, driss: Person, hours: str
) -> None:
    session = await plans(driss)
    other = await plans(driss, at="1400")
    await takes_a_place(amina, session)
    (visit,) = scene.desk.appointments.rows.values()
    alone = await books(brahim, WEDNESDAY, ELEVEN)

    await closes(driss, hours)
    assert "⚠️ 1 visit is booked then." in driss.screen
    assert "👥 1 person has a place in a group session then." in driss.screen
    await driss.taps("yes")

    assert "2 people have been told." in driss.screen
    lost = await visit_now(scene, visit)
    assert (lost.status, lost.ended_by) == (AppointmentStatus.CANCELLED, EndedBy.CENTRE)
    assert not (await scene.desk.group_sessions.get(session.id)).is_open
    assert (await scene.desk.group_sessions.get(other.id)).is_open, "nobody has a place there"
    assert amina.notice.flow == "group_called_off"
    assert (await visit_now(scene, alone)).displaced_at is not None


async def test_whom_no_message_reaches_is_a_task_when_a_session_is_called_off(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await takes_a_place(amina, await plans(driss))
    scene.desk.contacts.unreachable.add(amina.contact_id)

    await closes(driss)
    await driss.taps("yes")

    assert "📵 1 person can't be reached here: see your tasks." in driss.screen
    assert [task.kind for task in await scene.desk.tasks.open("sale")] == [TaskKind.UNREACHED]


async def test_other_hours_call_off_what_lies_outside_them(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    early, late = await plans(driss), await plans(driss, at="1400")
    await takes_a_place(amina, early)
    await takes_a_place(brahim, late)
    week = WeeklyHours.parse("mon-fri 09:00-14:30")
    await scene.desk.centres.set_periods("sale", [HoursPeriod(PeriodKind.RAMADAN, WEDNESDAY, THURSDAY, week)])

    touched = await move_touched(await scene.turn_for(amina.contact_id), "sale")

    assert (touched.asked, touched.left) == (1, 0)
    held = [(await scene.desk.group_sessions.get(each.id)).is_open for each in (early, late)]
    assert held == [True, False]


async def test_a_few_sessions_at_a_time_are_called_off(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    early, late = await plans(driss), await plans(driss, at="1400")
    await takes_a_place(amina, early)
    await takes_a_place(brahim, late)
    await scene.desk.closures.decide("sale", WEDNESDAY, closed=True, by=driss.contact_id)
    turn = await scene.turn_for(amina.contact_id)

    first = await move_touched(turn, "sale", most=1)
    held = [(await scene.desk.group_sessions.get(each.id)).is_open for each in (early, late)]
    second = await move_touched(turn, "sale", most=1)

    assert [(each.asked, each.left) for each in (first, second)] == [(1, 1), (1, 0)]
    assert held == [False, True]


async def test_an_empty_session_in_closed_hours_waits_for_the_centre_to_open_again(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    session = await plans(driss)
    await brahim.starts()
    await brahim.taps("booking", "training", "sale", "group", str(session.id))
    await closes(driss, "10:30-12")
    assert "Nobody has a visit then." in driss.screen
    await driss.taps("yes")

    await brahim.taps("yes")
    assert "This session has no free place any more." in brahim.screen
    await amina.starts()
    await amina.taps("booking", "training", "sale")
    assert "group" not in amina.ids
    await driss.taps(WEDNESDAY.isoformat())

    await takes_a_place(amina, session)
    assert "Your place in the group is booked." in amina.screen


async def test_no_place_in_a_group_at_a_centre_that_receives_nobody(
    scene: Scene, amina: Person, driss: Person
) -> None:
    session = await plans(driss)
    await amina.starts()
    await amina.taps("booking", "training", "sale", "group", str(session.id))
    scene.desk.centres.set_status("sale", CentreStatus.CLOSED)

    await amina.taps("yes")

    assert not scene.desk.appointments.rows
