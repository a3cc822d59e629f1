"""What was asked and decided, which version of which entry went to whom, and what is being asked of someone now."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, select

from channels.directory import AddressRow
from channels.mailbox import OutboxRow

COMING = "coming"  # an invitation that waits for « 1, 2 ou 3 »
OWN = ("code", "link", "proof")  # typed at the very address where it was asked for
ABOUT = "about"  # a meeting was chosen: the next question is about it


def _nearest(context: Any) -> str:
    candidates = context.get_current_parameters().get("candidates") or [{}]
    return str(candidates[0].get("entry", ""))


class Question(SQLModel, table=True):
    """One question as it was read, and the decision taken."""

    __tablename__ = "questions"
    __table_args__ = (  # each holds all that its page counts: the rows, which are large, are not read
        sa.Index(
            "ix_questions_counted", "asked_at", "channel", "council_id", "nearest", "decision", "ticket_id", "useful",
            "address_id",
        ),
        sa.Index("ix_questions_nearest_asked_at", "nearest", "asked_at"),
        sa.Index("ix_questions_useful", "useful"),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    channel: str
    text: str
    decision: str  # answer | clarify | escalate | relay | command | ...
    confidence: float = 0.0
    candidates: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)
    nearest: str | None = Field(  # the first candidate's entry, "" when there was none: written with them
        default=None, sa_column=sa.Column(sa.String(), default=_nearest, server_default="", nullable=False)
    )
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id")
    committee_id: int | None = Field(default=None, foreign_key="committees.id")  # the meeting that it is about
    useful: bool | None = None
    asked_at: datetime


class Given(SQLModel, table=True):
    """That a version of an entry was sent to someone: a later correction can reach them."""

    __tablename__ = "answers_given"
    __table_args__ = (
        sa.Index("ix_answers_given_counted", "entry_id", "question_id", "version_id", "given_at", "outbox_key"),
    )
    id: int | None = Field(default=None, primary_key=True)
    question_id: int = Field(foreign_key="questions.id", index=True)
    entry_id: int = Field(foreign_key="entries.id")
    version_id: int = Field(foreign_key="entry_versions.id", index=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    outbox_key: str
    given_at: datetime


class Prompt(SQLModel, table=True):
    """What we asked of someone last, so that « 2 » means something; one at a time, for a limited time."""

    __tablename__ = "prompts"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    kind: str  # choose | useful | code | coming | meeting | about | link | proof | way
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
    what: str  # choose | none | useful | coming | stop | way
    before: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)  # ids and words that bring it back
    noted_at: datetime
    lapses_at: datetime
    undone_at: datetime | None = None


def ask(session: Session, prompt: Prompt, together: Sequence[int] = ()) -> Prompt:
    """Open a prompt; whatever was open before is closed, but for an invitation, which waits for its answer.

    `together`: all the addresses of the person, who is asked one thing at a time.
    """
    session.execute(
        _closing(prompt.kind == COMING),
        {"who": [prompt.address_id, *together], "now": prompt.opened_at},
    )
    session.add(prompt)
    return prompt


def open_prompts(session: Session, address_id: int, now: datetime, together: Sequence[int] = ()) -> list[Prompt]:
    """What is being asked of this person, the newest first; a code is typed where it was asked for."""
    found = session.scalars(_open(), {"who": [address_id, *together], "now": now}).all()
    return [each for each in found if each.address_id == address_id or each.kind not in OWN]


@cache  # asked at every message: building it costs more than running it
def _open() -> Any:
    return (
        select(Prompt)
        .where(
            col(Prompt.address_id).in_(sa.bindparam("who", expanding=True)),
            col(Prompt.closed_at).is_(None),
            col(Prompt.lapses_at) > sa.bindparam("now"),
        )
        .order_by(col(Prompt.id).desc())
    )


@cache
def _closing(invitations_too: bool) -> Any:
    table = Prompt.__table__  # type: ignore[attr-defined]
    closing = (
        sa.update(table)
        .where(table.c.address_id.in_(sa.bindparam("who", expanding=True)), table.c.closed_at.is_(None))
        .values(closed_at=sa.bindparam("now"))
    )
    return closing if invitations_too else closing.where(table.c.kind != COMING)


def open_prompt(session: Session, address_id: int, now: datetime) -> Prompt | None:
    return next(iter(open_prompts(session, address_id, now)), None)


def asked_lately() -> Any:
    """Whether something is being asked of the recipient of an outbox row: what may wait then waits (30 minutes).

    Parameters: `now`, and `held_since`, half an hour before.
    """
    mine, other = aliased(AddressRow), aliased(AddressRow)
    still_open = (
        col(Prompt.closed_at).is_(None),
        col(Prompt.lapses_at) > sa.bindparam("now"),
        col(Prompt.opened_at) > sa.bindparam("held_since"),
    )
    here = sa.exists().where(col(Prompt.address_id) == col(OutboxRow.address_id), *still_open)
    elsewhere = sa.exists().where(
        col(mine.id) == col(OutboxRow.address_id),
        col(other.person_id) == col(mine.person_id),
        col(Prompt.address_id) == col(other.id),
        *still_open,
    )
    return sa.or_(here.correlate(OutboxRow), elsewhere.correlate(OutboxRow))


def note(
    session: Session, address_id: int, what: str, before: Mapping[str, Any], now: datetime, during: timedelta
) -> None:
    """Keep what a reply changed, so that it can be taken back; only the newest can."""
    session.add(NotedReply(address_id=address_id, what=what, before=dict(before), noted_at=now, lapses_at=now + during))


def last_noted(session: Session, address_id: int, now: datetime) -> NotedReply | None:
    """The reply understood last, if it may still be taken back."""
    newest = session.exec(
        select(NotedReply).where(NotedReply.address_id == address_id).order_by(col(NotedReply.id).desc()).limit(1)
    ).first()
    return newest if newest and newest.undone_at is None and newest.lapses_at > now else None


def meeting_of(prompts: Sequence[Prompt]) -> int | None:
    """The meeting that what is written now is about: one that was chosen, else the one that was spoken of last."""
    about = sorted((each for each in prompts if each.kind in (ABOUT, COMING)), key=lambda each: each.kind != ABOUT)
    return int(about[0].offered[0]) if about else None


def close_all(session: Session, address_id: int, now: datetime, together: Sequence[int] = ()) -> None:
    session.execute(_closing(False), {"who": [address_id, *together], "now": now})


def newest(session: Session, who: Sequence[int], kind: str, question_id: int | None = None) -> Prompt | None:
    """The newest prompt of a kind, open or not, about this question if one is given."""
    query = select(Prompt).where(col(Prompt.address_id).in_(list(who)), Prompt.kind == kind)
    if question_id is not None:
        query = query.where(Prompt.question_id == question_id)
    return session.exec(query.order_by(col(Prompt.id).desc()).limit(1)).first()


def told(session: Session, question_id: int) -> list[str]:
    """What was answered to a question, as it was said."""
    keys = select(Given.outbox_key).where(Given.question_id == question_id)
    return list(session.exec(select(OutboxRow.text).where(col(OutboxRow.key).in_(keys)).order_by(col(OutboxRow.id))))


def last_question(session: Session, address_id: int) -> Question | None:
    return session.exec(
        select(Question).where(Question.address_id == address_id).order_by(col(Question.id).desc())
    ).first()
