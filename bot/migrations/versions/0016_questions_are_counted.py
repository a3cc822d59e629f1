"""Questions are counted by day and by entry from indices that hold all that is counted"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDICES = {
    "ix_questions_counted": [
        "asked_at", "channel", "council_id", "nearest", "decision", "ticket_id", "useful", "address_id",
    ],
    "ix_questions_nearest_asked_at": ["nearest", "asked_at"],
    "ix_questions_useful": ["useful"],
}  # fmt: skip
GIVEN = ["entry_id", "question_id", "version_id", "given_at", "outbox_key"]


def upgrade() -> None:
    with op.batch_alter_table("questions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("nearest", sa.String(), server_default="", nullable=False))
        for name, columns in INDICES.items():
            batch_op.create_index(name, columns, unique=False)
    questions = sa.table("questions", sa.column("nearest"), sa.column("candidates", sa.JSON))
    first = questions.c.candidates[(0, "entry")].as_string()
    op.execute(sa.update(questions).values(nearest=sa.func.coalesce(first, "")))
    with op.batch_alter_table("answers_given", schema=None) as batch_op:
        batch_op.drop_index("ix_answers_given_entry_id")
        batch_op.create_index("ix_answers_given_counted", GIVEN, unique=False)


def downgrade() -> None:
    with op.batch_alter_table("answers_given", schema=None) as batch_op:
        batch_op.drop_index("ix_answers_given_counted")
        batch_op.create_index("ix_answers_given_entry_id", ["entry_id"], unique=False)
    with op.batch_alter_table("questions", schema=None) as batch_op:
        for name in INDICES:
            batch_op.drop_index(name)
        batch_op.drop_column("nearest")
