"""Days on which centres are closed: public holidays as proposed, and the word of each centre's staff."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Time, and_, bindparam, delete, insert, literal_column, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.closures import Closure, ClosureReason
from conversations.care.hours import Opening
from conversations.care.people import ContactId
from storage.prepared import Into, Statement, prepared
from storage.tables import closed_hours, closures
from storage.upserts import insert_into

# A holiday as the calendar proposes it: day, name in French, name in Arabic, whether it hangs on the moon.
Holiday = tuple[date, str, str, bool]


@prepared
def _between(_: Into) -> Statement:
    """Words on whole days, and the hours that are closed on others."""
    nothing: Any = literal_column("NULL")
    days = select(
        closures.c.centre_slug,
        closures.c.day,
        closures.c.closed,
        closures.c.reason,
        closures.c.name_fr,
        closures.c.name_ar,
        closures.c.estimated,
        type_coerce(nothing, Time).label("from_at"),
        type_coerce(nothing, Time).label("until_at"),
    ).where(
        closures.c.day.between(bindparam("start"), bindparam("end")),
        or_(closures.c.centre_slug == bindparam("slug"), closures.c.centre_slug.is_(None)),
    )
    hours = select(
        closed_hours.c.centre_slug,
        closed_hours.c.day,
        literal_column("false").label("closed"),
        closed_hours.c.reason,
        nothing.label("name_fr"),
        nothing.label("name_ar"),
        literal_column("false").label("estimated"),
        closed_hours.c.from_at,
        closed_hours.c.until_at,
    ).where(
        closed_hours.c.day.between(bindparam("start"), bindparam("end")),
        closed_hours.c.centre_slug == bindparam("slug"),
    )
    return days.union_all(hours)


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
        words = {row.day: row for row in rows if row.centre_slug is not None and row.from_at is None}
        holidays = {row.day: row for row in rows if row.centre_slug is None}
        stretches: dict[date, list[Opening]] = defaultdict(list)
        for row in rows:
            if row.from_at is not None:
                stretches[row.day].append(Opening(row.from_at, row.until_at))
        return [
            Closure(
                day=day,
                closed=words[day].closed if day in words else day in holidays,
                decided=day in words,
                name_fr=holidays[day].name_fr if day in holidays else None,
                name_ar=holidays[day].name_ar if day in holidays else None,
                estimated=bool(day in holidays and holidays[day].estimated),
                hours=tuple(sorted(stretches.get(day, ()))),
                reason=_reason(words.get(day)),
            )
            for day in sorted(words.keys() | holidays.keys() | stretches.keys())
        ]

    async def hours_reasons(self, centre_slug: str, day: date) -> Mapping[Opening, ClosureReason | None]:
        """Return why hours of a day are closed."""
        query = select(closed_hours).where(
            closed_hours.c.centre_slug == centre_slug, closed_hours.c.day == day
        )
        return {
            Opening(row.from_at, row.until_at): _reason(row) for row in await self._connection.execute(query)
        }

    async def close_hours(
        self, centre_slug: str, day: date, stretch: Opening, *, reason: ClosureReason, by: ContactId
    ) -> None:
        """Close some hours of a day; the same again changes nothing but the reason."""
        self._read.clear()
        same = and_(
            closed_hours.c.centre_slug == centre_slug,
            closed_hours.c.day == day,
            closed_hours.c.from_at == stretch.opens,
            closed_hours.c.until_at == stretch.closes,
        )
        await self._connection.execute(delete(closed_hours).where(same))
        await self._connection.execute(
            insert(closed_hours).values(
                centre_slug=centre_slug,
                day=day,
                from_at=stretch.opens,
                until_at=stretch.closes,
                reason=reason,
                decided_by=by,
            )
        )

    async def open_hours(self, centre_slug: str, day: date) -> None:
        """Open all hours of a day again that had been closed one by one."""
        self._read.clear()
        await self._connection.execute(
            delete(closed_hours).where(closed_hours.c.centre_slug == centre_slug, closed_hours.c.day == day)
        )

    async def decide(
        self,
        centre_slug: str,
        day: date,
        *,
        closed: bool,
        by: ContactId,
        reason: ClosureReason | None = None,
    ) -> None:
        """Write down the staff's word on a day of their centre: closed, and why, or open after all."""
        self._read.clear()
        word = {"closed": closed, "decided_by": by, "reason": reason}
        await self._connection.execute(
            insert_into(self._connection, closures)
            .values(centre_slug=centre_slug, day=day, **word)
            .on_conflict_do_update(
                index_elements=[closures.c.centre_slug, closures.c.day],
                index_where=closures.c.centre_slug.is_not(None),
                set_=word,
            )
        )

    async def decide_once(
        self, centre_slug: str, day: date, *, closed: bool, by: ContactId, reason: ClosureReason | None = None
    ) -> bool:
        """Write down the word on a day unless there is one; return whether this one counts.

        Also when two answer at once: the unique index decides, not a look-up.
        """
        self._read.clear()
        written = await self._connection.execute(
            insert_into(self._connection, closures)
            .values(centre_slug=centre_slug, day=day, closed=closed, decided_by=by, reason=reason)
            .on_conflict_do_nothing(
                index_elements=[closures.c.centre_slug, closures.c.day],
                index_where=closures.c.centre_slug.is_not(None),
            )
        )
        return written.rowcount == 1

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


def _reason(word: Any) -> ClosureReason | None:
    return ClosureReason(word.reason) if word is not None and word.reason else None
