"""A season of three months through real peers: five workers on PostgreSQL, two councils, a holiday, an outage, phones.

Kannel and an operator, Postfix and Dovecot, a Bot API server and Chromium are real, the clock alone is given.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from bot.desk import arranging, calendar
from bot.desk.arranging import Sheet
from channels.contract import Address
from channels.mailbox import ANSWER
from knowledge.entries import Content
from knowledge.matching import Index
from scheduler.committees import ALTERNATE
from tests.peers.browser import chromium
from tests.peers.kannel import Kannel, kannel_session, sms_port
from tests.peers.mail import Mailbox, MailServer, until
from tests.peers.postgres import Postgres, migrated
from tests.peers.telegram import Phone, Telegram
from tests.seasons import PARIS, Clock, Seasons
from tests.test_whole import words

__all__ = ["chromium", "kannel_session", "sms_port"]
BEGIN = datetime(2026, 12, 14, 9, tzinfo=PARIS)
BELLEVUE = datetime(2027, 1, 28, 18, tzinfo=PARIS)  # a Thursday
DERVALLIERES = datetime(2027, 1, 11, 18, tzinfo=PARIS)  # ten days before is New Year's Day


SENT = {
    ("Awa Diallo", "sms"): 9,
    ("Paul Martin", "telegram"): 6,  # from his refusal on, nothing more about the committee itself
    ("Inès Haddad", "email"): 9,
    ("Zoé Petit", "email"): 8,
    ("Luc Roy", "email"): 5,
}


def paris(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026 if month == 12 else 2027, month, day, hour, minute, tzinfo=PARIS)


@pytest.fixture
def seasons(
    tmp_path: Path,
    mail_server: MailServer,
    kannel_session: Kannel,
    sms_port: int,
    postgres_server: Postgres,
    contents: list[Content],
    index: Index,
) -> Iterator[Seasons]:
    """Five workers in service since 14 December 2026, 9 h; the first one listens where Kannel calls."""
    for box in ("bearerbox", "smsbox"):
        if box not in kannel_session.processes:
            kannel_session.start_box(box)
    until(kannel_session.ready, what="for Kannel")
    kannel_session.operator.forget()
    postgres_server.start()
    url, path, clock = postgres_server.database(migrated), tmp_path / "index.npz", Clock(BEGIN)
    index.save(path)
    telegram = Telegram(lambda: clock().timestamp())
    telegram.start()
    found = Seasons(url, sms_port, mail_server, telegram, kannel_session, contents, path.read_bytes(), clock)
    found.start()
    try:
        yield found
    finally:
        found.close()
        telegram.stop()
        postgres_server.drop(url)


class People:
    """Who sits where: Bellevue by SMS, Telegram and mail; Dervallières by mail and with a telephone on a cord."""

    def __init__(self, seasons: Seasons):
        self.seasons = seasons
        self.awa = seasons.kannel.operator.phone("+33612345678")  # by SMS alone
        self.paul: Phone = seasons.telegram.person(4242, "Paul")
        self.ines, self.zoe, self.luc = (seasons.mail.mailbox() for _ in range(3))
        self.bellevue = seasons.council("bellevue", "Conseil citoyen de Bellevue")
        self.dervallieres = seasons.council("dervallieres", "Conseil citoyen des Dervallières")
        member, here, there = seasons.member, self.bellevue, self.dervallieres
        self.awa_id = member("Awa Diallo", here, Address("sms", self.awa.number))
        self.paul_id = member("Paul Martin", here, Address("telegram", str(self.paul.id)))
        self.ines_id = member("Inès Haddad", here, Address("email", self.ines.address))
        self.zoe_id = member("Zoé Petit", here, Address("email", self.zoe.address), ALTERNATE)
        self.luc_id = member("Luc Roy", there, Address("email", self.luc.address))
        self.rose_id = member("Rose Blin", there, Address("phone", "+33240000001"))

    def sms(self, text: str, answer: str) -> str:
        """Awa writes; what she then reads that holds `answer`."""
        return self._asks(self.awa.reads, lambda: self.awa.says(text), answer)

    def telegram(self, text: str, answer: str) -> str:
        return self._asks(self.paul.reads, lambda: self.paul.says(text), answer)

    def mail(self, box: Mailbox, about: str, text: str, answer: str) -> str:
        """Answer the newest mail that holds `about`."""
        seasons = self.seasons
        return self._asks(
            lambda: [words(mail) for mail in seasons.mails(box)],
            lambda: seasons.replies(box, seasons.mails(box, about)[-1], text),
            answer,
        )

    def _asks(self, read: Callable[[], list[str]], write: Callable[[], object], answer: str) -> str:
        before = len(read())
        self.seasons.acts.append(self.seasons.clock())
        write()

        def answers() -> list[str]:
            return [text for text in read()[before:] if answer in text.replace("\xa0", " ")]

        found = until(answers, 20, f"for {answer!r}")[-1]
        self.seasons.served(ANSWER)
        return found


def plain(page: Page) -> str:
    """What stands on a page, with plain spaces."""
    return page.inner_text("main").replace("\xa0", " ")


def link_in(mail: EmailMessage) -> str:
    """The way to a member's own page."""
    found = re.search(r"http://\S+/reunion/\w+", words(mail))
    assert found
    return found[0]


