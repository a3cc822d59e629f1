"""The way in: an address, a link by email, a click; and the way out."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.desk import SignInDesk
from escalation.console.frame import Frame

COOKIE = "bureau"
ROLES = {
    "officer": "chargée de mission",
    "deputy": "suppléance",
    "administrator": "administration",
    "reader": "lecture seule",
}


@dataclass
class SignIn:
    """The routes of signing in and out."""

    desk: SignInDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/bureau/entrer", self.form, methods=["GET"]),
            Route("/bureau/entrer", self.send, methods=["POST"]),
            Route("/bureau/entrer/{secret}", self.confirm, methods=["GET"]),
            Route("/bureau/entrer/{secret}", self.enter, methods=["POST"]),
            Route("/bureau/moi", self.frame.office(self.me), methods=["GET"]),
            Route("/bureau/sortir", self.frame.office(self.leave), methods=["POST"]),
        ]

    async def form(self, request: Request) -> Response:
        over = "fin" in request.query_params
        return self.frame.page(
            request, "console/enter.html", over=over, sent="", error="", email="", token=self.frame.token("")
        )

    async def send(self, request: Request) -> Response:
        form = await request.form()
        email, token = str(form.get("email", "")).strip(), str(form.get("jeton", ""))
        error = ""
        if not self.frame.trusts(request, "", token):
            error = "La page était ouverte depuis longtemps. Envoyez de nouveau."
        elif "@" not in email:
            error = "Écrivez votre adresse e-mail en entier, par exemple nora@exemple.fr."
        if error:
            return self.frame.page(
                request, "console/enter.html", 422, over=False, sent="", error=error, email=email,
                token=self.frame.token(""),
            )  # fmt: skip
        await self.desk.send_link(email)
        return self.frame.page(
            request, "console/enter.html", over=False, sent=email, error="", email="", token=self.frame.token("")
        )

    async def confirm(self, request: Request) -> Response:
        """A button rather than a redirect: what looks into mails on the way must not use the link up."""
        return self.frame.page(request, "console/confirm.html", token=self.frame.token(""), failed=False)

    async def enter(self, request: Request) -> Response:
        form = await request.form()
        secret = None
        if self.frame.trusts(request, "", str(form.get("jeton", ""))):
            agent = request.headers.get("user-agent", "")
            secret = await self.desk.enter_by_link(request.path_params["secret"], agent)
        if secret is None:
            return self.frame.page(request, "console/confirm.html", 410, token=self.frame.token(""), failed=True)
        response = RedirectResponse("/bureau", 303)
        self.frame.remember(response, secret)
        return response

    async def me(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "console/me.html", role=ROLES[who.role])

    async def leave(self, request: Request, who: Who) -> Response:
        await self.desk.leave(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/bureau/entrer", 303)
        self.frame.remember(response, "")
        return response
