"""What these pages are given by the app that carries them: the frame, who is signed in, and a way back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response


class Who(Protocol):
    """Who looks at a page of the desk."""

    @property
    def id(self) -> int: ...
    def may(self, what: str) -> bool: ...


Handler = Callable[[Request, Any], Awaitable[Response]]


class Frame(Protocol):
    """bot/web.py fulfils it."""

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response: ...

    def office(
        self, handler: Handler, may: str = "read", lost: Handler | None = None
    ) -> Callable[[Request], Awaitable[Response]]: ...

    def back(self, request: Request, way: str, words: str = "", tone: str = "done") -> Response: ...
