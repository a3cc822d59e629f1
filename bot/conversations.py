"""What was asked and decided, which version of which entry went to whom, and what is being asked of someone now."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

COMING = "coming"  # an invitation that waits for « 1, 2 ou 3 »
ABOUT = "about"  # a meeting was chosen: the next question is about it


class Question(SQLModel, table=True):
    """One question as it was read, and the decision taken."""

    __tablename__ = "questions"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    channel: str
    text: str
    decision: str  # answer | clarify | escalate | relay | command | ...
    confidence: float = 0.0
    candidates: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id")
    committee_id: int | None = Field(default=None, foreign_key="committees.id")  # the meeting that it is about
    useful: bool | None = None
    asked_at: datetime


class Given(SQLModel, table=True):
    """That a version of an entry was sent to someone: a later correction can reach them."""

    __tablename__ = "answers_given"
    id: int | None = Field(default=None, primary_key=True)
    question_id: int = Field(foreign_key="questions.id", index=True)
    entry_id: int = Field(foreign_key="entries.id", index=True)
    version_id: int = Field(foreign_key="entry_versions.id", index=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    outbox_key: str
    given_at: datetime


class Prompt(SQLModel, table=True):
    """What we asked of someone last, so that « 2 » means something; one at a time, for a limited time."""

    __tablename__ = "prompts"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    kind: str  # choose | useful | code | more | coming
    offered: list[str] = Field(default_factory=list, sa_type=sa.JSON)  # slugs, in the order of their numbers
    question_id: int | None = Field(default=None, foreign_key="questions.id")
    opened_at: datetime
    lapses_at: datetime
    closed_at: datetime | None = None


class NotedReply(SQLModel, table=True):
    """A reply as it was understood, and how things stood before: ANNULER takes it back, for a limited time."""

    __tablename__ = "noted_replies"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    what: str  # choose | useful | coming | stop | meeting | way
    before: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)  # ids and words that bring it back
    noted_at: datetime
    lapses_at: datetime
    undone_at: datetime | None = None


def ask(session: Session, prompt: Prompt) -> Prompt:
    """Open a prompt; whatever was open before is closed, but for an invitation, which waits for its answer."""
    session.execute(
        sa.update(Prompt)
        .where(
            col(Prompt.address_id) == prompt.address_id,
            col(Prompt.closed_at).is_(None),
            (col(Prompt.kind) != COMING) | (prompt.kind == COMING),
        )
        .values(closed_at=prompt.opened_at)
    )
    session.add(prompt)
    session.flush()
    return prompt


def open_prompts(session: Session, address_id: int, now: datetime) -> list[Prompt]:
    """What is being asked at this address, the newest first."""
    return list(session.scalars(_open(), {"who": address_id, "now": now}).all())


@cache  # asked at every message: building it costs more than running it
def _open() -> Any:
    return (
        select(Prompt)
        .where(
            col(Prompt.address_id) == sa.bindparam("who"),
            col(Prompt.closed_at).is_(None),
            col(Prompt.lapses_at) > sa.bindparam("now"),
        )
        .order_by(col(Prompt.id).desc())
    )


def open_prompt(session: Session, address_id: int, now: datetime) -> Prompt | None:
    return next(iter(open_prompts(session, address_id, now)), None)


def meeting_of(prompts: Sequence[Prompt]) -> int | None:
    """The meeting that what is written now is about: one that was chosen, else the one that was spoken of last."""
    about = sorted((each for each in prompts if each.kind in (ABOUT, COMING)), key=lambda each: each.kind != ABOUT)
    return int(about[0].offered[0]) if about else None


def close_all(session: Session, address_id: int, now: datetime) -> None:
    session.execute(
        sa.update(Prompt)
        .where(col(Prompt.address_id) == address_id, col(Prompt.closed_at).is_(None), col(Prompt.kind) != COMING)
        .values(closed_at=now)
    )


def last_question(session: Session, address_id: int) -> Question | None:
    return session.exec(
        select(Question).where(Question.address_id == address_id).order_by(col(Question.id).desc())
    ).first()
