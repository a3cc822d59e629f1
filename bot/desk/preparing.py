"""A ticket for what a member wants to say at a meeting, opened from their page or by the officer who called them."""

from datetime import datetime

from sqlmodel import Session

from bot import audit
from bot.desk import following, hours, officer
from bot.office import Office
from channels import directory
from channels.directory import Person
from escalation import tickets
from escalation.tickets import Ticket
from scheduler.attendance import Attendance
from scheduler.committees import Committee

MOST_WORDS = 3000  # characters of what someone wants to say


def open_for(
    session: Session,
    office: Office,
    meeting: Committee,
    person: Person,
    row: Attendance,
    wish: str,
    author: str,
    now: datetime,
    but: int | None = None,
) -> int | None:
    """The ticket of what someone wants to say; None when we could not write back to them.

    Their words go into the ticket that they have already. `but`: an officer who knows.
    """
    words = wish.strip()[:MOST_WORDS]
    ticket = session.get(Ticket, row.ticket_id) if row.ticket_id else None
    if ticket is not None and ticket.state != "closed":
        if words:
            act = "ticket reopened" if ticket.state != "open" else "ticket added to"
            audit.append(session, now, author, act, f"ticket:{ticket.id}", ticket.council_id)
            tickets.add_message(session, ticket, words, now, reopen=True)
        return ticket.id
    way = next(iter(directory.ways_to(session, person)), None)
    if way is None or way.id is None:
        return None
    when = office.when(meeting.starts_at)
    usual = hours.promised(session, office, person.council_id, now)
    ticket = tickets.open_ticket(
        session,
        Ticket(
            council_id=person.council_id,
            address_id=way.id,
            committee_id=meeting.id,
            kind="preparation",
            question=words or f"(Préparer « {meeting.title} », {when}.)",
            why=f"la personne veut préparer « {meeting.title} » ({when}). Renvoyez un texte court, à dire à voix haute",
            opened_at=now,
            promised_at=following.deadline(office, meeting.starts_at, usual, now),
        ),
    )
    audit.append(session, now, author, "ticket opened", f"ticket:{ticket.id}", ticket.council_id)
    officer.notify(session, office, ticket, way.channel, now, but=but)
    row.ticket_id = ticket.id
    session.add(row)
    return ticket.id
