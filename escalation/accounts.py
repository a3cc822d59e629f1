"""Who is signed in at the desk: sessions and one-time links; only marks of secrets are kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from escalation import officers
from escalation.officers import Officer

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
    how: str = Field(default="", sa_column_kwargs={"server_default": ""})  # link | password | provider
    ticket: bytes | None = None  # the identity provider's token, sealed: what its own signing out asks for


class SignInLink(SQLModel, table=True):
    """A one-time link sent to an officer's address."""

    __tablename__ = "sign_in_links"
    mark: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    sent_at: datetime
    lapses_at: datetime
    used_at: datetime | None = None
    way: str = Field(default="", sa_column_kwargs={"server_default": ""})  # the page that was asked for


class Credential(SQLModel, table=True):
    """What an officer signs in with beside the link: a password, always with a code of six figures (RFC 6238)."""

    __tablename__ = "officer_credentials"
    officer_id: int = Field(foreign_key="officers.id", primary_key=True)
    password: str = ""  # argon2id; empty: none
    secret: bytes | None = None  # of the codes, sealed
    pending: bytes | None = None  # a secret that was shown and is not proven yet, sealed
    step: int = 0  # the last time step whose code was used: none is used twice
    changed_at: datetime


class RecoveryCode(SQLModel, table=True):
    """A code to use once when the telephone is lost; only its mark is kept."""

    __tablename__ = "recovery_codes"
    mark: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    used_at: datetime | None = None


class Identity(SQLModel, table=True):
    """An officer as an identity provider knows them."""

    __tablename__ = "officer_identities"
    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    linked_at: datetime


class Failure(SQLModel, table=True):
    """How often signing in failed for an account or from a network, by its mark, and until when it must wait."""

    __tablename__ = "sign_in_failures"
    mark: str = Field(primary_key=True)
    count: int
    last_at: datetime
    until: datetime


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


def open_session(
    session: Session, mark: str, officer_id: int, agent: str, now: datetime, how: str = "", ticket: bytes | None = None
) -> None:
    """A new session."""
    session.add(
        OfficerSession(
            mark=mark, officer_id=officer_id, begun_at=now, seen_at=now, agent=agent[:120], how=how, ticket=ticket
        )
    )


def who(session: Session, mark: str, now: datetime, today: date) -> Who | None:
    """Whose session this is; `over` when it lapsed within the last 12 hours; None when it is nobody's."""
    row = session.get(OfficerSession, mark)
    if row is None or row.begun_at <= now - 2 * ABSOLUTE:
        return None
    officer = session.get(Officer, row.officer_id)
    if officer is None or officer.id is None or not officer.active:
        return None
    over = row.ended_at is not None or row.seen_at <= now - IDLE or row.begun_at <= now - ABSOLUTE
    return Who(officer.id, officer.name, officer.role, _seen_by(session, officer, today), mark[:16], over)


def _seen_by(session: Session, officer: Officer, today: date) -> frozenset[int] | None:
    """The councils whose matters an officer sees: their own, and those of whoever they stand in for; None: all."""
    assert officer.id is not None
    if officer.role == "administrator":
        return None
    seen: set[int] = set()
    for each in (officer.id, *officers.standing_in_for(session, officer.id, today)):
        councils = officers.councils_of(session, each)
        if not councils:
            return None
        seen |= councils
    return frozenset(seen)


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


def use_link(session: Session, mark: str, now: datetime) -> tuple[int, str] | None:
    """Use a link, once and in time: the officer's id and the page that was asked for, or None."""
    found = session.execute(
        sa.update(SignInLink)
        .where(col(SignInLink.mark) == mark, col(SignInLink.used_at).is_(None), col(SignInLink.lapses_at) > now)
        .values(used_at=now)
        .returning(col(SignInLink.officer_id), col(SignInLink.way))
    ).one_or_none()
    return (found[0], found[1]) if found else None


def links_since(session: Session, officer_id: int, since: datetime) -> int:
    """How many links were sent to an officer since, used or not."""
    query = sa.select(sa.func.count()).where(col(SignInLink.officer_id) == officer_id, col(SignInLink.sent_at) > since)
    return int(session.execute(query).scalar_one())


def forget(session: Session, now: datetime) -> None:
    """Sessions, links and failures that are of no more use."""
    session.execute(sa.delete(OfficerSession).where(col(OfficerSession.begun_at) < now - timedelta(days=2)))
    session.execute(sa.delete(SignInLink).where(col(SignInLink.lapses_at) < now - timedelta(days=2)))
    session.execute(sa.delete(Failure).where(col(Failure.last_at) < now - timedelta(days=2)))


# --- how often one may try --------------------------------------------------------------------------------------------

