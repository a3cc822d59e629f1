"""Files that came with a question: kept while a person has to deal with it, shown to the officer, gone with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.office import Office
from channels import admission
from channels.contract import Attachment
from channels.mailbox import AttachmentRow, InboxRow
from escalation import officers
from escalation.officers import Officer
from escalation.tickets import Ticket

SEALED_AS = "attachment"
BY_MAIL = 5_000_000  # bytes of files that go into a notice


@dataclass(frozen=True)
class File:
    """One file of a question, as a page lists it."""

    id: int
    filename: str
    content_type: str
    size: int  # bytes


def keep(session: Session, office: Office, inbox_id: int, attachments: Sequence[Attachment]) -> None:
    """Seal the files of a message that was just kept; `settle` says later whether they stay."""
    for file in attachments:
        session.add(
            AttachmentRow(
                inbox_id=inbox_id,
                filename=file.filename.replace("\0", "").encode("utf-8", "replace").decode()[:200],
                content_type=file.content_type[:100],
                size=len(file.content),
                sealed=office.vault.seal(file.content, SEALED_AS),
            )
        )


def tie(session: Session, inbox_ids: Sequence[int], ticket_id: int) -> None:
    """What came with these messages belongs to a question that a person answers."""
    session.execute(
        sa.update(AttachmentRow)
        .where(col(AttachmentRow.inbox_id).in_(inbox_ids), col(AttachmentRow.ticket_id).is_(None))
        .values(ticket_id=ticket_id)
    )


def settle(session: Session, inbox_ids: Sequence[int]) -> None:
    """What came with messages that need no person is not kept."""
    session.execute(
        sa.delete(AttachmentRow).where(
            col(AttachmentRow.inbox_id).in_(inbox_ids), col(AttachmentRow.ticket_id).is_(None)
        )
    )


def of_ticket(session: Session, ticket_id: int) -> list[File]:
    """The files of a question, oldest first."""
    rows = session.execute(
        sa.select(
            col(AttachmentRow.id), col(AttachmentRow.filename), col(AttachmentRow.content_type), col(AttachmentRow.size)
        )
        .where(col(AttachmentRow.ticket_id) == ticket_id)
        .order_by(col(AttachmentRow.id))
    ).all()
    return [File(*row) for row in rows]


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
