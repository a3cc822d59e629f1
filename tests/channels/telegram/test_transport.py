"""The way out, the webhook and the settings of Telegram, against a server that refuses, breaks and throttles."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

import channels
from channels.contract import (
    Address,
    Attachment,
    BadSetting,
    Checked,
    Inbound,
    Listener,
    Outbound,
    Receipt,
    TryAgain,
    Undeliverable,
    Unsure,
    Webhook,
)
from channels.telegram import open_channel
from channels.telegram.channel import TelegramChannel, WebhookTelegram
from channels.telegram.pace import Pace
from channels.telegram.settings import read_settings
from channels.telegram.update import ALLOWED
from tests.channels.telegram.conftest import channel_at
from tests.peers.mail import until
from tests.peers.ports import free_port
from tests.peers.telegram import SECRET, TOKEN, Fault, Telegram, post_to

T = TypeVar("T")
CHAT = 5550142
FLOOD = {"retry_after": 7}


def run(channel: TelegramChannel, work: Callable[[], Coroutine[Any, Any, T]], seconds: float = 60) -> T:
    async def and_hang_up() -> T:
        try:
            return await asyncio.wait_for(work(), seconds)
        finally:
            await channel.close()

    return asyncio.run(and_hang_up())


def outbound(text: str = "Jeudi à 18 h.", handle: str = str(CHAT), **fields: Any) -> Outbound:
    return Outbound(Address("telegram", handle), "answer", {}, text, **fields)


@pytest.fixture
def api(telegram_api: Telegram) -> Telegram:
    telegram_api.person(CHAT)
    return telegram_api


@pytest.mark.parametrize(
    ("fault", "error", "scope", "after", "says"),
    [
        (Fault("sendMessage", 429, "Too Many Requests: retry after 7", FLOOD), TryAgain, "channel", 7, "429"),
        (Fault("sendMessage", 401, "Unauthorized"), TryAgain, "channel", 300, "HOTLINE_TELEGRAM_TOKEN"),
        (Fault("sendMessage", 404, "Not Found"), TryAgain, "channel", 300, "HOTLINE_TELEGRAM_TOKEN"),
        (Fault("sendMessage", 500), TryAgain, "message", None, "500"),
        (Fault("sendMessage", 502), TryAgain, "message", None, "502"),
        (Fault("sendMessage", 503), TryAgain, "message", None, "503"),
        (Fault("sendMessage", 504), Unsure, "", None, "504"),
        (Fault("sendMessage", breaks="before"), Unsure, "", None, "coupée"),
        (Fault("sendMessage", breaks="after"), Unsure, "", None, "coupée"),
        (Fault("sendMessage", 403, "Forbidden: bot was blocked by the user"), Undeliverable, "", None, "bloqué"),
        (Fault("sendMessage", 403, "Forbidden: user is deactivated"), Undeliverable, "", None, "supprimé"),
        (Fault("sendMessage", 400, "Bad Request: chat not found"), Undeliverable, "", None, "n'existe plus"),
        (Fault("sendMessage", 400, "Bad Request: TOPIC_CLOSED"), Undeliverable, "", None, "Topic_closed"),
        (Fault("sendMessage", 413, "Request Entity Too Large"), Undeliverable, "", None, "volumineux"),
    ],
    ids=lambda value: f"{value.status or value.breaks} {value.description}" if isinstance(value, Fault) else "",
)
def test_what_happened_is_named_in_the_contracts_words(
    api: Telegram, fault: Fault, error: type[Exception], scope: str, after: float | None, says: str
) -> None:
    api.faults = [fault]
    channel = channel_at(api)
    with pytest.raises(error, match=says) as caught:
        run(channel, lambda: channel.send(outbound(), "k"))
    if isinstance(caught.value, TryAgain):
        assert (caught.value.scope, caught.value.after) == (scope, after)
    assert TOKEN not in str(caught.value)
    assert str(CHAT) not in str(caught.value)


def test_a_server_that_cannot_be_reached_has_not_taken_it() -> None:
    settings = read_settings(
        {"HOTLINE_TELEGRAM_TOKEN": TOKEN, "HOTLINE_TELEGRAM_API": f"http://127.0.0.1:{free_port()}"}
    )
    assert settings is not None
    channel = TelegramChannel(settings)
    with pytest.raises(TryAgain, match="ne peut pas être joint") as caught:
        run(channel, lambda: channel.send(outbound(), "k"))
    assert caught.value.scope == "channel"


def test_a_server_that_takes_too_long_may_have_it(api: Telegram) -> None:
    api.faults = [Fault("sendMessage", breaks="hangs")]
    channel = channel_at(api)

    async def send() -> None:
        channel.line()._requests[1]._client.timeout = httpx.Timeout(0.3)
        await channel.send(outbound(), "k")

    with pytest.raises(Unsure, match="à temps"):
        run(channel, send)


def test_a_pause_that_telegram_asked_for_holds_every_chat(api: Telegram) -> None:
    api.person(77)
    api.faults = [Fault("sendMessage", 429, "Too Many Requests: retry after 7", FLOOD)]
    channel = channel_at(api)

    async def two() -> None:
        with pytest.raises(TryAgain):
            await channel.send(outbound(), "a")
        with pytest.raises(TryAgain) as second:
            await channel.send(outbound(handle="77"), "b")
        assert second.value.scope == "channel"
        assert 6 < (second.value.after or 0) <= 7

    run(channel, two)
    assert len(api.called("sendMessage")) == 1, "not even asked"


def test_a_group_that_had_too_much_holds_nobody_else(api: Telegram) -> None:
    api.group(-1009)
    api.faults = [Fault("sendMessage", 429, "Too Many Requests: retry after 7", FLOOD)]
    channel = channel_at(api)

    async def two() -> None:
        with pytest.raises(TryAgain) as first:
            await channel.send(outbound(handle="-1009/5"), "a")
        assert (first.value.scope, first.value.after) == ("message", 7)
        await channel.send(outbound(), "b")

    run(channel, two)


def test_telegrams_limits_are_kept_and_the_outbox_waits_rather_than_the_sender(api: Telegram) -> None:
    """Thirty-eight messages to thirty-five chats as fast as they go: a strict server says nothing."""
    api.strict = True
    for chat in range(1, 36):
        api.person(chat)
    api.group(-1009)
    channel = channel_at(api, pace=Pace())

    async def all_of_them() -> list[float]:
        waits: list[float] = []

        async def one(handle: str, key: str) -> None:
            for _ in range(40):
                began = time.monotonic()
                try:
                    await channel.send(outbound(handle=handle), key)
                except TryAgain as later:
                    waits.append(time.monotonic() - began)
                    await asyncio.sleep(later.after or 0)
                else:
                    return

        handles = [str(chat) for chat in range(1, 36)] + ["1", "1", "2"]
        await asyncio.gather(*(one(handle, f"k{n}") for n, handle in enumerate(handles)))
        return waits

    waits = run(channel, all_of_them)
    assert api.flood == []
    assert len(api.sent) == 38
    assert all(wait < 0.5 for wait in waits), "a sender is given back, not held"


def test_a_file_too_large_for_telegram_leaves_the_words_where_they_are(api: Telegram) -> None:
    channel = channel_at(api)
    api.faults = [Fault("sendDocument", 413, "Request Entity Too Large")]
    plan = Attachment("plan.pdf", "application/pdf", b"%PDF-")
    with pytest.raises(Undeliverable) as heavy:
        run(channel, lambda: channel.send(outbound(attachments=(plan,)), "k"))
    assert heavy.value.heavy
    assert heavy.value.said == str(api.sent[-1].message_id)


def test_a_long_text_goes_in_pieces_with_the_buttons_under_the_last_and_files_after(api: Telegram) -> None:
    channel = channel_at(api)
    file = Attachment("Préparer le COPIL.pdf", "application/pdf", b"%PDF-1.7 essai")
    message = outbound("Bonjour. " * 900, choices=("Le premier choix", "Le second"), attachments=(file,))
    ids = run(channel, lambda: channel.send(message, "k")).split()
    first, second, document = api.sent
    assert ids == [str(each.message_id) for each in api.sent]
    assert not first.buttons
    assert [button["callback_data"] for button in second.buttons] == ["1", "2"]
    assert (document.filename, document.content) == ("Préparer le COPIL.pdf", b"%PDF-1.7 essai")


def test_buttons_of_one_word_say_that_word(api: Telegram) -> None:
    channel = channel_at(api)
    run(channel, lambda: channel.send(outbound(choices=("OUI", "NON")), "k"))
    assert api.sent[0].buttons == [{"text": "OUI", "callback_data": "OUI"}, {"text": "NON", "callback_data": "NON"}]


def test_a_group_that_moved_is_followed(api: Telegram) -> None:
    api.group(-55, kind="group")
    api.group(-1009)
    api.migrated[-55] = -1009
    channel = channel_at(api)
    run(channel, lambda: channel.send(outbound(handle="-55/5"), "k"))
    assert [sent.chat for sent in api.sent] == [-1009]


@pytest.mark.parametrize(("handle", "text"), [("awa", "bonjour"), ("", "bonjour"), (str(CHAT), "  ")])
def test_what_cannot_be_sent_at_all_is_said_at_once(api: Telegram, handle: str, text: str) -> None:
    channel = channel_at(api)
    with pytest.raises(Undeliverable):
        run(channel, lambda: channel.send(outbound(text, handle), "k"))


def test_check_says_the_bots_name_or_what_is_wrong(api: Telegram) -> None:
    channel = channel_at(api)
    assert "@hotline_essai_bot (Hotline) répond" in asyncio.run(channel.check())
    api.token = "another"
    with pytest.raises(TryAgain, match="BotFather"):
        asyncio.run(channel.check())


def listening(channel: TelegramChannel, enough: Callable[[list[Inbound]], bool]) -> list[Inbound]:
    heard: list[Inbound] = []

    async def deliver(message: Inbound | Receipt) -> bool:
        assert isinstance(message, Inbound)
        heard.append(message)
        return True

    async def listen() -> None:
        task = asyncio.create_task(channel.listen(deliver))
        while not enough(heard):
            await asyncio.sleep(0.01)
            assert not task.done(), "a listener never ends"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(channel, listen, 30)
    return heard


@pytest.mark.parametrize(
    "fault",
    [
        Fault("getUpdates", 502, times=3),
        Fault("getUpdates", breaks="before", times=2),
        Fault("getUpdates", breaks="after", times=2),
        Fault("getUpdates", 429, "Too Many Requests: retry after 1", {"retry_after": 1}),
        Fault("getMe", 500, times=2),
        Fault("deleteWebhook", 502),
        Fault("setMyCommands", 400, "Bad Request: BOT_COMMAND_INVALID"),
    ],
    ids=lambda fault: f"{fault.method} {fault.status or fault.breaks}",
)
def test_the_listener_survives(api: Telegram, fault: Fault) -> None:
    api.faults = [fault]
    api.person(CHAT).says("bonjour")
    heard = listening(channel_at(api), lambda heard: bool(heard) and not api.waiting())
    assert {message.text for message in heard} == {"bonjour"}


def test_the_listener_survives_a_server_that_goes_away_and_comes_back(api: Telegram) -> None:
    api.stop()
    api.person(CHAT).says("bonjour")
    channel = channel_at(api)
    started = time.monotonic()

    def enough(heard: list[Inbound]) -> bool:
        if api._server is None and time.monotonic() - started > 0.5:
            api.start()
        return bool(heard)

    assert [message.text for message in listening(channel, enough)] == ["bonjour"]


def test_a_webhook_left_behind_is_taken_away_and_nothing_dropped(api: Telegram) -> None:
    api.webhook = {"url": "https://ailleurs.example/hook", "secret_token": ""}
    api.person(CHAT).says("bonjour")
    heard = listening(channel_at(api), lambda heard: bool(heard))
    assert [message.text for message in heard] == ["bonjour"]
    assert api.allowed == list(ALLOWED)


# --- the webhook ------------------------------------------------------------------------------------------------------


def hooked(api: Telegram, **changed: str) -> WebhookTelegram:
    more = {"HOTLINE_TELEGRAM_WEBHOOK_SECRET": SECRET, "HOTLINE_PUBLIC_URL": "http://testserver"}
    opened = open_channel(api.settings | more | changed)
    assert opened is not None
    assert isinstance(opened.channel, WebhookTelegram)
    return opened.channel


class Ears:
    """Keeps what is delivered; refuses as often as it is told to."""

    def __init__(self, refusals: int = 0):
        self.heard: list[Inbound] = []
        self.refusals = refusals

    async def __call__(self, message: Inbound | Receipt) -> bool:
        assert isinstance(message, Inbound)
        if self.refusals:
            self.refusals -= 1
            raise OSError("disk full")
        self.heard.append(message)
        return True


@contextlib.contextmanager
def served(channel: WebhookTelegram, ears: Ears) -> Iterator[str]:
    """Our own web server with the channel's route; its address."""
    port = free_port()
    app = Starlette(routes=channel.routes(ears))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))

    async def serve() -> None:
        await server.serve()
        await channel.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def test_telegram_is_told_where_to_write_and_then_brings_what_is_written(api: Telegram) -> None:
    channel = hooked(api)
    listening(channel, lambda _heard: bool(api.webhook and api.commands))
    assert api.webhook == {"url": "http://testserver/telegram", "secret_token": SECRET}
    assert api.allowed == list(ALLOWED)
    awa = api.person(CHAT)
    for text in ("un", "deux", "trois"):
        awa.says(text)
    ears = Ears(refusals=1)
    with served(channel, ears) as url, httpx.Client() as telegram:
        api.webhook["url"] = f"{url}/telegram"
        api.bring(post_to(telegram))
    assert api.pushed == [503, 200, 200, 200], "what is not safe is not acknowledged"
    assert [message.text for message in ears.heard] == ["un", "deux", "trois"]


