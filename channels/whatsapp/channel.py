"""The WhatsApp channel at work: Meta calls our webhook, we send through the Graph API within the 24-hour window."""

import asyncio
import hashlib
import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.contract import Attachment, Deliver, Outbound, Receipt, TryAgain, Undeliverable, Unsure

from . import graph
from .message import contents, recipient
from .settings import WhatsAppSettings
from .templates import KNOCK, templates
from .update import Heard, read

log = structlog.get_logger(__name__)
PATH = "/whatsapp"
WINDOW = timedelta(hours=24) - timedelta(minutes=5)  # after someone's last message; the rest is for the way there
ASK_AGAIN = 8 * 3600.0  # seconds until a message that waits for its reader is looked at again
REPORT_WAITS = (0.3, 1.0, 3.0)  # seconds: a report may overtake the note that the message was sent
TOLD_SECONDS = 3.0  # that a report of a message whose answer was lost may take
LARGEST = 10_000_000  # bytes of a file that we keep
FETCH_SECONDS = 8.0  # Meta waits for us meanwhile
MEDIA_HOSTS = (".fbsbx.com", ".facebook.com", ".whatsapp.net", ".fbcdn.net")
REMEMBERED = 5000
PART = "#"  # in a key: it stands for a part of a message, not for the whole


class Recent(OrderedDict[str, str]):
    """A dict that forgets its oldest entries."""

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > REMEMBERED:
            self.popitem(last=False)


