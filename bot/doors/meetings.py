"""scheduler.pages over the database."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any

from sqlmodel import Session

from bot import sheets, workbook
from bot.db import Database
from bot.desk import (
    arranging,
    calendar,
    figures,
    following_calendars,
    importing,
    kit_paper,
    meeting,
    meetings,
    member_page,
    season_report,
    seating,
)
from bot.desk.arranging import Sheet, Wrong
from bot.desk.calendar import MeetingOver
from bot.desk.kit import Kit
from bot.desk.meeting import CallList, Detail
from bot.desk.meetings import Card
from bot.office import Office
from bot.sheets import BadCell, BadSheet, moment
from escalation.accounts import Who
from scheduler import steps
from scheduler.ics import NotACalendar
from scheduler.pages.desk import Refused
from scheduler.steps import BadStep, Step


@contextmanager
def said() -> Iterator[None]:
    """What the desk refuses, as the pages hear it."""
    try:
        yield
    except Wrong as wrong:
        raise Refused(wrong.errors) from wrong
    except (MeetingOver, BadCell) as error:
        raise Refused({"jour": str(error)}) from error
    except BadStep as error:
        raise Refused({"jours": str(error)}) from error
    except (BadSheet, NotACalendar) as error:
        raise Refused({"fichier": f"{error}."}) from error


class MeetingsDoor:
    """scheduler.pages.desk.MeetingsDesk."""

    def __init__(self, db: Database, office: Office, now: Callable[[], datetime], rang: Callable[[], None]):
        self.db, self.office, self.now, self.rang = db, office, now, rang

    # --- the clock and the words -------------------------------------------------------------------------------------

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.office.zone)

    def midnight(self, day: date) -> datetime:
        return figures.midnight(day, self.office.zone)

    def moment(self, day: date, hour: time) -> datetime:
        with said():
            return moment(day, hour, self.office.zone)

    def kinds(self) -> dict[str, str]:
        return meetings.KINDS

    def outcomes(self) -> dict[str, str]:
        return arranging.OUTCOMES

    # --- read --------------------------------------------------------------------------------------------------------

    async def councils(self, who: Who) -> list[tuple[int, str]]:
        return await self.db.read(figures.councils, who)

    async def listed(
        self, who: Who, since: datetime, until: datetime, council: int | None, kind: str
    ) -> tuple[list[Card], bool]:
        return await self.db.read(meetings.listed, who, since, until, council, kind, self.now())

    async def detail(self, who: Who, number: int) -> Detail:
        return await self.db.read(meeting.detail, self.office, who, number, self.now())

    async def document(self, who: Who, number: int, document: int) -> tuple[str, str, bytes]:
        return await self.db.read(arranging.document, who, number, document)

    async def kit(self, who: Who, number: int, council: int) -> Kit:
        return await self.db.read(meeting.kits, self.office, who, number, council, self.now())

    async def kit_file(self, who: Who, number: int, council: int) -> bytes:
        found = await self.kit(who, number, council)
        return await asyncio.to_thread(kit_paper.kit_pdf, found)

    async def call_lists(self, who: Who) -> list[CallList]:
        return await self.db.read(meeting.call_lists, self.office, who, self.now())

    async def plans(self) -> dict[str, list[Step]]:
        return await self.db.read(steps.plans)

    # --- written -----------------------------------------------------------------------------------------------------

    async def record(self, who: Who, sheet: Mapping[str, Any]) -> list[int]:
        with said():
            return await self.db.run(arranging.record, self.office, who, Sheet(**sheet), self.now())

    async def change(self, who: Who, number: int, sheet: Mapping[str, Any]) -> str:
        with said():
            words = await self.db.run(arranging.change, self.office, who, number, Sheet(**sheet), self.now())
        self.rang()
        return words

    async def confirm(self, who: Who, number: int) -> None:
        with said():
            await self.db.run(arranging.confirm, who, number, self.now())

    async def cancel(self, who: Who, number: int) -> str:
        def work(session: Session) -> str:
            arranging.the_meeting(session, who, number)
            return calendar.cancel(session, self.office, number, arranging.author(who), self.now())

        with said():
            words = await self.db.run(work)
        self.rang()
        return words

    async def invited(self, who: Who, number: int, councils: Sequence[int], what: str) -> None:
        await self.db.run(arranging.invited, who, number, councils, what, self.now())

    async def set_agenda(self, who: Who, number: int, lines: Sequence[str], plain: Mapping[int, str]) -> None:
        def work(session: Session) -> None:
            arranging.set_plain(session, who, number, plain, self.now())
            arranging.set_agenda(session, who, number, lines, self.now())

        with said():
            await self.db.run(work)

    async def add_document(
        self, who: Who, number: int, title: str, purpose: str, url: str, filename: str, content: bytes
    ) -> None:
        with said():
            await self.db.run(arranging.add_document, who, number, title, purpose, url, filename, content, self.now())

    async def describe_document(self, who: Who, number: int, document: int, purpose: str) -> None:
        await self.db.run(arranging.describe_document, who, number, document, purpose, self.now())

    async def drop_document(self, who: Who, number: int, document: int) -> None:
        await self.db.run(arranging.drop_document, who, number, document, self.now())

    async def propose(self, who: Who, number: int, moments: Sequence[datetime], place: str) -> None:
        with said():
            await self.db.run(arranging.propose, self.office, who, number, moments, place, self.now())
        self.rang()

    async def fix_preparation(self, who: Who, number: int, date_id: int, place: str) -> int:
        with said():
            made = await self.db.run(arranging.fix_preparation, who, number, date_id, place, self.now())
        self.rang()
        return made

    async def stop_series(self, who: Who, number: int) -> str:
        with said():
            return await self.db.run(arranging.stop_series, who, number, self.now())

    async def preparation_notes(self, who: Who, number: int, text: str) -> None:
        await self.db.run(arranging.preparation_notes, who, number, text, self.now())

    async def decided(self, who: Who, number: int, text: str) -> None:
        with said():
            await self.db.run(arranging.decided, self.office, who, number, text, self.now())

    async def set_aside(self, who: Who, number: int, decision: int, kept: bool) -> None:
        await self.db.run(arranging.set_aside, who, number, decision, kept, self.now())

    async def came(self, who: Who, number: int, here: Mapping[int, bool]) -> None:
        await self.db.run(arranging.came, who, number, here, self.now())

    async def note_call(
        self, who: Who, number: int, person: int, outcome: str, text: str, answer: str, alternate: str = ""
    ) -> None:
        def work(session: Session) -> None:
            arranging.note_call(session, who, number, person, outcome, text, self.now())
            if answer:
                arranging.said_by_phone(session, self.office, who, number, person, answer, self.now(), alternate, text)

        with said():
            await self.db.run(work)
        self.rang()

    async def edit_step(
        self, who: Who, kind: str, step: str, days: int, hour: int, working_day: bool, active: bool
    ) -> None:
        def work(session: Session) -> None:
            standing = next((each for each in steps.plan_of(session, kind) if each.step == step), None)
            if standing is None:
                raise LookupError(step)
            changed = Step(step, standing.action, days, hour, working_day, active)
            seating.edit_step(session, who, kind, changed, self.now())

        with said():
            await self.db.run(work)

    async def add_step(self, who: Who, kind: str, action: str, days: int, hour: int) -> None:
        try:
            with said():
                await self.db.run(seating.add_step, who, kind, action, days, hour, self.now())
        except Refused as refused:
            raise Refused({"ajout_jours": " ".join(refused.errors.values())}) from refused

    async def reset_step(self, who: Who, kind: str, step: str) -> None:
        with said():
            await self.db.run(seating.reset_step, who, kind, step, self.now())

    async def import_file(
        self, who: Who, filename: str, content: bytes, councils: Sequence[str], dry_run: bool
    ) -> importing.Report:
        is_calendar = filename.lower().endswith((".ics", ".ical")) or content.lstrip(b"\xef\xbb\xbf\r\n ").startswith(
            b"BEGIN:V"
        )

        with said():
            rows = content if is_calendar else await asyncio.to_thread(workbook.plain, content)

        def work(session: Session) -> importing.Report:
            if is_calendar:
                return importing.import_calendar(session, self.office, content, list(councils), self.now(), dry_run)
            return importing.import_sheet(session, self.office, rows, self.now(), dry_run)

        with said():
            report = await (self.db.read(work) if dry_run else self.db.run(work))
        self.rang()
        return report

    # --- calendars that programs follow, and the year ----------------------------------------------------------------

    async def report(self, who: Who, year: int) -> season_report.Report:
        return await self.db.read(season_report.report, self.office, who, year, self.now())

    async def report_sheet(self, who: Who, year: int) -> bytes:
        return sheets.write(season_report.table(self.office, await self.report(who, year)))

    async def feeds(self, who: Who) -> list[following_calendars.Link]:
        return await self.db.read(following_calendars.listed, self.office, who)

    async def renew_feed(self, who: Who, council: int) -> None:
        await self.db.run(following_calendars.renew, self.office, who, council, self.now())

    async def feed(self, secret: str) -> str | None:
        text = await self.db.read(following_calendars.read, self.office, secret, self.now())
        if text is not None:
            await self.db.run(following_calendars.noted, secret, self.now())
        return text

    # --- a member's own page -----------------------------------------------------------------------------------------

    async def member_page(self, token: str) -> member_page.Page | None:
        return await self.db.read(member_page.page, self.office, token, self.now())

    async def member_answer(self, token: str, said: str, alternate: str, wish: str) -> str | None:
        words = await self.db.run(member_page.answer, self.office, token, said, alternate, wish, self.now())
        self.rang()
        return words

    async def member_follow(self, token: str) -> bool:
        return await self.db.run(member_page.follow, self.office, token, self.now())

    async def member_choose(self, token: str, chosen: set[int]) -> str | None:
        return await self.db.run(member_page.choose, self.office, token, chosen, self.now())

    async def member_file(self, token: str, what: str) -> tuple[str, str, bytes] | None:
        found = await self.db.read(member_page.file, self.office, token, what, self.now())
        if isinstance(found, Kit):
            found = await asyncio.to_thread(member_page.paper, found)
        return (found.filename, found.content_type, found.content) if found else None
