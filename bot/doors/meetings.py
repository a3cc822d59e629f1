"""scheduler.pages over the database."""

from collections.abc import Callable
from datetime import date, datetime

from bot.db import Database
from bot.desk import figures, meetings
from bot.desk.meetings import Card
from bot.office import Office
from escalation.accounts import Who


class MeetingsDoor:
    """scheduler.pages' Desks."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None]):
        self.db, self.office, self.now, self.rang = db, office, now, rang

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.office.zone)

    def midnight(self, day: date) -> datetime:
        return figures.midnight(day, self.office.zone)

    def kinds(self) -> dict[str, str]:
        return meetings.KINDS

    async def councils(self, who: Who) -> list[tuple[int, str]]:
        return await self.db.read(figures.councils, who)

    async def listed(
        self, who: Who, since: datetime, until: datetime, council: int | None, kind: str
    ) -> tuple[list[Card], bool]:
        return await self.db.read(meetings.listed, who, since, until, council, kind, self.now())
