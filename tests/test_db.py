"""One call is one transaction: shared commits, refusals that leave no trace, readers that never wait."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.db import SHARED_COMMIT, Database, DatabaseAway
from channels.mailbox import ChannelPause
from tests.conftest import NOW
from tests.peers.postgres import Postgres


def put(session: Session, name: str) -> str:
    session.add(ChannelPause(channel=name, until=NOW))
    session.flush()
    return name


def names(session: Session) -> list[str]:
    return sorted(session.exec(select(ChannelPause.channel)).all())


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Database]:
    """SQLite with one table, not the whole house: what is tried here is the writer."""
    found = Database(f"sqlite:///{tmp_path}/lite.db")
    found.transact(lambda session: ChannelPause.__table__.create(session.connection()))  # type: ignore[attr-defined]
    yield found
    found.close()


class Gate:
    """Holds the writer until it is opened, so that calls queue up behind it."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, session: Session) -> None:
        self.reached.set()
        assert self.opened.wait(20)


def test_an_error_in_one_call_leaves_the_others_committed(db: Database) -> None:
    async def all_at_once() -> list[str | BaseException]:
        calls = [db.run(put, name) for name in ("a", "b", "a", "c")]
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(all_at_once())
    assert sum(isinstance(each, IntegrityError) for each in results) == 1
    assert db.look(names) == ["a", "b", "c"]


def test_calls_that_queue_up_share_a_commit_and_one_that_fails_is_alone_undone(lite: Database) -> None:
    commits: list[int] = []
    sa.event.listen(lite.writer, "commit", lambda _connection: commits.append(1))

    def half(session: Session) -> None:
        put(session, "half")
        raise ValueError("no")

    async def pile_up() -> list[object]:
        gate = Gate()
        first = asyncio.ensure_future(lite.run(gate))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        behind = [asyncio.ensure_future(lite.run(put, f"n{n}")) for n in range(10)]
        failing = asyncio.ensure_future(lite.run(half))
        last = asyncio.ensure_future(lite.run(put, "last"))
        await asyncio.sleep(0)  # all are queued
        gate.opened.set()
        return await asyncio.gather(first, *behind, failing, last, return_exceptions=True)

    results = asyncio.run(pile_up())
    assert [str(each) for each in results if isinstance(each, Exception)] == ["no"]
    assert results[1:11] == [f"n{n}" for n in range(10)]
    assert lite.look(names) == sorted([*(f"n{n}" for n in range(10)), "last"])
    assert len(commits) <= 3  # thirteen calls


def test_a_call_returns_only_once_others_can_read_it(db: Database) -> None:
    async def write_then_read() -> list[str]:
        await db.run(put, "seen")
        return await db.read(names)

    assert asyncio.run(write_then_read()) == ["seen"]


def test_a_call_that_was_given_up_before_its_turn_is_not_made(lite: Database) -> None:
    async def give_up() -> None:
        gate = Gate()
        first = asyncio.ensure_future(lite.run(gate))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        second = asyncio.ensure_future(lite.run(put, "never"))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        gate.opened.set()
        await first
        await lite.run(put, "after")

    asyncio.run(give_up())
    assert lite.look(names) == ["after"]


def test_a_locked_file_is_a_database_away_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    with Database(f"sqlite:///{path}") and sqlite3.connect(path, isolation_level=None) as other:
        other.execute("CREATE TABLE channel_pauses (channel TEXT PRIMARY KEY, until TEXT, reason TEXT)")
        db = Database(f"sqlite:///{path}")
        sa.event.listen(db.writer, "connect", lambda raw, _record: raw.execute("PRAGMA busy_timeout=50"))
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(3):
            with pytest.raises(DatabaseAway):
                db.transact(put, "refused")
        other.execute("ROLLBACK")
        db.transact(put, "kept")
        assert db.look(names) == ["kept"]
        db.close()


def test_everyone_who_shared_a_commit_hears_that_the_file_refused(lite: Database) -> None:
    def unwritable(session: Session) -> None:
        raw = session.connection().connection
        raw.execute("PRAGMA query_only=ON")
        try:
            put(session, "no")
        finally:
            raw.execute("PRAGMA query_only=OFF")

    async def together() -> list[object]:
        gate = Gate()
        first = asyncio.ensure_future(lite.run(gate))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        calls = [asyncio.ensure_future(call) for call in (lite.run(put, "a"), lite.run(unwritable), lite.run(put, "b"))]
        await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(first, *calls, return_exceptions=True)

    results = asyncio.run(together())
    kept = lite.look(names)
    for name, result in (("a", results[1]), ("b", results[3])):
        assert (name in kept) == (result == name)  # told the truth, whichever it is
        assert result == name or isinstance(result, DatabaseAway)
    assert isinstance(results[2], DatabaseAway)
    assert lite.transact(put, "again") == "again"


