"""Meetings and seats: when a committee meets, for which councils, and who sits on it."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

COPIL = "copil"
KINDS = (COPIL, "cotech", "interconseil", "preparation", "council", "training", "other")
PLANNED, CONFIRMED, MOVED, CANCELLED = "planned", "confirmed", "moved", "cancelled"
TITULAR, ALTERNATE = "titulaire", "suppleant"


class CommitteeSeries(SQLModel, table=True):
    """A meeting that comes again by a rule (RFC 5545 RRULE); its occurrences are meetings, 18 months ahead at most."""

    __tablename__ = "committee_series"
    id: int | None = Field(default=None, primary_key=True)
    rrule: str
    starts_at: datetime  # the first occurrence, from which the rule counts
    made_until: datetime  # occurrences up to here stand in the calendar
    ended_at: datetime | None = None  # no more are made
    created_at: datetime


class Committee(SQLModel, table=True):
    """One meeting. planned -> confirmed, moved (a new revision), or cancelled."""

    __tablename__ = "committees"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = COPIL
    title: str
    starts_at: datetime = Field(index=True)
    ends_at: datetime | None = None
    place: str = ""
    directions: str = Field(default="", sa_column_kwargs={"server_default": ""})  # how to get there
    accessibility: str = Field(default="", sa_column_kwargs={"server_default": ""})  # step-free, hearing loop
    online: str = Field(default="", sa_column_kwargs={"server_default": ""})  # the link to join by
    organiser: str = Field(default="", sa_column_kwargs={"server_default": ""})  # who invites, by name
    organiser_address_id: int | None = Field(default=None, foreign_key="addresses.id")
    series_id: int | None = Field(default=None, foreign_key="committee_series.id", index=True)
    agenda: str = ""  # what to prepare, in plain words
    state: str = PLANNED
    revision: int = 1  # rises when date, time or place changes
    planned_revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # whose steps are written
    planned_at: datetime | None = None
    moved_from: datetime | None = None  # when it was to be, before its date changed
    uid: str = Field(default="", index=True)  # of the calendar that it came from
    sequence: int = 0
    example: bool = False
    created_at: datetime


class CommitteeCouncil(SQLModel, table=True):
    """Whose committee it is."""

    __tablename__ = "committee_councils"
    committee_id: int = Field(foreign_key="committees.id", primary_key=True)
    council_id: int = Field(foreign_key="councils.id", primary_key=True)
    invited_at: datetime | None = None  # when the organiser's invitation reached the council
    agenda_at: datetime | None = None  # when its agenda did
    noted_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class SeatPlaces(SQLModel, table=True):
    """How many titular seats a council has on a kind of committee: one more than are held is an empty seat."""

    __tablename__ = "seat_places"
    council_id: int = Field(foreign_key="councils.id", primary_key=True)
    committee_kind: str = Field(primary_key=True)
    places: int


class Seat(SQLModel, table=True):
    """Who speaks for a council on a kind of committee."""

    __tablename__ = "seats"
    __table_args__ = (sa.UniqueConstraint("council_id", "person_id", "committee_kind"),)
    id: int | None = Field(default=None, primary_key=True)
    council_id: int = Field(foreign_key="councils.id", index=True)
    person_id: int = Field(foreign_key="people.id", index=True)
    committee_kind: str = COPIL
    role: str = "titulaire"  # titulaire | suppleant
    since: datetime | None = None
    until: datetime | None = None


class Reminder(SQLModel, table=True):
    """That one person was told one step of one revision of one meeting: once."""

    __tablename__ = "reminders"
    __table_args__ = (
        sa.UniqueConstraint("committee_id", "revision", "person_id", "step"),
        sa.Index("ix_reminders_last", "committee_id", "person_id", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    revision: int
    person_id: int = Field(foreign_key="people.id")
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    step: str
    meeting_at: datetime  # the date that the person was told
    outbox_key: str = Field(default="", index=True)  # of the message; empty when nothing could be written
    channel: str = Field(default="", sa_column_kwargs={"server_default": ""})  # the last one that was tried
    tries: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # channels tried, one after the other
    call: str = Field(default="", sa_column_kwargs={"server_default": ""})  # why the officer calls, in French
    posted_at: datetime


def councils_of(session: Session, committee_id: int) -> list[int]:
    return list(
        session.exec(
            select(CommitteeCouncil.council_id)
            .where(CommitteeCouncil.committee_id == committee_id)
            .order_by(col(CommitteeCouncil.council_id))
        ).all()
    )


def link(session: Session, committee: Committee, council_ids: Iterable[int]) -> None:
    """Make these, and no others, the councils of a committee."""
    assert committee.id is not None
    wanted, standing = set(council_ids), set(councils_of(session, committee.id))
    for council_id in sorted(wanted - standing):
        session.add(CommitteeCouncil(committee_id=committee.id, council_id=council_id))
    session.execute(
        sa.delete(CommitteeCouncil).where(
            col(CommitteeCouncil.committee_id) == committee.id, col(CommitteeCouncil.council_id).in_(standing - wanted)
        )
    )


def upcoming(session: Session, now: datetime, council_id: int | None = None, limit: int = 5) -> list[Committee]:
    """The next meetings that were not cancelled, all or one council's."""
    query = (
        select(Committee)
        .where(Committee.starts_at >= now, Committee.state != CANCELLED)
        .order_by(col(Committee.starts_at))
        .limit(limit)
    )
    if council_id is not None:
        query = query.where(
            col(Committee.id).in_(
                select(CommitteeCouncil.committee_id).where(CommitteeCouncil.council_id == council_id)
            )
        )
    return list(session.exec(query).all())


def move(session: Session, committee: Committee, starts_at: datetime, ends_at: datetime | None, place: str) -> bool:
    """Write a new date, time or place; True when one of them changed, which makes a new revision that reminds anew.

    A new end alone is written and makes no revision: whoever was reminded knows when to come.
    """
    changed = committee.starts_at != starts_at or committee.place != place
    if changed:
        if committee.starts_at != starts_at:
            committee.moved_from = committee.starts_at
        committee.revision += 1
        committee.state = MOVED
    committee.starts_at, committee.ends_at, committee.place = starts_at, ends_at, place
    session.add(committee)
    return changed


def cancel(session: Session, committee: Committee) -> bool:
    """True when it was not cancelled yet."""
    if committee.state == CANCELLED:
        return False
    committee.state = CANCELLED
    session.add(committee)
    return True


def revive(session: Session, committee: Committee) -> None:
    """A cancelled meeting takes place after all: a new revision, so that everybody hears of it."""
    committee.state = PLANNED
    committee.revision += 1
    session.add(committee)
