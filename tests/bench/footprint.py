"""`hotline run --demo` in an empty folder: seconds until its page answers, memory idle and under load (whole tree)."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from pathlib import Path
from re import search
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPHandler, Request, build_opener

import psutil

from tests.bench.installation import Row, questions

MIB = 2**20
ROOT = Path(__file__).parents[2]


def run(quick: bool) -> Iterator[Row]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="hotline-run-") as folder:
        own = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
        began = time.perf_counter()
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run", "--demo"],
                cwd=folder,
                env={**own, "PYTHONPATH": str(ROOT), "HOTLINE_BIND": f"127.0.0.1:{port}"},
                stdout=log,
                stderr=log,
            )
        peak = Peak(process.pid)
        try:
            _until_up(page, process)
            up = time.perf_counter() - began
            _until_logged(Path(folder) / "log", b"index ready", process)
            ready = time.perf_counter() - began
            building = peak.reset()
            time.sleep(5 if quick else 20)
            idle = peak.reset()
            asked, answered, seconds = _ask(page, 40 if quick else 300)
            time.sleep(2)
            loaded = peak.reset()
        finally:
            peak.stop()
            process.terminate()
            process.wait(20)
    yield Row("`hotline run --demo` in an empty folder: page answers", "SQLite", f"{up:.1f} s", "≤ 60 s", up <= 60)
    yield Row("… first index built, answers begin", "SQLite", f"{ready:.1f} s", "≤ 60 s", ready <= 60)
    yield Row("… peak memory while the index is built (with the child)", "SQLite", f"{building / MIB:.0f} MB")
    yield Row("… peak memory, idle", "SQLite", f"{idle / MIB:.0f} MB", "≤ 200 MB", idle / MIB <= 200)
    chats = f"… peak memory, {asked} chats at {asked / seconds:.0f}/s"
    yield Row(chats, "SQLite", f"{loaded / MIB:.0f} MB", "≤ 200 MB", loaded / MIB <= 200)
    yield Row("… chats that the page took", "SQLite", f"{answered} of {asked}")


class Peak:
    """The largest resident size of a process and all its children together, looked at ten times a second."""

    def __init__(self, pid: int):
        self._process, self._most, self._stopped = psutil.Process(pid), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            total = 0
            try:
                for each in [self._process, *self._process.children(recursive=True)]:
                    total += each.memory_full_info().pss  # shared pages are counted once
            except psutil.Error:
                continue
            self._most = max(self._most, total)

    def reset(self) -> int:
        most, self._most = self._most, 0
        return most

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def _until_up(page: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            build_opener().open(page, timeout=5).close()
            return
        except (URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("hotline run --demo does not start") from None
            time.sleep(0.05)


def _until_logged(log: Path, words: bytes, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 300
    while words not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"hotline run --demo: no « {words.decode()} »\n{log.read_text()[-2000:]}")
        time.sleep(0.1)


class From(HTTPHandler):
    """Calls from one address of this machine (all of 127.0.0.0/8 is)."""

    def __init__(self, address: str):
        super().__init__()
        self._address = address

    def http_open(self, asked: Request) -> Any:
        return self.do_open(partial(HTTPConnection, source_address=(self._address, 0)), asked)


def _ask(page: str, count: int) -> tuple[int, int, float]:
    """So many people, each with a browser and an address of their own, ask one question on the page."""

    def one(numbered: tuple[int, str]) -> bool:
        number, text = numbered
        browser = build_opener(HTTPCookieProcessor(CookieJar()), From(f"127.1.{number // 250}.{number % 250 + 1}"))
        shown = browser.open(page, timeout=30).read().decode()
        fields = dict(_hidden(shown))
        asked = Request(f"{page}/question", urlencode({**fields, "texte": text}).encode(), {"Origin": page})
        try:
            return bool(browser.open(asked, timeout=30).status == 200)
        except URLError:
            return False

    began = time.perf_counter()
    with ThreadPoolExecutor(8) as hands:
        taken = sum(hands.map(one, enumerate(questions(count))))
    return count, taken, time.perf_counter() - began


def _hidden(page: str) -> Iterator[tuple[str, str]]:
    form = search(r'<form[^>]*action="/question".*?</form>', page.replace("\n", " "))
    for field in (form[0] if form else page).split("<input")[1:]:
        name, value = search(r'name="([^"]+)"', field), search(r'value="([^"]*)"', field)
        if name and value and 'type="hidden"' in field:
            yield name[1], value[1]
