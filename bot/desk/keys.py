"""Passwords, codes of six figures and identity providers: the ways into the desk beside the link by email."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot import audit
from bot.desk import entrance, letters
from bot.desk.entrance import Browser
from bot.office import Office
from bot.say import say
from channels import directory
from channels.contract import Address
from channels.directory import AddressRow
from channels.vault import WrongKey
from escalation import accounts, officers, passwords
from escalation.accounts import Credential, Identity, Who
from escalation.officers import Officer

SEALED_AS = "second step"
STEP_FOR = timedelta(minutes=5)  # between the password and its code
NO_PROVIDER_MAIL = "Le service d'identité ne confirme pas votre adresse e-mail."
NO_SUCH_OFFICER = "Votre adresse n'est pas celle d'une personne de l'équipe. Demandez à l'administration de l'ajouter."


@dataclass(frozen=True)
class Standing:
    """What a password is compared with, or how long to wait first."""

    officer_id: int | None
    kept: str
    wait: datetime | None = None


@dataclass(frozen=True)
class Entered:
    """What became of a try: the secret of a session and the page to open, or why not."""

    secret: str = ""
    way: str = ""
    wait: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Open:
    """A session as its officer sees it."""

    agent: str
    begun_at: datetime
    seen_at: datetime
    how: str
    here: bool


@dataclass(frozen=True)
class Mine:
    """What the page of an account shows of its keys."""

    sessions: tuple[Open, ...]
    coded: bool  # codes of six figures are set up
    password: bool
    pending: bool  # a picture was made and not proven yet
    recovery: int  # codes left
    address: str
    provider: bool  # linked to an identity provider


# --- password, then code ----------------------------------------------------------------------------------------------


def standing(session: Session, office: Office, email: str, network: str, now: datetime) -> Standing:
    """What to compare a password with; the try is counted first, whether the account exists or not."""
    email = email.strip().lower()
    wait = accounts.try_once(session, _tries(office, email, network), now)
    if wait is not None:
        return Standing(None, "", wait)
    row = directory.find(session, office.vault, Address("email", email))
    officer = officers.at(session, row.id) if row and row.id else None
    found = accounts.credential(session, officer.id or 0) if officer else None
    if officer is None or found is None or not found.password or not found.secret:
        return Standing(None, "")
    return Standing(officer.id, found.password)


def step(session: Session, office: Office, officer_id: int, email: str, way: str, network: str, now: datetime) -> str:
    """What the page of the code sends back: that the password was right, sealed, for five minutes."""
    accounts.go_on(session, _tries(office, email, network))
    plain = json.dumps([officer_id, email.strip().lower(), way, (now + STEP_FOR).timestamp()]).encode()
    return base64.urlsafe_b64encode(office.vault.seal(plain, SEALED_AS)).decode()


def enter_by_code(
    session: Session, office: Office, sealed: str, code: str, browser: Browser, now: datetime
) -> Entered:  # fmt: skip
    """The second step: a code of six figures, or a recovery code."""
    try:
        found = json.loads(office.vault.open(base64.urlsafe_b64decode(sealed.encode()), SEALED_AS))
        officer_id, email, way, until = found
    except (WrongKey, ValueError):
        return Entered(problem="over")
    if until < now.timestamp():
        return Entered(problem="over")
    tries = _tries(office, email, browser.network, "code")
    wait = accounts.try_once(session, tries, now)
    if wait is not None:
        return Entered(wait=wait)
    if not _proven(session, office, officer_id, code, now):
        return Entered(problem="code")
    accounts.went_well(session, tries, _tries(office, email, "")["account"])
    secret = entrance.open_session(session, office, officer_id, browser.agent, "password", now, before=browser.before)
    return Entered(secret, way) if secret else Entered(problem="over")


def _proven(session: Session, office: Office, officer_id: int, code: str, now: datetime) -> bool:
    """Whether this code is the officer's, and used for the first time; it is used up."""
    found = accounts.credential(session, officer_id)
    if found is None or found.secret is None:
        return False
    secret = office.vault.open(found.secret, SEALED_AS).decode()
    step = passwords.step_of(secret, code, now, found.step)
    if step is not None:
        return accounts.use_step(session, officer_id, step)
    bare = passwords.bare(code)
    marks = entrance.marks(office, f"recovery:{officer_id}:{bare}")
    if not bare or not any(accounts.use_recovery(session, officer_id, each, now) for each in marks):
        return False
    left = accounts.recovery_left(session, officer_id)
    _tell(session, office, officer_id, f"Un code de secours vient de servir. Il vous en reste {left}.", now)
    audit.append(session, now, f"officer:{officer_id}", "recovery code used", f"officer:{officer_id}")
    return True


