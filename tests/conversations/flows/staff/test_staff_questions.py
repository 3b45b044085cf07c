"""Staff are asked about Ramadan and about feasts that hang on the moon. A centre's first answer counts."""

from datetime import UTC, date, datetime, time

import pytest

from conversations.care.closures import ClosureReason
from conversations.care.hours import HoursPeriod, PeriodKind
from conversations.care.people import Role
from conversations.care.periods import RAMADAN_WEEK
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.staff.moon_day import MoonDays
from conversations.flows.staff.ramadan_question import RamadanQuestion
from tests.conversations.flows.staff.doings import books, sets_hours, visit_now
from tests.people import Person, Scene

# Ramadan 2027 is computed for 8 February to 8 March, the feast after it for 9 and 10 March.
RAMADAN = RamadanQuestion("sale", date(2027, 2, 8), date(2027, 3, 8))
TEN_DAYS_BEFORE = datetime(2027, 1, 29, 9, tzinfo=UTC)
FITR = MoonDays("sale", date(2027, 3, 9), 2)
NEW_YEAR = MoonDays("sale", date(2027, 6, 6), 1)
THREE_DAYS_BEFORE = datetime(2027, 3, 6, 9, tzinfo=UTC)


async def asks(person: Person, question: MoonDays | RamadanQuestion) -> None:
    """Push the question as the morning's tick does."""
    flow = "moon_day" if isinstance(question, MoonDays) else "ramadan_question"
    key = f"{flow}:{question.first_day}:{person.contact_id}"
    await person.scene.pushes_out(Push(person.contact_id, flow, question, Purpose.STAFF, key))


async def closed_on(scene: Scene, *days: int) -> list[bool]:
    found = {c.day: c for c in await scene.desk.closures.between("sale", date(2027, 3, 1), date(2027, 3, 31))}
    return [(day := date(2027, 3, number)) in found and found[day].closed for number in days]


@pytest.fixture
async def before_the_feast(scene: Scene, driss: Person, hind: Person) -> Scene:
    """Driss and Hind of Salé have been asked about the feast."""
    scene.clock.moves_to(THREE_DAYS_BEFORE)
    await asks(driss, FITR)
    await asks(hind, FITR)
    return scene


# Ramadan


async def test_ramadan_leads_to_its_hours(scene: Scene, driss: Person) -> None:
    scene.clock.moves_to(TEN_DAYS_BEFORE)
    await asks(driss, RAMADAN)
    assert driss.notice.text.startswith("🌙 Do other hours hold at your centre in Ramadan?")
    assert "Monday, 8 February 2027. Centre: Salé" in driss.notice.text

    await driss.taps_notice("set")
    await driss.taps("2027-02-09", "2027-03-10", "next", "save")

    assert (await scene.desk.centres.get("sale")).rules.periods == (
        HoursPeriod(PeriodKind.RAMADAN, date(2027, 2, 9), date(2027, 3, 10), RAMADAN_WEEK),
    )


async def test_the_usual_hours_may_hold_in_ramadan_too(scene: Scene, driss: Person) -> None:
    scene.clock.moves_to(TEN_DAYS_BEFORE)
    await asks(driss, RAMADAN)

    await driss.taps_notice("same")

    assert driss.screen.startswith("The usual hours hold.")
    assert (await scene.desk.centres.get("sale")).rules.periods == ()


async def test_who_comes_later_finds_the_hours_that_a_colleague_set(
    scene: Scene, driss: Person, hind: Person
) -> None:
    scene.clock.moves_to(TEN_DAYS_BEFORE)
    await asks(hind, RAMADAN)
    period = HoursPeriod(PeriodKind.RAMADAN, date(2027, 2, 9), date(2027, 3, 9), RAMADAN_WEEK)
    await scene.desk.centres.set_periods("sale", [period])

    await asks(driss, RAMADAN)
    await hind.taps_notice("set")

    assert driss.notices == []
    assert hind.screen.startswith("A colleague has set these hours already.")
    assert "first2027-02-08" in hind.ids
    assert (await scene.desk.centres.get("sale")).rules.periods == (period,)


async def test_an_answer_after_ramadan_changes_nothing(scene: Scene, driss: Person) -> None:
    scene.clock.moves_to(TEN_DAYS_BEFORE)
    await asks(driss, RAMADAN)
    scene.clock.moves_to(datetime(2027, 3, 20, 9, tzinfo=UTC))

    await driss.taps_notice("set")

    assert driss.screen.startswith("Ramadan is over, so nothing was changed.")


async def test_who_went_to_another_centre_is_not_asked(scene: Scene, driss: Person) -> None:
    scene.clock.moves_to(TEN_DAYS_BEFORE)
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "agadir")

    await asks(driss, RAMADAN)
    await asks(driss, FITR)

    assert driss.notices == []


