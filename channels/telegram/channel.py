"""The Telegram channel at work: it listens by long polling or a webhook, sends within Telegram's limits, and checks."""

import asyncio
import hmac
import json
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar, cast

import structlog
from starlette.requests import Request as WebRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram.error import ChatMigrated, Conflict, InvalidToken, TelegramError

from channels.contract import Attachment, Deliver, Outbound, TryAgain, Undeliverable

from .intake import Intake
from .line import Line, Throttled, meaning, said
from .pace import PATIENCE, Pace
from .pieces import pieces
from .settings import WEBHOOK_PATH, TelegramSettings
from .update import ALLOWED, Me, place_of

log = structlog.get_logger(__name__)
POLL_SECONDS = 50.0  # that Telegram holds our question for news open
BATCH = 100
PAUSES = (1.0, 60.0)  # seconds before asking again, ever longer
LOOK_SECONDS = 600.0  # between two looks at whether the webhook is still ours
LARGEST_UPDATE = 1_000_000  # bytes
REMEMBERED = 2000
LABEL = 60  # characters of a button
MENU = (
    ("aide", "Ce que je peux faire pour vous"),
    ("copil", "Les prochaines réunions"),
    ("contacts", "À qui s'adresser"),
    ("humain", "Parler à une personne de l'équipe"),
    ("mesdonnees", "Vos données : les voir, les faire effacer"),
    ("stop", "Ne plus rien recevoir de moi"),
)
K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """A dict that forgets its oldest entries."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > REMEMBERED:
            self.popitem(last=False)


class TelegramChannel:
    """Our one bot. `poll`: seconds that a question for news stays open; `first_pause`: after a first failure."""

    name = "telegram"

    def __init__(
        self,
        settings: TelegramSettings,
        *,
        poll: float = POLL_SECONDS,
        first_pause: float = PAUSES[0],
        pace: Pace | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.settings = settings
        self._poll, self._first_pause = poll, first_pause
        self._intake = Intake(settings.files, now)
        self._pace = pace or Pace()
        self._me: Me | None = None
        self._line: Line | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sent: Recent[str, list[int]] = Recent()  # key -> what of a message in pieces went out already
        self._last: Recent[int, int] = Recent()  # chat -> our newest message in it

    # ------------------------------------------------------------ the line
    def line(self) -> Line:
        """The line of this event loop."""
        loop = asyncio.get_running_loop()
        if self._line is None or self._loop is not loop:
            self._line, self._loop = Line(self.settings), loop
        return self._line

    async def close(self) -> None:
        """Answer the last buttons and hang up."""
        await self._intake.close()
        if self._line is not None and self._loop is asyncio.get_running_loop():
            await self._line.close()
        self._line = None

    async def _know_me(self) -> Me:
        if self._me is None:
            user = await self.line().bot.get_me()
            self._me = Me(user.id, user.username or "")
        return self._me

    # ------------------------------------------------------------ in
    async def listen(self, deliver: Deliver) -> None:
        """Ask for news for ever; the offset is raised only past what is safe (R1)."""
        pause = self._first_pause
        offset: int | None = None
        opened = False
        while True:
            try:
                if not opened:
                    await self._open()
                    opened = True
                me = await self._know_me()
                batch = await self._updates(offset)
                if not batch:
                    # all is acknowledged; after a week of silence Telegram may count from a lower number
                    offset, pause = None, self._first_pause
                    continue
                offset, safe = await self._intake.take_all(batch, me, self.line(), deliver, self._last)
                if safe:
                    pause = self._first_pause
                    continue
            except TelegramError as error:
                pause = max(pause, _wait_for(error))
                _tell(error)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(max(pause, self._first_pause) * 2, PAUSES[1])

    async def _open(self) -> None:
        """Polling and a webhook exclude each other; nothing that waits at Telegram is dropped."""
        await self.line().bot.delete_webhook(drop_pending_updates=False)
        await self._offer_menu()

    async def _offer_menu(self) -> None:
        try:
            await self.line().bot.set_my_commands([BotCommand(word, says) for word, says in MENU])
        except TelegramError as error:  # people can still type the words
            log.warning("telegram.menu", problem=said(error))

    async def _updates(self, offset: int | None) -> list[dict[str, Any]]:
        """The raw updates: PTB's get_updates would refuse a hundred of them for one that it cannot read.

        Method names are case-insensitive (Bot API, « Making requests »); in this spelling PTB leaves the answer alone.
        """
        asked: dict[str, Any] = {"timeout": int(self._poll), "limit": BATCH, "allowed_updates": list(ALLOWED)}
        if offset is not None:
            asked["offset"] = offset
        found = await self.line().bot.do_api_request("getupdates", api_kwargs=asked, read_timeout=self._poll + 10)
        return cast(list[dict[str, Any]], found)

    # ------------------------------------------------------------ out
    async def send(self, message: Outbound, key: str) -> str:
        """Say it in as many messages as it takes; their numbers, joined by spaces.

        What of it went out is remembered by its key, so that a later try goes on where the last one ended.
        """
        try:
            chat = place_of(message.recipient.handle)
        except ValueError:
            raise Undeliverable("ce n'est pas une conversation Telegram") from None
        parts: list[str | Attachment] = [*pieces(message.text), *message.attachments]
        if not parts:
            raise Undeliverable("le message est vide")
        texts = len(parts) - len(message.attachments)
        done = self._sent.get(key, [])
        while len(done) < len(parts):
            buttons = _buttons(message.choices) if len(done) == texts - 1 else None
            reply = _reply(message.thread) if not done else _topic(message.thread)
            try:
                done.append(await self._say(chat, parts[len(done)], buttons, reply))
            except Undeliverable as error:
                if error.heavy and len(done) >= texts:  # the words are there, only a file is not
                    error.said = " ".join(map(str, done))
                raise
            self._sent[key] = done
        del self._sent[key]
        self._last[chat] = done[texts - 1] if message.choices and texts else done[-1]
        return " ".join(map(str, done))

    async def _say(
        self, chat: int, part: str | Attachment, buttons: InlineKeyboardMarkup | None, where: Mapping[str, Any]
    ) -> int:
        await self._my_turn(chat)
        try:
            try:
                said_as = await self._hand_over(chat, part, buttons, where)
            except ChatMigrated as moved:  # a group became a supergroup: it answers at another number
                said_as = await self._hand_over(moved.new_chat_id, part, buttons, {})
        except TelegramError as error:
            self._refused(error, chat)
        return said_as

    def _refused(self, error: TelegramError, chat: int) -> NoReturn:
        if isinstance(error, Throttled) and chat > 0:
            self._pace.rest(error.seconds, time.monotonic())
        if isinstance(error, InvalidToken):
            log.error("telegram.token", problem=str(meaning(error)))
        raise meaning(error, group=chat < 0) from error

    async def _my_turn(self, chat: int) -> None:
        """Wait for a turn that comes within a second; TryAgain for one that comes later."""
        now = time.monotonic()
        if rest := self._pace.resting(now):
            raise TryAgain("Telegram a demandé une pause", after=rest, scope="channel")
        wait = self._pace.reserve(chat, now)
        if wait > PATIENCE:
            raise TryAgain("cadence de Telegram : pas plus de messages pour l'instant", after=wait)
        if wait > 0:
            await asyncio.sleep(wait)

    async def _hand_over(
        self, chat: int, part: str | Attachment, buttons: InlineKeyboardMarkup | None, where: Mapping[str, Any]
    ) -> int:
        bot = self.line().bot
        if isinstance(part, Attachment):
            file = InputFile(part.content, filename=part.filename)
            sent = await bot.send_document(chat, file, reply_markup=buttons, **where)
        else:  # no parse mode: whatever stands in the text is text
            no_preview = LinkPreviewOptions(is_disabled=True)
            sent = await bot.send_message(chat, part, reply_markup=buttons, link_preview_options=no_preview, **where)
        return sent.message_id

    # ------------------------------------------------------------ check
    async def check(self) -> str:
        """The bot's name and how news comes in, or TryAgain with what went wrong, in French."""
        line = Line(self.settings)
        try:
            me = await line.bot.get_me()
            hook = await line.bot.get_webhook_info()
        except TelegramError as error:
            raise TryAgain(str(meaning(error)), scope="channel") from error
        finally:
            await line.close()
        lines = [f"Telegram : @{me.username} ({me.first_name}) répond, {hook.pending_update_count} à prendre."]
        lines.append(self._way_in(hook.url or ""))
        if hook.last_error_message and self.settings.webhook_url:
            lines.append(
                f"Attention, dernier échec de Telegram chez nous : {said(Exception(hook.last_error_message))}."
            )
        return " ".join(lines)

    def _way_in(self, hook: str) -> str:
        if hook:
            return "Attention : un webhook est réglé pour ce robot ; `hotline run` l'enlèvera pour l'interroger."
        return "Réception : j'interroge Telegram."


