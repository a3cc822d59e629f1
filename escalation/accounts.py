"""Who is signed in at the desk: sessions and one-time links; only marks of secrets are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from escalation.officers import Officer, OfficerCouncil

IDLE = timedelta(minutes=30)  # without a click, a session is over
ABSOLUTE = timedelta(hours=12)  # and after this anyway
LINK_FOR = timedelta(minutes=15)
READ, WORK, MANAGE = "read", "work", "manage"  # what a page asks of who opens it
ALLOWED = {
    "reader": frozenset({READ}),
    "officer": frozenset({READ, WORK}),
    "deputy": frozenset({READ, WORK}),
    "administrator": frozenset({READ, WORK, MANAGE}),
}


class OfficerSession(SQLModel, table=True):
    """One browser that an officer is signed in from; its cookie holds the secret, this row its mark."""

    __tablename__ = "officer_sessions"
    mark: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    begun_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    agent: str = ""  # the browser, in a few words


class SignInLink(SQLModel, table=True):
    """A one-time link sent to an officer's address."""

    __tablename__ = "sign_in_links"
    mark: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    sent_at: datetime
    lapses_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True)
class Who:
    """Who looks at a page of the desk, and what they may do there."""

    id: int
    name: str
    role: str
    councils: frozenset[int] | None  # those that they look after; None: all
    session: str  # tells one session from another, and opens none
    over: bool = False  # the session has lapsed: nothing may be done, but what was typed may be kept

    def may(self, what: str) -> bool:
        """Whether the role allows this: read, work or manage."""
        return not self.over and what in ALLOWED.get(self.role, frozenset())

    def sees(self, council_id: int | None) -> bool:
        """Whether something of this council is theirs to see; what has no council is everybody's."""
        return self.councils is None or council_id is None or council_id in self.councils


def open_session(session: Session, mark: str, officer_id: int, agent: str, now: datetime) -> None:
    """A new session."""
    session.add(OfficerSession(mark=mark, officer_id=officer_id, begun_at=now, seen_at=now, agent=agent[:120]))


def who(session: Session, mark: str, now: datetime) -> Who | None:
    """Whose session this is; `over` when it lapsed within the last 12 hours; None when it is nobody's."""
    row = session.get(OfficerSession, mark)
    if row is None or row.begun_at <= now - 2 * ABSOLUTE:
        return None
    officer = session.get(Officer, row.officer_id)
    if officer is None or officer.id is None or not officer.active:
        return None
    over = row.ended_at is not None or row.seen_at <= now - IDLE or row.begun_at <= now - ABSOLUTE
    councils = session.exec(select(OfficerCouncil.council_id).where(OfficerCouncil.officer_id == officer.id)).all()
    limited = frozenset(councils) if councils and officer.role != "administrator" else None
    return Who(officer.id, officer.name, officer.role, limited, mark[:16], over)


def seen(session: Session, mark: str, now: datetime) -> None:
    """A click: the session goes on."""
    session.execute(
        sa.update(OfficerSession)
        .where(col(OfficerSession.mark) == mark, col(OfficerSession.ended_at).is_(None))
        .values(seen_at=now)
    )


def end(session: Session, mark: str, now: datetime) -> None:
    """Signed out here."""
    session.execute(
        sa.update(OfficerSession)
        .where(col(OfficerSession.mark) == mark, col(OfficerSession.ended_at).is_(None))
        .values(ended_at=now)
    )


def end_all(session: Session, officer_id: int, now: datetime) -> int:
    """Signed out everywhere; how many sessions that were open."""
    ended = session.execute(
        sa.update(OfficerSession)
        .where(col(OfficerSession.officer_id) == officer_id, col(OfficerSession.ended_at).is_(None))
        .values(ended_at=now)
        .returning(col(OfficerSession.mark))
    )
    return len(ended.all())


def use_link(session: Session, mark: str, now: datetime) -> int | None:
    """Use a link, once and in time: the officer's id, or None."""
    return session.execute(
        sa.update(SignInLink)
        .where(col(SignInLink.mark) == mark, col(SignInLink.used_at).is_(None), col(SignInLink.lapses_at) > now)
        .values(used_at=now)
        .returning(col(SignInLink.officer_id))
    ).scalar()


def forget(session: Session, now: datetime) -> None:
    """Sessions and links that are of no more use."""
    session.execute(sa.delete(OfficerSession).where(col(OfficerSession.begun_at) < now - timedelta(days=2)))
    session.execute(sa.delete(SignInLink).where(col(SignInLink.lapses_at) < now - timedelta(days=2)))
