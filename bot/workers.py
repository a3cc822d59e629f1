"""The loops that keep the hotline moving: listen, route, deliver, tick; each survives whatever happens in it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlmodel import Session

from bot.db import Database, DatabaseAway, Hold
from bot.desk import (
    corrections,
    entrance,
    erasing,
    handing_on,
    incoming,
    noon,
    officer,
    outgoing,
    overdue,
    partners,
    questions,
    reminding,
    repeating,
    retention,
    season,
)
from bot.library import Library
from bot.office import Office
from channels import admission, mailbox
from channels.contract import (
    Deliver,
    Findable,
    Inbound,
    Listener,
    Opened,
    Outbound,
    Receipt,
    TryAgain,
    Undeliverable,
    Unsure,
)
from channels.mailbox import LeaseLost, Sending
from channels.spool import Spool
from escalation import answering
from scheduler import steps

log = structlog.get_logger()
Now = Callable[[], datetime]
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
NAP = 0.3  # seconds between two looks when nothing rings
ROUTERS = 4  # turns that one process works on at once
SENDERS = 4  # messages that one process sends at once
SEND_SECONDS = 23.0  # a provider that takes longer may have the message: the lease is 28
KEEP_SECONDS = 5.0  # a database that takes longer to keep a message hangs: the spool has it meanwhile
DRAINED = 25  # spooled messages that share a transaction
HELD_SECONDS = 5.0  # between two looks at whether a lock is still ours
REST = 1.0  # seconds after the database was away
BATCH = 200
LOT_SECONDS = 0.025  # that one write of many should take
LEAST_IN_A_LOT, MOST_IN_A_LOT = 4, 200


class Bell:
    """Rings when there may be work, so that nobody waits for the next look; one ring wakes one, not the whole house."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rung = False

    def ring(self) -> None:
        while self._waiting:
            sleeper = self._waiting.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                return
        self._rung = True  # nobody was waiting: whoever comes next looks at once

    async def wait(self, seconds: float = NAP) -> None:
        if self._rung:
            self._rung = False
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(sleeper)
        try:
            await asyncio.wait([sleeper], timeout=seconds)
        finally:
            if not sleeper.done():
                sleeper.cancel()
                self._waiting.remove(sleeper)


class Intake:
    """The one door in: a message is acknowledged once it is in the inbox, or sealed in the spool (R1, R9)."""

    def __init__(
        self, db: Database, office: Office, spool: Spool, now: Now, bell: Bell, *, patience: float = KEEP_SECONDS
    ):
        self.db, self.office, self.spool, self.now, self.bell = db, office, spool, now, bell
        self.patience = patience
        self._draining = asyncio.Lock()

    async def deliver(self, message: Inbound | Receipt) -> bool:
        """True when it is kept and new; False when we already had it. Raises OSError only if nothing can be written."""
        if isinstance(message, Inbound) and message.attachments:
            message = await _with_admitted_files(message)
        if not self.spool.holds():  # what came before must go first
            try:
                async with asyncio.timeout(self.patience):
                    new = await self.db.run(incoming.receive, self.office, message, self.now())
            except (DatabaseAway, TimeoutError) as error:
                log.warning("database away", where="intake", error=str(error) or "no answer")
            except Exception:
                log.exception("not kept in the inbox")  # nobody may have to send it again: drain says what is wrong
            else:
                self.bell.ring()
                return new
        await asyncio.to_thread(self.spool.put, message)
        return True

    async def drain(self) -> int:
        """Replay what was spooled, in order, through the same unique key; stop when the database refuses. How many."""
        count = 0
        async with self._draining:
            for files in _by_batch(self.spool.messages()):
                try:
                    await self.db.run(_receive_all, self.office, [message for _, message in files], self.now())
                except DatabaseAway:
                    raise
                except Exception:  # one of them cannot be kept: each alone, and that one out of the others' way
                    await self._drain_singly(files)
                else:
                    for path, _ in files:
                        path.unlink(missing_ok=True)
                count += len(files)
                self.bell.ring()
        return count

    async def _drain_singly(self, files: Sequence[tuple[Path, Inbound | Receipt]]) -> None:
        for path, message in files:
            try:
                await self.db.run(incoming.receive, self.office, message, self.now())
            except DatabaseAway:
                raise
            except Exception:
                log.exception("spooled message set aside", file=path.name)
                self.spool.set_aside(path)
            else:
                path.unlink(missing_ok=True)

    async def keep_draining(self) -> None:
        while True:
            try:
                while await self.drain():  # what came in meanwhile went to the spool too: until it is empty
                    pass
            except DatabaseAway:
                pass
            except Exception:
                log.exception("spool not drained")
            await asyncio.sleep(REST)


