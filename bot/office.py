"""Who we are: what every transaction may need to know of this installation, fixed at the start; pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from channels.contract import Meter
from channels.vault import Vault
from escalation import deadlines
from scheduler import plan

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)


@dataclass(frozen=True)
class Office:
    """The organisation behind the hotline, its keys, its hours and its promises."""

    vault: Vault = field(repr=False)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Paris"))
    organisation: str = "RésO Villes"
    phone: str = ""
    hours: str = ""
    public_url: str = ""
    source_url: str = ""
    answer_days: int = 2  # working days within which a person answers
    holidays: Collection[date] = ()
    week: deadlines.Week = field(default_factory=lambda: deadlines.USUAL)  # when the office is open
    open_channels: Collection[str] = ("email", "telegram", "sms")  # on which people can be written to here
    shorten: Mapping[str, Callable[[str], tuple[str, str]]] = field(default_factory=dict)  # by channel
    meters: Mapping[str, Meter] = field(default_factory=dict)  # by channel
    reach_by: Collection[str] = ()  # the channels by which people can be written to here; empty: all that there are
    waking: tuple[time, time] = plan.WAKING  # the local hours in which people are written to unasked
    quiet: timedelta = timedelta(seconds=3)  # how long to wait after a beginning of a question, where people chat

    def promised(self, asked_at: datetime, closures: Collection[date] = ()) -> datetime:
        closed = {*self.holidays, *closures}
        return deadlines.promised(asked_at, self.answer_days, self.zone, closed, self.week)

    def date_of(self, now: datetime) -> date:
        """The date that it is here."""
        return now.astimezone(self.zone).date()

    def day(self, moment: datetime) -> str:
        """« jeudi 11 décembre 2026 »"""
        return in_full(moment.astimezone(self.zone).date())

    def hour(self, moment: datetime) -> str:
        """« 18 h » or « 18 h 30 »"""
        local = moment.astimezone(self.zone)
        return f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"

    def when(self, moment: datetime) -> str:
        """« jeudi 11 décembre 2026 à 18 h »"""
        return f"{self.day(moment)} à {self.hour(moment)}"

    def at_desk(self, way: str, command: str) -> str:
        """Where the officer does something: the page of the desk, or the command where no public address is set."""
        return f"{self.public_url}/bureau{way}" if self.public_url else f"hotline {command}"

    @property
    def reach(self) -> str:
        """How a person of the team is reached otherwise, as a sentence; empty when nothing is known."""
        if not self.phone:
            return ""
        return f"Par téléphone : {self.phone}" + (f" ({self.hours})." if self.hours else ".")


def in_full(day: date) -> str:
    return f"{DAYS[day.weekday()]} {'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


def in_full_iso(text: str) -> str:
    """« 21 février 2014 » from 2014-02-21, « février 2014 » from 2014-02, the text itself otherwise."""
    parts = text.split("-")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        return text
    if len(numbers) == 3 and 1 <= numbers[1] <= 12:
        return f"{'1er' if numbers[2] == 1 else numbers[2]} {MONTHS[numbers[1] - 1]} {numbers[0]}"
    if len(numbers) == 2 and 1 <= numbers[1] <= 12:
        return f"{MONTHS[numbers[1] - 1]} {numbers[0]}"
    return text
