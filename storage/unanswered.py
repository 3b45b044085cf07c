"""Questions without an answer, counted. No row belongs to anybody."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.unanswered import Unanswered, week_of
from storage.tables import unanswered_questions
from storage.upserts import insert_into

# More than editors will ever read; beyond, only what is there already is counted on.
MOST_KEPT = 2000


class UnansweredStore:
    def __init__(self, connection: AsyncConnection, *, most_kept: int = MOST_KEPT) -> None:
        self._connection = connection
        self._most_kept = most_kept

    async def note(self, language: str, words: str, *, day: date) -> None:
        """Count the question in the week of the day, also when two people ask it at once."""
        rows, week = unanswered_questions, week_of(day)
        is_known = select(rows.c.id).where(rows.c.language == language, rows.c.words == words)
        if await self._connection.scalar(is_known) is None and await self._is_full():
            return
        asked = insert_into(self._connection, rows).values(
            language=language, words=words, count=1, first_week=week, last_week=week
        )
        await self._connection.execute(
            asked.on_conflict_do_update(
                index_elements=[rows.c.language, rows.c.words],
                set_={"count": rows.c.count + 1, "last_week": asked.excluded.last_week},
            )
        )

    async def all(self) -> Sequence[Unanswered]:
        """Return what was asked, the most often asked first, then what was asked last."""
        rows = unanswered_questions
        query = select(rows).order_by(rows.c.count.desc(), rows.c.last_week.desc(), rows.c.id)
        return [Unanswered(**row) for row in (await self._connection.execute(query)).mappings()]

    async def remove(self, unanswered_id: int) -> None:
        """Take the question off the list; asked again, it begins anew."""
        await self._connection.execute(
            delete(unanswered_questions).where(unanswered_questions.c.id == unanswered_id)
        )

    async def forget(self, *, before: date, limit: int) -> int:
        """Delete so many questions last asked in weeks that began before the day; return how many went."""
        rows = unanswered_questions
        old = select(rows.c.id).where(rows.c.last_week < before).order_by(rows.c.id).limit(limit)
        gone = await self._connection.execute(delete(rows).where(rows.c.id.in_(old)))
        return gone.rowcount

    async def _is_full(self) -> bool:
        held = await self._connection.scalar(select(func.count()).select_from(unanswered_questions))
        return (held or 0) >= self._most_kept
