"""Group sessions: their places are counted apart, and one begins at a time."""

import asyncio
from datetime import date, time

import pytest

from conversations.care.appointments import Need
from conversations.care.group_sessions import GroupSession
from conversations.care.hours import Length, Taken, VisitKind
from conversations.care.people import Contact
from conversations.errors import GroupSessionGone, SlotTaken
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, stores

TUESDAY = date(2026, 11, 24)


def planned(at: time = time(10), places: int = 2) -> GroupSession:
    return GroupSession(0, "sale", Need.TRAINING, TUESDAY, at, 60, places)


async def takes(unit: UnitOfWork, contact: Contact, session: GroupSession) -> None:
    await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=session.need,
        day=session.day,
        at=session.at,
        capacity=session.places,
        confirmed=True,
        now=NOW,
        kind=VisitKind.GROUP,
        length=Length(session.minutes),
        group_session_id=session.id,
    )


async def test_a_session_is_kept_as_it_was_planned(unit: UnitOfWork, amina: Contact) -> None:
    session = await unit.group_sessions.create(planned(), by=amina.id, now=NOW)

    assert await unit.group_sessions.get(session.id) == session
    assert await unit.group_sessions.between("sale", TUESDAY, TUESDAY) == [session]
    assert await unit.group_sessions.between("fes", TUESDAY, TUESDAY) == []
    with pytest.raises(GroupSessionGone):
        await unit.group_sessions.get(session.id + 1)


async def test_its_places_are_its_own(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    session = await unit.group_sessions.create(planned(), by=amina.id, now=NOW)
    await unit.appointments.book(
        contact_id=amina.id, centre_slug="sale", need=Need.JOB, day=TUESDAY, at=time(10), capacity=1,
        confirmed=True, now=NOW,
    )  # fmt: skip

    await takes(unit, amina, session)
    await takes(unit, brahim, session)

    with pytest.raises(SlotTaken):
        await takes(unit, amina, session)
    assert (await unit.group_sessions.get(session.id)).taken == 2
    taken = await unit.appointments.taken("sale", TUESDAY, TUESDAY, now=NOW)
    # The visit, and the session once for all who come to it.
    assert sorted(taken[TUESDAY], key=str) == sorted(
        (Taken(time(10), 1, None, None), Taken(time(10), 1, 60, 0)), key=str
    )


async def test_no_two_begin_at_once(unit: UnitOfWork, amina: Contact) -> None:
    first = await unit.group_sessions.create(planned(), by=amina.id, now=NOW)

    with pytest.raises(SlotTaken):
        await unit.group_sessions.create(planned(), by=amina.id, now=NOW)
    await unit.group_sessions.call_off(first.id)
    second = await unit.group_sessions.create(planned(), by=amina.id, now=NOW)

    assert await unit.group_sessions.between("sale", TUESDAY, TUESDAY) == [second]
    assert not (await unit.group_sessions.get(first.id)).is_open


async def test_when_many_want_the_last_places_only_so_many_get_one(town: Town) -> None:
    async with town.engine.begin() as connection:
        session = await stores(connection, town.keys).group_sessions.create(
            planned(places=3), by=town.amina.id, now=NOW
        )

    async def tries() -> bool:
        async with town.engine.begin() as connection:
            try:
                await takes(stores(connection, town.keys), town.amina, session)
            except SlotTaken:
                return False
            return True

    won = [await tries() for _ in range(2)] + await asyncio.gather(*(tries() for _ in range(3)))

    assert sum(won) == 3
