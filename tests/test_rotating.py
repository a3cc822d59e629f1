"""The key is changed, twice, beside `hotline run` while people write: no message is lost, and no row is unreadable."""

import html
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import select

from bot import app, audit, library, settings
from bot.conversations import Question
from bot.desk import resealing
from bot.settings import KeyFile
from channels import directory
from channels.directory import AddressRow
from channels.mailbox import InboxRow, OutboxRow
from channels.vault import Vault
from knowledge import entries
from knowledge.matching import Index
from tests.channels.web.conftest import ask, write
from tests.peers.mail import until
from tests.peers.ports import free_port
from tests.peers.postgres import Postgres

KNOWN = "C'est quoi le COPIL ?"
ALL = ["run"]
APART = ["run", "web", "listen", "tick"], ["run", "route", "deliver"]  # two processes, on PostgreSQL alone
WRITERS = 2


@dataclass
class Installed:
    """An installation whose key is in var/keys, and the processes that it runs as."""

    folder: Path
    url: str
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    logs: list[IO[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        port = free_port()
        self.page = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(app.__file__).parent.parent),
            "LC_ALL": "C.UTF-8", "COLUMNS": "200", "HOTLINE_DATABASE_URL": self.url,
            "HOTLINE_BIND": f"127.0.0.1:{port}", "HOTLINE_WEB_CHATS_PER_HOUR": "100000",
            "HOTLINE_WEB_POSTS_PER_MINUTE": "100000",
        }  # fmt: skip

    def prepare(self, index: Index) -> None:
        house = app.build(settings.read(self.environment))
        try:
            app.prepare(house)
            path = self.folder / "index.npz"
            index.save(path)
            house.db.transact(
                entries.keep_index, house.db.look(library.wanted, house.today()), path.read_bytes(), house.now()
            )
        finally:
            house.db.close()

    def start(self, *words: str) -> None:
        self.logs.append((self.folder / f"log-{len(self.logs)}").open("ab"))
        program = [sys.executable, "-m", "bot", *words]
        self.running.append(
            subprocess.Popen(
                program, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.logs[-1],
                stderr=self.logs[-1],
            )
        )  # fmt: skip

    def healthy(self) -> bool:
        assert all(each.poll() is None for each in self.running), self.told()
        try:
            return httpx.get(f"{self.page}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def told(self) -> str:
        return "\n".join(path.read_text("utf-8", "replace")[-2000:] for path in self.folder.glob("log-*"))

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words], cwd=self.folder, env=self.environment, capture_output=True,
            timeout=120, check=False,
        )  # fmt: skip
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, said
        return said

    def stop(self) -> None:
        for each in self.running:
            each.terminate()
        for each in self.running:
            each.wait(60)
        for log in self.logs:
            log.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def installed(
    request: pytest.FixtureRequest, tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installed]:
    url = f"sqlite:///{tmp_path}/hotline.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        server.start()
        url = server.database()
    monkeypatch.chdir(tmp_path)
    found = Installed(tmp_path, url)
    found.prepare(index)
    try:
        for words in [ALL] if request.param == "sqlite" else APART:
            found.start(*words)
        until(found.healthy, 120, "for /health")
        yield found
    finally:
        found.stop()


class Writing(threading.Thread):
    """One after the other opens a chat and asks, as long as it goes on."""

    def __init__(self, installed: Installed):
        super().__init__()
        self.installed, self.over = installed, threading.Event()
        self.visitors: list[httpx.Client] = []
        self.trouble: list[str] = []

    def close(self) -> None:
        for each in self.visitors:
            each.close()

    def run(self) -> None:
        while not self.over.is_set() and not self.trouble:
            visitor = httpx.Client(base_url=self.installed.page, headers={"Accept": "text/html"}, timeout=60,
                                   trust_env=False)  # fmt: skip
            answer = ask(visitor, KNOWN)
            if answer.status_code != 200:
                self.trouble.append(f"{answer.status_code}: {answer.text[:500]}")
                visitor.close()
                return
            self.visitors.append(visitor)


