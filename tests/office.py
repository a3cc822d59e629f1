"""The desk in service for tests: the real pages over a real database, and officers who are signed in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlmodel import Session

from bot.desk import entrance
from bot.doors import Within
from bot.library import Library
from bot.web import create_app
from channels import directory
from channels.contract import Address
from channels.web import open_channel
from escalation.console.oidc import Provider
from escalation.officers import Officer, OfficerCouncil
from tests.channels.web.fake import FakeDesk
from tests.peers.browser import served
from tests.town import Town
from tests.trail import Unwritten, watched

KEY = b"k" * 32


async def healthy() -> dict[str, object]:
    return {"ok": True}


@dataclass
class Bureau:
    """The address of the desk's pages, and the town behind them."""

    url: str
    town: Town
    clients: list[httpx.Client] = field(default_factory=list)

    def browser(self, **more: Any) -> "Browsing":
        # no TLS here: `verify` only spares reading all the authorities, 50 ms a browser
        self.clients.append(
            httpx.Client(base_url=self.url, headers={"Accept": "text/html"}, timeout=20, verify=False, **more)
        )
        return Browsing(self.clients[-1])

    def officer(self, name: str, role: str = "officer", councils: tuple[int, ...] = ()) -> int:
        """One more officer, written to at name@exemple.org."""
        town = self.town

        def work(session: Session) -> int:
            email = Address("email", f"{name.lower()}@exemple.org")
            row = directory.keep(session, town.office.vault, email, town.at)
            assert row.id is not None
            made = Officer(name=name, role=role, address_id=row.id, created_at=town.at)
            session.add(made)
            session.flush()
            assert made.id is not None
            for council in councils:
                session.add(OfficerCouncil(officer_id=made.id, council_id=council))
            return made.id

        return town.db.transact(work)

    def secret(self, officer_id: int = 1) -> str:
        """The cookie of a new session of this officer (the first is Nora)."""
        found = self.town.db.transact(
            entrance.open_session, self.town.office, officer_id, "tests", "test", self.town.at
        )
        assert found is not None
        return found

    def signed_in(self, officer_id: int = 1) -> "Browsing":
        """Follows redirections, as a browser does."""
        return self.browser(cookies={"bureau": self.secret(officer_id)}, follow_redirects=True)

    def visitor(self) -> "Browsing":
        """Nobody that we know; shows redirections as they come."""
        return self.browser()

    def cookie(self, officer_id: int = 1) -> dict[str, str]:
        """For Chromium: `context.add_cookies([bureau.cookie()])`."""
        return {"name": "bureau", "value": self.secret(officer_id), "url": f"{self.url}/bureau"}


@dataclass
class Browsing:
    """A browser without a screen: reads pages and sends their forms with the token that they hold."""

    client: httpx.Client

    def get(self, way: str) -> httpx.Response:
        return self.client.get(way)

    def post(
        self, way: str, data: dict[str, object] | None = None, *, page: str = "", **more: object
    ) -> httpx.Response:
        """Send a form; the token is read from `page`."""
        found = self.client.get(page or "/bureau/moi").text
        token = found.partition('name="jeton" value="')[2].partition('"')[0]
        return self.client.post(way, data={"jeton": token} | (data or {}), **more)  # type: ignore[arg-type]


@contextmanager
def bureau_of(
    town: Town, ring: Callable[[], None] = lambda: None, provider: Provider | None = None
) -> Iterator[Bureau]:
    """The pages of the desk of this town, behind a real uvicorn, by its clock."""
    library = Library(town.db, town.now, lambda: town.at.date())
    library.index = town.index
    unwritten = Unwritten()
    within = Within(watched(town.db, unwritten), town.office, town.now, ring, library, provider=provider)
    opened = {"web": open_channel({})}
    with served(
        lambda stopping: create_app(
            FakeDesk(), opened, healthy, key=KEY, sessions=within.entrance(), more=within.pages, stopping=stopping
        )
    ) as url:
        found = Bureau(url, town)
        yield found
        for client in found.clients:
            client.close()
    assert unwritten == [], f"one line of the trail is to say who did what: {unwritten}"
