"""What a committee talks about: its agenda in plain words, its documents, and what was decided."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select


class AgendaItem(SQLModel, table=True):
    """One point of an agenda: as it was received, and in the officer's words."""

    __tablename__ = "agenda_items"
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    position: int
    received: str  # as the organiser wrote it
    plain: str = ""  # the officer's words; empty until written
    edited_by: str = ""
    edited_at: datetime


class CommitteeFile(SQLModel, table=True):
    """The content of a document, once however often it is used."""

    __tablename__ = "committee_files"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)  # SHA-256 of the content
    filename: str
    content_type: str
    size: int  # bytes
    content: bytes
    text: str = ""  # what can be read in it, for the glossary


class CommitteeDocument(SQLModel, table=True):
    """A document of a meeting, with what it is good for."""

    __tablename__ = "committee_documents"
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    file_id: int | None = Field(default=None, foreign_key="committee_files.id", index=True)
    title: str
    purpose: str = ""  # « à quoi ça sert », one line
    url: str = ""  # where it stands, when there is no file
    added_by: str = ""
    added_at: datetime


class Decision(SQLModel, table=True):
    """What a meeting decided, as someone reported it."""

    __tablename__ = "committee_decisions"
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    person_id: int | None = Field(default=None, foreign_key="people.id")  # None: the officer
    text: str
    author: str
    kept: bool = True  # False: the officer set it aside
    reported_at: datetime


def words_of(question: str) -> str:
    """A question as it stands among the points of an agenda: one line, 400 characters at most."""
    return " ".join(question.split())[:400]


def items_of(session: Session, committee_ids: Sequence[int]) -> dict[int, list[AgendaItem]]:
    rows = session.exec(
        select(AgendaItem)
        .where(col(AgendaItem.committee_id).in_(committee_ids))
        .order_by(col(AgendaItem.committee_id), col(AgendaItem.position), col(AgendaItem.id))
    )
    found: dict[int, list[AgendaItem]] = {}
    for row in rows:
        found.setdefault(row.committee_id, []).append(row)
    return found


def documents_of(session: Session, committee_ids: Sequence[int]) -> dict[int, list[CommitteeDocument]]:
    rows = session.exec(
        select(CommitteeDocument)
        .where(col(CommitteeDocument.committee_id).in_(committee_ids))
        .order_by(col(CommitteeDocument.committee_id), col(CommitteeDocument.id))
    )
    found: dict[int, list[CommitteeDocument]] = {}
    for row in rows:
        found.setdefault(row.committee_id, []).append(row)
    return found


def texts_of(session: Session, file_ids: Sequence[int | None]) -> dict[int, str]:
    """What can be read in these files, without their content."""
    rows = session.execute(
        sa.select(col(CommitteeFile.id), col(CommitteeFile.text)).where(col(CommitteeFile.id).in_(file_ids))
    )
    return {row[0]: row[1] for row in rows}


def decisions_of(session: Session, committee_id: int) -> list[Decision]:
    """What is kept of a meeting's decisions, in the order in which they were reported."""
    return list(
        session.exec(
            select(Decision)
            .where(Decision.committee_id == committee_id, col(Decision.kept).is_(True))
            .order_by(col(Decision.id))
        ).all()
    )
