"""What surrounds an answer: who is at it, drafts, notes among colleagues, and answers that are ready to be sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from escalation.officers import Officer
from escalation.partners import PartnerReply, PartnerRequest
from escalation.tickets import Ticket

LOOKING = timedelta(seconds=90)  # an open page says every 30 seconds that it is open
TAKEN = timedelta(hours=8)  # « Je m'en occupe »
UNDO = timedelta(minutes=2)  # an answer can be taken back for so long


class TicketClaim(SQLModel, table=True):
    """That someone is at a ticket: seen by the others, never in their way, and over by itself."""

    __tablename__ = "ticket_claims"
    ticket_id: int = Field(foreign_key="tickets.id", primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", primary_key=True)
    taken: bool = False  # by a click, rather than by looking
    begun_at: datetime
    lapses_at: datetime


class TicketDraft(SQLModel, table=True):
    """What an officer has begun to write, kept by itself."""

    __tablename__ = "ticket_drafts"
    ticket_id: int = Field(foreign_key="tickets.id", primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", primary_key=True)
    text: str
    saved_at: datetime


class TicketNote(SQLModel, table=True):
    """A note among colleagues; never sent."""

    __tablename__ = "ticket_notes"
    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    author: str
    text: str
    written_at: datetime


class CannedReply(SQLModel, table=True):
    """An answer that is written once and sent often."""

    __tablename__ = "canned_replies"
    id: int | None = Field(default=None, primary_key=True)
    title: str
    text: str
    author: str
    changed_at: datetime


@dataclass(frozen=True)
class Holder:
    """Who is at a ticket, and whether they said that they take it."""

    officer_id: int
    name: str
    taken: bool


def claim(session: Session, ticket_id: int, officer_id: int, now: datetime, *, taken: bool = False) -> None:
    """Say that this officer is at it; said again, it goes on."""
    row = session.get(TicketClaim, (ticket_id, officer_id))
    lapses = now + (TAKEN if taken else LOOKING)
    if row is None:
        session.add(
            TicketClaim(ticket_id=ticket_id, officer_id=officer_id, taken=taken, begun_at=now, lapses_at=lapses)
        )
        return
    if row.lapses_at <= now:
        row.taken, row.begun_at = False, now
    row.taken = row.taken or taken
    row.lapses_at = max(row.lapses_at, lapses) if row.taken else lapses
    session.add(row)


def release(session: Session, ticket_id: int, officer_id: int | None = None) -> None:
    """This officer, or everybody, is no longer at it."""
    gone = sa.delete(TicketClaim).where(col(TicketClaim.ticket_id) == ticket_id)
    session.execute(gone if officer_id is None else gone.where(col(TicketClaim.officer_id) == officer_id))


def holders(session: Session, ticket_ids: Collection[int], now: datetime) -> Mapping[int, tuple[Holder, ...]]:
    """Who is at each of these, those who took it first."""
    rows = session.execute(
        sa.select(col(TicketClaim.ticket_id), col(TicketClaim.officer_id), col(Officer.name), col(TicketClaim.taken))
        .join(Officer, col(Officer.id) == col(TicketClaim.officer_id))
        .where(col(TicketClaim.ticket_id).in_(ticket_ids), col(TicketClaim.lapses_at) > now)
        .order_by(col(TicketClaim.taken).desc(), col(TicketClaim.begun_at))
    ).all()
    found: dict[int, tuple[Holder, ...]] = {}
    for ticket_id, officer_id, name, taken in rows:
        found[ticket_id] = (*found.get(ticket_id, ()), Holder(officer_id, name, taken))
    return found


def save_draft(session: Session, ticket_id: int, officer_id: int, text: str, now: datetime) -> None:
    """Keep what is being written; nothing left of it is nothing kept.

    The page keeps it by itself while its form may be on its way: two of them at once are no error, the later one stays.
    """
    key = {"ticket_id": ticket_id, "officer_id": officer_id}
    for row in [each for each in session if isinstance(each, TicketDraft)]:
        session.expire(row)  # to be read anew
    table = TicketDraft.__table__  # type: ignore[attr-defined]
    connection = session.connection()
    if not text.strip():
        connection.execute(sa.delete(table).filter_by(**key))
        return
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[connection.dialect.name]
    new = {"text": text, "saved_at": now}
    insert = dialect.insert(table).values(**key, **new)
    connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=new))


def draft(session: Session, ticket_id: int, officer_id: int) -> TicketDraft | None:
    return session.get(TicketDraft, (ticket_id, officer_id))


def notes(session: Session, ticket_id: int) -> Sequence[TicketNote]:
    return session.exec(select(TicketNote).where(TicketNote.ticket_id == ticket_id).order_by(col(TicketNote.id))).all()


def canned(session: Session) -> Sequence[CannedReply]:
    return session.exec(select(CannedReply).order_by(col(CannedReply.title))).all()


def forget_claims(session: Session, now: datetime) -> None:
    """Claims that are over."""
    session.execute(sa.delete(TicketClaim).where(col(TicketClaim.lapses_at) < now - timedelta(days=1)))


def forget_words(session: Session, tickets: "Sequence[int] | sa.Select[Any]", erased: str) -> None:
    """Take out what was written around these tickets: notes, drafts, what partners were told and said."""
    requests = sa.select(col(PartnerRequest.id)).where(col(PartnerRequest.ticket_id).in_(tickets))
    for statement in (
        sa.delete(TicketNote).where(col(TicketNote.ticket_id).in_(tickets)),
        sa.delete(TicketDraft).where(col(TicketDraft.ticket_id).in_(tickets)),
        sa.update(PartnerReply).where(col(PartnerReply.request_id).in_(requests)).values(text=erased, note=""),
        sa.update(PartnerRequest).where(col(PartnerRequest.ticket_id).in_(tickets)).values(text=erased, state="closed"),
        sa.update(Ticket).where(col(Ticket.id).in_(tickets)).values(folded=""),
    ):
        session.execute(statement)


def mails_of_partners(tickets: "sa.Select[Any]") -> "sa.Select[Any]":
    """The inbox ids of what partners wrote about these tickets."""
    requests = sa.select(col(PartnerRequest.id)).where(col(PartnerRequest.ticket_id).in_(tickets))
    return sa.select(col(PartnerReply.inbox_id)).where(col(PartnerReply.request_id).in_(requests))
