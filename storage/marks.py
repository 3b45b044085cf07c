"""Single values the service keeps for itself."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import marks
from storage.upserts import insert_into


class MarkStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: str) -> str | None:
        value: str | None = await self._connection.scalar(select(marks.c.value).where(marks.c.name == name))
        return value

    async def set(self, name: str, value: str) -> None:
        upsert = insert_into(self._connection, marks)
        await self._connection.execute(
            upsert.values(name=name, value=value).on_conflict_do_update(
                index_elements=[marks.c.name], set_={"value": upsert.excluded.value}
            )
        )
