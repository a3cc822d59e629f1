"""The append-only trail of who did what: a chain of hashes; the words lie in rows of their own that can be erased."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

LOCK = 0x686F746C  # PostgreSQL advisory lock: one line is appended at a time


class AuditLine(SQLModel, table=True):
    """One act. Ids only: what was written, and by whom, is a commitment that proves the text without holding it."""

    __tablename__ = "audit_lines"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    actor: str  # "program", "officer:3", "asker:12", "command"
    act: str
    subject: str  # "ticket:5", "entry:copil-role", ...
    council_id: int | None = Field(default=None, foreign_key="councils.id")
    commitment: str = ""  # SHA-256 of salt and text
    previous: str
    hash: str = Field(unique=True)


class AuditText(SQLModel, table=True):
    """The words of an act, and the salt of its commitment; erased with the person they are about."""

    __tablename__ = "audit_texts"
    line_id: int = Field(foreign_key="audit_lines.id", primary_key=True)
    salt: str
    text: str


@dataclass(frozen=True)
class Broken:
    """The first line at which the chain does not hold, and why."""

    line_id: int
    why: str


def append(
    session: Session, now: datetime, actor: str, act: str, subject: str, council_id: int | None = None, text: str = ""
) -> None:
    """Write one line at the end of the chain, in the caller's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = session.exec(select(AuditLine.hash).order_by(col(AuditLine.id).desc()).limit(1)).first() or ""
    salt = secrets.token_hex(16) if text else ""
    commitment = hashlib.sha256(f"{salt}\0{text}".encode()).hexdigest() if text else ""
    line = AuditLine(
        at=now,
        actor=actor,
        act=act,
        subject=subject,
        council_id=council_id,
        commitment=commitment,
        previous=last,
        hash=_digest(last, now, actor, act, subject, council_id, commitment),
    )
    session.add(line)
    session.flush()
    if text:
        assert line.id is not None
        session.add(AuditText(line_id=line.id, salt=salt, text=text))


def verify(session: Session) -> Broken | None:
    """Walk the chain from its first line; None if every line holds."""
    previous = ""
    for line in session.exec(select(AuditLine).order_by(col(AuditLine.id))):
        assert line.id is not None
        if line.previous != previous:
            return Broken(line.id, "une ligne manque avant celle-ci")
        if line.hash != _digest(
            previous, line.at, line.actor, line.act, line.subject, line.council_id, line.commitment
        ):
            return Broken(line.id, "cette ligne a été changée")
        words = session.get(AuditText, line.id)
        if words and hashlib.sha256(f"{words.salt}\0{words.text}".encode()).hexdigest() != line.commitment:
            return Broken(line.id, "le texte de cette ligne a été changé")
        previous = line.hash
    return None


def _digest(
    previous: str, at: datetime, actor: str, act: str, subject: str, council_id: int | None, commitment: str
) -> str:
    fields = (previous, f"{at.timestamp():.6f}", actor, act, subject, str(council_id), commitment)
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()
