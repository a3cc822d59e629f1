"""Stand-ins for OVHcloud, Twilio and SMS Gateway that check each request as their documentation says.

The providers' own clients are pointed at them in the tests: what these servers demand is what those clients do.
"""

import asyncio
import base64
import email.utils
import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.peers.mail import until
from tests.peers.ports import free_port


@dataclass
class Fault:
    """What goes wrong with a coming request: a status with a body, or no answer before (`lost`) or after the work."""

    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    cut_after: bool = False


class Provider:
    """A server on a port of this machine; `faults` befall the coming requests, one each."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.faults: list[Fault] = []
        self.refused: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.ids = itertools.count(1001)
        config = uvicorn.Config(
            Starlette(routes=[Route("/{path:path}", self._any, methods=["GET", "POST", "DELETE"])]),
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, what="for the provider")

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    async def _any(self, request: Request) -> Response:
        self.calls.append((request.method, request.url.path))
        fault = next((each for each in self.faults if each.method == request.method), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.cut_after:
                await self.answer(request)
                return _cut()
            return JSONResponse(fault.body, fault.status, fault.headers)
        return await self.answer(request)

    def refuse(self, why: str, status: int, body: dict[str, Any]) -> Response:
        self.refused.append(why)
        return JSONResponse(body, status)

    async def answer(self, request: Request) -> Response:
        raise NotImplementedError


class _Cut(Response):
    """Says that a body comes, and hangs up: uvicorn closes the line in the middle of the answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise asyncio.CancelledError


def _cut() -> Response:
    return _Cut()


# --- OVHcloud ---------------------------------------------------------------------------------------------------------

APPLICATION, APPLICATION_SECRET, CONSUMER, SERVICE = (
    "7kbG7Bk7S9Nt7ZSV",
    "EXEgWIz07P0HYwtQ",
    "MtSwSrPpNjqfVSmJ",
    "sms-ab12345-1",
)


class OvhApi(Provider):
    """https://eu.api.ovh.com/1.0: the signature over method, whole address, body and time; /sms and what is in it."""

    def __init__(self) -> None:
        self.clock_ahead = 0  # seconds
        self.incoming: dict[int, dict[str, Any]] = {}
        self.outgoing: dict[int, dict[str, Any]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.invalid: set[str] = set()
        super().__init__()

    @property
    def api(self) -> str:
        return f"{self.url}/1.0"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOTLINE_SMS_GATEWAY": "ovhcloud",
            "HOTLINE_SMS_OVH": SERVICE,
            "HOTLINE_SMS_OVH_KEYS": f"{APPLICATION}:{APPLICATION_SECRET}:{CONSUMER}",
            "HOTLINE_SMS_OVH_API": self.api,
        }

    def now(self) -> int:
        return int(time.time()) + self.clock_ahead

    def receive(self, sender: str, message: str, at: str) -> int:
        id = next(self.ids)
        self.incoming[id] = {
            "id": id, "sender": sender, "message": message, "creationDatetime": at, "credits": 0, "tag": "",
        }  # fmt: skip
        return id

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/1.0")
        if path == "/auth/time":
            return PlainTextResponse(str(self.now()), media_type="application/json")
        body = (await request.body()).decode()
        headers = request.headers
        if headers.get("x-ovh-application") != APPLICATION or headers.get("x-ovh-consumer") != CONSUMER:
            return self.refuse("keys", 403, {"message": "This credential is not valid"})
        stamp = headers.get("x-ovh-timestamp", "0")
        if abs(int(stamp) - self.now()) > 60:
            return self.refuse("time", 400, {"message": "Invalid timestamp", "errorCode": "QUERY_TIME_OUT"})
        signed = "+".join((APPLICATION_SECRET, CONSUMER, request.method, str(request.url), body, stamp))
        if headers.get("x-ovh-signature") != "$1$" + hashlib.sha1(signed.encode()).hexdigest():
            return self.refuse("signature", 400, {"message": "Invalid signature", "errorCode": "INVALID_SIGNATURE"})
        if not path.startswith(f"/sms/{SERVICE}"):
            return self.refuse("service", 404, {"message": "This service does not exist"})
        rest = path.removeprefix(f"/sms/{SERVICE}")
        if request.method == "POST" and rest == "/jobs":
            return self._job(json.loads(body))
        if rest == "":
            return JSONResponse({"name": SERVICE, "creditsLeft": 421.5, "status": "enable"})
        table = {"incoming": self.incoming, "outgoing": self.outgoing}[rest.split("/")[1]]
        if re.fullmatch(r"/\w+/\d+", rest):
            found = table.get(int(rest.rpartition("/")[2]))
            return JSONResponse(found) if found else self.refuse("gone", 404, {"message": "This object does not exist"})
        asked = {name: values[0] for name, values in parse_qs(request.url.query).items()}
        since = asked.pop("creationDatetime.from", "")
        return JSONResponse(
            [
                id
                for id, row in table.items()
                if row["creationDatetime"] >= since[:10]
                and all(str(row[name]) == value for name, value in asked.items())
            ]
        )

    def _job(self, job: dict[str, Any]) -> Response:
        """The cookbook's demands; a sender of one's own and `senderForResponse` exclude each other."""
        if not job.get("message") or not job.get("receivers") or len(job.get("tag", "")) > 20:
            return self.refuse("job", 400, {"message": "Missing parameter"})
        if job.get("coding") not in ("7bit", "8bit") or job.get("charset") != "UTF-8":
            return self.refuse("coding", 400, {"message": "Invalid coding"})
        if not job.get("senderForResponse") or "sender" in job or job.get("noStopClause") is not True:
            return self.refuse("sender", 400, {"message": "Invalid sender"})
        (to,) = job["receivers"]
        if to in self.invalid:
            return JSONResponse({"totalCreditsRemoved": 0, "invalidReceivers": [to], "ids": [], "validReceivers": []})
        self.jobs.append(job)
        id = next(self.ids)
        self.outgoing[id] = {
            "id": id,
            "receiver": to,
            "tag": job.get("tag", ""),
            "message": job["message"],
            "deliveryReceipt": 0,
            "ptt": 1000,
            "creationDatetime": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        }
        return JSONResponse({"totalCreditsRemoved": 1, "invalidReceivers": [], "ids": [id], "validReceivers": [to]})


