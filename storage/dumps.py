"""A database's rows as lines of JSON, the same for SQLite and PostgreSQL, whatever revision it is at.

The first line says what it is. Then comes each table, those that others point to first: a line with its
columns and their kinds, its rows in primary-key order, so many a line, and a line with their number and
checksum. Then the numbers that rows were given, so that those of deleted rows are not given again; the last
line marks the end.
Tables are taken as they stand in the database, not from `storage.tables`: a backup is also made before an
update, and restored after one.
"""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Time,
    collate,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import schema
from storage.encryption import KeyRing
from storage.errors import BackupUnusable, KeyMissing, MigrationBroken, ValueTampered
from storage.tables import PASSING

LAYOUT = 1
# So many rows stand in a line, and are held in memory at a time. The checksums change with it.
BATCH = 500
# Of a column's newest values at least one must be readable; single ones may be damaged, and are set aside.
TRIED = 20

# Not rows of the service's; the revision stands in the header.
LEFT_OUT = frozenset({"alembic_version", *(table.name for table in PASSING)})
# What every start writes by itself, so it makes no database one that is in use.
SEEDED = frozenset({"centres", "closures", "marks"})

_BROKEN = "The backup's rows are not as they were written: use another one."
_NEWER = "The backup was made by another version of Jisr: restore it with that version."


@dataclass(frozen=True, slots=True)
class Header:
    """What a dump is of. `keys` is the sign of its key ring, `made_at` the moment of its snapshot, in UTC."""

    revision: str
    made_at: datetime
    keys: str
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table has, and the SHA-256 of their lines."""

    rows: int
    sha256: str


Sums = Mapping[str, Sum]


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection that sees the database as it is now, whatever is written meanwhile.

    It holds up nobody. While it is open SQLite can't begin its WAL anew, so it must not be for long.
    """
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            # Not the engine's own BEGIN, which is a writer's.
            await connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                await connection.exec_driver_sql("ROLLBACK")
        else:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection


async def write_dump(
    connection: AsyncConnection, write: Callable[[bytes], object], keys: KeyRing, *, made_at: datetime
) -> Sums:
    """Write all rows of a snapshot and return their sums.

    Raises BackupUnusable when the database was never migrated: there is nothing in it.
    """
    revision = await schema.current(connection)
    if revision is None:
        raise BackupUnusable("There is nothing to back up: the database is empty.")
    write(_line(_header_line(Header(revision, made_at, keys.sign, tuple(sorted(keys.ids))))))
    tables = await _tables(connection)
    sums = {table.name: await _write_table(connection, table, write) for table in tables}
    write(_line({"numbers": await _numbers(connection, tables)}))
    write(_line({"end": len(tables)}))
    return sums


async def sums_of(connection: AsyncConnection) -> Sums:
    """Return the sums of a snapshot as `write_dump` does, and write nothing."""
    return {
        table.name: await _write_table(connection, table, lambda _: None)
        for table in await _tables(connection)
    }


class Dump:
    """Reads a dump from pieces of any size, once, from its beginning. Raises BackupUnusable."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._lines = _lines(pieces)
        self.header = _read_header(_next(self._lines))
        self.sums: dict[str, Sum] = {}
        # The highest number each table ever gave a row; None until the tables have been read.
        self.numbers: dict[str, int] | None = None

    def tables(self) -> Iterator[tuple[str, dict[str, str], Iterator[list[list[Any]]]]]:
        """Yield each table's name, its columns with their kinds, and its rows in batches, to be used up."""
        while True:
            match json.loads(_next(self._lines)):
                case {"table": str(name), "columns": dict(columns)}:
                    yield name, columns, self._batches(name)
                case {"numbers": dict(numbers)}:
                    self.numbers = numbers
                case {"end": tables} if tables == len(self.sums) and self.numbers is not None:
                    return
                case _:
                    raise BackupUnusable(_BROKEN)

    def check(self) -> None:
        """Read to the end, for nothing but to see that all is there."""
        for _, _, batches in self.tables():
            for _ in batches:
                pass

    def _batches(self, name: str) -> Iterator[list[list[Any]]]:
        digest, count = hashlib.sha256(), 0
        while (line := _next(self._lines)).startswith(b"["):
            digest.update(line)
            batch = json.loads(line)
            count += len(batch)
            yield batch
        self.sums[name] = Sum(count, digest.hexdigest())
        if json.loads(line) != asdict(self.sums[name]):
            raise BackupUnusable(_BROKEN)


