"""escalation.console's queue, questions and tools, over the database and the matcher."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from bot.db import Database
from bot.desk import answering, calls, many, partners, queue, ticket, tools
from bot.library import Library
from bot.office import Office
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

MATCHED = 5  # entries shown


class ConsoleDoor:
    """escalation.console.work.QueueDesk, AnswerDesk and ToolsDesk."""

    def __init__(
        self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None], library: Library
    ):
        self.db, self.office, self.now, self.rang, self.library = db, office, now, rang, library

    # --- looking -----------------------------------------------------------------------------------------------------

    async def queue(self, who: Who, filters: Filters) -> Queue:
        return await self.db.read(queue.look, self.office, who, filters, self.now())

    async def glimpse(self, who: Who, filters: Filters) -> Queue:
        return await self.db.read(queue.glimpse, self.office, who, filters, self.now())

    async def question(self, who: Who, ticket_id: int, whole: bool) -> Page:
        words = await self.db.read(ticket.unmatched, who, ticket_id)
        found = await self._found(words) if words else {}
        return await self.db.read(ticket.page, self.office, who, ticket_id, self.now(), whole, found)

    async def _found(self, words: str) -> Mapping[str, float]:
        match = await self.library.match(words, "web")
        return {each.slug: each.confidence for each in match.candidates[:MATCHED]} if match else {}

    async def file(self, who: Who, ticket_id: int, attachment_id: int) -> tuple[str, str, bytes]:
        return await self.db.run(ticket.file, self.office, who, ticket_id, attachment_id, self.now())

    async def entries(self, who: Who, words: str, ticket_id: int | None) -> Sequence[Fitting]:
        found = await self._found(words)
        return await self.db.read(ticket.entries_for, self.office, who, ticket_id, found, self.now())

    # --- answering ---------------------------------------------------------------------------------------------------

    async def preview(self, who: Who, ticket_id: int, text: str) -> Preview:
        return await self.db.read(answering.preview, self.office, who, ticket_id, text)

    async def preview_progress(self, who: Who, ticket_id: int, text: str) -> Preview:
        return await self.db.read(answering.preview_progress, self.office, who, ticket_id, text)

    async def news(self, who: Who, ticket_id: int, seen: str) -> News:
        return await self.db.read(ticket.news, who, ticket_id, seen)

    async def send(self, who: Who, ticket_id: int, text: str, seen: str, once: str) -> Sent:
        sent = await self.db.run(answering.send, self.office, who, ticket_id, text, seen, once, self.now())
        self.rang()
        return sent

    async def take_back(self, who: Who, ticket_id: int, reply_id: int) -> bool:
        return await self.db.run(answering.take_back, who, ticket_id, reply_id, self.now())

    async def keep(self, who: Who, ticket_id: int, text: str) -> None:
        await self.db.run(answering.keep, who, ticket_id, text, self.now())

    async def pulse(
        self, who: Who, ticket_id: int, text: str | None, seen: str
    ) -> tuple[News, Preview | None, Sequence[str]]:
        return await self.db.run(answering.pulse, self.office, who, ticket_id, text, seen, self.now())

    async def take(self, who: Who, ticket_id: int, on: bool) -> None:
        await self.db.run(answering.take, who, ticket_id, on, self.now())

    async def note(self, who: Who, ticket_id: int, text: str) -> bool:
        return await self.db.run(answering.note, who, ticket_id, text, self.now())

    async def set_council(self, who: Who, ticket_id: int, council: str) -> str:
        name = await self.db.run(answering.set_council, self.office, who, ticket_id, council, self.now())
        self.rang()
        return name

    async def close(self, who: Who, ticket_id: int, reason: str) -> None:
        await self.db.run(answering.close, who, ticket_id, reason, self.now())

    async def reopen(self, who: Who, ticket_id: int) -> None:
        await self.db.run(answering.reopen, self.office, who, ticket_id, self.now())

    async def progress(self, who: Who, ticket_id: int, text: str) -> bool:
        done = await self.db.run(answering.progress, self.office, who, ticket_id, text, self.now())
        self.rang()
        return done

    async def confirm(self, who: Who, ticket_id: int, reply_id: int, yes: bool) -> str:
        done = await self.db.run(answering.confirm, self.office, who, ticket_id, reply_id, yes, self.now())
        self.rang()
        return done

    async def retry(self, who: Who, ticket_id: int, outbox_id: int) -> bool:
        done = await self.db.run(answering.retry, who, ticket_id, outbox_id, self.now())
        self.rang()
        return done

    async def elsewhere(self, who: Who, ticket_id: int, outbox_id: int, address_id: int) -> str:
        done = await self.db.run(answering.elsewhere, self.office, who, ticket_id, outbox_id, address_id, self.now())
        self.rang()
        return done

    async def ask_partner(self, who: Who, ticket_id: int, name: str, email: str, text: str, tell: bool) -> str:
        wrong = await self.db.run(partners.ask_for, self.office, who, ticket_id, name, email, text, tell, self.now())
        self.rang()
        return wrong

    # --- tools -------------------------------------------------------------------------------------------------------

    async def groups(self, who: Who) -> Sequence[Group]:
        return await self.db.read(many.groups, self.office, who, self.now())

    def mark_many(self, who: Who, ticket_ids: Sequence[int], text: str) -> str:
        return many.mark(self.office, who, ticket_ids, text)

    def was_read(self, who: Who, ticket_ids: Sequence[int], text: str, marked: str) -> bool:
        return many.was_read(self.office, who, ticket_ids, text, marked)

    async def preview_many(self, who: Who, ticket_ids: Sequence[int], text: str) -> Sequence[tuple[int, str, Preview]]:
        return await self.db.read(many.previews, self.office, who, ticket_ids, text)

    async def answer_many(
        self, who: Who, ticket_ids: Sequence[int], text: str, once: str
    ) -> tuple[Sequence[int], Sequence[int]]:
        found = await self.db.run(many.answer, self.office, who, ticket_ids, text, once, self.now())
        self.rang()
        return found

    async def councils(self, who: Who) -> Sequence[tuple[str, str]]:
        return await self.db.read(queue.councils_of, who)

    async def save_call(self, who: Who, call: Call, as_ticket: bool, once: str) -> int | None:
        number = await self.db.run(calls.save, self.office, who, call, as_ticket, once, self.now())
        self.rang()
        return number

    async def canned(self) -> Sequence[Canned]:
        return await self.db.read(tools.canned)

    async def save_canned(self, who: Who, number: int | None, title: str, text: str) -> str:
        return await self.db.run(tools.save_canned, who, number, title, text, self.now())

    async def closures(self) -> Sequence[Closure]:
        return await self.db.read(tools.listed, self.today())

    async def add_closure(self, who: Who, first: str, last: str, reason: str) -> str:
        return await self.db.run(tools.add_closure, who, first, last, reason, self.today(), self.now())

    async def drop_closure(self, who: Who, number: int) -> None:
        await self.db.run(tools.drop_closure, who, number, self.now())

    def today(self) -> date:
        return self.now().astimezone(self.office.zone).date()
