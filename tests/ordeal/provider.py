"""A provider that writes down every call, in order, before it answers; a call under a known key is no new message."""

import asyncio
import json
import os
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.ordeal.house import Orders


@dataclass(frozen=True)
class Call:
    """One send as the provider saw it."""

    key: str
    to: str
    channel: str
    at: float


def run(orders: Orders, seed: int) -> None:
    """Run until killed."""
    asyncio.run(_run(orders, random.Random(seed)))


async def _run(orders: Orders, dice: random.Random) -> None:
    log = os.open(f"{orders.folder}/calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    known: dict[str, str] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            line = await reader.readline()
            if line.endswith(b"\n"):
                call = json.loads(line)
                told = {"key": call["key"], "to": call["to"], "channel": call["channel"], "at": time.time()}
                os.write(log, json.dumps(told).encode() + b"\n")
                await asyncio.sleep(dice.uniform(0.001, 0.01))
                writer.write(known.setdefault(call["key"], f"p{len(known)}").encode() + b"\n")
                await writer.drain()
        writer.close()

    path = Path(orders.provider)
    path.unlink(missing_ok=True)
    await (await asyncio.start_unix_server(serve, path, backlog=1000)).serve_forever()


def calls(orders: Orders) -> list[Call]:
    """Every call so far, in the order in which they came."""
    path = Path(orders.folder) / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    return [Call(**json.loads(line)) for line in lines]
