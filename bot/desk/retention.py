"""What is forgotten by itself: whatever was kept long enough loses its words; figures stay."""

from collections.abc import Mapping
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
from escalation.officers import Officer, OfficerAddress
from escalation.tickets import Ticket, TicketMessage, TicketReply
from scheduler.attendance import Attendance, CallNote

AUTOMATIC_KEPT = timedelta(days=30)  # what the program answered, after it did
ESCALATED_KEPT = timedelta(days=365)  # what a person answered, after it was closed or answered
CONTACT_KEPT = timedelta(days=365)  # an address, since it last wrote
KINDS = {  # what is forgotten, in words, and how long it is kept
    "questions": ("Questions", "30 jours après une réponse automatique, 12 mois après une personne"),
    "inbox": ("Messages reçus", "30 jours, 12 mois avec une question transmise"),
    "outbox": ("Messages envoyés", "30 jours, 12 mois avec une question transmise"),
    "tickets": ("Questions transmises", "12 mois après la réponse"),
    "follow-ups": ("Fichiers reçus", "3 jours après une réponse automatique"),
    "files": ("Fichiers dans nos messages", "30 jours"),
    "calls": ("Notes d'appels", "12 mois"),
    "alternates": ("Noms de remplaçants", "12 mois"),
    "trail": ("Textes du journal", "12 mois"),
    "addresses": ("Adresses d'inconnus", "12 mois après leur dernier message"),
}
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
    calls = sa.select(col(CallNote.id)).where(col(CallNote.noted_at) < older, col(CallNote.text) != "")
    alternates = sa.select(col(Attendance.person_id)).where(
        col(Attendance.said_at) < older, col(Attendance.alternate) != ""
    )
    trail = (
        sa.select(col(AuditText.line_id))
        .join(AuditLine, col(AuditLine.id) == col(AuditText.line_id))
        .where(col(AuditLine.at) < older)
    )
    carried = sa.select(col(OutboxRow.id)).where(  # a copy in a notice need not stay as long as its words
        col(OutboxRow.files) > 0, col(OutboxRow.state).in_(GONE), col(OutboxRow.created_at) < old
    )
    return {
        "questions": questions, "inbox": inbox, "outbox": outbox, "tickets": tickets,
        "follow-ups": files.not_asked_about(now - FOLLOW_UP), "files": carried, "calls": calls,
        "alternates": alternates, "trail": trail,
    }  # fmt: skip


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
    for name in ("calls", "alternates"):
        counts[name] = int(session.execute(sa.select(sa.func.count()).select_from(found[name].subquery())).scalar_one())
    session.execute(sa.update(CallNote).where(col(CallNote.id).in_(found["calls"])).values(text=""))
    session.execute(
        sa.update(Attendance)
        .where(col(Attendance.said_at) < older, col(Attendance.alternate) != "")
        .values(alternate="")
    )
    ids = list(session.execute(found["trail"].limit(limit)).scalars())
    session.execute(sa.delete(AuditText).where(col(AuditText.line_id).in_(ids)))
    counts["trail"] = len(ids)
    counts["follow-ups"] = files.let_go(session, now - FOLLOW_UP, limit)
    ids = list(session.execute(found["files"].limit(limit)).scalars())
    attachments.detach(session, ids)
    session.execute(sa.update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(files=0))
    counts["files"] = attachments.sweep(session, limit)
    if any(counts.values()):
        told = in_words(counts)
        audit.append(session, now, "program", "purged", "retention", text=told)
    return counts


def in_words(counts: Mapping[str, int]) -> str:
    """« Questions : 3, Messages reçus : 5 »; what there is none of is left out."""
    return ", ".join(f"{KINDS[name][0]} : {count}" for name, count in counts.items() if count)


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
        col(AddressRow.id).not_in(sa.select(col(OfficerAddress.address_id))),
    )


def forget_silent(session: Session, office: Office, now: datetime, limit: int = 20) -> int:
    """Those are erased whole; how many."""
    found = list(session.execute(_silent(now).limit(limit)).scalars())
    for address_id in found:
        erasing.erase(session, office, address_id, now)
    return len(found)
