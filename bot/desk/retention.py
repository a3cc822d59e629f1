"""What is forgotten by itself: whatever was kept long enough loses its words; figures stay."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from bot import audit
from bot.audit import AuditLine, AuditText
from bot.conversations import Question
from bot.desk import erasing, files
from bot.desk.erasing import ERASED
from bot.desk.turns import FOLLOW_UP
from bot.office import Office
from channels import attachments
from channels.directory import AddressRow
from channels.mailbox import TROUBLED_OUT, AttachmentRow, InboxRow, OutboxRow
from escalation import answering
from escalation.officers import Officer
from escalation.tickets import Ticket, TicketMessage, TicketReply
from scheduler.attendance import Attendance, CallNote

AUTOMATIC_KEPT = timedelta(days=30)  # what the program answered, after it did
ESCALATED_KEPT = timedelta(days=365)  # what a person answered, after it was closed or answered
CONTACT_KEPT = timedelta(days=365)  # an address, since it last wrote
READ, GONE = ("handled", "dropped"), ("sent", "delivered", "dropped")  # in, out; what stopped stays for the year


def _due(now: datetime) -> dict[str, "sa.Select[Any]"]:
    """The ids of what has been kept long enough at this moment, by kind."""
    old, older = now - AUTOMATIC_KEPT, now - ESCALATED_KEPT
    questions = sa.select(col(Question.id)).where(
        col(Question.text) != ERASED,
        sa.or_(
            sa.and_(col(Question.ticket_id).is_(None), col(Question.asked_at) < old), col(Question.asked_at) < older
        ),
    )
    with_ticket = sa.select(col(Ticket.address_id)).where(col(Ticket.state) != "closed")
    inbox = sa.select(col(InboxRow.id)).where(
        col(InboxRow.state).in_((*READ, "held")),
        col(InboxRow.text) != ERASED,
        sa.or_(
            sa.and_(
                col(InboxRow.received_at) < old,
                col(InboxRow.address_id).not_in(with_ticket),
                col(InboxRow.state).in_(READ),
            ),
            col(InboxRow.received_at) < older,
        ),
    )
    outbox = sa.select(col(OutboxRow.id)).where(
        col(OutboxRow.state).in_((*GONE, *TROUBLED_OUT)),
        col(OutboxRow.text) != ERASED,
        sa.or_(
            sa.and_(
                col(OutboxRow.created_at) < old, col(OutboxRow.ticket_id).is_(None), col(OutboxRow.state).in_(GONE)
            ),
            col(OutboxRow.created_at) < older,
        ),
    )
    tickets = sa.select(col(Ticket.id)).where(
        col(Ticket.question) != ERASED,
        col(Ticket.state) != "open",
        sa.func.coalesce(col(Ticket.closed_at), col(Ticket.answered_at)) < older,
    )
    return {"questions": questions, "inbox": inbox, "outbox": outbox, "tickets": tickets}


def due(session: Session, now: datetime) -> dict[str, int]:
    """How many of each kind have been kept long enough; nothing is changed."""
    counts = {
        name: int(session.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())
        for name, query in _due(now).items()
    }
    counts["addresses"] = int(
        session.execute(sa.select(sa.func.count()).select_from(_silent(now).subquery())).scalar_one()
    )
    return counts


def purge(session: Session, now: datetime, limit: int = 200) -> dict[str, int]:
    """What has been kept long enough loses its words, `limit` rows of a kind at most; how many of each."""
    older = now - ESCALATED_KEPT
    found = _due(now)
    questions, inbox, outbox, tickets = (found[name] for name in ("questions", "inbox", "outbox", "tickets"))
    counts = {}
    for name, table, due, values in (
        ("questions", Question, questions, {"text": ERASED}),
        ("inbox", InboxRow, inbox, {"text": ERASED, "subject": "", "thread": "", "warnings": [], "reason": ""}),
        ("outbox", OutboxRow, outbox, erasing.SAID),
    ):
        ids = list(session.execute(due.limit(limit)).scalars())
        session.execute(sa.update(table).where(col(table.id).in_(ids)).values(**values))
        if table is InboxRow:
            session.execute(
                sa.delete(AttachmentRow).where(
                    col(AttachmentRow.inbox_id).in_(ids), col(AttachmentRow.ticket_id).is_(None)
                )
            )
        if table is OutboxRow:
            attachments.detach(session, ids)
        counts[name] = len(ids)
    ids = list(session.execute(tickets.limit(limit)).scalars())
    erasing.forget_begun(session, ids)
    session.execute(sa.update(TicketMessage).where(col(TicketMessage.ticket_id).in_(ids)).values(text=ERASED))
    session.execute(sa.update(TicketReply).where(col(TicketReply.ticket_id).in_(ids)).values(text=ERASED, reason=""))
    answering.forget_words(session, ids, ERASED)
    session.execute(
        sa.update(Ticket).where(col(Ticket.id).in_(ids)).values(question=ERASED, subject="", why="", state="closed")
    )
    session.execute(sa.delete(AttachmentRow).where(col(AttachmentRow.ticket_id).in_(ids)))
    counts["tickets"] = len(ids)
    carried = sa.select(col(OutboxRow.id)).where(  # a copy in a notice need not stay as long as its words
        col(OutboxRow.files) > 0,
        col(OutboxRow.state).in_(GONE),
        col(OutboxRow.created_at) < now - AUTOMATIC_KEPT,
    )
    session.execute(sa.update(CallNote).where(col(CallNote.noted_at) < older, col(CallNote.text) != "").values(text=""))
    session.execute(
        sa.update(Attendance)
        .where(col(Attendance.said_at) < older, col(Attendance.alternate) != "")
        .values(alternate="")
    )
    trail = (
        sa.select(col(AuditText.line_id))
        .join(AuditLine, col(AuditLine.id) == col(AuditText.line_id))
        .where(col(AuditLine.at) < older)
    )
    ids = list(session.execute(trail.limit(limit)).scalars())
    session.execute(sa.delete(AuditText).where(col(AuditText.line_id).in_(ids)))
    counts["trail"] = len(ids)
    counts["follow-ups"] = files.let_go(session, now - FOLLOW_UP, limit)
    ids = list(session.execute(carried.limit(limit)).scalars())
    attachments.detach(session, ids)
    session.execute(sa.update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(files=0))
    counts["files"] = attachments.sweep(session, limit)
    if any(counts.values()):
        told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        audit.append(session, now, "program", "purged", "retention", text=told)
    return counts


def _silent(now: datetime) -> "sa.Select[Any]":
    """Addresses of nobody that we know, silent for a year."""
    last = sa.func.coalesce(col(AddressRow.last_heard_at), col(AddressRow.created_at))
    open_tickets = sa.select(col(Ticket.address_id)).where(col(Ticket.state) == "open")
    return sa.select(col(AddressRow.id)).where(
        last < now - CONTACT_KEPT,
        col(AddressRow.person_id).is_(None),
        col(AddressRow.sealed) != b"",
        col(AddressRow.id).not_in(open_tickets),
        col(AddressRow.id).not_in(sa.select(col(Officer.address_id))),
    )


def forget_silent(session: Session, office: Office, now: datetime, limit: int = 20) -> int:
    """Those are erased whole; how many."""
    found = list(session.execute(_silent(now).limit(limit)).scalars())
    for address_id in found:
        erasing.erase(session, office, address_id, now)
    return len(found)
