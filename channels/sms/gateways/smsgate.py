"""SMS Gateway for Android: a phone as a gateway, for pilots and for receiving (https://docs.sms-gate.app).

Automatic systems may not send from French mobile numbers (Arcep 2018-0881, 2022-1583).
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from channels.contract import Receipt, TryAgain
from channels.sms import line

from .base import Heard, News, Refused, empty_ok, ours

WHO = "SMS Gateway"
DAY = 86400  # seconds that the phone may take to send


@dataclass(frozen=True)
class SmsgateSettings:
    """`url`: the API without user and password; `key`: the signing key of the app's webhooks."""

    url: str
    user: str
    password: str = field(repr=False)
    key: str = field(repr=False)


class Smsgate:
    """One phone. It signs its calls; its message ids are made of the content, so that we make our own."""

    name = "smsgate"
    paths = ("recu",)

    def __init__(self, settings: SmsgateSettings, secret: str):
        self.settings, self._secret = settings, secret
        self._auth = (settings.user, settings.password)

    async def send(self, to: str, text: str, key: str) -> str:
        """Under our own id, which the server refuses to take twice (409)."""
        id = ours(key)
        message = {
            "id": id,
            "phoneNumbers": [to],
            "textMessage": {"text": text},
            "ttl": DAY,
            "withDeliveryReport": True,
        }
        response = await line.call(
            WHO,
            "POST",
            f"{self.settings.url}/messages",
            headers={"Content-Type": "application/json"},
            auth=self._auth,
            content=json.dumps(message).encode(),
        )
        if response.status_code == 409:
            return id
        if response.status_code in (403, 404):
            raise TryAgain(f"{WHO} nous refuse ({response.status_code})", after=line.LONG_REST, scope="channel")
        line.judge(WHO, response, "")
        return str(line.json_of(WHO, response).get("id") or id)

    async def check(self) -> str:
        response = await line.call(WHO, "GET", f"{self.settings.url}/webhooks", auth=self._auth, seconds=5.0)
        if not response.is_success:
            raise TryAgain(f"{WHO} nous refuse ({response.status_code})", scope="channel")
        events = sorted({str(each.get("event")) for each in line.json_of(WHO, response)})
        missing = [each for each in ("sms:received", "sms:delivered", "sms:failed") if each not in events]
        more = f" Webhooks à déclarer : {', '.join(missing)}." if missing else ""
        return f"SMS : {WHO} répond.{more}"

    async def read(self, request: Request, path: str) -> Sequence[News]:
        """The time in the signature is not limited: a phone without network brings a message two days later."""
        body = await request.body()
        stamp = request.headers.get("x-timestamp", "")
        made = hmac.new(self.settings.key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), request.headers.get("x-signature", "").lower().encode()):
            raise Refused("signature")
        try:
            call = json.loads(body)
            return self._news(str(call["event"]), call["payload"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("contenu illisible") from error

    def _news(self, event: str, payload: dict[str, Any]) -> Sequence[News]:
        if event == "sms:received":
            sender = str(payload.get("sender") or payload["phoneNumber"])
            text, received = str(payload["message"]), str(payload["receivedAt"])
            at = datetime.fromisoformat(received).astimezone(UTC)
            return [Heard(self._id(sender, received, text), sender, str(payload.get("recipient") or ""), text, at)]
        if event == "sms:delivered":
            return [Receipt("sms", str(payload["messageId"]), "delivered")]
        if event == "sms:failed":
            why = str(payload.get("reason", ""))[:120] or "sans raison donnée"
            return [Receipt("sms", str(payload["messageId"]), "failed", f"le téléphone ne l'a pas envoyé ({why})")]
        return []

    def _id(self, sender: str, received: str, text: str) -> str:
        """Keyed: a hash of a phone number alone could be guessed."""
        return hmac.new(self._secret.encode(), f"{sender}|{received}|{text}".encode(), hashlib.sha256).hexdigest()

    def thanks(self) -> Response:
        return empty_ok()
