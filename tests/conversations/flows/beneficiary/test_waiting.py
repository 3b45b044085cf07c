"""People wait for a place where there is none, are offered one in their order, and leave when they like.

Salé has two times in all, on Wednesday at 9:00 and 9:30, and both are taken.
"""

from datetime import date, time, timedelta

import pytest

from conversations.care import offers
from conversations.care.appointments import Appointment, Need
from conversations.care.hours import VisitKind, VisitRules, WeeklyHours
from conversations.care.visits import VisitEvent
from conversations.care.waiting import WaitingEntry
from conversations.care.wall_time import to_local
from tests.conversations.flows.staff.doings import WEDNESDAY, books, cancels, moves
from tests.people import Person, Scene

NINE, HALF_PAST = time(9), time(9, 30)
NEXT_WEDNESDAY = date(2026, 12, 2)


async def opens(scene: Scene, hours: str = "wed 09:00-10:00", *, days: int = 6) -> None:
    rules = VisitRules(WeeklyHours.parse(hours), horizon_days=days)
    await scene.desk.centres.set_rules("sale", rules)


async def places_are_offered(scene: Scene, kind: VisitKind = VisitKind.IN_PERSON) -> None:
    """Go along Salé's list, as the ticks do."""
    last, local = 0, to_local(scene.now, scene.world.zone)
    while found := await offers.next_in_line(
        scene.desk, "sale", kind, after=last, now=scene.now, now_local=local
    ):
        entry, start = found
        last = entry.id
        turn = await scene.turn_for(entry.contact_id)
        await offers.offer(turn, entry, start)
        for push in turn.effects:
            await scene.pushes_out(push)  # type: ignore[arg-type]


@pytest.fixture
async def first(scene: Scene) -> Appointment:
    """The visit at 9:00, of somebody else."""
    await opens(scene)
    return await books(scene.beneficiary("Rachid"), WEDNESDAY, NINE)


@pytest.fixture
async def second(scene: Scene, first: Appointment) -> Appointment:
    return await books(scene.beneficiary("Salma"), WEDNESDAY, HALF_PAST)


async def waits(person: Person) -> WaitingEntry:
    """Join the list at the end of the way to a visit."""
    await person.starts()
    await person.taps("booking", "job", "sale", "wait")
    (entry,) = await person.scene.desk.waiting.of(person.contact_id)
    return entry


@pytest.fixture
async def entry(second: Appointment, amina: Person) -> WaitingEntry:
    return await waits(amina)


@pytest.fixture
async def offered(entry: WaitingEntry, first: Appointment, amina: Person) -> Person:
    """Amina, to whom 9:00 is offered, since Rachid has cancelled."""
    rachid = next(each for each in amina.scene.people.values() if each.name == "Rachid")
    await cancels(rachid, first)
    await places_are_offered(amina.scene)
    assert amina.notice.flow == "place_offered"
    return amina


async def visits_of(person: Person) -> list[tuple[date, time]]:
    upcoming = await person.scene.desk.appointments.upcoming(person.contact_id, now=person.scene.now)
    return [(visit.day, visit.at) for visit in upcoming]


# Joining, seeing, leaving


