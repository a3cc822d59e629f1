"""Erasure: someone's words, names and handles go, wherever they stand; that something happened on a day stays."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.audit import AuditLine, AuditText
from bot.conversations import NotedReply, Question, close_all
from bot.desk import mentions
from bot.office import Office
from channels import attachments, directory
from channels.directory import AddressRow, Consent, Person, Proof
from channels.mailbox import TROUBLED_OUT, UNFINISHED_OUT, AttachmentRow, EarlyReceipt, InboxRow, OutboxRow
from channels.vault import WrongKey
from escalation import answering
from escalation.partners import PartnerReply, PartnerRequest
from escalation.tickets import Ticket, TicketMessage, TicketReply
from knowledge import drafts
from knowledge.drafts import EntryDraft
from scheduler import agenda
from scheduler.agenda import AgendaItem, Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Committee, Reminder, Seat
from scheduler.feeds import Feed
from scheduler.preparation import Preparation, PreparationView, PreparationVote

ERASED = "(effacé)"
WHY = "données effacées"
READ_IN = {"text": ERASED, "subject": "", "thread": "", "token": "", "warnings": [], "reason": ""}
SAID = {
    "text": ERASED, "subject": "", "thread": "", "token": "", "rest": "", "reason": "", "filled": {}, "choices": [],
    "provider_id": "",
}  # fmt: skip


def erase_person(session: Session, office: Office, person: Person, address_ids: Sequence[int], now: datetime) -> None:
    """A person and each of their addresses; whoever asked for it writes the line of the trail."""
    for each in address_ids:
        row = session.get(AddressRow, each)
        if row is not None and row.person_id is not None:  # a number to call goes with the last address
            _erase(session, office, row, now)
    if person.name != ERASED:
        _forget_person(session, office, person, now)
    session.flush()
    finish(session, now)


def erase(session: Session, office: Office, address_id: int, now: datetime, actor: str = "") -> None:
    """Take out every word from and to this address, and whom it belongs to; figures stay. The handle goes by `finish`.

    Goes: messages, attachments, questions, tickets' words and what was written around them, entries begun from them,
    consents, codes, the audit trail's words. When this was the person's last address: their name, wherever the program
    or the team wrote it, numbers to call, notes of calls, whom they sent in their place, their dates and calendar.
    Stays: that a question was asked on a day, by which channel, for which council; that somebody came to a meeting;
    what a meeting decided; published entries; what others wrote, as long as theirs is kept.
    """
    row = session.get(AddressRow, address_id)
    assert row is not None
    _erase(session, office, row, now)
    audit.append(session, now, actor or f"asker:{address_id}", "erased", f"address:{address_id}")


def _erase(session: Session, office: Office, row: AddressRow, now: datetime) -> None:
    assert row.id is not None
    tickets = sa.select(col(Ticket.id)).where(col(Ticket.address_id) == row.id)
    handle = _handle(office, row)
    _trail(session, row.id, tickets)
    _messages(session, row.id, tickets)
    _around(session, row.id, tickets)
    _tickets(session, row.id, tickets, now)
    if handle:
        mentions.strike(session, handle, ERASED)
    attachments.detach(
        session,
        sa.select(col(OutboxRow.id)).where(_about(row.id, tickets), col(OutboxRow.text) == ERASED),
    )
    attachments.sweep(session)
    close_all(session, row.id, now)
    person = directory.person_at(session, row.id)
    row.person_id, row.pause_reason, row.bounces = None, "", 0
    row.erasing_at, row.generation = now, row.generation + 1
    session.add(row)
    session.flush()
    if person is not None and person.name != ERASED and not _reached(session, person):
        _forget_person(session, office, person, now)


def _handle(office: Office, row: AddressRow) -> str:
    """The handle, where it is long enough to be searched for in what was written."""
    try:
        handle = directory.opened(office.vault, row).handle if row.sealed else ""
    except WrongKey:
        return ""
    return handle if len(handle) >= 8 else ""


def _reached(session: Session, person: Person) -> bool:
    """Whether the person has another address; a number to call alone is none."""
    query = select(AddressRow.id).where(AddressRow.person_id == person.id, AddressRow.channel != "phone")
    return session.exec(query.limit(1)).first() is not None


def _about(address_id: int, tickets: "sa.Select[Any]") -> Any:
    """Messages of ours to this address, and about its questions to anybody."""
    return (col(OutboxRow.address_id) == address_id) | col(OutboxRow.ticket_id).in_(tickets)


def _trail(session: Session, address_id: int, tickets: "sa.Select[Any]") -> None:
    """The trail's words about this address, its questions and the messages about them."""
    messages = sa.select(sa.literal("outbox:") + sa.cast(col(OutboxRow.id), sa.String)).where(
        _about(address_id, tickets)
    )
    asked = sa.select(sa.literal("ticket:") + sa.cast(tickets.subquery().c.id, sa.String))
    lines = sa.select(col(AuditLine.id)).where(
        sa.or_(
            col(AuditLine.subject) == f"address:{address_id}",
            col(AuditLine.subject).in_(asked),
            col(AuditLine.subject).in_(messages),
        )
    )
    session.execute(sa.delete(AuditText).where(col(AuditText.line_id).in_(lines)))