# Feasts


async def test_a_feast_is_asked_with_its_days(before_the_feast: Scene, driss: Person) -> None:
    assert driss.notice.text.splitlines() == [
        "🌙 Fête de la rupture du jeûne: when do you close?",
        "The moon decides, and people should know. Centre: Salé",
        "",
        "📅 As computed",
        "Tuesday, 9 March 2027",
        "Wednesday, 10 March 2027",
        "➡️ A day later",
        "Wednesday, 10 March 2027",
        "Thursday, 11 March 2027",
    ]
    assert driss.notice.ids == ["as_computed", "later", "both", "open"]


@pytest.mark.parametrize(
    ("answer", "closed"),
    [
        ("as_computed", [True, True, False]),
        ("later", [False, True, True]),
        ("both", [True, True, True]),
        ("open", [False, False, False]),
    ],
)
async def test_an_answer_is_the_centres_word(
    before_the_feast: Scene, driss: Person, answer: str, closed: list[bool]
) -> None:
    await driss.taps_notice(answer)

    assert await closed_on(before_the_feast, 9, 10, 11) == closed
    found = await before_the_feast.desk.closures.between("sale", date(2027, 3, 9), date(2027, 3, 11))
    assert all(closure.decided for closure in found)
    assert {closure.reason for closure in found if closure.closed} <= {ClosureReason.HOLIDAY}
    assert driss.step == "closed_days"
    assert driss.screen.startswith("Saved. You can change each day here.")


async def test_the_first_answer_counts_and_the_others_see_it(
    before_the_feast: Scene, driss: Person, hind: Person
) -> None:
    await driss.taps_notice("later")

    await hind.taps_notice("both")

    assert hind.screen.startswith("A colleague has answered already. It stands like this:")
    assert "🔓 Tuesday, 9 March 2027" in hind.screen
    assert "🔒 Wednesday, 10 March 2027" in hind.screen
    assert await closed_on(before_the_feast, 9, 10, 11) == [False, True, True]
    await hind.taps("2027-03-09")
    assert await closed_on(before_the_feast, 9) == [True]


async def test_another_centre_answers_for_itself(before_the_feast: Scene, driss: Person) -> None:
    await driss.taps_notice("open")

    found = await before_the_feast.desk.closures.between("fes", date(2027, 3, 9), date(2027, 3, 10))
    assert [closure.closed for closure in found] == [True, True]


async def test_a_feast_of_one_day_may_be_a_day_later(scene: Scene, driss: Person) -> None:
    """The first of Moharram, on a Sunday as computed."""
    scene.clock.moves_to(datetime(2027, 6, 3, 9, tzinfo=UTC))
    await asks(driss, NEW_YEAR)

    await driss.taps_notice("later")

    found = await scene.desk.closures.between("sale", date(2027, 6, 6), date(2027, 6, 7))
    assert [closure.closed for closure in found] == [False, True]


async def test_who_has_a_visit_on_a_day_that_closes_is_offered_another_time(
    scene: Scene, driss: Person, amina: Person
) -> None:
    scene.clock.moves_to(THREE_DAYS_BEFORE)
    await sets_hours(scene, "mon-fri 08:30-16:30")
    visit = await books(amina, date(2027, 3, 11), time(10))
    await asks(driss, FITR)

    await driss.taps_notice("later")

    assert "1 person has been told." in driss.screen
    assert "visits" in driss.ids
    assert (await visit_now(scene, visit)).displaced_at is not None
    assert amina.notice.flow == "visit_displaced"


async def test_an_answer_after_the_feast_changes_nothing(before_the_feast: Scene, driss: Person) -> None:
    before_the_feast.clock.moves_to(datetime(2027, 3, 12, 9, tzinfo=UTC))

    await driss.taps_notice("open")

    assert driss.screen.startswith("That feast is over, so nothing was changed.")
    assert await closed_on(before_the_feast, 9, 10) == [True, True]


async def test_who_left_the_centre_meanwhile_decides_nothing(before_the_feast: Scene, driss: Person) -> None:
    await before_the_feast.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "agadir")

    await driss.taps_notice("open")

    assert driss.screen.startswith("This centre is not yours to look after.")
    assert await closed_on(before_the_feast, 9, 10) == [True, True]


async def test_a_feast_that_has_moved_in_the_calendar_is_not_decided(scene: Scene, driss: Person) -> None:
    """A newer table of holidays has none on the days that were asked about."""
    scene.clock.moves_to(THREE_DAYS_BEFORE)

    await asks(driss, MoonDays("sale", date(2027, 3, 15), 1))

    assert driss.notices == []
