from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, AppointmentStatus, Need, new_visit_code
from conversations.care.hours import Length, Taken
from conversations.care.people import Contact
from conversations.errors import AppointmentNotLive, SlotTaken, VisitChanged
from storage.appointments import AppointmentStore
from storage.database import Database
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked
from storage.tables import appointments
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, ZONE, ZONE_NAME, Town

TUESDAY = date(2026, 11, 24)
WEDNESDAY = date(2026, 11, 25)
AFTERWARDS = datetime(2026, 12, 1, tzinfo=UTC)


async def book(
    unit: UnitOfWork,
    contact: Contact,
    *,
    day: date = TUESDAY,
    at: time = time(9),
    capacity: int = 1,
    confirmed: bool = False,
) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.JOB,
        day=day,
        at=at,
        capacity=capacity,
        confirmed=confirmed,
        now=NOW,
    )


async def move(
    unit: UnitOfWork,
    visit: Appointment,
    *,
    day: date = WEDNESDAY,
    at: time = time(10),
    confirmed: bool = False,
) -> Appointment:
    return await unit.appointments.move(visit.id, day=day, at=at, capacity=1, confirmed=confirmed, now=NOW)


async def confirm(unit: UnitOfWork, visit: Appointment, *, now: datetime = NOW) -> Appointment:
    return await unit.appointments.confirm(visit.id, version=visit.version, now=now)


async def test_a_visit_is_kept_as_it_was_booked(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)

    assert await unit.appointments.get(visit.id) == visit
    assert (visit.contact_id, visit.centre_slug, visit.need) == (amina.id, "sale", Need.JOB)
    assert (visit.day, visit.at, visit.zone) == (TUESDAY, time(9), ZONE_NAME)
    assert (visit.status, visit.version, visit.coming) == (AppointmentStatus.REQUESTED, 1, False)


async def test_who_takes_moves_and_frees_a_time_reads_so_in_the_same_transaction(
    unit: UnitOfWork, amina: Contact
) -> None:
    async def taken() -> object:
        return await unit.appointments.taken("sale", TUESDAY, WEDNESDAY, now=NOW)

    assert await taken() == {}
    visit = await book(unit, amina)
    assert await taken() == {TUESDAY: (Taken(time(9)),)}
    await move(unit, visit)
    assert await taken() == {WEDNESDAY: (Taken(time(10)),)}
    await unit.appointments.cancel(visit.id, now=NOW)
    assert await taken() == {}


async def test_a_visit_on_the_centres_own_hours_is_confirmed(unit: UnitOfWork, amina: Contact) -> None:
    assert (await book(unit, amina, confirmed=True)).status is AppointmentStatus.CONFIRMED


