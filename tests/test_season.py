"""Seasons of committees told end to end with a given clock: planned, moved, prepared, acknowledged, held, reported."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest
from sqlmodel import Session, col, select

from bot import simulation, workers
from bot.db import Database
from bot.desk import arranging, calendar, kit, kit_paper, meeting, officer, season_report
from bot.desk.arranging import Sheet
from bot.office import Office
from channels import directory
from channels.contract import Address, Undeliverable
from channels.directory import Council, Person
from channels.mailbox import OutboxRow
from escalation.accounts import Who
from escalation.tickets import Ticket
from scheduler import steps
from scheduler.committees import ALTERNATE, Committee, Reminder, Seat
from scheduler.steps import CommitteeStep
from tests.town import Town

PARIS = ZoneInfo("Europe/Paris")
COPIL = datetime(2027, 1, 28, 18, tzinfo=PARIS)  # a Thursday
TITLE = "Comité de pilotage (COPIL) de Bellevue"
WHO = Who(0, "commande", "administrator", None, "command")
AWA, PAUL, ZOE = "+33612345678", "4242", "zoe@exemple.invalid"


class Season:
    """A council, its members and its committee; the clock goes by in steps of some hours."""

    def __init__(self, town: Town, office: Office):
        self.town, self.office = town, office
        town.at = datetime(2026, 12, 28, 9, tzinfo=PARIS)
        self.council = town.db.transact(self._council, "bellevue", "Conseil citoyen de Bellevue")

    def _council(self, session: Session, slug: str, name: str) -> int:
        council = Council(slug=slug, name=name, city="Nantes")
        session.add(council)
        session.flush()
        assert council.id is not None
        return council.id

    def member(self, name: str, *addresses: Address, role: str = "titulaire", council: int = 0) -> int:
        def make(session: Session) -> int:
            person = Person(name=name, council_id=council or self.council, created_at=self.town.at)
            session.add(person)
            session.flush()
            assert person.id is not None
            for address in addresses:
                row = directory.keep(session, self.office.vault, address, self.town.at)
                row.person_id, row.noticed_at = person.id, self.town.at
            session.add(Seat(council_id=council or self.council, person_id=person.id, role=role))
            return person.id

        return self.town.db.transact(make)

    def committee(self, starts_at: datetime = COPIL, **more: object) -> int:
        sheet = Sheet(TITLE, "copil", starts_at, place="mairie annexe", councils=(self.council,), **more)  # type: ignore[arg-type]
        return self.town.db.transact(arranging.record, self.office, None, sheet, self.town.at)[0]

    def detail(self, number: int) -> meeting.Detail:
        return self.town.db.look(meeting.detail, self.office, WHO, number, self.town.at)

    def calls(self) -> list[meeting.Call]:
        found = self.town.db.look(meeting.call_lists, self.office, WHO, self.town.at)
        return [call for each in found for call in each.calls]

    def until(self, moment: datetime, hours: float = 4) -> None:
        """The clock goes on, and everybody works at each stop."""
        while self.town.at < moment:
            self.town.at = min(self.town.at + timedelta(hours=hours), moment)
            self.town.work(ticks=True)

    def told(self, channel: str, handle: str) -> list[str]:
        return [message.name for message in self.town.channels[channel].to(handle)]

    def doubled(self) -> int:
        keys = [key for channel in self.town.channels.values() for key in channel.keys]
        return len(keys) - len(set(keys))


@pytest.fixture
def season(town: Town, office: Office) -> Season:
    town.office = Office(
        vault=office.vault,
        phone=office.phone,
        hours=office.hours,
        holidays=frozenset(holidays.country_holidays("FR", years=range(2026, 2028))),
    )
    return Season(town, town.office)


def test_a_committee_planned_moved_prepared_acknowledged_held_and_reported(season: Season) -> None:
    town, office, db = season.town, season.office, season.town.db
    awa = season.member("Awa Diallo", Address("sms", AWA))
    season.member("Paul Martin", Address("telegram", PAUL))
    zoe = season.member("Zoé Petit", Address("email", ZOE), role=ALTERNATE)
    number = season.committee(organiser="Nantes Métropole", organiser_email="orga@exemple.invalid")
    db.transact(arranging.set_agenda, None, number, ["Bilan du NPNRU", "Budget du FPH"], town.at)

    season.until(datetime(2027, 1, 7, 12, tzinfo=PARIS))  # J-21
    assert season.told("sms", AWA) == ["propose_dates"]
    assert [date.number for date in season.detail(number).proposed] == [1, 2, 3]
    assert "Noté" in town.say("sms", AWA, "1 et 3")[0]
    assert "Noté" in town.say("telegram", PAUL, "3")[0]

    moved = db.transact(calendar.move, office, number, "29/01/2027", "", None, "officer", town.at)
    assert "vendredi 29 janvier" in moved
    season.until(datetime(2027, 1, 8, 12, tzinfo=PARIS))
    assert season.told("sms", AWA).count("reminder_moved") == 1

    dates = season.detail(number).proposed
    assert dates[2].people == ("Awa Diallo", "Paul Martin")
    made = db.transact(arranging.fix_preparation, None, number, dates[2].id, "", town.at)
    season.until(datetime(2027, 1, 18, 18, tzinfo=PARIS))  # J-10 of the 29th is Tuesday the 19th
    assert season.told("sms", AWA).count("reminder_invite") == 1
    assert "reminder" not in season.told("sms", AWA)
    notices = [message.name for message in town.notices()]
    assert {"officer_guard", "officer_draft_agenda", "officer_guard_again"} <= set(notices)
    assert "officer_unfixed" not in notices

    season.until(datetime(2027, 1, 19, 9, tzinfo=PARIS))
    told = town.channels["telegram"].to(PAUL)[-1]
    assert told.name == "reminder"
    assert "Bilan du NPNRU" in told.text
    assert [file.content_type for file in told.attachments] == ["application/pdf"]
    assert kit_paper.pages_of(told.attachments[0].content) in (1, 2)
    email = [message for message in town.channels["email"].to(ZOE) if message.name == "reminder"]
    assert [file.content_type for file in email[0].attachments] == ["text/calendar", "application/pdf"]

    assert "vous voulez préparer" in town.say("sms", AWA, "3")[0]
    town.say("sms", AWA, "Je veux demander quand les travaux commencent.")
    ticket = db.look(lambda s: s.exec(select(Ticket).where(Ticket.kind == "preparation")).one())
    assert (ticket.committee_id, ticket.question) == (number, "Je veux demander quand les travaux commencent.")
    assert ticket.promised_at <= datetime(2027, 1, 28, 20, tzinfo=PARIS)
    db.transact(officer.write, office, ticket.id, "Madame, quand commencent les travaux ?", "officer:1", town.at)
    town.work()
    assert "à dire à voix haute" in town.read("sms", AWA)[-1]

    asks = town.say("telegram", PAUL, "2")
    assert "Zoé Petit" in asks[1]
    assert "Zoé Petit vous remplace" in town.say("telegram", PAUL, "1")[0]
    town.pass_time(minutes=31)  # what may wait does not come between a question and its answer
    town.work()
    assert season.told("email", ZOE)[-1] == "alternate_call"
    assert "vous venez" in town.say("email", ZOE, "1")[0]
    guests = {each.name: each.answer for each in season.detail(number).people}
    assert guests == {"Awa Diallo": "prepare", "Paul Martin": "no", "Zoé Petit": "yes"}
    assert "Viennent : Awa Diallo, Zoé Petit" in " ".join(town.say("sms", AWA, "COPIL"))

    season.until(datetime(2027, 1, 29, 17, tzinfo=PARIS))
    again = select(Reminder).where(Reminder.committee_id == number, Reminder.person_id == awa, Reminder.step == "j-3")
    assert db.look(lambda s: s.exec(again).all()) == []  # she had answered
    assert season.told("sms", AWA).count("propose_dates") == 1
    assert season.told("sms", AWA).count("reminder_practical") == 2  # the preparation's and the committee's
    season.until(datetime(2027, 1, 30, 12, tzinfo=PARIS))
    assert season.told("sms", AWA)[-1] == "ask_decided"
    assert "ask_decided" not in season.told("telegram", PAUL)
    assert "noté" in town.say("sms", AWA, "Ils ont voté une marche exploratoire en mars.")[0]
    db.transact(arranging.came, None, number, {awa: True, zoe: True}, town.at)
    season.until(datetime(2027, 3, 1, 12, tzinfo=PARIS), hours=12)
    assert season.told("sms", AWA)[-1] == "ask_served"
    assert "votre avis" in town.say("sms", AWA, "1")[0]

    (year,) = db.look(season_report.report, office, None, 2027, town.at).totals
    assert (year.committees, year.reminded, year.answered, year.came, year.prepared) == (1, 3, 3, 2, 1)
    nxt = season.committee(datetime(2027, 4, 15, 18, tzinfo=PARIS))
    kit_after = db.look(lambda s: kit.of(s, office, s.get(Committee, nxt), season.council, town.at))
    assert kit_after.decisions == ("Ils ont voté une marche exploratoire en mars.",)
    assert season.doubled() == 0
    assert made != number


def test_a_member_without_a_smartphone_is_on_the_call_list_with_what_to_say(season: Season) -> None:
    town, db = season.town, season.town.db
    season.member("Rose Blin", Address("phone", "+33240000001"))
    number = season.committee()
    season.until(datetime(2027, 1, 19, 9, tzinfo=PARIS), hours=12)
    (call,) = season.calls()
    assert call.name == "Rose Blin"
    assert len(call.phones) == 1
    assert "Je vous appelle pour" in call.aloud
    assert "Est-ce que vous venez ?" in call.aloud
    db.transact(arranging.note_call, None, number, call.person_id, "reached", "vient avec sa fille", town.at)
    db.transact(arranging.said_by_phone, season.office, None, number, call.person_id, "yes", town.at)
    assert season.detail(number).people[0].answer == "yes"
    assert db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.channel == "phone")).all()) == []


def test_a_holiday_on_the_tenth_day_before_reminds_the_working_day_before(season: Season) -> None:
    season.town.at = datetime(2027, 4, 1, 9, tzinfo=PARIS)
    season.member("Awa Diallo", Address("sms", AWA))
    season.committee(datetime(2027, 5, 16, 18, tzinfo=PARIS))  # ten days before is Ascension Day, 6 May 2027
    season.until(datetime(2027, 5, 5, 7, tzinfo=PARIS), hours=12)
    assert "reminder" not in season.told("sms", AWA)
    season.until(datetime(2027, 5, 5, 8, 5, tzinfo=PARIS))
    assert season.told("sms", AWA)[-1] == "reminder"


def test_away_on_the_tenth_day_it_is_caught_up_without_what_no_longer_makes_sense(season: Season) -> None:
    town = season.town
    season.member("Awa Diallo", Address("sms", AWA))
    season.committee()
    season.until(datetime(2027, 1, 15, 9, tzinfo=PARIS), hours=12)
    town.at = datetime(2027, 1, 25, 9, tzinfo=PARIS)  # away from the 15th to the 25th: J-10, J-5 and J-3 went by
    town.work(ticks=True)
    names = season.told("sms", AWA)
    assert names.count("reminder") == 1
    assert "reminder_again" not in names
    states = {step.step: step.state for step in town.db.look(lambda s: s.exec(select(CommitteeStep)).all())}
    assert states["j-3"] == "skipped"
    assert season.doubled() == 0


def test_a_channel_that_fails_for_good_passes_the_reminder_on_and_then_to_the_call_list(season: Season) -> None:
    town = season.town
    season.member("Awa Diallo", Address("sms", AWA), Address("email", "awa@exemple.invalid"))
    season.committee()
    season.until(datetime(2027, 1, 15, 9, tzinfo=PARIS), hours=12)
    town.channels["sms"].refuse = [Undeliverable("numéro inconnu")]
    season.until(datetime(2027, 1, 18, 8, 5, tzinfo=PARIS))
    town.channels["email"].refuse = [Undeliverable("boîte inconnue")]
    town.work(ticks=True)
    town.pass_time(minutes=1)
    town.work(ticks=True)
    rows = town.db.look(lambda s: s.exec(select(OutboxRow).where(OutboxRow.name == "reminder")).all())
    assert sorted((row.channel, row.state) for row in rows) == [("email", "dead"), ("sms", "dead")]
    (call,) = season.calls()
    assert call.why.startswith("Boîte inconnue")


def test_two_councils_hear_of_their_own_committee_only(season: Season) -> None:
    town, office, db = season.town, season.office, season.town.db
    other = db.transact(season._council, "dervallieres", "Conseil citoyen des Dervallières")
    season.member("Awa Diallo", Address("sms", AWA))
    season.member("Luc Roy", Address("telegram", "77"), council=other)
    season.committee()
    sheet = Sheet("COPIL des Dervallières", "copil", COPIL + timedelta(days=1), councils=(other,))
    db.transact(arranging.record, office, None, sheet, town.at)
    season.until(datetime(2027, 1, 20, 9, tzinfo=PARIS), hours=12)
    assert all("Bellevue" in text for text in town.read("sms", AWA) if "COPIL" in text)
    assert all("Dervallières" in text for text in town.read("telegram", "77"))


def test_five_workers_at_once_post_each_reminder_once(season: Season) -> None:
    town = season.town
    for n in range(40):
        season.member(f"Personne {n}", Address("email", f"p{n}@exemple.invalid"))
    season.committee()
    season.until(datetime(2027, 1, 15, 9, tzinfo=PARIS), hours=24)
    town.at = datetime(2027, 1, 18, 8, 5, tzinfo=PARIS)

    async def together() -> None:
        ticks = [workers.tick(town.db, town.office, town.now, workers.Bell()) for _ in range(5)]
        await asyncio.gather(*ticks)

    asyncio.run(together())
    rows = town.db.look(lambda s: s.exec(select(Reminder).where(col(Reminder.step) == "j-10")).all())
    posted = town.db.look(lambda s: s.exec(select(OutboxRow.key).where(OutboxRow.name == "reminder")).all())
    assert len(rows) == len(set(posted)) == len(posted) == 40


def test_a_plan_that_was_edited_is_followed_at_the_next_look(season: Season, db: Database) -> None:
    town = season.town
    season.member("Awa Diallo", Address("sms", AWA))
    number = season.committee()
    town.work(ticks=True)
    later = steps.Step("j-10", steps.KIT, 8, 9 * 60)
    town.pass_time(minutes=1)
    db.transact(steps.edit, "copil", later, "officer", town.at)
    town.pass_time(minutes=1)
    town.work(ticks=True)
    planned = {each.step: each for each in db.look(lambda s: steps.of(s, number, 1))}
    assert planned["j-10"].due_at == datetime(2027, 1, 20, 9, tzinfo=PARIS)


def test_a_season_is_simulated_on_a_copy_and_nothing_is_sent(season: Season, tmp_path: Path) -> None:
    town, db = season.town, season.town.db
    season.member("Awa Diallo", Address("sms", AWA))
    season.member("Rose Blin", Address("phone", "+33240000001"))
    season.committee()
    before = db.look(lambda s: len(s.exec(select(OutboxRow)).all()))
    days: list[int] = []
    with simulation.copied(db, tmp_path, town.at) as copy:
        played = simulation.play(copy, season.office, town.at, 70, days.append)
    assert days == list(range(71))
    awa = [
        (one.at.astimezone(PARIS).date().isoformat(), one.name)
        for each in played
        for one in each.sent
        if one.to == "Awa Diallo (…5678)"
    ]
    assert awa == [
        ("2027-01-07", "propose_dates"),
        ("2027-01-18", "reminder"),
        ("2027-01-25", "reminder_again"),
        ("2027-01-27", "reminder_practical"),
        ("2027-01-29", "ask_decided"),
        ("2027-02-27", "ask_served"),
    ]
    assert [name for each in played for name in each.to_call] == ["Rose Blin"]
    assert db.look(lambda s: len(s.exec(select(OutboxRow)).all())) == before
    assert all(not channel.sent for channel in town.channels.values())
