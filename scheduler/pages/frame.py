"""What a page of the calendar is given: the frame around it, and who is signed in."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response


class Who(Protocol):
    """Whoever is signed in at the desk (escalation.accounts.Who)."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

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


def working(frame: Frame) -> Callable[[Handler], Callable[[Request], Awaitable[Response]]]:
    """The endpoint of what changes something: for those who may work."""
    return lambda handler: frame.office(handler, "work")


class PublicFrame(Protocol):
    """bot/web.py fulfils it: the frame of the pages that need no account."""

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response: ...

    def token(self, session: str) -> str: ...

    def trusts(self, request: Request, session: str, token: str) -> bool: ...
