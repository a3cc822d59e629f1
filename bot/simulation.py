"""A season played ahead on a copy of the database, with a clock of its own: what would go to whom; nothing is sent."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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


WHAT = {
    "propose_dates": "dates de préparation à choisir",
    "reminder": "rappel, avec le dossier de préparation",
    "reminder_invite": "invitation",
    "reminder_again": "relance : pas encore de réponse",
    "reminder_practical": "détails pratiques",
    "reminder_moved": "changement de date ou de lieu",
    "reminder_cancelled": "annulation",
    "alternate_call": "demande de remplacer quelqu'un",
    "ask_decided": "« Qu'est-ce qui a été décidé ? »",
    "ask_served": "« La préparation a-t-elle servi ? »",
    "officer_dates": "dates de préparation proposées aux membres",
    "officer_guard": "invitation ou ordre du jour qui manque, avec une lettre à l'organisateur",
    "officer_guard_again": "invitation ou ordre du jour qui manque encore",
    "officer_draft_agenda": "mots simples de l'ordre du jour à écrire",
    "officer_unfixed": "préparation sans date",
    "officer_calls": "personnes à appeler",
    "officer_reminder": "une personne à prévenir de vive voix",
}


@dataclass(frozen=True)
class Sent:
    """One message that would go."""

    at: datetime
    channel: str
    to: str  # a name, and the handle masked
    name: str  # which text
    subject: str
    text: str
    title: str = ""  # of the meeting that it is about

    @property
    def what(self) -> str:
        """In the officer's words."""
        return WHAT.get(self.name, self.subject or self.name)


@dataclass(frozen=True)
class Day:
    """What would happen on one day."""

    at: datetime
    sent: tuple[Sent, ...]
    to_call: tuple[str, ...] = ()  # the names of those whom nothing reaches


@contextmanager
def copied(db: Database, spool: Path, now: datetime) -> Iterator[Database]:
    """All of a database in a SQLite file of its own, gone afterwards; the original is only read."""
    with TemporaryDirectory(prefix="hotline-simulation-") as folder:
        path = Path(folder) / "copy.db"
        if db.is_sqlite:
            _copy_file(Path(db.url.database or ""), path)
        copy = Database(f"sqlite:///{path}", pool=2)
        try:
            if not db.is_sqlite:
                saved = Path(folder) / "copy.zip"
                backup.write(db, spool / "none", saved, now)
                migrations.upgrade(copy)
                backup.restore(copy, Path(folder) / "spool", saved)
            yield copy
        finally:
            copy.close()


def _copy_file(source: Path, target: Path) -> None:
    """A SQLite file as it stands, while others write to it (https://www.sqlite.org/backup.html)."""
    original = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    with closing(original), closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def play(
    db: Database, office: Office, now: datetime, days: int, progress: Callable[[int], None] = lambda _day: None
) -> list[Day]:
    """Let `days` days go by on a copy: the days on which something would be sent, or someone called."""
    last = db.transact(_begin)
    called = db.look(_to_call)
    found = []
    for number in range(days + 1):
        day = (now.astimezone(office.zone) + timedelta(days=number)).date()
        sent: list[Sent] = []
        for hour in HOURS:
            at = max(datetime.combine(day, time(hour, 1), office.zone), now)
            while db.transact(reminding.due, office, at, AT_ONCE, None, False)[0]:
                pass
            last, more = db.transact(_collect, office, last, at)
            sent += more
        calls = db.look(_to_call)
        if sent or calls.keys() - called.keys():
            at = datetime.combine(day, time(HOURS[0]), office.zone)
            found.append(Day(at, tuple(sent), tuple(name for id, name in calls.items() if id not in called)))
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
        sent.append(
            Sent(
                at,
                row.channel,
                _who(session, office, address),
                row.name,
                row.subject,
                row.text,
                row.filled.get("title", ""),
            )
        )
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


def _to_call(session: Session) -> dict[tuple[int, int], str]:
    """Whom nothing reaches for which meeting, by name."""
    query = (
        sa.select(col(Reminder.committee_id), col(Reminder.person_id), col(Person.name))
        .join(Person, col(Person.id) == col(Reminder.person_id))
        .where(col(Reminder.call) != "")
        .order_by(col(Reminder.id))
    )
    return {(committee, person): name for committee, person, name in session.execute(query).all()}
