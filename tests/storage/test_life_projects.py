"""Life projects: one a person, in their own words."""

from datetime import date, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import LinkKind
from conversations.care.appointments import Appointment, Need
from conversations.care.life_projects import LEFT_OUT, Question, Sector
from conversations.care.people import Contact
from storage.tables import life_projects
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town

IDEA = "نبيع الخبز ف السويقة"


async def books(unit: UnitOfWork, contact: Contact) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.PROJECT,
        day=date(2026, 12, 3),
        at=time(10),
        capacity=3,
        confirmed=True,
        now=NOW,
    )


async def joins_up(unit: UnitOfWork, owner: Contact, other: Contact) -> None:
    code = await unit.links.new_code(owner.id, LinkKind.LINK, now=NOW)
    address = (await unit.addresses.of(other.id))[0].id
    offer = await unit.links.find(code, address, now=NOW)
    await unit.links.join(offer.id, other.id, now=NOW)


async def idea_of(unit: UnitOfWork, contact: Contact) -> str | None:
    project = await unit.life_projects.get(contact.id)
    return None if project is None else project.answers.get(Question.IDEA)


async def test_each_answer_is_kept_at_once_beside_the_others(unit: UnitOfWork, amina: Contact) -> None:
    assert await unit.life_projects.get(amina.id) is None

    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.life_projects.answer(amina.id, Question.SECTOR, Sector.CATERING, now=NOW)
    await unit.life_projects.answer(amina.id, Question.EXPERIENCE, LEFT_OUT, now=NOW)
    later = NOW + timedelta(days=3)
    await unit.life_projects.answer(amina.id, Question.IDEA, "خبز وحلوى", now=later)

    project = await unit.life_projects.get(amina.id)
    assert project
    assert project.answers == {
        Question.IDEA: "خبز وحلوى",
        Question.SECTOR: "catering",
        Question.EXPERIENCE: "",
    }
    assert project.next_question is Question.TRAINING
    assert (project.created_at, project.changed_at) == (NOW, later)


async def test_everybody_has_their_own(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.life_projects.answer(brahim.id, Question.IDEA, "Un snack", now=NOW)

    await unit.life_projects.delete(brahim.id)

    assert await idea_of(unit, amina) == IDEA
    assert await unit.life_projects.get(brahim.id) is None


async def test_the_database_shows_none_of_the_words(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    await unit.life_projects.answer(amina.id, Question.IDEA, "Boulangerie", now=NOW)

    row = (await connection.execute(select(life_projects))).one()
    assert b"Boulangerie" not in row.answers_enc
    assert "Boulangerie" not in repr(await unit.life_projects.get(amina.id))


async def test_it_goes_along_with_a_visit_until_it_is_taken_back(unit: UnitOfWork, amina: Contact) -> None:
    visit = await books(unit, amina)
    await unit.life_projects.attach(amina.id, visit.id)
    assert await unit.life_projects.get(amina.id) is None, "there is nothing to attach yet"

    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.life_projects.attach(amina.id, visit.id)
    attached = await unit.life_projects.get(amina.id)
    await unit.life_projects.attach(amina.id, None)
    taken_back = await unit.life_projects.get(amina.id)

    assert attached
    assert attached.appointment_id == visit.id
    assert taken_back
    assert taken_back.appointment_id is None
    assert taken_back.answers == {Question.IDEA: IDEA}


async def test_erasing_takes_it_along(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.life_projects.attach(amina.id, (await books(unit, amina)).id)
    await unit.life_projects.answer(brahim.id, Question.IDEA, "Un snack", now=NOW)

    await unit.contacts.erase(amina.id, at=NOW)

    assert await unit.life_projects.get(amina.id) is None
    assert await connection.scalar(select(func.count()).select_from(life_projects)) == 1


async def test_who_refuses_and_is_forgotten_leaves_none(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.contacts.refuse(amina.id, at=NOW)

    assert await unit.contacts.forget_refused(NOW + timedelta(days=1)) == 1

    assert await connection.scalar(select(func.count()).select_from(life_projects)) == 0


async def test_of_two_people_who_are_one_the_owners_stays(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await unit.life_projects.answer(amina.id, Question.IDEA, IDEA, now=NOW)
    await unit.life_projects.answer(brahim.id, Question.IDEA, "Un snack", now=NOW)

    await joins_up(unit, amina, brahim)

    assert await idea_of(unit, amina) == IDEA
    assert await connection.scalar(select(func.count()).select_from(life_projects)) == 1


async def test_an_owner_without_one_gets_the_others_with_its_visit(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await books(unit, brahim)
    await unit.life_projects.answer(brahim.id, Question.IDEA, "Un snack", now=NOW)
    await unit.life_projects.attach(brahim.id, visit.id)

    await joins_up(unit, amina, brahim)

    project = await unit.life_projects.get(amina.id)
    assert project
    assert (project.answers[Question.IDEA], project.appointment_id) == ("Un snack", visit.id)
    assert (await unit.appointments.get(visit.id)).contact_id == amina.id


async def test_two_answers_in_turns_of_their_own_are_both_kept(town: Town) -> None:
    """Each turn is a transaction; what the first one kept is there for the second."""
    await town.alone(lambda unit: unit.life_projects.answer(town.amina.id, Question.IDEA, IDEA, now=NOW))
    await town.alone(
        lambda unit: unit.life_projects.answer(town.amina.id, Question.SECTOR, Sector.TRADE, now=NOW)
    )

    project = await town.alone(lambda unit: unit.life_projects.get(town.amina.id))

    assert project
    assert set(project.answers) == {Question.IDEA, Question.SECTOR}
