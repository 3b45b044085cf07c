"""What WhatsApp charges: counted by day, kept within a daily budget, and within its limit of people."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import case, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.announcements import Audience, Cost
from conversations.care.wall_time import to_local
from conversations.engine.outbound import Lane
from conversations.engine.reply import Channel
from storage.announcements import receivers_of
from storage.tables import addresses, billed_days, budget_days, openings, outbox
from storage.templates import BROADCAST, TemplateStore
from storage.upserts import insert_into

# Source: Cloud API reference, messaging limits: unique people outside their window in a moving day.
LIMIT_SPAN = timedelta(hours=24)
# For so long after somebody wrote they may be sent anything. The platform counts from when it took in their
# message, we from when we read it. Source: Cloud API, send messages, customer service windows.
WINDOW = timedelta(hours=24)
MARGIN = timedelta(minutes=5)
# Any number will do, as long as nobody else locks the same one in this database.
_LOCK = 5_717_703


@dataclass(frozen=True, slots=True)
class Billed:
    """Messages charged in a category; `bulk`: those of announcements."""

    category: str
    bulk: bool
    messages: int


class BillingStore:
    """Days are those of the zone given."""

    def __init__(self, connection: AsyncConnection, zone: tzinfo) -> None:
        self._connection = connection
        self._zone = zone

    def day_of(self, moment: datetime) -> date:
        return to_local(moment, self._zone).date()

    async def charge(self, message_ref: str, category: str, *, now: datetime) -> bool:
        """Count a message that the platform charges for; False when it is counted already or unknown."""
        charged = (
            update(outbox)
            .where(
                # Written out, so that both databases see that the partial index fits.
                outbox.c.channel == literal_column("'whatsapp'"),
                outbox.c.message_ref == message_ref,
                outbox.c.message_ref.is_not(None),
                outbox.c.billed_as.is_(None),
            )
            .values(billed_as=category)
            .returning(outbox.c.lane)
        )
        lanes = list(await self._connection.scalars(charged))
        for lane in lanes:
            await self._count(self.day_of(now), category, bulk=lane == Lane.BULK)
        return bool(lanes)

    async def billed(self, day: date) -> list[Billed]:
        """Return what was charged on a day, by category."""
        query = (
            select(billed_days)
            .where(billed_days.c.day == day)
            .order_by(billed_days.c.category, billed_days.c.bulk)
        )
        rows = await self._connection.execute(query)
        return [Billed(row.category, row.bulk, row.messages) for row in rows]

    async def spent(self, day: date) -> int:
        """Return how many messages of a day count towards its budget.

        Those of announcements count from when they are let out: what they were charged as comes later.
        """
        others = await self._connection.scalar(
            select(func.sum(billed_days.c.messages)).where(billed_days.c.day == day, ~billed_days.c.bulk)
        )
        let_out = await self._connection.scalar(
            select(budget_days.c.messages).where(budget_days.c.day == day)
        )
        return int(others or 0) + int(let_out or 0)

    async def cost(self, audience: Audience, languages: Collection[str], *, now: datetime) -> Cost:
        """Return what an announcement would cost now, and what today has cost so far."""
        receivers = receivers_of(audience, languages).subquery()
        outside = case((addresses.c.last_used_at <= now - WINDOW + MARGIN, 1), else_=0)
        charged = (
            select(receivers.c.language, func.count().label("all"), func.sum(outside).label("outside"))
            .select_from(receivers.join(addresses, addresses.c.id == receivers.c.address_id))
            .where(receivers.c.channel == Channel.WHATSAPP)
            .group_by(receivers.c.language)
        )
        rows = (await self._connection.execute(charged)).all()
        states = [state for state in await TemplateStore(self._connection).all() if state.may_be_sent]
        day = self.day_of(now)
        return Cost(
            messages=sum(row.all for row in rows),
            today=sum(each.messages for each in await self.billed(day)),
            counted=await self.spent(day),
            unreachable=sum(
                row.outside
                for row in rows
                if not any(state.is_version_of(BROADCAST, row.language) for state in states)
            ),
        )

    async def let_out(self, *, now: datetime, budget: int) -> bool:
        """Take one announcement's message from the day's budget; False when nothing is left of it."""
        day = self.day_of(now)
        await self._connection.execute(
            insert_into(self._connection, budget_days)
            .values(day=day, messages=0)
            .on_conflict_do_nothing(index_elements=[budget_days.c.day])
        )
        others = (
            select(func.coalesce(func.sum(billed_days.c.messages), 0))
            .where(billed_days.c.day == day, ~billed_days.c.bulk)
            .scalar_subquery()
        )
        taken = await self._connection.execute(
            update(budget_days)
            .where(budget_days.c.day == day, budget_days.c.messages + others < budget)
            .values(messages=budget_days.c.messages + 1)
        )
        return taken.rowcount == 1

    async def give_back(self, *, let_out_at: datetime) -> None:
        """Return to the budget what was let out and did not leave."""
        await self._connection.execute(
            update(budget_days)
            .where(budget_days.c.day == self.day_of(let_out_at))
            .values(messages=budget_days.c.messages - 1)
        )

    async def open(self, address_id: int, *, now: datetime, limit: int) -> datetime | None:
        """Take one of the places of people who may be written to first in 24 hours.

        Returns None when the address has one now, else when the next one is free. Whoever had a place in
        the last 24 hours takes none.
        """
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        recent = openings.c.opened_at > now - LIMIT_SPAN
        others = recent & (openings.c.address_id != address_id)
        oldest = func.min(openings.c.opened_at, type_=openings.c.opened_at.type)
        taken, since = (await self._connection.execute(select(func.count(), oldest).where(others))).one()
        has_one = await self._connection.scalar(
            select(openings.c.address_id).where(recent, openings.c.address_id == address_id)
        )
        if not has_one and taken >= limit:
            return (since or now) + LIMIT_SPAN
        upsert = insert_into(self._connection, openings).values(address_id=address_id, opened_at=now)
        await self._connection.execute(
            upsert.on_conflict_do_update(
                index_elements=[openings.c.address_id], set_={"opened_at": upsert.excluded.opened_at}
            )
        )
        return None

    async def forget_openings(self, *, now: datetime) -> int:
        """Delete what no limit counts any more; returns how many."""
        gone = await self._connection.execute(
            openings.delete().where(openings.c.opened_at <= now - LIMIT_SPAN)
        )
        return gone.rowcount

    async def _count(self, day: date, category: str, *, bulk: bool) -> None:
        new = insert_into(self._connection, billed_days).values(
            day=day, category=category, bulk=bulk, messages=1
        )
        key = [billed_days.c.day, billed_days.c.category, billed_days.c.bulk]
        await self._connection.execute(
            new.on_conflict_do_update(index_elements=key, set_={"messages": billed_days.c.messages + 1})
        )