class WhatsAppChannel:
    """Our one number."""

    name = "whatsapp"

    def __init__(self, settings: WhatsAppSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.settings, self._now = settings, now
        self._last = Recent()  # handle -> our newest message
        self._told = Recent()  # our key -> Meta's id, as its reports tell
        self._done: dict[str, list[str]] = {}  # key -> what of a message in pieces went out already

    # ------------------------------------------------------------ in
    def routes(self, deliver: Deliver) -> Sequence[Route]:
        async def verify(request: Request) -> Response:
            """https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests"""
            asked = request.query_params
            given = asked.get("hub.verify_token", "")
            known = hmac.compare_digest(given.encode(), self.settings.verify_token.encode())
            challenge = asked.get("hub.challenge", "")
            if asked.get("hub.mode") != "subscribe" or not known or not re.fullmatch(r"[\w-]{1,200}", challenge):
                return PlainTextResponse("Adresse inconnue.", 403)
            return PlainTextResponse(challenge)

        async def hear(request: Request) -> Response:
            body = await request.body()
            if not self.trusts(body, request.headers.get("x-hub-signature-256", "")):
                log.warning("whatsapp.refused", why=graph.hint("signature"))
                return PlainTextResponse("Appel refusé.", 403)
            try:
                found = json.loads(body)
                news = read(found, self.settings.number, self._now(), self._last)
            except (ValueError, AttributeError, RecursionError):
                return PlainTextResponse("Contenu illisible.", 400)
            for each in news:
                if isinstance(each, Heard):
                    await deliver((await self._with_file(each)).inbound)
            await asyncio.gather(*(self._settle(each, deliver) for each in news if isinstance(each, Receipt)))
            return Response(status_code=200)

        return [Route(PATH, verify, methods=["GET"]), Route(PATH, hear, methods=["POST"])]

    def trusts(self, body: bytes, signature: str) -> bool:
        """HMAC-SHA256 of the raw body with the application's secret."""
        made = hmac.new(self.settings.app_secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"sha256={made}".encode(), signature.encode())

    async def _settle(self, receipt: Receipt, deliver: Deliver) -> None:
        """`sent` only helps where the answer to our request was lost; what follows it may come before our own note."""
        if PART in receipt.key:
            return  # the last part stands for the whole
        if receipt.state == "failed":
            self._told.pop(receipt.key, None)
        elif receipt.key:
            self._told[receipt.key] = receipt.provider_id
        if await deliver(receipt) or receipt.state == "sent":
            return
        for wait in REPORT_WAITS:
            await asyncio.sleep(wait)
            if await deliver(receipt):
                return

    async def _with_file(self, heard: Heard) -> Heard:
        if heard.file is None:
            return heard
        problem, content = await self._fetched(heard.file.id)
        message = heard.inbound
        if not problem:
            file = Attachment(heard.file.filename, heard.file.content_type, content)
            return Heard(replace(message, attachments=(file,)))
        warnings = (*message.warnings, f"fichier non reçu : {heard.file.filename} ({problem})")
        return Heard(replace(message, text=message.text or f"(fichier non reçu : {problem})", warnings=warnings))

    async def _fetched(self, id: str) -> tuple[str, bytes]:
        """What went wrong, or the file: the words that came with it must not wait."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = graph.json_of(await graph.call(self.settings, "GET", id, seconds=FETCH_SECONDS))
                size, url = int(found.get("file_size") or 0), str(found.get("url", ""))
                if size > LARGEST:
                    return f"{size / 1e6:.0f} Mo, 10 Mo au plus", b""
                if not self._is_metas(url):  # our token goes with the request
                    return "adresse inattendue", b""
                response = await graph.call(self.settings, "GET", url, seconds=FETCH_SECONDS)
                if not response.is_success or not response.content:
                    return f"WhatsApp a répondu {response.status_code}", b""
                return (f"{len(response.content) / 1e6:.0f} Mo", b"") if len(response.content) > LARGEST else (
                    "", response.content
                )  # fmt: skip
        except (TryAgain, Unsure, Undeliverable, graph.WindowClosed, TimeoutError, ValueError, AttributeError) as error:
            log.warning("whatsapp.file", problem=str(error) or type(error).__name__)
            return "WhatsApp ne l'a pas donné", b""

    def _is_metas(self, url: str) -> bool:
        api, asked = urlsplit(self.settings.api), urlsplit(url)
        if asked.netloc == api.netloc and asked.scheme == api.scheme:
            return True
        return asked.scheme == "https" and (asked.hostname or "").endswith(MEDIA_HOSTS)

    # ------------------------------------------------------------ out
    async def send(self, message: Outbound, key: str) -> str:
        """Freely within 24 hours of what the person wrote last; later by a template, or once they open the window.

        1. What a report says that Meta has, is not sent again.
        2. A message with a template of its own goes by it outside the window; any other asks the person once to
           write, by the template « knock », and waits until they do (TryAgain, scope="person").
        """
        if key in self._told:
            return self._told[key]
        try:
            to = recipient(message.recipient.handle)
        except ValueError:
            raise Undeliverable("ce n'est pas une adresse WhatsApp") from None
        if not message.text.strip() and not message.attachments:
            raise Undeliverable("le message est vide")
        if message.last_heard is not None and self._now() - message.last_heard < WINDOW:
            try:
                return await self._freely(message, to, key)
            except graph.WindowClosed:
                log.info("whatsapp.window", why="Meta la dit fermée")
        try:
            return await self._by_template(message, to, key)
        except graph.WindowClosed:  # never for a template, as documented
            raise Undeliverable("WhatsApp refuse aussi le modèle de message (131047)") from None

    async def _freely(self, message: Outbound, to: Mapping[str, str], key: str) -> str:
        """In as many messages as it takes; a later try goes on where the last one ended. The last one's id."""
        parts: list[dict[str, Any] | Attachment] = [*contents(message.text, message.choices, self._now())]
        parts += message.attachments
        done = self._done.setdefault(key, [])
        while len(done) < len(parts):
            part, last = parts[len(done)], len(done) == len(parts) - 1
            try:
                content = await self._uploaded(part) if isinstance(part, Attachment) else part
            except Undeliverable as error:
                error.said = done[-1] if error.heavy and done else ""  # the words are there, only a file is not
                raise
            done.append(await self._post(to, content, key if last else f"{key}{PART}{len(done)}"))
        self._last[message.recipient.handle] = done[-1]
        return self._done.pop(key)[-1]

    async def _by_template(self, message: Outbound, to: Mapping[str, str], key: str) -> str:
        own = templates().get(message.name)
        if own is not None and own.fits(message.values):
            content = {"type": "template", "template": own.payload(message.values)}
            id = await self._post(to, content, key)
            self._last[message.recipient.handle] = id
            return id
        if not message.asked:
            knock = templates()[KNOCK]
            await self._post(to, {"type": "template", "template": knock.payload({})}, f"{key}{PART}{KNOCK}")
        why = "la personne n'a pas écrit depuis 24 heures : WhatsApp veut qu'elle ouvre la conversation"
        raise TryAgain(why, after=ASK_AGAIN, scope="person")

    async def _uploaded(self, file: Attachment) -> dict[str, Any]:
        response = await graph.call(
            self.settings,
            "POST",
            f"{self.settings.number}/media",
            data={"messaging_product": "whatsapp", "type": file.content_type},
            files={"file": (file.filename, file.content, file.content_type)},
        )
        return {"type": "document", "document": {"id": graph.json_of(response)["id"], "filename": file.filename}}

    async def _post(self, to: Mapping[str, str], content: Mapping[str, Any], key: str) -> str:
        """One message under our key, which Meta tells back in its reports."""
        common = {"messaging_product": "whatsapp", "recipient_type": "individual", "biz_opaque_callback_data": key}
        try:
            response = await graph.call(
                self.settings, "POST", f"{self.settings.number}/messages", json=common | dict(to) | dict(content)
            )
            found = graph.json_of(response)
        except Unsure:
            if id := await self._told_of(key):
                return id
            raise
        try:
            return str(found["messages"][0]["id"])
        except (KeyError, IndexError, TypeError) as error:
            raise Unsure("WhatsApp n'a pas donné de numéro d'envoi") from error

    async def _told_of(self, key: str) -> str:
        """The id of a message whose answer was lost, once a report tells that Meta has it."""
        end = asyncio.get_running_loop().time() + TOLD_SECONDS
        while key not in self._told and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        return self._told.get(key, "")

    # ------------------------------------------------------------ check
    async def check(self) -> str:
        """The number and the templates as Meta has them; TryAgain with what is wrong, in French."""
        asked = {"fields": "display_phone_number,verified_name,quality_rating"}
        try:
            found = graph.json_of(
                await graph.call(self.settings, "GET", self.settings.number, params=asked, seconds=5.0)
            )
            missing = await self._missing()
        except (Undeliverable, Unsure) as error:
            raise TryAgain(str(error), scope="channel") from error
        said = f"WhatsApp : {found.get('verified_name', '?')} ({found.get('display_phone_number', '?')}) répond."
        return said + (f" Modèles à faire accepter par Meta : {', '.join(missing)}." if missing else "")

    async def _missing(self) -> list[str]:
        if not self.settings.business:
            return []
        asked = {"fields": "name,language,status", "limit": "250"}
        path = f"{self.settings.business}/message_templates"
        found = graph.json_of(await graph.call(self.settings, "GET", path, params=asked, seconds=5.0))
        there = {(e.get("name"), e.get("language")) for e in found.get("data", ()) if e.get("status") == "APPROVED"}
        return [each.name for each in templates().values() if (each.name, each.language) not in there]
