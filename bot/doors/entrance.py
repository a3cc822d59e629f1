"""escalation.console's signing in, and the gate's sessions, over the database."""

from collections.abc import Callable
from datetime import datetime

from bot.db import Database
from bot.desk import entrance
from bot.desk.entrance import Glance
from bot.office import Office
from escalation.accounts import Who


class EntranceDoor:
    """bot.gate.Sessions and escalation.console.desk.SignInDesk."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None]):
        self.db, self.office, self.now, self.rang = db, office, now, rang

    async def who(self, secret: str) -> tuple[Who, Glance] | None:
        return await self.db.read(entrance.who, self.office, secret, self.now())

    async def seen(self, secret: str) -> None:
        await self.db.run(entrance.seen, self.office, secret, self.now())

    async def send_link(self, email: str) -> None:
        await self.db.run(entrance.send_link, self.office, email, self.now())
        self.rang()

    async def enter_by_link(self, secret: str, agent: str) -> str | None:
        return await self.db.run(entrance.enter_by_link, self.office, secret, agent, self.now())

    async def leave(self, secret: str) -> None:
        await self.db.run(entrance.leave, self.office, secret, self.now())
