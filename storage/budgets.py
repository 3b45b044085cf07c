"""What several processes may still send: token buckets in the database, filled by its clock.

A bucket is one number, the moment at which it will be full again; to take a token puts it off by the time in
which one comes. So to take is one statement, and a bucket that nobody uses costs nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.server_clock import server_seconds
from storage.tables import rate_budgets, rate_chats
from storage.upserts import insert_into

# Rounding errors of moments in seconds.
GRAIN_S = 1e-5
# No bucket holds bulk for so long: the moment was written before the database's clock was put back.
FAR_OFF_S = 60.0
# A chat's bucket is full long before.
KEEP_CHATS_S = 3600.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token each `interval_s` seconds, and `burst` of them in a full bucket."""

    interval_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How many tokens were taken; when none, after how many seconds to ask again."""

    tokens: int
    wait_s: float = 0.0


class BudgetStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._now_s = server_seconds(connection)

    async def take(
        self, account: str, wanted: int, *, rate: Rate, least: int = 1, spare: int = 0, bulk: bool = False
    ) -> Taken:
        """Take so many tokens of the account's, or as many as there are beyond the spare ones, or none.

        Fewer than `least` are not taken. Bulk gets none while the account is held.
        """
        while wanted >= least:
            if await self._take(account, wanted, rate, spare=spare, bulk=bulk):
                return Taken(wanted)
            left = await self._left(account, rate)
            if left is None:
                await self._open(account)
                continue
            empty_s, held_s = left
            here = int(rate.burst - spare - empty_s / rate.interval_s + GRAIN_S)
            if bulk and held_s > 0:
                return Taken(0, held_s)
            if here < least:
                return Taken(0, empty_s + (least + spare - rate.burst) * rate.interval_s)
            # A token may have come meanwhile; what was too much is not tried again.
            wanted = min(here, wanted - 1)
        return Taken(0, rate.interval_s)

    async def give_back(self, account: str, tokens: int, *, rate: Rate) -> None:
        """Return tokens that were taken and not used."""
        await self._connection.execute(
            update(rate_budgets)
            .where(rate_budgets.c.account == account)
            .values(full_at_s=rate_budgets.c.full_at_s - tokens * rate.interval_s)
        )

    async def take_chats(self, address_ids: Collection[int], *, rate: Rate) -> Mapping[int, float]:
        """Take a token of each chat's, and return those that have none, with the seconds to wait."""
        if not address_ids:
            return {}
        chats = insert_into(self._connection, rate_chats).values(
            # In one order for everybody, so that nobody waits in a circle.
            [
                {"address_id": number, "full_at_s": self._now_s + rate.interval_s, "held_until_s": 0.0}
                for number in sorted(address_ids)
            ]
        )
        full_at_s = self._full_at(rate_chats.c.full_at_s, rate)
        last_at_s = self._now_s + (rate.burst - 1) * rate.interval_s + GRAIN_S
        granted = await self._connection.scalars(
            chats.on_conflict_do_update(
                index_elements=[rate_chats.c.address_id],
                set_={"full_at_s": full_at_s + rate.interval_s},
                where=and_(rate_chats.c.held_until_s <= self._now_s, full_at_s <= last_at_s),
            ).returning(rate_chats.c.address_id)
        )
        refused = set(address_ids) - set(granted.all())
        if not refused:
            return {}
        query = select(
            rate_chats.c.address_id,
            (full_at_s - self._now_s - (rate.burst - 1) * rate.interval_s).label("empty_s"),
            (rate_chats.c.held_until_s - self._now_s).label("held_s"),
        ).where(rate_chats.c.address_id.in_(refused))
        return {
            row.address_id: max(row.empty_s, row.held_s, 0.0) for row in await self._connection.execute(query)
        }

    async def hold(self, account: str, address_id: int, *, chat_s: float, bulk_s: float) -> None:
        """Let nothing leave for a chat for so long, and no bulk at all."""
        held = insert_into(self._connection, rate_chats).values(
            address_id=address_id, full_at_s=self._now_s, held_until_s=self._now_s + chat_s
        )
        await self._connection.execute(
            held.on_conflict_do_update(
                index_elements=[rate_chats.c.address_id],
                set_={"held_until_s": _later(rate_chats.c.held_until_s, held.excluded.held_until_s)},
            )
        )
        await self._open(account)
        await self._connection.execute(
            update(rate_budgets)
            .where(rate_budgets.c.account == account)
            .values(bulk_from_s=_later(rate_budgets.c.bulk_from_s, self._now_s + bulk_s))
        )

    async def forget_chats(self, *, limit: int) -> int:
        """Delete some buckets of chats that have long been full; returns how many."""
        full = (
            select(rate_chats.c.address_id)
            .where(
                rate_chats.c.full_at_s < self._now_s - KEEP_CHATS_S,
                rate_chats.c.held_until_s < self._now_s,
            )
            .limit(limit)
        )
        result = await self._connection.execute(delete(rate_chats).where(rate_chats.c.address_id.in_(full)))
        return result.rowcount

    async def _take(self, account: str, tokens: int, rate: Rate, *, spare: int, bulk: bool) -> bool:
        full_at_s = self._full_at(rate_budgets.c.full_at_s, rate) + tokens * rate.interval_s
        conditions = [full_at_s <= self._now_s + (rate.burst - spare) * rate.interval_s + GRAIN_S]
        if bulk:
            held_until_s = rate_budgets.c.bulk_from_s
            conditions.append(or_(held_until_s <= self._now_s, held_until_s > self._now_s + FAR_OFF_S))
        result = await self._connection.execute(
            update(rate_budgets)
            .where(rate_budgets.c.account == account, *conditions)
            .values(full_at_s=full_at_s)
        )
        return result.rowcount == 1

    async def _left(self, account: str, rate: Rate) -> tuple[float, float] | None:
        """Return in how many seconds the bucket is full, and bulk is held; None: there is no bucket yet."""
        query = select(
            self._full_at(rate_budgets.c.full_at_s, rate) - self._now_s,
            case(
                (rate_budgets.c.bulk_from_s > self._now_s + FAR_OFF_S, 0.0),
                else_=rate_budgets.c.bulk_from_s - self._now_s,
            ),
        ).where(rate_budgets.c.account == account)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (max(0.0, row[0]), row[1])

    async def _open(self, account: str) -> None:
        """Make the account's bucket, a full one, when there is none."""
        await self._connection.execute(
            insert_into(self._connection, rate_budgets)
            .values(account=account, full_at_s=0.0, bulk_from_s=0.0)
            .on_conflict_do_nothing(index_elements=[rate_budgets.c.account])
        )

    def _full_at(self, full_at_s: ColumnElement[float], rate: Rate) -> ColumnElement[float]:
        """Return when a bucket is full, now at the earliest.

        No bucket takes longer to fill than its burst: a later moment was written before the database's clock
        was put back.
        """
        longest_s = rate.burst * rate.interval_s + 1
        is_true = full_at_s.between(self._now_s, self._now_s + longest_s)
        return case((is_true, full_at_s), else_=self._now_s)


def _later(one: ColumnElement[float], other: ColumnElement[float]) -> ColumnElement[float]:
    return case((one > other, one), else_=other)
