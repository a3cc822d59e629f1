"""Ports for servers that are started later, which no other process of the tests takes meanwhile."""

import atexit
import socket
from collections.abc import Iterator
from functools import cache

FIRST, PAST, SIZE = 10_000, 32_000, 200  # below those that Linux gives to outgoing connections


class Block:
    """This process's own ports: whoever listens on the first of a block owns the rest, as long as it lives."""

    def __init__(self) -> None:
        for first in range(FIRST, PAST, SIZE):
            guard = socket.socket()
            try:
                guard.bind(("127.0.0.1", first))
                guard.listen(1)
            except OSError:
                guard.close()
                continue
            atexit.register(guard.close)
            self.ports = self._turn(first)
            return
        raise AssertionError("no block of ports is free")

    @staticmethod
    def _turn(first: int) -> Iterator[int]:
        while True:
            yield from range(first + 1, first + SIZE)

    def next(self) -> int:
        for port in self.ports:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        raise AssertionError("a block has no end")


@cache
def _block() -> Block:
    return Block()


def free_port() -> int:
    """A port where nobody listens; given again only after all the others of the block."""
    return _block().next()