async def _with_admitted_files(message: Inbound) -> Inbound:
    """Pictures are opened in a thread: a large one takes a second."""
    try:
        return await asyncio.to_thread(admission.admitted, message)
    except Exception:  # whatever a hostile file breaks, the words that came with it are kept
        log.exception("files not read", channel=message.sender.channel)
        note = f"{len(message.attachments)} fichier(s) non gardé(s) : illisible(s)"
        return replace(message, attachments=(), warnings=(*message.warnings, note))


def _receive_all(session: Session, office: Office, messages: Sequence[Inbound | Receipt], now: datetime) -> None:
    for message in messages:
        incoming.receive(session, office, message, now)


def _by_batch(found: Iterable[tuple[Path, Inbound | Receipt]]) -> Iterator[list[tuple[Path, Inbound | Receipt]]]:
    each = iter(found)
    while batch := list(islice(each, DRAINED)):
        yield batch


async def listen(name: str, listener: Listener, deliver: Deliver) -> None:
    """Keep asking a provider for news; a listener that ends or fails is started again, later each time."""
    rest = REST
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await listener.listen(deliver)
        except Exception:
            log.exception("listener failed", channel=name)
        if asyncio.get_running_loop().time() - started > 60:
            rest = REST
        await asyncio.sleep(rest)
        rest = min(rest * 2, 60)


async def alone(db: Database, name: str, lock: int, work: Callable[[], Awaitable[None]]) -> None:
    """Do this in one process only, for as long as the lock is ours: the others wait to take over."""
    while True:
        try:
            async with db.alone(lock) as hold:
                if hold is not None:
                    await _while_held(hold, name, work)
        except DatabaseAway as error:
            log.warning("database away", where=name, error=str(error))
        await asyncio.sleep(REST * 2)


