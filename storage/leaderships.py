"""Leaderships: what only one of several processes does at a time, for as long as it renews its lease."""

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.server_clock import server_seconds
from storage.tables import leaderships
from storage.upserts import insert_into

# A lease that ends later than any lease given can end was written before the database's clock was put back.
FAR_OFF = 3


class LeadershipStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, name: str, holder: str, *, lease_s: float) -> bool:
        """Take or renew a leadership for so many seconds from now; False while another process has it.

        Everybody who takes it has to ask for leases of about the same length.
        """
        now_s = server_seconds()
        upsert = insert_into(self._connection, leaderships).values(
            name=name, holder=holder, until_s=now_s + lease_s
        )
        taken = await self._connection.scalar(
            upsert.on_conflict_do_update(
                index_elements=[leaderships.c.name],
                set_={"holder": upsert.excluded.holder, "until_s": upsert.excluded.until_s},
                where=or_(
                    leaderships.c.holder == upsert.excluded.holder,
                    leaderships.c.until_s <= now_s,
                    leaderships.c.until_s > now_s + FAR_OFF * lease_s,
                ),
            ).returning(leaderships.c.holder)
        )
        return taken is not None

    async def give_up(self, name: str, holder: str) -> None:
        """Leave it to the next; nothing happens when another process has it already."""
        await self._connection.execute(
            delete(leaderships).where(leaderships.c.name == name, leaderships.c.holder == holder)
        )

    async def held(self) -> list[str]:
        """Return the names of those that some process has now: while there are any, a service runs."""
        query = select(leaderships.c.name).where(leaderships.c.until_s > server_seconds())
        return list((await self._connection.scalars(query.order_by(leaderships.c.name))).all())
