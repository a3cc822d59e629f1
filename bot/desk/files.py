"""Files that came with a message: kept while someone may need them, shown to the officer, passed on to the asker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.office import Office
from channels import admission, recordings
from channels.contract import Attachment
from channels.mailbox import AttachmentRow, InboxRow
from escalation import officers
from escalation.officers import Officer
from escalation.tickets import Ticket, TicketReply

SEALED_AS = "attachment"
BY_MAIL = 5_000_000  # bytes of files that go into a notice
STANDING = "image dans le texte, un logo peut-être ; pour l'envoyer, joignez-la"
LISTENED_TO = "Je ne sais pas écouter un message vocal : une personne de l'équipe l'écoutera."
MOST_TOLD = 4  # lines about files, to the one who sent them
UNREADABLE = "votre message, gardé tel quel"


@dataclass(frozen=True)
class File:
    """One file of a question, as a page lists it."""

    id: int
    filename: str
    content_type: str
    size: int  # bytes


def keep(session: Session, office: Office, inbox_id: int, attachments: Sequence[Attachment]) -> None:
    """Seal the files of a message that was just kept; `tie` and `settle` say later whether they stay."""
    for file in attachments:
        session.add(
            AttachmentRow(
                inbox_id=inbox_id,
                filename=file.filename.replace("\0", "").encode("utf-8", "replace").decode()[:200],
                content_type=file.content_type[:100],
                size=len(file.content),
                sealed=office.vault.seal(file.content, SEALED_AS),
                inline=file.inline,
            )
        )


def tie(session: Session, inbox_ids: Sequence[int], ticket_id: int) -> None:
    """What came with these messages belongs to a question that a person answers."""
    session.execute(
        sa.update(AttachmentRow)
        .where(col(AttachmentRow.inbox_id).in_(inbox_ids), col(AttachmentRow.ticket_id).is_(None))
        .values(ticket_id=ticket_id)
    )


def tie_reply(session: Session, inbox_ids: Sequence[int], ticket_id: int) -> None:
    """What came with an officer's reply belongs to its last message, which the reply names, and stays as long."""
    session.execute(
        sa.update(AttachmentRow)
        .where(col(AttachmentRow.inbox_id).in_(inbox_ids), col(AttachmentRow.ticket_id).is_(None))
        .values(ticket_id=ticket_id, inbox_id=inbox_ids[-1])
    )


def settle(session: Session, inbox_ids: Sequence[int], question_id: int | None) -> None:
    """What came with messages that need no person waits for a follow-up to the question; `let_go` takes it out."""
    if question_id is not None:
        session.execute(
            sa.update(AttachmentRow)
            .where(col(AttachmentRow.inbox_id).in_(inbox_ids), col(AttachmentRow.ticket_id).is_(None))
            .values(question_id=question_id)
        )


def of_question(session: Session, question_id: int | None) -> list[int]:
    """The messages (inbox) whose files wait with a question that the program answered."""
    return list(
        session.exec(
            select(AttachmentRow.inbox_id)
            .where(AttachmentRow.question_id == question_id, col(AttachmentRow.ticket_id).is_(None))
            .distinct()
            .order_by(col(AttachmentRow.inbox_id))
        ).all()
    )


def unasked(session: Session, address_id: int, since: datetime) -> list[int]:
    """The messages of this address whose files came without a question of their own."""
    return list(
        session.exec(
            select(AttachmentRow.inbox_id)
            .join(InboxRow, col(InboxRow.id) == col(AttachmentRow.inbox_id))
            .where(
                InboxRow.address_id == address_id,
                col(InboxRow.received_at) > since,
                col(AttachmentRow.question_id).is_(None),
                col(AttachmentRow.ticket_id).is_(None),
            )
            .distinct()
            .order_by(col(AttachmentRow.inbox_id))
        ).all()
    )


def not_asked_about(handled_before: datetime) -> "sa.Select[Any]":
    """The files (ids) of messages that were dealt with by then, and are no part of a person's question."""
    return (
        sa.select(col(AttachmentRow.id))
        .join(InboxRow, col(InboxRow.id) == col(AttachmentRow.inbox_id))
        .where(
            col(AttachmentRow.ticket_id).is_(None),
            col(InboxRow.state).in_(("handled", "dropped")),
            sa.func.coalesce(col(InboxRow.handled_at), col(InboxRow.received_at)) < handled_before,
        )
    )


def let_go(session: Session, handled_before: datetime, limit: int) -> int:
    """Take out the files that nobody asked a person about in time; how many."""
    ids = list(session.execute(not_asked_about(handled_before).limit(limit)).scalars())
    session.execute(sa.delete(AttachmentRow).where(col(AttachmentRow.id).in_(ids)))
    return len(ids)


