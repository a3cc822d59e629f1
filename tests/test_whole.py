"""The whole service as it is run: `hotline run`, a real mail server, a browser; each leg is timed."""

import contextlib
import html
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from bot import app, library, settings
from knowledge import entries
from knowledge.matching import Index
from tests.channels.web.conftest import ask
from tests.peers.browser import chromium
from tests.peers.mail import PASSWORD, Mailbox, MailServer, mail_server, until
from tests.peers.ports import free_port
from tests.peers.postgres import Postgres

__all__ = ["chromium", "mail_server"]
SECRET = "une clé pour les essais, assez longue pour en être une"
KNOWN = "C'est quoi le COPIL ?"
UNKNOWN = "Qui a repeint le banc devant chez Malik mardi dernier ?"
LEG = 30.0  # seconds that one leg may take where machines are busy; ten is the promise, and is what is printed


def daytime() -> str:
    """A time zone in which it is about noon: at night nobody is reminded of anything."""
    hours = (12 - datetime.now(UTC).hour + 11) % 24 - 11
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"


@dataclass
class Service:
    """One installation: its settings, its database, its process while it runs."""

    folder: Path
    url: str
    hotline: Mailbox
    officer: Mailbox
    legs: dict[str, float] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    log: IO[bytes] | None = None
    peak: int = 0  # megabytes in memory, at most

    def __post_init__(self) -> None:
        self.port = free_port()
        self.page = f"http://127.0.0.1:{self.port}"
        self.environment = self.hotline.settings() | {
            "HOTLINE_DATABASE_URL": self.url,
            "HOTLINE_SECRET": SECRET,
            "HOTLINE_BIND": f"127.0.0.1:{self.port}",
            "HOTLINE_OFFICER_EMAIL": self.officer.address,
            "HOTLINE_TIMEZONE": daytime(),
            "HOTLINE_WEB_CHATS_PER_HOUR": "1000",
        }

    def prepare(self, index: Index) -> None:
        """Tables, entries, and the index of a dozen of them under the name that the service looks for."""
        house = app.build(settings.read(self.environment))
        try:
            app.prepare(house)
            path = self.folder / "index.npz"
            index.save(path)
            name = house.db.look(library.wanted, house.today())
            house.db.transact(entries.keep_index, name, path.read_bytes(), house.now())
        finally:
            house.db.close()

    # --- up and down -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            cwd=self.folder,
            env=self.system | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        with self.leg("start", 60):
            until(self.healthy, 60, "for /health: " + self.told())

    @property
    def system(self) -> dict[str, str]:
        root = str(Path(app.__file__).parent.parent)
        return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "LC_ALL": "C.UTF-8", "COLUMNS": "200"}

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.told()
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.page}/health", trust_env=False, verify=False).json() == {
                "ok": True,
                "database": True,
                "spool": 0,
            }
        return False

    def told(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit status, negative for a signal that killed it."""
        assert self.process is not None
        known = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = re.search(r"VmHWM:\s+(\d+) kB", known)
        assert peak
        self.peak = max(self.peak, int(peak[1]) // 1024)
        assert self.log is not None
        self.process.send_signal(how)
        status = self.process.wait(30)
        self.log.close()
        self.process = None
        return status

    def command(self, *words: str, status: int = 0) -> str:
        """One `hotline` command beside the running service; what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            cwd=self.folder,
            env=self.system | self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == status, said
        return said

    @contextlib.contextmanager
    def leg(self, name: str, most: float = LEG) -> Iterator[None]:
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.legs[name] = max(took, self.legs.get(name, 0.0))
        assert took < most, f"{name}: {took:.1f} s"

    # --- people ------------------------------------------------------------------------------------------------------

    def visitor(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.page, headers={"Accept": "text/html"}, timeout=20, trust_env=False, verify=False
        )

    def mails(self, box: Mailbox, *parts: str) -> list[EmailMessage]:
        """The mails of a box whose subject or words hold all these parts, oldest first."""
        found = [message_from_bytes(raw, policy=policy.default) for raw in box.mails()]
        return [mail for mail in found if all(part in f"{mail['Subject']}\n{words(mail)}" for part in parts)]

    def waits_for(self, leg: str, box: Mailbox, *parts: str, seconds: float = LEG) -> EmailMessage:
        with self.leg(leg, seconds):
            try:
                return until(lambda: self.mails(box, *parts), seconds, f"for a mail with {parts}")[-1]
            except AssertionError as error:
                stands = "\n".join(self.command(name) for name in ("inbox", "outbox", "tickets"))
                raise AssertionError(f"{error}\n{stands}\n{self.told()}") from None

    def writes(self, sender: str, subject: str, text: str, **headers: str) -> EmailMessage:
        """Someone writes to the hotline with their mail program."""
        mail = EmailMessage()
        to = headers.pop("To", self.hotline.address)
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="quartier.test")
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        self.hotline.server.post(mail)
        return mail

    def replies(self, sender: str, notice: EmailMessage, text: str, **headers: str) -> EmailMessage:
        """A reply as a mail program makes it: the notice quoted below, under a French attribution."""
        quoted = "\n".join(f"> {line}" for line in words(notice).splitlines())
        said = f"Le mar. 24 nov. 2026 à 10:12, RésO Villes <{self.hotline.address}> a écrit :"
        whole = f"{text}\n\nCordialement,\nNora\n\n{said}\n{quoted}\n"
        return self.writes(
            sender,
            f"Re: {notice['Subject']}",
            whole,
            To=str(notice["Reply-To"] or notice["From"]),
            In_Reply_To=str(notice["Message-ID"]),
            References=str(notice["Message-ID"]),
            **headers,
        )


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""


