import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import Database
from storage.encryption import KeyRing
from storage.inbox import NewUpdate, StoredUpdate
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, ZONE, ZONE_NAME

AMINA, BRAHIM, CHAMA = (name.encode() * 8 for name in ("amin", "brah", "cham"))
# Only ends a test that has failed.
PATIENCE_S = 60

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=ZONE, zone_name=ZONE_NAME)


def new(key: str, lane: bytes = AMINA, *, channel: str = "telegram", payload: str = "hello") -> NewUpdate:
    return NewUpdate(channel=channel, key=key, lane=lane, payload=payload)


async def add(unit: UnitOfWork, *updates: NewUpdate, now: datetime = NOW) -> int:
    return await unit.inbox.add(updates, now=now)


async def claimed(unit: UnitOfWork, *, now: datetime = NOW) -> StoredUpdate:
    update = await unit.inbox.claim(now=now)
    assert update is not None
    return update


async def everything(unit: UnitOfWork) -> list[str | None]:
    """Handle what waits, and return the payloads in that order."""
    seen = []
    while update := await unit.inbox.claim(now=NOW):
        seen.append(update.payload)
        await unit.inbox.close(update.id, status="done", now=NOW)
    return seen


async def test_an_update_is_stored_as_it_came(unit: UnitOfWork) -> None:
    assert await add(unit, new("7", payload='{"text": "سلام 👋"}', channel="whatsapp")) == 1

    update = await claimed(unit)

    assert (update.channel, update.payload) == ("whatsapp", '{"text": "سلام 👋"}')
    assert (update.attempts, update.received_at) == (0, NOW)
    assert await unit.inbox.claim(now=NOW) is None


async def test_the_same_key_twice_is_one(unit: UnitOfWork) -> None:
    assert await add(unit, new("7", payload="first"), new("7", payload="second")) == 1
    assert await add(unit, new("7", payload="third"), new("8", payload="fourth")) == 1
    assert await add(unit, new("7", payload="fifth", channel="webchat")) == 1
    assert await add(unit) == 0

    assert await everything(unit) == ["first", "fourth", "fifth"]


async def test_the_same_key_is_one_also_when_it_was_handled_long_ago(unit: UnitOfWork) -> None:
    await add(unit, new("7"))
    await everything(unit)

    assert await add(unit, new("7")) == 0
    assert await everything(unit) == []


async def test_updates_come_in_the_order_in_which_they_were_stored(unit: UnitOfWork) -> None:
    await add(unit, new("9", payload="1"), new("3", BRAHIM, payload="2"), new("5", payload="3"))
    await add(unit, new("1", payload="4"))

    assert await everything(unit) == ["1", "2", "3", "4"]


async def test_an_update_put_off_holds_up_its_own_lane_until_its_time(unit: UnitOfWork) -> None:
    await add(unit, new("1", payload="1"), new("2", payload="2"), new("3", BRAHIM, payload="3"))
    first = await claimed(unit)
    assert await unit.inbox.next_at() is None

    later = NOW + timedelta(seconds=8)
    assert await unit.inbox.try_later(first.id, not_before=later) == 1

    assert await everything(unit) == ["3"]
    assert await unit.inbox.claim(now=later - timedelta(seconds=1)) is None
    again = await claimed(unit, now=later)
    assert (again.payload, again.attempts) == ("1", 1)
    assert await unit.inbox.try_later(again.id, not_before=later) == 2


async def test_the_next_moment_is_the_earliest_of_what_was_put_off(unit: UnitOfWork) -> None:
    await add(unit, new("1"), new("2", BRAHIM), new("3", CHAMA))
    for seconds in (8, 3):
        update = await claimed(unit)
        await unit.inbox.try_later(update.id, not_before=NOW + timedelta(seconds=seconds))

    moment = await unit.inbox.next_at()

    assert moment == NOW + timedelta(seconds=3)
    assert moment.tzinfo is UTC


async def test_an_update_set_aside_lets_its_lane_go_on(unit: UnitOfWork) -> None:
    await add(unit, new("1", payload="1"), new("2", payload="2"))
    await unit.inbox.close((await claimed(unit)).id, status="failed", now=NOW)

    assert await everything(unit) == ["2"]


async def test_nothing_of_an_update_can_be_read_without_the_key(unit: UnitOfWork) -> None:
    await add(unit, new("7", payload="bghit nhder m3a Amina"))

    row = (await unit.connection.execute(text("SELECT * FROM inbox"))).one()

    assert row.payload_enc
    assert b"Amina" not in b"|".join(
        value if isinstance(value, bytes) else str(value).encode() for value in row
    )


async def test_an_update_that_can_no_longer_be_read_is_handed_out_empty(unit: UnitOfWork) -> None:
    """Somebody must set it aside, or nobody behind it would ever be answered."""
    await add(unit, new("1", payload="1"), new("2", payload="2"))
    await unit.connection.execute(
        text("UPDATE inbox SET payload_enc = :broken WHERE update_key = '1'"), {"broken": b"\x01\x04test" * 9}
    )

    assert await everything(unit) == [None, "2"]


async def test_of_an_update_not_to_be_kept_only_the_key_stays(unit: UnitOfWork) -> None:
    await add(unit, new("1", payload="here I am"), new("2", payload="hello"))
    for keep in (False, True):
        await unit.inbox.close((await claimed(unit)).id, status="done", now=NOW, keep=keep)

    kept = await unit.connection.scalars(text("SELECT payload_enc FROM inbox ORDER BY id"))
    assert [payload is not None for payload in kept] == [False, True]
    assert await unit.inbox.latest(AMINA, limit=9) == [(NOW, "hello")]
    assert await add(unit, new("1", payload="here I am")) == 0


