"""What is due and when: ten local days before, in waking hours, once, over moves, cancellations and clock changes."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.db import Database
from channels.directory import Council, Person
from scheduler import committees, plan, steps
from scheduler.committees import Committee, Seat
from scheduler.plan import Due, Noted, is_waking
from scheduler.steps import Step

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
MEETINGS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(lambda naive: naive.replace(tzinfo=PARIS))


def paris(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=PARIS)  # type: ignore[arg-type, misc]


KIT = Step("j-10", steps.KIT, 10)
HOLIDAYS = frozenset(holidays.country_holidays("FR", years=range(2026, 2030)))


@given(MEETINGS, st.integers(-60, 60), st.integers(steps.EARLIEST, steps.LATEST - 1), st.booleans())
def test_a_step_is_due_at_its_local_hour_on_its_day_or_a_working_day_before(
    meeting: datetime, days: int, hour: int, working: bool
) -> None:
    step = Step("x", steps.KIT, days, hour, working)
    start = steps.due_at(meeting, step, PARIS, HOLIDAYS).astimezone(PARIS)
    assert start.hour * 60 + start.minute == hour
    away = (meeting.date() - timedelta(days=days)) - start.date()
    if not working:
        assert away == timedelta()
    else:
        assert start.weekday() < 5
        assert start.date() not in HOLIDAYS
        assert timedelta() <= away if days >= 0 else timedelta() >= away
        between = [
            start.date() + timedelta(days=n) * (1 if away > timedelta() else -1) for n in range(1, abs(away.days) + 1)
        ]
        assert all(day.weekday() >= 5 or day in HOLIDAYS for day in between)  # the nearest working day


@pytest.mark.parametrize(
    ("meeting", "due"),
    [
        (paris(2027, 4, 2, 18), datetime(2027, 3, 23, 7, tzinfo=UTC)),  # summer time begins between the two
        (paris(2027, 4, 7, 18), datetime(2027, 3, 26, 7, tzinfo=UTC)),  # on the Sunday of the change: the Friday
        (paris(2027, 4, 8, 18), datetime(2027, 3, 26, 7, tzinfo=UTC)),  # Easter Monday
        (paris(2027, 11, 5, 18), datetime(2027, 10, 26, 6, tzinfo=UTC)),  # summer time ends between the two
        (paris(2027, 11, 10, 18), datetime(2027, 10, 29, 6, tzinfo=UTC)),  # on the Sunday of the change: the Friday
        (paris(2027, 5, 11, 18), datetime(2027, 4, 30, 6, tzinfo=UTC)),  # 1 May is a holiday, and a Saturday
        (paris(2027, 7, 24, 10), datetime(2027, 7, 13, 6, tzinfo=UTC)),  # 14 July, a Wednesday
    ],
)
def test_both_clock_changes_of_2027_and_holidays_are_right(meeting: datetime, due: datetime) -> None:
    assert steps.due_at(meeting, KIT, PARIS, HOLIDAYS) == due
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


def ready(session: Session, now: datetime) -> None:
    """Steps are written, and those that are due have begun."""
    steps.plan_meetings(session, now, PARIS, HOLIDAYS, steps.unplanned(session, now, 50))
    steps.settle(session, now, steps.unsettled(session, now, 50))


def looked(session: Session, now: datetime, limit: int = 200) -> tuple[list[Due], bool]:
    ready(session, now)
    return plan.due(session, now, PARIS, limit)


def tell(session: Session, now: datetime, limit: int = 200) -> list[Due]:
    """Everyone due, noted as told."""
    ready(session, now)
    found, _ = plan.due(session, now, PARIS, limit)
    noted = plan.record(session, [Noted(each, _starts(session, each), "email") for each in found], now)
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


def steps_of(found: list[Due]) -> list[tuple[int, str]]:
    return [(each.revision, each.step) for each in found]


def test_someone_who_sits_for_two_councils_is_told_once(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), councils=3, people=2))
    assert len(db.transact(tell, NOW)) == 2
    assert db.transact(tell, NOW + timedelta(days=1)) == []


def test_the_limit_is_kept_and_says_that_more_is_left(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=5))
    found, more = db.transact(looked, NOW, 3)
    assert (len(found), more) == (3, True)
    db.transact(tell, NOW, 3)
    found, more = db.transact(looked, NOW, 2)
    assert (len(found), more) == (2, False)


@pytest.mark.parametrize(
    ("days", "hours", "found"), [(13, 0, 0), (10, 0, 1), (5, 0, 1), (0, 1, 1), (0, 0, 0), (-20, 0, 0)]
)
def test_ten_days_before_and_until_it_begins(db: Database, days: int, hours: int, found: int) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=days, hours=hours)))
    assert len(db.transact(looked, NOW)[0]) == found


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


def test_who_sits_on_the_steering_committee_is_not_told_of_a_technical_one(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=2), kind="cotech"))
    assert db.transact(looked, NOW) == ([], False)


def test_other_kinds_have_a_lighter_plan(db: Database) -> None:
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=8), kind="training"))
    told = [(day, step) for day in range(9) for _, step in steps_of(db.transact(tell, NOW + timedelta(days=day)))]
    assert told == [(3, "j-3"), (7, "j-1")]  # three days before is a Sunday: the Friday


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
    assert len(db.transact(looked, NOW)[0]) == found


def test_a_meeting_moved_within_ten_days_is_told_anew_once(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5)))
    assert steps_of(db.transact(tell, NOW)) == [(1, "j-10")]
    db.transact(change, meeting, NOW + timedelta(days=8))
    assert steps_of(db.transact(tell, NOW)) == [(2, "j-10")]
    assert db.transact(tell, NOW) == []


def test_a_meeting_moved_far_away_is_told_at_once_and_again_ten_days_before(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5)))
    db.transact(tell, NOW)
    db.transact(change, meeting, NOW + timedelta(days=60))
    assert steps_of(db.transact(tell, NOW)) == [(2, "moved")]
    assert db.transact(tell, NOW + timedelta(days=20)) == []
    assert steps_of(db.transact(tell, NOW + timedelta(days=50))) == [(2, "j-10")]


def test_who_was_told_of_nothing_does_not_hear_that_it_moved(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=30)))
    db.transact(change, meeting, NOW + timedelta(days=60))
    db.transact(change, meeting, None)
    assert db.transact(tell, NOW) == []


def test_a_cancelled_meeting_is_told_once_to_whoever_knew_of_it(db: Database) -> None:
    meeting = db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=2))
    db.transact(tell, NOW, 1)
    db.transact(change, meeting, None)
    assert steps_of(db.transact(tell, NOW)) == [(1, "cancelled")]
    assert db.transact(tell, NOW) == []


def test_two_who_note_the_same_step_at_once_get_it_once(db: Database) -> None:
    """The unique key and ON CONFLICT alone, without the lock that keeps workers apart."""
    db.transact(lambda s: make(s, starts_at=NOW + timedelta(days=5), people=40))
    found, _ = db.transact(looked, NOW)
    pairs = [Noted(each, NOW + timedelta(days=5)) for each in found]
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


@pytest.mark.parametrize(
    ("said", "hours"),
    [("20h-8h", (time(8), time(20))), ("19h30 - 9h", (time(9), time(19, 30))), ("22H-6H", (time(6), time(22)))],
)
def test_quiet_hours_are_read_as_people_write_them(said: str, hours: tuple[time, time]) -> None:
    assert plan.waking_hours(said) == hours
    asleep = datetime(2026, 12, 1, 5, tzinfo=PARIS)
    assert plan.next_waking(asleep, PARIS, hours) == datetime.combine(asleep.date(), hours[0], PARIS)
    late = datetime(2026, 12, 1, 22, 30, tzinfo=PARIS)
    assert plan.next_waking(late, PARIS, hours) == datetime.combine(asleep.date() + timedelta(days=1), hours[0], PARIS)


@pytest.mark.parametrize("said", ["", "8h", "8h-20h", "20-8", "20h-2h", "20h75-8h"])
def test_quiet_hours_that_cannot_be_are_refused_in_french(said: str) -> None:
    with pytest.raises(ValueError, match=r"écrivez|le calme"):
        plan.waking_hours(said)
