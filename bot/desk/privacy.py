"""What someone may ask of their own data: to see it, or have it erased; and what is forgotten by itself."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.audit import AuditLine, AuditText
from bot.conversations import NotedReply, Prompt, Question, close_all
from bot.desk import files
from bot.desk.turns import FOLLOW_UP
from bot.office import Office
from channels import admission, attachments, directory
from channels.directory import AddressRow, Consent, Council, Person, Proof
from channels.mailbox import UNFINISHED_OUT, AttachmentRow, InboxRow, OutboxRow
from escalation import answering
from escalation.officers import Officer
from escalation.tickets import Ticket, TicketMessage, TicketReply
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Seat
from scheduler.preparation import PreparationView, PreparationVote

CODE_FOR = timedelta(minutes=30)
CODE_TRIES = 3
ERASED = "(effacé)"


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


def all_of(session: Session, office: Office, person: Person) -> dict[str, Any]:
    """Everything that is kept about a person, in words that they can read and a program can too."""
    rows = session.exec(select(AddressRow).where(AddressRow.person_id == person.id).order_by(col(AddressRow.id))).all()
    ids = [row.id for row in rows]
    council = session.get(Council, person.council_id) if person.council_id else None

    def when(moment: datetime | None) -> str | None:
        return moment.astimezone(office.zone).isoformat(timespec="seconds") if moment else None

    questions = session.exec(select(Question).where(col(Question.address_id).in_(ids)).order_by(col(Question.id))).all()
    tickets = session.exec(select(Ticket).where(col(Ticket.address_id).in_(ids)).order_by(col(Ticket.id))).all()
    numbers = [each.id for each in tickets]
    replies = session.exec(select(TicketReply).where(col(TicketReply.ticket_id).in_(numbers))).all()
    received = session.exec(select(InboxRow).where(col(InboxRow.address_id).in_(ids)).order_by(col(InboxRow.id))).all()
    sent = session.exec(select(OutboxRow).where(col(OutboxRow.address_id).in_(ids)).order_by(col(OutboxRow.id))).all()
    consents = session.exec(select(Consent).where(col(Consent.address_id).in_(ids))).all()
    names = dict(session.exec(select(Council.id, Council.name)).all())
    seats = session.exec(select(Seat).where(Seat.person_id == person.id)).all()
    return {
        "personne": {
            "nom": person.name, "type": person.kind, "conseil": council.name if council else None,
            "langue": person.language, "canal préféré": person.preferred_channel or None,
            "depuis": when(person.created_at),
        },
        "adresses": [
            {
                "canal": row.channel, "adresse": directory.opened(office.vault, row).handle if row.sealed else None,
                "depuis": when(row.created_at), "dernier message": when(row.last_heard_at),
                "STOP": when(row.stopped_at), "en pause": when(row.paused_at),
            }
            for row in rows
        ],
        "accords": [
            {"pour": each.what, "donné": when(each.given_at), "repris": when(each.withdrawn_at)} for each in consents
        ],
        "sièges": [
            {
                "conseil": names.get(each.council_id), "comité": each.committee_kind, "place": each.role,
                "depuis": when(each.since), "jusqu'à": when(each.until),
            }
            for each in seats
        ],
        "messages reçus": [{"le": when(each.heard_at), "canal": each.channel, "texte": each.text} for each in received],
        "messages envoyés": [
            {"le": when(each.sent_at or each.created_at), "canal": each.channel, "texte": each.text} for each in sent
        ],
        "questions": [{"le": when(each.asked_at), "texte": each.text, "suite": each.decision} for each in questions],
        "questions transmises": [
            {
                "numéro": each.id, "le": when(each.opened_at), "texte": each.question, "état": each.state,
                "réponses": [reply.text for reply in replies if reply.ticket_id == each.id and reply.state == "sent"],
            }
            for each in tickets
        ],
    }  # fmt: skip


def erase_person(
    session: Session, office: Office, person: Person, address_ids: Sequence[int], now: datetime, actor: str
) -> None:
    """A person, each of their addresses, and what the trail wrote about them."""
    for each in address_ids:
        erase(session, office, each, now, actor)
    person.name, person.preferred_channel = ERASED, ""
    session.add(person)
    session.execute(
        sa.update(Seat).where(col(Seat.person_id) == person.id, col(Seat.until).is_(None)).values(until=now)
    )
    lines = sa.select(col(AuditLine.id)).where(col(AuditLine.subject) == f"person:{person.id}")
    session.execute(sa.delete(AuditText).where(col(AuditText.line_id).in_(lines)))
    session.flush()
    finish(session, now)


def _of_meetings(session: Session, office: Office, person_id: int) -> list[str]:
    """What is kept of someone's part in meetings."""
    answers = session.exec(select(Attendance).where(Attendance.person_id == person_id, Attendance.answer != "")).all()
    lines = [f"- vos réponses à des invitations : {len(answers)}"] if answers else []
    calls = session.exec(select(CallNote).where(CallNote.person_id == person_id).order_by(col(CallNote.id))).all()
    return lines + [f"- un appel de l'équipe, noté {office.day(each.noted_at)} : {each.text}" for each in calls]


