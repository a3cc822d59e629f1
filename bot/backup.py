"""A backup is one file that any installation can read: every table as JSON lines in a zip, the spool beside them.

It holds no key: handles in it stay sealed, and a restore needs the HOTLINE_SECRET that they were sealed with.
"""

import base64
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot import migrations
from bot.db import Database
from bot.tables import metadata

FORMAT = "hotline-backup-1"
BATCH = 500
Progress = Callable[[str, int], None]


class BadBackup(Exception):
    """The file is not a backup, was damaged, or does not fit this program; in French."""


class NotEmpty(Exception):
    """The database already holds something: a restore goes into a new one."""


def write(
    db: Database, spool: Path, target: Path, now: datetime, progress: Progress = lambda _table, _rows: None
) -> int:
    """Write everything to one file, as of one moment, while the hotline goes on; how many rows."""
    temporary = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            manifest = {"format": FORMAT, "revision": migrations.current(db), "at": now.isoformat()}
            archive.writestr("manifest.json", json.dumps(manifest))
            count = db.look(_write_tables, archive, progress)
            for path in sorted(spool.glob("*.sealed")) if spool.is_dir() else []:
                archive.write(path, f"spool/{path.name}")
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _write_tables(session: Session, archive: zipfile.ZipFile, progress: Progress) -> int:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    total = 0
    for table in metadata.sorted_tables:
        rows = session.execute(sa.select(table).execution_options(yield_per=BATCH))
        with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
            for number, row in enumerate(rows.mappings(), 1):
                file.write(json.dumps(dict(row), default=_plain, ensure_ascii=False).encode() + b"\n")
                if number % BATCH == 0:
                    progress(table.name, number)
                total += 1
    return total


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def restore(db: Database, spool: Path, source: Path, progress: Progress = lambda _table, _rows: None) -> int:
    """Read a backup into a new database, all or nothing; how many rows. BadBackup, NotEmpty."""
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            if manifest.get("format") != FORMAT:
                raise BadBackup("ce fichier n'est pas une sauvegarde de la hotline")
            if archive.testzip() is not None:
                raise BadBackup("la sauvegarde est abîmée")
            migrations.upgrade(db, manifest["revision"])
            count = db.transact(_read_tables, archive, progress)
            migrations.upgrade(db)
            for name in archive.namelist():
                if name.startswith("spool/"):
                    spool.mkdir(parents=True, exist_ok=True)
                    (spool / Path(name).name).write_bytes(archive.read(name))
            return count
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadBackup(f"ce fichier n'est pas une sauvegarde lisible ({error})") from error


def _read_tables(session: Session, archive: zipfile.ZipFile, progress: Progress) -> int:
    tables = metadata.sorted_tables
    for table in tables:
        if session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
            raise NotEmpty(table.name)
    total = 0
    for table in tables:
        name = f"tables/{table.name}.jsonl"
        if name not in archive.namelist():
            continue
        with archive.open(name) as file:
            for rows in _batches(json.loads(line, object_hook=_rich) for line in file):
                session.execute(sa.insert(table), rows)
                total += len(rows)
                progress(table.name, total)
        _past_the_last(session, table)
    return total


def _rich(found: dict[str, Any]) -> Any:
    if found.keys() == {"at"}:
        return datetime.fromisoformat(found["at"])
    if found.keys() == {"bytes"}:
        return base64.b64decode(found["bytes"])
    return found


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _past_the_last(session: Session, table: sa.Table) -> None:
    """PostgreSQL counts on from the highest id that was restored."""
    if session.get_bind().dialect.name == "postgresql" and "id" in table.c:
        session.execute(
            sa.text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                f"GREATEST((SELECT COALESCE(MAX(id), 0) FROM {table.name}), 1))"
            )
        )
