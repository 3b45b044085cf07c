"""Days on which centres are closed: public holidays as proposed, and the word of each centre's staff."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.closures import Closure
from conversations.care.people import ContactId
from storage.prepared import Into, Statement, prepared
from storage.tables import closures
from storage.upserts import insert_into

# A holiday as the calendar proposes it: day, name in French, name in Arabic, whether it hangs on the moon.
Holiday = tuple[date, str, str, bool]


@prepared
def _between(_: Into) -> Statement:
    return select(closures).where(
        closures.c.day.between(bindparam("start"), bindparam("end")),
        or_(closures.c.centre_slug == bindparam("slug"), closures.c.centre_slug.is_(None)),
    )


class ClosureStore:
    """A row without a centre is a proposal for the whole country; a row of a centre is its staff's word.

    What was read stays so until this store changes it: a transaction asks several times for the same.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._read: dict[tuple[str, date, date], list[Closure]] = {}

    async def between(self, centre_slug: str, start: date, end: date) -> list[Closure]:
        """Return one closure a day, both ends included, in order; the centre's own word wins."""
        asked = centre_slug, start, end
        if asked not in self._read:
            self._read[asked] = await self._find(*asked)
        return self._read[asked]

    async def _find(self, centre_slug: str, start: date, end: date) -> list[Closure]:
        rows = await _between.all(self._connection, slug=centre_slug, start=start, end=end)
        words = {row.day: row.closed for row in rows if row.centre_slug is not None}
        holidays = {row.day: row for row in rows if row.centre_slug is None}
        return [
            Closure(
                day=day,
                closed=words.get(day, True),
                decided=day in words,
                name_fr=holidays[day].name_fr if day in holidays else None,
                name_ar=holidays[day].name_ar if day in holidays else None,
                estimated=day in holidays and holidays[day].estimated,
            )
            for day in sorted(words.keys() | holidays.keys())
        ]

    async def decide(self, centre_slug: str, day: date, *, closed: bool, by: ContactId) -> None:
        """Write down the staff's word on a day of their centre: closed, or open after all."""
        self._read.clear()
        word = {"closed": closed, "decided_by": by}
        await self._connection.execute(
            insert_into(self._connection, closures)
            .values(centre_slug=centre_slug, day=day, **word)
            .on_conflict_do_update(
                index_elements=[closures.c.centre_slug, closures.c.day],
                index_where=closures.c.centre_slug.is_not(None),
                set_=word,
            )
        )

    async def propose(self, holidays: Sequence[Holiday]) -> None:
        """Make these the country's holidays from the first to the last of them.

        Proposing the same again changes nothing; one of the moon that has shifted leaves its old day.
        What centres decided stands.
        """
        if not holidays:
            return
        self._read.clear()
        days = [day for day, *_ in holidays]
        country = closures.c.centre_slug.is_(None)
        await self._connection.execute(
            delete(closures).where(
                country, closures.c.day.between(min(days), max(days)), closures.c.day.not_in(days)
            )
        )
        new = insert_into(self._connection, closures)
        named = ("name_fr", "name_ar", "estimated")
        await self._connection.execute(
            new.on_conflict_do_update(
                index_elements=[closures.c.day],
                index_where=country,
                set_={name: new.excluded[name] for name in named},
            ),
            [
                {"day": day, "closed": True, "name_fr": name_fr, "name_ar": name_ar, "estimated": estimated}
                for day, name_fr, name_ar, estimated in holidays
            ],
        )
