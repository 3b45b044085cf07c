"""Several people at one address: who uses it, their PINs, and what waits for them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.addresses import FREE_TRIES, LinkKind
from conversations.care.people import Contact, ContactId
from conversations.care.profiles import LOCKS_AFTER
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.engine.session import Session
from conversations.errors import PinsSlowed, PinWrong, ProfileUnknown
from storage.contacts import LAST_WORD_LIFE
from storage.inbox import NewUpdate
from storage.tables import addresses, contacts, held_messages, inbox, metadata, outbox, profiles
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town
from tests.storage.test_contacts import live, rows_of

PHONE = ("whatsapp", "212600000001")


async def phone_of(unit: UnitOfWork, contact: Contact) -> int:
    return (await unit.addresses.of(contact.id))[0].id


async def joined_by(unit: UnitOfWork, contact: Contact, name: str = "Zahra") -> Contact:
    """Let somebody new use the contact's phone, who agrees to everything."""
    new = await unit.profiles.add(await phone_of(unit, contact), now=NOW)
    await unit.contacts.set_language(new, "ar")
    await unit.contacts.agree(new, news=True, at=NOW)
    await unit.contacts.set_name(new, name)
    return await unit.contacts.get(new)


async def writes(unit: UnitOfWork, address_id: int, key: str, purpose: Purpose = Purpose.REMINDER) -> None:
    message = OutboundMessage(f"words of {key}", "ar")
    await unit.outbox.add(
        address_id=address_id, channel="whatsapp", purpose=purpose, key=key, message=message, now=NOW,
        subject="visit:99",
    )  # fmt: skip


async def statuses(connection: AsyncConnection) -> dict[str, str]:
    found = await connection.execute(select(outbox.c.unique_key, outbox.c.status))
    return {row.unique_key: row.status for row in found}


async def test_a_phone_of_one_person_has_no_rows_and_never_locks(unit: UnitOfWork, amina: Contact) -> None:
    phone = await phone_of(unit, amina)

    arrival = await unit.addresses.arrive(*PHONE, now=NOW + timedelta(days=1))

    assert not arrival.is_locked
    assert await unit.profiles.of(phone) == []


async def test_somebody_new_uses_the_phone_and_the_former_one_keeps_a_profile(
    unit: UnitOfWork, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)

    people = await unit.profiles.of(phone)
    assert [(each.contact_id, each.name, each.in_use) for each in people] == [
        (amina.id, "Amina", False),
        (zahra.id, "Zahra", True),
    ]
    assert (await unit.addresses.arrive(*PHONE, now=NOW)).contact.id == zahra.id
    assert await unit.addresses.preferred(amina.id) is None


