"""Two entries of one person: all that is known of the one becomes the other's, so that nothing is left out of reach."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from scheduler.agenda import Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Reminder
from scheduler.feeds import Feed
from scheduler.preparation import PreparationView, PreparationVote

ONCE: tuple[tuple[Any, tuple[str, ...]], ...] = (  # a person has one of these for each of
    (Attendance, ("committee_id",)),
    (Reminder, ("committee_id", "revision", "step")),
    (PreparationVote, ("date_id",)),
    (PreparationView, ("committee_id",)),
    (Feed, ()),
)


def take_over(session: Session, keep: int, gone: int) -> None:
    """What `gone` answered, was told, chose and reported is `keep`'s; where both said something, what `keep` said."""
    _newer_answers(session, keep, gone)
    for table, names in ONCE:
        mine = table.__table__.alias()
        both = [mine.c[name] == table.__table__.c[name] for name in names]
        standing = sa.exists().where(mine.c.person_id == keep, *both).correlate(table.__table__)
        session.execute(sa.delete(table).where(col(table.person_id) == gone, standing))
        session.execute(sa.update(table).where(col(table.person_id) == gone).values(person_id=keep))
    for table in (CallNote, Decision):
        session.execute(sa.update(table).where(col(table.person_id) == gone).values(person_id=keep))
    session.execute(sa.update(Attendance).where(col(Attendance.alternate_id) == gone).values(alternate_id=keep))
    session.expire_all()


def _newer_answers(session: Session, keep: int, gone: int) -> None:
    """Of two answers about one meeting, the last word stands."""
    session.flush()
    for theirs in session.exec(select(Attendance).where(Attendance.person_id == gone)).all():
        mine = session.get(Attendance, (theirs.committee_id, keep))
        if mine is not None and theirs.answer and (not mine.answer or theirs.said_at > mine.said_at):
            session.delete(mine)
    session.flush()
