"""Files that a recipient's server finds too large: the words go without them, and both sides hear what stayed."""

from datetime import datetime

from sqlmodel import Session

from bot import audit
from bot.desk import letters
from bot.office import Office
from bot.say import say
from channels import admission, attachments, directory, mailbox
from channels.directory import AddressRow
from channels.mailbox import OutboxRow
from escalation import officers
from escalation.tickets import Ticket


def left_behind(session: Session, office: Office, outbox_id: int, why: str, now: datetime) -> None:
    """Nothing of a message was taken: it goes again at once, with a line in place of its files."""
    row = session.get(OutboxRow, outbox_id)
    assert row is not None
    names = _names(session, outbox_id)
    to_officer = officers.at(session, row.address_id) is not None
    many = names.count("(") > 1
    words = f"{'Des fichiers étaient trop lourds' if many else 'Un fichier était trop lourd'} pour votre messagerie"
    where = "Au bureau, la page de la question les garde." if to_officer else "Demandez à l'équipe comment les avoir."
    mailbox.lighten(session, row, f"{row.text}\n\n{words} : {names}. {where if many else _one(where)}", now)
    _tell(session, office, row, names, why, now)


def after_the_words(session: Session, office: Office, outbox_id: int, why: str, now: datetime) -> None:
    """The words arrived, their files did not: a second message says so."""
    row, address = session.get(OutboxRow, outbox_id), None
    assert row is not None
    names = _names(session, outbox_id)
    attachments.detach(session, [outbox_id])
    row.files = 0
    session.add(row)
    address = session.get(AddressRow, row.address_id)
    if address is not None and address.sealed:
        message = say("files_left", directory.opened(office.vault, address), token=row.token, names=names)
        council, ticket = row.council_id, row.ticket_id
        letters.post(session, office, message, f"{row.key}:files", address, now, council_id=council, ticket_id=ticket)
    _tell(session, office, row, names, why, now)


def _one(words: str) -> str:
    return words.replace("les garde", "le garde").replace("les avoir", "l'avoir")


def _names(session: Session, outbox_id: int) -> str:
    carried = attachments.names(session, [outbox_id]).get(outbox_id, ())
    return admission.listed((each.filename, each.size) for each in carried)


def _tell(session: Session, office: Office, row: OutboxRow, names: str, why: str, now: datetime) -> None:
    """The officers of the question hear what did not go, unless it was a notice to one of them."""
    audit.append(session, now, "program", "files left behind", f"outbox:{row.id}", row.council_id, names)
    ticket = session.get(Ticket, row.ticket_id) if row.ticket_id else None
    if ticket is None or officers.at(session, row.address_id) is not None:
        return
    for each in officers.to_notify(session, ticket.council_id, office.date_of(now)):
        letters.to_officer(
            session,
            office,
            each,
            "officer_files_left",
            f"{row.key}:files:officer:{each.id}",
            now,
            ticket,
            names=names,
            asker=letters.asker_in_words(session, row.address_id, row.channel),
            channel=letters.channel_name(row.channel),
            why=why,
        )
