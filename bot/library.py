"""The matcher at work: keeps the newest index, has it rebuilt in a child process, and matches off the event loop."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlmodel import Session

from bot.db import Database, DatabaseAway
from knowledge import entries, indexer, matching, seed, semantic
from knowledge.matching import Index, Match, Material

log = structlog.get_logger()
LOOK_SECONDS = 0.5  # a correction answers within a second
SETTLE_SECONDS = 2.0  # changes made together are built together
BUILD_SECONDS = 600.0
MOST_MATCHED = 6000  # characters of a message that are put to the matcher
SHIPPED = Path(matching.__file__).parent / "index"  # at most one file: of the base as shipped
MEANINGS = "-meanings"  # ends the name of an index built with the encoder
Awaited = TypeVar("Awaited")
HOLD = 0x696E6478  # who holds this builds the index


class BuildFailed(Exception):
    """The child process that builds the index ended badly; the old index goes on."""


@cache
def recipe() -> str:
    """Changes when the none messages or the matcher's own code change: an index of another recipe is not used."""
    stamp = hashlib.sha256()
    folder = Path(matching.__file__).parent
    names = (
        "matching.py", "chances.py", "training.py", "calibration.py", "learning.py", "cells.py", "french.py",
        "understanding.py", "semantic.py",
    )  # fmt: skip
    folders = (folder / "lexicon", folder / "patterns", seed.NONE)
    lists = [path for each in folders for path in sorted(each.glob("*.txt"))]
    for path in [*(folder / name for name in names), *lists]:
        stamp.update(path.read_bytes())
    return stamp.hexdigest()[:12]


def wanted(session: Session, today: date, meanings: bool = False) -> str:
    """The name of the index that the base as it stands needs."""
    return named(entries.base_fingerprint(session, today), meanings)


def _standing(session: Session, today: date) -> tuple[str, dict[str, int]]:
    """The name of the index that is wanted, and the versions that it is to be made of: of one moment."""
    return wanted(session, today), entries.version_numbers(session, today)


def named(fingerprint: str, meanings: bool = False) -> str:
    return f"{fingerprint[:24]}-{recipe()}{MEANINGS if meanings else ''}"


def shipped(name: str) -> bytes | None:
    """The index that came with the program (`make index`), if it is the one of this name: nothing to wait for."""
    path = SHIPPED / f"{name}.npz"
    return path.read_bytes() if path.is_file() else None


def materials(session: Session, today: date) -> list[Material]:
    return [indexer.material(each.content) for each in entries.published(session, today)]


async def build(found: Sequence[Material], *, meanings: bool = False, old: bytes | None = None) -> bytes:
    """An index of this material, as npz bytes, made in a child process; BuildFailed with the child's last words.

    `meanings`: with the encoder of knowledge/semantic.py; the vectors of an `old` index serve again.
    """
    return await _in_a_child(found, "index.npz", meanings=meanings, old=old)


async def overlap(found: Sequence[Material]) -> dict[str, Any]:
    """knowledge.training.Overlap of this material, as JSON; made in a child process, in about the time of an index."""
    told: dict[str, Any] = json.loads(await _in_a_child(found, "overlap.json"))
    return told


async def _in_a_child(
    found: Sequence[Material], name: str, *, meanings: bool = False, old: bytes | None = None
) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        more = ["--semantic"] if meanings else []
        if meanings and old is not None:
            before = Path(folder) / "old.npz"
            await asyncio.to_thread(before.write_bytes, old)
            more.append(str(before))
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "knowledge.indexer",
            str(out),
            *more,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # it has children of its own: they must not outlive it
        )
        try:
            _, errors = await asyncio.wait_for(
                child.communicate(indexer.order(found, seed.none_messages())), BUILD_SECONDS
            )
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
            raise
        if child.returncode or not out.is_file():
            raise BuildFailed(errors.decode(errors="replace")[-500:])
        return out.read_bytes()


def opened(arrays: bytes) -> Index:
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(arrays)
        file.flush()
        return Index.load(Path(file.name))


