"""What changes between a look and its write: stale reminders, letters to officers, and lots that fit the machine."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import workers
from bot.db import Database
from bot.desk import calendar, officer, reminding, season
from bot.desk.season import Notice
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import Council, Person
from channels.mailbox import OutboxRow
from scheduler import committees, steps
from scheduler.committees import Committee, Reminder, Seat
from scheduler.steps import CommitteeStep

PARIS = ZoneInfo("Europe/Paris")
MEETING = datetime(2026, 12, 10, 18, tzinfo=PARIS)  # nine days after the tests' now


class Desk:
    """A committee with two people on it, and what stands in the tables about them."""

    def __init__(self, db: Database, office: Office, now: datetime):
        self.db, self.office, self.now = db, office, now
        self.meeting = db.transact(self._make)

    def _make(self, session: Session) -> int:
        council = Council(slug="bellevue", name="Conseil citoyen de Bellevue", city="Nantes")
        meeting = Committee(title="COPIL de Bellevue", starts_at=MEETING, place="mairie", created_at=self.now)
        session.add(council)
        session.add(meeting)
        session.flush()
        assert council.id is not None
        assert meeting.id is not None
        committees.link(session, meeting, [council.id])
        for name in ("awa", "paul"):
            person = Person(name=name, council_id=council.id, created_at=self.now)
            session.add(person)
            session.flush()
            assert person.id is not None
            address = Address("email", f"{name}@exemple.invalid")
            directory.keep(session, self.office.vault, address, self.now).person_id = person.id
            session.add(Seat(council_id=council.id, person_id=person.id))
        return meeting.id

    def tick(self) -> int:
        return self.db.transact(reminding.due, self.office, self.now)[0]

    def begin(self) -> None:
        """Steps are written, and those that are due begin."""

        def work(session: Session) -> None:
            reminding.plan_some(session, self.office, self.now, steps.unplanned(session, self.now, 10))
            reminding.begin_some(session, self.office, self.now, steps.unsettled(session, self.now, 10))

        self.db.transact(work)

    def move(self, day: str) -> None:
        self.db.transact(calendar.move, self.office, self.meeting, day, "", None, "command", self.now)

    def behind_the_back(self, **values: object) -> None:
        """The meeting changes where nobody looks: what waits in the outbox is not touched."""
        change = sa.update(Committee).where(col(Committee.id) == self.meeting).values(**values)
        self.db.transact(lambda session: session.execute(change) and None)

    def stale(self) -> tuple[list[str], list[str]]:
        return self.db.look(reminding.stale, self.now)

    def states(self) -> list[str]:
        query = select(OutboxRow.state).where(OutboxRow.kind == "bulk").order_by(col(OutboxRow.id))
        return self.db.look(lambda session: list(session.exec(query).all()))

    def noted(self) -> int:
        return self.db.look(lambda session: len(session.exec(select(Reminder)).all()))

    def leaves(self, key: str) -> None:
        """A message is taken up by a sender."""
        taken = sa.update(OutboxRow).where(col(OutboxRow.key) == key).values(state="sending")
        self.db.transact(lambda session: session.execute(taken) and None)


@pytest.fixture
def desk(db: Database, office: Office, now: datetime) -> Desk:
    return Desk(db, office, now)


# --- what no longer holds ---------------------------------------------------------------------------------------------


def test_nothing_is_stale_while_nothing_changed(desk: Desk) -> None:
    assert desk.tick() == 2
    assert desk.stale() == ([], [])


def test_what_waits_for_a_meeting_that_changed_is_found_dropped_and_said_anew(desk: Desk) -> None:
    desk.tick()
    desk.behind_the_back(revision=2, starts_at=MEETING + timedelta(days=1))
    changed, begun = desk.stale()
    assert (len(changed), begun) == (2, [])
    assert desk.states() == ["waiting", "waiting"]  # finding writes nothing
    assert desk.db.transact(reminding.drop_changed, changed) == 2
    assert desk.states() == ["dropped", "dropped"]
    assert desk.noted() == 0  # nobody heard of it
    assert desk.tick() == 2
    assert desk.states() == ["dropped", "dropped", "waiting", "waiting"]
    assert desk.stale() == ([], [])


def test_what_left_between_the_look_and_the_write_is_neither_dropped_nor_forgotten(desk: Desk) -> None:
    desk.tick()
    desk.behind_the_back(revision=2, starts_at=MEETING + timedelta(days=1))
    changed, _ = desk.stale()
    desk.leaves(changed[0])
    assert desk.db.transact(reminding.drop_changed, changed) == 1
    assert sorted(desk.states()) == ["dropped", "sending"]
    assert desk.noted() == 1  # whoever was told hears that it moved
    assert desk.db.transact(reminding.drop_changed, changed) == 0  # twice is once


def test_a_cancelled_meeting_leaves_nothing_waiting(desk: Desk) -> None:
    desk.tick()
    desk.behind_the_back(state="cancelled")
    changed, _ = desk.stale()
    assert desk.db.transact(reminding.drop_changed, changed) == 2
    assert desk.tick() == 0  # nobody had heard of it: nobody hears that it is off


def test_what_waits_when_the_meeting_begins_is_dropped_and_stays_noted(desk: Desk) -> None:
    desk.tick()
    desk.now = MEETING + timedelta(minutes=1)
    changed, begun = desk.stale()
    assert (changed, len(begun)) == ([], 2)
    desk.leaves(begun[0])
    assert desk.db.transact(reminding.drop_begun, begun) == 1
    assert sorted(desk.states()) == ["dropped", "sending"]
    assert desk.noted() == 2
    later = desk.now + timedelta(days=4)
    assert desk.db.look(reminding.stale, later) == ([], [])  # what is over is not looked at for ever


def test_letters_written_before_a_move_are_not_posted_after_it(desk: Desk) -> None:
    desk.begin()
    letters, more = desk.db.look(reminding.look, desk.office, desk.now)
    assert (len(letters), more) == (2, False)
    desk.move("11/12/2026")
    assert desk.db.transact(reminding.post, desk.office, letters, desk.now) == 0
    assert desk.states() == []
    assert desk.tick() == 2


# --- what officers hear -----------------------------------------------------------------------------------------------


def notices(desk: Desk) -> list[Notice]:
    desk.db.transact(officer.seed, desk.office, "Nora", "nora@exemple.invalid", desk.now)
    desk.now = datetime(2026, 11, 25, 9, tzinfo=PARIS)  # J-15: nobody was invited yet
    desk.begin()
    return desk.db.look(season.notices, desk.office, desk.now)


def told(desk: Desk) -> list[str]:
    query = select(OutboxRow.name).where(col(OutboxRow.key).startswith("season:")).order_by(col(OutboxRow.id))
    return desk.db.look(lambda session: list(session.exec(query).all()))


def state_of(desk: Desk, step: str) -> set[str]:
    query = select(CommitteeStep.state).where(CommitteeStep.step == step)
    return set(desk.db.look(lambda session: session.exec(query).all()))


def test_two_workers_with_the_same_letters_for_an_officer_post_them_once(desk: Desk) -> None:
    found = notices(desk)
    assert [letter.message.name for each in found for letter in each.letters] == ["officer_guard"]
    assert state_of(desk, "j-15") == {"waiting"}
    assert desk.db.transact(season.post_notices, desk.office, found, desk.now) == 1
    assert desk.db.transact(season.post_notices, desk.office, found, desk.now) == 0
    assert told(desk).count("officer_guard") == 1
    assert state_of(desk, "j-15") == {"done"}
    assert desk.db.look(season.notices, desk.office, desk.now) == []


def test_an_officer_is_not_warned_of_a_meeting_that_moved_meanwhile(desk: Desk) -> None:
    found = notices(desk)
    desk.move("22/12/2026")
    assert desk.db.transact(season.post_notices, desk.office, found, desk.now) == 0
    assert "officer_guard" not in told(desk)
    assert desk.db.look(season.notices, desk.office, desk.now) == []


def test_a_letter_that_a_crash_kept_back_goes_at_the_next_tick(desk: Desk) -> None:
    assert notices(desk)  # written, and then the process dies
    desk.now += timedelta(minutes=1)
    desk.tick()
    assert told(desk).count("officer_guard") == 1


# --- lots -------------------------------------------------------------------------------------------------------------


def test_lots_grow_where_writes_are_quick_and_shrink_where_they_are_slow() -> None:
    lots = workers.Lots(10)
    sizes = []
    for lot in lots.of(range(1000)):
        sizes.append(len(lot))
        lots.took(0.001 * len(lot))
    assert sizes[:4] == [10, 15, 22, 25]
    assert sum(sizes) == 1000
    lots.took(1.0)
    assert lots.size == workers.LEAST_IN_A_LOT
    for _ in range(20):
        lots.took(0.0)
    assert lots.size == workers.MOST_IN_A_LOT


def test_a_write_that_fails_is_timed_and_its_error_is_heard(db: Database) -> None:
    lots = workers.Lots(100)

    def fails(_: Session) -> None:
        raise LookupError("rien")

    with pytest.raises(LookupError):
        db.transact(lots.timed(fails))
    assert lots.size != 100