def _tries(office: Office, email: str, network: str, what: str = "password") -> dict[str, str]:
    return {
        "account": entrance.mark(office, f"{what}:{email.strip().lower()}"),
        "network": entrance.mark(office, f"network:{network}"),
    }


def _recovery(office: Office, officer_id: int, bare: str) -> str:
    return entrance.mark(office, f"recovery:{officer_id}:{bare}")


def allowed(session: Session, office: Office, network: str, now: datetime) -> datetime | None:
    """Whether links may be asked for from this network now; until when to wait, if not."""
    return accounts.try_once(session, {"links": entrance.mark(office, f"links:{network}")}, now)


# --- the officer's own keys -------------------------------------------------------------------------------------------


def mine(session: Session, office: Office, who: Who, now: datetime) -> Mine:
    """What this officer signs in with, and from where they are signed in."""
    found = accounts.credential(session, who.id)
    row = entrance.address_of(session, who.id)
    assert row is not None
    return Mine(
        tuple(
            Open(each.agent, each.begun_at, each.seen_at, each.how, each.mark.startswith(who.session))
            for each in accounts.sessions(session, who.id, now)
        ),
        bool(found and found.secret),
        bool(found and found.password),
        bool(found and found.pending),
        accounts.recovery_left(session, who.id),
        directory.opened(office.vault, row).handle,
        accounts.is_linked(session, who.id),
    )


def prepare(session: Session, office: Office, who: Who, code: str, network: str, now: datetime) -> bool:
    """A new secret, shown until a code proves that the telephone has it; the one in use stays until then.

    False when there is one in use and `code` is not of it: whoever found an open session must not change the telephone.
    """
    found = accounts.credential(session, who.id) or Credential(officer_id=who.id, changed_at=now)
    if found.secret and not _again(session, office, who, code, network, now):
        return False
    found.pending = office.vault.seal(passwords.new_secret().encode(), SEALED_AS)
    session.add(found)
    return True


def pending(session: Session, office: Office, who: Who) -> tuple[str, str] | None:
    """The secret that is to be proven, in groups of four, and the address that its picture says."""
    found, row = accounts.credential(session, who.id), entrance.address_of(session, who.id)
    if found is None or found.pending is None or row is None:
        return None
    secret = office.vault.open(found.pending, SEALED_AS).decode()
    account = directory.opened(office.vault, row).handle
    return passwords.short_secret(secret), passwords.address(secret, account, f"Hotline {office.organisation}")


def prove(session: Session, office: Office, who: Who, code: str, now: datetime) -> list[str] | None:
    """The telephone has the secret, which counts from now on. The recovery codes; None for a wrong code."""
    found = accounts.credential(session, who.id)
    if found is None or found.pending is None:
        return None
    step = passwords.step_of(office.vault.open(found.pending, SEALED_AS).decode(), code, now, 0)
    if step is None:
        return None
    found.secret, found.pending, found.step, found.changed_at = found.pending, None, step, now
    session.add(found)
    codes = _new_recovery(session, office, who.id)
    audit.append(session, now, f"officer:{who.id}", "codes set up", f"officer:{who.id}")
    _tell(session, office, who.id, "Un code à six chiffres protège maintenant votre mot de passe.", now)
    return codes


def _new_recovery(session: Session, office: Office, officer_id: int) -> list[str]:
    codes = passwords.recovery_codes()
    marks = [_recovery(office, officer_id, passwords.bare(code)) for code in codes]
    accounts.keep_recovery(session, officer_id, marks)
    return codes


def renew_recovery(session: Session, office: Office, who: Who, code: str, network: str, now: datetime) -> list[str]:
    """Ten new recovery codes in place of the old; none for a wrong code."""
    if not _again(session, office, who, code, network, now):
        return []
    audit.append(session, now, f"officer:{who.id}", "recovery codes renewed", f"officer:{who.id}")
    return _new_recovery(session, office, who.id)


