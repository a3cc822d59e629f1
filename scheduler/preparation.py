"""Preparing a committee: dates proposed and chosen, and whether the preparation was of use."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select


class Preparation(SQLModel, table=True):
    """The preparation of one committee: open while its date is being chosen, fixed once the officer picked one."""

    __tablename__ = "preparations"
    committee_id: int = Field(foreign_key="committees.id", primary_key=True)
    meeting_id: int | None = Field(default=None, foreign_key="committees.id", index=True)  # the meeting that came of it
    opened_at: datetime
    fixed_at: datetime | None = None
    notes: str = ""  # written after it


class PreparationDate(SQLModel, table=True):
    """One date that is proposed for it; its number is what members reply with."""

    __tablename__ = "preparation_dates"
    __table_args__ = (sa.UniqueConstraint("committee_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    number: int
    starts_at: datetime
    place: str = ""


class PreparationVote(SQLModel, table=True):
    """That someone can come on a proposed date."""

    __tablename__ = "preparation_votes"
    date_id: int = Field(foreign_key="preparation_dates.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", primary_key=True)
    said_at: datetime


class PreparationView(SQLModel, table=True):
    """Whether the preparation was of use, as a member says a month after."""

    __tablename__ = "preparation_views"
    committee_id: int = Field(foreign_key="committees.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", primary_key=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    served: str  # yes | partly | no
    said_at: datetime


def dates_of(session: Session, committee_id: int) -> list[PreparationDate]:
    return list(
        session.exec(
            select(PreparationDate)
            .where(PreparationDate.committee_id == committee_id)
            .order_by(col(PreparationDate.number))
        ).all()
    )


def votes_of(session: Session, committee_id: int) -> dict[int, list[int]]:
    """Who can come, by proposed date (ids of people)."""
    rows = session.execute(
        sa.select(col(PreparationVote.date_id), col(PreparationVote.person_id))
        .join(PreparationDate, col(PreparationDate.id) == col(PreparationVote.date_id))
        .where(col(PreparationDate.committee_id) == committee_id)
        .order_by(col(PreparationVote.person_id))
    )
    found: dict[int, list[int]] = {}
    for date_id, person_id in rows:
        found.setdefault(date_id, []).append(person_id)
    return found


def vote(
    session: Session, committee_id: int, person_id: int, numbers: set[int], now: datetime
) -> list[PreparationDate]:
    """The dates that someone can come on, by number, in place of what they said before; those dates."""
    dates = dates_of(session, committee_id)
    session.execute(
        sa.delete(PreparationVote).where(
            col(PreparationVote.person_id) == person_id,
            col(PreparationVote.date_id).in_([date.id for date in dates]),
        )
    )
    chosen = [date for date in dates if date.number in numbers]
    for date in chosen:
        assert date.id is not None
        session.add(PreparationVote(date_id=date.id, person_id=person_id, said_at=now))
    return chosen
