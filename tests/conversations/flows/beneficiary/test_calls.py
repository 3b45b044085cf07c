"""Visits by telephone: offered where a centre has them, and told as a call from the first word on."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from conversations.care.appointments import Appointment
from conversations.care.hours import Length, VisitKind, VisitRules, WeeklyHours
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitEvent, VisitNews
from conversations.engine.outbound import Purpose
from conversations.engine.reply import MediaKind
from conversations.engine.turn import Push
from tests.conversations.flows.staff.doings import TEN, THURSDAY, WEDNESDAY, books, cancels
from tests.people import Person, Scene

HOURS = WeeklyHours.parse("mon-fri 09:00-12:00")
WITH_CALLS = VisitRules(HOURS, phone=Length(20, 10))
# Of Errachidia, over 100 km from every centre, and of Kénitra, not far from Salé.
FAR, NEAR = "08.201", "04.281"
NUMBER = "0612345678"
# What a call needs none of.
OF_A_WAY = ("Address", "address", "door", "Centre: ", "carte nationale", "الباب")


@pytest.fixture
async def calls(scene: Scene) -> None:
    """Salé also calls people."""
    await scene.desk.centres.set_rules("sale", WITH_CALLS)
    await scene.desk.centres.set_address("sale", "12, rue de la Gare")


@pytest.fixture
async def at_how(calls: None, brahim: Person) -> Person:
    """Brahim is asked whether he comes or is called."""
    await brahim.starts()
    await brahim.taps("booking", "job", "sale")
    return brahim


@pytest.fixture
async def call(at_how: Person, driss: Person) -> Appointment:
    """Brahim will be called on Wednesday at ten."""
    await at_how.taps("phone")
    await at_how.says("06 12 34 56 78")
    await at_how.taps(WEDNESDAY.isoformat(), "1000", "yes")
    (visit,) = at_how.scene.desk.appointments.rows.values()
    return visit


# How to meet


async def test_where_a_centre_calls_nobody_nothing_is_asked(scene: Scene, brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("booking", "job", "sale")

    assert brahim.step == "day"


async def test_in_person_comes_first_when_nobody_knows_where_the_person_lives(at_how: Person) -> None:
    assert at_how.step == "how"
    assert at_how.ids[:2] == ["visit", "phone"]
    assert "far from where you live" not in at_how.screen

    await at_how.taps("visit", WEDNESDAY.isoformat(), "1000", "yes")

    (visit,) = at_how.scene.desk.appointments.rows.values()
    assert (visit.kind, visit.minutes) == (VisitKind.IN_PERSON, 30)


@pytest.mark.parametrize(("province", "first"), [(FAR, "phone"), (NEAR, "visit")])
async def test_whoever_lives_far_from_every_centre_is_offered_the_call_first_and_told_why(
    scene: Scene, calls: None, province: str, first: str
) -> None:
    brahim = scene.beneficiary("Brahim", province_code=province)
    await brahim.starts()
    await brahim.taps("booking", "job", "sale")

    assert brahim.ids[0] == first
    assert ("The nearest centre is far from where you live" in brahim.screen) is (first == "phone")


@pytest.mark.parametrize(("town", "first"), [("Errachidia", "phone"), ("Kénitra", "visit")])
async def test_the_town_that_the_person_names_counts_before_their_province(
    scene: Scene, calls: None, town: str, first: str
) -> None:
    brahim = scene.beneficiary("Brahim", province_code=NEAR if first == "phone" else FAR)
    await brahim.starts()
    await brahim.taps("booking", "job")
    await brahim.says(town)
    await brahim.taps("all", "sale")

    assert brahim.ids[0] == first


async def test_who_was_looking_at_a_centre_that_calls_is_asked_too(calls: None, brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("nearest", "sale", "book", "job")

    assert brahim.step == "how"


# The number


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("06 12 34 56 78", NUMBER),
        ("+212 6 12 34 56 78", NUMBER),
        ("٠٦١٢٣٤٥٦٧٨", NUMBER),
        ("+33 6 12 34 56 78", "+33612345678"),
    ],
)
async def test_a_number_is_read_however_it_is_written(at_how: Person, typed: str, kept: str) -> None:
    await at_how.taps("phone")
    await at_how.says(typed)

    assert at_how.step == "day"
    assert at_how.draft["phone"] == kept


@pytest.mark.parametrize("typed", ["1", "0612", "33 6 12 34 56 78", "my brother's"])
async def test_what_is_no_number_gets_a_sentence(at_how: Person, typed: str) -> None:
    await at_how.taps("phone")
    await at_how.says(typed)

    assert at_how.screen.startswith("[fr] I can't read that as a phone number.")
    assert at_how.step == "number"


async def test_a_voice_note_is_no_number(at_how: Person) -> None:
    await at_how.taps("phone")
    await at_how.sends_media(MediaKind.VOICE)

    assert at_how.step == "number"


async def test_a_shared_number_will_do(at_how: Person) -> None:
    await at_how.taps("phone")
    await at_how.shares_phone("+212612345678")

    assert at_how.draft["phone"] == NUMBER


async def test_the_number_of_ones_whatsapp_is_a_button_away(at_how: Person) -> None:
    at_how.scene.desk.addresses.phones[at_how.contact_id] = "212612345678"
    await at_how.taps("phone", "own")

    assert at_how.draft["phone"] == NUMBER


async def test_where_no_number_is_known_none_is_offered(at_how: Person) -> None:
    await at_how.taps("phone")

    assert "own" not in at_how.ids


async def test_whoever_goes_back_and_comes_in_person_leaves_no_number(at_how: Person) -> None:
    await at_how.taps("phone")
    await at_how.says(NUMBER)
    await at_how.taps("!back", "!back", "!back", "sale", "visit", WEDNESDAY.isoformat(), "1000", "yes")

    (visit,) = at_how.scene.desk.appointments.rows.values()
    assert visit.kind is VisitKind.IN_PERSON
    assert at_how.scene.desk.appointments.phones == {}


# What is said of a call


async def test_a_call_is_booked_with_its_own_length_and_its_number(call: Appointment, brahim: Person) -> None:
    assert (call.kind, call.minutes, call.buffer_minutes) == (VisitKind.PHONE, 20, 10)
    assert await brahim.scene.desk.appointments.phone(call.id) == NUMBER
    assert brahim.screen.startswith("[fr] ✅ Your call is booked.")
    assert "📞 The centre in Salé calls you." in brahim.screen
    assert call.code in brahim.screen
    assert not [word for word in OF_A_WAY if word in brahim.screen]


async def test_before_the_yes_the_end_of_the_number_shows_that_it_is_the_right_one(at_how: Person) -> None:
    await at_how.taps("phone")
    await at_how.says(NUMBER)
    await at_how.taps(WEDNESDAY.isoformat(), "1000")

    lines = at_how.screen.splitlines()
    assert lines[0] == "[fr] Shall we book this call?"
    assert "[fr] 📞 The centre in Salé calls you." in lines
    assert "[fr] On the number that ends in 5678" in lines
    assert NUMBER not in at_how.screen


async def test_all_reminders_speak_of_a_call_on_their_first_line(call: Appointment, brahim: Person) -> None:
    await brahim.scene.desk.centres.set_phone("sale", "05 37 00 00 00")
    await brahim.taps("!menu", "my_visits", str(call.id), "change", "later", "2026-12-03", "1000", "yes")
    await brahim.scene.goes_on_until(datetime(2026, 12, 4, tzinfo=UTC))

    assert [notice.draft.step for notice in brahim.notices] == list(ReminderStep)
    for notice in brahim.notices:
        first = notice.text.splitlines()[0]
        assert first.startswith("[fr] 📞")
        assert "called" in first
        assert "entre" not in first
        assert not [word for word in OF_A_WAY if word in notice.text]
        assert NUMBER not in notice.text
        assert notice.ids == ["answering", "change", "cancel"]
    assert len({notice.text for notice in brahim.notices}) == 4


async def test_a_text_message_reminds_of_a_call(call: Appointment, brahim: Person) -> None:
    news = VisitNews(call.id, call.version, step=ReminderStep.DAY_BEFORE)
    push = Push(brahim.contact_id, "sms_reminder", news, Purpose.REMINDER, "sms")
    await brahim.scene.pushes_out(push)

    assert brahim.notice.text == "[fr] Reminder: you will be called on mercredi 25 novembre 2026 at 10:00."


async def test_that_the_person_will_answer_is_heard_at_the_centre(
    call: Appointment, brahim: Person, driss: Person
) -> None:
    await brahim.taps("!menu", "my_visits", str(call.id))
    assert brahim.ids[0] == "answering"
    assert "map" not in brahim.ids

    await brahim.taps("answering")

    assert "The centre knows that you will answer its call" in brahim.screen
    assert driss.notice.draft.event is VisitEvent.COMING


async def test_a_reminded_person_answers_with_a_tap(call: Appointment, brahim: Person) -> None:
    news = VisitNews(call.id, call.version, step=ReminderStep.DAY_BEFORE)
    await brahim.scene.pushes_out(Push(brahim.contact_id, "reminder", news, Purpose.REMINDER, "eve"))
    await brahim.taps_notice("answering")

    assert brahim.scene.desk.appointments.rows[call.id].coming


async def test_a_call_moves_as_a_call_and_keeps_its_number(call: Appointment, brahim: Person) -> None:
    await brahim.taps("!menu", "my_visits", str(call.id), "change", THURSDAY.isoformat())
    assert brahim.ids[:3] == ["0900", "0930", "1000"]

    await brahim.taps("1130")
    assert brahim.screen.startswith("[fr] Shall we move your call to this time?")

    await brahim.taps("yes")

    moved = brahim.scene.desk.appointments.rows[call.id]
    assert (moved.kind, moved.day, moved.at, moved.minutes) == (VisitKind.PHONE, THURSDAY, time(11, 30), 20)
    assert await brahim.scene.desk.appointments.phone(call.id) == NUMBER
    assert brahim.screen.startswith("[fr] ✅ Your call is moved.")


async def test_staff_propose_times_of_calls_for_a_call(
    call: Appointment, brahim: Person, driss: Person
) -> None:
    """With rests between them visits in person begin at other times than calls."""
    rules = replace(WITH_CALLS, slot_minutes=60)
    await brahim.scene.desk.centres.set_rules("sale", rules)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "0930", "send")
    await brahim.taps_notice("accept")

    assert brahim.scene.desk.appointments.rows[call.id].at == time(9, 30)


async def test_the_person_reads_that_the_number_is_kept(call: Appointment, brahim: Person) -> None:
    await brahim.taps("!menu", "settings", "kept")
    assert "We keep the number on which the centre calls you." in brahim.screen

    await cancels(brahim, call)
    await brahim.taps("!back", "kept")
    assert "We keep the number" not in brahim.screen


# What staff see


async def test_staff_see_that_it_is_a_call_and_the_number_on_its_card_alone(
    call: Appointment, brahim: Person, driss: Person
) -> None:
    assert "📞 By phone: the centre calls the person." in driss.notice.text
    assert NUMBER not in driss.notice.text
    await driss.commands("week")
    assert f"10:00 · {call.code} · 🧰 Work · ✔️ confirmed · 📞" in driss.screen
    assert NUMBER not in driss.screen

    looks = len(brahim.scene.desk.audit.looks)
    await driss.taps(str(call.id))

    assert f"Call this number:\n{NUMBER}" in driss.screen
    assert len(brahim.scene.desk.audit.looks) == looks + 1


async def test_a_cancelled_call_has_no_number_any_more(
    call: Appointment, brahim: Person, driss: Person
) -> None:
    await driss.commands("week")
    await driss.taps(str(call.id))
    await cancels(brahim, call)
    await driss.says("what?")

    assert driss.step == "visit"
    assert NUMBER not in driss.screen
    assert await brahim.scene.desk.appointments.phone(call.id) is None


async def test_a_visit_in_person_asks_for_no_number_of_staff(
    calls: None, brahim: Person, driss: Person
) -> None:
    visit = await books(brahim, WEDNESDAY, TEN)
    await driss.commands("week")
    await driss.taps(str(visit.id))

    assert "number" not in driss.screen.lower()
    assert "📞 By phone" not in driss.screen


async def test_a_centre_that_stopped_calling_offers_other_ways(at_how: Person) -> None:
    await at_how.taps("phone")
    await at_how.says(NUMBER)
    await at_how.scene.desk.centres.set_rules("sale", VisitRules(HOURS))
    await at_how.taps(WEDNESDAY.isoformat())
    assert "No time is free on that day any more." in at_how.screen

    await at_how.taps("other_day", "centre", "sale")

    assert at_how.step == "day"
    assert at_how.draft["kind"] == "visit"


async def test_a_call_and_a_visit_share_the_caseworkers_time(call: Appointment, amina: Person) -> None:
    """Twenty minutes of call and ten of rest from ten on; the visit before ends at ten."""
    await amina.starts()
    await amina.taps("booking", "job", "sale", "visit", WEDNESDAY.isoformat())

    assert "1000" not in amina.ids
    assert {"0930", "1030"} <= set(amina.ids)
