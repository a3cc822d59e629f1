"""How long the pages of the desk take with 5,000 tickets and 100,000 messages and questions, on both databases."""

import asyncio
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import Session, SQLModel
from starlette.routing import BaseRoute, Route

from bot import tokens
from bot.conversations import Given, Question
from bot.db import Database
from bot.desk import entrance, officer, queue, ticket
from bot.desk.entrance import glance
from bot.doors import Within
from bot.library import Library
from bot.office import Office
from bot.web import PageFrame, create_app
from channels.directory import AddressRow, Council, Person
from channels.mailbox import InboxRow, OutboxRow
from channels.vault import Vault
from channels.web import open_channel
from escalation import tickets
from escalation.accounts import Who
from escalation.console.views import Filters
from escalation.tickets import Ticket, TicketReply
from knowledge import seed as shipped
from knowledge.corrections import WAITING, Correction
from knowledge.drafts import EntryDraft
from knowledge.entries import EntryRow, VersionRow
from scheduler.committees import Committee, CommitteeCouncil, Seat
from tests.bench.installation import KINDS, Row, base, database
from tests.channels.web.fake import FakeDesk
from tests.office import KEY, healthy
from tests.peers.browser import served

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
DEMAND = 0.2  # seconds
COUNCILS, MEETINGS = 1100, 200
EVERYBODYS = MEETINGS + 1  # the meeting of all the councils
PAGES = (  # with the templates rendered, over HTTP
    "/bureau", "/bureau?q=ascenseur+école", "/bureau?q=introuvable", "/bureau?etat=repondues", "/bureau?page=99",
    "/bureau/flux", "/bureau/questions/{ticket}", "/bureau/questions/{ticket}/fiches?q=conseil", "/bureau/ensemble",
    "/bureau/appel", "/bureau/appel/fiches?q=copil", "/bureau/reponses-types", "/bureau/fermetures", "/bureau/aide",
    "/bureau/fiches", "/bureau/fiches?q=conseil+citoyen", "/bureau/fiches?q=introuvable", "/bureau/fiches/a-relire",
    "/bureau/fiches/a-ecrire", "/bureau/fiches/depuis/{answered}", "/bureau/fiches/nouvelle",
    "/bureau/fiches/actualite", "/bureau/fiches/importer", "/bureau/fiches/brouillons", "/bureau/fiches/corrections",
    "/bureau/fiches/corrections/1", "/bureau/fiches/brouillons/1", "/bureau/fiches/brouillons/1/modifier",
    "/bureau/fiches/copil-role", "/bureau/fiches/copil-role/modifier", "/bureau/fiches/copil-role/versions/1",
    "/bureau/personnes", "/bureau/personnes?q=diallo+12", "/bureau/personnes?page=99", "/bureau/personnes/nouvelle",
    "/bureau/personnes/importer", "/bureau/personnes/7", "/bureau/personnes/7/modifier", "/bureau/personnes/7/donnees",
    "/bureau/personnes/7/effacer", "/bureau/conseils", "/bureau/conseils/3", "/bureau/conservation",
    "/bureau/reunions", "/bureau/reunions?vue=liste", "/bureau/reunions/{meeting}", "/bureau/reunions/nouvelle",
    "/bureau/reunions/{meeting}/modifier", "/bureau/reunions/{meeting}/ordre-du-jour", "/bureau/reunions/appels",
    "/bureau/reunions/{meeting}/dossier/3", "/bureau/reunions/plan", "/bureau/reunions/importer",
    "/bureau/reunions/agendas", "/bureau/reunions/bilan", "/reunion/{member}",
    "/bureau/chiffres", "/bureau/sante", "/bureau/journal", "/bureau/equipe", "/bureau/equipe/nouveau",
    "/bureau/equipe/1", "/bureau/moi", "/bureau/entrer", "/bureau/entrer/mot-de-passe",
    "/bureau/sorti", "/fiabilite",  # last: the clock moves on each time
)  # fmt: skip
# Files, and what needs a link of its own or another program.
NO_PAGES = (
    r".*\.(csv|json|pdf|svg|ics)$|.*/(exporter|moi/code|pieces/.*|documents/.*)$"
    r"|/bureau/(fournisseur.*|entrer/\{secret\})$"
)
DECISIONS = ("answer", "escalate", "answer", "clarify", "chosen")
WORDS = ("camion", "local", "vélos", "encombrants", "salle", "réunion", "budget", "bailleur", "ascenseur", "école")


def run(quick: bool) -> Iterator[Row]:
    """Always all the tickets, without which it says nothing; `quick`: each page three times instead of fifteen."""
    for kind in KINDS:
        with database(kind) as db:
            yield from _measured(db, kind, 5000, 3 if quick else 15)


def _measured(db: Database, where: str, size: int, tries: int) -> Iterator[Row]:
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
        yield _row(f"{name}, without its page", where, _spans(lambda: db.look(work, *args), tries))  # noqa: B023
    yield from _served(db, office, where, size, tries)