def erase(session: Session, office: Office, address_id: int, now: datetime, actor: str = "") -> None:
    """Take out every word from and to this address, and whom it belongs to; figures stay. The handle goes by `finish`.

    Goes: messages, attachments, questions, tickets' words, consents, codes, the audit trail's words. When this was the
    person's only address: their name, notes of calls, whom they sent in their place, what they chose for a preparation.
    Stays: that a question was asked on a day, by which channel, for which council; that somebody came to a meeting.
    """
    inbox = sa.select(col(InboxRow.id)).where(col(InboxRow.address_id) == address_id)
    tickets = sa.select(col(Ticket.id)).where(col(Ticket.address_id) == address_id)
    replied = sa.select(col(TicketReply.inbox_id)).where(col(TicketReply.ticket_id).in_(tickets))
    subjects = [f"ticket:{number}" for number in session.execute(tickets).scalars()]
    lines = sa.select(col(AuditLine.id)).where(col(AuditLine.subject).in_(subjects))
    answering.forget_words(session, tickets, ERASED)
    for statement in (
        sa.delete(AttachmentRow).where(
            col(AttachmentRow.inbox_id).in_(inbox) | col(AttachmentRow.ticket_id).in_(tickets)
        ),
        sa.update(InboxRow)
        .where(col(InboxRow.address_id) == address_id)
        .values(
            text=ERASED, subject="", thread="", token="", external_id="erased:" + sa.cast(col(InboxRow.id), sa.String)
        ),
        sa.update(InboxRow)  # the officer's replies that were relayed to this person
        .where(col(InboxRow.id).in_(replied) | col(InboxRow.id).in_(answering.mails_of_partners(tickets)))
        .values(text=ERASED, subject=""),
        sa.update(OutboxRow)
        .where(
            (col(OutboxRow.address_id) == address_id) | col(OutboxRow.ticket_id).in_(tickets),
            col(OutboxRow.state).not_in(UNFINISHED_OUT),
        )
        .values(text=ERASED, subject="", thread="", token="", filled={}, choices=[]),
        sa.update(OutboxRow)
        .where(
            (col(OutboxRow.address_id) == address_id) | col(OutboxRow.ticket_id).in_(tickets),
            col(OutboxRow.state) == "waiting",
        )
        .values(text=ERASED, subject="", filled={}, choices=[], state="dropped", reason="données effacées"),
        sa.update(Question)
        .where(col(Question.address_id) == address_id)
        .values(text=ERASED, candidates=[], nearest=""),
        sa.update(TicketMessage).where(col(TicketMessage.ticket_id).in_(tickets)).values(text=ERASED),
        sa.update(TicketReply).where(col(TicketReply.ticket_id).in_(tickets)).values(text=ERASED),
        sa.update(Ticket)
        .where(col(Ticket.address_id) == address_id)
        .values(
            question=ERASED, subject="", thread="", state="closed", closed_at=now, closed_reason="données effacées"
        ),
        sa.delete(NotedReply).where(col(NotedReply.address_id) == address_id),
        sa.delete(Consent).where(col(Consent.address_id) == address_id),
        sa.delete(Proof).where((col(Proof.address_id) == address_id) | (col(Proof.target_id) == address_id)),
        sa.delete(AuditText).where(col(AuditText.line_id).in_(lines)),
    ):
        session.execute(statement)
    attachments.detach(
        session,
        sa.select(col(OutboxRow.id)).where(
            (col(OutboxRow.address_id) == address_id) | col(OutboxRow.ticket_id).in_(tickets),
            col(OutboxRow.text) == ERASED,
        ),
    )
    attachments.sweep(session)
    close_all(session, address_id, now)
    row = session.get(AddressRow, address_id)
    assert row is not None
    _forget_person(session, row, now)
    row.erasing_at, row.generation = now, row.generation + 1
    session.add(row)
    audit.append(session, now, actor or f"asker:{address_id}", "erased", f"address:{address_id}")


