import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import Contact
from conversations.engine.outbound import LANES, OutboundMessage, Purpose
from conversations.engine.session import Frame
from storage.schedule import DueMessage
from storage.tables import due_messages, outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, stores

VISIT = "visit:12"
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)


async def plan(
    unit: UnitOfWork,
    contact: Contact,
    *steps: tuple[str, datetime],
    purpose: Purpose = Purpose.REMINDER,
    subject: str = VISIT,
    version: int = 1,
) -> None:
    await unit.schedule.plan(
        contact_id=contact.id, purpose=purpose, subject=subject, version=version, steps=steps
    )


async def send(
    unit: UnitOfWork,
    contact: Contact,
    purpose: Purpose,
    *,
    subject: str | None = VISIT,
    status: str = "created",
) -> int:
    """Write a message to the outbox and return its row's id."""
    address = await unit.addresses.preferred(contact.id)
    assert address
    row_id = await unit.connection.scalar(
        insert(outbox)
        .values(
            address_id=address.id,
            channel=address.channel,
            purpose=purpose,
            lane=LANES[purpose],
            unique_key=f"{subject}:{purpose}:{status}:{contact.id}",
            subject=subject,
            due_at=NOW,
            created_at=NOW,
            status=status,
        )
        .returning(outbox.c.id)
    )
    return int(row_id)


async def fates(connection: AsyncConnection, ids: Sequence[int]) -> list[tuple[str, str | None]]:
    rows = await connection.execute(
        select(outbox.c.status, outbox.c.reason).where(outbox.c.id.in_(ids)).order_by(outbox.c.id)
    )
    return [(row.status, row.reason) for row in rows]


async def due(unit: UnitOfWork, now: datetime = LATER, limit: int = 10) -> list[tuple[str, int]]:
    return [(row.step, row.version) for row in await unit.schedule.claim_due(now, limit)]


async def test_what_is_planned_falls_due_in_order(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("2h", LATER), ("1d", SOON))

    assert await due(unit, NOW) == []
    (row,) = await unit.schedule.claim_due(SOON, 10)
    assert row == DueMessage(row.id, amina.id, Purpose.REMINDER, VISIT, "1d", 1, SOON)
    assert await due(unit) == [("1d", 1), ("2h", 1)]
    assert await due(unit, limit=1) == [("1d", 1)]


async def test_planning_the_same_again_changes_nothing(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("1d", SOON))
    (row,) = await unit.schedule.claim_due(SOON, 10)
    await unit.schedule.turned([row.id])

    await plan(unit, amina, ("1d", LATER), ("2h", LATER))

    assert await due(unit) == [("2h", 1)]


async def test_a_new_version_is_planned_anew(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("1d", SOON))
    await unit.schedule.withdraw(VISIT)

    await plan(unit, amina, ("1d", LATER), version=2)

    assert await due(unit) == [("1d", 2)]


async def test_no_steps_are_no_plan(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina)

    assert await unit.schedule.next_due_at() is None


async def test_a_row_is_dealt_with_once(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("1w", SOON), ("3d", SOON), ("1d", SOON))
    first, second, _ = await unit.schedule.claim_due(SOON, 10)

    await unit.schedule.turned([first.id])
    await unit.schedule.dropped([second.id])

    assert await due(unit) == [("1d", 1)]


async def test_what_is_put_off_falls_due_later(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("1d", SOON))
    (row,) = await unit.schedule.claim_due(SOON, 10)

    await unit.schedule.put_off(row.id, LATER)

    assert await due(unit, SOON) == []
    assert await due(unit, LATER) == [("1d", 1)]


async def test_the_next_moment_is_the_earliest_that_waits(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("2h", LATER), ("1d", SOON))
    assert await unit.schedule.next_due_at() == SOON

    (row,) = await unit.schedule.claim_due(SOON, 10)
    await unit.schedule.turned([row.id])
    assert await unit.schedule.next_due_at() == LATER


async def test_two_ticks_at_once_turn_different_rows(town: Town) -> None:
    """SQLite lets the second tick in when the first has ended; PostgreSQL lets both go on."""
    await town.alone(lambda unit: plan(unit, town.amina, ("1d", SOON), ("2h", SOON)))
    both_claimed = asyncio.Barrier(1 if town.engine.dialect.name == "sqlite" else 2)

    async def tick(unit: UnitOfWork) -> list[str]:
        rows = await unit.schedule.claim_due(LATER, 1)
        await both_claimed.wait()
        await unit.schedule.turned([row.id for row in rows])
        return [row.step for row in rows]

    assert sorted(await town.at_once(tick, tick), key=str) == [["1d"], ["2h"]]


async def test_a_tick_that_is_cut_off_leaves_its_rows_due(town: Town) -> None:
    await town.alone(lambda unit: plan(unit, town.amina, ("1d", SOON)))

    async with town.engine.connect() as connection:
        (row,) = await stores(connection, town.keys).schedule.claim_due(LATER, 10)
        await stores(connection, town.keys).schedule.turned([row.id])

    assert await town.alone(due) == [("1d", 1)]


async def test_withdrawing_a_visit_leaves_other_visits(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("1d", SOON))
    await plan(unit, amina, ("2h", SOON), subject="visit:13")

    await unit.schedule.withdraw(VISIT)

    assert await due(unit) == [("2h", 1)]
    statuses = await unit.connection.scalars(select(due_messages.c.status).order_by(due_messages.c.id))
    assert statuses.all() == ["dropped", "waiting"]


