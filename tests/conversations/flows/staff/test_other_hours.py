"""Other hours for a while: those of Ramadan 2027, computed for 8 February to 8 March, and of summer."""

from datetime import UTC, date, datetime, time

import pytest

from conversations.care.hours import HoursPeriod, PeriodKind, WeeklyHours
from conversations.care.periods import RAMADAN_WEEK
from conversations.errors import SlotTaken
from tests.conversations.flows.staff.doings import books, sets_hours, visit_now
from tests.people import Person, Scene

JANUARY = datetime(2027, 1, 25, 9, tzinfo=UTC)
FIRST, LAST = date(2027, 2, 8), date(2027, 3, 9)
IN_IT = date(2027, 2, 10)


@pytest.fixture
async def at_hours(scene: Scene, driss: Person) -> Person:
    """Driss before other hours of his centre, a fortnight before Ramadan."""
    scene.clock.moves_to(JANUARY)
    await sets_hours(scene, "mon-fri 08:30-12:00 12:30-16:30")
    await driss.commands("centre")
    await driss.taps("more", "other_hours")
    return driss


async def periods_now(scene: Scene) -> tuple[HoursPeriod, ...]:
    return (await scene.desk.centres.get("sale")).rules.periods


def ramadan(first: date = FIRST, last: date = LAST) -> HoursPeriod:
    return HoursPeriod(PeriodKind.RAMADAN, first, last, RAMADAN_WEEK)


async def switches_ramadan_on(driss: Person) -> None:
    await driss.taps("ramadan", FIRST.isoformat(), LAST.isoformat(), "next", "save")


async def test_ramadan_is_switched_on_by_taps_alone(scene: Scene, at_hours: Person, amina: Person) -> None:
    assert at_hours.screen == "The usual hours hold all the year."
    await at_hours.taps("ramadan")
    assert "computed for Monday, 8 February 2027" in at_hours.screen
    assert at_hours.ids[:3] == ["2027-02-07", "2027-02-08", "2027-02-09"]
    await at_hours.taps("2027-02-08")
    assert at_hours.ids[:2] == ["2027-03-08", "2027-03-09"]
    await at_hours.taps("2027-03-09")
    assert "Friday: 09:00 to 15:00" in at_hours.screen
    await at_hours.taps("next")
    # Twelve visits of half an hour on five days.
    assert "That is 60 visits a week." in at_hours.screen
    assert await periods_now(scene) == ()
    await at_hours.taps("save")

    assert await periods_now(scene) == (ramadan(),)
    said = "🌙 Ramadan hours: Monday, 8 February 2027 to Tuesday, 9 March 2027"
    assert at_hours.screen.startswith(said)
    with pytest.raises(SlotTaken):
        await books(amina, IN_IT, time(8, 30))
    await books(amina, IN_IT, time(9))
    await at_hours.commands("centre")
    assert said in at_hours.screen


async def test_before_and_after_the_usual_hours_hold(
    scene: Scene, at_hours: Person, amina: Person, brahim: Person
) -> None:
    await switches_ramadan_on(at_hours)

    await books(amina, date(2027, 2, 5), time(8, 30))
    await books(brahim, date(2027, 3, 11), time(15))


async def test_the_hours_of_ramadan_can_be_typed_and_days_closed(scene: Scene, at_hours: Person) -> None:
    await at_hours.taps("ramadan", "2027-02-09", "2027-03-09")

    await at_hours.says("vendredi 9h-12h")
    await at_hours.taps("d0")
    assert at_hours.screen.startswith("When do you receive people in that time?")
    await at_hours.taps("next", "save")

    (period,) = await periods_now(scene)
    assert period.hours == WeeklyHours.parse("tue-thu 09:00-15:00; fri 09:00-12:00")
    assert (period.first_day, period.last_day) == (date(2027, 2, 9), date(2027, 3, 9))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fri 15:00-09:00", "“15:00-09:00” ends before it begins."),
        ("xyz 9-12", "Which day is “xyz”?"),
    ],
)
async def test_hours_that_are_none_are_answered_with_the_reason(
    at_hours: Person, typed: str, said: str
) -> None:
    await at_hours.taps("ramadan", FIRST.isoformat(), LAST.isoformat())

    await at_hours.says(typed)

    assert at_hours.screen.startswith(said)


