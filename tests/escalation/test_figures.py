"""What was asked in figures: exact, hiding small numbers, and never another officer's councils."""

import csv
import io
import random
from datetime import date, datetime, timedelta

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sqlmodel import Session

from bot.conversations import Question
from bot.desk import figures, health
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import Council
from channels.mailbox import ChannelPause, OutboxRow
from escalation.accounts import Who
from escalation.tickets import Ticket
from tests.office import Bureau
from tests.peers.browser import chromium
from tests.town import Town

__all__ = ["chromium"]
ALL = Who(1, "Nora", "officer", None, "s")
SINCE, UNTIL = date(2026, 1, 1), date(2026, 12, 1)


def council(town: Town, name: str) -> int:
    def work(session: Session) -> int:
        made = Council(slug=name.lower(), name=name)
        session.add(made)
        session.flush()
        assert made.id is not None
        return made.id

    return town.db.transact(work)


def asked(
    town: Town,
    count: int,
    *,
    council_id: int | None = None,
    channel: str = "sms",
    decision: str = "answer",
    entry: str = "copil-role",
    at: datetime | None = None,
    useful: bool | None = None,
    person_after: timedelta | None = None,
) -> None:
    """Questions of one kind; `person_after`: each went to a person, who answered after that time."""

    def work(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address(channel, "+33600000001"), town.at)
        assert row.id is not None
        moment = at or town.at - timedelta(days=3)
        for _ in range(count):
            ticket_id = None
            if person_after is not None:
                ticket = Ticket(
                    council_id=council_id,
                    address_id=row.id,
                    question="?",
                    opened_at=moment,
                    promised_at=moment + timedelta(days=2),
                    answered_at=moment + person_after,
                    state="answered",
                )
                session.add(ticket)
                session.flush()
                ticket_id = ticket.id
            session.add(
                Question(
                    address_id=row.id,
                    council_id=council_id,
                    channel=channel,
                    text="?",
                    decision=decision,
                    candidates=[{"entry": entry, "confidence": 0.9}] if entry else [],
                    ticket_id=ticket_id,
                    useful=useful,
                    asked_at=moment,
                )
            )

    town.db.transact(work)


def count(town: Town, who: Who = ALL, council_id: int | None = None) -> figures.Figures:
    return town.db.look(figures.figures, town.office, who, SINCE, UNTIL, council_id, town.at)


def test_what_was_asked_is_counted_once_whoever_answered(town: Town) -> None:
    asked(town, 12)
    asked(town, 6, decision="clarify", channel="email")
    asked(town, 8, decision="escalate", entry="", person_after=timedelta(hours=10))
    found = count(town)
    assert (found.total.asked, found.total.automatic, found.total.person, found.choices) == (26, 12, 8, 6)
    assert found.share_automatic == 46
    assert found.times.median_hours == 10
    assert found.times.share_kept == 100
    assert {line.name: line.asked for line in found.themes} == {"Réunions": 18, "Sans fiche proche": 8}
    assert len(found.months) == 12
    assert sum(line.asked or 0 for line in found.months) == 26


def test_a_broken_promise_lowers_the_share(town: Town) -> None:
    asked(town, 6, decision="escalate", person_after=timedelta(days=1))
    asked(town, 4, decision="escalate", person_after=timedelta(days=3))
    assert count(town).times.share_kept == 60


def test_small_numbers_are_hidden_and_cannot_be_worked_out(town: Town) -> None:
    asked(town, 20, council_id=council(town, "Bellevue"))
    asked(town, 9, council_id=council(town, "Malakoff"))
    asked(town, 3, council_id=council(town, "Breil"))
    by_name = {line.name: line.asked for line in count(town).councils}
    assert by_name["Breil"] is None
    assert by_name["Malakoff"] is None, "else 32 - 20 - 9 tells Breil's"
    assert by_name["Bellevue"] == 20


def test_an_officer_sees_the_figures_of_their_councils(town: Town) -> None:
    bellevue, breil = council(town, "Bellevue"), council(town, "Breil")
    asked(town, 7, council_id=bellevue)
    asked(town, 11, council_id=breil)
    mine = Who(2, "Zoé", "officer", frozenset({bellevue}), "s")
    assert count(town, mine).total.asked == 7
    with pytest.raises(figures.NoSuchCouncil):
        count(town, mine, breil)


def test_the_night_of_new_year_belongs_to_the_local_month(town: Town) -> None:
    asked(town, 5, at=datetime.fromisoformat("2026-10-31T23:30:00+00:00"))  # 0:30 on 1 November in Paris
    found = {line.name: line.asked for line in count(town).months}
    assert found["novembre 2026"] == 5
    assert found["octobre 2026"] == 0


