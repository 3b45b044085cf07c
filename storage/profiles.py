"""Profiles: several people at one address, and the messages that wait until one of them uses it.

`addresses.contact_id` is who uses an address now, so all that reads it goes on as for one person's. Rows
stand here only where a second person came, or a PIN was set; then `addresses.locks_at` does, too, which an
ordinary turn learns without asking.
"""

import asyncio
import hashlib
import hmac
import os
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import LONGEST_WAIT, wait_after
from conversations.care.people import ContactId, Role
from conversations.care.profiles import LOCKS_AFTER, Profile
from conversations.engine.outbound import Purpose
from conversations.engine.session import Session
from conversations.errors import PinsSlowed, PinWrong, ProfileUnknown
from storage import erasure
from storage.addresses import Address, address_in
from storage.contacts import NAME
from storage.encryption import KeyRing
from storage.errors import ValueTampered
from storage.prepared import Into, Statement, prepared
from storage.tables import addresses, contacts, held_messages, is_held, outbox, profiles

_DOOR = "addresses.door"
# Sixteen megabytes and some hundredths of a second for each try.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
_SALT_SIZE = 16


@prepared
def _shared(_: Into) -> Statement:
    """A reachable address that somebody has a profile at, while another uses it."""
    return (
        select(addresses)
        .join(profiles, profiles.c.address_id == addresses.c.id)
        .where(
            profiles.c.contact_id == bindparam("contact", type_=profiles.c.contact_id.type),
            addresses.c.contact_id != profiles.c.contact_id,
            addresses.c.reachable,
        )
        .order_by(profiles.c.last_used_at.desc(), profiles.c.id.desc())
        .limit(1)
    )


class ProfileStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing, topics: set[str] | None = None) -> None:
        self._connection = connection
        self._keys = keys
        self._topics = set() if topics is None else topics

    async def of(self, address_id: int) -> list[Profile]:
        """Return who uses the address, whoever came first first; nobody where it is one person's."""
        query = (
            select(
                profiles.c.contact_id,
                profiles.c.pin_hash,
                contacts.c.name_enc,
                addresses.c.contact_id.label("user"),
            )
            .join(contacts, contacts.c.id == profiles.c.contact_id)
            .join(addresses, addresses.c.id == profiles.c.address_id)
            .where(profiles.c.address_id == address_id)
            .order_by(profiles.c.id)
        )
        return [
            Profile(
                contact_id=ContactId(row.contact_id),
                number=number,
                name=row.name_enc and self._keys.decrypt(row.name_enc, about=NAME),
                has_pin=row.pin_hash is not None,
                in_use=row.contact_id == row.user,
            )
            for number, row in enumerate(await self._connection.execute(query), start=1)
        ]

    async def add(self, address_id: int, *, now: datetime) -> ContactId:
        """Let somebody new use the address, who is returned; who used it until now keeps a profile."""
        await self._keep_user(address_id, now)
        contact_id = ContactId(
            (
                await self._connection.scalars(
                    insert(contacts).values(role=Role.BENEFICIARY, created_at=now).returning(contacts.c.id)
                )
            ).one()
        )
        await self._insert(address_id, contact_id, now)
        await self.use(address_id, contact_id, now=now)
        return contact_id

    async def use(self, address_id: int, contact_id: ContactId, *, now: datetime) -> bool:
        """Let somebody of the address use it from now on, and what waited for them leave.

        What is still to leave for who used it before waits for them; True when there is any. Raises
        ProfileUnknown.
        """
        here = profiles.c.address_id == address_id
        came = await self._connection.execute(
            update(profiles)
            .where(here, profiles.c.contact_id == contact_id)
            .values(last_used_at=now, pin_failures=0, pin_not_before=None)
        )
        if came.rowcount == 0:
            raise ProfileUnknown
        before = await self._user(address_id)
        is_another = before != contact_id
        left_waiting = is_another and await self._hold_unsent(address_id, before)
        if is_another:
            await self._connection.execute(
                update(profiles).where(here, profiles.c.contact_id == before).values(last_used_at=now)
            )
            await self._connection.execute(
                update(addresses)
                .where(addresses.c.id == address_id)
                .values(contact_id=contact_id, preferred=False, shown_from=now)
            )
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id)
            .values(locks_at=now + LOCKS_AFTER, door_enc=None)
        )
        await self.release(contact_id, address_id, now=now)
        await erasure.tidy(self._connection, address_id)
        return left_waiting

    async def leave(self, address_id: int, contact_id: ContactId) -> None:
        """Take somebody off the address, with what was written there; whoever writes next says who they are.

        Nothing changes while nobody else uses it.
        """
        await erasure.take_off(self._connection, contact_id, address_id)

    async def set_pin(
        self, address_id: int, contact_id: ContactId, pin: str | None, *, now: datetime
    ) -> None:
        """Ask for a PIN from now on before somebody's profile is used there; None: ask for none."""
        if pin is not None:
            await self._keep_user(address_id, now)
        pin_hash = None if pin is None else await self._hashed(pin, os.urandom(_SALT_SIZE))
        await self._connection.execute(
            update(profiles)
            .where(profiles.c.address_id == address_id, profiles.c.contact_id == contact_id)
            .values(pin_hash=pin_hash, pin_failures=0, pin_not_before=None)
        )
        await erasure.tidy(self._connection, address_id)

    async def check_pin(self, address_id: int, contact_id: ContactId, pin: str, *, now: datetime) -> None:
        """Raises PinWrong, PinsSlowed when too many wrong ones came, ProfileUnknown."""
        this = (profiles.c.address_id == address_id) & (profiles.c.contact_id == contact_id)
        row = (await self._connection.execute(select(profiles).where(this).with_for_update())).one_or_none()
        if row is None:
            raise ProfileUnknown
        if row.pin_not_before is not None and row.pin_not_before > now:
            raise PinsSlowed(row.pin_not_before)
        if row.pin_hash is None:
            return
        given = await self._hashed(pin, row.pin_hash[:_SALT_SIZE])
        if not hmac.compare_digest(given, row.pin_hash):
            is_old_news = row.pin_not_before is not None and now - row.pin_not_before > LONGEST_WAIT
            failures = 1 if is_old_news else row.pin_failures + 1
            await self._connection.execute(
                update(profiles)
                .where(this)
                .values(pin_failures=failures, pin_not_before=now + wait_after(failures))
            )
            raise PinWrong

    # While nobody has said who they are

    async def door(self, address_id: int) -> Session | None:
        """Return the conversation with whoever has yet to say who they are; None when it has not begun."""
        state = await self._connection.scalar(
            select(addresses.c.door_enc).where(addresses.c.id == address_id)
        )
        if state is None:
            return None
        try:
            return Session.from_json(self._keys.decrypt(state, about=_DOOR))
        except (ValueTampered, ValueError, TypeError, KeyError, AttributeError):
            return None

    async def keep_door(self, address_id: int, session: Session) -> None:
        state = self._keys.encrypt(session.to_json(), about=_DOOR)
        await self._connection.execute(
            update(addresses).where(addresses.c.id == address_id).values(door_enc=state)
        )

    async def is_locked(self, address_id: int, *, now: datetime) -> bool:
        """Tell whether whoever writes from there has yet to say who they are."""
        query = select(addresses.c.id).where(addresses.c.id == address_id, addresses.c.locks_at <= now)
        return await self._connection.scalar(query) is not None

    # What waits

    async def shared_with(self, contact_id: ContactId) -> tuple[Address, ContactId] | None:
        """Return an address of the person's that another uses now, and who; None when there is none."""
        row = await _shared.first(self._connection, contact=contact_id)
        return row and (address_in(row, self._keys), ContactId(row.contact_id))

    async def hold(self, key: str, contact_id: ContactId, *, now: datetime) -> bool:
        """Let an unsent message wait until whom it is for uses its address; True when it is the only one.

        When they have begun to use it meanwhile it leaves.
        """
        is_only = not await self._waits_for(contact_id, now)
        this = outbox.c.unique_key == key
        row = (await self._connection.execute(select(outbox.c.id, outbox.c.address_id).where(this))).one()
        if await self._user(row.address_id) == contact_id:
            return False
        await self._connection.execute(update(outbox).where(this).values(status="held", lease_until=None))
        await self._connection.execute(insert(held_messages).values(outbox_id=row.id, contact_id=contact_id))
        return is_only

    async def give_up(self, key: str) -> tuple[int, ContactId] | None:
        """Note that a message no longer waits, since nobody hears of it; None when it does not wait."""
        row_id = await self._connection.scalar(
            update(outbox)
            .where(outbox.c.unique_key == key, is_held())
            .values(status="failed_permanent", reason="unheard")
            .returning(outbox.c.id)
        )
        if row_id is None:
            return None
        whose = delete(held_messages).where(held_messages.c.outbox_id == row_id)
        contact_id = (await self._connection.scalars(whose.returning(held_messages.c.contact_id))).one()
        return row_id, ContactId(contact_id)

    async def release(self, contact_id: ContactId, address_id: int, *, now: datetime) -> None:
        """Let what waits for the person leave for an address that they use."""
        theirs = held_messages.c.contact_id == contact_id
        waiting = select(held_messages.c.outbox_id).where(theirs)
        channel = select(addresses.c.channel).where(addresses.c.id == address_id).scalar_subquery()
        released = await self._connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(waiting), is_held())
            .values(status="created", reason=None, due_at=now, address_id=address_id, channel=channel)
        )
        await self._connection.execute(delete(held_messages).where(theirs))
        if released.rowcount:
            self._topics.update(("outbox", f"address:{address_id}"))

    async def _waits_for(self, contact_id: ContactId, now: datetime) -> bool:
        query = (
            select(held_messages.c.outbox_id)
            .join(outbox, outbox.c.id == held_messages.c.outbox_id)
            .where(
                held_messages.c.contact_id == contact_id,
                is_held(),
                or_(outbox.c.useful_until.is_(None), outbox.c.useful_until > now),
            )
            .limit(1)
        )
        return await self._connection.scalar(query) is not None

    async def _hold_unsent(self, address_id: int, contact_id: ContactId) -> bool:
        """Let what has not left wait for whom it was written to; True when there is any.

        Answers to what somebody typed come at once, or wait for the platform as they are.
        """
        unsent = (
            outbox.c.address_id == address_id,
            outbox.c.status.in_([literal_column("'created'"), literal_column("'failed_temporary'")]),
            outbox.c.announcement_id.is_(None),
            outbox.c.purpose != Purpose.REPLY,
            outbox.c.purpose != Purpose.ADDRESS,
        )
        ids = (
            await self._connection.scalars(
                update(outbox).where(*unsent).values(status="held", lease_until=None).returning(outbox.c.id)
            )
        ).all()
        if ids:
            await self._connection.execute(
                insert(held_messages), [{"outbox_id": row_id, "contact_id": contact_id} for row_id in ids]
            )
        return bool(ids)

    # Rows

    async def _user(self, address_id: int) -> ContactId:
        query = select(addresses.c.contact_id).where(addresses.c.id == address_id).with_for_update()
        return ContactId((await self._connection.scalars(query)).one())

    async def _keep_user(self, address_id: int, now: datetime) -> None:
        """Give who uses the address now a profile there, and let it lock."""
        user = await self._user(address_id)
        found = select(profiles.c.id).where(
            profiles.c.address_id == address_id, profiles.c.contact_id == user
        )
        if await self._connection.scalar(found) is None:
            await self._insert(address_id, user, now)
        await self._connection.execute(
            update(addresses)
            .where(addresses.c.id == address_id, addresses.c.locks_at.is_(None))
            .values(locks_at=now + LOCKS_AFTER)
        )

    async def _insert(self, address_id: int, contact_id: ContactId, now: datetime) -> None:
        await self._connection.execute(
            insert(profiles).values(address_id=address_id, contact_id=contact_id, last_used_at=now)
        )

    async def _hashed(self, pin: str, salt: bytes) -> bytes:
        keyed = self._keys.index("pin", f"{salt.hex()}:{pin}")
        # Elsewhere, so that others are answered meanwhile.
        slow = await asyncio.to_thread(_slow_hash, keyed, salt)
        return salt + slow


def _slow_hash(keyed: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(keyed, salt=salt, **_SCRYPT)
