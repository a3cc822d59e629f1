"""What each room's pages ask of the desk, a line each: the Protocols that the rooms declare, fulfilled."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from starlette.routing import BaseRoute

from bot.db import Database
from bot.doors.console import ConsoleDoor
from bot.doors.entrance import EntranceDoor
from bot.doors.entries import EntriesDoor
from bot.doors.figures import FiguresDoor
from bot.doors.meetings import MeetingsDoor
from bot.doors.people import PeopleDoor
from bot.doors.team import TeamDoor
from bot.library import Library
from bot.office import Office
from bot.web import PageFrame
from channels.pages.people import PeoplePages
from escalation.console.account import Account
from escalation.console.figures import FigurePages
from escalation.console.oidc import Provider
from escalation.console.question import QuestionPages
from escalation.console.queue import QueuePages
from escalation.console.signin import SignIn
from escalation.console.team import TeamPages
from escalation.console.tools import ToolPages
from knowledge.pages.correcting import CorrectingPages
from knowledge.pages.editing import EditingPages
from knowledge.pages.reading import ReadingPages
from scheduler.pages.after import AfterPages
from scheduler.pages.calendar import CalendarPages
from scheduler.pages.meeting import MeetingPages
from scheduler.pages.member import MemberPages
from scheduler.pages.season import SeasonPages


@dataclass(frozen=True)
class Within:
    """What the doors of the desk's pages work with."""

    db: Database
    office: Office
    now: Callable[[], datetime]
    ring: Callable[[], None]  # something was put in the outbox
    library: Library
    channels: Collection[str] = ()  # the names of those that are switched on
    spool: Callable[[], int] = lambda: 0  # how many messages wait on disk
    provider: Provider | None = None  # who says who signs in, beside ourselves

    def entrance(self) -> EntranceDoor:
        return EntranceDoor(self.db, self.office, self.now, self.ring)

    def pages(self, frame: PageFrame) -> list[BaseRoute]:
        """The routes of the desk, every room's."""
        console = ConsoleDoor(self.db, self.office, self.now, self.ring, self.library)
        meetings = MeetingsDoor(self.db, self.office, self.now, self.ring)
        return [
            *SignIn(self.entrance(), frame, self.provider).routes(),
            *Account(self.entrance(), frame, self.provider).routes(),
            *PeoplePages(PeopleDoor(self.db, self.office, self.now, self.ring), frame).routes(),
            *TeamPages(TeamDoor(self.db, self.office, self.now), frame).routes(),
            *FigurePages(FiguresDoor(self.db, self.office, self.now, self.channels, self.spool), frame).routes(),
            *QueuePages(console, frame).routes(),
            *QuestionPages(console, frame).routes(),
            *ToolPages(console, frame).routes(),
            *CalendarPages(meetings, frame).routes(),
            *SeasonPages(meetings, frame).routes(),
            *AfterPages(meetings, frame).routes(),
            *MemberPages(meetings, frame).routes(),
            *MeetingPages(meetings, frame).routes(),
            *self._entries(frame),
        ]

    def _entries(self, frame: PageFrame) -> list[BaseRoute]:
        door = EntriesDoor(self.db, self.office, self.now, self.ring, self.library)
        reading = ReadingPages(door, frame)
        return [
            *reading.routes(),
            *CorrectingPages(door, frame).routes(),
            *EditingPages(door, frame).routes(),
            *reading.of_one(),  # an entry's name may be any word: last
        ]
