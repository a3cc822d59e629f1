"""A town whose Telegram is the real channel, speaking to a Bot API server over HTTP."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from bot.db import Database
from bot.desk import incoming
from bot.office import Office
from channels.contract import Inbound, Receipt
from channels.telegram.channel import TelegramChannel
from channels.telegram.pace import Pace
from channels.telegram.settings import read_settings
from knowledge.entries import Content
from knowledge.matching import Index
from tests.peers.telegram import Phone, Telegram, telegram_api
from tests.town import Town

__all__ = ["telegram_api"]


def channel_at(api: Telegram, **options: Any) -> TelegramChannel:
    settings = read_settings(api.settings)
    assert settings is not None
    return TelegramChannel(settings, **({"poll": 5, "first_pause": 0.05, "pace": Pace(chat_gap=0)} | options))


@dataclass
class TelegramTown(Town):
    """A town that hears and answers on Telegram."""

    api: Telegram = field(kw_only=True)

    def __post_init__(self) -> None:
        self.api.clock = lambda: self.at.timestamp()
        self.heard: list[Inbound] = []
        self.restart()

    def restart(self) -> None:
        """A new process: nothing of what the channel remembered is left."""
        self.channel = channel_at(self.api, now=self.now)
        self.channels["telegram"] = self.channel  # type: ignore[assignment]

    async def deliver(self, message: Inbound | Receipt) -> bool:
        assert isinstance(message, Inbound)
        self.heard.append(message)
        return await self.db.run(incoming.receive, self.office, message, self.now())

    def pull(self) -> None:
        """Listen until Telegram has nothing left for us."""
        asyncio.run(self._pull())

    async def _pull(self) -> None:
        listening = asyncio.create_task(self.channel.listen(self.deliver))
        try:
            async with asyncio.timeout(20):
                while self.api.waiting() and not listening.done():
                    await asyncio.sleep(0.005)
            if listening.done():
                listening.result()
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
            await self.channel.close()

    async def _work(self, ticks: bool) -> None:
        try:
            await super()._work(ticks)
        finally:
            await self.channel.close()

    def answer(self, phone: Phone) -> list[str]:
        """Take in what was written, let everybody work; what this phone read since."""
        before = len(phone.reads())
        self.pull()
        self.pass_time(seconds=4)
        self.work()
        return phone.reads()[before:]


@pytest.fixture
def tele(
    db: Database, office: Office, index: Index, contents: list[Content], now: datetime, telegram_api: Telegram
) -> TelegramTown:
    found = TelegramTown(db, office, index, now, api=telegram_api)
    found.open(contents)
    return found
