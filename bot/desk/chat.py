"""What the chat page and the terminal ask: the conversation, personal links, and being answered by email as well."""

import re
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from bot import tokens
from bot.desk import letters, linking
from bot.desk.linking import CODE_FOR, CODE_TRIES, CODES_A_DAY
from bot.office import Office
from bot.say import say
from channels import attachments, directory, mailbox
from channels.attachments import OutboxAttachmentRow
from channels.contract import Address, Attachment, Collected
from channels.directory import AddressRow, Proof
from channels.mailbox import InboxRow, OutboxRow
from channels.web.desk import Escalated
from escalation.tickets import Ticket

LINK_DAYS = 30


def conversation(session: Session, office: Office, address: Address, now: datetime) -> list[Collected]:
    """Both sides of a chat, oldest first; reading settles ours as delivered. Theirs carry negative ids."""
    row = directory.find(session, office.vault, address)
    if row is None or row.id is None:
        return []
    theirs = [
        Collected(-(each.id or 0), True, each.text, each.heard_at)
        for each in session.exec(
            select(InboxRow).where(InboxRow.address_id == row.id).order_by(col(InboxRow.id).desc()).limit(200)
        ).all()
    ]
    return sorted(theirs + mailbox.collect(session, row.id, 0, now), key=lambda each: (each.at, not each.mine))


def collect(session: Session, office: Office, address: Address, after: int, now: datetime) -> list[Collected]:
    row = directory.find(session, office.vault, address)
    return mailbox.collect(session, row.id, after, now) if row and row.id else []


def file(session: Session, office: Office, address: Address, id: int) -> Attachment | None:
    """A file that a message to this address brings; None for any other."""
    row = directory.find(session, office.vault, address)
    carried = session.get(OutboxAttachmentRow, id)
    message = session.get(OutboxRow, carried.outbox_id) if carried else None
    if row is None or carried is None or message is None or message.address_id != row.id:
        return None
    return attachments.opened(session, office.vault, carried)


def newest(session: Session, office: Office, address: Address, now: datetime) -> int:
    row = directory.find(session, office.vault, address)
    return mailbox.newest_for(session, [row.id], now).get(row.id, 0) if row and row.id else 0


def escalated(session: Session, office: Office, address: Address) -> list[Escalated]:
    row = directory.find(session, office.vault, address)
    if row is None or row.id is None:
        return []
    by_email = bool(directory.answered_too(session, row.id))
    found = session.exec(
        select(Ticket)
        .where(Ticket.address_id == row.id, col(Ticket.kind).not_in(("undelivered", "to-sort")))
        .order_by(col(Ticket.id).desc())
        .limit(20)
    ).all()
    return [Escalated(each.id or 0, each.promised_at, each.state != "open", by_email) for each in found]


def personal_link(session: Session, office: Office, address: Address, now: datetime) -> str:
    """A token that opens this chat from anywhere for 30 days, until it is revoked."""
    row = directory.find(session, office.vault, address) or directory.keep(session, office.vault, address, now)
    assert row.id is not None
    last = now.date() + timedelta(days=LINK_DAYS)
    return tokens.sign(office.vault, tokens.Claim(tokens.LINK, row.id, row.generation, last))


def enter(session: Session, office: Office, token: str, now: datetime) -> str | None:
    """The handle behind a personal link; None if it is over, revoked, or not one of ours."""
    claim = tokens.read(office.vault, token, now)
    if claim is None or claim.purpose != tokens.LINK:
        return None
    row = session.get(AddressRow, claim.subject)
    if row is None or row.generation != claim.who:
        return None
    return directory.opened(office.vault, row).handle


def revoke(session: Session, office: Office, address: Address) -> None:
    row = directory.find(session, office.vault, address)
    if row is not None:
        row.generation += 1
        session.add(row)


def offer_email(session: Session, office: Office, address: Address, email: str, now: datetime) -> str:
    """Send a six-figure code to an email address; what is wrong, in French, or "" when it is on its way."""
    email = email.strip().lower()
    if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]{2,}", email) or len(email) > 254:
        return "Je ne reconnais pas cette adresse e-mail. Vérifiez-la, par exemple « prenom.nom@exemple.fr »."
    row = directory.find(session, office.vault, address)
    if row is None or row.id is None:
        return "Posez d'abord votre question."
    target = directory.keep(session, office.vault, Address("email", email), now)
    assert target.id is not None
    sent = linking.codes_sent(session, row.id, target.id, now)
    if sent >= CODES_A_DAY:
        return "J'ai déjà envoyé plusieurs codes aujourd'hui. Essayez demain, ou gardez le lien personnel."
    if target.stopped_at is not None:
        return "Cette adresse a demandé à ne plus rien recevoir. Écrivez-nous START depuis cette adresse."
    code = f"{secrets.randbelow(1_000_000):06d}"
    proof = Proof(
        address_id=row.id,
        target_id=target.id,
        mac=linking.mac(office, row.id, code),
        sent_at=now,
        lapses_at=now + CODE_FOR,
    )
    session.add(proof)
    session.flush()
    letters.post(
        session, office, say("email_code", Address("email", email), code=code), f"proof:{proof.id}", target, now
    )
    return ""


def prove_email(session: Session, office: Office, address: Address, code: str, now: datetime) -> str:
    """Check a code; from then on a person's answers go to that address as well. What is wrong, in French, or ""."""
    row = directory.find(session, office.vault, address)
    proof = (
        row
        and session.exec(
            select(Proof)
            .where(Proof.address_id == row.id, Proof.purpose == "answers", col(Proof.proven_at).is_(None))
            .order_by(col(Proof.id).desc())
            .limit(1)
            .with_for_update()
        ).first()
    )
    if not row or not proof or proof.lapses_at <= now or proof.tries >= CODE_TRIES:
        return "Ce code n'est plus valable. Demandez-en un autre."
    proof.tries += 1
    session.add(proof)
    assert row.id is not None
    if not linking.is_code(office, row.id, re.sub(r"\D", "", code), proof.mac):
        left = CODE_TRIES - proof.tries
        return (
            f"Ce n'est pas le bon code. Il vous reste {left} essai{'s' if left > 1 else ''}."
            if left
            else ("Ce n'est pas le bon code. Demandez-en un autre.")
        )
    proof.proven_at = now
    target = session.get(AddressRow, proof.target_id)
    assert target is not None
    target.verified_at = now
    session.add(target)
    return ""
