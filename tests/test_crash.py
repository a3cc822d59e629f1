"""The crash test: kill -9 at random, the database stopped and killed, a message that kills; nothing may be lost."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from bot.db import Database
from channels.mailbox import CLAIMS, InboxRow
from tests.ordeal import provider
from tests.ordeal.house import HANG, POISON
from tests.ordeal.town import Town, prepare, until
from tests.peers.postgres import Postgres

PACE = 8  # the processes' clock: a lease of 28 s is over in 3.5
MESSAGES, SENDERS, KILLS = 2000, 340, 20  # six messages at most each: the seventh in a minute gets no answer


@pytest.mark.timeout(240)
def test_twenty_kills_lose_nothing(db: Database, tmp_path: Path) -> None:
    doors = 1 if db.is_sqlite else 2
    town = Town(db, prepare(db, tmp_path, PACE), random.Random(20), doors)

    async def ordeal() -> None:
        async with town.open():
            await asyncio.gather(town.people(SENDERS, MESSAGES, 14), town.killing(KILLS, 0.1, 0.9))
            await town.drained(120)

    asyncio.run(ordeal())
    found = town.verdict()
    print(f"\n{db.url.get_backend_name()}: {town.kills} kills, {town.resent} resent; {found}")
    assert (found.acknowledged, town.kills) == (MESSAGES, KILLS)
    assert found.lost == []
    assert found.disordered == []
    assert found.kept_twice == 0
    assert found.unaccounted == set()  # SMS: only what was in flight at a crash
    assert set(found.repeated.values()) <= {1}  # and at most once more
    assert found.held == 0
    assert found.uncertain <= KILLS


@pytest.mark.timeout(120)
def test_a_message_that_kills_its_worker_is_held_after_five_claims_while_the_others_go_on(
    db: Database, tmp_path: Path
) -> None:
    pace = 14  # five leases of two seconds
    town = Town(db, prepare(db, tmp_path, pace), random.Random(5))
    exits: list[int] = []

    async def supervise() -> None:
        while True:
            exits.extend(await asyncio.to_thread(town.watch))
            await asyncio.sleep(0.1)

    async def ordeal() -> None:
        async with town.open():
            supervisor = asyncio.create_task(supervise())
            await asyncio.gather(
                town.write("+33699999999", "sms", [f"{POISON} bonjour"], [0.5]),
                town.people(60, 240, 8),
            )
            await town.drained(80)
            supervisor.cancel()

    asyncio.run(ordeal())
    found = town.verdict()
    print(f"\n{db.url.get_backend_name()}: exits {exits}; {found}")
    assert exits == [13] * CLAIMS
    assert found.held == 1
    assert found.lost == []
    assert found.disordered == []
    held = db.look(lambda session: session.exec(InboxRow.__table__.select().where(InboxRow.state == "held")).all())  # type: ignore[attr-defined, arg-type]
    assert [(row.external_id, row.claims) for row in held] == [("+33699999999-000000", CLAIMS)]


@pytest.mark.timeout(120)
def test_a_dead_workers_message_is_taken_up_within_thirty_seconds(tmp_path: Path) -> None:
    """With the real lease and the real clock, in and out: the figure that the rules promise."""
    from bot import migrations

    db = Database(f"sqlite:///{tmp_path}/hotline.db")
    migrations.upgrade(db)
    town = Town(db, prepare(db, tmp_path), random.Random(1))

    async def ordeal() -> float:
        async with town.open():
            await town.write("a@exemple.invalid", "email", [f"{HANG} bonjour"], [0])
            await until((tmp_path / "hanging").exists, 20, "not claimed")
            town.kill(0)
            killed = time.time()
            town.start(0)
            await until(lambda: bool(provider.calls(town.orders)), 40, "not taken up")
            await town.drained(20)
            return provider.calls(town.orders)[0].at - killed

    took = asyncio.run(ordeal())
    db.close()
    assert 20 < took <= 30  # below, it was not the lease that gave it back


@pytest.mark.timeout(180)
@pytest.mark.parametrize("outage", ["stopped", "killed", "frozen"])
def test_postgresql_away_under_load_loses_nothing_and_all_drains_by_itself(
    outage: str, postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    db = Database(postgres_url)
    pace = 2  # no lease ends during the outage: what is sent twice then is sent twice for want of care
    town = Town(db, prepare(db, tmp_path, pace), random.Random(3), doors=2)
    spooled = 0

    async def strike() -> None:
        nonlocal spooled
        await asyncio.sleep(3)
        if outage == "frozen":
            server = psutil.Process(postgres.process.pid)  # type: ignore[union-attr]
            family = [server, *server.children(recursive=True)]
            for each in family:
                _signal(each, signal.SIGSTOP)
            await asyncio.sleep(8)
            spooled = town.spooled()
            for each in family:
                _signal(each, signal.SIGCONT)
            return
        await asyncio.to_thread(postgres.stop if outage == "stopped" else postgres.kill)
        await asyncio.sleep(4)
        spooled = town.spooled()
        await asyncio.to_thread(postgres.start)

    async def ordeal() -> float:
        async with town.open():
            await asyncio.gather(town.people(100, 600, 10), strike())
            return await town.drained(60)

    took = asyncio.run(ordeal())
    found = town.verdict()
    print(f"\n{outage}: {spooled} in the spool meanwhile, drained {took:.1f} s after the last; {found}")
    db.close()
    assert found.acknowledged == 600
    assert spooled > 20  # what came meanwhile was acknowledged from the spool
    assert max(town.acks) < 10
    assert found.lost == []
    assert found.disordered == []
    assert found.kept_twice == 0
    assert found.held == 0
    assert found.repeated.total() == 0  # nobody died: who sent it is still there to write it down


def _signal(process: psutil.Process, number: int) -> None:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:  # a backend that ended meanwhile
        return
