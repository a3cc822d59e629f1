"""The page of figures, its table for a spreadsheet and its monthly report; and the page of health."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.frame import Frame
from escalation.console.pictures import bar

MOST_MONTHS = 36


class FiguresDesk(Protocol):
    """What these pages ask; bot/doors fulfils it."""

    def today(self) -> date: ...

    async def figures(self, who: Who, since: date, until: date, council: int | None) -> Any:
        """bot.desk.figures.Figures; LookupError when the council is not theirs to see."""
        ...

    async def councils(self, who: Who) -> list[tuple[int, str]]: ...

    async def sheet(self, who: Who, since: date, until: date, council: int | None) -> bytes: ...

    async def report(self, who: Who, month: date, council: int | None) -> bytes:
        """The report of a month, as PDF."""
        ...

    async def health(self) -> Any: ...


@dataclass
class FigurePages:
    """The routes."""

    desk: FiguresDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route("/bureau/chiffres", office(self.page), methods=["GET"]),
            Route("/bureau/chiffres.csv", office(self.sheet), methods=["GET"]),
            Route("/bureau/chiffres.pdf", office(self.report), methods=["GET"]),
            Route("/bureau/sante", office(self.health), methods=["GET"]),
        ]

    async def page(self, request: Request, who: Who) -> Response:
        since, until, council, errors = self._asked(request)
        found = await self._found(who, since, until, council)
        months = [each for each in found.months if each.asked is not None]
        return self.frame.page(
            request,
            "console/figures.html",
            found=found,
            councils=await self.desk.councils(who),
            council=council,
            since=since,
            until=until,
            errors=errors,
            query=f"du={since.isoformat()}&au={until.isoformat()}" + (f"&conseil={council}" if council else ""),
            month=(until.replace(day=1) - timedelta(days=1) if until >= self.desk.today() else until).strftime("%Y-%m"),
            most=max((each.asked for each in months), default=0),
            bar=bar,
        )

    async def sheet(self, request: Request, who: Who) -> Response:
        since, until, council, _ = self._asked(request)
        try:
            content = await self.desk.sheet(who, since, until, council)
        except LookupError:
            raise HTTPException(404) from None
        return _file(content, "text/csv; charset=utf-8", f"chiffres-{since}-{until}.csv")

    async def report(self, request: Request, who: Who) -> Response:
        """The report of one month (« mois=2026-11 »); last month when it is not said."""
        text = request.query_params.get("mois", "")
        month = _month(text) or (self.desk.today().replace(day=1) - timedelta(days=1)).replace(day=1)
        try:
            content = await self.desk.report(who, month, _number(request.query_params.get("conseil", "")))
        except LookupError:
            raise HTTPException(404) from None
        return _file(content, "application/pdf", f"rapport-{month:%Y-%m}.pdf")

    async def health(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "console/health.html", health=await self.desk.health())

    async def _found(self, who: Who, since: date, until: date, council: int | None) -> Any:
        try:
            return await self.desk.figures(who, since, until, council)
        except LookupError:
            raise HTTPException(404) from None

    def _asked(self, request: Request) -> tuple[date, date, int | None, dict[str, str]]:
        """The period and the council of the address; a year up to today where it does not say, or says nonsense."""
        today = self.desk.today()
        errors: dict[str, str] = {}
        params = request.query_params
        until = _day(params.get("au", ""), "au", errors) or today
        since = _day(params.get("du", ""), "du", errors) or (until.replace(day=1) - timedelta(days=330)).replace(day=1)
        if since > until:
            errors["du"] = "Le premier jour vient après le dernier."
            since = until.replace(day=1)
        if (until - since).days > 31 * MOST_MONTHS:
            errors["du"] = f"Choisissez {MOST_MONTHS // 12} ans au plus."
            since = (until - timedelta(days=31 * MOST_MONTHS)).replace(day=1)
        return since, until, _number(params.get("conseil", "")), errors


def _day(text: str, name: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        errors[name] = f"« {text[:20]} » n'est pas une date."
        return None
    if not 2014 <= found.year <= 2100:
        errors[name] = "Choisissez une année à partir de 2014."
        return None
    return found


def _month(text: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if 2014 <= found.year <= 2100 else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
