"""A Bot API server of our own, spoken to over HTTP: it keeps chats, refuses what Telegram refuses, and can fail.

It follows https://core.telegram.org/bots/api where a bot can see it: method names without case, the offset that
acknowledges, one getUpdates at a time, none beside a webhook, limits of length and of pace, and the words of errors.
"""

import asyncio
import itertools
import json
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.peers.mail import until
from tests.peers.ports import free_port

BOT = {"id": 700100200, "is_bot": True, "first_name": "Hotline", "username": "hotline_essai_bot"}
TOKEN = f"{BOT['id']}:AAE5essai-essai-essai-essai-essai-essai"
SECRET = "un_secret_de_webhook_assez_long_pour_servir"
SERVER_LIMIT = 20_000_000  # bytes that getFile gives at most
JSON_FIELDS = ("reply_markup", "entities", "commands", "allowed_updates", "reply_parameters", "link_preview_options")


@dataclass
class Fault:
    """What goes wrong with the next calls of a method: a status, or a line that breaks before or after the work."""

    method: str  # « * » is any
    status: int = 0
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    breaks: str = ""  # before | after | hangs
    times: int = 1
    skip: int = 0  # calls that still go well


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, description: str, **parameters: Any):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def answer(self) -> JSONResponse:
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return JSONResponse(body, self.code)


@dataclass
class Sent:
    """One message of the bot, as the phone shows it."""

    message_id: int
    chat: int
    text: str
    at: float
    buttons: list[dict[str, str]] = field(default_factory=list)
    reply_to: int | None = None
    topic: int | None = None
    filename: str = ""
    content: bytes = b""
    fields: dict[str, Any] = field(default_factory=dict)