class WebhookTelegram(TelegramChannel):
    """The same bot, to which Telegram writes itself: HOTLINE_TELEGRAM_WEBHOOK_SECRET says that it is Telegram."""

    def routes(self, deliver: Deliver) -> Sequence[Route]:
        async def hear(request: WebRequest) -> Response:
            given = request.headers.get("x-telegram-bot-api-secret-token", "")
            if not hmac.compare_digest(given.encode(), self.settings.secret.encode()):
                return PlainTextResponse("secret", 403)
            try:
                raw = json.loads(await _body(request))
                int(raw["update_id"])
            except (ValueError, KeyError, TypeError, RecursionError):
                return PlainTextResponse("ce n'est pas une nouvelle de Telegram", 400)
            try:
                await self._intake.take(raw, await self._know_me(), self.line(), deliver, self._last)
            except Exception as error:  # not safe yet: Telegram will bring it again
                log.error("telegram.webhook", update=raw["update_id"], error=said(error))
                return PlainTextResponse("plus tard", 503)
            return Response(status_code=200)

        return [Route(WEBHOOK_PATH, hear, methods=["POST"])]

    async def listen(self, deliver: Deliver) -> None:
        """Tell Telegram where to write, and see to it that this stays so."""
        pause = self._first_pause
        opened = False
        while True:
            try:
                if not opened:
                    await self._set_webhook()
                    await self._offer_menu()
                    opened = True
                hook = await self.line().bot.get_webhook_info()
                if hook.url != self.settings.webhook_url:
                    log.warning("telegram.webhook", problem="le webhook a été changé ailleurs : je le remets")
                    await self._set_webhook()
                pause = self._first_pause
                await asyncio.sleep(LOOK_SECONDS)
            except TelegramError as error:
                _tell(error)
                await asyncio.sleep(max(pause, _wait_for(error)))
                pause = min(pause * 2, PAUSES[1])

    async def _set_webhook(self) -> None:
        await self.line().bot.set_webhook(
            self.settings.webhook_url,
            secret_token=self.settings.secret,
            allowed_updates=list(ALLOWED),
            drop_pending_updates=False,
        )

    def _way_in(self, hook: str) -> str:
        if hook != self.settings.webhook_url:
            return "Le webhook n'est pas encore réglé : `hotline run` le fait."
        return f"Réception : Telegram écrit à {self.settings.webhook_url}."


