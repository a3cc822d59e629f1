"""Signing in to the desk and out of it: links by email, sessions, and what the frame of its pages shows."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import letters
from bot.office import Office
from bot.say import say
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow
from escalation import accounts, officers
from escalation.accounts import SignInLink, Who
from escalation.officers import Officer
from escalation.tickets import Ticket


@dataclass(frozen=True)
class Glance:
    """What the frame of every page of the desk counts."""

    waiting: int  # tickets that wait for a person
    late: int  # of them, those whose promise is over


def mark(office: Office, secret: str) -> str:
    """What is kept of a secret that a browser or a mail holds."""
    return hmac.new(office.vault.key("sessions"), secret.encode(), hashlib.sha256).hexdigest()


def send_link(session: Session, office: Office, email: str, now: datetime) -> bool:
    """Send a one-time link to an officer's address; False, with nothing sent, when it is nobody's."""
    row = directory.find(session, office.vault, Address("email", email.strip().lower()))
    found = officers.at(session, row.id) if row and row.id else None
    if row is None or found is None or found.id is None:
        return False
    secret = secrets.token_urlsafe(24)
    session.add(
        SignInLink(mark=mark(office, secret), officer_id=found.id, sent_at=now, lapses_at=now + accounts.LINK_FOR)
    )
    link = f"{office.public_url}/bureau/entrer/{secret}"
    message = say("officer_link", directory.opened(office.vault, row), link=link, person=found.name)
    letters.post(session, office, message, f"link:{mark(office, secret)}", row, now)
    audit.append(session, now, f"officer:{found.id}", "sign-in link sent", f"officer:{found.id}")
    return True


def enter_by_link(session: Session, office: Office, secret: str, agent: str, now: datetime) -> str | None:
    """Use a link: the secret of a new session for the cookie, or None."""
    officer_id = accounts.use_link(session, mark(office, secret), now)
    return None if officer_id is None else open_session(session, office, officer_id, agent, "link", now)


def open_session(session: Session, office: Office, officer_id: int, agent: str, how: str, now: datetime) -> str | None:
    """A new session of this officer; its secret, which nobody knows but the browser. None if they left."""
    officer = session.get(Officer, officer_id)
    if officer is None or not officer.active:
        return None
    secret = secrets.token_urlsafe(32)
    accounts.open_session(session, mark(office, secret), officer_id, agent, now)
    audit.append(session, now, f"officer:{officer_id}", f"signed in by {how}", f"officer:{officer_id}")
    return secret


def who(session: Session, office: Office, secret: str, now: datetime) -> tuple[Who, Glance] | None:
    """Who holds this cookie, and what the frame shows them."""
    found = accounts.who(session, mark(office, secret), now, office.date_of(now))
    return None if found is None else (found, glance(session, found, now))


def seen(session: Session, office: Office, secret: str, now: datetime) -> None:
    accounts.seen(session, mark(office, secret), now)


def leave(session: Session, office: Office, secret: str, now: datetime) -> None:
    """Sign out."""
    found = accounts.who(session, mark(office, secret), now, office.date_of(now))
    accounts.end(session, mark(office, secret), now)
    if found is not None:
        audit.append(session, now, f"officer:{found.id}", "signed out", f"officer:{found.id}")


def glance(session: Session, who: Who, now: datetime) -> Glance:
    """The counts beside the names of the pages, of what this officer may see."""
    query = sa.select(sa.func.count(), sa.func.count(sa.case((col(Ticket.promised_at) < now, 1))).label("late")).where(
        col(Ticket.state) == "open"
    )
    if who.councils is not None:
        query = query.where(sa.or_(col(Ticket.council_id).is_(None), col(Ticket.council_id).in_(who.councils)))
    waiting, late = session.execute(query).one()
    return Glance(waiting, late)


def address_of(session: Session, officer_id: int) -> AddressRow | None:
    """The first address of an officer."""
    officer = session.exec(select(Officer).where(Officer.id == officer_id)).first()
    return session.get(AddressRow, officer.address_id) if officer else None
