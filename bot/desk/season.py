"""What the plan does for the officer: invitations guarded, drafts asked for, dates proposed, calls listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import tokens
from bot.desk import kit as kits
from bot.desk import letters
from bot.office import Office
from bot.say import say
from channels import directory
from channels.contract import Address, Attachment, Outbound
from channels.directory import AddressRow, Council, Person
from escalation import officers
from escalation.deadlines import is_working
from escalation.tickets import Ticket
from scheduler import agenda, committees, feeds, plan, preparation, steps
from scheduler.agenda import AgendaItem
from scheduler.attendance import Attendance
from scheduler.committees import CANCELLED, TITULAR, Committee, CommitteeCouncil, Seat
from scheduler.preparation import Preparation, PreparationDate
from scheduler.steps import CommitteeStep, Fired

ASKS_TO_COME = (
    "reminder",
    "reminder_moved",
    "reminder_invite",
    "reminder_again",
    "reminder_practical",
    "alternate_call",
)
MOST_DATES = 3
FIRST_DAY, LAST_DAY = 9, 2  # days before the committee between which a preparation is proposed
EVENING = time(18)


def set_off(session: Session, office: Office, fired: Sequence[Fired], now: datetime) -> None:
    """Write what the steps that have begun change; what they say is found by the looks (`notices`, `plan.due`)."""
    concerned = {each.committee_id for each in fired if each.action not in steps.TO_OFFICER}
    meetings = {
        each.id: each
        for each in session.exec(
            select(Committee).where(
                col(Committee.id).in_(concerned),
                sa.or_(
                    col(Committee.kind) == "preparation",
                    col(Committee.id).in_({each.committee_id for each in fired if each.action == steps.PROPOSE}),
                ),
            )
        )
    }
    for meeting in meetings.values():
        if meeting.kind == "preparation":
            gather(session, meeting, now)
    for each in fired:
        if each.action == steps.PROPOSE:
            _propose(session, office, meetings[each.committee_id], each, now)


@dataclass(frozen=True)
class Written:
    """One letter to one address of an officer, ready to be posted."""

    key: str
    address_id: int
    council_id: int | None
    message: Outbound


@dataclass(frozen=True)
class Notice:
    """What officers hear of one step that has begun: nothing, where nothing is amiss."""

    step_id: int
    letters: tuple[Written, ...]


def notices(session: Session, office: Office, now: datetime, limit: int = 200) -> list[Notice]:
    """What officers are to hear now, written but not posted: nothing is changed, so this may take its time."""
    found = steps.for_officers(session, now, limit)
    if not found:
        return []
    clerk = Clerk(session, office, now)
    meetings = {
        each.id: each
        for each in session.exec(select(Committee).where(col(Committee.id).in_({f.committee_id for _, f in found})))
    }
    work = {
        steps.GUARD: _guard,
        steps.GUARD_AGAIN: _guard_again,
        steps.DRAFT: _ask_draft,
        steps.UNFIXED: _warn_unfixed,
        steps.CALLS: _list_calls,
    }
    return [Notice(id, tuple(work[each.action](clerk, meetings[each.committee_id], each))) for id, each in found]


def post_notices(session: Session, office: Office, found: Sequence[Notice], now: datetime) -> int:
    """Post these and finish their steps, those of meetings that changed meanwhile left out; how many letters."""
    mine = steps.finish(session, [each.step_id for each in found])
    letters_ = [letter for each in found if each.step_id in mine for letter in each.letters]
    for each in letters_:
        row = session.get(AddressRow, each.address_id)
        if row is not None:
            letters.post(session, office, each.message, each.key, row, now, council_id=each.council_id)
    return len(letters_)


def tell_officers(
    session: Session, office: Office, meeting: Committee, what: str, name: str, now: datetime, **values: Any
) -> None:
    """Write to the officers of a meeting's councils, each address once under `what`, and post it."""
    for each in Clerk(session, office, now).letters(meeting, what, name, **values):
        row = session.get(AddressRow, each.address_id)
        assert row is not None
        letters.post(session, office, each.message, each.key, row, now, council_id=each.council_id)