async def test_the_moment_is_the_wall_time_in_the_zone(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    visit = await book(unit, amina)
    await move(unit, visit, day=WEDNESDAY, at=time(10))

    assert await connection.scalar(select(appointments.c.starts_at)) == datetime(2026, 11, 25, 9, tzinfo=UTC)


async def test_so_many_visits_fit_as_the_centre_has_places(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await book(unit, amina, capacity=2)
    await book(unit, brahim, capacity=2)

    with pytest.raises(SlotTaken):
        await book(unit, amina, capacity=2)
    await book(unit, amina, capacity=2, at=time(9, 30))
    assert await unit.appointments.taken("sale", TUESDAY, WEDNESDAY, now=NOW) == {
        TUESDAY: (Taken(time(9), 2), Taken(time(9, 30)))
    }


@pytest.mark.parametrize("capacity", [1, 3])
async def test_when_many_ask_at_once_only_so_many_get_a_place(town: Town, capacity: int) -> None:
    def asks(contact: Contact) -> Callable[[UnitOfWork], Awaitable[Appointment]]:
        return lambda unit: book(unit, contact, capacity=capacity)

    results = await town.at_once(*[asks(town.amina), asks(town.brahim)] * 4)

    assert sum(isinstance(result, Appointment) for result in results) == capacity
    assert sum(isinstance(result, SlotTaken) for result in results) == 8 - capacity


async def test_two_who_move_to_one_time_at_once_both_keep_a_place(town: Town) -> None:
    visits = [
        await town.alone(lambda unit: book(unit, town.amina)),
        await town.alone(lambda unit: book(unit, town.brahim, at=time(11))),
    ]

    results = await town.at_once(*[lambda unit, visit=visit: move(unit, visit) for visit in visits])

    assert sorted(type(result).__name__ for result in results) == ["Appointment", "SlotTaken"]
    agenda = await town.alone(lambda unit: unit.appointments.agenda("sale", TUESDAY, WEDNESDAY))
    assert {visit.id for visit in agenda} == {visit.id for visit in visits}
    assert [visit.day for visit in agenda] == [TUESDAY, WEDNESDAY]


async def test_two_visits_of_a_day_never_have_the_same_code(
    connection: AsyncConnection, unit: UnitOfWork, keys: KeyRing, amina: Contact, brahim: Contact
) -> None:
    bits = iter([5, 5, 6, 5])
    unit.appointments = AppointmentStore(connection, keys, ZONE_NAME, ZONE, lambda _: next(bits))

    first = await book(unit, amina)
    second = await book(unit, brahim, at=time(10))
    other_day = await book(unit, brahim, day=WEDNESDAY)

    assert [first.code, second.code] == [new_visit_code(5), new_visit_code(6)]
    assert other_day.code == first.code


async def test_a_visit_moves_in_place(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    visit = await book(unit, amina, confirmed=True)
    await unit.appointments.set_coming(visit.id)
    planned = await unit.appointments.set_plan(visit.id, "bus 0830")
    assert (planned.plan, planned.version) == ("bus 0830", 1)

    moved = await move(unit, visit)

    assert (moved.id, moved.code, moved.version) == (visit.id, visit.code, 2)
    assert (moved.day, moved.at, moved.status) == (WEDNESDAY, time(10), AppointmentStatus.REQUESTED)
    assert not moved.coming
    assert moved.plan is None
    assert (await book(unit, brahim)).at == visit.at  # the old place is free


async def test_a_time_proposed_by_staff_is_confirmed(unit: UnitOfWork, amina: Contact) -> None:
    assert (await move(unit, await book(unit, amina), confirmed=True)).status is AppointmentStatus.CONFIRMED


async def test_who_finds_the_new_time_taken_keeps_the_old_one(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await book(unit, amina)
    await book(unit, brahim, day=WEDNESDAY, at=time(10))

    with pytest.raises(SlotTaken):
        await move(unit, visit)
    assert await unit.appointments.get(visit.id) == visit


async def test_a_visit_that_moves_where_its_code_is_in_use_gets_a_new_one(
    connection: AsyncConnection, unit: UnitOfWork, keys: KeyRing, amina: Contact, brahim: Contact
) -> None:
    bits = iter([5, 5, 6])
    unit.appointments = AppointmentStore(connection, keys, ZONE_NAME, ZONE, lambda _: next(bits))
    visit = await book(unit, amina)
    await book(unit, brahim, day=WEDNESDAY)

    assert (await move(unit, visit)).code == new_visit_code(6)


async def test_a_cancelled_visit_gives_its_place_back(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await book(unit, amina)

    cancelled = await unit.appointments.cancel(visit.id, now=NOW)

    assert (cancelled.status, cancelled.version) == (AppointmentStatus.CANCELLED, 2)
    await book(unit, brahim)


async def test_confirming_makes_a_new_version_and_coming_does_not(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)

    confirmed = await confirm(unit, visit)
    coming = await unit.appointments.set_coming(visit.id)

    assert (confirmed.status, confirmed.version) == (AppointmentStatus.CONFIRMED, 2)
    assert (coming.coming, coming.version) == (True, 2)


async def test_a_request_that_moved_since_it_was_seen_is_not_confirmed(
    unit: UnitOfWork, amina: Contact
) -> None:
    seen = await book(unit, amina)
    moved = await move(unit, seen)

    with pytest.raises(VisitChanged):
        await confirm(unit, seen)
    assert await unit.appointments.get(seen.id) == moved


async def test_of_caseworkers_who_confirm_at_once_one_does(town: Town) -> None:
    visit = await town.alone(lambda unit: book(unit, town.amina))

    results = await town.at_once(*[lambda unit: confirm(unit, visit)] * 3)

    assert sorted(type(result).__name__ for result in results) == ["Appointment"] + ["VisitChanged"] * 2
    kept = await town.alone(lambda unit: unit.appointments.get(visit.id))
    assert (kept.status, kept.version) == (AppointmentStatus.CONFIRMED, 2)


async def test_a_move_and_a_confirmation_at_once_confirm_nothing_unseen(town: Town) -> None:
    """Whichever comes first, nobody has given a word on the new time."""
    visit = await town.alone(lambda unit: book(unit, town.amina))

    await town.at_once(lambda unit: confirm(unit, visit), lambda unit: move(unit, visit))

    kept = await town.alone(lambda unit: unit.appointments.get(visit.id))
    assert (kept.day, kept.status) == (WEDNESDAY, AppointmentStatus.REQUESTED)


async def test_nothing_more_happens_to_a_cancelled_visit(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    await unit.appointments.cancel(visit.id, now=NOW)

    for change in (
        unit.appointments.cancel(visit.id, now=NOW),
        unit.appointments.set_coming(visit.id),
        unit.appointments.set_plan(visit.id, "foot"),
        move(unit, visit),
    ):
        with pytest.raises(AppointmentNotLive):
            await change
    with pytest.raises(VisitChanged):
        await confirm(unit, await unit.appointments.get(visit.id))


async def test_nothing_more_happens_to_a_visit_that_has_begun(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    begins = datetime(2026, 11, 24, 8, tzinfo=UTC)

    for change in (
        unit.appointments.cancel(visit.id, now=begins),
        unit.appointments.move(visit.id, day=WEDNESDAY, at=time(10), capacity=1, confirmed=True, now=begins),
    ):
        with pytest.raises(AppointmentNotLive):
            await change
    with pytest.raises(VisitChanged):
        await confirm(unit, visit, now=begins)
    await unit.appointments.cancel(visit.id, now=begins - timedelta(seconds=1))


async def test_an_unknown_visit_is_not_live(unit: UnitOfWork) -> None:
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.get(4242)


async def test_upcoming_are_the_persons_live_visits_soonest_first(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    later = await book(unit, amina, day=WEDNESDAY)
    sooner = await book(unit, amina)
    gone = await book(unit, amina, at=time(12))
    await unit.appointments.cancel(gone.id, now=NOW)
    await book(unit, brahim, at=time(11))

    assert await unit.appointments.upcoming(amina.id, now=NOW) == [sooner, later]
    begins = sooner.starts_at(ZONE)
    assert await unit.appointments.upcoming(amina.id, now=begins) == [later]
    assert await unit.appointments.upcoming(amina.id, now=AFTERWARDS) == []


async def test_the_agenda_holds_the_live_visits_of_its_days_by_time(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    late = await book(unit, amina, day=WEDNESDAY, at=time(15))
    early = await book(unit, brahim, day=WEDNESDAY, at=time(8))
    gone = await book(unit, brahim, day=WEDNESDAY, at=time(9))
    await unit.appointments.cancel(gone.id, now=NOW)
    await book(unit, amina)
    await book(unit, amina, day=WEDNESDAY + timedelta(days=1))

    assert await unit.appointments.agenda("sale", WEDNESDAY, WEDNESDAY) == [early, late]
    assert await unit.appointments.agenda("fes", WEDNESDAY, WEDNESDAY) == []
    assert await unit.appointments.taken("sale", WEDNESDAY, WEDNESDAY, now=NOW) == {
        WEDNESDAY: (Taken(time(8)), Taken(time(15)))
    }


# Where to call


async def test_the_number_to_call_is_kept_encrypted(
    connection: AsyncConnection, unit: UnitOfWork, amina: Contact
) -> None:
    visit = await book(unit, amina)
    assert await unit.appointments.phone(visit.id) is None

    await unit.appointments.set_phone(visit.id, "0612345678")

    assert await unit.appointments.phone(visit.id) == "0612345678"
    stored = await connection.scalar(select(appointments.c.phone_enc))
    assert stored
    assert b"0612345678" not in stored


async def test_the_number_to_call_moves_along_and_goes_with_the_visit(
    unit: UnitOfWork, amina: Contact
) -> None:
    visit = await book(unit, amina)
    await unit.appointments.set_phone(visit.id, "0612345678")

    await move(unit, visit)
    assert await unit.appointments.phone(visit.id) == "0612345678"

    await unit.appointments.cancel(visit.id, now=NOW)
    assert await unit.appointments.phone(visit.id) is None


async def test_numbers_of_days_that_are_over_are_forgotten(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    over = await book(unit, amina, day=TUESDAY)
    ahead = await book(unit, brahim, day=WEDNESDAY)
    for visit in (over, ahead):
        await unit.appointments.set_phone(visit.id, "0612345678")

    assert await unit.appointments.forget_phones(before=WEDNESDAY) == 1
    assert await unit.appointments.phone(over.id) is None
    assert await unit.appointments.phone(ahead.id) == "0612345678"


@pytest.mark.parametrize("wants_woman", [True, False])
async def test_a_wish_for_a_woman_is_kept(unit: UnitOfWork, amina: Contact, wants_woman: bool) -> None:
    visit = await book(unit, amina)
    await unit.appointments.set_wants_woman(visit.id, not wants_woman)

    await unit.appointments.set_wants_woman(visit.id, wants_woman)

    assert (await unit.appointments.get(visit.id)).wants_woman is wants_woman


async def test_who_has_come_is_noted_once(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    first = datetime(2026, 11, 24, 8, 40, tzinfo=UTC)

    arrived = await unit.appointments.arrived(visit.id, now=first)
    again = await unit.appointments.arrived(visit.id, now=first + timedelta(minutes=5))

    assert arrived.arrived_at == again.arrived_at == first
    assert (await unit.appointments.get(visit.id)).version == visit.version


async def test_nobody_arrives_for_a_visit_that_is_cancelled(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    await unit.appointments.cancel(visit.id, now=NOW)

    with pytest.raises(AppointmentNotLive):
        await unit.appointments.arrived(visit.id, now=NOW)


async def test_who_came_and_was_given_another_time_has_yet_to_come(unit: UnitOfWork, amina: Contact) -> None:
    visit = await book(unit, amina)
    await unit.appointments.arrived(visit.id, now=NOW)

    assert (await move(unit, visit)).arrived_at is None


async def test_a_persons_day_holds_past_visits_and_no_cancelled_ones(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    late, early = await book(unit, amina, at=time(11)), await book(unit, amina, at=time(9))
    cancelled = await book(unit, amina, at=time(10))
    await unit.appointments.cancel(cancelled.id, now=NOW)
    await book(unit, amina, day=WEDNESDAY)
    await book(unit, brahim, at=time(15))

    assert [visit.id for visit in await unit.appointments.on_day(amina.id, TUESDAY)] == [early.id, late.id]


# Whoever looks whether a time is free first keeps others from it. SQLite has one writer anyway.

HALF_AN_HOUR = Length(30)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("at", "length", "waits"),
    [
        (time(10), HALF_AN_HOUR, True),
        (time(9, 30), HALF_AN_HOUR, False),
        (time(10, 30), HALF_AN_HOUR, False),
        (time(9, 30), Length(30, 5), True),
        (time(9), Length(120), True),
        (time(10, 15), Length(15), True),
    ],
)
async def test_who_wants_a_time_waits_for_those_whose_time_meets_it(
    database: Database, at: time, length: Length, waits: bool
) -> None:
    async with database.transaction() as one:
        await one.appointments.lock_time("sale", TUESDAY, time(10), HALF_AN_HOUR)

        assert await _has_to_wait(database, lambda it: it.lock_time("sale", TUESDAY, at, length)) is waits
        assert not await _has_to_wait(database, lambda it: it.lock_time("sale", WEDNESDAY, at, length))
        assert not await _has_to_wait(database, lambda it: it.lock_time("fes", TUESDAY, at, length))


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_who_wants_a_day_waits_for_all_who_want_a_time_of_it(database: Database) -> None:
    async with database.transaction() as one:
        await one.appointments.lock_time("sale", TUESDAY, time(10), HALF_AN_HOUR)

        assert await _has_to_wait(database, lambda it: it.lock_day("sale", TUESDAY))
        assert not await _has_to_wait(database, lambda it: it.lock_day("sale", WEDNESDAY))

    async with database.transaction() as one:
        await one.appointments.lock_day("sale", TUESDAY)

        assert await _has_to_wait(database, lambda it: it.lock_day("sale", TUESDAY))
        assert await _has_to_wait(database, lambda it: it.lock_time("sale", TUESDAY, time(15), HALF_AN_HOUR))


async def _has_to_wait(database: Database, lock: Callable[[AppointmentStore], Awaitable[None]]) -> bool:
    """Tell whether somebody else would get a lock only later; they give up at once."""
    try:
        async with database.transaction() as other:
            await other.connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
            await lock(other.appointments)
    except DatabaseLocked:
        return True
    return False
