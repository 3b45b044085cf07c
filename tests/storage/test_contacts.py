from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import Appointment, Need
from conversations.care.people import Consent, Contact, Role
from conversations.care.tasks import Task, TaskKind, TaskStatus
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.session import Frame, Session
from conversations.errors import AppointmentNotLive, TaskUnknown
from storage.contacts import LAST_WORD_LIFE
from storage.inbox import NewUpdate
from storage.tables import (
    addresses,
    appointments,
    contacts,
    inbox,
    link_codes,
    metadata,
    openings,
    outbox,
)
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, ZONE, joins

LATER = NOW + timedelta(days=1)


async def test_a_name_is_kept_where_nobody_reads_it(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    assert (await unit.contacts.get(amina.id)).name == "Amina"
    row = (await connection.execute(select(contacts))).one()
    assert b"Amina" not in row.name_enc

    await unit.contacts.set_name(amina.id, None)
    assert (await unit.contacts.get(amina.id)).name is None


async def test_the_first_consent_is_the_enrolment(unit: UnitOfWork) -> None:
    contact, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)

    await unit.contacts.agree(contact.id, news=True, at=NOW)
    await unit.contacts.refuse(contact.id, at=LATER)
    refused = await unit.contacts.get(contact.id)
    await unit.contacts.agree(contact.id, news=False, at=LATER)
    agreed = await unit.contacts.get(contact.id)

    assert (refused.consent, refused.news) == (Consent.REFUSED, False)
    assert (agreed.consent, agreed.news, agreed.enrolled_at) == (Consent.AGREED, False, NOW)


