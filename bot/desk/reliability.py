"""How the automatic answers did: of each entry for the officer, of all together for everybody."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from bot.conversations import Given, Question
from bot.office import Office
from escalation.officers import Officer, OfficerAddress
from knowledge.corrections import Correction
from knowledge.pages.desk import Figures, Reliability
from knowledge.reliability import Count

YEAR = timedelta(days=365)


def _wrong(query: Any) -> Any:
    """From the few corrections to the answers given in a version that was put right, not the other way round."""
    return query.select_from(Correction).join(
        Given,
        sa.and_(
            col(Given.entry_id) == Correction.entry_id,
            col(Given.version_id) < Correction.version_id,
            col(Given.given_at) >= Correction.since,
        ),
    )


def of_entries(session: Session, entry_ids: Sequence[int] | None) -> dict[int, Figures]:
    """How entries did since the beginning; None: all of them, by the answers about which something was said."""
    query = (
        sa.select(
            col(Given.entry_id),
            sa.func.count(),
            sa.func.sum(sa.case((col(Question.useful).is_(True), 1), else_=0)),
            sa.func.sum(sa.case((col(Question.useful).is_(False), 1), else_=0)),
        )
        .join(Question, col(Question.id) == Given.question_id)
        .where(col(Given.outbox_key).not_like("correction:%"))  # what was told anew was answered once
        .group_by(col(Given.entry_id))
    )
    corrected = _wrong(sa.select(col(Given.entry_id), sa.func.count(sa.distinct(col(Given.question_id))))).group_by(
        col(Given.entry_id)
    )
    if entry_ids is None:  # who said nothing tells nothing of an entry: passed over where all are looked at
        query = query.where(col(Question.useful).is_not(None))
    else:
        query = query.where(col(Given.entry_id).in_(entry_ids))
        corrected = corrected.where(col(Given.entry_id).in_(entry_ids))
    wrong: dict[int, int] = {entry_id: count for entry_id, count in session.execute(corrected).all()}  # noqa: C416
    return {
        entry_id: Figures(0, given, useful, useless, wrong.get(entry_id, 0))
        for entry_id, given, useful, useless in session.execute(query).all()
    }


def of_entry(session: Session, entry_id: int, slug: str, now: datetime) -> Figures:
    """One entry, with how often it came first in the matcher's mind within a year, whatever was decided."""
    found = of_entries(session, [entry_id]).get(entry_id, Figures())
    asked = session.execute(
        sa.select(sa.func.count())
        .select_from(Question)
        .where(col(Question.nearest) == slug, col(Question.asked_at) >= now - YEAR)
    ).scalar_one()
    return Figures(max(int(asked), found.given), found.given, found.useful, found.useless, found.corrected)


def of_all(session: Session, office: Office, now: datetime) -> Reliability:
    """The automatic answers of the last twelve months, without what the team asked itself."""
    today = now.astimezone(office.zone).date()
    since = date(today.year - 1, today.month, 1)
    theirs = sa.union_all(sa.select(col(Officer.address_id)), sa.select(col(OfficerAddress.address_id)))
    counted = (
        col(Question.asked_at) >= datetime(since.year, since.month, 1, tzinfo=office.zone),
        col(Question.address_id).not_in(theirs),
    )
    # Sums rather than groups: they read one index from end to end, where groups would have each row looked up.
    useful, said = col(Question.useful), (True, False, None)
    sums = [sa.func.coalesce(sa.func.sum(sa.case((useful.is_(each), 1), else_=0)), 0) for each in said]
    answered = sa.select(*sums).where(*counted, sa.exists().where(col(Given.question_id) == col(Question.id)))
    wrong = _wrong(sa.select(col(Given.question_id)))
    corrected = sa.select(*sums).where(*counted, col(Question.id).in_(wrong))
    all_of, of_them = session.execute(answered).one(), session.execute(corrected).one()
    counts = {_place(each): int(count) - int(less) for each, count, less in zip(said, all_of, of_them, strict=True)}
    return Reliability(since, Count(**counts, corrected=int(sum(of_them))))


def _place(useful: bool | None) -> str:
    return "silent" if useful is None else "useful" if useful else "useless"
