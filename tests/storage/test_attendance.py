"""How visits went, as both databases keep it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.people import Contact
from conversations.care.tasks import TaskKind
from conversations.care.visit_figures import VisitFigures
from conversations.errors import SlotTaken, VisitChanged
from storage.tables import appointments
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, centre_row

TUESDAY, WEDNESDAY, THURSDAY = date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 26)
# The test's zone is an hour ahead: nine on the wall is eight in UTC.
AFTERWARDS = datetime(2026, 11, 24, 12, tzinfo=UTC)
ATTENDED, LATE, MISSED, CANCELLED = (
    AppointmentStatus.ATTENDED,
    AppointmentStatus.LATE,
    AppointmentStatus.MISSED,
    AppointmentStatus.CANCELLED,
)


async def book(
    unit: UnitOfWork, contact: Contact, *, day: date = TUESDAY, at: time = time(9), centre: str = "sale"
) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug=centre,
        need=Need.JOB,
        day=day,
        at=at,
        capacity=20,
        confirmed=True,
        now=NOW,
    )


async def mark(
    unit: UnitOfWork,
    visit: Appointment,
    status: AppointmentStatus,
    *,
    by: EndedBy | None = None,
    now: datetime = AFTERWARDS,
) -> Appointment:
    return await unit.appointments.mark(visit.id, version=visit.version, status=status, by=by, now=now)


@pytest.mark.parametrize("status", [ATTENDED, LATE, MISSED])
async def test_a_mark_is_kept_and_raises_the_version(
    unit: UnitOfWork, amina: Contact, status: AppointmentStatus
) -> None:
    visit = await book(unit, amina)

    marked = await mark(unit, visit, status)

    assert (marked.status, marked.version) == (status, visit.version + 1)
    assert await unit.appointments.get(visit.id) == marked
    assert await unit.appointments.agenda("sale", TUESDAY, TUESDAY) == []
    assert await unit.appointments.with_marks("sale", TUESDAY, TUESDAY) == [marked]


async def test_a_mark_is_put_right_and_forgets_what_belonged_to_the_miss(
    unit: UnitOfWork, amina: Contact
) -> None:
    missed = await mark(unit, await book(unit, amina), MISSED)
    await unit.appointments.set_obstacle(missed.id, amina.id, "transport")

    called_off = await mark(unit, missed, CANCELLED, by=EndedBy.CENTRE)
    assert (called_off.status, called_off.ended_by, called_off.obstacle) == (CANCELLED, EndedBy.CENTRE, None)
    came = await mark(unit, called_off, ATTENDED)

    assert (came.status, came.ended_by) == (ATTENDED, None)


async def test_a_visit_is_marked_from_a_quarter_of_an_hour_before_it(
    unit: UnitOfWork, amina: Contact
) -> None:
    visit = await book(unit, amina)
    starts_at = datetime(2026, 11, 24, 8, tzinfo=UTC)

    with pytest.raises(VisitChanged):
        await mark(unit, visit, ATTENDED, now=starts_at - timedelta(minutes=16))
    assert (await mark(unit, visit, ATTENDED, now=starts_at - timedelta(minutes=15))).status is ATTENDED


async def test_who_saw_an_earlier_version_marks_nothing(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    await mark(unit, visit, ATTENDED)

    with pytest.raises(VisitChanged):
        await mark(unit, visit, MISSED)


async def test_of_two_who_mark_at_once_one_is_heard(town: Town) -> None:
    visit = await town.alone(lambda unit: book(unit, town.amina))

    results = await town.at_once(
        lambda unit: mark(unit, visit, ATTENDED), lambda unit: mark(unit, visit, MISSED)
    )

    assert sorted(type(result).__name__ for result in results) == ["Appointment", "VisitChanged"]


async def test_what_its_person_cancelled_can_not_be_marked(unit: UnitOfWork, amina: Contact) -> None:
    cancelled = await unit.appointments.cancel((await book(unit, amina)).id, now=NOW)

    with pytest.raises(VisitChanged):
        await mark(unit, cancelled, ATTENDED)
    assert await unit.appointments.with_marks("sale", TUESDAY, TUESDAY) == []


async def test_the_visit_of_who_is_forgotten_can_not_be_marked_and_still_counts(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    visit = await mark(unit, await book(unit, amina), ATTENDED)
    await connection.execute(update(appointments).values(contact_id=None))

    with pytest.raises(VisitChanged):
        await mark(unit, visit, MISSED)
    assert await unit.appointments.with_marks("sale", TUESDAY, TUESDAY) == []
    assert await unit.appointments.figures(TUESDAY, TUESDAY) == {"sale": VisitFigures(came=1)}


async def test_a_begun_visit_goes_to_another_time_as_if_nothing_had_been_said(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    missed = await mark(unit, await book(unit, amina), MISSED)
    await unit.appointments.set_obstacle(missed.id, amina.id, "work")

    moved = await unit.appointments.move_begun(
        missed.id, version=missed.version, day=THURSDAY, at=time(10), capacity=1, now=AFTERWARDS
    )

    assert (moved.day, moved.at, moved.status) == (THURSDAY, time(10), AppointmentStatus.CONFIRMED)
    assert (moved.version, moved.obstacle, moved.ended_by) == (missed.version + 1, None, None)
    assert await connection.scalar(select(appointments.c.starts_at)) == datetime(2026, 11, 26, 9, tzinfo=UTC)
    assert await unit.appointments.upcoming(amina.id, now=AFTERWARDS) == [moved]


async def test_a_begun_visit_takes_no_place_that_is_held(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await book(unit, amina)
    await book(unit, brahim, day=THURSDAY, at=time(10))

    with pytest.raises(SlotTaken):
        await unit.appointments.move_begun(
            visit.id, version=visit.version, day=THURSDAY, at=time(10), capacity=1, now=AFTERWARDS
        )
    assert (await unit.appointments.get(visit.id)).day == TUESDAY


async def test_only_an_own_visit_that_was_missed_has_an_obstacle(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await book(unit, amina)
    await unit.appointments.set_obstacle(visit.id, amina.id, "work")
    missed = await mark(unit, visit, MISSED)
    await unit.appointments.set_obstacle(visit.id, brahim.id, "work")
    assert (await unit.appointments.get(visit.id)).obstacle is None

    await unit.appointments.set_obstacle(visit.id, amina.id, "health")

    kept = await unit.appointments.get(visit.id)
    assert (kept.obstacle, kept.version) == ("health", missed.version)


async def test_only_who_came_says_how_it_was(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    visit = await mark(unit, await book(unit, amina), MISSED)
    await unit.appointments.set_feedback(visit.id, amina.id, 3)
    visit = await mark(unit, visit, LATE)
    await unit.appointments.set_feedback(visit.id, brahim.id, 3)
    assert (await unit.appointments.get(visit.id)).feedback is None

    await unit.appointments.set_feedback(visit.id, amina.id, 1)

    kept = await unit.appointments.get(visit.id)
    assert (kept.feedback, kept.version) == (1, visit.version)


async def test_misses_count_in_a_row_at_any_centre(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
    later = AFTERWARDS + timedelta(days=3)
    first = await mark(unit, await book(unit, amina, at=time(9)), MISSED, now=later)
    second = await mark(unit, await book(unit, amina, day=WEDNESDAY, centre="fes"), MISSED, now=later)
    await mark(unit, await book(unit, brahim), MISSED, now=later)
    await unit.appointments.cancel((await book(unit, amina, day=THURSDAY)).id, now=NOW)

    assert await unit.appointments.missed_in_a_row(amina.id) == [second, first]

    third = await mark(unit, await book(unit, amina, day=THURSDAY, at=time(11)), MISSED, now=later)
    await mark(unit, await book(unit, amina, day=WEDNESDAY, at=time(11)), LATE, now=later)
    assert await unit.appointments.missed_in_a_row(amina.id) == [third]


async def test_what_has_begun_and_is_not_marked_is_counted_by_centre(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
    await book(unit, amina)
    await book(unit, brahim, at=time(10))
    await mark(unit, await book(unit, brahim, at=time(11)), ATTENDED)
    await book(unit, brahim, at=time(16))
    await book(unit, amina, day=WEDNESDAY)
    await book(unit, amina, at=time(11), centre="fes")

    assert await unit.appointments.unmarked(TUESDAY, now=AFTERWARDS) == {"sale": 2, "fes": 1}


async def test_figures_tell_what_people_cancelled_from_what_the_centre_did(
    unit: UnitOfWork, amina: Contact
) -> None:
    visits = [await book(unit, amina, at=time(9, minute)) for minute in range(8)]
    came = await mark(unit, visits[0], ATTENDED)
    late = await mark(unit, visits[1], LATE)
    await mark(unit, visits[2], MISSED)
    await mark(unit, visits[3], CANCELLED, by=EndedBy.CENTRE)
    await unit.appointments.cancel(visits[4].id, now=NOW, by=EndedBy.CENTRE)
    await unit.appointments.cancel(visits[5].id, now=NOW)
    await unit.appointments.set_feedback(came.id, amina.id, 3)
    await unit.appointments.set_feedback(late.id, amina.id, 1)
    await unit.appointments.cancel((await book(unit, amina, day=THURSDAY)).id, now=NOW)

    figures = await unit.appointments.figures(TUESDAY, WEDNESDAY)

    assert figures == {
        "sale": VisitFigures(
            came=1, late=1, missed=1, cancelled_by_people=1, cancelled_by_centre=2, good=1, bad=1
        )
    }


async def test_the_newest_task_of_a_kind_is_found_though_it_is_done(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    async def add(kind: TaskKind) -> int:
        task = await unit.tasks.add(
            contact_id=amina.id, centre_slug="sale", kind=kind, text="", urgent=False, now=NOW
        )
        return task.id

    assert await unit.tasks.newest(amina.id, TaskKind.MISSED_VISITS) is None
    await add(TaskKind.MISSED_VISITS)
    newest = await add(TaskKind.MISSED_VISITS)
    await add(TaskKind.MESSAGE)
    await unit.tasks.finish(newest, driss.id, now=NOW)

    found = await unit.tasks.newest(amina.id, TaskKind.MISSED_VISITS)
    assert found is not None
    assert found.id == newest
