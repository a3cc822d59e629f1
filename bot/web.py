"""The ASGI app: mounts the channels' routes and the rooms' pages, and gives them the frame, /health and /metrics."""

import hashlib
import hmac
import logging
import mimetypes
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from jinja2 import BytecodeCache, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.ext import Extension
from markupsafe import Markup
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import gate
from bot.db import DatabaseAway
from bot.desk import billing
from bot.gate import Gate, Handler, Sessions
from bot.office import in_full
from channels import admission
from channels.contract import Deliver, Opened, Webhook
from channels.web import WebChannel
from channels.web.desk import WebDesk
from channels.web.pages import MOST_UPLOAD, UPLOADS

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024  # of a request's body: 5,000 characters need 60 kB at worst, the rest is for a clear answer
UPLOADED_BYTES = 8 * 1024 * 1024  # of a file that an officer brings in: pages of the desk whose name ends in /importer
DRAINED_BYTES = 32 * 1024 * 1024  # read and thrown away beyond that, so that the browser gets to see the 413 page
ROOMS = {  # the prefix of a template's name, and the folder that it is in
    "web": ("channels", "web/templates"),
    "console": ("escalation", "console/templates"),
    "fiches": ("knowledge", "pages/templates"),
    "personnes": ("channels", "pages/templates"),
    "reunions": ("scheduler", "pages/templates"),
}
NAVIGATION = (  # the pages of the desk: address, name, the role that sees it
    ("/bureau", "Questions", "read"),
    ("/bureau/fiches", "Fiches", "read"),
    ("/bureau/reunions", "Réunions", "read"),
    ("/bureau/personnes", "Personnes", "read"),
    ("/bureau/chiffres", "Chiffres", "read"),
    ("/bureau/sante", "Santé", "read"),
    ("/bureau/equipe", "Équipe", "read"),
)
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # `no-referrer` would make browsers send `Origin: null` with our own forms
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
PARIS = ZoneInfo("Europe/Paris")
FOR_EVER = "public, max-age=31536000, immutable"


