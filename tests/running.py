"""One `hotline run` in a thread of the tests, stopped as SIGTERM stops it; the clock may be given."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar

from bot import app
from bot.app import House
from tests.peers.mail import until

T = TypeVar("T")


class Unsignalled(asyncio.SelectorEventLoop):
    """A loop of a thread that is not the first: signals never reach it, so that they are kept to be rung by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.bells: list[Callable[..., Any]] = []

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
        self.bells.append(callback)


class Running:
    """These roles of a house that was built, from the moment it is made until `stop`."""

    def __init__(self, house: House, roles: Collection[str] = app.ROLES):
        self.house, self.roles = house, roles
        self.loop = Unsignalled()
        self.failure: list[BaseException] = []
        up = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(up,), daemon=True)
        self.thread.start()
        until(lambda: up.is_set() or self.failure, what="for the service")
        assert not self.failure, self.failure

    def _run(self, up: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(app.run(self.house, self.roles, lambda _: up.set()))
        except BaseException as error:
            self.failure.append(error)

    def stop(self) -> None:
        """As SIGTERM does; what went wrong meanwhile fails here."""
        self.ring()
        self.end()

    def ring(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.bells[0])

    def end(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive(), "the service did not stop"
        self.house.db.close()
        assert not self.failure, self.failure

    def do(self, work: Coroutine[Any, Any, T], seconds: float = 30) -> T:
        """Let its loop do this."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)
