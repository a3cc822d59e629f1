"""One meeting: recorded, changed, its agenda and papers, its preparation, who comes, what was decided."""

from collections import defaultdict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from scheduler.pages import forms
from scheduler.pages.desk import MeetingsDesk, Refused
from scheduler.pages.forms import number_of, numbers, word
from scheduler.pages.frame import Frame, Who, working

WAY = "/bureau/reunions"


@dataclass
class MeetingPages:
    """The routes."""

    desk: MeetingsDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        read, work = self.frame.office, working(self.frame)
        one = f"{WAY}/{{number:int}}"
        return [
            Route(f"{WAY}/nouvelle", work(self.blank), methods=["GET"]),
            Route(f"{WAY}/nouvelle", work(self.record), methods=["POST"]),
            Route(one, read(self.show), methods=["GET"]),
            Route(f"{one}/modifier", work(self.edit), methods=["GET"]),
            Route(f"{one}/modifier", work(self.change), methods=["POST"]),
            Route(f"{one}/confirmer", work(self.confirm), methods=["POST"]),
            Route(f"{one}/annuler", work(self.cancel), methods=["POST"]),
            Route(f"{one}/arreter", work(self.stop_series), methods=["POST"]),
            Route(f"{one}/invitations", work(self.invited), methods=["POST"]),
            Route(f"{one}/ordre-du-jour", work(self.agenda), methods=["GET"]),
            Route(f"{one}/ordre-du-jour", work(self.set_agenda), methods=["POST"]),
            Route(f"{one}/documents", work(self.add_document), methods=["POST"]),
            Route(f"{one}/documents/{{document:int}}", read(self.document), methods=["GET"]),
            Route(f"{one}/documents/{{document:int}}/utilite", work(self.describe_document), methods=["POST"]),
            Route(f"{one}/documents/{{document:int}}/retirer", work(self.drop_document), methods=["POST"]),
            Route(f"{one}/dates", work(self.propose), methods=["POST"]),
            Route(f"{one}/dates/{{date:int}}/choisir", work(self.fix), methods=["POST"]),
            Route(f"{one}/preparation", work(self.notes), methods=["POST"]),
            Route(f"{one}/decisions", work(self.decided), methods=["POST"]),
            Route(f"{one}/decisions/{{decision:int}}", work(self.set_aside), methods=["POST"]),
            Route(f"{one}/presences", work(self.came), methods=["POST"]),
            Route(f"{one}/dossier/{{council:int}}", read(self.kit), methods=["GET"]),
            Route(f"{one}/dossier/{{council:int}}.pdf", read(self.kit_file), methods=["GET"]),
        ]

    # --- recorded and changed ----------------------------------------------------------------------------------------

    async def blank(self, request: Request, who: Who) -> Response:
        chosen = [int(request.query_params["conseil"])] if request.query_params.get("conseil", "").isdigit() else []
        return await self._form(request, who, {"type": "copil"}, chosen)

    async def record(self, request: Request, who: Who) -> Response:
        form = await request.form()
        try:
            made = await self.desk.record(who, forms.sheet(form, self.desk))
        except Refused as refused:
            return await self._form(request, who, forms.typed(form), numbers(form, "conseils"), refused.errors)
        words = "La réunion est notée. Les rappels partiront d'eux-mêmes."
        if len(made) > 1:
            words = f"{len(made)} réunions sont notées, jusqu'à 18 mois d'ici. Les rappels partiront d'eux-mêmes."
        return self.frame.back(request, f"{WAY}/{made[0]}", words)

    async def edit(self, request: Request, who: Who) -> Response:
        found = await self._found(request, who)
        local = self.desk.local(found.card.starts_at)
        ends = self.desk.local(found.card.ends_at) if found.card.ends_at else None
        typed = {
            "titre": found.card.title,
            "type": found.card.kind,
            "jour": f"{local:%Y-%m-%d}",
            "heure": f"{local:%H:%M}",
            "heure_fin": f"{ends:%H:%M}" if ends else "",
            "lieu": found.card.place,
            "venir": found.directions,
            "acces": found.accessibility,
            "en_ligne": found.online,
            "organisateur": found.organiser,
            "organisateur_email": found.organiser_email,
            "a_preparer": found.agenda,
        }
        return await self._form(request, who, typed, [each.id for each in found.councils], number=found.card.id)

    async def change(self, request: Request, who: Who) -> Response:
        form, number = await request.form(), number_of(request)
        try:
            words = await self._or_404(self.desk.change(who, number, forms.sheet(form, self.desk)))
        except Refused as refused:
            return await self._form(request, who, forms.typed(form), numbers(form, "conseils"), refused.errors, number)
        return self.frame.back(request, f"{WAY}/{number}", words)

    async def _form(
        self,
        request: Request,
        who: Who,
        typed: Mapping[str, str],
        chosen: list[int],
        errors: Mapping[str, str] | None = None,
        number: int | None = None,
    ) -> Response:
        return self.frame.page(
            request,
            "reunions/form.html",
            422 if errors else 200,
            typed=dict.fromkeys(forms.FIELDS, "") | dict(typed),
            chosen=chosen,
            errors=errors or {},
            number=number,
            councils=await self.desk.councils(who),
            kinds=self.desk.kinds(),
            repeats=forms.REPEATS,
        )

    async def confirm(self, request: Request, who: Who) -> Response:
        number = number_of(request)
        return await self._then(request, who, self.desk.confirm(who, number), "La réunion est confirmée.")

    async def cancel(self, request: Request, who: Who) -> Response:
        number = number_of(request)
        return await self._then(request, who, self.desk.cancel(who, number), "", "waiting")

    async def stop_series(self, request: Request, who: Who) -> Response:
        number = number_of(request)
        return await self._then(request, who, self.desk.stop_series(who, number), "", "waiting")

    # --- shown -------------------------------------------------------------------------------------------------------

    async def show(self, request: Request, who: Who) -> Response:
        return await self._show(request, who)

    async def _show(
        self,
        request: Request,
        who: Who,
        errors: Mapping[str, str] | None = None,
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        found = await self._found(request, who)
        return self.frame.page(
            request,
            "reunions/meeting.html",
            422 if errors else 200,
            found=found,
            errors=errors or {},
            typed=defaultdict(str, typed or {}),
            kinds=self.desk.kinds(),
        )

    async def _found(self, request: Request, who: Who) -> Any:
        return await self._or_404(self.desk.detail(who, number_of(request)))

    async def _or_404(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except LookupError:
            raise HTTPException(404) from None

    async def _then(
        self, request: Request, who: Who, act: Awaitable[Any], words: str, tone: str = "done", place: str = ""
    ) -> Response:
        """Do it and go back to the meeting; what is refused is shown there, with all that was typed."""
        try:
            said = await self._or_404(act)
        except Refused as refused:
            form = await request.form()
            kept = {name: value for name, value in form.items() if isinstance(value, str)}
            return await self._show(request, who, refused.errors, kept)
        return self.frame.back(request, f"{WAY}/{number_of(request)}{place}", words or str(said), tone)

    # --- the agenda and the papers -----------------------------------------------------------------------------------

    async def invited(self, request: Request, who: Who) -> Response:
        form = await request.form()
        what = "agenda" if word(form, "quoi") == "agenda" else "invitation"
        act = self.desk.invited(who, number_of(request), numbers(form, "conseils"), what)
        return await self._then(request, who, act, "C'est noté.", place="#invitations")

    async def agenda(self, request: Request, who: Who) -> Response:
        found = await self._found(request, who)
        return self.frame.page(
            request, "reunions/agenda.html", found=found, errors={}, points="\n".join(i.received for i in found.items)
        )

    async def set_agenda(self, request: Request, who: Who) -> Response:
        form = await request.form()
        lines = word(form, "points", 20_000).splitlines()
        plain = {
            int(name[5:]): str(value)
            for name, value in form.items()
            if name.startswith("mots-") and name[5:].isdigit() and isinstance(value, str)
        }
        try:
            await self._or_404(self.desk.set_agenda(who, number_of(request), lines, plain))
        except Refused as refused:
            found = await self._found(request, who)
            points = word(form, "points", 20_000)
            return self.frame.page(
                request, "reunions/agenda.html", 422, found=found, errors=refused.errors, points=points
            )
        if word(form, "suite"):
            return self.frame.back(request, f"{WAY}/{number_of(request)}/ordre-du-jour", "C'est noté.")
        return self.frame.back(request, f"{WAY}/{number_of(request)}", "L'ordre du jour est noté.")

    async def add_document(self, request: Request, who: Who) -> Response:
        form = await request.form()
        name, content = await forms.file_of(form)
        act = self.desk.add_document(
            who, number_of(request), word(form, "nom", 200), word(form, "utilite", 200), word(form, "adresse", 1000),
            name, content,
        )  # fmt: skip
        return await self._then(request, who, act, "Le document est ajouté au dossier.", place="#documents")

    async def describe_document(self, request: Request, who: Who) -> Response:
        form = await request.form()
        act = self.desk.describe_document(
            who, number_of(request), number_of(request, "document"), word(form, "utilite", 200)
        )
        return await self._then(request, who, act, "C'est noté : le dossier le dit.", place="#documents")

    async def drop_document(self, request: Request, who: Who) -> Response:
        act = self.desk.drop_document(who, number_of(request), number_of(request, "document"))
        return await self._then(request, who, act, "Le document est retiré.", place="#documents")

    async def document(self, request: Request, who: Who) -> Response:
        name, kind, content = await self._or_404(
            self.desk.document(who, number_of(request), number_of(request, "document"))
        )
        return _download(content, kind, name)

    async def kit(self, request: Request, who: Who) -> Response:
        number, council = number_of(request), number_of(request, "council")
        found = await self._or_404(self.desk.kit(who, number, council))
        return self.frame.page(request, "reunions/kit.html", kit=found, number=number, council=council)

    async def kit_file(self, request: Request, who: Who) -> Response:
        number, council = number_of(request), number_of(request, "council")
        content = await self._or_404(self.desk.kit_file(who, number, council))
        return _download(content, "application/pdf", f"preparation-{number}.pdf")

    # --- preparation, decisions, who came ----------------------------------------------------------------------------

    async def propose(self, request: Request, who: Who) -> Response:
        form = await request.form()

        async def act() -> None:
            await self.desk.propose(who, number_of(request), forms.moments(form, self.desk), word(form, "lieu", 300))

        words = "Les dates sont proposées. Les membres choisissent en répondant par leurs numéros."
        return await self._then(request, who, act(), words, place="#preparation")

    async def fix(self, request: Request, who: Who) -> Response:
        form = await request.form()
        act = self.desk.fix_preparation(who, number_of(request), number_of(request, "date"), word(form, "lieu", 300))
        words = "La préparation est au calendrier. Les membres sont invités."
        return await self._then(request, who, act, words, place="#preparation")

    async def notes(self, request: Request, who: Who) -> Response:
        form = await request.form()
        notes = word(form, "notes", 10_000)
        act = self.desk.preparation_notes(who, number_of(request), notes)
        if word(form, "suite") == "fiche" and notes:
            await self._or_404(act)
            way = f"/bureau/fiches/nouvelle?preparation={number_of(request)}"
            return self.frame.back(request, way, "Les notes sont gardées. Relisez, puis enlevez ce qui est personnel.")
        return await self._then(request, who, act, "Les notes sont gardées.", place="#preparation")

    async def decided(self, request: Request, who: Who) -> Response:
        form = await request.form()
        act = self.desk.decided(who, number_of(request), word(form, "decision", 2000))
        words = "La décision est gardée. Le prochain dossier commencera par elle."
        return await self._then(request, who, act, words, place="#decisions")

    async def set_aside(self, request: Request, who: Who) -> Response:
        form = await request.form()
        kept = word(form, "garder") == "oui"
        act = self.desk.set_aside(who, number_of(request), number_of(request, "decision"), kept)
        return await self._then(request, who, act, "C'est noté.", place="#decisions")

    async def came(self, request: Request, who: Who) -> Response:
        form = await request.form()
        here = set(numbers(form, "venus"))
        act = self.desk.came(who, number_of(request), {each: each in here for each in numbers(form, "personnes")})
        return await self._then(request, who, act, "Les présences sont notées.", place="#personnes")


def _download(content: bytes, kind: str, name: str) -> Response:
    """A file to keep: never shown as a page of ours."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "-" for each in name)
    return Response(
        content,
        media_type=kind,
        headers={
            "Content-Disposition": f'attachment; filename="{plain}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )
