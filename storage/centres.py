"""Centres: what the centres file says of them, and what their staff put right since."""

import json
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.centres import Centre, CentreStatus, Point
from conversations.care.door import new_door_code
from conversations.care.hours import (
    PUBLIC_OFFICE_RULES,
    HoursPeriod,
    Length,
    PeriodKind,
    VisitRules,
    WeeklyHours,
)
from conversations.errors import CentreUnknown
from storage.prepared import Prepared
from storage.tables import centres
from storage.upserts import insert_into


@dataclass(frozen=True, slots=True)
class CentreRow:
    """What the centres file knows of a centre. None means unknown; the point is in degrees (WGS84).

    `region_code` is the one of the national statistics office (HCP), as in the codes of provinces.
    """

    slug: str
    city_fr: str
    city_ar: str
    region_fr: str
    region_ar: str
    status: CentreStatus
    address: str | None
    phone: str | None
    latitude: float
    longitude: float
    region_code: str | None


_open = Prepared(lambda _: select(centres).where(centres.c.status == CentreStatus.OPEN.value))
_get = Prepared(lambda _: select(centres).where(centres.c.slug == bindparam("slug")))


class CentreStore:
    """`random_bits` gives as many as it is asked for.

    What was read stays so until this store changes it: a transaction asks several times for the same."""

    def __init__(
        self, connection: AsyncConnection, random_bits: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._connection = connection
        self._random_bits = random_bits
        self._read: dict[str, Centre] = {}

    async def load(self, rows: Sequence[CentreRow]) -> None:
        """Bring the centres up to the file. Address and phone stay where staff have set either.

        Loading the same file again changes nothing, and a centre missing in it stays as it is. The point
        that staff have set is none of the file's.
        """
        if not rows:
            return
        self._read.clear()
        new = insert_into(self._connection, centres)
        filed: dict[str, Any] = {
            name: new.excluded[name]
            for name in CentreRow.__dataclass_fields__
            if name not in ("slug", "address", "phone")
        }
        for name in ("address", "phone"):
            filed[name] = case((centres.c.from_file, new.excluded[name]), else_=centres.c[name])
        await self._connection.execute(
            new.on_conflict_do_update(index_elements=[centres.c.slug], set_=filed),
            [asdict(row) for row in rows],
        )

    async def open(self) -> list[Centre]:
        """Return the open centres by French city name, accents aside."""
        found = [_centre(row) for row in await _open.all(self._connection)]
        return sorted(found, key=lambda centre: _without_accents(centre.city_fr))

    async def get(self, slug: str) -> Centre:
        """Raises CentreUnknown."""
        if slug not in self._read:
            row = await _get.first(self._connection, slug=slug)
            if row is None:
                raise CentreUnknown(slug)
            self._read[slug] = _centre(row)
        return self._read[slug]

    async def set_address(self, slug: str, address: str | None) -> None:
        """Raises CentreUnknown."""
        await self._change(slug, address=address, from_file=False)

    async def set_phone(self, slug: str, phone: str | None) -> None:
        """Raises CentreUnknown."""
        await self._change(slug, phone=phone, from_file=False)

    async def set_point(self, slug: str, point: Point | None) -> None:
        """Raises CentreUnknown."""
        await self._change(
            slug,
            point_latitude=point and point.latitude,
            point_longitude=point and point.longitude,
        )

    async def set_rules(self, slug: str, rules: VisitRules) -> None:
        """Set the centre's own hours; from now on bookings are confirmed at once. Raises CentreUnknown."""
        await self._change(
            slug,
            hours=str(rules.hours),
            slot_minutes=rules.slot_minutes,
            capacity=rules.capacity,
            lead_minutes=rules.lead_minutes,
            horizon_days=rules.horizon_days,
            **_extras(rules),
        )

    async def set_periods(self, slug: str, periods: Sequence[HoursPeriod]) -> None:
        """Let other hours hold for a while, in place of all that were set before. Raises CentreUnknown."""
        await self._change(slug, periods=_as_json(periods))

    async def set_landmark(self, slug: str, landmark: str | None) -> None:
        """Raises CentreUnknown."""
        await self._change(slug, landmark=landmark)

    async def to_change(self, slug: str) -> Centre:
        """Return the centre as it now is; others who would change it wait. Raises CentreUnknown.

        The rules are written as a whole: without the lock, of two who change one each, one would be undone.
        """
        self._read.pop(slug, None)
        await self._connection.execute(select(centres.c.slug).where(centres.c.slug == slug).with_for_update())
        return await self.get(slug)

    async def door_code(self, slug: str) -> str:
        """Return what the code at the centre's door says; one is made when there is none yet.

        Raises CentreUnknown.
        """
        centre = await self.get(slug)
        if centre.door_code is None:
            self._read.clear()
            await self._connection.execute(
                update(centres)
                .where(centres.c.slug == slug, centres.c.door_code.is_(None))
                .values(door_code=new_door_code(self._random_bits))
            )
            # A colleague may have been faster: theirs is on paper.
            centre = await self.get(slug)
        return centre.door_code or ""

    async def new_door_code(self, slug: str) -> str:
        """Have another code made, which voids the one before, and return it. Raises CentreUnknown."""
        code = new_door_code(self._random_bits)
        await self._change(slug, door_code=code)
        return code

    async def at_door(self, code: str) -> Centre | None:
        """Return the centre at whose door the code hangs, None when it hangs nowhere any more."""
        row = (
            await self._connection.execute(select(centres).where(centres.c.door_code == code))
        ).one_or_none()
        return _centre(row) if row is not None else None

    async def _change(self, slug: str, **values: Any) -> None:
        self._read.clear()
        changed = await self._connection.execute(
            update(centres).where(centres.c.slug == slug).values(**values)
        )
        if changed.rowcount == 0:
            raise CentreUnknown(slug)


def _centre(row: Row[Any]) -> Centre:
    return Centre(
        slug=row.slug,
        city_fr=row.city_fr,
        city_ar=row.city_ar,
        region_fr=row.region_fr,
        region_ar=row.region_ar,
        status=CentreStatus(row.status),
        address=row.address,
        phone=row.phone,
        latitude=row.latitude,
        longitude=row.longitude,
        rules=_rules(row),
        hours_confirmed=row.hours is not None,
        point=_point(row),
        landmark=row.landmark,
        door_code=row.door_code,
    )


def _point(row: Row[Any]) -> Point | None:
    if row.point_latitude is None or row.point_longitude is None:
        return None
    return Point(row.point_latitude, row.point_longitude)


def _rules(row: Row[Any]) -> VisitRules:
    """Return the rules that staff set, or those of public offices; other hours for a while hold over both."""
    if row.hours is None:
        rules = PUBLIC_OFFICE_RULES
        return replace(rules, periods=_periods(row.periods)) if row.periods else rules
    return VisitRules(
        WeeklyHours.parse(row.hours),
        slot_minutes=row.slot_minutes,
        capacity=row.capacity,
        lead_minutes=row.lead_minutes,
        horizon_days=row.horizon_days,
        buffer_minutes=row.buffer_minutes or 0,
        phone=row.phone_minutes and Length(row.phone_minutes, row.phone_buffer_minutes or 0),
        walk_in_percent=row.walk_in_percent or 0,
        periods=_periods(row.periods),
    )


def _extras(rules: VisitRules) -> dict[str, Any]:
    return {
        "buffer_minutes": rules.buffer_minutes,
        "phone_minutes": rules.phone and rules.phone.minutes,
        "phone_buffer_minutes": rules.phone and rules.phone.buffer_minutes,
        "walk_in_percent": rules.walk_in_percent,
        "periods": _as_json(rules.periods),
    }


def _periods(text: str | None) -> tuple[HoursPeriod, ...]:
    if text is None:
        return ()
    return tuple(
        HoursPeriod(
            PeriodKind(each["kind"]),
            date.fromisoformat(each["first_day"]),
            date.fromisoformat(each["last_day"]),
            WeeklyHours.parse(each["hours"]),
        )
        for each in json.loads(text)
    )


def _as_json(periods: Sequence[HoursPeriod]) -> str | None:
    if not periods:
        return None
    return json.dumps(
        [
            {
                "kind": period.kind.value,
                "first_day": period.first_day.isoformat(),
                "last_day": period.last_day.isoformat(),
                "hours": str(period.hours),
            }
            for period in periods
        ]
    )


def _without_accents(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
