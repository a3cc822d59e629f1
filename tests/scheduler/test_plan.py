"""What is due and when: ten local days before, in waking hours, once, over moves, cancellations and clock changes."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.db import Database
from channels.directory import Council, Person
from scheduler import committees, plan
from scheduler.committees import Committee, Seat
from scheduler.plan import Due, due_from, horizon, is_waking

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
MEETINGS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(lambda naive: naive.replace(tzinfo=PARIS))


def paris(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=PARIS)  # type: ignore[arg-type, misc]


@given(MEETINGS)
def test_a_reminder_is_due_at_8_local_ten_calendar_days_before(meeting: datetime) -> None:
    start = due_from(meeting, PARIS).astimezone(PARIS)
    assert start.time() == time(8)
    assert meeting.date() - start.date() == timedelta(days=10)


@given(MEETINGS, st.timedeltas(timedelta(days=-20), timedelta(days=20)))
def test_a_meeting_is_within_the_horizon_from_the_very_day_that_it_is_due(meeting: datetime, away: timedelta) -> None:
    now = meeting.astimezone(UTC) + away
    day_is_here = now.astimezone(PARIS).date() >= meeting.date() - timedelta(days=10)
    assert (meeting < horizon(now, PARIS)) == day_is_here
    if is_waking(now, PARIS):
        assert (meeting < horizon(now, PARIS)) == (now >= due_from(meeting, PARIS))


@pytest.mark.parametrize(
    ("meeting", "due"),
    [
        (paris(2027, 4, 2, 18), datetime(2027, 3, 23, 7, tzinfo=UTC)),  # summer time begins between the two
        (paris(2027, 4, 7, 18), datetime(2027, 3, 28, 6, tzinfo=UTC)),  # due on the day of the change itself
        (paris(2027, 3, 28, 3), datetime(2027, 3, 18, 7, tzinfo=UTC)),
        (paris(2027, 11, 5, 18), datetime(2027, 10, 26, 6, tzinfo=UTC)),  # summer time ends between the two
        (paris(2027, 11, 10, 18), datetime(2027, 10, 31, 7, tzinfo=UTC)),
    ],
)
def test_both_clock_changes_of_2027_are_right(meeting: datetime, due: datetime) -> None:
    assert due_from(meeting, PARIS) == due
    assert is_waking(due, PARIS)
    assert not is_waking(due - timedelta(minutes=1), PARIS)


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31), date(2027, 1, 15)])
def test_waking_hours_are_twelve_even_when_the_clocks_change(day: date) -> None:
    start = datetime.combine(day, time(0), PARIS).astimezone(UTC)
    minutes = (start + timedelta(minutes=n) for n in range(24 * 60))
    assert sum(is_waking(minute, PARIS) for minute in minutes) == 12 * 60


# --- with tables ------------------------------------------------------------------------------------------------------


def make(session: Session, *, starts_at: datetime, councils: int = 1, people: int = 1, kind: str = "copil") -> int:
    """A meeting of so many councils, on which so many people sit for each of them."""
    ids = []
    for n in range(councils):
        council = Council(slug=f"c{n}", name=f"Conseil {n}")
        session.add(council)
        session.flush()
        ids.append(council.id or 0)
    for n in range(people):
        person = Person(name=f"Personne {n}", created_at=NOW)
        session.add(person)
        session.flush()
        for council_id in ids:
            session.add(Seat(council_id=council_id, person_id=person.id or 0, committee_kind="copil"))
    meeting = Committee(kind=kind, title="COPIL", starts_at=starts_at, created_at=NOW)
    session.add(meeting)
    session.flush()
    committees.link(session, meeting, ids)
    return meeting.id or 0


def tell(session: Session, now: datetime, limit: int = 200) -> list[Due]:
    """Everyone due, noted as told."""
    found, _ = plan.due(session, now, PARIS, limit)
    noted = plan.record(session, [(each, _starts(session, each)) for each in found], now)
    assert noted == set(found)
    return found


def _starts(session: Session, each: Due) -> datetime:
    meeting = session.get(Committee, each.committee_id)
    assert meeting is not None
    return meeting.starts_at


def change(session: Session, meeting_id: int, starts_at: datetime | None) -> None:
    meeting = session.get(Committee, meeting_id)
    assert meeting is not None
    if starts_at is None:
        committees.cancel(session, meeting)
    else:
        committees.move(session, meeting, starts_at, None, meeting.place)


def steps(found: list[Due]) -> list[tuple[int, str]]:
    return [(each.revision, each.step) for each in found]


def test_someone_who_sits_for_two_councils_is_told_once(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), councils=3, people=2))
    assert len(db.transact(tell, NOW)) == 2
    assert db.transact(tell, NOW + timedelta(days=1)) == []


def test_the_limit_is_kept_and_says_that_more_is_left(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=5))
    found, more = db.look(plan.due, NOW, PARIS, 3)
    assert (len(found), more) == (3, True)
    db.transact(tell, NOW, 3)
    found, more = db.look(plan.due, NOW, PARIS, 2)
    assert (len(found), more) == (2, False)


@pytest.mark.parametrize(
    ("days", "hours", "found"), [(11, 0, 0), (10, 0, 1), (5, 0, 1), (0, 1, 1), (0, 0, 0), (-1, 0, 0)]
)
def test_ten_days_before_and_until_it_begins(db: Database, days: int, hours: int, found: int) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=days, hours=hours)))
    assert len(db.look(plan.due, NOW, PARIS)[0]) == found


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        (paris(2026, 12, 1, 7, 59), paris(2026, 12, 1, 8)),
        (paris(2026, 12, 1, 20), paris(2026, 12, 2, 8)),
        (paris(2026, 12, 1, 19, 59), paris(2026, 12, 1, 19, 59)),
        (paris(2027, 3, 28, 1, 30), paris(2027, 3, 28, 8)),  # the night in which summer time begins
        (paris(2027, 10, 30, 23), paris(2027, 10, 31, 8)),  # and the one in which it ends
    ],
)
def test_what_is_due_at_night_leaves_at_8_in_the_morning(now: datetime, sent: datetime) -> None:
    assert plan.next_waking(now, PARIS) == sent


def test_other_kinds_have_no_reminder_yet(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), kind="cotech"))
    assert db.look(plan.due, NOW, PARIS) == ([], False)


@pytest.mark.parametrize(
    ("since", "until", "found"), [(None, None, 1), (3, None, 1), (7, None, 0), (None, 3, 0), (None, 7, 1)]
)
def test_a_seat_counts_when_it_is_held_on_the_day(
    db: Database, since: int | None, until: int | None, found: int
) -> None:
    def limit_seats(session: Session) -> None:
        make(session, starts_at=NOW + timedelta(days=5))
        for seat in session.exec(select(Seat)).all():
            seat.since = NOW + timedelta(days=since) if since else None
            seat.until = NOW + timedelta(days=until) if until else None

    db.transact(limit_seats)
    assert len(db.look(plan.due, NOW, PARIS)[0]) == found


def test_a_meeting_moved_within_ten_days_is_told_anew_once(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5)))
    assert steps(db.transact(tell, NOW)) == [(1, "j-10")]
    db.transact(change, meeting, NOW + timedelta(days=8))
    assert steps(db.transact(tell, NOW)) == [(2, "j-10")]
    assert db.transact(tell, NOW) == []


def test_a_meeting_moved_far_away_is_told_at_once_and_again_ten_days_before(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5)))
    db.transact(tell, NOW)
    db.transact(change, meeting, NOW + timedelta(days=60))
    assert steps(db.transact(tell, NOW)) == [(2, "moved")]
    assert db.transact(tell, NOW + timedelta(days=20)) == []
    assert steps(db.transact(tell, NOW + timedelta(days=50))) == [(2, "j-10")]


def test_who_was_told_of_nothing_does_not_hear_that_it_moved(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=30)))
    db.transact(change, meeting, NOW + timedelta(days=60))
    db.transact(change, meeting, None)
    assert db.transact(tell, NOW) == []


def test_a_cancelled_meeting_is_told_once_to_whoever_knew_of_it(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=2))
    db.transact(tell, NOW, 1)
    db.transact(change, meeting, None)
    assert steps(db.transact(tell, NOW)) == [(1, "cancelled")]
    assert db.transact(tell, NOW) == []


def test_two_who_note_the_same_step_at_once_get_it_once(db: Database) -> None:
    """The unique key and ON CONFLICT alone, without the lock that keeps workers apart."""
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=40))
    found, _ = db.look(plan.due, NOW, PARIS)
    pairs = [(each, NOW + timedelta(days=5)) for each in found]
    won: list[Due] = []
    ready = threading.Barrier(5)

    def note() -> None:
        ready.wait()
        won.extend(db.transact(plan.record, pairs, NOW))

    threads = [threading.Thread(target=note) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won, key=lambda due: due.person_id) == sorted(found, key=lambda due: due.person_id)