def test_only_telegram_is_heard_and_only_updates(api: Telegram) -> None:
    ears = Ears()
    update = b'{"update_id": 1, "message": {}}'
    with served(hooked(api), ears) as url, httpx.Client() as client:

        def post(body: bytes, secret: str | None = SECRET) -> int:
            headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret.encode()}
            return client.post(f"{url}/telegram", content=body, headers=headers).status_code  # type: ignore[arg-type]

        for secret in (None, "", "faux", SECRET[:-1], SECRET + "x", "é" * 40):
            assert post(update, secret) == 403, secret
        for body in (b"", b"[]", b"{}", b'"x"', b"{" * 5000, b'{"update_id": "x"}', b"\xff\xfe", b"1" * 2_000_000):
            assert post(body) == 400, body[:20]
        assert post(b'{"update_id": 4, "chat_boost": {"a": 1}}') == 200, "another kind is acknowledged"
        assert client.get(f"{url}/telegram").status_code == 405
    assert ears.heard == []


# --- the settings -----------------------------------------------------------------------------------------------------


def test_without_a_token_telegram_is_off() -> None:
    assert open_channel({}) is None
    assert "telegram" in channels.FOLDERS


def test_polling_listens_and_a_webhook_is_written_to(api: Telegram) -> None:
    polling = open_channel(api.settings)
    assert polling is not None
    assert isinstance(polling.channel, Listener)
    assert isinstance(polling.channel, Checked)
    assert not isinstance(polling.channel, Webhook)
    assert not polling.idempotent
    assert isinstance(hooked(api), Webhook)


