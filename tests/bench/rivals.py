"""The same questions, matcher and provider on the task queues that one would take instead: huey and procrastinate.

A message is acknowledged once its task is stored durably; a worker matches it and hands the answer to the provider.
They keep no outbox, no lease on what is being sent and no record of what was said: what they do is less, not the same.
Both are optional: pip install huey procrastinate.
"""

import asyncio
import importlib.util
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot import library
from knowledge import matching
from tests.bench.installation import Row, database, keep_index, ms, questions, share
from tests.ordeal import provider
from tests.ordeal.house import Orders
from tests.ordeal.town import PROCESSES, SECRET, until

WORKERS = 4
STEADY = 50.0


def _send(orders: Orders, key: str, text: str) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(orders.provider)
        call = {"key": key, "to": key, "channel": "email", "text": text}
        line.sendall(json.dumps(call).encode() + b"\n")
        line.recv(100)


class Answering:
    """Matches and sends, in a worker process."""

    def __init__(self, orders: Orders):
        self.orders = orders
        self.index = library.opened((Path(orders.folder) / "index.npz").read_bytes())

    def __call__(self, key: str, text: str) -> None:
        found = matching.match(self.index, text, channel="email", overlay=())
        _send(self.orders, key, found.decision)


def huey_of(orders: Orders) -> Any:
    from huey import SqliteHuey

    return SqliteHuey("bench", filename=f"{orders.folder}/huey.db", fsync=True, results=False)


def huey_worker(orders: Orders) -> None:
    huey = huey_of(orders)
    answering = Answering(orders)
    huey.task(name="answer")(answering.__call__ if False else (lambda key, text: answering(key, text)))
    Path(orders.folder, "ready").write_text("x")
    huey.create_consumer(workers=WORKERS, periodic=False, initial_delay=0.02, max_delay=0.1).run()


def procrastinate_of(orders: Orders) -> Any:
    from procrastinate import App, PsycopgConnector

    return App(connector=PsycopgConnector(conninfo=orders.url, max_size=WORKERS + 4))


def procrastinate_worker(orders: Orders, number: int) -> None:
    app = procrastinate_of(orders)
    answering = Answering(orders)

    @app.task(name="answer")  # type: ignore[untyped-decorator, unused-ignore]
    async def answer(key: str, text: str) -> None:
        await asyncio.to_thread(answering, key, text)

    async def work() -> None:
        async with app.open_async():
            Path(orders.folder, f"ready{number or ''}").write_text("x")
            await app.run_worker_async(
                concurrency=WORKERS, fetch_job_polling_interval=0.3, install_signal_handlers=False
            )

    asyncio.run(work())


def run(quick: bool) -> Iterator[Row]:
    steady, many = (300, 300) if quick else (1500, 1500)
    for name, kind, measure in (("huey", "SQLite", _huey), ("procrastinate", "PostgreSQL", _procrastinate)):
        if importlib.util.find_spec(name) is None:
            yield Row(f"{name}, beside", kind, "not installed (optional)")
            continue
        yield from measure(steady, many)


def _orders(db: Any, folder: str) -> Orders:
    from datetime import UTC, datetime

    from knowledge import entries, seed
    from tests.bench.installation import base

    db.transact(seed.load, base(), datetime.now(UTC))
    keep_index(db)
    orders = Orders(db.url.render_as_string(hide_password=False), SECRET, folder, time.time(), 1.0)
    name = db.look(library.wanted, datetime.now(UTC).date())
    (Path(folder) / "index.npz").write_bytes(db.look(entries.index_named, name))
    return orders


def _rows(
    name: str, kind: str, acks: list[float], answers: list[float], intake: float, answered: float
) -> Iterator[Row]:
    where = f"{kind}, {name}"
    yield Row("intake acknowledged at 50/s, p50", where, ms(share(acks, 0.5)))
    yield Row("intake acknowledged at 50/s, p99", where, ms(share(acks, 0.99)))
    yield Row("answer with the provider at 50/s, p50", where, ms(share(answers, 0.5)))
    yield Row("answer with the provider at 50/s, p95", where, ms(share(answers, 0.95)))
    yield Row("intake, at most, while answering", where, f"{intake:.0f}/s")
    yield Row("answered, at most", where, f"{answered:.0f}/s")


def _measured(
    orders: Orders, defer: Callable[[str, str], None], workers: list[Any], steady: int, many: int
) -> tuple[list[float], list[float], float, float]:
    outside = PROCESSES.Process(target=provider.run, args=(orders, 1), daemon=True)
    processes = [outside, *workers]
    for each in processes:
        each.start()
    try:
        asyncio.run(
            until(lambda: Path(orders.provider).exists() and Path(orders.folder, "ready").exists(), 60, "no start")
        )
        said: dict[str, float] = {}
        acks: list[float] = []

        def one(key: str, text: str) -> None:
            said[key] = time.time()
            began = time.perf_counter()
            defer(key, text)
            acks.append(time.perf_counter() - began)

        began = time.perf_counter()
        for number, text in enumerate(questions(steady)):
            time.sleep(max(0.0, began + number / STEADY - time.perf_counter()))
            one(f"u{number}", text)
        asyncio.run(until(lambda: len(provider.calls(orders)) >= steady, 120, "not answered"))
        slow = list(acks)
        start, wall = time.perf_counter(), time.time()
        waiting = list(enumerate(questions(many)))

        def hand() -> None:
            while True:
                try:
                    number, text = waiting.pop()
                except IndexError:
                    return
                one(f"f{number}", text)

        hands = [threading.Thread(target=hand) for _ in range(8)]
        for each in hands:
            each.start()
        for each in hands:
            each.join()
        intake = many / (time.perf_counter() - start)
        asyncio.run(until(lambda: len(provider.calls(orders)) >= steady + many, 300, "not answered"))
        called = provider.calls(orders)
        answers = [call.at - said[call.key] for call in called if call.key.startswith("u")]
        return slow, answers, intake, many / (max(call.at for call in called) - wall)
    finally:
        for each in processes:
            each.kill()
            each.join()


def _huey(steady: int, many: int) -> Iterator[Row]:
    with database("SQLite") as db, tempfile.TemporaryDirectory(prefix="hotline-huey-", dir="/tmp") as folder:
        orders = _orders(db, folder)
        huey = huey_of(orders)
        task = huey.task(name="answer")(lambda key, text: None)
        workers = [PROCESSES.Process(target=huey_worker, args=(orders,), daemon=True)]
        found = _measured(orders, lambda key, text: task(key, text), workers, steady, many)
    yield from _rows("huey", "SQLite", *found)


def _procrastinate(steady: int, many: int) -> Iterator[Row]:
    from procrastinate import App, SyncPsycopgConnector

    with database("PostgreSQL") as db, tempfile.TemporaryDirectory(prefix="hotline-procr-", dir="/tmp") as folder:
        orders = _orders(db, folder)
        app = App(connector=SyncPsycopgConnector(conninfo=orders.url, max_size=12))
        with app.open():
            app.schema_manager.apply_schema()
            deferring = app.configure_task("answer")
            workers = [
                PROCESSES.Process(target=procrastinate_worker, args=(orders, number), daemon=True)
                for number in range(2)
            ]
            found = _measured(orders, lambda key, text: deferring.defer(key=key, text=text), workers, steady, many)
    yield from _rows("procrastinate", "PostgreSQL", *found)


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row.as_json(), os.getpid())
