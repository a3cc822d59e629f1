"""A member's own page of one meeting, opened by a signed link: who comes, the file, and their answers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot import audit, tokens
from bot.desk import following, following_calendars, kit, kit_paper, preparing, season
from bot.desk.erasing import ERASED
from bot.desk.kit import Kit
from bot.office import Office
from channels.contract import Attachment
from channels.directory import Council, Person
from scheduler import attendance, preparation
from scheduler.committees import CANCELLED, Committee
from scheduler.preparation import Preparation


@dataclass(frozen=True)
class Choice:
    """A date proposed for the preparation."""

    number: int
    when: str
    mine: bool
    people: int


@dataclass(frozen=True)
class Page:
    """What a member sees of a meeting."""

    person: str
    council: str
    title: str
    starts_at: datetime
    over: bool
    cancelled: bool
    answer: str  # yes | no | prepare | ""
    alternate: str
    alternates: tuple[str, ...]  # who could come instead
    comes: tuple[str, ...]
    absent: tuple[str, ...]
    dates: tuple[Choice, ...]
    preparation: str
    kit: Kit
    feed: str = ""  # the secret link of their calendar, once they asked for it


def _opened(session: Session, office: Office, token: str, now: datetime) -> tuple[Committee, Person] | None:
    claim = tokens.read(office.vault, token, now)
    if claim is None or claim.purpose != tokens.MEMBER:
        return None
    meeting, person = session.get(Committee, claim.subject), session.get(Person, claim.who)
    return (meeting, person) if meeting and person and person.name != ERASED else None


def page(session: Session, office: Office, token: str, now: datetime) -> Page | None:
    """The page behind a link; None when the link is over, or not one of ours."""
    found = _opened(session, office, token, now)
    if found is None:
        return None
    meeting, person = found
    assert meeting.id is not None
    council = session.get(Council, person.council_id) if person.council_id else None
    said = [row for row in attendance.of(session, meeting.id) if row.revision == meeting.revision and row.answer]
    mine = next((row for row in said if row.person_id == person.id), None)
    ours = [row for row in said if row.council_id == person.council_id]
    names = season.people_named(session, [row.person_id for row in ours])
    votes = preparation.votes_of(session, meeting.id)
    fixed = season.fixed(session, session.get(Preparation, meeting.id), meeting)
    return Page(
        person=person.name,
        council=council.name if council else "",
        title=meeting.title,
        starts_at=meeting.starts_at,
        over=meeting.starts_at <= now,
        cancelled=meeting.state == CANCELLED,
        answer=mine.answer if mine else "",
        alternate=mine.alternate if mine else "",
        alternates=tuple(each.name for each in following.alternates(session, meeting, person)),
        comes=tuple(names[row.person_id] for row in ours if row.answer != attendance.NO and row.person_id in names),
        absent=tuple(names[row.person_id] for row in ours if row.answer == attendance.NO and row.person_id in names),
        dates=tuple(
            Choice(each.number, office.when(each.starts_at), person.id in votes.get(each.id or 0, ()),
                   len(votes.get(each.id or 0, ())))
            for each in preparation.dates_of(session, meeting.id)
            if each.starts_at > now
        ) if fixed is None else (),
        preparation=f"{office.when(fixed.starts_at)}{', ' + fixed.place if fixed.place else ''}" if fixed else "",
        kit=kit.of(session, office, meeting, person.council_id, now),
        feed=following_calendars.made_for(session, office, person.id or 0),
    )  # fmt: skip


def answer(
    session: Session, office: Office, token: str, said: str, alternate: str, wish: str, now: datetime
) -> str | None:
    """Keep what someone said on their page, as a reply to the reminder would; what was kept, in words, or None.

    « Je veux préparer » opens a ticket with what they want to say; the officer returns a short text.
    """
    found = _opened(session, office, token, now)
    if found is None:
        return None
    meeting, person = found
    assert meeting.id is not None
    assert person.id is not None
    if meeting.starts_at <= now or meeting.state == CANCELLED:
        return "Cette réunion est passée ou annulée : il n'y a plus à répondre."
    if said not in (attendance.YES, attendance.NO, attendance.PREPARE):
        return "Choisissez une réponse."
    row = attendance.say(session, meeting.id, person.id, person.council_id, said, now, meeting.revision)
    audit.append(session, now, f"member:{person.id}", "answer noted", f"committee:{meeting.id}", person.council_id)
    if said == attendance.NO:
        return _replaced(session, office, meeting, person, row, " ".join(alternate.split())[:200], now)
    if said == attendance.PREPARE:
        preparing.open_for(session, office, meeting, person, row, wish, f"member:{person.id}", now)
        return "C'est noté : vous venez, et l'équipe vous aide à préparer."
    return "C'est noté : vous venez."


def _replaced(
    session: Session,
    office: Office,
    meeting: Committee,
    person: Person,
    row: attendance.Attendance,
    alternate: str,
    now: datetime,
) -> str:
    """Who comes instead is noted, and asked to come where we know them."""
    if not alternate:
        row.alternate, row.alternate_id = "", None
        session.add(row)
        return "C'est noté : vous ne venez pas."
    asked = following.name_alternate(session, office, meeting, person, row, alternate, now)
    told = following.TOLD if asked else "Prévenez cette personne si vous le pouvez."
    return f"C'est noté : vous ne venez pas. {row.alternate} vous remplace. {told}"


def choose(session: Session, office: Office, token: str, numbers: Collection[int], now: datetime) -> str | None:
    """The preparation dates that suit someone, in place of what they said before; in words, or None."""
    found = _opened(session, office, token, now)
    if found is None:
        return None
    meeting, person = found
    assert meeting.id is not None
    assert person.id is not None
    chosen = preparation.vote(session, meeting.id, person.id, set(numbers), now)
    audit.append(session, now, f"member:{person.id}", "dates chosen", f"committee:{meeting.id}", person.council_id)
    if not chosen:
        return "C'est noté : aucune de ces dates."
    return "C'est noté : " + ", ".join(office.when(each.starts_at) for each in chosen) + "."


def follow(session: Session, office: Office, token: str, now: datetime) -> bool:
    """Make someone's secret calendar link; False when the link to the page is over."""
    found = _opened(session, office, token, now)
    if found is None or found[1].id is None:
        return False
    following_calendars.of_person(session, office, found[1].id, now)
    audit.append(session, now, f"member:{found[1].id}", "calendar link made", f"person:{found[1].id}")
    return True


def file(session: Session, office: Office, token: str, what: str, now: datetime) -> Attachment | Kit | None:
    """The calendar entry (`what` = ics), or the kit from which the PDF is made, behind a link; or None."""
    found = _opened(session, office, token, now)
    if found is None:
        return None
    if what == "ics":
        return season.calendar_file(office, found[0], now)
    return kit.of(session, office, found[0], found[1].council_id, now)


def paper(found: Kit) -> Attachment:
    """The PDF of a kit; takes a moment, so outside any transaction."""
    return kit_paper.kit_file(found)
