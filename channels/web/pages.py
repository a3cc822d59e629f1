"""The pages of the web chat: ask, read, choose, be handed on, come back by a link; all work without JavaScript."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from channels import admission
from channels.contract import Address, Attachment, Carried, Collected, Inbound
from channels.web.desk import Escalated, WebDesk
from channels.web.frame import Frame
from channels.web.limits import Limiter
from channels.web.prose import cleaned, html_of
from channels.web.settings import WebSettings
from channels.web.stream import MOST_STREAMS, Stream, resume_from

log = logging.getLogger(__name__)

COOKIE = "conversation"
HANDLE_START, HANDLE_MARK = 24, 16  # base64 characters: 144 bits that nobody guesses, 96 bits that show they are ours
FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
MOST_CHARACTERS = 5000
UPLOADS = ("/question", "/conversation")  # the two forms that may bring a file
MOST_UPLOAD = admission.MOST_BYTES + 600_000  # bytes of such a form: the file, and what any form may hold
REFRESH_SECONDS = 5  # how often a page without JavaScript looks again
PATIENCE = timedelta(minutes=2)  # how long it does, and how long « je cherche » is believable
PERSON = "Parler à une personne"  # a word of command that bot/router.py knows
EXAMPLES = (
    "Un conseil citoyen, à quoi ça sert ?",
    "Comment se préparer pour le comité de pilotage ?",
    "Peut-on se faire rembourser ses frais ?",
)


@dataclass(frozen=True)
class Shown:
    """One message as the page draws it."""

    id: str  # unique in the page
    mine: bool
    html: Markup | str
    at: datetime
    choices: tuple[str, ...] = ()
    open: bool = False  # its choices are buttons: nothing was said since
    row: int = 0  # the outbox row, 0 for what the visitor wrote
    files: tuple[Carried, ...] = ()


@dataclass(frozen=True)
class Panel:
    """What the page says of the questions that went to a person."""

    questions: tuple[Escalated, ...]
    link: str
    token: str
    step: str = ""  # "" | code | ok: how far the email went
    email: str = ""
    email_error: str = ""
    code_error: str = ""
    renewed: bool = False  # the link was made anew just now

    @property
    def by_email(self) -> bool:
        return any(question.by_email for question in self.questions)

    @property
    def waiting(self) -> bool:
        return any(not question.answered for question in self.questions)


@dataclass(frozen=True)
class Kept:
    """Why a message was not taken; the page shows it beside the text, so that nothing typed is lost."""

    status: int
    title: str
    reason: str
    why: str  # one word for the script
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Pages:
    """The routes; holds what they share."""

    desk: WebDesk
    frame: Frame
    key: bytes
    settings: WebSettings
    stopping: Callable[[], bool]
    older: tuple[bytes, ...] = ()  # keys of before: the chats that they opened go on

    def __post_init__(self) -> None:
        self.new_chats = Limiter(self.settings.chats_an_hour, 3600)
        self.posts = Limiter(self.settings.posts_a_minute, 60)
        self.visitor_key = secrets.token_bytes(32)
        self.streams = 0

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/question", closing(self.ask), methods=["POST"]),
            Route("/conversation", self.chat, methods=["GET"]),
            Route("/conversation", closing(self.write), methods=["POST"]),
            Route("/conversation/choix", closing(self.choose), methods=["POST"]),
            Route("/conversation/personne", closing(self.person), methods=["POST"]),
            Route("/conversation/fichier/{id:int}", self.file, methods=["GET"]),
            Route("/conversation/flux", self.live, methods=["GET"]),
            Route("/conversation/lien/annuler", closing(self.revoke), methods=["POST"]),
            Route("/conversation/email", closing(self.email), methods=["POST"]),
            Route("/conversation/email/code", closing(self.code), methods=["POST"]),
            Route("/conversation/quitter", closing(self.leave), methods=["POST"]),
            Route("/reprendre/{token}", self.resume, methods=["GET"]),
            Route("/reprendre/{token}", closing(self.enter), methods=["POST"]),
            Route("/confidentialite", self.privacy, methods=["GET"]),
            Route("/accessibilite", self.accessibility, methods=["GET"]),
            Route("/mentions-legales", self.legal, methods=["GET"]),
        ]

    # --- asking ------------------------------------------------------------------------------------------------------

    async def home(self, request: Request) -> Response:
        return self._home(request)

    def _home(self, request: Request, status: int = 200, text: str = "", error: str = "") -> Response:
        return self.frame.page(
            request,
            "web/home.html",
            status,
            token=self.frame.token(""),
            form_id=new_form_id(),
            text=text,
            error=error,
            examples=EXAMPLES,
            most=MOST_CHARACTERS,
            returning=bool(self._handle_of(request)),
        )

    async def ask(self, request: Request) -> Response:
        """The first question: it opens the chat, and only now is there a cookie."""
        form = await request.form()
        text, handle = cleaned(word(form, "exemple") or word(form, "texte")), self._handle_of(request)
        form_id = form_id_of(form)
        if kept := self._refused(request, form, handle):
            return self._keep(request, kept, text)
        file, error = await uploaded(form)
        if error := error or wrong_with(text, file):
            return self._home(request, 422, text, error)
        if not handle:
            if seconds := self.new_chats.wait(self._visitor(request), time.monotonic()):
                return self._keep(request, too_many_chats(seconds), text)
            handle = self._new_handle(form_id)
        if kept := await self._deliver(handle, form_id, text, file):
            return self._keep(request, kept, text, form_id)
        response = RedirectResponse("/conversation#dernier", 303)
        self._remember(response, handle)
        return response

    async def write(self, request: Request) -> Response:
        """A further message; answers a fetch with the drawn message, and a form with the page."""
        form = await request.form()
        return await self._say(request, form, cleaned(word(form, "texte")))

    async def choose(self, request: Request) -> Response:
        """A click on a choice is the same as writing its number, once for each message that offered it."""
        form = await request.form()
        number = word(form, "numero")
        if not re.fullmatch(r"[1-9]", number):
            return RedirectResponse("/conversation", 303)
        return await self._say(request, form, number, f"choix {word(form, 'message')}")

    async def person(self, request: Request) -> Response:
        return await self._say(request, await request.form(), PERSON)

    async def _say(self, request: Request, form: FormData, text: str, form_id: str = "") -> Response:
        handle, live = self._handle_of(request), "application/json" in request.headers.get("accept", "")
        if not handle:
            kept: Kept | None = NO_CHAT
        else:
            kept = self._refused(request, form, handle)
        file, error = await uploaded(form)
        if kept is None and (error := error or wrong_with(text, file)):
            if live:
                return JSONResponse({"error": error, "why": "text"}, 422)
            return await self._chat(request, handle, 422, text, error)
        form_id = form_id or form_id_of(form)
        if kept is None:
            kept = await self._deliver(handle, form_id, text, file)
        if kept and live:
            return JSONResponse({"error": kept.reason, "why": kept.why}, kept.status, kept.headers)
        if kept:
            return self._keep(request, kept, text, form_id)
        if live:
            label = word(form, "libelle")[:200]
            said = f"{text}. {label}" if label else text
            said += f"\n(Fichier envoyé : {file.filename})" if file else ""
            shown = Shown(new_form_id(), True, said.strip(), datetime.now(UTC))
            return JSONResponse({"html": self._drawn(shown), "form_id": new_form_id()})
        return RedirectResponse("/conversation#dernier", 303)

    async def _deliver(self, handle: str, form_id: str, text: str, file: Attachment | None = None) -> Kept | None:
        """Keep a message; the same text (and file) of the same form is the same message."""
        mark = (hashlib.sha256(file.content).hexdigest(),) if file else ()
        message = Inbound(
            self._digest("message", handle, form_id, text, *mark),
            Address("web", handle),
            text,
            datetime.now(UTC),
            attachments=(file,) if file else (),
        )
        try:
            await self.desk.deliver(message)
        except Exception as error:  # whatever it was, the visitor's words must not be lost, nor stand in a log
            log.error("a message from the web could not be kept: %s", type(error).__name__)
            return NOT_KEPT
        return None

    # --- the chat ----------------------------------------------------------------------------------------------------

    async def chat(self, request: Request) -> Response:
        handle = self._handle_of(request)
        if not handle:
            return RedirectResponse("/", 303)
        return await self._chat(request, handle)

    async def _chat(
        self, request: Request, handle: str, status: int = 200, text: str = "", error: str = "", **of_panel: Any
    ) -> Response:
        messages = await self.desk.conversation(handle)
        escalated = await self.desk.escalated(handle)
        now = datetime.now(UTC)
        awaited = bool(messages) and messages[-1].mine
        patient = awaited and now - messages[-1].at < PATIENCE
        step = request.query_params.get("courriel", "")
        of_panel.setdefault("step", step if step in ("code", "ok") else "")
        of_panel.setdefault("renewed", request.query_params.get("lien") == "neuf")
        return self.frame.page(
            request,
            "web/chat.html",
            status,
            messages=drawn(messages),
            last=max((message.id for message in messages if not message.mine), default=0),
            awaited=awaited,
            patient=patient,
            refresh=REFRESH_SECONDS if patient and "pause" not in request.query_params and status == 200 else 0,
            panel=await self._panel(request, handle, escalated, **of_panel) if escalated else None,
            token=self.frame.token(handle),
            form_id=new_form_id(),
            text=text,
            error=error,
            most=MOST_CHARACTERS,
        )

    async def file(self, request: Request) -> Response:
        """A file that a message of this chat brings: to be saved, never to be run by the browser."""
        handle = self._handle_of(request)
        found = await self.desk.file(handle, request.path_params["id"]) if handle else None
        if found is None:
            raise HTTPException(404)
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", found.filename).strip("-.") or "fichier"
        spelled = quote(found.filename, safe="")
        headers = {
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{spelled}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
        }
        return Response(found.content, media_type=found.content_type.partition(";")[0], headers=headers)

    async def live(self, request: Request) -> Response:
        """The messages that come while the page is open; 204 tells the browser not to come back."""
        handle = self._handle_of(request)
        if not handle:
            return Response(status_code=204)
        if self.streams >= MOST_STREAMS:
            return Response(status_code=503, headers={"Retry-After": "30"})

        async def panel(escalated: list[Escalated]) -> str:
            return self.frame.piece("web/panel.html", panel=await self._panel(request, handle, escalated))

        after = resume_from(request.headers.get("last-event-id", ""), request.query_params.get("apres", ""))
        token = self.frame.token(handle)
        stream = Stream(
            self.desk, handle, after, self.stopping, lambda message: self._drawn(drawn([message])[0], token), panel
        )

        async def counted() -> Any:
            self.streams += 1
            try:
                async for event in stream.events():
                    yield event
            finally:
                self.streams -= 1

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(counted(), media_type="text/event-stream", headers=headers)

    def _drawn(self, shown: Shown, token: str = "") -> str:
        return self.frame.piece("web/message.html", message=shown, token=token)

    # --- handed on to a person ---------------------------------------------------------------------------------------

    async def _panel(self, request: Request, handle: str, escalated: Sequence[Escalated], **more: Any) -> Panel:
        base = self.desk.house().public_url or str(request.base_url)
        link = f"{base.rstrip('/')}/reprendre/{await self.desk.personal_link(handle)}"
        return Panel(tuple(escalated), link, self.frame.token(handle), **more)

    async def revoke(self, request: Request) -> Response:
        form, handle = await request.form(), self._handle_of(request)
        if kept := self._unfit(request, form, handle):
            return self._keep(request, kept)
        await self.desk.revoke(handle)
        return RedirectResponse("/conversation?lien=neuf#suivi", 303)

    async def email(self, request: Request) -> Response:
        form, handle = await request.form(), self._handle_of(request)
        if kept := self._unfit(request, form, handle):
            return self._keep(request, kept)
        address = cleaned(word(form, "adresse"))[:254]
        error = (
            "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", address)
            else "Je ne reconnais pas cette adresse. Elle ressemble à : prenom.nom@exemple.fr"
        )  # fmt: skip
        if error := error or await self.desk.offer_email(handle, address):
            return await self._chat(request, handle, 422, email=address, email_error=error)
        return RedirectResponse("/conversation?courriel=code#suivi", 303)

    async def code(self, request: Request) -> Response:
        form, handle = await request.form(), self._handle_of(request)
        if kept := self._unfit(request, form, handle):
            return self._keep(request, kept)
        code = re.sub(r"\s", "", word(form, "code"))
        error = "" if re.fullmatch(r"[0-9]{6}", code) else "Le code a 6 chiffres. Vous le trouvez dans notre e-mail."
        if error := error or await self.desk.prove_email(handle, code):
            return await self._chat(request, handle, 422, step="code", code_error=error)
        return RedirectResponse("/conversation?courriel=ok#suivi", 303)

    def _unfit(self, request: Request, form: FormData, handle: str) -> Kept | None:
        return self._refused(request, form, handle) if handle else NO_CHAT

    # --- coming back, and leaving ------------------------------------------------------------------------------------

    async def resume(self, request: Request) -> Response:
        """Only shows a button: programs that check mail follow every link, and must not open the chat."""
        if await self.desk.enter(request.path_params["token"]) is None:
            return self.frame.page(request, "web/expired.html", 410)
        return self.frame.page(
            request, "web/resume.html", token=self.frame.token(""), other=bool(self._handle_of(request))
        )

    async def enter(self, request: Request) -> Response:
        form = await request.form()
        if kept := self._refused(request, form, ""):
            return self._keep(request, kept)
        handle = await self.desk.enter(request.path_params["token"])
        if handle is None:
            return self.frame.page(request, "web/expired.html", 410)
        response = RedirectResponse("/conversation#dernier", 303)
        self._remember(response, handle)
        return response

    async def leave(self, request: Request) -> Response:
        """Forget the chat on this device; what was asked goes on."""
        form, handle = await request.form(), self._handle_of(request)
        if handle and (kept := self._refused(request, form, handle)):
            return self._keep(request, kept)
        response = RedirectResponse("/?au-revoir", 303, {"Clear-Site-Data": '"cache"'})
        response.delete_cookie(COOKIE, path="/", secure=self._https, httponly=True, samesite="lax")
        return response

    def _remember(self, response: Response, handle: str) -> None:
        response.set_cookie(COOKIE, handle, path="/", secure=self._https, httponly=True, samesite="lax")

    @property
    def _https(self) -> bool:
        return self.desk.house().public_url.startswith("https://")

    # --- what the law wants to be read -------------------------------------------------------------------------------

    async def privacy(self, request: Request) -> Response:
        return self.frame.page(request, "web/privacy.html", settings=self.settings, accepted=admission.ACCEPTED)

    async def accessibility(self, request: Request) -> Response:
        return self.frame.page(request, "web/accessibility.html", settings=self.settings)

    async def legal(self, request: Request) -> Response:
        return self.frame.page(request, "web/legal.html", settings=self.settings)

    # --- what is refused, and how nothing typed is lost --------------------------------------------------------------

    def _refused(self, request: Request, form: FormData, handle: str) -> Kept | None:
        """Why this form is not taken: too many of them, or not from a page of ours."""
        if seconds := self.posts.wait(self._visitor(request), time.monotonic()):
            return replace(TOO_FAST, headers={"Retry-After": str(int(seconds) + 1)})
        if not self.frame.trusts(request, handle, word(form, "jeton")):
            return NOT_OURS
        return None

    def _keep(self, request: Request, kept: Kept, text: str = "", form_id: str = "") -> Response:
        """The page that says why, with the text and (so that a doubtful one is not kept twice) the id of its form."""
        return self.frame.page(
            request,
            "web/kept.html",
            kept.status,
            kept.headers,
            kept=kept,
            text=text,
            token=self.frame.token(self._handle_of(request)),
            form_id=form_id or new_form_id(),
            action="/conversation" if self._handle_of(request) else "/question",
            most=MOST_CHARACTERS,
        )

    def _visitor(self, request: Request) -> str:
        """A visitor's network address (an IPv6 home has a /64 of them), hashed under a key that is never kept."""
        host = request.client.host if request.client else ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            address = None
        if isinstance(address, ipaddress.IPv6Address):
            host = str(ipaddress.ip_network((address, 64), strict=False))
        return hmac.new(self.visitor_key, host.encode(), hashlib.sha256).hexdigest()[:32]

    def _new_handle(self, form_id: str) -> str:
        """The chat that a first form opens: the same form sent twice opens the same one. It carries our mark."""
        start = self._digest("handle", form_id)[:HANDLE_START]
        return start + self._digest("ours", start)[:HANDLE_MARK]

    def _handle_of(self, request: Request) -> str:
        """The chat of this visitor; empty when there is none, or when the cookie is not one that we made."""
        handle = request.cookies.get(COOKIE, "")
        start, mark = handle[:HANDLE_START], handle[HANDLE_START:]
        digests = (_digest(key, "ours", start) for key in (self.key, *self.older))
        ours = any(hmac.compare_digest(mark.encode(), each[:HANDLE_MARK].encode()) for each in digests)
        return handle if ours else ""

    def _digest(self, *parts: str) -> str:
        return _digest(self.key, *parts)