def test_the_page_the_table_and_the_report(bureau: Bureau) -> None:
    asked(bureau.town, 12, council_id=council(bureau.town, "=Bellevue"), useful=True)
    nora = bureau.signed_in()
    page = nora.get("/bureau/chiffres")
    assert page.status_code == 200
    assert "Réponses automatiques" in page.text
    sheet = nora.get("/bureau/chiffres.csv?du=2026-01-01&au=2026-12-01")
    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig")), delimiter=";"))
    assert ["Conseil", "'=Bellevue", "12", "12", "0", "12", "0"] in rows
    report = nora.get("/bureau/chiffres.pdf?mois=2026-11")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(report.content)).pages)
    assert "novembre 2026" in text
    assert "12" in text


def test_nonsense_in_the_address_is_said_and_harmless(bureau: Bureau) -> None:
    nora = bureau.signed_in()
    assert "n&#39;est pas une date" in nora.get("/bureau/chiffres?du=hier").text
    assert "Choisissez 3 ans au plus" in nora.get("/bureau/chiffres?du=2014-01-01&au=2026-12-01").text
    assert nora.get("/bureau/chiffres?conseil=999").status_code == 404
    assert nora.get("/bureau/chiffres.pdf?mois=x&conseil=999").status_code == 404


def test_an_empty_year_says_so(bureau: Bureau) -> None:
    assert "Aucune question pendant cette période" in bureau.signed_in().get("/bureau/chiffres").text


def test_health_tells_what_does_not_leave(town: Town) -> None:
    def look() -> health.Health:
        return town.db.look(health.health, town.office, ("sms", "email"), 0, town.at)

    assert {each.state for each in look().channels} == {"done"}

    def stuck(session: Session) -> None:
        row = directory.keep(session, town.office.vault, Address("sms", "+33600000001"), town.at)
        assert row.id is not None
        session.add(
            OutboxRow(
                key="k", channel="sms", address_id=row.id, name="answer", text="…", created_at=town.at, due_at=town.at
            )
        )

    town.db.transact(stuck)
    town.pass_time(minutes=30)
    found = look()
    assert found.state == "failed"
    assert "attendent depuis 30 minutes" in found.channels[0].words

    def paused(session: Session) -> None:
        session.add(ChannelPause(channel="sms", until=town.at + timedelta(hours=1), reason="429"))

    town.db.transact(paused)
    assert "Rien n'est perdu" in look().channels[0].words


def test_the_page_of_health(bureau: Bureau) -> None:
    assert "Tout va bien" in bureau.signed_in().get("/bureau/sante").text


def busy(town: Town, office: Office, questions: int) -> None:
    """A town that asked much: for pictures, and for the time that a page takes."""
    dice = random.Random(7)
    councils = [council(town, name) for name in ("Bellevue", "Malakoff", "Nantes Nord", "Breil", "Dervallières")]
    entries = ["copil-role", "trouver-une-salle", "gloss-qpv", "abattement-tfpb", "contact-resovilles", ""]

    def work(session: Session) -> None:
        row = directory.keep(session, office.vault, Address("sms", "+33600000001"), town.at)
        assert row.id is not None
        for _ in range(questions):
            entry = dice.choice(entries)
            session.add(
                Question(
                    address_id=row.id,
                    council_id=dice.choice([*councils, None]),
                    channel=dice.choice(["sms", "sms", "email", "web", "telegram"]),
                    text="?",
                    decision=dice.choice(["answer", "answer", "chosen", "clarify"]),
                    candidates=[{"entry": entry}] if entry else [],
                    useful=dice.choice([True, True, False, None, None]),
                    asked_at=town.at - timedelta(days=dice.randrange(330)),
                )
            )

    town.db.transact(work)


def test_thousands_of_questions_are_counted(bureau: Bureau) -> None:
    busy(bureau.town, bureau.town.office, 3000)
    asked(bureau.town, 40, decision="escalate", person_after=timedelta(hours=30))
    nora = bureau.signed_in()
    assert "3\u202f040" in nora.get("/bureau/chiffres").text


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_are_read_by_everybody(bureau: Bureau, chromium: Browser, width: int) -> None:
    busy(bureau.town, bureau.town.office, 200)
    context = chromium.new_context(viewport={"width": width, "height": 800})
    context.add_cookies([bureau.cookie()])  # type: ignore[list-item]
    page = context.new_page()
    for way in ("/bureau/chiffres", "/bureau/sante", "/bureau/moi"):
        page.goto(bureau.url + way)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), way
    context.close()
