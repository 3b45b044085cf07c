"""Codes, and what joining two people's addresses keeps."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import FREE_TRIES, LinkKind
from conversations.care.appointments import Appointment, Need
from conversations.care.people import Consent, Contact, ContactId, Role
from conversations.care.tasks import TaskKind
from conversations.engine.flow import Choice
from conversations.engine.outbound import Purpose
from conversations.engine.session import Frame
from conversations.errors import CodeInvalid, CodesSlowed
from storage.tables import addresses, contacts, due_messages, link_codes, notices
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, centre_row

WRONG = "1111111111"


async def address_of(unit: UnitOfWork, contact: Contact) -> int:
    return (await unit.addresses.of(contact.id))[0].id


async def books(unit: UnitOfWork, contact: Contact, at: time) -> Appointment:
    visit = await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.JOB,
        day=date(2026, 12, 3),
        at=at,
        capacity=1,
        confirmed=True,
        now=NOW,
    )
    await unit.schedule.plan(
        contact_id=contact.id,
        purpose=Purpose.REMINDER,
        subject=f"visit:{visit.id}",
        version=1,
        steps=[("t-1d", NOW + timedelta(days=1))],
    )
    return visit


async def joined(unit: UnitOfWork, owner: Contact, other: Contact) -> ContactId:
    code = await unit.links.new_code(owner.id, LinkKind.LINK, now=NOW)
    offer = await unit.links.find(code, await address_of(unit, other), now=NOW)
    return await unit.links.join(offer.id, other.id, now=NOW)


async def test_the_database_shows_no_code(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    code = await unit.links.new_code(amina.id, LinkKind.RECOVERY, now=NOW)

    row = (await connection.execute(select(link_codes))).one()
    assert code not in str(tuple(row))
    assert len(row.code_hash) == 32


async def test_a_code_leads_to_whose_it_is_until_its_time_is_over(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    code = await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)
    there = await address_of(unit, brahim)

    assert (await unit.links.find(code, there, now=NOW)).contact_id == amina.id
    with pytest.raises(CodeInvalid):
        await unit.links.find(code, there, now=NOW + timedelta(minutes=15))


async def test_a_new_code_voids_the_last_of_its_kind_alone(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    there = await address_of(unit, brahim)
    first = await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)
    recovery = await unit.links.new_code(amina.id, LinkKind.RECOVERY, now=NOW)
    await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)

    assert (await unit.links.find(recovery, there, now=NOW + timedelta(days=900))).kind is LinkKind.RECOVERY
    with pytest.raises(CodeInvalid):
        await unit.links.find(first, there, now=NOW)


async def test_a_code_is_used_once(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    code = await unit.links.new_code(amina.id, LinkKind.RECOVERY, now=NOW)
    offer = await unit.links.find(code, await address_of(unit, brahim), now=NOW)
    await unit.links.join(offer.id, brahim.id, now=NOW)

    chama, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    with pytest.raises(CodeInvalid):
        await unit.links.join(offer.id, chama.id, now=NOW)


async def test_two_who_confirm_the_same_code_at_once_are_not_both_joined(town: Town) -> None:
    async def prepares(unit: UnitOfWork) -> tuple[int, ContactId]:
        code = await unit.links.new_code(town.amina.id, LinkKind.LINK, now=NOW)
        offer = await unit.links.find(code, await address_of(unit, town.brahim), now=NOW)
        chama, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
        return offer.id, chama.id

    link_id, chama = await town.alone(prepares)

    async def brahim_confirms(unit: UnitOfWork) -> ContactId:
        return await unit.links.join(link_id, town.brahim.id, now=NOW)

    async def chama_confirms(unit: UnitOfWork) -> ContactId:
        return await unit.links.join(link_id, chama, now=NOW)

    ended = await town.at_once(brahim_confirms, chama_confirms)

    assert sorted(type(each).__name__ for each in ended) == ["CodeInvalid", "int"]


async def test_wrong_codes_are_counted_by_address(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    code = await unit.links.new_code(amina.id, LinkKind.RECOVERY, now=NOW)
    there = await address_of(unit, brahim)
    for _ in range(FREE_TRIES + 1):
        with pytest.raises(CodeInvalid):
            await unit.links.find(WRONG, there, now=NOW)

    with pytest.raises(CodesSlowed) as slowed:
        await unit.links.find(code, there, now=NOW)
    assert slowed.value.until == NOW + timedelta(minutes=1)
    _, elsewhere = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    assert await unit.links.find(code, elsewhere, now=NOW)

    later = NOW + timedelta(minutes=1)
    assert await unit.links.find(code, there, now=later), "one's own right code in between..."
    with pytest.raises(CodeInvalid):
        await unit.links.find(WRONG, there, now=later)
    with pytest.raises(CodesSlowed) as slowed:
        await unit.links.find(code, there, now=later)
    assert slowed.value.until == later + timedelta(minutes=2), "... buys no new tries"


async def test_wrong_codes_of_long_ago_are_forgiven(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    there = await address_of(unit, brahim)
    for days in range(FREE_TRIES + 3):
        with pytest.raises(CodeInvalid):
            await unit.links.find(WRONG, there, now=NOW + timedelta(days=2 * days))


async def test_the_visits_of_both_stay_and_remind(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    first, second = await books(unit, amina, time(10)), await books(unit, brahim, time(11))
    await unit.tasks.add(
        contact_id=brahim.id, centre_slug="sale", kind=TaskKind.MESSAGE, text="Salut", urgent=False, now=NOW
    )
    frame = Frame("reminder", 1, "remind")
    await unit.sessions.add_notice(brahim.id, frame, (Choice("coming", "Oui"),), subject="visit:2", now=NOW)

    assert await joined(unit, amina, brahim) == amina.id

    upcoming = await unit.appointments.upcoming(amina.id, now=NOW)
    assert [visit.id for visit in upcoming] == [first.id, second.id]
    assert await unit.tasks.latest(amina.id)
    owners = set(await connection.scalars(select(due_messages.c.contact_id)))
    owners |= set(await connection.scalars(select(notices.c.contact_id)))
    assert owners == {amina.id}


async def test_the_owner_stays_who_they_are_and_learns_what_they_never_said(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await unit.contacts.set_name(amina.id, None)
    await unit.contacts.set_home(brahim.id, centre_slug="sale")
    await joined(unit, amina, brahim)

    now = await unit.contacts.get(amina.id)
    assert (now.language, now.name, now.centre_slug) == ("ar", "Brahim", "sale")
    assert await connection.scalar(select(func.count()).select_from(contacts)) == 1
    again, _ = await unit.addresses.find_or_create("telegram", "4242", now=NOW)
    assert again.id == amina.id


async def test_a_newcomers_refusal_is_not_the_owners(unit: UnitOfWork, amina: Contact) -> None:
    chama, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    await unit.contacts.refuse(chama.id, at=NOW + timedelta(minutes=1))
    assert not await unit.links.has_history(chama.id)
    await joined(unit, amina, chama)

    assert (await unit.contacts.get(amina.id)).consent is Consent.AGREED


async def test_somebody_who_agreed_and_then_refused_is_taken_at_their_last_word(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.contacts.refuse(brahim.id, at=NOW + timedelta(minutes=1))
    assert await unit.links.has_history(brahim.id)
    await joined(unit, amina, brahim)

    now = await unit.contacts.get(amina.id)
    assert (now.consent, now.news) == (Consent.REFUSED, False)


async def test_staff_are_joined_to_nobody(unit: UnitOfWork, amina: Contact, driss: Contact) -> None:
    with pytest.raises(CodeInvalid):
        await joined(unit, amina, driss)


async def test_an_address_that_is_cut_off_is_a_strangers(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await joined(unit, amina, brahim)
    telegram = next(each for each in await unit.addresses.of(amina.id) if each.channel == "telegram")
    await unit.addresses.prefer(amina.id, telegram.id)

    stranger = await unit.addresses.cut(amina.id, telegram.id, now=NOW)

    who, _ = await unit.addresses.find_or_create("telegram", "4242", now=NOW)
    assert (who.id, who.language, who.name, who.consent) == (stranger, None, None, Consent.UNASKED)
    assert [each.channel for each in await unit.addresses.of(amina.id)] == ["whatsapp"]
    assert not await connection.scalar(select(addresses.c.preferred).where(addresses.c.id == telegram.id))


async def test_nobody_elses_address_can_be_cut_off(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    theirs = await address_of(unit, brahim)

    assert await unit.addresses.cut(amina.id, theirs, now=NOW) == amina.id
    assert (await unit.addresses.find_or_create("telegram", "4242", now=NOW))[0].id == brahim.id


async def test_the_chosen_address_is_preferred_while_it_can_be_reached(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await joined(unit, amina, brahim)
    await unit.addresses.find_or_create("telegram", "4242", now=NOW + timedelta(hours=1))
    whatsapp = next(each for each in await unit.addresses.of(amina.id) if each.channel == "whatsapp")
    await unit.addresses.prefer(amina.id, whatsapp.id)
    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert preferred.id == whatsapp.id

    await unit.addresses.mark_unreachable(whatsapp.id, NOW)
    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert preferred.channel == "telegram"

    await unit.addresses.mark_reachable(whatsapp.id)
    await unit.addresses.prefer(amina.id, None)
    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert preferred.channel == "telegram"


async def test_a_number_is_texted_whose_whatsapp_goes_under_it(unit: UnitOfWork, amina: Contact) -> None:
    found = await unit.addresses.for_sms(amina.id, now=NOW)

    assert found
    assert (found.channel, found.external_id) == ("sms", "212600000001")
    assert await unit.addresses.for_sms(amina.id, now=NOW) == found
    assert [each.channel for each in await unit.addresses.of(amina.id)] == ["whatsapp"]
    preferred = await unit.addresses.preferred(amina.id)
    assert preferred
    assert preferred.channel == "whatsapp", "nothing but a reminder is ever texted"


async def test_a_number_told_beside_another_id_is_kept_and_hidden(
    unit: UnitOfWork, connection: AsyncConnection
) -> None:
    contact, address_id = await unit.addresses.find_or_create("whatsapp", "MA.1234abcd", now=NOW)
    assert await unit.addresses.for_sms(contact.id, now=NOW) is None

    await unit.addresses.keep_phone(address_id, "212600000002")

    found = await unit.addresses.for_sms(contact.id, now=NOW)
    assert found
    assert found.external_id == "212600000002"
    row = (await connection.execute(select(addresses).where(addresses.c.id == address_id))).one()
    assert b"212600000002" not in row.phone_enc


async def test_nobody_is_texted_under_a_number_that_was_cut_off(unit: UnitOfWork, amina: Contact) -> None:
    await unit.addresses.for_sms(amina.id, now=NOW)
    await unit.addresses.cut(amina.id, await address_of(unit, amina), now=NOW)

    assert await unit.addresses.for_sms(amina.id, now=NOW) is None


async def test_nobody_is_reached_by_texts_alone(unit: UnitOfWork, amina: Contact) -> None:
    await unit.addresses.for_sms(amina.id, now=NOW)
    await unit.addresses.mark_unreachable(await address_of(unit, amina), NOW)

    assert not await unit.contacts.is_reachable(amina.id)
    assert await unit.addresses.preferred(amina.id) is None


async def becomes_staff(unit: UnitOfWork, contact: Contact) -> None:
    await unit.centres.load([centre_row()])
    await unit.contacts.make_staff(contact.id, Role.CASEWORKER, "sale")


@pytest.fixture
async def newcomer(unit: UnitOfWork) -> Contact:
    contact, _ = await unit.addresses.find_or_create("webchat", "a page", now=NOW)
    return contact


async def test_a_newcomers_address_joins_an_account_of_staff_and_brings_nothing_along(
    unit: UnitOfWork, newcomer: Contact, brahim: Contact
) -> None:
    await becomes_staff(unit, brahim)
    before = await unit.contacts.get(brahim.id)
    await unit.contacts.set_home(newcomer.id, province_code="04.441.")
    at = await address_of(unit, newcomer)

    assert await joined(unit, owner=brahim, other=newcomer) == brahim.id

    assert at in [address.id for address in await unit.addresses.of(brahim.id)]
    assert await unit.contacts.get(brahim.id) == before


@pytest.mark.parametrize("why", ["recovery", "history", "staff"])
async def test_an_account_of_staff_is_joined_to_nothing_else(
    unit: UnitOfWork, newcomer: Contact, brahim: Contact, why: str
) -> None:
    await becomes_staff(unit, brahim)
    if why == "staff":
        await becomes_staff(unit, newcomer)
    if why == "history":
        await books(unit, newcomer, time(10))
    kind = LinkKind.RECOVERY if why == "recovery" else LinkKind.LINK
    code = await unit.links.new_code(brahim.id, kind, now=NOW)
    offer = await unit.links.find(code, await address_of(unit, newcomer), now=NOW)

    with pytest.raises(CodeInvalid):
        await unit.links.join(offer.id, newcomer.id, now=NOW)


async def test_staff_become_no_beneficiarys(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await becomes_staff(unit, amina)

    with pytest.raises(CodeInvalid):
        await joined(unit, owner=brahim, other=amina)
