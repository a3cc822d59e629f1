"""Around the meetings: whom to call, the plan of steps, and calendars that come in."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from scheduler.pages import forms
from scheduler.pages.desk import MeetingsDesk, Refused
from scheduler.pages.forms import number_of, word
from scheduler.pages.frame import Frame, Who, working
from scheduler.steps import ACTION_NAMES

WAY = "/bureau/reunions"
CHANGES = {
    "new": "nouvelle", "moved": "déplacée", "changed": "changée", "cancelled": "annulée", "same": "inchangée",
    "ignored": "laissée de côté",
}  # fmt: skip


@dataclass
class SeasonPages:
    """The routes."""

    desk: MeetingsDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        read, work = self.frame.office, working(self.frame)
        return [
            Route(f"{WAY}/appels", read(self.calls), methods=["GET"]),
            Route(f"{WAY}/{{number:int}}/appels/{{person:int}}", work(self.note_call), methods=["POST"]),
            Route(f"{WAY}/plan", read(self.plan), methods=["GET"]),
            Route(f"{WAY}/plan", work(self.edit_plan), methods=["POST"]),
            Route(f"{WAY}/plan/ajouter", work(self.add_to_plan), methods=["POST"]),
            Route(f"{WAY}/importer", work(self.importing), methods=["GET"]),
            Route(f"{WAY}/importer", work(self.import_file), methods=["POST"]),
        ]

    # --- calls -------------------------------------------------------------------------------------------------------

    async def calls(self, request: Request, who: Who) -> Response:
        return await self._calls(request, who, {})

    async def _calls(self, request: Request, who: Who, errors: dict[str, str]) -> Response:
        lists = await self.desk.call_lists(who)
        outcomes = self.desk.outcomes()
        return self.frame.page(
            request, "reunions/calls.html", 422 if errors else 200, lists=lists, errors=errors, outcomes=outcomes
        )

    async def note_call(self, request: Request, who: Who) -> Response:
        form, number, person = await request.form(), number_of(request), number_of(request, "person")
        try:
            await self.desk.note_call(
                who, number, person, word(form, "resultat"), word(form, f"note-{number}-{person}", 1000),
                word(form, "reponse"), word(form, f"remplace-{number}-{person}", 200),
            )  # fmt: skip
        except LookupError:
            raise HTTPException(404) from None
        except Refused as refused:
            return await self._calls(request, who, refused.errors)
        return self.frame.back(request, f"{WAY}/appels", "L'appel est noté.")

    # --- the plan ----------------------------------------------------------------------------------------------------

    async def plan(self, request: Request, who: Who) -> Response:
        return await self._plan(request, {}, {})

    async def _plan(self, request: Request, errors: dict[str, str], typed: dict[str, str]) -> Response:
        return self.frame.page(
            request,
            "reunions/plan.html",
            422 if errors else 200,
            plans=await self.desk.plans(),
            kinds=self.desk.kinds(),
            names=ACTION_NAMES,
            errors=errors,
            typed=typed,
        )

    async def edit_plan(self, request: Request, who: Who) -> Response:
        form = await request.form()
        kind, step = word(form, "type"), word(form, "etape")
        days, hour = word(form, "jours"), word(form, "heure")
        errors = {}
        if not re.fullmatch(r"-?\d{1,2}", days):
            errors["jours"] = "Donnez un nombre de jours, de -90 à 90."
        if not re.fullmatch(r"\d{1,2}:\d{2}", hour):
            errors["heure"] = "Donnez une heure entre 8 h et 20 h."
        try:
            if word(form, "defaut"):
                await self.desk.reset_step(who, kind, step)
            elif not errors:
                minutes = int(hour.split(":")[0]) * 60 + int(hour.split(":")[1])
                await self.desk.edit_step(
                    who, kind, step, int(days), minutes, bool(word(form, "ouvre")), bool(word(form, "actif"))
                )
        except Refused as refused:
            errors = refused.errors
        except LookupError:
            raise HTTPException(404) from None
        if errors and not word(form, "defaut"):
            return await self._plan(request, errors, {"type": kind, "etape": step})
        return self.frame.back(request, f"{WAY}/plan#{kind if kind in self.desk.kinds() else ''}", "C'est enregistré.")

    async def add_to_plan(self, request: Request, who: Who) -> Response:
        form = await request.form()
        kind, action = word(form, "type"), word(form, "action")
        days, hour = word(form, "ajout_jours"), word(form, "ajout_heure")
        errors = {}
        if kind not in self.desk.kinds() or action not in ACTION_NAMES:
            raise HTTPException(404)
        if not re.fullmatch(r"-?\d{1,2}", days):
            errors["ajout_jours"] = "Donnez un nombre de jours, de -90 à 90."
        if not re.fullmatch(r"\d{1,2}:\d{2}", hour):
            errors["ajout_heure"] = "Donnez une heure entre 8 h et 20 h."
        if not errors:
            try:
                await self.desk.add_step(
                    who, kind, action, int(days), int(hour.split(":")[0]) * 60 + int(hour.split(":")[1])
                )
            except Refused as refused:
                errors = refused.errors
        if errors:
            typed = {"type": kind, "etape": "", "action": action, "ajout_jours": days, "ajout_heure": hour}
            return await self._plan(request, errors, typed)
        return self.frame.back(request, f"{WAY}/plan#{kind}", "L'étape est ajoutée.")

    # --- calendars that come in --------------------------------------------------------------------------------------

    async def importing(self, request: Request, who: Who) -> Response:
        return await self._importing(request, who, {}, [], None, False)

    async def _importing(
        self, request: Request, who: Who, errors: dict[str, str], chosen: list[str], report: Any, dry: bool
    ) -> Response:
        return self.frame.page(
            request,
            "reunions/import.html",
            422 if errors else 200,
            errors=errors,
            chosen=chosen,
            report=report,
            dry=dry,
            words=CHANGES,
            councils=await self.desk.councils(who),
        )

    async def import_file(self, request: Request, who: Who) -> Response:
        form = await request.form()
        name, content = await forms.file_of(form)
        chosen = [str(each) for each in form.getlist("conseils")]
        dry = bool(word(form, "essai"))
        if not content:
            return await self._importing(request, who, {"fichier": "Choisissez un fichier."}, chosen, None, dry)
        try:
            report = await self.desk.import_file(who, name, content, chosen, dry)
        except Refused as refused:
            return await self._importing(request, who, refused.errors, chosen, None, dry)
        return await self._importing(request, who, {}, chosen, report, dry or bool(report.problems))
