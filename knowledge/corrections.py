"""Corrections of entries that were wrong: who is to hear of one, whether an officer said yes, and how far it went."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

WAITING, SENDING, DONE, DROPPED = "waiting", "sending", "done", "dropped"


class Correction(SQLModel, table=True):
    """A version that puts an error right. waiting -> sending -> done, or dropped: nobody is written to."""

    __tablename__ = "corrections"
    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entries.id", index=True)
    version_id: int = Field(foreign_key="entry_versions.id", unique=True)
    since: datetime  # what was answered before this was not wrong
    words: str = ""  # what changed, in a sentence
    state: str = Field(default=WAITING, index=True)
    officer_id: int | None = Field(default=None, foreign_key="officers.id")  # who approved it, or dropped it
    created_at: datetime
    decided_at: datetime | None = None
    total: int = 0  # people to write to, when it was approved
    posted: int = 0
    silent: int = 0  # of those posted, who said STOP: kept, not sent
    reached: int = 0  # the last address that was dealt with


def of_version(session: Session, version_id: int) -> Correction | None:
    return session.exec(select(Correction).where(Correction.version_id == version_id)).first()


def under_way(session: Session) -> Correction | None:
    """One that was approved, and has not gone to everyone yet."""
    return session.exec(
        select(Correction).where(Correction.state == SENDING).order_by(col(Correction.id)).limit(1)
    ).first()


def listed(session: Session, entry_id: int | None = None, limit: int = 50) -> list[Correction]:
    """The newest first; of one entry, or of all."""
    query = select(Correction).order_by(col(Correction.id).desc()).limit(limit)
    return list(session.exec(query if entry_id is None else query.where(Correction.entry_id == entry_id)).all())
