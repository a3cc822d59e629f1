"""A backup is one file that any installation can read: every table as JSON lines in a zip, the spool beside them.

It holds no key: handles in it stay sealed, and a restore needs the HOTLINE_SECRET that they were sealed with.
"""

import base64
import contextlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, UTCDateTime

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
            # The spool first: what is drained meanwhile then stands in both, and its unique key keeps one.
            for path in sorted(spool.glob("*.sealed")) if spool.is_dir() else []:
                with contextlib.suppress(FileNotFoundError):
                    archive.write(path, f"spool/{path.name}")
            revision = migrations.current(db)
            counts = db.look(_write_tables, archive, progress)
            manifest = {"format": FORMAT, "revision": revision, "at": now.isoformat(), "rows": counts}
            archive.writestr("manifest.json", json.dumps(manifest))
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    return sum(counts.values())


def _write_tables(session: Session, archive: zipfile.ZipFile, progress: Progress) -> dict[str, int]:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    counts = {}
    for table in tables_of(session):
        rows = session.execute(sa.select(table).execution_options(yield_per=BATCH))
        number = 0
        with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
            for number, row in enumerate(rows.mappings(), 1):
                file.write(json.dumps(dict(row), default=_plain).encode() + b"\n")
                if number % BATCH == 0:
                    progress(table.name, number)
        counts[table.name] = number
    return counts


def tables_of(session: Session) -> list[sa.Table]:
    """The tables as this database has them, whatever its revision; what they refer to first.

    Columns that today's program knows are read and written in its types; moments of others are aware all the same.
    """
    found = sa.MetaData()
    found.reflect(session.connection())
    found.remove(found.tables["alembic_version"])
    for table in found.tables.values():
        known = metadata.tables.get(table.name)
        for column in table.columns:
            if known is not None and column.name in known.columns:
                column.type = known.columns[column.name].type
            elif isinstance(column.type, sa.DateTime):
                column.type = UTCDateTime()
    return found.sorted_tables


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def restore(db: Database, spool: Path, source: Path, progress: Progress = lambda _table, _rows: None) -> int:
    """Read a backup into a new database, all or nothing; how many rows. BadBackup, NotEmpty."""
    try:
        archive = zipfile.ZipFile(source)
        manifest = _checked(archive)
    except (OSError, BadBackup):
        raise
    except Exception as error:  # a damaged zip fails in a dozen ways
        raise BadBackup(f"ce fichier n'est pas une sauvegarde lisible ({error})") from error
    with archive:
        try:
            migrations.upgrade(db, manifest["revision"])
        except CommandError as error:
            raise BadBackup(
                "cette sauvegarde vient d'un programme plus récent : mettez d'abord la hotline à jour"
            ) from error
        try:
            count = db.transact(_read_tables, archive, manifest["rows"], progress)
        except (DBAPIError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise BadBackup(f"la sauvegarde est abîmée ({type(error).__name__})") from error
        migrations.upgrade(db)
        for name in archive.namelist():
            if name.startswith("spool/"):
                spool.mkdir(parents=True, exist_ok=True)
                (spool / Path(name).name).write_bytes(archive.read(name))
        return count


def _checked(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, once every byte of the file has been read and found whole."""
    manifest = json.loads(archive.read("manifest.json"))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadBackup("ce fichier n'est pas une sauvegarde de la hotline")
    if archive.testzip() is not None or not isinstance(manifest["revision"], str):
        raise BadBackup("la sauvegarde est abîmée")
    if missing := [name for name in manifest["rows"] if f"tables/{name}.jsonl" not in archive.namelist()]:
        raise BadBackup(f"la sauvegarde est abîmée : il y manque {', '.join(missing)}")
    return manifest


def _read_tables(session: Session, archive: zipfile.ZipFile, expected: dict[str, int], progress: Progress) -> int:
    tables = tables_of(session)
    for table in tables:
        if session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
            raise NotEmpty(table.name)
    total = 0
    for table in tables:
        if table.name not in expected:
            continue
        count = 0
        with archive.open(f"tables/{table.name}.jsonl") as file:
            for rows in _batches(_row(table, json.loads(line)) for line in file):
                session.execute(sa.insert(table), rows)
                count += len(rows)
                progress(table.name, count)
        if count != expected[table.name]:
            raise ValueError(f"{table.name}: {count} rows of {expected[table.name]}")
        total += count
        _past_the_last(session, table)
    return total


def _row(table: sa.Table, found: dict[str, Any]) -> dict[str, Any]:
    """One row as the database takes it; what a JSON column holds stays as it is, whatever its words are."""
    return {
        name: value if isinstance(table.c[name].type, sa.JSON) or not isinstance(value, dict) else _rich(value)
        for name, value in found.items()
    }


def _rich(found: dict[str, Any]) -> date | bytes:
    if "day" in found:
        return date.fromisoformat(found["day"])
    return datetime.fromisoformat(found["at"]) if "at" in found else base64.b64decode(found["bytes"])


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