def answers(visitor: httpx.Client) -> int:
    page = visitor.get("/conversation").text
    log = html.unescape(re.sub(r"<[^>]+>", "", page[page.index('role="log"') : page.index('id="etat"')]))
    return len(re.findall(r"Source\s:", log))


@pytest.mark.timeout(400)
def test_a_key_changed_twice_under_load_loses_nothing(installed: Installed) -> None:
    writers = [Writing(installed) for _ in range(WRITERS)]
    first = KeyFile(installed.folder / "var" / "keys").secrets()
    for each in writers:
        each.start()
    try:
        until(lambda: all(each.visitors or each.trouble for each in writers), 120, "for the first answers")
        assert "éléments sont passés" in installed.command("keys", "rotate")
        seen = [len(each.visitors) for each in writers]
        until(
            lambda: all(len(w.visitors) > n or w.trouble for w, n in zip(writers, seen, strict=True)),
            120,
            "between",
        )
        assert "éléments sont passés" in installed.command("keys", "rotate", "--new")
        seen = [len(each.visitors) for each in writers]
        until(
            lambda: all(len(w.visitors) > n or w.trouble for w, n in zip(writers, seen, strict=True)), 120, "afterwards"
        )
    finally:
        for each in writers:
            each.over.set()
        for each in writers:
            each.join(90)
    assert [each.trouble for each in writers] == [[]] * WRITERS, installed.told()
    visitors = [found for each in writers for found in each.visitors]
    for visitor in visitors:  # opened under any of the three keys: each has its answer
        until(lambda v=visitor: answers(v) == 1, 60, f"for an answer: {installed.told()}")
    assert write(visitors[0], KNOWN).status_code == 200, "a chat of the first key goes on"
    until(lambda: answers(visitors[0]) == 2, 60, "for one more answer")
    installed.command("keys", "rotate")
    assert "Tout est sous la clé actuelle" in installed.command("keys", "status")
    installed.command("keys", "forget", "--yes")
    assert installed.healthy()
    newest = KeyFile(installed.folder / "var" / "keys").secrets()
    assert len(newest) == 1
    assert not set(newest) & set(first)
    _all_is_there(installed, newest[0], len(visitors) + 1, len(visitors))
    for each in writers:
        each.close()
    fresh = httpx.Client(base_url=installed.page, headers={"Accept": "text/html"}, timeout=60, trust_env=False)
    assert ask(fresh, KNOWN).status_code == 200
    until(lambda: answers(fresh) == 1, 60, "for an answer under the new key alone")
    fresh.close()


def _all_is_there(installed: Installed, secret: str, asked: int, people: int) -> None:
    """Each message once, handled and answered; each address opens with the newest key, and belongs to one row."""
    house = app.build(settings.read(installed.environment))
    alone = Vault(secret)
    try:
        counted = house.db.look(
            lambda session: [
                session.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
                for query in (
                    select(InboxRow), select(InboxRow).where(InboxRow.state == "handled"), select(Question),
                    select(AddressRow).where(AddressRow.channel == "web"),
                )
            ]
        )  # fmt: skip
        assert counted == [asked, asked, asked, people]
        stuck = house.db.look(
            lambda session: session.exec(
                select(OutboxRow.id).where(OutboxRow.state.in_(("held", "dead", "unknown", "failed")))  # type: ignore[attr-defined]
            ).all()
        )
        assert stuck == []
        rows = house.db.look(lambda session: session.exec(select(AddressRow)).all())
        handles = {(row.channel, directory.opened(alone, row).handle) for row in rows}
        assert len(handles) == len(rows), "no address has two rows"
        assert not any(house.db.look(resealing.counts, alone).values())
        assert house.db.look(audit.verify) is None
    finally:
        house.db.close()
