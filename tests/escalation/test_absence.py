"""When an officer is away: the deputy hears of questions, and who asks hears the date when the answer comes later."""

from datetime import date
from pathlib import Path

from sqlmodel import Session, select

from bot import backup
from bot.db import Database
from channels import directory
from channels.contract import Address
from escalation import officers
from escalation.officers import Absence, Deputy, Officer, OfficerCouncil
from tests.town import OFFICER, Town

UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"
SAM = Address("email", "sam@exemple.org")


def sam_arrives(town: Town, council: int | None = None) -> int:
    def work(session: Session) -> int:
        row = directory.keep(session, town.office.vault, SAM, town.at)
        sam = Officer(name="Sam", role="deputy", address_id=row.id or 0, created_at=town.at)
        session.add(sam)
        session.flush()
        if council:
            session.add(OfficerCouncil(officer_id=sam.id or 0, council_id=council))
        return sam.id or 0

    return town.db.transact(work)


def away(town: Town, officer_id: int, first: date, last: date, deputy: int | None = None) -> None:
    def work(session: Session) -> None:
        session.add(Absence(officer_id=officer_id, first=first, last=last, noted_at=town.at))
        if deputy:
            session.add(Deputy(officer_id=officer_id, deputy_id=deputy))

    town.db.transact(work)


def bellevue(town: Town) -> int:
    def work(session: Session) -> int:
        council = directory.Council(slug="bellevue", name="Bellevue")
        session.add(council)
        session.flush()
        return council.id or 0

    return town.db.transact(work)


def heard(town: Town, who: Address) -> int:
    return len(town.channels["email"].to(who.handle))


def test_the_deputy_hears_of_questions_while_the_officer_is_away(town: Town) -> None:
    sam = sam_arrives(town, bellevue(town))  # Sam looks after Bellevue, and so hears of nothing else
    (said,) = town.say("web", "w1", UNKNOWN)
    assert (heard(town, OFFICER), heard(town, SAM)) == (1, 0)
    away(town, 1, date(2026, 12, 1), date(2026, 12, 11), sam)
    (said,) = town.say("web", "w2", UNKNOWN)
    assert (heard(town, OFFICER), heard(town, SAM)) == (1, 1)
    assert "absente" not in said, "somebody stands in: the promise stays"
    assert "jeudi 3 décembre 2026" in said
    town.pass_time(days=11)
    town.say("web", "w3", UNKNOWN)
    assert (heard(town, OFFICER), heard(town, SAM)) == (2, 1)


def test_who_asks_hears_the_date_when_nobody_stands_in(town: Town) -> None:
    away(town, 1, date(2026, 12, 1), date(2026, 12, 4))
    away(town, 1, date(2026, 12, 5), date(2026, 12, 11))  # one absence, noted in two
    (said,) = town.say("web", "w1", UNKNOWN)
    assert "absente jusqu'au vendredi 11 décembre 2026" in said
    assert "au plus tard mardi 15 décembre 2026" in said, "two working days from Monday 14, as from Saturday"
    assert heard(town, OFFICER) == 1, "nothing stays silent: the mail waits for her"


def test_a_deputy_who_is_away_as_well_does_not_stand_in(town: Town) -> None:
    sam = sam_arrives(town, bellevue(town))
    away(town, 1, date(2026, 12, 1), date(2026, 12, 11), sam)
    away(town, sam, date(2026, 11, 30), date(2026, 12, 2))
    assert town.db.look(officers.back_on, None, date(2026, 12, 1)) == date(2026, 12, 12)
    assert town.db.look(officers.back_on, None, date(2026, 12, 3)) is None


def test_an_absence_comes_back_from_a_backup(town: Town, tmp_path: Path) -> None:
    away(town, 1, date(2026, 12, 1), date(2026, 12, 4))
    backup.write(town.db, tmp_path / "spool", tmp_path / "tout.zip", town.at)
    other = Database(f"sqlite:///{tmp_path}/autre/hotline.db")
    try:
        backup.restore(other, tmp_path / "autre/spool", tmp_path / "tout.zip")
        found = other.look(lambda session: session.exec(select(Absence)).one())
        assert (found.first, found.last) == (date(2026, 12, 1), date(2026, 12, 4))
    finally:
        other.close()
