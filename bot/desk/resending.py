"""A message that did not arrive: the person's other channels, and sending it there when an officer says so."""

from datetime import datetime

from sqlmodel import Session, col, select

from bot import audit
from bot.desk import letters
from bot.desk.members import masked
from bot.office import Office
from channels import attachments, directory, mailbox, manners
from channels.contract import Outbound
from channels.directory import AddressRow
from channels.mailbox import TROUBLED_OUT, OutboxRow


class CannotResend(ValueError):
    """Why this message cannot go there, in French."""


def others(session: Session, office: Office, address_id: int) -> list[AddressRow]:
    """Where else the person behind an address may be written to, the preferred channel first."""
    person = directory.person_at(session, address_id)
    ways = directory.ways_to(session, person) if person is not None else []
    return [
        row
        for row in ways
        if row.id != address_id and manners(row.channel).writable and row.channel in office.open_channels
    ]


def in_words(session: Session, office: Office, row: OutboxRow) -> str:
    """« SMS (06 •• •• •• 78) : hotline outbox resend 12 34 », a line for each; who has none is called."""
    found = others(session, office, row.address_id)
    if not found:
        return "Je ne connais pas d'autre canal pour cette personne."
    lines = []
    for each in found:
        name = letters.channel_name(each.channel)
        shown = f" ({masked(directory.opened(office.vault, each))})" if each.channel in ("sms", "email") else ""
        lines.append(f"- {name}{shown} : hotline outbox resend {row.id} {each.id}")
    return "Autre canal connu :\n" + "\n".join(lines)


def resend(session: Session, office: Office, outbox_id: int, address_id: int, author: str, now: datetime) -> int | None:
    """Send a message that did not arrive to another address of the same person: the new message's number.

    None when that was done already; CannotResend when it must not be.
    """
    row = session.exec(select(OutboxRow).where(col(OutboxRow.id) == outbox_id).with_for_update()).first()
    key = f"resend:{outbox_id}:{address_id}"
    if session.exec(select(OutboxRow.id).where(OutboxRow.key == key)).first() is not None:
        return None
    if row is None or row.id is None or row.state not in TROUBLED_OUT:
        raise CannotResend(f"Le message n° {outbox_id} n'existe pas, ou n'est pas en panne.")
    target = next((each for each in others(session, office, row.address_id) if each.id == address_id), None)
    if target is None:
        raise CannotResend("Cette adresse n'est pas à la même personne, ou ne peut pas recevoir de message.")
    message = Outbound(
        directory.opened(office.vault, target),
        row.name,
        row.filled,
        row.text + (f"\n{row.rest}" if row.rest else ""),
        row.subject,
        choices=tuple(row.choices),
        attachments=attachments.attached(session, office.vault, row.id) if row.files else (),
    )
    new = letters.post(
        session, office, message, key, target, now, council_id=row.council_id, ticket_id=row.ticket_id, kind=row.kind
    )
    mailbox.drop(session, OutboxRow, outbox_id, f"renvoyé par {letters.channel_name(target.channel)}")
    audit.append(session, now, author, "message resent", f"outbox:{outbox_id}", row.council_id, f"address:{address_id}")
    return new
