"""A Graph API server of our own, spoken to over HTTP: it refuses what Meta documents, keeps the window, calls us back.

It follows https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages (fields, limits, error codes),
/webhooks/components (what a call to us holds) and /graph-api/webhooks (signature, verification, repetition).
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import queue
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from channels.whatsapp.templates import templates
from tests.peers.mail import until
from tests.peers.ports import free_port

NUMBER, BUSINESS, PHONE = "106540352242922", "102290129340398", "33700112244"
TOKEN = "EAAessai0essai0essai0essai0essai0"
APP_SECRET = "5eb63bbbe01eeed093cb22bb8f5acdc3"
VERIFY = "un-jeton-de-verification-assez-long-pour-servir"
VERSION = "v23.0"
DAY = 24 * 3600.0
AWA = "33612345678"
FIELDS = {"text", "interactive", "template", "document", "image", "reaction"}


@dataclass
class Fault:
    """What goes wrong with the next sends: an error code with its status, or a line cut after the work."""

    status: int = 0
    code: int = 0
    details: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: str = ""  # before | after
    times: int = 1


class Refused(Exception):
    """An answer that is no success, as Graph words it."""

    def __init__(self, status: int, code: int, details: str, headers: Mapping[str, str] | None = None):
        super().__init__(details)
        self.status, self.code, self.details, self.headers = status, code, details, dict(headers or {})

    def answer(self) -> JSONResponse:
        error = {
            "message": f"(#{self.code}) {self.details}",
            "type": "OAuthException",
            "code": self.code,
            "error_data": {"messaging_product": "whatsapp", "details": self.details},
            "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
        }
        return JSONResponse({"error": error}, self.status, self.headers)


@dataclass
class Sent:
    """One message of the business, as the phone shows it."""

    id: str
    to: str
    text: str
    at: float
    payload: dict[str, Any]
    buttons: list[dict[str, str]] = field(default_factory=list)  # id, title, description
    content: bytes = b""

    @property
    def kind(self) -> str:
        return str(self.payload["type"])


class Graph:
    """The server, and the phones of those who write; what they write is brought to `callback` in order, until taken."""

    def __init__(self, clock: Callable[[], float] = time.time):
        self.clock = clock
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/{VERSION}"
        self.callback = ""
        self.lock = threading.RLock()
        self.sent: list[Sent] = []
        self.refused: list[tuple[int, str]] = []
        self.calls: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.media: dict[str, tuple[str, bytes]] = {}
        self.approved = {template.name: template for template in templates().values()}
        self.heard_at: dict[str, float] = {}  # handle -> when they wrote last: opens the window
        self.blocked: set[str] = set()
        self.silent = False  # no status calls
        self.statuses: list[int] = []  # what our webhook answered
        self.late_window = False  # refuse a closed window by a status only, as Meta mostly does
        self._calls: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._ids = itertools.count(1)
        self._server: uvicorn.Server | None = None
        self._threads: list[threading.Thread] = []

    # ------------------------------------------------------------ up and down
    def start(self) -> None:
        app = Starlette(
            routes=[
                Route("/{version}/{number}/messages", self._messages, methods=["POST"]),
                Route("/{version}/{number}/media", self._upload, methods=["POST"]),
                Route("/{version}/{business}/message_templates", self._templates, methods=["GET"]),
                Route("/media/{id}", self._file, methods=["GET"]),
                Route("/{version}/{id}", self._node, methods=["GET"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="critical", access_log=False, lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._server.run, self._bring)]
        for thread in self._threads:
            thread.start()
        until(lambda: self._server is not None and self._server.started, what="for the Graph server")

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = self._server.force_exit = True
        self._calls.put(None)
        for thread in self._threads:
            thread.join(10)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOTLINE_WHATSAPP_TOKEN": TOKEN,
            "HOTLINE_WHATSAPP_NUMBER_ID": NUMBER,
            "HOTLINE_WHATSAPP_APP_SECRET": APP_SECRET,
            "HOTLINE_WHATSAPP_VERIFY_TOKEN": VERIFY,
            "HOTLINE_WHATSAPP_BUSINESS_ID": BUSINESS,
            "HOTLINE_WHATSAPP_API": self.api,
        }

    # ------------------------------------------------------------ what it brings us
    def envelope(self, **value: Any) -> dict[str, Any]:
        metadata = {"display_phone_number": PHONE, "phone_number_id": NUMBER}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
        return {
            "object": "whatsapp_business_account",
            "entry": [{"id": BUSINESS, "changes": [{"value": value, "field": "messages"}]}],
        }

    @staticmethod
    def signed(body: bytes) -> dict[str, str]:
        mark = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {"content-type": "application/json", "x-hub-signature-256": f"sha256={mark}"}

    def push(self, call: dict[str, Any]) -> None:
        self._calls.put(call)

    def idle(self) -> bool:
        return self._calls.unfinished_tasks == 0

    def _bring(self) -> None:
        """Each call in order, again until it is taken; Meta does so for seven days, with longer and longer rests."""
        with httpx.Client(trust_env=False, verify=False, timeout=20) as client:
            while (call := self._calls.get()) is not None:
                body = json.dumps(call).encode()
                for _ in range(100):
                    try:
                        status = client.post(self.callback, content=body, headers=self.signed(body)).status_code
                    except httpx.TransportError:
                        status = 0
                    self.statuses.append(status)
                    if 200 <= status < 300:
                        break
                    time.sleep(0.05)
                self._calls.task_done()

    def report(self, sent: Sent, state: str, error: tuple[int, str] | None = None) -> None:
        status: dict[str, Any] = {
            "id": sent.id, "status": state, "timestamp": str(int(self.clock())), "recipient_id": sent.to,
            "recipient_user_id": f"FR.{sent.to}",
        }  # fmt: skip
        if key := sent.payload.get("biz_opaque_callback_data"):
            status["biz_opaque_callback_data"] = key
        if error:
            status["errors"] = [{"code": error[0], "title": error[1], "message": error[1]}]
        contact = {"profile": {"name": "Awa"}, "wa_id": sent.to, "user_id": f"FR.{sent.to}"}
        self.push(self.envelope(contacts=[contact], statuses=[status]))

    def phone(self, number: str = AWA, *, hidden: bool = False) -> "Phone":
        return Phone(self, number, hidden)

    def to(self, number: str) -> list[Sent]:
        with self.lock:
            return [each for each in self.sent if each.to == number]

    # ------------------------------------------------------------ the API
    def _knows(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, 190, "Error validating access token")

    async def _messages(self, request: Request) -> Response:
        try:
            self._knows(request)
            if (request.path_params["version"], request.path_params["number"]) != (VERSION, NUMBER):
                raise Refused(400, 100, "Unsupported post request")
            try:
                body = json.loads(await request.body())
            except ValueError:
                raise Refused(400, 100, "Invalid parameter: no JSON") from None
            fault = self._fault()
            if fault and fault.breaks == "before":
                return _broken()
            if fault and fault.code:
                raise Refused(fault.status, fault.code, fault.details or "essai", fault.headers)
            if fault and fault.status:
                return Response("<html>Bad Gateway</html>", fault.status, fault.headers, "text/html")
            answer = self._take(body)
            if fault and fault.breaks == "after":
                await asyncio.sleep(0.05)
                return _broken()
            return answer
        except Refused as refused:
            with self.lock:
                self.refused.append((refused.code, refused.details))
            return refused.answer()

    def _fault(self) -> Fault | None:
        with self.lock:
            if not self.faults:
                return None
            fault = self.faults[0]
            fault.times -= 1
            if fault.times <= 0:
                self.faults.pop(0)
            return fault

    def _take(self, body: dict[str, Any]) -> Response:
        self.calls.append(body)
        if body.get("messaging_product") != "whatsapp":
            raise Refused(400, 100, "The parameter messaging_product is required")
        if body.get("recipient_type", "individual") != "individual":
            raise Refused(400, 100, "recipient_type")
        to = self._recipient(body)
        kind = str(body.get("type", "text"))
        if kind not in FIELDS or not isinstance(body.get(kind), dict):
            raise Refused(400, 131009, f"Parameter value is not valid: {kind}")
        if len(str(body.get("biz_opaque_callback_data", ""))) > 512:
            raise Refused(400, 131009, "biz_opaque_callback_data is too long")
        if to in self.blocked:
            raise Refused(400, 131026, "Message Undeliverable.")
        open_ = self.clock() - self.heard_at.get(to, -DAY) < DAY
        if not open_ and kind != "template" and not self.late_window:
            raise Refused(400, 131047, "Re-engagement message")
        text, buttons = getattr(self, f"_{kind}")(body[kind])
        sent = Sent(f"wamid.HBgL{next(self._ids):08d}", to, text, time.monotonic(), body, buttons)
        if kind == "document":
            sent.content = self.media[body[kind]["id"]][1]
        with self.lock:
            self.sent.append(sent)
        if not open_ and kind != "template":
            self.report(sent, "failed", (131047, "Re-engagement message"))
        elif not self.silent:
            for state in ("sent", "delivered"):
                self.report(sent, state)
        message = {"id": sent.id} | ({"message_status": "accepted"} if kind == "template" else {})
        contacts = [{"input": to, "wa_id": to}]
        return JSONResponse({"messaging_product": "whatsapp", "contacts": contacts, "messages": [message]})

    def _recipient(self, body: Mapping[str, Any]) -> str:
        """`to` is a number, `recipient` an id of Meta's; ours is FR. and the number."""
        to, recipient = str(body.get("to") or ""), str(body.get("recipient") or "")
        if re.fullmatch(r"\d{6,15}", to):
            return to
        if not to and re.fullmatch(r"FR\.\d+", recipient):
            return recipient.removeprefix("FR.")
        raise Refused(400, 100, "Invalid parameter: to, recipient")

    def _text(self, text: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        if not str(text.get("body", "")).strip():
            raise Refused(400, 100, "The parameter text['body'] is required.")
        if len(text["body"]) > 4096:
            raise Refused(400, 100, "Param text['body'] must be at most 4096 characters long.")
        return text["body"], []

    def _interactive(self, found: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        body = str(found["body"]["text"])
        if not 1 <= len(body) <= 1024:
            raise Refused(400, 131009, "interactive.body.text must be 1 to 1024 characters long")
        if found["type"] == "button":
            rows = [button["reply"] for button in found["action"]["buttons"] if button["type"] == "reply"]
            most, longest = 3, 20
        elif found["type"] == "list":
            if not 1 <= len(found["action"]["button"]) <= 20:
                raise Refused(400, 131009, "interactive.action.button must be 1 to 20 characters long")
            rows = [row for section in found["action"]["sections"] for row in section["rows"]]
            most, longest = 10, 24
        else:
            raise Refused(400, 131009, "interactive.type")
        if not 1 <= len(rows) <= most:
            raise Refused(400, 131009, f"1 to {most} buttons")
        for row in rows:
            if not 1 <= len(row["title"]) <= longest or not 1 <= len(row["id"]) <= 200:
                raise Refused(400, 131009, f"title must be at most {longest} characters long, id 200")
            if len(row.get("description", "")) > 72:
                raise Refused(400, 131009, "description must be at most 72 characters long")
        if len({row["id"] for row in rows}) < len(rows) or len({row["title"] for row in rows}) < len(rows):
            raise Refused(400, 131009, "ids and titles must differ")
        return body, [dict(row) for row in rows]

    def _template(self, found: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        template = self.approved.get(found["name"])
        if template is None or found["language"] != {"code": template.language}:
            raise Refused(404, 132001, "Template name does not exist in the translation")
        given_ = found.get("components", ())
        components = {(each["type"].lower(), int(each.get("index", -1))): each for each in given_}
        given = [each["text"] for each in components.get(("body", -1), {"parameters": []})["parameters"]]
        if len(given) != len(template.values):
            raise Refused(400, 132000, "Number of parameters does not match the expected number of params")
        if any(not text.strip() or re.search(r"[\n\t]| {5}", text) for text in given):
            raise Refused(400, 132018, "Param text cannot have new-line/tab characters or more than 4 spaces")
        text = template.body
        for number, value in enumerate(given, 1):
            text = text.replace("{{" + str(number) + "}}", value)
        if len(text) > 1024:
            raise Refused(400, 132005, "Translated text too long")
        buttons = []
        for index, (label, _) in enumerate(template.buttons):
            button = components.get(("button", index))
            assert button is None or button["sub_type"].lower() == "quick_reply"
            payload = button["parameters"][0]["payload"] if button else label
            buttons.append({"id": payload, "title": label})
        return text, buttons

    def _document(self, found: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
        if found.get("id") not in self.media:
            raise Refused(400, 131009, "Media upload error")
        return str(found.get("caption", "")), []

    async def _upload(self, request: Request) -> Response:
        try:
            self._knows(request)
            async with request.form() as form:
                file = form["file"]
                if form.get("messaging_product") != "whatsapp" or isinstance(file, str):
                    raise Refused(400, 100, "messaging_product, file")
                return JSONResponse({"id": self.hold(str(form["type"]), await file.read())})
        except Refused as refused:
            return refused.answer()

    def hold(self, content_type: str, content: bytes) -> str:
        id = str(1_000_000_000 + len(self.media))
        self.media[id] = (content_type, content)
        return id

    async def _node(self, request: Request) -> Response:
        try:
            self._knows(request)
            id = request.path_params["id"]
            if id == NUMBER:
                return JSONResponse(
                    {"id": NUMBER, "display_phone_number": "+33 7 00 11 22 44", "verified_name": "RésO Villes"}
                )
            if id not in self.media:
                raise Refused(400, 100, "Unsupported get request. Object does not exist")
            content_type, content = self.media[id]
            return JSONResponse(
                {
                    "url": f"http://127.0.0.1:{self.port}/media/{id}",
                    "mime_type": content_type,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "file_size": len(content),
                    "id": id,
                    "messaging_product": "whatsapp",
                }
            )
        except Refused as refused:
            return refused.answer()

    async def _file(self, request: Request) -> Response:
        try:
            self._knows(request)
        except Refused as refused:
            return refused.answer()
        content_type, content = self.media[request.path_params["id"]]
        return Response(content, media_type=content_type)

    async def _templates(self, request: Request) -> Response:
        try:
            self._knows(request)
        except Refused as refused:
            return refused.answer()
        data = [{"name": e.name, "language": e.language, "status": "APPROVED"} for e in self.approved.values()]
        return JSONResponse({"data": data, "paging": {}})


def _broken() -> Response:
    """A line that breaks: fewer bytes come than were promised, and it is cut."""

    async def little() -> Any:
        yield b'{"mess'

    return StreamingResponse(little(), headers={"content-length": "400", "content-type": "application/json"})


@dataclass
class Phone:
    """Someone's WhatsApp. `hidden`: they chose a username, so that Meta keeps their number to itself."""

    graph: Graph
    number: str
    hidden: bool = False
    ids: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def handle(self) -> str:
        return f"FR.{self.number}"

    def message(self, type: str, content: Any = None, *, id: str = "", at: float = 0, **more: Any) -> dict[str, Any]:
        with self.graph.lock:
            number = next(self.graph._ids)
        found = {
            "from_user_id": self.handle,
            "id": id or f"wamid.HBgM{number:08d}",
            "timestamp": str(int(at or self.graph.clock())),
            "type": type,
        } | more  # fmt: skip
        if not self.hidden:
            found["from"] = self.number
        if content is not None:
            found[type] = content
        return found

    def call(self, *messages: dict[str, Any]) -> dict[str, Any]:
        contact: dict[str, Any] = {"profile": {"name": "Awa"}, "user_id": self.handle}
        contact |= {"profile": {"name": "Awa", "username": "@awa"}} if self.hidden else {"wa_id": self.number}
        return self.graph.envelope(contacts=[contact], messages=list(messages))

    def sends(self, type: str, content: Any = None, **more: Any) -> dict[str, Any]:
        """Write it; Meta brings it. The call, to be brought again."""
        self.graph.heard_at[self.number] = self.graph.clock()
        call = self.call(self.message(type, content, **more))
        self.graph.push(call)
        return call

    def says(self, text: str, **more: Any) -> dict[str, Any]:
        return self.sends("text", {"body": text}, **more)

    def presses(self, label: str, sent: Sent | None = None) -> dict[str, Any]:
        """The button or row whose title or description holds `label`, of the newest message that has one."""
        sent = sent or next(each for each in reversed(self.graph.to(self.number)) if each.buttons)
        button = next(b for b in sent.buttons if label in b["title"] + b.get("description", ""))
        context = {"context": {"from": PHONE, "id": sent.id}}
        if sent.kind == "template":
            return self.sends("button", {"payload": button["id"], "text": button["title"]}, **context)
        kind = "list_reply" if sent.payload["interactive"]["type"] == "list" else "button_reply"
        return self.sends("interactive", {"type": kind, kind: button}, **context)

    def sends_picture(self, content: bytes, caption: str = "") -> dict[str, Any]:
        id = self.graph.hold("image/jpeg", content)
        mark = hashlib.sha256(content).hexdigest()
        image = {"id": id, "mime_type": "image/jpeg", "sha256": mark} | ({"caption": caption} if caption else {})
        return self.sends("image", image)

    def reads(self) -> list[str]:
        return [each.text for each in self.graph.to(self.number)]
