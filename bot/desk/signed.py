"""Pages that a signed link opens: who comes, for a council; the dates of a preparation, for a member."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot import tokens
from bot.desk import season
from bot.office import Office
from channels.directory import Council, Person
from scheduler import attendance, plan, preparation
from scheduler.attendance import Attendance
from scheduler.committees import Committee, CommitteeCouncil, Seat
from scheduler.preparation import Preparation

COMING, DATES = "m", "v"  # the purposes of their tokens


@dataclass(frozen=True)
class Coming:
    """Who comes to a meeting, for the members of one council."""

    title: str
    when: str
    place: str
    council: str
    coming: tuple[str, ...]
    absent: tuple[str, ...]
    silent: tuple[str, ...]


def coming_token(office: Office, meeting: Committee, council_id: int) -> str:
    """Opens the page of who comes, for one council, until the day after the meeting."""
    assert meeting.id is not None
    last = office.date_of(meeting.starts_at) + timedelta(days=1)
    return tokens.sign(office.vault, tokens.Claim(COMING, meeting.id, council_id, last))


def coming(session: Session, office: Office, token: str, now: datetime) -> Coming | None:
    """What the page of who comes shows; None when the token opens nothing."""
    claim = tokens.read(office.vault, token, now)
    meeting = session.get(Committee, claim.subject) if claim and claim.purpose == COMING else None
    council = session.get(Council, claim.who) if claim and meeting else None
    if meeting is None or council is None:
        return None
    seated = session.exec(
        select(Person)
        .join(Seat, col(Seat.person_id) == col(Person.id))
        .join(CommitteeCouncil, col(CommitteeCouncil.council_id) == col(Seat.council_id))
        .join(Committee, col(Committee.id) == col(CommitteeCouncil.committee_id))
        .where(Committee.id == meeting.id, Seat.council_id == council.id, plan.seat_of_kind(), plan.sits())
        .distinct()
        .order_by(col(Person.name), col(Person.id))
    ).all()
    said = {
        row.person_id: row.answer
        for row in session.exec(select(Attendance).where(Attendance.committee_id == meeting.id))
        if row.revision == meeting.revision
    }
    named: dict[str, list[str]] = {"": [], "no": [], "yes": []}
    for person in seated:
        answer = said.get(person.id or 0, "")
        named["yes" if answer == attendance.PREPARE else answer].append(person.name)
    return Coming(
        meeting.title,
        office.when(meeting.starts_at),
        meeting.place,
        council.name,
        tuple(named["yes"]),
        tuple(named["no"]),
        tuple(named[""]),
    )


@dataclass(frozen=True)
class Choice:
    """One date on a member's page."""

    number: int
    when: str
    place: str
    chosen: bool


@dataclass(frozen=True)
class Ballot:
    """What a member's page of dates shows."""

    title: str
    person: str
    dates: tuple[Choice, ...]
    fixed: str  # the date that was picked; empty while it is open


def ballot_token(office: Office, meeting: Committee, person_id: int) -> str:
    """Opens a member's page of dates until the meeting."""
    assert meeting.id is not None
    return tokens.sign(office.vault, tokens.Claim(DATES, meeting.id, person_id, office.date_of(meeting.starts_at)))


def ballot(session: Session, office: Office, token: str, now: datetime) -> Ballot | None:
    """None when the token opens nothing."""
    found = _opened(session, office, token, now)
    if found is None:
        return None
    meeting, person = found
    assert meeting.id is not None
    votes = preparation.votes_of(session, meeting.id)
    fixed = season.fixed(session, session.get(Preparation, meeting.id), meeting)
    return Ballot(
        meeting.title,
        person.name,
        tuple(
            Choice(each.number, office.when(each.starts_at), each.place, person.id in votes.get(each.id or 0, ()))
            for each in preparation.dates_of(session, meeting.id)
        ),
        office.when(fixed.starts_at) if fixed else "",
    )


def cast(session: Session, office: Office, token: str, numbers: set[int], now: datetime) -> bool:
    """Keep what a member chose on their page; False when the token opens nothing or a date is fixed."""
    found = _opened(session, office, token, now)
    if found is None:
        return False
    meeting, person = found
    if meeting.id is None or person.id is None or season.fixed(session, session.get(Preparation, meeting.id), meeting):
        return False
    preparation.vote(session, meeting.id, person.id, numbers, now)
    return True


def _opened(session: Session, office: Office, token: str, now: datetime) -> tuple[Committee, Person] | None:
    claim = tokens.read(office.vault, token, now)
    if claim is None or claim.purpose != DATES:
        return None
    meeting, person = session.get(Committee, claim.subject), session.get(Person, claim.who)
    return (meeting, person) if meeting and person and meeting.starts_at > now else None