async def _while_held(hold: Hold, name: str, work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    try:
        while not task.done():
            await asyncio.wait([task], timeout=HELD_SECONDS)
            if not task.done() and not await hold.still():
                log.warning("lock lost", task=name)  # another process may have it: there must not be two
                return
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def listen_alone(db: Database, name: str, listener: Listener, deliver: Deliver, lock: int) -> None:
    """`listen`, in one process only."""
    await alone(db, f"listen-{name}", lock, lambda: listen(name, listener, deliver))


async def send_alone(db: Database, name: str, lock: int, held: set[str]) -> None:
    """Put a channel among those that this process sends on, while no other does: its rates are kept in one place."""

    async def hold() -> None:
        held.add(name)
        try:
            await asyncio.Event().wait()
        finally:
            held.discard(name)

    await alone(db, f"send-{name}", lock, hold)


async def route(db: Database, office: Office, library: Library, now: Now, inbox: Bell, outbox: Bell) -> None:
    """Claim a turn, match it outside any transaction, handle it."""
    await library.ready.wait()
    while True:
        try:
            if await route_next(db, office, library, now):
                outbox.ring()
            else:
                await inbox.wait()
        except DatabaseAway as error:
            log.warning("database away", where="route", error=str(error))
            await asyncio.sleep(REST)
        except Exception:
            log.exception("route failed")
            await asyncio.sleep(REST)


async def route_next(db: Database, office: Office, library: Library, now: Now) -> bool:
    """One turn, if there is one; a turn that fails is given back, and held after five times."""
    claimed = await db.run(incoming.claim, now())
    if claimed is None:
        return False
    try:
        match = await library.match(claimed.to_match, claimed.turn.channel) if claimed.to_match else None
        decision = await db.run(questions.handle, office, claimed, match, now())
        log.info("handled", inbox=claimed.turn.messages[0].id, channel=claimed.turn.channel, decision=decision)
    except LeaseLost:
        log.warning("lease lost", inbox=claimed.turn.messages[0].id)
    except DatabaseAway:
        raise  # the lease ends by itself
    except Exception as error:
        log.exception("turn failed", inbox=claimed.turn.messages[0].id)
        await db.run(mailbox.let_go, claimed.turn, f"{type(error).__name__}: {error}", now())
    return True


async def deliver(
    db: Database,
    office: Office,
    channels: Mapping[str, Opened],
    now: Now,
    bell: Bell,
    held: Collection[str] | None = None,
) -> None:
    """Send what is due on the channels that are open here, and `held` by this process."""
    sendable = [name for name, opened in channels.items() if not opened.collected]
    if not sendable:
        return
    while True:
        try:
            if not await deliver_next(db, office, channels, now, held):
                await bell.wait()
        except DatabaseAway as error:
            log.warning("database away", where="deliver", error=str(error))
            await asyncio.sleep(REST)
        except Exception:
            log.exception("deliver failed")
            await asyncio.sleep(REST)


async def deliver_next(
    db: Database, office: Office, channels: Mapping[str, Opened], now: Now, held: Collection[str] | None = None
) -> bool:
    """Claim (T4), send outside any transaction, settle (T5): one message, if one is due.

    `held`: the channels that this process may send on now; None: all of them.
    """
    sendable = [name for name, opened in channels.items() if not opened.collected and (held is None or name in held)]
    idempotent = [name for name in sendable if _repeatable(channels[name])]
    claimed = await db.run(outgoing.claim_sending, office, sendable, idempotent, now())
    if claimed is None:
        return False
    sending, message = claimed
    opened = channels[sending.channel]
    settle = await _send(opened, office, message, sending, now)
    while True:
        try:
            await settle(db)
        except LeaseLost:
            log.warning("lease lost", outbox=sending.id)
        except DatabaseAway as error:  # what the provider has must not be sent again: the fence says if we are too late
            log.warning("database away", where="settle", error=str(error))
            await asyncio.sleep(REST / 5)  # before anyone looks for leases that ended meanwhile
            continue
        return True


async def _send(
    opened: Opened, office: Office, message: Outbound, sending: Sending, now: Now
) -> Callable[[Database], Awaitable[None]]:
    """Hand it to the provider, unless it says that it has it already; how to settle it, by what happened."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            provider_id = await _found(opened, message, sending) or await opened.channel.send(message, sending.key)
    except TryAgain as error:
        reason, after, scope = str(error), error.after, error.scope
        log.info("to be sent later", outbox=sending.id, channel=sending.channel, reason=reason)
        return lambda db: db.run(outgoing.postpone, sending, reason, now(), after, scope)
    except Undeliverable as error:
        refusal = str(error)
        log.warning("undeliverable", outbox=sending.id, channel=sending.channel, reason=refusal)
        gone, said = error.gone, error.said
        if error.heavy and sending.files:
            return lambda db: db.run(outgoing.without_files, office, sending, refusal, said, now())
        return lambda db: db.run(outgoing.give_up, office, sending, refusal, gone, now())
    except (Unsure, TimeoutError) as error:
        doubt = str(error) or "pas de réponse du fournisseur"
        return lambda db: db.run(outgoing.unsure, office, sending, doubt, now(), _repeatable(opened))
    except Exception as error:  # anything unforeseen is Unsure (contract)
        log.exception("send failed", outbox=sending.id, channel=sending.channel)
        surprise = f"{type(error).__name__}: {error}"
        return lambda db: db.run(outgoing.unsure, office, sending, surprise, now(), _repeatable(opened))
    return lambda db: db.run(outgoing.sent, office, sending, provider_id, now())


async def _found(opened: Opened, message: Outbound, sending: Sending) -> str:
    """The provider's id for a message whose sending was in doubt, where it can be asked (R7)."""
    if not sending.doubts or not isinstance(opened.channel, Findable):
        return ""
    found = await opened.channel.find(message, sending.key, sending.created_at)
    log.info("asked the provider", outbox=sending.id, channel=sending.channel, found=bool(found))
    return found


def _repeatable(opened: Opened) -> bool:
    """Whether trying again makes no second message: its key tells, or the provider is asked first."""
    return opened.idempotent or isinstance(opened.channel, Findable)


async def watch(
    db: Database, office: Office, troubles: Callable[[], Mapping[str, str]], now: Now, bell: Bell, every: float = 60.0
) -> None:
    """Tell the officers, by their other channels, what a person must mend before a channel works again; once a day."""
    while True:
        try:
            for name, trouble in troubles().items():
                log.error("channel stopped", channel=name, reason=trouble)
                await db.run(officer.stopped, office, name, trouble, now())
                bell.ring()
        except DatabaseAway as error:
            log.warning("database away", where="watch", error=str(error))
        except Exception:
            log.exception("watch failed")
        await asyncio.sleep(every)


class Lots:
    """Work cut into writes that hold the database for a moment each: the next lot is larger where the last was quick.

    Fewer commits on a quick machine, and answers that never wait long on a slow one.
    """

    def __init__(self, first: int = 8):
        self.size = first

    def of(self, found: Sequence[T]) -> Iterator[Sequence[T]]:
        """What was found, cut by the size that stands when each lot is asked for."""
        start = 0
        while start < len(found):
            end = start + self.size
            yield found[start:end]
            start = end

    def timed(self, work: Callable[Concatenate[Session, P], R]) -> Callable[Concatenate[Session, P], R]:
        """The same work; how long it took sets the size of the next lot."""

        def timed(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> R:
            began = time.perf_counter()
            try:
                return work(session, *args, **kwargs)
            finally:
                self.took(time.perf_counter() - began)

        return timed

    def took(self, seconds: float) -> None:
        wanted = self.size * min(LOT_SECONDS / max(seconds, 1e-6), 1.5)  # what was slow once is not tried again at once
        self.size = min(MOST_IN_A_LOT, max(LEAST_IN_A_LOT, round(wanted)))


async def remind(db: Database, office: Office, now: Now, bell: Bell, reach: Collection[str] | None) -> None:
    """T6: drop, plan, begin in lots, look outside any write, post in lots; one worker at a time, each person once."""
    with db.held(reminding.LOCK) as mine:
        if not mine:
            return
        changed, over = await db.read(reminding.stale, now())
        dropping = Lots()
        for drop, keys in ((reminding.drop_changed, changed), (reminding.drop_begun, over)):
            for some in dropping.of(keys):
                await db.run(dropping.timed(drop), some)
        for which, do in ((steps.unplanned, reminding.plan_some), (steps.unsettled, reminding.begin_some)):
            meetings, preparing = await db.read(which, now(), reminding.MEETINGS), Lots()
            for ids in preparing.of(meetings):
                await db.run(preparing.timed(do), office, now(), ids)
        telling = Lots()
        while notices := await db.read(season.notices, office, now(), reminding.NOTICES):
            for lot in telling.of(notices):
                if await db.run(telling.timed(season.post_notices), office, lot, now()):
                    bell.ring()
        begun = await db.read(steps.begun, now())
        posting, found = Lots(), True
        while found:
            letters, _ = await db.read(reminding.look, office, now(), reminding.LOOK, reach)
            posted = 0
            for some_letters in posting.of(letters):
                posted += await db.run(posting.timed(reminding.post), office, some_letters, now())
                bell.ring()
            if posted:
                log.info("reminders posted", count=posted)
            found = bool(letters)
        for ids in Lots(BATCH).of(begun):
            await db.run(steps.close, ids)


async def tick(db: Database, office: Office, now: Now, bell: Bell, reach: Collection[str] | None = None) -> None:
    """Look at the tables: what is due by now, what stopped without anyone having heard, what is to be forgotten.

    `reach`: the channels by which people can be reminded here; None: all that may be written to.
    """
    try:
        while await db.run(repeating.extend, office, now()):
            pass
        await remind(db, office, now, bell, reach)
        for told in await db.read(noon.look, office, now()):
            await db.run(noon.post, office, [told], now())
            bell.ring()
        while await db.run(corrections.send_some, office, now(), BATCH):
            bell.ring()
        while await db.run(handing_on.tell_troubled, office, now()):
            pass
        await db.run(outgoing.follow_unreported, office, now())
        while await db.run(overdue.deadlines, office, now()):
            pass
        while await db.run(partners.remind, office, now()):
            pass
        await db.run(answering.forget_claims, now())
        await db.run(erasing.finish, now())
        await db.run(entrance.forget, now())
        while max((await db.run(retention.purge, now(), BATCH)).values()) >= BATCH:
            await asyncio.sleep(0)  # answers come first
        await db.run(retention.forget_silent, office, now())
        bell.ring()
    except DatabaseAway as error:
        log.warning("database away", where="tick", error=str(error))
    except Exception:
        log.exception("tick failed")
