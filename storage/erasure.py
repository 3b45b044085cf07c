"""What it means to forget a person, table by table."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    cast,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
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
    complaints,
    contacts,
    content_changes,
    due_messages,
    held_messages,
    inbox,
    is_held,
    is_live,
    is_unsent,
    is_waiting,
    life_projects,
    link_codes,
    notices,
    openings,
    outbox,
    profiles,
    sessions,
    slot_holds,
    tasks,
    waiting_list,
)

# So many people are deleted in one transaction: others write meanwhile.
BATCH = 200

# The lane of updates that tell no more who sent them.
_NOBODYS = b""

# What goes with its person, at once.
_THEIRS = (
    sessions,
    notices,
    due_messages,
    tasks,
    link_codes,
    life_projects,
    slot_holds,
    waiting_list,
    complaints,
)

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
    "reminder_hour": None,
}


async def erase(connection: AsyncConnection, contact_id: ContactId, *, at: datetime) -> None:
    """Delete all about a person but the address last used, which a last word still goes to."""
    person = select(literal(contact_id).label("id"))
    await _delete_messages(connection, person)
    await _let_go_of_content(connection, contact_id)
    for table in _THEIRS:
        await connection.execute(delete(table).where(table.c.contact_id == contact_id))
    await connection.execute(delete(audit).where(audit.c.at_contact_id == contact_id))
    await _hand_back_tasks(connection, person)
    await _cut_loose_visits(connection, contact_id, at)
    await _hand_on(connection, person)
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
        await _hand_on(connection, chosen)
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
    """Delete what was written to an address and what came from it, when it is no longer the person's.

    What waits there for others stays.
    """
    await connection.execute(
        delete(outbox).where(
            outbox.c.address_id == address_id, outbox.c.announcement_id.is_(None), ~is_held()
        )
    )
    await _drop_news(connection, outbox.c.address_id == address_id)
    await _empty_updates(connection, inbox.c.lane == lane)


async def take_off(connection: AsyncConnection, contact_id: ContactId, address_id: int) -> None:
    """Take somebody off an address that others use, too, with what was written there.

    When they used it now, whoever writes next has to say who they are. Nothing changes while nobody else
    uses it, or where they are not.
    """
    there = await connection.scalars(select(profiles.c.contact_id).where(profiles.c.address_id == address_id))
    people = set(there.all())
    if contact_id not in people or len(people) < 2:
        return
    person = select(literal(contact_id).label("id"))
    is_here = addresses.c.id == address_id
    lane = select(addresses.c.external_index).where(is_here).scalar_subquery()
    used_now = await connection.scalar(select(addresses.c.contact_id).where(is_here)) == contact_id
    await _forget_held(connection, person, outbox.c.address_id == address_id)
    unsent = is_unsent() if not used_now else false()
    await connection.execute(
        delete(outbox).where(
            outbox.c.address_id == address_id, outbox.c.announcement_id.is_(None), ~is_held(), ~unsent
        )
    )
    await _empty_updates(connection, inbox.c.lane == lane)
    await _hand_on(connection, person, is_here)


async def tidy(connection: AsyncConnection, address_id: int) -> None:
    """An address that is one person's again, without a PIN, needs neither profiles nor a lock."""
    here = profiles.c.address_id == address_id
    count = select(func.count(profiles.c.id), func.count(profiles.c.pin_hash)).where(here)
    people, pins = (await connection.execute(count)).one()
    if people > 1 or pins:
        return
    user = select(addresses.c.contact_id).where(addresses.c.id == address_id).scalar_subquery()
    await connection.execute(delete(profiles).where(here, profiles.c.contact_id == user))
    left = select(profiles.c.id).where(profiles.c.address_id == addresses.c.id)
    await connection.execute(
        update(addresses)
        .where(addresses.c.id == address_id, ~left.exists())
        .values(locks_at=None, door_enc=None)
    )