class Clerk:
    """Writes to the officers of meetings: who they are and the glossary are read once for many letters."""

    def __init__(self, session: Session, office: Office, now: datetime):
        self.session, self.office, self.now = session, office, now
        self._officers: dict[int | None, list[tuple[int, Address]]] = {}
        self._glossary: kits.Glossary | None = None

    @property
    def glossary(self) -> kits.Glossary:
        if self._glossary is None:
            self._glossary = kits.glossary(self.session)
        return self._glossary

    def _addresses(self, council_id: int | None) -> list[tuple[int, Address]]:
        if council_id not in self._officers:
            session, found = self.session, []
            for officer in officers.to_notify(session, council_id, self.office.date_of(self.now)):
                for address_id in officers.addresses(session, officer):
                    row = session.get(AddressRow, address_id)
                    if row is not None:
                        found.append((address_id, directory.opened(self.office.vault, row)))
            self._officers[council_id] = found
        return self._officers[council_id]

    def letters(self, meeting: Committee, what: str, name: str, **values: Any) -> list[Written]:
        """To the officers of a meeting's councils, each address once under `what`."""
        assert meeting.id is not None
        office = self.office
        found: dict[int, Written] = {}
        for council_id in committees.councils_of(self.session, meeting.id) or [None]:  # type: ignore[list-item]
            for address_id, address in self._addresses(council_id):
                if address_id in found:
                    continue
                message = say(
                    name,
                    address,
                    number=meeting.id,
                    title=meeting.title,
                    when=office.when(meeting.starts_at),
                    organisation=office.organisation,
                    at_calls=office.at_desk("/reunions/appels", f"committees calls {meeting.id}"),
                    at_show=office.at_desk(f"/reunions/{meeting.id}", f"committees show {meeting.id}"),
                    at_agenda=office.at_desk(
                        f"/reunions/{meeting.id}/ordre-du-jour", f"committees agenda {meeting.id}"
                    ),
                    at_invited=office.at_desk(
                        f"/reunions/{meeting.id}#invitations", f"committees documents {meeting.id} --invited"
                    ),
                    **values,
                )
                key = f"season:{meeting.id}.{meeting.revision}:{what}:{address_id}"
                found[address_id] = Written(key, address_id, council_id, message)
        return list(found.values())


# --- the seat guard ---------------------------------------------------------------------------------------------------


def uninvited(session: Session, meeting: Committee) -> tuple[list[str], list[str]]:
    """The councils that have no invitation, and those that have no agenda."""
    rows = session.execute(
        sa.select(col(Council.name), col(CommitteeCouncil.invited_at), col(CommitteeCouncil.agenda_at))
        .join(CommitteeCouncil, col(CommitteeCouncil.council_id) == col(Council.id))
        .where(col(CommitteeCouncil.committee_id) == meeting.id)
        .order_by(col(Council.name))
    ).all()
    return [name for name, invited, _ in rows if not invited], [name for name, _, agenda in rows if not agenda]


def letter_to_organiser(session: Session, office: Office, meeting: Committee, *, again: bool) -> str:
    """A letter that asks for the invitation and the agenda, ready to send; empty when both are there."""
    no_invitation, no_agenda = uninvited(session, meeting)
    councils = sorted({*no_invitation, *no_agenda})
    if not councils:
        return ""
    missing = " et ".join(
        part for part, names in (("l'invitation", no_invitation), ("l'ordre du jour", no_agenda)) if names
    )
    return say(
        "letter_organiser_again" if again else "letter_organiser",
        Address("email", ""),
        organiser=meeting.organiser or "Madame, Monsieur",
        title=meeting.title,
        when=office.when(meeting.starts_at),
        councils=", ".join(councils),
        missing=missing,
        organisation=office.organisation,
        reach=office.reach,
    ).text


