"""Complaints: encrypted, with a person or without, and gone with whom they name."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import LinkKind
from conversations.care.complaints import ComplaintStatus
from conversations.care.people import Contact
from storage.retention import Grows, RetentionStore
from storage.tables import complaints
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

WORDS = "The door stayed shut."


async def test_a_complaint_is_kept_encrypted(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    filed = await unit.complaints.file(WORDS, contact_id=amina.id, centre_slug="sale", now=NOW)

    row = (await connection.execute(select(complaints))).one()
    assert WORDS.encode() not in row.text_enc
    assert await unit.complaints.get(filed.id) == filed
    assert (filed.text, filed.contact_id, filed.centre_slug) == (WORDS, amina.id, "sale")
    assert (filed.status, filed.created_at) == (ComplaintStatus.OPEN, NOW)


async def test_without_a_person_only_the_day_is_kept(unit: UnitOfWork) -> None:
    filed = await unit.complaints.file(WORDS, contact_id=None, centre_slug="sale", now=NOW)

    assert filed.contact_id is None
    assert filed.created_at == NOW.replace(hour=0, minute=0)


async def test_open_ones_are_listed_oldest_first_and_counted_by_person(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    second = await unit.complaints.file(WORDS, contact_id=amina.id, centre_slug=None, now=NOW)
    first = await unit.complaints.file(
        WORDS, contact_id=amina.id, centre_slug=None, now=NOW - timedelta(days=1)
    )
    done = await unit.complaints.file(WORDS, contact_id=amina.id, centre_slug=None, now=NOW)
    await unit.complaints.close(done.id, now=NOW)

    assert await unit.complaints.open() == [first, second]
    assert await unit.complaints.count_open(amina.id) == 2
    assert await unit.complaints.count_open(brahim.id) == 0
    closed = await unit.complaints.get(done.id)
    assert closed is not None
    assert closed.status is ComplaintStatus.DONE


async def test_they_go_with_their_person_and_those_without_a_name_stay(
    unit: UnitOfWork, amina: Contact
) -> None:
    named = await unit.complaints.file(WORDS, contact_id=amina.id, centre_slug=None, now=NOW)
    unnamed = await unit.complaints.file(WORDS, contact_id=None, centre_slug=None, now=NOW)

    await unit.contacts.erase(amina.id, at=NOW)

    assert await unit.complaints.get(named.id) is None
    assert await unit.complaints.open() == [unnamed]


async def test_they_move_along_with_a_joined_phone(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await unit.complaints.file(WORDS, contact_id=brahim.id, centre_slug=None, now=NOW)
    code = await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)
    address = (await unit.addresses.of(brahim.id))[0].id
    offer = await unit.links.find(code, address, now=NOW)

    await unit.links.join(offer.id, brahim.id, now=NOW)

    assert await unit.complaints.count_open(amina.id) == 1


async def test_what_is_settled_is_forgotten_some_time_later(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    old = NOW - timedelta(days=100)
    waiting = await unit.complaints.file(WORDS, contact_id=None, centre_slug=None, now=old)
    settled = await unit.complaints.file(WORDS, contact_id=None, centre_slug=None, now=old)
    lately = await unit.complaints.file(WORDS, contact_id=None, centre_slug=None, now=old)
    await unit.complaints.close(settled.id, now=old)
    await unit.complaints.close(lately.id, now=NOW)

    await RetentionStore(connection).prune(Grows.COMPLAINTS, before=NOW - timedelta(days=90))

    assert await unit.complaints.get(settled.id) is None
    assert await unit.complaints.get(waiting.id)
    assert await unit.complaints.get(lately.id)
