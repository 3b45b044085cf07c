"""People: who they are to the service, what they agreed to and where they live."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.announcements import AnnouncementStatus
from conversations.care.people import STAFF, Consent, Contact, ContactId, Role
from conversations.engine.reply import Channel
from storage import erasure
from storage.encryption import KeyRing
from storage.prepared import Prepared
from storage.tables import (
    addresses,
    announcements,
    appointments,
    contacts,
    is_live,
    is_not_done,
    is_unsent,
    outbox,
    profiles,
    tasks,
)

NAME = "contacts.name"
# Whom a last word can't reach is forgotten without it.
LAST_WORD_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody of the staff as an administrator sees them; `seen_at` is their last message."""

    id: ContactId
    role: Role
    centre_slug: str | None
    seen_at: datetime | None


class ContactStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def get(self, contact_id: ContactId) -> Contact:
        return contact_in(await contact_row(self._connection, contact_id), self._keys)

    async def set_language(self, contact_id: ContactId, language: str) -> None:
        await self._change(contact_id, language=language)

    async def agree(self, contact_id: ContactId, *, news: bool, at: datetime) -> None:
        """Note consent; the moment is the enrolment when it is the first."""
        await self._change(
            contact_id,
            consent=Consent.AGREED,
            consent_at=at,
            news=news,
            enrolled_at=func.coalesce(contacts.c.enrolled_at, at, type_=contacts.c.enrolled_at.type),
        )

    async def refuse(self, contact_id: ContactId, *, at: datetime) -> None:
        await self._change(contact_id, consent=Consent.REFUSED, consent_at=at, news=False)

    async def set_news(self, contact_id: ContactId, news: bool) -> None:
        await self._change(contact_id, news=news)

    async def set_check_ins(self, contact_id: ContactId, check_ins: bool) -> None:
        await self._change(contact_id, check_ins=check_ins)

    async def set_name(self, contact_id: ContactId, name: str | None) -> None:
        await self._change(contact_id, name_enc=name and self._keys.encrypt(name, about=NAME))

    async def set_home(
        self, contact_id: ContactId, *, centre_slug: str | None = None, province_code: str | None = None
    ) -> None:
        """Keep the centre or the province the person chose; None leaves what was."""
        chosen = {"centre_slug": centre_slug, "province_code": province_code}
        for column, value in chosen.items():
            if value is not None:
                await _SET[column].run(self._connection, contact=contact_id, chosen=value)

    async def staff(self, role: Role, centre_slug: str | None = None) -> list[Contact]:
        """Return the staff of a role who can be reached, of one centre or of all, by id."""
        if role not in STAFF:
            return []
        statement = _staff if centre_slug is None else _staff_of_centre
        rows = await statement.all(self._connection, in_role=role.value, centre=centre_slug)
        return [contact_in(row, self._keys) for row in rows]

    async def roster(self) -> list[StaffMember]:
        """Return everybody who is staff, also those out of reach, by role and centre."""
        query = (
            select(
                contacts.c.id,
                contacts.c.role,
                contacts.c.centre_slug,
                func.max(addresses.c.last_used_at, type_=addresses.c.last_used_at.type).label("seen_at"),
            )
            .outerjoin(addresses, addresses.c.contact_id == contacts.c.id)
            .where(contacts.c.role.in_(STAFF))
            .group_by(contacts.c.id, contacts.c.role, contacts.c.centre_slug)
            .order_by(contacts.c.role, contacts.c.centre_slug, contacts.c.id)
        )
        return [
            StaffMember(ContactId(row.id), Role(row.role), row.centre_slug, row.seen_at)
            for row in await self._connection.execute(query)
        ]

    async def is_reachable(self, contact_id: ContactId) -> bool:
        query = select(contacts.c.id).where(
            contacts.c.id == contact_id, or_(_can_be_reached(), _shares_a_phone())
        )
        return await self._connection.scalar(query) is not None

    async def make_staff(self, contact_id: ContactId, role: Role, centre_slug: str | None) -> None:
        if role not in STAFF:
            raise ValueError("only staff are made staff")
        # Somebody who had their data erased to become staff is not to be forgotten.
        await self._change(contact_id, role=role, centre_slug=centre_slug, erased_at=None)

    async def erase(self, contact_id: ContactId, *, at: datetime) -> None:
        """Delete all that is kept of a person, except the address a last word still goes to.

        Visits still to come are cancelled. `forget_erased` deletes the rest once that word has left.
        """
        await erasure.erase(self._connection, contact_id, at=at)

    async def forget_erased(self, before: datetime) -> int:
        """Delete some people erased before that to whom no last word is under way; returns how many.

        A word that has not left a day before that is no longer waited for.
        The author of an announcement stays until it has ended: its progress is told to somebody.
        """
        last_word = (
            select(outbox.c.id)
            .join(addresses, addresses.c.id == outbox.c.address_id)
            .where(
                addresses.c.contact_id == contacts.c.id,
                is_unsent(),
                outbox.c.created_at >= before - LAST_WORD_LIFE,
            )
        )
        running = select(announcements.c.id).where(
            announcements.c.author == contacts.c.id, announcements.c.status == AnnouncementStatus.RUNNING
        )
        return await erasure.delete_people(
            self._connection,
            and_(contacts.c.erased_at < before, ~last_word.exists(), ~running.exists()),
        )

    async def forget_refused(self, before: datetime) -> int:
        """Delete some people who refused or never answered and are silent since then; returns how many.

        A visit since then keeps a person, and so does a task: a relative waits for a call without consent.
        """
        heard = select(addresses.c.id).where(
            addresses.c.contact_id == contacts.c.id, addresses.c.last_used_at >= before
        )
        was_there = select(profiles.c.id).where(
            profiles.c.contact_id == contacts.c.id, profiles.c.last_used_at >= before
        )
        expected = select(appointments.c.id).where(
            appointments.c.contact_id == contacts.c.id, is_live(), appointments.c.starts_at >= before
        )
        waited_on = select(tasks.c.id).where(tasks.c.contact_id == contacts.c.id, is_not_done())
        return await erasure.delete_people(
            self._connection,
            and_(
                contacts.c.role == Role.BENEFICIARY,
                or_(contacts.c.consent == Consent.REFUSED, contacts.c.enrolled_at.is_(None)),
                contacts.c.erased_at.is_(None),
                contacts.c.created_at < before,
                ~heard.exists(),
                ~was_there.exists(),
                ~expected.exists(),
                ~waited_on.exists(),
            ),
        )

    async def set_reminder_hour(self, contact_id: ContactId, hour: int | None) -> None:
        await self._change(contact_id, reminder_hour=hour)

    async def _change(self, contact_id: ContactId, **values: Any) -> None:
        await self._connection.execute(update(contacts).where(contacts.c.id == contact_id).values(**values))


