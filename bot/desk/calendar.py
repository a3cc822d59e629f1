"""Meetings: listed, shown, recorded, moved, confirmed, cancelled; whatever the officer does with the calendar."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk.reminding import withdraw
from bot.office import Office
from bot.sheets import day, hour, moment
from channels.directory import Council
from scheduler import committees, plan
from scheduler.committees import CANCELLED, Committee, CommitteeCouncil

KIND_NAMES = {
    "copil": "COPIL",
    "cotech": "comité technique",
    "interconseil": "inter-conseils",
    "preparation": "préparation",
    "council": "réunion du conseil",
    "training": "formation",
    "other": "autre",
}


class NoSuchMeeting(LookupError):
    """No meeting has this number."""


class MeetingOver(ValueError):
    """A meeting that has begun, or a new date that is past: nothing to move or cancel."""


# --- what the officer does --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meeting:
    """A meeting as it is listed."""

    id: int
    kind: str
    title: str
    starts_at: datetime
    place: str
    state: str
    revision: int
    councils: tuple[str, ...]
    seats: int  # people who have a seat on it
    told: int  # people who were told of this revision


def upcoming(session: Session, now: datetime, limit: int = 200) -> list[Meeting]:
    """The meetings to come, cancelled ones too, with who was told."""
    found = session.exec(
        select(Committee).where(Committee.starts_at >= now).order_by(col(Committee.starts_at)).limit(limit)
    ).all()
    ids = [each.id for each in found]
    names: dict[int, list[str]] = {}
    for committee_id, name in session.execute(
        sa.select(col(CommitteeCouncil.committee_id), col(Council.name))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .where(col(CommitteeCouncil.committee_id).in_(ids))
        .order_by(col(Council.name))
    ):
        names.setdefault(committee_id, []).append(name)
    seats = plan.seats_of(session, ids)
    told = plan.told_of(session, ids)
    return [
        Meeting(
            each.id or 0,
            each.kind,
            each.title,
            each.starts_at,
            each.place,
            each.state,
            each.revision,
            tuple(names.get(each.id or 0, ())),
            seats.get(each.id or 0, 0),
            told.get(each.id or 0, 0),
        )
        for each in found
    ]


def the_meeting(session: Session, meeting_id: int, now: datetime) -> Committee:
    """NoSuchMeeting; MeetingOver when it has begun."""
    meeting = session.get(Committee, meeting_id)
    if meeting is None:
        raise NoSuchMeeting(f"Aucune réunion n'a le numéro {meeting_id}. La liste : hotline committees list")
    if meeting.starts_at <= now:
        raise MeetingOver("Cette réunion a déjà commencé.")
    return meeting


def move(
    session: Session,
    office: Office,
    meeting_id: int,
    new_day: str,
    new_hour: str,
    place: str | None,
    author: str,
    now: datetime,
) -> str:
    """Another date, time or place (None leaves it): what was done, in words. BadCell, NoSuchMeeting, MeetingOver."""
    meeting = the_meeting(session, meeting_id, now)
    local = meeting.starts_at.astimezone(office.zone)
    starts_at = moment(
        day(new_day) if new_day else local.date(),
        hour(new_hour) if new_hour else local.time().replace(tzinfo=None),
        office.zone,
    )
    if starts_at <= now:
        raise MeetingOver(f"{office.when(starts_at)} est déjà passé.")
    length = meeting.ends_at - meeting.starts_at if meeting.ends_at else None
    revived = meeting.state == CANCELLED
    new_place = meeting.place if place is None else place.strip()
    if not committees.move(session, meeting, starts_at, starts_at + length if length else None, new_place):
        if not revived:
            return "Rien ne change."
        committees.revive(session, meeting)
    session.flush()
    withdraw(session, now)
    audit.append(session, now, author, "meeting moved", f"committee:{meeting.id}", text=office.when(starts_at))
    where = f", {new_place}" if new_place else ""
    return f"{meeting.title} a lieu {office.when(starts_at)}{where}. Qui était prévenu le sera de nouveau."


def cancel(session: Session, office: Office, meeting_id: int, author: str, now: datetime) -> str:
    """Cancel a meeting: what was done, in words. NoSuchMeeting, MeetingOver."""
    meeting = the_meeting(session, meeting_id, now)
    if not committees.cancel(session, meeting):
        return "Cette réunion est déjà annulée."
    session.flush()
    withdraw(session, now)
    audit.append(session, now, author, "meeting cancelled", f"committee:{meeting.id}")
    return f"{meeting.title} ({office.when(meeting.starts_at)}) est annulée. Qui était prévenu le sera."