FREE_TRIES = {"account": 3, "network": 10, "links": 30}  # before one must wait: an office may share one network
FIRST_WAIT = timedelta(seconds=5)  # doubled at each further failure
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)


def try_once(session: Session, tries: Mapping[str, str], now: datetime) -> datetime | None:
    """Count a try before it is looked at, so that many at once gain nothing; until when to wait, if one must.

    `tries`: the mark by kind (account, network). `went_well` takes the count back.
    """
    rows = {kind: session.get(Failure, mark, with_for_update=True) for kind, mark in tries.items()}
    waits = [row.until for row in rows.values() if row and row.until > now]
    if waits:
        return max(waits)
    for kind, row in rows.items():
        if row is None:
            row = Failure(mark=tries[kind], count=0, last_at=now, until=now)
        elif row.last_at < now - FORGOTTEN_AFTER:
            row.count = 0
        row.count += 1
        over = min(row.count - FREE_TRIES[kind], 20)
        row.last_at, row.until = now, now + min(FIRST_WAIT * 2**over, LONGEST_WAIT) if over >= 0 else now
        session.add(row)
    session.flush()
    return None


def go_on(session: Session, tries: Mapping[str, str]) -> None:
    """The first of two steps went well: the second need not wait for it; what failed before stays counted."""
    session.execute(sa.update(Failure).where(col(Failure.mark).in_(list(tries.values()))).values(until=Failure.last_at))


def went_well(session: Session, tries: Mapping[str, str], *more: str) -> None:
    """The account's failures (and those under `more`) are forgotten; the network's lose the one that was none."""
    session.execute(sa.delete(Failure).where(col(Failure.mark).in_((tries["account"], *more))))
    network = session.get(Failure, tries["network"])
    if network is not None:
        network.count, network.until = max(network.count - 1, 0), network.last_at
        session.add(network)


def sessions(session: Session, officer_id: int, now: datetime) -> list[OfficerSession]:
    """The sessions of an officer that are open, the newest first."""
    return list(
        session.exec(
            select(OfficerSession)
            .where(
                OfficerSession.officer_id == officer_id,
                col(OfficerSession.ended_at).is_(None),
                col(OfficerSession.seen_at) > now - IDLE,
                col(OfficerSession.begun_at) > now - ABSOLUTE,
            )
            .order_by(col(OfficerSession.begun_at).desc())
        ).all()
    )


def credential(session: Session, officer_id: int) -> Credential | None:
    return session.get(Credential, officer_id)


def use_step(session: Session, officer_id: int, step: int) -> bool:
    """Use a time step up; False when it was used before."""
    return (
        session.execute(
            sa.update(Credential)
            .where(col(Credential.officer_id) == officer_id, col(Credential.step) < step)
            .values(step=step)
            .returning(col(Credential.officer_id))
        ).scalar()
        is not None
    )


def use_recovery(session: Session, officer_id: int, mark: str, now: datetime) -> bool:
    """Use a recovery code, once."""
    return (
        session.execute(
            sa.update(RecoveryCode)
            .where(
                col(RecoveryCode.mark) == mark,
                col(RecoveryCode.officer_id) == officer_id,
                col(RecoveryCode.used_at).is_(None),
            )
            .values(used_at=now)
            .returning(col(RecoveryCode.mark))
        ).scalar()
        is not None
    )


def keep_recovery(session: Session, officer_id: int, marks: Collection[str]) -> None:
    """These recovery codes, and none of those before."""
    session.execute(sa.delete(RecoveryCode).where(col(RecoveryCode.officer_id) == officer_id))
    session.add_all(RecoveryCode(mark=each, officer_id=officer_id) for each in marks)


def recovery_left(session: Session, officer_id: int) -> int:
    query = sa.select(sa.func.count()).where(
        col(RecoveryCode.officer_id) == officer_id, col(RecoveryCode.used_at).is_(None)
    )
    return int(session.execute(query).scalar_one())


def known_as(session: Session, issuer: str, subject: str) -> int | None:
    """The officer whom an identity provider knows so."""
    found = session.get(Identity, (issuer, subject))
    return found.officer_id if found else None


def is_linked(session: Session, officer_id: int) -> bool:
    """Whether an identity provider knows this officer."""
    return session.exec(select(Identity.subject).where(Identity.officer_id == officer_id).limit(1)).first() is not None


def end_others(session: Session, officer_id: int, mark: str, now: datetime) -> None:
    """Signed out everywhere but here."""
    session.execute(
        sa.update(OfficerSession)
        .where(
            col(OfficerSession.officer_id) == officer_id,
            col(OfficerSession.mark) != mark,
            col(OfficerSession.ended_at).is_(None),
        )
        .values(ended_at=now)
    )