def _digest(key: bytes, *parts: str) -> str:
    made = hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


NO_CHAT = Kept(
    401,
    "Votre conversation n'est plus ouverte sur cet appareil",
    "Elle se ferme avec le navigateur. Votre texte est gardé ici : envoyez-le pour ouvrir une nouvelle conversation. "
    "Pour retrouver l'ancienne, utilisez votre lien personnel.",
    "chat",
)
NOT_OURS = Kept(
    403,
    "Je n'ai pas pu vérifier d'où vient ce message",
    "La page était sans doute ouverte depuis longtemps. Votre texte est gardé ici : il suffit de l'envoyer de nouveau.",
    "token",
)
NOT_KEPT = Kept(
    503,
    "Votre message n'est pas encore enregistré",
    "Un souci technique de notre côté m'empêche de le garder. Votre texte est toujours là : "
    "essayez de nouveau dans une minute.",
    "store",
    {"Retry-After": "60"},
)
TOO_FAST = Kept(
    429,
    "Un instant, s'il vous plaît",
    "Je reçois beaucoup de messages depuis votre connexion. Votre texte est gardé ici : "
    "attendez une minute, puis envoyez-le.",
    "fast",
)


def too_many_chats(seconds: float) -> Kept:
    minutes = max(1, round(seconds / 60))
    return Kept(
        429,
        "Beaucoup de conversations s'ouvrent depuis votre connexion",
        "C'est peut-être un ordinateur partagé. Votre texte est gardé ici : vous pourrez l'envoyer dans "
        + ("1 minute." if minutes == 1 else f"{minutes} minutes."),
        "fast",
        {"Retry-After": str(int(seconds) + 1)},
    )


