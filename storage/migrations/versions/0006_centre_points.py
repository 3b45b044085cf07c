"""Where exactly a centre is, as its staff say."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("centres", sa.Column("point_latitude", sa.Float()))
    op.add_column("centres", sa.Column("point_longitude", sa.Float()))


def downgrade() -> None:
    for column in ("point_longitude", "point_latitude"):
        op.drop_column("centres", column)