async def load_dump(connection: AsyncConnection, dump: Dump, *, numbers_ahead: int = 0) -> None:
    """Put a dump's rows in the place of the database's, which is at the dump's revision.

    Rows to come get numbers from `numbers_ahead` above the highest one ever given: what people still see
    in their chats may name rows that were written after the backup.
    """
    tables = {table.name: table for table in await _tables(connection)}
    for table in reversed(tables.values()):
        await connection.execute(delete(table))
    for name, columns, batches in dump.tables():
        if name not in tables or not set(columns) <= set(tables[name].c.keys()):
            raise BackupUnusable(_NEWER)
        is_sqlite = connection.dialect.name == "sqlite"
        readers = [(column, _READ.get(kind, _as_it_is)) for column, kind in columns.items()]
        if is_sqlite:
            readers = [(column, _sqlites(read)) for column, read in readers]
        statement = insert(tables[name])
        for batch in batches:
            await connection.execute(
                statement,
                [
                    {
                        column: value if value is None else read(value)
                        for (column, read), value in zip(readers, row, strict=True)
                    }
                    for row in batch
                ],
            )
    for name, number in (dump.numbers or {}).items():
        if number:
            await _go_on_above(connection, name, number + numbers_ahead)


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether the database holds nothing but what a start writes by itself."""
    for table in await _tables(connection):
        if table.name not in SEEDED and await connection.scalar(
            select(text("1")).select_from(table).limit(1)
        ):
            return False
    return True


async def lock_tables(connection: AsyncConnection) -> None:
    """Keep everybody else away from all tables until the transaction ends (PostgreSQL)."""
    if names := [table.name for table in await _tables(connection)]:
        await connection.execute(text(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"))


async def check_foreign_keys(connection: AsyncConnection) -> None:
    """Raises MigrationBroken when an SQLite database has rows that point to nothing."""
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise MigrationBroken(f"Rows of {tables} point to nothing.")


async def check_readable(connection: AsyncConnection, keys: KeyRing) -> int:
    """Decrypt a value of every encrypted column; returns of how many columns there were any.

    Raises BackupUnusable when the keys read none of a column's newest values.
    """
    found = 0
    for table in await _tables(connection):
        for column in table.c:
            if not column.name.endswith("_enc"):
                continue
            newest_first = [key.desc() for key in table.primary_key]
            query = select(column).where(column.is_not(None)).order_by(*newest_first).limit(TRIED)
            values = (await connection.scalars(query)).all()
            about = f"{table.name}.{column.name.removesuffix('_enc')}"
            if values and not any(_can_read(keys, value, about) for value in values):
                raise BackupUnusable(f"The keys read nothing of {about}: the database was damaged before.")
            found += bool(values)
    return found


def _can_read(keys: KeyRing, value: bytes, about: str) -> bool:
    try:
        keys.decrypt(value, about=about)
    except (ValueTampered, KeyMissing):
        return False
    return True


# Tables and rows


async def _tables(connection: AsyncConnection) -> list[Table]:
    """Return the tables that stand in the database, those that others point to first."""
    return await connection.run_sync(_reflected)


def _reflected(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in LEFT_OUT]


async def _write_table(connection: AsyncConnection, table: Table, write: Callable[[bytes], object]) -> Sum:
    # The two databases may hold columns in another order.
    columns = sorted(table.c, key=lambda column: column.name)
    write(_line({"table": table.name, "columns": {column.name: _kind(column) for column in columns}}))
    writers = [
        (place, _WRITTEN[_kind(column)]) for place, column in enumerate(columns) if _kind(column) in _WRITTEN
    ]
    digest, count = hashlib.sha256(), 0
    query = _in_order(connection, table, columns).execution_options(yield_per=BATCH)
    async with connection.stream(query) as result:
        async for rows in result.partitions():
            line = _row_line(rows, writers)
            digest.update(line)
            write(line)
            count += len(rows)
    found = Sum(count, digest.hexdigest())
    write(_line(asdict(found)))
    return found


def _in_order(connection: AsyncConnection, table: Table, columns: Sequence[Column[Any]]) -> Select[Any]:
    keys = [
        # SQLite orders text by its bytes, PostgreSQL by the language of the database unless told.
        collate(column, "C")
        if isinstance(column.type, String) and connection.dialect.name == "postgresql"
        else column
        for column in table.primary_key
    ]
    return select(*columns).order_by(*keys)


def _row_line(rows: Sequence[Sequence[Any]], writers: Sequence[tuple[int, Callable[[Any], Any]]]) -> bytes:
    batch = [list(row) for row in rows]
    for place, write in writers:
        for values in batch:
            if values[place] is not None:
                values[place] = write(values[place])
    return _line(batch)


async def _numbers(connection: AsyncConnection, tables: Iterable[Table]) -> dict[str, int]:
    """Return the highest number that each numbered table ever gave a row, 0 for none."""
    names = [table.name for table in tables if "id" in table.c]
    if connection.dialect.name == "sqlite":
        given = {name: int(seq) for name, seq in await connection.execute(_SQLITE_NUMBERS)}
        return {name: given.get(name, 0) for name in names}
    return {name: await _sequence_at(connection, name) for name in names}


async def _sequence_at(connection: AsyncConnection, name: str) -> int:
    sequence = await connection.scalar(select(func.pg_get_serial_sequence(name, "id")))
    row = (await connection.execute(text(f"SELECT last_value, is_called FROM {sequence}"))).one()  # noqa: S608
    return int(row.last_value) if row.is_called else int(row.last_value) - 1


async def _go_on_above(connection: AsyncConnection, name: str, number: int) -> None:
    if connection.dialect.name == "sqlite":
        await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
        await connection.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"),
            {"name": name, "seq": number},
        )
        return
    await connection.execute(
        text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :number)"), {"name": name, "number": number}
    )


_SQLITE_NUMBERS = text("SELECT name, seq FROM sqlite_sequence")


# Values


# Most particular first.
_KINDS: Sequence[tuple[type[Any], str]] = (
    (Boolean, "bool"),
    (Float, "float"),
    (Integer, "int"),
    (LargeBinary, "bytes"),
    (DateTime, "moment"),
    (Date, "date"),
    (Time, "time"),
    (String, "text"),
)


def _kind(column: Column[Any]) -> str:
    for of, kind in _KINDS:
        if isinstance(column.type, of):
            return kind
    raise NotImplementedError(f"a dump can't hold {column.type!r} of {column}")


def _moment(value: datetime) -> str:
    return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat()


def _read_moment(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _as_it_is(value: Any) -> Any:
    return value


def _sqlites(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return how SQLite is given a value: it keeps no zone."""
    return datetime.fromisoformat if read is _read_moment else read


_WRITTEN: Mapping[str, Callable[[Any], Any]] = {
    "bytes": lambda value: base64.b64encode(value).decode(),
    "moment": _moment,
    "date": date.isoformat,
    "time": time.isoformat,
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "moment": _read_moment,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}


# Lines


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _line(entry: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return _encode(entry).encode() + b"\n"


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        raise BackupUnusable(_BROKEN)


def _next(lines: Iterator[bytes]) -> bytes:
    line = next(lines, None)
    if line is None:
        raise BackupUnusable(_BROKEN)
    return line


def _header_line(header: Header) -> dict[str, Any]:
    return {"dump": LAYOUT, **asdict(header), "made_at": _moment(header.made_at)}


def _read_header(line: bytes) -> Header:
    entry = json.loads(line)
    if entry.pop("dump", None) != LAYOUT:
        raise BackupUnusable(_NEWER)
    made_at, key_ids = _read_moment(entry["made_at"]), tuple(entry["key_ids"])
    return Header(entry["revision"], made_at, entry["keys"], key_ids)
