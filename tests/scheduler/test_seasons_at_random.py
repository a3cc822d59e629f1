"""Seasons at random: whatever is moved, cancelled, or missed while away, each is told once a revision, in its time."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import holidays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from bot.db import Database
from channels.directory import Council, Person
from scheduler import committees, plan, steps
from scheduler.committees import CANCELLED, Committee, Reminder, Seat
from scheduler.plan import Due, Noted

PARIS = ZoneInfo("Europe/Paris")
HOLIDAYS = frozenset(holidays.country_holidays("FR", years=range(2026, 2029)))
STARTS = (datetime(2027, 3, 5, 9, tzinfo=PARIS), datetime(2027, 10, 8, 9, tzinfo=PARIS))  # both clock changes follow


@dataclass(frozen=True)
class Change:
    """After so many hours the meeting is moved by so many days; 0 cancels it."""

    after: int
    days: int


CHANGES = st.lists(st.builds(Change, st.integers(1, 900), st.integers(-6, 30)), max_size=3)
AWAY = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 72)), max_size=2)  # (from hour, hours)


def _make(session: Session, starts_at: datetime, now: datetime) -> int:
    session.add(Council(id=1, slug="c", name="Conseil"))
    for number in (1, 2):
        session.add(Person(id=number, name=f"P{number}", created_at=now))
    session.flush()
    for number in (1, 2):
        session.add(Seat(council_id=1, person_id=number))
    meeting = Committee(title="COPIL", starts_at=starts_at, created_at=now)
    session.add(meeting)
    session.flush()
    committees.link(session, meeting, [1])
    return meeting.id or 0


def _tick(session: Session, now: datetime) -> list[Due]:
    steps.plan_meetings(session, now, PARIS, HOLIDAYS, steps.unplanned(session, now, 50))
    steps.settle(session, now, steps.unsettled(session, now, 50))
    begun = steps.begun(session, now)
    told: list[Due] = []
    while found := plan.due(session, now, PARIS)[0]:
        meeting = session.get(Committee, found[0].committee_id)
        assert meeting is not None
        told += plan.record(session, [Noted(each, meeting.starts_at, "email") for each in found], now)
    steps.close(session, begun)
    return told


def _change(session: Session, id: int, days: int, now: datetime) -> None:
    meeting = session.get(Committee, id)
    assert meeting is not None
    if meeting.starts_at <= now or meeting.state == CANCELLED:
        return
    if days == 0:
        committees.cancel(session, meeting)
    elif (local := (meeting.starts_at.astimezone(PARIS) + timedelta(days=days))) > now:
        committees.move(session, meeting, local, None, meeting.place)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.sampled_from(STARTS), days=st.integers(1, 40), hour=st.integers(8, 20), changes=CHANGES, away=AWAY)
def test_each_is_told_once_a_revision_and_in_its_time(
    sqlite_template: Path, start: datetime, days: int, hour: int, changes: list[Change], away: list[tuple[int, int]]
) -> None:
    with TemporaryDirectory() as folder:
        shutil.copy(sqlite_template, Path(folder) / "season.db")
        db = Database(f"sqlite:///{Path(folder)}/season.db", pool=2)
        try:
            starts_at = (start + timedelta(days=days)).replace(hour=hour)
            id = db.transact(_make, starts_at, start)
            told: list[tuple[datetime, Due]] = []
            for elapsed in range(0, 80 * 24, 6):
                now = start.astimezone(ZoneInfo("UTC")) + timedelta(hours=elapsed)
                for change in changes:
                    if elapsed - 6 < change.after <= elapsed:
                        db.transact(_change, id, change.days, now)
                if any(since <= elapsed < since + hours for since, hours in away):
                    continue
                told += [(now, each) for each in db.transact(_tick, now)]
            _judge(db, id, told)
        finally:
            db.close()


def _judge(db: Database, id: int, told: list[tuple[datetime, Due]]) -> None:
    meeting = db.look(lambda s: s.get(Committee, id))
    assert meeting is not None
    keys = [each.key for _, each in told]
    assert len(keys) == len(set(keys))  # once per person, revision and step
    rows = db.look(lambda s: s.exec(select(Reminder).order_by(col(Reminder.id))).all())
    for row in rows:
        action = next(each.action for _, each in told if each.step == row.step and each.revision == row.revision)
        if action in steps.BEFORE:
            assert row.posted_at < row.meeting_at  # nothing of a meeting that has begun
        elif action in steps.AFTER:
            assert row.posted_at > row.meeting_at
    by_day = [(each.person_id, each.revision, now.astimezone(PARIS).date()) for now, each in told
              if each.action in steps.BEFORE]  # fmt: skip
    assert len(by_day) == len(set(by_day))  # at most one reminder of a revision a day
    if meeting.state == CANCELLED:
        last = {row.person_id: row.step for row in rows}
        assert set(last.values()) <= {plan.TELL_CANCELLED}
    elif rows:
        for person in {row.person_id for row in rows if row.meeting_at != meeting.starts_at}:
            newest = [row for row in rows if row.person_id == person][-1]
            assert newest.meeting_at == meeting.starts_at  # whoever heard another date heard the last one
