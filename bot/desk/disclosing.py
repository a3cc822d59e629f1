"""All that is kept about a person, to hand to them (GDPR, art. 15 and 20): words, and what is known of each file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.audit import AuditLine
from bot.conversations import NotedReply, Prompt, Question
from bot.office import Office
from channels import directory
from channels.attachments import FileRow, OutboxAttachmentRow
from channels.directory import AddressRow, Consent, Council, Person, Proof
from channels.mailbox import AttachmentRow, InboxRow, OutboxRow
from escalation.answering import TicketDraft, TicketNote
from escalation.partners import PartnerReply, PartnerRequest
from escalation.tickets import Ticket, TicketMessage, TicketReply
from scheduler.agenda import Decision
from scheduler.attendance import Attendance, CallNote
from scheduler.committees import Committee, Reminder, Seat
from scheduler.feeds import Feed
from scheduler.preparation import PreparationDate, PreparationView, PreparationVote

MOST_LINES = 1000  # of the trail


@dataclass(frozen=True)
class Subject:
    """The person, and what the other tables know them by."""

    session: Session
    office: Office
    person: Person
    rows: Sequence[AddressRow]
    tickets: Sequence[Ticket]

    @property
    def addresses(self) -> list[int | None]:
        return [row.id for row in self.rows]

    @property
    def numbers(self) -> list[int | None]:
        return [ticket.id for ticket in self.tickets]

    def when(self, moment: datetime | None) -> str | None:
        return moment.astimezone(self.office.zone).isoformat(timespec="seconds") if moment else None

    def all(self, table: Any, *where: Any) -> Sequence[Any]:
        return self.session.exec(select(table).where(*where).order_by(*table.__table__.primary_key)).all()


def all_of(session: Session, office: Office, person: Person) -> dict[str, Any]:
    """Everything that is kept about a person, by kind, in words that they can read and a program can too."""
    rows = session.exec(select(AddressRow).where(AddressRow.person_id == person.id).order_by(col(AddressRow.id))).all()
    mine = [row.id for row in rows]
    asked = session.exec(select(Ticket).where(col(Ticket.address_id).in_(mine)).order_by(col(Ticket.id))).all()
    one = Subject(session, office, person, rows, asked)
    return {
        "personne": _person(one),
        "adresses": [_address(one, row) for row in rows],
        "accords": [
            {"pour": each.what, "donné": one.when(each.given_at), "repris": one.when(each.withdrawn_at)}
            for each in one.all(Consent, col(Consent.address_id).in_(mine))
        ],
        "codes envoyés": [
            {"pour": each.purpose, "le": one.when(each.sent_at), "prouvé": one.when(each.proven_at)}
            for each in one.all(Proof, col(Proof.address_id).in_(mine) | col(Proof.target_id).in_(mine))
        ],
        "messages reçus": [
            {"le": one.when(each.heard_at), "canal": each.channel, "objet": each.subject or None, "texte": each.text}
            for each in one.all(InboxRow, col(InboxRow.address_id).in_(mine))
        ],
        "messages envoyés": [
            {
                "le": one.when(each.sent_at or each.created_at), "canal": each.channel, "objet": each.subject or None,
                "texte": each.text + (f"\n{each.rest}" if each.rest else ""), "état": each.state,
                "raison": each.reason or None,
            }
            for each in one.all(OutboxRow, col(OutboxRow.address_id).in_(mine))
        ],
        "fichiers": [*_files_received(one), *_files_sent(one)],
        "questions": [
            {"le": one.when(each.asked_at), "texte": each.text, "suite": each.decision, "utile": _yes(each.useful)}
            for each in one.all(Question, col(Question.address_id).in_(mine))
        ],
        "questions transmises": [_ticket(one, each) for each in asked],
        "demandes reçues comme partenaire": [_asked_as_partner(one, each) for each in _requests(one)],
        "ce que le programme vous demande": [
            {"quoi": each.kind, "le": one.when(each.opened_at), "répondu": one.when(each.closed_at)}
            for each in one.all(Prompt, col(Prompt.address_id).in_(mine))
        ],
        "réponses que l'on peut reprendre": [
            {"quoi": each.what, "le": one.when(each.noted_at), "reprise": one.when(each.undone_at)}
            for each in one.all(NotedReply, col(NotedReply.address_id).in_(mine))
        ],
        **_meetings(one),
        "journal": _trail(one),
    }  # fmt: skip


def _yes(value: bool | None) -> str | None:
    return None if value is None else "oui" if value else "non"


def _person(one: Subject) -> dict[str, Any]:
    person = one.person
    council = one.session.get(Council, person.council_id) if person.council_id else None
    return {
        "nom": person.name, "type": person.kind, "conseil": council.name if council else None,
        "langue": person.language, "canal préféré": person.preferred_channel or None,
        "depuis": one.when(person.created_at),
    }  # fmt: skip


def _address(one: Subject, row: AddressRow) -> dict[str, Any]:
    return {
        "canal": row.channel, "adresse": directory.opened(one.office.vault, row).handle if row.sealed else None,
        "depuis": one.when(row.created_at), "dernier message": one.when(row.last_heard_at),
        "vérifiée": one.when(row.verified_at), "STOP": one.when(row.stopped_at), "en pause": one.when(row.paused_at),
        "pourquoi": row.pause_reason or None,
    }  # fmt: skip


def _files_received(one: Subject) -> Iterable[dict[str, Any]]:
    found = one.session.execute(
        sa.select(col(InboxRow.heard_at), col(AttachmentRow.filename), col(AttachmentRow.content_type),
                  col(AttachmentRow.size))
        .join(InboxRow, col(InboxRow.id) == col(AttachmentRow.inbox_id))
        .where(col(InboxRow.address_id).in_(one.addresses) | col(AttachmentRow.ticket_id).in_(one.numbers))
        .order_by(col(AttachmentRow.id))
    )  # fmt: skip
    for at, name, kind, size in found:
        yield {"sens": "reçu", "le": one.when(at), "nom": name, "type": kind, "octets": size}


def _files_sent(one: Subject) -> Iterable[dict[str, Any]]:
    found = one.session.execute(
        sa.select(col(OutboxRow.created_at), col(OutboxAttachmentRow.filename), col(OutboxAttachmentRow.content_type),
                  col(FileRow.size))
        .join(OutboxRow, col(OutboxRow.id) == col(OutboxAttachmentRow.outbox_id))
        .join(FileRow, col(FileRow.id) == col(OutboxAttachmentRow.file_id))
        .where(col(OutboxRow.address_id).in_(one.addresses))
        .order_by(col(OutboxAttachmentRow.id))
    )  # fmt: skip
    for at, name, kind, size in found:
        yield {"sens": "envoyé", "le": one.when(at), "nom": name, "type": kind, "octets": size}


def _ticket(one: Subject, ticket: Ticket) -> dict[str, Any]:
    def texts(table: Any, *where: Any) -> list[str]:
        return [each.text for each in one.all(table, table.ticket_id == ticket.id, *where)]

    return {
        "numéro": ticket.id, "le": one.when(ticket.opened_at), "objet": ticket.subject or None,
        "texte": ticket.question, "état": ticket.state, "pourquoi": ticket.why or None,
        "fermée": ticket.closed_reason or None,
        "ajouts": texts(TicketMessage),
        "réponses": texts(TicketReply, TicketReply.state == "sent"),
        "réponses non envoyées": texts(TicketReply, TicketReply.state != "sent") + texts(TicketDraft),
        "notes de l'équipe": texts(TicketNote),
        "demandé à des partenaires": [
            words
            for each in one.all(PartnerRequest, PartnerRequest.ticket_id == ticket.id)
            for words in (f"{each.name} : {each.text}", *(f"réponse : {text}" for text in _replies(one, each)))
        ],
    }  # fmt: skip


def _requests(one: Subject) -> Sequence[PartnerRequest]:
    return one.all(PartnerRequest, col(PartnerRequest.address_id).in_(one.addresses))


def _replies(one: Subject, request: PartnerRequest) -> list[str]:
    return [each.text for each in one.all(PartnerReply, PartnerReply.request_id == request.id)]


def _asked_as_partner(one: Subject, request: PartnerRequest) -> dict[str, Any]:
    return {
        "le": one.when(request.asked_at), "nom": request.name, "état": request.state,
        "réponses": _replies(one, request),
    }  # fmt: skip


def _meetings(one: Subject) -> dict[str, Any]:
    """Seats, answers, calls, dates, decisions and the calendar link of someone who sits on committees."""
    mine = one.person.id
    councils = dict(one.session.exec(select(Council.id, Council.name)).all())
    meetings: dict[int, str] = {}

    def meeting(number: int) -> str:
        if number not in meetings:
            found = one.session.get(Committee, number)
            meetings[number] = f"{found.title}, {one.office.when(found.starts_at)}" if found else str(number)
        return meetings[number]

    voted = one.session.exec(
        select(PreparationDate)
        .join(PreparationVote, col(PreparationVote.date_id) == col(PreparationDate.id))
        .where(PreparationVote.person_id == mine)
        .order_by(col(PreparationDate.id))
    ).all()
    return {
        "sièges": [
            {
                "conseil": councils.get(each.council_id), "comité": each.committee_kind, "place": each.role,
                "depuis": one.when(each.since), "jusqu'à": one.when(each.until),
            }
            for each in one.all(Seat, Seat.person_id == mine)
        ],
        "réunions": [
            {
                "réunion": meeting(each.committee_id), "réponse": each.answer or None, "le": one.when(each.said_at),
                "remplacement": each.alternate or None, "venue": _yes(each.came),
            }
            for each in one.all(Attendance, Attendance.person_id == mine)
        ],
        "rappels": [
            {
                "réunion": meeting(each.committee_id), "étape": each.step, "le": one.when(each.posted_at),
                "canal": each.channel or None, "à appeler": each.call or None,
            }
            for each in one.all(Reminder, Reminder.person_id == mine)
        ],
        "appels de l'équipe": [
            {
                "réunion": meeting(each.committee_id), "le": one.when(each.noted_at), "suite": each.outcome,
                "note": each.text or None,
            }
            for each in one.all(CallNote, CallNote.person_id == mine)
        ],
        "dates choisies pour une préparation": [
            {"réunion": meeting(each.committee_id), "date": one.when(each.starts_at)} for each in voted
        ],
        "avis sur une préparation": [
            {"réunion": meeting(each.committee_id), "servie": each.served, "le": one.when(each.said_at)}
            for each in one.all(PreparationView, PreparationView.person_id == mine)
        ],
        "décisions rapportées": [
            {"réunion": meeting(each.committee_id), "le": one.when(each.reported_at), "texte": each.text}
            for each in one.all(Decision, Decision.person_id == mine)
        ],
        "réunions organisées": [
            {"réunion": meeting(each.id)}
            for each in one.all(Committee, col(Committee.organiser_address_id).in_(one.addresses))
        ],
        "calendrier suivi": [
            {"depuis": one.when(each.made_at), "lu": one.when(each.read_at)}
            for each in one.all(Feed, Feed.person_id == mine)
        ],
    }  # fmt: skip


def _trail(one: Subject) -> list[dict[str, Any]]:
    """What was done about them, the newest first: when and what, not by whom in the team."""
    about = [
        f"person:{one.person.id}",
        *(f"address:{number}" for number in one.addresses),
        *(f"ticket:{number}" for number in one.numbers),
    ]
    lines = one.session.exec(
        select(AuditLine).where(col(AuditLine.subject).in_(about)).order_by(col(AuditLine.id).desc()).limit(MOST_LINES)
    ).all()
    return [{"le": one.when(line.at), "quoi": line.act, "sur": line.subject} for line in lines]
