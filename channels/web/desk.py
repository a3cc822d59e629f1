"""What the chat page needs of the hotline; bot/desk fulfils it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from channels.contract import Attachment, Collected, Inbound


@dataclass(frozen=True)
class House:
    """What every page shows of the organisation."""

    organisation: str
    phone: str
    hours: str
    source_url: str
    public_url: str
    email: str  # where a question may be written; empty when that channel is off
    answer_days: int


@dataclass(frozen=True)
class Escalated:
    """A question of this chat that waits for a person, or was answered by one."""

    number: int
    promised: datetime
    answered: bool
    by_email: bool  # the answer goes, or went, by email as well


class WebDesk(Protocol):
    """A chat is one address of the channel `web`; its handle is the secret in the visitor's cookie."""

    def house(self) -> House: ...

    async def deliver(self, message: Inbound) -> bool:
        """Keep a message; True once it is safe on disk, also when we already had it."""
        ...

    async def conversation(self, handle: str) -> list[Collected]:
        """All that was said in this chat, both sides, oldest first; reading settles it as delivered."""
        ...

    async def collect(self, handle: str, after: int) -> list[Collected]:
        """Our messages with an id above `after`, oldest first; reading settles them as delivered."""
        ...

    async def newest(self, handle: str) -> int:
        """The id of our newest message of this chat, 0 if none: cheap enough to ask every second."""
        ...

    async def escalated(self, handle: str) -> list[Escalated]:
        """The questions of this chat that went to a person, the newest first."""
        ...

    async def personal_link(self, handle: str) -> str:
        """A token that opens this chat again from anywhere for 30 days, until it is revoked."""
        ...

    async def enter(self, token: str) -> str | None:
        """The handle behind a personal link; None if it is over, revoked, or not one of ours."""
        ...

    async def revoke(self, handle: str) -> None:
        """No personal link made so far opens this chat any more."""
        ...

    async def offer_email(self, handle: str, email: str) -> str:
        """Send a six-figure code to this address; a French sentence saying what is wrong, or "" when it went."""
        ...

    async def prove_email(self, handle: str, code: str) -> str:
        """Check the code: answers of a person then go to that address as well; a French sentence, or "" if right."""
        ...

    async def file(self, handle: str, id: int) -> Attachment | None:
        """A file that a message of this chat brings; None if there is no such one in it."""
        ...

    async def choose(self, handle: str, number: int) -> bool:
        """What a click on a numbered choice does: the same as writing the number."""
        ...
