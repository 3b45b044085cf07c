"""Visits at whose time a centre closed, as the stores keep and find them."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.closures import ClosureReason
from conversations.care.holds import HoldPurpose
from conversations.care.hours import Length, Opening, VisitKind
from conversations.care.people import Contact
from conversations.errors import AppointmentNotLive, VisitChanged
from storage.closings import ClosingStore
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW
from tests.storage.test_holds import kept_for

TUESDAY = date(2026, 11, 24)
LATER = NOW + timedelta(minutes=5)


async def books(
    unit: UnitOfWork,
    contact: Contact,
    at: time = time(10),
    *,
    day: date = TUESDAY,
    minutes: int | None = None,
    kind: VisitKind = VisitKind.IN_PERSON,
    session: int | None = None,
) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.JOB,
        day=day,
        at=at,
        capacity=3,
        confirmed=True,
        now=NOW,
        kind=kind,
        length=(minutes and Length(minutes)) or None,
        group_session_id=session,
    )


async def test_a_displaced_visit_stays_in_its_place_under_another_version(
    unit: UnitOfWork, amina: Contact
) -> None:
    visit = await books(unit, amina)
    await unit.appointments.set_coming(visit.id)

    displaced = await unit.appointments.displace(visit.id, version=visit.version, now=LATER)

    assert (displaced.displaced_at, displaced.version, displaced.coming) == (LATER, visit.version + 1, False)
    assert (displaced.day, displaced.at, displaced.status) == (visit.day, visit.at, visit.status)
    assert await unit.appointments.displaced("sale", now=LATER) == [displaced]
    assert await unit.appointments.upcoming(amina.id, now=LATER) == [displaced]


async def test_a_visit_that_changed_meanwhile_is_not_displaced(unit: UnitOfWork, amina: Contact) -> None:
    visit = await books(unit, amina)
    moved = await unit.appointments.move(
        visit.id, day=TUESDAY, at=time(15), capacity=1, confirmed=True, now=NOW
    )
    with pytest.raises(VisitChanged):
        await unit.appointments.displace(visit.id, version=visit.version, now=LATER)

    begun = NOW + timedelta(days=2)
    with pytest.raises(VisitChanged):
        await unit.appointments.displace(visit.id, version=moved.version, now=begun)
    await unit.appointments.cancel(visit.id, now=NOW)
    with pytest.raises(VisitChanged):
        await unit.appointments.displace(visit.id, version=moved.version + 1, now=LATER)


async def test_only_what_is_displaced_is_restored(unit: UnitOfWork, amina: Contact) -> None:
    visit = await books(unit, amina)
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.restore(visit.id, now=LATER)
    await unit.appointments.displace(visit.id, version=visit.version, now=LATER)

    restored = await unit.appointments.restore(visit.id, now=LATER)

    assert (restored.displaced_at, restored.version) == (None, visit.version + 2)
    assert await unit.appointments.displaced("sale", now=LATER) == []


async def test_what_is_displaced_ends_at_its_time_and_not_before(unit: UnitOfWork, amina: Contact) -> None:
    visit, settled = await books(unit, amina), await books(unit, amina, time(9))
    await unit.appointments.displace(visit.id, version=visit.version, now=LATER)
    begun = NOW + timedelta(days=1, hours=2)
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.lapse(visit.id, now=LATER)
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.lapse(settled.id, now=begun)

    over = await unit.appointments.lapse(visit.id, now=begun)

    assert (over.status, over.ended_by, over.displaced_at) == (
        AppointmentStatus.CANCELLED,
        EndedBy.CENTRE,
        None,
    )
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.lapse(visit.id, now=begun)


async def touched(unit: UnitOfWork, now: datetime = NOW) -> dict[str, int]:
    return dict(await ClosingStore(unit.connection).touched(today=now.date(), now=now))


async def test_closed_days_and_hours_touch_the_visits_that_meet_them(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    visit = await books(unit, amina, time(10), minutes=45)
    await unit.closures.close_hours(
        "sale", TUESDAY, Opening(time(10, 45), time(12)), reason=ClosureReason.WORKS, by=brahim.id
    )
    assert await touched(unit) == {}

    await unit.closures.close_hours(
        "sale", TUESDAY, Opening(time(10, 44), time(11)), reason=ClosureReason.MEETING, by=brahim.id
    )
    assert await touched(unit) == {"sale": amina.id}
    assert await unit.closures.hours_reasons("sale", TUESDAY) == {
        Opening(time(10, 45), time(12)): ClosureReason.WORKS,
        Opening(time(10, 44), time(11)): ClosureReason.MEETING,
    }
    await unit.closures.open_hours("sale", TUESDAY)
    await unit.closures.decide("sale", TUESDAY, closed=True, by=brahim.id)
    assert await touched(unit) == {"sale": amina.id}
    assert await touched(unit, NOW + timedelta(days=2)) == {}

    await unit.appointments.displace(visit.id, version=visit.version, now=LATER)
    assert await touched(unit) == {}


async def test_proposed_holidays_other_days_and_places_of_no_session_touch_nobody(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await books(unit, amina)
    await books(unit, brahim, day=date(2026, 11, 25), kind=VisitKind.GROUP)
    await unit.closures.propose([(TUESDAY, "Fête", "عيد", True)])
    await unit.closures.decide("sale", date(2026, 11, 25), closed=True, by=amina.id)
    await unit.closures.decide("sale", date(2026, 11, 26), closed=True, by=amina.id)

    assert await touched(unit) == {}


async def test_places_of_a_session_are_touched(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await books(unit, amina, kind=VisitKind.GROUP, session=7)
    await unit.closures.decide("sale", TUESDAY, closed=True, by=brahim.id)

    assert await touched(unit) == {"sale": amina.id}


async def test_times_kept_because_a_centre_closed_are_found_for_the_centre(
    unit: UnitOfWork, amina: Contact
) -> None:
    visit = await books(unit, amina)
    moved = kept_for(amina, purpose=HoldPurpose.MOVED, appointment_id=visit.id)
    await unit.holds.keep(moved)
    await unit.holds.keep(kept_for(amina, time(11)))

    assert await unit.holds.moved("sale", now=NOW) == [moved]
    assert await unit.holds.moved("fes", now=NOW) == []
    assert await unit.holds.moved("sale", now=moved.until) == []


# PostgreSQL's plans go by how many rows there are, which are few here.
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_look_goes_through_no_visits_but_those_of_closed_days(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    """It is made every few seconds, however many visits there are."""
    await books(unit, amina)
    await unit.closures.decide("sale", TUESDAY, closed=True, by=brahim.id)
    asked: list[tuple[str, Any]] = []
    connection = unit.connection.sync_connection
    assert connection is not None

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    store = ClosingStore(unit.connection)
    await store.touched(today=NOW.date(), now=NOW)
    await store.waiting()
    await store.in_periods(now=NOW)
    event.remove(connection, "before_cursor_execute", note)

    ways = [
        row[-1]
        for statement, parameters in asked
        for row in await unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        if "appointments" in row[-1]
    ]
    assert len(ways) == 3
    for way in ways:
        assert "ix_appointments_displaced" in way or "(centre_slug=?" in way, way
