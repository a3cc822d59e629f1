"""escalation.console.team over the database."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from bot.audit import Broken
from bot.db import Database
from bot.desk import team
from bot.desk.team import LastAdministrator, Teammate, Trail
from bot.office import Office
from escalation.accounts import Who


class TeamDoor:
    """escalation.console.team.TeamDesk."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime]):
        self.db, self.office, self.now = db, office, now

    def today(self) -> date:
        return self.office.date_of(self.now())

    async def everyone(self) -> list[Teammate]:
        return await self.db.read(team.everyone, self.office, self.now())

    async def teammate(self, number: int) -> Teammate:
        return await self.db.read(team.the_teammate, self.office, number, self.now())

    async def councils(self) -> list[tuple[int, str]]:
        return await self.db.read(team.councils)

    def wrong_with(self, name: str, email: str | None, role: str) -> dict[str, str]:
        return team.wrong_with(name, email, role)

    def wrong_days(self, first: date | None, last: date | None) -> dict[str, str]:
        return team.wrong_days(first, last, self.today())

    async def add(self, who: Who, name: str, email: str, role: str, councils: Collection[int]) -> int | None:
        actor = f"officer:{who.id}"
        return await self.db.run(team.add, self.office, actor, name, email, role, tuple(councils), self.now())

    async def change(self, who: Who, number: int, values: Mapping[str, Any]) -> bool:
        """False: the last administrator stays one."""
        actor, now = f"officer:{who.id}", self.now()

        def work(session: Session) -> None:
            team.change(session, actor, number, now, **values)

        try:
            await self.db.run(work)
        except LastAdministrator:
            return False
        return True

    async def note_absence(self, who: Who, number: int, first: date, last: date) -> None:
        await self.db.run(team.note_absence, f"officer:{who.id}", number, first, last, self.now())

    async def drop_absence(self, who: Who, number: int, absence: int) -> None:
        await self.db.run(team.drop_absence, f"officer:{who.id}", number, absence, self.now())

    async def step_in(self, who: Who, number: int, deputy: int) -> None:
        now = self.now()

        def work(session: Session) -> None:
            team.change(session, f"officer:{who.id}", number, now, deputy=deputy)

        await self.db.run(work)

    async def trail(self, wanted: Mapping[str, str], page: int) -> Trail:
        return await self.db.read(team.trail, self.office, wanted, page)

    async def holds(self) -> Broken | None:
        return await self.db.read(team.holds)
