"""The town that writes and the hand that kills: starts the processes, feeds them, and judges what came of it."""

import asyncio
import json
import multiprocessing
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.conversations import Question
from bot.db import Database, DatabaseAway
from channels.mailbox import InboxRow, OutboxRow
from knowledge import entries
from knowledge.entries import Content, Source
from tests.ordeal import house, provider
from tests.ordeal.house import ENTRY, Orders

SECRET = "a secret of the ordeal, long enough to be one"
PROCESSES = multiprocessing.get_context("forkserver")  # everything imported once: a restart takes milliseconds
PROCESSES.set_forkserver_preload(["tests.ordeal.house", "tests.ordeal.provider", "pytest"])


def prepare(db: Database, folder: Path, pace: float = 1.0, *, real_matcher: bool = False) -> Orders:
    """The one entry that everybody is answered with, and what the processes need to know."""
    source = Source("Loi", "https://www.legifrance.gouv.fr/", "loi 2014-173, art. 7", "2014-02-21")
    content = Content(
        ENTRY, "glossary", "Le comité de pilotage", "Il suit le contrat de ville.", "Il suit le contrat.", ("copil",),
        "valide", sources=(source,), review_by="2030-01-01",
    )  # fmt: skip
    orders = Orders(db.url.render_as_string(hide_password=False), SECRET, str(folder), time.time(), pace, real_matcher)
    if not real_matcher:
        db.transact(entries.put, content, "test", "pour l'épreuve", orders.now())
    return orders


@dataclass
class Town:
    """Processes of the house, a provider, and those who write; everything random comes from `dice`."""

    db: Database
    orders: Orders
    dice: random.Random
    doors: int = 1
    running: dict[int, BaseProcess] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)  # id -> who, once acknowledged
    acks: list[float] = field(default_factory=list)  # seconds until each acknowledgement
    said_at: dict[str, float] = field(default_factory=dict)
    in_flight: set[str] = field(default_factory=set)  # keys that were being sent when a process was killed
    kills: int = 0
    resent: int = 0

    def start(self, number: int) -> None:
        process = PROCESSES.Process(target=house.run, args=(self.orders, number), daemon=True)
        process.start()
        self.running[number] = process

    def kill(self, number: int) -> None:
        """kill -9, and what its victim had in its hands."""
        self.running[number].kill()
        self.running[number].join()
        self.kills += 1
        self.in_flight |= self.db.look(_being_sent)

    def watch(self) -> list[int]:
        """Start again whatever ended by itself, as a supervisor would; their exit codes."""
        ended = []
        for number, process in list(self.running.items()):
            if process.exitcode is not None:
                ended.append(process.exitcode)
                self.in_flight |= self.db.look(_being_sent)
                self.start(number)
        return ended

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Town"]:
        """The provider and every process of the house run inside the block."""
        outside = PROCESSES.Process(target=provider.run, args=(self.orders, self.dice.randrange(2**32)), daemon=True)
        outside.start()
        for number in range(self.doors):
            self.start(number)
        try:
            await until(lambda: all(Path(p).exists() for p in (self.orders.provider, *self._doors())), 60, "no start")
            yield self
        finally:
            for process in (*self.running.values(), outside):
                process.kill()
                process.join()
                process.close()

    def _doors(self) -> list[str]:
        return [self.orders.door(number) for number in range(self.doors)]

    async def write(self, who: str, channel: str, texts: list[str], pauses: list[float]) -> None:
        """One person, message after message: each is sent again until it is acknowledged, the next only then."""
        door = self.orders.door(sum(who.encode()) % self.doors)
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        for number, (text, pause) in enumerate(zip(texts, pauses, strict=True)):
            await asyncio.sleep(pause)
            id = f"{who}-{number:06d}"
            line = json.dumps({"id": id, "from": who, "channel": channel, "text": text}).encode() + b"\n"
            began = time.perf_counter()
            self.said_at[id] = time.time()
            while True:
                try:
                    if writer is None or reader is None:
                        reader, writer = await asyncio.open_unix_connection(door)
                    writer.write(line)
                    if await reader.readline() == b"ok\n":
                        break
                except OSError:
                    pass
                if writer is not None:
                    writer.close()
                writer = None
                self.resent += 1
                await asyncio.sleep(0.05)
            self.acks.append(time.perf_counter() - began)
            self.told[id] = who
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def people(self, senders: int, messages: int, seconds: float) -> None:
        """`messages` from `senders` people, spread over some seconds; every other one writes by SMS, whose provider
        takes the same key twice, the others by email, whose provider does not."""
        share, rest = divmod(messages, senders)
        writing = []
        for n in range(senders):
            count = share + (n < rest)
            channel, who = ("sms", f"+336{n:08d}") if n % 2 else ("email", f"p{n}@exemple.invalid")
            pauses = [self.dice.uniform(0, 2 * seconds / (count + 1)) for _ in range(count)]
            writing.append(self.write(who, channel, [f"Question {k} sur le comité" for k in range(count)], pauses))
        await asyncio.gather(*writing)

    async def killing(self, kills: int, shortest: float, longest: float) -> None:
        """That many kill -9, at moments that nobody knows before, each followed by a restart."""
        for _ in range(kills):
            await asyncio.sleep(self.dice.uniform(shortest, longest))
            number = self.dice.randrange(self.doors)
            await asyncio.to_thread(self.kill, number)
            self.start(number)

    async def drained(self, seconds: float) -> float:
        """Wait until nothing is left to do; how long that took."""
        began = time.monotonic()
        await until(self._idle, seconds, "not drained")
        return time.monotonic() - began

    def _idle(self) -> bool:
        try:
            return not self.spooled() and self.db.look(_unfinished) == 0
        except DatabaseAway:  # a connection of ours from before the outage
            return False

    def spooled(self) -> int:
        return len(list(Path(self.orders.folder).glob("spool-*/*.sealed")))

    def verdict(self) -> "Verdict":
        return self.db.look(_judge, self)


