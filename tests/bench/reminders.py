"""31,000 people to remind of one day's committees: how long, and for how long at most the database is held."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot.db import Database
from bot.desk import outgoing, reminding
from bot.office import Office
from bot.workers import BATCH
from channels.directory import AddressRow, Council, Person
from channels.mailbox import OutboxRow
from channels.vault import Vault
from scheduler.committees import Committee, CommitteeCouncil, Seat
from tests.bench.installation import KINDS, Row, database, ms, share
from tests.ordeal.town import SECRET

COUNCILS = 1_100


def _people(session: Session, office: Office, now: datetime, people: int) -> None:
    each = people // COUNCILS
    day = now.astimezone(office.zone).date() + timedelta(days=10)
    for number in range(1, COUNCILS + 1):
        session.add(Council(id=number, slug=f"c{number}", name=f"Conseil {number}"))
        session.add(
            Committee(
                id=number,
                title=f"Comité {number}",
                starts_at=datetime.combine(day, clock(18), office.zone),
                place="mairie",
                created_at=now,
            )
        )
        session.flush()
        session.add(CommitteeCouncil(committee_id=number, council_id=number))
    session.flush()
    ids = range(1, each * COUNCILS + 1)
    council = {id: (id - 1) // each + 1 for id in ids}
    for table, rows in (
        (Person, [{"id": id, "name": f"P{id}", "council_id": council[id], "created_at": now} for id in ids]),
        (AddressRow, [{"id": id, "channel": "email", "blind": f"b{id}", "person_id": id, "created_at": now,
                           "sealed": office.vault.seal(f"p{id}@exemple.invalid".encode(), "email")} for id in ids]),
        (Seat, [{"id": id, "council_id": council[id], "person_id": id} for id in ids]),
    ):  # fmt: skip
        made = [table(**row).model_dump() for row in rows]  # type: ignore[operator]
        session.execute(sa.insert(table), made)


def run(quick: bool) -> Iterator[Row]:
    people = 3_300 if quick else 33_000
    office = Office(vault=Vault(SECRET))
    now = datetime.now(UTC).replace(hour=10)  # people are written to in waking hours
    for kind in KINDS:
        with database(kind) as db:
            db.transact(_people, office, now, people)
            db.longest_write = 0.0
            began = time.perf_counter()
            held: list[float] = []

            def write(work: Callable[..., Any], *args: Any) -> Any:
                start = time.perf_counter()
                done = db.transact(work, *args)
                held.append(time.perf_counter() - start)  # noqa: B023
                return done

            more = not any(db.look(reminding.stale, now))
            while more:
                _, more = write(reminding.prepare, office, now, reminding.MEETINGS)
            planned = time.perf_counter() - began
            while letters := db.look(reminding.look, office, now, reminding.LOOK)[0]:
                for first in range(0, len(letters), reminding.LOT):
                    write(reminding.post, office, letters[first : first + reminding.LOT], now)
            took = time.perf_counter() - began
            posted = db.look(lambda session: session.execute(sa.select(sa.func.count(OutboxRow.id))).scalar_one())  # type: ignore[arg-type]
            again, _ = db.transact(reminding.due, office, now, BATCH)
            claims = _claims(db, office, now)
        longest = max(held)
        yield Row(f"{COUNCILS} committees planned", kind, f"{planned:.1f} s", "≤ 60 s", planned <= 60)
        yield Row(f"{people:,} reminders posted".replace(",", " "), kind, f"{took:.1f} s", "≤ 5 min", took <= 300)
        yield Row("… the longest that one call held the database", kind, ms(longest), "≤ 100 ms", longest <= 0.1)
        yield Row("… the usual call (median)", kind, ms(share(held, 0.5)))
        yield Row("… posted once each", kind, str(posted), str(people), posted == people and not again)
        yield Row("… claim of an answer behind them", kind, ms(claims[0]), "≤ 100 ms", claims[0] <= 0.1)
        yield Row(
            "… look when all of them must wait (channel at rest)", kind, ms(claims[1]), "≤ 100 ms", claims[1] <= 0.1
        )


def _claims(db: Database, office: Office, now: datetime) -> tuple[float, float]:
    """Seconds that a claim takes with all of them waiting, and with all of them held up by a channel at rest."""
    from channels import mailbox

    def timed(*args: object) -> float:
        took = []
        for _ in range(5):
            start = time.perf_counter()
            db.transact(outgoing.claim_sending, *args)
            took.append(time.perf_counter() - start)
        return share(took, 0.5)

    free = timed(office, ["email"], ["email"], now)
    db.transact(mailbox.pause, "email", now + timedelta(hours=1), "au repos")
    return free, timed(office, ["email"], ["email"], now)
