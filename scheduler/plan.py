"""Which reminders are due at a given moment: the tables say what, the clock only says look."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from scheduler import steps
from scheduler.attendance import CALLED_UPON, NO, PREPARE, YES, Attendance
from scheduler.committees import CANCELLED, COPIL, TITULAR, Committee, CommitteeCouncil, Reminder, Seat
from scheduler.preparation import Preparation
from scheduler.steps import CommitteeStep

OPEN_KINDS = ("preparation", "council", "training")  # those who sit on the COPIL are told, where nobody else is named

TELL_MOVED = "moved"  # at once, to whoever was told another date or place, when no other step tells them now
TELL_CANCELLED = "cancelled"  # at once, to whoever was told of it
WAKING = (time(8), time(20))  # nobody is reminded before, nor after, where the settings do not say otherwise


def waking_hours(quiet: str) -> tuple[time, time]:
    """« 20h-8h », the quiet hours, as (8 h, 20 h), when people may be written to; ValueError in French.

    They end between 6 h and noon and begin between 16 h and 22 h: nothing is ever due where clocks change.
    """
    found = re.fullmatch(r"\s*(\d{1,2})\s*h\s*(\d{2})?\s*-\s*(\d{1,2})\s*h\s*(\d{2})?\s*", quiet, re.IGNORECASE)
    if found is None or int(found[2] or 0) > 59 or int(found[4] or 0) > 59:
        raise ValueError("écrivez le soir puis le matin, par exemple 20h-8h")
    evening, morning = (int(found[1]), int(found[2] or 0)), (int(found[3]), int(found[4] or 0))
    if not (16, 0) <= evening <= (22, 0) or not (6, 0) <= morning <= (12, 0):
        raise ValueError("le calme commence entre 16h et 22h, et finit entre 6h et 12h")
    return time(*morning), time(*evening)


@dataclass(frozen=True)
class Due:
    """One person to be told one step of one meeting."""

    committee_id: int
    revision: int
    person_id: int
    council_id: int | None
    step: str
    action: str = ""  # what the step does; empty for news of a change

    @property
    def key(self) -> str:
        return f"meeting:{self.committee_id}.{self.revision}:{self.person_id}:{self.step}"


@dataclass(frozen=True)
class Told:
    """What a person last heard of a meeting."""

    revision: int
    step: str
    meeting_at: datetime


def is_waking(now: datetime, zone: ZoneInfo, hours: tuple[time, time] = WAKING) -> bool:
    """Whether people may be written to unasked now: between these local hours, the second left out."""
    return hours[0] <= now.astimezone(zone).time() < hours[1]


def next_waking(now: datetime, zone: ZoneInfo, hours: tuple[time, time] = WAKING) -> datetime:
    """Now, or the next first hour when people are not to be written to now."""
    local = now.astimezone(zone)
    if is_waking(now, zone, hours):
        return now
    day = local.date() + timedelta(days=1 if local.time() >= hours[1] else 0)
    return datetime.combine(day, hours[0], zone)


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """The first moment of the local day."""
    return datetime.combine(now.astimezone(zone).date(), time(0), zone)


def due(session: Session, now: datetime, zone: ZoneInfo, limit: int = 200) -> tuple[list[Due], bool]:
    """Who is to be told what by now and was not, `limit` at most, and whether more are left; sent in waking hours.

    1. Whoever was told of a meeting that is cancelled by now hears so.
    2. Whoever has a seat is told each step that has begun (`steps.settle`), once a revision.
    3. Whoever was told a date or place that changed hears so at once, unless a step tells them now.
    """
    found: list[Due] = []
    today = day_start(now, zone)
    queries: list[tuple[str, Any]] = [(TELL_CANCELLED, _to_hear_of_cancelling(now))]
    open_now = set(session.execute(_open_actions(now)).scalars())
    queries += [("", _to_tell(action, now, today)) for action in steps.BEFORE if action in open_now]
    queries.append((TELL_MOVED, _to_hear_of_moving(now)))
    queries += [("", _to_tell(action, now, today)) for action in (steps.PROPOSE, *steps.AFTER) if action in open_now]
    for news, query in queries:
        if (room := limit + 1 - len(found)) > 0:
            rows = session.execute(query.limit(room)).all()
            found += [Due(row[0], row[1], row[2], row[3], news or row[4], "" if news else row[5]) for row in rows]
    return list(_once_each(found[:limit])), len(found) > limit


def _open_actions(now: datetime) -> Any:
    return (
        sa.select(col(CommitteeStep.action))
        .where(col(CommitteeStep.state) == steps.WAITING, col(CommitteeStep.due_at) <= now)
        .distinct()
    )


def _reminded(*conditions: Any) -> Any:
    """That this person was told something of this revision of this meeting."""
    return (
        sa.exists()
        .where(
            col(Reminder.committee_id) == Committee.id,
            col(Reminder.revision) == Committee.revision,
            col(Reminder.person_id) == Seat.person_id,
            *conditions,
        )
        .correlate(Committee, Seat, CommitteeStep)
    )


def _said(*conditions: Any) -> Any:
    """That this person answered about this revision of this meeting."""
    return (
        sa.exists()
        .where(
            col(Attendance.committee_id) == Committee.id,
            col(Attendance.person_id) == Seat.person_id,
            *conditions,
        )
        .correlate(Committee, Seat)
    )


def _to_tell(action: str, now: datetime, today: datetime) -> Any:
    """Who has a seat on a meeting of which a step with this action has begun, and was not told it."""
    answered = sa.and_(col(Attendance.answer) != "", col(Attendance.revision) == Committee.revision)
    comes = sa.or_(col(Seat.role) == TITULAR, _said(col(Attendance.answer).in_((YES, PREPARE))), _said(*_called_upon()))
    says_no = _said(col(Attendance.answer) == NO, col(Attendance.revision) == Committee.revision)
    who: dict[str, tuple[Any, ...]] = {
        steps.AGAIN: (
            col(Seat.role) == TITULAR,
            ~_said(answered),
            _reminded(),
            ~_reminded(col(Reminder.posted_at) >= today),
        ),
        steps.PRACTICAL: (comes, ~says_no, ~_reminded(col(Reminder.posted_at) >= today)),
        steps.DECIDED: (comes, ~says_no, ~_said(col(Attendance.came).is_(False))),
        steps.SERVED: (_reminded(col(Reminder.step) != CommitteeStep.step), ~says_no),
        steps.PROPOSE: (
            sa.exists()
            .where(
                col(Preparation.committee_id) == Committee.id,
                col(Preparation.fixed_at).is_(None),
                ~sa.exists()  # these dates were proposed to them already, for an earlier revision
                .where(
                    col(Reminder.committee_id) == Committee.id,
                    col(Reminder.person_id) == Seat.person_id,
                    col(Reminder.step) == CommitteeStep.step,
                    col(Reminder.posted_at) >= Preparation.opened_at,
                )
                .correlate(Committee, Seat, CommitteeStep, Preparation),
            )
            .correlate(Committee, Seat, CommitteeStep),
        ),
    }
    when = col(Committee.starts_at) <= now if action in steps.AFTER else col(Committee.starts_at) > now
    return (
        sa.select(
            col(Committee.id),
            col(Committee.revision),
            col(Seat.person_id),
            col(Seat.council_id),
            col(CommitteeStep.step),
            col(CommitteeStep.action),
        )
        .join(CommitteeStep, col(CommitteeStep.committee_id) == col(Committee.id))
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(Seat, sa.and_(col(Seat.council_id) == col(CommitteeCouncil.council_id), seat_of_kind()))
        .where(
            col(CommitteeStep.state) == steps.WAITING,
            col(CommitteeStep.action) == action,
            col(CommitteeStep.revision) == col(Committee.revision),
            col(CommitteeStep.due_at) <= now,
            col(CommitteeStep.done_at).is_not(None),
            col(Committee.state) != CANCELLED,
            when,
            sits(),
            ~_reminded(col(Reminder.step) == CommitteeStep.step),
            *who.get(action, ()),
        )
        .order_by(col(Committee.starts_at), col(Committee.id), col(Seat.council_id), col(Seat.person_id))
    )


def _called_upon() -> tuple[Any, ...]:
    """An attendance row that names nobody is no answer; alternates who are asked to come have one of their own."""
    return (col(Attendance.answer) == "", col(Attendance.alternate) == CALLED_UPON)


def seat_of_kind() -> "sa.ColumnElement[bool]":
    """Whose seats count: those on the meeting's kind; whoever sits on the COPIL for meetings that have no seats."""
    return sa.or_(
        col(Seat.committee_kind) == col(Committee.kind),
        sa.and_(col(Committee.kind).in_(OPEN_KINDS), col(Seat.committee_kind) == COPIL),
    )


