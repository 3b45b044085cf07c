"""What several processes may still send: token buckets in the database, filled by its clock.

A bucket is one number, the moment at which it will be full again; to take a token puts it off by the time in
which one comes. So to take is one statement, and a bucket that nobody uses costs nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Float,
    bindparam,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.prepared import Into, Statement, prepared
from storage.server_clock import server_seconds
from storage.tables import rate_budgets, rate_chats

# Rounding errors of moments in seconds.
GRAIN_S = 1e-5
# No bucket holds bulk for so long: the moment was written before the database's clock was put back.
FAR_OFF_S = 60.0
# A chat's bucket is full long before.
KEEP_CHATS_S = 3600.0

_NOW = server_seconds()


@dataclass(frozen=True, slots=True)
class Rate:
    """A token each `interval_s` seconds, and `burst` of them in a full bucket."""

    interval_s: float
    burst: int

    @property
    def full_s(self) -> float:
        """Return how long an empty bucket takes to fill."""
        return self.burst * self.interval_s


@dataclass(frozen=True, slots=True)
class Taken:
    """How many tokens were taken; when none, after how many seconds to ask again."""

    tokens: int
    wait_s: float = 0.0


def _seconds(name: str) -> BindParameter[float]:
    return bindparam(name, type_=Float)


def _full_at(full_at_s: ColumnElement[float]) -> ColumnElement[float]:
    """Return when a bucket is full, now at the earliest.

    No bucket takes longer to fill than `full_s`: a later moment was written before the database's clock was
    put back.
    """
    return case((full_at_s.between(_NOW, _NOW + _seconds("full_s") + 1.0), full_at_s), else_=_NOW)


def _later(one: ColumnElement[float], other: ColumnElement[float]) -> ColumnElement[float]:
    return case((one > other, one), else_=other)


_its_account = rate_budgets.c.account == bindparam("the_account")


@prepared
def _take(into: Into) -> Statement:
    """Put off when the bucket is full by `cost_s`, if that is no later than `latest_s` from now."""
    full_at_s = _full_at(rate_budgets.c.full_at_s) + _seconds("cost_s")
    held_until_s = rate_budgets.c.bulk_from_s
    is_free = or_(
        bindparam("though_held", type_=Boolean), held_until_s <= _NOW, held_until_s > _NOW + FAR_OFF_S
    )
    return (
        update(rate_budgets)
        .where(_its_account, full_at_s <= _NOW + _seconds("latest_s"), is_free)
        .values(full_at_s=full_at_s)
    )


@prepared
def _left(into: Into) -> Statement:
    held_until_s = rate_budgets.c.bulk_from_s
    held_s = case((held_until_s > _NOW + FAR_OFF_S, 0.0), else_=held_until_s - _NOW)
    return select((_full_at(rate_budgets.c.full_at_s) - _NOW).label("empty_s"), held_s.label("held_s")).where(
        _its_account
    )


@prepared
def _open(into: Into) -> Statement:
    """Make a full bucket where there is none."""
    return (
        into(rate_budgets)
        .values(account=bindparam("the_account"), full_at_s=0.0, bulk_from_s=0.0)
        .on_conflict_do_nothing(index_elements=[rate_budgets.c.account])
    )


@prepared
def _take_chat(into: Into) -> Statement:
    full_at_s = _full_at(rate_chats.c.full_at_s)
    return (
        into(rate_chats)
        .values(
            address_id=bindparam("the_address", type_=BigInteger),
            full_at_s=_NOW + _seconds("cost_s"),
            held_until_s=0.0,
        )
        .on_conflict_do_update(
            index_elements=[rate_chats.c.address_id],
            set_={"full_at_s": full_at_s + _seconds("cost_s")},
            where=(rate_chats.c.held_until_s <= _NOW)
            & (full_at_s + _seconds("cost_s") <= _NOW + _seconds("latest_s")),
        )
    )


@prepared
def _chat_wait(into: Into) -> Statement:
    return select(
        (_full_at(rate_chats.c.full_at_s) + _seconds("cost_s") - _NOW - _seconds("latest_s")).label(
            "empty_s"
        ),
        (rate_chats.c.held_until_s - _NOW).label("held_s"),
    ).where(rate_chats.c.address_id == bindparam("the_address", type_=BigInteger))


@prepared
def _hold_chat(into: Into) -> Statement:
    held = into(rate_chats).values(
        address_id=bindparam("the_address", type_=BigInteger),
        full_at_s=_NOW,
        held_until_s=_NOW + _seconds("chat_s"),
    )
    return held.on_conflict_do_update(
        index_elements=[rate_chats.c.address_id],
        set_={"held_until_s": _later(rate_chats.c.held_until_s, held.excluded.held_until_s)},
    )


class BudgetStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(
        self, account: str, wanted: int, *, rate: Rate, least: int = 1, spare: int = 0, bulk: bool = False
    ) -> Taken:
        """Take so many tokens of the account's, or as many as there are beyond the spare ones, or none.

        Fewer than `least` are not taken. Bulk gets none while the account is held.
        """
        room_s = (rate.burst - spare) * rate.interval_s
        while wanted >= least:
            is_taken = await _take.run(
                self._connection,
                the_account=account,
                full_s=rate.full_s,
                cost_s=wanted * rate.interval_s,
                latest_s=room_s + GRAIN_S,
                though_held=not bulk,
            )
            if is_taken:
                return Taken(wanted)
            left = await _left.first(self._connection, the_account=account, full_s=rate.full_s)
            if left is None:
                await _open.run(self._connection, the_account=account)
                continue
            if bulk and left.held_s > 0:
                return Taken(0, left.held_s)
            here = int((room_s - left.empty_s) / rate.interval_s + GRAIN_S)
            if here < least:
                return Taken(0, left.empty_s + least * rate.interval_s - room_s)
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
        refused = {}
        limits = {
            "full_s": rate.full_s, "cost_s": rate.interval_s, "latest_s": rate.full_s + GRAIN_S,
        }  # fmt: skip
        # In one order for everybody, so that nobody waits in a circle.
        for number in sorted(address_ids):
            if not await _take_chat.run(self._connection, the_address=number, **limits):
                left = await _chat_wait.first(self._connection, the_address=number, **limits)
                refused[number] = max(left.empty_s, left.held_s, GRAIN_S)
        return refused

    async def hold(self, account: str, address_id: int, *, chat_s: float, bulk_s: float) -> None:
        """Let nothing leave for a chat for so long, and no bulk at all."""
        await _hold_chat.run(self._connection, the_address=address_id, chat_s=chat_s)
        await _open.run(self._connection, the_account=account)
        await self._connection.execute(
            update(rate_budgets)
            .where(rate_budgets.c.account == account)
            .values(bulk_from_s=_later(rate_budgets.c.bulk_from_s, _NOW + literal(bulk_s, Float)))
        )

    async def forget_chats(self, *, limit: int) -> int:
        """Delete some buckets of chats that have long been full; returns how many."""
        full = (
            select(rate_chats.c.address_id)
            .where(rate_chats.c.full_at_s < _NOW - KEEP_CHATS_S, rate_chats.c.held_until_s < _NOW)
            .limit(limit)
        )
        result = await self._connection.execute(delete(rate_chats).where(rate_chats.c.address_id.in_(full)))
        return result.rowcount
