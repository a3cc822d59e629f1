"""Every case through every channel's real intake and the desk, on both databases: kept, one reply each, no crash."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus

import httpx
import pytest
from sqlmodel import Session, select

import channels
from bot import audit
from bot.desk import incoming
from bot.doors.chat import ChatDoor
from bot.web import create_app
from bot.workers import Bell, Intake
from channels import directory
from channels.contract import Address, Inbound
from channels.email.channel import EmailChannel
from channels.email.settings import read_settings
from channels.mailbox import InboxRow, OutboxRow
from channels.spool import Spool
from channels.web.desk import House
from tests.channels.cases import CASES, Case, Message
from tests.channels.web.conftest import fields
from tests.peers.mail import Mailbox, mail_server, mailbox
from tests.peers.telegram import Telegram, telegram_api
from tests.town import Town

__all__ = ["mail_server", "mailbox", "telegram_api"]
SECRET = "un-secret-assez-long-pour-les-adresses-des-essais"
MOST_KEPT = 70_000  # signs: a message is cut at 100,000 characters, spaces included
ROOM_FOR = timedelta(seconds=20)  # more than the longest wait for more of the same question
Written = Sequence[tuple[str, Message]]  # who wrote what


class Door(Protocol):
    """The way in of one channel: `bring` hands over a round of messages as the world does."""

    most: int  # characters that its providers let through

    def bring(self, written: Written) -> dict[str, str]:
        """Who was refused, and the page that says why; all others are safe by then."""
        ...

    def address(self, who: str) -> Address: ...


def number_of(who: str) -> int:
    return 1 + [case.name for case in CASES].index(who) if who in [case.name for case in CASES] else 99


@dataclass
class Site:
    """Our ASGI app with the real desk behind it, for all that comes by HTTP."""

    town: Town
    folder: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        town = self.town
        spool = Spool(self.folder / "spool", town.office.vault)
        spool.prepare()
        intake = Intake(town.db, town.office, spool, town.now, Bell())
        self.opened = channels.open_all(self.environment)
        house = House("RésO Villes", "", "", "", "", "", 2)
        desk = ChatDoor(town.db, town.office, intake.deliver, town.now, house)

        async def health() -> dict[str, object]:
            return {"ok": True}

        self.app = create_app(desk, self.opened, health, key=b"k" * 32, deliver=intake.deliver)
        assert not spool.waiting()

    def run(self, work: Callable[[httpx.AsyncClient], Awaitable[dict[str, str]]]) -> dict[str, str]:
        async def inside() -> dict[str, str]:
            transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5000))
            try:
                async with httpx.AsyncClient(transport=transport, base_url="http://hotline.test", timeout=60) as client:
                    return await work(client)
            finally:
                for each in self.opened.values():
                    if hasattr(each.channel, "close"):
                        await each.channel.close()

        return asyncio.run(inside())


@dataclass
class WebDoor:
    """A browser without JavaScript: it reads the page, fills in its form, sends it; twice when the line stutters."""

    site: Site
    most: int = 2_000_000
    sent: dict[tuple[str, str], tuple[str, bytes, dict[str, str]]] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def bring(self, written: Written) -> dict[str, str]:
        return self.site.run(lambda client: self._bring(client, written))

    async def _bring(self, client: httpx.AsyncClient, written: Written) -> dict[str, str]:
        refused = {}
        for who, message in written:
            path, body, cookies = await self._form(client, who, message)
            page = await self.post(client, path, body, cookies)
            if page.status_code == 303:
                self.cookies.setdefault(who, dict(page.cookies))
            else:
                refused[who] = page.text
            assert page.status_code in (303, 413, 422), page.text
        return refused

    async def _form(self, client: httpx.AsyncClient, who: str, message: Message) -> tuple[str, bytes, dict[str, str]]:
        known = self.sent.get((who, message.id))
        if known is None:
            cookies = self.cookies.get(who, {})
            path = "/conversation" if cookies else "/question"
            form = await self.hidden(client, "/conversation" if cookies else "/", path, cookies)
            text = quote_plus(message.text.encode("utf-8", "surrogatepass"))
            body = "&".join([*(f"{name}={value}" for name, value in form.items()), f"texte={text}"])
            known = self.sent[who, message.id] = (path, body.encode("ascii"), cookies)
        return known

    async def hidden(
        self, client: httpx.AsyncClient, page: str, path: str, cookies: dict[str, str] | None = None
    ) -> dict[str, str]:
        client.cookies = httpx.Cookies(cookies or {})
        return fields(await client.get(page), path)

    async def post(
        self,
        client: httpx.AsyncClient,
        path: str,
        body: bytes,
        cookies: dict[str, str],
        kind: str = "application/x-www-form-urlencoded",
    ) -> httpx.Response:
        client.cookies = httpx.Cookies(cookies)
        return await client.post(path, content=body, headers={"content-type": kind, "origin": "http://hotline.test"})

    def address(self, who: str) -> Address:
        return Address("web", self.cookies.get(who, {}).get("conversation", ""))


@dataclass
class TelegramDoor:
    """Telegram writes to our webhook, as its server encodes JSON."""

    site: Site
    most: int = 4096  # a message has no more (core.telegram.org/bots/api#message)

    def bring(self, written: Written) -> dict[str, str]:
        return self.site.run(lambda client: self._bring(client, written))

    async def _bring(self, client: httpx.AsyncClient, written: Written) -> dict[str, str]:
        now = self.site.town.now()
        for who, message in written:
            id = number_of(who)
            user = {"id": id, "is_bot": False, "first_name": "Awa"}
            update = {
                "update_id": id * 10 + int(message.id),
                "message": {
                    "message_id": int(message.id),
                    "from": user,
                    "chat": {"id": id, "type": "private", "first_name": "Awa"},
                    "date": int((now - timedelta(minutes=message.minutes_ago)).timestamp()),
                    "text": message.text,
                },
            }
            headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": SECRET}
            path = httpx.URL(self.site.opened["telegram"].channel.settings.webhook_url).path  # type: ignore[attr-defined]
            answer = await client.post(path, content=json.dumps(update), headers=headers)
            assert answer.status_code == 200, (who, answer.text)
        return {}

    def address(self, who: str) -> Address:
        return Address("telegram", str(number_of(who)))


@dataclass
class SmsDoor:
    """Kannel calls us, as its get-url does."""

    site: Site
    most: int = 255 * 67  # what parts in UCS-2 can number (3GPP TS 23.040)

    def bring(self, written: Written) -> dict[str, str]:
        return self.site.run(lambda client: self._bring(client, written))

    async def _bring(self, client: httpx.AsyncClient, written: Written) -> dict[str, str]:
        for who, message in written:
            at = int((self.site.town.now() - timedelta(minutes=message.minutes_ago)).timestamp())
            asked = {"id": f"{number_of(who)}-{message.id}", "from": self.address(who).handle, "to": "+33700112233"}
            query = "&".join(f"{name}={quote_plus(value)}" for name, value in asked.items())
            text = quote_plus(message.text[: self.most].encode("utf-8", "surrogatepass"))
            answer = await client.get(f"/sms/{SECRET}/recu?{query}&at={at}&text={text}")
            assert answer.status_code == 200, (who, answer.text)
            assert answer.content == b"", "Kannel would send it to the phone"
        return {}

    def address(self, who: str) -> Address:
        return Address("sms", f"+336000000{number_of(who):02d}")


@dataclass
class TerminalDoor:
    """`hotline chat`: a line typed, a message kept."""

    town: Town
    most: int = 2_000_000

    def bring(self, written: Written) -> dict[str, str]:
        for who, message in written:
            heard_at = self.town.now() - timedelta(minutes=message.minutes_ago)
            inbound = Inbound(f"{who} {message.id}", self.address(who), message.text.strip(), heard_at)
            self.town.db.transact(incoming.receive, self.town.office, inbound, self.town.now())
        return {}

    def address(self, who: str) -> Address:
        return Address("terminal", who)


@dataclass
class EmailDoor:
    """A mail program, Postfix, Dovecot, and our channel that looks into the mailbox."""

    town: Town
    box: Mailbox
    most: int = 2_000_000
    raw: dict[tuple[str, str], bytes] = field(default_factory=dict)
    brought: int = 0

    def bring(self, written: Written) -> dict[str, str]:
        for who, message in written:
            raw = self.raw.setdefault((who, message.id), self._mail(who, message))
            self.post(raw, self.address(who).handle)
        self.take()
        return {}

    def post(self, raw: bytes, sender: str) -> None:
        import smtplib

        with smtplib.SMTP("127.0.0.1", self.box.server.ports["smtp"]) as smtp:
            smtp.sendmail(sender, [self.box.address], raw, ["BODY=8BITMIME"])
        self.brought += 1

    def take(self) -> None:
        asyncio.run(self._take())

    async def _take(self) -> None:
        settings = read_settings(self.box.settings())
        assert settings is not None

        async def deliver(message: Any) -> bool:
            return await self.town.db.run(incoming.receive, self.town.office, message, self.town.now())

        listening = asyncio.create_task(EmailChannel(settings, poll=1.0, first_pause=0.1).listen(deliver))
        try:
            async with asyncio.timeout(60):
                while await asyncio.to_thread(self.box.flagged) < self.brought:
                    await asyncio.sleep(0.1)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    def _mail(self, who: str, message: Message) -> bytes:
        """As every mail program sends what is not plain ASCII: base64, whatever is in it."""
        date = format_datetime(self.town.now() - timedelta(minutes=message.minutes_ago))
        body = base64.encodebytes(message.text.encode("utf-8", "surrogatepass")).replace(b"\n", b"\r\n")
        head = (
            f"From: Awa <{self.address(who).handle}>\r\nTo: {self.box.address}\r\nDate: {date}\r\n"
            f"Message-ID: <{number_of(who)}.{message.id}@quartier.test>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        return head.encode() + body

    def address(self, who: str) -> Address:
        return Address("email", f"cas{number_of(who)}@quartier.test")


@pytest.fixture(params=["web", "terminal", "email", "telegram", "sms"])
def door(request: pytest.FixtureRequest, town: Town, tmp_path: Path) -> Door:
    if request.param == "terminal":
        return TerminalDoor(town)
    if request.param == "email":
        return EmailDoor(town, request.getfixturevalue("mailbox"))
    return door_by_http(request, town, tmp_path, request.param)


def door_by_http(request: pytest.FixtureRequest, town: Town, folder: Path, name: str) -> Door:
    environment = {"HOTLINE_WEB_CHATS_PER_HOUR": "1000", "HOTLINE_WEB_POSTS_PER_MINUTE": "1000"}
    if name == "telegram":
        api: Telegram = request.getfixturevalue("telegram_api")
        environment |= api.settings | {
            "HOTLINE_TELEGRAM_WEBHOOK_SECRET": SECRET,
            "HOTLINE_PUBLIC_URL": "http://hotline.test",
        }
        return TelegramDoor(Site(town, folder, environment))
    if name == "sms":
        environment |= {
            "HOTLINE_SMS_GATEWAY": "kannel",
            "HOTLINE_SMS_NUMBER": "+33700112233",
            "HOTLINE_SMS_SECRET": SECRET,
            "HOTLINE_SMS_KANNEL": "http://u:p@127.0.0.1:9",
        }
        return SmsDoor(Site(town, folder, environment))
    return WebDoor(Site(town, folder, environment))


def tell(town: Town, door: Door, cases: Sequence[Case]) -> dict[str, str]:
    """Bring the cases round by round, everybody at work between two; who was refused, and the page that said why."""
    refused: dict[str, str] = {}
    for turn in range(max(len(case.messages) for case in cases)):
        written = [
            (case.name, replace(case.messages[turn], text=case.messages[turn].text[: door.most]))
            for case in cases
            if turn < len(case.messages)
        ]
        refused |= door.bring(written)
        town.pass_time(seconds=ROOM_FOR.total_seconds())
        town.work()
    return refused


def heard_and_said(session: Session, town: Town, address: Address) -> tuple[list[InboxRow], list[OutboxRow]]:
    row = directory.find(session, town.office.vault, address)
    if row is None:
        return [], []
    heard = select(InboxRow).where(InboxRow.address_id == row.id).order_by(InboxRow.id)  # type: ignore[arg-type]
    said = select(OutboxRow).where(OutboxRow.address_id == row.id).order_by(OutboxRow.id)  # type: ignore[arg-type]
    return list(session.exec(heard).all()), list(session.exec(said).all())


def essence(text: str) -> str:
    """What no channel may lose: the letters, digits and signs that are seen."""
    return "".join(sign for sign in text if sign.isalnum() and sign.isprintable())


def faults(town: Town, door: Door, case: Case, refusal: str) -> Iterator[str]:
    """What went wrong with one case; nothing if all is well."""
    address = door.address(case.name)
    read = town.read(address.channel, address.handle)
    heard, said = town.db.look(heard_and_said, town, address)
    if address.channel in case.unknown_to:
        if heard or said:
            yield f"kept {len(heard)} and said {len(said)} about nothing"
        return
    if refusal:
        if address.channel not in case.refused_by:
            yield "it was refused"
        if not re.search(r"Écrivez votre question|caractères|trop long", refusal):
            yield "the page does not say what is wrong"
        if heard:
            yield "it was refused and kept"
        return
    if len(heard) != len(case.distinct):
        yield f"{len(heard)} kept of {len(case.distinct)}"
    if bad := [row.state for row in heard if row.state != "handled"]:
        yield f"not handled: {bad}"
    kept = sorted(essence(row.text) for row in heard)
    wanted = sorted(essence(message.text[: door.most]) for message in case.distinct.values())
    pairs = zip(wanted, kept, strict=False)  # how many there are was said above
    if not all(whole.startswith(part) and len(part) >= min(len(whole), MOST_KEPT) for whole, part in pairs):
        yield f"the words changed: {[part[:80] for part in kept]!r}"
    names = [row.name for row in said if row.name != "notice"]
    if len(names) != len(case.distinct) or not set(names) <= case.replies:
        yield f"said {names}, not {len(case.distinct)} of {sorted(case.replies)}"
    if bad := [row.state for row in said if row.state not in ("sent", "delivered")]:
        yield f"not sent: {bad}"
    if len(read) != len(said):
        yield f"{len(read)} read of {len(said)} said"
    for row in said:
        if not row.text.strip() or "\0" in row.text or re.search(r"\$\{?\w", row.text):
            yield f"no sensible words: {row.text[:80]!r}"


def samples(channel: str) -> list[Path]:
    found = sorted((Path(__file__).parent / channel / "samples").iterdir())
    assert found
    return found


def test_what_browsers_send_is_read(town: Town, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    door = door_by_http(request, town, tmp_path, "web")
    assert isinstance(door, WebDoor)
    chats = door.site.run(lambda client: _send_samples(client, door))
    town.work()
    for name, handle in chats.items():
        (answer,) = town.read("web", handle)
        assert "comité de pilotage" in answer, name
        assert "Source : " in answer, name


async def _send_samples(client: httpx.AsyncClient, door: WebDoor) -> dict[str, str]:
    chats = {}
    for path in samples("web"):
        head, _, body = path.read_bytes().partition(b"\n\n")
        for name, value in (await door.hidden(client, "/", "/question")).items():
            body = body.replace(b"{%s}" % name.encode(), value.encode())
        page = await door.post(client, "/question", body, {}, head.decode().removeprefix("content-type: "))
        assert page.status_code == 303, (path.name, page.text)
        chats[path.stem] = page.cookies["conversation"]
    return chats


def test_what_mail_programs_send_is_read(town: Town, mailbox: Mailbox) -> None:
    door = EmailDoor(town, mailbox)
    for path in samples("email"):
        door.post(path.read_bytes(), f"{path.stem}@quartier.test")
    door.take()
    town.work()
    for path in samples("email"):
        notice, answer = town.read("email", f"{path.stem}@quartier.test")
        assert "je suis le programme" in notice, path.stem
        assert "comité de pilotage" in answer, path.stem
        assert "Source : " in answer, path.stem


@pytest.mark.timeout(120)
def test_every_case_is_kept_and_gets_one_sensible_reply(town: Town, door: Door) -> None:
    refused = tell(town, door, CASES)
    found = {case.name: list(faults(town, door, case, refused.get(case.name, ""))) for case in CASES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert town.db.look(audit.verify) is None
    assert town.db.look(lambda session: session.exec(select(InboxRow).where(InboxRow.state != "handled")).all()) == []
