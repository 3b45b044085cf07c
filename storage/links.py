"""Codes that join another phone or app to a person; only a keyed hash of each is kept.

The rule of joining. Who owns the code stays who they are: their language, name, centre, settings and place in
the conversation hold. All addresses of the one who typed it become theirs. Visits with their reminders, tasks
and who looked at them move along, so the visits of both stay, even where two fall on one day. What the owner
never said (a name, a centre, a province) is taken over; of two answers about consent the newer holds.
Of two life projects the owner's stays, and of two places in one waiting list.
The other's dialogue and questions after release go, since the owner has their own; then the other is deleted.

An account of staff is joined by a link code alone, and only to an address of somebody who is new: it opens
what people told their caseworkers. Nothing of the newcomer's is taken over.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import LIFE, LONGEST_WAIT, LinkKind, LinkOffer, new_code, wait_after
from conversations.care.people import Consent, ContactId, Role
from conversations.engine.outbound import Purpose
from conversations.errors import CodeInvalid, CodesSlowed
from storage.encryption import KeyRing
from storage.tables import (
    addresses,
    appointments,
    audit,
    complaints,
    contacts,
    due_messages,
    held_messages,
    life_projects,
    link_codes,
    notices,
    profiles,
    slot_holds,
    tasks,
    waiting_list,
)

# What is a person's own and moves along as it is.
_MOVES = (
    (addresses, addresses.c.contact_id),
    (appointments, appointments.c.contact_id),
    (tasks, tasks.c.contact_id),
    (notices, notices.c.contact_id),
    (profiles, profiles.c.contact_id),
    (held_messages, held_messages.c.contact_id),
    (audit, audit.c.at_contact_id),
    (slot_holds, slot_holds.c.contact_id),
    (complaints, complaints.c.contact_id),
)
# What is planned about visits moves with them.
_ABOUT_VISITS = (Purpose.REMINDER, Purpose.VISIT, Purpose.FEEDBACK)
_TAKEN_OVER_WHERE_MISSING = ("language", "centre_slug", "province_code", "name_enc", "reminder_hour")


class LinkStore:
    def __init__(
        self,
        connection: AsyncConnection,
        keys: KeyRing,
        below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._below = below

    async def new_code(self, contact_id: ContactId, kind: LinkKind, *, now: datetime) -> str:
        """Return a new code, which can't be read again; the person's earlier one of that kind is void."""
        await self._connection.execute(
            delete(link_codes).where(link_codes.c.contact_id == contact_id, link_codes.c.kind == kind)
        )
        code, life = new_code(kind, self._below), LIFE[kind]
        await self._connection.execute(
            insert(link_codes).values(
                contact_id=contact_id,
                kind=kind,
                code_hash=self._hash(code),
                created_at=now,
                expires_at=life and now + life,
            )
        )
        return code

    async def find(self, code: str, address_id: int, *, now: datetime) -> LinkOffer:
        """Return what a code typed at an address leads to; the code is not used up.

        Raises CodeInvalid, and CodesSlowed when too many wrong ones came from there.
        """
        tries = select(addresses.c.link_failures, addresses.c.link_not_before)
        so_far = (
            await self._connection.execute(tries.where(addresses.c.id == address_id).with_for_update())
        ).one()
        if so_far.link_not_before is not None and so_far.link_not_before > now:
            raise CodesSlowed(so_far.link_not_before)
        row = (
            await self._connection.execute(
                select(link_codes).where(link_codes.c.code_hash == self._hash(code), _still_good(now))
            )
        ).one_or_none()
        if row is None:
            await self._note_failure(address_id, so_far, now)
            raise CodeInvalid
        return LinkOffer(row.id, LinkKind(row.kind), ContactId(row.contact_id))

    async def has_history(self, contact_id: ContactId) -> bool:
        """Tell whether there is anything of the person that joining them to another would have to keep."""
        query = select(contacts.c.id).where(
            contacts.c.id == contact_id,
            or_(
                contacts.c.enrolled_at.is_not(None),
                select(appointments.c.id).where(appointments.c.contact_id == contact_id).exists(),
                select(tasks.c.id).where(tasks.c.contact_id == contact_id).exists(),
            ),
        )
        return await self._connection.scalar(query) is not None

    async def join(self, link_id: int, contact_id: ContactId, *, now: datetime) -> ContactId:
        """Use the code up and make its owner of the contact, whose addresses and visits move there.

        Raises CodeInvalid, also when the two may not be joined.
        """
        used = (
            update(link_codes)
            .where(link_codes.c.id == link_id, _still_good(now))
            .values(used_at=now)
            .returning(link_codes.c.contact_id, link_codes.c.kind)
        )
        found = (await self._connection.execute(used)).one_or_none()
        if found is None:
            raise CodeInvalid
        owner = ContactId(found.contact_id)
        if owner != contact_id:
            await self._merge(contact_id, owner, LinkKind(found.kind))
        return owner

    async def _merge(self, other: ContactId, owner: ContactId, kind: LinkKind) -> None:
        both = select(contacts).where(contacts.c.id.in_([other, owner])).order_by(contacts.c.id)
        people = {row.id: row for row in await self._connection.execute(both.with_for_update())}
        if people[other].role != Role.BENEFICIARY or any(row.erased_at for row in people.values()):
            raise CodeInvalid
        is_staffs = people[owner].role != Role.BENEFICIARY
        if is_staffs and (kind is not LinkKind.LINK or await self.has_history(other)):
            raise CodeInvalid
        # The owner's choice of where to be written to holds.
        await self._connection.execute(
            update(addresses).where(addresses.c.contact_id == other).values(preferred=False)
        )
        await self._share_profiles(other, owner)
        await self._share_waiting(other, owner)
        for table, column in _MOVES:
            await self._connection.execute(update(table).where(column == other).values({column: owner}))
        await self._connection.execute(
            update(due_messages)
            .where(due_messages.c.contact_id == other, due_messages.c.purpose.in_(_ABOUT_VISITS))
            .values(contact_id=owner)
        )
        if not is_staffs:
            if not await self._connection.scalar(_has_project(owner)):
                await self._connection.execute(
                    update(life_projects).where(life_projects.c.contact_id == other).values(contact_id=owner)
                )
            taken_over = _taken_over(people[owner], people[other])
            await self._connection.execute(
                update(contacts).where(contacts.c.id == owner).values(**taken_over)
            )
        # The rest of theirs goes with them.
        await self._connection.execute(delete(contacts).where(contacts.c.id == other))

    async def _share_profiles(self, other: ContactId, owner: ContactId) -> None:
        """Leave the owner one profile at each address: their own, with its PIN, where both have one."""
        owners = profiles.alias()
        has_own = select(owners.c.id).where(
            owners.c.contact_id == owner, owners.c.address_id == profiles.c.address_id
        )
        await self._connection.execute(
            delete(profiles).where(profiles.c.contact_id == other, has_own.exists())
        )

    async def _share_waiting(self, other: ContactId, owner: ContactId) -> None:
        """Let the owner wait where the other does; where both do, the owner's place in the list holds."""
        owners = waiting_list.alias()
        waits_too = select(owners.c.id).where(
            owners.c.contact_id == owner,
            owners.c.centre_slug == waiting_list.c.centre_slug,
            owners.c.kind == waiting_list.c.kind,
        )
        await self._connection.execute(
            update(waiting_list)
            .where(waiting_list.c.contact_id == other, ~waits_too.exists())
            .values(contact_id=owner)
        )

    async def _note_failure(self, address_id: int, so_far: Any, now: datetime) -> None:
        last = so_far.link_not_before
        is_old_news = last is not None and now - last > LONGEST_WAIT
        failures = 1 if is_old_news else so_far.link_failures + 1
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id)
            .values(link_failures=failures, link_not_before=now + wait_after(failures))
        )

    def _hash(self, code: str) -> bytes:
        return self._keys.index("link_code", code)


def _still_good(now: datetime) -> ColumnElement[bool]:
    unused = link_codes.c.used_at.is_(None)
    return unused & or_(link_codes.c.expires_at.is_(None), link_codes.c.expires_at > now)


def _has_project(contact_id: ContactId) -> Select[bool]:
    return select(select(life_projects).where(life_projects.c.contact_id == contact_id).exists())


def _taken_over(owner: Any, other: Any) -> dict[str, Any]:
    """Return what the owner's row takes from the other's."""
    missing = [name for name in _TAKEN_OVER_WHERE_MISSING if getattr(owner, name) is None]
    values = {name: getattr(other, name) for name in missing}
    enrolled = [row.enrolled_at for row in (owner, other) if row.enrolled_at is not None]
    values["enrolled_at"] = min(enrolled, default=None)
    # A newcomer's "no" on the new phone was said before they told who they are.
    if other.enrolled_at is not None and (owner.consent_at is None or owner.consent_at < other.consent_at):
        agrees = other.consent == Consent.AGREED
        values |= {"consent": other.consent, "consent_at": other.consent_at, "news": owner.news and agrees}
    return values
