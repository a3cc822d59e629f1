"""What surrounds a question that waits for a person: who is at it, drafts, notes, partners; closures of the office"""

import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canned_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_replies")),
    )
    op.create_table(
        "office_closures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office_closures")),
    )
    with op.batch_alter_table("office_closures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_office_closures_first_day"), ["first_day"], unique=False)
        batch_op.create_index(batch_op.f("ix_office_closures_last_day"), ["last_day"], unique=False)

    op.create_table(
        "partner_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("address_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("reminded_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_partner_requests_address_id_addresses")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_partner_requests_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_requests")),
    )
    with op.batch_alter_table("partner_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_partner_requests_address_id"), ["address_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_partner_requests_ticket_id"), ["ticket_id"], unique=False)
        batch_op.create_index(
            "ix_partner_requests_waiting",
            ["asked_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "ticket_claims",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("lapses_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_ticket_claims_officer_id_officers")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_claims_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("ticket_id", "officer_id", name=op.f("pk_ticket_claims")),
    )
    op.create_table(
        "ticket_drafts",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("saved_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_ticket_drafts_officer_id_officers")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_drafts_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("ticket_id", "officer_id", name=op.f("pk_ticket_drafts")),
    )
    op.create_table(
        "ticket_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_notes_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_notes")),
    )
    with op.batch_alter_table("ticket_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_notes_ticket_id"), ["ticket_id"], unique=False)

    op.create_table(
        "partner_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("inbox_id", sa.Integer(), nullable=True),
        sa.Column("heard_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_partner_replies_inbox_id_inbox")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["partner_requests.id"], name=op.f("fk_partner_replies_request_id_partner_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_replies")),
    )
    with op.batch_alter_table("partner_replies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_partner_replies_request_id"), ["request_id"], unique=False)

    with op.batch_alter_table("ticket_replies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("once", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_ticket_replies_due_at"), ["due_at"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_ticket_replies_once"), ["once"])

    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folded", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("theme", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("warned", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index("ix_tickets_settled", ["state", "answered_at"], unique=False)
        batch_op.create_index(
            "ix_tickets_urgent",
            ["promised_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
    _fill()


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("œ", "oe"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def _fill() -> None:
    """What a search looks through, and the theme, of the tickets that are there already."""
    connection = op.get_bind()
    entries = sa.table("entries", sa.column("slug", sa.String), sa.column("kind", sa.String))
    tickets = sa.table(
        "tickets",
        sa.column("id", sa.Integer),
        sa.column("question", sa.String),
        sa.column("subject", sa.String),
        sa.column("candidates", sa.JSON),
        sa.column("folded", sa.String),
        sa.column("theme", sa.String),
    )
    kinds = {slug: kind for slug, kind in connection.execute(sa.select(entries.c.slug, entries.c.kind)).all()}  # noqa: C416
    last = 0
    while True:
        rows = connection.execute(
            sa.select(tickets.c.id, tickets.c.question, tickets.c.subject, tickets.c.candidates)
            .where(tickets.c.id > last)
            .order_by(tickets.c.id)
            .limit(500)
        ).all()
        for id, question, subject, candidates in rows:
            nearest = str(candidates[0].get("entry", "")) if candidates else ""
            connection.execute(
                sa.update(tickets)
                .where(tickets.c.id == id)
                .values(folded=_fold(f"{subject} {question}")[:8000], theme=kinds.get(nearest, ""))
            )
            last = id
        if not rows:
            return


def downgrade() -> None:
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.drop_index("ix_tickets_urgent")
        batch_op.drop_index("ix_tickets_settled")
        batch_op.drop_column("warned")
        batch_op.drop_column("urgent")
        batch_op.drop_column("theme")
        batch_op.drop_column("folded")

    with op.batch_alter_table("ticket_replies", schema=None) as batch_op:
        batch_op.drop_constraint("uq_ticket_replies_once", type_="unique")
        batch_op.drop_index("ix_ticket_replies_due_at")
        batch_op.drop_column("once")
        batch_op.drop_column("due_at")

    for table in (
        "partner_replies", "ticket_notes", "ticket_drafts", "ticket_claims", "partner_requests", "office_closures",
        "canned_replies",
    ):  # fmt: skip
        op.drop_table(table)