class Telegram:
    """The server, and the phones of those who write."""

    def __init__(self, clock: Callable[[], float] = time.time):
        self.clock = clock
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = TOKEN
        self.lock = threading.RLock()
        self.updates: list[dict[str, Any]] = []
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answered: list[dict[str, Any]] = []  # callback queries
        self.commands: list[dict[str, str]] = []
        self.allowed: list[str] | None = None
        self.webhook: dict[str, Any] = {}
        self.pushed: list[int] = []  # statuses that our webhook gave
        self.faults: list[Fault] = []
        self.chats: dict[int, dict[str, Any]] = {}
        self.blocked: dict[int, str] = {}
        self.migrated: dict[int, int] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.queries: dict[str, dict[str, Any]] = {}
        self.strict = False  # refuse what goes faster than Telegram allows
        self.flood: list[str] = []
        self.polls = 0
        self._sent_at: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=40))
        self._all_at: deque[float] = deque(maxlen=40)
        self._update_ids = itertools.count(861_000_001)
        self._message_ids = itertools.count(1)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------ up and down
    def start(self) -> None:
        app = Starlette(
            routes=[
                Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._file, methods=["GET"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="critical", access_log=False, lifespan="off",
            timeout_graceful_shutdown=1, timeout_keep_alive=300,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server is not None and self._server.started, what="for the Bot API server")

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join(10)
        self._server = None

    def lines(self) -> int:
        """How many connections to it are open."""
        return len(self._server.server_state.connections) if self._server else 0

    @property
    def settings(self) -> dict[str, str]:
        return {"HOTLINE_TELEGRAM_TOKEN": TOKEN, "HOTLINE_TELEGRAM_API": self.url}

    # ------------------------------------------------------------ phones
    def person(self, id: int, name: str = "Awa") -> "Phone":
        chat = {"id": id, "type": "private", "first_name": name}
        self.chats[id] = chat
        return Phone(self, chat, {"id": id, "is_bot": False, "first_name": name, "language_code": "fr"})

    def group(self, id: int, title: str = "Conseil de Bellevue", kind: str = "supergroup") -> dict[str, Any]:
        self.chats[id] = {"id": id, "type": kind, "title": title}
        return self.chats[id]

    def hold_file(self, content: bytes, name: str = "") -> str:
        file_id = f"BQACAgQAAxkBAAI{len(self.files):04d}"
        self.files[file_id] = (name or f"documents/file_{len(self.files)}", content)
        return file_id

    def push(self, kind: str, content: Mapping[str, Any]) -> int:
        """An update comes to be; its id."""
        with self.lock:
            update_id = next(self._update_ids)
            self.updates.append({"update_id": update_id, kind: dict(content)})
        return update_id

    def push_raw(self, update: Mapping[str, Any]) -> None:
        with self.lock:
            self.updates.append(dict(update))

    def next_message(self) -> int:
        return next(self._message_ids)

    def waiting(self) -> int:
        with self.lock:
            return len(self.updates)

    def to(self, chat: int) -> list[Sent]:
        with self.lock:
            return [each for each in self.sent if each.chat == chat]

    def called(self, method: str) -> list[dict[str, Any]]:
        with self.lock:
            return [fields for name, fields in self.calls if name == method.lower()]

    # ------------------------------------------------------------ the webhook's other end
    def bring(self, client_post: Callable[[str, bytes, dict[str, str]], int], tries: int = 3) -> None:
        """Bring every waiting update to the webhook, in order, each until it is taken (2xx)."""
        while self.waiting():
            with self.lock:
                update = self.updates[0]
            for _ in range(tries):
                headers = {"content-type": "application/json"}
                if self.webhook.get("secret_token"):
                    headers["X-Telegram-Bot-Api-Secret-Token"] = self.webhook["secret_token"]
                status = client_post(self.webhook["url"], json.dumps(update).encode(), headers)
                self.pushed.append(status)
                if 200 <= status < 300:
                    with self.lock:
                        self.updates.remove(update)
                    break
            else:
                raise AssertionError(f"the webhook refuses: {self.pushed[-tries:]}")

    # ------------------------------------------------------------ the API
    async def _call(self, request: Request) -> Response:
        method = request.path_params["method"].lower()
        try:
            if request.path_params["token"] != self.token:
                raise Refused(401, "Unauthorized")
            work = getattr(self, f"_do_{method}", None)
            if work is None:
                raise Refused(404, "Not Found: method not found")
            fields = await self._fields(request)
            with self.lock:
                self.calls.append((method, fields))
            fault = self._fault(method)
            if fault and fault.breaks == "hangs":
                await asyncio.sleep(30)
            if fault and fault.breaks == "before":
                return _broken()
            if fault and fault.status:
                if fault.status >= 500:
                    return Response("<html>Bad Gateway</html>", fault.status, media_type="text/html")
                raise Refused(fault.status, fault.description, **fault.parameters)
            result = work(fields)
            if asyncio.iscoroutine(result):
                result = await result
            if fault and fault.breaks == "after":
                return _broken()
            return JSONResponse({"ok": True, "result": result})
        except Refused as refused:
            return refused.answer()

    async def _fields(self, request: Request) -> dict[str, Any]:
        if request.headers.get("content-type", "").startswith("application/json"):
            return dict(await request.json())
        fields: dict[str, Any] = dict(request.query_params)
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    fields[name] = (value.filename or "", await value.read())
                else:
                    fields[name] = json.loads(value) if name in JSON_FIELDS else value
        return fields

    def _fault(self, method: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.method.lower() in (method, "*"):
                    if fault.skip:
                        fault.skip -= 1
                        return None
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    async def _file(self, request: Request) -> Response:
        if request.path_params["token"] != self.token:
            return Refused(401, "Unauthorized").answer()
        fault = self._fault("file")
        if fault:
            return Response("", fault.status or 502)
        for path, content in self.files.values():
            if path == request.path_params["path"]:
                return Response(content, media_type="application/octet-stream")
        return Refused(404, "Not Found").answer()

    def _do_getme(self, fields: Mapping[str, Any]) -> Any:
        more = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return BOT | more | {"can_connect_to_business": False, "has_main_web_app": False}

    async def _do_getupdates(self, fields: Mapping[str, Any]) -> Any:
        if self.webhook.get("url"):
            words = "Conflict: can't use getUpdates method while webhook is active"
            raise Refused(409, f"{words}; use deleteWebhook to delete the webhook first")
        if "allowed_updates" in fields:
            self.allowed = fields["allowed_updates"]
        with self.lock:
            self.polls += 1
            mine = self.polls
            offset = int(fields.get("offset", 0))
            self.updates = [each for each in self.updates if each["update_id"] >= offset]
        end = time.monotonic() + float(fields.get("timeout", 0))
        while True:
            with self.lock:
                if self.polls != mine:
                    words = "Conflict: terminated by other getUpdates request"
                    raise Refused(409, f"{words}; make sure that only one bot instance is running")
                found = [each for each in self.updates if self._is_allowed(each)][: int(fields.get("limit", 100))]
            if found or time.monotonic() >= end:
                return found
            await asyncio.sleep(0.01)

    def _is_allowed(self, update: Mapping[str, Any]) -> bool:
        return self.allowed is None or any(name in update for name in self.allowed) or len(update) == 1

    def _chat(self, fields: Mapping[str, Any]) -> int:
        chat = int(fields["chat_id"])
        if chat in self.migrated:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, words, migrate_to_chat_id=self.migrated[chat])
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        if chat in self.blocked:
            raise Refused(403, self.blocked[chat])
        return chat

    def _keep_pace(self, chat: int) -> None:
        now = time.monotonic()
        ours, all_ = self._sent_at[chat], self._all_at
        found = ""
        if len(all_) >= 30 and now - all_[-30] < 0.9:
            found = "30 a second"
        elif ours and chat < 0 and now - ours[-1] < 0.9:
            found = "1 a second"
        elif any(len(ours) >= most and now - ours[-most] < most - 1.1 for most in (2, 3, 5, 10)):
            found = "1 a second, but for a burst of two"
        elif chat < 0 and len(ours) >= 20 and now - ours[-20] < 59.9:
            found = "20 a minute"
        if found and self.strict:
            self.flood.append(found)
            raise Refused(429, "Too Many Requests: retry after 3", retry_after=3)
        ours.append(now)
        all_.append(now)

    def _buttons(self, fields: Mapping[str, Any]) -> list[dict[str, str]]:
        rows = (fields.get("reply_markup") or {}).get("inline_keyboard", [])
        buttons = [button for row in rows for button in row]
        for button in buttons:
            if not button.get("text"):
                raise Refused(400, "Bad Request: inline keyboard button text is empty")
            if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return buttons

    def _do_sendmessage(self, fields: Mapping[str, Any]) -> Any:
        chat, text = self._chat(fields), str(fields.get("text", ""))
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            raise Refused(400, "Bad Request: message is too long")
        if fields.get("parse_mode"):
            raise Refused(400, "Bad Request: this server expects plain text")
        return self._sent_by_us(chat, text.strip(), fields)

    def _do_senddocument(self, fields: Mapping[str, Any]) -> Any:
        chat = self._chat(fields)
        held = fields.get("document")
        if isinstance(held, str) and held.startswith("attach://"):
            held = fields.get(held.removeprefix("attach://"))
        if not isinstance(held, tuple):
            raise Refused(400, "Bad Request: there is no document in the request")
        return self._sent_by_us(chat, "", fields, *held)

    def _sent_by_us(
        self, chat: int, text: str, fields: Mapping[str, Any], filename: str = "", content: bytes = b""
    ) -> dict[str, Any]:
        buttons = self._buttons(fields)
        with self.lock:
            self._keep_pace(chat)
            sent = Sent(self.next_message(), chat, text, time.monotonic(), buttons, filename=filename, content=content)
            sent.fields = dict(fields)
            replied = fields.get("reply_parameters") or {}
            sent.reply_to = replied.get("message_id")
            sent.topic = int(fields["message_thread_id"]) if fields.get("message_thread_id") else None
            self.sent.append(sent)
        return self.as_message(sent)

    def as_message(self, sent: Sent) -> dict[str, Any]:
        found: dict[str, Any] = {
            "message_id": sent.message_id, "from": BOT, "chat": self.chats[sent.chat], "date": int(self.clock()),
        }  # fmt: skip
        if sent.filename:
            found["document"] = {"file_id": "sent", "file_unique_id": "s", "file_name": sent.filename}
        else:
            found["text"] = sent.text
        if sent.buttons:
            found["reply_markup"] = {"inline_keyboard": [[button] for button in sent.buttons]}
        return found

    def _do_editmessagereplymarkup(self, fields: Mapping[str, Any]) -> Any:
        for sent in self.sent:
            if sent.chat == int(fields["chat_id"]) and sent.message_id == int(fields["message_id"]):
                buttons = self._buttons(fields)
                if buttons == sent.buttons:
                    raise Refused(400, "Bad Request: message is not modified")
                sent.buttons = buttons
                return self.as_message(sent)
        raise Refused(400, "Bad Request: message to edit not found")

    def _do_answercallbackquery(self, fields: Mapping[str, Any]) -> Any:
        with self.lock:
            if self.queries.pop(str(fields.get("callback_query_id")), None) is None:
                words = "Bad Request: query is too old and response timeout expired or query ID is invalid"
                raise Refused(400, words)
            self.answered.append(dict(fields))
        return True

    def _do_getfile(self, fields: Mapping[str, Any]) -> Any:
        held = self.files.get(str(fields.get("file_id")))
        if held is None:
            raise Refused(400, "Bad Request: invalid file_id")
        path, content = held
        if len(content) > SERVER_LIMIT:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": fields["file_id"], "file_unique_id": "u", "file_size": len(content), "file_path": path}

    def _do_setmycommands(self, fields: Mapping[str, Any]) -> Any:
        for each in fields["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", each["command"]):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(each["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands = fields["commands"]
        return True

    def _do_setwebhook(self, fields: Mapping[str, Any]) -> Any:
        secret = fields.get("secret_token", "")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = {"url": fields["url"], "secret_token": secret}
        self.allowed = fields.get("allowed_updates")
        return True

    def _do_deletewebhook(self, fields: Mapping[str, Any]) -> Any:
        self.webhook = {}
        if str(fields.get("drop_pending_updates")).lower() == "true":
            with self.lock:
                self.updates.clear()
        return True

    def _do_getwebhookinfo(self, fields: Mapping[str, Any]) -> Any:
        found = {"url": self.webhook.get("url", ""), "has_custom_certificate": False}
        return found | {"pending_update_count": self.waiting()}


def _broken() -> Response:
    """A line that breaks: fewer bytes come than were promised, and it is cut."""

    async def little() -> Any:
        yield b'{"ok":'

    return StreamingResponse(little(), headers={"content-length": "400", "content-type": "application/json"})


@dataclass
class Phone:
    """Someone's Telegram: in private, or in a group with `inside`."""

    api: Telegram
    chat: dict[str, Any]
    user: dict[str, Any]

    @property
    def id(self) -> int:
        return int(self.user["id"])

    def inside(self, group: dict[str, Any]) -> "Phone":
        return Phone(self.api, group, self.user)

    def _message(self, **fields: Any) -> dict[str, Any]:
        message = {
            "message_id": self.api.next_message(), "from": self.user, "chat": self.chat,
            "date": int(self.api.clock()),
        } | fields  # fmt: skip
        text = fields.get("text", fields.get("caption", ""))
        marks = [
            {"type": "mention" if found[0].startswith("@") else "bot_command",
             "offset": len(text[: found.start()].encode("utf-16-le")) // 2, "length": len(found[0])}
            for found in re.finditer(r"(?:^/\w+(?:@\w+)?|(?<!\w)@\w+)", text)
        ]  # fmt: skip
        if marks:
            message["entities" if "text" in fields else "caption_entities"] = marks
        return message

    def sends(self, **fields: Any) -> dict[str, Any]:
        message = self._message(**fields)
        self.api.push("message", message)
        return message

    def says(self, text: str, **more: Any) -> dict[str, Any]:
        return self.sends(text=text, **more)

    def edits(self, message: dict[str, Any], text: str) -> None:
        fresh = self._message(text=text) | {"message_id": message["message_id"], "date": message["date"]}
        self.api.push("edited_message", fresh | {"edit_date": int(self.api.clock())})

    def presses(self, label: str, sent: Sent | None = None, asked: dict[str, Any] | None = None) -> None:
        sent = sent or next(each for each in reversed(self.api.to(self.chat["id"])) if each.buttons)
        (data,) = (button["callback_data"] for button in sent.buttons if label in button["text"])
        message = self.api.as_message(sent)
        if asked:
            message["reply_to_message"] = asked
        query = {
            "id": f"4382bfdwdsb{self.api.next_message()}", "from": self.user, "message": message,
            "chat_instance": "-3316170", "data": data,
        }  # fmt: skip
        self.api.queries[query["id"]] = query
        self.api.push("callback_query", query)

    def reacts(self, emoji: str, sent: Sent | None = None) -> None:
        sent = sent or self.api.to(self.chat["id"])[-1]
        self.api.push(
            "message_reaction",
            {
                "chat": self.chat,
                "message_id": sent.message_id,
                "user": self.user,
                "date": int(self.api.clock()),
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": emoji}],
            },
        )

    def blocks(self, words: str = "Forbidden: bot was blocked by the user") -> None:
        self.api.blocked[self.chat["id"]] = words

    def reads(self) -> list[str]:
        return [each.text for each in self.api.to(self.chat["id"])]


@pytest.fixture
def telegram_api() -> Iterator[Telegram]:
    """A fresh Bot API server."""
    api = Telegram()
    api.start()
    yield api
    api.stop()


def post_to(client: httpx.Client) -> Callable[[str, bytes, dict[str, str]], int]:
    """How `Telegram.bring` reaches a webhook."""
    return lambda url, body, headers: client.post(url, content=body, headers=headers).status_code
