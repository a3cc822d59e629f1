"""One meeting as its page shows it, and who is to be called: everything about it in one read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.desk import arranging, kit, letters, meetings, repeating, season
from bot.desk.calendar import NoSuchMeeting
from bot.desk.kit import Kit
from bot.desk.meetings import Card
from bot.office import Office
from channels import by_phone, directory
from channels.directory import AddressRow, Council, Person
from escalation.accounts import Who
from escalation.tickets import Ticket
from scheduler import agenda, attendance, plan, preparation, steps
from scheduler.attendance import CallNote
from scheduler.committees import CANCELLED, Committee, CommitteeCouncil, Reminder, Seat
from scheduler.preparation import Preparation
from scheduler.steps import Step

ANSWERS = {"yes": "vient", "no": "ne vient pas", "prepare": "vient, veut préparer", "": "sans réponse"}


@dataclass(frozen=True)
class Item:
    """One point of the agenda; `words` are those of the glossary found in it."""

    id: int
    received: str
    plain: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Document:
    id: int
    title: str
    purpose: str
    url: str
    size: int  # bytes, 0 when it is an address
    kind: str


@dataclass(frozen=True)
class Invited:
    """One council of a meeting."""

    id: int
    name: str
    invited_at: datetime | None
    agenda_at: datetime | None
    held: int  # titular seats that are held
    places: int  # titular seats that it has


@dataclass(frozen=True)
class Seated:
    """One person who has a seat on a meeting."""

    id: int
    name: str
    council: str
    role: str
    told: str  # when, and by which channel
    answer: str  # yes | no | prepare | ""
    answer_words: str
    alternate: str
    ticket_id: int | None
    came: bool | None


@dataclass(frozen=True)
class StepLine:
    label: str
    action: str
    words: str
    due_at: datetime
    state: str  # waiting | done | skipped
    reason: str
    begun: bool  # its hour has come


@dataclass(frozen=True)
class Proposed:
    """One date proposed for a preparation, and who can come."""

    id: int
    number: int
    starts_at: datetime
    people: tuple[str, ...]


@dataclass(frozen=True)
class Decided:
    id: int
    text: str
    by: str
    council: str
    at: datetime
    kept: bool


@dataclass(frozen=True)
class Question:
    number: int
    text: str
    state: str
    council: str


@dataclass(frozen=True)
class Detail:
    """All that is known of a meeting."""

    card: Card
    over: bool
    repeats: bool  # more meetings of its series will be made
    directions: str
    accessibility: str
    online: str
    organiser: str
    organiser_email: str
    agenda: str
    items: tuple[Item, ...]
    documents: tuple[Document, ...]
    councils: tuple[Invited, ...]
    people: tuple[Seated, ...]
    steps: tuple[StepLine, ...]
    proposed: tuple[Proposed, ...]
    preparation_id: int | None  # the meeting that was fixed
    preparation_at: datetime | None
    preparation_notes: str
    decisions: tuple[Decided, ...]
    questions: tuple[Question, ...]
    uninvited: tuple[str, ...]
    without_agenda: tuple[str, ...]
    letter_again: bool  # the second letter, which is firmer
    letter: str  # ready to send to the organiser, when an invitation or an agenda is missing


def detail(session: Session, office: Office, who: Who, committee_id: int, now: datetime) -> Detail:
    """NoSuchMeeting when it is not theirs to see."""
    meeting = arranging.the_meeting(session, who, committee_id)
    card = meetings.cards(session, [meeting], now)[0]
    row = session.get(Preparation, committee_id)
    fixed = season.fixed(session, row, meeting)
    coming = meeting.starts_at > now and meeting.state != CANCELLED
    no_invitation, no_agenda = season.uninvited(session, meeting) if card.kind in ("copil", "cotech") else ([], [])
    standing = steps.of(session, committee_id, meeting.revision)
    again = any(
        each.action == steps.GUARD_AGAIN and each.state != "skipped" and each.due_at <= now for each in standing
    )
    return Detail(
        card=card,
        over=meeting.starts_at <= now,
        repeats=repeating.runs(session, meeting),
        directions=meeting.directions,
        accessibility=meeting.accessibility,
        online=meeting.online,
        organiser=meeting.organiser,
        organiser_email=_email(session, office, meeting),
        agenda=meeting.agenda,
        items=_items(session, office, committee_id, now),
        documents=_documents(session, committee_id),
        councils=_councils(session, meeting),
        people=_people(session, office, who, meeting),
        steps=tuple(
            StepLine(_label(each.step), each.action, steps.ACTION_NAMES.get(each.action, each.action), each.due_at,
                     each.state, each.reason, each.due_at <= now)
            for each in standing
        ),
        proposed=_proposed(session, committee_id),
        preparation_id=fixed.id if fixed else None,
        preparation_at=fixed.starts_at if fixed else None,
        preparation_notes=row.notes if row else "",
        decisions=_decisions(session, committee_id),
        questions=_questions(session, who, committee_id),
        uninvited=tuple(no_invitation),
        without_agenda=tuple(no_agenda),
        letter_again=again,
        letter=season.letter_to_organiser(session, office, meeting, again=again)
        if coming and (no_invitation or no_agenda) else "",
    )  # fmt: skip


def _label(step: str) -> str:
    return step.upper() if step[:1] == "j" else step


def _email(session: Session, office: Office, meeting: Committee) -> str:
    row = session.get(AddressRow, meeting.organiser_address_id) if meeting.organiser_address_id else None
    return directory.opened(office.vault, row).handle if row and row.sealed else ""


def _items(session: Session, office: Office, committee_id: int, now: datetime) -> tuple[Item, ...]:
    found = agenda.items_of(session, [committee_id]).get(committee_id, [])
    base = kit.glossary(session) if found else None
    return tuple(
        Item(
            each.id or 0,
            each.received,
            each.plain,
            tuple((word.term, word.meaning) for word in kit.words_in(each.received, base, 6)) if base else (),
        )
        for each in found
    )


def _documents(session: Session, committee_id: int) -> tuple[Document, ...]:
    rows = session.execute(
        sa.select(agenda.CommitteeDocument, col(agenda.CommitteeFile.size), col(agenda.CommitteeFile.content_type))
        .outerjoin(agenda.CommitteeFile, col(agenda.CommitteeFile.id) == col(agenda.CommitteeDocument.file_id))
        .where(col(agenda.CommitteeDocument.committee_id) == committee_id)
        .order_by(col(agenda.CommitteeDocument.id))
    ).all()
    return tuple(Document(row.id, row.title, row.purpose, row.url, size or 0, kind or "") for row, size, kind in rows)


def _councils(session: Session, meeting: Committee) -> tuple[Invited, ...]:
    seats = {row[0]: (row[2], row[3]) for row in season.seats_held(session, meeting)}
    rows = session.execute(
        sa.select(CommitteeCouncil, col(Council.name))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .where(col(CommitteeCouncil.committee_id) == meeting.id)
        .order_by(col(Council.name))
    ).all()
    return tuple(
        Invited(row.council_id, name, row.invited_at, row.agenda_at, *seats.get(row.council_id, (0, 0)))
        for row, name in rows
    )


def _people(session: Session, office: Office, who: Who, meeting: Committee) -> tuple[Seated, ...]:
    """Who has a seat, whom each officer may see, with the last that each was told and said."""
    seated = session.execute(
        sa.select(col(Person.id), col(Person.name), col(Council.id), col(Council.name), col(Seat.role))
        .select_from(Committee)
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .join(Seat, sa.and_(col(Seat.council_id) == col(Council.id), plan.seat_of_kind()))
        .join(Person, col(Person.id) == col(Seat.person_id))
        .where(col(Committee.id) == meeting.id, plan.sits())
        .order_by(col(Council.name), col(Seat.role).desc(), col(Person.name))
    ).all()
    said = {row.person_id: row for row in attendance.of(session, meeting.id or 0)}
    told: dict[int, Reminder] = {}
    for row in session.exec(
        select(Reminder).where(Reminder.committee_id == meeting.id).order_by(col(Reminder.id))
    ).all():
        told[row.person_id] = row
    names = season.people_named(session, [row.alternate_id for row in said.values() if row.alternate_id])
    found: list[Seated] = []
    seen: set[int] = set()
    for person_id, name, council_id, council, role in seated:
        if person_id in seen or not who.sees(council_id):
            continue
        seen.add(person_id)
        word = said.get(person_id)
        fresh = word is not None and word.revision == meeting.revision
        answer = word.answer if word and fresh else ""
        last = told.get(person_id)
        found.append(
            Seated(
                person_id,
                name,
                council,
                role,
                _told(office, last),
                answer,
                ANSWERS.get(answer, answer),
                (names.get(word.alternate_id, "") if word.alternate_id else word.alternate) if word else "",
                word.ticket_id if word else None,
                word.came if word else None,
            )
        )
    return tuple(found)


def _told(office: Office, last: Reminder | None) -> str:
    if last is None:
        return ""
    if last.call:
        return f"à appeler : {last.call}"
    return f"{office.when(last.posted_at)}" + (f", par {letters.channel_name(last.channel)}" if last.channel else "")


def _proposed(session: Session, committee_id: int) -> tuple[Proposed, ...]:
    chosen = preparation.votes_of(session, committee_id)
    names = season.people_named(session, [person for people in chosen.values() for person in people])
    return tuple(
        Proposed(
            each.id or 0,
            each.number,
            each.starts_at,
            tuple(names[person] for person in chosen.get(each.id or 0, ()) if person in names),
        )
        for each in preparation.dates_of(session, committee_id)
    )


def _decisions(session: Session, committee_id: int) -> tuple[Decided, ...]:
    rows = session.execute(
        sa.select(agenda.Decision, col(Person.name), col(Council.name))
        .outerjoin(Person, col(Person.id) == col(agenda.Decision.person_id))
        .outerjoin(Council, col(Council.id) == col(agenda.Decision.council_id))
        .where(col(agenda.Decision.committee_id) == committee_id)
        .order_by(col(agenda.Decision.id))
    ).all()
    return tuple(
        Decided(row.id, row.text, name or "l'équipe", council or "", row.reported_at, row.kept)
        for row, name, council in rows
    )


def _questions(session: Session, who: Who, committee_id: int) -> tuple[Question, ...]:
    rows = session.execute(
        sa.select(Ticket, col(Council.name))
        .outerjoin(Council, col(Council.id) == col(Ticket.council_id))
        .where(col(Ticket.committee_id) == committee_id, col(Ticket.kind) != "undelivered")
        .order_by(col(Ticket.id))
        .limit(100)
    ).all()
    return tuple(
        Question(row.id, row.question, row.state, name or "") for row, name in rows if who.sees(row.council_id)
    )


def kits(session: Session, office: Office, who: Who, committee_id: int, council_id: int, now: datetime) -> Kit:
    """The preparation kit as this council gets it. NoSuchMeeting."""
    meeting = arranging.the_meeting(session, who, committee_id)
    if not who.sees(council_id):
        raise NoSuchMeeting("Ce conseil n'est pas parmi les vôtres.")
    return kit.of(session, office, meeting, council_id, now)


# --- who is to be called ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note:
    at: datetime
    outcome: str
    text: str


@dataclass(frozen=True)
class Call:
    """Someone to be called about a meeting, with the number and what was sent."""

    person_id: int
    name: str
    council: str
    phones: tuple[str, ...]
    told: str
    why: str
    notes: tuple[Note, ...]
    aloud: str  # what to say

    @property
    def done(self) -> bool:
        return any(note.outcome == "reached" for note in self.notes)


@dataclass(frozen=True)
class CallList:
    """The calls of one meeting."""

    card: Card
    calls: tuple[Call, ...]


def call_lists(session: Session, office: Office, who: Who, now: datetime) -> list[CallList]:
    """Whom to call for each meeting of the next days: those without an answer, and those whom nothing reaches."""
    soon = session.exec(
        select(Committee)
        .where(
            Committee.starts_at > now,
            Committee.starts_at < now + timedelta(days=60),
            Committee.state != CANCELLED,
        )
        .order_by(col(Committee.starts_at))
        .limit(60)
    ).all()
    mine = [each for each in soon if each.id is not None and meetings.sees(session, who, each.id)]
    shown = {each.id: each for each in meetings.cards(session, mine, now)}
    plans = steps.plans(session, {each.kind for each in mine})
    found = []
    for meeting in mine:
        calls = _calls(session, office, who, meeting, _to_be_called(office, plans[meeting.kind], meeting, now), now)
        if calls:
            found.append(CallList(shown[meeting.id or 0], calls))
    return found


def _to_be_called(office: Office, found: Sequence[Step], meeting: Committee, now: datetime) -> bool:
    """Whether the hour has come at which the plan lists who has not answered (J-5, or the working day before)."""
    return any(
        step.active
        and step.action == steps.CALLS
        and steps.due_at(meeting.starts_at, step, office.zone, office.holidays) <= now
        for step in found
    )


def _calls(
    session: Session, office: Office, who: Who, meeting: Committee, silent_too: bool, now: datetime
) -> tuple[Call, ...]:
    assert meeting.id is not None
    unreachable = {
        row.person_id: row.call
        for row in session.exec(
            select(Reminder).where(Reminder.committee_id == meeting.id, Reminder.call != "").order_by(col(Reminder.id))
        ).all()
    }
    wanted: dict[int, tuple[Person, int | None]] = {}
    if silent_too:
        wanted = {person.id or 0: (person, council) for person, council in season.silent(session, meeting)}
    for person_id in unreachable:
        person = session.get(Person, person_id)
        if person is not None and person_id not in wanted:
            wanted[person_id] = (person, person.council_id)
    wanted = {key: value for key, value in wanted.items() if who.sees(value[1])}
    if not wanted:
        return ()
    names = {each.id: each.name for each in session.exec(select(Council))}
    phones = _phones(session, office, list(wanted))
    notes = _notes(session, meeting.id, list(wanted))
    told: dict[int, Reminder] = {}
    for row in session.exec(
        select(Reminder)
        .where(Reminder.committee_id == meeting.id, col(Reminder.person_id).in_(wanted))
        .order_by(col(Reminder.id))
    ).all():
        told[row.person_id] = row
    made: dict[int | None, Kit] = {}
    base = kit.shelf(session)
    found = []
    for person_id, (person, council_id) in wanted.items():
        if council_id not in made:
            made[council_id] = kit.of(session, office, meeting, council_id, now, base)
        found.append(
            Call(
                person_id,
                person.name,
                names.get(council_id, ""),
                tuple(phones.get(person_id, ())),
                _told(office, told.get(person_id)),
                unreachable.get(person_id) or "n'a pas répondu",
                tuple(notes.get(person_id, ())),
                kit.to_read_aloud(made[council_id], person.name),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.done, each.name)))


def _phones(session: Session, office: Office, people: Sequence[int]) -> dict[int, list[str]]:
    rows = session.exec(
        select(AddressRow).where(col(AddressRow.person_id).in_(people), col(AddressRow.channel).in_(by_phone()))
    ).all()
    found: dict[int, list[str]] = {}
    for row in rows:
        if row.sealed and row.person_id is not None:
            number = directory.opened(office.vault, row).handle
            if number.startswith("+") and number not in found.setdefault(row.person_id, []):
                found[row.person_id].append(number)
    return found


def _notes(session: Session, committee_id: int, people: Sequence[int]) -> dict[int, list[Note]]:
    found: dict[int, list[Note]] = {}
    for row in session.exec(
        select(CallNote)
        .where(CallNote.committee_id == committee_id, col(CallNote.person_id).in_(people))
        .order_by(col(CallNote.id))
    ).all():
        found.setdefault(row.person_id, []).append(Note(row.noted_at, row.outcome, row.text))
    return found