async def test_withdrawing_stops_what_waits_in_the_outbox(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, driss: Contact
) -> None:
    stopped = [
        await send(unit, amina, Purpose.REMINDER),
        await send(unit, amina, Purpose.REMINDER, status="failed_temporary"),
        await send(unit, amina, Purpose.VISIT),
        await send(unit, driss, Purpose.STAFF),
    ]
    kept = [
        await send(unit, amina, Purpose.REPLY),
        await send(unit, driss, Purpose.HANDOVER),
        await send(unit, amina, Purpose.REMINDER, subject="visit:13"),
    ]
    sent = [await send(unit, driss, Purpose.STAFF, status="sent")]

    await unit.schedule.withdraw(VISIT)

    assert await fates(connection, stopped) == [("failed_permanent", "withdrawn")] * 4
    assert await fates(connection, kept) == [("created", None)] * 3
    assert await fates(connection, sent) == [("sent", None)]


async def test_withdrawing_closes_the_notices(unit: UnitOfWork, amina: Contact, driss: Contact) -> None:
    frame = Frame("reminder", 1, "ask")
    mine = await unit.sessions.add_notice(amina.id, frame, (), subject=VISIT, now=NOW)
    staffs = await unit.sessions.add_notice(driss.id, frame, (), subject=VISIT, now=NOW)
    other = await unit.sessions.add_notice(amina.id, frame, (), subject="visit:13", now=NOW)

    await unit.schedule.withdraw(VISIT)

    assert await unit.sessions.notice(amina.id, mine.id) is None
    assert await unit.sessions.notice(driss.id, staffs.id) is None
    assert await unit.sessions.notice(amina.id, other.id) == other


async def test_one_persons_messages_of_a_purpose_can_be_dropped(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact
) -> None:
    check_ins = {"purpose": Purpose.CHECK_IN}
    await plan(unit, amina, ("d1", SOON), subject=f"check_in:{amina.id}", **check_ins)  # type: ignore[arg-type]
    await plan(unit, brahim, ("d3", SOON), subject=f"check_in:{brahim.id}", **check_ins)  # type: ignore[arg-type]
    await plan(unit, amina, ("1d", SOON))
    waiting = [
        await send(unit, amina, Purpose.CHECK_IN),
        await send(unit, brahim, Purpose.CHECK_IN),
        await send(unit, amina, Purpose.REMINDER),
    ]

    await unit.schedule.withdraw_for(amina.id, Purpose.CHECK_IN)

    assert sorted(await due(unit)) == [("1d", 1), ("d3", 1)]
    assert await fates(connection, waiting) == [
        ("failed_permanent", "opted_out"),
        ("created", None),
        ("created", None),
    ]


async def test_a_message_written_after_the_withdrawal_leaves(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    """The caseworker is told of the cancellation under the same subject."""
    await unit.schedule.withdraw(VISIT)

    address = await unit.addresses.preferred(driss.id)
    assert address
    assert await unit.outbox.add(
        address_id=address.id,
        channel=address.channel,
        purpose=Purpose.STAFF,
        key="visit:12:2:cancelled",
        message=OutboundMessage("Annulé", "fr"),
        now=NOW,
        subject=VISIT,
    )


async def test_what_still_waits_moves_and_all_else_stays(unit: UnitOfWork, amina: Contact) -> None:
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(hours=5)
    await plan(unit, amina, ("t-3d", soon), ("t-1d", later), subject="visit:1")
    await plan(unit, amina, ("t-3d", soon), ("t-1d", later), subject="visit:2")
    sent = [row.id for row in await unit.schedule.claim_due(soon, 10) if row.subject == "visit:1"]
    await unit.schedule.turned(sent)

    moved_to = NOW + timedelta(hours=9)
    await unit.schedule.move("visit:1", [("t-3d", moved_to), ("t-1d", moved_to), ("t-2h", moved_to)])

    rows = await unit.schedule.claim_due(NOW + timedelta(days=1), 10)
    assert [(row.subject, row.step, row.due_at) for row in rows] == [
        ("visit:2", "t-3d", soon),
        ("visit:2", "t-1d", later),
        ("visit:1", "t-1d", moved_to),
    ]


async def test_what_was_withdrawn_does_not_come_back_by_moving(unit: UnitOfWork, amina: Contact) -> None:
    await plan(unit, amina, ("t-1d", NOW), subject="visit:1")
    await unit.schedule.withdraw("visit:1")
    await unit.schedule.move("visit:1", [("t-1d", NOW)])

    assert await unit.schedule.claim_due(NOW, 10) == []


async def test_what_became_a_message_is_known_by_step_and_version(unit: UnitOfWork, amina: Contact) -> None:
    for subject, version in (("visit:1", 1), ("visit:1", 2), ("visit:2", 1)):
        later = NOW + timedelta(days=2)
        await plan(unit, amina, ("t-3d", NOW), ("t-1d", later), subject=subject, version=version)
    first, dropped, other = await unit.schedule.claim_due(NOW, 10)
    await unit.schedule.turned([first.id, other.id])
    await unit.schedule.dropped([dropped.id])

    assert await unit.schedule.told(["visit:1"]) == {("visit:1", "t-3d", 1)}
    assert await unit.schedule.told(["visit:1", "visit:2"]) == {
        ("visit:1", "t-3d", 1),
        ("visit:2", "t-3d", 1),
    }
    assert await unit.schedule.told([]) == set()