async def test_what_a_person_sets_is_kept(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await unit.contacts.set_language(amina.id, "fr")
    await unit.contacts.set_news(amina.id, False)
    await unit.contacts.set_check_ins(amina.id, False)
    await unit.contacts.set_reminder_hour(amina.id, 14)

    changed = await unit.contacts.get(amina.id)
    assert (changed.language, changed.news, changed.check_ins) == ("fr", False, False)
    assert changed.reminder_hour == 14
    assert await unit.contacts.get(brahim.id) == brahim


async def test_home_is_a_centre_a_province_or_both(unit: UnitOfWork, amina: Contact) -> None:
    await unit.contacts.set_home(amina.id, province_code="04.441")
    await unit.contacts.set_home(amina.id, centre_slug="sale")
    await unit.contacts.set_home(amina.id)

    kept = await unit.contacts.get(amina.id)
    assert (kept.centre_slug, kept.province_code) == ("sale", "04.441")


async def test_staff_are_those_of_a_role_and_a_centre(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    await unit.contacts.make_staff(brahim.id, Role.MANAGER, None)
    await unit.contacts.set_home(amina.id, centre_slug="sale")

    manager = await unit.contacts.get(brahim.id)
    assert await unit.contacts.staff(Role.CASEWORKER) == [driss]
    assert await unit.contacts.staff(Role.CASEWORKER, "sale") == [driss]
    assert await unit.contacts.staff(Role.CASEWORKER, "fes") == []
    assert await unit.contacts.staff(Role.MANAGER) == [manager]
    assert await unit.contacts.staff(Role.BENEFICIARY) == []


async def test_staff_who_cannot_be_reached_do_not_count(
    unit: UnitOfWork, brahim: Contact, driss: Contact
) -> None:
    """Driss blocks the service and comes back."""
    address = await unit.addresses.preferred(driss.id)
    assert address
    await unit.addresses.mark_unreachable(address.id, NOW)

    assert await unit.contacts.staff(Role.CASEWORKER, "sale") == []
    assert not await unit.contacts.is_reachable(driss.id)
    assert await unit.contacts.is_reachable(brahim.id)

    await unit.addresses.mark_reachable(address.id)
    assert await unit.contacts.staff(Role.CASEWORKER, "sale") == [driss]
    assert await unit.contacts.is_reachable(driss.id)


async def test_nobody_is_made_a_beneficiary_that_way(unit: UnitOfWork, driss: Contact) -> None:
    with pytest.raises(ValueError, match="only staff"):
        await unit.contacts.make_staff(driss.id, Role.BENEFICIARY, None)


# Erasing


async def book(unit: UnitOfWork, contact: Contact, day: date, now: datetime = NOW) -> Appointment:
    return await unit.appointments.book(
        contact_id=contact.id,
        centre_slug="sale",
        need=Need.HEALTH,
        day=day,
        at=time(9),
        capacity=2,
        confirmed=True,
        now=now,
    )


async def add_task(unit: UnitOfWork, contact: Contact) -> Task:
    return await unit.tasks.add(
        contact_id=contact.id,
        centre_slug="sale",
        kind=TaskKind.MESSAGE,
        text="SECRET",
        urgent=False,
        now=NOW,
    )


async def write(unit: UnitOfWork, contact: Contact, key: str, subject: str | None = None) -> None:
    address = await unit.addresses.preferred(contact.id)
    assert address
    await unit.outbox.add(
        address_id=address.id,
        channel=address.channel,
        purpose=Purpose.STAFF if subject else Purpose.REPLY,
        key=key,
        message=OutboundMessage("SECRET", "fr"),
        now=NOW,
        subject=subject,
    )


async def live(unit: UnitOfWork, contact: Contact, driss: Contact, day: date) -> tuple[Appointment, Task]:
    """Let somebody use all the service has; returns their visit and their task."""
    visit, task = await book(unit, contact, day), await add_task(unit, contact)
    await unit.schedule.plan(
        contact_id=contact.id,
        purpose=Purpose.REMINDER,
        subject=f"visit:{visit.id}",
        version=1,
        steps=[("1d", LATER)],
    )
    frame = Frame("any", 1, "step", {"words": "SECRET"})
    await unit.sessions.save(contact.id, Session(frame), now=NOW)
    await unit.sessions.add_notice(contact.id, frame, (), subject=None, now=NOW)
    await unit.sessions.add_notice(driss.id, frame, (), subject=f"task:{task.id}", now=NOW)
    await write(unit, contact, f"reply:{contact.id}")
    await write(unit, driss, f"news:{visit.id}", f"visit:{visit.id}")
    await unit.audit.looked(driss.id, contact.id, "task", now=NOW)
    address = await unit.addresses.preferred(contact.id)
    assert address
    row = (await unit.connection.execute(select(addresses).where(addresses.c.id == address.id))).one()
    new = NewUpdate(address.channel, f"u{contact.id}", row.external_index, "SECRET")
    await unit.inbox.add([new], now=NOW)
    update = await unit.inbox.claim(now=NOW)
    assert update
    await unit.inbox.close(update.id, status="done", now=NOW)
    code = {"kind": "link", "code_hash": b"%032d" % contact.id, "created_at": NOW}
    await unit.connection.execute(insert(link_codes).values(contact_id=contact.id, **code))
    await unit.connection.execute(insert(openings).values(address_id=address.id, opened_at=NOW))
    return visit, task


async def rows_of(connection: AsyncConnection, contact: Contact) -> dict[str, int]:
    """Return how many rows of each table belong to a person, those of their addresses among them."""
    found = {}
    for table in metadata.tables.values():
        for column in table.columns:
            owner = next((key.column for key in column.foreign_keys), None)
            if owner is contacts.c.id:
                theirs = column == contact.id
            elif owner is addresses.c.id:
                theirs = column.in_(select(addresses.c.id).where(addresses.c.contact_id == contact.id))
            else:
                continue
            if rows := await connection.scalar(select(func.count()).select_from(table).where(theirs)):
                found[f"{table.name}.{column.name}"] = rows
    return found


async def senders_and_words(connection: AsyncConnection) -> list[tuple[bytes, bytes | None]]:
    """Return lane and payload of every update that is kept, oldest first."""
    rows = await connection.execute(select(inbox.c.lane, inbox.c.payload_enc).order_by(inbox.c.id))
    return [(row.lane, row.payload_enc) for row in rows]


async def test_an_erased_person_leaves_an_address_and_visits_to_be_told_of(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact, driss: Contact
) -> None:
    await live(unit, brahim, driss, date(2026, 11, 30))
    assert len(await rows_of(connection, brahim)) >= 10

    await unit.contacts.erase(brahim.id, at=NOW)

    assert await rows_of(connection, brahim) == {"addresses.contact_id": 1, "appointments.contact_id": 1}
    erased = await unit.contacts.get(brahim.id)
    assert (erased.role, erased.consent, erased.language) == (Role.BENEFICIARY, Consent.UNASKED, None)
    assert (erased.name, erased.news, erased.enrolled_at) == (None, False, None)
    # When the platform brings it again, it is still no stranger's first word.
    assert await senders_and_words(connection) == [(b"", None)]
    assert not await unit.inbox.add([NewUpdate("telegram", f"u{brahim.id}", b"lane", "again")], now=NOW)


async def test_of_an_erased_visitors_page_nothing_is_left(
    unit: UnitOfWork, connection: AsyncConnection, driss: Contact
) -> None:
    chama = await joins(unit, "webchat", "secret", language="ary", name="Chama")
    await live(unit, chama, driss, date(2026, 11, 30))

    await unit.contacts.erase(chama.id, at=NOW)

    assert await senders_and_words(connection) == []


async def test_staff_keep_nothing_of_an_erased_person(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact, driss: Contact
) -> None:
    _, task = await live(unit, brahim, driss, date(2026, 11, 30))

    await unit.contacts.erase(brahim.id, at=NOW)

    assert await connection.scalar(select(func.count()).select_from(outbox)) == 0
    assert await rows_of(connection, driss) == {"addresses.contact_id": 1}
    with pytest.raises(TaskUnknown):
        await unit.tasks.get(task.id)


async def test_erasing_one_leaves_the_others(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    visit, task = await live(unit, amina, driss, date(2026, 11, 30))
    await live(unit, brahim, driss, date(2026, 11, 30))
    before = await rows_of(connection, amina)

    await unit.contacts.erase(brahim.id, at=NOW)

    assert await rows_of(connection, amina) == before
    assert await unit.contacts.get(amina.id) == amina
    assert await unit.appointments.get(visit.id) == visit
    assert await unit.tasks.get(task.id) == task
    assert [words is None for _, words in await senders_and_words(connection)] == [False, True]


async def test_visits_to_come_are_cancelled_and_past_ones_let_go(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact
) -> None:
    past = await book(unit, brahim, date(2026, 11, 16))
    to_come = await book(unit, brahim, date(2026, 11, 30))

    await unit.contacts.erase(brahim.id, at=NOW)

    cancelled = await unit.appointments.get(to_come.id)
    assert (cancelled.is_live, cancelled.version) == (False, 2)
    with pytest.raises(AppointmentNotLive):
        await unit.appointments.get(past.id)
    assert await connection.scalar(select(func.count()).select_from(appointments)) == 2
    assert await unit.appointments.agenda("sale", past.day, to_come.day) == []


async def test_the_address_last_used_stays_for_a_last_word(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact
) -> None:
    other, address = await unit.addresses.find_or_create("webchat", "b", now=LATER)
    await connection.execute(addresses.update().values(contact_id=brahim.id))

    await unit.contacts.erase(brahim.id, at=LATER)
    await write(unit, brahim, "farewell")

    kept = await unit.addresses.preferred(brahim.id)
    assert kept
    assert kept.id == address
    assert (await rows_of(connection, brahim))["addresses.contact_id"] == 1
    assert other.id != brahim.id


async def test_the_rest_goes_once_the_last_word_has_left(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact, driss: Contact
) -> None:
    await live(unit, brahim, driss, date(2026, 11, 30))
    await unit.contacts.erase(brahim.id, at=NOW)
    await write(unit, brahim, "farewell")

    assert await unit.contacts.forget_erased(LATER) == 0
    await connection.execute(outbox.update().values(status="sent"))
    assert await unit.contacts.forget_erased(NOW) == 0
    assert await unit.contacts.forget_erased(LATER) == 1

    assert await rows_of(connection, brahim) == {}
    assert await connection.scalar(select(func.count()).select_from(contacts)) == 1
    assert await connection.scalar(select(func.count()).select_from(appointments)) == 1


async def test_a_last_word_that_never_leaves_is_not_waited_for_for_ever(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact
) -> None:
    await unit.contacts.erase(brahim.id, at=NOW)
    await write(unit, brahim, "farewell")

    assert await unit.contacts.forget_erased(NOW + LAST_WORD_LIFE) == 0
    assert await unit.contacts.forget_erased(NOW + LAST_WORD_LIFE + timedelta(seconds=1)) == 1

    assert await rows_of(connection, brahim) == {}


async def test_who_comes_back_is_not_taken_for_who_they_were(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact
) -> None:
    await book(unit, brahim, date(2026, 11, 30))
    await unit.contacts.erase(brahim.id, at=NOW)

    await unit.addresses.find_or_create("telegram", "4242", now=LATER)

    assert await rows_of(connection, brahim) == {"addresses.contact_id": 1}
    assert await unit.contacts.forget_erased(LATER + timedelta(days=1)) == 0


async def test_what_a_caseworker_had_taken_is_open_again_when_they_leave(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    task = await add_task(unit, amina)
    done = await add_task(unit, amina)
    await unit.tasks.take(task.id, driss.id, now=NOW)
    await unit.tasks.finish(done.id, driss.id, now=NOW)

    await unit.contacts.erase(driss.id, at=NOW)

    assert await unit.tasks.get(task.id) == task
    assert (await unit.tasks.get(done.id)).status is TaskStatus.DONE
    assert await unit.contacts.staff(Role.CASEWORKER) == []


# Forgetting who never came in


async def test_who_refused_or_never_answered_is_forgotten_after_a_while(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    await unit.contacts.refuse(brahim.id, at=NOW)

    assert await unit.contacts.forget_refused(NOW) == 0
    assert await unit.contacts.forget_refused(LATER) == 2

    assert await unit.contacts.get(amina.id) == amina
    assert await unit.contacts.get(driss.id) == driss
    assert await unit.contacts.forget_refused(LATER) == 0


async def test_who_still_writes_is_not_forgotten(unit: UnitOfWork) -> None:
    await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    await unit.addresses.find_or_create("webchat", "chama", now=LATER)

    assert await unit.contacts.forget_refused(LATER) == 0


async def test_who_waits_for_a_call_or_a_visit_is_not_forgotten(unit: UnitOfWork, driss: Contact) -> None:
    relative, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    visitor = await joins(unit, "webchat", "v", language="fr", name="Brahim")
    task = await add_task(unit, relative)
    visit = await book(unit, visitor, date(2026, 11, 30))
    await unit.contacts.refuse(visitor.id, at=NOW)

    assert await unit.contacts.forget_refused(LATER) == 0

    await unit.tasks.finish(task.id, driss.id, now=LATER)
    assert await unit.contacts.forget_refused(LATER) == 1
    assert await unit.contacts.forget_refused(visit.starts_at(ZONE) + timedelta(days=1)) == 1
