"""A call: kept as a question that was answered on the spot, or as one that waits for an answer."""

import secrets
from datetime import datetime

import phonenumbers
from sqlmodel import Session

from bot import audit, conversations
from bot.conversations import Given, Question
from bot.desk import answering, hours, officer
from bot.office import Office
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from escalation import tickets
from escalation.accounts import Who
from escalation.console.views import Call
from escalation.tickets import Ticket
from knowledge import entries

BACK = ("phone", "sms", "email")


def save(
    session: Session, office: Office, who: Who, call: Call, as_ticket: bool, once: str, now: datetime
) -> int | None:
    """Keep a call; the ticket's number, or None when it was answered on the spot. ValueError names field and fault.

    `once` marks the form: sent twice, the call is kept once.
    """
    council = _council(session, who, call.council)
    row = _address(session, office, call, as_ticket, once, now)
    assert row.id is not None
    person = _person(session, row, call, council, now)
    council_id = council.id if council else person.council_id if person else None
    if already := _kept(session, row.id, call.question, now):
        return already.ticket_id
    question = Question(
        address_id=row.id, council_id=council_id, channel="phone", text=call.question.strip(), decision="call",
        asked_at=now,
    )  # fmt: skip
    session.add(question)
    session.flush()
    assert question.id is not None
    if as_ticket:
        ticket = tickets.open_ticket(
            session,
            Ticket(
                council_id=council_id, address_id=row.id, kind="call", question=call.question.strip(),
                why=_note(call), opened_at=now, promised_at=hours.promised(session, office, council_id, now),
            ),
        )  # fmt: skip
        question.ticket_id = ticket.id
        session.add(question)
        audit.append(session, now, answering.actor(who), "call kept as ticket", f"ticket:{ticket.id}", council_id)
        officer.notify(session, office, ticket, "phone", now, but=who.id)
        return ticket.id
    _given(session, question, call, row.id, office, now)
    audit.append(
        session, now, answering.actor(who), "call answered", f"question:{question.id}", council_id, call.answer.strip()
    )
    return None


def _note(call: Call) -> str:
    said = call.answer.strip()
    return "noté pendant un appel" + (f" ; déjà dit : {said}" if said else "")


def _kept(session: Session, address_id: int, text: str, now: datetime) -> Question | None:
    """The same words from the same caller in the last minutes: the form was sent twice."""
    last = conversations.last_question(session, address_id)
    same = last is not None and last.decision == "call" and last.text == text.strip()
    return last if same and last is not None and (now - last.asked_at).total_seconds() < 600 else None


def _given(session: Session, question: Question, call: Call, address_id: int, office: Office, now: datetime) -> None:
    """Which entry was read out: so that a correction reaches them, if they can be written to."""
    assert question.id is not None
    today = now.astimezone(office.zone).date()
    for each in entries.published(session, today, [call.slug]) if call.slug else ():
        session.add(
            Given(
                question_id=question.id, entry_id=each.entry_id, version_id=each.version_id, address_id=address_id,
                outbox_key="", given_at=now,
            )
        )  # fmt: skip


def _council(session: Session, who: Who, text: str) -> Council | None:
    found = session.get(Council, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if text and (found is None or not who.sees(found.id)):
        raise ValueError("council", "Ce conseil n'est pas dans la liste.")
    return found


def _address(session: Session, office: Office, call: Call, as_ticket: bool, once: str, now: datetime) -> AddressRow:
    """Where the answer goes, or whom the call is from."""
    if call.back not in BACK:
        raise ValueError("back", "Dites comment répondre : téléphone, SMS ou e-mail.")
    if as_ticket and call.back == "email":
        email = call.email.strip().lower()
        if "@" not in email or len(email) > 254 or any(sign.isspace() for sign in email):
            raise ValueError("email", "Écrivez l'adresse e-mail en entier, par exemple nora@exemple.fr.")
        return directory.keep(session, office.vault, Address("email", email), now)
    handle = phone(call.phone) if call.phone.strip() else ""
    if call.phone.strip() and not handle:
        raise ValueError("phone", "Ce numéro n'est pas complet. Exemple : 06 12 34 56 78.")
    if as_ticket and not handle:
        raise ValueError("phone", "Demandez le numéro : il faut pouvoir répondre.")
    channel = "sms" if as_ticket and call.back == "sms" else "phone"
    mark = once or secrets.token_urlsafe(9)
    return directory.keep(session, office.vault, Address(channel, handle or f"appel-{mark}"), now)


def phone(text: str) -> str:
    """A French number as +33…; empty if it is none."""
    try:
        found = phonenumbers.parse(text, "FR")
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_possible_number(found)
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)) if valid else ""


def _person(session: Session, row: AddressRow, call: Call, council: Council | None, now: datetime) -> Person | None:
    """Whoever is known at this number; someone new who gave their name is known from now on."""
    person = directory.person_at(session, row.id or 0)
    name = call.caller.strip()[:120]
    if person is None and name:
        person = Person(name=name, council_id=council.id if council else None, created_at=now)
        session.add(person)
        session.flush()
        row.person_id = person.id
        session.add(row)
    return person
