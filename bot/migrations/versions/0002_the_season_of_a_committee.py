"""The season of a committee"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "committee_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committee_files")),
        sa.UniqueConstraint("digest", name=op.f("uq_committee_files_digest")),
    )
    op.create_table(
        "committee_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rrule", sa.String(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("made_until", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committee_series")),
    )
    op.create_table(
        "plan_steps",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("working_day", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("edited_by", sa.String(), nullable=False),
        sa.Column("edited_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "step", name=op.f("pk_plan_steps")),
    )
    op.create_table(
        "seat_places",
        sa.Column("council_id", sa.Integer(), nullable=False),
        sa.Column("committee_kind", sa.String(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_seat_places_council_id_councils")),
        sa.PrimaryKeyConstraint("council_id", "committee_kind", name=op.f("pk_seat_places")),
    )
    op.create_table(
        "feeds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("read_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_feeds_council_id_councils")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_feeds_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("council_id", name=op.f("uq_feeds_council_id")),
        sa.UniqueConstraint("person_id", name=op.f("uq_feeds_person_id")),
    )
    op.create_table(
        "agenda_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("received", sa.String(), nullable=False),
        sa.Column("plain", sa.String(), nullable=False),
        sa.Column("edited_by", sa.String(), nullable=False),
        sa.Column("edited_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_agenda_items_committee_id_committees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_items")),
    )
    with op.batch_alter_table("agenda_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agenda_items_committee_id"), ["committee_id"], unique=False)

    op.create_table(
        "call_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_call_notes_committee_id_committees")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_call_notes_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_notes")),
    )
    with op.batch_alter_table("call_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_notes_committee_id"), ["committee_id"], unique=False)

    op.create_table(
        "committee_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("reported_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_committee_decisions_committee_id_committees")
        ),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_committee_decisions_council_id_councils")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_committee_decisions_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committee_decisions")),
    )
    with op.batch_alter_table("committee_decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_committee_decisions_committee_id"), ["committee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_committee_decisions_council_id"), ["council_id"], unique=False)

    op.create_table(
        "committee_documents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_committee_documents_committee_id_committees")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["committee_files.id"], name=op.f("fk_committee_documents_file_id_committee_files")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committee_documents")),
    )
    with op.batch_alter_table("committee_documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_committee_documents_committee_id"), ["committee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_committee_documents_file_id"), ["file_id"], unique=False)

    op.create_table(
        "committee_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_committee_steps_committee_id_committees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committee_steps")),
        sa.UniqueConstraint(
            "committee_id", "revision", "step", name=op.f("uq_committee_steps_committee_id_revision_step")
        ),
    )
    with op.batch_alter_table("committee_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_committee_steps_committee_id"), ["committee_id"], unique=False)
        batch_op.create_index(
            "ix_committee_steps_waiting",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "preparation_dates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_preparation_dates_committee_id_committees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preparation_dates")),
        sa.UniqueConstraint("committee_id", "number", name=op.f("uq_preparation_dates_committee_id_number")),
    )
    with op.batch_alter_table("preparation_dates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_preparation_dates_committee_id"), ["committee_id"], unique=False)

    op.create_table(
        "preparation_views",
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("served", sa.String(), nullable=False),
        sa.Column("said_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_preparation_views_committee_id_committees")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_preparation_views_council_id_councils")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_preparation_views_person_id_people")),
        sa.PrimaryKeyConstraint("committee_id", "person_id", name=op.f("pk_preparation_views")),
    )
    with op.batch_alter_table("preparation_views", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_preparation_views_council_id"), ["council_id"], unique=False)

    op.create_table(
        "preparations",
        sa.Column("committee_id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("fixed_at", UTCDateTime(), nullable=True),
        sa.Column("notes", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["committee_id"], ["committees.id"], name=op.f("fk_preparations_committee_id_committees")
        ),
        sa.ForeignKeyConstraint(["meeting_id"], ["committees.id"], name=op.f("fk_preparations_meeting_id_committees")),
        sa.PrimaryKeyConstraint("committee_id", name=op.f("pk_preparations")),
    )
    with op.batch_alter_table("preparations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_preparations_meeting_id"), ["meeting_id"], unique=False)

    op.create_table(
        "preparation_votes",
        sa.Column("date_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("said_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["date_id"], ["preparation_dates.id"], name=op.f("fk_preparation_votes_date_id_preparation_dates")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_preparation_votes_person_id_people")),
        sa.PrimaryKeyConstraint("date_id", "person_id", name=op.f("pk_preparation_votes")),
    )
    with op.batch_alter_table("attendances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alternate", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("alternate_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("ticket_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("came", sa.Boolean(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_attendances_ticket_id_tickets"), "tickets", ["ticket_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_attendances_alternate_id_people"), "people", ["alternate_id"], ["id"]
        )

    with op.batch_alter_table("committee_councils", schema=None) as batch_op:
        batch_op.add_column(sa.Column("invited_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("agenda_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("noted_by", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("committees", schema=None) as batch_op:
        batch_op.add_column(sa.Column("directions", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("accessibility", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("online", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("organiser", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("organiser_address_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("series_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_committees_series_id"), ["series_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_committees_organiser_address_id_addresses"), "addresses", ["organiser_address_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_committees_series_id_committee_series"), "committee_series", ["series_id"], ["id"]
        )

    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("call", sa.String(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_reminders_outbox_key"), ["outbox_key"], unique=False)
