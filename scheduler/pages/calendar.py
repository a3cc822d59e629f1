"""The calendar of meetings: by month, as a list, with what each still lacks."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from scheduler.pages.desk import MeetingsDesk
from scheduler.pages.frame import Frame, Who

MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
LIST_DAYS = 92  # of a list that says no end


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

    desk: MeetingsDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        return [Route("/bureau/reunions", self.frame.office(self.page), methods=["GET"])]

    async def page(self, request: Request, who: Who) -> Response:
        params = request.query_params
        today = self.desk.local(self.desk.now()).date()
        asked = params.get("conseil", "")
        council = int(asked) if re.fullmatch(r"[0-9]{1,9}", asked) else None
        kind = params.get("type", "") if params.get("type", "") in self.desk.kinds() else ""
        as_list = params.get("vue") == "liste"
        month = _month(params.get("mois", "")) or today.replace(day=1)
        if as_list:
            first, last = (today, today + timedelta(days=LIST_DAYS)) if "mois" not in params else _bounds(month)
        else:
            weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
            first, last = weeks[0][0], weeks[-1][-1] + timedelta(days=1)
        cards, more = await self.desk.listed(who, self.desk.midnight(first), self.desk.midnight(last), council, kind)
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
