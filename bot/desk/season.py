"""What the plan does for the officer: invitations guarded, drafts asked for, dates proposed, calls listed."""

from collections.abc import Sequence
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
from channels.contract import Attachment
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


def set_off(session: Session, office: Office, fired: Fired, now: datetime) -> None:
    """Do what a step that has begun does for the officer; what it says to members is found by the look."""
    meeting = session.get(Committee, fired.committee_id)
    assert meeting is not None
    work = {
        steps.PROPOSE: _propose,
        steps.GUARD: _guard,
        steps.GUARD_AGAIN: _guard_again,
        steps.DRAFT: _ask_draft,
        steps.UNFIXED: _warn_unfixed,
        steps.CALLS: _list_calls,
    }.get(fired.action)
    if meeting.kind == "preparation":
        gather(session, meeting, now)
    if work is not None:
        work(session, office, meeting, fired, now)


def tell_officers(
    session: Session, office: Office, meeting: Committee, what: str, name: str, now: datetime, **values: Any
) -> None:
    """Write to the officers of a meeting's councils, each address once under `what`."""
    assert meeting.id is not None
    councils = committees.councils_of(session, meeting.id) or [None]  # type: ignore[list-item]
    told: set[int] = set()
    for council_id in councils:
        for officer in officers.to_notify(session, council_id, office.date_of(now)):
            for address_id in officers.addresses(session, officer):
                row = session.get(AddressRow, address_id)
                if row is None or address_id in told:
                    continue
                told.add(address_id)
                message = say(
                    name,
                    directory.opened(office.vault, row),
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
                letters.post(session, office, message, key, row, now, council_id=council_id)


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
    from channels.contract import Address

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


def _guard(
    session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime, *, again: bool = False
) -> None:
    letter = letter_to_organiser(session, office, meeting, again=again)
    empty = empty_seats(session, meeting)
    if not letter and not empty:
        return
    seats = f"Sièges vides : {', '.join(empty)}." if empty else ""
    name = "officer_guard_again" if again else "officer_guard"
    to = _organiser_email(session, office, meeting)
    tell_officers(session, office, meeting, fired.step, name, now, letter=letter, seats=seats, to=to)


def _guard_again(session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime) -> None:
    _guard(session, office, meeting, fired, now, again=True)


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


def _ask_draft(session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime) -> None:
    assert meeting.id is not None
    items = agenda.items_of(session, [meeting.id]).get(meeting.id, [])
    bare = [item for item in items if not item.plain]
    if items and not bare:
        return
    received = [f"{n}. {item.received}" for n, item in enumerate(items, 1) if not item.plain]
    words = ", ".join(word.term for word in kits.words_of(session, office, meeting, now))
    tell_officers(
        session,
        office,
        meeting,
        fired.step,
        "officer_draft_agenda",
        now,
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
    words = dict.fromkeys(" ".join(each.split())[:400] for each in asked if not each.startswith("("))
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


def _warn_unfixed(session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime) -> None:
    assert meeting.id is not None
    row = session.get(Preparation, meeting.id)
    if fixed(session, row, meeting) is not None:
        return
    votes = preparation.votes_of(session, meeting.id)
    dates = [
        f"{each.number}. {office.when(each.starts_at)} : {len(votes.get(each.id or 0, ()))} personne(s)"
        for each in preparation.dates_of(session, meeting.id)
    ]
    tell_officers(
        session,
        office,
        meeting,
        fired.step,
        "officer_unfixed",
        now,
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


def _list_calls(session: Session, office: Office, meeting: Committee, fired: Fired, now: datetime) -> None:
    found = silent(session, meeting)
    if found:
        names = "\n".join(f"- {person.name}" for person, _ in found)
        tell_officers(session, office, meeting, fired.step, "officer_calls", now, names=names, count=len(found))


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
