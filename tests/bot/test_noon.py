"""Noon passes and reminders of the morning wait: officers hear once, with the channel, the reason and what to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import workers
from bot.db import Database
from bot.desk import health, noon, officer, reminding
from bot.office import Office
from channels import directory, mailbox
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from channels.mailbox import ChannelPause, OutboxRow
from escalation.officers import Officer, OfficerAddress, OfficerCouncil
from scheduler import committees
from scheduler.committees import Committee, Seat

PARIS = ZoneInfo("Europe/Paris")
MEETING = datetime(2026, 12, 10, 18, tzinfo=PARIS)
EIGHT = datetime(2026, 12, 1, 8, tzinfo=PARIS)
BEFORE_NOON = datetime(2026, 12, 1, 11, 59, 59, tzinfo=PARIS)
NOON = datetime(2026, 12, 1, 12, tzinfo=PARIS)
FIRST = sa.select(sa.func.min(OutboxRow.id)).where(col(OutboxRow.kind) == mailbox.BULK).scalar_subquery()


class Morning:
    """A council of three whose reminders were posted at 8 h, and Nora, who looks after all councils."""

    def __init__(self, db: Database, office: Office, at: datetime = EIGHT):
        self.db, self.office, self.at = db, replace(office, public_url="https://hotline.exemple"), at
        db.transact(officer.seed, self.office, "Nora", "nora@exemple.invalid", EIGHT)
        self.bellevue = self.council("Bellevue", "sms", 3)
        assert self.remind() == 3

    def council(self, name: str, channel: str, members: int) -> int:
        def make(session: Session) -> int:
            council = Council(slug=name.lower(), name=name, city="Nantes")
            meeting = Committee(title=f"COPIL de {name}", starts_at=MEETING, place="mairie", created_at=self.at)
            session.add_all([council, meeting])
            session.flush()
            assert council.id is not None
            committees.link(session, meeting, [council.id])
            for number in range(members):
                person = Person(name=f"{name} {number}", council_id=council.id, created_at=self.at)
                session.add(person)
                session.flush()
                assert person.id is not None
                handle = f"+3360000{council.id:02d}{number:02d}" if channel == "sms" else f"m{number}@{name}.invalid"
                row = directory.keep(session, self.office.vault, Address(channel, handle.lower()), self.at)
                row.person_id = person.id
                session.add(Seat(council_id=council.id, person_id=person.id))
            return council.id

        return self.db.transact(make)

    def remind(self) -> int:
        return self.db.transact(reminding.due, self.office, self.at)[0]

    def outbox(self, *where: "sa.ColumnElement[bool]", **values: object) -> None:
        change = sa.update(OutboxRow).where(col(OutboxRow.kind) == mailbox.BULK, *where).values(**values)
        self.db.transact(lambda session: session.execute(change) and None)

    def all_leave(self, *where: "sa.ColumnElement[bool]") -> None:
        self.outbox(*where, state="sent", sent_at=self.at)

    def add(self, *rows: object) -> None:
        self.db.transact(lambda session: session.add_all(rows))

    def tick(self, at: datetime) -> None:
        self.at = at
        asyncio.run(workers.tick(self.db, self.office, lambda: at, workers.Bell()))

    def heard(self) -> Sequence[OutboxRow]:
        query = select(OutboxRow).where(OutboxRow.name == "officer_noon").order_by(col(OutboxRow.key))
        return self.db.look(lambda session: session.exec(query).all())

    def reminders(self) -> health.Pulse:
        found = self.db.look(health.health, self.office, ("sms", "email"), 0, self.at)
        return next(each for each in found.parts if each.name == "Rappels des réunions")


@pytest.fixture
def town(db: Database, office: Office) -> Morning:
    return Morning(db, office)


def test_before_noon_nobody_is_told(town: Morning) -> None:
    town.tick(BEFORE_NOON)
    assert town.heard() == []


def test_at_noon_one_letter_tells_how_many_where_and_what_to_do(town: Morning) -> None:
    town.tick(NOON)
    (letter,) = town.heard()
    assert letter.kind == mailbox.ANSWER
    assert letter.subject == "[Hotline] 3 rappels de ce matin attendent"
    assert "il est 12 h" in letter.text
    assert "- par SMS : 3. Pourquoi : je ne sais pas" in letter.text
    assert "- COPIL de Bellevue, jeudi 10 décembre 2026 à 18 h : 3" in letter.text
    assert "https://hotline.exemple/bureau/reunions/appels" in letter.text
    assert "https://hotline.exemple/bureau/sante" in letter.text


def test_the_next_ticks_of_the_day_tell_nothing_more(town: Morning) -> None:
    for minutes in (0, 1, 90):
        town.tick(NOON + timedelta(minutes=minutes))
    assert len(town.heard()) == 1


def test_two_workers_who_looked_at_once_tell_it_once(town: Morning) -> None:
    first, second = (town.db.look(noon.look, town.office, NOON) for _ in range(2))
    assert len(first) == len(second) == 1
    assert town.db.transact(noon.post, town.office, first, NOON) == 1
    assert town.db.transact(noon.post, town.office, second, NOON) == 0
    assert len(town.heard()) == 1


def test_a_service_that_comes_back_in_the_afternoon_tells_it_then(town: Morning) -> None:
    town.tick(NOON + timedelta(hours=2, minutes=30))
    (letter,) = town.heard()
    assert "il est 14 h 30" in letter.text


def test_nothing_is_told_when_all_went(town: Morning) -> None:
    town.all_leave()
    town.tick(NOON)
    assert town.heard() == []


def test_one_that_is_being_sent_has_not_gone(town: Morning) -> None:
    town.all_leave(col(OutboxRow.id) > FIRST)
    town.outbox(col(OutboxRow.state) == "waiting", state="sending", lease_until=NOON + timedelta(hours=1))
    town.tick(NOON)
    (letter,) = town.heard()
    assert letter.subject == "[Hotline] 1 rappel de ce matin attend"
    assert "Appelez cette personne" in letter.text


def test_answers_that_wait_are_no_reminders(town: Morning) -> None:
    town.all_leave()
    one = town.db.look(lambda session: session.exec(select(AddressRow.id).where(AddressRow.channel == "sms")).first())
    row = {"address_id": one, "channel": "sms", "text": "…", "created_at": EIGHT, "due_at": EIGHT}
    town.add(OutboxRow(key="a", name="answer", **row), OutboxRow(key="b", name="correction", kind="bulk", **row))
    town.tick(NOON)
    assert town.heard() == []


def test_only_the_reminders_of_this_morning_count(town: Morning) -> None:
    town.tick(NOON + timedelta(days=1))
    assert town.heard() == []


def test_those_of_the_last_evening_were_due_this_morning(db: Database, office: Office) -> None:
    town = Morning(db, office, datetime(2026, 11, 30, 21, tzinfo=PARIS))
    town.tick(NOON)
    assert len(town.heard()) == 1


def test_what_was_posted_after_noon_or_just_before_it_has_not_waited(town: Morning) -> None:
    town.all_leave()
    town.at = NOON - timedelta(minutes=1)
    town.council("Malakoff", "email", 2)
    assert town.remind() == 2
    town.tick(NOON)
    assert town.heard() == []
    town.tick(NOON + timedelta(minutes=10))  # they were due before noon, and now they have waited
    (letter,) = town.heard()
    assert "- par e-mail : 2." in letter.text
    town.council("Breil", "email", 1)
    town.tick(NOON + timedelta(minutes=30))  # its reminder is posted, and is none of the morning's
    lots = town.db.look(noon.late, town.office, NOON + timedelta(hours=1))
    assert [(lot.channel, lot.count) for lot in lots] == [("email", 2)]


def test_a_channel_at_rest_is_the_reason(town: Morning) -> None:
    until = NOON + timedelta(minutes=20)
    town.add(ChannelPause(channel="sms", until=until, reason="OVHcloud : plus de crédits SMS"))
    town.tick(NOON)
    (letter,) = town.heard()
    assert "Pourquoi : le canal se repose jusqu'à 12 h 20 (OVHcloud : plus de crédits SMS)." in letter.text


def test_what_most_were_refused_for_is_the_reason(town: Morning) -> None:
    town.outbox(reason="Kannel ne répond pas.", due_at=NOON + timedelta(hours=1), attempts=3)
    town.tick(NOON)
    (letter,) = town.heard()
    assert "Pourquoi : Kannel ne répond pas.\n" in letter.text


def test_officers_hear_of_their_own_councils(town: Morning) -> None:
    town.at = EIGHT
    malakoff = town.council("Malakoff", "email", 2)
    assert town.remind() == 2

    def appoint(session: Session) -> None:
        for name, council_id in (("lise", town.bellevue), ("omar", malakoff)):
            row = directory.keep(session, town.office.vault, Address("email", f"{name}@exemple.invalid"), EIGHT)
            assert row.id is not None
            one = Officer(name=name, role="officer", address_id=row.id, created_at=EIGHT)
            session.add(one)
            session.flush()
            assert one.id is not None
            session.add(OfficerCouncil(officer_id=one.id, council_id=council_id))

    town.db.transact(appoint)
    town.tick(NOON)
    lise, omar = town.heard()
    assert "Bellevue" in lise.text
    assert "Malakoff" not in lise.text
    assert "Malakoff" in omar.text
    assert "Bellevue" not in omar.text


def test_an_officer_hears_on_a_channel_that_does_not_rest_and_not_again_when_it_is_back(town: Morning) -> None:
    def link(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address("telegram", "77"), EIGHT)
        nora = session.exec(select(Officer)).one()
        assert row.id is not None
        assert nora.id is not None
        session.add(OfficerAddress(officer_id=nora.id, address_id=row.id, linked_at=EIGHT))

    town.db.transact(link)
    town.add(ChannelPause(channel="email", until=NOON + timedelta(minutes=5)))
    town.tick(NOON)
    assert [each.channel for each in town.heard()] == ["telegram"]
    town.tick(NOON + timedelta(minutes=10))
    assert [each.channel for each in town.heard()] == ["telegram"]


def test_the_page_of_health_counts_the_morning(town: Morning) -> None:
    town.all_leave(col(OutboxRow.id) == FIRST)
    town.at = BEFORE_NOON
    assert ("Rappels de ce matin", "1 parti, 2 en attente") in town.reminders().facts
    assert town.reminders().state == "done"
    town.at = NOON
    assert town.reminders().state == "waiting"
    assert "2 rappel(s) de ce matin attendent encore" in town.reminders().words
    town.all_leave()
    assert ("Rappels de ce matin", "3 partis, 0 en attente") in town.reminders().facts
    assert town.reminders().state == "done"


def test_the_page_of_health_says_nothing_of_a_morning_without_reminders(town: Morning) -> None:
    town.at = NOON + timedelta(days=1)
    assert "Rappels de ce matin" not in dict(town.reminders().facts)


def test_noon_is_that_of_the_place(office: Office) -> None:
    summer = datetime(2026, 7, 1, 9, 59, tzinfo=UTC)
    assert noon.noon(office, summer) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert noon.noon(office, NOON) == datetime(2026, 12, 1, 11, tzinfo=UTC)
