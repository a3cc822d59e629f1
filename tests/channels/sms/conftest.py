"""A town whose SMS is the real channel: phones, an operator, Kannel, our webhook, the desk."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from bot.db import Database
from bot.desk import incoming
from bot.office import Office
from channels import sms
from channels.contract import Deliver, Inbound, Receipt
from channels.sms.channel import CalledChannel
from knowledge.entries import Content
from knowledge.matching import Index
from tests.peers.kannel import Kannel, Phone, kannel, kannel_in_parts, kannel_session, sms_port
from tests.peers.mail import until
from tests.town import Town

__all__ = ["kannel", "kannel_in_parts", "kannel_session", "sms_port"]


class Served:
    """Our webhook, served over HTTP on a port."""

    def __init__(self, routes: Any, port: int):
        app = Starlette(routes=list(routes))
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="critical", access_log=False, lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, what="for our webhook")

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)


@contextlib.contextmanager
def served(channel: Any, deliver: Deliver, port: int) -> Iterator[Served]:
    server = Served(channel.routes(deliver), port)
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Ear:
    """Keeps what a channel delivers; of the next deliveries `refuse` fail, as when nothing can be written."""

    heard: list[Inbound | Receipt] = field(default_factory=list)
    refuse: int = 0

    async def deliver(self, message: Inbound | Receipt) -> bool:
        if self.refuse:
            self.refuse -= 1
            raise OSError("disque plein")
        new = message not in self.heard and not (
            isinstance(message, Inbound) and message.external_id in [m.external_id for m in self.inbound]
        )
        if new:
            self.heard.append(message)
        return new

    @property
    def inbound(self) -> list[Inbound]:
        return [each for each in self.heard if isinstance(each, Inbound)]

    @property
    def receipts(self) -> list[Receipt]:
        return [each for each in self.heard if isinstance(each, Receipt)]

    def of(self, id: str) -> list[Receipt]:
        """The reports on one message: those of earlier tests may still come in."""
        return [each for each in self.receipts if each.provider_id == id]


def channel_of(environment: dict[str, str]) -> Any:
    opened = sms.open_channel(environment)
    assert opened is not None
    return opened.channel


@dataclass
class SmsTown(Town):
    """A town that hears and answers by SMS."""

    kannel: Kannel = field(kw_only=True)
    port: int = field(kw_only=True)

    def __post_init__(self) -> None:
        self.kept: list[Inbound | Receipt] = []
        self.channel = channel_of(self.kannel.settings)
        assert isinstance(self.channel, CalledChannel)
        self.channels["sms"] = self.channel  # type: ignore[assignment]
        self.server: Served | None = None
        self.serve()

    def serve(self) -> None:
        self.server = Served(self.channel.routes(self.deliver), self.port)

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None

    async def deliver(self, message: Inbound | Receipt) -> bool:
        new = await self.db.run(incoming.receive, self.office, message, self.now())
        if new:
            self.kept.append(message)
        return new

    def phone(self, number: str = "+33612345678") -> Phone:
        return self.kannel.operator.phone(number)

    def inbound(self) -> list[Inbound]:
        return [each for each in self.kept if isinstance(each, Inbound)]

    def receipts(self) -> list[Receipt]:
        return [each for each in self.kept if isinstance(each, Receipt)]

    def answer(self, phone: Phone, text: str, *, messages: int = 1, **more: Any) -> list[str]:
        """A phone writes, everybody works; what it read since, once that many messages are there."""
        before, heard = len(phone.reads()), len(self.inbound())
        phone.says(text, **more)
        until(lambda: len(self.inbound()) > heard, what=f"for our webhook to hear {text!r}")
        self.pass_time(seconds=4)
        self.work()
        if messages:
            until(lambda: len(phone.reads()) >= before + messages, what="for the phone to ring")
        return phone.reads()[before:]


@pytest.fixture
def texting(
    db: Database, office: Office, index: Index, contents: list[Content], now: Any, kannel: Kannel, sms_port: int
) -> Iterator[SmsTown]:
    found = SmsTown(db, office, index, now, kannel=kannel, port=sms_port)
    try:
        found.open(contents)
        yield found
    finally:
        found.stop()


@pytest.fixture
def ear() -> Ear:
    return Ear()
