"""A backup goes from either database to the other and back, unchanged; what cannot be restored is refused in French."""

import asyncio
import json
import random
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from bot import backup, migrations
from bot.backup import BadBackup, NotEmpty
from bot.db import Database
from bot.desk import demo, incoming
from bot.office import Office
from bot.tables import metadata
from channels import directory, mailbox
from channels.contract import Address, Attachment, Inbound, Outbound
from channels.spool import Spool
from tests.conftest import NOW

EMPTY = Path("/nonexistent")


def everything(session: Session) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in session.execute(sa.select(table).order_by(*table.primary_key)).mappings()]
        for table in metadata.sorted_tables
    }


def furnish(db: Database, office: Office, now: datetime) -> None:
    """Something in the tables that matter, with all that is hard to carry: bytes, accents, moments, odd words."""
    files = (Attachment("plan é.pdf", "application/pdf", bytes(range(256))),)
    text = 'C\'est « où » ?\n\u2028 🙂 \\ " {"at": 1}'
    db.transact(demo.add, office, now)
    for number in range(3):
        sender = Address("sms", f"+3360000000{number}")
        db.transact(incoming.receive, office, Inbound(f"m{number}", sender, text, now, attachments=files), now)

    def post(session: Session) -> None:
        row = directory.keep(session, office.vault, Address("sms", "+33600000001"), now)
        assert row.id is not None
        for values in ({"at": "18 h"}, {"bytes": "12"}, {"$at": "x"}, {}):
            message = Outbound(Address("sms", "x"), "answer", values, text, choices=("un", "deux"))
            mailbox.post(session, message, f"k{values}", row.id, now)

    db.transact(post)


