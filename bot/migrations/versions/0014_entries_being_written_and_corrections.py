"""Entries being written, files to bring in, and corrections of what was wrong"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entry_drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("corrects", sa.Boolean(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_entry_drafts_entry_id_entries")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_entry_drafts_officer_id_officers")),
        sa.ForeignKeyConstraint(["reader_id"], ["officers.id"], name=op.f("fk_entry_drafts_reader_id_officers")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_entry_drafts_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_drafts")),
    )
    with op.batch_alter_table("entry_drafts", schema=None) as batch_op:
        for column in ("officer_id", "slug", "state", "ticket_id"):
            batch_op.create_index(batch_op.f(f"ix_entry_drafts_{column}"), [column], unique=False)

    op.create_table(
        "entry_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_entry_imports_officer_id_officers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_imports")),
    )
    with op.batch_alter_table("entry_imports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entry_imports_officer_id"), ["officer_id"], unique=False)

    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("posted", sa.Integer(), nullable=False),
        sa.Column("silent", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("fk_corrections_entry_id_entries")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_corrections_officer_id_officers")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["entry_versions.id"], name=op.f("fk_corrections_version_id_entry_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("version_id", name=op.f("uq_corrections_version_id")),
    )
    with op.batch_alter_table("corrections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_corrections_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_corrections_state"), ["state"], unique=False)


def downgrade() -> None:
    op.drop_table("corrections")
    op.drop_table("entry_imports")
    op.drop_table("entry_drafts")
