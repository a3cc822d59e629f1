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
from escalation.accounts import OfficerSession, SignInLink, Who
from escalation.officers import Officer
from escalation.tickets import Ticket

MOST_LINKS = 5  # within the quarter of an hour that a link opens


@dataclass(frozen=True)
class Browser:
    """What a browser says of itself as someone signs in."""

    agent: str = ""  # its name, as it gives it
    network: str = ""  # where it asks from
    before: str = ""  # the secret of the session that it had


EXAMPLE = Address("terminal", "bureau")  # where the officer of the example hears of things: nowhere that rings


@dataclass(frozen=True)
class Glance:
    """What the frame of every page of the desk counts."""

    waiting: int  # tickets that wait for a person
    late: int  # of them, those whose promise is over


def mark(office: Office, secret: str) -> str:
    """What is kept of a secret that a browser or a mail holds."""
    return marks(office, secret)[0]


def marks(office: Office, secret: str) -> list[str]:
    """The same under every key of ours, the current first: what was kept before the key changed is found."""
    return [hmac.new(key, secret.encode(), hashlib.sha256).hexdigest() for key in office.vault.keys("sessions")]


def of_session(session: Session, office: Office, secret: str) -> str:
    """The mark under which the session of this secret stands; the current one when there is none."""
    first, *others = marks(office, secret)
    if not others or session.get(OfficerSession, first) is not None:
        return first
    return next((each for each in others if session.get(OfficerSession, each) is not None), first)


def send_link(session: Session, office: Office, email: str, way: str, now: datetime) -> bool:
    """Send a one-time link to an officer's address; False, with nothing sent, when it is nobody's.

    `way`: the page that was asked for, opened once the link was used. Links cannot be refused to an officer by somebody
    who asks for many: after five within their quarter of an hour the last ones still open, and no more mail goes out.
    """
    row = directory.find(session, office.vault, Address("email", email.strip().lower()))
    found = officers.at(session, row.id) if row and row.id else None
    if row is None or found is None or found.id is None:
        return False
    if accounts.links_since(session, found.id, now - accounts.LINK_FOR) >= MOST_LINKS:
        return False
    secret = _new_link(session, office, found.id, way, now)
    link = f"{office.public_url}/bureau/entrer/{secret}"
    message = say("officer_link", directory.opened(office.vault, row), link=link, person=found.name)
    letters.post(session, office, message, f"link:{mark(office, secret)}", row, now)
    audit.append(session, now, f"officer:{found.id}", "sign-in link sent", f"officer:{found.id}")
    return True


def _new_link(session: Session, office: Office, officer_id: int, way: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(24)
    lapses_at = now + accounts.LINK_FOR
    session.add(
        SignInLink(mark=mark(office, secret), officer_id=officer_id, sent_at=now, lapses_at=lapses_at, way=way[:500])
    )
    return secret


def hand_link(session: Session, office: Office, email: str, now: datetime) -> str:
    """The way in for an officer, handed over by who holds the server; LookupError when nobody has this address."""
    address = Address("email", email.strip().lower()) if email else EXAMPLE
    row = directory.find(session, office.vault, address)
    found = officers.at(session, row.id) if row and row.id else None
    if found is None or found.id is None:
        raise LookupError(email)
    audit.append(session, now, "command", "sign-in link made", f"officer:{found.id}")
    return f"/bureau/entrer/{_new_link(session, office, found.id, '', now)}"


def enter_by_link(
    session: Session, office: Office, secret: str, browser: Browser, now: datetime
) -> tuple[str, str] | None:
    """Use a link: the secret of a new session for the cookie, and the page that was asked for; or None."""
    tries = (accounts.use_link(session, each, now) for each in marks(office, secret))
    used = next((each for each in tries if each is not None), None)
    if used is None:
        return None
    opened = open_session(session, office, used[0], browser.agent, "link", now, before=browser.before)
    return (opened, used[1]) if opened else None


def open_session(
    session: Session, office: Office, officer_id: int, agent: str, how: str, now: datetime, ticket: str = "",
    before: str = "",
) -> str | None:  # fmt: skip
    """A new session of this officer; its secret, which nobody knows but the browser. None if they left.

    `before`: the secret of the session that the browser had, which ends: no session outlives a signing in.
    """
    officer = session.get(Officer, officer_id)
    if officer is None or not officer.active:
        return None
    if before:
        accounts.end(session, of_session(session, office, before), now)
    secret = secrets.token_urlsafe(32)
    sealed = office.vault.seal(ticket.encode(), "session") if ticket else None
    accounts.open_session(session, mark(office, secret), officer_id, agent, now, how, sealed)
    audit.append(session, now, f"officer:{officer_id}", f"signed in by {how}", f"officer:{officer_id}")
    return secret


def who(session: Session, office: Office, secret: str, now: datetime) -> tuple[Who, Glance] | None:
    """Who holds this cookie, and what the frame shows them."""
    found = accounts.who(session, of_session(session, office, secret), now, office.date_of(now))
    return None if found is None else (found, glance(session, found, now))


def seen(session: Session, office: Office, secret: str, now: datetime) -> None:
    accounts.seen(session, of_session(session, office, secret), now)


def leave(session: Session, office: Office, secret: str, now: datetime) -> str:
    """Sign out; the identity provider's token, when it was by one that this session began."""
    kept = of_session(session, office, secret)
    found = accounts.who(session, kept, now, office.date_of(now))
    row = session.get(OfficerSession, kept)
    accounts.end(session, kept, now)
    if found is not None:
        audit.append(session, now, f"officer:{found.id}", "signed out", f"officer:{found.id}")
    return office.vault.open(row.ticket, "session").decode() if row and row.ticket else ""


def leave_everywhere(session: Session, who: Who, now: datetime) -> int:
    """Sign out of every browser; how many."""
    count = accounts.end_all(session, who.id, now)
    audit.append(session, now, f"officer:{who.id}", "signed out everywhere", f"officer:{who.id}")
    return count


def forget(session: Session, now: datetime) -> None:
    accounts.forget(session, now)


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
