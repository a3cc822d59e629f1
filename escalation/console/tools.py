"""Answering many at once, a call in progress, ready answers, and the days on which the office is closed."""

import re
import secrets
from dataclasses import dataclass, replace

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.frame import Frame
from escalation.console.question import HOME, LONGEST, number, word
from escalation.console.views import KINDS, STATES, Call
from escalation.console.work import ToolsDesk

BACK = (("phone", "Rappeler par téléphone"), ("sms", "Répondre par SMS"), ("email", "Répondre par e-mail"))


@dataclass
class ToolPages:
    """The routes of the tools around the queue."""

    desk: ToolsDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route("/bureau/ensemble", office(self.many), methods=["GET"]),
            Route("/bureau/ensemble", office(self.answer_many, "work"), methods=["POST"]),
            Route("/bureau/ensemble/relire", office(self.read_back, "work"), methods=["POST"]),
            Route("/bureau/appel", office(self.call), methods=["GET"]),
            Route("/bureau/appel", office(self.save_call, "work"), methods=["POST"]),
            Route("/bureau/appel/fiches", office(self.entries), methods=["GET"]),
            Route("/bureau/reponses-types", office(self.canned), methods=["GET"]),
            Route("/bureau/reponses-types", office(self.save_canned, "work"), methods=["POST"]),
            Route("/bureau/fermetures", office(self.closures), methods=["GET"]),
            Route("/bureau/fermetures", office(self.save_closure, "work"), methods=["POST"]),
        ]

    # --- many --------------------------------------------------------------------------------------------------------

    async def many(self, request: Request, who: Who) -> Response:
        return await self._many(request, who, 200, "", "", ())

    async def _many(
        self, request: Request, who: Who, status: int, error: str, text: str, chosen: tuple[int, ...]
    ) -> Response:
        groups = await self.desk.groups(who)
        return self.frame.page(
            request, "console/many.html", status, groups=groups, error=error, text=text, chosen=chosen,
            once=secrets.token_urlsafe(12), kinds=KINDS, states=STATES, longest=LONGEST,
        )  # fmt: skip

    async def read_back(self, request: Request, who: Who) -> Response:
        """Who will read what, before it goes; or back to what was written, to put it right."""
        form = await request.form()
        text, ids = self._written(form)
        if word(form, "faire") == "corriger":
            return await self._many(request, who, 200, "", text, ids)
        if error := self._wrong(text, ids):
            return await self._many(request, who, 422, error, text, ids)
        return await self._read_back(request, who, text, ids, word(form, "une-fois")[:40])

    async def _read_back(
        self, request: Request, who: Who, text: str, ids: tuple[int, ...], once: str, status: int = 200
    ) -> Response:
        shown = await self.desk.preview_many(who, ids, text)
        if not shown:
            return await self._many(request, who, 422, "Ces questions sont déjà répondues.", text, ())
        here = [id for id, _, _ in shown]
        return self.frame.page(
            request, "console/read_many.html", status, shown=shown, text=text, once=once,
            read=self.desk.mark_many(who, here, text), left=[each for each in ids if each not in here],
            pieces_of_all=sum(each.pieces for _, _, each in shown), cost_of_all=sum(each.cost for _, _, each in shown),
        )  # fmt: skip

    @staticmethod
    def _written(form: FormData) -> tuple[str, tuple[int, ...]]:
        ids = tuple(number(each) for each in form.getlist("question") if isinstance(each, str))
        return word(form, "texte").strip(), ids

    @staticmethod
    def _wrong(text: str, ids: tuple[int, ...]) -> str:
        if not ids:
            return "Cochez au moins une question."
        if not text:
            return "Écrivez d'abord la réponse."
        return f"La réponse a {len(text)} caractères, {LONGEST} au plus." if len(text) > LONGEST else ""

    async def answer_many(self, request: Request, who: Who) -> Response:
        form = await request.form()
        text, ids = self._written(form)
        if error := self._wrong(text, ids):
            return await self._many(request, who, 422, error, text, ids)
        once = word(form, "une-fois")[:40]
        if not self.desk.was_read(who, ids, text, word(form, "relu")):
            return await self._read_back(request, who, text, ids, once, 409)
        done, left = await self.desk.answer_many(who, ids, text, once)
        told = f"{len(done)} réponses partent dans deux minutes." if len(done) > 1 else ""
        told = told or ("Une réponse part dans deux minutes." if done else "Aucune réponse ne part.")
        if left:
            told += f" Déjà répondues : {', '.join(f'n° {each}' for each in left)}."
        return self.frame.back(request, HOME, told, "done" if done else "waiting")

    # --- a call ------------------------------------------------------------------------------------------------------

    async def call(self, request: Request, who: Who) -> Response:
        given = request.query_params
        call = Call(
            given.get("nom", ""), given.get("tel", ""), given.get("conseil", ""), given.get("question", ""),
            given.get("reponse", ""),
        )  # fmt: skip
        return await self._call(request, who, call)

    async def _call(self, request: Request, who: Who, call: Call, status: int = 200) -> Response:
        found = await self.desk.entries(who, call.question[:500], None) if call.question.strip() else []
        return self.frame.page(
            request, "console/call.html", status, call=call, found=found, councils=await self.desk.councils(who),
            back=BACK, once=secrets.token_urlsafe(12), errors=call.errors,
        )  # fmt: skip

    async def entries(self, request: Request, who: Who) -> Response:
        """What the base knows about a few words, as they are typed."""
        words = request.query_params.get("q", "").strip()[:500]
        found = await self.desk.entries(who, words, None) if words else []
        return JSONResponse(
            {"html": self.frame.piece("console/read_out.html", found=found, words=words)},
            headers={"Cache-Control": "no-store"},
        )

    async def save_call(self, request: Request, who: Who) -> Response:
        form = await request.form()
        call = Call(
            word(form, "nom").strip()[:120], word(form, "tel").strip()[:40], word(form, "conseil").strip(),
            word(form, "question").strip()[:LONGEST], word(form, "reponse").strip()[:LONGEST],
            word(form, "fiche").strip()[:120], word(form, "retour") or "phone", word(form, "adresse").strip()[:254],
        )  # fmt: skip
        what = word(form, "faire")
        if what == "chercher":
            return await self._call(request, who, call)
        errors = {}
        if not call.question:
            errors["question"] = "Écrivez ce que la personne demande."
        if what != "garder" and not call.answer:
            errors["reponse"] = "Écrivez ce que vous avez répondu, ou gardez la question pour plus tard."
        if not errors:
            try:
                kept = await self.desk.save_call(who, call, what == "garder", word(form, "une-fois")[:40])
            except ValueError as error:
                if len(error.args) != 2:
                    raise
                field, words = error.args
                errors[{"council": "conseil", "phone": "tel", "email": "adresse", "back": "retour"}[field]] = words
            else:
                told = f"L'appel est gardé : question n° {kept}." if kept else "L'appel et sa réponse sont notés."
                return self.frame.back(request, f"{HOME}/questions/{kept}" if kept else HOME, told)
        return await self._call(request, who, replace(call, errors=errors), 422)

    # --- ready answers -----------------------------------------------------------------------------------------------

    async def canned(self, request: Request, who: Who) -> Response:
        return await self._canned(request, 200, "", "", "", 0)

    async def _canned(self, request: Request, status: int, error: str, title: str, text: str, changed: int) -> Response:
        return self.frame.page(
            request, "console/canned.html", status, canned=await self.desk.canned(), error=error, title=title,
            text=text, changed=changed,
        )  # fmt: skip

    async def save_canned(self, request: Request, who: Who) -> Response:
        form = await request.form()
        which = word(form, "numero")
        title, text = word(form, "titre"), word(form, "texte")
        if word(form, "faire") == "retirer":
            text = ""
        wrong = await self.desk.save_canned(who, number(which) if which else None, title, text)
        if wrong:
            return await self._canned(request, 422, wrong, title, text, number(which) if which else 0)
        told = "La réponse type est retirée." if which and not text.strip() else "La réponse type est gardée."
        return self.frame.back(request, "/bureau/reponses-types", told)

    # --- closures ----------------------------------------------------------------------------------------------------

    async def closures(self, request: Request, who: Who) -> Response:
        return await self._closures(request, 200, "", {})

    async def _closures(self, request: Request, status: int, error: str, given: dict[str, str]) -> Response:
        values = {"first": "", "last": "", "reason": ""} | given
        return self.frame.page(
            request, "console/closures.html", status, closures=await self.desk.closures(), error=error, given=values
        )

    async def save_closure(self, request: Request, who: Who) -> Response:
        form = await request.form()
        if gone := word(form, "retirer"):
            await self.desk.drop_closure(who, number(gone))
            return self.frame.back(request, "/bureau/fermetures", "La fermeture est retirée.")
        given = {"first": word(form, "premier"), "last": word(form, "dernier"), "reason": word(form, "motif")}
        if any(each and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", each) for each in (given["first"], given["last"])):
            raise HTTPException(404)
        wrong = await self.desk.add_closure(who, given["first"], given["last"], given["reason"])
        if wrong:
            return await self._closures(request, 422, wrong, given)
        told = "C'est noté. Les nouvelles questions auront une date de réponse qui en tient compte."
        return self.frame.back(request, "/bureau/fermetures", told)
