"""The team's pages: who answers, in which role and for which councils, who is away; and the trail of what was done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import MANAGE, WORK, Who
from escalation.console.account import ROLES
from escalation.console.frame import Frame

PAGE = 50
FILTERS = ("qui", "quoi", "objet", "du", "au")
TAKEN = "Cette adresse est déjà celle d'une personne de l'équipe."
LAST = "Quelqu'un doit garder l'administration. Donnez-la d'abord à une autre personne."


class TeamDesk(Protocol):
    """What these pages ask; bot/doors fulfils it. LookupError: there is no such person, absence or deputy."""

    async def everyone(self) -> list[Any]: ...
    async def teammate(self, number: int) -> Any: ...
    async def councils(self) -> list[tuple[int, str]]: ...
    def wrong_with(self, name: str, email: str | None, role: str) -> dict[str, str]: ...
    def wrong_days(self, first: date | None, last: date | None) -> dict[str, str]: ...
    async def add(self, who: Who, name: str, email: str, role: str, councils: Collection[int]) -> int | None: ...
    async def change(self, who: Who, number: int, values: Mapping[str, Any]) -> bool: ...
    async def note_absence(self, who: Who, number: int, first: date, last: date) -> None: ...
    async def drop_absence(self, who: Who, number: int, absence: int) -> None: ...
    async def step_in(self, who: Who, number: int, deputy: int) -> None: ...
    async def trail(self, wanted: Mapping[str, str], page: int) -> Any: ...
    async def holds(self) -> Any: ...


@dataclass
class TeamPages:
    """The routes."""

    desk: TeamDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route("/bureau/equipe", office(self.everyone), methods=["GET"]),
            Route("/bureau/equipe", office(self.add, MANAGE), methods=["POST"]),
            Route("/bureau/equipe/nouveau", office(self.new, MANAGE), methods=["GET"]),
            Route("/bureau/equipe/{number:int}", office(self.one), methods=["GET"]),
            Route("/bureau/equipe/{number:int}", office(self.change, MANAGE), methods=["POST"]),
            Route("/bureau/equipe/{number:int}/absence", office(self.away, WORK), methods=["POST"]),
            Route("/bureau/equipe/{number:int}/absence/{absence:int}", office(self.back, WORK), methods=["POST"]),
            Route("/bureau/equipe/{number:int}/suppleance", office(self.step_in, WORK), methods=["POST"]),
            Route("/bureau/journal", office(self.trail, MANAGE), methods=["GET"]),
        ]

    async def everyone(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "console/team.html", team=await self.desk.everyone(), roles=ROLES)

    # --- an account --------------------------------------------------------------------------------------------------

    async def new(self, request: Request, who: Who) -> Response:
        return await self._new(request, {}, {"nom": "", "email": "", "role": "officer"}, ())

    async def _new(
        self, request: Request, errors: dict[str, str], typed: dict[str, str], chosen: Collection[int]
    ) -> Response:
        return self.frame.page(
            request, "console/team_new.html", 422 if errors else 200, errors=errors, typed=typed, roles=ROLES,
            councils=await self.desk.councils(), chosen=chosen,
        )  # fmt: skip

    async def add(self, request: Request, who: Who) -> Response:
        form = await request.form()
        typed = {name: str(form.get(name, "")) for name in ("nom", "email", "role")}
        councils = chosen_in(form)
        errors = self.desk.wrong_with(typed["nom"], typed["email"], typed["role"])
        if not errors:
            number = await self.desk.add(who, typed["nom"], typed["email"], typed["role"], councils)
            if number is not None:
                words = f"{typed['nom'].strip()} fait partie de l'équipe, et peut entrer par un lien."
                return self.frame.back(request, f"/bureau/equipe/{number}", words)
            errors["email"] = TAKEN
        return await self._new(request, errors, typed, councils)

    async def one(self, request: Request, who: Who) -> Response:
        return await self._one(request, who, await self._found(request), {}, {})

    async def _one(
        self, request: Request, who: Who, found: Any, errors: dict[str, str], typed: dict[str, str]
    ) -> Response:  # fmt: skip
        others = [each for each in await self.desk.everyone() if each.active and each.role != "reader"]
        return self.frame.page(
            request, "console/team_one.html", 422 if errors else 200, one=found, errors=errors, typed=typed,
            roles=ROLES, councils=await self.desk.councils(), mine=found.id == who.id,
            deputies=[("0", "Personne")] + [(each.id, each.name) for each in others if each.id != found.id],
        )  # fmt: skip

    async def _found(self, request: Request) -> Any:
        try:
            return await self.desk.teammate(request.path_params["number"])
        except LookupError:
            raise HTTPException(404) from None

    async def change(self, request: Request, who: Who) -> Response:
        found, form = await self._found(request), await request.form()
        name, role = str(form.get("nom", "")), str(form.get("role", ""))
        errors = self.desk.wrong_with(name, None, role)
        if not errors:
            values = {"name": name, "role": role, "active": "actif" in form, "council_ids": chosen_in(form)}
            if await self.desk.change(who, found.id, values):
                return self.frame.back(request, f"/bureau/equipe/{found.id}", "C'est enregistré.")
            errors["role"] = LAST
        return await self._one(request, who, found, errors, {"nom": name, "role": role})

    # --- away --------------------------------------------------------------------------------------------------------

    async def _theirs(self, request: Request, who: Who) -> Any:
        """The person of the page: oneself, or anybody for whoever manages the team."""
        found = await self._found(request)
        if found.id != who.id and not who.may(MANAGE):
            raise HTTPException(403)
        return found

    async def away(self, request: Request, who: Who) -> Response:
        found, form = await self._theirs(request, who), await request.form()
        typed = {name: str(form.get(name, "")) for name in ("du", "au")}
        first, last = _day(typed["du"]), _day(typed["au"])
        errors = self.desk.wrong_days(first, last)
        if errors or first is None or last is None:
            return await self._one(request, who, found, errors, typed)
        await self.desk.note_absence(who, found.id, first, last)
        return self.frame.back(request, f"/bureau/equipe/{found.id}", "L'absence est notée.")

    async def back(self, request: Request, who: Who) -> Response:
        found = await self._theirs(request, who)
        try:
            await self.desk.drop_absence(who, found.id, request.path_params["absence"])
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.back(request, f"/bureau/equipe/{found.id}", "L'absence est retirée.")

    async def step_in(self, request: Request, who: Who) -> Response:
        found, chosen = await self._theirs(request, who), str((await request.form()).get("suppleance", "0"))
        try:
            await self.desk.step_in(who, found.id, int(chosen) if chosen.isdigit() and len(chosen) < 10 else -1)
        except LookupError:
            errors = {"suppleance": "Choisissez une personne de la liste, qui répond aux questions."}
            return await self._one(request, who, found, errors, {})
        return self.frame.back(request, f"/bureau/equipe/{found.id}", "La suppléance est notée.")

    # --- the trail ---------------------------------------------------------------------------------------------------

    async def trail(self, request: Request, who: Who) -> Response:
        wanted = {name: request.query_params.get(name, "")[:100] for name in FILTERS}
        asked = request.query_params.get("page", "1")
        page = min(max(int(asked) if asked.isdigit() and len(asked) < 7 else 1, 1), 100_000)
        checked = "verifier" in request.query_params
        query = urlencode({name: value for name, value in wanted.items() if value})
        found = await self.desk.trail(wanted, page)
        return self.frame.page(
            request, "console/trail.html", found=found, wanted=wanted, page=page, last=-(-found.count // PAGE) or 1,
            way="/bureau/journal" + (f"?{query}" if query else ""), checked=checked,
            broken=await self.desk.holds() if checked else None,
        )  # fmt: skip


def chosen_in(form: FormData) -> tuple[int, ...]:
    """The councils that were ticked."""
    ticked = [str(each) for each in form.getlist("conseils")]
    return tuple(int(each) for each in ticked if each.isascii() and each.isdigit() and len(each) < 10)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
