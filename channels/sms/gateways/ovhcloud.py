"""OVHcloud SMS: a signed API for sending, and asked for what came in and what became of ours.

https://docs.ovhcloud.com/en/guides/web-cloud/messaging/sms/api-sms-cookbook ; signature as in its official clients.
"""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from channels.contract import Receipt, TryAgain, Undeliverable, Unsure
from channels.sms import gsm, line

from .base import Heard, News, ours

API = "https://eu.api.ovh.com/1.0"
WHO = "OVHcloud"
INCOMING_DAYS = 7  # looked back at a start: less than what the inbox remembers, so that nothing is taken twice
REPORT_DAYS = 3
DELIVERED, FAILED = "1", ("2", "16")  # deliveryReceipt
CLOCK_SECONDS = 3600.0


@dataclass(frozen=True)
class OvhSettings:
    api: str
    service: str
    application: str
    secret: str = field(repr=False)
    consumer: str = field(repr=False)


class Ovhcloud:
    """One SMS account. `noStopClause`: not held at night and at week-ends; `senderForResponse`: can be replied to."""

    name = "ovhcloud"

    def __init__(self, settings: OvhSettings, *, ask_every: float = 15.0):
        self.settings, self.ask_every = settings, ask_every
        self._root = f"{settings.api}/sms/{quote(settings.service, safe='')}"
        self._behind, self._asked_at = 0, 0.0  # of our clock against theirs
        self._taken: set[int] = set()
        self._reported: set[int] = set()

    # ------------------------------------------------------------ out
    async def send(self, to: str, text: str, key: str) -> str:
        """Looked up by its tag first: a message to a phone cannot be unsent."""
        tag = ours(key)
        if already := await self._tagged(tag):
            return already
        job = {
            "charset": "UTF-8",
            "class": "phoneDisplay",
            "coding": "7bit" if gsm.is_gsm(text) else "8bit",
            "message": text,
            "noStopClause": True,
            "priority": "high",
            "receivers": [to],
            "senderForResponse": True,
            "tag": tag,
            "validityPeriod": 2880,  # minutes
        }
        done = await self._ask("POST", "/jobs", job=job)
        if not isinstance(done, dict):
            raise Unsure(f"{WHO} : réponse inattendue")
        if done.get("invalidReceivers"):
            raise Undeliverable(f"{WHO} ne sait pas joindre ce numéro")
        if not done.get("ids"):
            raise Unsure(f"{WHO} n'a pas donné de numéro d'envoi")
        return str(done["ids"][0])

    async def find(self, to: str, text: str, key: str, since: datetime) -> str:
        return await self._tagged(ours(key))

    async def _tagged(self, tag: str) -> str:
        already = await self._ask("GET", "/outgoing", {"tag": tag})
        return str(already[0]) if already else ""

    async def check(self) -> str:
        found = await self._ask("GET", "")
        return f"SMS : {WHO} répond, {found.get('creditsLeft', '?')} crédits sur {self.settings.service}."

    # ------------------------------------------------------------ in
    async def news(self) -> AsyncIterator[News]:
        """What came in since, oldest first, then what became of ours."""
        since = datetime.now(UTC) - timedelta(days=INCOMING_DAYS)
        listed = await self._ask("GET", "/incoming", {"creationDatetime.from": _stamp(since)})
        for id in sorted(set(listed) - self._taken):
            one = await self._ask("GET", f"/incoming/{id}")
            if one is not None:
                at = datetime.fromisoformat(one["creationDatetime"]).astimezone(UTC)
                yield Heard(str(id), one.get("sender", ""), self.settings.service, one.get("message", ""), at)
            self._taken.add(id)
        since = datetime.now(UTC) - timedelta(days=REPORT_DAYS)
        for code in (DELIVERED, *FAILED):
            asked = {"creationDatetime.from": _stamp(since), "deliveryReceipt": code}
            listed = await self._ask("GET", "/outgoing", asked)
            for id in sorted(set(listed) - self._reported):
                yield await self._report(id, code)
                self._reported.add(id)

    async def _report(self, id: int, code: str) -> Receipt:
        if code == DELIVERED:
            return Receipt("sms", str(id), "delivered")
        one = await self._ask("GET", f"/outgoing/{id}") or {}
        return Receipt("sms", str(id), "failed", f"l'opérateur ne l'a pas remis (OVH, code {one.get('ptt', '?')})")

    # ------------------------------------------------------------ the signed line
    async def _ask(
        self, method: str, path: str, asked: dict[str, str] | None = None, job: dict[str, Any] | None = None
    ) -> Any:
        """The answer's JSON; None for what is not there any more (404 under a listed id)."""
        url = self._root + path + (f"?{urlencode(asked)}" if asked else "")
        body = json.dumps(job, separators=(",", ":")) if job else ""
        for again in (False, True):
            stamp = str(int(time.time()) + await self._clock(fresh=again))
            response = await line.call(
                WHO, method, url, headers=self._headers(method, url, body, stamp), content=body.encode() or None
            )
            if not (response.status_code == 400 and "timestamp" in response.text.lower() and not again):
                break
        if response.is_success:
            return line.json_of(WHO, response)
        said = _said(response.text)
        if response.status_code == 404 and path.rpartition("/")[2].isdigit():
            return None
        if response.status_code in (403, 404):
            raise TryAgain(f"{WHO} nous refuse : {said}", after=line.LONG_REST, scope="channel")
        if "credit" in said.lower():
            raise TryAgain(f"{WHO} : plus de crédits SMS", after=3600.0, scope="channel")
        line.judge(WHO, response, said)
        raise Unsure(f"{WHO} : {response.status_code}")

    def _headers(self, method: str, url: str, body: str, stamp: str) -> dict[str, str]:
        own = self.settings
        signed = "+".join((own.secret, own.consumer, method, url, body, stamp))
        headers = {
            "X-Ovh-Application": own.application,
            "X-Ovh-Consumer": own.consumer,
            "X-Ovh-Timestamp": stamp,
            "X-Ovh-Signature": "$1$" + hashlib.sha1(signed.encode()).hexdigest(),  # theirs to choose, not ours
        }
        return headers | ({"Content-Type": "application/json"} if body else {})

    async def _clock(self, *, fresh: bool) -> int:
        """Seconds to add to our clock; asked of them once an hour, and when they say that we are wrong."""
        if fresh or not self._asked_at or time.monotonic() - self._asked_at > CLOCK_SECONDS:
            response = await line.call(WHO, "GET", f"{self.settings.api}/auth/time")
            line.judge(WHO, response, "")
            self._behind, self._asked_at = int(response.text) - int(time.time()), time.monotonic()
        return self._behind


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _said(body: str) -> str:
    try:
        return str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        return ""
