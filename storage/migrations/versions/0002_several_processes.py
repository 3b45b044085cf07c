"""Several processes: leaderships, shared rates, and what pruning needs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Any code since 0001 can work with this form: see OLDEST_CODE_MARK in storage/schema.py.
OLDEST_CODE = "0001"


UNSENT = "status IN ('created', 'sending', 'failed_temporary')"


def when(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition)
    )


def upgrade() -> None:
    op.create_table(
        "leaderships",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=False),
        sa.Column("until_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leaderships")),
    )
    op.create_table(
        "rate_budgets",
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("full_at_s", sa.Float(), nullable=False),
        sa.Column("bulk_from_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_rate_budgets")),
    )
    op.create_table(
        "rate_chats",
        sa.Column("address_id", IDENTITY, nullable=False, autoincrement=False),
        sa.Column("full_at_s", sa.Float(), nullable=False),
        sa.Column("held_until_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("address_id", name=op.f("pk_rate_chats")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # They change with each message and matter for seconds: no need to write and wait for a log.
        op.execute("ALTER TABLE rate_budgets SET UNLOGGED")
        op.execute("ALTER TABLE rate_chats SET UNLOGGED")
    op.add_column("announcements", sa.Column("outcomes", sa.Text()))
    when("ix_due_messages_over", "due_messages", ["due_at"], "status <> 'waiting'")
    when("ix_outbox_leased", "outbox", ["lease_until"], "lease_until IS NOT NULL")
    when("ix_outbox_next", "outbox", ["channel", "lane", "due_at"], UNSENT)
    marks = sa.table("marks", sa.column("name"), sa.column("value"))
    op.execute(marks.insert().values(name="oldest_code", value=OLDEST_CODE))


def downgrade() -> None:
    op.execute("DELETE FROM marks WHERE name = 'oldest_code'")
    op.drop_index("ix_outbox_next", table_name="outbox")
    op.drop_index("ix_outbox_leased", table_name="outbox")
    op.drop_index("ix_due_messages_over", table_name="due_messages")
    op.drop_column("announcements", "outcomes")
    op.drop_table("rate_chats")
    op.drop_table("rate_budgets")
    op.drop_table("leaderships")
