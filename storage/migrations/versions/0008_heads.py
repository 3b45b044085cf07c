"""What comes next is found by indexes of its own, which no other question fits."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPDATE_WAITS = "status = 'waiting'"
MESSAGE_WAITS = "status IN ('created', 'sending', 'failed_temporary')"


def upgrade() -> None:
    _index("ix_inbox_heads", "inbox", ["id"], f"{UPDATE_WAITS} AND id > 0")
    _index("ix_outbox_heads", "outbox", ["channel", "lane", "due_at"], f"{MESSAGE_WAITS} AND id > 0")
    # Older code finds the same rows by the indexes of lanes and addresses.
    op.drop_index("ix_inbox_waiting", "inbox")
    op.drop_index("ix_outbox_waiting", "outbox")
    op.drop_index("ix_outbox_next", "outbox")


def downgrade() -> None:
    _index("ix_outbox_next", "outbox", ["channel", "lane", "due_at"], MESSAGE_WAITS)
    _index("ix_outbox_waiting", "outbox", ["lane", "due_at"], MESSAGE_WAITS)
    _index("ix_inbox_waiting", "inbox", ["id"], UPDATE_WAITS)
    op.drop_index("ix_outbox_heads", "outbox")
    op.drop_index("ix_inbox_heads", "inbox")


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
