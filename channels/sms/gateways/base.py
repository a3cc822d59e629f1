"""What every gateway can do, and the words that it shares with the channel."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.contract import Receipt


@dataclass(frozen=True)
class Heard:
    """An SMS as a gateway tells it; `header` is the user data header of a part that nobody joined."""

    id: str
    sender: str
    to: str
    text: str
    at: datetime
    header: bytes = b""
    warnings: tuple[str, ...] = ()


News = Heard | Receipt


class Refused(Exception):
    """A call that is not our gateway's: its secret, signature or address is wrong."""


class Gateway(Protocol):
    """A way to send."""

    name: str

    async def send(self, to: str, text: str, key: str) -> str:
        """Hand a fitted text to the provider: its id for it, or TryAgain, Undeliverable, Unsure."""
        ...

    async def check(self) -> str:
        """Reach the provider without sending anything; what was seen, in French."""
        ...


@runtime_checkable
class Calling(Protocol):
    """A gateway that calls us: at /sms/<secret>/<one of its paths>."""

    paths: tuple[str, ...]

    async def read(self, request: Request, path: str) -> Sequence[News]:
        """What a call says; Refused if it is not the gateway's."""
        ...

    def thanks(self) -> Response: ...


@runtime_checkable
class Searchable(Protocol):
    """A gateway that can be asked whether it took a message."""

    async def find(self, to: str, text: str, key: str, since: datetime) -> str:
        """Its id for it, empty when it surely has none; TryAgain or Unsure when it cannot say."""
        ...


@runtime_checkable
class Asked(Protocol):
    """A gateway that must be asked for news."""

    ask_every: float  # seconds

    def news(self) -> AsyncIterator[News]:
        """What is new, oldest first; asking for the next one says that the one before is safe."""
        ...


def ours(key: str, length: int = 20) -> str:
    """Our own id for a message: the same at every try, so that a report on any of them finds it."""
    return hashlib.blake2s(key.encode(), digest_size=16).hexdigest()[:length]


def empty_ok() -> Response:
    """Nothing in it: a gateway might send it to the phone."""
    return PlainTextResponse("")
