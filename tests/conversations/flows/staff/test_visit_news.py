"""What a caseworker hears of visits, and what their buttons do."""

from datetime import timedelta

from conversations.care.appointments import AppointmentStatus, Need
from conversations.care.people import Role
from conversations.care.reminders import ReminderStep
from conversations.engine.outbound import Purpose
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    TEN,
    THURSDAY,
    WEDNESDAY,
    books,
    cancels,
    is_coming,
    moves,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene


async def test_a_request_is_told_with_all_that_is_needed_and_no_more(amina: Person, driss: Person) -> None:
    visit = await books(amina, need=Need.HEALTH)

    text = driss.notice.text

    assert text.splitlines() == [
        "📥 Somebody asks for a visit.",
        "",
        "Wednesday, 25 November 2026",
        "10:00",
        "For: 🩺 Health",
        f"Code: {visit.code}",
        "⏳ request",
    ]
    assert driss.notice.buttons == ["✅ Confirm", "🕐 Other time", "📞 Ask to call me"]
    assert driss.notice.purpose is Purpose.STAFF


async def test_the_name_is_told_when_the_person_gave_one(scene: Scene, amina: Person, driss: Person) -> None:
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")

    await books(amina)

    assert "Name: Amina" in driss.notice.text


async def test_a_visit_on_the_centres_own_hours_needs_no_confirmation(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await sets_hours(scene, "mon-fri 09:00-12:00")

    await books(amina)

    assert driss.notice.text.startswith("📥 A new visit is booked.")
    assert driss.notice.buttons == ["🕐 Other time", "📞 Ask to call me"]


async def test_only_the_centres_own_caseworkers_hear_of_it(
    scene: Scene, amina: Person, driss: Person
) -> None:
    elsewhere = scene.caseworker("Ilham", centre_slug="agadir")

    await books(amina, centre="sale")

    assert driss.notices
    assert not elsewhere.notices


async def test_confirming_tells_the_person_and_keeps_the_reminders(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)

    screen = await driss.taps_notice("confirm")

    assert screen.in_place
    assert screen.choices == ()
    assert screen.text == (
        f"Confirmed: visit {visit.code}. The person knows.\nWednesday, 25 November 2026\n10:00"
    )
    confirmed = await visit_now(scene, visit)
    assert confirmed.status is AppointmentStatus.CONFIRMED
    assert amina.notice.flow == "visit_confirmed"
    assert amina.notice.purpose is Purpose.VISIT
    assert amina.notice.key == f"visit:{visit.id}:{confirmed.version}:confirmed"
    steps = {due.step for due in scene.desk.schedule.due if due.contact_id == amina.contact_id}
    assert {ReminderStep.DAY_BEFORE, ReminderStep.TWO_HOURS_BEFORE} <= steps


async def test_a_visit_booked_long_ahead_keeps_its_early_reminder_when_confirmed_later(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await books(amina, WEDNESDAY + timedelta(days=9))
    scene.later(days=3)

    await driss.taps_notice("confirm")

    steps = {due.step for due in scene.desk.schedule.due if due.purpose is Purpose.REMINDER}
    assert steps == set(ReminderStep)


async def test_a_number_typed_right_after_the_news_is_its_button(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)

    await driss.says("1")

    assert (await visit_now(scene, visit)).status is AppointmentStatus.CONFIRMED


async def test_a_colleague_who_was_faster_leaves_nothing_to_confirm(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    """Both have the news before them; Hind confirms from the agenda, which leaves Driss's message open."""
    visit = await books(amina)
    news = driss.notice
    await scene.desk.appointments.confirm(visit.id, version=visit.version, now=scene.now)

    screen = await driss.taps_notice("confirm", news)

    assert screen.text.startswith(f"Visit {visit.code} is already confirmed.")
    assert not amina.notices


async def test_the_second_tap_on_confirm_doubles_nothing(scene: Scene, amina: Person, driss: Person) -> None:
    await books(amina)

    await driss.taps_notice("confirm")
    await driss.taps_notice("confirm", driss.notices[0])

    assert len(amina.notices) == 1


async def test_the_same_update_twice_tells_the_person_once(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """The copy arrives while the notice still counts as open: the key of the message is the last guard."""
    visit = await books(amina)
    kept = list(scene.desk.notices)
    await driss.taps_notice("call")
    scene.desk.notices = kept

    await driss.taps_notice("call")

    assert [notice.flow for notice in amina.notices] == ["call_request"]
    assert amina.notice.subject == f"visit:{visit.id}"


async def test_a_visit_cancelled_meanwhile_is_not_confirmed(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    news = driss.notice
    await scene.desk.appointments.cancel(visit.id, now=scene.now)
    still_open = list(scene.desk.notices)

    for button in ("confirm", "propose", "call"):
        scene.desk.notices = list(still_open)
        screen = await driss.taps_notice(button, news)
        assert screen.text == f"Visit {visit.code} was cancelled meanwhile. There is nothing left to do."

    assert not amina.notices


async def test_a_request_moved_meanwhile_is_not_confirmed_at_its_new_time_unseen(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    news = driss.notice
    await scene.desk.appointments.move(
        visit.id, day=THURSDAY, at=ELEVEN, capacity=1, confirmed=False, now=scene.now
    )

    screen = await driss.taps_notice("confirm", news)

    assert screen.text.splitlines() == [
        f"Visit {visit.code} was moved meanwhile, so nothing was confirmed. Its time now:",
        "Thursday, 26 November 2026",
        "11:00",
    ]
    assert (await visit_now(scene, visit)).status is AppointmentStatus.REQUESTED


async def test_a_visit_whose_time_has_passed_is_left_alone(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    scene.later(days=3)

    screen = await driss.taps_notice("confirm")

    assert screen.text == f"The time of visit {visit.code} has passed."


async def test_a_caseworker_who_went_to_another_centre_changes_nothing_at_the_old_one(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "agadir")

    screen = await driss.taps_notice("confirm")

    assert screen.text == "This visit is not one of your centre's."
    assert (await visit_now(scene, visit)).status is AppointmentStatus.REQUESTED


async def test_a_move_is_told_with_the_new_time_and_closes_the_old_news(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    first = driss.notice

    await moves(amina, visit, THURSDAY, ELEVEN)

    assert driss.notice.text.startswith("🔄 A visit was moved to this time.")
    assert "Thursday, 26 November 2026\n11:00" in driss.notice.text
    assert "confirm" in driss.notice.ids
    assert not first.is_open


async def test_a_cancellation_is_told_and_only_acknowledged(amina: Person, driss: Person) -> None:
    visit = await books(amina)

    await cancels(amina, visit)

    assert driss.notice.text.startswith("❌ A visit was cancelled. Its time is free again.")
    assert driss.notice.ids == ["ok"]
    screen = await driss.taps_notice("ok")
    assert screen.text == driss.notice.text
    assert screen.choices == ()


async def test_the_cancelled_visit_of_somebody_erased_names_nobody(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")
    visit = await books(amina)
    await scene.desk.contacts.erase(amina.contact_id, at=scene.now)

    screen = await driss.taps_notice("call")

    assert screen.text == f"Visit {visit.code} was cancelled meanwhile. There is nothing left to do."
    assert "Amina" not in screen.text


async def test_coming_is_told_and_a_request_can_still_be_confirmed_there(
    amina: Person, brahim: Person, driss: Person, scene: Scene
) -> None:
    await is_coming(amina, await books(amina))
    assert driss.notice.text.startswith("👍 Somebody says they are coming.")
    assert "confirm" in driss.notice.ids

    await sets_hours(scene, "mon-fri 09:00-12:00")
    await is_coming(brahim, await books(brahim, at=ELEVEN))
    assert driss.notice.ids == ["ok"]


async def test_news_that_is_stale_before_it_leaves_is_not_shown(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """The push of a booking is made after the visit has moved on."""
    visit = await books(amina)
    push = scene.pushes.pop()
    heard = len(driss.notices)
    await scene.desk.appointments.move(
        visit.id, day=THURSDAY, at=TEN, capacity=1, confirmed=False, now=scene.now
    )

    await scene.pushes_out(push)

    assert len(driss.notices) == heard


async def test_asking_for_a_call_tells_the_person(amina: Person, driss: Person) -> None:
    visit = await books(amina)

    screen = await driss.taps_notice("call")

    assert screen.text == f"The person of visit {visit.code} has been asked to call."
    assert amina.notice.flow == "call_request"
    assert amina.notice.draft.appointment_id == visit.id


async def test_the_news_comes_in_the_caseworkers_language(scene: Scene, amina: Person) -> None:
    reader = scene.caseworker("Driss", language="fr")

    await books(amina)

    assert "mercredi 25 novembre 2026" in reader.notice.text
    assert reader.notice.buttons[0] == "[fr] ✅ Confirm"


async def test_a_caseworker_in_the_middle_of_something_goes_on_there_after_confirming(
    amina: Person, driss: Person
) -> None:
    await driss.commands("week")
    before = driss.session
    await books(amina, WEDNESDAY, TEN)

    await driss.taps_notice("confirm")

    assert driss.session.frame == before.frame
    assert driss.session.prompt_no == before.prompt_no


async def test_a_caseworker_hears_when_the_person_cannot_be_told(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """Amina booked and then blocked the service."""
    visit = await books(amina)
    scene.desk.contacts.unreachable.add(amina.contact_id)

    screen = await driss.taps_notice("confirm")

    assert screen.text.splitlines()[0] == (
        f"Confirmed: visit {visit.code}. "
        "The person can't be reached here at the moment and does not know yet."
    )
    assert not amina.notices
    assert (await visit_now(scene, visit)).status is AppointmentStatus.CONFIRMED


async def test_nobody_is_said_to_have_been_asked_to_call_who_was_not(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    scene.desk.contacts.unreachable.add(amina.contact_id)

    screen = await driss.taps_notice("call")

    assert screen.text == (
        f"The person of visit {visit.code} can't be reached here at the moment, so nobody was asked to call."
    )
    assert not amina.notices


async def test_news_with_a_persons_name_is_opened_by_its_reader(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """The news of a cancelled visit names nobody."""
    visit = await books(amina)

    looks = [(look.by, look.at_contact, look.what) for look in scene.desk.audit.looks]
    assert looks == [(driss.contact_id, amina.contact_id, "visit")]
    await cancels(amina, visit)
    assert len(scene.desk.audit.looks) == 1


async def test_news_that_reaches_nobody_is_opened_by_nobody(
    scene: Scene, amina: Person, driss: Person
) -> None:
    scene.desk.contacts.unreachable.add(driss.contact_id)

    await books(amina)

    assert not scene.desk.audit.looks
