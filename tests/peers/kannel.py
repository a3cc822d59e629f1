"""A real Kannel between us and an operator of our own (smpp34): phones write and read, reports go back.

Two processes on ports of their own in a folder of /tmp; nothing that they hold leaves the machine.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import smpp34

from tests.peers import absent
from tests.peers.leash import held
from tests.peers.mail import until
from tests.peers.ports import free_port

USER, PASSWORD, ADMIN = "hotline", "p@ss&é+1", "admin"
NUMBER = "+33700112233"
SECRET = "un-secret-assez-long-pour-les-adresses-des-essais"
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)  # 3GPP TS 23.038, in its own order
EXTENDED = {"^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65}
T = TypeVar("T")


def to_gsm(text: str) -> bytes:
    out = bytearray()
    for char in text:
        out += bytes([0x1B, EXTENDED[char]]) if char in EXTENDED else bytes([BASIC.index(char)])
    return bytes(out)


def from_gsm(data: bytes) -> str:
    shifted = {code: char for char, code in EXTENDED.items()}
    text, at = "", 0
    while at < len(data):
        if data[at] == 0x1B:
            at += 1
            text += shifted[data[at]]
        else:
            text += BASIC[data[at]]
        at += 1
    return text


@dataclass
class Sms:
    """One SMS as a phone shows it, its parts joined."""

    to: str
    sender: str
    text: str
    segments: int
    coding: int  # 0 is GSM-7, 8 is UCS-2
    at: float


@dataclass
class _Part:
    event: Any
    reference: tuple[str, int] | None
    total: int
    number: int
    body: bytes


class Operator:
    """The mobile network: it takes what Kannel submits, and brings what phones write."""

    def __init__(self) -> None:
        self.port = free_port()
        self.inbox: list[Sms] = []
        self.submits: list[_Part] = []
        self.refuse: dict[str, int] = {}  # number: command status
        self.undelivered: set[str] = set()
        self.late: set[str] = set()  # numbers whose reports wait for `report_late`
        self._held: list[tuple[str, Any, str]] = []
        self._ids = itertools.count(1)
        self._references = itertools.count(250)  # past 255 and back to 0: any byte may stand there
        self._esme: Any = None
        self._parts: dict[tuple[str, int], dict[int, _Part]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: Any = None
        self._serving: Any = None

    def start(self) -> None:
        async def begin() -> None:
            self._server = smpp34.Server("127.0.0.1", self.port, system_id="OPERATEUR")
            await self._server.start()
            self._serving = asyncio.create_task(self._serve())

        self._run(begin())

    def stop(self) -> None:
        async def end() -> None:
            self._serving.cancel()
            await self._server.stop()

        with contextlib.suppress(Exception):
            self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    @property
    def bound(self) -> bool:
        return self._esme is not None

    def forget(self) -> None:
        """An empty network, for the next test."""
        self.inbox.clear()
        self.submits.clear()
        self.refuse.clear()
        self.undelivered.clear()
        self.late.clear()
        self._held.clear()

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self._esme = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                await self._take(event)
            elif isinstance(event, smpp34.Unbound) and self._esme and event.session_id == self._esme.session_id:
                self._esme = None

    async def _take(self, event: Any) -> None:
        to = "+" + event.destination_addr.lstrip("+")
        if to in self.refuse:
            event.reject(self.refuse[to])
            return
        id = f"op{next(self._ids)}"
        event.accept(id)
        part = _part(event)
        self.submits.append(part)
        self._show(part, to)
        if event.registered_delivery & 1:
            state = "UNDELIV" if to in self.undelivered else "DELIVRD"
            if to in self.late:
                self._held.append((id, event, state))
                return
            asyncio.create_task(self._report(id, event, state))  # noqa: RUF006 (the loop lives as long)

    def _show(self, part: _Part, to: str) -> None:
        parts = {1: part}
        if part.reference is not None:
            parts = self._parts.setdefault(part.reference, {})
            parts[part.number] = part
            if len(parts) < part.total:
                return
            del self._parts[part.reference]
        coding = part.event.data_coding
        body = b"".join(parts[n].body for n in sorted(parts))
        text = body.decode("utf-16-be") if coding == 8 else from_gsm(body)
        self.inbox.append(Sms(to, part.event.source_addr, text, len(parts), coding, time.monotonic()))

    async def _report(self, id: str, event: Any, state: str) -> None:
        await asyncio.sleep(0.02)
        code = "000" if state == "DELIVRD" else "027"
        said = f"id:{id} sub:001 dlvrd:001 submit date:2612011030 done date:2612011031 stat:{state} err:{code} text:"
        await self._bring(event.destination_addr, event.source_addr, said.encode(), esm_class=0x04)

    async def _bring(self, sender: str, to: str, body: bytes, *, esm_class: int = 0, coding: int = 0) -> None:
        digits = sender.lstrip("+")
        international = len(digits) > 6 and digits.isdigit()
        named = not digits.isdigit()
        with contextlib.suppress(Exception):  # Kannel may be down: the network keeps its own counsel
            await self._esme.deliver_sm(
                to.lstrip("+"),
                body,
                source_addr=digits,
                source_addr_ton=1 if international else 5 if named else 3,
                source_addr_npi=0 if named else 1,
                dest_addr_ton=1,
                dest_addr_npi=1,
                esm_class=esm_class,
                data_coding=coding,
            )

    def report_late(self) -> None:
        for each in self._held:
            self._run(self._report(*each))
        self._held.clear()

    # ------------------------------------------------------------ phones
    def phone(self, number: str) -> "Phone":
        return Phone(self, number)

    def bring(self, sender: str, text: str, *, reverse: bool = False, drop: int = 0) -> None:
        """A phone writes: in as many parts as it takes, last first if `reverse`; part number `drop` gets lost."""
        try:
            body, coding, most, room = to_gsm(text), 0, 160, 153
        except ValueError:
            body, coding, most, room = text.encode("utf-16-be"), 8, 140, 134
        if len(body) <= most:
            self._run(self._bring(sender, NUMBER, body, coding=coding))
            return
        pieces = [body[at : at + room] for at in range(0, len(body), room)]
        reference = next(self._references) % 256
        numbered = list(enumerate(pieces, 1))
        for number, piece in reversed(numbered) if reverse else numbered:
            if number != drop:
                header = bytes([5, 0, 3, reference, len(pieces), number])
                self._run(self._bring(sender, NUMBER, header + piece, esm_class=0x40, coding=coding))


def _part(event: Any) -> _Part:
    body, reference, total, number = bytes(event.short_message), None, 1, 1
    if event.esm_class & 0x40:
        header, body = body[: body[0] + 1], body[body[0] + 1 :]
        reference, total, number = (event.destination_addr, header[3]), header[4], header[5]
    return _Part(event, reference, total, number, body)


@dataclass
class Phone:
    """Someone's phone: what they write, and what they read."""

    operator: Operator
    number: str

    def says(self, text: str, **more: Any) -> None:
        self.operator.bring(self.number, text, **more)

    def messages(self) -> list[Sms]:
        return [each for each in self.operator.inbox if each.to == self.number]

    def reads(self) -> list[str]:
        return [each.text for each in self.messages()]