def _guard(clerk: Clerk, meeting: Committee, fired: Fired, *, again: bool = False) -> list[Written]:
    letter = letter_to_organiser(clerk.session, clerk.office, meeting, again=again)
    empty = empty_seats(clerk.session, meeting)
    if not letter and not empty:
        return []
    seats = f"Sièges vides : {', '.join(empty)}." if empty else ""
    name = "officer_guard_again" if again else "officer_guard"
    to = _organiser_email(clerk.session, clerk.office, meeting)
    return clerk.letters(meeting, fired.step, name, letter=letter, seats=seats, to=to)


def _guard_again(clerk: Clerk, meeting: Committee, fired: Fired) -> list[Written]:
    return _guard(clerk, meeting, fired, again=True)


def _organiser_email(session: Session, office: Office, meeting: Committee) -> str:
    row = session.get(AddressRow, meeting.organiser_address_id) if meeting.organiser_address_id else None
    who = directory.opened(office.vault, row).handle if row else ""
    return " ".join(part for part in (meeting.organiser, f"({who})" if who else "") if part)


def empty_seats(session: Session, meeting: Committee) -> list[str]:
    """The councils of a meeting that hold fewer titular seats than they have, by name."""
    return [name for _, name, held, places in seats_held(session, meeting) if held < places]


def seats_held(session: Session, meeting: Committee) -> list[tuple[int, str, int, int]]:
    """(council, its name, titular seats held on the day, titular seats that it has) of a committee with seats."""
    if meeting.kind not in (committees.COPIL, "cotech"):
        return []
    rows = session.execute(
        sa.select(
            col(Council.id),
            col(Council.name),
            sa.func.count(col(Seat.id)),
            sa.func.coalesce(sa.func.max(committees.SeatPlaces.places), 1),
        )
        .select_from(Committee)
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .outerjoin(
            committees.SeatPlaces,
            sa.and_(
                col(committees.SeatPlaces.council_id) == col(Council.id),
                col(committees.SeatPlaces.committee_kind) == col(Committee.kind),
            ),
        )
        .outerjoin(
            Seat,
            sa.and_(
                col(Seat.council_id) == col(Council.id),
                col(Seat.committee_kind) == col(Committee.kind),
                col(Seat.role) == TITULAR,
                plan.sits(),
            ),
        )
        .where(col(Committee.id) == meeting.id)
        .group_by(col(Council.id), col(Council.name))
        .order_by(col(Council.name))
    ).all()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


# --- drafts, dates, calls ---------------------------------------------------------------------------------------------


def _ask_draft(clerk: Clerk, meeting: Committee, fired: Fired) -> list[Written]:
    assert meeting.id is not None
    items = agenda.items_of(clerk.session, [meeting.id]).get(meeting.id, [])
    bare = [item for item in items if not item.plain]
    if items and not bare:
        return []
    received = [f"{n}. {item.received}" for n, item in enumerate(items, 1) if not item.plain]
    words = ", ".join(word.term for word in kits.words_of(clerk.session, meeting, clerk.glossary))
    return clerk.letters(
        meeting,
        fired.step,
        "officer_draft_agenda",
        received="\n".join(received) or meeting.agenda or "(Aucun ordre du jour n'est enregistré.)",
        jargon=f"Mots difficiles repérés : {words}." if words else "",
    )


def suggested_dates(meeting: Committee, office: Office, now: datetime, most: int = MOST_DATES) -> list[datetime]:
    """Evenings of working days between nine and two days before a committee, spread over them; none that is past."""
    day: date = meeting.starts_at.astimezone(office.zone).date()
    soonest = now.astimezone(office.zone).date() + timedelta(days=2)
    days = [
        on
        for before in range(FIRST_DAY, LAST_DAY - 1, -1)
        if (on := day - timedelta(days=before)) >= soonest and is_working(on, office.holidays)
    ]
    if len(days) > most:
        days = [days[round(n * (len(days) - 1) / (most - 1))] for n in range(most)]
    return [datetime.combine(on, EVENING, office.zone) for on in days]


