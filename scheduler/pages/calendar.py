"""The calendar of meetings: by month, as a list, with what each still lacks."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from scheduler.pages.frame import Frame, Who

MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
LIST_DAYS = 92  # of a list that says no end


class CalendarDesk(Protocol):
    """What these pages ask; bot/doors fulfils it."""

    def now(self) -> datetime: ...

    def local(self, moment: datetime) -> datetime:
        """A moment on the office's clock."""
        ...

    def midnight(self, day: date) -> datetime: ...

    def kinds(self) -> dict[str, str]:
        """The kinds of meetings and their names."""
        ...

    async def councils(self, who: Any) -> list[tuple[int, str]]: ...

    async def listed(
        self, who: Any, since: datetime, until: datetime, council: int | None, kind: str
    ) -> tuple[Sequence[Any], bool]:
        """Cards (bot.desk.meetings.Card), and whether there are more than one page shows."""
        ...


@dataclass(frozen=True)
class Day:
    """One square of the month."""

    date: date
    inside: bool  # of the month that is shown
    today: bool
    cards: tuple[Any, ...]


@dataclass
class CalendarPages:
    """The routes."""

    desk: CalendarDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        return [Route("/bureau/reunions", self.frame.office(self.page), methods=["GET"])]

    async def page(self, request: Request, who: Who) -> Response:
        params = request.query_params
        today = self.desk.local(self.desk.now()).date()
        council = int(params["conseil"]) if params.get("conseil", "").isascii() and params.get(
            "conseil", ""
        ).isdigit() else None
        kind = params.get("type", "") if params.get("type", "") in self.desk.kinds() else ""
        as_list = params.get("vue") == "liste"
        month = _month(params.get("mois", "")) or today.replace(day=1)
        if as_list:
            first, last = (today, today + timedelta(days=LIST_DAYS)) if "mois" not in params else _bounds(month)
        else:
            weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
            first, last = weeks[0][0], weeks[-1][-1] + timedelta(days=1)
        cards, more = await self.desk.listed(
            who, self.desk.midnight(first), self.desk.midnight(last), council, kind
        )
        chosen = {"conseil": str(council) if council else "", "type": kind, "vue": "liste" if as_list else ""}
        return self.frame.page(
            request,
            "reunions/calendar.html",
            cards=cards,
            more=more,
            weeks=[] if as_list else self._weeks(weeks, month, today, cards),
            as_list=as_list,
            month=month,
            month_name=f"{MONTHS[month.month - 1]} {month.year}",
            before=_way(chosen, (month - timedelta(days=1)).replace(day=1)),
            after=_way(chosen, (month + timedelta(days=32)).replace(day=1)),
            other_view=_way(chosen | {"vue": "" if as_list else "liste"}, None if not as_list else month),
            here=_way(chosen, None),
            councils=await self.desk.councils(who),
            kinds=self.desk.kinds(),
            chosen=chosen,
            asked_month=params.get("mois", "") if as_list else f"{month:%Y-%m}",
            bare=bool(not (council or kind)),
        )

    def _weeks(
        self, weeks: Sequence[Sequence[date]], month: date, today: date, cards: Sequence[Any]
    ) -> list[list[Day]]:
        by_day: dict[date, list[Any]] = {}
        for card in cards:
            by_day.setdefault(self.desk.local(card.starts_at).date(), []).append(card)
        return [
            [Day(day, day.month == month.month, day == today, tuple(by_day.get(day, ()))) for day in week]
            for week in weeks
        ]


def _month(text: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if 2014 <= found.year <= 2100 else None


def _bounds(month: date) -> tuple[date, date]:
    return month, (month + timedelta(days=32)).replace(day=1)


def _way(chosen: dict[str, str], month: date | None) -> str:
    said = {key: value for key, value in chosen.items() if value} | ({"mois": f"{month:%Y-%m}"} if month else {})
    return "/bureau/reunions" + (f"?{urlencode(said)}" if said else "")


def at_midnight(day: date, zone: Any) -> datetime:
    """The first moment of a local day."""
    return datetime.combine(day, time(0), zone)
