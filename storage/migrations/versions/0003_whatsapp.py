"""WhatsApp: statuses by reference, templates, what is charged, and several addresses of one person."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
OF_WHATSAPP = "channel = 'whatsapp' AND message_ref IS NOT NULL"


def upgrade() -> None:
    op.add_column(
        "addresses", sa.Column("preferred", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.add_column("addresses", sa.Column("phone_enc", sa.LargeBinary()))
    op.add_column(
        "addresses", sa.Column("link_failures", sa.SmallInteger(), nullable=False, server_default="0")
    )
    op.add_column("addresses", sa.Column("link_not_before", MOMENT))
    op.add_column("outbox", sa.Column("template", sa.String(length=80)))
    op.add_column("outbox", sa.Column("billed_as", sa.String(length=24)))
    op.create_index(
        "ix_outbox_message_ref",
        "outbox",
        ["message_ref"],
        sqlite_where=sa.text(OF_WHATSAPP),
        postgresql_where=sa.text(OF_WHATSAPP),
    )
    _create_link_codes()
    _create_templates()
    op.create_table(
        "openings",
        sa.Column("address_id", IDENTITY, nullable=False, autoincrement=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_openings_address_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("address_id", name=op.f("pk_openings")),
    )
    op.create_index("ix_openings_opened_at", "openings", ["opened_at"])
    op.create_table(
        "billed_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("category", sa.String(length=24), nullable=False),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "category", "bulk", name=op.f("pk_billed_days")),
    )
    op.create_table(
        "budget_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_budget_days")),
    )


def _create_link_codes() -> None:
    op.create_table(
        "link_codes",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("used_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_link_codes_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_link_codes_code_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_link_codes_contact_id", "link_codes", ["contact_id"])


def _create_templates() -> None:
    op.create_table(
        "templates",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("category", sa.String(length=24)),
        sa.Column("reason", sa.String(length=120)),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("name", "language", name=op.f("uq_templates_name_language")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("budget_days", "billed_days", "openings", "templates", "link_codes"):
        op.drop_table(table)
    op.drop_index("ix_outbox_message_ref", table_name="outbox")
    for column in ("billed_as", "template"):
        op.drop_column("outbox", column)
    for column in ("link_not_before", "link_failures", "phone_enc", "preferred"):
        op.drop_column("addresses", column)
