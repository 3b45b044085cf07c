"""The database's clock: the one that processes on several machines agree on."""

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class server_seconds(FunctionElement[float]):  # noqa: N801 - stands in statements like SQL's own functions
    """The seconds since 1970 as the database has them while it carries out the statement."""

    type = Float()
    inherit_cache = True


@compiles(server_seconds, "postgresql")
def _on_postgresql(element: server_seconds, compiler: SQLCompiler, **_: Any) -> str:
    # now() would be when the transaction began.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(server_seconds, "sqlite")
def _on_sqlite(element: server_seconds, compiler: SQLCompiler, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
