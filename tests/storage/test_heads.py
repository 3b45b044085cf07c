"""What comes next is found at once, also when many wait and the database believes that nobody does.

PostgreSQL chooses its ways by figures that it takes now and then, mostly at an hour when nothing waits.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import event, insert, text

from conversations.engine.outbound import LANES, Purpose
from conversations.engine.reply import Channel
from storage.encryption import KeyRing
from storage.inbox import NewUpdate
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town, stores

PEOPLE = 300
TAKEN = 5
# Rows read for them: some more than once, such as in the index and where they are locked.
MOST_READ = 10 * TAKEN


async def test_the_next_update_is_found_without_reading_all_that_wait(town: Town) -> None:
    async with _after_a_quiet_hour(town) as unit:
        await unit.inbox.add([_update(town.keys, f"new {who}") for who in range(PEOPLE)], now=NOW)
        asked = _listen(unit, "UPDATE inbox")

        assert await unit.inbox.claim(now=NOW)

        await _is_answered_by(unit, asked, {"ix_inbox_heads", "ix_inbox_waiting_lane"})


async def test_the_next_messages_are_found_without_reading_all_that_wait(town: Town) -> None:
    async with _after_a_quiet_hour(town) as unit:
        for who in range(PEOPLE):
            await _message(unit, f"new {who}")
        asked = _listen(unit, "SELECT outbox.id")
        lane = LANES[Purpose.BROADCAST]

        claimed = await unit.outbox.claim(["telegram"], [lane], now=NOW, lease=timedelta(1), limit=TAKEN)

        assert len(claimed) == TAKEN
        await _is_answered_by(unit, asked, {"ix_outbox_heads", "ix_outbox_waiting_address"})


@asynccontextmanager
async def _after_a_quiet_hour(town: Town) -> AsyncIterator[UnitOfWork]:
    """Give the stores where everything was dealt with when the database took its figures."""
    async with town.engine.begin() as connection:
        unit = stores(connection, town.keys)
        for who in range(PEOPLE):
            await unit.inbox.add_handled(_update(town.keys, f"old {who}"), now=NOW)
            await _message(unit, f"old {who}", status="sent")
        if connection.dialect.name == "postgresql":
            # As its autovacuum does; SQLite takes figures only when it is asked to, which nobody does.
            await connection.execute(text("ANALYZE inbox, outbox"))
    async with town.engine.begin() as connection:
        yield stores(connection, town.keys)


def _update(keys: KeyRing, who: str) -> NewUpdate:
    return NewUpdate(Channel.TELEGRAM, key=who, lane=keys.index("telegram", who), payload="{}")


async def _message(unit: UnitOfWork, who: str, *, status: str = "created") -> None:
    _, address_id = await unit.addresses.find_or_create("telegram", who, now=NOW)
    await unit.connection.execute(
        insert(outbox).values(
            address_id=address_id,
            channel="telegram",
            purpose=Purpose.BROADCAST,
            lane=LANES[Purpose.BROADCAST],
            unique_key=who,
            due_at=NOW,
            created_at=NOW,
            status=status,
        )
    )


def _listen(unit: UnitOfWork, begins: str) -> list[tuple[str, Any]]:
    """Return where statements that begin so will stand, with their parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith(begins):
            asked.append((statement, parameters))

    event.listen(unit.connection.sync_connection, "before_cursor_execute", note)
    return asked


async def _is_answered_by(unit: UnitOfWork, asked: list[tuple[str, Any]], indexes: set[str]) -> None:
    """Ask once more for what comes after, and see how it is found."""
    (statement, parameters), *_ = asked
    if unit.connection.dialect.name == "sqlite":
        plan = (await unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
        steps = [str(step[-1]) for step in plan]
        assert all(any(index in step for step in steps) for index in indexes), steps
        assert not any("TEMP B-TREE" in step for step in steps), steps
        return
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    found = (await unit.connection.exec_driver_sql(explain, parameters)).scalar_one()
    (explained,) = json.loads(found) if isinstance(found, str) else found
    assert indexes <= {step.get("Index Name") for step in _steps(explained["Plan"])}
    assert sum(map(_rows_read, _steps(explained["Plan"]))) <= MOST_READ


def _steps(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(step for below in plan.get("Plans", ()) for step in _steps(below))]


def _rows_read(step: dict[str, Any]) -> float:
    passed_over = sum(rows for name, rows in step.items() if name.startswith("Rows Removed"))
    return float((step["Actual Rows"] + passed_over) * step["Actual Loops"])