async def _body(request: WebRequest) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_UPDATE:
            raise ValueError("too long")
    return body


def _buttons(choices: Sequence[str]) -> InlineKeyboardMarkup | None:
    """One button a row: it answers with its number, or with itself where each choice is one word (OUI, NON)."""
    if not choices:
        return None
    if all(len(choice.split()) == 1 and len(choice.encode()) <= 64 for choice in choices):
        return InlineKeyboardMarkup([[InlineKeyboardButton(choice, callback_data=choice) for choice in choices]])
    rows = []
    for number, choice in enumerate(choices, 1):
        label = f"{number}. {choice}"
        label = label if len(label) <= LABEL else label[: LABEL - 1].rstrip() + "…"
        rows.append([InlineKeyboardButton(label, callback_data=str(number))])
    return InlineKeyboardMarkup(rows)


def _reply(thread: str) -> dict[str, Any]:
    """Under the message of a group that it answers, which may be gone by now."""
    number = thread.partition("/")[0]
    if not number.isdigit():
        return {}
    return {"reply_parameters": ReplyParameters(int(number), allow_sending_without_reply=True), **_topic(thread)}


def _topic(thread: str) -> dict[str, Any]:
    topic = thread.partition("/")[2]
    return {"message_thread_id": int(topic)} if topic.isdigit() else {}


def _wait_for(error: TelegramError) -> float:
    """Seconds to leave Telegram alone at least."""
    if isinstance(error, Throttled):
        return error.seconds
    return 30.0 if isinstance(error, InvalidToken | Conflict) else 0.0


def _tell(error: TelegramError) -> None:
    if isinstance(error, Conflict):
        log.error("telegram.conflict", problem=f"un autre programme écoute ce robot ({said(error)})")
    elif isinstance(error, InvalidToken):
        log.error("telegram.token", problem=str(meaning(error)))
    else:
        log.warning("telegram.line", problem=str(meaning(error)))
