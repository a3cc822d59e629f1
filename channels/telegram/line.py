"""The line to a Bot API server: PTB's Bot, with the server's refusals told apart by what they mean for a message."""

import json
import re
import ssl
from functools import cache
from typing import Any

import httpx
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from channels.contract import TryAgain, Undeliverable, Unsure

from .settings import TOKEN, TelegramSettings

CONNECT, READ, WRITE, MEDIA = 5.0, 12.0, 8.0, 20.0  # seconds; a send must end within the worker's 25
CONNECTIONS = 16
BAD_TOKEN_REST = 300.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Throttled(TelegramError):
    """429: be silent for so many seconds."""

    def __init__(self, seconds: float):
        super().__init__(f"429, {seconds:g} s")
        self.seconds = seconds


class ServerTrouble(TelegramError):
    """The server itself, or what stands before it, could not answer (5xx)."""

    def __init__(self, status: int):
        super().__init__(f"erreur {status}")
        self.status = status


class TooBig(TelegramError):
    """413."""


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe; read once, since reading all the authorities takes 50 ms."""
    return httpx.create_ssl_context()


class Request(HTTPXRequest):
    """HTTPXRequest that keeps the status: PTB calls everything above 500 a NetworkError, like a line that broke."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, payload = await super().do_request(*args, **kwargs)
        if status == 429:
            raise Throttled(_retry_after(payload))
        if status == 413:
            raise TooBig("413")
        if status >= 500:
            raise ServerTrouble(status)
        return status, payload


def _retry_after(payload: bytes) -> float:
    try:
        seconds = float(json.loads(payload)["parameters"]["retry_after"])
    except (ValueError, KeyError, TypeError):
        return 5.0
    return min(max(seconds, 1.0), 86_400.0)


class Line:
    """A bot and its connections; it belongs to the event loop that it was made in."""

    def __init__(self, settings: TelegramSettings):
        self._requests = tuple(
            Request(
                connection_pool_size=CONNECTIONS,
                connect_timeout=CONNECT,
                read_timeout=READ,
                write_timeout=WRITE,
                pool_timeout=CONNECT,
                media_write_timeout=MEDIA,
                httpx_kwargs={"verify": _trust()},
            )
            for _ in range(2)
        )
        self.bot = Bot(
            settings.token,
            base_url=settings.methods,
            base_file_url=settings.files,
            get_updates_request=self._requests[0],
            request=self._requests[1],
        )

    async def close(self) -> None:
        for each in self._requests:
            await each.shutdown()


def meaning(error: TelegramError, group: bool = False) -> TryAgain | Undeliverable | Unsure:
    """What a refused or broken send means for the message, in the contract's three words."""
    match error:
        case Throttled():  # Telegram does not say what was too much: in a group most likely the group
            scope: Any = "message" if group else "channel"
            return TryAgain(
                f"Telegram demande d'attendre {error.seconds:g} secondes (429)", after=error.seconds, scope=scope
            )
        case ServerTrouble() if error.status == 504:
            return Unsure("Telegram a reçu le message sans dire ce qu'il en a fait (504)")
        case ServerTrouble():
            return TryAgain(f"Telegram est en panne ({error.status})")
        case InvalidToken():
            reason = f"Telegram refuse le jeton du robot : vérifiez {TOKEN} auprès de @BotFather"
            return TryAgain(reason, after=BAD_TOKEN_REST, scope="channel")
        case Forbidden():
            return Undeliverable(_forbidden(str(error)))
        case TooBig():
            return Undeliverable("le message est trop volumineux pour Telegram (413)", heavy=True)
        case BadRequest() if re.search(r"file (is )?too (big|large)|file_too_large", str(error), re.I):
            return Undeliverable("le fichier est trop volumineux pour Telegram (400)", heavy=True)
        case BadRequest() if "chat not found" in str(error).lower():
            return Undeliverable("cette conversation n'existe plus sur Telegram")
        case BadRequest():
            return Undeliverable(f"Telegram refuse le message ({said(error)})")
        case ChatMigrated():
            return Undeliverable("ce groupe a changé d'adresse sur Telegram")
        case Conflict():
            return TryAgain(said(error), scope="channel")
        case NetworkError() if isinstance(error.__cause__, NEVER_SENT):
            return TryAgain(f"Telegram ne peut pas être joint ({type(error.__cause__).__name__})", scope="channel")
        case TimedOut():
            return Unsure("Telegram n'a pas répondu à temps")
        case NetworkError():
            return Unsure("la connexion avec Telegram s'est coupée avant la réponse")
    return Unsure(said(error))


def _forbidden(words: str) -> str:
    words = words.lower()
    if "deactivated" in words:
        return "la personne a supprimé son compte Telegram"
    if "kicked" in words or "not a member" in words:
        return "le robot n'est plus dans ce groupe Telegram"
    if "blocked" in words:
        return "la personne a bloqué le robot sur Telegram"
    return "Telegram interdit au robot d'écrire à cette personne"


def said(error: BaseException) -> str:
    """The server's words on one line, without a token and without any number that could be a person's."""
    words = re.sub(r"\d{1,18}:[\w-]{30,}", "[jeton]", " ".join(str(error).split()) or type(error).__name__)
    return re.sub(r"-?\d{5,}", "…", words)[:200]
