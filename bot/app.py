"""Where the house is put together: the only file that names every part."""

import asyncio
import contextlib
import fcntl
import logging
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import holidays
import structlog
import uvicorn

import channels
from bot import migrations, settings, workers
from bot.db import Database
from bot.desk import officer
from bot.doors import Within
from bot.doors.chat import ChatDoor
from bot.doors.drawer import SecretDrawer
from bot.library import Library
from bot.office import Office
from bot.settings import Configured
from bot.web import create_app
from channels.contract import BadSetting, Closes, Listener, Opened, Remembers, Troubled
from channels.sms import gsm
from channels.spool import Spool
from channels.web.desk import House as WebHouse
from escalation import deadlines
from escalation.console.oidc import Provider
from knowledge import seed, semantic
from scheduler import clock, plan

log = structlog.get_logger()
ROLES = ("web", "listen", "route", "deliver", "tick")
TICK_SECONDS = 60.0
LISTEN_LOCK, SEND_LOCK = 0x6C697374, 0x73656E64


class AlreadyRunning(Exception):
    """Another `hotline run` holds this SQLite database."""


class BadContent(Exception):
    """A file of content/ is wrong: which, where and why, in French."""


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass
class House:
    """An installation, put together: what the loops, the pages and the commands work with."""

    configured: Configured
    db: Database
    office: Office
    channels: dict[str, Opened]
    spool: Spool
    now: Callable[[], datetime] = utcnow

    def today(self) -> date:
        return self.now().astimezone(self.office.zone).date()

    def library(self) -> Library:
        return Library(self.db, self.now, self.today, self.encoder)

    @cached_property
    def encoder(self) -> semantic.Encoder | None:
        """What tells how near two texts are in meaning, when HOTLINE_SEMANTIC asks for it; loaded at its first use."""
        if not self.configured.settings.semantic:
            return None
        try:
            return semantic.load()
        except semantic.Absent as error:
            raise _absent() from error

    @property
    def data(self) -> Path:
        """The folder of what must be kept: beside the SQLite file, else var/data."""
        return Path(self.db.url.database or "").parent if self.db.is_sqlite else settings.VAR / "data"


def _absent() -> BadSetting:
    return BadSetting("HOTLINE_SEMANTIC", semantic.ABSENT, "0")


def build(configured: Configured, *, pool: int = 8) -> House:
    """Put an installation together without starting anything; BadSetting if its settings cannot work."""
    own = configured.settings
    if own.semantic and not semantic.installed():
        raise _absent()
    vault = settings.vault_of(own)
    zone = ZoneInfo(own.timezone)
    opened = channels.open_all(configured.environment)
    years = range(utcnow().year - 1, utcnow().year + 3)
    office = Office(
        vault=vault,
        zone=zone,
        organisation=own.organisation,
        phone=own.phone,
        hours=own.office_hours,
        public_url=own.public_url,
        source_url=own.source_url,
        answer_days=own.answer_days,
        open_channels=tuple(n for n, each in opened.items() if not each.collected and channels.manners(n).writable),
        shorten={name: each.shorten for name, each in opened.items() if each.shorten is not None},
        reach_by=tuple(name for name, each in opened.items() if not each.collected),
        meters={name: each.meter for name, each in opened.items() if each.meter is not None},
        holidays=frozenset(holidays.country_holidays("FR", subdiv=own.holidays or None, years=years)),
        week=deadlines.week_of(own.opening) if own.opening else deadlines.USUAL,
        waking=plan.waking_hours(own.quiet_hours),
    )
    db = Database(own.database_url, pool=pool)
    house = House(configured, db, office, opened, Spool(Path(), vault))
    house.spool.folder = house.data / "spool"
    for name, each in opened.items():
        if isinstance(each.channel, Remembers):
            each.channel.use(SecretDrawer(db, office, name, house.now))
    return house


def troubles(house: House) -> dict[str, str]:
    """What a person must mend, by channel; empty when all is well."""
    found = {name: each.channel for name, each in house.channels.items()}
    return {name: each.trouble for name, each in found.items() if isinstance(each, Troubled) and each.trouble}


def quiet_logs(level: int = logging.INFO) -> None:
    """Structured lines on standard error, without secrets, phone numbers or addresses."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the one that stands when the line is written
    )
    for name in ("apscheduler", "httpx", "httpcore", "aioimaplib"):
        logging.getLogger(name).setLevel(logging.WARNING)


SECRETS = re.compile(
    r"(?P<email>[\w.+-]+@[\w-]+\.[\w.-]+)|(?P<phone>(?:\+|\b00|\b0)\d(?:[\s.-]?\d){7,13}\b)|(?P<userinfo>(?<=://)[^/\s@]+@)"
)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever a log line holds: no address and no number in it (structlog processor)."""
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = SECRETS.sub(lambda found: f"[{found.lastgroup}]", value)
    return event


