"""The first page of the desk: what waits for a person, by what is urgent; it keeps itself fresh."""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.frame import Frame
from escalation.console.views import KINDS, STATES, THEMES, VIEWS, Filters
from escalation.console.work import QueueDesk

SHORTCUTS = (
    ("j", "question suivante"),
    ("k", "question précédente"),
    ("Entrée", "ouvrir la question choisie"),
    ("a", "écrire la réponse, sur la page d'une question"),
    ("r", "relire avant d'envoyer, quand la réponse est écrite"),
    ("/", "chercher"),
    ("u", "revenir à la liste"),
    ("p", "noter un appel en cours"),
    ("?", "afficher cette aide"),
)


@dataclass
class QueuePages:
    """The routes of the queue."""

    desk: QueueDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/bureau", self.frame.office(self.queue), methods=["GET"]),
            Route("/bureau/flux", self.frame.office(self.fresh), methods=["GET"]),
            Route("/bureau/aide", self.frame.office(self.help), methods=["GET"]),
        ]

    async def queue(self, request: Request, who: Who) -> Response:
        filters = Filters.read(request.query_params)
        found = await self.desk.queue(who, filters)
        return self.frame.page(
            request, "console/queue.html", filters=filters, queue=found, rows=found.rows, views=VIEWS,
            themes=sorted(THEMES.items()), kinds=KINDS, states=STATES,
        )  # fmt: skip

    async def fresh(self, request: Request, who: Who) -> Response:
        """The list as it stands now; 304 while nothing has changed. Looking does not keep a session alive."""
        filters = Filters.read(request.query_params)
        found = await self.desk.glimpse(who, filters)
        html = self.frame.piece(
            "console/rows.html", rows=found.rows, filters=filters, kinds=KINDS, states=STATES, queue=found
        )
        glance = request.state.glance
        mark = hashlib.sha256(f"{html}{glance.waiting}{glance.late}".encode()).hexdigest()[:24]
        headers = {"ETag": f'"{mark}"', "Cache-Control": "no-store"}
        if request.headers.get("if-none-match", "") == f'"{mark}"':
            return Response(None, 304, headers)
        return JSONResponse(
            {"html": html, "waiting": glance.waiting, "late": glance.late, "total": found.total}, headers=headers
        )

    async def help(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "console/help.html", shortcuts=SHORTCUTS)
