"""Debian's Chromium through playwright, and our app behind a real uvicorn in a thread."""

import asyncio
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
def launched() -> tuple["Browser", asyncio.AbstractEventLoop]:
    """One browser for the whole run, whichever module asks first, and Playwright's loop.

    Playwright cannot be started twice in a process, and leaves its loop running in the thread of the tests.
    """
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        asyncio.events._set_running_loop(loop)
        browser.close()
        playwright.stop()

    atexit.register(stop)
    return browser, loop


@pytest.fixture
def chromium() -> Iterator["Browser"]:
    """The browser of the run; make a context a test. Its loop runs for the tests that ask for it, and for no other."""
    if not CHROMIUM.exists():
        needed("Chromium")
    browser, loop = launched()
    asyncio.events._set_running_loop(loop)
    yield browser
    asyncio.events._set_running_loop(None)


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
