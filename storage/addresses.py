"""Where people are: a contact has one address for each way they write."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NewType

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import KnownAddress
from conversations.care.people import Contact, ContactId, Role
from conversations.care.profiles import LOCKS_AFTER
from conversations.engine.reply import Channel
from storage import erasure
from storage.contacts import contact_in
from storage.encryption import KeyRing
from storage.errors import violates
from storage.prepared import Into, Statement, prepared
from storage.tables import addresses, contacts, profiles, sessions

AddressId = NewType("AddressId", int)
_Found = tuple[AddressId, ContactId, datetime | None]

_EXTERNAL, _PHONE = "addresses.external", "addresses.phone"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """How a channel names a contact."""

    id: AddressId
    contact_id: ContactId
    channel: str
    external_id: str
    reachable: bool
    last_used_at: datetime

    def __repr__(self) -> str:
        return f"<Address {self.channel}>"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who has just written, and from where. `is_locked`: they have to say first who they are.

    `state` is their session as it is stored, for `SessionStore.opened`; locked until the transaction ends.
    """

    contact: Contact
    address_id: AddressId
    is_locked: bool
    state: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads at an address. `is_erased`: all about them was deleted but a last word to them.

    `shown_from`: what is older was another's, or is behind the lock, and is not shown; None: all is theirs.
    """

    address_id: AddressId
    language: str | None
    is_erased: bool
    shown_from: datetime | None


@prepared
def _use(_: Into) -> Statement:
    return (
        update(addresses)
        .where(
            addresses.c.channel == bindparam("from_channel"),
            addresses.c.external_index == bindparam("index"),
        )
        .values(
            last_used_at=bindparam("now"),
            reachable=True,
            unreachable_since=None,
            # What has locked stays so until somebody says who they are.
            locks_at=case(
                (
                    addresses.c.locks_at > bindparam("now"),
                    bindparam("next_lock", type_=addresses.c.locks_at.type),
                ),
                else_=addresses.c.locks_at,
            ),
        )
        .returning(addresses.c.id, addresses.c.contact_id, addresses.c.locks_at)
    )


@prepared
def _who(into: Into) -> Statement:
    """A contact and the session, which nobody else may change meanwhile."""
    theirs = sessions.c.contact_id == contacts.c.id
    who = contacts.c.id == bindparam("contact")
    if into is postgresql.insert:
        session = select(sessions.c.state_enc).where(theirs).with_for_update().lateral("session")
        both = contacts.outerjoin(session, true())
        return select(contacts, session.c.state_enc).select_from(both).where(who)
    return select(contacts, sessions.c.state_enc).select_from(contacts.outerjoin(sessions, theirs)).where(who)


@prepared
def _preferred(_: Into) -> Statement:
    contact = bindparam("contact", type_=addresses.c.contact_id.type)
    return select(addresses).where(addresses.c.id == preferred_of(contact))


class AddressStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def find_or_create(
        self, channel: str, external_id: str, *, now: datetime
    ) -> tuple[Contact, AddressId]:
        """Return who writes from there, a new contact the first time; the address counts as used now.

        Two first messages at once make one contact: the unique constraint decides. Somebody whose data
        were erased comes back as a new contact.
        """
        arrival = await self.arrive(channel, external_id, now=now)
        return arrival.contact, arrival.address_id

    async def arrive(self, channel: str, external_id: str, *, now: datetime) -> "Arrival":
        """Return the same as `find_or_create`, and whether somebody has to say first who they are."""
        index = self._keys.index(channel, external_id)
        found = await self._used(channel, index, now)
        if found is None:
            try:
                async with self._connection.begin_nested():
                    found = await self._create(channel, index, external_id, now)
            except IntegrityError as error:
                if not violates(error, "uq_addresses_channel_external_index"):
                    raise
                found = await self._used(channel, index, now)
        if found is None:
            raise LookupError("the address went away while it was being found")
        address_id, contact_id, locks_at = found
        is_locked = locks_at is not None and locks_at <= now
        row = await _who.first(self._connection, contact=contact_id)
        if row.erased_at is not None:
            await erasure.start_afresh(self._connection, contact_id, now=now)
            row = await _who.first(self._connection, contact=contact_id)
        return Arrival(contact_in(row, self._keys), address_id, is_locked, row.state_enc)

    async def reader(self, channel: str, external_id: str, *, now: datetime) -> Reader | None:
        """Return who reads there, without counting the address as used; None when nobody is known."""
        shown_from = case((addresses.c.locks_at <= now, addresses.c.locks_at), else_=addresses.c.shown_from)
        query = (
            select(addresses.c.id, contacts.c.language, contacts.c.erased_at, shown_from.label("shown_from"))
            .join(contacts, contacts.c.id == addresses.c.contact_id)
            .where(
                addresses.c.channel == channel,
                addresses.c.external_index == self._keys.index(channel, external_id),
            )
        )
        row = (await self._connection.execute(query)).one_or_none()
        return row and Reader(AddressId(row.id), row.language, row.erased_at is not None, row.shown_from)

    async def mark_unreachable(
        self, address_id: int, at: datetime, *, unless_used_after: datetime | None = None
    ) -> bool:
        """Note that the channel can't reach it any more; the person's next message ends that.

        False when the person has written after `unless_used_after`: what failed before is old news.
        """
        statement = (
            update(addresses)
            .where(addresses.c.id == address_id)
            .values(
                reachable=False,
                unreachable_since=func.coalesce(
                    addresses.c.unreachable_since, at, type_=addresses.c.unreachable_since.type
                ),
            )
        )
        if unless_used_after is not None:
            statement = statement.where(addresses.c.last_used_at <= unless_used_after)
        return (await self._connection.execute(statement)).rowcount == 1

    async def mark_reachable(self, address_id: int) -> None:
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id)
            .values(reachable=True, unreachable_since=None)
        )

    async def preferred(self, contact_id: ContactId) -> Address | None:
        """Return the reachable address the person chose, else the one last used; None when there is none."""
        row = await _preferred.first(self._connection, contact=contact_id)
        return row and address_in(row, self._keys)

    async def get(self, address_id: int) -> Address | None:
        """Return an address by its id, None when it is gone."""
        query = select(addresses).where(addresses.c.id == address_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else address_in(row, self._keys)

    async def of(self, contact_id: ContactId) -> list[KnownAddress]:
        """Return where the person writes from, the one last used first, those too that another uses now."""
        shared = select(profiles.c.address_id).where(profiles.c.contact_id == contact_id)
        query = (
            select(addresses)
            .where(
                or_(addresses.c.contact_id == contact_id, addresses.c.id.in_(shared)),
                addresses.c.channel != Channel.SMS,
            )
            .order_by(addresses.c.last_used_at.desc(), addresses.c.id.desc())
        )
        return [
            KnownAddress(row.id, Channel(row.channel), row.reachable, row.preferred, row.last_used_at)
            for row in await self._connection.execute(query)
        ]

    async def prefer(self, contact_id: ContactId, address_id: int | None) -> None:
        """Write to this address of the person's from now on; None: to the one last used."""
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.contact_id == contact_id)
            .values(preferred=addresses.c.id == (address_id or 0))
        )

    async def cut(self, contact_id: ContactId, address_id: int, *, now: datetime) -> ContactId:
        """Part an address from the person: whoever is there is a stranger from now on, whose id is returned.

        What was written to it and came from it goes. Of an address that is not the person's nothing changes,
        and the person's own id is returned. A phone number known through it can't be texted any more. Others
        who share it stay.
        """
        theirs = select(addresses.c.external_index).where(
            addresses.c.id == address_id, addresses.c.contact_id == contact_id
        )
        lane = await self._connection.scalar(theirs)
        if lane is None:
            await erasure.take_off(self._connection, contact_id, address_id)
            await erasure.tidy(self._connection, address_id)
            return contact_id
        stranger = await self._new_contact(now)
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id)
            .values(contact_id=stranger, preferred=False, shown_from=now)
        )
        # Where others go on, the stranger is one more of them.
        await self._connection.execute(
            update(profiles)
            .where(profiles.c.address_id == address_id, profiles.c.contact_id == contact_id)
            .values(contact_id=stranger, pin_hash=None, pin_failures=0, pin_not_before=None)
        )
        await erasure.tidy(self._connection, address_id)
        await erasure.forget_messages(self._connection, address_id, lane)
        await self._connection.execute(
            delete(addresses).where(addresses.c.contact_id == contact_id, addresses.c.channel == Channel.SMS)
        )
        return stranger

    async def keep_phone(self, address_id: int, phone: str) -> None:
        """Keep the phone number that goes with an address whose external id is another name."""
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id, addresses.c.phone_enc.is_(None))
            .values(phone_enc=self._keys.encrypt(phone, about=_PHONE))
        )

    async def for_sms(self, contact_id: ContactId, *, now: datetime) -> Address | None:
        """Return where the person can be texted, by the number their WhatsApp goes under; None: not known."""
        number = await self.phone(contact_id)
        if number is None:
            return None
        index = self._keys.index(Channel.SMS, number)
        found = select(addresses).where(
            addresses.c.channel == Channel.SMS, addresses.c.external_index == index
        )
        row = (await self._connection.execute(found)).one_or_none()
        if row is None:
            await self._insert(contact_id, Channel.SMS, index, number, now)
            row = (await self._connection.execute(found)).one()
        # Somebody else's, when a number has gone from one person to another: not texted at all.
        return address_in(row, self._keys) if row.contact_id == contact_id and row.reachable else None

    async def phone(self, contact_id: ContactId) -> str | None:
        """Return the number, digits with the country's code, of their WhatsApp; None when it is not known."""
        query = (
            select(addresses)
            .where(addresses.c.contact_id == contact_id, addresses.c.channel == Channel.WHATSAPP)
            .order_by(addresses.c.last_used_at.desc(), addresses.c.id.desc())
        )
        for row in await self._connection.execute(query):
            if row.phone_enc is not None:
                return self._keys.decrypt(row.phone_enc, about=_PHONE)
            external_id = self._keys.decrypt(row.external_enc, about=_EXTERNAL)
            if external_id.isdecimal():
                return external_id
        return None

    async def _used(self, channel: str, index: bytes, now: datetime) -> _Found | None:
        row = await _use.first(
            self._connection, from_channel=channel, index=index, now=now, next_lock=now + LOCKS_AFTER
        )
        return row and (AddressId(row.id), ContactId(row.contact_id), row.locks_at)

    async def _create(self, channel: str, index: bytes, external_id: str, now: datetime) -> _Found:
        contact_id = await self._new_contact(now)
        return await self._insert(contact_id, channel, index, external_id, now), contact_id, None

    async def _new_contact(self, now: datetime) -> ContactId:
        contact_id = await self._connection.scalar(
            insert(contacts).values(role=Role.BENEFICIARY, created_at=now).returning(contacts.c.id)
        )
        return ContactId(contact_id)

    async def _insert(
        self, contact_id: ContactId, channel: str, index: bytes, external_id: str, now: datetime
    ) -> AddressId:
        address_id = await self._connection.scalar(
            insert(addresses)
            .values(
                contact_id=contact_id,
                channel=channel,
                external_index=index,
                external_enc=self._keys.encrypt(external_id, about=_EXTERNAL),
                last_used_at=now,
            )
            .returning(addresses.c.id)
        )
        return AddressId(address_id)


def address_in(row: Any, keys: KeyRing) -> Address:
    """Return the address of a row that has all columns of `addresses`."""
    return Address(
        id=AddressId(row.id),
        contact_id=ContactId(row.contact_id),
        channel=row.channel,
        external_id=keys.decrypt(row.external_enc, about=_EXTERNAL),
        reachable=row.reachable,
        last_used_at=row.last_used_at,
    )


def preferred_of(contact_id: ContactId | ColumnElement[Any]) -> ScalarSelect[int]:
    """Return the query for the reachable address a contact chose, else last used; a column: for each row."""
    mine = addresses.alias()
    return (
        select(mine.c.id)
        .where(mine.c.contact_id == contact_id, mine.c.reachable, mine.c.channel != Channel.SMS)
        .order_by(mine.c.preferred.desc(), mine.c.last_used_at.desc(), mine.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
