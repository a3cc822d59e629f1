"""What follows a delivery: an index on the messages that a word comes after"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_followed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("followed_by <> ''"),
            postgresql_where=sa.text("followed_by <> ''"),
        )


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_followed",
            sqlite_where=sa.text("followed_by <> ''"),
            postgresql_where=sa.text("followed_by <> ''"),
        )