def _can_be_reached() -> ColumnElement[bool]:
    """Return what is true of the row of `contacts` whose person has an address that can be reached."""
    reachable = select(addresses.c.id).where(
        addresses.c.contact_id == contacts.c.id,
        addresses.c.reachable,
        # Only reminders go there.
        addresses.c.channel != Channel.SMS,
    )
    return reachable.exists()


def _shares_a_phone() -> ColumnElement[bool]:
    """Return what is true of the row of `contacts` whose person could use an address that can be reached."""
    shared = (
        select(profiles.c.id)
        .join(addresses, addresses.c.id == profiles.c.address_id)
        .where(profiles.c.contact_id == contacts.c.id, addresses.c.reachable)
    )
    return shared.exists()


def _setting(column: str) -> Prepared:
    return Prepared(
        lambda _: (
            update(contacts)
            .where(contacts.c.id == bindparam("contact"))
            .values({column: bindparam("chosen")})
        )
    )


def _reachable_staff() -> Select[Any]:
    in_role = contacts.c.role == bindparam("in_role")
    return select(contacts).where(in_role, _can_be_reached()).order_by(contacts.c.id)


_staff = Prepared(lambda _: _reachable_staff())
_staff_of_centre = Prepared(lambda _: _reachable_staff().where(contacts.c.centre_slug == bindparam("centre")))
_SET = {column: _setting(column) for column in ("centre_slug", "province_code")}
_get = Prepared(lambda _: select(contacts).where(contacts.c.id == bindparam("contact")))


async def contact_row(connection: AsyncConnection, contact_id: ContactId) -> Any:
    """Return the contact's row. Raises NoResultFound when there is none."""
    row = await _get.first(connection, contact=contact_id)
    if row is None:
        raise NoResultFound(f"no contact {contact_id}")
    return row


def contact_in(row: Row[Any], keys: KeyRing) -> Contact:
    """Return the contact of a row that has all columns of `contacts`."""
    return Contact(
        id=ContactId(row.id),
        role=Role(row.role),
        language=row.language,
        consent=Consent(row.consent),
        news=row.news,
        check_ins=row.check_ins,
        centre_slug=row.centre_slug,
        province_code=row.province_code,
        name=row.name_enc and keys.decrypt(row.name_enc, about=NAME),
        created_at=row.created_at,
        enrolled_at=row.enrolled_at,
        reminder_hour=row.reminder_hour,
    )
