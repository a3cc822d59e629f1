"""The tables' history, for Alembic, configured here in code; `upgrade` brings a database to the newest revision."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.db import Database, translated

LOCK = 0x6D696772  # PostgreSQL advisory lock: one process migrates at a time


class Damaged(Exception):
    """A migration would have lost rows or broken a reference; nothing was changed."""


def config(connection: sa.Connection) -> Config:
    """Alembic's settings, with the connection that it is to use."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def newest() -> str:
    """The revision that this program was written for."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("path_separator", "os")
    head = ScriptDirectory.from_config(made).get_current_head()
    assert head is not None
    return head


def current(db: Database) -> str | None:
    """The revision that the database is at; None if it is empty; or DatabaseAway."""
    with translated(), db.reader.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(db: Database, revision: str = "head", by: Callable[[Config, str], None] = command.upgrade) -> None:
    """Bring the database to a revision, all or nothing.

    SQLite: foreign keys are off meanwhile (with them on, Alembic's batch mode deletes child rows unasked), rows are
    counted before and after, and references checked. PostgreSQL: under an advisory lock.
    """
    if not db.is_sqlite:
        with translated(), db.writer.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            by(config(connection), revision)
        return
    with db.writer.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.rollback()
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
        try:
            with connection.begin():
                before = _counts(connection)
                by(config(connection), revision)
                after = _counts(connection)
                lost = {table for table in before.keys() & after.keys() if before[table] != after[table]}
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if lost or broken:
                    raise Damaged(f"tables {sorted(lost)}, references {broken[:3]}")
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def _counts(connection: sa.Connection) -> dict[str, int]:
    names = sa.inspect(connection).get_table_names()
    return {name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in names}
