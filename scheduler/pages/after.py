"""Calendars that programs follow, and what became of each committee."""

import re
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from scheduler.pages.desk import MeetingsDesk
from scheduler.pages.forms import number_of
from scheduler.pages.frame import Frame, Who, working
from scheduler.pages.pictures import bar

WAY = "/bureau/reunions"


@dataclass
class AfterPages:
    """The routes."""

    desk: MeetingsDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        read, work = self.frame.office, working(self.frame)
        return [
            Route(f"{WAY}/agendas", read(self.feeds), methods=["GET"]),
            Route(f"{WAY}/agendas/{{council:int}}", work(self.renew_feed), methods=["POST"]),
            Route(f"{WAY}/bilan", read(self.report), methods=["GET"]),
            Route(f"{WAY}/bilan.csv", read(self.report_sheet), methods=["GET"]),
            Route("/calendrier/{secret}.ics", self.feed, methods=["GET"]),
        ]

    async def feeds(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "reunions/feeds.html", feeds=await self.desk.feeds(who))

    async def renew_feed(self, request: Request, who: Who) -> Response:
        try:
            await self.desk.renew_feed(who, number_of(request, "council"))
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.back(request, f"{WAY}/agendas", "Voici le nouveau lien.")

    async def feed(self, request: Request) -> Response:
        """For calendar programs: no session, the link is the secret."""
        text = await self.desk.feed(request.path_params["secret"])
        if text is None:
            raise HTTPException(404)
        return Response(text, media_type="text/calendar; charset=utf-8", headers={"Cache-Control": "private, no-cache"})

    # --- what became of them -----------------------------------------------------------------------------------------

    async def report(self, request: Request, who: Who) -> Response:
        year = self._year(request)
        return self.frame.page(
            request,
            "reunions/report.html",
            report=await self.desk.report(who, year),
            year=year,
            this_year=self.desk.local(self.desk.now()).year,
            invited={"in-time": "à temps", "late": "tard", "never": "non notée"},
            bar=bar,
        )

    async def report_sheet(self, request: Request, who: Who) -> Response:
        year = self._year(request)
        return Response(
            await self.desk.report_sheet(who, year),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="comites-{year}.csv"'},
        )

    def _year(self, request: Request) -> int:
        text = request.query_params.get("annee", "")
        this = self.desk.local(self.desk.now()).year
        return int(text) if re.fullmatch(r"20[0-9]{2}", text) else this
