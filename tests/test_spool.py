"""The spool, rule R9: sealed, in order, on disk before it is acknowledged, and replayed through the same key."""

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.db import Database, DatabaseAway
from bot.desk import incoming
from bot.office import Office
from bot.workers import Bell, Intake
from channels.contract import Address, Attachment, Inbound, Receipt
from channels.mailbox import AttachmentRow, InboxRow
from channels.spool import Spool
from channels.vault import Vault
from tests.conftest import NOW

PHONE = "+33612345678"


@pytest.fixture
def spool(tmp_path: Path, vault: Vault) -> Spool:
    made = Spool(tmp_path / "spool", vault)
    made.prepare()
    return made


def inbound(number: int, **also: Any) -> Inbound:
    return Inbound(f"m{number}", Address("sms", PHONE), f"question {number}", NOW, **also)


def test_what_is_taken_out_is_what_was_put_in(spool: Spool) -> None:
    whole = inbound(
        1, account="ours", token="t", subject="sujet", thread="<a@b>", nature="unsure", proof="pass",
        attachments=(Attachment("photo.jpg", "image/jpeg", bytes(range(256))),), warnings=("w",), spoken=True,
    )  # fmt: skip
    odd = Inbound("o", Address("web", "é\0"), "\ud800 \0 🙂 \u202eabc", NOW + timedelta(microseconds=1))
    receipt = Receipt("sms", "p1", "failed", "boîte pleine")
    for each in (whole, odd, receipt):
        spool.put(each)
    assert [message for _, message in spool.messages()] == [whole, odd, receipt]


def test_nobody_reads_it_without_the_key(spool: Spool) -> None:
    path = spool.put(inbound(1))
    raw = path.read_bytes()
    assert PHONE.encode() not in raw
    assert b"question" not in raw
    assert PHONE not in path.name


def test_order_is_kept_for_hundreds_across_a_restart_and_a_clock_set_back(spool: Spool, vault: Vault) -> None:
    for number in range(150):
        spool.put(inbound(number))
    far = spool.folder / f"{2**62:020d}-abcd.sealed"  # as if written when the clock was far ahead
    spool.waiting()[-1].rename(far)
    again = Spool(spool.folder, vault)
    for number in range(150, 300):
        again.put(inbound(number))
    assert [message.external_id for _, message in again.messages() if isinstance(message, Inbound)] == [
        f"m{n}" for n in range(300)
    ]


