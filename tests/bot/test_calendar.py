"""Reminders from the tables to the outbox, each once; and meetings imported, moved and cancelled."""

import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.db import Database
from bot.desk import calendar, importing, officer, outgoing, reminding
from bot.desk.calendar import MeetingOver, NoSuchMeeting
from bot.desk.importing import Report
from bot.office import Office
from bot.sheets import BadCell
from channels import directory, mailbox
from channels.contract import Address
from channels.directory import Council, Person
from channels.mailbox import OutboxRow
from channels.sms.gsm import fold, is_gsm, septets
from escalation.tickets import Ticket
from scheduler import committees, steps
from scheduler.committees import Committee, Reminder, Seat

PARIS = ZoneInfo("Europe/Paris")
MEETING = datetime(2026, 12, 10, 18, tzinfo=PARIS)  # nine days after the tests' now
PLACE = "Maison de quartier, 12 rue du Docteur-Calmette, Nantes"
TITLE = "Comité de pilotage (COPIL) de Bellevue"


class Town:
    """A council, its meeting and its members, with what they were sent."""

    def __init__(self, db: Database, office: Office, now: datetime):
        self.db, self.office, self.now = db, office, now
        self.council = db.transact(self._council)

    def _council(self, session: Session) -> int:
        council = Council(slug="bellevue", name="Conseil citoyen de Bellevue", city="Nantes")
        session.add(council)
        session.flush()
        assert council.id is not None
        return council.id

    def meeting(self, starts_at: datetime = MEETING, title: str = TITLE) -> int:
        def make(session: Session) -> int:
            row = Committee(title=title, starts_at=starts_at, place=PLACE, created_at=self.now)
            session.add(row)
            session.flush()
            committees.link(session, row, [self.council])
            assert row.id is not None
            return row.id

        return self.db.transact(make)

    def member(self, name: str = "Awa Diallo", *addresses: Address, preferred: str = "") -> int:
        return self.db.transact(self._member, name, addresses, preferred)

    def _member(self, session: Session, name: str, addresses: tuple[Address, ...], preferred: str) -> int:
        person = Person(name=name, council_id=self.council, preferred_channel=preferred, created_at=self.now)
        session.add(person)
        session.flush()
        assert person.id is not None
        for address in addresses:
            directory.keep(session, self.office.vault, address, self.now).person_id = person.id
        session.add(Seat(council_id=self.council, person_id=person.id))
        return person.id

    def tick(self, now: datetime | None = None, **more: object) -> int:
        """Everything that is due, as the worker does it."""
        total, left = 0, True
        while left:
            posted, left = self.db.transact(reminding.due, self.office, now or self.now, *more.values())
            total += posted
        return total

    def prepare(self) -> None:
        """Steps are written, and those that are due begin."""

        def work(session: Session) -> None:
            reminding.plan_some(session, self.office, self.now, steps.unplanned(session, self.now, 100))
            reminding.begin_some(session, self.office, self.now, steps.unsettled(session, self.now, 100))

        self.db.transact(work)

    def sent(self, state: str = "waiting") -> list[OutboxRow]:
        query = select(OutboxRow).where(OutboxRow.state == state, OutboxRow.kind == "bulk").order_by(col(OutboxRow.id))
        return self.db.look(lambda session: list(session.exec(query).all()))

    def deliver(self) -> None:
        """What waits has left."""
        self.db.transact(lambda s: s.execute(sa.update(OutboxRow).values(state="delivered")) and None)

    def tickets(self) -> list[Ticket]:
        return self.db.look(lambda session: list(session.exec(select(Ticket).order_by(col(Ticket.id))).all()))

    def move(self, meeting: int, day: str = "", hour: str = "", place: str | None = None) -> str:
        return self.db.transact(calendar.move, self.office, meeting, day, hour, place, "command", self.now)

    def cancel(self, meeting: int) -> str:
        return self.db.transact(calendar.cancel, self.office, meeting, "command", self.now)


@pytest.fixture
def town(db: Database, office: Office, now: datetime) -> Town:
    return Town(db, office, now)


SMS = Address("sms", "+33612345678")
EMAIL = Address("email", "awa@exemple.invalid")
TELEGRAM = Address("telegram", "4242")
WEB = Address("web", "browser-1")
TERMINAL = Address("terminal", "root")


