"""A phone used by several people: their profiles, and the messages that wait for one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("addresses", sa.Column("locks_at", MOMENT))
    op.add_column("addresses", sa.Column("door_enc", sa.LargeBinary()))
    op.add_column("addresses", sa.Column("shown_from", MOMENT))
    op.create_table(
        "profiles",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("address_id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("pin_hash", sa.LargeBinary()),
        sa.Column("pin_failures", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("pin_not_before", MOMENT),
        sa.Column("last_used_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_profiles_address_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_profiles_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
        sa.UniqueConstraint("address_id", "contact_id", name=op.f("uq_profiles_address_id_contact_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_profiles_contact_id", "profiles", ["contact_id"])
    op.create_table(
        "held_messages",
        sa.Column("outbox_id", IDENTITY, nullable=False, autoincrement=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["outbox.id"], name=op.f("fk_held_messages_outbox_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_held_messages_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_held_messages")),
    )
    op.create_index("ix_held_messages_contact_id", "held_messages", ["contact_id"])


def downgrade() -> None:
    op.drop_table("held_messages")
    op.drop_table("profiles")
    for column in ("shown_from", "door_enc", "locks_at"):
        op.drop_column("addresses", column)
