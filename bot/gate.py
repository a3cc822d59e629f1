"""Who may open the pages of the desk: the session's cookie, the role, and that a form is of that session."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.desk.entrance import Glance
from escalation.accounts import READ, Who

if TYPE_CHECKING:
    from bot.web import PageFrame

COOKIE = "bureau"
SAID = "dit"  # what the next page tells of what was just done
HOME = "/bureau"
SIGN_IN = "/bureau/entrer"
FORM_TOKEN = "jeton"
NOTE_EVERY = 60.0  # seconds between two notes that a session goes on

Handler = Callable[[Request, Who], Awaitable[Response]]


class Sessions(Protocol):
    """bot/doors fulfils it."""

    async def who(self, secret: str) -> tuple[Who, Glance] | None: ...

    async def seen(self, secret: str) -> None: ...


class Gate:
    """Stands before every page of the desk."""

    def __init__(self, frame: "PageFrame", sessions: Sessions):
        self.frame, self.sessions = frame, sessions
        self._noted: dict[str, float] = {}

    def __call__(
        self, handler: Handler, may: str = READ, lost: Handler | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        """A route's endpoint: `handler(request, who)` for whoever is signed in and may.

        1. Nobody signed in: to the sign-in page, and back here afterwards. A form that was being sent: `lost` is given
           the chance to keep what was typed (`who.over` is true), then the same.
        2. A role that does not allow it: 403. A form without the session's token, or from another site: 403.
        """

        async def endpoint(request: Request) -> Response:
            try:
                return await admitted(request)
            finally:
                await request.close()  # the files that came with a form

        async def admitted(request: Request) -> Response:
            secret = request.cookies.get(COOKIE, "")
            found = await self.sessions.who(secret) if secret else None
            posting = request.method == "POST"
            if found is None or found[0].over:
                if posting and found and lost and await self._is_theirs(request, found[0]):
                    return await lost(request, found[0])
                return self.to_sign_in(request)
            who, request.state.glance = found
            request.state.who = who
            if not who.may(may):
                return self.frame.trouble(request, 403)
            if posting and not await self._is_theirs(request, who):
                return self.frame.trouble(request, 403)
            if not request.url.path.endswith("/flux"):  # a page that looks by itself keeps no session alive
                await self._goes_on(secret)
            try:
                return await handler(request, who)
            finally:
                await request.close()  # an uploaded file's temporary one goes at once

        return endpoint

    async def _goes_on(self, secret: str) -> None:
        at = time.monotonic()
        if at - self._noted.get(secret, -NOTE_EVERY) >= NOTE_EVERY:
            self._noted = {key: noted for key, noted in self._noted.items() if at - noted < NOTE_EVERY} | {secret: at}
            await self.sessions.seen(secret)

    async def _is_theirs(self, request: Request, who: Who) -> bool:
        form = await request.form()  # Starlette keeps it: the handler reads the same one
        token = form.get(FORM_TOKEN)
        return isinstance(token, str) and bool(token) and self.frame.trusts_office(request, who.session, token)

    def to_sign_in(self, request: Request) -> Response:
        """To the sign-in page; a page that was asked for is come back to, a form is not sent twice."""
        if "text/html" not in request.headers.get("accept", "text/html") or request.url.path.endswith("/flux"):
            raise HTTPException(401)
        way = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = f"?vers={quote(way)}" if request.method == "GET" and way != HOME else ""
        return RedirectResponse(SIGN_IN + (back or ("?fin=1" if request.method == "POST" else "")), 303)


def own_way(way: str) -> str:
    """A way back that stays within the desk; the first page for anything else."""
    return way if way.startswith(HOME) and "//" not in way and "\\" not in way and ":" not in way else HOME


def said(key: bytes, words: str, tone: str = "done") -> str:
    """What the next page is to tell, for a cookie: signed, so that nobody else puts words on our pages."""
    plain = json.dumps([tone, words[:600]], ensure_ascii=False).encode()
    mark = hmac.new(key, b"said\0" + plain, hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(mark + plain).decode()


def heard(key: bytes, cookie: str) -> tuple[str, str] | None:
    """The (tone, words) of such a cookie, or None if it is not ours."""
    try:
        raw = base64.urlsafe_b64decode(cookie.encode())
        mark, plain = raw[:16], raw[16:]
        if not hmac.compare_digest(mark, hmac.new(key, b"said\0" + plain, hashlib.sha256).digest()[:16]):
            return None
        tone, words = json.loads(plain)
    except ValueError:
        return None
    return str(tone), str(words)
