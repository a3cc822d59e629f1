"""Meetings that come again: made 18 months ahead, further as time passes, until someone stops the series."""

from datetime import datetime, timedelta
from itertools import islice

from sqlmodel import Session, col, select

from bot import audit
from bot.desk.calendar import NoSuchMeeting
from bot.office import Office
from escalation.accounts import Who
from scheduler import committees, repeats
from scheduler.committees import CANCELLED, Committee, CommitteeSeries

AHEAD = timedelta(days=548)  # 18 months
MOST = 100  # meetings of one series that stand ahead
EVERY = timedelta(days=1)  # how often a series is looked at


class Stopped(ValueError):
    """No series that could be stopped; says why, in French."""


def extend(session: Session, office: Office, now: datetime, limit: int = 4) -> int:
    """Make what comes within 18 months from now in `limit` series; how many were looked at.

    A series that another worker holds is left to it: each meeting is made once.
    """
    rows = session.exec(
        select(CommitteeSeries)
        .where(col(CommitteeSeries.ended_at).is_(None), col(CommitteeSeries.made_until) < now + AHEAD - EVERY)
        .order_by(col(CommitteeSeries.made_until))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _extend(session, office, row, now)
    return len(rows)


def _extend(session: Session, office: Office, row: CommitteeSeries, now: datetime) -> None:
    """What is new copies the last meeting that stands. When all that was to come is cancelled, the series ends."""
    every = session.exec(
        select(Committee).where(Committee.series_id == row.id).order_by(col(Committee.starts_at).desc())
    ).all()
    standing = [each for each in every if each.state != CANCELLED]
    coming = [each for each in every if each.starts_at > now]
    if not standing or (coming and all(each.state == CANCELLED for each in coming)):
        _end(session, row, now, "program", every[0].id if every else None)
        return
    made_to = max([now, *(each.moved_from or each.starts_at for each in every)])
    first, after, last = (
        each.astimezone(office.zone).replace(tzinfo=None) for each in (row.starts_at, made_to, now + AHEAD)
    )
    room = max(0, MOST - len(coming))
    try:
        found = list(islice((each for each in repeats.dates(row.rrule, first, last) if each > after), room))
    except repeats.BadRule:
        _end(session, row, now, "program", standing[0].id)
        return
    row.made_until = now + AHEAD
    session.add(row)
    assert standing[0].id is not None
    councils = committees.councils_of(session, standing[0].id)
    for each in found:
        _make(session, standing[0], councils, each.replace(tzinfo=office.zone), now)


def _end(session: Session, row: CommitteeSeries, now: datetime, by: str, committee_id: int | None) -> None:
    row.ended_at = now
    session.add(row)
    audit.append(session, now, by, "series stopped", f"committee:{committee_id}")


def _make(session: Session, model: Committee, councils: list[int], moment: datetime, now: datetime) -> None:
    made = Committee(
        kind=model.kind,
        title=model.title,
        starts_at=moment,
        ends_at=moment + (model.ends_at - model.starts_at) if model.ends_at else None,
        place=model.place,
        directions=model.directions,
        accessibility=model.accessibility,
        online=model.online,
        organiser=model.organiser,
        organiser_address_id=model.organiser_address_id,
        series_id=model.series_id,
        example=model.example,
        created_at=now,
    )
    session.add(made)
    session.flush()
    committees.link(session, made, councils)
    audit.append(session, now, "program", "meeting recorded", f"committee:{made.id}")


def runs(session: Session, meeting: Committee) -> bool:
    """Whether more meetings will be made of the series of this one."""
    row = session.get(CommitteeSeries, meeting.series_id) if meeting.series_id else None
    return row is not None and row.ended_at is None


def stop(session: Session, who: Who | None, meeting: Committee, now: datetime) -> str:
    """Make no more meetings of this one's series; those that stand stay. What was done, in words; Stopped."""
    if meeting.series_id is None:
        raise Stopped("Cette réunion ne se répète pas.")
    row = session.exec(select(CommitteeSeries).where(CommitteeSeries.id == meeting.series_id).with_for_update()).first()
    if row is None:
        raise NoSuchMeeting("Cette série n'est plus là.")
    if row.ended_at is not None:
        raise Stopped("Cette série est déjà arrêtée.")
    _end(session, row, now, f"officer:{who.id}" if who else "command", meeting.id)
    left = session.exec(
        select(Committee.id).where(
            Committee.series_id == row.id, Committee.starts_at > now, Committee.state != CANCELLED
        )
    ).all()
    if not left:
        return "La série est arrêtée. Aucune réunion n'est plus prévue."
    stay = "La réunion déjà notée reste" if len(left) == 1 else f"Les {len(left)} réunions déjà notées restent"
    return f"La série est arrêtée. {stay} au calendrier. Annulez ce qui n'a pas lieu."
