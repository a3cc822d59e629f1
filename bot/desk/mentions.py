"""Someone's name or address in what the program and the team wrote of them: taken out, wherever it stands."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.audit import AuditText
from channels.mailbox import OutboxRow
from escalation.answering import TicketNote
from escalation.tickets import Ticket, fold
from scheduler.agenda import Decision
from scheduler.attendance import CallNote
from scheduler.committees import Committee
from scheduler.preparation import Preparation

OURS = ("reminder", "to-sort", "undelivered", "call")  # tickets whose words are the program's or an officer's
PLACES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (OutboxRow, ("text", "rest", "subject", "reason")),
    (TicketNote, ("text",)),
    (CallNote, ("text",)),
    (Decision, ("text",)),
    (Preparation, ("notes",)),
    (Committee, ("organiser",)),
)


def strike(session: Session, words: str, instead: str) -> None:
    """Put `instead` in place of these words. What other people wrote themselves is theirs, and left alone."""
    for table, names in PLACES:
        columns = [table.__table__.c[name] for name in names]
        found = sa.or_(*(column.contains(words, autoescape=True) for column in columns))
        for row in session.exec(select(table).where(found)).all():
            for name in names:
                setattr(row, name, getattr(row, name).replace(words, instead))
            if isinstance(row, OutboxRow):
                row.filled = {key: value.replace(words, instead) for key, value in row.filled.items()}
            session.add(row)
    _tickets(session, words, instead)
    session.flush()
    # The trail's words are proven by a mark: they cannot be changed, only taken away.
    session.execute(sa.delete(AuditText).where(col(AuditText.text).contains(words, autoescape=True)))


def _tickets(session: Session, words: str, instead: str) -> None:
    """Tickets that the program or an officer worded, and what is said of why any was opened."""
    worded = col(Ticket.question).contains(words, autoescape=True) & col(Ticket.kind).in_(OURS)
    for ticket in session.exec(select(Ticket).where(worded | col(Ticket.why).contains(words, autoescape=True))).all():
        ticket.why = ticket.why.replace(words, instead)
        if ticket.kind in OURS:
            ticket.question = ticket.question.replace(words, instead)
            ticket.folded = ticket.folded.replace(fold(words), "")
        session.add(ticket)
