"""Comparisons: what runs, what was sent about which visit, how those ended; nothing of whose they are."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select, update

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.experiments import Experiment, Outcomes, Wording
from conversations.care.people import Contact
from conversations.errors import ExperimentRunning
from storage.tables import appointments, experiment_visits, experiments
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town

TUESDAY = date(2026, 11, 24)


async def started(unit: UnitOfWork, by: Contact, name: str = "eve") -> Experiment:
    return await unit.experiments.start(name, sample_size=100, by=by.id, now=NOW)


async def visit_of(
    unit: UnitOfWork, contact: Contact, at: time, status: AppointmentStatus = AppointmentStatus.CONFIRMED
) -> Appointment:
    visit = await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.JOB,
        day=TUESDAY,
        at=at,
        capacity=1,
        confirmed=True,
        now=NOW,
    )
    await unit.connection.execute(
        update(appointments).where(appointments.c.id == visit.id).values(status=status)
    )
    return visit


async def test_it_runs_until_it_is_stopped(unit: UnitOfWork, driss: Contact) -> None:
    first = await started(unit, driss)
    other = await started(unit, driss, "plan")
    assert await unit.experiments.running() == [first, other]
    assert first.is_running

    assert await unit.experiments.stop(first.id, now=NOW + timedelta(days=1))

    assert await unit.experiments.running() == [other]
    latest = await unit.experiments.latest("eve")
    assert latest is not None
    assert latest.stopped_at == NOW + timedelta(days=1)
    assert await unit.experiments.get(first.id) == latest
    assert not await unit.experiments.stop(first.id, now=NOW + timedelta(days=2))
    assert await unit.experiments.latest("hours") is None


async def test_one_reminder_has_one_comparison_at_a_time(unit: UnitOfWork, driss: Contact) -> None:
    first = await started(unit, driss)
    with pytest.raises(ExperimentRunning):
        await started(unit, driss)

    await unit.experiments.stop(first.id, now=NOW)
    assert (await started(unit, driss)).id > first.id


async def test_of_two_who_start_it_at_once_one_does(town: Town) -> None:
    async def starts(unit: UnitOfWork) -> Experiment:
        return await unit.experiments.start("eve", sample_size=100, by=town.amina.id, now=NOW)

    outcomes = await town.at_once(starts, starts)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Experiment", "ExperimentRunning"]


async def test_outcomes_are_counted_by_wording(unit: UnitOfWork, amina: Contact, driss: Contact) -> None:
    experiment = await started(unit, driss)
    ended = [
        (Wording.A, AppointmentStatus.ATTENDED),
        (Wording.A, AppointmentStatus.LATE),
        (Wording.A, AppointmentStatus.MISSED),
        (Wording.A, AppointmentStatus.CONFIRMED),
        (Wording.B, AppointmentStatus.MISSED),
        (Wording.B, AppointmentStatus.CANCELLED),
    ]
    for hour, (wording, status) in enumerate(ended, start=8):
        visit = await visit_of(unit, amina, time(hour), status)
        await unit.experiments.note(experiment.id, visit.id, wording)

    result = await unit.experiments.result(experiment.id)

    assert result.a == Outcomes(came=2, missed=1, cancelled=0)
    assert result.b == Outcomes(came=0, missed=1, cancelled=1)
    assert result.counted == 4


async def test_before_anything_was_sent_there_is_nothing_to_count(unit: UnitOfWork, driss: Contact) -> None:
    result = await unit.experiments.result((await started(unit, driss)).id)

    assert (result.a, result.b) == (Outcomes(), Outcomes())


async def test_of_two_reminders_about_a_visit_the_first_counts(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    experiment = await started(unit, driss)
    visit = await visit_of(unit, amina, time(9), AppointmentStatus.ATTENDED)
    await unit.experiments.note(experiment.id, visit.id, Wording.B)
    await unit.experiments.note(experiment.id, visit.id, Wording.A)

    assert (await unit.experiments.result(experiment.id)).b == Outcomes(came=1)


async def test_the_attendance_is_that_of_all_visits_since(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await visit_of(unit, amina, time(9), AppointmentStatus.ATTENDED)
    await visit_of(unit, brahim, time(11), AppointmentStatus.MISSED)
    await visit_of(unit, amina, time(14))

    assert await unit.experiments.attendance(since=NOW) == Outcomes(1, 1, 0)
    assert await unit.experiments.attendance(since=NOW + timedelta(days=2)) == Outcomes()


async def test_when_people_are_forgotten_the_figures_stay_without_them(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    experiment = await started(unit, driss)
    visit = await visit_of(unit, amina, time(9), AppointmentStatus.ATTENDED)
    await unit.experiments.note(experiment.id, visit.id, Wording.A)

    for contact in (amina, driss):
        await unit.contacts.erase(contact.id, at=NOW + timedelta(days=2))
    await unit.contacts.forget_erased(before=NOW + timedelta(days=5))

    assert (await unit.experiments.result(experiment.id)).a == Outcomes(came=1)
    assert (await unit.experiments.get(experiment.id)).started_by is None
    kept = [column.name for table in (experiments, experiment_visits) for column in table.columns]
    assert not [name for name in kept if "contact" in name]
    assert len((await unit.connection.execute(select(experiment_visits))).all()) == 1
