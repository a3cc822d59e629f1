"""The calendar as the desk's pages show it: a month, a list, and what each meeting still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from channels.directory import Council
from escalation.accounts import Who
from scheduler import plan
from scheduler.attendance import NO, Attendance
from scheduler.committees import CANCELLED, COPIL, TITULAR, Committee, CommitteeCouncil, Seat, SeatPlaces
from scheduler.preparation import Preparation

MOST = 500  # meetings on one page
SOON = timedelta(days=21)  # from when on a missing invitation is worth a word
KINDS = {
    "copil": "Comité de pilotage",
    "cotech": "Comité technique",
    "interconseil": "Interconseil",
    "preparation": "Réunion de préparation",
    "council": "Réunion du conseil",
    "training": "Formation",
    "other": "Autre réunion",
}


@dataclass(frozen=True)
class Card:
    """One meeting in a list or in a month."""

    id: int
    title: str
    kind: str
    kind_name: str
    starts_at: datetime
    ends_at: datetime | None
    place: str
    state: str  # planned | confirmed | moved | cancelled
    councils: tuple[str, ...]
    seats: int  # people who have a seat on it
    comes: int
    absent: int
    lacks: tuple[str, ...]  # what is missing, in French

    @property
    def silent(self) -> int:
        return max(0, self.seats - self.comes - self.absent)


def listed(
    session: Session,
    who: Who,
    since: datetime,
    until: datetime,
    council_id: int | None,
    kind: str,
    now: datetime,
    limit: int = MOST,
) -> tuple[list[Card], bool]:
    """The meetings between two moments that this officer sees, the first first; and whether more are left out."""
    query = (
        select(Committee)
        .where(Committee.starts_at >= since, Committee.starts_at < until)
        .order_by(col(Committee.starts_at), col(Committee.id))
        .limit(limit + 1)
    )
    if kind:
        query = query.where(Committee.kind == kind)
    if council_id is not None:
        query = query.where(col(Committee.id).in_(_of_councils([council_id])))
    if who.councils is not None:
        linked = sa.exists().where(col(CommitteeCouncil.committee_id) == Committee.id).correlate(Committee)
        query = query.where(sa.or_(~linked, col(Committee.id).in_(_of_councils(list(who.councils)))))
    found = list(session.exec(query).all())
    return cards(session, found[:limit], now), len(found) > limit


def _of_councils(ids: Sequence[int]) -> Any:
    return sa.select(col(CommitteeCouncil.committee_id)).where(col(CommitteeCouncil.council_id).in_(ids))


def sees(session: Session, who: Who, committee_id: int) -> bool:
    """Whether a meeting is this officer's to see: one of its councils is, or it has none."""
    if who.councils is None:
        return True
    ids = session.exec(select(CommitteeCouncil.council_id).where(CommitteeCouncil.committee_id == committee_id)).all()
    return not ids or any(who.sees(each) for each in ids)


def cards(session: Session, meetings: Sequence[Committee], now: datetime) -> list[Card]:
    """These meetings with their councils, who comes, and what they lack: five statements however many they are."""
    ids = [each.id for each in meetings if each.id is not None]
    links = session.execute(
        sa.select(
            col(CommitteeCouncil.committee_id), col(Council.id), col(Council.name), col(CommitteeCouncil.invited_at)
        )
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .where(col(CommitteeCouncil.committee_id).in_(ids))
        .order_by(col(Council.name))
    ).all()
    councils: dict[int, list[str]] = {}
    uninvited: dict[int, list[str]] = {}
    for committee_id, _, name, invited_at in links:
        councils.setdefault(committee_id, []).append(name)
        if invited_at is None:
            uninvited.setdefault(committee_id, []).append(name)
    seats = plan.seats_of(session, ids)
    said: dict[int, tuple[int, int]] = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            sa.select(
                col(Attendance.committee_id),
                sa.func.count(sa.case((col(Attendance.answer).in_(("yes", "prepare")), 1))),
                sa.func.count(sa.case((col(Attendance.answer) == NO, 1))),
            )
            .join(Committee, col(Committee.id) == col(Attendance.committee_id))
            .where(col(Attendance.committee_id).in_(ids), col(Attendance.revision) == col(Committee.revision))
            .group_by(col(Attendance.committee_id))
        ).all()
    }
    empty = _empty_seats(session, ids)
    unfixed = _unfixed(session, ids)
    return [
        Card(
            id=each.id,
            title=each.title,
            kind=each.kind,
            kind_name=KINDS.get(each.kind, each.kind),
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            place=each.place,
            state=each.state,
            councils=tuple(councils.get(each.id, ())),
            seats=seats.get(each.id, 0),
            comes=said.get(each.id, (0, 0))[0],
            absent=said.get(each.id, (0, 0))[1],
            lacks=_lacks(each, now, uninvited.get(each.id, []), empty.get(each.id, []), each.id in unfixed),
        )
        for each in meetings
        if each.id is not None
    ]


def _lacks(
    meeting: Committee, now: datetime, uninvited: Sequence[str], empty: Sequence[str], unfixed: bool
) -> tuple[str, ...]:
    """What is missing of a meeting to come, in a few words each."""
    if meeting.starts_at <= now or meeting.state == CANCELLED or meeting.kind not in (COPIL, "cotech"):
        return ()
    found = []
    if empty:
        found.append(f"Siège vide : {_some(empty)}")
    if uninvited and meeting.starts_at - now <= SOON:
        found.append(f"Pas encore invité : {_some(uninvited)}")
    if unfixed and meeting.kind == COPIL and meeting.starts_at - now <= SOON:
        found.append("Préparation sans date")
    if not meeting.place and meeting.starts_at - now <= SOON:
        found.append("Lieu inconnu")
    return tuple(found)


def _some(names: Sequence[str], most: int = 3) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" et {more} autre{'s' if more > 1 else ''}" if more > 0 else "")


def _empty_seats(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    """The councils that hold fewer titular seats than they have, by meeting."""
    rows = session.execute(
        sa.select(col(Committee.id), col(Council.name))
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .outerjoin(
            SeatPlaces,
            sa.and_(col(SeatPlaces.council_id) == col(Council.id), col(SeatPlaces.committee_kind) == Committee.kind),
        )
        .outerjoin(
            Seat,
            sa.and_(
                col(Seat.council_id) == col(Council.id),
                col(Seat.committee_kind) == Committee.kind,
                col(Seat.role) == TITULAR,
                plan.sits(),
            ),
        )
        .where(col(Committee.id).in_(ids), col(Committee.kind).in_((COPIL, "cotech")))
        .group_by(col(Committee.id), col(Council.id), col(Council.name))
        .having(sa.func.count(col(Seat.id)) < sa.func.coalesce(sa.func.max(SeatPlaces.places), 1))
        .order_by(col(Council.name))
    ).all()
    found: dict[int, list[str]] = {}
    for committee_id, name in rows:
        found.setdefault(committee_id, []).append(name)
    return found


def _unfixed(session: Session, ids: Sequence[int]) -> set[int]:
    """The meetings whose preparation has no date."""
    fixed = set(
        session.exec(
            select(Preparation.committee_id)
            .join(Committee, col(Committee.id) == col(Preparation.meeting_id))
            .where(col(Preparation.committee_id).in_(ids), col(Committee.state) != CANCELLED)
        ).all()
    )
    return set(ids) - fixed
