"""What officers set up for themselves: answers that are ready, and the days on which the office is closed."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session

from bot import audit
from bot.desk import answering as acts
from bot.desk import officer
from bot.office import in_full
from escalation import answering, closures
from escalation.accounts import Who
from escalation.answering import CannedReply
from escalation.closures import LONGEST, OfficeClosure
from escalation.console.views import Canned, Closure

MOST_TEXT = 5000


def canned(session: Session) -> Sequence[Canned]:
    return [
        Canned(each.id or 0, each.title, each.text, officer.author_name(session, each.author))
        for each in answering.canned(session)
    ]


def save_canned(session: Session, who: Who, number: int | None, title: str, text: str, now: datetime) -> str:
    """Keep a ready answer, a new one or the one of this number; empty, it is taken away. What is wrong, or ""."""
    row = session.get(CannedReply, number) if number else None
    if number and row is None:
        return "Cette réponse type n'existe plus."
    title, text = " ".join(title.split())[:120], text.strip()[:MOST_TEXT]
    if row is not None and not text:
        session.delete(row)
        audit.append(session, now, acts.actor(who), "canned reply removed", f"canned:{number}")
        return ""
    if not title or not text:
        return "Donnez un titre et un texte."
    if row is None:
        row = CannedReply(title=title, text=text, author=acts.actor(who), changed_at=now)
    row.title, row.text, row.author, row.changed_at = title, text, acts.actor(who), now
    session.add(row)
    session.flush()
    audit.append(session, now, acts.actor(who), "canned reply written", f"canned:{row.id}")
    return ""


def closed_days(each: OfficeClosure) -> Closure:
    first, last = each.first_day, each.last_day
    return Closure(
        each.id or 0, first.isoformat(), last.isoformat(), in_full(first), in_full(last), each.reason
    )  # fmt: skip


def listed(session: Session, today: date) -> Sequence[Closure]:
    return [closed_days(each) for each in closures.listed(session, today)]


def add_closure(session: Session, who: Who, first: str, last: str, reason: str, today: date, now: datetime) -> str:
    """Close the office from one day to another, both included; what is wrong, in French, or ""."""
    try:
        begins = date.fromisoformat(first)
        ends = date.fromisoformat(last or first)
    except ValueError:
        return "Choisissez une date, par exemple le 24/12/2026."
    if ends < begins:
        return "Le dernier jour vient avant le premier."
    if ends < today:
        return "Ces jours sont déjà passés."
    if (ends - begins).days >= LONGEST:
        return "Une fermeture dure un an au plus."
    row = OfficeClosure(first_day=begins, last_day=ends, reason=" ".join(reason.split())[:200])
    session.add(row)
    session.flush()
    audit.append(session, now, acts.actor(who), "closure added", f"closure:{row.id}")
    return ""


def drop_closure(session: Session, who: Who, number: int, now: datetime) -> None:
    row = session.get(OfficeClosure, number)
    if row is not None:
        session.delete(row)
        audit.append(session, now, acts.actor(who), "closure removed", f"closure:{number}")
