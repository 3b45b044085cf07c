"""A restored database sends nothing that nobody needs any more, and all the rest."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from conversations.care.announcements import AnnouncementStatus
from conversations.care.people import Contact
from conversations.engine.outbound import LANES, Purpose
from storage.restoring import GivenUp, settle
from storage.tables import addresses, announcements, outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def unsent(
    unit: UnitOfWork,
    contact: Contact,
    purpose: Purpose,
    *,
    age: timedelta,
    channel: str = "telegram",
    status: str = "created",
    announcement_id: int | None = None,
) -> int:
    address_id = await unit.connection.scalar(
        select(addresses.c.id).where(addresses.c.contact_id == contact.id)
    )
    row = {
        "address_id": address_id,
        "channel": channel,
        "purpose": purpose,
        "lane": LANES[purpose],
        "unique_key": f"{purpose}:{age}:{channel}:{status}",
        "announcement_id": announcement_id,
        "status": status,
        "due_at": NOW - age,
        "lease_until": NOW + HOUR if status == "sending" else None,
        "created_at": NOW - age,
    }
    return int(await unit.connection.scalar(insert(outbox).values(row).returning(outbox.c.id)) or 0)


async def fate(unit: UnitOfWork, row_id: int) -> tuple[str, str | None]:
    query = select(outbox.c.status, outbox.c.reason).where(outbox.c.id == row_id)
    found = (await unit.connection.execute(query)).one()
    return found.status, found.reason


@pytest.mark.parametrize(
    ("purpose", "age", "leaves"),
    [
        (Purpose.REPLY, MINUTE, True),
        (Purpose.REPLY, 6 * MINUTE, False),
        (Purpose.HANDOVER, 23 * HOUR, True),
        (Purpose.HANDOVER, 25 * HOUR, False),
        (Purpose.VISIT, 23 * HOUR, True),
        (Purpose.VISIT, 25 * HOUR, False),
        (Purpose.STAFF, 23 * HOUR, True),
        (Purpose.STAFF, 25 * HOUR, False),
        # It carries until when it helps.
        (Purpose.REMINDER, 9 * DAY, True),
        (Purpose.CHECK_IN, 9 * DAY, True),
    ],
)
@pytest.mark.parametrize("status", ["created", "sending", "failed_temporary"])
async def test_what_is_too_old_to_help_is_given_up(
    unit: UnitOfWork, brahim: Contact, purpose: Purpose, age: timedelta, leaves: bool, status: str
) -> None:
    row_id = await unsent(unit, brahim, purpose, age=age, status=status)

    given_up = await settle(unit.connection, now=NOW)

    assert given_up == GivenUp(messages=0 if leaves else 1, announcements=0)
    assert await fate(unit, row_id) == ((status, None) if leaves else ("failed_permanent", "stale"))


async def test_what_was_sent_stays_so(unit: UnitOfWork, brahim: Contact) -> None:
    row_id = await unsent(unit, brahim, Purpose.REPLY, age=DAY, status="sent")

    assert await settle(unit.connection, now=NOW) == GivenUp(0, 0)
    assert await fate(unit, row_id) == ("sent", None)


async def test_what_waits_for_a_page_to_be_opened_goes_on_waiting(unit: UnitOfWork, brahim: Contact) -> None:
    row_id = await unsent(unit, brahim, Purpose.REPLY, age=DAY, channel="webchat")

    await settle(unit.connection, now=NOW)

    assert await fate(unit, row_id) == ("created", None)


async def test_what_was_on_its_way_waits_for_no_lease(unit: UnitOfWork, brahim: Contact) -> None:
    await unsent(unit, brahim, Purpose.REPLY, age=MINUTE, status="sending")

    await settle(unit.connection, now=NOW)

    assert await unit.connection.scalar(select(outbox.c.lease_until)) is None


async def test_an_announcement_that_was_running_is_stopped(unit: UnitOfWork, brahim: Contact) -> None:
    announcement_id = await unit.connection.scalar(
        insert(announcements)
        .values(audience="{}", texts="{}", status="running", total=2, started_at=NOW)
        .returning(announcements.c.id)
    )
    waiting, sent = [
        await unsent(
            unit, brahim, Purpose.BROADCAST, age=MINUTE, status=status, announcement_id=announcement_id
        )
        for status in ("created", "sent")
    ]

    given_up = await settle(unit.connection, now=NOW)

    assert given_up == GivenUp(messages=0, announcements=1)
    assert await fate(unit, waiting) == ("failed_permanent", "stopped")
    assert await fate(unit, sent) == ("sent", None)
    ended = (await unit.connection.execute(select(announcements))).one()
    assert (ended.status, ended.ended_at) == (AnnouncementStatus.STOPPED, NOW)
