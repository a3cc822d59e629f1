"""The email channel at work: it listens by IMAP, sends by SMTP, and says in French what the servers answer."""

import asyncio
import contextlib
import random
import re
import ssl
from datetime import UTC, datetime, timedelta

import aiosmtplib
import structlog

from channels.contract import Deliver, Drawer, Outbound, TryAgain, Undeliverable, Unsure

from .imap import KEPT, Box, Connection, ImapError, LoginRefused
from .intake import MAX_SIZE, PASSING, understand
from .letter import Letter, write_letter
from .oauth import SignIn, SignInAway, SignInRefused
from .settings import EmailSettings, Server

log = structlog.get_logger(__name__)
SECONDS = 30.0  # that an SMTP server may take over one command
AT_ONCE = 200  # mails of one look
LONG_AGO = timedelta(days=2)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # RFC 3501, in any locale


class Backoff:
    """Ever longer pauses, in seconds, each 20 % more or less so that many do not come back at once."""

    def __init__(self, first: float, longest: float):
        self.first, self.longest, self._next = first, longest, first

    def reset(self) -> None:
        self._next = self.first

    def next(self) -> float:
        pause, self._next = self._next, min(self._next * 2, self.longest)
        return pause * random.uniform(0.8, 1.2)


class EmailChannel:
    """Our one mailbox. `poll`: seconds at most between two looks; `first_pause`: seconds before reconnecting first."""

    name = "email"

    def __init__(self, settings: EmailSettings, *, poll: float = 50.0, first_pause: float = 1.0):
        self.settings = settings
        self._trust: ssl.SSLContext = settings.trust()
        self._poll = poll
        self._backoff = Backoff(first_pause, 60.0)
        self._kept: set[tuple[int, int]] = set()  # (uidvalidity, uid) that are kept but could not be flagged
        self._failed: dict[tuple[int, int], int] = {}
        self.sign_in = SignIn(settings.oauth, self._trust) if settings.oauth else None
        self._refused = ""  # what a mail server said against us last

    def use(self, drawer: Drawer) -> None:
        """Where the mailbox's sign-in is kept, if it signs in by tokens."""
        if self.sign_in is not None:
            self.sign_in.drawer = drawer

    @property
    def trouble(self) -> str:
        """What a person must mend before mail goes in and out again."""
        return (self.sign_in.trouble if self.sign_in else "") or self._refused

    # ------------------------------------------------------------ in
    async def listen(self, deliver: Deliver) -> None:
        """Hand over every mail of the folder that has no flag yet, for ever; it gets one once it is safe (R1)."""
        while True:
            try:
                await self._follow(deliver)
            except (LoginRefused, SignInRefused) as error:
                log.error("email.login", probleme=f"IMAP : {error}")
            except (SignInAway, OSError) as error:
                log.warning("email.sign_in", probleme=str(error))
            except ImapError as error:
                log.warning("email.imap", probleme=str(error))
            except Exception:
                log.exception("email.listen")
            await asyncio.sleep(self._backoff.next())

    async def _follow(self, deliver: Deliver) -> None:
        connection = await self._opened()
        try:
            box = await connection.select(self.settings.imap.folder)
            await self._leave_old_mail(connection, box)
            while True:
                waiting = await self._waiting(connection, box)
                if not waiting:
                    self._backoff.reset()
                    await connection.wait_for_news(self._poll)
                elif not await self._take(connection, box, waiting, deliver):
                    await connection.wait_for_news(min(self._backoff.next(), self._poll))
        finally:
            await connection.close()

    async def _opened(self) -> Connection:
        """A signed-in IMAP connection; a token that is refused is renewed once."""
        imap = self.settings.imap
        while True:
            token = await self.sign_in.access() if self.sign_in else ""
            try:
                connection = await Connection.open(imap, self._trust, self._user, token)
            except LoginRefused as error:
                if self.sign_in is not None and self.sign_in.rejected(token):
                    continue
                self._refused = f"IMAP {_place(imap)} : {error}"
                raise
            self._refused = ""
            return connection

    @property
    def _user(self) -> str:
        return self.settings.oauth.user if self.settings.oauth else ""

    async def _leave_old_mail(self, connection: Connection, box: Box) -> None:
        """On the very first look at a mailbox, what someone already read days ago is not answered anew."""
        if not box.keywords or await connection.search("KEYWORD", KEPT):
            return
        day = datetime.now(UTC).date() - LONG_AGO
        before = f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"
        old = await connection.search("SEEN", "BEFORE", before)
        for start in range(0, len(old), AT_ONCE):
            await connection.flag(old[start : start + AT_ONCE], KEPT)
        if old:
            log.info("email.first_look", deja_lus=len(old))

    async def _waiting(self, connection: Connection, box: Box) -> list[int]:
        """The mails to take, those that failed before last; the others stay in their order."""
        criteria = ("UNDELETED", "UNKEYWORD", KEPT) if box.keywords else ("UNDELETED", "UNSEEN")
        found = [uid for uid in await connection.search(*criteria) if (box.validity, uid) not in self._kept]
        return sorted(found, key=lambda uid: (self._failed.get((box.validity, uid), 0), uid))[:AT_ONCE]

    async def _take(self, connection: Connection, box: Box, uids: list[int], deliver: Deliver) -> bool:
        """Deliver and flag these mails; False if one could not be delivered, after three in a row at the latest."""
        failures = in_a_row = 0
        for uid in uids:
            mail = (box.validity, uid)
            try:
                await self._take_one(connection, uid, deliver)
            except ImapError:
                raise
            except Exception as error:
                # the inbox refuses it: it stays unflagged and comes again, behind those that wait
                self._failed[mail] = self._failed.get(mail, 0) + 1
                log.error("email.deliver", uid=uid, essais=self._failed[mail], erreur=error.__class__.__name__)
                failures, in_a_row = failures + 1, in_a_row + 1
                if in_a_row >= 3:
                    return False
                continue
            in_a_row = 0
            self._failed.pop(mail, None)
            if not await connection.flag([uid], KEPT if box.keywords else r"\Seen"):
                self._kept.add(mail)
                log.warning("email.flag", uid=uid, probleme="le serveur refuse de marquer ce message")
        return failures == 0

    async def _take_one(self, connection: Connection, uid: int, deliver: Deliver) -> None:
        known = await connection.size_and_date(uid)
        if known is None:
            return
        size, date = known
        raw = await connection.fetch(uid, headers_only=size > MAX_SIZE)
        if raw is None:
            return
        heard_at = date or datetime.now(UTC)
        await deliver(await asyncio.to_thread(understand, raw, heard_at, self.settings, whole=size <= MAX_SIZE))

    # ------------------------------------------------------------ out
    async def send(self, message: Outbound, key: str) -> str:
        """Hand one mail to the SMTP server and return its Message-ID, the same at every try of the same key."""
        settings = self.settings
        letter = await asyncio.to_thread(
            write_letter, message, key, settings.address, settings.organisation, datetime.now(UTC)
        )
        smtp = await self._connected()
        try:
            await self._hand_over(smtp, letter)
        finally:
            await _leave(smtp)
        return letter.message_id

    async def _connected(self) -> aiosmtplib.SMTP:
        """A signed-in SMTP connection; a token that is refused is renewed once."""
        while True:
            try:
                token = await self.sign_in.access() if self.sign_in else ""
            except (SignInRefused, SignInAway, OSError) as error:
                raise TryAgain(f"SMTP : {error}", scope="channel") from error
            try:
                return await self._connected_by(token)
            except TryAgain as error:
                refused = isinstance(error.__cause__, aiosmtplib.SMTPAuthenticationError)
                if not (refused and self.sign_in is not None and self.sign_in.rejected(token)):
                    raise

    async def _connected_by(self, token: str) -> aiosmtplib.SMTP:
        server = self.settings.smtp
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.safety == "implicit",
            start_tls=server.safety == "starttls",
            tls_context=self._trust if server.safety != "none" else None,
            local_hostname=self.settings.domain,
            timeout=SECONDS,
        )
        try:
            await smtp.connect()
            if token:
                await smtp.auth_xoauth2(self._user, token)
            elif server.user:
                await smtp.login(server.user, server.password)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            await _leave(smtp)
            raise TryAgain(f"SMTP : {_problem(error, bool(token))}", scope="channel") from error
        except BaseException:
            await _leave(smtp)
            raise
        return smtp

    async def _hand_over(self, smtp: aiosmtplib.SMTP, letter: Letter) -> None:
        """MAIL, RCPT, DATA: what fails before the mail itself is sent was surely not taken."""
        try:
            await smtp.mail(
                letter.sender, options=[f"SIZE={len(letter.raw)}"] if smtp.supports_extension("size") else []
            )
        except aiosmtplib.SMTPResponseException as error:
            if _too_large(error):
                raise Undeliverable(f"le message est trop volumineux ({_said(error)})", heavy=True) from error
            raise TryAgain(f"SMTP : notre adresse est refusée ({_said(error)})", scope="channel") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryAgain(f"SMTP : {_problem(error)}", scope="channel") from error
        try:
            await smtp.rcpt(letter.recipient)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error, "le destinataire", nobody=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryAgain(f"SMTP : {_problem(error)}", scope="channel") from error
        try:
            await smtp.data(letter.raw)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error, "le message") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unsure("SMTP : la connexion s'est coupée avant l'accusé de réception") from error

    # ------------------------------------------------------------ check
    async def check(self) -> str:
        """Sign in on both servers; what was seen, or TryAgain with what went wrong, in French."""
        settings = self.settings
        try:
            connection = await self._opened()
        except (ImapError, SignInRefused, SignInAway, OSError) as error:
            raise TryAgain(f"IMAP {_place(settings.imap)} : {error}", scope="channel") from error
        try:
            box = await connection.select(settings.imap.folder)
            waiting = await connection.search(*(("UNKEYWORD", KEPT) if box.keywords else ("UNSEEN",)))
        except ImapError as error:
            raise TryAgain(f"IMAP {_place(settings.imap)} : {error}", scope="channel") from error
        finally:
            await connection.close()
        await _leave(await self._connected())
        said = [
            *(["Connexion par jeton."] if self.sign_in else []),
            f"IMAP {_place(settings.imap)} : connecté, {len(waiting)} à prendre dans {settings.imap.folder}.",
            f"SMTP {_place(settings.smtp)} : connecté.",
        ]
        if not box.writable:
            said.append("Attention : ce dossier est en lecture seule, je ne peux pas marquer les messages pris.")
        elif not box.keywords:
            said.append("Ce serveur n'accepte pas de marque à nous : je marque les messages pris comme lus.")
        if not settings.authserv_id:
            said.append("Attention : HOTLINE_EMAIL_AUTHSERV_ID n'est pas réglé, les expéditeurs ne sont pas prouvés.")
        return " ".join(said)