def number_in(text: str) -> str:
    found = re.search(r"n°\s?(\d+)", text)  # a page puts a space there that does not break
    assert found, text
    return found[1]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer, index: Index
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("whole")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/hotline.db"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        server.start()
        url = server.database()
    found = Service(folder, url, mail_server.mailbox(), mail_server.mailbox())
    found.prepare(index)
    yield found
    if found.process is not None:
        found.stop()
    print(
        f"\n{request.param}: " + ", ".join(f"{name} {took:.1f} s" for name, took in found.legs.items()),
        f"; {found.peak} MB",
    )


@pytest.fixture
def service(installation: Service) -> Service:
    """The service, running: the one before this test may have stopped it."""
    if installation.process is None:
        installation.start()
    return installation


class PageChat:
    """A visitor without JavaScript, who looks again and again."""

    def __init__(self, service: Service):
        self.service, self.visitor = service, service.visitor()

    def asks(self, text: str) -> None:
        ask(self.visitor, text)

    def text(self) -> str:
        page = self.visitor.get("/conversation").text
        log = page[page.index('role="log"') : page.index('id="etat"')]
        return html.unescape(re.sub(r"<[^>]+>", "", log))

    def waits_for(self, leg: str, part: str, seconds: float = LEG) -> str:
        with self.service.leg(leg, seconds):
            until(lambda: part in self.text(), seconds, f"for {part!r}: {self.service.told()}")
        return self.text()

    def close(self) -> None:
        self.visitor.close()


class BrowserChat:
    """A visitor with a browser, who never touches it again: what comes must come by itself."""

    def __init__(self, service: Service, browser: Any):
        self.service, self.context = service, browser.new_context(locale="fr-FR")
        self.page = self.context.new_page()
        self.page.goto(service.page)

    def asks(self, text: str) -> None:
        self.page.get_by_label("Votre question").fill(text)
        self.page.get_by_role("button", name="Envoyer ma question").click()
        self.page.wait_for_url("**/conversation*")
        self.page.evaluate("window.untouched = true")

    def text(self) -> str:
        return str(self.page.locator("#fil").inner_text())

    def waits_for(self, leg: str, part: str, seconds: float = LEG) -> str:
        with self.service.leg(leg, seconds):
            self.page.locator("#fil").get_by_text(part).first.wait_for(timeout=seconds * 1000)
        assert self.page.evaluate("window.untouched"), "the page was loaded anew"
        return self.text()

    def close(self) -> None:
        self.context.close()


