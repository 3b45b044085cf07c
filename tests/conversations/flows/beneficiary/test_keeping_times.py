"""A time that somebody has chosen is kept for them while they make sure, and no longer."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from conversations.care.closures import Closure, may_become_holiday
from conversations.care.hours import Length, VisitRules, WeeklyHours
from conversations.engine.reply import Tap
from conversations.errors import SlotTaken
from tests.conversations.flows.staff.doings import ELEVEN, TEN, THURSDAY, WEDNESDAY, books, cancels, is_coming
from tests.people import Person, Scene

ONE_TIME = VisitRules(WeeklyHours.parse("wed 10:00-10:30"))
TOO_LATE = "[ar] It is too late for that time. These are free now."


@pytest.fixture
async def at_times(amina: Person) -> Person:
    """Amina, who needs work, has the times of Wednesday at Salé before her."""
    await amina.starts()
    await amina.taps("booking", "job", "sale", WEDNESDAY.isoformat())
    return amina


def kept(scene: Scene) -> list[tuple[date, time]]:
    return [(hold.day, hold.at) for hold in scene.desk.holds.rows if hold.until > scene.now]


async def test_the_chosen_time_is_kept_for_ten_minutes_and_the_person_reads_until_when(
    at_times: Person, brahim: Person
) -> None:
    await at_times.taps("1000")

    assert "[ar] Kept for you until 09:10." in at_times.screen.splitlines()
    with pytest.raises(SlotTaken):
        await books(brahim, WEDNESDAY, TEN)

    at_times.scene.later(minutes=10)

    assert (await books(brahim, WEDNESDAY, TEN)).is_live


async def test_who_is_slower_by_a_moment_reads_so_at_once_and_sees_what_is_left(
    at_times: Person, scene: Scene
) -> None:
    brahim = scene.beneficiary("Brahim", language="en")
    await brahim.starts()
    await brahim.taps("booking", "job", "sale", WEDNESDAY.isoformat())
    await at_times.taps("1000")

    await brahim.taps("1000")

    assert brahim.screen.startswith("That time has just been taken.")
    assert brahim.step == "time"
    assert "1000" not in brahim.ids
    await brahim.taps("!back")
    assert brahim.step == "day"


async def test_who_is_slower_on_a_day_with_one_time_is_led_to_the_days(
    at_times: Person, brahim: Person
) -> None:
    scene = at_times.scene
    await scene.desk.centres.set_rules("sale", ONE_TIME)
    await brahim.starts()
    await brahim.taps("booking", "job", "sale", WEDNESDAY.isoformat())
    await at_times.taps("1000")

    await brahim.taps("1000")

    assert brahim.screen.startswith("[fr] That time has just been taken.")
    assert brahim.step == "day"
    assert WEDNESDAY.isoformat() not in brahim.ids


@pytest.mark.parametrize("away", ["other_day", "!back", "!menu"])
async def test_whoever_turns_away_lets_others_have_the_time(
    at_times: Person, brahim: Person, away: str
) -> None:
    await at_times.taps("1000", away)

    assert kept(at_times.scene) == []
    assert (await books(brahim, WEDNESDAY, TEN)).is_live


async def test_a_word_for_the_menu_lets_go_as_well(at_times: Person) -> None:
    await at_times.taps("1000")
    await at_times.says("menu")

    assert kept(at_times.scene) == []


async def test_of_several_times_looked_at_only_the_last_is_kept(at_times: Person) -> None:
    await at_times.taps("1000", "!back", "1030", "other_day", THURSDAY.isoformat(), "1100")

    assert kept(at_times.scene) == [(THURSDAY, ELEVEN)]


async def test_a_yes_after_the_ten_minutes_books_what_is_still_free(at_times: Person) -> None:
    await at_times.taps("1000")
    at_times.scene.later(minutes=30)
    await at_times.taps("yes")

    (visit,) = at_times.scene.desk.appointments.rows.values()
    assert (visit.day, visit.at) == (WEDNESDAY, TEN)
    assert "The centre has your request." in at_times.screen


async def test_what_is_not_kept_any_more_is_not_said_to_be(at_times: Person) -> None:
    await at_times.taps("1000")
    at_times.scene.later(minutes=11)
    await at_times.says("what?")

    assert at_times.step == "confirm"
    assert "Kept for you" not in at_times.screen


async def test_the_yes_leaves_the_visit_and_nothing_kept(at_times: Person) -> None:
    await at_times.taps("1000", "yes")

    assert kept(at_times.scene) == []


async def test_while_a_visit_changes_both_times_are_the_persons(
    scene: Scene, amina: Person, brahim: Person
) -> None:
    await scene.desk.centres.set_rules("sale", VisitRules(WeeklyHours.parse("wed-thu 10:00-10:30")))
    visit = await books(amina, WEDNESDAY, TEN)
    await amina.starts()
    await amina.taps("my_visits", str(visit.id), "change", THURSDAY.isoformat(), "1000")

    for day in (WEDNESDAY, THURSDAY):
        with pytest.raises(SlotTaken):
            await books(brahim, day, TEN)

    await amina.taps("yes")

    assert scene.desk.appointments.rows[visit.id].day == THURSDAY
    assert (await books(brahim, WEDNESDAY, TEN)).is_live


async def test_who_cancels_instead_keeps_no_other_time_from_others(scene: Scene, amina: Person) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await amina.starts()
    await amina.taps("my_visits", str(visit.id), "change", THURSDAY.isoformat(), "1000")
    await cancels(amina, visit)

    assert kept(scene) == []


# Taps that come twice, and late


async def test_a_quick_second_yes_books_once_and_leaves_the_booking_on_the_screen(at_times: Person) -> None:
    await at_times.taps("1000")
    yes = Tap(at_times.prompt_ref, "yes")
    first = await at_times.sends(yes)
    at_times.scene.later(seconds=1)
    second = await at_times.sends(yes)

    assert len(at_times.scene.desk.appointments.rows) == 1
    assert second is first
    assert second.text.startswith("[ar] ✅ The centre has your request.")


async def test_a_quick_second_tap_on_a_time_stays_at_the_question(at_times: Person) -> None:
    tap = Tap(at_times.prompt_ref, "1000")
    first = await at_times.sends(tap)

    assert await at_times.sends(tap) is first
    assert at_times.step == "confirm"
    assert kept(at_times.scene) == [(WEDNESDAY, TEN)]


async def test_yesterdays_day_gets_a_sentence_and_the_days_of_today(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job", "sale")
    yesterday = amina.ids[0]
    amina.scene.later(hours=23)

    await amina.taps(yesterday)

    assert amina.screen.startswith("[ar] That day has passed. These are free now.")
    assert (amina.step, amina.ids[0]) == ("day", "2026-11-24")


async def test_yesterdays_time_gets_a_sentence_and_the_days_of_today(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job", "sale", "2026-11-23")
    amina.scene.later(hours=23)

    await amina.taps("1430")

    assert amina.screen.startswith(TOO_LATE)
    assert (amina.step, amina.ids[0]) == ("day", "2026-11-24")


async def test_yesterdays_yes_gets_a_sentence_and_the_days_of_today(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job", "sale", "2026-11-23", "1430")
    amina.scene.later(hours=23)

    await amina.taps("yes")

    assert amina.screen.startswith(TOO_LATE)
    assert (amina.step, amina.ids[0]) == ("day", "2026-11-24")
    assert amina.scene.desk.appointments.rows == {}


async def test_a_proposal_that_is_answered_too_late_says_so(amina: Person, driss: Person) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await driss.taps_notice("propose")
    await driss.taps("2026-11-24", "1000", "send")
    amina.scene.clock.moves_to(datetime(2026, 11, 24, 12, tzinfo=UTC))

    await amina.taps_notice("accept")

    assert amina.screen.startswith(TOO_LATE)
    assert amina.scene.desk.appointments.rows[visit.id].day == WEDNESDAY


# Rather a woman


async def test_a_wish_for_a_woman_is_passed_on_and_the_centre_decides(
    at_times: Person, driss: Person
) -> None:
    await at_times.taps("1000", "woman")

    assert "👩 You would rather speak with a woman: we pass it on, the centre decides." in at_times.screen
    assert "Kept for you" in at_times.screen

    await at_times.taps("yes")

    (visit,) = at_times.scene.desk.appointments.rows.values()
    assert visit.wants_woman
    assert "👩 Would rather speak with a woman." in driss.notice.text
    await is_coming(at_times, visit)
    await driss.commands("week")
    assert driss.screen.count("⏳ request · 👩 · 👍 coming") == 1
    await driss.taps(str(visit.id))
    assert "👩 Would rather speak with a woman." in driss.screen


async def test_the_wish_is_taken_back_with_the_same_button(at_times: Person, driss: Person) -> None:
    await at_times.taps("1000", "woman", "woman", "yes")

    (visit,) = at_times.scene.desk.appointments.rows.values()
    assert not visit.wants_woman
    assert "👩" not in driss.notice.text


async def test_the_wish_stays_when_the_visit_moves_and_can_be_added_then(
    amina: Person, driss: Person
) -> None:
    visit = await books(amina, WEDNESDAY, TEN)
    await amina.starts()
    await amina.taps("my_visits", str(visit.id), "change", THURSDAY.isoformat(), "1000", "woman", "yes")
    assert amina.scene.desk.appointments.rows[visit.id].wants_woman
    assert "👩" in driss.notice.text

    await amina.taps("!menu", "my_visits", str(visit.id), "change", THURSDAY.isoformat(), "1100")
    assert "You would rather speak with a woman" in amina.screen

    await amina.taps("yes")
    assert amina.scene.desk.appointments.rows[visit.id].wants_woman


# Days that hang on the moon

FEAST = date(2027, 3, 10)


def holiday(*, closed: bool = True, decided: bool = False, estimated: bool = True) -> Closure:
    return Closure(FEAST, closed=closed, decided=decided, estimated=estimated)


@pytest.mark.parametrize(
    ("days_away", "closure", "may"),
    [
        (0, holiday(closed=False, decided=True), True),
        (1, holiday(), True),
        (-1, holiday(), True),
        (2, holiday(), False),
        (1, holiday(estimated=False), False),
        (1, holiday(decided=True), False),
    ],
)
def test_what_the_moon_may_still_close(days_away: int, closure: Closure, may: bool) -> None:
    assert may_become_holiday(FEAST + timedelta(days=days_away), [closure]) is may


@pytest.mark.parametrize(("day", "warned"), [(date(2027, 3, 11), True), (date(2027, 3, 12), False)])
async def test_a_day_that_hangs_on_the_moon_is_booked_with_a_warning(
    scene: Scene, amina: Person, day: date, warned: bool
) -> None:
    scene.clock.moves_to(datetime(2027, 3, 4, 9, tzinfo=UTC))
    await amina.starts()
    await amina.taps("booking", "job", "sale", day.isoformat(), "1000")

    assert ("🌙 This day may become a holiday. Then we write to you." in amina.screen) is warned

    await amina.taps("yes")

    assert "The centre has your request." in amina.screen


@pytest.mark.parametrize(("later", "locks"), [(0, 0), (9.5, 1)])
async def test_a_time_kept_for_only_a_moment_more_is_taken_like_any_other(
    at_times: Person, scene: Scene, monkeypatch: pytest.MonkeyPatch, later: float, locks: int
) -> None:
    """Before a slow turn is over it might be somebody else's."""
    await at_times.taps("1000")
    scene.later(minutes=later)
    locked: list[time] = []

    async def lock_time(centre_slug: str, day: date, at: time, length: Length) -> None:
        locked.append(at)

    monkeypatch.setattr(scene.desk.appointments, "lock_time", lock_time)
    await at_times.taps("yes")

    assert "The centre has your request." in at_times.screen
    assert locked == [TEN] * locks


async def test_where_places_are_left_for_people_without_a_visit_the_day_is_kept_from_others(
    at_times: Person, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted over the day, so two who choose different times could both get the last one."""
    rules = (await scene.desk.centres.get("sale")).rules
    await scene.desk.centres.set_rules("sale", replace(rules, walk_in_percent=20))
    locked: list[date] = []

    async def lock_day(centre_slug: str, day: date) -> None:
        locked.append(day)

    monkeypatch.setattr(scene.desk.appointments, "lock_day", lock_day)
    await at_times.taps("1000")

    assert locked == [WEDNESDAY]