def _messages(session: Session, address_id: int, tickets: "sa.Select[Any]") -> None:
    """What was written from and to this address, what officers and partners wrote about it, and the files of it all."""
    mine = col(InboxRow.address_id) == address_id
    inbox = sa.select(col(InboxRow.id)).where(mine)
    relayed = sa.select(col(TicketReply.inbox_id)).where(col(TicketReply.ticket_id).in_(tickets))
    tokens = sa.select(col(OutboxRow.token)).where(col(OutboxRow.ticket_id).in_(tickets), col(OutboxRow.token) != "")
    about = _about(address_id, tickets)
    reports = sa.select(col(OutboxRow.provider_id)).where(about, col(OutboxRow.provider_id) != "")
    for statement in (
        sa.delete(AttachmentRow).where(
            col(AttachmentRow.inbox_id).in_(inbox) | col(AttachmentRow.ticket_id).in_(tickets)
        ),
        sa.update(InboxRow).where(mine, col(InboxRow.state).in_(("waiting", "held"))).values(state="dropped"),
        sa.update(InboxRow)  # replies to letters about these questions, also those of a chat that were sent on as one
        .where(
            ~mine,
            sa.or_(
                col(InboxRow.id).in_(relayed),
                col(InboxRow.id).in_(answering.mails_of_partners(tickets)),
                col(InboxRow.token).in_(tokens),
            ),
        )
        .values(READ_IN),
        sa.update(InboxRow)
        .where(mine)
        .values(READ_IN | {"external_id": "erased:" + sa.cast(col(InboxRow.id), sa.String)}),
        sa.delete(EarlyReceipt).where(col(EarlyReceipt.provider_id).in_(reports)),
        sa.update(OutboxRow).where(about, col(OutboxRow.state).not_in(UNFINISHED_OUT)).values(SAID),
        sa.update(OutboxRow)
        .where(about, col(OutboxRow.state).in_(("waiting", *TROUBLED_OUT)))
        .values(SAID | {"state": "dropped", "reason": WHY}),
    ):
        session.execute(statement)


def _around(session: Session, address_id: int, tickets: "sa.Select[Any]") -> None:
    """Consents, codes, what can be taken back; and, of a partner, what they were asked and what they wrote."""
    asked = list(session.exec(select(PartnerRequest.id).where(PartnerRequest.address_id == address_id)).all())
    for statement in (
        sa.update(Question)
        .where(col(Question.address_id) == address_id)
        .values(text=ERASED, candidates=[], nearest=""),
        sa.delete(NotedReply).where(col(NotedReply.address_id) == address_id),
        sa.delete(Consent).where(col(Consent.address_id) == address_id),
        sa.delete(Proof).where((col(Proof.address_id) == address_id) | (col(Proof.target_id) == address_id)),
        sa.update(Committee).where(col(Committee.organiser_address_id) == address_id).values(organiser_address_id=None),
        sa.update(PartnerReply).where(col(PartnerReply.request_id).in_(asked)).values(text=ERASED, note=""),
        sa.update(PartnerRequest).where(col(PartnerRequest.id).in_(asked)).values(name=ERASED, state="closed"),
    ):
        session.execute(statement)
    for number in asked:  # what the officers were told of it
        session.execute(
            sa.update(OutboxRow)
            .where(col(OutboxRow.key).startswith(f"partner:{number}:"), col(OutboxRow.state) != "sending")
            .values(SAID)
        )


