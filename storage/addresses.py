"""Where people are: a contact has one address for each way they write."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import Contact, ContactId, Role
from storage import erasure
from storage.contacts import contact_in, contact_row
from storage.encryption import KeyRing
from storage.errors import violates
from storage.prepared import Into, Statement, prepared
from storage.tables import addresses, contacts

AddressId = NewType("AddressId", int)

_EXTERNAL = "addresses.external"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """How a channel names a contact."""

    id: AddressId
    contact_id: ContactId
    channel: str
    external_id: str
    reachable: bool

    def __repr__(self) -> str:
        return f"<Address {self.channel}>"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads at an address. `is_erased`: all about them was deleted but a last word to them."""

    address_id: AddressId
    language: str | None
    is_erased: bool


@prepared
def _use(_: Into) -> Statement:
    return (
        update(addresses)
        .where(
            addresses.c.channel == bindparam("from_channel"),
            addresses.c.external_index == bindparam("index"),
        )
        .values(last_used_at=bindparam("now"), reachable=True, unreachable_since=None)
        .returning(addresses.c.id, addresses.c.contact_id)
    )


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
        address_id, contact_id = found
        return await self._contact(contact_id, now), address_id

    async def reader(self, channel: str, external_id: str) -> Reader | None:
        """Return who reads there, without counting the address as used; None when nobody is known."""
        query = (
            select(addresses.c.id, contacts.c.language, contacts.c.erased_at)
            .join(contacts, contacts.c.id == addresses.c.contact_id)
            .where(
                addresses.c.channel == channel,
                addresses.c.external_index == self._keys.index(channel, external_id),
            )
        )
        row = (await self._connection.execute(query)).one_or_none()
        return row and Reader(AddressId(row.id), row.language, row.erased_at is not None)

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
        """Return the reachable address last used, None when there is none."""
        row = await _preferred.first(self._connection, contact=contact_id)
        if row is None:
            return None
        return Address(
            id=AddressId(row.id),
            contact_id=ContactId(row.contact_id),
            channel=row.channel,
            external_id=self._keys.decrypt(row.external_enc, about=_EXTERNAL),
            reachable=row.reachable,
        )

    async def _used(self, channel: str, index: bytes, now: datetime) -> tuple[AddressId, ContactId] | None:
        row = await _use.first(self._connection, from_channel=channel, index=index, now=now)
        return row and (AddressId(row.id), ContactId(row.contact_id))

    async def _create(
        self, channel: str, index: bytes, external_id: str, now: datetime
    ) -> tuple[AddressId, ContactId]:
        contact_id = await self._connection.scalar(
            insert(contacts).values(role=Role.BENEFICIARY, created_at=now).returning(contacts.c.id)
        )
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
        return AddressId(address_id), ContactId(contact_id)

    async def _contact(self, contact_id: ContactId, now: datetime) -> Contact:
        row = await contact_row(self._connection, contact_id)
        if row.erased_at is not None:
            await erasure.start_afresh(self._connection, contact_id, now=now)
            row = await contact_row(self._connection, contact_id)
        return contact_in(row, self._keys)


def preferred_of(contact_id: ContactId | ColumnElement[Any]) -> ScalarSelect[int]:
    """Return the query for a contact's reachable address last used; a column makes it one for each row."""
    mine = addresses.alias()
    return (
        select(mine.c.id)
        .where(mine.c.contact_id == contact_id, mine.c.reachable)
        .order_by(mine.c.last_used_at.desc(), mine.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
