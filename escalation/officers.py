"""The people who answer: officers, their deputies, and the councils that each looks after."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select


class Officer(SQLModel, table=True):
    """Someone who may answer tickets; `address_id` is where notices go."""

    __tablename__ = "officers"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    role: str = "officer"  # officer | deputy | administrator | reader
    address_id: int = Field(foreign_key="addresses.id", unique=True)
    active: bool = True
    created_at: datetime


class OfficerCouncil(SQLModel, table=True):
    """Which councils an officer looks after; none means all."""

    __tablename__ = "officer_councils"
    officer_id: int = Field(foreign_key="officers.id", primary_key=True)
    council_id: int = Field(foreign_key="councils.id", primary_key=True)


def at(session: Session, address_id: int) -> Officer | None:
    """The active officer who writes from this address."""
    return session.exec(select(Officer).where(Officer.address_id == address_id, col(Officer.active).is_(True))).first()


def to_notify(session: Session, council_id: int | None) -> list[Officer]:
    """Who hears of a question: the council's officers, and those who look after all."""
    found = session.exec(
        select(Officer)
        .where(col(Officer.active).is_(True), col(Officer.role).in_(("officer", "deputy", "administrator")))
        .order_by(col(Officer.id))
    ).all()
    everywhere = [o for o in found if not _councils(session, o)]
    theirs = [o for o in found if council_id is not None and council_id in _councils(session, o)]
    return theirs or everywhere or list(found)


def _councils(session: Session, officer: Officer) -> set[int]:
    rows = session.exec(select(OfficerCouncil.council_id).where(OfficerCouncil.officer_id == officer.id))
    return set(rows.all())
