"""A town whose WhatsApp is the real channel: phones, Meta's side, our webhook over HTTP, the desk."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.db import Database
from bot.desk import incoming
from bot.office import Office
from channels import whatsapp
from channels.contract import Inbound, Receipt
from channels.whatsapp.channel import WhatsAppChannel
from channels.whatsapp.settings import read_settings
from knowledge.entries import Content
from knowledge.matching import Index
from tests.channels.sms.conftest import Ear, Served
from tests.channels.whatsapp.graph import Graph, Phone
from tests.peers.mail import until
from tests.peers.ports import free_port
from tests.town import Town


@pytest.fixture
def graph() -> Iterator[Graph]:
    """A fresh Graph API server."""
    found = Graph()
    found.start()
    yield found
    found.stop()


def channel_at(graph: Graph, **options: Any) -> WhatsAppChannel:
    settings = read_settings(graph.settings)
    assert settings is not None
    return WhatsAppChannel(settings, **options)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def ears(graph: Graph, ear: Ear) -> Iterator[Ear]:
    """What the webhook delivers, while it is served."""
    opened = whatsapp.open_channel(graph.settings)
    assert opened is not None
    port = free_port()
    graph.callback = f"http://127.0.0.1:{port}/whatsapp"
    server = Served(opened.channel.routes(ear.deliver), port)  # type: ignore[attr-defined]
    yield ear
    server.stop()


@dataclass
class WhatsAppTown(Town):
    """A town that hears and answers by WhatsApp."""

    graph: Graph = field(kw_only=True)

    def __post_init__(self) -> None:
        self.graph.clock = lambda: self.at.timestamp()
        self.kept: list[Inbound | Receipt] = []
        self.channel = channel_at(self.graph, now=self.now)
        self.channels["whatsapp"] = self.channel  # type: ignore[assignment]
        port = free_port()
        self.graph.callback = f"http://127.0.0.1:{port}/whatsapp"
        self.server = Served(self.channel.routes(self.deliver), port)

    async def deliver(self, message: Inbound | Receipt) -> bool:
        new = await self.db.run(incoming.receive, self.office, message, self.now())
        if new:
            self.kept.append(message)
        return new

    def settle(self) -> None:
        """Until Meta has brought us everything."""
        until(self.graph.idle, what="for Meta's calls")

    def answer(self, phone: Phone) -> list[str]:
        """Take in what was written, let everybody work; what this phone read since."""
        before = len(phone.reads())
        self.settle()
        self.pass_time(seconds=4)
        self.work()
        return phone.reads()[before:]


@pytest.fixture
def chatting(
    db: Database, office: Office, index: Index, contents: list[Content], now: Any, graph: Graph
) -> Iterator[WhatsAppTown]:
    found = WhatsAppTown(db, office, index, now, graph=graph)
    found.open(contents)
    yield found
    found.settle()
    found.server.stop()
