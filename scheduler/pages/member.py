"""A member's page of one meeting, by the signed link of a reminder: see who comes, answer, choose, take the papers."""

from dataclasses import dataclass
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from scheduler.pages.forms import numbers, word
from scheduler.pages.frame import PublicFrame


class MemberDesk(Protocol):
    """What this page asks; bot/doors fulfils it. None everywhere: the link is over, or not one of ours."""

    async def member_page(self, token: str) -> Any | None: ...

    async def member_answer(self, token: str, said: str, alternate: str, wish: str) -> str | None: ...

    async def member_follow(self, token: str) -> bool:
        """Make the secret link by which a program follows their meetings; False: the link is over."""
        ...

    async def member_choose(self, token: str, chosen: set[int]) -> str | None: ...

    async def member_file(self, token: str, what: str) -> tuple[str, str, bytes] | None:
        """(name, type, bytes) of the calendar entry (ics) or of the kit (pdf)."""
        ...


@dataclass
class MemberPages:
    """The routes."""

    desk: MemberDesk
    frame: PublicFrame

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/reunion/{token}", self.show, methods=["GET"]),
            Route("/reunion/{token}", self.answer, methods=["POST"]),
            Route("/reunion/{token}/dates", self.choose, methods=["POST"]),
            Route("/reunion/{token}/agenda", self.follow, methods=["POST"]),
            Route("/reunion/{token}/dossier.pdf", self.paper, methods=["GET"]),
            Route("/reunion/{token}/reunion.ics", self.entry, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        return await self._show(request, "")

    async def _show(self, request: Request, said: str, status: int = 200) -> Response:
        token = request.path_params["token"]
        found = await self.desk.member_page(token)
        if found is None:
            return self.frame.page(request, "reunions/member_over.html", 404)
        return self.frame.page(
            request, "reunions/member.html", status, found=found, way=f"/reunion/{token}", said_now=said,
            token=self.frame.token(""),
        )  # fmt: skip

    async def answer(self, request: Request) -> Response:
        form = await request.form()
        if not self.frame.trusts(request, "", word(form, "jeton")):
            return await self._show(request, "La page était ouverte depuis longtemps. Répondez de nouveau.", 403)
        said = await self.desk.member_answer(
            request.path_params["token"], word(form, "reponse"), word(form, "remplace", 200), word(form, "dire", 3000)
        )
        return await self._show(request, said or "")

    async def choose(self, request: Request) -> Response:
        form = await request.form()
        if not self.frame.trusts(request, "", word(form, "jeton")):
            return RedirectResponse(f"/reunion/{request.path_params['token']}", 303)
        said = await self.desk.member_choose(request.path_params["token"], set(numbers(form, "dates")))
        return await self._show(request, said or "")

    async def follow(self, request: Request) -> Response:
        form = await request.form()
        way = f"/reunion/{request.path_params['token']}"
        if not self.frame.trusts(request, "", word(form, "jeton")):
            return RedirectResponse(way, 303)
        made = await self.desk.member_follow(request.path_params["token"])
        return await self._show(request, "Voici votre lien, en bas de la page." if made else "")

    async def paper(self, request: Request) -> Response:
        return await self._file(request, "pdf")

    async def entry(self, request: Request) -> Response:
        return await self._file(request, "ics")

    async def _file(self, request: Request, what: str) -> Response:
        found = await self.desk.member_file(request.path_params["token"], what)
        if found is None:
            raise HTTPException(404)
        name, kind, content = found
        return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
