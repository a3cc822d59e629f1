"""Who comes to a meeting: what each person invited said last."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

YES, NO, PREPARE = "yes", "no", "prepare"
CALLED_UPON = "à leur place"  # marks an alternate who was asked to come, and has not answered yet


class Attendance(SQLModel, table=True):
    """The last word of one person about one meeting."""

    __tablename__ = "attendances"
    committee_id: int = Field(foreign_key="committees.id", primary_key=True)
    person_id: int = Field(foreign_key="people.id", primary_key=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    answer: str  # yes | no | prepare (comes, and wants to prepare); empty: nothing was said, but `came` is known
    said_at: datetime
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # of the meeting that it is about
    alternate: str = Field(default="", sa_column_kwargs={"server_default": ""})  # who comes instead, as they said it
    alternate_id: int | None = Field(default=None, foreign_key="people.id")
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id")  # what they want to say or ask
    came: bool | None = None  # as the officer noted after the meeting


class CallNote(SQLModel, table=True):
    """What came of a call that the officer made about a meeting."""

    __tablename__ = "call_notes"
    id: int | None = Field(default=None, primary_key=True)
    committee_id: int = Field(foreign_key="committees.id", index=True)
    person_id: int = Field(foreign_key="people.id")
    outcome: str  # reached | message | absent | wrong-number
    text: str = ""
    author: str
    noted_at: datetime


def say(
    session: Session,
    committee_id: int,
    person_id: int,
    council_id: int | None,
    answer: str,
    now: datetime,
    revision: int = 1,
) -> Attendance:
    """Write what someone said about one revision of a meeting; a later word replaces an earlier one."""
    row = session.get(Attendance, (committee_id, person_id))
    if row is None:
        row = Attendance(
            committee_id=committee_id, person_id=person_id, council_id=council_id, answer=answer, said_at=now
        )
    row.answer, row.said_at, row.revision = answer, now, revision
    if answer != NO:
        row.alternate, row.alternate_id = "", None
    session.add(row)
    return row


def unsay(session: Session, committee_id: int, person_id: int, before: str, now: datetime) -> None:
    """Take the last word back: what was said before stands again, or nothing."""
    row = session.get(Attendance, (committee_id, person_id))
    if row is None:
        return
    if before:
        row.answer, row.said_at = before, now
        session.add(row)
    else:
        session.delete(row)


def of(session: Session, committee_id: int) -> list[Attendance]:
    return list(
        session.exec(
            select(Attendance).where(Attendance.committee_id == committee_id).order_by(col(Attendance.person_id))
        ).all()
    )