def _place(server: Server) -> str:
    return f"{server.host}:{server.port}"


async def _leave(smtp: aiosmtplib.SMTP) -> None:
    transport = smtp.transport
    with contextlib.suppress(Exception):
        await smtp.quit(timeout=2)
    smtp.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()  # a polite end of TLS may never come
        await asyncio.sleep(0)


def _refused(error: aiosmtplib.SMTPResponseException, what: str, *, nobody: bool = False) -> TryAgain | Undeliverable:
    """`nobody`: a refusal for good says that this address is nobody's (unless it speaks of a policy or a full box)."""
    reason = f"SMTP : {what} est refusé ({_said(error)})"
    if error.code in (421, 530, 535):  # the server goes away, or does not know us: no fault of this message
        return TryAgain(reason, scope="channel")
    if error.code < 500:
        return TryAgain(reason)
    if _too_large(error):
        return Undeliverable(reason, heavy=True)
    return Undeliverable(reason, gone=nobody and not error.message.lstrip().startswith(PASSING))


def _too_large(error: aiosmtplib.SMTPResponseException) -> bool:
    """RFC 3463: x.3.4 and x.2.3; a bare 552 too, unless it speaks of a full box (x.2.2)."""
    words = error.message.lower()
    if re.search(r"\b5\.(3\.4|2\.3)\b", words):
        return True
    return error.code == 552 and not re.search(r"\b[45]\.2\.2\b|quota|full|plein", words)


def _said(error: aiosmtplib.SMTPResponseException) -> str:
    """The server's words on one line, without any address: they are stored where no address may stand."""
    words = re.sub(r"\S+@\S+", "…", " ".join(f"{error.code} {error.message}".split()))
    return words[:200]


def _problem(error: Exception, by_token: bool = False) -> str:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"utilisateur ou {'jeton' if by_token else 'mot de passe'} refusé ({error.code})"
    for cause in (error, error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificat refusé ({cause.verify_message})"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _said(error)
    if isinstance(error, TimeoutError):
        return "le serveur ne répond pas"
    return f"connexion impossible ({error.__class__.__name__})"
