"""Entries being written: drafts, those that wait for a second reader, and files that wait for a yes."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from knowledge.entries import Content, EntryRow, as_content

OPEN = ("draft", "waiting")
IMPORT_FOR = timedelta(days=1)


class EntryDraft(SQLModel, table=True):
    """What an officer is writing. draft -> waiting (for a second reader) -> published, or dropped."""

    __tablename__ = "entry_drafts"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(index=True)  # of the entry, or of the one that it will be
    entry_id: int | None = Field(default=None, foreign_key="entries.id")
    base_number: int = 0  # the version that it was begun from; 0 for a new entry
    body: dict[str, Any] = Field(sa_type=sa.JSON)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    state: str = Field(default="draft", index=True)
    reason: str = ""
    corrects: bool = False  # the version that stands is wrong: who received it is to hear
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)  # the question that it came from
    note: str = ""  # what the second reader wrote back
    reader_id: int | None = Field(default=None, foreign_key="officers.id")
    created_at: datetime
    updated_at: datetime


class EntryImport(SQLModel, table=True):
    """A file of entries whose changes were shown, and that waits for a yes; gone after a day."""

    __tablename__ = "entry_imports"
    id: int | None = Field(default=None, primary_key=True)
    officer_id: int = Field(foreign_key="officers.id", index=True)
    filename: str
    content: bytes
    created_at: datetime


def content_of(draft: EntryDraft) -> Content:
    return as_content(draft.body)


def body_of(content: Content) -> dict[str, Any]:
    """A content as JSON holds it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(content)))
    return found


def mine(session: Session, slug: str, officer_id: int) -> EntryDraft | None:
    """What this officer is writing of an entry."""
    return session.exec(
        select(EntryDraft)
        .where(EntryDraft.slug == slug, EntryDraft.officer_id == officer_id, EntryDraft.state == "draft")
        .order_by(col(EntryDraft.id).desc())
    ).first()


def open_of(session: Session, slug: str) -> list[EntryDraft]:
    """What is being written of an entry, by anybody."""
    return list(
        session.exec(
            select(EntryDraft)
            .where(EntryDraft.slug == slug, col(EntryDraft.state).in_(OPEN))
            .order_by(col(EntryDraft.id))
        ).all()
    )


def open_drafts(session: Session, limit: int = 200) -> list[EntryDraft]:
    """All that is being written; what waits for a second reader first."""
    return list(
        session.exec(
            select(EntryDraft)
            .where(col(EntryDraft.state).in_(OPEN))
            .order_by(col(EntryDraft.state).desc(), col(EntryDraft.updated_at).desc())
            .limit(limit)
        ).all()
    )


def of_ticket(session: Session, ticket_id: int) -> EntryRow | None:
    """The entry that a ticket was made into, or became a way of asking for."""
    return session.exec(
        select(EntryRow)
        .where(EntryRow.slug == EntryDraft.slug, EntryDraft.ticket_id == ticket_id, EntryDraft.state == "published")
        .order_by(col(EntryDraft.id).desc())
    ).first()


def keep_import(session: Session, officer_id: int, filename: str, content: bytes, now: datetime) -> int:
    """Keep a file until the yes; an officer has one at a time. Its id."""
    session.execute(
        sa.delete(EntryImport).where(
            (col(EntryImport.officer_id) == officer_id) | (col(EntryImport.created_at) < now - IMPORT_FOR)
        )
    )
    row = EntryImport(officer_id=officer_id, filename=filename[:200], content=content, created_at=now)
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id
