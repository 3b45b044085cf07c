"""A lease of an hour ends in no test, and one of no time at once: nothing here waits."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.leaderships import LeadershipStore
from storage.tables import leaderships
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import Town

HOUR = 3600.0


async def test_the_first_who_takes_it_has_it_and_renews_it(connection: AsyncConnection) -> None:
    store = LeadershipStore(connection)

    assert await store.take("ticks", "one", lease_s=HOUR)
    assert not await store.take("ticks", "two", lease_s=HOUR)
    assert await store.take("ticks", "one", lease_s=HOUR)
    assert not await store.take("ticks", "two", lease_s=HOUR)


async def test_each_thing_is_led_for_itself(connection: AsyncConnection) -> None:
    store = LeadershipStore(connection)

    assert await store.take("ticks", "one", lease_s=HOUR)
    assert await store.take("telegram", "two", lease_s=HOUR)

    assert await store.held() == ["telegram", "ticks"]


async def test_another_takes_over_when_a_lease_has_run_out(connection: AsyncConnection) -> None:
    store = LeadershipStore(connection)
    await store.take("ticks", "one", lease_s=HOUR)
    await connection.execute(update(leaderships).values(until_s=leaderships.c.until_s - HOUR))
    assert await store.held() == []

    assert await store.take("ticks", "two", lease_s=HOUR)
    assert not await store.take("ticks", "one", lease_s=HOUR)


async def test_a_lease_from_before_the_clock_was_put_back_does_not_last_for_ever(
    connection: AsyncConnection,
) -> None:
    store = LeadershipStore(connection)
    await store.take("ticks", "one", lease_s=HOUR)
    await connection.execute(update(leaderships).values(until_s=leaderships.c.until_s + 24 * HOUR))

    assert await store.take("ticks", "two", lease_s=HOUR)


async def test_what_is_given_up_is_free_at_once(connection: AsyncConnection) -> None:
    store = LeadershipStore(connection)
    await store.take("ticks", "one", lease_s=HOUR)

    await store.give_up("ticks", "one")

    assert await store.take("ticks", "two", lease_s=HOUR)


async def test_nobody_gives_up_what_another_has_taken(connection: AsyncConnection) -> None:
    store = LeadershipStore(connection)
    await store.take("ticks", "one", lease_s=HOUR)

    await store.give_up("ticks", "two")

    assert not await store.take("ticks", "two", lease_s=HOUR)


async def test_of_many_who_ask_at_once_one_gets_it(town: Town) -> None:
    def asks(holder: str):  # type: ignore[no-untyped-def]
        async def ask(unit: UnitOfWork) -> bool:
            return await LeadershipStore(unit.connection).take("ticks", holder, lease_s=HOUR)

        return ask

    answers = await town.at_once(*(asks(f"process {number}") for number in range(4)))

    assert sorted(map(bool, answers)) == [False, False, False, True]
    assert True in answers
