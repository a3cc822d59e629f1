"""The way in: a link by email, a password with a code, or an identity provider; and the way out."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.desk import SignInDesk
from escalation.console.frame import Frame
from escalation.console.oidc import Provider, Refused

COOKIE = "bureau"
CARRIED = "fournisseur"
OLD_PAGE = "La page était ouverte depuis longtemps. Envoyez de nouveau."
OVER = "Les cinq minutes sont passées. Écrivez de nouveau votre mot de passe."


@dataclass
class SignIn:
    """The routes of signing in and out."""

    desk: SignInDesk
    frame: Frame
    provider: Provider | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/bureau/entrer", self.form, methods=["GET"]),
            Route("/bureau/entrer", self.send, methods=["POST"]),
            Route("/bureau/entrer/mot-de-passe", self.password, methods=["GET"]),
            Route("/bureau/entrer/mot-de-passe", self.try_password, methods=["POST"]),
            Route("/bureau/entrer/code", self.try_code, methods=["POST"]),
            Route("/bureau/entrer/{secret}", self.confirm, methods=["GET"]),
            Route("/bureau/entrer/{secret}", self.enter, methods=["POST"]),
            Route("/bureau/fournisseur", self.begin, methods=["GET"]),
            Route("/bureau/fournisseur/retour", self.finish, methods=["GET"]),
            Route("/bureau/sortir", self.frame.office(self.leave), methods=["POST"]),
            Route("/bureau/sorti", self.gone, methods=["GET"]),
        ]

    # --- a link by email ---------------------------------------------------------------------------------------------

    async def form(self, request: Request) -> Response:
        return self._enter(request, over="fin" in request.query_params, way=request.query_params.get("vers", ""))

    async def send(self, request: Request) -> Response:
        form = await request.form()
        email, way = str(form.get("email", "")).strip(), str(form.get("vers", ""))
        error = ""
        if not self.frame.trusts(request, "", str(form.get("jeton", ""))):
            error = OLD_PAGE
        elif "@" not in email:
            error = "Écrivez votre adresse e-mail en entier, par exemple nora@exemple.fr."
        if error:
            return self._enter(request, 422, error=error, email=email, way=way)
        wait = await self.desk.send_link(email, way, network_of(request))
        if wait is not None:
            return self._enter(request, 429, error=self._wait(wait), email=email, way=way)
        return self._enter(request, sent=email, way=way)

    async def confirm(self, request: Request) -> Response:
        """A button rather than a redirect: what looks into mails on the way must not use the link up."""
        return self.frame.page(request, "console/confirm.html", token=self.frame.token(""), failed=False)

    async def enter(self, request: Request) -> Response:
        form = await request.form()
        found = None
        if self.frame.trusts(request, "", str(form.get("jeton", ""))):
            before = request.cookies.get(COOKIE, "")
            found = await self.desk.enter_by_link(request.path_params["secret"], agent_of(request), before)
        if found is None:
            return self.frame.page(request, "console/confirm.html", 410, token=self.frame.token(""), failed=True)
        return self._in(request, *found)

    # --- a password, then a code -------------------------------------------------------------------------------------

    async def password(self, request: Request) -> Response:
        return self._password(request, way=request.query_params.get("vers", ""))

    async def try_password(self, request: Request) -> Response:
        form = await request.form()
        email, way = str(form.get("email", "")).strip(), str(form.get("vers", ""))
        typed = str(form.get("mot_de_passe", ""))
        if not self.frame.trusts(request, "", str(form.get("jeton", ""))):
            return self._password(request, 422, {"email": OLD_PAGE}, email, way)
        if "@" not in email or not typed:
            wrong = {} if "@" in email else {"email": "Écrivez votre adresse e-mail en entier."}
            return self._password(
                request, 422, wrong | ({} if typed else {"mot_de_passe": "Écrivez votre mot de passe."}), email, way
            )
        tried = await self.desk.try_password(email, typed, way, network_of(request))
        if tried.wait is not None:
            return self._password(request, 429, {"mot_de_passe": self._wait(tried.wait)}, email, way)
        if tried.problem:
            words = "L'adresse et le mot de passe ne vont pas ensemble. Le lien par e-mail marche toujours."
            return self._password(request, 422, {"mot_de_passe": words}, email, way)
        return self._code(request, tried.secret)

    async def try_code(self, request: Request) -> Response:
        form = await request.form()
        step = str(form.get("suite", ""))
        if not self.frame.trusts(request, "", str(form.get("jeton", ""))):
            return self._code(request, step, OLD_PAGE, 422)
        tried = await self.desk.try_code(
            step, str(form.get("code", "")), agent_of(request), network_of(request), request.cookies.get(COOKIE, "")
        )
        if tried.wait is not None:
            return self._code(request, step, self._wait(tried.wait), 429)
        if tried.problem == "over":
            return self._password(request, 410, {"mot_de_passe": OVER}, "", "")
        if tried.problem:
            return self._code(request, step, "Ce code n'est pas le bon, ou il a déjà servi. Attendez le suivant.", 422)
        return self._in(request, tried.secret, tried.way)

    # --- an identity provider ----------------------------------------------------------------------------------------

    async def begin(self, request: Request) -> Response:
        """Off to the provider; with `relier`, to tie the account that is signed in to it."""
        if self.provider is None:
            return self.frame.back(request, "/bureau/entrer")
        try:
            begun = await self.provider.ask()
        except Refused as error:
            return self._enter(request, 503, error=str(error), way=request.query_params.get("vers", ""))
        response = RedirectResponse(begun.url, 303)
        kept = {
            "state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier,
            "vers": request.query_params.get("vers", "")[:500], "relier": request.query_params.get("relier", ""),
        }  # fmt: skip
        response.set_cookie(
            CARRIED, self.desk.carry(kept), 600, path="/bureau/fournisseur", httponly=True, samesite="lax",
            secure=self.provider.public_url.startswith("https://"),
        )  # fmt: skip
        return response

    async def finish(self, request: Request) -> Response:
        """Back from the provider."""
        if self.provider is None:
            return self.frame.back(request, "/bureau/entrer")
        kept = self.desk.carried(request.cookies.get(CARRIED, ""))
        try:
            found = await self.provider.finish(
                dict(request.query_params), kept.get("state", ""), kept.get("nonce", ""), kept.get("verifier", "")
            )
        except Refused as error:
            return self._enter(request, 403, error=str(error))
        known = self.desk.known(found.issuer, found.subject, found.email, found.verified, found.id_token)
        if kept.get("relier"):
            response = await self.frame.office(self._linking(known))(request)
        else:
            before = request.cookies.get(COOKIE, "")
            entered = await self.desk.enter_by_provider(known, kept.get("vers", ""), agent_of(request), before)
            if entered.problem:
                return self._enter(request, 403, error=entered.problem)
            response = self._in(request, entered.secret, entered.way)
        response.delete_cookie(CARRIED, path="/bureau/fournisseur")
        return response

    def _linking(self, known: Any) -> Any:
        async def link(request: Request, who: Who) -> Response:
            if await self.desk.link_provider(who, known):
                return self.frame.back(request, "/bureau/moi", "Votre compte est relié à votre service d'identité.")
            words = "Cette identité est déjà celle d'une autre personne de l'équipe."
            return self.frame.back(request, "/bureau/moi", words, "failed")

        return link

    # --- out ---------------------------------------------------------------------------------------------------------

    async def leave(self, request: Request, who: Who) -> Response:
        ticket = await self.desk.leave(request.cookies.get(COOKIE, ""))
        further = await self.provider.goodbye(ticket) if ticket and self.provider else ""
        response = RedirectResponse("/bureau/sorti", 303)
        self.frame.remember(response, "")
        if further and self.provider:
            response.set_cookie(
                CARRIED, self.desk.carry({"sortie": further}), 600, path="/bureau/sorti", httponly=True,
                samesite="lax", secure=self.provider.public_url.startswith("https://"),
            )  # fmt: skip
        return response

    async def gone(self, request: Request) -> Response:
        """Signed out here; and a link to sign out at the provider, for a computer that others use."""
        further = self.desk.carried(request.cookies.get(CARRIED, "")).get("sortie", "") if self.provider else ""
        name = self.provider.name if self.provider else ""
        return self.frame.page(request, "console/gone.html", further=further, provider=name)

    # --- pages -------------------------------------------------------------------------------------------------------

    def _in(self, request: Request, secret: str, way: str) -> Response:
        response = self.frame.back(request, way or "/bureau")
        self.frame.remember(response, secret)
        return response

    def _enter(
        self, request: Request, status: int = 200, *, over: bool = False, sent: str = "", error: str = "",
        email: str = "", way: str = "",
    ) -> Response:  # fmt: skip
        return self.frame.page(
            request, "console/enter.html", status, over=over, sent=sent, error=error, email=email, way=way,
            asked=f"?vers={quote(way)}" if way else "", provider=self.provider.name if self.provider else "",
            token=self.frame.token(""),
        )  # fmt: skip

    def _password(
        self, request: Request, status: int = 200, errors: dict[str, str] | None = None, email: str = "", way: str = ""
    ) -> Response:
        return self.frame.page(
            request, "console/password.html", status, errors=errors or {}, email=email, way=way,
            asked=f"?vers={quote(way)}" if way else "", token=self.frame.token(""),
        )  # fmt: skip

    def _code(self, request: Request, step: str, error: str = "", status: int = 200) -> Response:
        token = self.frame.token("")
        return self.frame.page(request, "console/code.html", status, step=step, error=error, token=token)

    def _wait(self, until: datetime) -> str:
        """« Trop d'essais. Attendez 40 secondes… »"""
        seconds = max(int((until - self.desk.now()).total_seconds()) + 1, 1)
        span = f"{seconds} seconde{'s' if seconds > 1 else ''}"
        if seconds >= 90:
            span = f"{round(seconds / 60)} minutes"
        return f"Trop d'essais. Attendez {span}, puis essayez de nouveau. Un lien par e-mail reste possible."


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")


def network_of(request: Request) -> str:
    """Where a browser asks from: its address, or the /64 of an IPv6 one, which one home holds whole."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network(f"{host}/64", strict=False)) if found.version == 6 else host
