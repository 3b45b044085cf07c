"""What somebody hears who was not at their visit, or whose visit the centre could not keep."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.hours import VisitKind
from conversations.engine.outbound import Purpose
from tests.conversations.flows.staff.doings import (
    TEN,
    books,
    hears_what_is_due,
    marks,
    sets_hours,
    visit_now,
)
from tests.people import Person, ReceivedNotice, Scene

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
NEAREST = ["s20261123T1230", "s20261123T1300", "s20261123T1330"]


@pytest.fixture
async def visit(scene: Scene, brahim: Person, driss: Person) -> Appointment:
    """Brahim's visit at ten; at a quarter past eleven nobody has come."""
    visit = await books(brahim, TODAY, TEN)
    scene.later(hours=2, minutes=15)
    return visit


async def told(driss: Person, brahim: Person, visit: Appointment, said: str = "missed") -> ReceivedNotice:
    await marks(driss, visit, said)
    await hears_what_is_due(driss.scene)
    return brahim.notice


async def test_it_comes_at_once_without_blame_and_offers_three_times(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    notice = await told(driss, brahim, visit)

    assert (notice.flow, notice.purpose) == ("missed_visit", Purpose.VISIT)
    first, _, *rest = notice.text.splitlines()
    assert first == "[fr] 👋 A word about lundi 23 novembre 2026"
    assert "These things happen" in rest[0]
    # It is a quarter past eleven, and one books an hour ahead; the centre rests from twelve.
    assert notice.ids == [*NEAREST, "another", "!person", "why"]
    assert [label.removeprefix("[fr] ") for label in notice.buttons[:3]] == [
        "[fr] Monday 23 · 12:30",
        "[fr] Monday 23 · 13:00",
        "[fr] Monday 23 · 13:30",
    ]
    assert "lundi 23 novembre 2026, 12:30" in notice.text


@pytest.mark.parametrize("word", ["missed", "absent", "sanction", "warning", "fault", "why did"])
async def test_no_word_of_it_blames(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person, word: str
) -> None:
    assert word not in (await told(driss, brahim, visit)).text.lower()


async def test_a_time_is_booked_with_one_tap_and_what_got_in_the_way_is_asked_then(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)

    await brahim.taps_notice(NEAREST[1])

    (booked,) = await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
    assert (booked.day, booked.at, booked.need) == (TODAY, time(13), visit.need)
    assert booked.id != visit.id
    assert "The centre has your request." in brahim.screen
    assert "What got in the way?" in brahim.screen
    assert driss.notice.text.startswith("📥 Somebody asks for a visit.")

    await brahim.taps("transport")
    assert (await visit_now(scene, visit)).obstacle == "transport"
    assert "See you there." in brahim.screen


async def test_what_got_in_the_way_can_be_left_out(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)
    await brahim.taps_notice(NEAREST[0])

    await brahim.taps("skip")

    assert (await visit_now(scene, visit)).obstacle is None
    assert "See you there." in brahim.screen


@pytest.mark.parametrize("answer", ["forgot", "transport", "work", "health", "family", "not_wanted", "other"])
async def test_what_got_in_the_way_can_be_said_first(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person, answer: str
) -> None:
    await told(driss, brahim, visit)

    await brahim.taps_notice("why")
    await brahim.taps(answer)

    assert (await visit_now(scene, visit)).obstacle == answer
    assert brahim.ids[:3] == NEAREST
    await brahim.taps(NEAREST[0])
    assert "What got in the way?" not in brahim.screen, "it is said already"
    assert len(await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)) == 1


async def test_a_time_that_is_gone_leads_to_fresh_ones(
    scene: Scene, visit: Appointment, amina: Person, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)
    await books(amina, TODAY, time(12, 30))

    await brahim.taps_notice(NEAREST[0])

    assert brahim.screen.startswith("[fr] That time has just been taken.")
    assert brahim.ids[:3] == ["s20261123T1300", "s20261123T1330", "s20261123T1400"]
    await brahim.taps("s20261123T1400")
    (booked,) = await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
    assert booked.at == time(14)


async def test_a_double_tap_books_once(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    notice = await told(driss, brahim, visit)

    await brahim.taps_notice(NEAREST[0], notice)
    await brahim.taps_notice(NEAREST[0], notice)

    assert len(await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)) == 1


