"""Managers compare two wordings of a reminder: half of the people get each, until enough is known."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.experiments import Wording, wording_for
from conversations.care.hours import Length, VisitKind, VisitRules, WeeklyHours
from conversations.care.people import Role
from conversations.flows.staff.experiment_end import end_experiment
from tests.conversations.flows.staff.doings import books, sets_hours
from tests.people import Person, Scene

EVE = datetime(2026, 11, 24, 18, tzinfo=UTC)


async def compares(manager: Person, name: str, size: str = "100") -> None:
    await manager.commands("experiments")
    await manager.taps(name, "start", size, "yes")


async def somebody_with(scene: Scene, wording: Wording) -> Person:
    """Return somebody new who gets that wording of the first experiment."""
    while True:
        person = scene.beneficiary("somebody")
        if wording_for(1, person.contact_id) is wording:
            return person


async def counts(scene: Scene, wording: Wording, came: int, missed: int, cancelled: int = 0) -> None:
    """Let visits of one wording have ended like this."""
    desk = scene.desk
    sample = next(iter(desk.appointments.rows.values()))
    for status, number in (
        (AppointmentStatus.ATTENDED, came),
        (AppointmentStatus.MISSED, missed),
        (AppointmentStatus.CANCELLED, cancelled),
    ):
        for _ in range(number):
            visit = replace(sample, id=1000 + len(desk.appointments.rows), status=status)
            desk.appointments.rows[visit.id] = visit
            await desk.experiments.note(1, visit.id, wording)


@pytest.fixture
async def visit(amina: Person, driss: Person) -> Appointment:
    return await books(amina)


async def test_before_it_starts_it_says_what_the_number_can_show(scene: Scene, karim: Person) -> None:
    await karim.commands("experiments")
    assert karim.ids[:3] == ["plan", "eve", "hours"]

    await karim.taps("eve", "start")
    assert karim.ids[:4] == ["100", "200", "400", "800"]
    assert "200: shows a difference of 19.3 points or more" in karim.screen

    await karim.taps("200")
    assert "Where people come to 70.0 % of their visits" in karim.screen
    assert "a difference of 19.3 points or more" in karim.screen
    assert scene.desk.experiments.rows == {}

    await karim.taps("yes")
    assert "It has begun." in karim.screen
    (experiment,) = scene.desk.experiments.rows.values()
    assert (experiment.name, experiment.sample_size, experiment.started_by) == (
        "eve",
        200,
        karim.contact_id,
    )


@pytest.mark.parametrize("typed", ["150", "١٥٠"])
async def test_another_number_can_be_typed(scene: Scene, karim: Person, typed: str) -> None:
    await karim.commands("experiments")
    await karim.taps("plan", "start")
    await karim.says(typed)
    assert "Visits to be counted: 150." in karim.screen

    await karim.taps("other", "400", "yes")
    assert scene.desk.experiments.rows[1].sample_size == 400


@pytest.mark.parametrize("typed", ["39", "20001", "1" * 400, "many", "-100", ""])
async def test_what_is_no_sensible_number_is_asked_again(karim: Person, typed: str) -> None:
    await karim.commands("experiments")
    await karim.taps("plan", "start")
    await karim.says(typed)

    assert "Please write a number from 40 to 20000." in karim.screen
    assert karim.step == "size"


async def test_what_the_centres_have_seen_counts_once_it_is_enough(
    scene: Scene, karim: Person, visit: Appointment
) -> None:
    await counts(scene, Wording.A, came=90, missed=10)
    await karim.commands("experiments")
    await karim.taps("eve", "start", "200")

    assert "Where people come to 90.0 % of their visits" in karim.screen


async def test_each_person_gets_their_wording_and_it_is_noted(
    scene: Scene, karim: Person, driss: Person
) -> None:
    await sets_hours(scene, "mon-fri 09:00-16:00", capacity=2)
    await compares(karim, "eve")
    of_a, of_b = await somebody_with(scene, Wording.A), await somebody_with(scene, Wording.B)
    visit_a, visit_b = await books(of_a), await books(of_b)
    assert scene.desk.experiments.noted == {}

    await scene.goes_on_until(EVE)

    assert "This hour is kept for you alone." in of_a.notice.text
    assert "carte nationale" not in of_a.notice.text
    assert "Bring" in of_b.notice.text or "identity" in of_b.notice.text
    assert "kept for you" not in of_b.notice.text
    assert "address" in of_b.notice.text
    assert scene.desk.experiments.noted == {(1, visit_a.id): Wording.A, (1, visit_b.id): Wording.B}


@pytest.mark.parametrize(
    ("name", "step", "of_a", "of_b"),
    [
        ("plan", "t-3d", "How will you get there?", "Can you come? One tap tells the centre."),
        ("hours", "t-2h", "identity card", "The team expects you."),
    ],
)
async def test_the_other_reminders_have_two_wordings_too(
    scene: Scene, karim: Person, name: str, step: str, of_a: str, of_b: str
) -> None:
    await sets_hours(scene, "mon-fri 09:00-16:00", capacity=2)
    await compares(karim, name)
    people = {wording: await somebody_with(scene, wording) for wording in Wording}
    for person in people.values():
        await books(person, date(2026, 12, 3))
    await scene.goes_on_until(datetime(2026, 12, 3, 8, tzinfo=UTC))

    said = {
        wording: next(notice for notice in person.notices if notice.draft.step == step)
        for wording, person in people.items()
    }
    assert of_a in said[Wording.A].text
    assert of_a not in said[Wording.B].text
    assert of_b in said[Wording.B].text
    assert of_b not in said[Wording.A].text
    assert ("foot" in said[Wording.A].ids) == (name == "plan")
    assert said[Wording.B].ids == ["coming", "change", "cancel"]


async def test_telephone_visits_are_in_no_comparison(scene: Scene, karim: Person) -> None:
    hours = WeeklyHours.parse("mon-fri 09:00-16:00")
    await scene.desk.centres.set_rules("sale", VisitRules(hours, phone=Length(30)))
    await compares(karim, "eve")
    await books(await somebody_with(scene, Wording.B), kind=VisitKind.PHONE)
    await scene.goes_on_until(EVE)

    assert scene.desk.experiments.noted == {}


async def test_stopped_everybody_gets_the_shipped_wording_again(
    scene: Scene, karim: Person, driss: Person
) -> None:
    await compares(karim, "eve")
    person = await somebody_with(scene, Wording.B)
    await books(person)
    await karim.taps("stop")
    assert "Stop the comparison?" in karim.screen
    await karim.taps("yes")
    assert "Stopped. Everybody gets wording A again." in karim.screen
    await scene.goes_on_until(EVE)

    assert "This hour is kept for you alone." in person.notice.text
    assert scene.desk.experiments.noted == {}
    assert karim.notices == []


async def test_who_changes_their_mind_about_stopping_goes_on(scene: Scene, karim: Person) -> None:
    await compares(karim, "eve")
    await karim.taps("stop", "no")

    assert karim.step == "comparison"
    assert scene.desk.experiments.rows[1].is_running


async def test_a_colleague_who_was_faster_is_said(scene: Scene, karim: Person) -> None:
    khadija = scene.manager("Khadija")
    for manager in (karim, khadija):
        await manager.commands("experiments")
        await manager.taps("eve", "start", "100")
    await karim.taps("yes")
    await khadija.taps("yes")
    assert "A colleague has started it meanwhile." in khadija.screen
    assert len(scene.desk.experiments.rows) == 1

    await karim.taps("stop")
    await khadija.taps("stop", "yes")
    await karim.taps("yes")
    assert "It had ended already." in karim.screen


async def test_who_started_it_hears_that_a_colleague_stopped_it(scene: Scene, karim: Person) -> None:
    khadija = scene.manager("Khadija")
    await compares(karim, "eve")
    await khadija.commands("experiments")
    await khadija.taps("eve", "stop", "yes")

    assert karim.notice.text.startswith("📊 A comparison of two wordings has ended.")
    assert khadija.notices == []
    await karim.taps_notice("ok")
    assert "🌙 On the eve" in karim.screen
    assert karim.last.in_place


async def test_at_its_end_it_tells_whoever_is_still_a_manager(
    scene: Scene, karim: Person, visit: Appointment
) -> None:
    await compares(karim, "eve")
    await scene.desk.contacts.make_staff(karim.contact_id, Role.CASEWORKER, "sale")
    turn = await scene.turn_for(karim.contact_id)

    assert await end_experiment(turn, scene.desk.experiments.rows[1], told=True)
    for push in turn.effects:
        await scene.pushes_out(push)  # type: ignore[arg-type]
    assert karim.notices == []
    assert not await end_experiment(turn, scene.desk.experiments.rows[1], told=True)


async def test_small_numbers_are_hidden_and_what_tells_of_them(
    scene: Scene, karim: Person, visit: Appointment
) -> None:
    await compares(karim, "eve")
    await counts(scene, Wording.A, came=40, missed=4)
    await counts(scene, Wording.B, came=37, missed=9, cancelled=6)
    await karim.commands("experiments")
    await karim.taps("eve")

    assert "A: came 40, missed fewer than 5, cancelled fewer than 5" in karim.screen
    assert "B: came 37, missed 9, cancelled 6" in karim.screen
    assert "once none of these numbers is below 5" in karim.screen
    assert "%" not in karim.screen
    assert "Visits counted" not in karim.screen


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ((30, 10), (35, 8), "Visits counted: 83 of 100. That is not enough to judge."),
        ((40, 20), (41, 19), "Visits counted: 120 of 100. That is enough: no difference shows."),
        ((30, 30), (52, 8), "That is enough: people come more often with B."),
        ((52, 8), (30, 30), "That is enough: people come more often with A."),
    ],
)
async def test_the_result_says_whether_it_is_enough(
    scene: Scene, karim: Person, visit: Appointment, a: tuple[int, int], b: tuple[int, int], said: str
) -> None:
    await compares(karim, "eve")
    await counts(scene, Wording.A, *a)
    await counts(scene, Wording.B, *b)
    await karim.commands("experiments")
    await karim.taps("eve")

    assert said in karim.screen


async def test_rates_and_their_difference_are_told_with_how_sure_they_are(
    scene: Scene, karim: Person, visit: Appointment
) -> None:
    await compares(karim, "eve")
    await counts(scene, Wording.A, came=48, missed=32)
    await counts(scene, Wording.B, came=56, missed=14)
    await karim.commands("experiments")
    await karim.taps("eve")

    assert "Came: 60.0 % with A, 80.0 % with B." in karim.screen
    assert "B less A: +20.0 points, with 95 % certainty from +5.2 to +33.4." in karim.screen


async def test_only_managers_compare(driss: Person, amina: Person) -> None:
    for person in (driss, amina):
        await person.starts()
        await person.commands("experiments")
        assert person.flow != "experiments"


async def test_the_way_there_leads_through_the_menu(karim: Person) -> None:
    await karim.starts()
    await karim.taps("experiments")

    assert karim.flow == "experiments"
