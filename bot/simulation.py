"""A season played ahead on a copy of the database, with a clock of its own: what would go to whom; nothing is sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import backup, migrations
from bot.db import Database
from bot.desk import reminding
from bot.office import Office
from channels import directory
from channels.directory import AddressRow, Person
from channels.mailbox import OutboxRow
from escalation import officers
from scheduler.committees import Reminder

HOURS = (8, 12, 18)  # local hours at which the copy looks, each day
AT_ONCE = 1000


@dataclass(frozen=True)
class Sent:
    """One message that would go."""

    at: datetime
    channel: str
    to: str  # a name, and the handle masked
    name: str  # which text
    subject: str
    text: str


@dataclass(frozen=True)
class Day:
    """What would happen on one day."""

    at: datetime
    sent: tuple[Sent, ...]
    to_call: int  # people whom nothing reaches


@contextmanager
def copied(db: Database, spool: Path, now: datetime) -> Iterator[Database]:
    """All of a database in a SQLite file of its own, gone afterwards; the original is only read."""
    with TemporaryDirectory(prefix="hotline-simulation-") as folder:
        saved = Path(folder) / "copy.zip"
        backup.write(db, spool / "none", saved, now)
        copy = Database(f"sqlite:///{folder}/copy.db", pool=2)
        try:
            migrations.upgrade(copy)
            backup.restore(copy, Path(folder) / "spool", saved)
            yield copy
        finally:
            copy.close()


def play(
    db: Database, office: Office, now: datetime, days: int, progress: Callable[[int], None] = lambda _day: None
) -> list[Day]:
    """Let `days` days go by on a copy: the days on which something would be sent, or someone called."""
    last = db.transact(_begin)
    called = 0
    found = []
    for number in range(days + 1):
        day = (now.astimezone(office.zone) + timedelta(days=number)).date()
        sent: list[Sent] = []
        for hour in HOURS:
            at = max(datetime.combine(day, time(hour, 1), office.zone), now)
            while db.transact(reminding.due, office, at, AT_ONCE)[0]:
                pass
            last, more = db.transact(_collect, office, last, at)
            sent += more
        calls = db.look(_to_call)
        if sent or calls > called:
            at = datetime.combine(day, time(HOURS[0]), office.zone)
            found.append(Day(at, tuple(sent), calls - called))
        called = calls
        progress(number)
    return found


def _begin(session: Session) -> int:
    """What waits in the copy is not ours to show: it goes by the real outbox."""
    session.execute(sa.update(OutboxRow).where(col(OutboxRow.state) == "waiting").values(state="sent"))
    return session.exec(select(sa.func.max(OutboxRow.id))).one() or 0


def _collect(session: Session, office: Office, last: int, at: datetime) -> tuple[int, list[Sent]]:
    """The messages that were posted since, as if they had arrived."""
    rows = session.exec(select(OutboxRow).where(col(OutboxRow.id) > last).order_by(col(OutboxRow.id))).all()
    sent = []
    for row in rows:
        address = session.get(AddressRow, row.address_id)
        if row.state != "waiting" or address is None:
            continue
        row.state = "delivered"
        session.add(row)
        sent.append(Sent(at, row.channel, _who(session, office, address), row.name, row.subject, row.text))
    return (rows[-1].id or last) if rows else last, sent


def _who(session: Session, office: Office, row: AddressRow) -> str:
    person = session.get(Person, row.person_id) if row.person_id else None
    officer = officers.at(session, row.id or 0)
    name = person.name if person else officer.name if officer else "une personne"
    return f"{name} ({masked(directory.opened(office.vault, row).handle)})"


def masked(handle: str) -> str:
    """« …5678 », « a…@exemple.org »: enough to recognise, not to write to."""
    before, at, domain = handle.partition("@")
    return f"{before[:1]}…@{domain}" if at else f"…{handle[-4:]}" if len(handle) > 6 else "…"


def _to_call(session: Session) -> int:
    query = sa.select(sa.func.count(sa.distinct(col(Reminder.person_id)))).where(col(Reminder.call) != "")
    return int(session.execute(query).scalar_one())
