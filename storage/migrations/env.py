"""How Alembic runs the migrations: on the connection, and in the transaction, of `storage.schema`."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from storage.tables import Moment, metadata


def written_out(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Return a type of ours as what it is in the database: a migration must not change when code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=written_out,
    compare_server_default=True,
)
context.run_migrations()
