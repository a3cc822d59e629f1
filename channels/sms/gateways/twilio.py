"""Twilio: its REST API, its signed call-backs, and a look at what a failed call-back did not bring.

https://www.twilio.com/docs/messaging/api/message-resource ; https://www.twilio.com/docs/usage/security
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from channels.contract import Receipt, TryAgain, Undeliverable, Unsure
from channels.sms import line

from .base import Heard, News, Refused

API = "https://api.twilio.com"
WHO = "Twilio"
NEVER = {21211, 21214, 21217, 21401, 21408, 21421, 21604, 21606, 21610, 21612, 21614, 21617, 30003, 30004, 30005, 30006}
SLOWER = {20429, 14107, 21611, 30001, 63038}  # too many requests, a full queue, the day's limit
STATES = {"delivered": "delivered", "undelivered": "failed", "failed": "failed"}
LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True)
class TwilioSettings:
    """`public`: our address as Twilio knows it, which its signatures cover."""

    api: str
    account: str
    token: str = field(repr=False)
    public: str


class Twilio:
    """One account and number. Twilio only notes in its own log a call that we did not answer, so we ask as well."""

    name = "twilio"
    paths = ("recu", "etat")

    def __init__(self, settings: TwilioSettings, secret: str, number: str, *, ask_every: float = 300.0):
        self.settings, self._secret, self._number, self.ask_every = settings, secret, number, ask_every
        self._messages = f"{settings.api}/2010-04-01/Accounts/{settings.account}/Messages.json"
        self._auth = (settings.account, settings.token)
        self._taken: dict[str, None] = {}  # a set that knows its oldest

    # ------------------------------------------------------------ out
    async def send(self, to: str, text: str, key: str) -> str:
        form = {
            "To": to,
            "From": self._number,
            "Body": text,
            "SmartEncoded": "false",  # what goes out is what was counted
            "StatusCallback": self._address("etat"),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = urlencode(form).encode()
        response = await line.call(WHO, "POST", self._messages, headers=headers, auth=self._auth, content=content)
        if response.is_success:
            sid = line.json_of(WHO, response).get("sid")
            if not sid:
                raise Unsure(f"{WHO} n'a pas donné de numéro d'envoi")
            return str(sid)
        code, said = _error(response.text)
        if code in SLOWER:
            raise TryAgain(f"{WHO} demande d'attendre ({code})", after=line.wait_of(response), scope="channel")
        if code in NEVER:
            raise Undeliverable(f"{WHO} ne peut pas joindre ce numéro ({code})")
        if response.status_code in (403, 404):
            raise TryAgain(f"{WHO} nous refuse ({code}) : {said}", after=line.LONG_REST, scope="channel")
        line.judge(WHO, response, f"erreur {code}")
        raise Unsure(f"{WHO} : {response.status_code}")

    async def find(self, to: str, text: str, key: str, since: datetime) -> str:
        """Among what left for this number since then: the same words; Twilio keeps no key of ours."""
        asked = {"To": to, "From": self._number, "DateSent>": since.date().isoformat(), "PageSize": "200"}
        response = await line.call(WHO, "GET", f"{self._messages}?{urlencode(asked)}", auth=self._auth)
        line.judge(WHO, response, _error(response.text)[1] if not response.is_success else "")
        for one in line.json_of(WHO, response).get("messages", ()):
            when = parsedate_to_datetime(one["date_created"]) if one.get("date_created") else None
            ours = one.get("direction", "").startswith("outbound") and one.get("body") == text
            if ours and (when is None or when >= since - timedelta(seconds=1)):  # theirs are whole seconds
                return str(one["sid"])
        return ""

    def _address(self, path: str) -> str:
        return f"{self.settings.public}/sms/{self._secret}/{path}"

    async def check(self) -> str:
        url = f"{self.settings.api}/2010-04-01/Accounts/{self.settings.account}.json"
        response = await line.call(WHO, "GET", url, auth=self._auth, seconds=5.0)
        if not response.is_success:
            raise TryAgain(f"{WHO} nous refuse : {_error(response.text)[1]}", scope="channel")
        state = line.json_of(WHO, response).get("status", "?")
        return f"SMS : {WHO} répond, compte {state}. Adresse à régler chez {WHO} : {self._address('recu')}#rc=5&rp=all"

    # ------------------------------------------------------------ in
    async def read(self, request: Request, path: str) -> Sequence[News]:
        body = (await request.body()).decode("utf-8", "replace")
        form = parse_qsl(body, keep_blank_values=True)
        query = request.url.query
        signed = self._address(path) + (f"?{query}" if query else "")
        if not self.trusts(signed, form, request.headers.get("x-twilio-signature", "")):
            raise Refused("signature")
        found = dict(form)
        sid = found.get("MessageSid") or found.get("SmsSid", "")
        if not sid:
            raise Refused("sans identifiant")
        if path == "etat":
            return _report(sid, found.get("MessageStatus", ""), found.get("ErrorCode", ""))
        self._remember(sid)
        return [_heard(sid, found.get("From", ""), found.get("To", ""), found.get("Body", ""), found.get("NumMedia"))]

    def trusts(self, url: str, form: Iterable[tuple[str, str]], signature: str) -> bool:
        """HMAC-SHA1 of our public address and the sorted form; Twilio signs now with the port, now without."""
        rest = "".join(name + value for name, value in sorted(set(form)))
        return any(
            hmac.compare_digest(self._sign(each + rest).encode(), signature.encode()) for each in _with_ports(url)
        )

    def _sign(self, text: str) -> str:
        digest = hmac.new(self.settings.token.encode(), text.encode(), hashlib.sha1).digest()
        return base64.b64encode(digest).decode()

    def thanks(self) -> Response:
        return Response('<?xml version="1.0" encoding="UTF-8"?><Response/>', media_type="text/xml")

    async def news(self) -> AsyncIterator[News]:
        """What came in since yesterday and no call-back brought, oldest first."""
        since = (datetime.now(UTC) - LOOK_BACK).date().isoformat()
        url = f"{self._messages}?{urlencode({'To': self._number, 'DateSent>': since, 'PageSize': '200'})}"
        missed: list[Heard] = []
        while url:
            response = await line.call(WHO, "GET", url, auth=self._auth)
            line.judge(WHO, response, _error(response.text)[1] if not response.is_success else "")
            page = line.json_of(WHO, response)
            for one in page.get("messages", ()):
                if one.get("direction") == "inbound" and one["sid"] not in self._taken:
                    when = one.get("date_sent") or one.get("date_created")
                    at = parsedate_to_datetime(when) if when else None
                    missed.append(_heard(one["sid"], one["from"], one["to"], one["body"], one.get("num_media"), at))
            following = page.get("next_page_uri")
            url = urljoin(self.settings.api, following) if following else ""
        for heard in sorted(missed, key=lambda each: each.at):
            yield heard
            self._remember(heard.id)

    def _remember(self, sid: str) -> None:
        self._taken[sid] = None
        while len(self._taken) > 5000:
            del self._taken[next(iter(self._taken))]


def _heard(sid: str, sender: str, to: str, text: str, media: str | None, at: datetime | None = None) -> Heard:
    pictures = int(media) if media and media.isdigit() else 0
    warnings = (f"{pictures} image(s) jointe(s), non lue(s)",) if pictures else ()
    return Heard(sid, sender, to, text, at or datetime.now(UTC), warnings=warnings)


def _report(sid: str, state: str, code: str) -> Sequence[News]:
    if STATES.get(state) == "delivered":
        return [Receipt("sms", sid, "delivered")]
    if STATES.get(state) == "failed":
        return [Receipt("sms", sid, "failed", f"l'opérateur ne l'a pas remis (Twilio, erreur {code or 'inconnue'})")]
    return []


def _error(body: str) -> tuple[int, str]:
    try:
        found = json.loads(body)
        return int(found.get("code") or 0), str(found.get("message", ""))[:120]
    except (ValueError, AttributeError, TypeError):
        return 0, ""


def _with_ports(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()
