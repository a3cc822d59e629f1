"""31,000 people to remind of one day's committees: how long, how late the last, how long a write at most."""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from datetime import time as clock

import sqlalchemy as sa
from sqlmodel import Session, col

from bot import workers
from bot.db import Database
from bot.desk import outgoing
from bot.office import Office
from channels.directory import AddressRow, Council, Person
from channels.mailbox import OutboxRow
from channels.vault import Vault
from escalation.officers import Officer, OfficerCouncil
from scheduler.committees import Committee, CommitteeCouncil, Seat
from scheduler.steps import CommitteeStep
from tests.bench.installation import KINDS, Row, database, ms, share
from tests.ordeal.town import SECRET

OFFICERS = 50
COUNCILS = 1_100


def _people(session: Session, office: Office, day: datetime, each: int) -> None:
    """Councils with `each` seats and a committee of their own, ten days after `day`; an officer for some of them."""
    made = day - timedelta(days=60)
    for number in range(1, COUNCILS + 1):
        session.add(Council(id=number, slug=f"c{number}", name=f"Conseil {number}"))
        session.add(
            Committee(
                id=number,
                title=f"Comité {number}",
                starts_at=datetime.combine((day + timedelta(days=10)).date(), clock(18), office.zone),
                place="mairie",
                created_at=made,
            )
        )
        session.flush()
        session.add(CommitteeCouncil(committee_id=number, council_id=number))
    session.flush()
    ids = range(1, each * COUNCILS + 1)
    council = {id: (id - 1) // each + 1 for id in ids}
    for table, rows in (
        (Person, [{"id": id, "name": f"P{id}", "council_id": council[id], "created_at": made} for id in ids]),
        (AddressRow, [{"id": id, "channel": "email", "blind": f"b{id}", "person_id": id, "created_at": made,
                           "sealed": office.vault.seal(f"p{id}@exemple.invalid".encode(), "email")} for id in ids]),
        (Seat, [{"id": id, "council_id": council[id], "person_id": id} for id in ids]),
    ):  # fmt: skip
        filled = [table(**row).model_dump() for row in rows]  # type: ignore[operator]
        session.execute(sa.insert(table), filled)
    for number in range(OFFICERS):
        row = AddressRow(id=each * COUNCILS + 1 + number, channel="email", blind=f"o{number}", created_at=made,
                         sealed=office.vault.seal(f"o{number}@exemple.invalid".encode(), "email"))  # fmt: skip
        session.add(row)
        session.flush()
        officer = Officer(name=f"O{number}", role="officer", address_id=row.id or 0, created_at=made)
        session.add(officer)
        session.flush()
        for council_id in range(number + 1, COUNCILS + 1, OFFICERS):
            session.add(OfficerCouncil(officer_id=officer.id or 0, council_id=council_id))


def _pass(session: Session, until: datetime) -> None:
    """What was due until then is done: the measure begins after it."""
    session.execute(sa.update(CommitteeStep).where(col(CommitteeStep.due_at) <= until).values(state="done"))


def _tick(db: Database, office: Office, now: datetime, what: str) -> float:
    """What the clock does for reminders, as the service does it; seconds. How far it is goes to the terminal."""

    async def watched() -> float:
        began = time.perf_counter()
        work = asyncio.ensure_future(workers.remind(db, office, lambda: now, workers.Bell(), None))
        while not (await asyncio.wait([work], timeout=5))[0]:
            done = await db.read(_posted)
            print(f"  {what}: {time.perf_counter() - began:.0f} s, {done} posted", file=sys.stderr, flush=True)
        work.result()
        return time.perf_counter() - began

    return asyncio.run(watched())


def _posted(session: Session, kind: str = "bulk") -> int:
    query = sa.select(sa.func.count(col(OutboxRow.id))).where(col(OutboxRow.kind) == kind)
    return int(session.execute(query).scalar_one())


def run(quick: bool) -> Iterator[Row]:
    """Planned a month before; then the worst morning, at which all reminders with their kits come due."""
    each = 3 if quick else 30
    people = each * COUNCILS
    office = Office(vault=Vault(SECRET))
    morning = datetime(2027, 3, 9, 8, 0, tzinfo=office.zone)  # a Tuesday: nothing moves to another day
    for kind in KINDS:
        with database(kind) as db:
            db.transact(_people, office, morning, each)
            db.longest_write = 0.0
            planned = _tick(db, office, morning - timedelta(days=30), f"{kind}, planning")
            planning_held, db.longest_write = db.longest_write, 0.0
            db.transact(_pass, morning - timedelta(days=6))  # dates were proposed
            guarded = _tick(db, office, morning - timedelta(days=5), f"{kind}, officers")
            guarding_held, notices = db.longest_write, db.look(_posted, "answer")
            db.transact(_pass, morning - timedelta(hours=1))
            db.longest_write = 0.0
            took = _tick(db, office, morning, f"{kind}, reminding")
            held, posted = db.longest_write, db.look(_posted)
            _tick(db, office, morning + timedelta(minutes=1), f"{kind}, once more")
            again = db.look(_posted) - posted
            claims = _claims(db, office, morning)
        many = f"{people:,}".replace(",", " ")
        yield Row(f"{COUNCILS} committees planned", kind, f"{planned:.1f} s", "≤ 60 s", planned <= 60)
        yield Row("… the longest write of it", kind, ms(planning_held), "≤ 100 ms", planning_held <= 0.1)
        yield Row(f"{notices} letters to officers on their seats", kind, f"{guarded:.1f} s", "≤ 5 min", guarded <= 300)
        yield Row("… the longest write of it", kind, ms(guarding_held), "≤ 100 ms", guarding_held <= 0.1)
        yield Row(f"{many} reminders posted, all due at once", kind, f"{took:.1f} s", "≤ 5 min late", took <= 300)
        yield Row("… the longest write of it", kind, ms(held), "≤ 100 ms", held <= 0.1)
        yield Row("… posted, once each", kind, str(posted), str(people), posted == people and not again)
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