@dataclass(frozen=True)
class Span:
    """Seconds on the clock, and of processors: on a busy machine the second tells more."""

    wall: float
    busy: float


def _spans(work: Callable[[], object], tries: int) -> list[Span]:
    found = []
    for _ in range(tries + 1):
        began, busy = time.perf_counter(), time.process_time()
        work()
        found.append(Span(time.perf_counter() - began, time.process_time() - busy))
    return found


def _row(name: str, where: str, spans: list[Span]) -> Row:
    first, *others = spans
    middle = statistics.median(each.wall for each in others)
    figure = (
        f"{1000 * middle:.0f} ms, {1000 * statistics.median(each.busy for each in others):.0f} of work "
        f"(worst {1000 * max(each.wall for each in others):.0f} ms, the first time {1000 * first.wall:.0f} ms)"
    )
    return Row(name, where, figure, "200 ms", middle <= DEMAND)


def _served(db: Database, office: Office, where: str, size: int, tries: int) -> Iterator[Row]:
    """Each page as a browser gets it; public figures are asked for at moments too far apart to be remembered."""
    clock = [NOW]

    def now() -> datetime:
        return clock[0]

    secret = db.transact(entrance.open_session, office, 1, "bench", "bench", NOW)
    assert secret is not None
    library = Library(db, now, lambda: NOW.date())
    asyncio.run(library.refresh(may_build=False))
    assert library.index is not None, "`make index` first: pages are measured with the matcher at work"
    within = Within(db, office, now, lambda: None, library)
    token = tokens.sign(office.vault, tokens.Claim(tokens.MEMBER, EVERYBODYS, 7, NOW.date() + timedelta(days=20)))
    names = {"ticket": size - 1, "answered": size - 2 - size % 2, "meeting": EVERYBODYS, "member": token}
    routes = within.pages(PageFrame(FakeDesk(), KEY, office.zone, within.entrance()))
    left = [way for way in _unmeasured(routes, names) if not re.match(NO_PAGES, way)]
    assert not left, f"say how these are measured, or that they are no pages: {left}"
    opened = {"web": open_channel({})}
    with (
        served(
            lambda stopping: create_app(
                FakeDesk(), opened, healthy, key=KEY, sessions=within.entrance(), more=within.pages, stopping=stopping
            )
        ) as url,
        httpx.Client(base_url=url, headers={"Accept": "text/html"}, timeout=60, cookies={"bureau": secret}) as client,
    ):
        for way in PAGES:

            def ask(way: str = way) -> None:
                clock[0] += timedelta(minutes=11) if way == "/fiabilite" else timedelta()
                page = client.get(way.format(**names))
                assert page.status_code == 200, (way, page.status_code)

            yield _row(way, where, _spans(ask, tries))


def _unmeasured(routes: Sequence[BaseRoute], names: Mapping[str, object]) -> list[str]:
    """The pages of the desk that PAGES does not name."""
    ways = [way.format(**names).partition("?")[0] for way in PAGES]
    own = [each for each in routes if isinstance(each, Route) and "GET" in (each.methods or ())]
    taken = {next((each.path for each in own if each.path_regex.match(way)), "") for way in ways}
    return [each.path for each in own if each.path not in taken]


