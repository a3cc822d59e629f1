"""A new key takes the place of the old one while the hotline runs: nothing is lost, and nothing stays under the old."""

import re
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from bot import settings, tokens
from bot.db import Database
from bot.desk import entrance, following_calendars, incoming, resealing
from bot.desk.keys import SEALED_AS
from bot.office import Office
from bot.settings import KeyFile
from bot.tables import metadata
from channels import attachments, directory, drawers, mailbox
from channels.attachments import FileRow
from channels.contract import Address, Attachment, Inbound, Outbound
from channels.directory import AddressRow
from channels.mailbox import OutboxRow
from channels.spool import Spool
from channels.vault import Vault, WrongKey, new_secret, sign_of
from escalation.accounts import Credential
from escalation.officers import Officer
from knowledge.entries import Content
from knowledge.matching import Index
from scheduler import feeds
from tests.bot.test_commands import SECRET, UNKNOWN, Hotline
from tests.bot.test_commands import hotline as hotline
from tests.bot.test_commands import ready as ready
from tests.bot.test_commands import ready_file as ready_file
from tests.town import OFFICER, Town

ASKER = "lea@exemple.net"
FILE = Attachment("plan.pdf", "application/pdf", b"%PDF-1.4 un plan")


@pytest.fixture
def typed(db: Database, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hotline:
    """`hotline`, typed beside a program that runs on the same database; its key is in var/keys."""
    for name in ("HOTLINE_SECRET", "HOTLINE_SECRET_PREVIOUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    url = db.url.render_as_string(hide_password=False)
    return Hotline(tmp_path, {"HOTLINE_DATABASE_URL": url, "COLUMNS": "200"}, index)


@pytest.fixture
def running(typed: Hotline, db: Database, index: Index, contents: list[Content], now: datetime) -> Town:
    """A hotline in service, whose key is in the file."""
    found = Town(db, Office(vault=settings.vault_of(settings.read({}).settings)), index, now)
    found.open(contents)
    return found


def furnish(session: Session, office: Office, now: datetime) -> None:
    """Something sealed of every kind."""
    vault = office.vault
    message = Inbound("f1", Address("email", ASKER), "Voici", now, attachments=(FILE,))
    incoming.receive(session, office, message, now)
    row = directory.keep(session, vault, Address("email", ASKER), now)
    assert row.id is not None
    mailbox.post(session, Outbound(Address("email", ASKER), "answer", {}, "Bonjour"), "k1", row.id, now)
    outbox = session.exec(select(OutboxRow.id).where(OutboxRow.key == "k1")).one()
    assert outbox is not None
    attachments.attach(session, vault, {outbox: [FILE]}, now)
    drawers.write(session, vault, "email", "un jeton", now)
    officer = session.exec(select(Officer.id)).first()
    assert officer is not None
    secret, pending = vault.seal(b"SECRET", SEALED_AS), vault.seal(b"PENDING", SEALED_AS)
    session.add(Credential(officer_id=officer, secret=secret, pending=pending, changed_at=now))
    entrance.open_session(session, office, officer, "tests", "provider", now, "ticket")


def sealed_bytes(session: Session) -> dict[tuple[str, str], list[bytes]]:
    """Everything in a column of bytes, whichever table it is in."""
    found = {}
    for table in metadata.sorted_tables:
        for column in table.c:
            if isinstance(column.type, sa.LargeBinary) or getattr(column.type, "python_type", None) is bytes:
                values = session.execute(sa.select(column).where(column.is_not(None))).scalars()
                found[table.name, column.name] = [bytes(value) for value in values if value]
    return found


def all_of(db: Database, vault: Vault) -> None:
    for kind in resealing.KINDS:
        batch = db.transact(resealing.reseal, vault, kind)
        while batch.last is not None:
            batch = db.transact(resealing.reseal, vault, kind, batch.last)


def test_every_column_of_sealed_bytes_is_sealed_anew(db: Database, running: Town) -> None:
    old = running.office.vault.still()
    db.transact(furnish, running.office, running.at)
    kinds = {(kind.table.name, kind.column) for kind in resealing.KINDS}
    before = db.look(sealed_bytes)
    ours = {name for name, values in before.items() if any(value.startswith(old.sign) for value in values)}
    assert ours == kinds, "a column is sealed, and `hotline keys rotate` does not know it"
    KeyFile().write((new_secret(), old.secret))
    all_of(db, running.office.vault)
    after = db.look(sealed_bytes)
    new = running.office.vault.sign
    for name in kinds:
        assert len(after[name]) == len(before[name]) > 0
        assert all(value.startswith(new) for value in after[name]), name
    assert not any(value.startswith(sign_of(old.secret)) for values in after.values() for value in values)
    assert not any(db.look(resealing.counts, running.office.vault).values())
    alone = Vault(running.office.vault.secrets[0])
    row = db.look(directory.find, alone, Address("email", ASKER))
    assert row is not None
    assert directory.opened(alone, row).handle == ASKER
    assert db.look(drawers.read, alone, "email") == "un jeton"
    found = db.look(lambda session: session.exec(select(Credential)).one())
    assert (alone.open(found.secret, SEALED_AS), alone.open(found.pending, SEALED_AS)) == (b"SECRET", b"PENDING")
    outbox = db.look(lambda session: session.exec(select(OutboxRow.id).where(OutboxRow.key == "k1")).one())
    assert db.look(attachments.attached, alone, outbox) == (FILE,)
    with pytest.raises(WrongKey):
        directory.opened(Vault(old.secret), row)


def test_a_change_that_was_interrupted_goes_on_where_it_was(db: Database, running: Town, typed: Hotline) -> None:
    vault = running.office.vault

    def many(session: Session) -> None:
        for number in range(450):
            directory.keep(session, vault, Address("sms", f"+336{number:08d}"), running.at)

    db.transact(many)
    count = typed.count(AddressRow)
    KeyFile().write((new_secret(), *vault.secrets))
    addresses = resealing.KINDS[0]
    first = db.transact(resealing.reseal, vault, addresses)
    assert first.done == resealing.ROWS

    def breaks(session: Session) -> None:
        resealing.reseal(session, vault, addresses, first.last)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        db.transact(breaks)
    left = count - resealing.ROWS
    assert db.look(resealing.counts, vault)["addresses"] == left
    for number in (0, 449):  # one under each key: found, and not doubled
        db.transact(directory.keep, vault, Address("sms", f"+336{number:08d}"), running.at)
    assert typed.count(AddressRow) == count
    assert f"Adresses et numéros : {left}" in typed("keys", "status")
    assert "encore sous l'ancienne clé" in typed("keys", "forget", "--yes", status=1)
    assert f"{left} éléments sont passés" in typed("keys", "rotate")
    assert "Tout est sous la clé actuelle" in typed("keys", "status")
    assert "Tout est déjà sous la nouvelle clé" in typed("keys", "rotate")
    assert typed.count(AddressRow) == count
    assert len(KeyFile().secrets()) == 2


def test_letters_of_before_are_answered_until_the_old_key_is_forgotten(
    db: Database, running: Town, typed: Hotline
) -> None:
    old = running.office.vault.secrets
    running.say("email", ASKER, UNKNOWN)
    running.say("email", "max@exemple.net", UNKNOWN)
    first, second = running.notices()[-2:]
    people = typed.count(AddressRow)
    said = typed("keys", "rotate")
    assert "éléments sont passés sous la nouvelle clé" in said
    assert not any(secret in said for secret in KeyFile().secrets())
    assert running.office.vault.secrets[1:] == old, "the program that runs follows the file"
    running.pass_time(minutes=5)
    assert running.say("email", OFFICER.handle, "Personne : le vote était unanime.", token=first.token) != []
    assert any("le vote était unanime" in text for text in running.read("email", ASKER))
    running.say("email", ASKER, "c'est quoi le COPIL ?")
    assert typed.count(AddressRow) == people
    told = typed("keys", "forget")
    assert "Rien n'est oublié" in told
    assert re.search(r"messages d'avant : [1-9]\d* connus, le dernier valable jusqu'au \S+ \d+", told)
    assert len(KeyFile().secrets()) == 2
    assert "est oubliée" in typed("keys", "forget", "--yes")
    assert len(KeyFile().secrets()) == 1
    assert tokens.read(running.office.vault, second.token, running.at) is None
    assert "Il n'y a pas d'ancienne clé" in typed("keys", "forget", status=1)
    said = typed("audit", "show")
    assert "key changed" in said
    assert "key forgotten" in said


def test_what_only_a_mark_is_kept_of_goes_on_under_the_new_key(db: Database, running: Town) -> None:
    office, now = running.office, running.at
    session_of = db.transact(entrance.open_session, office, 1, "tests", "link", now)
    assert session_of is not None
    link = db.transact(following_calendars.of_person, office, _person(db, now), now).rpartition("/")[2]
    link = link.removesuffix(".ics")
    KeyFile().write((new_secret(), *office.vault.secrets))
    assert db.look(entrance.who, office, session_of, now) is not None
    assert db.look(following_calendars.read, office, link, now) is not None
    assert db.transact(following_calendars.of_person, office, 1, now).rpartition("/")[2] != f"{link}.ics"
    db.transact(entrance.leave, office, session_of, now)
    found = db.look(entrance.who, office, session_of, now)
    assert found is None or found[0].over
    KeyFile().write(office.vault.secrets[:1])
    assert db.look(following_calendars.read, office, link, now) is None


def _person(db: Database, now: datetime) -> int:
    def work(session: Session) -> int:
        person = directory.Person(name="Léa", created_at=now)
        session.add(person)
        session.flush()
        assert person.id is not None
        feeds.feed_of(session, now, person_id=person.id)
        return person.id

    return db.transact(work)


def test_two_rows_of_one_address_keep_both_what_they_hold(db: Database, running: Town) -> None:
    vault, address = running.office.vault, Address("sms", "+33600000009")
    first = db.transact(directory.keep, vault, address, running.at)
    old = vault.secrets
    KeyFile().write((new_secret(), *old))
    alone = Vault(vault.secrets[0])  # a process that did not know the old key, for a moment
    second = db.transact(directory.keep, alone, address, running.at)
    assert first.id != second.id
    all_of(db, vault)
    found = db.look(directory.find, vault, address)
    assert found is not None
    assert found.id == second.id
    assert db.look(directory.reveal, alone, first.id) == address


def test_the_spool_is_sealed_anew_too(tmp_path: Path, now: datetime) -> None:
    old, new = new_secret(), new_secret()
    Spool(tmp_path, Vault(old)).put(Inbound("1", Address("sms", "+33600000001"), "Bonjour", now))
    Spool(tmp_path, Vault("z" * 40)).put(Inbound("2", Address("sms", "+33600000002"), "Perdu", now))
    spool = Spool(tmp_path, Vault(new, (old,)))
    assert spool.under_others() == 2
    assert spool.reseal(write=False) == (1, 1)
    assert spool.reseal() == (1, 1)
    assert spool.under_others() == 1
    assert [message.external_id for _, message in Spool(tmp_path, Vault(new)).messages()] == ["1"]  # type: ignore[union-attr]


def test_a_backup_of_before_comes_back_with_both_keys(running: Town, typed: Hotline, tmp_path: Path) -> None:
    running.say("email", ASKER, UNKNOWN)
    typed("backup", "avant.zip")
    typed("keys", "rotate")
    fresh = f"sqlite:///{tmp_path}/neuve/hotline.db"
    assert "lignes restaurées" in typed("restore", "avant.zip", database_url=fresh)
    assert "Adresses et numéros : 2" in typed("keys", "status", database_url=fresh)
    assert OFFICER.handle in typed("officer", "list", database_url=fresh)
    assert "éléments sont passés" in typed("keys", "rotate", database_url=fresh)
    typed("keys", "forget", "--yes", database_url=fresh)
    assert OFFICER.handle in typed("officer", "list", database_url=fresh)


def test_with_a_key_of_the_environment_it_says_what_to_set(hotline: Hotline) -> None:
    with hotline.town() as town:
        town.say("email", ASKER, UNKNOWN)
    people = hotline.count(AddressRow)
    said = hotline("keys", "rotate")
    new = re.search(r"^HOTLINE_SECRET=(\S{40,})$", said, re.M)
    assert new, said
    assert SECRET not in said
    changed = {"secret": new[1], "secret_previous": SECRET}
    assert OFFICER.handle in hotline("officer", "list", **changed)
    assert "Adresses et numéros" in hotline("keys", "status", **changed)
    assert "éléments sont passés" in hotline("keys", "rotate", **changed)
    assert "Retirez HOTLINE_SECRET_PREVIOUS" in hotline("keys", "forget", **changed)
    assert OFFICER.handle in hotline("officer", "list", secret=new[1])
    assert hotline.count(AddressRow) == people
    assert "HOTLINE_SECRET_PREVIOUS" in hotline("check", secret=new[1], secret_previous="court", status=1)


def test_what_no_key_opens_is_said_and_left_alone(db: Database, running: Town, typed: Hotline) -> None:
    lost = Vault("une autre clé, perdue depuis longtemps, hélas")
    db.transact(directory.keep, lost, Address("sms", "+33600000007"), running.at)
    assert "1 éléments ne s'ouvrent avec aucune clé connue" in typed("keys", "rotate")
    assert "est oubliée" in typed("keys", "forget", "--yes")
    assert db.look(directory.find, lost, Address("sms", "+33600000007")) is not None


def test_a_large_file_is_alone_in_its_transaction(db: Database, running: Town) -> None:
    vault = running.office.vault
    for number in range(3):
        content = bytes([number]) * (resealing.BYTES - 1000)
        db.transact(attachments._keep, vault, [content], running.at)
    KeyFile().write((new_secret(), *vault.secrets))
    kind = next(kind for kind in resealing.KINDS if kind.name == "files")
    assert db.transact(resealing.reseal, vault, kind).done == 1
    all_of(db, vault)
    marks = db.look(lambda session: list(session.exec(select(FileRow.mark)).all()))
    assert len(set(marks)) == 3
    assert not any(mark.startswith(resealing.DOUBLE) for mark in marks)


def test_what_was_sealed_before_secrets_had_a_sign_still_opens() -> None:
    vault = Vault("a" * 40)
    sealed = vault.seal(b"bonjour", "x")
    bare = sealed[4:]
    assert Vault("b" * 40, ("a" * 40,)).open(bare, "x") == b"bonjour"
    with pytest.raises(WrongKey):
        vault.open(bare, "y")


def test_a_key_file_that_vanishes_while_we_run_changes_nothing(tmp_path: Path) -> None:
    kept = KeyFile(tmp_path)
    secrets = kept.secrets()
    kept.path.unlink()
    assert kept.secrets() == secrets