class Library:
    """One process's view of the base: an index, and beside it what was published since it was built."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], datetime],
        today: Callable[[], date],
        encode: semantic.Encoder | None = None,
    ):
        self.db, self.now, self.today, self.encode = db, now, today, encode
        self.index: Index | None = None
        self.name = ""
        self.overlay: tuple[Material, ...] = ()
        self.ready = asyncio.Event()
        self._slugs: dict[str, int] = {}  # the versions that the index was made of
        self._matching = asyncio.Lock()

    async def match(self, text: str, channel: str) -> Match | None:
        """What the base can say about a message; None while there is no index."""
        index, overlay = self.index, self.overlay
        if index is None:
            return None
        return await asyncio.to_thread(
            matching.match, index, text[:MOST_MATCHED], channel=channel, overlay=overlay, encode=self.encode
        )

    async def keep_fresh(self, *, may_build: bool) -> None:
        """Swap to the newest index, lay new entries over it, and have it rebuilt when the base has changed."""
        while True:
            try:
                await self.refresh(may_build=may_build)
            except DatabaseAway as error:
                log.warning("database away", where="library", error=str(error))
            except BuildFailed as error:
                log.error("index not built", error=str(error))
                await asyncio.sleep(30)
            await asyncio.sleep(LOOK_SECONDS)

    async def refresh(self, *, may_build: bool) -> None:
        """One look: true to its name in a second for new words, in some ten for a new index."""
        today = self.today()
        name = await self.db.read(wanted, today, self.encode is not None)
        if name == self.name:
            return
        stored = await self.db.read(entries.index_named, name)
        if stored is None and (stored := await asyncio.to_thread(shipped, name)) is not None and may_build:
            await self.db.run(entries.keep_index, name, stored, self.now())
        if stored is not None:
            await self._swap(name, stored, today)
            return
        if self.index is None and self.encode is not None:
            # Meanings take minutes the first time: the index that came with the program answers meanwhile.
            plain = await asyncio.to_thread(shipped, name.removesuffix(MEANINGS))
            if plain is not None:
                await self._swap(name.removesuffix(MEANINGS), plain, today)
        if self.index is not None:
            await self._lay_over(today)
        if may_build:
            if self.index is not None:
                await self._meanwhile(asyncio.create_task(asyncio.sleep(SETTLE_SECONDS)), today)
            await self._rebuild(today)

    async def _swap(self, name: str, arrays: bytes, today: date) -> None:
        index = await asyncio.to_thread(opened, arrays)
        now_wanted, slugs = await self.db.read(_standing, today)
        if now_wanted != name.removesuffix(MEANINGS):
            return  # published meanwhile: it would be neither in the index nor laid over it; the next look has it
        self.index, self.name, self.overlay, self._slugs = index, name, (), slugs
        self.ready.set()
        log.info("index ready", entries=len(self._slugs))

    async def _lay_over(self, today: date) -> None:
        found = await self.db.read(entries.published, today)
        changed = [each for each in found if self._slugs.get(each.content.slug) != each.number]
        self.overlay = tuple(indexer.material(each.content) for each in changed)

    async def _rebuild(self, today: date) -> None:
        async with self.db.alone(HOLD) as mine:
            if mine is None:
                return
            meanings = self.encode is not None
            name = await self.db.read(wanted, today, meanings)
            if await self.db.read(entries.index_named, name) is None:
                old = await self.db.read(entries.index_named, self.name) if meanings and self.name else None
                found = await self.db.read(materials, today)
                arrays = await self._meanwhile(asyncio.create_task(build(found, meanings=meanings, old=old)), today)
                await self.db.run(entries.keep_index, name, arrays, self.now())

    async def _meanwhile(self, task: asyncio.Task[Awaited], today: date) -> Awaited:
        """What the task gives; what is published while it lasts is laid over within LOOK_SECONDS all the same."""
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK_SECONDS)
                if self.index is not None:
                    await self._lay_over(today)
            return task.result()
        finally:
            task.cancel()
