"""How officers sign in, who steps in for whom, and when they are away"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "officer_credentials",
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.id"], name=op.f("fk_officer_credentials_officer_id_officers")
        ),
        sa.PrimaryKeyConstraint("officer_id", name=op.f("pk_officer_credentials")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_recovery_codes_officer_id_officers")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_recovery_codes")),
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_codes_officer_id"), ["officer_id"], unique=False)
    op.create_table(
        "officer_identities",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("linked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.id"], name=op.f("fk_officer_identities_officer_id_officers")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_officer_identities")),
    )
    with op.batch_alter_table("officer_identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officer_identities_officer_id"), ["officer_id"], unique=False)
    op.create_table(
        "sign_in_failures",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_sign_in_failures")),
    )
    op.create_table(
        "officer_absences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_officer_absences_officer_id_officers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_absences")),
    )
    with op.batch_alter_table("officer_absences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officer_absences_officer_id"), ["officer_id"], unique=False)
    with op.batch_alter_table("officer_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("how", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("ticket", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("sign_in_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("way", sa.String(), server_default="", nullable=False))
    op.create_table(
        "officer_deputies",
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("deputy_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_officer_deputies_officer_id_officers")),
        sa.ForeignKeyConstraint(["deputy_id"], ["officers.id"], name=op.f("fk_officer_deputies_deputy_id_officers")),
        sa.PrimaryKeyConstraint("officer_id", name=op.f("pk_officer_deputies")),
    )
    with op.batch_alter_table("officer_deputies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officer_deputies_deputy_id"), ["deputy_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("sign_in_links", schema=None) as batch_op:
        batch_op.drop_column("way")
    with op.batch_alter_table("officer_sessions", schema=None) as batch_op:
        batch_op.drop_column("ticket")
        batch_op.drop_column("how")
    for name in (
        "officer_deputies", "officer_absences", "sign_in_failures", "officer_identities", "recovery_codes",
        "officer_credentials",
    ):  # fmt: skip
        op.drop_table(name)
