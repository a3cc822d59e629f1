"""The web channel: a chat page that reads its answers from the outbox itself; always on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.routing import BaseRoute

from channels.contract import Manners, Opened, Outbound, Undeliverable
from channels.web.desk import WebDesk
from channels.web.frame import Frame
from channels.web.pages import Pages
from channels.web.settings import WebSettings, read

MANNERS = Manners("la page web", waits=False, writable=False, session=True)


@dataclass(frozen=True)
class WebChannel:
    """No way out of its own: whoever looks at the page comes and collects."""

    settings: WebSettings = field(default_factory=WebSettings)
    name: str = "web"

    async def send(self, message: Outbound, key: str) -> str:
        raise Undeliverable("la page vient chercher ses messages")

    def pages(
        self,
        desk: WebDesk,
        frame: Frame,
        key: bytes,
        stopping: Callable[[], bool] = lambda: False,
        older: tuple[bytes, ...] = (),
    ) -> list[BaseRoute]:
        """The routes of the pages; `stopping` ends the live streams when it turns true.

        `key` is 32 secret bytes; chats that were opened under one of `older` go on.
        """
        return Pages(desk, frame, key, self.settings, stopping, older).routes()


def open_channel(environment: Mapping[str, str]) -> Opened:
    """Always on; BadSetting if a limit cannot be read."""
    found = read(environment)
    notes = tuple(f"{name} n'est pas renseigné : la page /mentions-legales le signale." for name in found.missing)
    return Opened(WebChannel(found), collected=True, notes=notes)
