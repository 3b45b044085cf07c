"""Statements of the hot path: built and compiled once, then run on the database's own driver.

SQLAlchemy's async layer costs ten to twenty times as much CPU as the driver below it, for every statement
anew. A `Prepared` statement is written with SQLAlchemy Core like any other and shares connection, transaction
and errors with the others, but pays that price once. Listeners on the engine see it all the same: while there
are any, it goes the ordinary way.
"""

import json
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Dialect,
    Select,
    Table,
    Text,
    UpdateBase,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from storage.errors import StorageError, loaded_asyncpg, ours

Insert = postgresql.Insert | sqlite.Insert
Into = Callable[[Table], Insert]
Statement = Select[Any] | CompoundSelect[Any] | UpdateBase
Build = Callable[[Into], Statement]

_INTO: Mapping[str, Into] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
# PostgreSQL's number of the one type whose conversion asks for it.
FLOAT8 = 701


def _driver_errors() -> tuple[type[Exception], ...]:
    """Return what drivers raise; only asked when something was."""
    asyncpg = loaded_asyncpg()
    if asyncpg is None:
        return (sqlite3.Error, OSError)
    return (
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    )


def _breaks_a_rule(error: Exception) -> bool:
    asyncpg = loaded_asyncpg()
    return isinstance(error, sqlite3.IntegrityError) or (
        asyncpg is not None and isinstance(error, asyncpg.IntegrityConstraintViolationError)
    )


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as one database's driver takes it. `binds`: name, value when none is given, conversion."""

    statement: Statement
    sql: str
    binds: tuple[tuple[str, Any, Callable[[Any], Any] | None], ...]
    make_row: Callable[[Iterable[Any]], Any]
    conversions: tuple[tuple[int, Callable[[Any], Any]], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            convert(values.get(name, default)) if convert else values.get(name, default)
            for name, default, convert in self.binds
        ]

    def rows(self, raw: Sequence[Any]) -> list[Any]:
        if not self.conversions:
            return [self.make_row(row) for row in raw]
        return [self._row(row) for row in raw]

    def _row(self, raw: Iterable[Any]) -> Any:
        values = list(raw)
        for place, convert in self.conversions:
            values[place] = convert(values[place])
        return self.make_row(values)


class Ids(TypeDecorator[Sequence[int]]):
    """Any number of ids in one parameter: an array, and where there are none its JSON."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = ARRAY(BigInteger()) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> Any:
        ids = list(value or ())
        return ids if dialect.name == "postgresql" else json.dumps(ids)


def among(column: ColumnElement[Any], name: str, into: Into) -> ColumnElement[bool]:
    """Return whether the column is one of the `Ids` given under the name; for any number of them."""
    ids = bindparam(name, type_=Ids())
    if into is postgresql.insert:
        return column == func.any(ids)
    return column.in_(select(func.json_each(ids).table_valued("value").c.value))


class Prepared:
    """One statement, whose parameters are named when it is run.

    `build` gets the database's own `insert`. `columns` are those that an insert without `values` fills.
    Rows are named tuples with the columns' names.
    """

    def __init__(self, build: Build, columns: Sequence[str] | None = None) -> None:
        self._build = build
        self._columns = list(columns) if columns is not None else None
        self._compiled: dict[str, _Compiled] = {}

    async def all(self, connection: AsyncConnection, **values: Any) -> list[Any]:
        driver = _driver(connection)
        if driver is None:
            return list((await connection.execute(self._for(connection).statement, values)).all())
        compiled = self._for(connection)
        try:
            if isinstance(driver, sqlite3.Connection):
                raw = driver.execute(compiled.sql, compiled.arguments(values)).fetchall()
            else:
                raw = await driver.fetch(compiled.sql, *compiled.arguments(values))
        except _driver_errors() as error:
            raise translated(error, compiled.sql) from error
        return compiled.rows(raw)

    async def first(self, connection: AsyncConnection, **values: Any) -> Any:
        """Return the first row, None when there is none."""
        rows = await self.all(connection, **values)
        return rows[0] if rows else None

    async def scalar(self, connection: AsyncConnection, **values: Any) -> Any:
        """Return the first column of the first row, None when there is none."""
        rows = await self.all(connection, **values)
        return rows[0][0] if rows else None

    async def run(self, connection: AsyncConnection, **values: Any) -> int:
        """Return how many rows were changed."""
        driver = _driver(connection)
        compiled = self._for(connection)
        if driver is None:
            return (await connection.execute(compiled.statement, values)).rowcount
        try:
            if isinstance(driver, sqlite3.Connection):
                return driver.execute(compiled.sql, compiled.arguments(values)).rowcount
            status: str = await driver.execute(compiled.sql, *compiled.arguments(values))
        except _driver_errors() as error:
            raise translated(error, compiled.sql) from error
        return int(status.rpartition(" ")[2] or 0)

    async def run_many(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of the rows, in order."""
        driver = _driver(connection)
        compiled = self._for(connection)
        if driver is None:
            await connection.execute(compiled.statement, list(rows))
            return
        arguments = [compiled.arguments(values) for values in rows]
        try:
            if isinstance(driver, sqlite3.Connection):
                driver.executemany(compiled.sql, arguments)
            else:
                await driver.executemany(compiled.sql, arguments)
        except _driver_errors() as error:
            raise translated(error, compiled.sql) from error

    def _for(self, connection: AsyncConnection) -> _Compiled:
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        return compiled

    def _compile(self, dialect: Dialect) -> _Compiled:
        statement = self._build(_INTO[dialect.name])
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
            raise TypeError("only a statement whose text is the same for all values can be prepared")
        columns = statement.exported_columns
        conversions = [
            _cached(column.type, dialect).result_processor(dialect, FLOAT8) for column in columns.values()
        ]
        return _Compiled(
            statement,
            str(compiled),
            tuple(_bind(compiled.binds[name], name, dialect) for name in compiled.positiontup or ()),
            _row_maker([str(name) for name in columns.keys()]),  # noqa: SIM118 - iterates over its columns
            tuple((place, convert) for place, convert in enumerate(conversions) if convert),
        )


