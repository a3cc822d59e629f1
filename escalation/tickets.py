"""A ticket: opened by a question that the base does not surely answer, closed by a person's answer."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

MOST_FOLDED = 8000  # characters of a ticket that a search looks through


def fold(text: str) -> str:
    """Lower case, no accents, single spaces: what a search compares."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("œ", "oe"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


ABOUT_MEETINGS = ("question", "preparation", "human")  # kinds that may be asked about a meeting


class Ticket(SQLModel, table=True):
    """A question that waits for a person. open -> answered -> closed; answered -> open when it is asked again."""

    __tablename__ = "tickets"
    __table_args__ = (
        sa.Index(
            "ix_tickets_urgent",
            "promised_at",
            "id",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index("ix_tickets_settled", "state", "answered_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)  # where it was asked is where it is answered
    committee_id: int | None = Field(default=None, foreign_key="committees.id", index=True)  # the meeting it is about
    kind: str = "question"  # question | to-sort | undelivered | call
    question: str
    subject: str = ""
    thread: str = ""
    why: str = ""  # what the matcher thought, in words for the officer
    candidates: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    state: str = Field(default="open", index=True)
    opened_at: datetime
    promised_at: datetime
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    closed_reason: str = ""
    folded: str = ""  # what a search looks through
    theme: str = ""  # the kind of the nearest entry
    urgent: bool = False  # someone seems to be in danger
    warned: int = 0  # how far its deadline was told: 1 it comes near, 2 it is over, 3 the administrator knows


class TicketReply(SQLModel, table=True):
    """What a person answered, or wrote and must still confirm. draft -> sent, or dropped."""

    __tablename__ = "ticket_replies"
    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    text: str
    author: str
    state: str = "sent"  # draft | sent | dropped
    reason: str = ""  # why it is a draft
    inbox_id: int | None = Field(default=None, foreign_key="inbox.id")
    written_at: datetime
    due_at: datetime | None = Field(default=None, index=True)  # until then it can be taken back
    once: str | None = Field(default=None, unique=True)  # of the form that it was sent by: sent twice, it goes once


class TicketMessage(SQLModel, table=True):
    """What the asker added after the question."""

    __tablename__ = "ticket_messages"
    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    text: str
    heard_at: datetime


def open_ticket(session: Session, ticket: Ticket) -> Ticket:
    ticket.folded = fold(f"{ticket.subject} {ticket.question}")[:MOST_FOLDED]
    session.add(ticket)
    session.flush()
    return ticket


def add_message(session: Session, ticket: Ticket, text: str, heard_at: datetime, *, reopen: bool) -> None:
    """Something more from the asker; reopens an answered ticket where that is asked for."""
    assert ticket.id is not None
    session.add(TicketMessage(ticket_id=ticket.id, text=text, heard_at=heard_at))
    ticket.folded = f"{ticket.folded} {fold(text)}"[:MOST_FOLDED]
    if reopen and ticket.state != "open":
        ticket.state = "open"
    session.add(ticket)


def add_reply(
    session: Session,
    ticket: Ticket,
    text: str,
    author: str,
    now: datetime,
    inbox_id: int | None,
    due_at: datetime | None = None,
    once: str | None = None,
) -> TicketReply:
    """A person's answer, on its way: the ticket is answered."""
    assert ticket.id is not None
    reply = TicketReply(
        ticket_id=ticket.id, text=text, author=author, written_at=now, inbox_id=inbox_id, due_at=due_at, once=once
    )
    session.add(reply)
    ticket.state, ticket.answered_at = "answered", now
    session.add(ticket)
    session.flush()
    return reply


def add_draft(
    session: Session, ticket: Ticket, text: str, author: str, reason: str, now: datetime, inbox_id: int | None
) -> TicketReply:
    """An answer that someone must confirm before it goes."""
    assert ticket.id is not None
    draft = TicketReply(
        ticket_id=ticket.id, text=text, author=author, state="draft", reason=reason, written_at=now, inbox_id=inbox_id
    )
    session.add(draft)
    session.flush()
    return draft


def newest_draft(session: Session, ticket_id: int) -> TicketReply | None:
    return session.exec(
        select(TicketReply)
        .where(TicketReply.ticket_id == ticket_id, TicketReply.state == "draft")
        .order_by(col(TicketReply.id).desc())
    ).first()


def confirm(session: Session, ticket: Ticket, draft: TicketReply, now: datetime) -> None:
    draft.state = "sent"
    ticket.state, ticket.answered_at = "answered", now
    session.add(draft)
    session.add(ticket)


def close(session: Session, ticket: Ticket, reason: str, now: datetime) -> None:
    ticket.state, ticket.closed_at, ticket.closed_reason = "closed", now, reason
    session.add(ticket)


def for_a_meeting() -> Any:
    """0 for what is asked about a meeting, which comes first, 1 for the rest: to order by."""
    asked = sa.and_(col(Ticket.committee_id).is_not(None), col(Ticket.kind).in_(ABOUT_MEETINGS))
    return sa.case((asked, 0), else_=1)


def listed(session: Session, state: str | None = "open", limit: int = 200) -> list[Ticket]:
    """Tickets by what is urgent: danger, then what is about a meeting, then the promise that ends first."""
    query = (
        select(Ticket)
        .order_by(col(Ticket.urgent).desc(), for_a_meeting(), col(Ticket.promised_at), col(Ticket.id))
        .limit(limit)
    )
    return list(session.exec(query if state is None else query.where(Ticket.state == state)).all())


def replies(session: Session, ticket_id: int) -> list[TicketReply]:
    return list(
        session.exec(select(TicketReply).where(TicketReply.ticket_id == ticket_id).order_by(col(TicketReply.id))).all()
    )


def messages(session: Session, ticket_id: int) -> list[TicketMessage]:
    return list(
        session.exec(
            select(TicketMessage).where(TicketMessage.ticket_id == ticket_id).order_by(col(TicketMessage.id))
        ).all()
    )


def latest(session: Session, address_id: int, since: datetime) -> tuple[Ticket | None, Ticket | None]:
    """The newest open ticket of this asker, and the one that a person answered last, if that was from `since` on."""
    found = session.scalars(_latest(), {"who": address_id, "since": since}).all()
    answered = [each for each in found if each.state == "answered" and each.answered_at]
    return (
        next((each for each in found if each.state == "open"), None),
        max(answered, key=lambda each: each.answered_at or since, default=None),
    )


@cache  # asked at every message: building it costs more than running it
def _latest() -> Any:
    return (
        select(Ticket)
        .where(
            col(Ticket.address_id) == sa.bindparam("who"),
            sa.or_(
                col(Ticket.state) == "open",
                sa.and_(col(Ticket.state) == "answered", col(Ticket.answered_at) >= sa.bindparam("since")),
            ),
        )
        .order_by(col(Ticket.id).desc())
    )


def sent_by(session: Session, once: str) -> TicketReply | None:
    """The answer that this form sent already."""
    return session.exec(select(TicketReply).where(TicketReply.once == once)).first() if once else None


def recallable(
    session: Session, now: datetime, author: str = "", ticket_id: int | None = None
) -> Sequence[TicketReply]:
    """Answers that can still be taken back, the newest first."""
    query = select(TicketReply).where(TicketReply.state == "sent", col(TicketReply.due_at) > now)
    if author:
        query = query.where(TicketReply.author == author)
    if ticket_id is not None:
        query = query.where(TicketReply.ticket_id == ticket_id)
    return session.exec(query.order_by(col(TicketReply.id).desc()).limit(20)).all()


def take_back(session: Session, ticket: Ticket, reply: TicketReply) -> None:
    """The answer did not go: the ticket waits again, unless another answer stands."""
    reply.state = "dropped"
    session.add(reply)
    session.flush()
    others = session.exec(
        select(TicketReply)
        .where(TicketReply.ticket_id == ticket.id, TicketReply.state == "sent")
        .order_by(col(TicketReply.id).desc())
    ).first()
    if others is None:
        ticket.state, ticket.answered_at = "open", None
    else:
        ticket.answered_at = others.written_at
    session.add(ticket)
