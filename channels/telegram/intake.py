"""How news from Telegram gets in: each update is read, its files are fetched, it is delivered, its button answered."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from telegram.error import TelegramError

from channels.contract import Attachment, Deliver

from .line import Line, said
from .update import Heard, Me, Wanted, read, rescued

log = structlog.get_logger(__name__)
LARGEST = 10_000_000  # bytes of a file that we keep
FETCH_SECONDS, FETCHES = 20.0, 2
AT_ONCE = 4
TRIES = 5  # of an update that the inbox refuses, before the officer gets what is left of it


class Intake:
    """Takes updates in. An update whose delivery fails comes again, in its place in its conversation."""

    def __init__(self, files_url: str, now: Callable[[], datetime]):
        self._files_url, self._now = files_url, now
        self._failed: dict[int, int] = {}  # update -> tries
        self._errands: set[asyncio.Task[None]] = set()

    async def take(self, raw: Mapping[str, Any], me: Me, line: Line, deliver: Deliver, last: Mapping[int, int]) -> None:
        """Read, fetch and deliver one update; returns once it is safe, raises what `deliver` raises."""
        await self._keep(raw, await self._prepared(raw, me, line, last), me, line, deliver)

    async def take_all(
        self, batch: Sequence[Mapping[str, Any]], me: Me, line: Line, deliver: Deliver, last: Mapping[int, int]
    ) -> tuple[int, bool]:
        """Take a batch in order: the offset to ask from next, and whether all of it is safe.

        The offset never passes an update that is not safe; those behind it are delivered all the same, except
        those of the same conversation, and come again: the inbox knows them (R2).
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def prepared(raw: Mapping[str, Any]) -> Heard:
            async with gate:
                return await self._prepared(raw, me, line, last)

        found = await asyncio.gather(*(prepared(raw) for raw in batch))
        stuck: list[int] = []
        waiting = set()
        for raw, heard in zip(batch, found, strict=True):
            sender = heard.inbound.sender if heard.inbound else None
            if sender in waiting:
                continue
            try:
                await self._keep(raw, heard, me, line, deliver)
            except Exception as error:
                log.error("telegram.deliver", update=raw["update_id"], error=type(error).__name__)
                stuck.append(int(raw["update_id"]))
                waiting.add(sender)
        return (min(stuck) if stuck else int(batch[-1]["update_id"]) + 1), not stuck

    async def _prepared(self, raw: Mapping[str, Any], me: Me, line: Line, last: Mapping[int, int]) -> Heard:
        try:
            heard = read(raw, me, self._now(), last)
        except Exception as error:  # a field of another shape than documented: no reason to stop listening
            log.error("telegram.unreadable", update=raw.get("update_id"), error=said(error))
            return Heard(rescued(raw, me, self._now()))
        if heard.inbound is None or not heard.files:
            return heard
        files: list[Attachment] = []
        warnings = list(heard.inbound.warnings)
        text = heard.inbound.text
        for wanted in heard.files:
            problem = f"{wanted.size / 1e6:.0f} Mo, 10 Mo au plus" if wanted.size > LARGEST else ""
            content = b"" if problem else await self._fetched(wanted, line)
            if content and len(content) <= LARGEST:
                files.append(Attachment(wanted.filename, wanted.content_type, content))
                continue
            problem = problem or "Telegram ne l'a pas donné"
            warnings.append(f"fichier non reçu : {wanted.filename} ({problem})")
            text = text or f"(fichier non reçu : {problem})"
        return replace(
            heard, inbound=replace(heard.inbound, text=text, attachments=tuple(files), warnings=tuple(warnings))
        )

    async def _fetched(self, wanted: Wanted, line: Line) -> bytes:
        """The file's bytes, empty if Telegram would not give them: the words that came with it must not wait."""
        for _ in range(FETCHES):
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    file = await line.bot.get_file(wanted.file_id)
                    # PTB would read a path of this machine that the server names, if there is one
                    if not (file.file_path or "").startswith(self._files_url):
                        return b""
                    if (file.file_size or 0) > LARGEST:
                        return b""
                    return bytes(await file.download_as_bytearray())
            except (TelegramError, TimeoutError) as error:
                log.warning("telegram.file", error=said(error))
        return b""

    async def _keep(self, raw: Mapping[str, Any], heard: Heard, me: Me, line: Line, deliver: Deliver) -> None:
        update_id = int(raw["update_id"])
        if heard.inbound is not None:
            try:
                await deliver(heard.inbound)
            except OSError:  # nothing at all can be written: no fault of this update
                raise
            except Exception as error:
                tries = self._failed[update_id] = self._failed.get(update_id, 0) + 1
                rest = rescued(raw, me, self._now()) if tries >= TRIES else None
                if rest is None:
                    raise
                log.error("telegram.rescued", update=update_id, tries=tries, error=type(error).__name__)
                await deliver(replace(rest, text="(message que l'inbox refuse : voir sur Telegram)"))
            self._failed.pop(update_id, None)
        if heard.pressed is not None:
            self._later(self._answer(heard, line))

    async def _answer(self, heard: Heard, line: Line) -> None:
        """Stop the button from turning, and take the buttons away: they were used."""
        pressed = heard.pressed
        assert pressed is not None
        with contextlib.suppress(TelegramError):  # too late for it is no harm
            await line.bot.answer_callback_query(pressed.id, text=pressed.say or None, show_alert=bool(pressed.say))
        if heard.inbound is not None and pressed.chat:
            with contextlib.suppress(TelegramError):
                await line.bot.edit_message_reply_markup(pressed.chat, pressed.message_id, reply_markup=None)

    def _later(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._errands, return_exceptions=True)
