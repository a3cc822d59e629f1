"""Partners who are asked: what was shared with whom, what they answered, and when they are reminded."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

WAITING, ANSWERED, CLOSED = "waiting", "answered", "closed"
REMIND_AFTER = timedelta(days=3)
REMINDERS = 2  # then it is for the officer to call


class PartnerRequest(SQLModel, table=True):
    """A question put to a partner by email. waiting -> answered, or closed when the ticket is."""

    __tablename__ = "partner_requests"
    __table_args__ = (
        sa.Index(
            "ix_partner_requests_waiting",
            "asked_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    name: str  # as the officer calls them
    text: str  # what was shared
    state: str = WAITING
    author: str
    asked_at: datetime
    reminders: int = 0
    reminded_at: datetime | None = None


class PartnerReply(SQLModel, table=True):
    """What a partner wrote back."""

    __tablename__ = "partner_replies"
    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="partner_requests.id", index=True)
    text: str
    note: str = ""  # what the officer should know of it: from another address, say
    inbox_id: int | None = Field(default=None, foreign_key="inbox.id")
    heard_at: datetime


def of_ticket(session: Session, ticket_id: int) -> Sequence[PartnerRequest]:
    return session.exec(
        select(PartnerRequest).where(PartnerRequest.ticket_id == ticket_id).order_by(col(PartnerRequest.id))
    ).all()


def replies(session: Session, request_ids: Collection[int]) -> Mapping[int, tuple[PartnerReply, ...]]:
    """What came back, by request, oldest first."""
    found: dict[int, tuple[PartnerReply, ...]] = {}
    for each in session.exec(
        select(PartnerReply).where(col(PartnerReply.request_id).in_(request_ids)).order_by(col(PartnerReply.id))
    ):
        found[each.request_id] = (*found.get(each.request_id, ()), each)
    return found


def awaited(session: Session, ticket_id: int) -> Sequence[PartnerRequest]:
    """Those whose answer is still awaited."""
    return [each for each in of_ticket(session, ticket_id) if each.state == WAITING]


def to_remind(session: Session, now: datetime, limit: int) -> Sequence[PartnerRequest]:
    """Those who have not answered for some days, since they were asked or last reminded."""
    since = sa.func.coalesce(col(PartnerRequest.reminded_at), col(PartnerRequest.asked_at))
    return session.exec(
        select(PartnerRequest)
        .where(
            sa.text("partner_requests.state = 'waiting'"),
            since <= now - REMIND_AFTER,
            PartnerRequest.reminders < REMINDERS,
        )
        .order_by(col(PartnerRequest.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def close_all(session: Session, ticket_id: int) -> None:
    """The ticket is dealt with: nobody is reminded any more."""
    session.execute(
        sa.update(PartnerRequest)
        .where(col(PartnerRequest.ticket_id) == ticket_id, col(PartnerRequest.state) == WAITING)
        .values(state=CLOSED)
    )