def create_app(
    desk: WebDesk,
    opened: Mapping[str, Opened],
    health: Callable[[], Awaitable[dict[str, object]]],
    *,
    key: bytes,
    deliver: Deliver | None = None,
    zone: ZoneInfo = PARIS,
    registry: CollectorRegistry | None = None,
    sessions: Sessions | None = None,
    more: Callable[["PageFrame"], Sequence[BaseRoute]] = lambda frame: (),
    stopping: Callable[[], bool] = lambda: False,
    most_bytes: int = MOST_BYTES,
    older: tuple[bytes, ...] = (),
) -> FastAPI:
    """The whole web side.

    `key`: 32 secret bytes of this installation (vault.key("pages")); chats and forms that were opened under one of
    `older` go on. `health` says what it likes;
    `"ok": False` in it makes /health answer 503. `deliver` is what webhooks hand their messages to.
    `sessions` says who is signed in at the desk; `more` adds the pages of other rooms in the same frame.
    `stopping` turns true when the server shuts down: live streams then end within a second.
    """
    frame = PageFrame(desk, key, zone, sessions, older)
    registry = registry or CollectorRegistry()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    routes = app.router.routes
    longer: dict[str, int] = {}
    for each in opened.values():
        channel = each.channel
        if isinstance(channel, WebChannel):
            longer |= {path: max(MOST_UPLOAD, most_bytes) for path in UPLOADS}
            routes.extend(channel.pages(desk, frame, key, stopping, older))
        if isinstance(channel, Webhook) and deliver is not None:
            theirs = channel.routes(deliver)
            routes.extend(theirs)
            longer |= {route.path: each.longest_call for route in theirs if each.longest_call > most_bytes}
    routes.extend(more(frame))
    routes.append(Route("/static/{mark}/{name}", frame.static_file, methods=["GET"]))
    routes.append(Route("/favicon.ico", frame.favicon, methods=["GET"]))

    async def healthy(request: Request) -> Response:
        try:
            found = await health()
        except Exception:
            log.exception("/health could not be answered")
            found = {"ok": False}
        return JSONResponse(found, 200 if found.get("ok", True) else 503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    routes.append(Route("/health", healthy, methods=["GET"]))
    routes.append(Route("/metrics", metrics, methods=["GET"]))

    app.add_exception_handler(HTTPException, frame.went_wrong)
    app.add_exception_handler(DatabaseAway, frame.away)
    app.add_exception_handler(Exception, frame.broke)
    app.add_middleware(Bounded, frame=frame, most_bytes=most_bytes, longer=longer)
    app.add_middleware(Counted, registry=registry)
    app.add_middleware(Safe, frame=frame)
    return app


def _bound(key: bytes, what: str, session: str) -> str:
    return hmac.new(key, f"{what}\0{session}".encode(), hashlib.sha256).hexdigest()[:40]


@dataclass
class PageFrame:
    """The frame around every page (channels.web.frame.Frame), the files it needs, and the pages of what went wrong."""

    desk: WebDesk
    key: bytes
    zone: ZoneInfo
    sessions: Sessions | None = None
    older: tuple[bytes, ...] = ()  # keys of before: forms that were open go on
    files: dict[str, tuple[str, bytes, str]] = field(default_factory=dict)  # name: (mark, content, type)

    def __post_init__(self) -> None:
        self.gate = Gate(self, self.sessions) if self.sessions else None
        for path in sorted(Path(str(files("bot") / "static")).iterdir()):
            content = path.read_bytes()
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.files[path.name] = (hashlib.sha256(content).hexdigest()[:12], content, kind)
        own = FileSystemLoader(str(files("bot") / "templates"))
        rooms = {prefix: FileSystemLoader(str(files(room) / path)) for prefix, (room, path) in ROOMS.items()}
        self.jinja = Environment(
            loader=ChoiceLoader([own, PrefixLoader(rooms)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[French],
            bytecode_cache=Compiled(),
        )
        self.jinja.globals |= {"static": self.static, "navigation": NAVIGATION}
        self.jinja.filters |= {
            "weight": admission.in_words,
            "day": self.day, "hour": self.hour, "moment": self.moment, "short": self.short, "tel": tel,
            "many": many, "figures": figures, "euros": billing.euros, "date": in_full,
        }  # fmt: skip

    # --- drawing -----------------------------------------------------------------------------------------------------

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        house = self.desk.house()
        shown = values | {"house": house, "path": request.url.path, "who": None, "glance": None, "said": None}
        who = getattr(request.state, "who", None)
        if who is not None:
            told = gate.heard(self.key, request.cookies.get(gate.SAID, ""))
            shown |= {
                "who": who, "glance": request.state.glance, "said": told, "form_token": self.office_token(who.session),
            }  # fmt: skip
        response = HTMLResponse(self.jinja.get_template(name).render(shown), status, dict(headers or {}))
        if gate.SAID in request.cookies:
            response.delete_cookie(gate.SAID, path=gate.HOME)
        return response

    def piece(self, name: str, **values: Any) -> str:
        return self.jinja.get_template(name).render(values | {"house": self.desk.house()})

    def static(self, name: str) -> str:
        """The address of a file; it changes with the content, so that browsers may keep it for ever."""
        return f"/static/{self.files[name][0]}/{name}"

    def day(self, moment: datetime) -> str:
        return in_full(moment.astimezone(self.zone).date())

    def hour(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"

    def moment(self, moment: datetime) -> str:
        return f"{self.day(moment)} à {self.hour(moment)}"

    def short(self, moment: datetime) -> str:
        """« 11/12/2026 à 18 h »: where a column is narrow."""
        return f"{moment.astimezone(self.zone):%d/%m/%Y} à {self.hour(moment)}"

    # --- the desk ----------------------------------------------------------------------------------------------------

    def office(
        self, handler: Handler, may: str = "read", lost: Handler | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a page of the desk, for whoever is signed in and may: see bot/gate.py."""
        assert self.gate is not None, "the pages of the desk need to know who is signed in"
        return self.gate(handler, may, lost)

    def back(self, request: Request, way: str, words: str = "", tone: str = "done") -> Response:
        """On to a page of the desk after a form was dealt with; `words` are told there once (done, waiting, failed)."""
        response = RedirectResponse(gate.own_way(way), 303)
        if words:
            value = gate.said(self.key, words, tone)
            response.set_cookie(
                gate.SAID, value, 60, path=gate.HOME, secure=self.https, httponly=True, samesite="strict"
            )
        return response

    def remember(self, response: Response, secret: str) -> None:
        """Give a browser the cookie of its session at the desk; an empty secret takes it away."""
        if secret:
            response.set_cookie(gate.COOKIE, secret, path="/bureau", secure=self.https, httponly=True, samesite="lax")
        else:
            response.delete_cookie(gate.COOKIE, path="/bureau")

    @property
    def https(self) -> bool:
        return self.desk.house().public_url.startswith("https://")

    def office_token(self, session: str) -> str:
        """What the forms of a session at the desk send back: bound to it by our key."""
        return _bound(self.key, "office", session)

    def trusts_office(self, request: Request, session: str, token: str) -> bool:
        return self._fits(token, "office", session) and self._same_origin(request)

    # --- forms -------------------------------------------------------------------------------------------------------

    def token(self, session: str) -> str:
        """A synchroniser token: bound to the session by our key, so there is nothing to store."""
        return _bound(self.key, "form", session)

    def trusts(self, request: Request, session: str, token: str) -> bool:
        """The token is of this session, or of none yet; and the browser, where it tells, says the page was ours."""
        fits = any(self._fits(token, "form", each) for each in (session, ""))
        return fits and self._same_origin(request)

    def _fits(self, token: str, what: str, session: str) -> bool:
        made = (_bound(key, what, session) for key in (self.key, *self.older))
        return any(hmac.compare_digest(token.encode(), each.encode()) for each in made)

    def _same_origin(self, request: Request) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin", "")
        if not origin:
            return True
        ours = {request.headers.get("host", ""), urlsplit(self.desk.house().public_url).netloc}
        return bool(netloc := urlsplit(origin).netloc) and netloc in ours

    # --- files -------------------------------------------------------------------------------------------------------

    async def static_file(self, request: Request) -> Response:
        found = self.files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        mark, content, kind = found
        fresh = request.path_params["mark"] == mark
        return Response(content, media_type=kind, headers={"Cache-Control": FOR_EVER if fresh else "no-cache"})

    async def favicon(self, request: Request) -> Response:
        _mark, content, kind = self.files["favicon.svg"]
        return Response(content, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})

    # --- what went wrong ---------------------------------------------------------------------------------------------

    def trouble(self, request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """The page of an error for who reads pages, one line for programs."""
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(TROUBLES[status], status, dict(headers or {}))
        return self.page(request, f"{status}.html", status, headers)

    async def went_wrong(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code if error.status_code in TROUBLES else 404 if error.status_code < 500 else 500
        if error.status_code == 405:  # a form's address opened by hand
            status = 404
        return self.trouble(request, status, error.headers)

    async def away(self, request: Request, error: Exception) -> Response:
        log.error("the database is away: %s", error)
        return self.trouble(request, 503, {"Retry-After": "30"})

    async def broke(self, request: Request, error: Exception) -> Response:
        return self.trouble(request, 500, SAFETY | {"Cache-Control": "no-store"})  # beyond the reach of `Safe`


class Compiled(BytecodeCache):
    """Templates are compiled once in a process, however many sites it makes; one that was changed, anew."""

    _kept: dict[tuple[str, str], Any] = {}  # (name and file, content): code

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


class French(Extension):
    """Lets no line of a template begin with the sign that closes a French sentence."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"(?<=\w) (?=[?!;:»](?:[\s<]|$))|(?<=«) ", "\u00a0", source)


TROUBLES = {
    401: "La session est finie : entrez de nouveau.",
    403: "Cette page ne vous est pas ouverte.",
    404: "Cette page n'existe pas.",
    413: "Ce message est trop long.",
    429: "Trop de messages : attendez une minute.",
    500: "Une erreur de notre côté.",
    503: "Le service est arrêté un moment : essayez de nouveau dans une minute.",
}


def many(count: int, one: str, several: str = "") -> str:
    """« 1 question », « 3 questions », « 1 200 réunions »."""
    return f"{figures(count)} {one if count < 2 else several or one + 's'}"


def figures(number: int) -> str:
    """« 5 000 »: thousands apart, in one piece."""
    return f"{number:,}".replace(",", "\u202f")


def tel(phone: str) -> Markup:
    """A link that calls this number; the text alone where it is no French or international number."""
    digits = "".join(c for c in phone if c.isdigit() or c == "+")
    if digits.startswith("0") and len(digits) == 10:
        digits = "+33" + digits[1:]
    if not digits.startswith("+"):
        return Markup("{}").format(phone)
    if re.fullmatch(r"\+33\d{9}", phone):  # as people say it
        phone = " ".join(re.findall("..", "0" + phone[3:]))
    return Markup('<a class="phone" href="tel:{}">{}</a>').format(digits, phone)


class TooLong(Exception):
    """The body went on beyond what is taken."""


class Bounded:
    """Answers 413 to bodies that are too long, whether they say so or not; `longer` by path, for webhooks."""

    def __init__(self, app: ASGIApp, frame: PageFrame, most_bytes: int, longer: Mapping[str, int]):
        self.app, self.frame, self.most_bytes, self.longer = app, frame, most_bytes, longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        uploading = scope["path"].startswith(f"{gate.HOME}/") and scope["path"].endswith("/importer")
        most = UPLOADED_BYTES if uploading else self.longer.get(scope["path"], self.most_bytes)
        if scope["path"] in UPLOADS and not Headers(scope=scope).get("content-type", "").startswith("multipart/"):
            most = self.most_bytes  # nothing but a file is that long
        said = Headers(scope=scope).get("content-length", "")
        if said.isdigit() and int(said) > most:
            await self._refuse(scope, receive, send, 0)
            return
        taken, began, more = 0, False, True

        async def counted() -> Message:
            nonlocal taken, more
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                more = message.get("more_body", False)
                if taken > most:
                    raise TooLong
            return message

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except TooLong:
            if began:
                raise
            await self._refuse(scope, receive, send, taken, more)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, taken: int, more: bool = True) -> None:
        while more and taken < DRAINED_BYTES:
            message = await receive()
            if message["type"] != "http.request":
                return
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
        request = Request(scope)
        await self.frame.trouble(request, 413, {"Connection": "close"})(scope, receive, send)


class Safe:
    """Puts the headers on every answer that keep a browser from doing more than our pages need."""

    def __init__(self, app: ASGIApp, frame: PageFrame):
        self.app, self.frame = app, frame

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFETY.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if self.frame.desk.house().public_url.startswith("https://"):
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Counted:
    """Counts requests by the route's pattern, never by its address: that one may hold a secret."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry):
        self.app = app
        self.requests = Counter(
            "hotline_http_requests", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "hotline_http_request_seconds", "Time to the first byte of the answer", ["route"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "") or _pattern(scope)
                method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
                self.requests.labels(method, route, str(message["status"])).inc()
                self.seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, counted)


def _pattern(scope: Scope) -> str:
    """The pattern of the route that answered, « (none) » when none did."""
    app = scope.get("app")
    for route in getattr(getattr(app, "router", None), "routes", ()):
        if isinstance(route, Route) and route.path_regex.match(scope["path"]):
            return route.path
    return "(none)"
