"""Waiting lists: an order that nobody loses, one offer at a time a person, and no time offered twice."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import LinkKind
from conversations.care.appointments import Appointment, Need
from conversations.care.hours import VisitKind
from conversations.care.people import Contact
from conversations.care.waiting import WaitingEntry
from conversations.errors import NotWaiting
from storage.tables import waiting_list
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, centre_row

START = datetime.combine(date(2026, 11, 25), time(9))
UNTIL = NOW + timedelta(minutes=45)


async def joins(
    unit: UnitOfWork, contact: Contact, centre: str = "sale", **different: object
) -> WaitingEntry:
    values: dict[str, object] = {"kind": VisitKind.IN_PERSON, "need": Need.JOB, "now": NOW}
    return await unit.waiting.join(
        contact_id=contact.id,
        centre_slug=centre,
        **(values | different),  # type: ignore[arg-type]
    )


async def in_line(unit: UnitOfWork, now: datetime = NOW) -> list[int]:
    return [entry.contact_id for entry in await unit.waiting.line("sale", VisitKind.IN_PERSON, now=now)]


async def books(unit: UnitOfWork, contact: Contact) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.JOB,
        day=date(2026, 12, 3),
        at=time(10),
        capacity=1,
        confirmed=True,
        now=NOW,
    )


async def test_who_waits_is_kept_as_they_said_it(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    visit = await books(unit, amina)
    entry = await joins(
        unit, amina, kind=VisitKind.PHONE, wants_woman=True, phone="0612345678", appointment_id=visit.id
    )

    assert entry == WaitingEntry(
        id=entry.id,
        contact_id=amina.id,
        centre_slug="sale",
        kind=VisitKind.PHONE,
        need=Need.JOB,
        joined_at=NOW,
        wants_woman=True,
        phone="0612345678",
        appointment_id=visit.id,
    )
    assert await unit.waiting.get(entry.id) == entry
    assert await unit.waiting.of(amina.id) == [entry]
    row = (await connection.execute(select(waiting_list))).one()
    assert b"0612345678" not in row.phone_enc
    assert "0612345678" not in repr(entry)


async def test_joining_again_leaves_everything_as_it_was(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    first = await joins(unit, amina)
    await joins(unit, brahim)

    assert await joins(unit, amina, need=Need.HEALTH, now=NOW + timedelta(days=1)) == first
    assert await in_line(unit) == [amina.id, brahim.id]


async def test_each_centre_and_kind_has_a_list_of_its_own(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
    for entry in [{}, {"kind": VisitKind.PHONE}, {"centre": "fes"}]:
        await joins(unit, amina, **entry)
    await joins(unit, brahim)

    assert await unit.waiting.lines() == [("fes", "visit"), ("sale", "phone"), ("sale", "visit")]
    assert (await unit.waiting.count("sale"), await unit.waiting.count("fes")) == (2, 1)


async def test_an_offer_takes_its_person_out_of_all_lists_until_it_is_settled(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
    here, there = await joins(unit, amina), await joins(unit, amina, centre="fes")
    await joins(unit, brahim)
    await unit.waiting.offer(there.id, START, until=UNTIL, now=NOW)

    assert await in_line(unit) == [brahim.id]
    with pytest.raises(NotWaiting):
        await unit.waiting.offer(here.id, START, until=UNTIL, now=NOW)

    await unit.waiting.decline(there.id)
    assert await in_line(unit) == [amina.id, brahim.id]


async def test_what_was_offered_is_remembered_while_it_lies_ahead(unit: UnitOfWork, amina: Contact) -> None:
    entry = await joins(unit, amina)
    later = START + timedelta(days=7)
    await unit.waiting.offer(entry.id, START, until=UNTIL, now=NOW)
    offered = await unit.waiting.get(entry.id)
    assert offered is not None
    assert (offered.offered, offered.offered_until, offered.passed) == (START, UNTIL, {START})
    assert await unit.waiting.next_gone_by() == UNTIL

    await unit.waiting.pass_over(entry.id, later, now=NOW)
    both = await unit.waiting.get(entry.id)
    assert both is not None
    assert both.passed == {START, later}

    await unit.waiting.pass_over(entry.id, later, now=NOW + timedelta(days=3))
    last = await unit.waiting.get(entry.id)
    assert last is not None
    assert last.passed == {later}


async def test_silences_are_counted_once_and_an_answer_begins_anew(unit: UnitOfWork, amina: Contact) -> None:
    entry = await joins(unit, amina)
    await unit.waiting.offer(entry.id, START, until=UNTIL, now=NOW)
    assert await unit.waiting.gone_by(UNTIL - timedelta(seconds=1)) == []
    assert await unit.waiting.not_answered(entry.id, now=UNTIL - timedelta(seconds=1)) is None

    assert [each.id for each in await unit.waiting.gone_by(UNTIL)] == [entry.id]
    assert await unit.waiting.not_answered(entry.id, now=UNTIL) == 1
    assert await unit.waiting.not_answered(entry.id, now=UNTIL) is None
    assert await unit.waiting.next_gone_by() is None

    await unit.waiting.offer(entry.id, START, until=UNTIL, now=NOW)
    assert await unit.waiting.not_answered(entry.id, now=UNTIL) == 2
    await unit.waiting.decline(entry.id)
    await unit.waiting.offer(entry.id, START, until=UNTIL, now=NOW)
    assert await unit.waiting.not_answered(entry.id, now=UNTIL) == 1


async def test_whose_visit_is_over_waits_no_longer(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    visit, cancelled = await books(unit, amina), await books_at(unit, brahim)
    await joins(unit, amina, appointment_id=visit.id)
    await joins(unit, brahim, appointment_id=cancelled.id)
    assert await in_line(unit) == [amina.id, brahim.id]

    await unit.appointments.cancel(cancelled.id, now=NOW)
    assert await in_line(unit) == [amina.id]
    assert await unit.waiting.forget_over(NOW) == 1

    after = NOW + timedelta(days=11)
    assert await in_line(unit, after) == []
    assert await unit.waiting.forget_over(after) == 1
    assert await unit.waiting.lines() == []


async def books_at(unit: UnitOfWork, contact: Contact) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id, centre_slug="sale", need=Need.JOB, day=date(2026, 12, 3), at=time(11),
        capacity=1, confirmed=True, now=NOW,
    )  # fmt: skip


async def test_of_two_who_offer_at_once_one_does(town: Town) -> None:
    entry = await town.alone(lambda unit: joins(unit, town.amina))

    async def offers(unit: UnitOfWork) -> None:
        await unit.waiting.offer(entry.id, START, until=UNTIL, now=NOW)

    ended = await town.at_once(offers, offers)

    assert sorted(type(each).__name__ for each in ended) == ["NoneType", "NotWaiting"]


async def test_whoever_is_forgotten_waits_nowhere(unit: UnitOfWork, amina: Contact) -> None:
    await joins(unit, amina)
    await unit.contacts.erase(amina.id, at=NOW)

    assert await unit.waiting.lines() == []


async def test_joining_two_phones_keeps_where_either_waits(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
    theirs = await joins(unit, brahim, need=Need.HEALTH)
    own = await joins(unit, amina)
    elsewhere = await joins(unit, brahim, centre="fes")
    code = await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)
    address = (await unit.addresses.of(brahim.id))[0]
    offer = await unit.links.find(code, address.id, now=NOW)
    await unit.links.join(offer.id, brahim.id, now=NOW)

    assert [entry.id for entry in await unit.waiting.of(amina.id)] == [own.id, elsewhere.id]
    assert await unit.waiting.get(theirs.id) is None


async def test_a_place_that_becomes_free_rings_with_the_commit(unit: UnitOfWork) -> None:
    unit.waiting.wake()

    assert "waiting" in unit.topics
