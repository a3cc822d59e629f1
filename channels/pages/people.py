"""The pages of people and councils: found, read, written, imported, exported; a person's data, and their erasure."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.pages.frame import Frame, Who

PAGE = 50
MOST_BYTES = 300_000  # of a table that is sent by the page; longer ones go by the command line
FIELDS = ("nom", "type", "conseil", "langue", "canal", "telephone", "email")
EMPTY = dict.fromkeys(FIELDS, "") | {"type": "member", "langue": "fr"}


class Refused(Exception):
    """What was asked cannot be; the errors by field, in French."""

    def __init__(self, errors: Mapping[str, str]):
        super().__init__(*errors.values())
        self.errors = dict(errors)


class PeopleDesk(Protocol):
    """What these pages ask; bot/doors fulfils it. LookupError: there is no such thing, or it is not theirs to see."""

    async def people(self, who: Any, search: str, council: int | None, page: int) -> tuple[list[Any], int]: ...
    async def person(self, who: Any, number: int) -> Any: ...
    async def handles(self, who: Any, number: int) -> list[tuple[str, str]]: ...
    async def councils(self, who: Any) -> list[Any]: ...
    async def council(self, who: Any, number: int) -> Any: ...
    async def save(self, who: Any, number: int | None, typed: Mapping[str, str]) -> int: ...
    async def save_council(self, who: Any, number: int | None, typed: Mapping[str, str]) -> int: ...
    async def resume(self, who: Any, number: int, address: int) -> None: ...
    async def undelivered(self, who: Any, number: int) -> Sequence[Any]: ...

    async def send_again(self, who: Any, number: int, message: int, address: int | None) -> str:
        """By which channel, or "" when it is not to be sent again."""
        ...

    async def sit(self, who: Any, number: int, typed: Mapping[str, str]) -> None: ...
    async def stand_up(self, who: Any, number: int, seat: int) -> None: ...
    async def merge(self, who: Any, number: int, other: int) -> None: ...
    async def data(self, who: Any, number: int) -> dict[str, Any]: ...
    async def erase(self, who: Any, number: int) -> None: ...
    async def look_in(self, who: Any, content: bytes, create: bool, write: bool) -> Any: ...
    async def sheet(self, who: Any, council: int | None) -> bytes: ...
    async def retention(self) -> Any: ...
    def choices(self) -> Mapping[str, list[tuple[str, str]]]: ...


@dataclass
class PeoplePages:
    """The routes."""

    desk: PeopleDesk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        office, one = self.frame.office, "/bureau/personnes/{number:int}"
        return [
            Route("/bureau/personnes", office(self.people), methods=["GET"]),
            Route("/bureau/personnes", office(self.add, "work"), methods=["POST"]),
            Route("/bureau/personnes.csv", office(self.sheet, "work"), methods=["GET"]),
            Route("/bureau/personnes/nouvelle", office(self.new, "work"), methods=["GET"]),
            Route("/bureau/personnes/importer", office(self.importing, "manage"), methods=["GET"]),
            Route("/bureau/personnes/importer", office(self.import_, "manage"), methods=["POST"]),
            Route(one, office(self.person), methods=["GET"]),
            Route(one, office(self.change, "work"), methods=["POST"]),
            Route(f"{one}/modifier", office(self.edit, "work"), methods=["GET"]),
            Route(f"{one}/adresses", office(self.handles, "work"), methods=["POST"]),
            Route(f"{one}/adresses/{{address:int}}/reprendre", office(self.resume, "work"), methods=["POST"]),
            Route(f"{one}/renvoyer", office(self.send_again, "work"), methods=["POST"]),
            Route(f"{one}/sieges", office(self.sit, "work"), methods=["POST"]),
            Route(f"{one}/sieges/{{seat:int}}/finir", office(self.stand_up, "work"), methods=["POST"]),
            Route(f"{one}/reunir", office(self.merge, "work"), methods=["POST"]),
            Route(f"{one}/donnees", office(self.data, "work"), methods=["GET"]),
            Route(f"{one}/donnees.json", office(self.data_file, "work"), methods=["GET"]),
            Route(f"{one}/effacer", office(self.confirm_erasure, "work"), methods=["GET"]),
            Route(f"{one}/effacer", office(self.erase, "work"), methods=["POST"]),
            Route("/bureau/conseils", office(self.councils), methods=["GET"]),
            Route("/bureau/conseils", office(self.add_council, "manage"), methods=["POST"]),
            Route("/bureau/conseils/{number:int}", office(self.council), methods=["GET"]),
            Route("/bureau/conseils/{number:int}", office(self.change_council, "work"), methods=["POST"]),
            Route("/bureau/conservation", office(self.retention), methods=["GET"]),
        ]

    # --- lists -------------------------------------------------------------------------------------------------------

    async def people(self, request: Request, who: Who) -> Response:
        params = request.query_params
        search, council = params.get("q", "")[:100].strip(), number_in(params.get("conseil", ""))
        page = max(number_in(params.get("page", "")) or 1, 1)
        rows, count = await self.desk.people(who, search, council, page)
        query = urlencode({name: value for name, value in (("q", search), ("conseil", council)) if value})
        return self.frame.page(
            request, "personnes/people.html", rows=rows, count=count, search=search, council=council, page=page,
            last=-(-count // PAGE) or 1, way="/bureau/personnes" + (f"?{query}" if query else ""), query=query,
            councils=[(each.id, each.name) for each in await self.desk.councils(who)],
        )  # fmt: skip

    async def sheet(self, request: Request, who: Who) -> Response:
        content = await self.desk.sheet(who, number_in(request.query_params.get("conseil", "")))
        return Response(
            content, media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="membres.csv"', "Cache-Control": "no-store"},
        )  # fmt: skip

    async def councils(self, request: Request, who: Who) -> Response:
        return self._councils(request, await self.desk.councils(who), {}, {"nom": "", "ville": ""})

    def _councils(self, request: Request, rows: list[Any], errors: dict[str, str], typed: dict[str, str]) -> Response:
        status = 422 if errors else 200
        return self.frame.page(request, "personnes/councils.html", status, rows=rows, errors=errors, typed=typed)

    async def add_council(self, request: Request, who: Who) -> Response:
        typed = await typed_in(request, ("nom", "ville"))
        try:
            number = await self.desk.save_council(who, None, typed)
        except Refused as error:
            return self._councils(request, await self.desk.councils(who), error.errors, typed)
        return self.frame.back(request, f"/bureau/conseils/{number}", f"Le conseil {typed['nom']} est ajouté.")

    async def council(self, request: Request, who: Who) -> Response:
        return await self._council(request, who, {}, {})

    async def _council(self, request: Request, who: Who, errors: dict[str, str], typed: dict[str, str]) -> Response:
        found = await there(self.desk.council(who, request.path_params["number"]))
        return self.frame.page(
            request, "personnes/council.html", 422 if errors else 200, one=found, errors=errors, typed=typed
        )

    async def change_council(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        found = await there(self.desk.council(who, number))
        typed = await typed_in(request, ("nom", "ville", *(f"places_{kind}" for kind, *_ in found.kinds)))
        try:
            await self.desk.save_council(who, number, typed)
        except Refused as error:
            return await self._council(request, who, error.errors, typed)
        return self.frame.back(request, f"/bureau/conseils/{number}", "C'est enregistré.")

    # --- one person --------------------------------------------------------------------------------------------------

    async def person(self, request: Request, who: Who) -> Response:
        return await self._person(request, who)

    async def _person(
        self, request: Request, who: Who, errors: dict[str, str] | None = None, handles: Any = None
    ) -> Response:
        found = await there(self.desk.person(who, request.path_params["number"]))
        return self.frame.page(
            request, "personnes/person.html", 422 if errors else 200, {"Cache-Control": "no-store"}, one=found,
            errors=errors or {}, handles=handles,
            undelivered=await there(self.desk.undelivered(who, request.path_params["number"])),
            choices=self.desk.choices(),
            councils=[(each.id, each.name) for each in await self.desk.councils(who)],
        )  # fmt: skip

    async def handles(self, request: Request, who: Who) -> Response:
        """The addresses in the clear: asked for, and noted in the trail."""
        found = await there(self.desk.handles(who, request.path_params["number"]))
        return await self._person(request, who, handles=found)

    async def new(self, request: Request, who: Who) -> Response:
        return await self._form(request, who, None, {}, EMPTY)

    async def edit(self, request: Request, who: Who) -> Response:
        found = await there(self.desk.person(who, request.path_params["number"]))
        typed = {
            "nom": found.name, "type": found.kind, "conseil": str(found.council_id or ""), "langue": found.language,
            "canal": found.preferred, "telephone": "", "email": "",
        }  # fmt: skip
        return await self._form(request, who, found, {}, typed)

    async def _form(
        self, request: Request, who: Who, found: Any, errors: dict[str, str], typed: Mapping[str, str]
    ) -> Response:
        return self.frame.page(
            request, "personnes/form.html", 422 if errors else 200, one=found, errors=errors, typed=typed,
            choices=self.desk.choices(),
            councils=[("", "Aucun")] + [(each.id, each.name) for each in await self.desk.councils(who)],
        )  # fmt: skip

    async def add(self, request: Request, who: Who) -> Response:
        typed = await typed_in(request, FIELDS)
        try:
            number = await self.desk.save(who, None, typed)
        except Refused as error:
            return await self._form(request, who, None, error.errors, typed)
        return self.frame.back(request, f"/bureau/personnes/{number}", f"{typed['nom']} est dans la liste.")

    async def change(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        found = await there(self.desk.person(who, number))
        typed = await typed_in(request, FIELDS)
        try:
            await self.desk.save(who, number, typed)
        except Refused as error:
            return await self._form(request, who, found, error.errors, typed)
        return self.frame.back(request, f"/bureau/personnes/{number}", "C'est enregistré.")

    async def resume(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        await there(self.desk.resume(who, number, request.path_params["address"]))
        return self.frame.back(request, f"/bureau/personnes/{number}", "Les messages repartent vers cette adresse.")

    async def send_again(self, request: Request, who: Who) -> Response:
        """What did not arrive: on the same channel, or on another."""
        number, typed = request.path_params["number"], await typed_in(request, ("message", "adresse"))
        message, address = number_in(typed["message"]), number_in(typed["adresse"])
        if message is None or (typed["adresse"] and address is None):
            raise HTTPException(404)
        channel = await there(self.desk.send_again(who, number, message, address))
        way = f"/bureau/personnes/{number}"
        if not channel:
            return self.frame.back(request, way, "Ce message n'est plus à renvoyer.", "waiting")
        return self.frame.back(request, way, f"Le message repart par {channel}.")

    async def sit(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        typed = await typed_in(request, ("siege_conseil", "siege", "place"))
        try:
            await there(self.desk.sit(who, number, typed))
        except Refused as error:
            return await self._person(request, who, error.errors)
        return self.frame.back(request, f"/bureau/personnes/{number}", "Le siège est noté.")

    async def stand_up(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        await there(self.desk.stand_up(who, number, request.path_params["seat"]))
        return self.frame.back(request, f"/bureau/personnes/{number}", "Le siège est libre.")

    async def merge(self, request: Request, who: Who) -> Response:
        """Two entries of one person become one: said by the officer, by number, never guessed."""
        number = request.path_params["number"]
        typed = await typed_in(request, ("autre",))
        try:
            await there(self.desk.merge(who, number, number_in(typed["autre"]) or 0))
        except Refused as error:
            return await self._person(request, who, error.errors)
        return self.frame.back(request, f"/bureau/personnes/{number}", "Les deux ne font plus qu'un.")

    # --- their data --------------------------------------------------------------------------------------------------

    async def data(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        found = await there(self.desk.data(who, number))
        return self.frame.page(
            request, "personnes/data.html", 200, {"Cache-Control": "no-store"}, data=found, number=number
        )

    async def data_file(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        found = await there(self.desk.data(who, number))
        return Response(
            json.dumps(found, ensure_ascii=False, indent=2), media_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="donnees-personne-{number}.json"',
                "Cache-Control": "no-store",
            },
        )  # fmt: skip

    async def confirm_erasure(self, request: Request, who: Who) -> Response:
        found = await there(self.desk.person(who, request.path_params["number"]))
        return self.frame.page(request, "personnes/erase.html", one=found, error="")

    async def erase(self, request: Request, who: Who) -> Response:
        number = request.path_params["number"]
        found = await there(self.desk.person(who, number))
        if (await typed_in(request, ("accord",)))["accord"].strip().upper() != "EFFACER":
            return self.frame.page(
                request, "personnes/erase.html", 422, one=found, error="Écrivez EFFACER pour confirmer."
            )
        await there(self.desk.erase(who, number))
        return self.frame.back(request, "/bureau/personnes", "Les données de cette personne sont effacées.")

    async def retention(self, request: Request, who: Who) -> Response:
        return self.frame.page(request, "personnes/retention.html", found=await self.desk.retention())

    # --- a table -----------------------------------------------------------------------------------------------------

    async def importing(self, request: Request, who: Who) -> Response:
        return self._importing(request)

    def _importing(
        self, request: Request, status: int = 200, report: Any = None, kept: str = "", create: bool = False,
        error: str = "",
    ) -> Response:  # fmt: skip
        return self.frame.page(
            request, "personnes/import.html", status, report=report, kept=kept, create=create, error=error
        )

    async def import_(self, request: Request, who: Who) -> Response:
        """First shown, then written: the second form sends the same table back."""
        form = await request.form()
        file, kept, create = form.get("fichier"), str(form.get("table", "")), "creer" in form
        if isinstance(file, UploadFile) and file.filename:
            content = await file.read(MOST_BYTES + 1)
        else:
            try:
                content = base64.b64decode(kept, validate=True)
            except (binascii.Error, ValueError):
                content = b""
        if not content:
            return self._importing(request, 422, error="Choisissez un fichier.")
        if len(content) > MOST_BYTES:
            words = "Ce fichier dépasse 300 ko. Coupez-le, ou passez par « hotline members import »."
            return self._importing(request, 422, error=words)
        write = "ecrire" in form
        try:
            report = await self.desk.look_in(who, content, create, write)
        except Refused as error:
            return self._importing(request, 422, error=" ".join(error.errors.values()))
        if write and not report.problems:
            counts = f"{report.count('new')} nouvelles, {report.count('changed')} changées"
            return self.frame.back(request, "/bureau/personnes", f"La liste est importée : {counts}.")
        kept = base64.b64encode(content).decode()
        return self._importing(request, 422 if report.problems else 200, report, kept, create)


async def there(asked: Any) -> Any:
    """What was asked for, or a page that says that it does not exist."""
    try:
        return await asked
    except LookupError:
        raise HTTPException(404) from None


async def typed_in(request: Request, names: tuple[str, ...]) -> dict[str, str]:
    form = await request.form()
    return {name: " ".join(str(form.get(name, "")).split())[:400] for name in names}


def number_in(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
