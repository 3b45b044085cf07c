"""From the first screen to a visit."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import CentreStatus
from conversations.care.hours import VisitRules, WeeklyHours
from conversations.care.visits import VisitEvent
from conversations.engine.reply import MediaKind
from conversations.errors import SlotTaken, TooManyVisits
from tests.conversations.flows.staff.doings import TEN, WEDNESDAY, books, cancels
from tests.people import Person, Scene

OWN_HOURS = VisitRules(WeeklyHours.parse("mon-fri 09:00-12:00"))
LATER = "later"


@pytest.fixture
async def at_days(amina: Person) -> Person:
    """Amina, who needs work, goes to Salé and is asked for the day."""
    await amina.starts()
    await amina.taps("booking", "job", "sale")
    return amina


async def hours_are_known(scene: Scene, slug: str = "sale", rules: VisitRules = OWN_HOURS) -> None:
    await scene.desk.centres.set_rules(slug, rules)


# The straight way


async def test_a_newcomer_reaches_a_visit_in_eight_taps_without_typing(chama: Person, driss: Person) -> None:
    taps = ["fr", "agree", "booking", "job", "sale", WEDNESDAY.isoformat(), "1000", "yes"]
    await chama.starts()
    await chama.taps(*taps)

    assert len(taps) <= 8
    (visit,) = await chama.scene.desk.appointments.upcoming(chama.contact_id, now=chama.scene.now)
    assert (visit.centre_slug, visit.need, visit.day, visit.at) == ("sale", Need.JOB, WEDNESDAY, TEN)
    assert "The centre has your request." in chama.screen
    assert driss.notice.flow == "visit_news"
    assert driss.notice.draft.event is VisitEvent.BOOKED


async def test_a_request_says_everywhere_that_the_centre_will_confirm_the_time(at_days: Person) -> None:
    """Nobody knows the centre's hours, so public-office hours stand in."""
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    assert "The centre will confirm the time." in at_days.screen

    await at_days.taps("yes")

    assert "The centre will confirm the time." in at_days.screen
    assert "Your visit is booked" not in at_days.screen
    (visit,) = at_days.scene.desk.appointments.rows.values()
    assert visit.status is AppointmentStatus.REQUESTED


async def test_where_the_hours_are_known_a_visit_is_booked_at_once(scene: Scene, at_days: Person) -> None:
    await hours_are_known(scene)
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    assert "Your visit is booked." in at_days.screen
    assert "confirm the time" not in at_days.screen
    (visit,) = scene.desk.appointments.rows.values()
    assert visit.status is AppointmentStatus.CONFIRMED


async def test_the_last_word_holds_all_one_needs(scene: Scene, at_days: Person) -> None:
    await scene.desk.centres.set_address("sale", "12, rue de la Gare")
    await scene.desk.centres.set_phone("sale", "05 37 00 00 00")
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    (visit,) = scene.desk.appointments.rows.values()
    lines = at_days.screen.splitlines()
    assert "الأربعاء، 25 نونبر 2026" in lines
    assert "10:00" in lines
    assert "05 37 00 00 00" in lines
    assert any("سلا" in line for line in lines)
    assert f"Your code: {visit.code}." in at_days.screen
    assert "Address: 12, rue de la Gare" in at_days.screen
    assert "واحضر حتى لو كان شيء ناقصا." in at_days.screen


async def test_what_must_not_be_missed_stands_together_above(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    (visit,) = at_days.scene.desk.appointments.rows.values()
    headline, first, *rest = at_days.screen.split("\n\n")
    assert headline == "[ar] ✅ The centre has your request."
    assert first.splitlines() == [
        "الأربعاء، 25 نونبر 2026",
        "10:00",
        "[ar] Centre: سلا",
        "[ar] ⏳ The centre will confirm the time.",
        f"[ar] Your code: {visit.code}. Say it at the door.",
    ]
    assert [len(part.splitlines()) for part in rest] == [1, 1]


async def test_what_is_unknown_is_said_to_be_unknown(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    assert "We don't have the address or the phone number yet." in at_days.screen


@pytest.mark.parametrize(
    ("address", "phone", "said"),
    [
        ("12, rue de la Gare", None, "We don't have the phone number yet"),
        (None, "0537000000", "We don't have the address yet"),
    ],
)
async def test_what_is_half_known_is_told_half(
    at_days: Person, address: str | None, phone: str | None, said: str
) -> None:
    await at_days.scene.desk.centres.set_address("sale", address)
    await at_days.scene.desk.centres.set_phone("sale", phone)
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    assert said in at_days.screen
    assert (address or phone or "") in at_days.screen


async def test_a_visit_has_its_reminders(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    assert [(due.step, due.due_at) for due in at_days.scene.desk.schedule.due] == [
        ("t-1d", datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("t-2h", datetime(2026, 11, 25, 8, tzinfo=UTC)),
    ]


async def test_the_centre_of_a_visit_comes_first_next_time(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes", "!menu", "booking", "health")

    assert at_days.ids[0] == "sale"


# Days and times


async def test_days_come_eight_at_a_time(at_days: Person) -> None:
    first = at_days.ids[:8]
    await at_days.taps(LATER)
    second = at_days.ids[:8]

    assert first[0] == "2026-11-23"
    assert second[0] > first[-1]

    await at_days.taps("earlier")

    assert at_days.ids[:8] == first


async def test_holidays_and_closed_days_are_never_offered(scene: Scene, amina: Person, driss: Person) -> None:
    scene.clock.moves_to(datetime(2026, 11, 16, 9, tzinfo=UTC))
    await scene.desk.closures.decide("sale", date(2026, 11, 19), closed=True, by=driss.contact_id)
    await amina.starts()
    await amina.taps("booking", "job", "sale")

    days = amina.ids
    assert "2026-11-17" in days
    assert "2026-11-18" not in days  # Independence Day
    assert "2026-11-19" not in days
    assert "2026-11-21" not in days  # a Saturday


async def test_a_full_day_is_not_offered_and_a_taken_time_neither(scene: Scene, brahim: Person) -> None:
    await hours_are_known(scene, rules=VisitRules(WeeklyHours.parse("wed 10:00-11:00")))
    await books(brahim, WEDNESDAY, TEN)
    amina = scene.beneficiary("Amina", language="ar")
    await amina.starts()
    await amina.taps("booking", "job", "sale", WEDNESDAY.isoformat())
    assert amina.ids[:2] == ["1030", "other_day"]

    await books(scene.beneficiary("Chama"), WEDNESDAY, time(10, 30))
    await amina.taps("other_day")

    assert WEDNESDAY.isoformat() not in amina.ids


async def test_a_day_filled_meanwhile_says_so(scene: Scene, at_days: Person, brahim: Person) -> None:
    await hours_are_known(scene, rules=VisitRules(WeeklyHours.parse("wed 10:00-10:30")))
    await books(brahim, WEDNESDAY, TEN)
    await at_days.taps(WEDNESDAY.isoformat())

    assert "No time is free on that day any more." in at_days.screen

    await at_days.taps("other_day")

    assert at_days.step == "day"


async def test_a_time_taken_meanwhile_leads_back_to_the_times(at_days: Person, brahim: Person) -> None:
    """Amina confirms a time that Brahim took while she was reading, when it was no longer kept for her."""
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    at_days.scene.later(minutes=11)
    await books(brahim, WEDNESDAY, TEN)
    await at_days.taps("yes")

    assert at_days.screen.startswith("[ar] That time has just been taken.")
    assert at_days.step == "time"
    assert "1000" not in at_days.ids

    await at_days.taps("1030", "yes")

    assert "The centre has your request." in at_days.screen


async def test_the_last_time_of_a_day_taken_meanwhile_leads_back_to_the_days(
    scene: Scene, at_days: Person, brahim: Person
) -> None:
    await hours_are_known(scene, rules=VisitRules(WeeklyHours.parse("wed 10:00-10:30")))
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    scene.later(minutes=11)
    await books(brahim, WEDNESDAY, TEN)
    await at_days.taps("yes")

    assert at_days.screen.startswith("[ar] That time has just been taken.")
    assert at_days.step == "day"


async def test_a_centre_without_a_free_day_offers_another_or_a_person(scene: Scene, amina: Person) -> None:
    rules = VisitRules(WeeklyHours.parse("wed 10:00-10:30"), horizon_days=0)
    await hours_are_known(scene, rules=rules)
    await amina.starts()
    await amina.taps("booking", "job", "sale")
    assert "has no free time in the coming weeks" in amina.screen

    await amina.taps("centre")
    assert amina.step == "centre"

    await amina.taps("sale", "!person")
    assert amina.flow == "person"


async def test_a_centre_that_closed_meanwhile_offers_another_or_a_person(
    scene: Scene, at_days: Person
) -> None:
    """Amina has the times of Salé before her when the centre closes for good."""
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    scene.desk.centres.set_status("sale", CentreStatus.CLOSED)
    await at_days.taps("yes")

    assert scene.desk.appointments.rows == {}
    assert at_days.screen == "[ar] The centre in سلا receives nobody at the moment."
    assert at_days.ids[:2] == ["centre", "!person"]

    await at_days.taps("centre")
    assert "sale" not in at_days.ids


@pytest.mark.parametrize("status", [status for status in CentreStatus if status is not CentreStatus.OPEN])
async def test_a_card_read_before_a_centre_closed_books_nothing_there(
    scene: Scene, amina: Person, status: CentreStatus
) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale")
    scene.desk.centres.set_status("sale", status)
    await amina.taps("book", "job")

    assert "receives nobody at the moment" in amina.screen
    assert WEDNESDAY.isoformat() not in amina.ids
    with pytest.raises(SlotTaken):
        await books(amina, WEDNESDAY, TEN)


async def test_another_day_can_be_chosen_before_the_yes(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000", "other_day", "2026-11-26", "1030", "yes")

    (visit,) = at_days.scene.desk.appointments.rows.values()
    assert (visit.day, visit.at) == (date(2026, 11, 26), time(10, 30))


@pytest.mark.parametrize("typed", ["10:30", "١٠:٣٠"])
async def test_a_time_can_be_typed(at_days: Person, typed: str) -> None:
    await at_days.taps(WEDNESDAY.isoformat())
    await at_days.says(typed)

    assert at_days.draft["at"] == "10:30:00"


# How many visits one may have

ENOUGH = "You already have 3 visits ahead. You can change or cancel one under “My visits”."


async def has_three_visits(person: Person) -> list[Appointment]:
    return [await books(person, date(2026, 12, day)) for day in (1, 2, 3)]


async def test_who_has_three_visits_is_told_before_walking_the_whole_way(amina: Person) -> None:
    await has_three_visits(amina)
    await amina.starts()
    await amina.taps("booking")
    assert amina.screen == f"[ar] {ENOUGH}"
    assert amina.ids[0] == "my_visits"

    await amina.taps("my_visits")

    assert amina.flow == "my_visits"
    assert "book" not in amina.ids


async def test_who_comes_from_the_services_is_told_as_well(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services", "self", "job", "enough")
    await has_three_visits(amina)
    await amina.taps("book")

    assert ENOUGH in amina.screen


async def test_a_third_visit_booked_meanwhile_leaves_no_fourth(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    await has_three_visits(at_days)
    await at_days.taps("yes")

    assert ENOUGH in at_days.screen
    assert len(at_days.scene.desk.appointments.rows) == 3


async def test_a_visit_that_is_cancelled_or_over_does_not_count(amina: Person) -> None:
    first, second, _ = await has_three_visits(amina)
    with pytest.raises(TooManyVisits):
        await books(amina, WEDNESDAY)

    await cancels(amina, first)
    await books(amina, date(2026, 12, 4))
    amina.scene.clock.moves_to(second.starts_at(amina.scene.world.zone))

    assert (await books(amina, date(2026, 12, 7))).is_live


async def test_one_visit_a_day_is_enough_at_whatever_centre(at_days: Person, brahim: Person) -> None:
    await books(at_days, WEDNESDAY, TEN, centre="fes")
    await at_days.taps(WEDNESDAY.isoformat())

    assert at_days.screen.startswith("[ar] You already have a visit that day, at 10:00.")
    assert at_days.step == "day"
    with pytest.raises(TooManyVisits):
        await books(at_days, WEDNESDAY, time(11))
    assert await books(brahim, WEDNESDAY, time(11))


async def test_a_visit_booked_for_that_day_meanwhile_leads_back_to_the_days(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    await books(at_days, WEDNESDAY, time(11))
    await at_days.taps("yes")

    assert at_days.screen.startswith("[ar] You already have a visit that day, at 11:00.")
    assert (at_days.flow, at_days.step) == ("booking", "day")
    assert len(at_days.scene.desk.appointments.rows) == 1


# What every flow must bear


async def test_back_goes_the_same_way_in_steps(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    steps = []
    for _ in range(4):
        await at_days.taps("!back")
        steps.append(at_days.step)

    assert steps == ["time", "day", "centre", "need"]


async def test_a_language_chosen_half_way_changes_days_and_questions(at_days: Person) -> None:
    await at_days.says("langue")
    await at_days.taps("fr")

    assert "[fr] Which day suits you?" in at_days.screen
    assert "mercredi 25 novembre" in at_days.buttons

    await at_days.taps(WEDNESDAY.isoformat(), "1000", "yes")

    assert "[fr] ✅ The centre has your request." in at_days.screen


async def test_an_old_button_books_nothing(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    old = at_days.prompt_ref
    await at_days.taps("other_day")
    await at_days.taps_old(old, "yes")

    assert at_days.scene.desk.appointments.rows == {}
    assert at_days.step == "day"


async def test_yes_tapped_twice_books_once(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    old = at_days.prompt_ref
    await at_days.taps("yes")
    await at_days.taps_old(old, "yes")

    assert len(at_days.scene.desk.appointments.rows) == 1


async def test_silence_ends_a_booking_and_books_nothing(at_days: Person) -> None:
    await at_days.taps(WEDNESDAY.isoformat(), "1000")
    at_days.scene.later(hours=25)
    await at_days.says("1")

    assert at_days.flow == "menu"
    assert at_days.scene.desk.appointments.rows == {}


async def test_stop_in_the_middle_lets_the_booking_go_on(at_days: Person) -> None:
    await at_days.says("stop")
    assert at_days.flow == "stop"

    await at_days.taps("undo")

    assert at_days.step == "day"


async def test_a_voice_note_is_met_with_a_way_to_a_person(at_days: Person) -> None:
    await at_days.sends_media(MediaKind.VOICE)

    assert "Talk to a person" in at_days.screen
    assert at_days.step == "day"


async def test_who_refused_is_asked_again_before_booking(scene: Scene, amina: Person) -> None:
    await scene.desk.contacts.refuse(amina.contact_id, at=scene.now)
    await amina.starts()
    await amina.taps("nearest", "sale", "book")

    assert amina.flow == "consent"


async def test_a_day_that_has_passed_is_not_booked(at_days: Person) -> None:
    """The person reads for hours; the time they chose is over when they say yes."""
    await at_days.taps("2026-11-23", "1030")
    at_days.scene.clock.moves_on(timedelta(hours=3))
    await at_days.taps("yes")

    assert at_days.screen.startswith("[ar] It is too late for that time. These are free now.")
    assert (at_days.step, at_days.ids[0]) == ("time", "1330")
    assert at_days.scene.desk.appointments.rows == {}
