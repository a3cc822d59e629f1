"""What a conversation remembers: the meeting a question is about, replies to take back, reports that came early"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "early_receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("heard_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_receipts")),
        sa.UniqueConstraint(
            "channel", "provider_id", "state", name=op.f("uq_early_receipts_channel_provider_id_state")
        ),
    )
    with op.batch_alter_table("early_receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_early_receipts_heard_at"), ["heard_at"], unique=False)

    op.create_table(
        "noted_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=False),
        sa.Column("lapses_at", UTCDateTime(), nullable=False),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_noted_replies_address_id_addresses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_noted_replies")),
    )
    with op.batch_alter_table("noted_replies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_noted_replies_address_id"), ["address_id"], unique=False)

    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("committee_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_tickets_committee_id"), ["committee_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_tickets_committee_id_committees"), "committees", ["committee_id"], ["id"]
        )
    with op.batch_alter_table("questions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("committee_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_questions_committee_id_committees"), "committees", ["committee_id"], ["id"]
        )
    with op.batch_alter_table("proofs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.String(), nullable=False, server_default="answers"))
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("followed_by", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("followed_by")
    with op.batch_alter_table("proofs", schema=None) as batch_op:
        batch_op.drop_column("purpose")
    with op.batch_alter_table("questions", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_questions_committee_id_committees"), type_="foreignkey")
        batch_op.drop_column("committee_id")
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_tickets_committee_id_committees"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_tickets_committee_id"))
        batch_op.drop_column("committee_id")
    op.drop_table("noted_replies")
    op.drop_table("early_receipts")