async def test_where_there_is_no_time_one_can_wait(second: Appointment, amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job", "sale")
    assert amina.ids[:3] == ["wait", "centre", "!person"]

    await amina.taps("wait")

    assert "You are on the waiting list." in amina.screen
    (entry,) = await amina.scene.desk.waiting.of(amina.contact_id)
    assert (entry.centre_slug, entry.kind, entry.need) == ("sale", VisitKind.IN_PERSON, Need.JOB)
    assert amina.scene.desk.waiting.wakes == 1


async def test_joining_twice_changes_nothing(entry: WaitingEntry, amina: Person, brahim: Person) -> None:
    await waits(brahim)
    await amina.taps("!menu", "booking", "health", "sale")
    assert "wait" not in amina.ids, "they wait there already"

    amina.scene.later(minutes=5)
    turn = await amina.scene.turn_for(amina.contact_id)
    again = await offers.join(turn, offers.WaitingNews("sale", need=Need.HEALTH))

    assert again == entry
    line = await amina.scene.desk.waiting.line("sale", VisitKind.IN_PERSON, now=amina.scene.now)
    assert [each.contact_id for each in line] == [amina.contact_id, brahim.contact_id]


async def test_my_visits_show_where_one_waits_and_one_tap_leaves(entry: WaitingEntry, amina: Person) -> None:
    await amina.taps("!menu", "my_visits")
    assert "You wait for a free time: سلا" in amina.screen

    await amina.taps("✖️ Stop waiting")

    assert "You wait there no longer." in amina.screen
    assert await amina.scene.desk.waiting.of(amina.contact_id) == []


async def test_of_several_lists_each_is_left_alone(entry: WaitingEntry, amina: Person) -> None:
    turn = await amina.scene.turn_for(amina.contact_id)
    await offers.join(turn, offers.WaitingNews("fes"))
    await offers.join(turn, offers.WaitingNews("sale", VisitKind.PHONE))
    await amina.taps("!menu", "my_visits", "waiting")
    assert amina.screen.count("⏳") == 3
    assert amina.buttons[:3] == ["✖️ سلا", "✖️ فاس", "✖️ 📞 سلا"]

    await amina.taps("✖️ فاس")

    left = await amina.scene.desk.waiting.of(amina.contact_id)
    assert [(each.centre_slug, each.kind) for each in left] == [("sale", "visit"), ("sale", "phone")]
    assert (amina.flow, amina.ids[:2]) == ("waiting", [f"leave{each.id}" for each in left])


async def test_whoever_waits_nowhere_is_told_so(amina: Person) -> None:
    await amina.starts()
    await amina.taps("my_visits")
    assert not any("⏳" in words for words in (amina.screen, *amina.buttons))


async def test_what_is_kept_names_the_list(entry: WaitingEntry, amina: Person) -> None:
    await amina.taps("!menu", "settings", "kept")

    assert "You wait for a free time: سلا" in amina.screen


async def test_staff_see_how_many_wait(entry: WaitingEntry, brahim: Person, driss: Person) -> None:
    await waits(brahim)
    await driss.commands("today")
    assert "⏳ 2 people wait for a free time." in driss.screen

    hind = driss.scene.caseworker("Hind", centre_slug="fes")
    await hind.commands("today")
    assert "⏳" not in hind.screen


# Offers


async def test_nothing_is_offered_while_nothing_is_free(entry: WaitingEntry, amina: Person) -> None:
    await places_are_offered(amina.scene)

    assert amina.notices == []


async def test_a_free_time_is_offered_and_kept(offered: Person, brahim: Person) -> None:
    lines = offered.notice.text.split("\n")
    assert lines[0] == "[ar] 🕐 A time is free for you:"
    assert "09:00" in lines[2]
    assert "It is kept for you until 09:45." in offered.notice.text
    assert offered.notice.ids == ["take", "not_this_one", "leave"]

    await brahim.starts()
    await brahim.taps("booking", "job", "sale")
    assert "no free time" in brahim.screen, "others don't get it meanwhile"


async def test_taking_it_books_it_and_ends_the_waiting(offered: Person, driss: Person) -> None:
    await offered.taps_notice("take")

    assert "Your visit is booked." in offered.screen
    assert await visits_of(offered) == [(WEDNESDAY, NINE)]
    assert await offered.scene.desk.waiting.of(offered.contact_id) == []
    assert offered.scene.desk.holds.rows == []
    assert driss.notice.draft.event is VisitEvent.BOOKED
    (visit,) = await offered.scene.desk.appointments.upcoming(offered.contact_id, now=offered.scene.now)
    assert visit.need is Need.JOB
    assert {due.subject for due in offered.scene.desk.schedule.due} >= {f"visit:{visit.id}"}


async def test_two_taps_on_it_book_once(offered: Person) -> None:
    notice = offered.notice
    await offered.taps_notice("take", notice)
    await offered.taps_notice("take", notice)

    assert await visits_of(offered) == [(WEDNESDAY, NINE)]


async def test_the_wish_for_a_woman_goes_along(
    second: Appointment, first: Appointment, amina: Person
) -> None:
    turn = await amina.scene.turn_for(amina.contact_id)
    await offers.join(turn, offers.WaitingNews("sale", need=Need.FAMILY, wants_woman=True))
    await cancels(amina.scene.people[1], first)
    await places_are_offered(amina.scene)
    await amina.taps_notice("take")

    (visit,) = await amina.scene.desk.appointments.upcoming(amina.contact_id, now=amina.scene.now)
    assert (visit.need, visit.wants_woman) == (Need.FAMILY, True)


async def test_after_its_time_it_can_still_be_taken_while_it_is_free(offered: Person) -> None:
    offered.scene.later(minutes=50)
    turn = await offered.scene.turn_for(offered.contact_id)
    (entry,) = await turn.desk.waiting.of(offered.contact_id)
    await offers.note_silence(turn, entry)

    await offered.taps_notice("take")

    assert await visits_of(offered) == [(WEDNESDAY, NINE)]


async def test_what_somebody_else_has_by_then_is_gone(offered: Person, brahim: Person) -> None:
    offered.scene.later(minutes=50)
    await books(brahim, WEDNESDAY, NINE)
    await offered.taps_notice("take")

    assert "That time has just been taken." in offered.screen
    assert await visits_of(offered) == []
    assert await offered.scene.desk.waiting.of(offered.contact_id) != [], "they keep their place"


async def test_not_this_one_gives_it_to_the_next_at_once(offered: Person, brahim: Person) -> None:
    await waits(brahim)
    wakes = offered.scene.desk.waiting.wakes
    await offered.taps_notice("not_this_one")
    assert "You keep your place in the list" in offered.screen
    assert offered.scene.desk.waiting.wakes == wakes + 1

    await places_are_offered(offered.scene)

    assert brahim.notice.flow == "place_offered"
    assert len(offered.notices) == 1, "the same time is not offered twice"
    (entry,) = await offered.scene.desk.waiting.of(offered.contact_id)
    assert entry.unanswered == 0


async def test_leaving_during_an_offer_gives_the_time_to_the_next(offered: Person, brahim: Person) -> None:
    await waits(brahim)
    await offered.taps_notice("leave")
    assert "You wait there no longer." in offered.screen

    await places_are_offered(offered.scene)

    assert brahim.notice.flow == "place_offered"
    assert await offered.scene.desk.waiting.of(offered.contact_id) == []


async def test_leaving_in_my_visits_ends_the_offer_too(offered: Person) -> None:
    await offered.taps("!menu", "my_visits", "✖️ Stop waiting")

    assert offered.scene.desk.holds.rows == []
    assert not offered.notice.is_open


async def test_booking_another_time_there_ends_the_waiting_and_frees_the_offer(
    offered: Person, second: Appointment
) -> None:
    salma = next(each for each in offered.scene.people.values() if each.name == "Salma")
    await cancels(salma, second)
    await books(offered, WEDNESDAY, HALF_PAST)

    assert await offered.scene.desk.waiting.of(offered.contact_id) == []
    assert offered.scene.desk.holds.rows == []
    assert not offered.notice.is_open


async def test_booking_elsewhere_does_not(entry: WaitingEntry, amina: Person) -> None:
    await books(amina, WEDNESDAY, time(10), centre="fes")

    assert await amina.scene.desk.waiting.of(amina.contact_id) == [entry]


async def test_nobody_is_offered_a_day_on_which_they_have_a_visit(
    entry: WaitingEntry, first: Appointment, amina: Person, brahim: Person
) -> None:
    await waits(brahim)
    await books(amina, WEDNESDAY, time(10), centre="fes")
    await cancels(amina.scene.people[1], first)
    await places_are_offered(amina.scene)

    assert amina.notices == []
    assert brahim.notice.flow == "place_offered"


async def test_nor_more_visits_than_one_may_have(
    entry: WaitingEntry, first: Appointment, amina: Person
) -> None:
    for number in range(3):
        await books(amina, WEDNESDAY + timedelta(days=7 + number), time(10), centre="fes")
    await cancels(amina.scene.people[1], first)
    await places_are_offered(amina.scene)

    assert amina.notices == []


@pytest.mark.parametrize(("minutes", "offers_made"), [(119, 0), (120, 1)])
async def test_what_begins_too_soon_is_not_offered(
    entry: WaitingEntry, first: Appointment, amina: Person, minutes: int, offers_made: int
) -> None:
    await cancels(amina.scene.people[1], first)
    begins = first.starts_at(amina.scene.world.zone)
    amina.scene.clock.moves_to(begins - timedelta(minutes=minutes))
    await places_are_offered(amina.scene)

    assert len(amina.notices) == offers_made


async def test_a_long_lead_time_leaves_time_to_answer(
    entry: WaitingEntry, first: Appointment, amina: Person
) -> None:
    """Three hours ahead it can be booked for the last time: so it is offered 45 minutes before that."""
    rules = VisitRules(WeeklyHours.parse("wed 09:00-10:00"), horizon_days=6, lead_minutes=180)
    await amina.scene.desk.centres.set_rules("sale", rules)
    await cancels(amina.scene.people[1], first)
    begins = first.starts_at(amina.scene.world.zone)
    amina.scene.clock.moves_to(begins - timedelta(minutes=224))
    await places_are_offered(amina.scene)
    assert amina.notices == []

    amina.scene.clock.moves_to(begins - timedelta(minutes=225))
    await places_are_offered(amina.scene)
    amina.scene.later(minutes=44)
    await amina.taps_notice("take")
    assert await visits_of(amina) == [(WEDNESDAY, NINE)]


# Earlier


@pytest.fixture
async def far(scene: Scene, second: Appointment, amina: Person) -> Appointment:
    """Amina's visit on the Wednesday after; both times of the next one are taken."""
    await opens(scene, days=13)
    return await books(amina, NEXT_WEDNESDAY, HALF_PAST)


async def card(person: Person, visit: Appointment) -> None:
    await person.starts()
    await person.taps("my_visits", str(visit.id))


async def test_who_has_a_visit_may_want_an_earlier_one(far: Appointment, amina: Person) -> None:
    await card(amina, far)
    await amina.taps("earlier")

    assert "We write to you when an earlier time is free" in amina.screen
    (entry,) = await amina.scene.desk.waiting.of(amina.contact_id)
    assert (entry.appointment_id, entry.need) == (far.id, far.need)

    await card(amina, far)
    assert "earlier" not in amina.ids
    await amina.taps("!menu", "my_visits")
    assert "You wait for an earlier time: سلا" in amina.screen


async def test_a_visit_within_two_days_is_near_enough(far: Appointment, amina: Person) -> None:
    amina.scene.clock.moves_to(far.starts_at(amina.scene.world.zone) - timedelta(days=2))
    await card(amina, far)

    assert "earlier" not in amina.ids


async def test_taking_an_earlier_time_moves_the_visit(
    far: Appointment, first: Appointment, amina: Person, driss: Person
) -> None:
    await card(amina, far)
    await amina.taps("earlier")
    await cancels(amina.scene.people[1], first)
    await places_are_offered(amina.scene)
    assert "Until now:" in amina.notice.text

    await amina.taps_notice("take")

    assert "Your visit is moved." in amina.screen
    assert await visits_of(amina) == [(WEDNESDAY, NINE)]
    assert await amina.scene.desk.waiting.of(amina.contact_id) == []
    assert amina.scene.desk.holds.rows == []
    assert driss.notice.draft.event is VisitEvent.CHANGED


async def test_only_earlier_times_are_offered(far: Appointment, amina: Person) -> None:
    """The time that is free lies half an hour after the visit."""
    await moves(amina, far, NEXT_WEDNESDAY, NINE)
    await card(amina, far)
    await amina.taps("earlier")
    await places_are_offered(amina.scene)

    assert amina.notices == []


async def test_moving_to_an_earlier_time_oneself_ends_the_waiting(
    far: Appointment, first: Appointment, amina: Person
) -> None:
    await card(amina, far)
    await amina.taps("earlier")
    await cancels(amina.scene.people[1], first)
    await moves(amina, far, WEDNESDAY, NINE)

    assert await amina.scene.desk.waiting.of(amina.contact_id) == []


async def test_the_time_one_has_just_left_is_not_offered(far: Appointment, amina: Person) -> None:
    await opens(amina.scene, days=20)
    await card(amina, far)
    await amina.taps("earlier")
    third = NEXT_WEDNESDAY + timedelta(days=7)
    blocker = await books(amina.scene.beneficiary("Hamid"), NEXT_WEDNESDAY, NINE)
    moved = await moves(amina, far, third, NINE)
    await places_are_offered(amina.scene)
    assert amina.notices == []

    await cancels(amina.scene.people[list(amina.scene.people)[-1]], blocker)
    await places_are_offered(amina.scene)
    assert "09:00" in amina.notice.text.split("\n")[2]
    assert (moved.day, (await visits_of(amina))[0]) == (third, (third, NINE))


async def test_cancelling_the_visit_ends_the_waiting_for_an_earlier_one(
    far: Appointment, amina: Person
) -> None:
    await card(amina, far)
    await amina.taps("earlier", "!menu", "my_visits", str(far.id), "cancel", "yes")

    assert await amina.scene.desk.waiting.of(amina.contact_id) == []


async def test_another_visit_leaves_the_wish_for_an_earlier_time_of_the_first(
    far: Appointment, second: Appointment, amina: Person
) -> None:
    await card(amina, far)
    await amina.taps("earlier")
    (entry,) = await amina.scene.desk.waiting.of(amina.contact_id)
    salma = next(each for each in amina.scene.people.values() if each.name == "Salma")
    await cancels(salma, second)

    await books(amina, WEDNESDAY, HALF_PAST)

    assert [each.id for each in await amina.scene.desk.waiting.of(amina.contact_id)] == [entry.id]


# Silence


async def goes_by(person: Person) -> None:
    """Let an offer go by without a word."""
    person.scene.later(minutes=45)
    for entry in await person.scene.desk.waiting.gone_by(person.scene.now):
        turn = await person.scene.turn_for(entry.contact_id)
        await offers.note_silence(turn, entry)
        for push in turn.effects:
            await person.scene.pushes_out(push)  # type: ignore[arg-type]


async def test_after_three_silences_one_waits_no_longer_and_may_again(
    entry: WaitingEntry, amina: Person
) -> None:
    await opens(amina.scene, "wed 09:00-13:00")
    for number in range(3):
        assert len(await amina.scene.desk.waiting.of(amina.contact_id)) == 1
        await places_are_offered(amina.scene)
        assert len(amina.notices) == number + 1
        await goes_by(amina)

    assert await amina.scene.desk.waiting.of(amina.contact_id) == []
    assert amina.notice.flow == "waiting"
    assert amina.notice.text.startswith("[ar] ⏳ We offered you three times and heard nothing")
    await amina.taps_notice("again")
    assert "You are on the waiting list." in amina.screen
    (again,) = await amina.scene.desk.waiting.of(amina.contact_id)
    assert (again.need, again.unanswered) == (entry.need, 0)


async def test_even_the_last_offer_can_be_taken_late(entry: WaitingEntry, amina: Person) -> None:
    await opens(amina.scene, "wed 09:00-13:00")
    for _ in range(3):
        await places_are_offered(amina.scene)
        await goes_by(amina)
    last = amina.notices[-2]
    await amina.taps_notice("take", last)

    assert "Your visit is booked." in amina.screen
    assert await visits_of(amina) == [(WEDNESDAY, time(11))]


async def test_what_is_left_in_any_other_way_has_no_buttons_any_more(offered: Person) -> None:
    notice = offered.notice
    await offered.taps("!menu", "my_visits", "✖️ Stop waiting")
    await offered.taps_old(notice.prompt_ref, "take")

    assert "older message" in offered.screen
    assert await visits_of(offered) == []


async def test_an_answer_in_between_counts_anew(entry: WaitingEntry, amina: Person) -> None:
    await opens(amina.scene, "wed 09:00-13:00")
    for answers in (False, False, True, False, False):
        await places_are_offered(amina.scene)
        if answers:
            await amina.taps_notice("not_this_one")
        else:
            await goes_by(amina)

    (waiting,) = await amina.scene.desk.waiting.of(amina.contact_id)
    assert waiting.unanswered == 2


async def test_who_is_out_of_reach_holds_up_nobody_and_counts_as_silent(
    entry: WaitingEntry, first: Appointment, amina: Person, brahim: Person
) -> None:
    await waits(brahim)
    amina.scene.desk.contacts.unreachable.add(amina.contact_id)
    await cancels(amina.scene.people[1], first)
    await places_are_offered(amina.scene)
    assert amina.notices == []
    assert brahim.notice.flow == "place_offered"

    await goes_by(amina)
    (silent,) = await amina.scene.desk.waiting.of(amina.contact_id)
    assert silent.unanswered == 1
