"""What someone may ask of their own data by message: a code that proves the address, and what is kept, in words."""

import hashlib
import hmac
import secrets
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.conversations import Prompt, Question
from bot.office import Office
from channels import admission, directory
from channels.directory import AddressRow, Consent, Council
from channels.mailbox import AttachmentRow, InboxRow
from escalation.tickets import Ticket
from scheduler.agenda import Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.preparation import PreparationView, PreparationVote

CODE_FOR = timedelta(minutes=30)
CODE_TRIES = 3


def new_code(office: Office, address_id: int) -> tuple[str, str]:
    """Six figures, and the mark by which they are recognised (the figures themselves are not kept)."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    return code, _marks(office, address_id, code)[0]


def _marks(office: Office, address_id: int, code: str) -> list[str]:
    """The mark of a code under every secret of ours, the current first."""
    about = f"own:{address_id}:{code}".encode()
    return [hmac.new(key, about, hashlib.sha256).hexdigest() for key in office.vault.keys("codes")]


def check(session: Session, office: Office, prompt: Prompt, code: str) -> bool:
    """Whether this is the code that was sent; three wrong ones end it. `offered` holds: what for, mark, tries."""
    what, wanted, tries = prompt.offered
    if any(hmac.compare_digest(wanted, mark) for mark in _marks(office, prompt.address_id, code)):
        return True
    prompt.offered = [what, wanted, str(int(tries) + 1)]
    if int(tries) + 1 >= CODE_TRIES:
        prompt.lapses_at = prompt.opened_at
    session.add(prompt)
    return False


def held(session: Session, office: Office, address_id: int) -> str:
    """All that is kept about whoever writes from this address, in plain words."""
    row = session.get(AddressRow, address_id)
    assert row is not None
    lines = [f"Depuis {office.day(row.created_at)}, je garde :", "- votre adresse sur ce canal, chiffrée"]
    person = directory.person_at(session, address_id)
    if person is not None:
        council = session.get(Council, person.council_id) if person.council_id else None
        lines.append(f"- votre nom : {person.name}" + (f", membre de : {council.name}" if council else ""))
    consents = session.exec(
        select(Consent).where(Consent.address_id == address_id, col(Consent.withdrawn_at).is_(None))
    ).all()
    lines += [f"- votre accord pour : {each.what}, donné {office.day(each.given_at)}" for each in consents]
    questions = session.exec(
        select(Question).where(Question.address_id == address_id).order_by(col(Question.id).desc()).limit(50)
    ).all()
    lines.append(f"- vos questions : {len(questions)}")
    lines += [f"  {office.day(each.asked_at)} : {' '.join(each.text.split())[:200]}" for each in questions]
    tickets = session.exec(select(Ticket).where(Ticket.address_id == address_id).order_by(col(Ticket.id))).all()
    lines += [f"- la question n° {each.id}, transmise {office.day(each.opened_at)}" for each in tickets]
    sent = session.execute(
        sa.select(col(AttachmentRow.filename), col(AttachmentRow.size))
        .join(InboxRow, col(InboxRow.id) == col(AttachmentRow.inbox_id))
        .where(col(InboxRow.address_id) == address_id)
        .order_by(col(AttachmentRow.id))
    ).all()
    if sent:
        lines.append(f"- vos fichiers : {admission.listed((name, size) for name, size in sent)}")
    if person is not None:
        lines += _of_meetings(session, office, person.id or 0)
    return "\n".join(lines)


def _of_meetings(session: Session, office: Office, person_id: int) -> list[str]:
    """What is kept of someone's part in meetings."""
    answers = session.exec(select(Attendance).where(Attendance.person_id == person_id, Attendance.answer != "")).all()
    lines = [f"- vos réponses à des invitations : {len(answers)}"] if answers else []
    for words, owner in (
        ("les dates que vous avez choisies pour une préparation", PreparationVote.person_id),
        ("votre avis sur une préparation", PreparationView.person_id),
        ("les décisions que vous avez rapportées", Decision.person_id),
    ):
        count = session.exec(select(sa.func.count()).where(owner == person_id)).one()
        lines += [f"- {words} : {count}"] if count else []
    calls = session.exec(select(CallNote).where(CallNote.person_id == person_id).order_by(col(CallNote.id))).all()
    return lines + [f"- un appel de l'équipe, noté {office.day(each.noted_at)} : {each.text}" for each in calls]
