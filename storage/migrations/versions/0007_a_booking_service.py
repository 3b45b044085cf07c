"""A booking service."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "closed_hours",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("centre_slug", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("from_at", sa.Time(), nullable=False),
        sa.Column("until_at", sa.Time(), nullable=False),
        sa.Column("reason", sa.String(length=12)),
        sa.Column("decided_by", IDENTITY),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_closed_hours_centre_slug")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["contacts.id"], name=op.f("fk_closed_hours_decided_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_hours")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_closed_hours_centre_slug", "closed_hours", ["centre_slug", "day"])

    op.create_table(
        "complaints",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTITY),
        sa.Column("centre_slug", sa.String(length=40)),
        sa.Column("text_enc", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="open", nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_complaints_centre_slug")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_complaints_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_complaints_contact_id", "complaints", ["contact_id"])
    op.create_index(
        "ix_complaints_open",
        "complaints",
        ["created_at"],
        sqlite_where=sa.text("status <> 'done'"),
        postgresql_where=sa.text("status <> 'done'"),
    )

    op.create_table(
        "experiments",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("sample_size", sa.Integer(), nullable=False),
        sa.Column("started_by", IDENTITY),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("stopped_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["started_by"], ["contacts.id"], name=op.f("fk_experiments_started_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_experiments_running",
        "experiments",
        ["name"],
        unique=True,
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
    )

    op.create_table(
        "group_sessions",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("centre_slug", sa.String(length=40), nullable=False),
        sa.Column("need", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("places", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("created_by", IDENTITY),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_slug"], ["centres.slug"], name=op.f("fk_group_sessions_centre_slug")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["contacts.id"], name=op.f("fk_group_sessions_created_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_sessions")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_group_sessions_open",
        "group_sessions",
        ["centre_slug", "day", "at"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )

    op.create_table(
        "experiment_visits",
        sa.Column("experiment_id", IDENTITY, nullable=False),
        sa.Column("appointment_id", IDENTITY, nullable=False),
        sa.Column("wording", sa.String(length=1), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_experiment_visits_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_experiment_visits_experiment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "appointment_id", name=op.f("pk_experiment_visits")),
    )
    op.create_table(
        "slot_holds",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("centre_slug", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("minutes", sa.SmallInteger()),
        sa.Column("buffer_minutes", sa.SmallInteger()),
        sa.Column("group_session_id", IDENTITY),
        sa.Column("appointment_id", IDENTITY),
        sa.Column("until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_slot_holds_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_slot_holds_centre_slug")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_slot_holds_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_session_id"],
            ["group_sessions.id"],
            name=op.f("fk_slot_holds_group_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_holds")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_slot_holds_centre_slug", "slot_holds", ["centre_slug", "day"])
    op.create_index("ix_slot_holds_contact_id", "slot_holds", ["contact_id"])
    op.create_index("ix_slot_holds_until", "slot_holds", ["until"])

    op.create_table(
        "waiting_list",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("centre_slug", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("need", sa.String(length=20), nullable=False),
        sa.Column("wants_woman", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("phone_enc", sa.LargeBinary()),
        sa.Column("appointment_id", IDENTITY),
        sa.Column("joined_at", MOMENT, nullable=False),
        sa.Column("offered_day", sa.Date()),
        sa.Column("offered_time", sa.Time()),
        sa.Column("offered_until", MOMENT),
        sa.Column("unanswered", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("passed", sa.Text()),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_waiting_list_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["centre_slug"], ["centres.slug"], name=op.f("fk_waiting_list_centre_slug")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_waiting_list_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_list")),
        sa.UniqueConstraint("contact_id", "centre_slug", "kind", name="uq_waiting_list_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_waiting_list_centre_slug", "waiting_list", ["centre_slug", "kind", "id"])
    op.create_index("ix_waiting_list_offered_until", "waiting_list", ["offered_until"])

    op.add_column(
        "appointments", sa.Column("kind", sa.String(length=8), server_default="visit", nullable=False)
    )
    op.add_column("appointments", sa.Column("minutes", sa.SmallInteger()))
    op.add_column("appointments", sa.Column("buffer_minutes", sa.SmallInteger()))
    op.add_column("appointments", sa.Column("group_session_id", IDENTITY))
    op.add_column(
        "appointments",
        sa.Column("wants_woman", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("appointments", sa.Column("phone_enc", sa.LargeBinary()))
    op.add_column("appointments", sa.Column("displaced_at", MOMENT))
    op.add_column("appointments", sa.Column("ended_by", sa.String(length=8)))
    op.add_column("appointments", sa.Column("arrived_at", MOMENT))
    op.add_column("appointments", sa.Column("plan", sa.String(length=20)))
    op.add_column("appointments", sa.Column("obstacle", sa.String(length=12)))
    op.add_column("appointments", sa.Column("feedback", sa.SmallInteger()))
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at"])
    op.create_index(
        "ix_appointments_displaced",
        "appointments",
        ["centre_slug"],
        postgresql_where=sa.text("displaced_at IS NOT NULL"),
        sqlite_where=sa.text("displaced_at IS NOT NULL"),
    )

    op.add_column("centres", sa.Column("buffer_minutes", sa.SmallInteger()))
    op.add_column("centres", sa.Column("phone_minutes", sa.SmallInteger()))
    op.add_column("centres", sa.Column("phone_buffer_minutes", sa.SmallInteger()))
    op.add_column("centres", sa.Column("walk_in_percent", sa.SmallInteger()))
    op.add_column("centres", sa.Column("periods", sa.Text()))
    op.add_column("centres", sa.Column("landmark", sa.String(length=200)))
    op.add_column("centres", sa.Column("door_code", sa.String(length=16)))
    op.create_index("uq_centres_door_code", "centres", ["door_code"], unique=True)

    op.add_column("closures", sa.Column("reason", sa.String(length=12)))

    op.add_column("contacts", sa.Column("reminder_hour", sa.SmallInteger()))


def downgrade() -> None:
    op.drop_column("contacts", "reminder_hour")

    op.drop_column("closures", "reason")

    op.drop_index("uq_centres_door_code", table_name="centres")
    op.drop_column("centres", "door_code")
    op.drop_column("centres", "landmark")
    op.drop_column("centres", "periods")
    op.drop_column("centres", "walk_in_percent")
    op.drop_column("centres", "phone_buffer_minutes")
    op.drop_column("centres", "phone_minutes")
    op.drop_column("centres", "buffer_minutes")

    op.drop_index("ix_appointments_displaced", table_name="appointments")
    op.drop_index("ix_appointments_starts_at", table_name="appointments")
    op.drop_column("appointments", "feedback")
    op.drop_column("appointments", "obstacle")
    op.drop_column("appointments", "plan")
    op.drop_column("appointments", "arrived_at")
    op.drop_column("appointments", "ended_by")
    op.drop_column("appointments", "displaced_at")
    op.drop_column("appointments", "phone_enc")
    op.drop_column("appointments", "wants_woman")
    op.drop_column("appointments", "group_session_id")
    op.drop_column("appointments", "buffer_minutes")
    op.drop_column("appointments", "minutes")
    op.drop_column("appointments", "kind")

    op.drop_index("ix_waiting_list_offered_until", table_name="waiting_list")
    op.drop_index("ix_waiting_list_centre_slug", table_name="waiting_list")

    op.drop_table("waiting_list")
    op.drop_index("ix_slot_holds_until", table_name="slot_holds")
    op.drop_index("ix_slot_holds_contact_id", table_name="slot_holds")
    op.drop_index("ix_slot_holds_centre_slug", table_name="slot_holds")

    op.drop_table("slot_holds")
    op.drop_table("experiment_visits")

    op.drop_index("uq_group_sessions_open", table_name="group_sessions")

    op.drop_table("group_sessions")
    op.drop_index("uq_experiments_running", table_name="experiments")

    op.drop_table("experiments")
    op.drop_index("ix_complaints_open", table_name="complaints")
    op.drop_index("ix_complaints_contact_id", table_name="complaints")

    op.drop_table("complaints")
    op.drop_index("ix_closed_hours_centre_slug", table_name="closed_hours")

    op.drop_table("closed_hours")