# --- Twilio -----------------------------------------------------------------------------------------------------------

ACCOUNT, TOKEN, TWILIO_NUMBER = "AC" + "0123456789abcdef" * 2, "un-jeton-secret", "+33700112233"


class TwilioApi(Provider):
    """https://api.twilio.com/2010-04-01: basic authentication, a form in, JSON out."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        super().__init__()

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOTLINE_SMS_GATEWAY": "twilio",
            "HOTLINE_SMS_NUMBER": TWILIO_NUMBER,
            "HOTLINE_SMS_SECRET": "un-secret-assez-long-pour-les-adresses",
            "HOTLINE_SMS_TWILIO": f"{ACCOUNT}:{TOKEN}",
            "HOTLINE_SMS_TWILIO_API": self.url,
        }

    def row(self, direction: str, sender: str, to: str, body: str, **more: Any) -> dict[str, Any]:
        row = {
            "sid": f"SM{next(self.ids):032x}",
            "account_sid": ACCOUNT,
            "direction": direction,
            "from": sender,
            "to": to,
            "body": body,
            "num_media": "0",
            "num_segments": "1",
            "status": "received" if direction == "inbound" else "queued",
            "date_sent": "Tue, 01 Dec 2026 09:30:00 +0000",
            "date_created": email.utils.format_datetime(datetime.now(UTC)),
            "error_code": None,
            "error_message": None,
        } | more
        self.messages.append(row)
        return row

    async def answer(self, request: Request) -> Response:
        wanted = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != wanted:
            return self.refuse("auth", 401, {"code": 20003, "message": "Authenticate", "status": 401})
        root = f"/2010-04-01/Accounts/{ACCOUNT}"
        if request.url.path == f"{root}.json":
            return JSONResponse({"sid": ACCOUNT, "status": "active"})
        if request.url.path != f"{root}/Messages.json":
            return self.refuse("path", 404, {"code": 20404, "message": "Not found", "status": 404})
        if request.method == "GET":
            return self._page(request)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not form.get("Body") or len(form["Body"]) > 1600 or form.get("From") != TWILIO_NUMBER:
            return self.refuse("form", 400, {"code": 21602, "message": "Message body is required", "status": 400})
        if not re.fullmatch(r"\+\d{8,15}", form.get("To", "")):
            return self.refuse("to", 400, {"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400})
        callback = form.get("StatusCallback", "")
        row = self.row("outbound-api", form["From"], form["To"], form["Body"], callback=callback, date_sent=None)
        return JSONResponse({name: value for name, value in row.items() if name != "callback"}, 201)

    def _page(self, request: Request) -> Response:
        """Two a page, newest first, so that pages have to be turned; a search gets as many as it asks for."""
        asked = request.query_params
        if known := set(asked) - {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}:
            return self.refuse("search", 400, {"code": 20001, "message": f"Unknown {known}", "status": 400})
        since = asked.get("DateSent>", "")
        if since and not re.fullmatch(r"\d{4}-\d\d-\d\d", since):
            return self.refuse("date", 400, {"code": 20001, "message": "Invalid DateSent", "status": 400})
        to, start = asked.get("To"), int(asked.get("Page", "0"))
        found = [
            {name: value for name, value in each.items() if name != "callback"}
            for each in reversed(self.messages)
            if each["to"] == to
            and asked.get("From", each["from"]) == each["from"]
            and email.utils.parsedate_to_datetime(each["date_created"]).date().isoformat() >= since
        ]
        if size := int(asked.get("PageSize", "0")):
            return JSONResponse({"messages": found[:size], "next_page_uri": None})
        more = f"{request.url.path}?To=%2B{TWILIO_NUMBER[1:]}&Page={start + 1}" if found[start * 2 + 2 :] else None
        return JSONResponse({"messages": found[start * 2 : start * 2 + 2], "next_page_uri": more})


# --- SMS Gateway for Android ------------------------------------------------------------------------------------------

LOGIN, PASSWORD, SIGNING_KEY = "XQ4ABC", "m0t:de/passe", "cle-de-signature"


class SmsgateApi(Provider):
    """https://api.sms-gate.app/3rdparty/v1: basic authentication, JSON, an id is taken once."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.webhooks = [{"id": "w1", "event": "sms:received", "url": "https://x"}]
        super().__init__()

    @property
    def api(self) -> str:
        return f"{self.url}/3rdparty/v1"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOTLINE_SMS_GATEWAY": "smsgate",
            "HOTLINE_SMS_SECRET": "un-secret-assez-long-pour-les-adresses",
            "HOTLINE_SMS_SMSGATE": f"http://{LOGIN}:m0t%3Ade%2Fpasse@127.0.0.1:{self.port}/3rdparty/v1",
            "HOTLINE_SMS_SMSGATE_KEY": SIGNING_KEY,
        }

    async def answer(self, request: Request) -> Response:
        wanted = "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != wanted:
            return self.refuse("auth", 401, {"message": "Unauthorized"})
        if request.url.path == "/3rdparty/v1/webhooks":
            return JSONResponse(self.webhooks)
        if request.url.path != "/3rdparty/v1/messages" or request.method != "POST":
            return self.refuse("path", 404, {"message": "Not Found"})
        message = json.loads(await request.body())
        if not message.get("textMessage", {}).get("text") or len(message.get("phoneNumbers", ())) != 1:
            return self.refuse("message", 400, {"message": "Validation failed"})
        id = message.get("id") or f"m{next(self.ids)}"
        if id in self.messages:
            return self.refuse("twice", 409, {"message": "Message with such ID already exists"})
        self.messages[id] = message
        recipients = [{"phoneNumber": message["phoneNumbers"][0], "state": "Pending"}]
        return JSONResponse({"id": id, "state": "Pending", "recipients": recipients}, 202)


def signed_call(
    event: str, payload: dict[str, Any], *, key: str = SIGNING_KEY, stamp: int = 0
) -> tuple[bytes, dict[str, str]]:
    """A webhook call of the phone, signed as its documentation says: HMAC-SHA256 of the raw body and the time."""
    body = json.dumps({"deviceId": "ffffffffceb0", "event": event, "id": "Ey6E", "payload": payload, "webhookId": "w"})
    moment = str(stamp or int(time.time()))
    signature = hmac.new(key.encode(), (body + moment).encode(), hashlib.sha256).hexdigest()
    return body.encode(), {"X-Signature": signature, "X-Timestamp": moment, "Content-Type": "application/json"}