async def test_a_week_without_an_open_day_or_a_visit_is_not_taken(scene: Scene, at_hours: Person) -> None:
    await at_hours.taps("ramadan", FIRST.isoformat(), LAST.isoformat(), "d1", "d2", "d3", "d4", "d0", "next")
    assert at_hours.screen.startswith("At least one day must be open.")

    await at_hours.says("mon 9:00-9:20")
    await at_hours.taps("next")

    assert at_hours.screen.startswith("No visit fits into these hours.")
    assert await periods_now(scene) == ()


async def test_the_moon_is_followed_in_one_tap(scene: Scene, at_hours: Person) -> None:
    """The month begins a day later than thought and has 29 days."""
    await switches_ramadan_on(at_hours)
    await at_hours.taps("ramadan-2027-02-08")
    assert at_hours.ids[:3] == ["first2027-02-07", "first2027-02-09", "last2027-03-08"]

    await at_hours.taps("first2027-02-09")
    assert await periods_now(scene) == (ramadan(date(2027, 2, 9), date(2027, 3, 10)),)
    await at_hours.taps("last2027-03-09")

    assert await periods_now(scene) == (ramadan(date(2027, 2, 9), date(2027, 3, 9)),)
    assert "Tuesday, 9 February 2027 to Tuesday, 9 March 2027" in at_hours.screen


async def test_booked_visits_outside_the_new_hours_are_counted(
    scene: Scene, at_hours: Person, amina: Person, brahim: Person
) -> None:
    early = await books(amina, IN_IT, time(8, 30))
    inside = await books(brahim, IN_IT, time(9))
    before = await books(amina, date(2027, 2, 5), time(8, 30))
    await at_hours.taps("ramadan", FIRST.isoformat(), LAST.isoformat(), "next")
    assert "⚠️ 1 visit is booked outside these hours. Its person is offered another time." in at_hours.screen
    await at_hours.taps("save")
    assert "⚠️ 1 visit is booked outside these hours." in at_hours.screen
    await at_hours.taps("ramadan-2027-02-08")
    assert "⚠️ 1 visit is booked outside these hours." in at_hours.screen
    assert "visits" in at_hours.ids

    await at_hours.taps("!back", "visits")

    assert at_hours.flow == "agenda"
    assert at_hours.screen.startswith("Wednesday, 10 February 2027")
    assert [await visit_now(scene, visit) for visit in (early, inside, before)] == [early, inside, before]


async def test_a_manager_sees_the_count_but_not_the_visits(
    scene: Scene, at_hours: Person, karim: Person, amina: Person
) -> None:
    await books(amina, IN_IT, time(8, 30))
    await switches_ramadan_on(at_hours)
    await karim.commands("centre")
    await karim.taps("later")
    await karim.taps("sale", "more", "other_hours", "ramadan-2027-02-08")

    assert "⚠️ 1 visit is booked outside these hours." in karim.screen
    assert "visits" not in karim.ids


async def test_ramadan_is_offered_once_and_can_be_switched_off(scene: Scene, at_hours: Person) -> None:
    await switches_ramadan_on(at_hours)
    assert "ramadan" not in at_hours.ids
    assert "🌙 Monday, 8 February" in at_hours.buttons

    await at_hours.taps("ramadan-2027-02-08", "end")

    assert await periods_now(scene) == ()
    assert "ramadan" in at_hours.ids


async def test_the_hours_of_a_period_are_changed_in_place(scene: Scene, at_hours: Person) -> None:
    await switches_ramadan_on(at_hours)

    await at_hours.taps("ramadan-2027-02-08", "hours", "d4", "next", "save")

    (period,) = await periods_now(scene)
    assert period.hours == WeeklyHours.parse("mon-thu 09:00-15:00")


async def test_two_who_switch_it_on_leave_one(scene: Scene, at_hours: Person, hind: Person) -> None:
    await hind.commands("centre")
    await hind.taps("more", "other_hours", "ramadan", "2027-02-09", "2027-03-09", "next")
    await switches_ramadan_on(at_hours)

    await hind.taps("save")

    assert await periods_now(scene) == (ramadan(date(2027, 2, 9), date(2027, 3, 9)),)