def _propose(session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime) -> None:
    """Dates that the officer gave stand; else three evenings are proposed, which bind nobody until one is picked."""
    assert meeting.id is not None
    row = session.get(Preparation, meeting.id)
    if row is not None and fixed(session, row, meeting) is not None:
        return
    dates = preparation.dates_of(session, meeting.id)
    if not dates or any(not now < each.starts_at < meeting.starts_at for each in dates):
        set_dates(session, meeting, suggested_dates(meeting, office, now), "", now)
        dates = preparation.dates_of(session, meeting.id)
    numbered = "\n".join(f"{each.number}. {office.when(each.starts_at)}" for each in dates)
    if dates:
        tell_officers(session, office, meeting, fired.step, "officer_dates", now, dates=numbered)


def set_dates(session: Session, meeting: Committee, moments: Sequence[datetime], place: str, now: datetime) -> None:
    """The dates that are proposed for a preparation, in place of earlier ones and of what was said about those."""
    assert meeting.id is not None
    row = session.get(Preparation, meeting.id)
    if row is None:
        row = Preparation(committee_id=meeting.id, opened_at=now)
    row.fixed_at, row.meeting_id, row.opened_at = None, None, now
    session.add(row)
    old = sa.select(col(PreparationDate.id)).where(col(PreparationDate.committee_id) == meeting.id)
    session.execute(sa.delete(preparation.PreparationVote).where(col(preparation.PreparationVote.date_id).in_(old)))
    session.execute(sa.delete(PreparationDate).where(col(PreparationDate.committee_id) == meeting.id))
    for number, moment in enumerate(sorted(moments), 1):
        session.add(PreparationDate(committee_id=meeting.id, number=number, starts_at=moment, place=place))
    step = session.exec(
        select(CommitteeStep).where(
            CommitteeStep.committee_id == meeting.id,
            CommitteeStep.revision == meeting.revision,
            CommitteeStep.action == steps.PROPOSE,
            CommitteeStep.due_at <= now,
        )
    ).first()
    if step is not None:  # its hour is over: the dates that the officer gives now go at once
        step.state, step.done_at, step.reason = "waiting", step.done_at or now, ""
        session.add(step)
    session.flush()


def gather(session: Session, made: Committee, now: datetime) -> int:
    """The questions asked about a committee become the agenda of its preparation; how many were new."""
    assert made.id is not None
    row = session.exec(select(Preparation).where(Preparation.meeting_id == made.id)).first()
    if row is None:
        return 0
    standing = set(session.exec(select(AgendaItem.received).where(AgendaItem.committee_id == made.id)).all())
    asked = session.exec(
        select(Ticket.question)
        .where(Ticket.committee_id == row.committee_id, col(Ticket.kind).in_(("question", "preparation")))
        .order_by(col(Ticket.id))
    ).all()
    words = dict.fromkeys(agenda.words_of(each) for each in asked if not each.startswith("("))
    fresh = [each for each in words if each not in standing]
    for position, text in enumerate(fresh, len(standing) + 1):
        item = AgendaItem(committee_id=made.id, position=position, received=text, edited_by="program", edited_at=now)
        session.add(item)
    session.flush()
    return len(fresh)


def fixed(session: Session, row: Preparation | None, meeting: Committee) -> Committee | None:
    """The preparation meeting that takes place before this committee, if one is fixed."""
    found = session.get(Committee, row.meeting_id) if row and row.meeting_id else None
    return found if found and found.state != CANCELLED and found.starts_at < meeting.starts_at else None


def _warn_unfixed(clerk: Clerk, meeting: Committee, fired: Fired) -> list[Written]:
    assert meeting.id is not None
    session, office = clerk.session, clerk.office
    row = session.get(Preparation, meeting.id)
    if fixed(session, row, meeting) is not None:
        return []
    votes = preparation.votes_of(session, meeting.id)
    dates = [
        f"{each.number}. {office.when(each.starts_at)} : {len(votes.get(each.id or 0, ()))} personne(s)"
        for each in preparation.dates_of(session, meeting.id)
    ]
    return clerk.letters(
        meeting,
        fired.step,
        "officer_unfixed",
        dates="\n".join(dates) or "(Aucune date n'est proposée.)",
    )