def _forget_person(session: Session, row: AddressRow, now: datetime) -> None:
    person = directory.person_at(session, row.id or 0)
    row.person_id = None
    if person is None:
        return
    others = session.exec(
        select(AddressRow.id).where(
            AddressRow.person_id == person.id, col(AddressRow.id) != row.id, AddressRow.channel != "phone"
        )
    ).first()
    if others is None:
        person.name, person.preferred_channel = ERASED, ""
        session.add(person)
        for statement in (
            sa.delete(CallNote).where(col(CallNote.person_id) == person.id),
            sa.delete(PreparationVote).where(col(PreparationVote.person_id) == person.id),
            sa.delete(PreparationView).where(col(PreparationView.person_id) == person.id),
            sa.update(Attendance)
            .where(col(Attendance.person_id) == person.id)
            .values(alternate="", alternate_id=None, ticket_id=None),
        ):
            session.execute(statement)
        session.execute(  # nobody sits there any more
            sa.update(Seat).where(col(Seat.person_id) == person.id, col(Seat.until).is_(None)).values(until=now)
        )


def finish(session: Session, now: datetime, limit: int = 50) -> None:
    """Once the last word has gone out, or after two days, the handle itself goes too."""
    pending = (
        sa.exists()
        .where(col(OutboxRow.address_id) == AddressRow.id, col(OutboxRow.state).in_(UNFINISHED_OUT))
        .correlate(AddressRow)
    )
    rows = session.exec(
        select(AddressRow)
        .where(
            col(AddressRow.erasing_at).is_not(None), ~pending | (col(AddressRow.erasing_at) < now - timedelta(days=2))
        )
        .limit(limit)
    ).all()
    for row in rows:
        attachments.detach(session, sa.select(col(OutboxRow.id)).where(col(OutboxRow.address_id) == row.id))
        session.execute(
            sa.update(OutboxRow)
            .where(col(OutboxRow.address_id) == row.id)
            .values(text=ERASED, subject="", thread="", token="", filled={}, choices=[])
        )
        row.blind, row.sealed, row.erasing_at = f"erased:{row.id}", b"", None
        row.stopped_at = now
        session.add(row)


AUTOMATIC_KEPT = timedelta(days=30)  # what the program answered, after it did
ESCALATED_KEPT = timedelta(days=365)  # what a person answered, after it was closed or answered
CONTACT_KEPT = timedelta(days=365)  # an address, since it last wrote


def _due(now: datetime) -> dict[str, "sa.Select[Any]"]:
    """The ids of what has been kept long enough at this moment, by kind."""
    old, older = now - AUTOMATIC_KEPT, now - ESCALATED_KEPT
    questions = sa.select(col(Question.id)).where(
        col(Question.text) != ERASED,
        sa.or_(
            sa.and_(col(Question.ticket_id).is_(None), col(Question.asked_at) < old), col(Question.asked_at) < older
        ),
    )
    with_ticket = sa.select(col(Ticket.address_id)).where(col(Ticket.state) != "closed")
    inbox = sa.select(col(InboxRow.id)).where(
        col(InboxRow.state).in_(("handled", "dropped")),
        col(InboxRow.text) != ERASED,
        sa.or_(
            sa.and_(col(InboxRow.received_at) < old, col(InboxRow.address_id).not_in(with_ticket)),
            col(InboxRow.received_at) < older,
        ),
    )
    outbox = sa.select(col(OutboxRow.id)).where(
        col(OutboxRow.state).in_(("sent", "delivered", "dropped")),
        col(OutboxRow.text) != ERASED,
        sa.or_(
            sa.and_(col(OutboxRow.created_at) < old, col(OutboxRow.ticket_id).is_(None)),
            col(OutboxRow.created_at) < older,
        ),
    )
    tickets = sa.select(col(Ticket.id)).where(
        col(Ticket.question) != ERASED,
        col(Ticket.state) != "open",
        sa.func.coalesce(col(Ticket.closed_at), col(Ticket.answered_at)) < older,
    )
    return {"questions": questions, "inbox": inbox, "outbox": outbox, "tickets": tickets}


