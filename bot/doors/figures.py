"""escalation.console.figures over the database."""

import asyncio
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from bot import papers, sheets
from bot.db import Database
from bot.desk import figures, health, season_report
from bot.desk.figures import Figures
from bot.desk.health import Health
from bot.office import Office
from escalation.accounts import Who


class FiguresDoor:
    """escalation.console.figures.FiguresDesk."""

    def __init__(
        self,
        db: Database,
        office: Office,
        now: Callable[[], datetime],
        channels: Collection[str] = (),
        spool: Callable[[], int] = lambda: 0,
    ):
        self.db, self.office, self.now, self.channels, self.spool = db, office, now, channels, spool
        self._memory = figures.Memory()

    def today(self) -> date:
        return self.now().astimezone(self.office.zone).date()

    async def figures(self, who: Who, since: date, until: date, council: int | None) -> Figures:
        return await self.db.read(figures.figures, self.office, who, since, until, council, self.now(), self._memory)

    async def councils(self, who: Who) -> list[tuple[int, str]]:
        return await self.db.read(figures.councils, who)

    async def sheet(self, who: Who, since: date, until: date, council: int | None) -> bytes:
        return sheets.write(figures.table(await self.figures(who, since, until, council)))

    async def report(self, who: Who, month: date, council: int | None) -> bytes:
        last = figures.last_day(month)
        found = await self.figures(who, month.replace(day=1), last, council)
        year = await self.figures(who, figures.year_before(last), last, council)
        since, until = (figures.midnight(day, self.office.zone) for day in (month, last + timedelta(days=1)))
        held = await self.db.read(season_report.between, who, since, until, self.now(), month.year)
        rows = season_report.meetings_of(held)
        return await asyncio.to_thread(papers.month_report, self.office, found, year, rows)

    async def health(self) -> Health:
        waiting = await asyncio.to_thread(self.spool)
        return await self.db.read(health.health, self.office, tuple(self.channels), waiting, self.now())
