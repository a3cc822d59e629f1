"""Files wait for a follow-up; a report that came early keeps what it said of the address"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("question_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("inline", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_attachments_question_id_questions"), "questions", ["question_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_attachments_question_id"), ["question_id"], unique=False)
    with op.batch_alter_table("early_receipts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gone", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("early_receipts", schema=None) as batch_op:
        batch_op.drop_column("gone")
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachments_question_id"))
        batch_op.drop_constraint(batch_op.f("fk_attachments_question_id_questions"), type_="foreignkey")
        batch_op.drop_column("inline")
        batch_op.drop_column("question_id")
