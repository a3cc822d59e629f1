"""What a page of the desk is given by the app that carries it: the frame, who is signed in, and a way back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from escalation.accounts import Who

Handler = Callable[[Request, Who], Awaitable[Response]]


class Frame(Protocol):
    """bot/web.py fulfils it."""

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """The template `name`; it extends « office.html », which knows `who`, `glance`, `said` and `form_token`."""
        ...

    def piece(self, name: str, **values: Any) -> str:
        """The template `name` alone."""
        ...

    def office(
        self, handler: Handler, may: str = "read", lost: Handler | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint for whoever is signed in and may (read, work, manage); forms are checked before `handler`.

        `lost` is called in its place when the session lapsed while a form was being filled: keep what was typed.
        """
        ...

    def back(self, request: Request, way: str, words: str = "", tone: str = "done") -> Response:
        """On to another page of the desk after a form (303), which tells `words` once."""
        ...

    def remember(self, response: Response, secret: str) -> None:
        """Give the browser the cookie of a session; an empty secret takes it away."""
        ...

    def token(self, session: str) -> str: ...

    def trusts(self, request: Request, session: str, token: str) -> bool: ...
