"""Meetings are planned: whose steps are written, and of which revision an answer speaks"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attendances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="1", nullable=False))

    with op.batch_alter_table("committees", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned_revision", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("planned_at", UTCDateTime(), nullable=True))
        batch_op.create_index(batch_op.f("ix_committees_starts_at"), ["starts_at"], unique=False)