def sits() -> "sa.ColumnElement[bool]":
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


def _to_hear_of_moving(now: datetime) -> Any:
    told_now = sa.and_(
        sa.exists()
        .where(
            col(CommitteeStep.committee_id) == Committee.id,
            col(CommitteeStep.revision) == Committee.revision,
            col(CommitteeStep.state) == steps.WAITING,
            col(CommitteeStep.action).in_(steps.FIRST),
            col(CommitteeStep.due_at) <= now,
        )
        .correlate(Committee),
        sa.exists()
        .where(
            col(CommitteeCouncil.committee_id) == Committee.id,
            col(CommitteeCouncil.council_id) == Seat.council_id,
            col(Seat.person_id) == Reminder.person_id,
            seat_of_kind(),
            sits(),
        )
        .correlate(Committee, Reminder),
    )
    return _last_told(
        col(Committee.state) != CANCELLED,
        col(Committee.starts_at) > now,
        col(Committee.planned_revision) == col(Committee.revision),
        col(Reminder.revision) < col(Committee.revision),
        ~told_now,
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


def last_told(session: Session, found: Sequence[Due], before: int | None = None) -> dict[tuple[int, int], Told]:
    """What each (committee, person) of these last heard; those who heard nothing are left out.

    `before`: only what was noted before this reminder.
    """
    rows = session.exec(
        select(Reminder)
        .where(
            *(() if before is None else (col(Reminder.id) < before,)),
            col(Reminder.committee_id).in_({each.committee_id for each in found}),
            col(Reminder.person_id).in_({each.person_id for each in found}),
        )
        .order_by(col(Reminder.id))
    ).all()
    return {(row.committee_id, row.person_id): Told(row.revision, row.step, row.meeting_at) for row in rows}


@dataclass(frozen=True)
class Noted:
    """What is noted of one person's step: the date that they are told, the channel, or why the officer calls."""

    due: Due
    meeting_at: datetime
    channel: str = ""
    call: str = ""


def record(session: Session, found: Sequence[Noted], now: datetime) -> set[Due]:
    """Note that these steps are told; those that nobody had noted before.

    The unique key and ON CONFLICT decide: of two who note the same step, one gets it.
    """
    if not found:
        return set()
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[session.get_bind().dialect.name]
    table = Reminder.__table__  # type: ignore[attr-defined]
    values = [
        {
            "committee_id": each.due.committee_id,
            "revision": each.due.revision,
            "person_id": each.due.person_id,
            "council_id": each.due.council_id,
            "step": each.due.step,
            "meeting_at": each.meeting_at,
            "outbox_key": "" if each.call else each.due.key,
            "posted_at": now,
            "channel": each.channel,
            "tries": 1,
            "call": each.call,
        }
        for each in found
    ]
    insert = dialect.insert(table).on_conflict_do_nothing()
    told = insert.returning(table.c.committee_id, table.c.revision, table.c.person_id, table.c.step)
    new = session.execute(told, values)
    noted = {tuple(row) for row in new}
    return {
        each.due
        for each in found
        if (each.due.committee_id, each.due.revision, each.due.person_id, each.due.step) in noted
    }


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
        .where(
            col(Committee.starts_at) <= now,
            col(Committee.starts_at) > now - timedelta(days=3),
            col(Reminder.posted_at) < col(Committee.starts_at),  # what is asked after it was posted after it
        )
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
            sa.and_(col(Seat.council_id) == col(CommitteeCouncil.council_id), seat_of_kind()),
        )
        .where(col(Committee.id).in_(committee_ids), sits())
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
