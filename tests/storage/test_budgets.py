"""A token comes each hour: what a test finds in a bucket does not hang on how fast it runs."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.budgets import BudgetStore, Rate, Taken
from storage.tables import rate_budgets, rate_chats
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import Town

HOUR = 3600.0
SLOW = Rate(interval_s=HOUR, burst=10)
CHAT = Rate(interval_s=HOUR, burst=3)
AMINA, BRAHIM = 1, 2
# Between two statements.
A_MOMENT = 60.0


@pytest.fixture
def store(connection: AsyncConnection) -> BudgetStore:
    return BudgetStore(connection)


async def hours_pass(connection: AsyncConnection, hours: float) -> None:
    """Put all moments back, which is the same as so much time going by."""
    seconds = hours * HOUR
    await connection.execute(
        update(rate_budgets).values(
            full_at_s=rate_budgets.c.full_at_s - seconds, bulk_from_s=rate_budgets.c.bulk_from_s - seconds
        )
    )
    await connection.execute(
        update(rate_chats).values(
            full_at_s=rate_chats.c.full_at_s - seconds, held_until_s=rate_chats.c.held_until_s - seconds
        )
    )


async def test_a_full_bucket_gives_its_burst_and_then_what_comes_in(
    store: BudgetStore, connection: AsyncConnection
) -> None:
    assert await store.take("telegram", 7, rate=SLOW) == Taken(7)
    assert await store.take("telegram", 7, rate=SLOW) == Taken(3)

    empty = await store.take("telegram", 1, rate=SLOW)
    assert empty.tokens == 0
    assert empty.wait_s == pytest.approx(HOUR, abs=A_MOMENT)

    await hours_pass(connection, 2.5)
    assert await store.take("telegram", 7, rate=SLOW) == Taken(2)


async def test_a_bucket_holds_no_more_than_its_burst(store: BudgetStore, connection: AsyncConnection) -> None:
    await store.take("telegram", 1, rate=SLOW)
    await hours_pass(connection, 1000)

    assert await store.take("telegram", 50, rate=SLOW) == Taken(10)
    assert (await store.take("telegram", 1, rate=SLOW)).tokens == 0


async def test_each_account_has_its_own(store: BudgetStore) -> None:
    await store.take("telegram:1", 10, rate=SLOW)

    assert await store.take("telegram:2", 10, rate=SLOW) == Taken(10)


async def test_bulk_leaves_the_spare_tokens_to_others(store: BudgetStore) -> None:
    assert await store.take("telegram", 10, rate=SLOW, spare=4, bulk=True) == Taken(6)

    refused = await store.take("telegram", 1, rate=SLOW, spare=4, bulk=True)
    assert refused.tokens == 0
    assert refused.wait_s == pytest.approx(HOUR, abs=A_MOMENT)
    assert await store.take("telegram", 10, rate=SLOW) == Taken(4)


async def test_fewer_than_the_least_are_not_taken(store: BudgetStore) -> None:
    await store.take("telegram", 7, rate=SLOW)

    refused = await store.take("telegram", 5, least=5, rate=SLOW)

    assert refused.tokens == 0
    assert refused.wait_s == pytest.approx(2 * HOUR, abs=A_MOMENT)
    assert await store.take("telegram", 10, rate=SLOW) == Taken(3)


async def test_what_is_given_back_can_be_taken_again(store: BudgetStore) -> None:
    await store.take("telegram", 10, rate=SLOW)

    await store.give_back("telegram", 2, rate=SLOW)

    assert await store.take("telegram", 10, rate=SLOW) == Taken(2)


async def test_a_chat_gets_its_burst_and_waits_then(store: BudgetStore, connection: AsyncConnection) -> None:
    for _ in range(3):
        assert await store.take_chats([AMINA, BRAHIM], rate=CHAT) == {}
    refused = await store.take_chats([AMINA], rate=CHAT)
    assert refused == {AMINA: pytest.approx(HOUR, abs=A_MOMENT)}

    await hours_pass(connection, 1)
    assert await store.take_chats([AMINA], rate=CHAT) == {}
    assert list(await store.take_chats([AMINA], rate=CHAT)) == [AMINA]


async def test_too_fast_holds_a_chat_and_bulk_and_nobody_else(
    store: BudgetStore, connection: AsyncConnection
) -> None:
    await store.hold("telegram", AMINA, chat_s=2 * HOUR, bulk_s=30)

    refused = await store.take_chats([AMINA, BRAHIM], rate=CHAT)
    assert refused == {AMINA: pytest.approx(2 * HOUR, abs=A_MOMENT)}
    bulk = await store.take("telegram", 1, rate=SLOW, bulk=True)
    assert bulk.tokens == 0
    assert 0 < bulk.wait_s <= 30
    assert await store.take("telegram", 1, rate=SLOW) == Taken(1)

    await hours_pass(connection, 2)
    assert await store.take_chats([AMINA], rate=CHAT) == {}
    assert await store.take("telegram", 1, rate=SLOW, bulk=True) == Taken(1)


async def test_a_shorter_hold_does_not_end_a_longer_one(store: BudgetStore) -> None:
    await store.hold("telegram", AMINA, chat_s=2 * HOUR, bulk_s=30)
    await store.hold("telegram", AMINA, chat_s=1, bulk_s=0)

    assert await store.take_chats([AMINA], rate=CHAT) == {AMINA: pytest.approx(2 * HOUR, abs=A_MOMENT)}
    assert (await store.take("telegram", 1, rate=SLOW, bulk=True)).tokens == 0


async def test_moments_from_before_the_clock_was_put_back_hold_up_nobody(
    store: BudgetStore, connection: AsyncConnection
) -> None:
    await store.take("telegram", 10, rate=SLOW)
    await store.hold("telegram", BRAHIM, chat_s=0, bulk_s=5)
    for _ in range(3):
        await store.take_chats([AMINA], rate=CHAT)

    await hours_pass(connection, -1000)

    assert await store.take("telegram", 1, rate=SLOW, bulk=True) == Taken(1)
    assert await store.take_chats([AMINA], rate=CHAT) == {}


async def test_buckets_of_chats_that_are_full_again_are_forgotten(
    store: BudgetStore, connection: AsyncConnection
) -> None:
    await store.take_chats([AMINA], rate=CHAT)
    await hours_pass(connection, 3)
    await store.take_chats([BRAHIM], rate=CHAT)

    assert await store.forget_chats(limit=10) == 1

    assert list(await connection.scalars(select(rate_chats.c.address_id))) == [BRAHIM]


def takes(tokens: int) -> Callable[[UnitOfWork], Awaitable[Taken]]:
    async def take(unit: UnitOfWork) -> Taken:
        return await BudgetStore(unit.connection).take("telegram", tokens, rate=SLOW)

    return take


async def test_many_who_take_at_once_get_no_more_than_there_is(town: Town) -> None:
    """Also the first time, when there is no bucket yet."""
    answers = await town.at_once(*(takes(3) for _ in range(6)))

    tokens = [answer.tokens for answer in answers if isinstance(answer, Taken)]
    assert len(tokens) == 6
    assert sum(tokens) == 10


def writes_to_amina() -> Callable[[UnitOfWork], Awaitable[bool]]:
    async def write(unit: UnitOfWork) -> bool:
        return not await BudgetStore(unit.connection).take_chats([AMINA], rate=CHAT)

    return write


async def test_many_who_write_to_one_chat_at_once_keep_to_its_pace(town: Town) -> None:
    answers = await town.at_once(*(writes_to_amina() for _ in range(6)))

    assert sorted(map(str, answers)) == ["False"] * 3 + ["True"] * 3
    async with town.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(rate_chats)) == 1
