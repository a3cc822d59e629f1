"""Writing entries: the form, drafts, the second reader, what comes from a ticket, news."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from knowledge.pages import form as forms
from knowledge.pages.desk import Checked, Editing, EntriesDesk, Outcome, Writing
from knowledge.pages.frame import Frame, Who
from knowledge.seed import SMS_MOST

HOME = "/bureau/fiches"
CHOICES: dict[str, Any] = {
    "kinds": tuple(forms.KIND_NAMES.items()),
    "statuses": (("valide", "Validée"), ("a_valider", "À valider : « À confirmer » suit la réponse")),
    "asked": tuple(forms.ANSWER_NAMES.items()),
    "sms_most": SMS_MOST,
}


@dataclass
class EditingPages:
    """The routes of writing."""

    desk: EntriesDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office = self.frame.office
        return [
            Route(f"{HOME}/nouvelle", office(self.blank, "work"), methods=["GET"]),
            Route(f"{HOME}/nouvelle", office(self.send, "work", self.lost), methods=["POST"]),
            Route(f"{HOME}/apercu", office(self.preview, "work"), methods=["POST"]),
            Route(f"{HOME}/actualite", office(self.news, "work"), methods=["GET"]),
            Route(f"{HOME}/actualite", office(self.send_news, "work"), methods=["POST"]),
            Route(f"{HOME}/brouillons", office(self.drafts), methods=["GET"]),
            Route(f"{HOME}/brouillons/{{id:int}}", office(self.draft), methods=["GET"]),
            Route(f"{HOME}/brouillons/{{id:int}}/modifier", office(self.resume, "work"), methods=["GET"]),
            Route(f"{HOME}/brouillons/{{id:int}}/publier", office(self.approve, "work"), methods=["POST"]),
            Route(f"{HOME}/brouillons/{{id:int}}/renvoyer", office(self.send_back, "work"), methods=["POST"]),
            Route(f"{HOME}/brouillons/{{id:int}}/jeter", office(self.drop, "work"), methods=["POST"]),
            Route(f"{HOME}/depuis/{{ticket:int}}", office(self.from_ticket, "work"), methods=["GET"]),
            Route(f"{HOME}/depuis/{{ticket:int}}", office(self.send_from_ticket, "work", self.lost), methods=["POST"]),
            Route(f"{HOME}/depuis/{{ticket:int}}/facon", office(self.add_phrasing, "work"), methods=["POST"]),
            Route(f"{HOME}/{{slug}}/modifier", office(self.edit, "work"), methods=["GET"]),
            Route(f"{HOME}/{{slug}}/modifier", office(self.send, "work", self.lost), methods=["POST"]),
        ]

    # --- the form ----------------------------------------------------------------------------------------------------

    async def blank(self, request: Request, who: Who) -> Response:
        asked = forms.number(request.query_params.get("question", ""))
        meeting = forms.number(request.query_params.get("preparation", ""))
        try:
            if asked:
                found = Editing(await self.desk.from_question(who, asked))
            elif meeting:
                found = Editing(await self.desk.from_preparation(who, meeting))
            else:
                found = await self.desk.editing(who, "")
        except LookupError:
            raise HTTPException(404) from None
        return self._form(request, found)

    async def edit(self, request: Request, who: Who) -> Response:
        try:
            found = await self.desk.editing(who, request.path_params["slug"])
        except LookupError:
            raise HTTPException(404) from None
        return self._form(request, found, await self.desk.check(found.writing))

    async def resume(self, request: Request, who: Who) -> Response:
        try:
            found = await self.desk.draft(who, request.path_params["id"])
        except LookupError:
            raise HTTPException(404) from None
        return self._form(request, found, await self.desk.check(found.writing))

    def _form(
        self, request: Request, editing: Editing, checked: Checked | None = None, *, status: int = 200,
        errors: Mapping[str, str] | None = None, moved: str = "",
    ) -> Response:  # fmt: skip
        shown = Checked(errors or {}, checked.hints if checked else (), checked.previews if checked else ())
        way = f"{HOME}/{editing.writing.slug}/modifier" if editing.writing.slug else f"{HOME}/nouvelle"
        return self.frame.page(
            request, "fiches/edit.html", status, w=editing.writing, editing=editing, checked=shown, way=way,
            moved=moved, **CHOICES,
        )  # fmt: skip

    async def send(self, request: Request, who: Who) -> Response:
        return await self._send(request, who)

    async def lost(self, request: Request, who: Who) -> Response:
        """The session lapsed while it was being written: kept as a draft, then to the sign-in page."""
        writing, _ = await self._written(request)
        await self.desk.keep(who, writing)
        return self.frame.back(request, "/bureau/entrer?fin=1")

    async def _written(self, request: Request) -> tuple[Writing, FormData]:
        form = await request.form()
        several = {
            name: [each for each in form.getlist(name) if isinstance(each, str)]
            for name in ("answers", "source_title", "source_url", "source_ref", "source_date")
        }
        writing = forms.written(form, several)
        slug = request.path_params.get("slug", "")
        return replace(writing, slug=slug, ticket_id=request.path_params.get("ticket")), form

    async def _send(self, request: Request, who: Who) -> Response:
        writing, form = await self._written(request)
        action = form.get("action")
        if action == "draft":
            done = await self.desk.keep(who, writing)
            return self.frame.back(request, f"{HOME}/brouillons", "Brouillon gardé. Personne d'autre ne le reçoit.")
        if action == "check":
            return self._form(
                request, Editing(writing), checked := await self.desk.check(writing), errors=checked.errors
            )
        if action == "second":
            done = await self.desk.ask_second(who, writing)
        elif writing.corrects and not writing.reason:
            done = Outcome("wrong", errors={"reason": "Dites ce qui était faux : les gens le liront."})
        elif writing.slug and not writing.reason:
            done = Outcome("wrong", errors={"reason": "Dites en quelques mots pourquoi la fiche change."})
        else:
            done = await self.desk.publish(who, writing)
        return await self._after(request, Editing(writing), done)

    async def _after(self, request: Request, editing: Editing, done: Outcome) -> Response:
        if done.what in ("wrong", "moved"):
            checked = await self.desk.check(editing.writing)
            status = 422 if done.what == "wrong" else 409
            errors = {**checked.errors, **done.errors} if done.what == "wrong" else {}
            return self._form(request, editing, checked, status=status, errors=errors, moved=done.by)
        return self._done(request, done)

    def _done(self, request: Request, done: Outcome) -> Response:
        if done.what == "waiting":
            return self.frame.back(
                request, f"{HOME}/brouillons", "La fiche attend l'accord d'une autre personne de l'équipe.", "waiting"
            )
        if done.correction_id:
            words = "La fiche est corrigée. Voici qui avait reçu l'ancienne réponse : à vous de décider."
            return self.frame.back(request, f"{HOME}/corrections/{done.correction_id}", words, "waiting")
        words = (
            "Publiée. Elle répond aux questions dès maintenant." if done.what == "published" else "Déjà publiée ainsi."
        )
        return self.frame.back(request, f"{HOME}/{quote(done.slug)}", words)

    async def preview(self, request: Request, who: Who) -> Response:
        """The previews, the count of the SMS and the hints, for a page that is being typed in."""
        writing, form = await self._written(request)
        slug = forms.one_line(form.get("slug", ""))
        checked = await self.desk.check(replace(writing, slug=slug))
        return HTMLResponse(self.frame.piece("fiches/beside.html", checked=checked))

    # --- news --------------------------------------------------------------------------------------------------------

    async def news(self, request: Request, who: Who) -> Response:
        return self._news(request, {"source_date": self.desk.today().isoformat()})

    def _news(
        self, request: Request, typed: Mapping[str, Any], status: int = 200, errors: Mapping[str, str] | None = None
    ) -> Response:
        return self.frame.page(request, "fiches/news.html", status, typed=typed, errors=errors or {})

    async def send_news(self, request: Request, who: Who) -> Response:
        form = await request.form()
        typed = {name: forms.text_of(value) for name, value in form.items()}
        wanted = {
            "title": "Écrivez un titre.",
            "text": "Écrivez la nouvelle.",
            "expires": "Dites jusqu'à quel jour elle vaut.",
            "source": "Dites d'où elle vient.",
        }
        errors = {name: words for name, words in wanted.items() if not typed.get(name)}
        if errors:
            return self._news(request, typed, 422, errors)
        writing = await self.desk.news(
            forms.one_line(typed["title"]), typed["text"], typed.get("sms", ""), typed.get("phrasings", ""),
            (forms.one_line(typed["source"]), typed.get("url", ""), typed.get("source_date", "")), typed["expires"],
        )  # fmt: skip
        done = await self.desk.publish(who, replace(writing, reason="actualité"))
        if done.what == "wrong":
            told = {
                {"sources": "source", "answer": "text"}.get(name, name): words for name, words in done.errors.items()
            }
            return self._news(request, typed, 422, told)
        return self.frame.back(request, f"{HOME}/{quote(done.slug)}", "Publiée. Elle répond dès maintenant.")

    # --- drafts and the second reader --------------------------------------------------------------------------------

    async def drafts(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "fiches/drafts.html", drafts=await self.desk.drafts(who))

    async def draft(self, request: Request, who: Who) -> Response:
        try:
            found = await self.desk.reading(who, request.path_params["id"])
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.page(request, "fiches/draft.html", found=found, kinds=forms.KIND_NAMES, problem="")

    async def approve(self, request: Request, who: Who) -> Response:
        number = request.path_params["id"]
        try:
            done = await self.desk.approve(who, number)
        except LookupError:
            return self.frame.back(request, f"{HOME}/brouillons", "Ce brouillon n'attend plus personne.", "waiting")
        problem = ""
        if done.what == "own":
            problem = "Vous l'avez écrite : une autre personne de l'équipe la relit."
        elif done.what == "moved":
            problem = f"La fiche a changé depuis ({done.by}). Renvoyez le brouillon à son auteur."
        elif done.what == "wrong":
            problem = " ".join(done.errors.values())
        if problem:
            found = await self.desk.reading(who, number)
            return self.frame.page(
                request, "fiches/draft.html", 422, found=found, kinds=forms.KIND_NAMES, problem=problem
            )
        return self._done(request, done)

    async def send_back(self, request: Request, who: Who) -> Response:
        note = forms.text_of((await request.form()).get("note", ""))[:2000]
        try:
            await self.desk.send_back(who, request.path_params["id"], note)
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.back(request, f"{HOME}/brouillons", "Brouillon renvoyé à son auteur.")

    async def drop(self, request: Request, who: Who) -> Response:
        try:
            await self.desk.drop_draft(who, request.path_params["id"])
        except LookupError:
            raise HTTPException(404) from None
        return self.frame.back(request, f"{HOME}/brouillons", "Brouillon jeté.")

    # --- from a ticket -----------------------------------------------------------------------------------------------

    async def from_ticket(self, request: Request, who: Who) -> Response:
        return await self._from_ticket(request, who)

    async def _from_ticket(
        self, request: Request, who: Who, *, status: int = 200, writing: Writing | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:  # fmt: skip
        try:
            found = await self.desk.from_ticket(who, request.path_params["ticket"])
        except LookupError:
            raise HTTPException(404) from None
        shown = writing or found.writing
        checked = await self.desk.check(shown)
        return self.frame.page(
            request, "fiches/from_ticket.html", status, found=found, w=shown, editing=Editing(shown), moved="",
            checked=Checked(errors or {}, checked.hints, checked.previews),
            way=f"{HOME}/depuis/{found.ticket_id}", **CHOICES,
        )  # fmt: skip

    async def send_from_ticket(self, request: Request, who: Who) -> Response:
        try:  # only who may see the ticket
            await self.desk.from_ticket(who, request.path_params["ticket"])
        except LookupError:
            raise HTTPException(404) from None
        writing, form = await self._written(request)
        action = form.get("action")
        if action == "draft":
            await self.desk.keep(who, writing)
            return self.frame.back(request, f"{HOME}/brouillons", "Brouillon gardé. Personne d'autre ne le reçoit.")
        if action == "check":
            checked = await self.desk.check(writing)
            return await self._from_ticket(request, who, writing=writing, errors=checked.errors)
        done = await (self.desk.ask_second if action == "second" else self.desk.publish)(who, writing)
        if done.what == "wrong":
            return await self._from_ticket(request, who, status=422, writing=writing, errors=done.errors)
        return await self._after(request, Editing(writing), done)

    async def add_phrasing(self, request: Request, who: Who) -> Response:
        form = await request.form()
        ticket, slug = request.path_params["ticket"], forms.one_line(form.get("slug", ""))
        try:
            done = await self.desk.add_phrasings(who, ticket, slug, forms.lines_of(form.get("phrasings", "")))
        except LookupError:
            raise HTTPException(404) from None
        if done.what == "wrong":
            return await self._from_ticket(request, who, status=422, errors=done.errors)
        words = (
            "C'est ajouté : cette question trouve maintenant cette fiche."
            if done.what == "published"
            else "La fiche connaissait déjà cette façon de demander."
        )
        return self.frame.back(request, f"{HOME}/{quote(slug)}", words)
