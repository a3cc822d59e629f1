"""What the pages of the queue, of a question and of the tools around them need; bot/doors fulfils it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from escalation.accounts import Who
from escalation.console.views import (
    Call,
    Canned,
    Closure,
    Filters,
    Fitting,
    Group,
    News,
    Page,
    Preview,
    Queue,
    Sent,
)  # fmt: skip


class QueueDesk(Protocol):
    """The queue, and one question of it. LookupError: no such question for this officer."""

    async def queue(self, who: Who, filters: Filters) -> Queue: ...

    async def glimpse(self, who: Who, filters: Filters) -> Queue:
        """The rows alone, for pages that look again and again."""
        ...

    async def question(self, who: Who, ticket_id: int, whole: bool) -> Page: ...

    async def file(self, who: Who, ticket_id: int, attachment_id: int) -> tuple[str, str, bytes]:
        """The name, type and content of a file that came with a message."""
        ...

    async def entries(self, who: Who, words: str, ticket_id: int | None) -> Sequence[Fitting]:
        """The entries that the matcher finds for some words, worded for the channel of a question."""
        ...

    def now(self) -> datetime: ...


class AnswerDesk(Protocol):
    """Everything that is done to a question. LookupError: no such question for this officer."""

    async def preview(self, who: Who, ticket_id: int, text: str) -> Preview: ...

    async def preview_progress(self, who: Who, ticket_id: int, text: str) -> Preview: ...

    async def news(self, who: Who, ticket_id: int, seen: str) -> News: ...

    async def send(self, who: Who, ticket_id: int, text: str, seen: str, once: str) -> Sent: ...

    async def take_back(self, who: Who, ticket_id: int, reply_id: int) -> bool: ...

    async def keep(self, who: Who, ticket_id: int, text: str) -> None:
        """Keep a draft, also when the session has lapsed."""
        ...

    async def pulse(
        self, who: Who, ticket_id: int, text: str | None, seen: str
    ) -> tuple[News, Preview | None, Sequence[str]]:
        """An open page says that it is open: what is new, the preview of what is written, who else is there."""
        ...

    async def take(self, who: Who, ticket_id: int, on: bool) -> None: ...

    async def note(self, who: Who, ticket_id: int, text: str) -> bool: ...

    async def set_council(self, who: Who, ticket_id: int, council: str) -> str: ...

    async def close(self, who: Who, ticket_id: int, reason: str) -> None: ...

    async def reopen(self, who: Who, ticket_id: int) -> None: ...

    async def progress(self, who: Who, ticket_id: int, text: str) -> bool: ...

    async def confirm(self, who: Who, ticket_id: int, reply_id: int, yes: bool) -> str:
        """sent, dropped or gone."""
        ...

    async def retry(self, who: Who, ticket_id: int, outbox_id: int) -> bool: ...

    async def elsewhere(self, who: Who, ticket_id: int, outbox_id: int, address_id: int) -> str: ...

    async def ask_partner(self, who: Who, ticket_id: int, name: str, email: str, text: str, tell: bool) -> str:
        """What is wrong, in French, or "" once it is on its way."""
        ...


class ToolsDesk(Protocol):
    """Answering many at once, calls, canned replies, closures."""

    async def groups(self, who: Who) -> Sequence[Group]: ...

    async def preview_many(self, who: Who, ticket_ids: Sequence[int], text: str) -> Sequence[tuple[int, str, Preview]]:
        """Number, question, and the answer as it will be read; without those that are answered or not theirs."""
        ...

    def mark_many(self, who: Who, ticket_ids: Sequence[int], text: str) -> str:
        """What the form that was read back carries: it holds for these words and these questions alone."""
        ...

    def was_read(self, who: Who, ticket_ids: Sequence[int], text: str, marked: str) -> bool: ...

    async def answer_many(
        self, who: Who, ticket_ids: Sequence[int], text: str, once: str
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Those that were answered, and those that a colleague had answered meanwhile or that are not theirs."""
        ...

    async def entries(self, who: Who, words: str, ticket_id: int | None) -> Sequence[Fitting]: ...

    async def councils(self, who: Who) -> Sequence[tuple[str, str]]: ...

    async def save_call(self, who: Who, call: Call, as_ticket: bool, once: str) -> int | None:
        """A call, as a question that was answered (None) or as a ticket (its number). ValueError, in French."""
        ...

    async def canned(self) -> Sequence[Canned]: ...

    async def save_canned(self, who: Who, number: int | None, title: str, text: str) -> str:
        """What is wrong, in French, or ""; an empty text takes it away."""
        ...

    async def closures(self) -> Sequence[Closure]: ...

    async def add_closure(self, who: Who, first: str, last: str, reason: str) -> str:
        """What is wrong, in French, or ""."""
        ...

    async def drop_closure(self, who: Who, number: int) -> None: ...
