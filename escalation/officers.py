"""The people who answer: officers, their deputies, and the councils that each looks after."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
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


class OfficerAddress(SQLModel, table=True):
    """Another address of an officer, linked by a one-time code: notices go there too, and replies come from there."""

    __tablename__ = "officer_addresses"
    address_id: int = Field(foreign_key="addresses.id", primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    linked_at: datetime


class OfficerCode(SQLModel, table=True):
    """A one-time code by which an officer links another address; only its mark is kept."""

    __tablename__ = "officer_codes"
    mark: str = Field(primary_key=True)
    officer_id: int = Field(foreign_key="officers.id")
    lapses_at: datetime
    used_at: datetime | None = None


def at(session: Session, address_id: int) -> Officer | None:
    """The active officer who writes from this address."""
    return session.scalars(_at(), {"address": address_id}).first()


@cache  # asked of every message: building it costs more than running it
def _at() -> Any:
    linked = select(OfficerAddress.officer_id).where(OfficerAddress.address_id == sa.bindparam("address"))
    return select(Officer).where(
        (col(Officer.address_id) == sa.bindparam("address")) | col(Officer.id).in_(linked),
        col(Officer.active).is_(True),
    )


def addresses(session: Session, officer: Officer) -> list[int]:
    """Where an officer hears of things: the first address, then those that were linked."""
    linked = session.exec(
        select(OfficerAddress.address_id)
        .where(OfficerAddress.officer_id == officer.id)
        .order_by(col(OfficerAddress.address_id))
    )
    return [officer.address_id, *linked.all()]


def link(session: Session, mark: str, address_id: int, now: datetime) -> Officer | None:
    """Use a code from this address, once and in time; whose it was, or None."""
    code = session.get(OfficerCode, mark)
    if code is None or code.used_at is not None or code.lapses_at <= now:
        return None
    officer = session.get(Officer, code.officer_id)
    if officer is None or not officer.active:
        return None
    code.used_at = now
    session.add(code)
    if session.get(OfficerAddress, address_id) is None and officer.id is not None:
        session.add(OfficerAddress(address_id=address_id, officer_id=officer.id, linked_at=now))
    return officer


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