def _bind(
    bind: BindParameter[Any], name: str, dialect: Dialect
) -> tuple[str, Any, Callable[[Any], Any] | None]:
    constant = None if bind.required else bind.effective_value
    return name, constant, _cached(bind.type, dialect).bind_processor(dialect)


def _row_maker(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    # The type checker follows only names that stand in the call itself.
    make_type: Callable[..., Any] = namedtuple
    make: Callable[[Iterable[Any]], Any] = make_type("Row", names)._make
    return make


def prepared(build: Build) -> Prepared:
    """Return the statement that a function builds; for use above the function."""
    return Prepared(build)


def _cached(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)


def driver_of(sync_connection: Connection) -> Any:
    """Return the driver's own connection: `sqlite3.Connection`, or asyncpg's."""
    driver = sync_connection.connection.driver_connection
    return getattr(driver, "in_this_thread", driver)


# The drivers of connections that SQLAlchemy begins no transaction on: finding one takes as long as a query.
_known: WeakKeyDictionary[Connection, Any] = WeakKeyDictionary()


def goes_straight(connection: AsyncConnection) -> None:
    """Let prepared statements go the short way on a connection whose transactions are not SQLAlchemy's."""
    if connection.sync_connection is not None:
        _known[connection.sync_connection] = driver_of(connection.sync_connection)


def _driver(connection: AsyncConnection) -> Any:
    """Return the driver's connection; None when the statement has to go the ordinary way."""
    sync_connection = connection.sync_connection
    if sync_connection is None or sync_connection.dispatch.before_cursor_execute:
        return None
    if (known := _known.get(sync_connection)) is not None:
        return known
    driver = driver_of(sync_connection)
    is_inside = (
        driver.in_transaction if isinstance(driver, sqlite3.Connection) else driver.is_in_transaction()
    )
    if is_inside:
        return driver
    # Where SQLAlchemy begins the transaction, it does so with the first statement that goes through it.
    options = sync_connection.get_execution_options()
    return driver if options.get("isolation_level") == "AUTOCOMMIT" else None


def translated(error: Exception, sql: str) -> Exception:
    """Return a driver's error as SQLAlchemy's or ours; none of them tells the values."""
    if isinstance(error, StorageError | DBAPIError):
        return error
    found = ours(error)
    if found is not None:
        return found
    kind = IntegrityError if _breaks_a_rule(error) else DBAPIError
    return kind(sql, None, error, hide_parameters=True)
