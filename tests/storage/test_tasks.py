from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import Contact, ContactId
from conversations.care.tasks import Task, TaskKind, TaskStatus
from conversations.errors import TaskTaken, TaskUnknown
from storage.tables import tasks
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, centre_row

WORDS = "Le patron ne m'a pas rappelée"


async def add(
    unit: UnitOfWork,
    contact: Contact,
    *,
    centre_slug: str | None = "sale",
    urgent: bool = False,
    minutes: int = 0,
) -> Task:
    return await unit.tasks.add(
        contact_id=contact.id,
        centre_slug=centre_slug,
        kind=TaskKind.MESSAGE,
        text=WORDS,
        urgent=urgent,
        now=NOW + timedelta(minutes=minutes),
    )


async def test_a_task_holds_what_the_person_said(unit: UnitOfWork, amina: Contact) -> None:
    task = await add(unit, amina)

    assert await unit.tasks.get(task.id) == task
    assert (task.contact_id, task.centre_slug, task.kind, task.text) == (
        amina.id,
        "sale",
        TaskKind.MESSAGE,
        WORDS,
    )
    assert (task.status, task.taken_by, task.created_at) == (TaskStatus.OPEN, None, NOW)


async def test_the_database_shows_none_of_the_words(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    await add(unit, amina)

    row = (await connection.execute(select(tasks))).one()
    assert WORDS.encode() not in row.text_enc


async def test_a_task_belongs_to_who_took_it_first(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    task = await add(unit, amina)

    taken = await unit.tasks.take(task.id, driss.id, now=NOW)

    assert (taken.status, taken.taken_by) == (TaskStatus.TAKEN, driss.id)
    assert await unit.tasks.take(task.id, driss.id, now=NOW) == taken
    with pytest.raises(TaskTaken):
        await unit.tasks.take(task.id, brahim.id, now=NOW)
    assert await unit.tasks.get(task.id) == taken


async def test_of_two_who_take_a_task_at_once_one_gets_it(town: Town) -> None:
    task = await town.alone(lambda unit: add(unit, town.amina))

    results = await town.at_once(
        lambda unit: unit.tasks.take(task.id, town.amina.id, now=NOW),
        lambda unit: unit.tasks.take(task.id, town.brahim.id, now=NOW),
    )

    assert sorted(type(result).__name__ for result in results) == ["Task", "TaskTaken"]


async def test_a_finished_task_stays_finished(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    task = await add(unit, amina)

    done = await unit.tasks.finish(task.id, driss.id, now=NOW)

    assert (done.status, done.taken_by) == (TaskStatus.DONE, driss.id)
    assert await unit.tasks.finish(task.id, brahim.id, now=NOW) == done
    with pytest.raises(TaskTaken):
        await unit.tasks.take(task.id, driss.id, now=NOW)


async def test_open_are_urgent_tasks_first_then_the_oldest(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    await unit.centres.load([centre_row("fes", "Fès")])
    young = await add(unit, amina, minutes=2)
    urgent = await add(unit, amina, urgent=True, minutes=3, centre_slug=None)
    old = await add(unit, amina, minutes=1)
    taken = await unit.tasks.take(old.id, driss.id, now=NOW)
    done = await add(unit, amina)
    await unit.tasks.finish(done.id, driss.id, now=NOW)
    elsewhere = await add(unit, amina, centre_slug="fes")

    assert await unit.tasks.open("sale") == [urgent, taken, young]
    assert await unit.tasks.open("fes") == [urgent, elsewhere]
    assert await unit.tasks.open(None) == [urgent]


async def test_latest_is_the_persons_newest_that_is_not_done(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    first = await add(unit, amina)
    second = await add(unit, amina, minutes=1)
    await add(unit, brahim, minutes=2)

    assert await unit.tasks.latest(amina.id) == second
    await unit.tasks.finish(second.id, driss.id, now=NOW)
    assert await unit.tasks.latest(amina.id) == first
    await unit.tasks.finish(first.id, driss.id, now=NOW)
    assert await unit.tasks.latest(amina.id) is None


async def test_an_unknown_task_is_told(unit: UnitOfWork) -> None:
    nobody = ContactId(1)
    for asked in (
        unit.tasks.get(4242),
        unit.tasks.take(4242, nobody, now=NOW),
        unit.tasks.finish(4242, nobody, now=NOW),
    ):
        with pytest.raises(TaskUnknown):
            await asked
