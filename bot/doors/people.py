"""channels.pages over the database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import sheets, workbook
from bot.db import Database
from bot.desk import members_import, people, retention, undelivered
from bot.desk.members_import import Report
from bot.desk.people import CouncilDetail, CouncilRow, Detail, Row
from bot.desk.undelivered import Undelivered
from bot.office import Office
from bot.sheets import BadSheet
from channels.pages.people import Refused
from escalation.accounts import Who

SOON = timedelta(days=30)


class PeopleDoor:
    """channels.pages.people.PeopleDesk."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None]):
        self.db, self.office, self.now, self.rang = db, office, now, rang

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        return people.choices()

    async def people(self, who: Who, search: str, council: int | None, page: int) -> tuple[list[Row], int]:
        return await self.db.read(people.listed, self.office, who, search, council, page)

    async def person(self, who: Who, number: int) -> Detail:
        return await self.db.read(people.detail, self.office, who, number)

    async def handles(self, who: Who, number: int) -> list[tuple[str, str]]:
        return await self.db.run(people.handles, self.office, who, number, self.now())

    async def councils(self, who: Who) -> list[CouncilRow]:
        return await self.db.read(people.councils, who)

    async def council(self, who: Who, number: int) -> CouncilDetail:
        return await self.db.read(people.council, who, number)

    async def save(self, who: Who, number: int | None, typed: Mapping[str, str]) -> int:
        return await self.db.run(people.save, self.office, who, number, typed, self.now())

    async def save_council(self, who: Who, number: int | None, typed: Mapping[str, str]) -> int:
        return await self.db.run(people.save_council, who, number, typed, self.now())

    async def resume(self, who: Who, number: int, address: int) -> None:
        await self.db.run(people.resume, who, number, address, self.now())

    async def undelivered(self, who: Who, number: int) -> Sequence[Undelivered]:
        return await self.db.read(undelivered.of, self.office, who, number, self.now())

    async def send_again(self, who: Who, number: int, message: int, address: int | None) -> str:
        done = await self.db.run(undelivered.again, self.office, who, number, message, address, self.now())
        self.rang()
        return done

    async def sit(self, who: Who, number: int, typed: Mapping[str, str]) -> None:
        await self.db.run(people.sit, who, number, typed, self.now())

    async def stand_up(self, who: Who, number: int, seat: int) -> None:
        await self.db.run(people.stand_up, who, number, seat, self.now())

    async def merge(self, who: Who, number: int, other: int) -> None:
        await self.db.run(people.merge, who, number, other, self.now())

    async def data(self, who: Who, number: int) -> dict[str, Any]:
        return await self.db.run(people.data, self.office, who, number, self.now())

    async def erase(self, who: Who, number: int) -> None:
        await self.db.run(people.erase, self.office, who, number, self.now())

    async def look_in(self, who: Who, content: bytes, create: bool, write: bool) -> Report:
        actor, now = f"officer:{who.id}", self.now()
        ask = self.db.run if write else self.db.read
        try:
            rows = await asyncio.to_thread(workbook.plain, content)
            return await ask(members_import.import_sheet, self.office, rows, now, create, not write, actor)
        except BadSheet as error:
            raise Refused({"fichier": f"{error}.".capitalize()}) from None

    async def sheet(self, who: Who, council: int | None) -> bytes:
        return sheets.write(await self.db.run(people.table, self.office, who, council, self.now()))

    async def retention(self) -> list[tuple[str, str, int, int]]:
        """What is forgotten and how long it is kept, in words; how much now, and within 30 days."""
        now = self.now()
        today, soon = await self.db.read(retention.due, now), await self.db.read(retention.due, now + SOON)
        return [(*words, today[name], soon[name]) for name, words in retention.KINDS.items()]