def set_password(
    session: Session, office: Office, who: Who, kept: str, code: str, browser: Browser, now: datetime
) -> bool:
    """Keep a new password (`kept`: its argon2id), proven by a code; the other sessions end. False for a wrong code."""
    if not _again(session, office, who, code, browser.network, now):
        return False
    found = accounts.credential(session, who.id)
    assert found is not None
    found.password, found.changed_at = kept, now
    session.add(found)
    accounts.end_others(session, who.id, entrance.of_session(session, office, browser.before), now)
    audit.append(session, now, f"officer:{who.id}", "password set", f"officer:{who.id}")
    _tell(session, office, who.id, "Votre mot de passe vient de changer. Les autres sessions sont finies.", now)
    return True


def remove(session: Session, office: Office, who: Who, code: str, network: str, now: datetime) -> bool:
    """No password and no codes any more: the link by email is the way in. False for a wrong code."""
    if not _again(session, office, who, code, network, now):
        return False
    found = accounts.credential(session, who.id)
    assert found is not None
    session.delete(found)
    accounts.keep_recovery(session, who.id, ())
    audit.append(session, now, f"officer:{who.id}", "password and codes removed", f"officer:{who.id}")
    _tell(session, office, who.id, "Votre mot de passe et vos codes sont retirés. Le lien par e-mail suffit.", now)
    return True


def _again(session: Session, office: Office, who: Who, code: str, network: str, now: datetime) -> bool:
    """A code, before something is changed that a stolen session must not change; tries are counted as at the door."""
    tries = {
        "account": entrance.mark(office, f"again:{who.id}"),
        "network": entrance.mark(office, f"network:{network}"),
    }
    if accounts.try_once(session, tries, now) is not None or not _proven(session, office, who.id, code, now):
        return False
    accounts.went_well(session, tries)
    return True


def _tell(session: Session, office: Office, officer_id: int, words: str, now: datetime) -> None:
    """What changed about an account is said at its first address: whoever did not do it hears of it."""
    officer = session.get(Officer, officer_id)
    row = session.get(AddressRow, officer.address_id) if officer else None
    if officer is None or row is None:
        return
    message = say("officer_account", directory.opened(office.vault, row), person=officer.name, words=words)
    letters.post(session, office, message, f"account:{officer_id}:{now.timestamp():.6f}", row, now)


# --- an identity provider ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """Who an identity provider says that this is."""

    issuer: str
    subject: str
    email: str = ""
    verified: bool = False  # the provider says that the address was proven
    ticket: str = ""  # its token, for signing out there


def enter_by_provider(
    session: Session, office: Office, known: Known, way: str, browser: Browser, now: datetime
) -> Entered:
    """A session for whoever the provider knows. The first time by a proven email address, afterwards by `sub` alone."""
    officer_id = accounts.known_as(session, known.issuer, known.subject)
    if officer_id is None:
        if not known.verified or not known.email:
            return Entered(problem=NO_PROVIDER_MAIL)
        row = directory.find(session, office.vault, Address("email", known.email.strip().lower()))
        officer = officers.at(session, row.id) if row and row.id else None
        if officer is None or officer.id is None:
            return Entered(problem=NO_SUCH_OFFICER)
        officer_id = officer.id
        _link(session, office, known, officer_id, now)
    secret = entrance.open_session(
        session, office, officer_id, browser.agent, "provider", now, known.ticket, browser.before
    )
    return Entered(secret, way) if secret else Entered(problem=NO_SUCH_OFFICER)


def link_provider(session: Session, office: Office, who: Who, known: Known, now: datetime) -> bool:
    """Tie the account that is signed in to this identity; False when it is another officer's."""
    standing = accounts.known_as(session, known.issuer, known.subject)
    if standing is None:
        _link(session, office, known, who.id, now)
    return standing in (None, who.id)


def _link(session: Session, office: Office, known: Known, officer_id: int, now: datetime) -> None:
    session.add(Identity(issuer=known.issuer, subject=known.subject, officer_id=officer_id, linked_at=now))
    audit.append(session, now, f"officer:{officer_id}", "identity linked", f"officer:{officer_id}")
    _tell(session, office, officer_id, "Votre compte est relié à votre service d'identité.", now)