async def until(met: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Look until a condition is met; an error after so many seconds."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(met):
        if time.monotonic() > deadline:
            raise AssertionError(f"{otherwise} after {seconds} s")
        await asyncio.sleep(0.05)


def _being_sent(session: Session) -> set[str]:
    return set(session.exec(select(OutboxRow.key).where(OutboxRow.state == "sending")).all())


def _unfinished(session: Session) -> int:
    """Messages in or out that wait or are being worked on."""
    inbox = sa.select(sa.func.count()).where(col(InboxRow.state).in_(("waiting", "claimed")))
    outbox = sa.select(sa.func.count()).where(col(OutboxRow.state).in_(("waiting", "sending")))
    return int(session.execute(inbox).scalar_one()) + int(session.execute(outbox).scalar_one())


@dataclass(frozen=True)
class Verdict:
    """What became of everything that was acknowledged."""

    acknowledged: int
    lost: list[str]  # acknowledged, and not in the inbox; or not handled; or answered by nobody; or never sent
    disordered: list[str]  # who was read or answered out of order
    kept_twice: int  # rows of the inbox for the same message
    sends: int
    repeated: Counter[str]  # key -> further calls at the SMS provider
    unaccounted: set[str]  # of those, the ones that nobody had in hand at a crash
    repeated_safely: int  # further calls under a key that the provider knows: no second message
    uncertain: int  # left to the officer (R7)
    held: int
    latencies: list[float]  # seconds from the first try to the provider, one an answered message

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {len(self.lost)} lost, {len(self.disordered)} out of order, "
            f"{self.kept_twice} kept twice; {self.sends} sends, {self.repeated.total()} repeated where it shows "
            f"({len(self.unaccounted)} of them not in flight at a crash), {self.repeated_safely} where it does not, "
            f"{self.uncertain} uncertain, {self.held} held"
        )


def _judge(session: Session, town: Town) -> Verdict:
    inbox = session.exec(select(InboxRow).order_by(col(InboxRow.id))).all()
    outbox = session.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all()
    by_external = {row.external_id: row for row in inbox}
    rank = {row.key: row.id or 0 for row in outbox}
    seen = provider.calls(town.orders)
    called = Counter(call.key for call in seen)
    answered = {int(row.key.split(":")[1]) for row in outbox}
    read = defaultdict(list)  # sender -> what was read as questions, in order
    for question in session.exec(select(Question).order_by(col(Question.id))).all():
        read[question.address_id] += question.text.split("\n")

    lost = [id for id in town.told if id not in by_external or by_external[id].state not in ("handled", "held")]
    lost += [  # whole messages are answered one by one
        row.external_id for row in inbox if row.channel == "email" and row.state == "handled" and row.id not in answered
    ]
    lost += [row.key for row in outbox if row.state == "sent" and not called[row.key]]
    lost += [row.key for row in outbox if row.state not in ("sent", "unknown", "held")]

    heard, written, sent = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in inbox:
        heard[row.address_id].append(row.external_id)
        if row.state == "handled":
            written[row.address_id].append(row.text)
    for call in seen:
        sent[call.to].append(rank[call.key])
    disordered = [str(who) for who, ids in heard.items() if ids != sorted(ids)]
    if not town.orders.real_matcher:  # else some are small talk, of which no question is recorded
        disordered += [f"read {who}" for who, texts in written.items() if texts != read[who]]  # or lost, or read twice
    disordered += [who for who, ids in sent.items() if any(a > b for a, b in pairwise(ids))]

    plain = {row.key for row in outbox if row.channel == "sms"}
    repeated = Counter({key: count - 1 for key, count in called.items() if count > 1 and key in plain})
    first = {call.key: call.at for call in reversed(seen)}
    latencies = [
        first[key] - town.said_at[row.external_id]
        for row in inbox
        if (key := f"inbox:{row.id}:0") in first and row.external_id in town.said_at
    ]
    return Verdict(
        acknowledged=len(town.told),
        lost=lost,
        disordered=disordered,
        kept_twice=len(inbox) - len(by_external),
        sends=len(seen),
        repeated=repeated,
        unaccounted=repeated.keys() - town.in_flight,
        repeated_safely=sum(count - 1 for key, count in called.items() if key not in plain),
        uncertain=sum(row.state == "unknown" for row in outbox),
        held=sum(row.state == "held" for row in inbox),
        latencies=latencies,
    )