async def _hand_on(
    connection: AsyncConnection, people: Select[int], where: ColumnElement[bool] | None = None
) -> None:
    """Leave the addresses that people share to the others, of whom whoever writes next says who they are."""
    where = true() if where is None else where
    others = (
        select(profiles.c.contact_id)
        .where(profiles.c.address_id == addresses.c.id, profiles.c.contact_id.not_in(people))
        .order_by(profiles.c.last_used_at.desc(), profiles.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    await connection.execute(
        update(addresses)
        .where(where, addresses.c.contact_id.in_(people), others.is_not(None))
        # Any moment that is over will do.
        .values(contact_id=others, preferred=False, locks_at=addresses.c.last_used_at)
    )
    shared = select(profiles.c.address_id).where(profiles.c.contact_id.in_(people))
    # It may offer them by name.
    await connection.execute(update(addresses).where(where, addresses.c.id.in_(shared)).values(door_enc=None))
    there = select(addresses.c.id).where(where)
    await connection.execute(
        delete(profiles).where(profiles.c.contact_id.in_(people), profiles.c.address_id.in_(there))
    )


async def _forget_held(
    connection: AsyncConnection, people: Select[int], where: ColumnElement[bool] | None = None
) -> None:
    """Delete what waits for people until they use an address that they share."""
    waiting = select(held_messages.c.outbox_id).where(held_messages.c.contact_id.in_(people))
    where = true() if where is None else where
    await connection.execute(delete(outbox).where(where, outbox.c.id.in_(waiting)))


async def _delete_messages(connection: AsyncConnection, people: Select[int]) -> None:
    """Delete what was written to people, what they wrote, and what staff were told about them."""
    own = select(addresses.c.id).where(addresses.c.contact_id.in_(people))
    lanes = select(addresses.c.external_index).where(addresses.c.contact_id.in_(people))
    visits = select("visit:" + cast(appointments.c.id, String)).where(appointments.c.contact_id.in_(people))
    todo = select("task:" + cast(tasks.c.id, String)).where(tasks.c.contact_id.in_(people))
    about_them = visits.union_all(todo)
    await _forget_held(connection, people)
    await connection.execute(
        delete(outbox).where(
            outbox.c.announcement_id.is_(None),
            or_(outbox.c.address_id.in_(own) & ~is_held(), outbox.c.subject.in_(about_them)),
        )
    )
    await _delete_shared_messages(connection, people)
    await _drop_news(connection, outbox.c.address_id.in_(own))
    await connection.execute(delete(notices).where(notices.c.subject.in_(about_them)))
    await connection.execute(delete(openings).where(openings.c.address_id.in_(own)))
    await _empty_updates(connection, inbox.c.lane.in_(lanes))


async def _delete_shared_messages(connection: AsyncConnection, people: Select[int]) -> None:
    """Delete what was shown and written at addresses that people share: whose it was stands nowhere."""
    shared = select(profiles.c.address_id).where(profiles.c.contact_id.in_(people))
    await connection.execute(
        delete(outbox).where(
            outbox.c.announcement_id.is_(None), outbox.c.address_id.in_(shared), ~is_held(), ~is_unsent()
        )
    )
    lanes = select(addresses.c.external_index).where(addresses.c.id.in_(shared))
    await _empty_updates(connection, inbox.c.lane.in_(lanes))


async def _empty_updates(connection: AsyncConnection, theirs: ColumnElement[bool]) -> None:
    """Leave of what people wrote only that it came, and no longer from whom.

    A platform may bring the same update again for days: it must not look like a stranger's first word. The
    web page does not, and its keys begin with their visitor's.
    """
    handled = theirs & ~is_waiting(inbox)
    await connection.execute(delete(inbox).where(handled, inbox.c.channel == Channel.WEBCHAT))
    await connection.execute(update(inbox).where(handled).values(lane=_NOBODYS, payload_enc=None))


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
        update(appointments).where(theirs, appointments.c.phone_enc.is_not(None)).values(phone_enc=None)
    )
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