def opened(chromium: Browser, url: str, *cookies: dict[str, str]) -> Page:
    """On a telephone."""
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    return page


@pytest.mark.timeout(240)
def test_a_season_is_told_through_real_peers(seasons: Seasons, chromium: Browser) -> None:
    people = People(seasons)
    office, mail = seasons.office, seasons.mails
    organiser = {"organiser": "Nantes Métropole", "organiser_email": "orga@quartier.test"}
    bellevue, dervallieres = (
        seasons.act(arranging.record, office, None, sheet)[0]
        for sheet in (
            Sheet("COPIL de Bellevue", "copil", BELLEVUE, place="mairie annexe", directions="bus 23, arrêt Lauriers",
                  councils=(people.bellevue,), **organiser),
            Sheet("COPIL des Dervallières", "copil", DERVALLIERES, place="maison de quartier",
                  councils=(people.dervallieres,)),
        )
    )  # fmt: skip
    points = ["Bilan du NPNRU", "Budget du FPH"]
    seasons.act(arranging.set_agenda, None, bellevue, points)

    # Dervallières: ten days before is New Year's Day, the reminder comes on the working day before
    seasons.until(paris(12, 31, 7, 59))
    assert not mail(people.luc, "Rappel : COPIL des Dervallières")
    seasons.until(paris(12, 31, 9))
    (reminder,) = mail(people.luc, "Rappel : COPIL des Dervallières")
    attached = [part.get_content_type() for part in reminder.iter_attachments()]
    assert attached == ["text/calendar", "application/pdf"]
    assert "vous venez" in people.mail(people.luc, "Rappel : COPIL", "1", "vous venez")

    # Rose has neither mobile nor mail: the officer is told to call her, and what to say
    assert mail(seasons.officer, "Rose Blin", "de vive voix")
    calls = opened(chromium, f"{seasons.page}/bureau/reunions/appels", seasons.cookie())
    assert "02 40 00 00 01" in plain(calls)
    seasons.act(arranging.note_call, None, dervallieres, people.rose_id, "reached", "vient avec sa fille")
    seasons.act(arranging.said_by_phone, office, None, dervallieres, people.rose_id, "yes")

    # Bellevue: dates by SMS, on Telegram and on a page; then the committee moves by a day
    seasons.until(paris(1, 7))
    people.sms("1 et 3", "Noté")
    people.telegram("3", "Noté")
    own = opened(chromium, link_in(mail(people.ines, "quelle date")[-1]))
    own.get_by_label("mardi 26 janvier").check()
    own.get_by_role("button", name="Choisir").click()
    assert "3 personnes" in plain(own)
    seasons.act(calendar.move, office, bellevue, "29/01/2027", "", None, "officer")
    seasons.work()
    assert "CHANGEMENT" in people.awa.reads()[-1]

    # The officer picks a date; the guard warns, with a letter to the organiser
    desk = opened(chromium, f"{seasons.page}/bureau/reunions/{bellevue}", seasons.cookie())
    assert "3 personnes peuvent venir : Awa Diallo, Paul Martin, Inès Haddad" in plain(desk)
    seasons.acts.append(seasons.clock())
    desk.get_by_role("button", name="Choisir le mardi 26 janvier").click()
    assert "La préparation est au calendrier" in plain(desk)
    seasons.work(ANSWER)
    seasons.pause(minutes=31)  # they were just asked whether the new day suits them
    seasons.work()
    seasons.until(paris(1, 18, 19))
    assert "26 janvier" in people.awa.reads()[-1]
    assert "l'invitation et l'ordre du jour" in words(mail(seasons.officer, "COPIL de Bellevue", "invitation")[-1])

    # Away on the tenth day before: what came meanwhile waits at the network, the reminder leaves on the return
    seasons.stop()
    people.awa.says("AIDE")
    seasons.clock.jump(paris(1, 20, 8, 30))
    assert "Rappel" not in "".join(people.awa.reads())
    seasons.start()
    until(lambda: any("RELIER" in text for text in people.awa.reads()), what="for what Awa asked")
    seasons.work()
    assert seasons.pieces(people.awa, "Rappel : COPIL de Bellevue") == 2
    sent = seasons.telegram.to(people.paul.id)
    assert "Bilan du NPNRU" in next(each.text for each in sent if "Budget du FPH" in each.text)
    (paper,) = (each.content for each in sent if each.filename)
    assert len(PdfReader(BytesIO(paper)).pages) in (1, 2)

    # Awa prepares what she will say, Paul finds someone in his place, Inès answers on her page
    people.sms("3", "vous voulez préparer")
    people.sms("Je veux demander quand les travaux commencent.", "J'ajoute")
    wish = until(lambda: mail(seasons.officer, "quand les travaux commencent"), what="for the officer's mail")[-1]
    seasons.replies(seasons.officer, wish, "Madame, quand commencent les travaux ?")
    until(lambda: seasons.heard(seasons.officer) >= 1, what="for the officer's answer")
    seasons.pause(minutes=3)  # it may be taken back until then
    until(lambda: "à dire à voix haute" in people.awa.reads()[-1], what="for the words to say")
    people.telegram("2", "Zoé Petit")
    people.telegram("1", "Zoé Petit vous remplace")
    seasons.pause(minutes=31)  # what may wait does not come between a question and its answer
    seasons.work()
    people.mail(people.zoe, "On a pensé à vous", "1", "vous venez")
    own = opened(chromium, link_in(mail(people.ines, "Rappel : COPIL de Bellevue")[-1]))
    own.get_by_label("Je viens", exact=True).check()
    own.get_by_role("button", name="Répondre").click()
    assert "vous venez" in plain(own)
    assert "Viennent : Awa Diallo, Inès Haddad, Zoé Petit" in people.sms("COPIL", "Viennent")

    # Held and reported: what was decided by SMS, who came on the desk, the year in its report
    seasons.until(paris(1, 30))
    people.sms("Ils ont voté une marche exploratoire en mars.", "noté")
    desk = opened(chromium, f"{seasons.page}/bureau/reunions/{bellevue}", seasons.cookie())
    assert "Ils ont voté une marche exploratoire en mars." in plain(desk)
    for name in ("Awa Diallo", "Inès Haddad", "Zoé Petit"):
        desk.get_by_label(f"{name} est venue").check()
    desk.get_by_role("button", name="Noter les présences").click()
    assert "Les présences sont notées" in plain(desk)
    seasons.until(paris(2, 28))
    people.sms("1", "votre avis")
    seasons.until(paris(3, 14))
    year = plain(opened(chromium, f"{seasons.page}/bureau/reunions/bilan?annee=2027", seasons.cookie()))
    assert re.search(r"COPIL de Bellevue\S* à 18 h\s+Conseil citoyen de Bellevue\s+4\s+4\s+4\s+3\s+3\s+1", year), year

    # The figures: each reminder stands once at its true peer, at its hour
    told = seasons.told()
    assert Counter((each.person, each.channel) for each in told) == SENT
    assert seasons.late() == []
    assert [(each.person, each.name, read) for each in told if (read := seasons.read_at(each)) != 1] == []
    assert [each.person for each in told if each.posted_at.astimezone(PARIS).date() == paris(1, 20).date()] == [
        "Awa Diallo", "Paul Martin", "Inès Haddad", "Zoé Petit", "Zoé Petit",
    ], "caught up once, after a day and a half down"  # fmt: skip