def test_a_wrong_statement_is_our_error_and_not_the_databases(db: Database) -> None:
    def wrong(session: Session) -> None:
        session.execute(sa.text("SELECT no_such_column FROM channel_pauses"))

    for way in (db.transact, db.look):
        with pytest.raises(sa.exc.DBAPIError, match="no_such_column"):
            way(wrong)


def test_a_folder_that_is_no_folder_is_a_database_away(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/gone/hotline.db")
    (tmp_path / "gone").rmdir()
    with pytest.raises(DatabaseAway):
        db.transact(put, "nowhere")
    with pytest.raises(DatabaseAway):
        db.look(names)
    db.close()


def test_a_server_that_is_stopped_is_a_database_away_and_heals(postgres: Postgres, postgres_url: str) -> None:
    db = Database(postgres_url)
    db.transact(put, "before")
    postgres.kill()
    with pytest.raises(DatabaseAway):
        db.transact(put, "during")
    with pytest.raises(DatabaseAway):
        db.look(names)
    postgres.start()
    deadline = time.monotonic() + 20
    while True:
        try:
            db.transact(put, "after")
            break
        except DatabaseAway:  # one refusal for each connection that was open
            assert time.monotonic() < deadline
    assert db.look(names) == ["after", "before"]
    db.close()


def test_a_standby_that_refuses_to_write_is_a_database_away(postgres_url: str) -> None:
    db = Database(postgres_url)

    def on_a_standby(session: Session) -> None:
        session.execute(sa.text("SET TRANSACTION READ ONLY"))
        put(session, "no")

    with pytest.raises(DatabaseAway):
        db.transact(on_a_standby)
    db.close()


def test_a_reader_never_waits_for_the_writer(db: Database) -> None:
    async def read_meanwhile() -> float:
        await db.run(put, "before")
        gate = Gate()

        def slow(session: Session) -> None:
            put(session, "not yet")
            gate(session)

        writing = asyncio.ensure_future(db.run(slow))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        async with asyncio.timeout(10):  # far below the writer's patience: it would wait for ever
            assert await db.read(names) == ["before"]
        gate.opened.set()
        await writing
        return len(await db.read(names))

    assert asyncio.run(read_meanwhile()) == 2


def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises((DatabaseAway, sa.exc.DBAPIError)):
        db.look(put, "no")
    assert db.look(names) == []


def test_close_finishes_what_was_queued_and_refuses_what_comes_after(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/lite.db")
    db.transact(lambda session: ChannelPause.__table__.create(session.connection()))  # type: ignore[attr-defined]
    gate = Gate()
    waiting = [threading.Thread(target=db.transact, args=(gate,))]
    waiting[0].start()
    assert gate.reached.wait(20)
    for number in range(3 * SHARED_COMMIT):
        waiting.append(threading.Thread(target=db.transact, args=(put, f"{number:03d}")))
        waiting[-1].start()
    deadline = time.monotonic() + 20
    while db._calls.qsize() < 3 * SHARED_COMMIT:
        assert time.monotonic() < deadline
    closing = threading.Thread(target=db.close)
    closing.start()
    gate.opened.set()
    for each in (*waiting, closing):
        each.join(20)
        assert not each.is_alive()
    with pytest.raises(DatabaseAway):
        db.transact(put, "late")
    with sqlite3.connect(tmp_path / "lite.db") as after:
        assert after.execute("SELECT count(*) FROM channel_pauses").fetchone() == (3 * SHARED_COMMIT,)
    after.close()


def test_no_shared_commit_grows_beyond_its_share(lite: Database) -> None:
    """However many wait, one commit takes fifty calls or some forty milliseconds of them, then lets go of the file."""
    sizes: list[int] = []
    calls = [0]

    def counted(session: Session, name: str) -> None:
        calls[0] += 1
        put(session, name)

    sa.event.listen(lite.writer, "commit", lambda _connection: sizes.append(calls[0]))

    async def many() -> None:
        gate = Gate()
        first = asyncio.ensure_future(lite.run(gate))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        behind = [asyncio.ensure_future(lite.run(counted, f"{n:04d}")) for n in range(1000)]
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, *behind)

    asyncio.run(many())
    shares = [after - before for before, after in zip([0, *sizes], sizes, strict=False)]
    assert sum(shares) == 1000
    assert max(shares) <= SHARED_COMMIT
    assert len(shares) >= 1000 // SHARED_COMMIT


def test_one_process_alone_holds_a_task(postgres_url: str) -> None:
    one, other = Database(postgres_url), Database(postgres_url)
    with one.held(7) as mine:
        assert mine
        with other.held(7) as theirs:
            assert not theirs
    with other.held(7) as now_theirs:
        assert now_theirs
    one.close()
    other.close()


def test_sqlite_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        Database("sqlite://")
