from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from conversations.care.people import Contact
from conversations.engine.outbound import LANES, Lane, Purpose
from conversations.engine.reply import Channel
from storage.encryption import KeyRing
from storage.inbox import NewUpdate
from storage.outbox import QUIET_HOURS
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork
from storage.vitals import BACKUP_MARK, TICKED_MARK, Backlog, Outcome, Vitals, VitalsStore
from tests.storage.conftest import NOW, Town, stores

MINUTE = timedelta(minutes=1)


async def vitals(unit: UnitOfWork, now: datetime = NOW) -> Vitals:
    return await VitalsStore(unit.connection).read(now=now)


async def message(
    unit: UnitOfWork,
    contact: Contact,
    *,
    purpose: Purpose = Purpose.REPLY,
    status: str = "created",
    reason: str | None = None,
    written: datetime = NOW,
    due_at: datetime | None = None,
) -> None:
    """Put a row into the outbox as delivery would have left it."""
    address = await unit.addresses.preferred(contact.id)
    assert address
    number = await unit.connection.scalar(text("SELECT count(*) FROM outbox"))
    await unit.connection.execute(
        insert(outbox).values(
            address_id=address.id,
            channel=address.channel,
            purpose=purpose,
            lane=LANES[purpose],
            unique_key=f"row:{number}",
            due_at=due_at or written,
            created_at=written,
            status=status,
            reason=reason,
        )
    )


def update(key: str) -> NewUpdate:
    return NewUpdate(channel="telegram", key=key, lane=b"l" * 32, payload="{}")


async def test_an_empty_database_waits_for_nothing(unit: UnitOfWork) -> None:
    assert await vitals(unit) == Vitals(Backlog(), {}, Backlog(), None, None, None)


async def test_updates_wait_until_a_turn_has_handled_them(unit: UnitOfWork) -> None:
    await unit.inbox.add([update("1")], now=NOW - 3 * MINUTE)
    await unit.inbox.add([update("2")], now=NOW - MINUTE)

    before = await vitals(unit)
    taken = await unit.inbox.claim(now=NOW)
    assert taken is not None
    await unit.inbox.close(taken.id, status="done", now=NOW)
    after = await vitals(unit)

    assert before.inbox == Backlog(2, NOW - 3 * MINUTE)
    assert before.inbox.age_s(NOW) == 180
    assert after.inbox == Backlog(1, NOW - MINUTE)
    assert before.last_update_at == after.last_update_at == NOW - MINUTE


async def test_messages_wait_by_channel_and_lane_from_when_they_were_written(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await message(unit, amina, written=NOW - MINUTE)
    await message(unit, brahim, purpose=Purpose.BROADCAST, written=NOW - 2 * MINUTE)
    # Put off: its time is ahead, but it waits all the same.
    put_off = {"status": "failed_temporary", "reason": "token", "due_at": NOW + MINUTE}
    await message(unit, brahim, written=NOW - 7 * MINUTE, **put_off)  # type: ignore[arg-type]
    await message(unit, brahim, status="sent", written=NOW - 9 * MINUTE)

    assert (await vitals(unit)).outbox == {
        ("whatsapp", Lane.INTERACTIVE): Backlog(1, NOW - MINUTE),
        ("telegram", Lane.INTERACTIVE): Backlog(1, NOW - 7 * MINUTE),
        ("telegram", Lane.BULK): Backlog(1, NOW - 2 * MINUTE),
    }


async def test_what_waits_for_the_morning_is_not_late_before(unit: UnitOfWork, brahim: Contact) -> None:
    await message(
        unit,
        brahim,
        purpose=Purpose.REMINDER,
        status="failed_temporary",
        reason=QUIET_HOURS,
        due_at=NOW + MINUTE,
    )

    assert (await vitals(unit)).outbox == {}
    assert (await vitals(unit, NOW + 2 * MINUTE)).outbox == {("telegram", Lane.DUE): Backlog(1, NOW)}


async def test_due_rows_are_late_once_their_time_has_come(unit: UnitOfWork, amina: Contact) -> None:
    await unit.schedule.plan(
        contact_id=amina.id,
        purpose=Purpose.REMINDER,
        subject="visit:1",
        version=1,
        steps=[("early", NOW - MINUTE), ("now", NOW), ("later", NOW + MINUTE)],
    )

    assert (await vitals(unit)).late == Backlog(2, NOW - MINUTE)


async def test_the_last_tick_and_backup_are_told_by_their_marks(unit: UnitOfWork) -> None:
    await unit.marks.set(TICKED_MARK, NOW.isoformat())
    await unit.marks.set(BACKUP_MARK, (NOW - MINUTE).isoformat())

    read = await vitals(unit)

    assert (read.ticked_at, read.backup_at) == (NOW, NOW - MINUTE)


async def test_a_count_ends_where_it_says_nothing_more(
    unit: UnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.vitals.MOST_COUNTED", 2)
    await unit.inbox.add([update(str(number)) for number in range(5)], now=NOW)

    assert (await vitals(unit)).inbox.count == 2


async def test_outcomes_are_those_of_messages_written_lately(unit: UnitOfWork, brahim: Contact) -> None:
    await message(unit, brahim, status="sent", written=NOW - 20 * MINUTE)
    await message(unit, brahim, status="sent", written=NOW - MINUTE)
    await message(unit, brahim, status="sent")
    await message(unit, brahim, status="failed_technical", reason="bad_request")

    outcomes = await VitalsStore(unit.connection).outcomes(since=NOW - 10 * MINUTE)

    assert sorted(outcomes, key=lambda each: each.status) == [
        Outcome("telegram", "failed_technical", "bad_request", 1),
        Outcome("telegram", "sent", None, 2),
    ]


async def test_every_question_is_answered_from_an_index(
    engine: AsyncEngine, keys: KeyRing, town: Town
) -> None:
    """A page that is asked for every few seconds must not read tables that grow."""
    async with engine.connect() as connection:
        unit = stores(connection, keys)
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # Tables this small are read whole otherwise.
            await connection.execute(text("SET enable_seqscan = off"))
        asked = await _questions(unit)
        plans = [(statement, await _plan(unit, statement, values)) for statement, values in asked]

    # What waits in each lane of each channel, and five more.
    assert len(plans) == len(Channel) * len(Lane) + 5
    for statement, plan in plans:
        assert "Seq Scan" not in plan
        # SQLite also says SCAN for walking along an index, through the newest rows, and through what it has
        # just counted.
        walks = plan.split("\n") if is_sqlite and "id DESC" not in statement else []
        assert all("SCAN" not in step or "USING" in step or "anon_" in step for step in walks), plan


async def _questions(unit: UnitOfWork) -> list[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []
    sync_connection = unit.connection.sync_connection

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(sync_connection, "before_cursor_execute", note)
    await vitals(unit)
    await VitalsStore(unit.connection).outcomes(since=NOW)
    event.remove(sync_connection, "before_cursor_execute", note)
    return asked


async def _plan(unit: UnitOfWork, statement: str, parameters: Sequence[Any]) -> str:
    explain = "EXPLAIN QUERY PLAN " if unit.connection.dialect.name == "sqlite" else "EXPLAIN "
    rows = (await unit.connection.exec_driver_sql(explain + statement, parameters)).all()  # type: ignore[arg-type]
    return "\n".join(str(row[-1]) for row in rows)
