"""Calendars that programs follow by a secret link: one a council, one a member; a link is computed, never stored."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import meetings, season
from bot.office import Office
from channels.directory import Council, Person
from escalation.accounts import Who
from scheduler import feeds
from scheduler.committees import Committee, CommitteeCouncil, Seat
from scheduler.feeds import Feed

PAST, AHEAD = timedelta(days=90), timedelta(days=548)
MOST = 500


@dataclass(frozen=True)
class Link:
    """The feed of one council; empty link until someone made it."""

    council_id: int
    name: str
    link: str
    read_at: datetime | None


def secret(office: Office, feed: Feed) -> str:
    """« 12-k3j… »: 100 bits that nobody guesses, of this generation of the link."""
    return _secrets(office, feed)[0]


def _secrets(office: Office, feed: Feed) -> list[str]:
    """The same under every secret of ours: a program goes on with the link that it was given."""
    about = f"{feed.id}:{feed.generation}".encode()
    marks = (hmac.new(key, about, hashlib.sha256).digest() for key in office.vault.keys("feeds"))
    return [f"{feed.id}-{base64.b32encode(mark[:13]).decode().rstrip('=').lower()}" for mark in marks]


def link(office: Office, feed: Feed) -> str:
    return f"{office.public_url}/calendrier/{secret(office, feed)}.ics"


def of_council(session: Session, office: Office, council_id: int, now: datetime) -> str:
    """The link of a council, made if there is none."""
    return link(office, feeds.feed_of(session, now, council_id=council_id))


def of_person(session: Session, office: Office, person_id: int, now: datetime) -> str:
    """The link of a member: the meetings of their councils."""
    return link(office, feeds.feed_of(session, now, person_id=person_id))


def made_for(session: Session, office: Office, person_id: int) -> str:
    """The link of a member; empty until they asked for it."""
    row = session.exec(select(Feed).where(Feed.person_id == person_id)).first()
    return link(office, row) if row else ""


def listed(session: Session, office: Office, who: Who) -> list[Link]:
    """The councils that this officer sees, with their links."""
    rows = session.execute(
        sa.select(Council, Feed).outerjoin(Feed, col(Feed.council_id) == col(Council.id)).order_by(col(Council.name))
    ).all()
    return [
        Link(council.id, council.name, link(office, feed) if feed else "", feed.read_at if feed else None)
        for council, feed in rows
        if who.sees(council.id)
    ]


def renew(session: Session, office: Office, who: Who, council_id: int, now: datetime) -> str:
    """A new link: the old one shows nothing any more. LookupError when the council is not theirs."""
    if session.get(Council, council_id) is None or not who.sees(council_id):
        raise LookupError(council_id)
    row = session.exec(select(Feed).where(Feed.council_id == council_id)).first()
    if row is None:
        row = feeds.feed_of(session, now, council_id=council_id)
    else:
        row.generation += 1
        session.add(row)
    audit.append(session, now, f"officer:{who.id}", "calendar link made", f"council:{council_id}", council_id)
    return link(office, row)


def read(session: Session, office: Office, asked: str, now: datetime) -> str | None:
    """The calendar behind a link, as iCalendar text; None when the link is not one of ours any more."""
    number = asked.partition("-")[0]
    row = session.get(Feed, int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
    if row is None or not any(hmac.compare_digest(asked.encode(), each.encode()) for each in _secrets(office, row)):
        return None
    if row.council_id is not None:
        council = session.get(Council, row.council_id)
        name, councils = council.name if council else "Conseil citoyen", [row.council_id]
    else:
        person = session.get(Person, row.person_id)
        sits = session.exec(select(Seat.council_id).where(Seat.person_id == row.person_id, _held(now))).all()
        own = [person.council_id] if person and person.council_id else []
        name, councils = "Mes réunions", [*own, *sits]
    found = session.exec(
        select(Committee)
        .where(
            Committee.starts_at > now - PAST,
            Committee.starts_at < now + AHEAD,
            col(Committee.id).in_(
                sa.select(col(CommitteeCouncil.committee_id)).where(col(CommitteeCouncil.council_id).in_(councils))
            ),
        )
        .order_by(col(Committee.starts_at))
        .limit(MOST)
    ).all()
    entries = [season.as_entry(each, meetings.KINDS.get(each.kind, "")) for each in found]
    return feeds.calendar(entries, name, office.zone, now)


def _held(now: datetime) -> "sa.ColumnElement[bool]":
    return sa.or_(col(Seat.until).is_(None), col(Seat.until) > now)


def noted(session: Session, asked: str, now: datetime) -> None:
    """That a program read a feed: once an hour is enough to know."""
    number = asked.partition("-")[0]
    if number.isascii() and number.isdigit() and len(number) < 10:
        session.execute(
            sa.update(Feed)
            .where(
                col(Feed.id) == int(number),
                sa.or_(col(Feed.read_at).is_(None), col(Feed.read_at) < now - timedelta(hours=1)),
            )
            .values(read_at=now)
        )
