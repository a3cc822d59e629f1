"""A site of pages over a desk in memory, behind a real uvicorn."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from bot.web import create_app
from channels.web import open_channel
from tests.channels.web.fake import FakeDesk
from tests.peers.browser import chromium, served

__all__ = ["chromium"]
KEY = b"k" * 32


async def healthy() -> dict[str, object]:
    return {"ok": True, "waiting": 0}


@dataclass
class Site:
    """The address of the pages, and the desk behind them."""

    url: str
    desk: FakeDesk

    def visitor(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Accept": "text/html"}, timeout=10, verify=False)


@pytest.fixture
def make_site() -> Iterator[Callable[..., Site]]:
    """Sites with the environment that a test gives."""
    running = []

    def make(
        environment: dict[str, str] | None = None,
        desk: FakeDesk | None = None,
        hang_up: Callable[[], bool] = lambda: False,
    ) -> Site:
        desk = desk or FakeDesk()
        opened = {"web": open_channel(environment or {})}
        server = served(
            lambda stopping: create_app(desk, opened, healthy, key=KEY, stopping=lambda: stopping() or hang_up())
        )
        site = Site(server.__enter__(), desk)
        running.append(server)
        return site

    yield make
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


def fields(page: httpx.Response, action: str) -> dict[str, str]:
    """The hidden fields of the first form of a page that goes to `action`."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    assert found, f"no form goes to {action}"
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found[0]))


def ask(visitor: httpx.Client, text: str) -> httpx.Response:
    """Ask from the first page, and land in the conversation."""
    form = fields(visitor.get("/"), "/question")
    return visitor.post("/question", data=form | {"texte": text}, follow_redirects=True)


def write(visitor: httpx.Client, text: str) -> httpx.Response:
    form = fields(visitor.get("/conversation"), "/conversation")
    return visitor.post("/conversation", data=form | {"texte": text}, follow_redirects=True)
