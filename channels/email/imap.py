"""A thin layer over aioimaplib: STARTTLS, a limit on every wait, and a lost connection that is noticed at once."""

import asyncio
import base64
import contextlib
import logging
import re
import ssl
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from aioimaplib import aioimaplib

from .settings import Server

logging.getLogger("aioimaplib").setLevel(logging.WARNING)  # below that it logs what people wrote

T = TypeVar("T")
KEPT = "$HotlineKept"  # the flag that says: this mail is in our inbox table
CALL = 20.0  # seconds that a server may take over a small command
STILL = 30.0  # seconds without a byte while a mail is fetched
WHOLE = 600.0  # seconds for a whole mail


class ImapError(Exception):
    """The server cannot be reached, went away, or does not do what we need; in French."""


class LoginRefused(ImapError):
    """Wrong user or password, or a token that is not accepted."""


@dataclass(frozen=True)
class Box:
    """A selected folder. `keywords`: whether we may put a flag of our own on its mails."""

    validity: int
    keywords: bool
    writable: bool


class _Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """Notices what aioimaplib lets pass: the end of the connection, a farewell, and news between two commands."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        super().__init__(loop)
        self.lost = asyncio.Event()
        self.farewell = ""
        self.news = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()

    async def welcome(self, command: bytes) -> None:
        try:
            await super().welcome(command)
        except Exception:
            self._leave(command)

    def _untagged_response(self, line: bytes) -> Any:
        if line[:5].upper() == b"* BYE":
            self._leave(line)
            return None
        if line.upper().endswith(b" EXISTS"):
            self.news = True
        return super()._untagged_response(line)

    def _continuation(self, line: bytes) -> None:
        if self.pending_sync_command is not None and self.pending_sync_command.name == "AUTHENTICATE":
            # the token is refused, and the server waits for an empty line before it says NO (RFC 7628, 3.2.3)
            self.transport.write(b"\r\n")
            return
        super()._continuation(line)

    def _leave(self, line: bytes) -> None:
        self.farewell = line[2:120].decode("ascii", "replace")
        if self.transport is not None:
            self.transport.abort()


class Connection:
    """One signed-in IMAP connection; any ImapError means: close it and open another."""

    def __init__(self, protocol: _Protocol):
        self._protocol = protocol

    @classmethod
    async def open(cls, server: Server, trust: ssl.SSLContext, user: str = "", token: str = "") -> "Connection":
        """Connect, switch to TLS where asked, and sign in; ImapError otherwise, LoginRefused if that was it.

        With an access token, `user` signs in by it (XOAUTH2); else the server's own user and password do.
        """
        loop = asyncio.get_running_loop()
        protocol = _Protocol(loop)
        tls = trust if server.safety == "implicit" else None
        try:
            async with asyncio.timeout(CALL):
                await loop.create_connection(lambda: protocol, server.host, server.port, ssl=tls)
        except ssl.SSLCertVerificationError as error:
            raise ImapError(f"certificat refusé ({error.verify_message})") from error
        except TimeoutError as error:
            raise ImapError("le serveur ne répond pas") from error
        except (OSError, ssl.SSLError) as error:
            raise ImapError(f"connexion impossible ({error.__class__.__name__})") from error
        connection = cls(protocol)
        try:
            await connection._call(protocol.wait("AUTH|NONAUTH"))
            if server.safety == "starttls":
                await connection._start_tls(server.host, trust)
            await (connection._sign_in_by(user, token) if token else connection._sign_in(server))
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _start_tls(self, host: str, trust: ssl.SSLContext) -> None:
        """RFC 3501, 6.2.1; what the server said in clear is forgotten."""
        protocol = self._protocol
        if "STARTTLS" not in protocol.capabilities:
            raise ImapError("le serveur ne propose pas STARTTLS")
        response = await self._call(protocol.execute(aioimaplib.Command("STARTTLS", protocol.new_tag())))
        if response.result != "OK" or protocol.incomplete_line:
            raise ImapError("le serveur refuse STARTTLS")
        plain = protocol.transport
        try:
            async with asyncio.timeout(CALL):
                protocol.transport = await protocol.loop.start_tls(plain, protocol, trust, server_hostname=host)
        except BaseException as error:
            plain.abort()
            protocol.lost.set()  # asyncio tells nobody when it fails here
            if isinstance(error, ssl.SSLCertVerificationError):
                raise ImapError(f"certificat refusé ({error.verify_message})") from error
            if isinstance(error, OSError):  # a timeout and every error of TLS are among them
                raise ImapError(f"chiffrement impossible ({error.__class__.__name__})") from error
            raise
        if protocol.transport is None:
            raise ImapError("chiffrement impossible")
        protocol.capabilities = set()
        await self._call(protocol.capability())

    async def _sign_in(self, server: Server) -> None:
        user = aioimaplib.quoted(server.user)  # aioimaplib quotes the password alone
        response = await self._call(self._protocol.login(user, server.password))
        if response.result != "OK":
            raise LoginRefused("utilisateur ou mot de passe refusé")
        await self._call(self._protocol.capability())

    async def _sign_in_by(self, user: str, token: str) -> None:
        if "AUTH=XOAUTH2" not in self._protocol.capabilities:
            raise ImapError("le serveur n'accepte pas la connexion par jeton (XOAUTH2)")
        response = await self._call(self._protocol.xoauth2(user, token))
        if response.result != "OK":
            raise LoginRefused("le serveur refuse le jeton de connexion")
        await self._call(self._protocol.capability())  # aioimaplib asks anew after LOGIN alone

    async def select(self, folder: str) -> Box:
        response = await self._call(self._protocol.select(_folder(folder)))
        if response.result != "OK":
            raise ImapError(f"le dossier {folder} ne peut pas être ouvert")
        said = b"\n".join(bytes(line) for line in response.lines)
        validity = re.search(rb"UIDVALIDITY (\d+)", said)
        flags = re.search(rb"PERMANENTFLAGS \(([^)]*)\)", said)
        keywords = bool(flags) and (rb"\*" in flags.group(1) or KEPT.encode() in flags.group(1))  # type: ignore[union-attr]
        return Box(int(validity.group(1)) if validity else 0, keywords, b"[READ-ONLY]" not in said.upper())

    async def search(self, *criteria: str) -> list[int]:
        """The UIDs that match, lowest first."""
        self._protocol.news = False
        response = await self._call(self._protocol.search(*criteria, charset=None, by_uid=True))
        if response.result != "OK":
            raise ImapError("le serveur refuse la recherche")
        found = (word for line in response.lines[:-1] for word in bytes(line).split())
        return sorted({int(word) for word in found if word.isdigit()})

    async def size_and_date(self, uid: int) -> tuple[int, datetime | None] | None:
        """Bytes, and when the server got it; None if the mail is gone."""
        response = await self._call(self._protocol.fetch(str(uid), "(UID RFC822.SIZE INTERNALDATE)", by_uid=True))
        said = b" ".join(bytes(line) for line in response.lines[:-1] if b"UID %d" % uid in bytes(line))
        size = re.search(rb"RFC822\.SIZE (\d+)", said)
        date = re.search(rb'INTERNALDATE "([^"]+)"', said)
        return (int(size.group(1)), _date(date.group(1).decode()) if date else None) if size else None

    async def fetch(self, uid: int, *, headers_only: bool = False) -> bytes | None:
        """The raw mail, left unread; None if it is gone."""
        what = "(UID BODY.PEEK[HEADER])" if headers_only else "(UID BODY.PEEK[])"
        response = await self._call(self._protocol.fetch(str(uid), what, by_uid=True, timeout=STILL), WHOLE)
        if response.result != "OK":
            raise ImapError("le serveur ne donne pas un message")
        return next((bytes(line) for line in response.lines if isinstance(line, bytearray)), None)

    async def flag(self, uids: Sequence[int], flag: str) -> bool:
        """Put a flag on some mails; False if the server does not let us."""
        mails = ",".join(map(str, uids))
        response = await self._call(self._protocol.store(mails, "+FLAGS.SILENT", f"({flag})", by_uid=True))
        return bool(response.result == "OK")

    async def wait_for_news(self, seconds: float) -> None:
        """Return when the folder may have changed, or after `seconds`; ImapError as soon as the connection is lost.

        IDLE is a hint only: whoever calls must look, whatever ended the wait.
        """
        protocol = self._protocol
        if protocol.news:
            return
        if "IDLE" not in protocol.capabilities:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(protocol.lost.wait(), seconds)
            await self._call(protocol.simple_command("NOOP"))
            return
        while not protocol.idle_queue.empty():
            protocol.idle_queue.get_nowait()
        idle = asyncio.ensure_future(protocol.idle())
        push = asyncio.ensure_future(protocol.idle_queue.get())
        lost = asyncio.ensure_future(protocol.lost.wait())
        try:
            await asyncio.wait({idle, push, lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            self._raise_if_lost()
            if not idle.done():
                await self._call(protocol.wait_for_idle_response())
                protocol.idle_done()
            await self._call(asyncio.shield(idle))
        finally:
            await _cancelled(idle, push, lost)

    async def close(self) -> None:
        """Say good-bye if that is still possible, and let go of the socket; never raises."""
        protocol = self._protocol
        if not protocol.lost.is_set() and not protocol.has_pending_idle_command():
            with contextlib.suppress(Exception):
                await self._call(protocol.logout(), 2)
        if protocol.transport is not None:
            protocol.transport.abort()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(protocol.lost.wait(), 2)

    def _raise_if_lost(self) -> None:
        if self._protocol.lost.is_set():
            farewell = self._protocol.farewell
            raise ImapError(f"le serveur a fermé la connexion{f' ({farewell})' if farewell else ''}")

    async def _call(self, work: "Coroutine[Any, Any, T] | asyncio.Future[T]", seconds: float = CALL) -> T:
        """The result of one command, or ImapError once it fails, takes too long, or the connection is lost."""
        task = asyncio.ensure_future(work)
        lost = asyncio.ensure_future(self._protocol.lost.wait())
        try:
            await asyncio.wait({task, lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self._raise_if_lost()
            raise ImapError("le serveur ne répond plus")
        except (aioimaplib.AioImapException, OSError, ValueError, IndexError) as error:
            self._raise_if_lost()
            raise ImapError(f"échange impossible ({error.__class__.__name__})") from error
        finally:
            await _cancelled(task, lost)


async def _cancelled(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip().replace("-", " ", 2))
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else None


def _folder(name: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3), quoted."""

    def packed(match: re.Match[str]) -> str:
        coded = base64.b64encode(match.group().encode("utf-16-be")).decode().rstrip("=")
        return f"&{coded.replace('/', ',')}-"

    return str(aioimaplib.quoted(re.sub(r"[^\x20-\x7e]+", packed, name.replace("&", "&-"))))
