"""channels.web.desk over the database."""

import secrets
from collections.abc import Callable
from datetime import datetime

from bot.db import Database
from bot.desk import chat
from bot.office import Office
from channels.contract import Address, Attachment, Collected, Deliver, Inbound
from channels.web.desk import Escalated, House


class ChatDoor:
    """channels.web.desk.WebDesk over the database."""

    def __init__(self, db: Database, office: Office, deliver: Deliver, now: Callable[[], datetime], house: House):
        self.db, self.office, self._deliver, self.now, self._house = db, office, deliver, now, house

    def house(self) -> House:
        return self._house

    async def deliver(self, message: Inbound) -> bool:
        return await self._deliver(message)

    async def conversation(self, handle: str) -> list[Collected]:
        return await self.db.run(chat.conversation, self.office, Address("web", handle), self.now())

    async def collect(self, handle: str, after: int) -> list[Collected]:
        return await self.db.run(chat.collect, self.office, Address("web", handle), after, self.now())

    async def newest(self, handle: str) -> int:
        return await self.db.read(chat.newest, self.office, Address("web", handle), self.now())

    async def escalated(self, handle: str) -> list[Escalated]:
        return await self.db.read(chat.escalated, self.office, Address("web", handle))

    async def personal_link(self, handle: str) -> str:
        return await self.db.run(chat.personal_link, self.office, Address("web", handle), self.now())

    async def enter(self, token: str) -> str | None:
        return await self.db.read(chat.enter, self.office, token, self.now())

    async def revoke(self, handle: str) -> None:
        await self.db.run(chat.revoke, self.office, Address("web", handle))

    async def offer_email(self, handle: str, email: str) -> str:
        return await self.db.run(chat.offer_email, self.office, Address("web", handle), email, self.now())

    async def prove_email(self, handle: str, code: str) -> str:
        return await self.db.run(chat.prove_email, self.office, Address("web", handle), code, self.now())

    async def file(self, handle: str, id: int) -> Attachment | None:
        return await self.db.read(chat.file, self.office, Address("web", handle), id)

    async def choose(self, handle: str, number: int) -> bool:
        message = Inbound(secrets.token_hex(8), Address("web", handle), str(number), self.now())
        return await self._deliver(message)
