"""What a page is given by the app that carries it: the frame around it, and the proof that a form is ours."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response


class Frame(Protocol):
    """bot/web.py fulfils it; the pages of every room may."""

    def page(
        self, request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """The template `name` in the frame that all pages share."""
        ...

    def piece(self, name: str, **values: Any) -> str:
        """The template `name` alone, to be put into a page that is open already."""
        ...

    def token(self, session: str) -> str:
        """What a form of this session must send back; the empty session is a visitor without a cookie."""
        ...

    def trusts(self, request: Request, session: str, token: str) -> bool:
        """Whether a form came from a page of ours, made for this session (or before it began)."""
        ...
