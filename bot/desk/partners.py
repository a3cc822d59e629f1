"""Asking a partner: what is shared by email and never the phone number, what comes back, and who is reminded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot import audit, tokens
from bot.desk import files, letters
from bot.office import Office
from bot.say import say
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Person
from escalation import officers, partners
from escalation.accounts import Who
from escalation.partners import PartnerReply, PartnerRequest
from escalation.tickets import Ticket

TOKEN_DAYS = 120
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]{2,}")
PRIVATE = re.compile(
    r"(?P<email>[\w.+-]+@[\w-]+\.[\w.-]*\w)|(?P<phone>(?<![\w/])(?:\+|00|0)\s?\d(?:[\s.\-/()]{0,2}\d){7,13}(?!\w))"
)


@dataclass(frozen=True)
class Known:
    """A partner whose email we have."""

    name: str
    email: str


def without_handles(text: str) -> str:
    """A text without any phone number or email address: those are never shared."""
    return PRIVATE.sub(lambda found: "[numéro retiré]" if found["phone"] else "[adresse retirée]", text)


def known(session: Session, office: Office) -> Sequence[Known]:
    """Partners and institutions that may be written to, by name."""
    rows = session.execute(
        select(Person, AddressRow)
        .join(AddressRow, col(AddressRow.person_id) == col(Person.id))
        .where(
            col(Person.kind).in_(("partner", "institution")),
            AddressRow.channel == "email",
            col(AddressRow.sealed) != b"",
            col(AddressRow.stopped_at).is_(None),
        )
        .order_by(col(Person.name))
        .limit(200)
    ).all()
    return [Known(person.name, directory.opened(office.vault, row).handle) for person, row in rows]


def ask(
    session: Session,
    office: Office,
    ticket: Ticket,
    name: str,
    email: str,
    text: str,
    author: str,
    now: datetime,
    *,
    tell: bool,
) -> str:
    """Forward a question to a partner; what is wrong, in French, or "" once it is on its way.

    Their reply finds its way back by a token in the reply address. `tell` lets the asker know.
    """
    email = email.strip().lower()
    if not EMAIL.fullmatch(email):
        return "Je ne reconnais pas cette adresse e-mail. Vérifiez-la, par exemple « prenom.nom@exemple.fr »."
    row = directory.keep(session, office.vault, Address("email", email), now)
    assert row.id is not None
    assert ticket.id is not None
    if row.stopped_at is not None:
        return "Cette adresse a demandé à ne plus rien recevoir."
    if row.id == ticket.address_id:
        return "C'est l'adresse de la personne qui pose la question."
    if any(each.address_id == row.id for each in partners.awaited(session, ticket.id)):
        return "Ce partenaire a déjà cette question, et n'a pas encore répondu."
    shared = without_handles(text.strip())
    request = PartnerRequest(
        ticket_id=ticket.id, address_id=row.id, name=name.strip() or email, text=shared, author=author, asked_at=now
    )
    session.add(request)
    session.flush()
    _write(session, office, request, row, "partner_request", f"partner:{request.id}", ticket, now)
    audit.append(session, now, author, "partner asked", f"ticket:{ticket.id}", ticket.council_id, shared)
    if tell:
        letters.to_asker(
            session, office, ticket, "partner_asked", f"partner:{request.id}:told", now, partner=request.name
        )
    return ""


def ask_for(
    session: Session, office: Office, who: Who, ticket_id: int, name: str, email: str, text: str, tell: bool,
    now: datetime,
) -> str:  # fmt: skip
    """`ask`, by someone at the desk. LookupError when the ticket is not theirs to see."""
    ticket = session.get(Ticket, ticket_id)
    if ticket is None or not who.sees(ticket.council_id):
        raise LookupError(ticket_id)
    return ask(session, office, ticket, name, email, text, f"officer:{who.id}", now, tell=tell)


def _write(
    session: Session, office: Office, request: PartnerRequest, row: AddressRow, name: str, key: str, ticket: Ticket,
    now: datetime,
) -> None:  # fmt: skip
    assert request.id is not None
    assert row.id is not None
    last = now.date() + timedelta(days=TOKEN_DAYS)
    message = say(
        name,
        directory.opened(office.vault, row),
        token=tokens.sign(office.vault, tokens.Claim(tokens.PARTNER, request.id, row.id, last)),
        number=ticket.id,
        organisation=office.organisation,
        partner=request.name,
        question=request.text,
        asked=office.day(request.asked_at),
        reach=f"Une question ? {office.phone}" if office.phone else "",
    )
    letters.post(session, office, message, key, row, now, council_id=ticket.council_id, ticket_id=ticket.id)


def heard(
    session: Session, office: Office, request_id: int, text: str, note: str, inbox_id: int, now: datetime
) -> None:
    """A partner wrote back: kept with the ticket, and told to the officers."""
    request = session.get(PartnerRequest, request_id)
    ticket = session.get(Ticket, request.ticket_id) if request else None
    if request is None or ticket is None:
        return
    words = text.strip() or "(pas de texte)"
    assert ticket.id is not None
    files.tie(session, [inbox_id], ticket.id)
    session.add(PartnerReply(request_id=request_id, text=words, note=note, inbox_id=inbox_id, heard_at=now))
    if request.state == partners.WAITING and not note.startswith("le message"):  # an automatic reply is no answer
        request.state = partners.ANSWERED
        session.add(request)
    by, about = f"partner:{request_id}", f"ticket:{ticket.id}"
    audit.append(session, now, by, "partner answered", about, ticket.council_id)
    if ticket.state == "closed":
        ticket.state = "open"
        session.add(ticket)
        audit.append(session, now, by, "ticket reopened", about, ticket.council_id)
    for officer in officers.to_notify(session, ticket.council_id, office.date_of(now)):
        letters.to_officer(
            session,
            office,
            officer,
            "partner_replied",
            f"partner:{request_id}:reply:{inbox_id}:{officer.id}",
            now,
            ticket,
            partner=request.name,
            answer=words,
            note=f"Attention : {note}." if note else "",
            question=ticket.question,
        )


def remind(session: Session, office: Office, now: datetime, limit: int = 50) -> int:
    """Remind the partners who have not answered for three days, twice at most; how many."""
    found = partners.to_remind(session, now, limit)
    for request in found:
        ticket, row = session.get(Ticket, request.ticket_id), session.get(AddressRow, request.address_id)
        assert ticket is not None
        assert row is not None
        request.reminders, request.reminded_at = request.reminders + 1, now
        session.add(request)
        key = f"partner:{request.id}:reminder:{request.reminders}"
        _write(session, office, request, row, "partner_reminder", key, ticket, now)
    return len(found)


def awaited_names(session: Session, ticket_id: int) -> str:
    """« CAF, Nantes Métropole »: who has not answered yet."""
    return ", ".join(dict.fromkeys(each.name for each in partners.awaited(session, ticket_id)))


def in_words(session: Session, ticket_id: int) -> str:
    """« J'attends la réponse d'un partenaire : … », for the asker; empty when nobody is awaited."""
    names = awaited_names(session, ticket_id)
    return f"Votre question est en attente d'un partenaire : {names}." if names else ""


def closed_with(session: Session, ticket_id: int) -> None:
    """The ticket is answered or closed: nobody is awaited any more."""
    partners.close_all(session, ticket_id)
