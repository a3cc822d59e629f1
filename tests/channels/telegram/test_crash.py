"""The listener under kill -9: what people wrote is kept once each, in order, on both databases."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session, select

from bot.db import Database
from channels.mailbox import InboxRow
from tests.peers.telegram import TOKEN, Telegram

ROOT = Path(__file__).parents[3]
WRITTEN, KILLS = 120, 3
LISTENER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.db import Database
from bot.office import Office
from bot.workers import Bell, Intake
from channels.spool import Spool
from channels.telegram import open_channel
from channels.vault import Vault

async def main(url, api, token, spool):
    vault = Vault("a secret of the tests, long enough to be one")
    door = Spool(Path(spool), vault)
    door.prepare()
    intake = Intake(Database(url), Office(vault=vault), door, lambda: datetime.now(UTC), Bell())
    opened = open_channel({"HOTLINE_TELEGRAM_TOKEN": token, "HOTLINE_TELEGRAM_API": api})
    await opened.channel.listen(intake.deliver)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def listener(db: Database, api: Telegram, spool: Path) -> Iterator[None]:
    """A process that listens; it is killed without a word."""
    url = db.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", LISTENER, url, api.url, TOKEN, str(spool)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def kept(db: Database) -> list[str]:
    def texts(session: Session) -> list[str]:
        return list(session.exec(select(InboxRow.text).order_by(InboxRow.id)).all())

    return list(db.look(texts))


def test_nothing_is_lost_doubled_or_out_of_order_under_kill_9(
    db: Database, telegram_api: Telegram, tmp_path: Path
) -> None:
    people = [telegram_api.person(7_000_000 + n) for n in range(5)]
    expected = [f"{n % 5}:{n}" for n in range(WRITTEN)]
    for n, text in enumerate(expected):
        people[n % 5].says(text)
    for kill in range(KILLS):
        with listener(db, telegram_api, tmp_path / "spool"):
            end = time.monotonic() + 30
            enough = (kill + 1) * WRITTEN // (KILLS + 2) + random.randrange(7)
            while len(kept(db)) < enough and time.monotonic() < end:
                time.sleep(0.02)
        assert len(kept(db)) < WRITTEN, "it was killed at work"
    with listener(db, telegram_api, tmp_path / "spool"):
        end = time.monotonic() + 60
        while telegram_api.waiting() and time.monotonic() < end:
            time.sleep(0.01)
    found = kept(db)
    assert sorted(found) == sorted(expected), "each once"
    for person in range(5):
        mine = [text for text in found if text.startswith(f"{person}:")]
        assert mine == [text for text in expected if text.startswith(f"{person}:")]
