"""Times that are kept for somebody: they take a place from others until they are over."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Need
from conversations.care.group_sessions import GroupSession
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import Taken, VisitKind
from conversations.care.people import NOBODY, Contact
from storage.tables import slot_holds
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

TUESDAY = date(2026, 11, 24)


def kept_for(contact: Contact, at: time = time(9), **different: object) -> Hold:
    values: dict[str, object] = {
        "contact_id": contact.id,
        "centre_slug": "sale",
        "purpose": HoldPurpose.CONFIRMING,
        "kind": VisitKind.IN_PERSON,
        "day": TUESDAY,
        "at": at,
        "until": NOW + timedelta(minutes=10),
        "minutes": 30,
        "buffer_minutes": 5,
    }
    return Hold(**(values | different))  # type: ignore[arg-type]


async def test_what_is_kept_takes_a_place_from_all_others(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    hold = kept_for(amina)
    await unit.holds.keep(hold)

    async def taken(**asked: object) -> object:
        found = await unit.appointments.taken("sale", TUESDAY, TUESDAY, **asked)  # type: ignore[arg-type]
        return found.get(TUESDAY)

    assert await unit.holds.of(amina.id, now=NOW) == [hold]
    assert await taken(now=NOW) == (Taken(time(9), 1, 30, 5),)
    assert await taken(now=NOW, but=brahim.id) == (Taken(time(9), 1, 30, 5),)
    assert await taken(now=NOW, but=amina.id) is None


async def test_it_is_free_again_when_the_time_is_over(unit: UnitOfWork, amina: Contact) -> None:
    await unit.holds.keep(kept_for(amina))
    later = NOW + timedelta(minutes=10)

    assert await unit.holds.of(amina.id, now=later) == []
    assert await unit.appointments.taken("sale", TUESDAY, TUESDAY, now=later) == {}


async def test_another_choice_takes_the_place_of_the_first(unit: UnitOfWork, amina: Contact) -> None:
    await unit.holds.keep(kept_for(amina))
    offered = kept_for(amina, time(11), purpose=HoldPurpose.OFFERED)
    await unit.holds.keep(offered)
    second = kept_for(amina, time(10))
    await unit.holds.keep(second)

    assert await unit.holds.of(amina.id, now=NOW) == [offered, second]


async def test_what_is_kept_for_a_visit_goes_alone(unit: UnitOfWork, amina: Contact) -> None:
    visit = await unit.appointments.book(
        contact_id=amina.id,
        centre_slug="sale",
        need=Need.JOB,
        day=TUESDAY,
        at=time(15),
        capacity=1,
        confirmed=True,
        now=NOW,
    )
    for_visit = kept_for(amina, purpose=HoldPurpose.MOVED, appointment_id=visit.id)
    new = kept_for(amina, time(10), purpose=HoldPurpose.MOVED)
    await unit.holds.keep(for_visit)
    await unit.holds.keep(new)

    await unit.holds.release(amina.id, HoldPurpose.MOVED, appointment_id=visit.id)

    assert await unit.holds.of(amina.id, now=NOW) == [new]


@pytest.mark.parametrize("limit", [1, 10])
async def test_what_is_over_is_forgotten(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, limit: int
) -> None:
    await unit.holds.keep(kept_for(amina))
    await unit.holds.keep(kept_for(amina, purpose=HoldPurpose.OFFERED))
    await unit.holds.keep(kept_for(amina, purpose=HoldPurpose.MOVED, until=NOW + timedelta(days=1)))

    assert await unit.holds.forget(before=NOW + timedelta(hours=1), limit=limit) == min(limit, 2)
    assert await connection.scalar(select(func.count()).select_from(slot_holds)) == 3 - min(limit, 2)


async def test_places_kept_in_a_group_are_counted_for_all_others(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    planned = GroupSession(0, "sale", Need.TRAINING, TUESDAY, time(10), 60, 4)
    session = await unit.group_sessions.create(planned, by=amina.id, now=NOW)
    for contact in (amina, brahim):
        await unit.holds.keep(kept_for(contact, time(10), kind=VisitKind.GROUP, group_session_id=session.id))
    await unit.holds.keep(kept_for(amina, time(9), purpose=HoldPurpose.OFFERED))
    later = NOW + timedelta(minutes=10)

    assert await unit.holds.in_groups("sale", now=NOW, but=NOBODY) == {session.id: 2}
    assert await unit.holds.in_groups("sale", now=NOW, but=amina.id) == {session.id: 1}
    assert await unit.holds.in_groups("fes", now=NOW, but=NOBODY) == {}
    assert await unit.holds.in_groups("sale", now=later, but=NOBODY) == {}