@pytest.fixture
def other(db: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the other kind, without tables."""
    if db.is_sqlite:
        server = request.getfixturevalue("postgres")
        url = server.database()
        made = Database(url)
        yield made
        made.close()
        server.drop(url)
    else:
        made = Database(f"sqlite:///{tmp_path}/other.db")
        yield made
        made.close()


def test_there_and_back_again_nothing_has_changed(
    db: Database, other: Database, office: Office, now: datetime, tmp_path: Path
) -> None:
    furnish(db, office, now)
    spool = Spool(tmp_path / "spool", office.vault)
    spool.prepare()
    spool.put(Inbound("spooled", Address("sms", "+33600000009"), "en attente", now))
    before = db.look(everything)
    count = backup.write(db, spool.folder, tmp_path / "one.zip", now)
    assert count == sum(map(len, before.values()))
    assert backup.restore(other, tmp_path / "spool2", tmp_path / "one.zip") == count
    assert other.look(everything) == before
    assert [
        m.external_id for _, m in Spool(tmp_path / "spool2", office.vault).messages() if isinstance(m, Inbound)
    ] == ["spooled"]
    backup.write(other, EMPTY, tmp_path / "two.zip", now)
    back = Database(f"sqlite:///{tmp_path}/back.db")
    backup.restore(back, EMPTY, tmp_path / "two.zip")
    assert back.look(everything) == before
    back.close()


def test_a_restored_hotline_goes_on_with_new_numbers(
    db: Database, other: Database, office: Office, now: datetime, tmp_path: Path
) -> None:
    furnish(db, office, now)
    backup.write(db, EMPTY, tmp_path / "one.zip", now)
    backup.restore(other, EMPTY, tmp_path / "one.zip")
    new = Inbound("new", Address("sms", "+33611111111"), "bonjour", now)
    assert other.transact(incoming.receive, office, new, now)
    again = Inbound("m1", Address("sms", "+33600000001"), "bonjour", now)
    assert not other.transact(incoming.receive, office, again, now)  # known from before the backup


def test_it_is_taken_while_the_hotline_goes_on(
    db: Database, other: Database, office: Office, now: datetime, tmp_path: Path
) -> None:
    """What is written meanwhile is in it whole or not at all: no attachment without its message."""
    furnish(db, office, now)
    files = (Attachment("a", "text/plain", b"a"),)

    async def write_meanwhile() -> int:
        saving = asyncio.ensure_future(asyncio.to_thread(backup.write, db, EMPTY, tmp_path / "one.zip", now))
        number = 0
        while not saving.done() or number < 20:
            message = Inbound(f"later{number}", Address("sms", f"+336{number:08d}"), "x", now, attachments=files)
            await db.run(incoming.receive, office, message, now)
            number += 1
        await saving
        return number

    assert asyncio.run(write_meanwhile()) >= 20
    backup.restore(other, EMPTY, tmp_path / "one.zip")
    found = other.look(everything)
    assert len(found["inbox"]) == len(found["attachments"]) >= 3
    assert {row["inbox_id"] for row in found["attachments"]} == {row["id"] for row in found["inbox"]}


def test_what_leaves_the_spool_during_the_backup_is_not_lost(
    db: Database, office: Office, now: datetime, tmp_path: Path
) -> None:
    """The spool is read first: a message that is drained meanwhile stands in both, and the unique key keeps one."""
    spool = Spool(tmp_path / "spool", office.vault)
    spool.prepare()
    message = Inbound("moving", Address("sms", "+33600000009"), "en attente", now)
    path = spool.put(message)
    db.transact(demo.add, office, now)

    def drained(_table: str, _rows: int) -> None:
        if path.exists():
            db.transact(incoming.receive, office, message, now)
            path.unlink()

    class Eager(Database):
        """Drains as soon as the tables are being read."""

        def look(self, work: Any, *args: Any) -> Any:
            value = super().look(work, *args)
            drained("", 0)
            return value

    eager = Eager(db.url.render_as_string(hide_password=False))
    backup.write(eager, spool.folder, tmp_path / "one.zip", now)
    eager.close()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        inbox = archive.read("tables/inbox.jsonl").decode()
        spooled = [name for name in archive.namelist() if name.startswith("spool/")]
    assert "moving" in inbox or spooled


def test_a_database_that_holds_something_is_not_written_over(
    db: Database, office: Office, now: datetime, tmp_path: Path
) -> None:
    furnish(db, office, now)
    backup.write(db, EMPTY, tmp_path / "one.zip", now)
    before = db.look(everything)
    with pytest.raises(NotEmpty):
        backup.restore(db, EMPTY, tmp_path / "one.zip")
    assert db.look(everything) == before


@pytest.fixture
def saved(office: Office, tmp_path: Path) -> bytes:
    source = Database(f"sqlite:///{tmp_path}/source.db")
    migrations.upgrade(source)
    furnish(source, office, NOW)
    backup.write(source, EMPTY, tmp_path / "whole.zip", NOW)
    source.close()
    return (tmp_path / "whole.zip").read_bytes()


def damage(whole: bytes, how: str) -> bytes:
    if how == "cut":
        return whole[: len(whole) // 2]
    if how == "empty":
        return b""
    if how == "text":
        return b"ceci n'est pas une sauvegarde"
    middle = len(whole) // 3
    return whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 40]) + whole[middle + 40 :]


@pytest.mark.parametrize("how", ["cut", "empty", "text", "flipped"])
def test_a_damaged_file_is_refused_in_french_and_nothing_is_restored(saved: bytes, tmp_path: Path, how: str) -> None:
    (tmp_path / "bad.zip").write_bytes(damage(saved, how))
    target = Database(f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(BadBackup, match="sauvegarde"):
        backup.restore(target, EMPTY, tmp_path / "bad.zip")
    (tmp_path / "good.zip").write_bytes(saved)
    assert backup.restore(target, EMPTY, tmp_path / "good.zip")  # the target is as new
    target.close()


def test_a_flipped_byte_is_refused_or_means_nothing(saved: bytes, tmp_path: Path) -> None:
    """Never a traceback, never a restore that differs: some bytes of a zip (its clock) say nothing of what it holds."""
    (tmp_path / "good.zip").write_bytes(saved)
    good = Database(f"sqlite:///{tmp_path}/good.db")
    backup.restore(good, EMPTY, tmp_path / "good.zip")
    whole = good.look(everything)
    good.close()
    dice = random.Random(4)
    refused = 0
    for number in range(40):
        damaged = bytearray(saved)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        (tmp_path / "bad.zip").write_bytes(bytes(damaged))
        target = Database(f"sqlite:///{tmp_path}/t{number}.db")
        try:
            backup.restore(target, EMPTY, tmp_path / "bad.zip")
        except BadBackup:
            refused += 1
        else:
            assert target.look(everything) == whole
        finally:
            target.close()
    assert refused >= 10


@pytest.mark.parametrize("manifest", [{"format": "autre", "revision": "0001"}, {"format": "hotline-backup-1"}, []])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, manifest: object) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    target = Database(f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(BadBackup, match="sauvegarde"):
        backup.restore(target, EMPTY, tmp_path / "bad.zip")
    target.close()


def test_a_backup_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps({"format": backup.FORMAT, "revision": "9999", "rows": {}}))
    target = Database(f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(BadBackup, match="plus récent"):
        backup.restore(target, EMPTY, tmp_path / "new.zip")
    target.close()


def test_no_phone_number_and_no_key_is_in_it(saved: bytes, tmp_path: Path, office: Office) -> None:
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive:
        inside = b"".join(archive.read(name) for name in archive.namelist())
    assert b"+3360000000" not in inside
    assert office.vault.secret.encode() not in inside


def test_a_backup_of_the_first_revision_is_read_as_it_was_and_then_brought_up_to_date(
    empty_pair: tuple[Database, Database], now: datetime, tmp_path: Path
) -> None:
    first, second = empty_pair
    migrations.upgrade(first, "0001")

    def fill(session: Session) -> None:
        tables = {table.name: table for table in backup.tables_of(session)}
        council = {"id": 1, "slug": "bellevue", "name": "Bellevue"}
        address = {"id": 4, "channel": "sms", "blind": "b", "sealed": b"\x00\xff", "created_at": now}
        message = {
            "id": 7, "channel": "sms", "account": "", "external_id": "m1", "address_id": 4, "text": "Où ?",
            "subject": "", "token": "", "thread": "", "nature": "person", "proof": "", "warnings": ["un", "deux"],
            "joins": False, "heard_at": now, "received_at": now, "ready_at": now, "state": "waiting", "claims": 0,
            "fence": "", "reason": "", "told": False,
        }  # fmt: skip
        for name, row in (("councils", council), ("addresses", address), ("inbox", message)):
            table = tables[name]
            for column in table.columns:  # what the first tables ask for, and this test has no opinion on
                if column.name not in row and not column.nullable:
                    row[column.name] = now if "DateTime" in type(column.type).__name__ else blank(column)
            session.execute(sa.insert(table), row)

    first.transact(fill)
    assert backup.write(first, EMPTY, tmp_path / "old.zip", now) == 3
    with zipfile.ZipFile(tmp_path / "old.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["revision"] == "0001"
    assert backup.restore(second, EMPTY, tmp_path / "old.zip") == 3
    assert migrations.current(second) == migrations.newest()
    row = second.look(lambda session: session.get(mailbox.InboxRow, 7))
    assert row is not None
    assert (row.text, row.warnings, row.heard_at) == ("Où ?", ["un", "deux"], now)
    address = second.look(lambda session: session.get(directory.AddressRow, 4))
    assert address is not None
    assert (address.sealed, address.paused_at) == (b"\x00\xff", None)


def blank(column: sa.Column[Any]) -> Any:
    return {bool: False, int: 0, bytes: b""}.get(column.type.python_type, "")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Two databases without tables, the first of this kind, the second SQLite."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.database() if server else f"sqlite:///{tmp_path}/first.db"
    first, second = Database(url), Database(f"sqlite:///{tmp_path}/second.db")
    yield first, second
    first.close()
    second.close()
    if server:
        server.drop(url)