Chat = PageChat | BrowserChat


@pytest.fixture
def chat(service: Service, request: pytest.FixtureRequest) -> Iterator[Chat]:
    """A browser on SQLite; on PostgreSQL the same page without JavaScript."""
    browser = service.url.startswith("sqlite")
    found = BrowserChat(service, request.getfixturevalue("chromium")) if browser else PageChat(service)
    yield found
    found.close()


@pytest.fixture
def person(mail_server: MailServer) -> Mailbox:
    return mail_server.mailbox()


@pytest.fixture
def chats() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


# --- the page ---------------------------------------------------------------------------------------------------------


def test_a_question_on_the_page_is_answered_with_its_source(service: Service, chat: Chat) -> None:
    chat.asks(KNOWN)
    said = chat.waits_for("page: answer", "Source")
    assert "comité de pilotage" in said.lower()
    assert "Réponse automatique" in said


def test_what_nobody_knows_comes_back_from_the_officers_mail_program_into_the_open_chat(
    service: Service, chat: Chat
) -> None:
    chat.asks(UNKNOWN)
    number = number_in(chat.waits_for("page: ticket number", "Je transmets votre question"))
    notice = service.waits_for("page: notice to the officer", service.officer, f"n° {number}]", UNKNOWN)
    assert "répondez simplement" in words(notice)
    service.replies(service.officer.address, notice, "C'est le service des espaces verts.")
    said = chat.waits_for("page: officer's reply", "service des espaces verts")
    assert "Cordialement" not in said
    assert "a écrit" not in said
    read_back = service.waits_for("page: receipt to the officer", service.officer, f"n° {number}", "est partie")
    assert "service des espaces verts" in words(read_back)


def test_an_out_of_office_reply_is_not_relayed(service: Service, chat: Chat) -> None:
    chat.asks(UNKNOWN)
    number = number_in(chat.waits_for("page: ticket number", "Je transmets votre question"))
    notice = service.waits_for("page: notice to the officer", service.officer, f"n° {number}]", UNKNOWN)
    away = {"Auto_Submitted": "auto-replied", "X_Auto_Response_Suppress": "All"}
    service.replies(service.officer.address, notice, "Je suis absente jusqu'au 4 janvier.", **away)
    service.replies(service.officer.address, notice, "Me voici : c'était Paul.")
    assert "absente" not in chat.waits_for("page: officer's reply", "c'était Paul")


def test_a_reply_from_an_address_that_is_not_registered_waits_for_the_officers_word(
    service: Service, chat: Chat
) -> None:
    chat.asks(UNKNOWN)
    number = number_in(chat.waits_for("page: ticket number", "Je transmets votre question"))
    notice = service.waits_for("page: notice to the officer", service.officer, f"n° {number}]", UNKNOWN)
    service.replies("intrus@quartier.test", notice, "Appelez plutôt Samira.")
    told = service.waits_for("draft: the officer hears", service.officer, f"n° {number}]", "attend une confirmation")
    assert "Samira" in words(told)
    assert "Samira" not in chat.text()
    assert "Samira" in service.command("tickets", "confirm", number)
    chat.waits_for("draft: confirmed, in the chat", "Appelez plutôt Samira.")


# --- email ------------------------------------------------------------------------------------------------------------


def test_a_question_by_email_is_answered_by_email(service: Service, person: Mailbox) -> None:
    asked = service.writes(person.address, "Une question", f"Bonjour,\n\n{KNOWN}\n\nMerci !\nZoé")
    notice = service.waits_for("email: who we are", person, "je suis le programme")
    answer = service.waits_for("email: answer", person, "Source")
    assert "comité de pilotage" in words(answer).lower()
    for mail in (notice, answer):
        assert mail["Auto-Submitted"] == "auto-replied"
        assert asked["Message-ID"] in str(mail["References"])
        assert mail["Subject"] == "Re: Une question"
    assert len(service.mails(person)) == 2


