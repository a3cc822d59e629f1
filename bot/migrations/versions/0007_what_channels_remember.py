"""What channels remember"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_secrets",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_secrets")),
    )
    op.add_column("addresses", sa.Column("bounces", sa.Integer(), server_default="0", nullable=False))
    op.add_column("addresses", sa.Column("pause_reason", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("addresses", "pause_reason")
    op.drop_column("addresses", "bounces")
    op.drop_table("channel_secrets")
