"""Series without end: made 18 months ahead, further as time passes, once each, until someone stops them."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from bot import workers
from bot.db import Database
from bot.desk import arranging, calendar, repeating
from bot.desk.arranging import Sheet, Wrong
from bot.office import Office
from channels.directory import Council
from scheduler import committees
from scheduler.committees import Committee, CommitteeSeries

PARIS = ZoneInfo("Europe/Paris")
FIRST = datetime(2026, 12, 10, 18, tzinfo=PARIS)
AHEAD = timedelta(days=548)


def series(db: Database, office: Office, now: datetime, rrule: str = "FREQ=MONTHLY", **more: str) -> list[int]:
    def work(session: Session) -> list[int]:
        council = session.exec(select(Council)).first() or Council(slug="bellevue", name="Bellevue")
        session.add(council)
        session.flush()
        assert council.id is not None
        ends_at = FIRST + timedelta(hours=2)
        sheet = Sheet("Réunion", "council", FIRST, ends_at, councils=(council.id,), rrule=rrule, **more)  # type: ignore[arg-type]
        return arranging.record(session, office, None, sheet, now)

    return db.transact(work)


def meetings_of(db: Database) -> list[Committee]:
    return db.look(lambda s: list(s.exec(select(Committee).order_by(col(Committee.starts_at))).all()))


def starts(db: Database) -> list[datetime]:
    return [each.starts_at for each in meetings_of(db)]


def monthly_until(last: datetime) -> list[datetime]:
    found = [FIRST.replace(year=2026 + (11 + n) // 12, month=(11 + n) % 12 + 1) for n in range(80)]
    return [each for each in found if each <= last]


def test_a_series_is_made_further_as_time_passes_at_its_local_hour_and_once_each(
    db: Database, office: Office, now: datetime
) -> None:
    first = series(db, office, now, place="mairie", directions="tram 1")
    for days in (0, 1, 30, 61, 400, 900):
        at = now + timedelta(days=days)
        while db.transact(repeating.extend, office, at):
            pass
    assert len(first) < len(starts(db))
    assert starts(db) == monthly_until(now + timedelta(days=900) + AHEAD)
    assert {each.astimezone(PARIS).hour for each in starts(db)} == {18}
    last = meetings_of(db)[-1]
    assert (last.title, last.place, last.directions, last.kind) == ("Réunion", "mairie", "tram 1", "council")
    assert last.ends_at == last.starts_at + timedelta(hours=2)
    assert db.look(lambda s: committees.councils_of(s, last.id)) == [1]


def test_two_days_down_lose_and_double_nothing(db: Database, office: Office, now: datetime) -> None:
    series(db, office, now, "FREQ=WEEKLY")
    bell = workers.Bell()
    for hours in (0, 24, 72, 73, 24 * 20):
        asyncio.run(workers.tick(db, office, lambda hours=hours: now + timedelta(hours=hours), bell))  # type: ignore[misc]
    found = starts(db)
    assert found == [FIRST + timedelta(weeks=n) for n in range(len(found))]
    assert now + timedelta(days=20) + AHEAD - timedelta(weeks=1) < found[-1] <= now + timedelta(days=20) + AHEAD


def test_five_workers_at_once_make_each_meeting_once(db: Database, office: Office, now: datetime) -> None:
    series(db, office, now, "FREQ=WEEKLY")
    series(db, office, now, "FREQ=MONTHLY")
    at, errors = now + timedelta(days=200), list[BaseException]()
    ready = threading.Barrier(5)

    def work() -> None:
        ready.wait()
        try:
            while db.transact(repeating.extend, office, at, 1):
                pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    made = [(each.series_id, each.starts_at) for each in meetings_of(db)]
    assert len(made) == len(set(made))
    assert [at for id, at in made if id == 2] == monthly_until(now + timedelta(days=200) + AHEAD)
    weekly = [at for id, at in made if id == 1]
    assert weekly == [FIRST + timedelta(weeks=n) for n in range(len(weekly))]
    assert weekly[-1] > now + timedelta(days=200) + AHEAD - timedelta(weeks=1)


def test_a_daily_series_keeps_a_hundred_meetings_ahead_and_goes_on(db: Database, office: Office, now: datetime) -> None:
    assert len(series(db, office, now, "FREQ=DAILY")) == 100
    at = FIRST.astimezone(UTC) + timedelta(days=49, hours=1)  # fifty are over
    while db.transact(repeating.extend, office, at):
        pass
    assert starts(db) == [FIRST + timedelta(days=n) for n in range(150)]


def test_a_last_meeting_that_moved_or_was_cancelled_is_not_made_again(
    db: Database, office: Office, now: datetime
) -> None:
    made = series(db, office, now)
    count = len(made)

    def change(session: Session) -> None:
        last = session.get(Committee, made[-1])
        assert last is not None
        committees.move(session, last, last.starts_at - timedelta(days=2), None, "ailleurs")
        calendar.cancel(session, office, made[-2], "command", now)

    db.transact(change)
    while db.transact(repeating.extend, office, now + timedelta(days=45)):
        pass
    assert len(starts(db)) == count + 1
    assert starts(db)[-1] == monthly_until(now + timedelta(days=45) + AHEAD)[-1]


def test_a_series_whose_meetings_to_come_are_all_cancelled_ends(db: Database, office: Office, now: datetime) -> None:
    for number in series(db, office, now, "FREQ=MONTHLY;INTERVAL=3"):
        db.transact(calendar.cancel, office, number, "command", now)
    count = len(starts(db))
    db.transact(repeating.extend, office, now + timedelta(days=2))
    db.transact(repeating.extend, office, now + timedelta(days=200))
    assert len(starts(db)) == count
    assert db.look(lambda s: s.exec(select(CommitteeSeries)).one().ended_at) == now + timedelta(days=2)


def test_a_rule_with_an_end_makes_no_more_than_it_says(db: Database, office: Office, now: datetime) -> None:
    series(db, office, now, "FREQ=MONTHLY;COUNT=20")
    for days in (40, 80, 400, 900):
        db.transact(repeating.extend, office, now + timedelta(days=days))
    assert len(starts(db)) == 20


def test_a_stopped_series_keeps_what_stands_and_makes_no_more(db: Database, office: Office, now: datetime) -> None:
    made = series(db, office, now)
    words = db.transact(arranging.stop_series, None, made[3], now)
    assert words.startswith("La série est arrêtée.")
    assert f"Les {len(made)} réunions déjà notées restent" in words
    db.transact(repeating.extend, office, now + timedelta(days=200))
    assert len(starts(db)) == len(made)
    assert {each.state for each in meetings_of(db)} == {"planned"}
    with pytest.raises(Wrong, match="déjà arrêtée"):
        db.transact(arranging.stop_series, None, made[0], now)


def test_a_meeting_alone_has_no_series_to_stop(db: Database, office: Office, now: datetime) -> None:
    (alone,) = series(db, office, now, "")
    with pytest.raises(Wrong, match="ne se répète pas"):
        db.transact(arranging.stop_series, None, alone, now)
