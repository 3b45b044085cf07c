from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import Consent, Contact, Role
from storage.tables import addresses, contacts
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town


async def test_the_first_message_makes_a_contact_who_has_said_nothing_yet(unit: UnitOfWork) -> None:
    contact, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)

    assert (contact.role, contact.consent, contact.language) == (Role.BENEFICIARY, Consent.UNASKED, None)
    assert (contact.news, contact.check_ins, contact.name) == (False, True, None)
    assert (contact.created_at, contact.enrolled_at) == (NOW, None)


async def test_the_same_person_is_found_again_and_nobody_else(unit: UnitOfWork, brahim: Contact) -> None:
    again, address = await unit.addresses.find_or_create("telegram", "4242", now=NOW)
    other_number, _ = await unit.addresses.find_or_create("telegram", "4243", now=NOW)
    other_channel, _ = await unit.addresses.find_or_create("whatsapp", "4242", now=NOW)

    assert again == brahim
    assert len({brahim.id, other_number.id, other_channel.id}) == 3
    assert (await unit.addresses.find_or_create("telegram", "4242", now=NOW))[1] == address


async def test_two_first_messages_at_once_make_one_contact(town: Town) -> None:
    async def writes(unit: UnitOfWork) -> Contact:
        return (await unit.addresses.find_or_create("webchat", "chama", now=NOW))[0]

    found = await town.at_once(*[writes] * 6)

    assert len({contact.id for contact in found if isinstance(contact, Contact)}) == 1
    assert all(isinstance(contact, Contact) for contact in found)
    async with town.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(contacts)) == 3


async def test_the_database_shows_no_external_id(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact
) -> None:
    row = (await connection.execute(select(addresses))).one()

    assert b"4242" not in row.external_enc + row.external_index


async def test_the_reachable_address_last_used_is_preferred(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    """Brahim turns out to be Amina's second phone."""
    await connection.execute(addresses.update().values(contact_id=amina.id))
    _, first = await unit.addresses.find_or_create("whatsapp", "212600000001", now=NOW)
    _, second = await unit.addresses.find_or_create("telegram", "4242", now=NOW + timedelta(minutes=1))

    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert (preferred.id, preferred.channel, preferred.external_id) == (second, "telegram", "4242")

    await unit.addresses.mark_unreachable(second, NOW)
    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert preferred.id == first

    await unit.addresses.mark_unreachable(first, NOW)
    assert await unit.addresses.preferred(amina.id) is None

    await unit.addresses.mark_reachable(first)
    assert await unit.addresses.preferred(amina.id) == preferred


async def test_whoever_writes_is_reachable_again(unit: UnitOfWork, brahim: Contact) -> None:
    _, address = await unit.addresses.find_or_create("telegram", "4242", now=NOW)
    await unit.addresses.mark_unreachable(address, NOW)

    await unit.addresses.find_or_create("telegram", "4242", now=NOW)

    assert await unit.addresses.preferred(brahim.id)


async def test_an_address_hides_whose_it_is(unit: UnitOfWork, brahim: Contact) -> None:
    assert repr(await unit.addresses.preferred(brahim.id)) == "<Address telegram>"


async def test_somebody_who_writes_after_their_erasure_starts_afresh(
    unit: UnitOfWork, brahim: Contact
) -> None:
    await unit.contacts.erase(brahim.id, at=NOW)

    back, _ = await unit.addresses.find_or_create("telegram", "4242", now=NOW + timedelta(days=1))

    assert (back.created_at, back.enrolled_at) == (NOW + timedelta(days=1), None)
    assert await unit.contacts.forget_erased(NOW + timedelta(days=9)) == 0
