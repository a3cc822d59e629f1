"""What the page on data says, held against what the program does."""

import re
from datetime import timedelta
from importlib.resources import files

import pytest
from sqlmodel import Session, select

from bot import audit
from bot.audit import AuditText
from bot.desk import erasing, officer, privacy, retention
from bot.desk.turns import FOLLOW_UP
from channels import directory
from channels.admission import MOST_BYTES
from channels.contract import Address, Attachment
from channels.directory import Person
from escalation.accounts import ABSOLUTE
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Committee
from tests.channels.files import PDF
from tests.town import Town

PLAN = Attachment("plan.pdf", "application/pdf", PDF)
UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"
PAGE = " ".join((files("channels") / "web" / "templates" / "privacy.html").read_text("utf-8").split())
AWA = Address("email", "awa@exemple.org")


def row_of(what: str) -> str:
    found = re.search(rf'<th scope="row">{re.escape(what)}.*?</th><td>(.*?)</td>', PAGE)
    assert found is not None, what
    return found[1]


def test_the_page_names_the_times_that_the_program_keeps() -> None:
    assert timedelta(days=30) == retention.AUTOMATIC_KEPT
    assert row_of("Une question à laquelle le programme a répondu").startswith("30 jours")
    assert retention.ESCALATED_KEPT == retention.CONTACT_KEPT == timedelta(days=365)
    for what in ("Une question transmise à l'équipe", "Votre adresse e-mail ou votre numéro", "La note d'un appel"):
        assert row_of(what).startswith("12 mois")
    assert timedelta(days=3) == FOLLOW_UP
    assert row_of("Un fichier joint à une question à laquelle le programme a répondu").startswith("3 jours")
    assert MOST_BYTES == 10_000_000
    assert "jusqu'à 10 Mo par message" in PAGE
    assert timedelta(days=1) >= ABSOLUTE
    assert "d'un jour au plus" in PAGE


def arrange(session: Session, town: Town) -> int:
    """A member who was called about a meeting, and sends somebody else."""
    person = Person(name="Awa Diallo", created_at=town.at)
    meeting = Committee(title="COPIL", starts_at=town.at + timedelta(days=20), created_at=town.at)
    session.add_all([person, meeting])
    session.flush()
    row = directory.keep(session, town.office.vault, AWA, town.at)
    row.person_id = person.id
    session.add(row)
    assert person.id is not None
    assert meeting.id is not None
    call = CallNote(committee_id=meeting.id, person_id=person.id, outcome="reached", text="Elle vient.", author="x",
                    noted_at=town.at)  # fmt: skip
    answer = Attendance(committee_id=meeting.id, person_id=person.id, answer="no", said_at=town.at, alternate="Léa")
    session.add_all([call, answer])
    return row.id or 0


def test_someone_reads_all_that_is_kept_of_them(town: Town) -> None:
    id = town.db.transact(arrange, town)
    town.say("email", AWA.handle, UNKNOWN, attachments=(PLAN,))
    told = town.db.look(privacy.held, town.office, id)
    assert "- vos fichiers : plan.pdf (1 ko)" in told
    assert "- vos réponses à des invitations : 1" in told
    assert "un appel de l'équipe, noté mardi 1er décembre" in told
    assert "Elle vient." in told


def test_erasure_takes_calls_and_names_given_for_a_meeting(town: Town) -> None:
    id = town.db.transact(arrange, town)
    town.db.transact(erasing.erase, town.office, id, town.at)
    assert town.db.look(lambda session: session.exec(select(CallNote)).all()) == []
    assert town.db.look(lambda session: session.exec(select(Attendance.alternate)).all()) == [""]


@pytest.mark.parametrize(("days", "kept"), [(364, True), (366, False)])
def test_words_about_meetings_and_of_the_trail_go_after_a_year(town: Town, days: int, kept: bool) -> None:
    town.db.transact(arrange, town)
    town.say("web", "w1", UNKNOWN)
    town.db.transact(officer.write, town.office, 1, "Personne ne sait.", "command", town.at)
    town.db.transact(retention.purge, town.at + timedelta(days=days))
    assert bool(town.db.look(lambda session: session.exec(select(CallNote.text)).one())) is kept
    assert bool(town.db.look(lambda session: session.exec(select(Attendance.alternate)).one())) is kept
    words = town.db.look(lambda session: session.exec(select(AuditText.text)).all())
    assert ("Personne ne sait." in words) is kept
    assert town.db.look(audit.verify) is None