async def test_yesterdays_times_book_nothing(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)
    scene.later(days=1)

    await brahim.taps_notice(NEAREST[0])

    assert not await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
    assert brahim.screen.startswith("[fr] That time has just been taken.")
    assert brahim.ids[0].startswith("s20261124T")


async def test_days_with_a_visit_of_ones_own_are_not_offered(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await books(brahim, TODAY, time(15))

    notice = await told(driss, brahim, visit)

    assert notice.ids[0] == "s20261124T0830"


async def test_who_has_as_many_visits_as_one_can_have_is_offered_none(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    for day in (24, 25, 26):
        await books(brahim, date(2026, 11, day), TEN)

    notice = await told(driss, brahim, visit)

    assert notice.ids == ["another", "!person", "why"]
    assert "These times are free" not in notice.text


async def test_another_time_leads_to_the_days_of_the_same_centre(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)

    await brahim.taps_notice("another")

    assert (brahim.flow, brahim.step) == ("booking", "day")
    await brahim.taps("2026-11-24", "0830", "yes")
    (booked,) = await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
    assert (booked.centre_slug, booked.need) == (visit.centre_slug, visit.need)


async def test_a_person_is_one_tap_away(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    await told(driss, brahim, visit)

    await brahim.taps_notice("!person")

    assert brahim.flow == "person"


async def test_a_visit_by_telephone_is_not_rebooked_without_a_number(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    visit = await scene.desk.appointments.book(
        contact_id=brahim.contact_id,
        centre_slug="sale",
        need=(await books(brahim, TOMORROW)).need,
        day=TODAY,
        at=TEN,
        capacity=1,
        confirmed=True,
        now=scene.now,
        kind=VisitKind.PHONE,
    )
    scene.later(hours=2)

    notice = await told(driss, brahim, visit)
    assert notice.ids == ["another", "!person", "why"]

    await brahim.taps_notice("another")
    assert (brahim.flow, brahim.step) == ("booking", "need")


async def test_marked_in_the_night_it_comes_in_the_morning(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    scene.clock.moves_to(datetime(2026, 11, 23, 22, tzinfo=UTC))
    before = len(brahim.notices)
    await marks(driss, visit, "missed")

    await scene.goes_on_until(datetime(2026, 11, 24, 7, 59, tzinfo=UTC))
    assert len(brahim.notices) == before
    await scene.goes_on_until(datetime(2026, 11, 24, 8, tzinfo=UTC))

    assert brahim.notice.flow == "missed_visit"


async def test_after_three_days_nothing_is_said(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    scene.later(days=3)
    before = len(brahim.notices)

    await marks(driss, visit, "missed", on=TODAY)
    await scene.goes_on_until(scene.now + timedelta(days=2))

    assert len(brahim.notices) == before
    assert (await visit_now(scene, visit)).status is AppointmentStatus.MISSED


async def test_what_the_centre_cancelled_is_its_own_doing_and_never_a_miss(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    notice = await told(driss, brahim, visit, "called_off")

    assert notice.flow == "visit_called_off"
    assert "It was us, and we are sorry." in notice.text
    assert "You could not be there" not in notice.text
    assert notice.ids == [*NEAREST, "another", "!person"]

    await brahim.taps_notice(NEAREST[2])
    (booked,) = await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
    assert booked.at == time(13, 30)
    assert "What got in the way" not in brahim.screen


async def test_a_time_gone_meanwhile_is_replaced_there_too(
    scene: Scene, visit: Appointment, amina: Person, brahim: Person, driss: Person
) -> None:
    await sets_hours(scene, "mon-fri 12:30-14:30")
    await told(driss, brahim, visit, "called_off")
    await books(amina, TODAY, time(13))

    await brahim.taps_notice("s20261123T1300")
    assert brahim.screen.startswith("[fr] That time has just been taken.")
    await brahim.taps("s20261123T1330")

    assert "✅ Your visit is booked." in brahim.screen


async def test_the_news_goes_when_the_mark_is_put_right(
    scene: Scene, visit: Appointment, brahim: Person, driss: Person
) -> None:
    notice = await told(driss, brahim, visit)

    await marks(driss, visit, "came")
    await brahim.taps_notice(NEAREST[0], notice)

    assert "older message" in brahim.screen
    assert not await scene.desk.appointments.upcoming(brahim.contact_id, now=scene.now)
