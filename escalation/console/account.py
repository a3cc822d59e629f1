"""« Mon compte »: where an officer is signed in, their password, and the codes that go with it."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from escalation import passwords
from escalation.accounts import Who
from escalation.console.desk import SignInDesk
from escalation.console.frame import Frame
from escalation.console.oidc import Provider
from escalation.console.signin import COOKIE, network_of

ROLES = {
    "officer": "chargée ou chargé de mission",
    "deputy": "suppléance",
    "administrator": "administration",
    "reader": "lecture seule",
}
WAYS = {"link": "par un lien", "password": "par mot de passe", "provider": "par le service d'identité"}
WRONG_CODE = "Ce code n'est pas le bon, ou il a déjà servi. Attendez le suivant."
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


@dataclass
class Account:
    """The routes of one's own account."""

    desk: SignInDesk
    frame: Frame
    provider: Provider | None = None

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route("/bureau/moi", office(self.me), methods=["GET"]),
            Route("/bureau/moi/partout", office(self.everywhere), methods=["POST"]),
            Route("/bureau/moi/code", office(self.setting_up), methods=["GET"]),
            Route("/bureau/moi/code", office(self.prepare), methods=["POST"]),
            Route("/bureau/moi/code.svg", office(self.picture), methods=["GET"]),
            Route("/bureau/moi/code/verifier", office(self.prove), methods=["POST"]),
            Route("/bureau/moi/mot-de-passe", office(self.set_password), methods=["POST"]),
            Route("/bureau/moi/secours", office(self.renew), methods=["POST"]),
            Route("/bureau/moi/retirer", office(self.remove), methods=["POST"]),
        ]

    async def me(self, request: Request, who: Who) -> Response:
        return await self._me(request, who)

    async def _me(
        self, request: Request, who: Who, errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:  # fmt: skip
        return self.frame.page(
            request, "console/me.html", status, role=ROLES[who.role], mine=await self.desk.mine(who), ways=WAYS,
            errors=errors or {}, browser=in_words, provider=self.provider.name if self.provider else "",
        )  # fmt: skip

    async def everywhere(self, request: Request, who: Who) -> Response:
        await self.desk.leave_everywhere(who)
        response = self.frame.back(request, "/bureau/sorti")
        self.frame.remember(response, "")
        return response

    async def setting_up(self, request: Request, who: Who) -> Response:
        return await self._setting_up(request, who)

    async def _setting_up(self, request: Request, who: Who, error: str = "", status: int = 200) -> Response:
        found = await self.desk.pending(who)
        if found is None:
            return self.frame.back(request, "/bureau/moi")
        return self.frame.page(request, "console/codes.html", status, secret=found[0], error=error, codes=None)

    async def prepare(self, request: Request, who: Who) -> Response:
        code = str((await request.form()).get("code_nouveau", ""))
        if not await self.desk.prepare(who, code, network_of(request)):
            return await self._me(request, who, {"code_nouveau": WRONG_CODE}, 422)
        return self.frame.back(request, "/bureau/moi/code")

    async def picture(self, request: Request, who: Who) -> Response:
        found = await self.desk.pending(who)
        if found is None:
            raise HTTPException(404)
        return Response(found[1], media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    async def prove(self, request: Request, who: Who) -> Response:
        code = str((await request.form()).get("code", ""))
        codes = await self.desk.prove(who, code)
        if codes is None:
            return await self._setting_up(request, who, WRONG_CODE, 422)
        return self._codes(request, codes)

    def _codes(self, request: Request, codes: list[str]) -> Response:
        """Shown this once: what is kept of them does not tell them."""
        return self.frame.page(
            request, "console/codes.html", 200, {"Cache-Control": "no-store"}, secret="", error="", codes=codes
        )

    async def set_password(self, request: Request, who: Who) -> Response:
        form = await request.form()
        typed, again = str(form.get("nouveau", "")), str(form.get("encore", ""))
        address = (await self.desk.mine(who)).address
        errors = {}
        if wrong := passwords.wrong_with(typed, again, (*who.name.split(), address.partition("@")[0])):
            errors["nouveau"] = wrong
        elif not await self.desk.set_password(
            who, typed, str(form.get("code", "")), network_of(request), request.cookies.get(COOKIE, "")
        ):
            errors["code"] = WRONG_CODE
        if errors:
            return await self._me(request, who, errors, 422)
        return self.frame.back(request, "/bureau/moi", "Votre mot de passe est enregistré.")

    async def renew(self, request: Request, who: Who) -> Response:
        code = str((await request.form()).get("code_secours", ""))
        codes = await self.desk.renew_recovery(who, code, network_of(request))
        if not codes:
            return await self._me(request, who, {"code_secours": WRONG_CODE}, 422)
        return self._codes(request, codes)

    async def remove(self, request: Request, who: Who) -> Response:
        code = str((await request.form()).get("code_retrait", ""))
        if not await self.desk.remove(who, code, network_of(request)):
            return await self._me(request, who, {"code_retrait": WRONG_CODE}, 422)
        return self.frame.back(request, "/bureau/moi", "Mot de passe et codes retirés. Vous entrez par un lien.")


def in_words(agent: str) -> str:
    """« Firefox, Linux » from what a browser says of itself."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "Un navigateur")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return f"{browser}, {system}" if system else browser
