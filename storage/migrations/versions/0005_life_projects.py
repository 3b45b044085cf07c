"""Life projects, managers' changes to what is shown, and questions that nobody could answer."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "life_projects",
        sa.Column("contact_id", IDENTITY, nullable=False),
        sa.Column("answers_enc", sa.LargeBinary(), nullable=False),
        sa.Column("appointment_id", IDENTITY),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_life_projects_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointments.id"],
            name=op.f("fk_life_projects_appointment_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_life_projects")),
    )
    op.create_table(
        "content_changes",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, server_default="draft"),
        sa.Column("by_contact_id", IDENTITY),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT),
        sa.Column("revision", sa.Integer()),
        sa.Column("based_on", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["by_contact_id"],
            ["contacts.id"],
            name=op.f("fk_content_changes_by_contact_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_content_changes_state"), "content_changes", ["state"])
    op.create_table(
        "unanswered_questions",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("first_week", sa.Date(), nullable=False),
        sa.Column("last_week", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unanswered_questions")),
        sa.UniqueConstraint("language", "words", name=op.f("uq_unanswered_questions_language_words")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("unanswered_questions", "content_changes", "life_projects"):
        op.drop_table(table)
