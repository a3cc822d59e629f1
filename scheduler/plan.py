"""Which reminders are due at a given moment: the tables say what, the clock only says look."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from scheduler.committees import CANCELLED, COPIL, Committee, CommitteeCouncil, Reminder, Seat

REMIND = "j-10"  # ten days before
TELL_MOVED = "moved"  # at once, to whoever was told another date or place, when the new date is further away
TELL_CANCELLED = "cancelled"  # at once, to whoever was told of it
DAYS_BEFORE = 10
FIRST_HOUR = time(8)  # nobody is reminded before
LAST_HOUR = time(20)  # nor after


@dataclass(frozen=True)
class Due:
    """One person to be told one step of one meeting."""

    committee_id: int
    revision: int
    person_id: int
    council_id: int | None
    step: str

    @property
    def key(self) -> str:
        return f"meeting:{self.committee_id}.{self.revision}:{self.person_id}:{self.step}"


@dataclass(frozen=True)
class Told:
    """What a person last heard of a meeting."""

    revision: int
    step: str
    meeting_at: datetime


def due_from(meeting: datetime, zone: ZoneInfo, days: int = DAYS_BEFORE) -> datetime:
    """When a step may first be sent: 8 h, `days` days before on the local calendar (never between 2 and 3 h)."""
    day = meeting.astimezone(zone).date() - timedelta(days=days)
    return datetime.combine(day, FIRST_HOUR, zone)


def is_waking(now: datetime, zone: ZoneInfo) -> bool:
    """Whether people may be written to now: from 8 h to 20 h, local."""
    return FIRST_HOUR <= now.astimezone(zone).time() < LAST_HOUR


def next_waking(now: datetime, zone: ZoneInfo) -> datetime:
    """Now, or the next 8 h when people are not to be written to now."""
    local = now.astimezone(zone)
    if is_waking(now, zone):
        return now
    day = local.date() + timedelta(days=1 if local.time() >= LAST_HOUR else 0)
    return datetime.combine(day, FIRST_HOUR, zone)


def horizon(now: datetime, zone: ZoneInfo, days: int = DAYS_BEFORE) -> datetime:
    """The end of the last local day whose meetings are within `days` days of today."""
    day: date = now.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(0), zone)


def due(session: Session, now: datetime, zone: ZoneInfo, limit: int = 200) -> tuple[list[Due], bool]:
    """Who is to be told what by now and was not, `limit` at most, and whether more are left; sent in waking hours.

    1. Whoever was told of a meeting that is cancelled by now hears so.
    2. Whoever was told a date or place that changed hears so at once, however far the new date is.
    3. Whoever has a seat is reminded ten local calendar days before, until the meeting begins: what was missed while
       the service was away is caught up, what has begun is not. Each revision reminds anew.
    """
    found: list[Due] = []
    for step, query in (
        (TELL_CANCELLED, _to_hear_of_cancelling(now)),
        (TELL_MOVED, _to_hear_of_moving(now, zone)),
        (REMIND, _to_remind(now, zone)),
    ):
        if (room := limit + 1 - len(found)) > 0:
            found += [Due(c, r, p, a, step) for c, r, p, a in session.execute(query.limit(room)).all()]
    return list(_once_each(found[:limit])), len(found) > limit


def _to_remind(now: datetime, zone: ZoneInfo) -> Any:
    told = (
        sa.exists()
        .where(
            col(Reminder.committee_id) == Committee.id,
            col(Reminder.revision) == Committee.revision,
            col(Reminder.person_id) == Seat.person_id,
            col(Reminder.step) == REMIND,
        )
        .correlate(Committee, Seat)
    )
    return (
        sa.select(col(Committee.id), col(Committee.revision), col(Seat.person_id), col(Seat.council_id))
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(
            Seat,
            sa.and_(
                col(Seat.council_id) == col(CommitteeCouncil.council_id),
                col(Seat.committee_kind) == col(Committee.kind),
            ),
        )
        .where(
            col(Committee.kind) == COPIL,
            col(Committee.state) != CANCELLED,
            col(Committee.starts_at) > now,
            col(Committee.starts_at) < horizon(now, zone),
            _sits(),
            ~told,
        )
        .order_by(col(Committee.starts_at), col(Committee.id))
    )


def _sits() -> "sa.ColumnElement[bool]":
    """That a seat is held on the day of the meeting."""
    return sa.and_(
        sa.or_(col(Seat.since).is_(None), col(Seat.since) <= col(Committee.starts_at)),
        sa.or_(col(Seat.until).is_(None), col(Seat.until) > col(Committee.starts_at)),
    )


def _last_told(*conditions: Any) -> Any:
    """Committees with the last that each person heard of them."""
    later = aliased(Reminder)
    newer = (
        sa.exists()
        .where(
            col(later.committee_id) == Reminder.committee_id,
            col(later.person_id) == Reminder.person_id,
            col(later.id) > col(Reminder.id),
        )
        .correlate(Reminder)
    )
    return (
        sa.select(col(Committee.id), col(Committee.revision), col(Reminder.person_id), col(Reminder.council_id))
        .join(Reminder, col(Reminder.committee_id) == col(Committee.id))
        .where(*conditions, ~newer)
        .order_by(col(Committee.starts_at), col(Committee.id))
    )


def _to_hear_of_moving(now: datetime, zone: ZoneInfo) -> Any:
    return _last_told(
        col(Committee.state) != CANCELLED,
        col(Committee.starts_at) >= horizon(now, zone),
        col(Reminder.revision) < col(Committee.revision),
    )


def _to_hear_of_cancelling(now: datetime) -> Any:
    return _last_told(
        col(Committee.state) == CANCELLED,
        sa.or_(col(Committee.starts_at) > now, col(Reminder.meeting_at) > now),
        col(Reminder.step) != TELL_CANCELLED,
    )


def _once_each(found: Iterable[Due]) -> Iterable[Due]:
    """Someone who sits for two councils of one committee is told once."""
    seen: set[tuple[int, int]] = set()
    for each in found:
        if (each.committee_id, each.person_id) not in seen:
            seen.add((each.committee_id, each.person_id))
            yield each


def last_told(session: Session, found: Sequence[Due]) -> dict[tuple[int, int], Told]:
    """What each (committee, person) of these last heard; those who heard nothing are left out."""
    rows = session.exec(
        select(Reminder)
        .where(
            col(Reminder.committee_id).in_({each.committee_id for each in found}),
            col(Reminder.person_id).in_({each.person_id for each in found}),
        )
        .order_by(col(Reminder.id))
    ).all()
    return {(row.committee_id, row.person_id): Told(row.revision, row.step, row.meeting_at) for row in rows}


def record(session: Session, found: Sequence[tuple[Due, datetime]], now: datetime) -> set[Due]:
    """Note that these steps are told, each with the meeting's date; those that nobody had noted before.

    The unique key and ON CONFLICT decide: of two who note the same step, one gets it.
    """
    if not found:
        return set()
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[session.get_bind().dialect.name]
    table = Reminder.__table__  # type: ignore[attr-defined]
    values = [
        {
            "committee_id": due.committee_id,
            "revision": due.revision,
            "person_id": due.person_id,
            "council_id": due.council_id,
            "step": due.step,
            "meeting_at": meeting_at,
            "outbox_key": due.key,
            "posted_at": now,
        }
        for due, meeting_at in found
    ]
    insert = dialect.insert(table).on_conflict_do_nothing()
    told = insert.returning(table.c.committee_id, table.c.revision, table.c.person_id, table.c.step)
    new = session.execute(told, values)
    noted = {tuple(row) for row in new}
    return {due for due, _ in found if (due.committee_id, due.revision, due.person_id, due.step) in noted}


def told_by_ticket(session: Session, due: Due, ticket_id: int) -> None:
    """Note that this person cannot be written to: the officer tells them."""
    session.execute(
        sa.update(Reminder)
        .where(
            col(Reminder.committee_id) == due.committee_id,
            col(Reminder.revision) == due.revision,
            col(Reminder.person_id) == due.person_id,
            col(Reminder.step) == due.step,
        )
        .values(outbox_key=f"ticket:{ticket_id}")
    )


def changed_keys(now: datetime) -> Any:
    """The outbox keys of what was noted for meetings that changed or were cancelled since, and are still to come."""
    return (
        sa.select(col(Reminder.outbox_key))
        .join(Committee, col(Committee.id) == col(Reminder.committee_id))
        .where(
            sa.or_(col(Committee.revision) > 1, col(Committee.state) == CANCELLED),
            sa.or_(
                col(Reminder.revision) < col(Committee.revision),
                sa.and_(col(Committee.state) == CANCELLED, col(Reminder.step) != TELL_CANCELLED),
            ),
            sa.or_(col(Committee.starts_at) > now, col(Reminder.meeting_at) > now),
        )
    )


def begun_keys(now: datetime) -> Any:
    """The outbox keys of what was noted for meetings that began in the last three days."""
    return (
        sa.select(col(Reminder.outbox_key))
        .join(Committee, col(Committee.id) == col(Reminder.committee_id))
        .where(col(Committee.starts_at) <= now, col(Committee.starts_at) > now - timedelta(days=3))
    )


def forget(session: Session, keys: Sequence[str]) -> None:
    """What was noted under these keys never left: nobody was told."""
    session.execute(sa.delete(Reminder).where(col(Reminder.outbox_key).in_(keys)))


def seats_of(session: Session, committee_ids: Sequence[int | None]) -> dict[int, int]:
    """How many people have a seat on each of these meetings."""
    rows = session.execute(
        sa.select(col(Committee.id), sa.func.count(sa.distinct(col(Seat.person_id))))
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(
            Seat,
            sa.and_(
                col(Seat.council_id) == col(CommitteeCouncil.council_id),
                col(Seat.committee_kind) == col(Committee.kind),
            ),
        )
        .where(col(Committee.id).in_(committee_ids), _sits())
        .group_by(col(Committee.id))
    ).all()
    return {row[0]: row[1] for row in rows}


def told_of(session: Session, committee_ids: Sequence[int | None]) -> dict[int, int]:
    """How many people were told of each of these meetings as it stands."""
    rows = session.execute(
        sa.select(col(Committee.id), sa.func.count(sa.distinct(col(Reminder.person_id))))
        .join(
            Reminder,
            sa.and_(col(Reminder.committee_id) == col(Committee.id), col(Reminder.revision) == col(Committee.revision)),
        )
        .where(col(Committee.id).in_(committee_ids))
        .group_by(col(Committee.id))
    ).all()
    return {row[0]: row[1] for row in rows}
