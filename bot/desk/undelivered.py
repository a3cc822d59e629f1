"""What did not arrive at a person, on the page of that person: sent again on the same channel, or on another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from bot import audit
from bot.desk import billing, letters, people, resending
from bot.desk.members import masked
from bot.office import Office
from channels import directory, mailbox
from channels.directory import AddressRow
from channels.mailbox import TROUBLED_OUT, OutboxRow
from escalation.accounts import Who

SHOWN = 10


@dataclass(frozen=True)
class Undelivered:
    """A message that did not arrive, and where else it may go: the address and how it is called."""

    id: int
    at: datetime
    channel: str
    text: str
    ways: tuple[tuple[int, str], ...]
    again: bool  # it may be tried on the same channel
    price: str = ""  # of that; empty where nothing is billed


def of(session: Session, office: Office, who: Who, number: int, now: datetime) -> Sequence[Undelivered]:
    """The newest ones of a person; LookupError if there is none whom this officer may see."""
    people.the_person(session, who, number)
    found = session.execute(
        select(OutboxRow, AddressRow)
        .join(AddressRow, col(AddressRow.id) == col(OutboxRow.address_id))
        .where(col(AddressRow.person_id) == number, col(OutboxRow.state).in_(TROUBLED_OUT))
        .order_by(col(OutboxRow.id).desc())
        .limit(SHOWN)
    ).all()
    return [
        Undelivered(
            row.id or 0,
            row.created_at,
            letters.channel_name(address.channel),
            " ".join(row.text.split()),
            tuple(
                (each.id or 0, _words(office, each, row, now))
                for each in resending.others(session, office, row.address_id)
            ),
            address.paused_at is None and address.stopped_at is None,
            str(billing.of(office, row.channel, row.text, now)),
        )
        for row, address in found
    ]


def _words(office: Office, row: AddressRow, message: OutboxRow, now: datetime) -> str:
    """« SMS (06 •• •• •• 78), 2 SMS, 0,16 € »: another way, and what the message costs there."""
    name = letters.channel_name(row.channel)
    name = f"{name} ({masked(directory.opened(office.vault, row))})" if row.channel in ("sms", "email") else name
    whole = message.text + (f"\n{message.rest}" if message.rest else "")
    return billing.with_price(name, billing.of(office, row.channel, whole, now))


def again(
    session: Session, office: Office, who: Who, number: int, message: int, address: int | None, now: datetime
) -> str:
    """Send it again, to another address when one is given; by which channel, or "" when it is not to be. LookupError"""
    if all(each.id != message for each in of(session, office, who, number, now)):
        return ""
    actor = f"officer:{who.id}"
    if address is None:
        row = session.get(OutboxRow, message)
        target = session.get(AddressRow, row.address_id) if row else None
        if target is None or target.paused_at or target.stopped_at:
            return ""
        if not mailbox.retry(session, OutboxRow, message, now):
            return ""
        audit.append(session, now, actor, "message sent again", f"outbox:{message}")
        return letters.channel_name(target.channel)
    try:
        done = resending.resend(session, office, message, address, actor, now)
    except resending.CannotResend:
        return ""
    target = session.get(AddressRow, address)
    return letters.channel_name(target.channel) if done is not None and target is not None else ""
