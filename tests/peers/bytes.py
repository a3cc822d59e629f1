"""Every byte that a database holds, to search for what must not be there."""

import subprocess
from pathlib import Path

import sqlalchemy as sa

from bot.db import Database
from bot.tables import metadata
from tests.peers.postgres import programs


def everything(db: Database, folder: Path) -> bytes:
    """SQLite: its files in this folder; PostgreSQL: its tables, and a dump of them."""
    if db.is_sqlite:
        found = b"".join(path.read_bytes() for path in folder.glob("hotline.db*"))
        assert found
        return found
    rows: list[object] = []
    for table in metadata.sorted_tables:
        rows += db.look(lambda session, each=table: session.execute(sa.select(each)).all())
    where = programs()
    assert where is not None
    host = db.url.query["host"]
    dump = subprocess.run(
        [where / "pg_dump", "-h", str(host), "-U", str(db.url.username), str(db.url.database)],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return repr(rows).encode() + dump.stdout
