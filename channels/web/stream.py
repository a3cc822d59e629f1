"""The live half of the chat: server-sent events, numbered by the rows that they show; holds no session."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from channels.contract import Collected
from channels.web.desk import Escalated, WebDesk

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0  # a comment, so that no proxy takes the line for dead
LIFE_SECONDS = 600.0  # then the browser comes back by itself, with its Last-Event-ID
MOST_STREAMS = 1000


@dataclass
class Stream:
    """What one open page is told, from the message after `after` on."""

    desk: WebDesk
    handle: str
    after: int
    stopping: Callable[[], bool]
    shown: Callable[[Collected], str]  # the HTML of a message
    panel: Callable[[list[Escalated]], Awaitable[str]]  # the HTML of what went to a person
    clock: Callable[[], float] = field(default=time.monotonic)

    async def events(self) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        try:
            async for event in self._watched():
                yield event
        except Exception as error:  # the database is away, say: the browser comes back in two seconds
            log.warning("a live page was let go: %s", type(error).__name__)

    async def _watched(self) -> AsyncIterator[str]:
        began = spoke = self.clock()
        asked: list[Escalated] = []  # so that what happened between the page and this stream is told as well
        while not self.stopping() and self.clock() - began < LIFE_SECONDS:
            if await self.desk.newest(self.handle) > self.after:
                for message in await self.desk.collect(self.handle, self.after):
                    self.after = max(self.after, message.id)
                    yield _event("message", {"id": message.id, "html": self.shown(message)}, message.id)
                    spoke = self.clock()
                if (found := await self.desk.escalated(self.handle)) != asked:
                    asked = found
                    yield _event("panneau", {"html": await self.panel(asked)})
            if self.clock() - spoke >= HEARTBEAT_SECONDS:
                yield ": toujours là\n\n"
                spoke = self.clock()
            await asyncio.sleep(POLL_SECONDS)


def _event(name: str, data: dict[str, object], id: int | None = None) -> str:
    numbered = f"id: {id}\n" if id is not None else ""
    return f"{numbered}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def resume_from(last_event_id: str, asked: str) -> int:
    """The id to go on after: the browser's own word first, else what the page said; 0 when neither is a number."""
    for text in (last_event_id, asked):
        if text.isascii() and text.isdigit() and len(text) < 19:
            return int(text)
    return 0
