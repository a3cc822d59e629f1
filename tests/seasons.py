"""Seasons told through real peers: five workers on PostgreSQL, a given clock, and people at their phones and mails."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from datetime import time as dawn
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import app, library, settings, workers
from bot.app import House
from bot.desk import entrance, officer
from channels import directory, mailbox
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from channels.mailbox import InboxRow, OutboxRow
from channels.sms import gsm
from knowledge import entries, seed
from knowledge.entries import Content
from scheduler.committees import Committee, Reminder, Seat
from scheduler.steps import CommitteeStep
from tests.peers.kannel import Kannel
from tests.peers.kannel import Phone as Mobile
from tests.peers.mail import Mailbox, MailServer, until
from tests.peers.telegram import Telegram
from tests.running import Running
from tests.test_whole import words

PARIS = ZoneInfo("Europe/Paris")
SECRET = "une clé pour les essais, assez longue pour en être une"
HANDS = ("deliver", "tick")  # what the workers beside the first one do
LATE = timedelta(minutes=5)  # after its hour a reminder that is posted is late
MORNING_LASTS = timedelta(hours=4)  # from 8 h to noon
MORNING = 8


class Clock:
    """The time that it is where the story is told: it jumps when it is told to, and runs on in between."""

    def __init__(self, at: datetime):
        self.jump(at)

    def jump(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)


@dataclass(frozen=True)
class Told:
    """One reminder as its peer must have it."""

    person: str
    channel: str
    handle: str
    step: str
    name: str
    text: str
    posted_at: datetime
    sent_at: datetime
    due_at: datetime


@dataclass
class Seasons:
    """An installation of several workers; `act` and `work` are the officer's hand, `until` lets time go by."""

    url: str
    port: int
    mail: MailServer
    telegram: Telegram
    kannel: Kannel
    contents: Sequence[Content]
    index: bytes
    clock: Clock
    workers: int = 5
    up: list[Running] = field(default_factory=list)
    acts: list[datetime] = field(default_factory=list)  # when someone changed something, or answered
    kept: dict[str, Told] = field(default_factory=dict)  # by the outbox's key: its own texts are erased in time
    away: list[tuple[datetime, datetime]] = field(default_factory=list)  # when the service was down

    def __post_init__(self) -> None:
        self.hotline, self.officer = self.mail.mailbox(), self.mail.mailbox()
        self.page = f"http://127.0.0.1:{self.port}"
        self.environment = (self.hotline.settings() | self.telegram.settings | self.kannel.settings) | {
            "HOTLINE_DATABASE_URL": self.url,
            "HOTLINE_SECRET": SECRET,
            "HOTLINE_BIND": f"127.0.0.1:{self.port}",
            "HOTLINE_PUBLIC_URL": self.page,
            "HOTLINE_SMS_DAILY_EUROS": "aucun",
            "HOTLINE_SMS_MONTHLY_EUROS": "aucun",
        }
        self._stopped: datetime | None = None
        self.desk = self._house()
        self.office = self.desk.office
        self.desk.db.transact(self._furnish)

    def _furnish(self, session: Session) -> None:
        """A few entries with their index, and an officer."""
        now = self.clock()
        seed.load(session, list(self.contents), now)
        officer.seed(session, self.office, "Nora", self.officer.address, now)
        session.flush()
        entries.keep_index(session, library.wanted(session, now.date()), self.index, now)

    def _house(self) -> House:
        made = app.build(settings.read(self.environment), pool=3)
        days = frozenset(holidays.country_holidays("FR", years=range(2026, 2028)))
        made.office = replace(made.office, holidays=days, quiet=timedelta(seconds=0.2))
        made.now = self.clock
        return made

    # ------------------------------------------------------------ up and down
    def start(self) -> None:
        """The first worker does all, the others what may be done many times at once."""
        assert not self.up
        if self._stopped:
            self.away.append((self._stopped, self.clock()))
        self.up = [Running(self._house(), HANDS if number else app.ROLES) for number in range(self.workers)]

    def stop(self) -> None:
        for each in self.up:
            each.ring()
        for each in self.up:
            each.end()
        self.up, self._stopped = [], self.clock()

    def close(self) -> None:
        self.stop()
        self.desk.db.close()

    # ------------------------------------------------------------ who there is
    def council(self, slug: str, name: str) -> int:
        def make(session: Session) -> int:
            council = Council(slug=slug, name=name, city="Nantes")
            session.add(council)
            session.flush()
            assert council.id is not None
            return council.id

        return self.desk.db.transact(make)

    def member(self, name: str, council: int, address: Address, role: str = "titulaire") -> int:
        """Someone who has heard already who we are."""

        def make(session: Session) -> int:
            now = self.clock()
            person = Person(name=name, council_id=council, created_at=now)
            session.add(person)
            session.flush()
            assert person.id is not None
            row = directory.keep(session, self.office.vault, address, now)
            row.person_id, row.noticed_at = person.id, now
            session.add(Seat(council_id=council, person_id=person.id, role=role))
            return person.id

        return self.desk.db.transact(make)

    def act(self, work: Callable[..., Any], *args: Any) -> Any:
        """A change made by hand, now: whatever it makes due is due from now on."""
        now = self.clock()
        self.acts.append(now)
        return self.desk.db.transact(work, *args, now)

    def look(self, work: Callable[..., Any], *args: Any) -> Any:
        return self.desk.db.look(work, *args)

    def cookie(self) -> dict[str, str]:
        """The officer's, for Chromium."""
        secret = self.desk.db.transact(entrance.open_session, self.office, 1, "tests", "test", self.clock())
        return {"name": "bureau", "value": secret, "url": f"{self.page}/bureau"}

    # ------------------------------------------------------------ time
    def until(self, moment: datetime) -> None:
        """The clock goes on to each hour at which something is due, to each Monday at 8 h, and to the moment.

        At each stop all the workers look at once, and it is waited until all that is due has left.
        """
        while (now := self.clock()) < moment:
            due = self.look(_next_due, now)
            self.clock.jump(min([_monday_after(now), moment, *([due] if due else [])]))
            self.work()

    def pause(self, **span: float) -> None:
        """Nothing happens for a while; nobody is in the middle of something when the clock jumps."""
        self.served(mailbox.ANSWER)
        self.clock.jump(self.clock() + timedelta(**span))

    def work(self, *kinds: str) -> None:
        """All workers look at the same moment; then whatever is due leaves (of these kinds; all of it, without any)."""
        if not self.up:
            return
        bell = workers.Bell()
        for each in [
            asyncio.run_coroutine_threadsafe(
                workers.tick(one.house.db, one.house.office, self.clock, bell, one.house.office.reach_by), one.loop
            )
            for one in self.up
        ]:
            each.result(30)
        self.served(*kinds)
        self.kept = self.look(self._told) | self.kept

    def served(self, *kinds: str) -> None:
        """Until nothing that was heard waits any more, nor what is due (of these kinds; of all, without any)."""
        try:
            until(lambda: not self.look(_unfinished, self.clock(), kinds), 20)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.look(_unfinished, self.clock(), kinds)}") from None

    # ------------------------------------------------------------ what became of it
    def told(self) -> list[Told]:
        """Every reminder that left, in the order in which it was posted."""
        return sorted((self.look(self._told) | self.kept).values(), key=lambda each: each.posted_at)

    def _told(self, session: Session) -> dict[str, Told]:
        rows = session.execute(
            sa.select(Reminder, OutboxRow, col(Person.name), col(CommitteeStep.due_at), col(Committee.created_at))
            .join(OutboxRow, col(OutboxRow.key) == col(Reminder.outbox_key))
            .join(Person, col(Person.id) == col(Reminder.person_id))
            .join(Committee, col(Committee.id) == col(Reminder.committee_id))
            .outerjoin(
                CommitteeStep,
                sa.and_(
                    col(CommitteeStep.committee_id) == col(Reminder.committee_id),
                    col(CommitteeStep.revision) == col(Reminder.revision),
                    col(CommitteeStep.step) == col(Reminder.step),
                ),
            )
            .where(col(OutboxRow.state).in_(("sent", "delivered")), col(OutboxRow.key).not_in(list(self.kept)))
        ).all()
        return {
            row.key: Told(
                person=name,
                channel=row.channel,
                handle=self._handle(session, row.address_id),
                step=reminder.step,
                name=row.name,
                text=row.text,
                posted_at=reminder.posted_at,
                sent_at=row.sent_at or reminder.posted_at,
                due_at=max(due or created, created),
            )
            for reminder, row, name, due, created in rows
        }

    def _handle(self, session: Session, address_id: int) -> str:
        return directory.opened(self.office.vault, session.get_one(AddressRow, address_id)).handle

    def late(self) -> list[Told]:
        """Posted more than five minutes after their hour, or not sent in that morning."""
        return [
            each
            for each in self.told()
            if each.posted_at - self._due(each) > LATE or each.sent_at - self._due(each) > MORNING_LASTS
        ]

    def _due(self, each: Told) -> datetime:
        """Its hour; the service being down then, when it came back; what is due at once: when someone acted."""
        if each.step in ("moved", "cancelled", "alternate"):
            return max(act for act in self.acts if act <= each.posted_at)
        return next((back for down, back in self.away if down <= each.due_at < back), each.due_at)

    def read_at(self, each: Told) -> int:
        """How often the peer of a reminder's channel has it."""
        if each.channel == "sms":
            return self.kannel.operator.phone(each.handle).reads().count(gsm.fold(each.text))
        if each.channel == "telegram":
            return [sent.text for sent in self.telegram.to(int(each.handle))].count(each.text)
        return sum(_flat(each.text) in _flat(words(mail)) for mail in self.mails(Mailbox(self.mail, each.handle)))

    def pieces(self, phone: Mobile, part: str) -> int:
        """How many SMS the newest message that holds `part` took."""
        return [each.segments for each in phone.messages() if part in each.text][-1]

    def heard(self, box: Mailbox) -> int:
        """How many mails of this person were kept and dealt with."""

        def count(session: Session) -> int:
            row = directory.find(session, self.office.vault, Address("email", box.address))
            mine = select(InboxRow).where(InboxRow.address_id == (row.id if row else 0), InboxRow.state == "handled")
            return len(session.exec(mine).all())

        return int(self.look(count))

    # ------------------------------------------------------------ mail programs
    def mails(self, box: Mailbox, *parts: str) -> list[EmailMessage]:
        """Those whose subject or words hold all these parts, oldest first."""
        found = [message_from_bytes(raw, policy=policy.default) for raw in box.mails()]
        return [mail for mail in found if all(part in f"{mail['Subject']}\n{words(mail)}" for part in parts)]

    def replies(self, box: Mailbox, mail: EmailMessage, text: str) -> None:
        """Someone answers a mail from their own box."""
        reply = EmailMessage()
        reply["From"], reply["To"] = box.address, str(mail["Reply-To"] or mail["From"])
        reply["Subject"] = f"Re: {mail['Subject']}"
        reply["Date"], reply["Message-ID"] = format_datetime(self.clock()), make_msgid(domain="quartier.test")
        reply["In-Reply-To"] = reply["References"] = str(mail["Message-ID"])
        reply.set_content(text)
        self.mail.post(reply)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _monday_after(now: datetime) -> datetime:
    today = now.astimezone(PARIS).date()
    return datetime.combine(today + timedelta(days=7 - today.weekday()), dawn(MORNING), PARIS)


def _next_due(session: Session, now: datetime) -> datetime | None:
    query = select(CommitteeStep.due_at).where(col(CommitteeStep.state) == "waiting", col(CommitteeStep.due_at) > now)
    return session.exec(query.order_by(col(CommitteeStep.due_at)).limit(1)).first()


def _unfinished(session: Session, now: datetime, kinds: Collection[str]) -> list[tuple[str, ...]]:
    """What was heard and not dealt with, what is due (of these kinds, or all) and has not left."""
    heard = session.exec(select(InboxRow).where(col(InboxRow.state).in_(("waiting", "claimed")))).all()
    waits = sa.and_(col(OutboxRow.state) == "waiting", col(OutboxRow.due_at) <= now)
    if kinds:
        waits = sa.and_(waits, col(OutboxRow.kind).in_(kinds))
    due = session.exec(select(OutboxRow).where(sa.or_(waits, col(OutboxRow.state) == "sending"))).all()
    return [(each.channel, each.state, each.text) for each in heard] + [
        (each.channel, each.state, each.name, each.reason) for each in due
    ]
