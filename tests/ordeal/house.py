"""The process under trial: the real intake, routing and delivery loops, told over a socket, sending over another."""

import asyncio
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bot import workers
from bot.db import Database
from bot.library import Library
from bot.office import Office
from channels.contract import Address, Inbound, Opened, Outbound, TryAgain, Unsure
from channels.spool import Spool
from channels.vault import Vault
from knowledge.matching import Candidate, Match

ENTRY = "comite-de-pilotage"
POISON = "POISON"  # whoever reads it dies at once
HANG = "HANG"  # whoever reads it first never comes back


@dataclass(frozen=True)
class Orders:
    """What a process of this ordeal must know; its clock runs `pace` times as fast as ours, from `began` on."""

    url: str
    secret: str
    folder: str
    began: float  # seconds since the epoch
    pace: float
    real_matcher: bool = False

    def now(self) -> datetime:
        passed = time.time() - self.began
        return datetime.fromtimestamp(self.began, UTC) + timedelta(seconds=passed * self.pace)

    def office(self) -> Office:
        return Office(vault=Vault(self.secret), phone="02 40 00 00 00")

    @property
    def provider(self) -> str:
        return f"{self.folder}/provider"

    def door(self, number: int) -> str:
        return f"{self.folder}/door-{number}"


class Stub:
    """A library that knows the answer at once, so that the ordeal is the mailbox's."""

    def __init__(self, orders: Orders):
        self.orders, self.ready = orders, asyncio.Event()
        self.ready.set()

    async def match(self, text: str, _channel: str) -> Match:
        if POISON in text:
            os._exit(13)
        if HANG in text:
            flag = Path(self.orders.folder) / "hanging"
            if not flag.exists():
                flag.write_text("x")
                await asyncio.sleep(3600)
        return Match("answer", (ENTRY,), 0.99, (Candidate(ENTRY, 0.99),), (), "")


@dataclass(frozen=True)
class Remote:
    """A way out whose provider is another process."""

    name: str
    path: str

    async def send(self, message: Outbound, key: str) -> str:
        try:
            reader, writer = await asyncio.open_unix_connection(self.path)
        except OSError as error:
            raise TryAgain("the provider is away") from error
        try:
            call = {"key": key, "to": message.recipient.handle, "channel": self.name, "text": message.text}
            writer.write(json.dumps(call).encode() + b"\n")
            reply = await reader.readline()
        except OSError as error:
            raise Unsure("cut off") from error
        finally:
            writer.close()
        if not reply.endswith(b"\n"):
            raise Unsure("cut off")
        return reply.decode().strip()


def run(orders: Orders, number: int) -> None:
    """Run until killed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(open(f"{orders.folder}/log-{number}", "a")))  # noqa: SIM115
    asyncio.run(_run(orders, number))


async def _run(orders: Orders, number: int) -> None:
    office, now = orders.office(), orders.now
    db = Database(orders.url)
    spool = Spool(Path(orders.folder) / f"spool-{number}", office.vault)
    spool.prepare()
    inbox, outbox = workers.Bell(), workers.Bell()
    intake = workers.Intake(db, office, spool, now, inbox)
    library: Any = Stub(orders)
    jobs: list[Any] = [intake.keep_draining()]
    if orders.real_matcher:
        library = Library(db, now, lambda: now().date())
        jobs.append(library.keep_fresh(may_build=False))
    opened = {
        "sms": Opened(Remote("sms", orders.provider)),
        "email": Opened(Remote("email", orders.provider), idempotent=True),
    }
    jobs += [workers.route(db, office, library, now, inbox, outbox) for _ in range(workers.ROUTERS)]
    jobs += [workers.deliver(db, office, opened, now, outbox) for _ in range(workers.SENDERS)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                if not line.endswith(b"\n"):
                    break
                told = json.loads(line)
                message = Inbound(told["id"], Address(told["channel"], told["from"]), told["text"], now(), "ours")
                await intake.deliver(message)
                writer.write(b"ok\n")
                await writer.drain()
        writer.close()

    path = Path(orders.door(number))
    path.unlink(missing_ok=True)
    jobs.append((await asyncio.start_unix_server(serve, path, backlog=1000)).serve_forever())
    await asyncio.gather(*jobs)