def _tickets(session: Session, address_id: int, tickets: "sa.Select[Any]", now: datetime) -> None:
    forget_begun(session, tickets)
    answering.forget_words(session, tickets, ERASED)
    for statement in (
        sa.update(TicketMessage).where(col(TicketMessage.ticket_id).in_(tickets)).values(text=ERASED),
        sa.update(TicketReply).where(col(TicketReply.ticket_id).in_(tickets)).values(text=ERASED, reason=""),
        sa.update(Ticket)
        .where(col(Ticket.address_id) == address_id)
        .values(
            question=ERASED, subject="", thread="", why="", candidates=[], state="closed", closed_at=now,
            closed_reason=WHY,
        ),
    ):  # fmt: skip
        session.execute(statement)


def forget_begun(session: Session, tickets: "Sequence[int] | sa.Select[Any]") -> None:
    """What was made of these questions and is nobody's work yet: points of an agenda, entries that were only begun."""
    session.execute(
        sa.delete(EntryDraft).where(
            col(EntryDraft.ticket_id).in_(tickets), col(EntryDraft.state).in_((*drafts.OPEN, "dropped"))
        )
    )
    asked = session.execute(
        sa.select(col(Preparation.meeting_id), col(Ticket.question))
        .join(Preparation, col(Preparation.committee_id) == col(Ticket.committee_id))
        .where(col(Ticket.id).in_(tickets), col(Preparation.meeting_id).is_not(None))
    ).all()
    for meeting_id, question in asked:
        point = (col(AgendaItem.committee_id) == meeting_id) & (col(AgendaItem.received) == agenda.words_of(question))
        session.execute(sa.delete(AgendaItem).where(point, col(AgendaItem.plain) == ""))
        session.execute(sa.update(AgendaItem).where(point).values(received=ERASED))


def _forget_person(session: Session, office: Office, person: Person, now: datetime) -> None:
    """The name, and what is known of their part in meetings; their number to call and its tickets."""
    assert person.id is not None
    name, mine = person.name, person.id
    person.name, person.preferred_channel, person.language = ERASED, "", "fr"
    session.add(person)
    for row in session.exec(select(AddressRow).where(AddressRow.person_id == mine)).all():
        _erase(session, office, row, now)
    lines = sa.select(col(AuditLine.id)).where(col(AuditLine.subject) == f"person:{mine}")
    for statement in (
        sa.delete(CallNote).where(col(CallNote.person_id) == mine),
        sa.delete(PreparationVote).where(col(PreparationVote.person_id) == mine),
        sa.delete(PreparationView).where(col(PreparationView.person_id) == mine),
        sa.delete(Feed).where(col(Feed.person_id) == mine),
        sa.update(Attendance)
        .where(col(Attendance.person_id) == mine)
        .values(alternate="", alternate_id=None, ticket_id=None),
        sa.update(Attendance).where(col(Attendance.alternate_id) == mine).values(alternate=ERASED, alternate_id=None),
        sa.update(Reminder).where(col(Reminder.person_id) == mine, col(Reminder.call) != "").values(call=ERASED),
        sa.update(Decision).where(col(Decision.person_id) == mine).values(person_id=None, author=""),
        sa.update(Seat)  # nobody sits there any more
        .where(col(Seat.person_id) == mine, col(Seat.until).is_(None))
        .values(until=now),
        sa.delete(AuditText).where(col(AuditText.line_id).in_(lines)),
    ):
        session.execute(statement)
    if " " in name.strip():  # one word alone may be any word
        mentions.strike(session, name, ERASED)


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
        assert row.id is not None
        about = _about(row.id, sa.select(col(Ticket.id)).where(col(Ticket.address_id) == row.id))
        attachments.detach(session, sa.select(col(OutboxRow.id)).where(about))
        session.execute(sa.update(OutboxRow).where(about, col(OutboxRow.text) != ERASED).values(SAID))
        row.blind, row.sealed, row.erasing_at = f"erased:{row.id}", b"", None
        row.stopped_at = now
        session.add(row)
