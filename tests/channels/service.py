"""The whole service in a thread of the tests, as `hotline run` runs it, on every channel at once, with real peers."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from bot import app, library, settings
from bot.app import House
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow
from knowledge import entries
from knowledge.matching import Index
from tests.channels.whatsapp.graph import Graph
from tests.peers.kannel import Kannel
from tests.peers.mail import Mailbox, MailServer, until
from tests.peers.telegram import Telegram
from tests.running import Running
from tests.test_whole import daytime, words

SECRET = "une clé pour les essais, assez longue pour en être une"


@dataclass
class Service:
    """One installation on SQLite, its people at their peers."""

    folder: Path
    port: int
    mail: MailServer
    telegram: Telegram
    graph: Graph
    kannel: Kannel
    quiet: float = 0.2  # seconds of silence after a beginning of a question
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self.hotline, self.officer = self.mail.mailbox(), self.mail.mailbox()
        environment = (
            self.hotline.settings() | self.telegram.settings | self.graph.settings | self.kannel.settings
        ) | {
            "HOTLINE_DATABASE_URL": f"sqlite:///{self.folder}/hotline.db",
            "HOTLINE_SECRET": SECRET,
            "HOTLINE_BIND": f"127.0.0.1:{self.port}",
            "HOTLINE_OFFICER_EMAIL": self.officer.address,
            "HOTLINE_TIMEZONE": daytime(),
            "HOTLINE_WEB_CHATS_PER_HOUR": "100000",
            "HOTLINE_WEB_POSTS_PER_MINUTE": "100000",
            "HOTLINE_SMS_DAILY_EUROS": "aucun",
            "HOTLINE_SMS_MONTHLY_EUROS": "aucun",
        }
        self.graph.callback = f"{self.url}/whatsapp"
        self.house: House = app.build(settings.read(environment))
        self.house.office = replace(self.house.office, quiet=timedelta(seconds=self.quiet))

    def start(self, index: Index | None) -> None:
        """With the index of a few entries, or with the one that the program ships."""
        app.prepare(self.house)
        if index is not None:
            path = self.folder / "index.npz"
            index.save(path)
            name = self.house.db.look(library.wanted, self.house.today())
            self.house.db.transact(entries.keep_index, name, path.read_bytes(), self.house.now())
        self.running = Running(self.house)

    def stop(self) -> None:
        self.running.stop()

    # ------------------------------------------------------------ what it keeps
    def look(self, work: Callable[..., Any], *args: Any) -> Any:
        return self.house.db.look(work, *args)

    def heard(self, address: Address) -> list[InboxRow]:
        """What was kept of someone's messages."""
        return list(self.look(self._rows, address, InboxRow))

    def said(self, address: Address) -> list[OutboxRow]:
        return list(self.look(self._rows, address, OutboxRow))

    def _rows(self, session: Session, address: Address, table: Any) -> list[Any]:
        row = directory.find(session, self.house.office.vault, address)
        if row is None:
            return []
        return list(session.exec(select(table).where(table.address_id == row.id).order_by(table.id)).all())

    def files(self, address: Address) -> int:
        ids = [row.id for row in self.heard(address)]

        def count(session: Session) -> int:
            return len(session.exec(select(AttachmentRow.id).where(AttachmentRow.inbox_id.in_(ids))).all())  # type: ignore[attr-defined]

        return int(self.look(count))

    def at(self, session: Session, address: Address) -> AddressRow:
        return directory.keep(session, self.house.office.vault, address, self.house.now())

    # ------------------------------------------------------------ the officer's mail program
    def notice(self, *parts: str) -> EmailMessage:
        """The newest mail to the officer that holds all these parts."""

        def found() -> list[EmailMessage]:
            mails = [message_from_bytes(raw, policy=policy.default) for raw in self.officer.mails()]
            return [mail for mail in mails if all(part in f"{mail['Subject']}\n{words(mail)}" for part in parts)]

        return until(found, 30, f"for a notice with {parts}")[-1]

    def officer_answers(self, notice: EmailMessage, text: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"] = self.officer.address, str(notice["Reply-To"] or notice["From"])
        mail["Subject"] = f"Re: {notice['Subject']}"
        mail["Date"], mail["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="quartier.test")
        mail["In-Reply-To"] = mail["References"] = str(notice["Message-ID"])
        mail.set_content(text)
        self.mail.post(mail)

    def mailbox(self) -> Mailbox:
        return self.mail.mailbox()


@contextlib.contextmanager
def running(
    folder: Path, port: int, mail: MailServer, kannel: Kannel, index: Index | None, quiet: float = 0.2
) -> Iterator[Service]:
    """The service with fresh Telegram and WhatsApp peers, until the block ends."""
    telegram, graph = Telegram(), Graph()
    telegram.start()
    graph.start()
    try:
        found = Service(folder, port, mail, telegram, graph, kannel, quiet)
        found.start(index)
        try:
            yield found
        finally:
            found.stop()
    finally:
        telegram.stop()
        graph.stop()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    mail_server: MailServer,
    kannel_session: Kannel,
    sms_port: int,
    index: Index,
) -> Iterator[Service]:
    """One service for the module: it listens where Kannel calls, so that no other test may at the same time."""
    for box in ("bearerbox", "smsbox"):
        if box not in kannel_session.processes:
            kannel_session.start_box(box)
    until(kannel_session.ready, what="for Kannel")
    kannel_session.operator.forget()
    with running(tmp_path_factory.mktemp("stories"), sms_port, mail_server, kannel_session, index) as found:
        yield found
