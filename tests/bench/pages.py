"""How long the pages of the desk take with 5,000 tickets and 100,000 messages, on SQLite and on PostgreSQL."""

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot.db import Database
from bot.desk import officer, queue, ticket
from bot.desk.entrance import glance
from bot.office import Office
from channels.directory import AddressRow, Council, Person
from channels.mailbox import InboxRow, OutboxRow
from channels.vault import Vault
from escalation import tickets
from escalation.accounts import Who
from escalation.console.views import Filters
from escalation.tickets import Ticket, TicketReply
from tests.bench.installation import KINDS, Row, database

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
DEMAND = 0.2  # seconds
TRIES = 15
WORDS = ("camion", "local", "vélos", "encombrants", "salle", "réunion", "budget", "bailleur", "ascenseur", "école")


def run(quick: bool) -> Iterator[Row]:
    for kind in KINDS:
        with database(kind) as db:
            yield from _measured(db, kind, 500 if quick else 5000)


def _measured(db: Database, where: str, size: int) -> Iterator[Row]:
    office = Office(Vault("a secret of the bench, long enough to be one"))
    db.transact(officer.seed, office, "Nora", "nora@exemple.org", NOW)
    seed(db, office, size)
    who = Who(1, "Nora", "officer", None, "bench")
    limited = Who(1, "Nora", "officer", frozenset(range(1, 6)), "bench")
    looks: dict[str, tuple[Any, ...]] = {
        "queue": (queue.look, office, who, Filters(), NOW),
        "queue of five councils": (queue.look, office, limited, Filters(), NOW),
        "queue, last page": (queue.look, office, who, Filters(page=999), NOW),
        "queue, searched": (queue.look, office, who, Filters(q="ascenseur école"), NOW),
        "queue, what nobody says": (queue.look, office, who, Filters(q="introuvable"), NOW),
        "queue, answered": (queue.look, office, who, Filters(view="repondues"), NOW),
        "queue, by itself": (queue.glimpse, office, who, Filters(), NOW),
        "question": (ticket.page, office, who, size - 1, NOW, False, {}),
        "question, whole conversation": (ticket.page, office, who, size - 1, NOW, True, {}),
        "counts in the frame": (glance, who, NOW),
    }
    for name, (work, *args) in looks.items():
        spans = []
        for _ in range(TRIES):
            began = time.perf_counter()
            db.look(work, *args)
            spans.append(time.perf_counter() - began)
        middle, worst = statistics.median(spans), max(spans[1:])
        figure = f"{1000 * middle:.0f} ms (worst {1000 * worst:.0f} ms)"
        yield Row(f"{name}, {size} tickets, {20 * size} messages", where, figure, "200 ms", middle <= DEMAND)


def seed(db: Database, office: Office, size: int) -> None:
    """Tickets, and twenty messages for each, among a tenth as many people in twenty councils."""
    people = size // 10

    def base(session: Session) -> None:
        session.add_all(Council(slug=f"c{n}", name=f"Conseil {n}") for n in range(20))
        session.flush()
        session.add_all(Person(name=f"Awa Diallo {n}", council_id=n % 20 + 1, created_at=NOW) for n in range(people))
        session.flush()
        session.add_all(
            AddressRow(
                channel=("sms", "email", "telegram")[n % 3], blind=f"b{n}", person_id=n + 1, created_at=NOW,
                sealed=office.vault.seal(f"+336{n:08d}".encode(), ("sms", "email", "telegram")[n % 3]),
            )
            for n in range(people)
        )  # fmt: skip

    def lot(session: Session, first: int, last: int) -> None:
        rows = []
        for n in range(first, last):
            at = NOW - timedelta(hours=size - n)
            question = f"{WORDS[n % 10]} et {WORDS[n // 10 % 10]} {n}, qui faut-il prévenir ?"
            state = "open" if n % 2 else "answered"
            rows.append(
                Ticket(
                    council_id=n % 20 + 1, address_id=n % people + 2, question=question, state=state, opened_at=at,
                    promised_at=at + timedelta(days=2), folded=tickets.fold(question),
                    answered_at=None if n % 2 else at + timedelta(hours=3), theme="practical",
                ).model_dump(exclude={"id"})
            )  # fmt: skip
        ids = session.execute(sa.insert(Ticket).returning(Ticket.id), rows).scalars().all()  # type: ignore[call-overload]
        answered = [
            TicketReply(ticket_id=id, text="Le gardien.", author="officer:1", written_at=NOW).model_dump(exclude={"id"})
            for id, row in zip(ids, rows, strict=True)
            if row["state"] == "answered"
        ]
        session.execute(sa.insert(TicketReply), answered)
        heard, told = [], []
        for id, row in zip(ids, rows, strict=True):
            for m in range(10):
                at = row["opened_at"] + timedelta(minutes=m)
                heard.append(
                    InboxRow(
                        channel="telegram", external_id=f"{id}-{m}", address_id=row["address_id"], text=row["question"],
                        heard_at=at, received_at=at, ready_at=at, state="handled",
                    ).model_dump(exclude={"id"})
                )  # fmt: skip
                told.append(
                    OutboxRow(
                        key=f"{id}:{m}", channel="telegram", address_id=row["address_id"], name="added", text="Bien.",
                        created_at=at, due_at=at, state="delivered", ticket_id=id,
                    ).model_dump(exclude={"id"})
                )  # fmt: skip
        session.execute(sa.insert(InboxRow), heard)
        session.execute(sa.insert(OutboxRow), told)

    db.transact(base)
    for first in range(0, size, 100):
        db.transact(lot, first, first + 100)
    if not db.is_sqlite:
        db.transact(lambda session: session.execute(sa.text("ANALYZE")))
