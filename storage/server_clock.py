"""The database's clock: the one that processes on several machines agree on."""

from sqlalchemy import ColumnElement, Float, cast, func, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection


def server_seconds(connection: AsyncConnection) -> ColumnElement[float]:
    """Return the seconds since 1970 as the database has them while it carries out the statement."""
    if connection.dialect.name == "postgresql":
        # now() would be when the transaction began.
        return cast(func.extract("epoch", func.clock_timestamp()), Float)
    return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
