"""The page of a question, and all that can be done on it: answer, take back, ask a partner, note, close."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from escalation.accounts import Who
from escalation.console.frame import Frame
from escalation.console.views import KINDS, STATES, Page
from escalation.console.work import AnswerDesk, QueueDesk

LONGEST = 5000
HOME = "/bureau"


class Desk(QueueDesk, AnswerDesk, Protocol):
    """Both."""


Act = Callable[[Request, Who, int], Awaitable[Response]]


def word(form: Any, name: str) -> str:
    """What was typed in a field; a file is nothing."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def number(text: str) -> int:
    """A number of a form; 404 for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HTTPException(404)
    return int(text)


@dataclass
class QuestionPages:
    """The routes of one question."""

    desk: Desk
    frame: Frame

    def routes(self) -> list[BaseRoute]:
        one = "/bureau/questions/{number:int}"
        work = [
            ("relire", self.read_back, True), ("envoyer", self.send, True), ("brouillon", self.keep, True),
            ("reprendre", self.take_back, False), ("prendre", self.take, False), ("note", self.note, False),
            ("conseil", self.set_council, False), ("fermer", self.close, False), ("rouvrir", self.reopen, False),
            ("nouvelles", self.progress, False), ("accord", self.confirm, False), ("renvoyer", self.again, False),
            ("partenaire", self.ask_partner, False),
        ]  # fmt: skip
        return [
            Route(one, self.frame.office(self._on(self.show)), methods=["GET"]),
            Route(f"{one}/fiches", self.frame.office(self._on(self.entries)), methods=["GET"]),
            Route(f"{one}/pieces/{{file:int}}", self.frame.office(self._on(self.file)), methods=["GET"]),
            Route(f"{one}/flux", self.frame.office(self._on(self.pulse)), methods=["POST"]),
            *(
                Route(
                    f"{one}/{name}",
                    self.frame.office(self._on(act), "work", self._on(self.lost) if keeps else None),
                    methods=["POST"],
                )
                for name, act, keeps in work
            ),
        ]

    def _on(self, act: Act) -> Callable[[Request, Who], Awaitable[Response]]:
        """An act on the question that the address names; 404 when there is none for this officer."""

        async def handler(request: Request, who: Who) -> Response:
            if (ticket_id := request.path_params["number"]) >= 2**31:
                raise HTTPException(404)
            try:
                return await act(request, who, ticket_id)
            except LookupError:
                raise HTTPException(404) from None

        return handler

    # --- looking -----------------------------------------------------------------------------------------------------

    async def show(self, request: Request, who: Who, ticket_id: int) -> Response:
        page = await self.desk.question(who, ticket_id, "tout" in request.query_params)
        return self._page(request, page, text=page.draft)

    def _page(
        self, request: Request, page: Page, status: int = 200, *, text: str, errors: dict[str, str] | None = None,
        partner: dict[str, str] | None = None, note: str = "", progress: str = "", news: Any = None,
    ) -> Response:  # fmt: skip
        given = {"name": "", "email": "", "text": page.question, "tell": "1"} | (partner or {})
        return self.frame.page(
            request, "console/question.html", status, page=page, text=text, errors=errors or {}, partner=given,
            note=note, progress=progress, kinds=KINDS, states=STATES, news=news, longest=LONGEST, found=None, words="",
        )  # fmt: skip

    async def entries(self, request: Request, who: Who, ticket_id: int) -> Response:
        """Entries for other words; as a piece for the page that is open, as a whole page without JavaScript."""
        words = request.query_params.get("q", "").strip()[:500]
        found = await self.desk.entries(who, words, ticket_id) if words else []
        if "morceau" in request.query_params:
            return JSONResponse({"html": self.frame.piece("console/fitting.html", fitting=found, words=words)})
        page = await self.desk.question(who, ticket_id, False)
        return self.frame.page(
            request, "console/question.html", page=page, text=page.draft, errors={}, news=None, longest=LONGEST,
            partner={"name": "", "email": "", "text": page.question, "tell": "1"}, note="", progress="",
            kinds=KINDS, states=STATES, found=found, words=words,
        )  # fmt: skip

    async def file(self, request: Request, who: Who, ticket_id: int) -> Response:
        """A file, to be kept rather than opened: what it says it is cannot be believed.

        A recording (known by its bytes when it came in) is played on the page, and asked for piece by piece.
        """
        name, kind, content = await self.desk.file(who, ticket_id, request.path_params["file"])
        played = kind.startswith("audio/") and "ecouter" in request.query_params
        headers = {
            "Content-Disposition": f"{'inline' if played else 'attachment'}; "
            f"filename*=UTF-8''{quote(name or 'piece-jointe', safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        if not played:
            return Response(content, media_type="application/octet-stream", headers=headers)
        headers["Accept-Ranges"] = "bytes"
        asked = re.fullmatch(r"bytes=(\d{1,9})-(\d{0,9})", request.headers.get("range", ""))
        if asked is None:
            return Response(content, media_type=kind, headers=headers)
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if first > last:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Response(content[first : last + 1], 206, media_type=kind, headers=headers)

    async def pulse(self, request: Request, who: Who, ticket_id: int) -> Response:
        """An open page, every half minute and after each pause in writing."""
        form = await request.form()
        text = word(form, "texte") if "texte" in form and who.may("work") else None
        news, preview, others = await self.desk.pulse(who, ticket_id, text, word(form, "vu"))
        return JSONResponse(
            {
                "news": self.frame.piece("console/news.html", news=news) if news.any else "",
                "preview": self.frame.piece("console/preview.html", preview=preview) if preview and text else "",
                "others": list(others),
            },
            headers={"Cache-Control": "no-store"},
        )

    # --- answering ---------------------------------------------------------------------------------------------------

    async def read_back(self, request: Request, who: Who, ticket_id: int) -> Response:
        """Who will read what, before it goes."""
        form = await request.form()
        text, seen = word(form, "texte").strip(), word(form, "vu")
        if inserted := word(form, "inserer"):
            return await self._insert(request, who, ticket_id, text, inserted)
        await self.desk.keep(who, ticket_id, text)
        if not text or len(text) > LONGEST:
            words = (
                "Écrivez d'abord la réponse."
                if not text
                else f"La réponse a {len(text)} caractères, {LONGEST} au plus. Coupez-la."
            )
            page = await self.desk.question(who, ticket_id, False)
            return self._page(request, page, 422, text=text, errors={"texte": words})
        return await self._read_back(request, who, ticket_id, text, seen)

    async def _read_back(
        self, request: Request, who: Who, ticket_id: int, text: str, seen: str, status: int = 200
    ) -> Response:
        page = await self.desk.question(who, ticket_id, False)
        news = await self.desk.news(who, ticket_id, seen)
        preview = await self.desk.preview(who, ticket_id, text)
        return self.frame.page(
            request, "console/read_back.html", status, page=page, preview=preview, text=text, news=news,
            seen=news.seen, once=secrets.token_urlsafe(12),
        )  # fmt: skip

    async def _insert(self, request: Request, who: Who, ticket_id: int, text: str, slug: str) -> Response:
        """The words of an entry after what is written already: for a browser without JavaScript."""
        page = await self.desk.question(who, ticket_id, False)
        known = {each.slug: each.text for each in page.fitting} | {f"type:{n}": words for n, _, words in page.canned}
        if slug not in known and (words := request.query_params.get("q", "")):
            known |= {each.slug: each.text for each in await self.desk.entries(who, words, ticket_id)}
        whole = "\n\n".join(each for each in (text, known.get(slug, "")) if each)
        await self.desk.keep(who, ticket_id, whole)
        return RedirectResponse(f"{HOME}/questions/{ticket_id}#reponse", 303)

    async def send(self, request: Request, who: Who, ticket_id: int) -> Response:
        form = await request.form()
        text, seen, once = word(form, "texte"), word(form, "vu"), word(form, "une-fois")[:40]
        sent = await self.desk.send(who, ticket_id, text, seen, once)
        if sent.outcome == "news":
            return await self._read_back(request, who, ticket_id, text, seen, 409)
        if sent.outcome in ("empty", "long"):
            page = await self.desk.question(who, ticket_id, False)
            words = "Écrivez d'abord la réponse." if sent.outcome == "empty" else "La réponse est trop longue."
            return self._page(request, page, 422, text=text, errors={"texte": words})
        if sent.outcome == "again":
            return self.frame.back(request, HOME, f"La réponse au n° {ticket_id} était déjà donnée : une seule part.")
        told = (
            f"La réponse au n° {ticket_id} part dans deux minutes."
            if sent.undo_until
            else f"La réponse au n° {ticket_id} est notée."
        )
        return self.frame.back(request, HOME, told)

    async def keep(self, request: Request, who: Who, ticket_id: int) -> Response:
        form = await request.form()
        await self.desk.keep(who, ticket_id, word(form, "texte"))
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", "Le brouillon est gardé.")

    async def lost(self, request: Request, who: Who, ticket_id: int) -> Response:
        """The session is over in the middle of an answer: what was typed is kept, and found again."""
        form = await request.form()
        await self.desk.keep(who, ticket_id, word(form, "texte"))
        return RedirectResponse(f"/bureau/entrer?fin=1&vers={HOME}/questions/{ticket_id}", 303)

    async def take_back(self, request: Request, who: Who, ticket_id: int) -> Response:
        form = await request.form()
        way = f"{HOME}/questions/{ticket_id}"
        if await self.desk.take_back(who, ticket_id, number(word(form, "reponse"))):
            return self.frame.back(request, f"{way}#reponse", "La réponse n'est pas partie. Elle est en brouillon ici.")
        return self.frame.back(request, way, "Trop tard : la réponse est déjà partie.", "failed")

    async def confirm(self, request: Request, who: Who, ticket_id: int) -> Response:
        form = await request.form()
        done = await self.desk.confirm(who, ticket_id, number(word(form, "reponse")), word(form, "accord") == "oui")
        told = {
            "sent": ("La réponse est partie.", "done"),
            "dropped": ("La réponse est écartée.", "done"),
            "gone": ("Cette réponse a déjà été traitée.", "waiting"),
        }[done]
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", *told)

    # --- around it ---------------------------------------------------------------------------------------------------

    async def take(self, request: Request, who: Who, ticket_id: int) -> Response:
        on = word(await request.form(), "prendre") != "non"
        await self.desk.take(who, ticket_id, on)
        told = "C'est noté : vous vous en occupez." if on else "C'est noté : la question est libre."
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", told)

    async def note(self, request: Request, who: Who, ticket_id: int) -> Response:
        text = word(await request.form(), "note")
        if not await self.desk.note(who, ticket_id, text):
            page = await self.desk.question(who, ticket_id, False)
            return self._page(request, page, 422, text=page.draft, errors={"note": "Écrivez d'abord la note."})
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}#notes", "La note est gardée.")

    async def set_council(self, request: Request, who: Who, ticket_id: int) -> Response:
        name = await self.desk.set_council(who, ticket_id, word(await request.form(), "conseil"))
        told = f"La question est de : {name}." if name else "La question n'a plus de conseil."
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", told)

    async def close(self, request: Request, who: Who, ticket_id: int) -> Response:
        await self.desk.close(who, ticket_id, word(await request.form(), "raison"))
        return self.frame.back(request, HOME, f"La question n° {ticket_id} est fermée.")

    async def reopen(self, request: Request, who: Who, ticket_id: int) -> Response:
        await self.desk.reopen(who, ticket_id)
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", "La question attend de nouveau une réponse.")

    async def progress(self, request: Request, who: Who, ticket_id: int) -> Response:
        """How things stand: read back first, with what it costs; it goes once that was seen."""
        form = await request.form()
        text, read = word(form, "nouvelles"), form.getlist("relu")
        if not text.strip() or len(text) > LONGEST:
            words = "Écrivez d'abord le message." if not text.strip() else f"Écrivez {LONGEST} caractères au plus."
            page = await self.desk.question(who, ticket_id, False)
            return self._page(request, page, 422, text=page.draft, progress=text, errors={"nouvelles": words})
        if read != ["1"]:
            page = await self.desk.question(who, ticket_id, False)
            if "corriger" in read:
                return self._page(request, page, text=page.draft, progress=text)
            preview = await self.desk.preview_progress(who, ticket_id, text)
            return self.frame.page(request, "console/read_progress.html", page=page, preview=preview, text=text)
        await self.desk.progress(who, ticket_id, text)
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}", "La personne a des nouvelles.")

    async def again(self, request: Request, who: Who, ticket_id: int) -> Response:
        """What did not arrive: on the same channel, or on another."""
        form = await request.form()
        message, where = number(word(form, "message")), word(form, "adresse")
        way = f"{HOME}/questions/{ticket_id}"
        if where:
            channel = await self.desk.elsewhere(who, ticket_id, message, number(where))
            told = f"Le message repart par {channel}." if channel else ""
        else:
            told = "Le message repart." if await self.desk.retry(who, ticket_id, message) else ""
        if not told:
            return self.frame.back(request, way, "Ce message n'est plus à renvoyer.", "waiting")
        return self.frame.back(request, way, told)

    async def ask_partner(self, request: Request, who: Who, ticket_id: int) -> Response:
        form = await request.form()
        given = {
            "name": word(form, "nom").strip()[:120],
            "email": (word(form, "adresse").strip() or word(form, "connu").strip())[:254],
            "text": word(form, "partage")[:LONGEST],
            "tell": word(form, "dire"),
        }
        wrong = (
            "Écrivez la question pour le partenaire."
            if not given["text"].strip()
            else await self.desk.ask_partner(
                who, ticket_id, given["name"], given["email"], given["text"], bool(given["tell"])
            )
        )
        if wrong:
            page = await self.desk.question(who, ticket_id, False)
            field = "partage" if "question pour" in wrong else "adresse"
            return self._page(request, page, 422, text=page.draft, errors={field: wrong}, partner=given)
        told = "La question est envoyée au partenaire. Sa réponse arrivera ici."
        return self.frame.back(request, f"{HOME}/questions/{ticket_id}#partenaires", told)
