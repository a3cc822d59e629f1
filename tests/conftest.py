"""What every test may ask for: a database (each test runs on both), an office, the real servers of tests/peers."""

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot import migrations
from bot.db import Database
from bot.office import Office
from channels.sms import gsm
from channels.vault import Vault
from knowledge import indexer, seed, training
from knowledge.entries import Content
from knowledge.matching import Index
from tests.engines import Engines
from tests.office import Bureau, bureau_of
from tests.town import SLUGS, Town

pytest_plugins = ("tests.peers.postgres", "tests.peers.mail")

os.environ["COLUMNS"] = "200"  # tables of the command line are read whole, wherever the tests are started from

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)  # a Tuesday, 10:30 in Paris


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """One worker at a time in the block; the others wait."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path, engines: Engines) -> Iterator[Database]:
    """A migrated database, empty; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hotline.db")
        url = f"sqlite:///{tmp_path}/hotline.db"
    else:
        url = request.getfixturevalue("postgres_emptied")
    found = Database(url)
    engines.lend(found)
    yield found
    found.close()


@pytest.fixture(scope="session")
def engines() -> Engines:
    return Engines()


@pytest.fixture(scope="session")
def sqlite_template(run_folder: Path) -> Path:
    """An empty file of the newest revision, to copy: the revisions take half a second, a copy none."""
    path = run_folder / "template.db"
    with only_one(run_folder / "template.lock"):
        if not path.exists():
            made = Database(f"sqlite:///{path}")
            migrations.upgrade(made)
            made.close()
            assert not path.with_name("template.db-wal").exists()
    return path


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault("a secret of the tests, long enough to be one")


@pytest.fixture
def office(vault: Vault) -> Office:
    return Office(vault=vault, phone="02 40 00 00 00", hours="du lundi au vendredi, 9 h à 17 h")


@pytest.fixture
def now() -> datetime:
    return NOW


def pytest_sessionstart(session: pytest.Session) -> None:
    """SIGTERM, as `timeout` sends it, ends the run in order: no server of tests/peers is left behind."""
    own = os.getpid()

    def stop(number: int, _: object) -> None:
        if os.getpid() == own:
            workers = psutil.Process().children() if session.config.pluginmanager.hasplugin("dsession") else []
            for each in workers:  # or xdist kills them before they have stopped their servers
                each.send_signal(number)
            pytest.exit("ended by SIGTERM", returncode=128 + number)
        os._exit(128 + number)  # a process that a test forked

    signal.signal(signal.SIGTERM, stop)


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Those that need a browser or a mail server last: what is quick fails first."""
    items.sort(key=lambda item: any(name in getattr(item, "fixturenames", ()) for name in ("chromium", "mail_server")))


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same for all workers of xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def contents() -> list[Content]:
    """A dozen real entries of the base."""
    read = seed.read_folder(seed.CONTENT, gsm.length)
    return [each.content for each in read if each.content and each.content.slug in SLUGS]


@pytest.fixture(scope="session")
def index(contents: list[Content], run_folder: Path) -> Index:
    """The real matcher's index of that dozen, built by the first worker that asks."""
    path = run_folder / "index.npz"
    with only_one(run_folder / "index.lock"):
        if not path.exists():
            few = {name: messages[::4] for name, messages in seed.none_messages().items()}
            training.build([indexer.material(content) for content in contents], few, jobs=1).save(path)
    return Index.load(path)


@pytest.fixture
def town(db: Database, office: Office, index: Index, contents: list[Content], now: datetime) -> Town:
    """A hotline in service, with one officer and a dozen entries."""
    found = Town(db, office, index, now)
    found.open(contents)
    return found


@pytest.fixture
def bureau(town: Town) -> Iterator[Bureau]:
    """The pages of the desk over that hotline."""
    with bureau_of(town) as found:
        yield found