# --- who is told, and how ---------------------------------------------------------------------------------------------


def test_a_reminder_says_when_where_and_how_to_ask(town: Town) -> None:
    town.meeting()
    town.member("Awa Diallo", EMAIL)
    assert town.tick() == 1
    (row,) = town.sent()
    assert row.subject == f"Rappel : {TITLE}, jeudi 10 décembre 2026 à 18 h"
    for words in ("Bonjour Awa Diallo", "jeudi 10 décembre 2026 à 18 h", PLACE, "HUMAIN", "STOP"):
        assert words in row.text
    assert row.key.startswith("meeting:")
    assert row.priority > mailbox.FIRST_OF_BULK
    assert row.council_id == town.council
    assert town.tick() == 0


@pytest.mark.parametrize(
    ("addresses", "preferred", "channel"),
    [
        ((EMAIL, SMS), "sms", "sms"),
        ((EMAIL, SMS), "email", "email"),
        ((EMAIL, SMS), "telegram", "email"),
        ((WEB, TERMINAL, SMS), "web", "sms"),
        ((TELEGRAM, SMS), "telegram", "telegram"),
    ],
)
def test_the_preferred_channel_first_else_the_next_one(
    town: Town, addresses: tuple[Address, ...], preferred: str, channel: str
) -> None:
    town.meeting()
    town.member("Awa", *addresses, preferred=preferred)
    town.tick()
    assert [row.channel for row in town.sent()] == [channel]


def test_a_channel_that_is_not_open_is_passed_over(town: Town) -> None:
    town.meeting()
    town.member("Awa", SMS, EMAIL, preferred="sms")
    town.tick(limit=200, reach=("email", "web"))
    assert [row.channel for row in town.sent()] == ["email"]


def test_whoever_said_stop_is_written_to_elsewhere(town: Town) -> None:
    town.meeting()
    town.member("Awa", SMS, EMAIL, preferred="sms")

    def stop(session: Session) -> None:
        row = directory.find(session, town.office.vault, SMS)
        assert row is not None
        row.stopped_at = town.now

    town.db.transact(stop)
    town.tick()
    assert [row.channel for row in town.sent()] == ["email"]


@pytest.mark.parametrize("addresses", [(), (WEB,), (Address("phone", "+33240000001"),)])
def test_whoever_cannot_be_written_to_becomes_one_ticket_and_the_officer_is_told(
    town: Town, addresses: tuple[Address, ...]
) -> None:
    town.db.transact(officer.seed, town.office, "Léa", "lea@exemple.invalid", town.now)
    meeting = town.meeting()
    town.member("Awa Diallo", *addresses)
    assert town.tick() == 1
    assert town.tick() == 0
    (ticket,) = town.tickets()
    assert (ticket.kind, ticket.state) == ("reminder", "open")
    assert "Awa Diallo siège" in ticket.question
    assert "de vive voix" in ticket.question
    assert town.sent() == []
    notice = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.name == "officer_reminder")).one())
    assert "Ne répondez pas à ce message" in notice.text
    town.move(meeting, "12/12/2026")
    town.tick()
    assert "Ce n'est plus le jeudi 10 décembre" in town.tickets()[1].question


@pytest.mark.parametrize("name", ["reminder", "reminder_moved", "reminder_cancelled"])
def test_a_reminder_by_sms_takes_two_segments_at_most(town: Town, name: str) -> None:
    meeting = town.meeting(datetime(2026, 12, 9, 18, 30, tzinfo=PARIS))  # mercredi: the longest day
    town.member("Awa", SMS)
    town.tick()
    if name != "reminder":
        town.deliver()
        town.cancel(meeting) if name == "reminder_cancelled" else town.move(meeting, "11/12/2026")
        town.tick()
    (row,) = town.sent()
    assert row.name == name
    assert is_gsm(fold(row.text))
    assert septets(fold(row.text)) <= 306, septets(fold(row.text))


def test_even_a_very_long_title_and_place_stay_within_two_segments(town: Town) -> None:
    town.meeting(title="Comité de pilotage du contrat de ville " * 5)
    town.member("Awa", SMS)
    town.tick()
    assert septets(fold(town.sent()[0].text)) <= 306


