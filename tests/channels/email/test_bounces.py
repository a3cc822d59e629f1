"""Messages that come back: what a real Postfix sends back settles the outbox, and three of them pause an address."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import Session, col, select

from bot import workers
from bot.db import Database
from bot.desk import bounces, incoming, letters, officer, team
from bot.office import Office
from channels import directory
from channels.contract import Address, Inbound, Opened, Outbound, Receipt, Undeliverable
from channels.directory import AddressRow, Person
from channels.email.channel import EmailChannel
from channels.mailbox import OutboxRow
from tests.channels.email.test_transport import channel_of, eventually, listening, outbound, run
from tests.peers.mail import FULL, GONE, NEVER, Mailbox
from tests.town import OFFICER, Town


def row_of(town: Town, handle: str, channel: str = "email") -> AddressRow:
    found = town.db.look(directory.find, town.office.vault, Address(channel, handle))
    assert found is not None
    return found


def known(town: Town, *ways: Address, name: str = "Awa Diallo") -> None:
    def work(session: Session) -> None:
        person = Person(name=name, created_at=town.at)
        session.add(person)
        session.flush()
        for way in ways:
            row = directory.keep(session, town.office.vault, way, town.at)
            row.person_id = person.id
            session.add(row)

    town.db.transact(work)


def write_to(town: Town, handle: str, key: str) -> int | None:
    def work(session: Session) -> int | None:
        to = Address("email", handle)
        row = directory.keep(session, town.office.vault, to, town.at)
        return letters.post(session, town.office, Outbound(to, "answer", {}, "Bonjour."), key, row, town.at)

    return town.db.transact(work)


def comes_back(town: Town, handle: str, times: int = 1, *, gone: bool = True) -> None:
    """Messages that were sent and came back."""
    for _ in range(times):
        town.pass_time(minutes=1)
        key = f"k{town.at.timestamp()}"
        write_to(town, handle, key)
        town.work()
        sent = town.db.look(lambda session, key=key: session.exec(select(OutboxRow).where(OutboxRow.key == key)).one())
        receipt = Receipt("email", sent.provider_id, "failed", "cette adresse n'existe pas (5.1.1)", gone=gone)
        town.db.transact(incoming.receive, town.office, receipt, town.at)
        town.db.transact(incoming.receive, town.office, receipt, town.at)  # told twice, counted once
    town.work()


def paused_notices(town: Town) -> list[str]:
    return [each.text for each in town.notices() if "ne reçoit plus mes messages" in each.text]


def test_the_third_message_that_comes_back_pauses_an_address_and_the_officer_hears_of_it_once(town: Town) -> None:
    known(town, Address("email", "awa@exemple.org"), Address("sms", "+33600000001"))
    comes_back(town, "awa@exemple.org", 2)
    assert row_of(town, "awa@exemple.org").paused_at is None
    assert paused_notices(town) == []
    comes_back(town, "awa@exemple.org", 1)
    assert row_of(town, "awa@exemple.org").paused_at == town.at
    (notice,) = paused_notices(town)
    assert notice.startswith("Awa Diallo ne reçoit plus mes messages par e-mail.")
    assert "n'existe pas (5.1.1)" in notice
    assert "Autres moyens connus : SMS." in notice
    assert f"hotline members resume {row_of(town, 'awa@exemple.org').id}" in notice


def test_nothing_more_goes_to_an_address_that_is_paused(town: Town) -> None:
    known(town, Address("email", "awa@exemple.org"), Address("sms", "+33600000001"))
    comes_back(town, "awa@exemple.org", 3)
    before = len(town.channels["email"].to("awa@exemple.org"))
    id = write_to(town, "awa@exemple.org", "later")
    town.work()
    assert len(town.channels["email"].to("awa@exemple.org")) == before
    kept = town.db.look(lambda session: session.get(OutboxRow, id))
    assert (kept.state, kept.reason) == ("dropped", letters.PAUSED)
    person = town.db.look(lambda session: session.exec(select(Person)).one())
    assert [way.channel for way in town.db.look(directory.ways_to, person)] == ["sms"]


def test_a_full_mailbox_counts_for_nothing(town: Town) -> None:
    comes_back(town, "awa@exemple.org", 5, gone=False)
    assert row_of(town, "awa@exemple.org").bounces == 0


def test_who_writes_again_is_written_to_again(town: Town) -> None:
    comes_back(town, "awa@exemple.org", 3)
    town.hear("email", "awa@exemple.org", "Réponse automatique : absente.", nature="machine")
    assert row_of(town, "awa@exemple.org").paused_at is not None
    answer = town.say("email", "awa@exemple.org", "C'est quoi le COPIL ?")
    assert answer
    found = row_of(town, "awa@exemple.org")
    assert (found.paused_at, found.bounces, found.pause_reason) == (None, 0, "")


def test_an_officer_lifts_a_pause(town: Town) -> None:
    comes_back(town, "awa@exemple.org", 3)
    id = row_of(town, "awa@exemple.org").id
    assert town.db.transact(bounces.lift, id, "officer:1", town.at)
    assert not town.db.transact(bounces.lift, id, "officer:1", town.at)
    assert not town.db.transact(bounces.lift, 10_000, "officer:1", town.at)
    write_to(town, "awa@exemple.org", "later")
    before = len(town.channels["email"].to("awa@exemple.org"))
    town.work()
    assert len(town.channels["email"].to("awa@exemple.org")) == before + 1
    comes_back(town, "awa@exemple.org", 2)  # counted from nought
    assert row_of(town, "awa@exemple.org").paused_at is None


def test_an_officer_is_never_silenced_but_the_others_are_told(town: Town) -> None:
    town.db.transact(team.add, town.office, "tests", "Malik", "malik@exemple.org", "officer", (), town.at)
    comes_back(town, OFFICER.handle, 3)
    assert row_of(town, OFFICER.handle).paused_at is None
    told = [
        each.text for each in town.channels["email"].to("malik@exemple.org") if "Je continue d'y écrire" in each.text
    ]
    assert len(told) == 1
    assert "resume" not in told[0]


def test_a_refusal_at_the_door_counts_as_well(town: Town) -> None:
    for number in range(3):
        write_to(town, "awa@exemple.org", f"k{number}")
        town.channels["email"].refuse = [Undeliverable("550", gone=True)]
        town.work()
    assert row_of(town, "awa@exemple.org").paused_at is not None


def test_a_bounce_that_is_faster_than_our_note_of_the_sending_counts_as_well(town: Town) -> None:
    for number in range(3):
        write_to(town, "awa@exemple.org", f"k{number}")
        report = Receipt("email", f"email-{len(town.channels['email'].sent) + 1}", "failed", "inconnue", gone=True)
        assert town.db.transact(incoming.receive, town.office, report, town.at)
        assert row_of(town, "awa@exemple.org").paused_at is None
        town.work()
    assert row_of(town, "awa@exemple.org").paused_at is not None


def test_a_code_that_someone_waits_for_goes_to_a_paused_address(town: Town) -> None:
    comes_back(town, "awa@exemple.org", 3)
    row = row_of(town, "awa@exemple.org")
    message = Outbound(Address("email", "awa@exemple.org"), "email_code", {}, "123456")
    id = town.db.transact(letters.post, town.office, message, "code", row, town.at)
    assert town.db.look(lambda session: session.get(OutboxRow, id)).state == "waiting"


# ---------------------------------------------------------------- real servers
def test_postfix_refuses_an_unknown_address_at_the_door(mailbox: Mailbox) -> None:
    with pytest.raises(Undeliverable) as caught:
        run(channel_of(mailbox).send(outbound(to=NEVER), "k"))
    assert caught.value.gone


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_three_real_bounces_pause_an_address_and_a_full_mailbox_does_not(
    mailbox: Mailbox, db: Database, office: Office, now: datetime
) -> None:
    db.transact(officer.seed, office, "Nora", "nora@quartier.test", now)
    channel: EmailChannel = channel_of(mailbox)

    def post(session: Session, handle: str, key: str) -> None:
        to = Address("email", handle)
        row = directory.keep(session, office.vault, to, now)
        letters.post(session, office, Outbound(to, "answer", {}, "Bonjour. " * 500), key, row, now)

    for number in range(3):
        db.transact(post, GONE, f"gone{number}")
        db.transact(post, FULL, f"full{number}")

    async def deliver(message: Inbound | Receipt) -> bool:
        return await db.run(incoming.receive, office, message, now)

    def failed() -> Any:
        rows = select(OutboxRow.key).where(col(OutboxRow.state) == "failed")
        return db.look(lambda session: session.exec(rows).all())

    async def story() -> None:
        async with listening(channel, deliver):  # type: ignore[arg-type]
            while await workers.deliver_next(db, office, {"email": Opened(channel, idempotent=True)}, lambda: now):
                pass
            await eventually(lambda: len(failed()) == 6, 40, "for six bounces")

    asyncio.run(asyncio.wait_for(story(), 90))
    gone, full = (db.look(directory.find, office.vault, Address("email", each)) for each in (GONE, FULL))
    assert gone is not None
    assert full is not None
    assert (gone.bounces, gone.paused_at) == (3, now)
    assert "cette adresse n'existe pas" in gone.pause_reason
    assert (full.bounces, full.paused_at) == (0, None)
    notices = db.look(lambda session: session.exec(select(OutboxRow).where(OutboxRow.name == "officer_paused")).all())
    assert len(notices) == 1