def closing(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler, after which the files of the form are let go: they may stand in a temporary file."""

    async def closed(request: Request) -> Response:
        try:
            return await handler(request)
        finally:
            await request.close()

    return closed


async def uploaded(form: FormData) -> tuple[Attachment | None, str]:
    """The file of a form, cleaned, if there is one; or what is wrong with it, in French."""
    given = form.get("fichier")
    if not isinstance(given, UploadFile) or not given.filename:
        return None, ""
    file = Attachment(given.filename, given.content_type or "", await given.read())
    try:
        return await asyncio.to_thread(admission.clean, file), ""
    except admission.Refused as error:
        again = "Retirez-le, ou choisissez-en un autre."
        return None, f"Je ne peux pas prendre « {given.filename[:80]} » : {error}. {again}"


def wrong_with(text: str, file: Attachment | None = None) -> str:
    """What to change in a text before it can be sent; empty when it is fine. With a file there need not be any."""
    if not text and file is None:
        return "Écrivez votre question ici, avec vos mots."
    if len(text) > MOST_CHARACTERS:
        over = len(text) - MOST_CHARACTERS
        return (
            f"Votre texte a {figures(len(text))} caractères, et je peux en lire {figures(MOST_CHARACTERS)}. "
            f"Retirez-en {figures(over)}, ou envoyez-le en deux fois."
        )
    return ""


def figures(number: int) -> str:
    """« 5 000 »: thousands apart, in one piece."""
    return f"{number:,}".replace(",", "\u202f")


def drawn(messages: Sequence[Collected]) -> list[Shown]:
    """The messages as the page draws them: a number that answers a choice is shown with what it stands for."""
    shown: list[Shown] = []
    offered: tuple[str, ...] = ()
    for place, message in enumerate(messages):
        if message.mine:
            text = message.text
            if text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= len(offered):
                text = f"{text}. {offered[int(text) - 1]}"
            shown.append(Shown(f"v{message.id}", True, text or "(Fichier envoyé)", message.at))
            offered = ()
        else:
            offered = message.choices or offered
            shown.append(
                Shown(
                    f"m{message.id}",
                    False,
                    html_of(message.text, message.choices),
                    message.at,
                    message.choices,
                    bool(message.choices) and place == len(messages) - 1,
                    message.id,
                    message.files,
                )
            )
    return shown


def form_id_of(form: FormData) -> str:
    """The id that the page gave to this form; a fresh one where it is missing: then nothing is taken for a double."""
    found = word(form, "envoi")
    return found if FORM_ID.fullmatch(found) else new_form_id()


def new_form_id() -> str:
    return secrets.token_urlsafe(18)


def word(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