async def test_the_last_updates_of_a_lane_can_be_looked_up(unit: UnitOfWork) -> None:
    for second in range(4):
        await add(unit, new(str(second), payload=str(second)), now=NOW + timedelta(seconds=second))
    await add(unit, new("9", BRAHIM))
    await unit.inbox.close((await claimed(unit)).id, status="done", now=NOW)

    latest = await unit.inbox.latest(AMINA, limit=3)

    assert latest == [(NOW + timedelta(seconds=second), str(second)) for second in (1, 2, 3)]


async def test_an_update_held_has_not_failed(unit: UnitOfWork) -> None:
    await add(unit, new("1", payload="1"), new("2", payload="2"), new("3", BRAHIM, payload="3"))
    later = NOW + timedelta(seconds=1)
    await unit.inbox.hold((await claimed(unit)).id, not_before=later)

    assert await everything(unit) == ["3"]
    again = await claimed(unit, now=later)
    assert (again.payload, again.lane, again.attempts) == ("1", AMINA, 0)


async def test_of_an_update_turned_away_the_key_is_known_and_nobody_handles_it(unit: UnitOfWork) -> None:
    await add(unit, new("1", payload="1"))

    assert await unit.inbox.turn_away([new("1"), new("2"), new("3", BRAHIM)], now=NOW) == 2

    assert await unit.inbox.turn_away([new("2")], now=NOW) == 0
    assert await add(unit, new("2"), new("3", BRAHIM)) == 0
    kept = await unit.connection.scalars(text("SELECT payload_enc FROM inbox ORDER BY id"))
    assert [payload is not None for payload in kept] == [True, False, False]
    assert await everything(unit) == ["1"]


async def test_how_many_of_a_lane_wait_is_counted_up_to_a_limit(unit: UnitOfWork) -> None:
    await add(unit, new("1"), new("2"), new("3"), new("4", BRAHIM))
    await unit.inbox.close((await claimed(unit)).id, status="done", now=NOW)

    assert [await unit.inbox.waiting(AMINA, most=most) for most in (1, 2, 9)] == [1, 2, 2]


# Several workers


@on_postgresql
async def test_two_workers_get_updates_of_different_lanes(database: Database) -> None:
    async with database.transaction() as unit:
        await add(unit, new("1"), new("2"), new("3", BRAHIM), new("4", BRAHIM), new("5"))

    async with database.transaction() as one, database.transaction() as other:
        first, second = await claimed(one), await claimed(other)
        assert (first.id, second.id) == (1, 3)
        async with database.transaction() as third:
            assert await third.inbox.claim(now=NOW) is None
        await one.inbox.close(first.id, status="done", now=NOW)
        assert await other.inbox.claim(now=NOW) is not None  # its own


@on_postgresql
async def test_a_worker_that_failed_gets_its_update_back_unless_another_took_it(database: Database) -> None:
    async with database.transaction() as unit:
        await add(unit, new("1"))
    taken = await _fails(database)

    async with database.transaction() as one, database.transaction() as other:
        assert await one.inbox.claim_again(taken)
        assert not await other.inbox.claim_again(taken)
        await one.inbox.try_later(taken.id, not_before=NOW)
    async with database.transaction() as unit:
        assert not await unit.inbox.claim_again(taken)
    taken = await _fails(database)
    async with database.transaction() as unit:
        assert await unit.inbox.claim_again(taken)
        await unit.inbox.close(taken.id, status="done", now=NOW)
        assert not await unit.inbox.claim_again(taken)


async def _fails(database: Database) -> StoredUpdate:
    """Take the update up that is next, and keep nothing of it."""
    with suppress(RuntimeError):
        async with database.transaction() as unit:
            taken = await claimed(unit)
            raise RuntimeError
    return taken


@on_postgresql
async def test_an_update_never_becomes_visible_behind_a_later_one_of_its_lane(database: Database) -> None:
    """Two webhooks at once: the first has its id, but the second commits before it."""

    async def second() -> None:
        async with database.transaction() as unit:
            await add(unit, new("2"), new("3", BRAHIM))

    async with asyncio.timeout(PATIENCE_S):
        async with database.transaction() as first:
            await add(first, new("1"))
            adding = asyncio.create_task(second())
            while not adding.done() and not await _somebody_waits(database):
                pass
            assert not adding.done()
            async with database.transaction() as worker:
                assert await worker.inbox.claim(now=NOW) is None
        await adding

    async with database.transaction() as worker:
        assert (await claimed(worker)).id == 1


@on_postgresql
async def test_of_one_lane_never_two_are_handled_at_once_however_many_work(database: Database) -> None:
    lanes = [AMINA, BRAHIM, CHAMA]
    async with database.transaction() as unit:
        await add(unit, *(new(str(n), lanes[n % 3], payload=f"{n % 3} {n}") for n in range(60)))
    at_work: set[str] = set()
    done: defaultdict[str, list[int]] = defaultdict(list)
    most_at_once = 0

    async def worker() -> None:
        nonlocal most_at_once
        while sum(map(len, done.values())) < 60:
            async with database.transaction() as unit:
                update = await unit.inbox.claim(now=NOW)
                if update is None:
                    continue
                lane, _, number = (update.payload or "").partition(" ")
                assert lane not in at_work
                at_work.add(lane)
                most_at_once = max(most_at_once, len(at_work))
                await unit.inbox.close(update.id, status="done", now=NOW)
                done[lane].append(int(number))
                at_work.remove(lane)

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(worker())

    assert dict(done) == {str(lane): list(range(lane, 60, 3)) for lane in range(3)}
    assert most_at_once > 1


async def _somebody_waits(database: Database) -> bool:
    async with database.reading() as unit:
        found = await unit.connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
                "WHERE NOT granted AND datname = current_database()"
            )
        )
        return bool(found)
