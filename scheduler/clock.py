"""The clock: says "look now" every minute and once at the start; it knows no job and keeps no job store."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


async def every(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
    """Call `look` now and then every `seconds`, never twice at once, until cancelled.

    APScheduler drops what comes over one second late unless told otherwise: here a late tick still ticks, and missed
    ones count as one.
    """

    async def tick() -> None:  # APScheduler awaits coroutine functions only, and a lambda is none
        with contextlib.suppress(asyncio.CancelledError):  # the service stops: APScheduler would log it as a failure
            await look()

    clock = AsyncIOScheduler(executors={"default": AsyncIOExecutor()}, timezone="UTC")
    clock.add_job(tick, IntervalTrigger(seconds=seconds), coalesce=True, misfire_grace_time=None, max_instances=1)
    await look()
    clock.start()
    try:
        await asyncio.Event().wait()
    finally:
        clock.shutdown(wait=False)
