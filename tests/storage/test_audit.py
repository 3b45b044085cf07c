from datetime import timedelta

from conversations.care.people import Contact
from storage.audit import Look
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW


async def test_a_person_can_ask_who_looked(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    later = NOW + timedelta(hours=1)
    await unit.audit.looked(driss.id, amina.id, "task", now=NOW)
    await unit.audit.looked(driss.id, amina.id, "visits", now=later)
    await unit.audit.looked(driss.id, brahim.id, "task", now=NOW)

    assert await unit.audit.looks(amina.id) == [Look(driss.id, "visits", later), Look(driss.id, "task", NOW)]
