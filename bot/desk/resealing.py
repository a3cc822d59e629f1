"""A new secret takes the place of the old one: every sealed row is sealed anew, a batch at a time; nothing is lost.

What is sealed begins with the sign of its secret, so a row under another secret is found without opening it, and going
on after an interruption needs no memory but the rows themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from bot import audit, tokens
from bot.desk import files, keys
from bot.office import Office
from channels import attachments, drawers
from channels.attachments import FileRow
from channels.directory import AddressRow
from channels.drawers import ChannelSecret
from channels.mailbox import AttachmentRow, OutboxRow
from channels.vault import Vault, WrongKey
from escalation.accounts import Credential, OfficerSession, RecoveryCode
from scheduler.feeds import Feed

ROWS = 200  # at most in one transaction
BYTES = 4 * 1024 * 1024  # and about so many of theirs: files are large, and a write holds SQLite
DOUBLE = "double:"  # an index that nobody looks for: its twin under the current secret is the one that is found


@dataclass(frozen=True)
class Sealed:
    """A column of sealed bytes: what tells its rows apart, what it is sealed as, and the index that goes with it."""

    name: str  # what `counts` calls it
    table: sa.Table
    column: str
    context: Callable[[Any], str]
    index: str = ""
    marks: Callable[[Vault, Any, bytes], str] | None = None  # the index under the current secret

    @property
    def id(self) -> sa.Column[Any]:
        return next(iter(self.table.primary_key.columns))

    def under_another(self, vault: Vault) -> sa.ColumnElement[bool]:
        sealed = self.table.c[self.column]
        begins = sa.func.substr(sealed, 1, len(vault.sign), type_=sa.LargeBinary())
        return sa.and_(sealed.is_not(None), sa.func.length(sealed) > 0, begins != vault.sign)


def _table(model: Any) -> sa.Table:
    found: sa.Table = model.__table__
    return found


KINDS: Sequence[Sealed] = (
    Sealed(
        "addresses",
        _table(AddressRow),
        "sealed",
        lambda row: str(row.channel),
        "blind",
        lambda vault, row, plain: vault.blind(row.channel, plain.decode()),
    ),
    Sealed("credentials", _table(Credential), "secret", lambda _row: keys.SEALED_AS),
    Sealed("pending", _table(Credential), "pending", lambda _row: keys.SEALED_AS),
    Sealed("sessions", _table(OfficerSession), "ticket", lambda _row: "session"),
    Sealed("drawers", _table(ChannelSecret), "sealed", lambda row: f"{drawers.SEALED_AS}:{row.channel}"),
    Sealed(
        "files",
        _table(FileRow),
        "sealed",
        lambda _row: attachments.SEALED_AS,
        "mark",
        lambda vault, _row, plain: attachments.marks_of(vault, plain)[0],
    ),
    Sealed("attachments", _table(AttachmentRow), "sealed", lambda _row: files.SEALED_AS),
)


@dataclass(frozen=True)
class Batch:
    """What one transaction did; `last` is where the next one goes on, None when there is no more."""

    done: int = 0
    unreadable: int = 0  # no secret of ours opens these: they stay as they are
    last: Any = None


def counts(session: Session, vault: Vault) -> dict[str, int]:
    """How many rows of each kind are not sealed under the current secret."""
    vault = vault.still()
    return {
        kind.name: int(
            session.execute(
                sa.select(sa.func.count()).select_from(kind.table).where(kind.under_another(vault))
            ).scalar_one()
        )
        for kind in KINDS
    }


def reseal(session: Session, vault: Vault, kind: Sealed, after: Any = None, write: bool = True) -> Batch:
    """Seal the next rows of a kind under the current secret; without `write`, only count those that would be.

    The rows are held until the end of the transaction: what is erased at this moment stays erased.
    """
    vault = vault.still()
    ids = _next(session, vault, kind, after)
    if not ids:
        return Batch()
    done = unreadable = 0
    rows = session.execute(
        sa.select(kind.table).where(kind.id.in_(ids), kind.under_another(vault)).order_by(kind.id).with_for_update()
    ).all()
    for row in rows:
        try:
            plain = vault.open(getattr(row, kind.column), kind.context(row))
        except WrongKey:
            unreadable += 1
            continue
        done += 1
        if write:
            _write(session, vault, kind, row, plain)
    return Batch(done, unreadable, ids[-1])


def _next(session: Session, vault: Vault, kind: Sealed, after: Any) -> list[Any]:
    """The ids of the next batch: at most ROWS, and at least one, however large it is."""
    query = sa.select(kind.id, sa.func.length(kind.table.c[kind.column])).where(kind.under_another(vault))
    if after is not None:
        query = query.where(kind.id > after)
    ids: list[Any] = []
    size = 0
    for id, length in session.execute(query.order_by(kind.id).limit(ROWS)):
        if ids and size + length > BYTES:
            break
        ids.append(id)
        size += length
    return ids


def _write(session: Session, vault: Vault, kind: Sealed, row: Any, plain: bytes) -> None:
    id = getattr(row, kind.id.name)
    values: dict[str, object] = {kind.column: vault.seal(plain, kind.context(row))}
    if kind.marks is not None:
        values[kind.index] = kind.marks(vault, row, plain)
    change = sa.update(kind.table).where(kind.id == id)
    try:
        with session.begin_nested():
            session.execute(change.values(values))
    except IntegrityError:  # two processes kept it at once, each under its secret
        session.execute(change.values(values | {kind.index: f"{DOUBLE}{id}"}))


def begun(session: Session, now: datetime) -> None:
    audit.append(session, now, "command", "key changed", "keys")


def forgotten(session: Session, now: datetime) -> None:
    audit.append(session, now, "command", "key forgotten", "keys")


@dataclass(frozen=True)
class Ending:
    """What stops working once the earlier secrets are forgotten, as far as the database tells."""

    links: int  # in letters that were sent: reply addresses and personal links, not over yet
    last: date | None  # the last day of the longest of them
    feeds: int  # calendars that programs follow; each needs its new link
    recovery: int  # unused recovery codes of officers: those made before the new secret


def ending(session: Session, office: Office, now: datetime) -> Ending:
    """Read what is kept of letters: a token that an earlier secret alone has signed ends with it."""
    vault = office.vault.still()
    alone = Vault(vault.secret)
    links, last = 0, None
    query = sa.select(col(OutboxRow.token)).where(col(OutboxRow.token) != "").execution_options(yield_per=1000)
    for token in session.execute(query).scalars():
        claim = tokens.read(vault, token, now)
        if claim is not None and tokens.read(alone, token, now) is None:
            links += 1
            last = claim.last_day if last is None else max(last, claim.last_day)
    followed = sa.select(sa.func.count()).select_from(Feed).where(col(Feed.read_at).is_not(None))
    unused = sa.select(sa.func.count()).select_from(RecoveryCode).where(col(RecoveryCode.used_at).is_(None))
    return Ending(links, last, int(session.execute(followed).scalar_one()), int(session.execute(unused).scalar_one()))
