"""How long the pages of the desk take with 5,000 tickets and 100,000 messages and questions, on both databases."""

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import Session

from bot.conversations import Given, Question
from bot.db import Database
from bot.desk import entrance, officer, queue, ticket
from bot.desk.entrance import glance
from bot.doors import Within
from bot.library import Library
from bot.office import Office
from bot.web import create_app
from channels.directory import AddressRow, Council, Person
from channels.mailbox import InboxRow, OutboxRow
from channels.vault import Vault
from channels.web import open_channel
from escalation import tickets
from escalation.accounts import Who
from escalation.console.views import Filters
from escalation.tickets import Ticket, TicketReply
from knowledge import seed as shipped
from knowledge.corrections import Correction
from knowledge.entries import EntryRow
from scheduler.committees import Committee, CommitteeCouncil, Seat
from tests.bench.installation import KINDS, Row, base, database
from tests.channels.web.fake import FakeDesk
from tests.office import KEY, healthy
from tests.peers.browser import served

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
DEMAND = 0.2  # seconds
TRIES = 15
COUNCILS, MEETINGS = 1100, 200
EVERYBODYS = MEETINGS + 1  # the meeting of all the councils
PAGES = {  # with the templates rendered, over HTTP
    "queue": "/bureau",
    "question": "/bureau/questions/{ticket}",
    "the same question asked twice": "/bureau/ensemble",
    "entries": "/bureau/fiches",
    "entries, searched": "/bureau/fiches?q=conseil+citoyen",
    "entries, what nobody says": "/bureau/fiches?q=introuvable",
    "entries to read again": "/bureau/fiches/a-relire",
    "entry": "/bureau/fiches/copil-role",
    "questions without an entry": "/bureau/fiches/a-ecrire",
    "entry made of a question": "/bureau/fiches/depuis/{answered}",
    "people": "/bureau/personnes",
    "people, searched": "/bureau/personnes?q=diallo+12",
    "people, last page": "/bureau/personnes?page=99",
    "person": "/bureau/personnes/7",
    "councils": "/bureau/conseils",
    "council": "/bureau/conseils/3",
    "meetings": "/bureau/reunions",
    "meetings, a list": "/bureau/reunions?vue=liste",
    "meeting of all the councils": "/bureau/reunions/{meeting}",
    "figures": "/bureau/chiffres",
    "health": "/bureau/sante",
    "trail": "/bureau/journal",
    "corrections": "/bureau/corrections",
    "reliability, for everybody": "/fiabilite",
}
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
        yield _row(f"{name}, without its page", where, size, spans)
    yield from _served(db, office, where, size)


def _row(name: str, where: str, size: int, spans: list[float]) -> Row:
    middle, worst = statistics.median(spans), max(spans[1:])
    figure = f"{1000 * middle:.0f} ms (worst {1000 * worst:.0f} ms)"
    return Row(f"{name}, {size} tickets, {20 * size} messages", where, figure, "200 ms", middle <= DEMAND)


def _served(db: Database, office: Office, where: str, size: int) -> Iterator[Row]:
    """Each page as a browser gets it; public figures are asked for at moments too far apart to be remembered."""
    clock = [NOW]

    def now() -> datetime:
        return clock[0]

    secret = db.transact(entrance.open_session, office, 1, "bench", "bench", NOW)
    assert secret is not None
    within = Within(db, office, now, lambda: None, Library(db, now, lambda: NOW.date()))
    names = {"ticket": size - 1, "answered": size - 2 - size % 2, "meeting": EVERYBODYS}
    opened = {"web": open_channel({})}
    with (
        served(
            lambda stopping: create_app(
                FakeDesk(), opened, healthy, key=KEY, sessions=within.entrance(), more=within.pages, stopping=stopping
            )
        ) as url,
        httpx.Client(base_url=url, headers={"Accept": "text/html"}, timeout=60, cookies={"bureau": secret}) as client,
    ):
        for name, way in PAGES.items():
            spans = []
            for _ in range(TRIES):
                clock[0] += timedelta(minutes=11) if way == "/fiabilite" else timedelta()
                began = time.perf_counter()
                page = client.get(way.format(**names))
                spans.append(time.perf_counter() - began)
                assert page.status_code == 200, (way, page.status_code)
            yield _row(f"{name} ({way.partition('?')[0]})", where, size, spans)