@contextlib.contextmanager
def alone(house: House) -> Iterator[None]:
    """SQLite belongs to one running process: a lock file says so; AlreadyRunning for the second."""
    if not house.db.is_sqlite:
        yield
        return
    house.data.mkdir(parents=True, exist_ok=True)
    file: IO[str] = (house.data / "hotline.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning(str(house.data)) from None
    try:
        yield
    finally:
        file.close()


def is_running(house: House) -> bool:
    """Whether a `hotline run` holds this SQLite database now."""
    try:
        with alone(house):
            return False
    except AlreadyRunning:
        return True


def prepare(house: House) -> None:
    """Tables at the newest revision, the base loaded, the first officer made: by one process, before all else.

    BadContent if a file of the base is wrong.
    """
    migrations.upgrade(house.db)
    read = seed.read_folder(seed.CONTENT, gsm.length)
    if faults := [str(fault) for each in read for fault in each.faults]:
        raise BadContent("\n".join(faults[:10]))
    house.db.transact(seed.load, [each.content for each in read if each.content], house.now())
    email = house.configured.settings.officer_email
    if email:
        house.db.transact(officer.seed, house.office, "La chargée de mission", email, house.now())


async def run(house: House, roles: Collection[str], started: Callable[[House], None] = lambda _house: None) -> None:
    """Run these roles until SIGINT or SIGTERM; `started` is called once the page answers."""
    house.spool.prepare()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    inbox, outbox = workers.Bell(), workers.Bell()
    intake = workers.Intake(house.db, house.office, house.spool, house.now, inbox)
    shelf = house.library()
    jobs: list[asyncio.Task[None]] = []

    def start(name: str, job: Any) -> None:
        jobs.append(asyncio.create_task(job, name=name))

    start("drain", intake.keep_draining())
    server = None
    if "web" in roles:
        server = _server(house, intake, shelf, outbox)
        start("web", _serve(server))
    if {"route", "web"} & set(roles):  # the desk's pages look for entries too
        start("library", shelf.keep_fresh(may_build="route" in roles))
    if "route" in roles:
        for number in range(workers.ROUTERS):
            start(f"route-{number}", workers.route(house.db, house.office, shelf, house.now, inbox, outbox))
    if "listen" in roles:
        for name, opened in house.channels.items():
            if isinstance(opened.channel, Listener):
                lock = LISTEN_LOCK + sum(name.encode())
                start(f"listen-{name}", workers.listen_alone(house.db, name, opened.channel, intake.deliver, lock))
    if "deliver" in roles:
        held = {name for name, opened in house.channels.items() if not opened.alone}
        for name in house.channels.keys() - held:
            lock = SEND_LOCK + sum(name.encode())
            start(f"send-{name}", workers.send_alone(house.db, name, lock, held))
        for number in range(workers.SENDERS):
            start(f"deliver-{number}", workers.deliver(house.db, house.office, house.channels, house.now, outbox, held))
    if "listen" in roles or "deliver" in roles:
        start("watch", workers.watch(house.db, house.office, lambda: troubles(house), house.now, outbox))
    if "tick" in roles:
        reach = [name for name, opened in house.channels.items() if not opened.collected] or None
        start("tick", clock.every(TICK_SECONDS, lambda: workers.tick(house.db, house.office, house.now, outbox, reach)))
    try:
        while server is not None and not server.started and not stop.is_set() and not jobs[1].done():
            await asyncio.sleep(0.02)
        if server is None or server.started:
            started(house)
        ended = asyncio.create_task(stop.wait())
        while not stop.is_set():
            done, _ = await asyncio.wait([ended, *jobs], return_when=asyncio.FIRST_COMPLETED)
            for job in done - {ended}:
                jobs.remove(job)  # type: ignore[arg-type]
                job.result()  # a loop that ends with an error ends the process: the supervisor starts it again
    finally:
        if server is not None:
            server.should_exit = True
        for job in jobs:
            if job.get_name() != "web":
                job.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*jobs, return_exceptions=True)
        await _hang_up(house)


async def _hang_up(house: House) -> None:
    """Nobody sends or listens any more: the lines that channels keep open are closed."""
    for name, opened in house.channels.items():
        if isinstance(opened.channel, Closes):
            try:
                await opened.channel.close()
            except Exception:
                log.exception("line not closed", channel=name)


def _server(house: House, intake: workers.Intake, shelf: Library, outbox: workers.Bell) -> uvicorn.Server:
    own = house.configured.settings
    email = house.configured.environment.get("HOTLINE_EMAIL_ADDRESS", "")
    facts = WebHouse(
        own.organisation, own.phone, own.office_hours, own.source_url, own.public_url, email, own.answer_days
    )
    door = ChatDoor(house.db, house.office, intake.deliver, house.now, facts)

    async def health() -> dict[str, object]:
        revision = await asyncio.to_thread(migrations.current, house.db)
        up = revision == migrations.newest()
        found: dict[str, object] = {"ok": up, "database": up, "spool": len(house.spool.waiting())}
        return found | ({"to_mend": stopped} if (stopped := sorted(troubles(house))) else {})

    within = Within(
        house.db,
        house.office,
        house.now,
        outbox.ring,
        shelf,
        tuple(house.channels),
        lambda: len(house.spool.waiting()),
        _provider(own),
    )
    server: uvicorn.Server | None = None
    key, *older = house.office.vault.keys("pages")
    app = create_app(
        door,
        house.channels,
        health,
        key=key,
        older=tuple(older),
        deliver=intake.deliver,
        zone=house.office.zone,
        sessions=within.entrance(),
        more=within.pages,
        stopping=lambda: server is not None and server.should_exit,
    )
    options = uvicorn.Config(
        app,
        host=own.host,
        port=own.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        proxy_headers=bool(own.public_url),
    )
    server = uvicorn.Server(options)
    return server


def _provider(own: settings.Settings) -> Provider | None:
    if not own.oidc_issuer:
        return None
    return Provider(
        own.oidc_issuer,
        own.oidc_client_id,
        own.public_url,
        own.oidc_client_secret,
        own.oidc_private_key,
        own.oidc_scopes,
        own.oidc_acr,
    )


async def _serve(server: uvicorn.Server) -> None:
    with contextlib.suppress(SystemExit):
        await server._serve()  # without uvicorn's own signal handlers: ours stop every loop, not the page alone
    if not server.should_exit:
        raise OSError("the page cannot be served on this address: it is in use, or not ours")
