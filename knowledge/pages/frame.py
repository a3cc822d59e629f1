"""What these pages are given by the app that carries them: the frame, and who is signed in."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response


class Who(Protocol):
    """Who looks at a page of the desk; escalation/accounts.py has it."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def over(self) -> bool: ...

    def may(self, what: str) -> bool: ...

    def sees(self, council_id: int | None) -> bool: ...


Handler = Callable[[Request, Any], Awaitable[Response]]


class Frame(Protocol):
    """bot/web.py fulfils it."""

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response: ...

    def piece(self, name: str, **values: Any) -> str: ...

    def office(
        self, handler: Handler, may: str = "read", lost: Handler | None = None
    ) -> Callable[[Request], Awaitable[Response]]: ...

    def back(self, request: Request, way: str, words: str = "", tone: str = "done") -> Response: ...