def seed(db: Database, office: Office, size: int) -> None:
    """The real entries, a person for each ticket, and twenty messages and questions for each, in 20 of the councils."""
    people, channels, sent = size, ("sms", "email", "telegram"), NOW - timedelta(hours=size)

    def words(n: int) -> str:
        return f"{WORDS[n % 10]} et {WORDS[n // 10 % 10]} {n}, qui faut-il prévenir ?"

    def opened(n: int) -> datetime:
        return sent + timedelta(hours=n)

    def asker(n: int) -> int:
        return n % people + 2  # the first address is the officer's

    def asked(n: int) -> datetime:
        return NOW - timedelta(minutes=6 * (20 * size - n))

    db.transact(shipped.load, base(), NOW)
    known: Any = db.look(
        lambda session: session.execute(sa.select(EntryRow.id, EntryRow.version_id, EntryRow.slug)).all()
    )  # type: ignore[call-overload]
    put(db, Council, ({"slug": f"c{n}", "name": f"Conseil {n}"} for n in range(COUNCILS)))
    put(db, Person, ({"name": f"Awa Diallo {n}", "council_id": n % 20 + 1, "created_at": NOW} for n in range(people)))
    put(db, AddressRow, (
        {
            "id": n + 2, "channel": channels[n % 3], "blind": f"b{n}", "person_id": n + 1, "created_at": NOW,
            "sealed": office.vault.seal(f"+336{n:08d}".encode(), channels[n % 3]),
        }
        for n in range(people)
    ))  # fmt: skip
    put(db, Seat, (
        {"council_id": n + 1, "person_id": n % people + 1, "committee_kind": "copil", "role": "titulaire"}
        for n in range(COUNCILS)
    ))  # fmt: skip
    put(db, Committee, (
        {
            "title": f"Comité de pilotage {n}", "created_at": NOW, "place": "Mairie",
            "starts_at": NOW + timedelta(days=20) if n == EVERYBODYS else NOW + timedelta(hours=5 * n),
        }
        for n in range(1, EVERYBODYS + 1)
    ))  # fmt: skip
    put(db, CommitteeCouncil, (
        {"committee_id": n, "council_id": council + 1}
        for n in range(1, EVERYBODYS + 1)
        for council in (range(COUNCILS) if n == EVERYBODYS else range(n % 1000, n % 1000 + 5))
    ), numbered=False)  # fmt: skip
    put(db, Ticket, (
        {
            "council_id": n % 20 + 1, "address_id": asker(n), "question": words(n), "folded": tickets.fold(words(n)),
            "state": "open" if n % 2 else "answered", "opened_at": opened(n),
            "promised_at": opened(n) + timedelta(days=2), "theme": "practical",
            "answered_at": None if n % 2 else opened(n) + timedelta(hours=3),
        }
        for n in range(size)
    ))  # fmt: skip
    put(db, TicketReply, (
        {"ticket_id": n + 1, "text": "Le gardien.", "author": "officer:1", "written_at": NOW} for n in range(0, size, 2)
    ))  # fmt: skip
    put(db, InboxRow, (
        {
            "channel": "telegram", "external_id": f"{n}", "address_id": asker(n // 10), "text": words(n // 10),
            "state": "handled",
        } | dict.fromkeys(("heard_at", "received_at", "ready_at"), opened(n // 10) + timedelta(minutes=n % 10))
        for n in range(10 * size)
    ))  # fmt: skip
    put(db, OutboxRow, (
        {
            "key": f"o{n}", "channel": "telegram", "address_id": asker(n // 10), "name": "added", "text": "Bien.",
            "state": "delivered", "ticket_id": n // 10 + 1,
        } | dict.fromkeys(("created_at", "due_at"), opened(n // 10) + timedelta(minutes=n % 10))
        for n in range(10 * size)
    ))  # fmt: skip
    slugs = [slug for _, _, slug in known]
    near = [
        [{"entry": slugs[(n + k) % len(slugs)], "confidence": 0.8 - 0.2 * k} for k in range(3)]
        for n in range(len(slugs))
    ]
    put(db, Question, (
        {
            "address_id": asker(n), "council_id": n % 20 + 1, "channel": channels[n % 3], "text": words(n),
            "candidates": near[n % len(near)], "nearest": slugs[n % len(slugs)], "decision": DECISIONS[n % 5],
            "confidence": 0.8, "ticket_id": n // 20 + 1 if n % 5 == 1 else None,
            "useful": (None, None, True, None, False, None)[n % 6], "asked_at": asked(n),
        }
        for n in range(20 * size)
    ))  # fmt: skip
    put(db, Given, (
        {
            "question_id": n + 1, "entry_id": known[n % len(known)][0], "version_id": known[n % len(known)][1],
            "address_id": asker(n), "outbox_key": f"q:{n}", "given_at": asked(n),
        }
        for n in range(20 * size)
        if DECISIONS[n % 5] in ("answer", "chosen")
    ))  # fmt: skip
    db.transact(corrected, known[:10])
    if not db.is_sqlite:  # where it is done by itself
        db.transact(lambda session: session.execute(sa.text("ANALYZE")))


def corrected(session: Session, known: Sequence[tuple[int, int, str]]) -> None:
    """A correction of each of these entries for all who were answered, and a draft of each."""
    for entry_id, version_id, slug in known:
        body = session.get_one(VersionRow, version_id).body
        right = VersionRow(entry_id=entry_id, number=2, fingerprint=slug, body=body, author="bench", created_at=NOW)
        session.add(right)
        session.flush()
        session.add_all((
            Correction(
                entry_id=entry_id, version_id=right.id or 0, since=NOW - timedelta(days=200), state=WAITING,
                created_at=NOW,
            ),
            EntryDraft(
                slug=slug, entry_id=entry_id, base_number=1, body=body, officer_id=1, created_at=NOW, updated_at=NOW
            ),
        ))  # fmt: skip


def put(db: Database, model: type[SQLModel], rows: Iterable[dict[str, Any]], *, numbered: bool = True) -> None:
    """Rows with their defaults, written as they stand by a few large statements: the numbers are counted here."""
    table: sa.Table = model.__table__  # type: ignore[attr-defined]
    counted = ({"id": n} | row if numbered else row for n, row in enumerate(rows, 1))
    first = next(counted)
    standard = model(**first).model_dump()

    def write(session: Session, some: list[dict[str, Any]]) -> None:
        session.connection().execute(sa.insert(table), some)
        if numbered and not db.is_sqlite:
            session.execute(sa.text(f"SELECT setval('{table.name}_id_seq', {some[-1]['id']})"))

    every = chain([first], counted)
    while some := [standard | row for row in islice(every, 5000)]:
        db.transact(write, some)
