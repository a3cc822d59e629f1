"""Reading entries: the list, one entry, its versions, what is to be read again or written, files in and out."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from knowledge.pages import form as forms
from knowledge.pages.desk import Bringing, EntriesDesk, Filter
from knowledge.pages.editing import HOME
from knowledge.pages.frame import Frame, Who

STATES = (
    ("", "Toutes"), ("a_relire", "À relire"), ("a_valider", "À valider"), ("finies", "Finies"),
    ("retirees", "Retirées"),
)  # fmt: skip
NAMES: dict[str, Any] = {"kinds": forms.KIND_NAMES, "statuses": forms.STATUS_NAMES, "asked": forms.ANSWER_NAMES}


@dataclass
class ReadingPages:
    """The routes of reading."""

    desk: EntriesDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        """Those with fixed words stand before the one of an entry."""
        office = self.frame.office
        return [
            Route(HOME, office(self.listed), methods=["GET"]),
            Route(f"{HOME}/a-relire", office(self.to_review), methods=["GET"]),
            Route(f"{HOME}/a-ecrire", office(self.to_write), methods=["GET"]),
            Route(f"{HOME}/exporter", office(self.export), methods=["GET"]),
            Route(f"{HOME}/importer", office(self.import_form, "work"), methods=["GET"]),
            Route(f"{HOME}/importer", office(self.show_import, "work"), methods=["POST"]),
            Route(f"{HOME}/importer/{{id:int}}", office(self.bring_in, "work"), methods=["POST"]),
        ]

    def of_one(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route(f"{HOME}/{{slug}}", office(self.entry), methods=["GET"]),
            Route(f"{HOME}/{{slug}}/versions/{{number:int}}", office(self.version), methods=["GET"]),
            Route(f"{HOME}/{{slug}}/versions/{{number:int}}/reprendre", office(self.restore, "work"), methods=["POST"]),
            Route(f"{HOME}/{{slug}}/retirer", office(self.retire, "work"), methods=["POST"]),
        ]

    async def listed(self, request: Request, who: Who) -> Response:
        asked = request.query_params
        wanted = Filter(
            forms.one_line(asked.get("q", ""))[:200],
            kind if (kind := asked.get("genre", "")) in forms.KIND_NAMES else "",
            state if (state := asked.get("etat", "")) in dict(STATES) else "",
            forms.number(asked.get("page", "")) or 1,
        )
        found = await self.desk.listed(wanted)
        kept = {"q": wanted.words, "genre": wanted.kind}
        ways = {name: _way(kept | {"etat": name}) for name, _ in STATES}
        return self.frame.page(
            request, "fiches/list.html", found=found, wanted=wanted, states=STATES, ways=ways,
            way=ways[wanted.state], page=min(wanted.page, found.last), **NAMES,
        )  # fmt: skip

    async def to_review(self, request: Request, who: Who) -> Response:
        page = forms.number(request.query_params.get("page", "")) or 1
        found = await self.desk.to_review(page)
        return self.frame.page(
            request, "fiches/review.html", found=found, page=min(page, found.last), way=f"{HOME}/a-relire", **NAMES
        )

    async def to_write(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "fiches/to_write.html", themes=await self.desk.to_write(who))

    # --- one entry ---------------------------------------------------------------------------------------------------

    async def entry(self, request: Request, who: Who) -> Response:
        try:
            found = await self.desk.entry(who, request.path_params["slug"])
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.page(request, "fiches/entry.html", e=found, c=found.content, **NAMES)

    async def version(self, request: Request, who: Who) -> Response:
        try:
            found = await self.desk.compared(request.path_params["slug"], request.path_params["number"])
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.page(request, "fiches/version.html", found=found, c=found.content, **NAMES)

    async def restore(self, request: Request, who: Who) -> Response:
        slug, number = request.path_params["slug"], request.path_params["number"]
        reason = forms.one_line((await request.form()).get("reason", ""))
        try:
            done = await self.desk.restore(who, slug, number, reason)
        except LookupError:
            raise HTTPException(404) from None
        if done.what == "wrong":
            words = f"Cette version ne peut pas revenir telle quelle : {' '.join(done.errors.values())}"
            return self.frame.back(request, f"{HOME}/{quote(slug)}/modifier", words, "failed")
        words = f"La version {number} répond de nouveau." if done.what == "published" else "Ces mots sont déjà publiés."
        return self.frame.back(request, f"{HOME}/{quote(slug)}", words)

    async def retire(self, request: Request, who: Who) -> Response:
        slug = request.path_params["slug"]
        done = await self.desk.retire(who, slug)
        words = "Fiche retirée : elle ne répond plus. Ses versions restent." if done else "Elle est déjà retirée."
        return self.frame.back(request, f"{HOME}/{quote(slug)}", words)

    # --- files -------------------------------------------------------------------------------------------------------

    async def export(self, request: Request, who: Who) -> Response:
        name = f"fiches-{self.desk.today().isoformat()}.zip"
        return Response(
            await self.desk.export(),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def import_form(self, request: Request, who: Who) -> Response:
        return self._import(request)

    def _import(self, request: Request, found: Bringing | None = None, error: str = "", status: int = 200) -> Response:
        return self.frame.page(request, "fiches/import.html", status, found=found, error=error)

    async def show_import(self, request: Request, who: Who) -> Response:
        file = (await request.form()).get("fichier")
        if not isinstance(file, UploadFile) or not file.filename:
            return self._import(request, error="Choisissez un fichier .zip ou .csv.", status=422)
        found = await self.desk.bring(who, file.filename, await file.read())
        return self._import(request, found, status=422 if found.faults else 200)

    async def bring_in(self, request: Request, who: Who) -> Response:
        reason = forms.one_line((await request.form()).get("reason", ""))
        changed = await self.desk.bring_in(who, request.path_params["id"], reason)
        if changed is None:
            return self.frame.back(
                request,
                f"{HOME}/importer",
                "Ce fichier n'est plus là, ou la base a changé. Envoyez-le encore.",
                "failed",
            )
        one = "1 fiche est publiée." if changed == 1 else f"{changed} fiches sont publiées."
        return self.frame.back(request, HOME, one)


def _way(kept: dict[str, str]) -> str:
    said = urlencode({name: value for name, value in kept.items() if value})
    return f"{HOME}?{said}" if said else HOME
