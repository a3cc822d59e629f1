"""Long messages that a gateway delivers in parts: each part waits, unacknowledged, until the others are there.

Nothing is stored and nothing is lost: a part is acknowledged once the whole message is safe on disk, so that a gateway
that gets no answer brings it again. Read the user data header of 3GPP TS 23.040, 9.2.3.24.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from .gateways.base import Heard

PATIENCE = 20.0  # seconds until a message is taken without what is missing
MOST_OPEN = 500  # messages that wait at once
MISSING = "il manque une partie de ce message"
Keep = Callable[[Heard], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Which message a part belongs to, and where in it it stands (from 1)."""

    reference: int
    total: int
    number: int


def place(header: bytes) -> Place | None:
    """The concatenation element of a user data header (8-bit: 0, 16-bit: 8); None if there is none."""
    if not header or header[0] > len(header) - 1:
        return None
    at, end = 1, 1 + header[0]
    while at + 2 <= end:
        element, length = header[at], header[at + 1]
        body = header[at + 2 : at + 2 + length]
        if len(body) < length:
            return None
        if (element, length) in ((0, 3), (8, 4)):
            found = Place(int.from_bytes(body[:-2], "big"), body[-2], body[-1])
            return found if 1 <= found.number <= found.total else None
        at += 2 + length
    return None


@dataclass
class _Open:
    parts: dict[int, Heard] = field(default_factory=dict)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    kept: asyncio.Task[None] | None = None


class Parts:
    """The messages of which a part is here."""

    def __init__(self, patience: float = PATIENCE):
        self.patience = patience
        self._open: dict[tuple[str, str, int, int], _Open] = {}

    async def keep(self, heard: Heard, keep: Keep) -> None:
        """Keep a message, whole; returns, for each of its parts, once that is done."""
        where = place(heard.header)
        if where is None or where.total == 1 or len(self._open) >= MOST_OPEN:
            await keep(heard)
            return
        key = (heard.sender, heard.to, where.reference, where.total)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = _Open()
        found.parts.setdefault(where.number, heard)
        if len(found.parts) == where.total:
            found.full.set()
        if found.kept is None:
            found.kept = asyncio.create_task(self._when_full(key, found, where.total, keep))
        await asyncio.shield(found.kept)  # one gateway that hangs up must not take the others' parts with it

    async def _when_full(self, key: tuple[str, str, int, int], found: _Open, total: int, keep: Keep) -> None:
        try:
            async with asyncio.timeout(self.patience):
                await found.full.wait()
        except TimeoutError:
            pass
        finally:
            del self._open[key]
        await keep(joined(found.parts, total))


def joined(parts: dict[int, Heard], total: int) -> Heard:
    """One message of its parts, whatever order they came in; what is missing is « [...] », and said so."""
    first = parts[min(parts)]
    text = "".join(parts[n].text if n in parts else " [...] " for n in range(1, total + 1))
    missing = () if len(parts) == total else (MISSING,)
    return replace(first, text=text, header=b"", warnings=(*first.warnings, *missing))
