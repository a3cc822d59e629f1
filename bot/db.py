"""The database: one call of `run` is one transaction; no other file begins or ends one."""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, SQLModel

SQLModel.metadata.naming_convention = {  # Alembic's batch mode drops what has no name
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

P = ParamSpec("P")
R = TypeVar("R")
SHARED_COMMIT = 50  # calls at most that share one commit (and its fsync) on SQLite
READ_ONLY = "25006"  # PostgreSQL: a standby that has not taken over yet
SHARED_SECONDS = 0.04  # a shared commit takes no further call after this long


class DatabaseAway(Exception):
    """The database cannot be reached or refuses to write now; the call left no trace and may be made again."""


class _Call(NamedTuple):
    work: Callable[..., Any]
    args: tuple[Any, ...]
    result: "Future[Any]"


class Database:
    """SQLite with one writing thread and readers beside it, or PostgreSQL with a pool: the same two verbs."""

    def __init__(self, url: str, *, pool: int = 8):
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.longest_write = 0.0  # seconds that one transaction took, its commit included, at worst
        if self.is_sqlite:
            self.writer, self.reader = _sqlite_engines(self.url)
        else:
            self.writer = self.reader = _postgres_engine(self.url, pool)
        self._threads = ThreadPoolExecutor(pool, thread_name_prefix="db")
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._starting = threading.Lock()

    async def run(self, work: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `work(session, *args)` in one transaction, committed before this returns; or DatabaseAway."""
        assert not kwargs, "one transaction takes positional arguments"
        if not self.is_sqlite:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.transact, work, *args)
        return await asyncio.wrap_future(self._queue(work, args))

    async def read(self, work: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `work(session, *args)` on a read-only connection that never waits for the writer."""
        assert not kwargs, "one transaction takes positional arguments"
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.look, work, *args)

    def transact(self, work: Callable[..., R], *args: Any) -> R:
        """`run`, for callers without an event loop: the command line and tests."""
        if self.is_sqlite:
            value: R = self._queue(work, args).result()
            return value
        began = time.perf_counter()
        try:
            with translated(), Session(self.writer, expire_on_commit=False) as session, session.begin():
                return work(session, *args)
        finally:
            self.longest_write = max(self.longest_write, time.perf_counter() - began)

    def look(self, work: Callable[..., R], *args: Any) -> R:
        """`read`, for callers without an event loop."""
        with translated(), Session(self.reader, expire_on_commit=False) as session:
            session.connection(execution_options={"postgresql_readonly": True} if not self.is_sqlite else {})
            return work(session, *args)

    @contextmanager
    def held(self, number: int) -> Iterator[bool]:
        """Whether this process alone holds a task (an advisory lock on PostgreSQL) until the block ends."""
        hold = self._take(number)
        try:
            yield hold is not None
        finally:
            if hold is not None:
                hold.let_go()

    @asynccontextmanager
    async def alone(self, number: int) -> AsyncIterator["Hold | None"]:
        """`held`, for the event loop: what holds the task, or None when another process does."""
        hold = await asyncio.to_thread(self._take, number)
        try:
            yield hold
        finally:
            if hold is not None:
                await asyncio.shield(asyncio.to_thread(hold.let_go))

    def _take(self, number: int) -> "Hold | None":
        if self.is_sqlite:  # one process, by its lock file
            return Hold(None, number)
        with translated():
            connection = self.writer.connect()
            try:
                mine = bool(connection.execute(sa.text("SELECT pg_try_advisory_lock(:n)"), {"n": number}).scalar())
                connection.rollback()  # a session lock outlives the transaction; nothing stays idle in one
            except BaseException:
                connection.close()
                raise
        if mine:
            return Hold(connection, number)
        connection.close()
        return None

    def compact(self) -> None:
        """Write every table anew, so that no page or log keeps what was erased; takes as long as a copy of the base.

        SQLite: VACUUM, and a write-ahead log of no bytes. PostgreSQL: VACUUM FULL; its archived WAL keeps what it kept.
        """
        if self.is_sqlite:
            self.reader.dispose()  # a reader's old snapshot would keep the log from being emptied
            with closing(sqlite3.connect(self.url.database or "", timeout=30, isolation_level=None)) as own:
                own.execute("PRAGMA secure_delete=ON")
                own.execute("VACUUM")
                own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        with translated(), self.writer.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM FULL")

    def close(self) -> None:
        """Finish what was queued, then let go of every connection."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread:
            self._calls.put(None)
            thread.join()
        self._threads.shutdown()
        self.writer.dispose()
        self.reader.dispose()

    def _queue(self, work: Callable[..., Any], args: tuple[Any, ...]) -> "Future[Any]":
        call = _Call(work, args, Future())
        with self._starting:
            if self._closed:
                raise DatabaseAway("the database is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
                self._thread.start()
            self._calls.put(call)
        return call.result

    def _write_loop(self) -> None:
        while (call := self._calls.get()) is not None:
            self._share_commit(call)

    def _share_commit(self, first: _Call) -> None:
        """Run queued calls in one transaction and resolve them after its commit.

        One that fails undoes them all: it hears of it, and those before it are run again without it.
        """
        taken = [first] if first.result.set_running_or_notify_cancel() else []
        more = True
        while taken:
            done: list[Any] = []
            try:
                self._written(taken, done, more)
            except BaseException as error:  # whatever it is, everyone concerned hears of it, and the thread lives
                told = _away(error)
                at = len(done)
                failed = taken if at == len(taken) or isinstance(told, DatabaseAway) else taken[at:]
                for each in failed:
                    each.result.set_exception(told)
                taken, more = taken[: len(taken) - len(failed)], False
            else:
                for each, value in zip(taken, done, strict=True):
                    each.result.set_result(value)
                return

    def _written(self, taken: list[_Call], done: list[Any], more: bool) -> None:
        """Commit what these calls do; `more`: and what others, added to `taken`, do. `done`: what each returned."""
        began = time.perf_counter()
        try:
            with self.writer.connect() as connection, connection.begin():
                while len(done) < len(taken):
                    done.append(_called(connection, taken[len(done)]))
                    room = len(taken) < SHARED_COMMIT and time.perf_counter() - began <= SHARED_SECONDS
                    if more and room and len(done) == len(taken):
                        self._take_next(taken)
        finally:
            self.longest_write = max(self.longest_write, time.perf_counter() - began)

    def _take_next(self, taken: list[_Call]) -> None:
        """Add the next queued call that nobody gave up, if there is one."""
        while (call := self._next_call()) is not None:
            if call.result.set_running_or_notify_cancel():
                taken.append(call)
                return

    def _next_call(self) -> _Call | None:
        try:
            call = self._calls.get_nowait()
        except queue.Empty:
            return None
        if call is None:
            self._calls.put(None)  # the closing mark: finish this commit first
        return call


def _called(connection: sa.Connection, call: _Call) -> Any:
    """Its work in a session of its own; what it does not write before it returns is written here, and not committed."""
    with Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session, session.begin():
        return call.work(session, *call.args)


class Hold:
    """A task that this process alone holds, by a connection of its own; on SQLite there is no other process."""

    def __init__(self, connection: sa.Connection | None, number: int):
        self._connection, self._number = connection, number
        self._busy = threading.Lock()
        self._lost = False

    async def still(self) -> bool:
        """Whether it is still ours: the lock went if the connection did."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> bool:
        if self._connection is None:
            return True
        with self._busy:
            try:
                self._connection.execute(sa.text("SELECT 1"))
                self._connection.rollback()
            except SQLAlchemyError:
                self._lost = True  # for good: the next statement would open another connection, without the lock
            return not self._lost

    def let_go(self) -> None:
        if self._connection is None:
            return
        with self._busy:
            try:
                if not self._lost:
                    self._connection.execute(sa.text("SELECT pg_advisory_unlock(:n)"), {"n": self._number})
                    self._connection.rollback()
            except SQLAlchemyError:
                pass  # the connection is gone, and the lock with it
            finally:
                self._connection.close()


@contextmanager
def translated() -> Iterator[None]:
    """Whatever says that the database is away, as DatabaseAway."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        away = _away(error)
        if away is error:
            raise
        raise away from error


def _away(error: BaseException) -> BaseException:
    """DatabaseAway if the database is gone, busy, full or read-only; the error itself if the statement was wrong."""
    cause = getattr(error, "orig", None)
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return error  # « no such column »: SQLite calls that operational too
    if (
        isinstance(error, (OperationalError, PoolTimeout))
        or getattr(error, "connection_invalidated", False)
        or getattr(cause, "sqlstate", None) == READ_ONLY
    ):
        return DatabaseAway(str(getattr(error, "orig", error)) or type(error).__name__)
    return error


def _sqlite_engines(url: URL) -> tuple[sa.Engine, sa.Engine]:
    path = Path(url.database or "")
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file: readers and the writer have connections of their own")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = sa.create_engine(url, poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})
    reader = sa.create_engine(url, pool_size=8, connect_args={"check_same_thread": False})
    sa.event.listen(writer, "connect", _sqlite_connect)
    sa.event.listen(writer, "begin", _sqlite_begin)
    sa.event.listen(reader, "connect", _sqlite_connect_reader)
    sa.event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return writer, reader


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins, not the driver
    for pragma in (
        "busy_timeout=10000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # an erased message leaves no text in the free pages
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_connect_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA query_only=ON")


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres_engine(url: URL, pool: int) -> sa.Engine:
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=10,
        connect_args={
            "connect_timeout": 5,
            "options": "-c synchronous_commit=on -c lock_timeout=15000",
            "keepalives_idle": 10,  # a server that vanished without a word: noticed in half a minute, not in two hours
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
    )
