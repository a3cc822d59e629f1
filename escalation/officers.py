"""The people who answer: officers, their deputies, and the councils that each looks after."""

from datetime import date, datetime, timedelta
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


class Deputy(SQLModel, table=True):
    """Who steps in for an officer who is away."""

    __tablename__ = "officer_deputies"
    officer_id: int = Field(foreign_key="officers.id", primary_key=True)
    deputy_id: int = Field(foreign_key="officers.id", index=True)


class Absence(SQLModel, table=True):
    """Days on which an officer does not answer; their deputy hears of questions in their place."""

    __tablename__ = "officer_absences"
    id: int | None = Field(default=None, primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    first: date
    last: date  # the last day away, itself included
    noted_at: datetime


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


def to_notify(session: Session, council_id: int | None, today: date) -> list[Officer]:
    """Who hears of a question today: the council's officers, else those who look after all; deputies of who is away.

    When all of them are away and nobody steps in: the administrators who are here, and those who are away as well, so
    that nothing stays silent.
    """
    named = _theirs(session, council_id)
    away = away_until(session, today)
    here = _stepping_in(session, named, away)
    if here or not named:
        return here
    administrators = [o for o in _active(session) if o.role == "administrator" and o.id not in away]
    return list({each.id: each for each in (*administrators, *named)}.values())


def back_on(session: Session, council_id: int | None, today: date) -> date | None:
    """The day that someone is there again for a question of this council; None when someone is, or stands in."""
    named = _theirs(session, council_id)
    away = away_until(session, today)
    if not named or _stepping_in(session, named, away):
        return None
    return min(away[each.id or 0] for each in named) + timedelta(days=1)


def away_until(session: Session, today: date) -> dict[int, date]:
    """The last day away, of each officer who is away today; absences that follow one another are one."""
    found: dict[int, date] = {}
    rows = session.exec(select(Absence).where(col(Absence.last) >= today).order_by(col(Absence.first))).all()
    for each in rows:
        until = found.get(each.officer_id)
        if each.first <= (until + timedelta(days=1) if until else today):
            found[each.officer_id] = max(each.last, until or each.last)
    return found


def standing_in_for(session: Session, officer_id: int, today: date) -> list[int]:
    """The officers whom this one replaces today."""
    away = away_until(session, today)
    rows = session.exec(select(Deputy.officer_id).where(Deputy.deputy_id == officer_id)).all()
    return [each for each in rows if each in away]


def councils_of(session: Session, officer_id: int) -> set[int]:
    """The councils that an officer looks after; none means all."""
    return set(session.exec(select(OfficerCouncil.council_id).where(OfficerCouncil.officer_id == officer_id)).all())


def _active(session: Session) -> list[Officer]:
    answering = ("officer", "deputy", "administrator")
    return list(
        session.exec(
            select(Officer)
            .where(col(Officer.active).is_(True), col(Officer.role).in_(answering))
            .order_by(col(Officer.id))
        ).all()
    )


def _theirs(session: Session, council_id: int | None) -> list[Officer]:
    found = _active(session)
    councils: dict[int, set[int]] = {}
    for officer_id, theirs in session.exec(select(OfficerCouncil.officer_id, OfficerCouncil.council_id)):
        councils.setdefault(officer_id, set()).add(theirs)
    concerned = [o for o in found if council_id is not None and council_id in councils.get(o.id or 0, ())]
    return concerned or [o for o in found if not councils.get(o.id or 0)] or found


def _stepping_in(session: Session, named: list[Officer], away: dict[int, date]) -> list[Officer]:
    """Those who are here, and the deputies of those who are not."""
    absent = [each.id for each in named if each.id in away]
    deputies = dict(
        session.exec(select(Deputy.officer_id, Deputy.deputy_id).where(col(Deputy.officer_id).in_(absent))).all()
        if absent
        else ()
    )
    active = {each.id: each for each in _active(session)} if deputies else {}
    here: dict[int | None, Officer] = {}
    for each in named:
        stands = each if each.id not in away else active.get(deputies.get(each.id or 0))
        if stands is not None and stands.id not in away:
            here[stands.id] = stands
    return list(here.values())


def may_see(session: Session, officer: Officer, council_id: int | None, today: date) -> bool:
    """Whether a question of this council, or of none, is for the eyes of this officer, or of whom they stand in for."""
    if not officer.active or officer.id is None:
        return False
    theirs = [councils_of(session, each) for each in (officer.id, *standing_in_for(session, officer.id, today))]
    return council_id is None or any(not councils or council_id in councils for councils in theirs)
