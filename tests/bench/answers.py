"""Intake and automatic answers with the real base and matcher, beside the task queues that one would take instead."""

import asyncio
import time
from collections.abc import Iterator

from sqlmodel import Session, select

from channels.mailbox import InboxRow
from tests.bench import rivals
from tests.bench.installation import KINDS, Row, flood, last_calls, ms, opened, questions, share, steadily
from tests.ordeal.town import Town

STEADY = 50.0  # messages a second
WANTED = {"SQLite": 50.0, "PostgreSQL": 150.0}


def _heard(session: Session) -> list[tuple[int, str]]:
    return [(id or 0, external) for id, external in session.exec(select(InboxRow.id, InboxRow.external_id)).all()]


def _latencies(town: Town, prefix: str) -> list[float]:
    """From the asker's first try to the moment at which the provider has the last message of the answer."""
    last = last_calls(town)
    return [
        last[id] - town.said_at[external]
        for id, external in town.db.look(_heard)
        if id in last and external.startswith(prefix)
    ]


def run(quick: bool) -> Iterator[Row]:
    for kind in KINDS:
        yield from _ours(kind, quick)
    yield from rivals.run(quick)


def _ours(kind: str, quick: bool) -> Iterator[Row]:
    steady, many = (500, 500) if quick else (3000, 3000)
    with opened(kind, real_matcher=True) as town:

        async def measured() -> tuple[float, float]:
            async with town.open():
                await steadily(town, questions(20), 10)  # warm
                await town.drained(60)
                town.acks.clear()
                await steadily(town, questions(steady), STEADY)
                await town.drained(120)
                slow = list(town.acks)
                began = time.time()
                taken = await flood(town, questions(many))
                await town.drained(300)
                ended = max(last_calls(town).values())
                town.acks[:] = slow
                return many / taken, many / (ended - began)

        intake, answered = asyncio.run(measured())
        acks, answers = town.acks, _latencies(town, "u")
        p99, p95 = share(acks, 0.99), share(answers, 0.95)
        verdict = town.verdict()
    yield Row("intake acknowledged at 50/s, p50", kind, ms(share(acks, 0.5)))
    yield Row("intake acknowledged at 50/s, p99", kind, ms(p99), "≤ 200 ms", p99 <= 0.2)
    yield Row("answer with the provider at 50/s, p50", kind, ms(share(answers, 0.5)))
    yield Row("answer with the provider at 50/s, p95", kind, ms(p95), "≤ 1 s", p95 <= 1)
    yield Row("intake, at most, while answering", kind, f"{intake:.0f}/s")
    wanted = WANTED[kind]
    yield Row("answered, at most", kind, f"{answered:.0f}/s", f"≥ {wanted:.0f}/s", answered >= wanted)
    faults = (len(verdict.lost), len(verdict.disordered), verdict.kept_twice)
    yield Row("lost, out of order, kept twice", kind, ", ".join(map(str, faults)), "0, 0, 0", not any(faults))
