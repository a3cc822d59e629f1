"""Calendars out: iCalendar text (RFC 5545) of meetings, and the secret links by which programs follow them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import icalendar
import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, select

PRODUCT = "-//Hotline des conseils citoyens//FR"
USUAL_LENGTH = timedelta(hours=2)  # of a meeting whose end nobody said
REFRESH = timedelta(hours=6)


class Feed(SQLModel, table=True):
    """A secret link to the meetings of one council or one member; the secret itself is computed, never stored."""

    __tablename__ = "feeds"
    __table_args__ = (sa.UniqueConstraint("council_id"), sa.UniqueConstraint("person_id"))
    id: int | None = Field(default=None, primary_key=True)
    council_id: int | None = Field(default=None, foreign_key="councils.id")
    person_id: int | None = Field(default=None, foreign_key="people.id")
    generation: int = 1  # links made for an earlier one show nothing any more
    made_at: datetime
    read_at: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """One meeting as a calendar shows it."""

    uid: str
    sequence: int
    title: str
    starts_at: datetime
    ends_at: datetime | None = None
    place: str = ""
    description: str = ""
    url: str = ""
    state: str = "planned"
    category: str = ""


def calendar(entries: Sequence[Entry], name: str, zone: ZoneInfo, now: datetime) -> str:
    """An iCalendar object (RFC 5545) with its VTIMEZONE; times are local to `zone`, lines end in CRLF."""
    made = icalendar.Calendar()
    made.add("PRODID", PRODUCT)
    made.add("VERSION", "2.0")
    made.add("METHOD", "PUBLISH")
    made.add("X-WR-CALNAME", _on_one_line(name))
    made.add("NAME", _on_one_line(name))
    made.add("X-PUBLISHED-TTL", REFRESH)
    for entry in entries:
        made.add_component(_event(entry, zone, now))
    content: bytes = made.to_ical()
    before, event, after = content.decode().partition("BEGIN:VEVENT")
    return before + "".join(map(_timezone, sorted(made.get_missing_tzids()))) + event + after


@cache  # its changes of clock are searched day by day: what took longest in a calendar of one meeting
def _timezone(tzid: str) -> str:
    content: bytes = icalendar.Timezone.from_tzid(tzid).to_ical()
    return content.decode()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _event(entry: Entry, zone: ZoneInfo, now: datetime) -> icalendar.Event:
    event = icalendar.Event()
    event.add("UID", entry.uid)
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTAMP", now)
    event.add("SUMMARY", _on_one_line(entry.title))
    event.add("DTSTART", entry.starts_at.astimezone(zone))
    event.add("DTEND", (entry.ends_at or entry.starts_at + USUAL_LENGTH).astimezone(zone))
    description = "\n".join(entry.description.splitlines())  # a lone CR would end the line of the file
    for key, value in (("LOCATION", _on_one_line(entry.place)), ("DESCRIPTION", description), ("URL", entry.url)):
        if value:
            event.add(key, value)
    if entry.category:
        event.add("CATEGORIES", [entry.category])
    status = {"cancelled": "CANCELLED", "confirmed": "CONFIRMED"}
    event.add("STATUS", status.get(entry.state, "TENTATIVE"))
    return event


def feed_of(session: Session, now: datetime, *, council_id: int | None = None, person_id: int | None = None) -> Feed:
    """The feed of a council or of a member, made if there is none."""
    assert (council_id is None) != (person_id is None), "one of the two"
    key = Feed.council_id == council_id if council_id is not None else Feed.person_id == person_id
    row = session.exec(select(Feed).where(key)).first()
    if row is None:
        row = Feed(council_id=council_id, person_id=person_id, made_at=now)
        session.add(row)
        session.flush()
    return row
