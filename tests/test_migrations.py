"""The tables' history: from nothing to the newest, through every revision with rows in place, equal to the models."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session

from bot import migrations
from bot.db import Database
from bot.tables import metadata
from tests.conftest import NOW
from tests.peers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    if request.param == "sqlite":
        db = Database(f"sqlite:///{tmp_path}/empty.db")
        yield db
        db.close()
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database()
    db = Database(url)
    yield db
    db.close()
    server.drop(url)


def revisions() -> list[str]:
    """Every revision, the oldest first."""
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    return [each.revision for each in script.walk_revisions()][::-1]


def in_the_database(db: Database) -> sa.MetaData:
    found = sa.MetaData()
    with db.reader.connect() as connection:
        found.reflect(connection)
    return found


def sample(column: "sa.Column[Any]", number: int) -> Any:
    """Something that fits this column."""
    kind = column.type
    if isinstance(kind, sa.JSON):
        return []
    if isinstance(kind, sa.DateTime) or "DateTime" in type(kind).__name__ or "TIMESTAMP" in str(kind):
        return NOW
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, (sa.Integer, sa.Numeric, sa.Float)):
        return number
    if isinstance(kind, sa.LargeBinary):
        return b"\x00\xff"
    if isinstance(kind, sa.Date):
        return NOW.date()
    return f"{column.name} {number}"


def fill(session: Session, tables: sa.MetaData) -> dict[str, int]:
    """Two rows in every table, tied by their references; how many rows each table holds."""
    counts = {}
    for table in tables.sorted_tables:
        if table.name == "alembic_version":
            continue
        for number in (1, 2):
            session.execute(sa.insert(table).values({c.name: sample(c, number) for c in table.columns}))
        counts[table.name] = 2
    return counts


def counted(session: Session, tables: dict[str, int]) -> dict[str, int]:
    return {name: session.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in tables}


def test_from_nothing_to_the_newest_and_again_does_nothing(empty: Database) -> None:
    assert migrations.current(empty) is None
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.newest() == revisions()[-1]
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.newest()


def test_the_history_ends_where_the_models_stand(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []


def test_every_constraint_has_a_name(empty: Database) -> None:
    """What has none is dropped unasked when SQLite rebuilds its table."""
    migrations.upgrade(empty)
    found = in_the_database(empty)
    nameless = [
        f"{table.name}: {constraint}"
        for table in found.tables.values()
        for constraint in table.constraints
        if not constraint.name and table.name != "alembic_version"
    ]
    assert nameless == []


@pytest.mark.parametrize("start", revisions())
def test_rows_written_at_any_revision_reach_the_newest(empty: Database, start: str) -> None:
    migrations.upgrade(empty, start)
    before = empty.transact(fill, in_the_database(empty))
    for revision in revisions()[revisions().index(start) + 1 :]:
        migrations.upgrade(empty, revision)
    migrations.upgrade(empty)
    after = empty.look(counted, before)
    assert after == before
    if empty.is_sqlite:
        broken = empty.look(lambda session: session.execute(sa.text("PRAGMA foreign_key_check")).fetchall())
        assert broken == []
        assert empty.transact(lambda session: session.execute(sa.text("PRAGMA foreign_keys")).scalar()) == 1


def test_a_migration_that_would_lose_rows_changes_nothing(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/full.db")
    migrations.upgrade(db)
    before = db.transact(fill, in_the_database(db))

    def careless(config: Any, _revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("DELETE FROM councils WHERE id = 1")

    with pytest.raises(migrations.Damaged, match="councils"):
        migrations.upgrade(db, by=careless)
    assert db.look(counted, before) == before
    assert db.transact(lambda session: session.execute(sa.text("PRAGMA foreign_keys")).scalar()) == 1
    db.close()


def test_the_moments_that_come_back_are_aware(db: Database, now: datetime) -> None:
    """A row without a time zone would compare with none of our moments."""
    from channels.mailbox import ChannelPause

    def pause(session: Session) -> None:
        session.add(ChannelPause(channel="sms", until=now))

    db.transact(pause)
    row = db.look(lambda session: session.get(ChannelPause, "sms"))
    assert row is not None
    assert row.until == now
    assert row.until.tzinfo is not None