def how_to_choose(dates: int) -> str:
    """« Répondez par les numéros qui vous conviennent (par exemple 1 et 3), ou AUCUNE. »"""
    example = "1" if dates < 3 else "1 et 3"
    return f"Répondez par les numéros possibles pour vous (par exemple {example}), ou AUCUNE."


def silent(session: Session, meeting: Committee) -> list[tuple[Person, int]]:
    """Who holds a titular seat on a meeting and has not said whether they come, with their council, by name."""
    answered = sa.select(col(Attendance.person_id)).where(
        col(Attendance.committee_id) == meeting.id,
        col(Attendance.answer) != "",
        col(Attendance.revision) == meeting.revision,
    )
    rows = session.execute(
        sa.select(Person, sa.func.min(Seat.council_id))
        .join(Seat, col(Seat.person_id) == col(Person.id))
        .join(CommitteeCouncil, col(CommitteeCouncil.council_id) == col(Seat.council_id))
        .join(Committee, col(Committee.id) == col(CommitteeCouncil.committee_id))
        .where(
            col(Committee.id) == meeting.id,
            plan.seat_of_kind(),
            col(Seat.role) == TITULAR,
            plan.sits(),
            col(Person.id).not_in(answered),
        )
        .group_by(col(Person.id))
        .order_by(col(Person.name), col(Person.id))
    ).all()
    return [(row[0], row[1]) for row in rows]


def _list_calls(clerk: Clerk, meeting: Committee, fired: Fired) -> list[Written]:
    found = silent(clerk.session, meeting)
    names = "\n".join(f"- {person.name}" for person, _ in found)
    return clerk.letters(meeting, fired.step, "officer_calls", names=names, count=len(found)) if found else []


# --- the calendar entry that goes with a letter -----------------------------------------------------------------------


def uid_of(meeting: Committee) -> str:
    """Of the calendar that it came from, else ours."""
    return meeting.uid or f"reunion-{meeting.id}@hotline"


def as_entry(meeting: Committee, category: str = "") -> feeds.Entry:
    lines = [
        meeting.agenda and f"À préparer : {meeting.agenda}",
        meeting.directions and f"Pour venir : {meeting.directions}",
        meeting.accessibility and f"Accès : {meeting.accessibility}",
    ]
    return feeds.Entry(
        uid=uid_of(meeting),
        sequence=max(meeting.sequence, meeting.revision - 1 + (meeting.state == CANCELLED)),
        title=meeting.title,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        place=meeting.place,
        description="\n".join(line for line in lines if line),
        url=meeting.online,
        state=meeting.state,
        category=category,
    )


def calendar_file(office: Office, meeting: Committee, now: datetime) -> Attachment:
    """The meeting as a file that a calendar program opens."""
    text = feeds.calendar([as_entry(meeting)], meeting.title, office.zone, now)
    return Attachment("reunion.ics", "text/calendar", text.encode())


def people_named(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The names of these people."""
    rows = session.exec(select(Person).where(col(Person.id).in_(ids))).all()
    return {row.id or 0: row.name for row in rows}


LINK_FOR = timedelta(days=31)  # after the meeting


def member_link(office: Office, meeting: Committee, person_id: int) -> str:
    """The sentence that brings someone to their page; empty when this installation has no public address."""
    if not office.public_url or meeting.id is None:
        return ""
    last = (meeting.starts_at + LINK_FOR).date()
    token = tokens.sign(office.vault, tokens.Claim(tokens.MEMBER, meeting.id, person_id, last))
    return f"Répondre en ligne, et voir qui vient : {office.public_url}/reunion/{token}"
