"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite only counts up by itself on a plain INTEGER primary key.
IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Buttons and keys outlive the rows they name: a number once given is never given again.
NEVER_AGAIN = {"sqlite_autoincrement": True}


def when(condition: str) -> dict[str, Any]:
    """Return the arguments that make an index partial on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "centres",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("city_fr", sa.String(length=80), nullable=False),
        sa.Column("city_ar", sa.String(length=80), nullable=False),
        sa.Column("region_fr", sa.String(length=80), nullable=False),
        sa.Column("region_ar", sa.String(length=80), nullable=False),
        sa.Column("region_code", sa.String(length=4)),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=300)),
        sa.Column("phone", sa.String(length=40)),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("hours", sa.Text()),
        sa.Column("slot_minutes", sa.SmallInteger()),
        sa.Column("capacity", sa.SmallInteger()),
        sa.Column("lead_minutes", sa.Integer()),
        sa.Column("horizon_days", sa.SmallInteger()),
        sa.Column("from_file", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_centres")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("update_key", sa.String(length=80), nullable=False),
        sa.Column("lane", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payload_enc", sa.LargeBinary()),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("handled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("channel", "update_key", name=op.f("uq_inbox_channel_update_key")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_inbox_lane", "inbox", ["lane", "id"])
    op.create_index("ix_inbox_waiting", "inbox", ["id"], **when("status = 'waiting'"))
    op.create_index("ix_inbox_waiting_lane", "inbox", ["lane", "id"], **when("status = 'waiting'"))
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8)),
        sa.Column("consent", sa.String(length=10), server_default="unasked", nullable=False),
        sa.Column("consent_at", sa.DateTime(timezone=True)),
        sa.Column("news", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("check_ins", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("centre_slug", sa.String(length=40)),
        sa.Column("province_code", sa.String(length=10)),
        sa.Column("name_enc", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True)),
        sa.Column("erased_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_contacts_centre_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_contacts_erased_at", "contacts", ["erased_at"], **when("erased_at IS NOT NULL"))
    op.create_index("ix_contacts_news", "contacts", ["centre_slug", "language"], **when("news"))
    op.create_index("ix_contacts_staff", "contacts", ["role", "centre_slug"], **when("role <> 'beneficiary'"))
    op.create_table(
        "addresses",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("external_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("external_enc", sa.LargeBinary(), nullable=False),
        sa.Column("reachable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("unreachable_since", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_addresses_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint("channel", "external_index", name=op.f("uq_addresses_channel_external_index")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_addresses_contact_id", "addresses", ["contact_id"])
    op.create_table(
        "announcements",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("author", IDENTITY),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["author"], ["contacts.id"], name=op.f("fk_announcements_author"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_announcements_running", "announcements", ["id"], **when("status = 'running'"))
    op.create_table(
        "appointments",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY),
        sa.Column("centre_slug", sa.String(length=40), nullable=False),
        sa.Column("need", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place_no", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("coming", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place_no >= 1", name=op.f("ck_appointments_place_no")),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_appointments_centre_slug")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_appointments_contact_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_appointments_contact_id", "appointments", ["contact_id", "starts_at"])
    op.create_index(
        "uq_appointments_live_code",
        "appointments",
        ["centre_slug", "day", "code"],
        unique=True,
        **when("status IN ('requested', 'confirmed')"),
    )
    op.create_index(
        "uq_appointments_live_place",
        "appointments",
        ["centre_slug", "day", "at", "place_no"],
        unique=True,
        **when("status IN ('requested', 'confirmed')"),
    )
    op.create_table(
        "audit",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("by_contact_id", IDENTITY),
        sa.Column("at_contact_id", IDENTITY, nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["at_contact_id"], ["contacts.id"], name=op.f("fk_audit_at_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["by_contact_id"], ["contacts.id"], name=op.f("fk_audit_by_contact_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_audit_at_contact_id", "audit", ["at_contact_id", "at"])
    op.create_table(
        "closures",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("centre_slug", sa.String(length=40)),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("name_fr", sa.String(length=120)),
        sa.Column("name_ar", sa.String(length=120)),
        sa.Column("estimated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided_by", IDENTITY),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_closures_centre_slug")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["contacts.id"], name=op.f("fk_closures_decided_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
        **NEVER_AGAIN,
    )
    op.create_index(
        "uq_closures_centre_day",
        "closures",
        ["centre_slug", "day"],
        unique=True,
        **when("centre_slug IS NOT NULL"),
    )
    op.create_index(
        "uq_closures_country_day", "closures", ["day"], unique=True, **when("centre_slug IS NULL")
    )
    op.create_table(
        "due_messages",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="waiting", nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_due_messages_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_messages")),
        sa.UniqueConstraint("subject", "step", "version", name=op.f("uq_due_messages_subject_step_version")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_due_messages_contact_id", "due_messages", ["contact_id"])
    op.create_index("ix_due_messages_due_at", "due_messages", ["due_at"], **when("status = 'waiting'"))
    op.create_table(
        "invitations",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("centre_slug", sa.String(length=40)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("used_by", IDENTITY),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_invitations_centre_slug")),
        sa.ForeignKeyConstraint(
            ["used_by"], ["contacts.id"], name=op.f("fk_invitations_used_by"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_invitations_code_hash")),
        **NEVER_AGAIN,
    )
    op.create_table(
        "notices",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("subject", sa.String(length=60)),
        sa.Column("state_enc", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_notices_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_notices_contact_id", "notices", ["contact_id", "id"])
    op.create_index("ix_notices_created_at", "notices", ["created_at"])
    op.create_index("ix_notices_subject", "notices", ["subject"])
    op.create_table(
        "sessions",
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("state_enc", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_sessions_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_sessions")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("centre_slug", sa.String(length=40)),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text_enc", sa.LargeBinary(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="open", nullable=False),
        sa.Column("taken_by", IDENTITY),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_tasks_centre_slug")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_tasks_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["taken_by"], ["contacts.id"], name=op.f("fk_tasks_taken_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_tasks_contact_id", "tasks", ["contact_id"])
    op.create_index("ix_tasks_open", "tasks", ["centre_slug", "created_at"], **when("status <> 'done'"))
    op.create_table(
        "outbox",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("address_id", IDENTITY, nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("lane", sa.String(length=1), nullable=False),
        sa.Column("unique_key", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=60)),
        sa.Column("payload_enc", sa.LargeBinary()),
        sa.Column("announcement_id", IDENTITY),
        sa.Column("language", sa.String(length=8)),
        sa.Column("replaces_id", IDENTITY),
        sa.Column("keeps_quiet", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("useful_until", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="created", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("message_ref", sa.String(length=80)),
        sa.Column("reason", sa.String(length=60)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_outbox_address_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.id"],
            name=op.f("fk_outbox_announcement_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_outbox_unique_key")),
        **NEVER_AGAIN,
    )
    op.create_index("ix_outbox_address_id", "outbox", ["address_id", "id"])
    op.create_index(
        "ix_outbox_announcement_id",
        "outbox",
        ["announcement_id", "status"],
        **when("announcement_id IS NOT NULL"),
    )
    op.create_index("ix_outbox_subject", "outbox", ["subject"], **when("subject IS NOT NULL"))
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["lane", "due_at"],
        **when("status IN ('created', 'sending', 'failed_temporary')"),
    )
    op.create_index(
        "ix_outbox_waiting_address",
        "outbox",
        ["address_id", "lane", "id"],
        **when("status IN ('created', 'sending', 'failed_temporary')"),
    )


def downgrade() -> None:
    # Their indexes go with them.
    for table in (
        "outbox",
        "tasks",
        "sessions",
        "notices",
        "invitations",
        "due_messages",
        "closures",
        "audit",
        "appointments",
        "announcements",
        "addresses",
        "contacts",
        "marks",
        "inbox",
        "centres",
    ):
        op.drop_table(table)