# --- when -------------------------------------------------------------------------------------------------------------


def test_caught_up_after_two_days_away(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    assert town.tick(MEETING - timedelta(days=8, hours=9)) == 1


def test_nothing_is_sent_once_it_has_begun(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    assert town.tick(MEETING) == 0


def test_a_committee_recorded_late_reminds_at_the_next_waking_hour(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    night = datetime(2026, 12, 5, 22, tzinfo=PARIS)
    assert town.tick(night) == 1
    sent_by = town.db.look(lambda s: s.exec(select(OutboxRow.due_at)).one())
    assert sent_by == datetime(2026, 12, 6, 8, tzinfo=PARIS)
    claim = (outgoing.claim_sending, town.office, ["email"], [])
    assert town.db.transact(*claim, night + timedelta(hours=9, minutes=59)) is None
    assert town.db.transact(*claim, night + timedelta(hours=10)) is not None


def test_a_reminder_that_is_tried_again_still_waits_for_the_day(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    evening = datetime(2026, 12, 5, 19, 59, tzinfo=PARIS)
    assert town.tick(evening) == 1
    claim = (outgoing.claim_sending, town.office, ["email"], [])
    sending, _ = town.db.transact(*claim, evening)
    town.db.transact(outgoing.postpone, sending, "503", evening, 300.0, "message")
    assert town.db.transact(*claim, evening + timedelta(minutes=10)) is None
    assert town.db.transact(*claim, evening + timedelta(hours=12, minutes=1)) is not None


@pytest.mark.parametrize("day", ["2027-04-07", "2027-03-28", "2027-11-10", "2027-10-31", "2027-11-05"])
def test_over_both_clock_changes_of_2027_each_is_told_once_at_8_local(town: Town, day: str) -> None:
    """The clock ticks from eleven days before; each leaves at 8 h, ten days before or a working day before."""
    meeting = datetime.fromisoformat(f"{day}T18:00").replace(tzinfo=PARIS)
    town.meeting(meeting)
    town.member("Awa", EMAIL)
    tick, told = (meeting - timedelta(days=10)).replace(hour=0).astimezone(UTC), []
    tick -= timedelta(days=3)
    day_due = (meeting - timedelta(days=10)).date()
    while day_due.weekday() >= 5:
        day_due -= timedelta(days=1)
    town.tick(tick)  # dates for a preparation are proposed
    while tick < (meeting - timedelta(days=9)).replace(hour=9):
        if town.db.transact(reminding.due, town.office, tick)[0]:
            told.append(tick.astimezone(PARIS))
        tick += timedelta(minutes=30)
    assert told == [datetime.combine(day_due, time_of(8), PARIS)]
    due = select(OutboxRow.due_at).where(OutboxRow.name == "reminder")
    assert town.db.look(lambda s: s.exec(due).one()) == told[0]


def test_five_workers_at_once_tell_each_person_once(town: Town) -> None:
    town.meeting()
    for n in range(60):
        town.member(f"Personne {n}", Address("email", f"p{n}@exemple.invalid"))
    errors: list[BaseException] = []
    counts: list[int] = []
    ready, deadline = threading.Barrier(5), time.monotonic() + 60

    def work() -> None:
        ready.wait()
        try:
            while sum(counts) < 60 and time.monotonic() < deadline:
                counts.append(town.db.transact(reminding.due, town.office, town.now, 7)[0])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(counts) == 60
    assert len({row.address_id for row in town.sent()}) == len(town.sent()) == 60


def test_a_batch_takes_as_many_statements_for_two_hundred_people_as_for_two(town: Town) -> None:
    """What holds the database is counted rather than timed: no statement per person."""
    statements: list[str] = []
    town.meeting()

    def batch(first: int, people: int) -> int:
        def fill(session: Session) -> None:
            for n in range(first, first + people):
                town._member(session, f"Personne {n}", (Address("email", f"p{n}@exemple.invalid"),), "email")

        town.db.transact(fill)
        town.prepare()
        letters, _ = town.db.look(reminding.look, town.office, town.now, 1000)
        statements.clear()
        assert town.db.transact(reminding.post, town.office, letters, town.now) == people
        return len(statements)

    batch(0, 2)  # what is asked once of a new connection is not counted
    sa.event.listen(town.db.writer, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert batch(2, 2) == batch(4, 200) < 20


# --- moved, cancelled -------------------------------------------------------------------------------------------------


def test_a_moved_meeting_says_so_to_whoever_was_told(town: Town) -> None:
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.deliver()
    town.move(meeting, "11/12/2026", "19h")
    assert town.tick() == 1
    (row,) = town.sent()
    assert row.name == "reminder_moved"
    assert "La réunion a lieu vendredi 11 décembre 2026 à 19 h" in row.text
    assert "Ce n'est plus le jeudi 10 décembre 2026 à 18 h." in row.text


def test_what_they_were_told_is_what_it_is_compared_with(town: Town) -> None:
    """Two moves, the first of which nobody heard of."""
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.deliver()
    town.move(meeting, "11/12/2026")
    town.move(meeting, "9/12/2026")
    town.tick()
    assert "Ce n'est plus le jeudi 10 décembre" in town.sent()[0].text


def test_another_place_alone_is_said_as_such(town: Town) -> None:
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.deliver()
    town.move(meeting, place="Mairie annexe")
    town.tick()
    assert "Le lieu change.\nLieu : Mairie annexe." in town.sent()[0].text


def test_a_reminder_that_had_not_left_is_dropped_and_the_new_one_is_a_plain_one(town: Town) -> None:
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.move(meeting, "11/12/2026")
    assert [row.reason for row in town.sent("dropped")] == ["la réunion a changé ou est annulée"]
    town.tick()
    assert [row.name for row in town.sent()] == ["reminder"]


def test_a_cancelled_meeting_is_told_once_to_whoever_knew_and_to_nobody_else(town: Town) -> None:
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.deliver()
    town.member("Paul", SMS)
    town.tick()
    town.cancel(meeting)
    assert len(town.sent("dropped")) == 1
    assert town.tick() == 1
    assert [(row.name, row.channel) for row in town.sent()] == [("reminder_cancelled", "email")]
    assert town.tick() == 0


def test_a_cancelled_meeting_that_takes_place_after_all_says_so(town: Town) -> None:
    meeting = town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.deliver()
    town.cancel(meeting)
    town.tick()
    town.deliver()
    town.move(meeting, hour="18h")
    town.tick()
    assert "La réunion n'est plus annulée." in town.sent()[0].text


def test_a_reminder_that_waits_when_the_meeting_begins_is_dropped(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.tick(MEETING + timedelta(minutes=1))
    assert [row.reason for row in town.sent("dropped")] == ["la réunion a commencé"]


def test_what_cannot_be_moved_or_cancelled_is_refused_in_words(town: Town) -> None:
    meeting = town.meeting()
    with pytest.raises(NoSuchMeeting, match="numéro 999"):
        town.cancel(999)
    with pytest.raises(MeetingOver, match="déjà passé"):
        town.move(meeting, "1/12/2026", "8h")
    with pytest.raises(BadCell, match="n'existe pas"):
        town.move(meeting, "28/03/2027", "2h30")
    over = town.meeting(town.now - timedelta(hours=1))
    with pytest.raises(MeetingOver, match="déjà commencé"):
        town.cancel(over)


def test_the_list_tells_how_many_are_told(town: Town) -> None:
    town.meeting()
    town.member("Awa", EMAIL)
    town.tick()
    town.member("Paul", SMS)
    (one,) = town.db.look(calendar.upcoming, town.now)
    assert (one.told, one.seats, one.councils) == (1, 2, ("Conseil citoyen de Bellevue",))


# --- imports: tables --------------------------------------------------------------------------------------------------

HEADINGS = "titre;conseil(s);date;heure;fin;lieu;à préparer;type;état"


def load(town: Town, lines: str, *, dry_run: bool = False) -> Report:
    args = (importing.import_sheet, town.office, f"{HEADINGS}\n{lines}\n".encode(), town.now, dry_run)
    found: Report = town.db.look(*args) if dry_run else town.db.transact(*args)
    return found


def stands(town: Town) -> list[tuple[str, str, int, str]]:
    def read(session: Session) -> list[tuple[str, str, int, str]]:
        rows = session.exec(select(Committee).order_by(col(Committee.starts_at))).all()
        return [(r.title, r.starts_at.astimezone(PARIS).strftime("%d/%m/%Y %H:%M"), r.revision, r.state) for r in rows]

    return town.db.look(read)


def done(report: Report) -> list[str]:
    assert report.problems == (), [str(problem) for problem in report.problems]
    return [change.what for change in report.changes]


GOOD = "COPIL Bellevue;Bellevue;11/12/2026;18h;20h;Maison de quartier;Lire le bilan;;"


def test_meetings_come_in_once_and_a_dry_run_writes_nothing(town: Town) -> None:
    assert done(load(town, GOOD, dry_run=True)) == ["new"]
    assert stands(town) == []
    assert done(load(town, GOOD)) == ["new"]
    assert done(load(town, GOOD)) == ["same"]
    assert stands(town) == [("COPIL Bellevue", "11/12/2026 18:00", 1, "planned")]


def test_another_date_in_the_same_year_moves_it_and_says_from_when(town: Town) -> None:
    load(town, GOOD)
    report = load(town, GOOD.replace("11/12/2026", "14 décembre 2026"))
    assert done(report) == ["moved"]
    assert report.changes[0].details == ("avant : vendredi 11 décembre 2026 à 18 h",)
    assert stands(town) == [("COPIL Bellevue", "14/12/2026 18:00", 2, "moved")]


def test_the_next_year_is_another_meeting_and_says_what_to_do_if_not(town: Town) -> None:
    load(town, GOOD)
    report = load(town, GOOD.replace("11/12/2026", "11/01/2027"))
    assert done(report) == ["new"]
    assert "hotline committees move" in report.notes[0]
    assert len(stands(town)) == 2


def test_two_meetings_of_one_name_in_a_year_stay_two(town: Town) -> None:
    spring, autumn = GOOD.replace("11/12/2026", "10/06/2027"), GOOD.replace("11/12/2026", "10/11/2027")
    assert done(load(town, f"{spring}\n{autumn}")) == ["new", "new"]
    assert done(load(town, f"{spring}\n{autumn.replace('10/11', '17/11')}")) == ["same", "moved"]
    assert [line[1] for line in stands(town)] == ["10/06/2027 18:00", "17/11/2027 18:00"]


def test_an_empty_cell_takes_nothing_back(town: Town) -> None:
    load(town, GOOD)
    assert done(load(town, "COPIL Bellevue;Bellevue;11/12/2026;18h;;;;;")) == ["same"]


def test_a_cancelled_line_cancels_and_can_be_taken_back(town: Town) -> None:
    load(town, GOOD)
    assert done(load(town, f"{GOOD}Annulé")) == ["cancelled"]
    assert done(load(town, f"{GOOD}Annulé")) == ["same"]
    assert done(load(town, GOOD)) == ["moved"]
    assert stands(town)[0][2:] == (2, "planned")
    assert done(load(town, f"{GOOD.replace('COPIL', 'Autre')}annulée")) == ["ignored"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (";Bellevue;11/12/2026;18h;;;;;", "ligne 2, colonne titre : à remplir"),
        ("A;;11/12/2026;18h;;;;;", "ligne 2, colonne conseils : à remplir"),
        ("A;Ailleurs;11/12/2026;18h;;;;;", "ligne 2, colonne conseils : conseil inconnu : « Ailleurs »"),
        ("A;Bellevue|Ailleurs;11/12/2026;18h;;;;;", "conseil inconnu : « Ailleurs »"),
        ("A;Bellevue;30/11/2026;18h;;;;;", "ligne 2, colonne date : lundi 30 novembre 2026 à 18 h est déjà passé"),
        ("A;Bellevue;31/02/2027;18h;;;;;", "ligne 2, colonne date"),
        ("A;Bellevue;11/12/2026;soir;;;;;", "ligne 2, colonne heure : « soir » n'est pas une heure"),
        ("A;Bellevue;11/12/2026;;;;;;", "ligne 2, colonne heure : à remplir"),
        ("A;Bellevue;28/03/2027;2h30;;;;;", "02:30 n'existe pas le 28/03/2027"),
        ("A;Bellevue;11/12/2026;18h;17h;;;;", "ligne 2, colonne fin : la fin vient avant le début"),
        ("A;Bellevue;11/12/2026;18h;;;;goûter;", "ligne 2, colonne type : « goûter » est inconnu"),
        ("A;Bellevue;11/12/2026;18h;;;;;peut-être", "ligne 2, colonne état"),
        (f"{GOOD}\n{GOOD}", "ligne 3 : la même réunion est déjà là : ligne 2"),
    ],
)
def test_an_error_names_its_line_and_nothing_at_all_is_written(town: Town, line: str, said: str) -> None:
    report = load(town, f"{line}\n{GOOD.replace('COPIL', 'Bon')}")
    assert any(said in str(problem) for problem in report.problems), [str(problem) for problem in report.problems]
    assert stands(town) == []


def test_a_moved_import_reaches_whoever_was_told(town: Town) -> None:
    town.member("Awa", EMAIL)
    load(town, GOOD)
    town.tick()
    town.deliver()
    load(town, GOOD.replace("18h;20h", "19h;21h"))
    town.tick()
    assert [row.name for row in town.sent()] == ["reminder_moved"]
    keys = town.db.look(lambda s: [row.outbox_key for row in s.exec(select(Reminder)).all()])
    assert len(set(keys)) == 2


# --- imports: calendars -----------------------------------------------------------------------------------------------


def ics(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{each}\nEND:VEVENT\n" for each in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def load_ics(town: Town, content: bytes, *councils: str) -> Report:
    return town.db.transact(importing.import_calendar, town.office, content, councils, town.now, False)


EVENT = "UID:1@x\nSUMMARY:COPIL Bellevue\nDTSTART;TZID=Europe/Paris:20261211T180000\nSEQUENCE:%d"


def test_a_calendar_moves_by_uid_and_an_older_version_is_ignored(town: Town) -> None:
    assert done(load_ics(town, ics(EVENT % 1))) == ["new"]
    assert done(load_ics(town, ics(EVENT % 1))) == ["same"]
    assert done(load_ics(town, ics((EVENT % 2).replace("20261211", "20270111")))) == ["moved"]
    report = load_ics(town, ics(EVENT % 1))
    assert done(report) == ["ignored"]
    assert "SEQUENCE 1 avant 2" in report.changes[0].details[0]
    assert stands(town) == [("COPIL Bellevue", "11/01/2027 18:00", 2, "moved")]
    assert done(load_ics(town, ics(f"{EVENT % 3}\nSTATUS:CANCELLED"))) == ["cancelled"]


def test_a_calendar_takes_up_the_meeting_that_a_table_brought(town: Town) -> None:
    load(town, GOOD)
    assert done(load_ics(town, ics(EVENT % 1))) == ["same"]
    assert done(load_ics(town, ics((EVENT % 2).replace("T18", "T19")))) == ["moved"]
    assert len(stands(town)) == 1


def test_a_council_is_read_in_the_title_or_given(town: Town) -> None:
    other = (EVENT % 1).replace("COPIL Bellevue", "COPIL du jeudi")
    assert "ajoutez --council" in str(load_ics(town, ics(other)).problems[0])
    assert "conseil inconnu" in str(load_ics(town, ics(other), "Ailleurs").problems[0])
    assert done(load_ics(town, ics(other), "Bellevue")) == ["new"]


def test_what_is_no_committee_is_kept_without_reminder_and_said(town: Town) -> None:
    town.member("Awa", EMAIL)
    report = load_ics(town, ics((EVENT % 1).replace("COPIL Bellevue", "Dentiste, Bellevue")))
    assert done(report) == ["new"]
    assert "sans rappel" in report.notes[0]
    assert town.tick() == 0


def test_one_bad_event_keeps_the_whole_calendar_out(town: Town) -> None:
    bad = "UID:2@x\nSUMMARY:COPIL Bellevue\nDTSTART;VALUE=DATE:20261212"
    report = load_ics(town, ics(EVENT % 1, bad))
    assert "il manque l'heure" in str(report.problems[0])
    assert stands(town) == []
