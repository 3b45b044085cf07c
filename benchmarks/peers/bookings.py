"""What both peers keep and say: people and visits with SQLAlchemy's asyncio ORM.

Centres, hours and needs are those of the service under comparison.
"""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint, event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CENTRES = (
    "Agadir",
    "Béni Mellal",
    "Casablanca",
    "Fès",
    "Marrakech",
    "Meknès",
    "Oujda",
    "Safi",
    "Salé",
    "Settat",
    "Tanger",
)
NEEDS = {
    "papers": "📄 Papers, legal matters",
    "family": "👪 Family, social",
    "health": "🩺 Health",
    "job": "🧰 Work",
    "project": "🌱 My own project",
    "training": "🎓 Training, studies",
    "other": "💭 Something else",
}
OPENS, CLOSES = time(8), time(18)
SLOT = timedelta(minutes=int(os.environ.get("SLOT_MINUTES", "30")))
DAYS_AHEAD, SHOWN = 30, 8

TIMES = [
    (datetime.combine(date.min, OPENS) + number * SLOT).time()
    for number in range((CLOSES.hour - OPENS.hour) * 60 // int(SLOT.total_seconds() // 60))
]


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    first_name: Mapped[str] = mapped_column(String(80))
    language: Mapped[str | None] = mapped_column(String(8))
    last_seen_at: Mapped[datetime]


class Visit(Base):
    __tablename__ = "visits"
    __table_args__ = (UniqueConstraint("centre", "day", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    centre: Mapped[str] = mapped_column(String(40))
    need: Mapped[str] = mapped_column(String(20))
    day: Mapped[date]
    at: Mapped[time]
    created_at: Mapped[datetime]


class Reminder(Base):
    __tablename__ = "reminders"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime] = mapped_column(index=True)


def make_engine(url: str) -> AsyncEngine:
    """Return the engine; SQLite gets its write-ahead log, which is kinder to several connections."""
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def _use_wal(connection, _record):  # type: ignore[no-untyped-def]
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.close()

    return engine


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False)


async def create_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def remember(session: AsyncSession, person_id: int, first_name: str, language: str | None) -> None:
    """Keep who wrote, and when."""
    person = await session.get(Person, person_id)
    if person is None:
        session.add(Person(id=person_id, first_name=first_name, language=language, last_seen_at=_now()))
    else:
        person.last_seen_at = _now()


async def open_days(session: AsyncSession, centre: str) -> list[date]:
    """Return the next days on which the centre has a free time."""
    tomorrow = date.today() + timedelta(days=1)  # noqa: DTZ011 - as most bots do it
    query = (
        select(Visit.day, func.count().label("visits"))
        .where(Visit.centre == centre, Visit.day >= tomorrow)
        .group_by(Visit.day)
    )
    taken = {row.day: row.visits for row in await session.execute(query)}
    days = (tomorrow + timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
    free = [day for day in days if day.weekday() != 6 and taken.get(day, 0) < len(TIMES)]
    return free[:SHOWN]


async def open_times(session: AsyncSession, centre: str, day: date) -> list[time]:
    """Return the first free times of a day."""
    taken = set(
        (await session.scalars(select(Visit.at).where(Visit.centre == centre, Visit.day == day))).all()
    )
    return [at for at in TIMES if at not in taken][:SHOWN]


def new_visit(person_id: int, centre: str, need: str, day: date, at: time) -> Visit:
    return Visit(person_id=person_id, centre=centre, need=need, day=day, at=at, created_at=_now())


def in_rows(items: Sequence[tuple[str, str]], per_row: int = 2) -> list[Sequence[tuple[str, str]]]:
    return [items[start : start + per_row] for start in range(0, len(items), per_row)]


def need_buttons() -> list[Sequence[tuple[str, str]]]:
    return in_rows([(label, f"need:{need}") for need, label in NEEDS.items()], 1)


def centre_buttons() -> list[Sequence[tuple[str, str]]]:
    return in_rows([(city, f"centre:{city}") for city in CENTRES])


def day_buttons(days: Sequence[date]) -> list[Sequence[tuple[str, str]]]:
    return in_rows([(f"{day:%A %d %B}", f"day:{day.isoformat()}") for day in days], 1)


def time_buttons(times: Sequence[time]) -> list[Sequence[tuple[str, str]]]:
    buttons = in_rows([(f"{at:%H:%M}", f"time:{at:%H%M}") for at in times], 4)
    return [*buttons, [("📆 Another day", "other_day")]]


CONFIRM_BUTTONS = [[("✅ Yes, that's it", "confirm:yes")], [("📆 Another day", "other_day")]]


def question(centre: str, day: date, at: time) -> str:
    return f"Shall we book this visit?\n{day:%A %d %B}\n{at:%H:%M}\nCentre: {centre}"


def booked(centre: str, day: date, at: time) -> str:
    return f"✅ Your visit is booked.\n\n{day:%A %d %B}\n{at:%H:%M}\nCentre: {centre}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