async def test_only_who_has_a_profile_can_use_it(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    await joined_by(unit, amina)

    with pytest.raises(ProfileUnknown):
        await unit.profiles.use(await phone_of(unit, amina), brahim.id, now=NOW)


async def test_it_locks_after_a_while_without_a_message(unit: UnitOfWork, amina: Contact) -> None:
    await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    later = NOW + LOCKS_AFTER - timedelta(seconds=1)
    assert not (await unit.addresses.arrive(*PHONE, now=later)).is_locked
    assert not (await unit.addresses.arrive(*PHONE, now=later + LOCKS_AFTER / 2)).is_locked
    locked_at = later + LOCKS_AFTER * 2

    assert (await unit.addresses.arrive(*PHONE, now=locked_at)).is_locked
    assert (await unit.addresses.arrive(*PHONE, now=locked_at)).is_locked, "writing does not open it"
    assert await unit.profiles.is_locked(phone, now=locked_at)
    await unit.profiles.use(phone, amina.id, now=locked_at)

    assert not (await unit.addresses.arrive(*PHONE, now=locked_at)).is_locked


async def test_the_talk_at_the_door_is_kept_unreadable_until_it_opens(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    session = Session(prompt_no=7)
    await unit.profiles.keep_door(phone, session)
    assert await unit.profiles.door(phone) == session
    stored = await connection.scalar(select(addresses.c.door_enc).where(addresses.c.id == phone))
    assert b"prompt_no" not in stored

    await unit.profiles.use(phone, zahra.id, now=NOW)

    assert await unit.profiles.door(phone) is None


# PINs


async def test_a_pin_is_kept_as_a_keyed_slow_hash_with_its_own_salt(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await unit.profiles.set_pin(phone, amina.id, "2468", now=NOW)
    await unit.profiles.set_pin(phone, zahra.id, "2468", now=NOW)

    first, second = (await connection.scalars(select(profiles.c.pin_hash).order_by(profiles.c.id))).all()
    assert first != second
    assert b"2468" not in first
    await unit.profiles.check_pin(phone, amina.id, "2468", now=NOW)
    with pytest.raises(PinWrong):
        await unit.profiles.check_pin(phone, amina.id, "8642", now=NOW)


async def test_wrong_pins_cost_waiting_and_the_right_one_counts_only_after_it(
    unit: UnitOfWork, amina: Contact
) -> None:
    phone = await phone_of(unit, amina)
    await unit.profiles.set_pin(phone, amina.id, "2468", now=NOW)
    for _ in range(FREE_TRIES + 1):
        with pytest.raises(PinWrong):
            await unit.profiles.check_pin(phone, amina.id, "0000", now=NOW)

    with pytest.raises(PinsSlowed) as slowed:
        await unit.profiles.check_pin(phone, amina.id, "2468", now=NOW)
    assert slowed.value.until == NOW + timedelta(minutes=1)
    await unit.profiles.check_pin(phone, amina.id, "2468", now=slowed.value.until)


async def test_wrong_pins_at_once_are_all_counted(town: Town) -> None:
    async def sets(unit: UnitOfWork) -> int:
        phone = await phone_of(unit, town.amina)
        await unit.profiles.set_pin(phone, town.amina.id, "2468", now=NOW)
        return phone

    async def tries(unit: UnitOfWork) -> bool:
        try:
            await unit.profiles.check_pin(phone, town.amina.id, "0000", now=NOW)
        except PinWrong:
            return True
        return False

    phone = await town.alone(sets)
    await town.at_once(tries, tries, tries)

    async def counted(unit: UnitOfWork) -> int | None:
        return await unit.connection.scalar(select(profiles.c.pin_failures))

    assert await town.alone(counted) == 3


async def test_a_pin_alone_locks_and_without_it_nothing_is_left(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    phone = await phone_of(unit, amina)
    await unit.profiles.set_pin(phone, amina.id, "2468", now=NOW)
    assert (await unit.addresses.arrive(*PHONE, now=NOW + LOCKS_AFTER)).is_locked
    await unit.profiles.use(phone, amina.id, now=NOW + LOCKS_AFTER)

    await unit.profiles.set_pin(phone, amina.id, None, now=NOW)

    assert await unit.profiles.of(phone) == []
    assert await connection.scalar(select(addresses.c.locks_at).where(addresses.c.id == phone)) is None


# What waits


async def test_what_is_held_neither_leaves_nor_shows_until_the_switch(
    unit: UnitOfWork, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    shared = await unit.profiles.shared_with(amina.id)
    assert shared is not None
    assert (shared[0].id, shared[1]) == (phone, zahra.id)
    assert await unit.profiles.shared_with(zahra.id) is None
    for key, is_first in (("one", True), ("two", False)):
        await writes(unit, phone, key)
        assert await unit.profiles.hold(key, amina.id, now=NOW) is is_first

    lanes = [row for lane in "123" for row in await claims(unit, lane)]
    assert lanes == []
    assert await unit.outbox.history(phone, limit=9, now=NOW) == []
    assert await unit.outbox.waiting_for(phone, after=0, now=NOW) == []

    await unit.profiles.use(phone, amina.id, now=NOW)

    assert [
        shown.message and shown.message.text for shown in await unit.outbox.history(phone, limit=9, now=NOW)
    ] == [
        "words of one",
        "words of two",
    ]
    assert not await unit.profiles.hold("two", amina.id, now=NOW), "it is theirs now"
    assert len(await unit.outbox.history(phone, limit=9, now=NOW)) == 2


async def claims(unit: UnitOfWork, lane: str) -> list[str]:
    rows = await unit.outbox.claim(["whatsapp"], [Lane(lane)], now=NOW, lease=timedelta(seconds=10), limit=9)
    return [row.message.text for row in rows if row.message]


async def test_what_had_not_left_before_a_switch_waits_for_whom_it_was_written_to(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await writes(unit, phone, "zahras reminder")
    await writes(unit, phone, "zahras answer", Purpose.REPLY)

    assert await unit.profiles.use(phone, amina.id, now=NOW)

    assert await statuses(connection) == {"zahras reminder": "held", "zahras answer": "created"}
    await unit.profiles.use(phone, zahra.id, now=NOW)
    assert (await statuses(connection))["zahras reminder"] == "created"


async def test_a_cancelled_visits_reminder_no_longer_waits(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    for key, purpose in (("reminder", Purpose.REMINDER), ("check_in", Purpose.CHECK_IN)):
        await writes(unit, phone, key, purpose)
        await unit.profiles.hold(key, amina.id, now=NOW)

    await unit.schedule.withdraw_for(amina.id, Purpose.CHECK_IN)
    assert await statuses(connection) == {"reminder": "held", "check_in": "failed_permanent"}
    await unit.schedule.withdraw("visit:99")
    assert (await statuses(connection))["reminder"] == "failed_permanent"
    await unit.profiles.use(phone, amina.id, now=NOW)
    assert set((await statuses(connection)).values()) == {"failed_permanent"}


async def test_who_shares_a_phone_can_be_reached(unit: UnitOfWork, amina: Contact) -> None:
    await joined_by(unit, amina)
    assert await unit.contacts.is_reachable(amina.id)

    await unit.addresses.mark_unreachable(await phone_of(unit, amina), NOW)

    assert not await unit.contacts.is_reachable(amina.id)


# Going


async def test_who_leaves_takes_what_was_written_there_and_the_others_stay(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await writes(unit, phone, "zahras")
    await writes(unit, phone, "aminas")
    await unit.profiles.hold("aminas", amina.id, now=NOW)

    await unit.profiles.leave(phone, zahra.id)

    arrival = await unit.addresses.arrive(*PHONE, now=NOW)
    assert (arrival.contact.id, arrival.is_locked) == (amina.id, True)
    assert await statuses(connection) == {"aminas": "held"}
    assert await unit.addresses.of(zahra.id) == []
    await unit.profiles.use(phone, amina.id, now=NOW)
    assert await unit.profiles.of(phone) == []


async def test_the_last_one_can_not_leave(unit: UnitOfWork, amina: Contact) -> None:
    phone = await phone_of(unit, amina)
    await unit.profiles.set_pin(phone, amina.id, "2468", now=NOW)

    await unit.profiles.leave(phone, amina.id)

    assert len(await unit.profiles.of(phone)) == 1


async def test_whoever_is_erased_leaves_the_phone_to_the_others(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, driss: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await live(unit, zahra, driss, date(2026, 11, 30))
    await writes(unit, phone, "held")
    await unit.profiles.hold("held", amina.id, now=NOW)
    await unit.profiles.keep_door(phone, Session())

    await unit.contacts.erase(zahra.id, at=NOW)

    assert await rows_of(connection, zahra) == {"appointments.contact_id": 1}
    assert await statuses(connection) == {"held": "held"}
    assert await unit.profiles.door(phone) is None
    assert await unit.contacts.forget_erased(NOW + timedelta(hours=1) + LAST_WORD_LIFE) == 1
    arrival = await unit.addresses.arrive(*PHONE, now=NOW)
    assert (arrival.contact.id, arrival.is_locked) == (amina.id, True)


async def test_whoever_is_erased_elsewhere_leaves_nothing_on_a_shared_phone(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await writes(unit, phone, "sent long ago")
    await connection.execute(update(outbox).values(status="sent"))
    await writes(unit, phone, "zahras")
    await writes(unit, phone, "aminas")
    await unit.profiles.hold("aminas", amina.id, now=NOW)
    lane = (await connection.scalars(select(addresses.c.external_index).where(addresses.c.id == phone))).one()
    await unit.inbox.turn_away([NewUpdate("whatsapp", "u1", lane, "SECRET")], now=NOW)

    await unit.contacts.erase(amina.id, at=NOW)

    assert await statuses(connection) == {"zahras": "created"}
    assert (await connection.scalars(select(inbox.c.payload_enc))).all() == [None]
    assert [each.contact_id for each in await unit.profiles.of(phone)] == [zahra.id]
    assert (await unit.addresses.arrive(*PHONE, now=NOW)).contact.id == zahra.id


async def test_who_never_answered_goes_without_the_others_phone(unit: UnitOfWork, amina: Contact) -> None:
    phone = await phone_of(unit, amina)
    newcomer = await unit.profiles.add(phone, now=NOW)
    days_later = NOW + timedelta(days=3)

    assert await unit.contacts.forget_refused(days_later) == 1

    arrival = await unit.addresses.arrive(*PHONE, now=days_later)
    assert (arrival.contact.id, arrival.is_locked) == (amina.id, True)
    assert newcomer != amina.id


async def test_who_is_silent_only_because_another_uses_the_phone_is_kept_a_day(
    unit: UnitOfWork, amina: Contact
) -> None:
    phone = await phone_of(unit, amina)
    await unit.profiles.add(phone, now=NOW)
    switched = NOW + timedelta(hours=20)
    await unit.profiles.use(phone, amina.id, now=switched)

    assert await unit.contacts.forget_refused(switched) == 0
    assert await unit.contacts.forget_refused(switched + timedelta(seconds=1)) == 1


async def test_cutting_a_shared_phone_leaves_a_stranger_and_the_others(
    unit: UnitOfWork, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)

    stranger = await unit.addresses.cut(zahra.id, phone, now=NOW)

    assert [each.contact_id for each in await unit.profiles.of(phone)] == [amina.id, stranger]
    assert (await unit.addresses.arrive(*PHONE, now=NOW)).contact.id == stranger
    assert await unit.addresses.of(zahra.id) == []


async def test_who_has_no_profile_there_can_not_cut_it(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await writes(unit, phone, "sent")
    await connection.execute(update(outbox).values(status="sent"))

    assert await unit.addresses.cut(brahim.id, phone, now=NOW) == brahim.id

    assert len(await unit.profiles.of(phone)) == 2
    assert await statuses(connection) == {"sent": "sent"}


async def test_a_shared_phone_is_cut_off_from_elsewhere(unit: UnitOfWork, amina: Contact) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)

    assert await unit.addresses.cut(amina.id, phone, now=NOW) == amina.id

    assert await unit.addresses.of(amina.id) == []
    assert await unit.profiles.of(phone) == []
    arrival = await unit.addresses.arrive(*PHONE, now=NOW + LOCKS_AFTER)
    assert (arrival.contact.id, arrival.is_locked) == (zahra.id, False)


async def test_joining_moves_profiles_and_what_waits(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    await writes(unit, phone, "aminas")
    await unit.profiles.hold("aminas", amina.id, now=NOW)
    code = await unit.links.new_code(brahim.id, LinkKind.LINK, now=NOW)
    offer = await unit.links.find(code, phone, now=NOW)

    owner = await unit.links.join(offer.id, amina.id, now=NOW)

    assert owner == brahim.id
    assert ContactId((await unit.profiles.of(phone))[0].contact_id) == brahim.id
    assert (await connection.scalars(select(held_messages.c.contact_id))).all() == [brahim.id]
    there = await unit.addresses.preferred(brahim.id)
    assert there is not None
    await unit.profiles.release(brahim.id, there.id, now=NOW)
    row = (await connection.execute(select(outbox).where(outbox.c.unique_key == "aminas"))).one()
    assert (row.status, row.address_id, row.channel) == ("created", there.id, "telegram")


async def test_joining_two_who_share_a_phone_leaves_one_profile(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact
) -> None:
    zahra = await joined_by(unit, amina)
    phone = await phone_of(unit, amina)
    code = await unit.links.new_code(amina.id, LinkKind.LINK, now=NOW)
    offer = await unit.links.find(code, phone, now=NOW)

    await unit.links.join(offer.id, zahra.id, now=NOW)

    assert [each.contact_id for each in await unit.profiles.of(phone)] == [amina.id]
    assert (await unit.addresses.arrive(*PHONE, now=NOW)).contact.id == amina.id
    assert await connection.scalar(select(func.count()).select_from(contacts)) == 1


def test_the_tables_of_a_person_go_with_them() -> None:
    """What hangs on a contact or an address is deleted with it by the database itself."""
    for name in ("profiles", "held_messages"):
        for key in metadata.tables[name].foreign_keys:
            assert key.ondelete == "CASCADE"
