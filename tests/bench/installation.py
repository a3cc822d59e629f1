"""What several measures need: fresh databases of both kinds, the real base with its index, and a way to write to it."""

import asyncio
import json
import math
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot import library, migrations
from bot.db import Database
from channels.sms import gsm
from knowledge import entries, seed
from tests.ordeal import town
from tests.ordeal.town import Town
from tests.peers.postgres import Postgres, programs

# Public data beside the repository, when it is there; nothing shipped reads it.
SHARED = next(
    (found for each in Path(__file__).parents if (found := each / "shared/matching").is_dir()), Path("shared/matching")
)
KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """A fresh one, migrated; PostgreSQL with fsync, as in real life."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        if kind == "SQLite":
            db = Database(f"sqlite:///{folder}/data/hotline.db")
            migrations.upgrade(db)
            yield db
            db.close()
            return
        found = programs()
        if found is None:
            raise SystemExit("PostgreSQL is not installed: tests/peers/install.sh")
        server = Postgres(found, durable=True)
        try:
            server.start()
            db = Database(server.database())
            migrations.upgrade(db)
            yield db
            db.close()
        finally:
            server.close()


@contextmanager
def opened(kind: str, *, seed_: int = 1, real_matcher: bool = False, pace: float = 1.0) -> Iterator[Town]:
    """A town over a fresh database: one process on SQLite, two on PostgreSQL."""
    with database(kind) as db, tempfile.TemporaryDirectory(prefix="hotline-town-", dir="/tmp") as folder:
        if real_matcher:
            db.transact(seed.load, base(), datetime.now(UTC))
            keep_index(db)
        orders = town.prepare(db, Path(folder), pace, real_matcher=real_matcher)
        yield Town(db, orders, random.Random(seed_), 1 if kind == "SQLite" else 2)


def base() -> list[entries.Content]:
    return [each.content for each in seed.read_folder(seed.CONTENT, gsm.length) if each.content]


_built: dict[str, bytes] = {}


def keep_index(db: Database) -> None:
    """The index of the base as it stands, built once and stored in each database."""
    today = datetime.now(UTC).date()
    name = db.look(library.wanted, today)
    if name not in _built:
        _built[name] = asyncio.run(library.build(db.look(library.materials, today)))
    db.transact(entries.keep_index, name, _built[name], datetime.now(UTC))


def questions(count: int) -> list[str]:
    """What people ask: the base's own phrasings, in a fixed disorder."""
    found = [text for content in base() for text in content.phrasings]
    random.Random(7).shuffle(found)
    return (found * (count // len(found) + 1))[:count]


async def steadily(written: Town, texts: Sequence[str], rate: float) -> None:
    """One message after another at a fixed rate, whether or not the one before was acknowledged (an open loop)."""
    began = time.perf_counter()
    writing = []
    for number, text in enumerate(texts):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        writing.append(asyncio.create_task(written.write(f"u{number}@exemple.invalid", "email", [text], [0])))
    await asyncio.gather(*writing)


async def flood(written: Town, texts: Sequence[str], hands: int = 32) -> float:
    """As fast as that many hands can; seconds until the last acknowledgement."""
    waiting = list(enumerate(texts))
    began = time.perf_counter()

    async def one() -> None:
        while waiting:
            number, text = waiting.pop()
            await written.write(f"f{number}@exemple.invalid", "email", [text], [0])

    await asyncio.gather(*(one() for _ in range(hands)))
    return time.perf_counter() - began


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)] if ordered else float("nan")


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


@dataclass(frozen=True)
class Row:
    """One line of the report: what was measured, where, the figure, and what was asked for."""

    what: str
    where: str
    figure: str
    demand: str = ""
    good: bool | None = None

    def as_json(self) -> str:
        return json.dumps(self.__dict__, ensure_ascii=False)


def last_calls(written: Town) -> dict[int, float]:
    """When the last message of each answer reached the provider, by the number of what it answers."""
    from tests.ordeal import provider

    found: dict[int, float] = {}
    for call in provider.calls(written.orders):
        if call.key.startswith("inbox:"):
            found[int(call.key.split(":")[1])] = call.at
    return found