def of_ticket(session: Session, ticket_id: int) -> list[File]:
    """The files of a question, oldest first; not those of our replies to it."""
    replies = sa.select(col(TicketReply.inbox_id)).where(
        col(TicketReply.ticket_id) == ticket_id, col(TicketReply.inbox_id).is_not(None)
    )
    rows = session.execute(
        sa.select(
            col(AttachmentRow.id), col(AttachmentRow.filename), col(AttachmentRow.content_type), col(AttachmentRow.size)
        )
        .where(col(AttachmentRow.ticket_id) == ticket_id, col(AttachmentRow.inbox_id).not_in(replies))
        .order_by(col(AttachmentRow.id))
    ).all()
    return [File(*row) for row in rows]


@dataclass(frozen=True)
class Passed:
    """What of a reply's files goes to the asker, and a line for each that does not."""

    files: tuple[Attachment, ...] = ()
    left: tuple[str, ...] = ()


def to_pass_on(session: Session, office: Office, inbox_ids: Sequence[int]) -> Passed:
    """The files that an officer joined to a reply: those that were admitted, save pictures that stand in its text."""
    rows = session.exec(
        select(AttachmentRow).where(col(AttachmentRow.inbox_id).in_(inbox_ids)).order_by(col(AttachmentRow.id))
    ).all()
    going, left = [], []
    for row in rows:
        if row.content_type not in admission.ENDINGS:
            left.append(f"{row.filename} ({UNREADABLE})")
        elif row.inline:
            left.append(f"{row.filename} ({STANDING})")
        else:
            going.append(Attachment(row.filename, row.content_type, office.vault.open(row.sealed, SEALED_AS)))
    for warnings in session.exec(select(InboxRow.warnings).where(col(InboxRow.id).in_(inbox_ids))).all():
        left += [warning for warning in warnings if admission.is_note(warning)]
    return Passed(tuple(going), tuple(left))


def in_words(session: Session, inbox_ids: Sequence[int]) -> str:
    """What came with these messages, and what of it was not kept, a line each; empty when nothing came."""
    files = session.execute(
        sa.select(col(AttachmentRow.filename), col(AttachmentRow.size))
        .where(col(AttachmentRow.inbox_id).in_(inbox_ids))
        .order_by(col(AttachmentRow.id))
    ).all()
    lines = [f"Avec : {admission.listed((name, size) for name, size in files)}"] if files else []
    for warnings in session.exec(select(InboxRow.warnings).where(col(InboxRow.id).in_(inbox_ids))).all():
        lines += [f"À savoir : {warning}." for warning in warnings if admission.is_note(warning)]
    return "\n".join(lines)


def for_the_asker(session: Session, inbox_ids: Sequence[int]) -> str:
    """What whoever sent files should know: a person listens to a recording, and what could not be kept, and why."""
    kinds = session.exec(select(AttachmentRow.content_type).where(col(AttachmentRow.inbox_id).in_(inbox_ids))).all()
    lines = [LISTENED_TO] if any(kind in recordings.ENDINGS for kind in kinds) else []
    for warnings in session.exec(select(InboxRow.warnings).where(col(InboxRow.id).in_(inbox_ids))).all():
        names = (warning.partition(" : ")[2] for warning in warnings if admission.is_note(warning))
        lines += [f"Je n'ai pas pu garder {name}." for name in names]
    return "\n".join(lines[:MOST_TOLD])


def instead_of_words(session: Session, inbox_ids: Sequence[int]) -> str:
    """What stands for the words of a message that has none."""
    kinds = session.exec(select(AttachmentRow.content_type).where(col(AttachmentRow.inbox_id).in_(inbox_ids))).all()
    return "(message vocal, à écouter)" if any(kind in recordings.ENDINGS for kind in kinds) else "(pas de texte)"


def small(session: Session, office: Office, inbox_ids: Sequence[int]) -> tuple[Attachment, ...]:
    """The files of these messages, in the clear, as long as they fit into a mail."""
    rows = session.exec(
        select(AttachmentRow).where(col(AttachmentRow.inbox_id).in_(inbox_ids)).order_by(col(AttachmentRow.id))
    ).all()
    fitting, room = [], BY_MAIL
    for row in rows:
        if row.size <= room:
            fitting.append(Attachment(row.filename, row.content_type, office.vault.open(row.sealed, SEALED_AS)))
            room -= row.size
    return tuple(fitting)


def attachment(session: Session, office: Office, by: Officer, id: int, now: datetime) -> tuple[str, str, bytes]:
    """A file's name, type and bytes, for an officer who may see its question; LookupError otherwise.

    The page that hands it on says `Content-Disposition: attachment`, `nosniff`, and a CSP of `sandbox`.
    """
    row = session.get(AttachmentRow, id)
    ticket = session.get(Ticket, row.ticket_id) if row and row.ticket_id else None
    if row is None or ticket is None or not officers.may_see(session, by, ticket.council_id, office.date_of(now)):
        raise LookupError(f"no file {id} for this officer")
    audit.append(session, now, f"officer:{by.id}", "file opened", f"ticket:{ticket.id}", ticket.council_id)
    return row.filename, row.content_type, office.vault.open(row.sealed, SEALED_AS)