def due(session: Session, now: datetime) -> dict[str, int]:
    """How many of each kind have been kept long enough; nothing is changed."""
    counts = {
        name: int(session.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())
        for name, query in _due(now).items()
    }
    counts["addresses"] = int(
        session.execute(sa.select(sa.func.count()).select_from(_silent(now).subquery())).scalar_one()
    )
    return counts


def purge(session: Session, now: datetime, limit: int = 200) -> dict[str, int]:
    """What has been kept long enough loses its words, `limit` rows of a kind at most; how many of each."""
    older = now - ESCALATED_KEPT
    found = _due(now)
    questions, inbox, outbox, tickets = (found[name] for name in ("questions", "inbox", "outbox", "tickets"))
    counts = {}
    for name, table, due, values in (
        ("questions", Question, questions, {"text": ERASED}),
        ("inbox", InboxRow, inbox, {"text": ERASED, "subject": "", "thread": ""}),
        ("outbox", OutboxRow, outbox, {"text": ERASED, "subject": "", "thread": "", "filled": {}, "choices": []}),
    ):
        ids = list(session.execute(due.limit(limit)).scalars())
        session.execute(sa.update(table).where(col(table.id).in_(ids)).values(**values))
        if table is InboxRow:
            session.execute(
                sa.delete(AttachmentRow).where(
                    col(AttachmentRow.inbox_id).in_(ids), col(AttachmentRow.ticket_id).is_(None)
                )
            )
        if table is OutboxRow:
            attachments.detach(session, ids)
        counts[name] = len(ids)
    ids = list(session.execute(tickets.limit(limit)).scalars())
    for words, owner in ((TicketMessage, TicketMessage.ticket_id), (TicketReply, TicketReply.ticket_id)):
        session.execute(sa.update(words).where(col(owner).in_(ids)).values(text=ERASED))
    answering.forget_words(session, ids, ERASED)
    session.execute(
        sa.update(Ticket).where(col(Ticket.id).in_(ids)).values(question=ERASED, subject="", state="closed")
    )
    session.execute(sa.delete(AttachmentRow).where(col(AttachmentRow.ticket_id).in_(ids)))
    counts["tickets"] = len(ids)
    carried = sa.select(col(OutboxRow.id)).where(  # a copy in a notice need not stay as long as its words
        col(OutboxRow.files) > 0,
        col(OutboxRow.state).in_(("sent", "delivered", "dropped")),
        col(OutboxRow.created_at) < now - AUTOMATIC_KEPT,
    )
    session.execute(sa.update(CallNote).where(col(CallNote.noted_at) < older, col(CallNote.text) != "").values(text=""))
    session.execute(
        sa.update(Attendance)
        .where(col(Attendance.said_at) < older, col(Attendance.alternate) != "")
        .values(alternate="")
    )
    trail = (
        sa.select(col(AuditText.line_id))
        .join(AuditLine, col(AuditLine.id) == col(AuditText.line_id))
        .where(col(AuditLine.at) < older)
    )
    ids = list(session.execute(trail.limit(limit)).scalars())
    session.execute(sa.delete(AuditText).where(col(AuditText.line_id).in_(ids)))
    counts["trail"] = len(ids)
    counts["follow-ups"] = files.let_go(session, now - FOLLOW_UP, limit)
    ids = list(session.execute(carried.limit(limit)).scalars())
    attachments.detach(session, ids)
    session.execute(sa.update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(files=0))
    counts["files"] = attachments.sweep(session, limit)
    if any(counts.values()):
        told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        audit.append(session, now, "program", "purged", "retention", text=told)
    return counts


def _silent(now: datetime) -> "sa.Select[Any]":
    """Addresses of nobody that we know, silent for a year."""
    last = sa.func.coalesce(col(AddressRow.last_heard_at), col(AddressRow.created_at))
    open_tickets = sa.select(col(Ticket.address_id)).where(col(Ticket.state) == "open")
    return sa.select(col(AddressRow.id)).where(
        last < now - CONTACT_KEPT,
        col(AddressRow.person_id).is_(None),
        col(AddressRow.sealed) != b"",
        col(AddressRow.id).not_in(open_tickets),
        col(AddressRow.id).not_in(sa.select(col(Officer.address_id))),
    )


def forget_silent(session: Session, office: Office, now: datetime, limit: int = 20) -> int:
    """Those are erased whole; how many."""
    found = list(session.execute(_silent(now).limit(limit)).scalars())
    for address_id in found:
        erase(session, office, address_id, now)
    return len(found)
