"""Debian's Chromium through playwright, and our app behind a real uvicorn in a thread."""

import atexit
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def needed(what: str) -> None:
    """Skip where a peer is not installed; fail in CI, where it must be."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing: run tests/peers/install.sh")
    pytest.skip(f"{what} is not installed (tests/peers/install.sh)")


@cache
def launched() -> "Browser":
    """One browser for the whole run, whichever module asks first: Playwright cannot be started twice in a process."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
    atexit.register(playwright.stop)
    atexit.register(browser.close)  # before Playwright itself
    return browser


@pytest.fixture(scope="session")
def chromium() -> object:
    """One browser for the session; make a context a test."""
    if not CHROMIUM.exists():
        needed("Chromium")
    return launched()


@contextmanager
def served(make: Callable[[Callable[[], bool]], ASGIApp]) -> Iterator[str]:
    """The address of an app that a real uvicorn serves until the block ends; `make` is told how to know when."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server: uvicorn.Server
    app = make(lambda: server.should_exit)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "uvicorn did not start"
        assert thread.is_alive(), "uvicorn died"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        assert not thread.is_alive(), "uvicorn did not stop"
