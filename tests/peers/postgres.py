"""A real PostgreSQL, run as nobody on a Unix socket in /tmp; one server a session, one database a test."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from tests.peers import absent
from tests.peers.leash import held

USER = "hotline"


def programs() -> Path | None:
    """The folder that holds initdb and postgres, of the newest version installed; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


class Postgres:
    """One server of our own: `database` makes a database, `stop`, `kill` and `start` play an outage.

    A socket rather than a port: while the server is away nobody else can take its place. `durable` keeps fsync on, for
    measures; without it a kill -9 still loses nothing, since the machine itself does not stop.
    """

    def __init__(self, programs: Path, *, durable: bool = False):
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir="/tmp"))  # a socket's path has 107 bytes at most
        self.process: subprocess.Popen[bytes] | None = None
        self._templates: dict[object, str] = {}
        self._account: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.folder.chmod(0o755)
        made = self._call(
            "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={USER}", "--auth=trust", "data"
        )
        assert made.wait() == 0, (self.folder / "log").read_text()
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.folder}'",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "fsync": "on" if durable else "off",
            "autovacuum": "on" if durable else "off",  # a database used again keeps its rows in the order of writing
        }
        with (self.folder / "data/postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def _call(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.programs / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,  # Ctrl-C is for pytest, which then stops us
                **self._account,  # type: ignore[arg-type]
            )

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start, and return once it accepts connections; nothing if it runs."""
        if self.running:
            return
        self.process = held(self._call("postgres", "-D", "data"), self.folder)
        deadline = time.monotonic() + 30
        while True:
            if not self.running or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text()[-2000:])
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:  # not yet
                time.sleep(0.02)

    def stop(self) -> None:
        """An orderly stop that waits for no client: every connection is closed, what is committed stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def kill(self) -> None:
        """kill -9 of the server and of all that it started, as when the machine loses power."""
        if self.process is None or not self.running:
            return
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for each in family:
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait(30)
        psutil.wait_procs(family, 30)

    def close(self) -> None:
        if self.process is not None and self.running:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)
        shutil.rmtree(self.folder)

    def database(self, prepare: Callable[[str], None] | None = None) -> str:
        """The address of a new database; `prepare(address)` fills a template once, of which this is a copy (0.03 s)."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        template = self._template(prepare) if prepare else "template0"
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _template(self, prepare: Callable[[str], None]) -> str:
        if prepare not in self._templates:
            url = self.database()
            prepare(url)
            name = url.partition("@/")[2].partition("?")[0]
            self._run(  # a copy is refused while anyone is connected
                sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(
                    sql.Literal(name)
                )
            )
            self._templates[prepare] = name
        return self._templates[prepare]

    def _run(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


def migrated(url: str) -> None:
    """Bring an empty database to the newest revision."""
    from bot import migrations
    from bot.db import Database

    database = Database(url)
    try:
        migrations.upgrade(database)
    finally:
        database.close()


SHAPE = """
    SELECT (SELECT count(*) || ' ' || max(xmin::text::bigint) FROM pg_attribute),
           (SELECT count(*) || ' ' || max(xmin::text::bigint) FROM pg_constraint),
           (SELECT count(*) || ' ' || max(xmin::text::bigint) FROM pg_index),
           (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_db_role_setting),
           (SELECT string_agg(version_num, ' ') FROM alembic_version)
"""
EMPTY = """
    DO $$
    DECLARE
        one record;
        holds boolean;
    BEGIN
        SET LOCAL session_replication_role = replica;  -- whichever table refers to which
        FOR one IN
            SELECT oid::regclass AS name FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one.name) INTO holds;
            IF holds THEN
                EXECUTE format('DELETE FROM %s', one.name);
            END IF;
        END LOOP;
        PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
            FROM pg_sequences WHERE last_value IS NOT NULL;
    END $$
"""
LARGEST = (
    "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
MOST_BYTES = 1_000_000  # of a table whose rows were deleted: past that, a copy of the template is quicker


class Again:
    """A migrated database that test after test finds empty: that takes a tenth of what a new copy does.

    One whose tables, settings or revision were changed, or that has grown, is dropped instead.
    """

    def __init__(self, server: Postgres):
        self.server = server
        self.url = ""
        self._shape: object = None

    def give(self) -> str:
        """The address of the database, empty."""
        if not self.url:
            self.url = self.server.database(migrated)
            with psycopg.connect(self.url) as connection:
                self._shape = connection.execute(SHAPE).fetchone()
        return self.url

    def take_back(self) -> None:
        """Empty it, whoever is still connected to it."""
        try:
            kept = self._emptied()
        except psycopg.Error:
            kept = False
        if not kept:
            self.server.drop(self.url)
            self.url = ""

    def _emptied(self) -> bool:
        with psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=5000") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if connection.execute(SHAPE).fetchone() != self._shape:
                return False
            connection.execute(EMPTY)
            largest = connection.execute(LARGEST).fetchone()
            return largest is not None and largest[0] <= MOST_BYTES


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The session's server; where PostgreSQL is not installed the test is skipped, or fails in CI."""
    found = programs()
    if found is None:
        absent("PostgreSQL")
    server = Postgres(found)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """The server, for a test that stops or kills it: it runs again when the test ends."""
    postgres_server.start()
    yield postgres_server
    postgres_server.start()


@pytest.fixture(scope="session")
def postgres_again(postgres_server: Postgres) -> Again:
    return Again(postgres_server)


@pytest.fixture
def postgres_emptied(postgres: Postgres, postgres_again: Again) -> Iterator[str]:
    """The address of a migrated database without a row; the next test has the same one."""
    yield postgres_again.give()
    postgres.start()
    postgres_again.take_back()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    url = postgres.database(migrated)
    yield url
    postgres.start()
    postgres.drop(url)