def test_it_is_on_disk_before_put_returns(spool: Spool) -> None:
    """File synced, renamed, folder synced, in this order: else a power cut may leave an empty or missing file."""
    done: list[str] = []

    def watched_fsync(descriptor: int) -> None:
        done.append("folder synced" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file synced")
        os.fsync(descriptor)

    def watched_rename(path: Path, target: Path) -> Path:
        done.append("renamed")
        return path.rename(target)

    Spool(spool.folder, spool.vault, fsync=watched_fsync, rename=watched_rename).put(inbound(1))
    assert done == ["file synced", "renamed", "folder synced"]


def test_a_half_written_file_is_never_seen_and_leaves_nothing(spool: Spool) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Spool(spool.folder, spool.vault, fsync=full).put(inbound(1))
    assert list(spool.folder.iterdir()) == []


def test_what_cannot_be_opened_is_set_aside_and_the_rest_goes_on(spool: Spool, vault: Vault) -> None:
    damaged = spool.put(inbound(1))
    damaged.write_bytes(b"x" * 100)
    Spool(spool.folder, Vault("another secret, just as long as it must be")).put(inbound(2))
    spool.put(inbound(3))
    assert [m.external_id for _, m in spool.messages() if isinstance(m, Inbound)] == ["m3"]
    assert len(spool.aside()) == 2
    assert len(spool.waiting()) == 1
    Spool(spool.folder, vault).prepare()  # the next start offers them once more
    assert len(spool.waiting()) == 3


def test_a_folder_that_cannot_be_written_refuses_to_start(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        Spool(tmp_path / "file" / "spool", vault).prepare()


def test_one_process_at_a_time_goes_through_a_folder(spool: Spool, vault: Vault) -> None:
    spool.put(inbound(1))
    ours = spool.messages()
    assert next(ours)
    assert list(Spool(spool.folder, vault).messages()) == []
    ours.close()  # type: ignore[attr-defined]
    assert len(list(Spool(spool.folder, vault).messages())) == 1


def test_an_empty_folder_and_none_hold_nothing(tmp_path: Path, spool: Spool, vault: Vault) -> None:
    assert not spool.holds()
    assert not Spool(tmp_path / "none", vault).holds()
    spool.put(inbound(1))
    assert spool.holds()


# --- the door in, while the database is away --------------------------------------------------------------------------


class Fickle(Database):
    """A database that is there or not, as the test says."""

    away = False
    hangs = False
    stumbles_over = ""

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise DatabaseAway("stopped")
        messages = args[1] if work is not incoming.receive and len(args) > 1 else [args[1]] if len(args) > 1 else []
        if isinstance(messages, list) and any(self._stumbles(each) for each in messages):
            raise RuntimeError("a bug of ours")
        return await super().run(work, *args, **kwargs)

    def _stumbles(self, message: object) -> bool:
        return bool(self.stumbles_over) and getattr(message, "external_id", "") == self.stumbles_over


@pytest.fixture
def fickle(db: Database) -> Iterator[Fickle]:
    found = Fickle(db.url.render_as_string(hide_password=False))
    yield found
    found.close()


@pytest.fixture
def intake(fickle: Fickle, office: Office, spool: Spool, now: datetime) -> Intake:
    return Intake(fickle, office, spool, lambda: now, Bell())


def kept(session: Session) -> list[str]:
    return list(session.exec(select(InboxRow.external_id).order_by(InboxRow.id)).all())  # type: ignore[arg-type]


def test_what_came_while_the_database_was_away_is_there_once_and_in_order(intake: Intake, fickle: Fickle) -> None:
    async def outage() -> None:
        assert await intake.deliver(inbound(0))
        fickle.away = True
        for number in range(1, 60):
            assert await intake.deliver(inbound(number))
        assert await intake.deliver(inbound(5))  # the provider sends one again
        with pytest.raises(DatabaseAway):
            await intake.drain()
        fickle.away = False
        assert await intake.deliver(inbound(60))  # behind those that wait, not before them
        assert fickle.look(kept) == ["m0"]
        assert await intake.drain() == 61
        assert not await intake.deliver(inbound(5))

    asyncio.run(outage())
    assert fickle.look(kept) == [f"m{n}" for n in range(61)]
    assert not intake.spool.holds()


def test_a_restart_in_the_middle_of_a_replay_changes_nothing(intake: Intake, fickle: Fickle) -> None:
    async def twice() -> None:
        fickle.away = True
        await intake.deliver(inbound(1))
        copy = intake.spool.waiting()[0]
        before = copy.read_bytes()
        fickle.away = False
        await intake.drain()
        copy.write_bytes(before)  # killed between the commit and the removal
        await intake.drain()

    asyncio.run(twice())
    assert fickle.look(kept) == ["m1"]
    assert not intake.spool.holds()


def test_a_message_that_cannot_be_kept_does_not_stop_those_behind_it(intake: Intake, fickle: Fickle) -> None:
    async def stumble() -> None:
        fickle.stumbles_over = "m2"
        for number in range(1, 5):
            assert await intake.deliver(inbound(number))
        await intake.drain()

    asyncio.run(stumble())
    assert fickle.look(kept) == ["m1", "m3", "m4"]
    assert [path.suffix for path in intake.spool.aside()] == [".refused"]
    assert not intake.spool.holds()


def test_a_database_that_hangs_does_not_keep_the_provider_waiting(intake: Intake, fickle: Fickle) -> None:
    intake.patience = 0.05

    async def hang() -> None:
        fickle.hangs = True
        async with asyncio.timeout(20):
            assert await intake.deliver(inbound(1))
        fickle.hangs = False
        await intake.drain()

    asyncio.run(hang())
    assert fickle.look(kept) == ["m1"]


def test_attachments_and_receipts_go_through_the_spool_too(intake: Intake, fickle: Fickle) -> None:
    async def outage() -> None:
        fickle.away = True
        await intake.deliver(inbound(1, attachments=(Attachment("a.pdf", "application/pdf", b"%PDF-1.7"),)))
        await intake.deliver(Receipt("sms", "inconnu", "delivered"))
        fickle.away = False
        await intake.drain()

    asyncio.run(outage())
    sizes = fickle.look(lambda session: list(session.exec(select(AttachmentRow.size)).all()))
    assert sizes == [8]
    assert not intake.spool.holds()


def test_when_neither_can_write_the_provider_is_not_told_that_we_have_it(intake: Intake, fickle: Fickle) -> None:
    fickle.away = True
    intake.spool.folder = Path("/proc/nowhere")
    with pytest.raises(OSError, match="nowhere"):
        asyncio.run(intake.deliver(inbound(1)))