@dataclass
class Kannel:
    """bearerbox and smsbox, bound to an operator; `callback` is where we listen."""

    operator: Operator
    callback: str
    joins: bool = True
    ports: dict[str, int] = field(default_factory=lambda: {each: free_port() for each in ("admin", "box", "http")})
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hotline-kannel-", dir="/tmp"))
        (self.folder / "reports").mkdir()
        (self.folder / "kannel.conf").write_text(self._configuration(), "utf-8")

    def _configuration(self) -> str:
        ports, folder = self.ports, self.folder
        asked = "id=%I&from=%p&to=%P&at=%T&header=%u&text=%b"
        return f"""
group = core
admin-port = {ports["admin"]}
admin-password = {ADMIN}
admin-interface = 127.0.0.1
smsbox-port = {ports["box"]}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 2
store-type = file
store-location = {folder}/store
dlr-storage = spool
dlr-spool = {folder}/reports
sms-combine-concatenated-mo = {"true" if self.joins else "false"}

group = smsc
smsc = smpp
smsc-id = operateur
host = 127.0.0.1
port = {self.operator.port}
transceiver-mode = true
smsc-username = hotline
smsc-password = secret
system-type = ""
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1
enquire-link-interval = 30
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {ports["http"]}
sendsms-interface = 127.0.0.1
log-file = {folder}/smsbox.log
log-level = 4
mo-recode = true
http-request-retry = 1000000
http-queue-delay = 1

group = sendsms-user
username = {USER}
password = "{PASSWORD}"
max-messages = 3
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "{self.callback}/sms/{SECRET}/recu?{asked}"
""".lstrip()

    @property
    def url(self) -> str:
        return f"http://{USER}:p%40ss%26%C3%A9%2B1@127.0.0.1:{self.ports['http']}/cgi-bin/sendsms"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOTLINE_SMS_GATEWAY": "kannel",
            "HOTLINE_SMS_NUMBER": NUMBER,
            "HOTLINE_SMS_SECRET": SECRET,
            "HOTLINE_SMS_KANNEL": self.url,
            "HOTLINE_SMS_KANNEL_CALLBACK": self.callback,
        }

    # ------------------------------------------------------------ up and down
    def start(self) -> None:
        for box in ("bearerbox", "smsbox"):
            self.start_box(box)
        until(self.ready, what="for Kannel")

    def start_box(self, box: str) -> None:
        """-v 4 and log-level 4: at level 3 smsbox still writes the address, text included, that it could not call."""
        with (self.folder / f"{box}.out").open("ab") as out:
            process = subprocess.Popen(
                [f"/usr/sbin/{box}", "-v", "4", str(self.folder / "kannel.conf")],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.processes[box] = held(process, self.folder)
        if box == "bearerbox":
            until(lambda: self.status() != "", what="for bearerbox")

    def status(self) -> str:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(
                f"http://127.0.0.1:{self.ports['admin']}/status.xml",
                params={"password": ADMIN},
                trust_env=False,
                verify=False,
            ).text
        return ""

    def ready(self) -> bool:
        found = self.status()
        return "<status>online" in found and "<type>smsbox</type>" in found and self.operator.bound

    def kill_box(self, box: str) -> None:
        process = self.processes.pop(box, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def stop(self) -> None:
        for box in ("smsbox", "bearerbox"):
            self.kill_box(box)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def written(self) -> str:
        """All that Kannel left in logs and on its output."""
        names = ("bearerbox.log", "smsbox.log", "bearerbox.out", "smsbox.out")
        return "".join(
            (self.folder / name).read_text("utf-8", "replace") for name in names if (self.folder / name).exists()
        )


@pytest.fixture(scope="session")
def sms_port() -> int:
    """Where the service listens for Kannel's calls, whichever test serves it."""
    return free_port()


def _there() -> None:
    if not all(os.access(f"/usr/sbin/{box}", os.X_OK) for box in ("bearerbox", "smsbox")):
        absent("Kannel")


@pytest.fixture(scope="session")
def kannel_session(sms_port: int) -> Iterator[Kannel]:
    _there()
    operator = Operator()
    operator.start()
    found = Kannel(operator, f"http://127.0.0.1:{sms_port}")
    try:
        found.start()
        yield found
    finally:
        found.close()
        operator.stop()


@pytest.fixture
def kannel(kannel_session: Kannel) -> Kannel:
    """The session's Kannel, ready, on an empty network."""
    for box in ("bearerbox", "smsbox"):
        if box not in kannel_session.processes:
            kannel_session.start_box(box)
    until(kannel_session.ready, what="for Kannel")
    kannel_session.operator.forget()
    return kannel_session


@pytest.fixture
def kannel_in_parts(sms_port: int) -> Iterator[Kannel]:
    """A Kannel that leaves the joining of long messages to us."""
    _there()
    operator = Operator()
    operator.start()
    found = Kannel(operator, f"http://127.0.0.1:{sms_port}", joins=False)
    try:
        found.start()
        yield found
    finally:
        found.close()
        operator.stop()
