"""The long crash test: 100,000 messages and 100 kill -9 on either database."""

import asyncio
import time
from collections.abc import Iterator

from tests.bench.installation import KINDS, Row, opened

PACE = 8  # the processes' clock: a lease of 28 s is over in 3.5


def run(quick: bool) -> Iterator[Row]:
    messages, kills, seconds = (5000, 20, 60) if quick else (100_000, 100, 1500)
    for kind in KINDS:
        with opened(kind, seed_=100, pace=PACE) as town:

            async def ordeal(town=town) -> float:  # type: ignore[no-untyped-def]
                async with town.open():
                    began = time.monotonic()
                    pause = seconds / kills
                    await asyncio.gather(
                        town.people(messages // 6 + 1, messages, seconds), town.killing(kills, pause * 0.3, pause * 1.5)
                    )
                    await town.drained(1800)
                    return time.monotonic() - began

            took = asyncio.run(ordeal())
            found = town.verdict()
        label = f"{messages:,} messages, {kills} kill -9 in {took / 60:.0f} min: ".replace(",", " ")
        yield Row(label + "lost", kind, str(len(found.lost)), "0", not found.lost)
        yield Row("… out of order in a conversation", kind, str(len(found.disordered)), "0", not found.disordered)
        yield Row("… kept twice", kind, str(found.kept_twice), "0", not found.kept_twice)
        yield Row("… sent again where it shows, not in flight at a crash", kind, str(len(found.unaccounted)), "0",
                  not found.unaccounted)  # fmt: skip
        yield Row("… sent again where it shows, in flight at a crash", kind, str(found.repeated.total()),
                  "≤ 1 a send in flight", set(found.repeated.values()) <= {1})  # fmt: skip
        yield Row("… sent again under a key that the provider knows", kind, str(found.repeated_safely))
        yield Row("… left to the officer as uncertain", kind, str(found.uncertain))
