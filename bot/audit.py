"""The append-only trail of who did what: a chain of hashes; the words lie in rows of their own that can be erased."""

import contextlib
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    query = (
        sa.select(AuditLine, AuditText)
        .outerjoin(AuditText, col(AuditText.line_id) == col(AuditLine.id))
        .order_by(col(AuditLine.id))
        .execution_options(yield_per=1000)
    )
    with contextlib.closing(session.execute(query)) as lines:  # the cursor stands at the server until it is closed
        return _broken(lines)


def _broken(lines: Iterable[Any]) -> Broken | None:
    """The first of these (line, words) at which the chain does not hold."""
    previous = ""
    for line, words in lines:
        assert line.id is not None
        if line.previous != previous:
            return Broken(line.id, "une ligne manque avant celle-ci")
        if line.hash != _digest(
            previous, line.at, line.actor, line.act, line.subject, line.council_id, line.commitment
        ):
            return Broken(line.id, "cette ligne a été changée")
        if words and hashlib.sha256(f"{words.salt}\0{words.text}".encode()).hexdigest() != line.commitment:
            return Broken(line.id, "le texte de cette ligne a été changé")
        previous = line.hash
    return None


@dataclass(frozen=True)
class Shown:
    """A line of the trail as it is read."""

    id: int
    at: datetime
    actor: str
    act: str
    subject: str
    text: str  # empty when nothing was written, or when it was erased


@dataclass(frozen=True)
class Wanted:
    """Which lines to show; what is empty leaves nothing out. `subject` may be « ticket » or « ticket:5 »."""

    actor: str = ""
    act: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def listed(session: Session, wanted: Wanted, limit: int = 50, offset: int = 0) -> tuple[list[Shown], int]:
    """The newest lines that fit, and how many there are."""
    fits = []
    if wanted.actor:
        fits.append(col(AuditLine.actor) == wanted.actor)
    if wanted.act:
        fits.append(col(AuditLine.act) == wanted.act)
    if wanted.subject:
        exact = col(AuditLine.subject) == wanted.subject
        kind = col(AuditLine.subject).startswith(f"{wanted.subject}:", autoescape=True)
        fits.append(exact | kind)
    if wanted.since:
        fits.append(col(AuditLine.at) >= wanted.since)
    if wanted.until:
        fits.append(col(AuditLine.at) < wanted.until)
    count = session.execute(sa.select(sa.func.count()).select_from(AuditLine).where(*fits)).scalar_one()
    rows = session.execute(
        sa.select(AuditLine, col(AuditText.text))
        .outerjoin(AuditText, col(AuditText.line_id) == col(AuditLine.id))
        .where(*fits)
        .order_by(col(AuditLine.id).desc())
        .limit(limit)
        .offset(offset)
    ).all()
    return [Shown(line.id, line.at, line.actor, line.act, line.subject, text or "") for line, text in rows], count


def acts(session: Session) -> list[str]:
    """Everything that was ever done, by name."""
    return list(session.exec(select(AuditLine.act).distinct().order_by(AuditLine.act)).all())


def _digest(
    previous: str, at: datetime, actor: str, act: str, subject: str, council_id: int | None, commitment: str
) -> str:
    fields = (previous, f"{at.timestamp():.6f}", actor, act, subject, str(council_id), commitment)
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()
