"""What goes out: puts what is said into the outbox, under its key, with its token; silence for whoever said STOP."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot import tokens
from bot.office import Office
from bot.say import say
from channels import directory, mailbox, manners
from channels.contract import Address, Attachment, Outbound
from channels.directory import AddressRow
from escalation import officers
from escalation.officers import Officer
from escalation.tickets import Ticket

STOPPED = "la personne a écrit STOP"
PAUSED = "cette adresse ne reçoit plus rien"
ALWAYS = ("stopped", "started")
ASKED_FOR = ("email_code",)  # goes to an address that took nothing of late: whoever typed it wants it now
TOKEN_DAYS = 400


def channel_name(channel: str) -> str:
    return manners(channel).label


def post(
    session: Session,
    office: Office,
    message: Outbound,
    key: str,
    row: AddressRow,
    now: datetime,
    *,
    kind: str = mailbox.ANSWER,
    council_id: int | None = None,
    ticket_id: int | None = None,
    due_at: datetime | None = None,
    followed_by: str = "",
) -> int | None:
    """Put one message in the outbox for this address; None when `key` was posted before.

    A text that is too long for its channel is cut; « SUITE » brings the rest.
    """
    assert row.id is not None
    shorten = office.shorten.get(message.recipient.channel)
    text, rest = shorten(message.text) if shorten else (message.text, "")
    message = replace(message, text=text)
    dropped = STOPPED if row.stopped_at and message.name not in ALWAYS else ""
    if row.paused_at and message.name not in ASKED_FOR:
        dropped = dropped or PAUSED
    return mailbox.post(
        session,
        message,
        key,
        row.id,
        now,
        kind=kind,
        council_id=council_id,
        ticket_id=ticket_id,
        due_at=due_at,
        dropped=dropped,
        rest=rest,
        followed_by=followed_by,
        vault=office.vault,
    )


def rest_for(session: Session, address_id: int) -> str:
    """What was left unsaid by the newest message to this address, because its channel is short."""
    return mailbox.newest_rest(session, address_id)


def asker_token(office: Office, ticket: Ticket, now: datetime) -> str:
    """Ties what the asker writes next to the ticket, for as long as a ticket is kept."""
    assert ticket.id is not None
    last = now.date() + timedelta(days=TOKEN_DAYS)
    return tokens.sign(office.vault, tokens.Claim(tokens.ASKER, ticket.id, ticket.address_id, last))


def officer_token(office: Office, ticket_id: int, officer: Officer, now: datetime) -> str:
    """Lets this officer answer this ticket by replying."""
    assert officer.id is not None
    last = now.date() + timedelta(days=90)
    return tokens.sign(office.vault, tokens.Claim(tokens.OFFICER, ticket_id, officer.id, last))


def asker_in_words(session: Session, address_id: int, channel: str) -> str:
    """« Awa Diallo (conseil citoyen de Bellevue) », or « Une personne » when we do not know them."""
    person = directory.person_at(session, address_id)
    if person is None:
        return "Une personne"
    council = session.get(directory.Council, person.council_id) if person.council_id else None
    name = person.name or "Une personne"
    return f"{name} ({council.name})" if council else name


def to_officer(
    session: Session,
    office: Office,
    officer: Officer,
    name: str,
    key: str,
    now: datetime,
    ticket: Ticket,
    *,
    attachments: tuple[Attachment, ...] = (),
    **values: Any,
) -> None:
    """Write to an officer about a ticket, at each of their addresses; a reply to it answers the ticket."""
    assert ticket.id is not None
    for number, address_id in enumerate(officers.addresses(session, officer)):
        row = session.get(AddressRow, address_id)
        assert row is not None
        message = say(
            name,
            directory.opened(office.vault, row),
            token=officer_token(office, ticket.id, officer, now),
            number=ticket.id,
            at_desk=f"Au bureau : {office.public_url}/bureau/questions/{ticket.id}" if office.public_url else "",
            at_close=office.at_desk(f"/questions/{ticket.id}", f"tickets close {ticket.id}"),
            at_confirm=office.at_desk(f"/questions/{ticket.id}", f"tickets confirm {ticket.id}"),
            **values,
        )
        mine = f"{key}:{number}" if number else key
        message = replace(message, attachments=attachments)
        post(session, office, message, mine, row, now, council_id=ticket.council_id, ticket_id=ticket.id)


def to_asker(
    session: Session,
    office: Office,
    ticket: Ticket,
    name: str,
    key: str,
    now: datetime,
    *,
    due_at: datetime | None = None,
    attachments: tuple[Attachment, ...] = (),
    **values: Any,
) -> str:
    """Write to the asker on the channel that the question came by; the text as it will be read.

    `due_at`: not before then, so that it can be taken back. Where no file can go, a line says where it waits.
    """
    row = session.get(AddressRow, ticket.address_id)
    assert row is not None
    message = say(
        name,
        directory.opened(office.vault, row),
        token=asker_token(office, ticket, now),
        thread=ticket.thread,
        number=ticket.id,
        organisation=office.organisation,
        **values,
    )
    if not message.subject.startswith("Re") and ticket.subject:
        message = replace(message, subject=f"Re: {ticket.subject}")
    about: dict[str, Any] = {"council_id": ticket.council_id, "ticket_id": ticket.id, "due_at": due_at}
    others = directory.answered_too(session, ticket.address_id)
    elsewhere = next((each.channel for each in others if manners(each.channel).carries), "")
    message = _with_files(message, attachments, elsewhere)
    post(session, office, message, key, row, now, **about)
    for other in others:
        copy = say(
            name,
            directory.opened(office.vault, other),
            token=asker_token(office, ticket, now),
            number=ticket.id,
            organisation=office.organisation,
            **values,
        )
        copy = _with_files(copy, attachments, elsewhere)
        post(session, office, copy, f"{key}:{other.id}", other, now, **about)
    return message.text


def _with_files(message: Outbound, attachments: tuple[Attachment, ...], elsewhere: str) -> Outbound:
    """With its files, or, where none can go, a line that says where they wait."""
    if not attachments or manners(message.recipient.channel).carries:
        return replace(message, attachments=attachments)
    many = len(attachments) > 1
    what = f"{len(attachments)} fichiers vous attendent" if many else "Un fichier vous attend"
    where = f"par {channel_name(elsewhere)}" if elsewhere else "auprès de l'équipe"
    return replace(message, text=f"{message.text}\n{what} {where}.")


def address_of(session: Session, office: Office, address_id: int) -> Address:
    return directory.reveal(session, office.vault, address_id)