async def test_what_a_colleague_switched_off_is_said_to_be_gone(
    scene: Scene, at_hours: Person, hind: Person
) -> None:
    await switches_ramadan_on(at_hours)
    await at_hours.taps("ramadan-2027-02-08")
    await hind.commands("centre")
    await hind.taps("more", "other_hours", "ramadan-2027-02-08", "end")

    await at_hours.taps("first2027-02-09")

    assert at_hours.step == "other_hours"
    assert await periods_now(scene) == ()


async def test_summer_hours_are_typed(scene: Scene, at_hours: Person) -> None:
    await at_hours.taps("other")
    await at_hours.says("١/٧/٢٠٢٧")
    await at_hours.says("31/08/2027", "mon-fri 8-14")
    await at_hours.taps("next", "save")

    (period,) = await periods_now(scene)
    assert (period.kind, period.first_day, period.last_day) == (
        PeriodKind.OTHER,
        date(2027, 7, 1),
        date(2027, 8, 31),
    )
    assert str(period.hours).startswith("mon 08:00-14:00")
    await at_hours.taps("other-2027-07-01", "days")
    await at_hours.says("2/7/2027", "1/9/2027")
    await at_hours.taps("next", "save")
    (period,) = await periods_now(scene)
    assert (period.first_day, period.last_day) == (date(2027, 7, 2), date(2027, 9, 1))
    assert not [choice for choice in at_hours.ids if choice.startswith(("first", "last"))]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("31/2/2027", "This is no day."),
        ("29/2/2027", "This is no day."),
        ("soon", "This is no day."),
        ("24/1/2027", "That day is over."),
        ("1/7/2207", "Please check the year: "),
    ],
)
async def test_a_first_day_that_can_not_be_is_asked_again(at_hours: Person, typed: str, said: str) -> None:
    await at_hours.taps("other")

    await at_hours.says(typed)

    assert at_hours.screen.startswith(said)
    assert at_hours.step == "first_day"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("30/6/2027", "That would end before it begins"),
        ("3/7/2028", "Other hours hold for a year at most."),
        ("31/6/2027", "This is no day."),
    ],
)
async def test_a_last_day_that_can_not_be_is_asked_again(at_hours: Person, typed: str, said: str) -> None:
    await at_hours.taps("other")
    await at_hours.says("1/7/2027", typed)

    assert at_hours.screen.startswith(said)
    assert at_hours.step == "last_day"


async def test_other_hours_may_begin_on_the_29_february(scene: Scene, at_hours: Person) -> None:
    scene.clock.moves_to(datetime(2028, 2, 1, 9, tzinfo=UTC))
    await at_hours.commands("centre")
    await at_hours.taps("more", "other_hours", "other")
    await at_hours.says("29/2/2028", "1/3/2028")
    await at_hours.taps("next", "save")

    (period,) = await periods_now(scene)
    assert (period.last_day - period.first_day).days == 1


async def test_a_ramadan_over_the_turn_of_the_year_is_offered(scene: Scene, driss: Person) -> None:
    """That of 1452, from 26 December 2030."""
    scene.clock.moves_to(datetime(2030, 12, 27, 9, tzinfo=UTC))
    await sets_hours(scene, "mon-fri 08:30-16:30")
    await driss.commands("centre")

    await driss.taps("more", "other_hours", "ramadan", "2030-12-27", "2031-01-24", "next", "save")

    (period,) = await periods_now(scene)
    assert (period.first_day, period.last_day) == (date(2030, 12, 27), date(2031, 1, 24))


async def test_a_centre_without_own_hours_can_have_those_of_ramadan(scene: Scene, driss: Person) -> None:
    scene.clock.moves_to(JANUARY)
    await driss.commands("centre")
    await driss.taps("more", "other_hours")

    await switches_ramadan_on(driss)

    centre = await scene.desk.centres.get("sale")
    assert centre.rules.periods == (ramadan(),)
    assert not centre.hours_confirmed


async def test_people_read_the_hours_that_come_soon(scene: Scene, at_hours: Person, brahim: Person) -> None:
    await switches_ramadan_on(at_hours)

    await brahim.starts()
    await brahim.taps("nearest", "sale")

    assert "🌙 Ramadan hours" in brahim.screen
    assert "09:00 to 15:00" in brahim.screen
