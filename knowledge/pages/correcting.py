"""Corrections: who received what was wrong, the officer's yes, how far it went; and the public figures."""

from dataclasses import dataclass
from datetime import date

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from knowledge import reliability
from knowledge.pages import form as forms
from knowledge.pages.desk import EntriesDesk
from knowledge.pages.editing import HOME
from knowledge.pages.frame import Frame, Who

WAYS = f"{HOME}/corrections"


@dataclass
class CorrectingPages:
    """The routes of corrections, and the public page of reliability."""

    desk: EntriesDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route(WAYS, office(self.listed), methods=["GET"]),
            Route(f"{WAYS}/{{id:int}}", office(self.one), methods=["GET"]),
            Route(f"{WAYS}/{{id:int}}", office(self.approve, "work"), methods=["POST"]),
            Route(f"{WAYS}/{{id:int}}/ecarter", office(self.drop, "work"), methods=["POST"]),
            Route("/fiabilite", self.public, methods=["GET"]),
        ]

    async def listed(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "fiches/corrections.html", found=await self.desk.corrections())

    async def one(self, request: Request, who: Who) -> Response:
        asked = request.query_params
        return await self._one(request, who, day_of(asked.get("depuis", "")), forms.number(asked.get("page", "")) or 1)

    async def _one(
        self,
        request: Request,
        who: Who,
        since: date | None,
        page: int = 1,
        *,
        words: str | None = None,
        error: str = "",
    ) -> Response:
        number = request.path_params["id"]
        try:
            found = await self.desk.correction(who, number, since, page)
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.page(
            request, "fiches/correction.html", 422 if error else 200, found=found, page=min(page, found.last),
            way=f"{WAYS}/{number}?depuis={found.since.isoformat()}", words=found.words if words is None else words,
            error=error,
        )  # fmt: skip

    async def approve(self, request: Request, who: Who) -> Response:
        form = await request.form()
        number = request.path_params["id"]
        words, since = forms.one_line(form.get("words", ""))[:300], day_of(form.get("depuis", ""))
        if since is None or since > self.desk.today():
            return await self._one(request, who, None, words=words, error="Choisissez un jour passé.")
        if not words:
            return await self._one(request, who, since, words="", error="Dites en une phrase ce qui a changé.")
        if form.get("action") == "count":  # the period changed: look again before saying yes
            return await self._one(request, who, since, words=words)
        try:
            done = await self.desk.approve_correction(who, number, since, words)
        except LookupError:
            raise HTTPException(404) from None
        if not done:
            return self.frame.back(request, f"{WAYS}/{number}", "C'était déjà décidé.", "waiting")
        return self.frame.back(request, f"{WAYS}/{number}", "La correction part. Chaque personne la reçoit une fois.")

    async def drop(self, request: Request, who: Who) -> Response:
        number = request.path_params["id"]
        try:
            done = await self.desk.drop_correction(who, number)
        except LookupError:
            raise HTTPException(404) from None
        words = "Personne ne sera prévenu." if done else "C'était déjà décidé."
        return self.frame.back(request, f"{WAYS}/{number}", words, "done" if done else "waiting")

    async def public(self, request: Request) -> Response:
        """For everybody: how many of 100 automatic answers were useful, and how many were corrected."""
        found = await self.desk.reliability()
        said = reliability.sentence(found.count)
        return self.frame.page(
            request, "fiches/reliability.html", found=found, since=found.since.strftime("%d/%m/%Y"), sentence=said,
            names=reliability.NAMES,
            few=reliability.FEW, shown=reliability.shown(found.count.parts), shares=reliability.shares(found.count),
            picture=Markup(reliability.picture(found.count)) if said else "",
        )  # fmt: skip


def day_of(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
