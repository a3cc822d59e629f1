"""Files that go out: kept once and sealed, carried to the provider, gone with the last message that carries them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from bot.db import Database
from bot.desk import erasing, letters, outgoing, retention
from bot.office import Office
from channels import attachments, directory, mailbox
from channels.attachments import FileRow, OutboxAttachmentRow
from channels.contract import Address, Attachment, Outbound
from channels.mailbox import Bulk, OutboxRow

KIT = Attachment("kit.pdf", "application/pdf", b"%PDF-1.7 le kit " * 1000)
INVITATION = Attachment("reunion.ics", "text/calendar; method=PUBLISH", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")


def address(session: Session, office: Office, handle: str, now: datetime) -> int:
    row = directory.keep(session, office.vault, Address("email", handle), now)
    assert row.id is not None
    return row.id


def letter(handle: str, *files: Attachment) -> Outbound:
    return Outbound(Address("email", handle), "reminder", {}, "Voici le kit.", attachments=files)


def post(db: Database, office: Office, now: datetime, key: str, *files: Attachment, handle: str = "a@b.fr") -> Any:
    def work(session: Session) -> int | None:
        row = directory.keep(session, office.vault, Address("email", handle), now)
        return letters.post(session, office, letter(handle, *files), key, row, now)

    return db.transact(work)


def count(db: Database, table: type[Any]) -> int:
    return db.look(lambda session: session.exec(select(sa.func.count()).select_from(table)).one())


def test_a_message_brings_its_files_to_the_channel_in_their_order(db: Database, office: Office, now: datetime) -> None:
    post(db, office, now, "k1", KIT, INVITATION)
    claimed = db.transact(outgoing.claim_sending, office, ["email"], [], now)
    assert claimed is not None
    assert claimed[1].attachments == (KIT, INVITATION)


def test_a_message_without_files_asks_for_none(db: Database, office: Office, now: datetime) -> None:
    post(db, office, now, "k1")
    claimed = db.transact(outgoing.claim_sending, office, ["email"], [], now)
    assert claimed is not None
    assert claimed[1].attachments == ()
    assert claimed[0].files == 0


def test_the_same_key_posted_twice_carries_its_files_once(db: Database, office: Office, now: datetime) -> None:
    assert post(db, office, now, "k1", KIT) is not None
    assert post(db, office, now, "k1", KIT) is None
    assert count(db, OutboxAttachmentRow) == 1


def test_a_file_that_two_hundred_letters_share_is_kept_once(db: Database, office: Office, now: datetime) -> None:
    def work(session: Session) -> set[str]:
        bulk = [
            Bulk(f"k{n}", address(session, office, f"p{n}@b.fr", now), None, letter(f"p{n}@b.fr", KIT))
            for n in range(200)
        ]
        return mailbox.post_bulk(session, bulk, now, vault=office.vault)

    assert len(db.transact(work)) == 200
    assert db.transact(work) == set()
    assert (count(db, FileRow), count(db, OutboxAttachmentRow)) == (1, 200)
    rows = db.look(lambda session: list(session.exec(select(OutboxRow.id)).all()))
    assert db.look(attachments.attached, office.vault, rows[-1]) == (KIT,)


def test_two_hundred_letters_with_a_file_each_take_as_many_statements_as_two(
    db: Database, office: Office, now: datetime
) -> None:
    def posted(start: int, many: int) -> int:
        def work(session: Session) -> int:
            bulk = [
                Bulk(f"k{n}", address(session, office, f"p{n}@b.fr", now), None, letter(f"p{n}@b.fr", kit(n)))
                for n in range(start, start + many)
            ]
            said: list[str] = []
            count = lambda *args: said.append(args[2])  # noqa: E731
            session.flush()
            sa.event.listen(session.connection(), "before_cursor_execute", count)
            mailbox.post_bulk(session, bulk, now, vault=office.vault)
            sa.event.remove(session.connection(), "before_cursor_execute", count)
            return len(said)

        return db.transact(work)

    def kit(n: int) -> Attachment:
        return Attachment("kit.pdf", "application/pdf", b"%PDF-1.7 le kit du conseil " + str(n).encode())

    assert posted(0, 2) == posted(2, 200) == 5
    assert count(db, FileRow) == 202
    ids = db.look(lambda session: list(session.exec(select(OutboxRow.id).order_by(OutboxRow.key)).all()))
    keys = sorted(f"k{n}" for n in range(202))
    assert db.look(attachments.attached, office.vault, ids[7]) == (kit(int(keys[7][1:])),)


def test_nothing_of_a_file_can_be_read_in_the_database(db: Database, office: Office, now: datetime) -> None:
    post(db, office, now, "k1", KIT)
    file = db.look(lambda session: session.exec(select(FileRow)).one())
    assert b"le kit" not in file.sealed
    assert file.size == len(KIT.content)


def test_files_without_the_key_that_seals_them_are_refused(db: Database, office: Office, now: datetime) -> None:
    def work(session: Session) -> None:
        mailbox.post(session, letter("a@b.fr", KIT), "k1", address(session, office, "a@b.fr", now), now)

    with pytest.raises(ValueError, match="vault"):
        db.transact(work)
    assert count(db, OutboxRow) == 0


def test_a_file_goes_with_the_last_message_that_carries_it(db: Database, office: Office, now: datetime) -> None:
    post(db, office, now, "k1", KIT, INVITATION)
    post(db, office, now + timedelta(days=20), "k2", KIT, handle="b@b.fr")
    for _ in range(2):
        claimed = db.transact(outgoing.claim_sending, office, ["email"], [], now + timedelta(days=20))
        assert claimed is not None
        db.transact(outgoing.sent, office, claimed[0], "id", now)
    db.transact(retention.purge, now + timedelta(days=31))
    assert (count(db, FileRow), count(db, OutboxAttachmentRow)) == (1, 1)
    db.transact(retention.purge, now + timedelta(days=52))
    assert (count(db, FileRow), count(db, OutboxAttachmentRow)) == (0, 0)


def test_what_is_erased_takes_its_files_along_at_once(db: Database, office: Office, now: datetime) -> None:
    post(db, office, now, "k1", KIT)
    who = db.transact(address, office, "a@b.fr", now)
    db.transact(erasing.erase, office, who, now)
    assert (count(db, FileRow), count(db, OutboxAttachmentRow)) == (0, 0)
    assert db.transact(outgoing.claim_sending, office, ["email"], [], now) is None


def test_a_file_is_not_swept_away_under_a_message_that_is_just_being_posted(
    db: Database, office: Office, now: datetime
) -> None:
    """A file that nobody carries any more stays or comes back when it is posted anew."""
    post(db, office, now, "k1", KIT)
    db.transact(lambda session: attachments.detach(session, [1]))
    post(db, office, now, "k2", KIT, handle="b@b.fr")
    assert db.transact(attachments.sweep) == 0
    claimed = db.transact(outgoing.claim_sending, office, ["email"], [], now)
    assert claimed is not None
    assert count(db, FileRow) == 1
