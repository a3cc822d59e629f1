"""A small town to tell stories in: the real desk, loops, matcher and database; channels that take notes."""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import library, workers
from bot.db import Database
from bot.desk import chat, incoming, officer
from bot.office import Office
from channels import admission
from channels.contract import Address, Attachment, Inbound, Opened, Outbound
from knowledge import seed
from knowledge.entries import Content
from knowledge.matching import Index

OFFICER = Address("email", "officer@exemple.org")
SLUGS = (
    "copil-role", "cotech-role", "preparer-copil", "trouver-une-salle", "abattement-tfpb", "qpv-criteres",
    "gloss-qpv", "contrat-de-ville-definition", "benevolat-indemnisation", "photocopies-commerces",
    "contact-resovilles", "gloss-anru",
)  # fmt: skip


class Recorder:
    """A channel that keeps what it is given; `refuse` is raised in place of the next sends."""

    def __init__(self, name: str):
        self._name = name
        self.sent: list[Outbound] = []
        self.keys: list[str] = []
        self.refuse: list[Exception] = []

    @property
    def name(self) -> str:
        return self._name

    async def send(self, message: Outbound, key: str) -> str:
        if self.refuse:
            raise self.refuse.pop(0)
        self.sent.append(message)
        self.keys.append(key)
        return f"{self._name}-{len(self.sent)}"

    def to(self, handle: str) -> list[Outbound]:
        return [message for message in self.sent if message.recipient.handle == handle]


@dataclass
class Town:
    """Everything a story needs; `at` is the time that it is."""

    db: Database
    office: Office
    index: Index
    at: datetime
    channels: dict[str, Recorder] = field(
        default_factory=lambda: {name: Recorder(name) for name in ("email", "telegram", "sms")}
    )
    _number: "itertools.count[int]" = field(default_factory=itertools.count)

    def now(self) -> datetime:
        return self.at

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)

    def open(self, contents: list[Content]) -> None:
        self.db.transact(seed.load, contents, self.at)
        self.db.transact(officer.seed, self.office, "Nora", OFFICER.handle, self.at)

    def hear(
        self,
        channel: str,
        handle: str,
        text: str,
        *,
        token: str = "",
        subject: str = "",
        id: str = "",
        nature: str = "person",
        proof: str = "",
        about: str = "",
        attachments: tuple[Attachment, ...] = (),
    ) -> bool:
        """A message comes in and is kept; nobody has read it yet."""
        message = Inbound(
            id or f"m{next(self._number)}",
            Address(channel, handle),
            text,
            self.at,
            token=token,
            about=about,
            subject=subject,
            nature=nature,  # type: ignore[arg-type]
            proof=proof,  # type: ignore[arg-type]
            attachments=attachments,
        )
        return self.db.transact(incoming.receive, self.office, admission.admitted(message), self.at)

    def work(self, ticks: bool = False) -> None:
        """Route and send whatever is ready; with `ticks`, let the clock look too."""
        with ThreadPoolExecutor(1) as apart:  # Playwright keeps a loop running in the test's own thread
            apart.submit(lambda: asyncio.run(self._work(ticks))).result()

    async def _work(self, ticks: bool) -> None:
        shelf = library.Library(self.db, self.now, lambda: self.at.date())
        shelf.index = self.index
        opened = {name: Opened(channel) for name, channel in self.channels.items()}
        if ticks:
            await workers.tick(self.db, self.office, self.now, workers.Bell())
        busy = True
        while busy:
            busy = await workers.route_next(self.db, self.office, shelf, self.now)
            busy = await workers.deliver_next(self.db, self.office, opened, self.now) or busy

    def say(self, channel: str, handle: str, text: str, **more: object) -> list[str]:
        """Write, let everybody work, and read what came back since."""
        before = self.read(channel, handle)
        self.hear(channel, handle, text, **more)  # type: ignore[arg-type]
        self.pass_time(seconds=4)
        self.work()
        return self.read(channel, handle)[len(before) :]

    def read(self, channel: str, handle: str) -> list[str]:
        """Everything that this person was ever told on this channel."""
        if channel in self.channels:
            return [message.text for message in self.channels[channel].to(handle)]
        found = self.db.transact(chat.collect, self.office, Address(channel, handle), 0, self.at)
        return [each.text for each in found]

    def notices(self) -> list[Outbound]:
        return self.channels["email"].to(OFFICER.handle)

    def look(self, work: Callable[..., object], *args: object) -> object:
        return self.db.look(work, *args)
