"""knowledge.pages over the database, the matcher at hand."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from bot.db import Database
from bot.desk import capitalising, corrections, drafting, entries, entry_files, reliability
from bot.library import Library
from bot.office import Office
from escalation.accounts import Who
from knowledge import matching, themes
from knowledge.pages import desk
from knowledge.pages.desk import Filter, Outcome, Writing
from knowledge.themes import Vector

CHANNEL = "web"  # what is near is looked for as a long message would be
KEPT_VECTORS = 2000
FRESH_SECONDS = 600.0  # how long the public figures may be old


class EntriesDoor:
    """knowledge.pages.desk.EntriesDesk."""

    def __init__(
        self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None], library: Library
    ):
        self.db, self.office, self.now, self.rang, self.library = db, office, now, rang, library
        self._vectors: dict[tuple[str, str], Vector] = {}
        self._matches: dict[str, matching.Match | None] = {}
        self._matched_by: tuple[object, object] = None, None
        self._told: tuple[datetime, desk.Reliability] | None = None

    def today(self) -> date:
        return self.now().astimezone(self.office.zone).date()

    # --- reading -----------------------------------------------------------------------------------------------------

    async def listed(self, wanted: Filter) -> desk.Listed:
        return await self.db.read(entries.listed, wanted, self.today())

    async def to_review(self, page: int) -> desk.Listed:
        return await self.db.read(entries.to_review, self.today(), page)

    async def entry(self, who: Who, slug: str) -> desk.Entry:
        return await self.db.read(entries.entry, self.office, who, slug, self.now())

    async def compared(self, slug: str, number: int) -> desk.Compared:
        return await self.db.read(entries.compared, slug, number)

    async def export(self) -> bytes:
        return await self.db.read(entry_files.export)

    # --- writing -----------------------------------------------------------------------------------------------------

    async def drafts(self, who: Who) -> tuple[desk.DraftRow, ...]:
        return await self.db.read(drafting.open_rows, who)

    async def editing(self, who: Who, slug: str) -> desk.Editing:
        return await self.db.read(drafting.editing, self.office, who, slug, self.today())

    async def draft(self, who: Who, draft_id: int) -> desk.Editing:
        return await self.db.read(drafting.draft_form, who, draft_id)

    async def reading(self, who: Who, draft_id: int) -> desk.Reading:
        return await self.db.read(drafting.reading, self.office, who, draft_id, self.now())

    async def check(self, writing: Writing) -> desk.Checked:
        content = replace(writing.content, slug=writing.slug)
        return await self.db.read(drafting.checked, self.office, content, self.today())

    async def keep(self, who: Who, writing: Writing) -> Outcome:
        return await self.db.run(drafting.keep, who, writing, self.now())

    async def ask_second(self, who: Who, writing: Writing) -> Outcome:
        return await self.db.run(drafting.ask_second, self.office, who, writing, self.now())

    async def publish(self, who: Who, writing: Writing) -> Outcome:
        return await self.db.run(drafting.publish, self.office, who, writing, self.now())

    async def approve(self, who: Who, draft_id: int) -> Outcome:
        return await self.db.run(drafting.approve, self.office, who, draft_id, self.now())

    async def send_back(self, who: Who, draft_id: int, note: str) -> None:
        await self.db.run(drafting.send_back, who, draft_id, note, self.now())

    async def drop_draft(self, who: Who, draft_id: int) -> None:
        await self.db.run(drafting.drop, who, draft_id, self.now())

    async def retire(self, who: Who, slug: str) -> bool:
        return await self.db.run(entries.retire, slug, f"officer:{who.id}", self.now())

    async def restore(self, who: Who, slug: str, number: int, reason: str) -> Outcome:
        return await self.db.run(drafting.restore, self.office, who, slug, number, reason, self.now())

    async def news(
        self, title: str, text: str, sms: str, asked: str, source: tuple[str, str, str], last: str
    ) -> Writing:
        lines = [line.strip() for line in asked.splitlines() if line.strip()]
        return Writing(drafting.news(self.office, title, text, sms, lines, source, last, self.today()))

    async def bring(self, who: Who, filename: str, content: bytes) -> desk.Bringing:
        return await self.db.run(entry_files.show, who, filename, content, self.now())

    async def bring_in(self, who: Who, import_id: int, reason: str) -> int | None:
        return await self.db.run(entry_files.bring_in, who, import_id, reason, self.now())

    # --- from questions ----------------------------------------------------------------------------------------------

    async def from_ticket(self, who: Who, ticket_id: int) -> desk.FromTicket:
        found = await self.db.read(capitalising.gather, self.office, who, ticket_id, self.now())
        match = await self.library.match(found.question.text, CHANNEL)
        vectors = self._vector if self.library.index is not None else None
        return await asyncio.to_thread(capitalising.view, found, match, self.office, self.today(), vectors)

    async def from_question(self, who: Who, question_id: int) -> Writing:
        return await self.db.read(capitalising.from_question, self.office, who, question_id, self.now())

    async def from_preparation(self, who: Who, meeting: int) -> Writing:
        return await self.db.read(capitalising.from_preparation, self.office, who, meeting, self.now())

    async def add_phrasings(self, who: Who, ticket_id: int, slug: str, phrasings: tuple[str, ...]) -> Outcome:
        return await self.db.run(capitalising.add_phrasings, self.office, who, ticket_id, slug, phrasings, self.now())

    async def to_write(self, who: Who) -> tuple[desk.ToWrite, ...] | None:
        if self.library.index is None:
            return None
        asked, titles = await self.db.read(capitalising.gather_unanswered, self.office, who, self.now())
        return await asyncio.to_thread(capitalising.to_write, asked, self._match, titles, self._vector)

    def _match(self, text: str) -> matching.Match | None:
        """Remembered, until the index or what lies over it changes."""
        index, overlay = self.library.index, self.library.overlay
        assert index is not None
        if self._matched_by[0] is not index or self._matched_by[1] is not overlay or len(self._matches) >= KEPT_VECTORS:
            self._matched_by, self._matches = (index, overlay), {}
        matches = self._matches
        if text not in matches:
            matches[text] = matching.match(index, text, channel=CHANNEL, overlay=overlay)
        return matches[text]

    def _vector(self, text: str) -> Vector:
        """Remembered, as a question looks the same each time the page is opened."""
        index = self.library.index
        assert index is not None
        key = (index.fingerprint, text)
        if key not in self._vectors:
            if len(self._vectors) >= KEPT_VECTORS:
                self._vectors.clear()
            self._vectors[key] = themes.vector(index, text)
        return self._vectors[key]

    # --- corrections and reliability ---------------------------------------------------------------------------------

    async def corrections(self) -> tuple[desk.CorrectionRow, ...]:
        return await self.db.read(corrections.listed)

    async def correction(self, who: Who, number: int, since: date | None, page: int) -> desk.CorrectionPage:
        return await self.db.read(corrections.page, self.office, who, number, since, page, self.now())

    async def approve_correction(self, who: Who, number: int, since: date, words: str) -> bool:
        """The first letters go at once; the clock sees to the others, minute by minute."""
        if not await self.db.run(corrections.approve, self.office, who, number, since, words, self.now()):
            return False
        await self.db.run(corrections.send_some, self.office, self.now())
        self.rang()
        return True

    async def drop_correction(self, who: Who, number: int) -> bool:
        return await self.db.run(corrections.drop, who, number, self.now())

    async def reliability(self) -> desk.Reliability:
        at = self.now()
        if self._told is None or (at - self._told[0]).total_seconds() > FRESH_SECONDS:
            self._told = at, await self.db.read(reliability.of_all, self.office, at)
        return self._told[1]
