"""Files that go with a message of ours: each distinct content is kept once, sealed, however many messages carry it."""

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from channels.contract import Attachment, Carried
from channels.vault import Vault

SEALED_AS = "file"


class FileRow(SQLModel, table=True):
    """One content, sealed. Its mark (an HMAC) finds it again, and tells nothing to whoever has the database alone."""

    __tablename__ = "files"
    id: int | None = Field(default=None, primary_key=True)
    mark: str = Field(unique=True)
    size: int  # bytes
    sealed: bytes
    kept_at: datetime


class OutboxAttachmentRow(SQLModel, table=True):
    """A message of ours carries a file; it goes with the message, and the file with the last that carries it."""

    __tablename__ = "outbox_attachments"
    id: int | None = Field(default=None, primary_key=True)
    outbox_id: int = Field(foreign_key="outbox.id", ondelete="CASCADE", index=True)
    file_id: int = Field(foreign_key="files.id", index=True)
    filename: str
    content_type: str


def attach(session: Session, vault: Vault | None, carried: Mapping[int, Sequence[Attachment]], now: datetime) -> None:
    """Keep the files of these outbox messages (by id), in the order given."""
    if not any(carried.values()):
        return
    if vault is None:
        raise ValueError("a message with attachments is posted with the vault that seals them")
    kept = _keep(session, vault, {each.content for files in carried.values() for each in files}, now)
    rows = [
        {
            "outbox_id": outbox_id,
            "file_id": kept[each.content],
            "filename": each.filename[:200],
            "content_type": each.content_type[:100],
        }
        for outbox_id, attachments in carried.items()
        for each in attachments
    ]
    session.execute(sa.insert(OutboxAttachmentRow), rows)


def _keep(session: Session, vault: Vault, contents: Collection[bytes], now: datetime) -> dict[bytes, int]:
    """The id of each content, kept if it is new, and held (FOR KEY SHARE) so that no sweep takes it meanwhile.

    Three statements however many there are: a morning's letters carry hundreds, and nobody else may write meanwhile.
    """
    vault = vault.still()
    marks = {content: marks_of(vault, content) for content in contents}
    content_of = {mark: content for content, theirs in marks.items() for mark in theirs}
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[session.get_bind().dialect.name]
    table = FileRow.__table__  # type: ignore[attr-defined]
    kept: dict[bytes, int] = {}
    while missing := [content for content in marks if content not in kept]:
        known = sa.select(table.c.id, table.c.mark).where(
            table.c.mark.in_([m for each in missing for m in marks[each]])
        )
        held = known.order_by(table.c.mark).with_for_update(read=True, key_share=True)
        for id, mark in session.execute(held):
            kept.setdefault(content_of[mark], id)
        new = [content for content in missing if content not in kept]
        if new:  # in the order of their marks: of two who keep the same files, none waits for the other in a circle
            values = [
                {"mark": marks[each][0], "size": len(each), "sealed": vault.seal(each, SEALED_AS), "kept_at": now}
                for each in sorted(new, key=lambda each: marks[each][0])
            ]
            session.execute(dialect.insert(table).on_conflict_do_nothing(), values)
    return kept


def marks_of(vault: Vault, content: bytes) -> list[str]:
    """By what a content is found again: its mark under the current secret, then under those before."""
    return [hmac.new(key, content, sha256).hexdigest() for key in vault.keys("files")]


def attached(session: Session, vault: Vault, outbox_id: int) -> tuple[Attachment, ...]:
    """The files that a message carries, in the order in which they were given."""
    rows = session.execute(
        sa.select(col(OutboxAttachmentRow.filename), col(OutboxAttachmentRow.content_type), col(FileRow.sealed))
        .join(FileRow, col(FileRow.id) == col(OutboxAttachmentRow.file_id))
        .where(col(OutboxAttachmentRow.outbox_id) == outbox_id)
        .order_by(col(OutboxAttachmentRow.id))
    ).all()
    return tuple(Attachment(name, kind, vault.open(sealed, SEALED_AS)) for name, kind, sealed in rows)


def names(session: Session, outbox_ids: Iterable[int]) -> dict[int, tuple[Carried, ...]]:
    """What each of these messages carries, by name; the contents stay where they are."""
    rows = session.execute(
        sa.select(
            col(OutboxAttachmentRow.outbox_id),
            col(OutboxAttachmentRow.id),
            col(OutboxAttachmentRow.filename),
            col(FileRow.size),
        )
        .join(FileRow, col(FileRow.id) == col(OutboxAttachmentRow.file_id))
        .where(col(OutboxAttachmentRow.outbox_id).in_(list(outbox_ids)))
        .order_by(col(OutboxAttachmentRow.id))
    ).all()
    found: dict[int, tuple[Carried, ...]] = {}
    for outbox_id, id, filename, size in rows:
        found[outbox_id] = (*found.get(outbox_id, ()), Carried(id, filename, size))
    return found


def opened(session: Session, vault: Vault, row: OutboxAttachmentRow) -> Attachment:
    """One of them, with its content."""
    file = session.get(FileRow, row.file_id)
    assert file is not None, "a file stays as long as a message carries it"
    return Attachment(row.filename, row.content_type, vault.open(file.sealed, SEALED_AS))


def detach(session: Session, outbox_ids: "Sequence[int] | sa.Select[Any]") -> None:
    """These messages carry nothing any more."""
    session.execute(sa.delete(OutboxAttachmentRow).where(col(OutboxAttachmentRow.outbox_id).in_(outbox_ids)))


def sweep(session: Session, limit: int = 200) -> int:
    """Take out the files that no message carries any more; how many.

    First locked, then looked at again: a message that is being posted holds its file, or finds it gone and keeps it.
    """
    lonely = ~sa.exists().where(col(OutboxAttachmentRow.file_id) == FileRow.id)
    ids = session.exec(
        select(FileRow.id).where(lonely).limit(limit).with_for_update(skip_locked=True, of=FileRow)
    ).all()
    if not ids:
        return 0
    gone = session.execute(sa.delete(FileRow).where(col(FileRow.id).in_(ids), lonely).returning(col(FileRow.id))).all()
    return len(gone)
