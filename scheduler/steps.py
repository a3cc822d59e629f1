"""The plan of steps by kind of meeting: which, how many days before or after, at what hour; default and changes."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class PlanStep(SQLModel, table=True):
    """One step of a kind's plan, where an officer changed or added it; the others stand in DEFAULT."""

    __tablename__ = "plan_steps"
    kind: str = Field(primary_key=True)
    step: str = Field(primary_key=True)  # j-10
    action: str
    days: int  # before the meeting; negative: after it
    hour: int  # minutes since midnight, local
    working_day: bool  # on a week-end or a public holiday it moves to the working day before
    active: bool = True
    edited_by: str = ""
    edited_at: datetime


class CommitteeStep(SQLModel, table=True):
    """One step of one revision of one meeting: waiting until it is due, then done or skipped."""

    __tablename__ = "committee_steps"
    __table_args__ = (
        sa.UniqueConstraint("committee_id", "revision", "step"),
        sa.Index(
            "ix_committee_steps_waiting",
            "due_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    revision: int
    step: str
    action: str
    due_at: datetime
    state: str = "waiting"  # waiting | done | skipped
    done_at: datetime | None = None
    reason: str = ""  # why it was skipped, in French