def test_what_nobody_knows_by_email_is_answered_by_the_officer_in_the_same_thread(
    service: Service, person: Mailbox
) -> None:
    asked = service.writes(person.address, "Le banc", f"Bonjour,\n\n{UNKNOWN}\n\nZoé")
    number = number_in(words(service.waits_for("email: ticket number", person, "Je transmets votre question")))
    notice = service.waits_for("email: notice to the officer", service.officer, f"n° {number}]", UNKNOWN)
    service.replies(service.officer.address, notice, "C'est le service des espaces verts.")
    answer = service.waits_for("email: officer's reply", person, "service des espaces verts")
    assert asked["Message-ID"] in str(answer["References"])
    assert "Le mar. 24" not in words(answer)
    service.replies(person.address, answer, "Merci ! Et celui d'à côté, qui l'a repeint aussi ?")
    service.waits_for("email: what is added reaches the officer", service.officer, f"n° {number}]", "celui d'à côté")


# --- up and down ------------------------------------------------------------------------------------------------------


def test_kill_9_loses_nothing_and_a_committee_in_ten_days_is_recalled_after_it(
    service: Service, person: Mailbox, chats: contextlib.ExitStack
) -> None:
    today = app.utcnow().astimezone(ZoneInfo(daytime())).date()
    day = (today + timedelta(days=10)).strftime("%d/%m/%Y")
    (service.folder / "membres.csv").write_text(
        f"conseil;nom;email;siège\nBellevue;Awa Diallo;{person.address};copil\n"
    )
    (service.folder / "comites.csv").write_text(
        f"titre;conseils;date;heure;lieu\nComité de pilotage;Bellevue;{day};18:00;12 rue des Lilas\n"
    )
    service.command("members", "import", "membres.csv", "--create-councils")
    service.command("committees", "import", "comites.csv")
    visitors = [chats.enter_context(contextlib.closing(PageChat(service))) for _ in range(8)]
    for visitor in visitors:
        visitor.asks(KNOWN)
    service.writes("voisin@hotline.test", "Le banc", UNKNOWN)
    service.stop(signal.SIGKILL)
    neighbour = service.hotline.server.mailbox("voisin")
    service.start()
    reminder = service.waits_for("reminder of a committee", person, "Rappel : Comité de pilotage")
    assert "à 18 h" in words(reminder)
    assert "12 rue des Lilas" in words(reminder)
    for visitor in visitors:  # what was in a worker's hands waits for its lease to end
        said = visitor.waits_for("page: answer after kill -9", "Source", 45)
        assert said.count("Réponse automatique") == 1
    service.waits_for("email: answer after kill -9", neighbour, "Je transmets votre question", seconds=45)
    assert len(service.mails(person, "Rappel")) == 1


def test_check_reports_in_plain_words(service: Service) -> None:
    said = service.command("check")
    assert re.search(r"OK +Base de données : \w+, à jour", said)
    assert re.search(r"OK +Canal email : IMAP localhost:\d+ : connecté", said)
    assert "SMTP" in said
    assert "Tout ce qui est réglé répond." in said
    assert PASSWORD not in said
    service.environment["HOTLINE_EMAIL_SMTP"] = "smtp://127.0.0.1:9"
    try:
        said = service.command("check", status=1)
    finally:
        service.environment |= service.hotline.settings()
    assert "NON Canal email : SMTP" in said


def test_sigterm_stops_it_cleanly(service: Service) -> None:
    with service.leg("stop"):
        assert service.stop() == 0
    assert "La hotline est arrêtée. Rien n'est perdu." in service.told()
    log = (service.folder / "log").read_text("utf-8")
    assert "Traceback" not in log
    assert service.officer.address not in log.replace("vont à " + service.officer.address, "")
