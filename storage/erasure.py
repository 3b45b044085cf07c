"""What it means to forget a person, table by table."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, cast, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import AppointmentStatus
from conversations.care.edits import EditState
from conversations.care.people import Consent, ContactId, Role
from conversations.care.tasks import TaskStatus
from conversations.engine.reply import Channel
from storage.tables import (
    addresses,
    appointments,
    audit,
    contacts,
    content_changes,
    due_messages,
    inbox,
    is_live,
    is_unsent,
    is_waiting,
    life_projects,
    link_codes,
    notices,
    openings,
    outbox,
    sessions,
    tasks,
)

# So many people are deleted in one transaction: others write meanwhile.
BATCH = 200

# Everything a new contact has not said yet.
BLANK = {
    "role": Role.BENEFICIARY,
    "language": None,
    "consent": Consent.UNASKED,
    "consent_at": None,
    "news": False,
    "check_ins": True,
    "centre_slug": None,
    "province_code": None,
    "name_enc": None,
    "enrolled_at": None,
}


async def erase(connection: AsyncConnection, contact_id: ContactId, *, at: datetime) -> None:
    """Delete all about a person but the address last used, which a last word still goes to."""
    person = select(literal(contact_id).label("id"))
    await _delete_messages(connection, person)
    await _let_go_of_content(connection, contact_id)
    for table in (sessions, notices, due_messages, tasks, link_codes, life_projects):
        await connection.execute(delete(table).where(table.c.contact_id == contact_id))
    await connection.execute(delete(audit).where(audit.c.at_contact_id == contact_id))
    await _hand_back_tasks(connection, person)
    await _cut_loose_visits(connection, contact_id, at)
    await _keep_one_address(connection, contact_id)
    await connection.execute(
        update(contacts).where(contacts.c.id == contact_id).values(**BLANK, erased_at=at)
    )


async def delete_people(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """Delete contacts of which the condition holds, at most BATCH, and all about them; returns how many."""
    batch = select(contacts.c.id).where(condition).order_by(contacts.c.id).limit(BATCH).with_for_update()
    people = (await connection.scalars(batch)).all()
    if people:
        chosen = select(contacts.c.id).where(contacts.c.id.in_(people))
        await _delete_messages(connection, chosen)
        await _hand_back_tasks(connection, chosen)
        # The foreign keys see to the rest: what is the person's goes, what only mentions them lets go.
        await connection.execute(delete(contacts).where(contacts.c.id.in_(people)))
    return len(people)


async def start_afresh(connection: AsyncConnection, contact_id: ContactId, *, now: datetime) -> None:
    """Make an erased contact a new one: somebody who writes again is not who they were."""
    await connection.execute(
        update(appointments).where(appointments.c.contact_id == contact_id).values(contact_id=None)
    )
    await connection.execute(
        update(contacts).where(contacts.c.id == contact_id).values(**BLANK, created_at=now, erased_at=None)
    )


async def forget_messages(connection: AsyncConnection, address_id: int, lane: bytes) -> None:
    """Delete what was written to an address and what came from it, when it is no longer the person's."""
    await connection.execute(
        delete(outbox).where(outbox.c.address_id == address_id, outbox.c.announcement_id.is_(None))
    )
    await _drop_news(connection, outbox.c.address_id == address_id)
    await connection.execute(delete(inbox).where(inbox.c.lane == lane, ~is_waiting(inbox)))


async def _delete_messages(connection: AsyncConnection, people: Select[int]) -> None:
    """Delete what was written to people, what they wrote, and what staff were told about them."""
    own = select(addresses.c.id).where(addresses.c.contact_id.in_(people))
    lanes = select(addresses.c.external_index).where(addresses.c.contact_id.in_(people))
    visits = select("visit:" + cast(appointments.c.id, String)).where(appointments.c.contact_id.in_(people))
    todo = select("task:" + cast(tasks.c.id, String)).where(tasks.c.contact_id.in_(people))
    about_them = visits.union_all(todo)
    await connection.execute(
        delete(outbox).where(
            outbox.c.announcement_id.is_(None),
            or_(outbox.c.address_id.in_(own), outbox.c.subject.in_(about_them)),
        )
    )
    await _drop_news(connection, outbox.c.address_id.in_(own))
    await connection.execute(delete(notices).where(notices.c.subject.in_(about_them)))
    await connection.execute(delete(openings).where(openings.c.address_id.in_(own)))
    await connection.execute(delete(inbox).where(inbox.c.lane.in_(lanes), ~is_waiting(inbox)))


async def _drop_news(connection: AsyncConnection, of_addresses: ColumnElement[bool]) -> None:
    """Rows of an announcement hold no text, and its figures need them."""
    await connection.execute(
        update(outbox)
        .where(of_addresses, outbox.c.announcement_id.is_not(None), is_unsent())
        .values(status="failed_permanent", reason="opted_out", lease_until=None)
    )


async def _hand_back_tasks(connection: AsyncConnection, staff: Select[int]) -> None:
    """What a caseworker had taken is open for colleagues again."""
    await connection.execute(
        update(tasks)
        .where(tasks.c.taken_by.in_(staff), tasks.c.status == TaskStatus.TAKEN)
        .values(status=TaskStatus.OPEN, taken_by=None)
    )


async def _cut_loose_visits(connection: AsyncConnection, contact_id: ContactId, at: datetime) -> None:
    theirs = appointments.c.contact_id == contact_id
    await connection.execute(
        update(appointments).where(theirs, appointments.c.starts_at <= at).values(contact_id=None)
    )
    # Staff have yet to be told of the visits to come: these are cut loose when the contact goes.
    await connection.execute(
        update(appointments)
        .where(theirs, is_live())
        .values(
            status=AppointmentStatus.CANCELLED,
            version=appointments.c.version + 1,
            coming=False,
            changed_at=at,
        )
    )


async def _let_go_of_content(connection: AsyncConnection, contact_id: ContactId) -> None:
    """Delete a manager's drafts; what they published stays, without saying who did."""
    theirs = content_changes.c.by_contact_id == contact_id
    await connection.execute(
        delete(content_changes).where(theirs, content_changes.c.state == EditState.DRAFT)
    )
    await connection.execute(update(content_changes).where(theirs).values(by_contact_id=None))


async def _keep_one_address(connection: AsyncConnection, contact_id: ContactId) -> None:
    theirs = addresses.c.contact_id == contact_id
    last_used = (
        select(addresses.c.id)
        # A text message can't be answered, so nobody is left a last word there.
        .where(theirs, addresses.c.channel != Channel.SMS)
        .order_by(addresses.c.last_used_at.desc(), addresses.c.id.desc())
        .limit(1)
    )
    kept = await connection.scalar(last_used)
    await connection.execute(delete(addresses).where(theirs, addresses.c.id != kept))
