"""The terminal channel: `hotline chat` reads its answers from the outbox itself, as a page does."""

from collections.abc import Mapping

from channels.contract import Manners, Opened, Outbound, Undeliverable

MANNERS = Manners("le terminal", waits=False, writable=False, session=True)


class TerminalChannel:
    name = "terminal"

    async def send(self, message: Outbound, key: str) -> str:
        raise Undeliverable("le terminal vient chercher ses messages")


def open_channel(environment: Mapping[str, str]) -> Opened:
    return Opened(TerminalChannel(), collected=True)
