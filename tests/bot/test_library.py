"""A correction answers within a second, before and while the index is made anew in a process that steps back."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from bot import library
from bot.db import Database
from bot.desk import entries as desk
from knowledge import entries, seed
from knowledge.entries import Content
from knowledge.matching import Index

SOON = 1.0  # seconds, for a correction to be answered
QUESTION = "le composteur collectif du square aux hérissons"


async def until(true: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
    began = time.monotonic()
    while not await true():
        assert time.monotonic() - began < seconds, what
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def phrased(content: Content, words: str) -> Content:
    return replace(content, phrasings=(*content.phrasings, words))


@pytest.fixture
def shelf(db: Database, contents: list[Content], index: Index, now: datetime, tmp_path: Path) -> library.Library:
    db.transact(seed.load, contents, now)
    path = tmp_path / "index.npz"
    index.save(path)
    name = db.look(library.wanted, now.date())
    db.transact(entries.keep_index, name, path.read_bytes(), now)
    return library.Library(db, lambda: now, now.date)


def test_a_correction_is_answered_within_a_second_and_another_while_the_index_is_made(
    shelf: library.Library, contents: list[Content], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "SETTLE_SECONDS", 0.0)
    first, second = contents[0], contents[1]
    building = asyncio.Event()
    finish = asyncio.Event()

    async def slow(*_: object, **__: object) -> bytes:
        building.set()
        await finish.wait()
        raise library.BuildFailed("the test has seen enough")

    monkeypatch.setattr(library, "build", slow)

    async def answered(words: str, slug: str) -> bool:
        found = await shelf.match(words, "web")
        return found is not None and found.decision == "answer" and found.entries == (slug,)

    async def live() -> None:
        keeping = asyncio.create_task(shelf.keep_fresh(may_build=True))
        try:
            await asyncio.wait_for(shelf.ready.wait(), 30)
            assert not await answered(QUESTION, first.slug)
            await shelf.db.run(desk.publish, phrased(first, QUESTION), "nora", "vue", now)
            spent = await until(lambda: answered(QUESTION, first.slug), 20, "the first correction was never answered")
            assert spent < 3 * SOON, f"{spent:.1f} s"  # the machine of the tests may be busy
            await asyncio.wait_for(building.wait(), 20)
            other = "la fanfare des balcons du dimanche"
            await shelf.db.run(desk.publish, phrased(second, other), "nora", "vue", now)
            spent = await until(lambda: answered(other, second.slug), 20, "while building, the correction waited")
            assert spent < 3 * SOON, f"{spent:.1f} s"
            assert not finish.is_set()
        finally:
            finish.set()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(live())
    assert library.LOOK_SECONDS <= SOON / 2


def test_the_index_is_made_by_a_process_that_steps_back_and_stays_small(contents: list[Content]) -> None:
    from knowledge import indexer

    seen: list[tuple[int, int, int]] = []

    async def watch(building: "asyncio.Task[bytes]") -> None:
        while not building.done():
            for child in psutil.Process().children(recursive=True):
                try:
                    score = int(Path(f"/proc/{child.pid}/oom_score_adj").read_text())
                    seen.append((child.nice(), score, child.memory_info().rss))
                except (psutil.Error, OSError):
                    continue  # it ended between two looks
            await asyncio.sleep(0.05)

    async def build() -> bytes:
        building = asyncio.create_task(library.build([indexer.material(content) for content in contents]))
        await watch(building)
        return await building

    made = asyncio.run(build())
    assert library.opened(made).slugs
    polite = [(nice, score) for nice, score, _ in seen if nice >= os.nice(0) + 10]
    assert polite, "the child never lowered its priority"
    assert max(score for _, score in polite) >= 800
    assert max(memory for _, _, memory in seen) < 600e6