GOOD = {
    "HOTLINE_TELEGRAM_TOKEN": TOKEN,
    "HOTLINE_TELEGRAM_WEBHOOK_SECRET": SECRET,
    "HOTLINE_PUBLIC_URL": "https://hotline.example",
}


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({"HOTLINE_TELEGRAM_TOKEN": "hello"}, "HOTLINE_TELEGRAM_TOKEN"),
        ({"HOTLINE_TELEGRAM_TOKEN": ""}, "HOTLINE_TELEGRAM_TOKEN"),
        ({"HOTLINE_TELEGRAM_API": "api.telegram.org"}, "HOTLINE_TELEGRAM_API"),
        ({"HOTLINE_TELEGRAM_WEBHOOK_SECRET": ""}, "HOTLINE_TELEGRAM_WEBHOOK_SECRET"),
        ({"HOTLINE_TELEGRAM_WEBHOOK_SECRET": "a" * 31}, "HOTLINE_TELEGRAM_WEBHOOK_SECRET"),
        ({"HOTLINE_TELEGRAM_WEBHOOK_SECRET": "é" * 40}, "HOTLINE_TELEGRAM_WEBHOOK_SECRET"),
        ({"HOTLINE_PUBLIC_URL": ""}, "HOTLINE_PUBLIC_URL"),
        ({"HOTLINE_PUBLIC_URL": "http://hotline.example"}, "HOTLINE_PUBLIC_URL"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_no_secret_repeated(changed: dict[str, str], variable: str) -> None:
    with pytest.raises(BadSetting) as caught:
        open_channel(GOOD | changed)
    assert caught.value.variable == variable
    assert TOKEN not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_no_secret_shows_in_the_settings_words() -> None:
    settings = read_settings(GOOD)
    assert settings is not None
    assert TOKEN not in repr(settings)
    assert SECRET not in repr(settings)
    assert settings.api == "https://api.telegram.org"
