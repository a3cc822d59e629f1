"""escalation.console's signing in, and the gate's sessions, over the database."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import datetime

from bot.db import Database
from bot.desk import entrance, keys
from bot.desk.entrance import Browser, Glance
from bot.desk.keys import Entered, Known, Mine
from bot.office import Office
from channels.vault import WrongKey
from escalation import passwords
from escalation.accounts import Who

CARRIED = "carried"


class EntranceDoor:
    """bot.gate.Sessions and escalation.console.desk.SignInDesk."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None]):
        self.db, self.office, self.now, self.rang = db, office, now, rang
        self._comparing = asyncio.Semaphore(2)  # argon2id takes 64 MB each time: no crowd empties the memory

    async def who(self, secret: str) -> tuple[Who, Glance] | None:
        return await self.db.read(entrance.who, self.office, secret, self.now())

    async def seen(self, secret: str) -> None:
        await self.db.run(entrance.seen, self.office, secret, self.now())

    async def send_link(self, email: str, way: str, network: str) -> datetime | None:
        now = self.now()
        wait = await self.db.run(keys.allowed, self.office, network, now)
        if wait is None:
            await self.db.run(entrance.send_link, self.office, email, way, now)
            self.rang()
        return wait

    async def enter_by_link(self, secret: str, agent: str, before: str) -> tuple[str, str] | None:
        return await self.db.run(entrance.enter_by_link, self.office, secret, Browser(agent, before=before), self.now())

    async def try_password(self, email: str, password: str, way: str, network: str) -> Entered:
        """`secret` holds the sealed step that the code's page sends back."""
        found = await self.db.run(keys.standing, self.office, email, network, self.now())
        if found.wait is not None:
            return Entered(wait=found.wait)
        async with self._comparing:
            right = await asyncio.to_thread(passwords.fits, found.kept, password)
        if not right or found.officer_id is None:
            return Entered(problem="password")
        step = await self.db.run(keys.step, self.office, found.officer_id, email, way, network, self.now())
        return Entered(step, way)

    async def try_code(self, step: str, code: str, agent: str, network: str, before: str) -> Entered:
        browser = Browser(agent, network, before)
        entered = await self.db.run(keys.enter_by_code, self.office, step, code, browser, self.now())
        self.rang()
        return entered

    async def leave(self, secret: str) -> str:
        return await self.db.run(entrance.leave, self.office, secret, self.now())

    async def leave_everywhere(self, who: Who) -> int:
        return await self.db.run(entrance.leave_everywhere, who, self.now())

    async def mine(self, who: Who) -> Mine:
        return await self.db.read(keys.mine, self.office, who, self.now())

    async def prepare(self, who: Who, code: str, network: str) -> bool:
        return await self.db.run(keys.prepare, self.office, who, code, network, self.now())

    async def pending(self, who: Who) -> tuple[str, bytes] | None:
        """The secret in groups of four, and its picture (SVG)."""
        found = await self.db.read(keys.pending, self.office, who)
        return (found[0], await asyncio.to_thread(passwords.picture, found[1])) if found else None

    async def prove(self, who: Who, code: str) -> list[str] | None:
        codes = await self.db.run(keys.prove, self.office, who, code, self.now())
        self.rang()
        return codes

    async def renew_recovery(self, who: Who, code: str, network: str) -> list[str]:
        return await self.db.run(keys.renew_recovery, self.office, who, code, network, self.now())

    async def set_password(self, who: Who, password: str, code: str, network: str, here: str) -> bool:
        async with self._comparing:
            kept = await asyncio.to_thread(passwords.sealed, password)
        browser = Browser(network=network, before=here)
        done = await self.db.run(keys.set_password, self.office, who, kept, code, browser, self.now())
        self.rang()
        return done

    async def remove(self, who: Who, code: str, network: str) -> bool:
        done = await self.db.run(keys.remove, self.office, who, code, network, self.now())
        self.rang()
        return done

    async def enter_by_provider(self, known: Known, way: str, agent: str, before: str) -> Entered:
        browser = Browser(agent, before=before)
        entered = await self.db.run(keys.enter_by_provider, self.office, known, way, browser, self.now())
        self.rang()
        return entered

    async def link_provider(self, who: Who, known: Known) -> bool:
        done = await self.db.run(keys.link_provider, self.office, who, known, self.now())
        self.rang()
        return done

    def carry(self, facts: dict[str, str]) -> str:
        """What a browser keeps for us for ten minutes, sealed."""
        plain = json.dumps(facts | {"at": str(self.now().timestamp())}).encode()
        return base64.urlsafe_b64encode(self.office.vault.seal(plain, CARRIED)).decode()

    def carried(self, cookie: str) -> dict[str, str]:
        """What it kept; nothing when it is not ours, or over."""
        try:
            found = json.loads(self.office.vault.open(base64.urlsafe_b64decode(cookie.encode()), CARRIED))
        except (WrongKey, ValueError):
            return {}
        return dict(found) if float(found["at"]) > self.now().timestamp() - 600 else {}

    @staticmethod
    def known(issuer: str, subject: str, email: str, verified: bool, ticket: str) -> Known:
        return Known(issuer, subject, email, verified, ticket)