def seed(db: Database, office: Office, size: int) -> None:
    """The real entries, a person for each ticket, and twenty messages and questions for each, in 20 of the councils."""
    people = size

    def base_of(session: Session) -> None:
        shipped.load(session, base(), NOW)
        session.add_all(Council(slug=f"c{n}", name=f"Conseil {n}") for n in range(COUNCILS))
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
        session.flush()
        session.add_all(
            Seat(council_id=n + 1, person_id=n % people + 1, committee_kind="copil", role="titulaire")
            for n in range(COUNCILS)
        )
        session.add_all(
            Committee(
                title=f"Comité de pilotage {n}", created_at=NOW, place="Mairie",
                starts_at=NOW + timedelta(days=20) if n == EVERYBODYS else NOW + timedelta(hours=5 * n),
            )
            for n in range(1, EVERYBODYS + 1)
        )  # fmt: skip
        session.flush()
        session.add_all(
            CommitteeCouncil(committee_id=n, council_id=council + 1)
            for n in range(1, EVERYBODYS + 1)
            for council in (range(COUNCILS) if n == EVERYBODYS else range(n % 1000, n % 1000 + 5))
        )

    def asked(session: Session, entries: list[tuple[int, int, str]], first: int, last: int) -> None:
        rows = []
        for n in range(first, last):
            near = [{"entry": entries[(n + k) % len(entries)][2], "confidence": 0.8 - 0.2 * k} for k in range(3)]
            rows.append(
                Question(
                    address_id=n % people + 2, council_id=n % 20 + 1, channel=("sms", "email", "telegram")[n % 3],
                    text=f"{WORDS[n % 10]} et {WORDS[n // 10 % 10]} {n}, qui faut-il prévenir ?", candidates=near,
                    decision=("answer", "escalate", "answer", "clarify", "chosen")[n % 5], confidence=0.8,
                    ticket_id=n // 20 + 1 if n % 5 == 1 else None, useful=(None, None, True, None, False, None)[n % 6],
                    asked_at=NOW - timedelta(minutes=6 * (20 * size - n)),
                ).model_dump(exclude={"id"})
            )  # fmt: skip
        ids = session.execute(sa.insert(Question).returning(Question.id), rows).scalars().all()  # type: ignore[call-overload]
        given = [
            Given(
                question_id=id, entry_id=entries[(first + n) % len(entries)][0], address_id=row["address_id"],
                version_id=entries[(first + n) % len(entries)][1], outbox_key=f"q:{id}", given_at=row["asked_at"],
            ).model_dump(exclude={"id"})
            for n, (id, row) in enumerate(zip(ids, rows, strict=True))
            if row["decision"] in ("answer", "chosen")
        ]  # fmt: skip
        session.execute(sa.insert(Given), given)

    def corrected(session: Session) -> None:
        session.add_all(
            Correction(
                entry_id=row.id, version_id=row.version_id, since=NOW - timedelta(days=200), state="done",
                created_at=NOW,
            )
            for row in session.query(EntryRow).limit(10)
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

    db.transact(base_of)
    for first in range(0, size, 100):
        db.transact(lot, first, first + 100)
    known = db.look(lambda session: session.execute(sa.select(EntryRow.id, EntryRow.version_id, EntryRow.slug)).all())  # type: ignore[call-overload]
    for first in range(0, 20 * size, 2000):
        db.transact(asked, known, first, min(first + 2000, 20 * size))
    db.transact(corrected)
    if not db.is_sqlite:
        db.transact(lambda session: session.execute(sa.text("ANALYZE")))
