"""What comes in is kept once (T1), and a sender's whole turn is claimed to be dealt with (T2)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from bot import conversations, patience
from bot.desk import bounces, files, outgoing
from bot.office import Office
from channels import directory, mailbox, manners
from channels.contract import Inbound, Receipt
from channels.mailbox import Turn

MOST_TEXT = 100_000  # characters kept of one message


def receive(session: Session, office: Office, message: Inbound | Receipt, now: datetime) -> bool:
    """Keep what came in; False when we already had it. Once this is committed, it may be acknowledged."""
    if isinstance(message, Receipt):
        return outgoing.receipt(session, office, message, now)
    row = directory.keep(session, office.vault, message.sender, now)
    assert row.id is not None
    person = session.get(directory.Person, row.person_id) if row.person_id else None
    text, warnings = _clean(message.text), message.warnings
    if len(text) > MOST_TEXT:
        text, warnings = text[:MOST_TEXT], (*warnings, f"message coupé à {MOST_TEXT} caractères")
    token = message.token or (mailbox.token_of(session, row.id, message.about) if message.about else "")
    kept = replace(message, text=text, token=token, subject=_clean(message.subject)[:500], warnings=warnings)
    quiet = _quiet(session, office, row.id, text, now) if manners(message.sender.channel).waits else None
    new = mailbox.receive(session, kept, row.id, person.council_id if person else None, now, quiet)
    if new is None:
        return False
    row.last_heard_at = now
    session.add(row)
    if message.nature != "machine":
        bounces.heard_again(session, row)
    mailbox.heard_from(session, row.id, now)
    files.keep(session, office, new, message.attachments)
    return True


def _quiet(session: Session, office: Office, address_id: int, text: str, now: datetime) -> timedelta:
    """How long to wait for more: what is short may be the answer to what was asked."""
    short = len(text.split()) <= patience.PROMPTED_WORDS
    prompted = short and conversations.open_prompt(session, address_id, now) is not None
    return patience.quiet(text, prompted=prompted, fragment=office.quiet)


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot hold (NUL) and no text contains (lone surrogates)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Claimed:
    """A turn, and whether the matcher need look at it."""

    turn: Turn
    to_match: str  # the text to match, empty when a person or a number decides


def claim(session: Session, now: datetime) -> Claimed | None:
    turn = mailbox.claim_turn(session, now)
    if turn is None:
        return None
    if turn.last.nature != "person":
        return Claimed(turn, "")
    return Claimed(turn, _question_of(turn))


def _question_of(turn: Turn) -> str:
    """The words of a turn; an email whose body is short is read with its subject."""
    subject = turn.messages[0].subject
    if subject and len(turn.text.split()) < 6 and not subject.lower().startswith(("re:", "re :", "tr:", "fwd:")):
        return f"{subject}\n{turn.text}".strip()
    return turn.text
