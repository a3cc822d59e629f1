"""The inbox and the outbox: where messages wait between the world and the bot, under the rules R1 to R10."""

import random
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, select

from channels import attachments
from channels.contract import Collected, Inbound, Outbound, Receipt
from channels.vault import Vault

LEASE = timedelta(seconds=28)  # a worker that died is replaced within 30, the next look included
CLAIMS = 5  # a message claimed so often without a result kills its workers
SUSPECT = 2  # claimed so often without a result, a message goes alone: it must not take others down with it each time
RETRY_SECONDS = (10, 60, 300, 900, 3600)
LATE_RETRY = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)
HELD_FOR = timedelta(minutes=30)  # bulk waits so long for what was asked of its recipient
TURN = 10  # messages at most that are read as one question
UNFINISHED_IN = ("waiting", "claimed")
UNFINISHED_OUT = ("waiting", "sending")
TROUBLED_OUT = ("failed", "unknown", "held", "dead")
ANSWER, BULK = "answer", "bulk"
FIRST_OF_BULK = 10  # priority: answers, 0, go before all of it
BEYOND = 2**53  # after every id


class LeaseLost(Exception):
    """Another worker has the message by now: drop this result."""


class InboxRow(SQLModel, table=True):
    """A message that someone sent us. waiting -> claimed -> handled, or held when it kills its workers."""

    __tablename__ = "inbox"
    __table_args__ = (
        sa.UniqueConstraint("channel", "account", "external_id"),
        sa.Index(
            "ix_inbox_unfinished",
            "address_id",
            "id",
            sqlite_where=sa.text("state IN ('waiting','claimed')"),
            postgresql_where=sa.text("state IN ('waiting','claimed')"),
        ),
        sa.Index(
            "ix_inbox_ready",
            "id",
            sqlite_where=sa.text("state IN ('waiting','claimed')"),
            postgresql_where=sa.text("state IN ('waiting','claimed')"),
        ),
        sa.Index("ix_inbox_sender", "address_id", "received_at"),
        sa.Index(
            "ix_inbox_untold",
            "id",
            sqlite_where=sa.text("state = 'held' AND NOT told"),
            postgresql_where=sa.text("state = 'held' AND NOT told"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    account: str = ""
    external_id: str
    address_id: int = Field(foreign_key="addresses.id")
    council_id: int | None = Field(default=None, foreign_key="councils.id")
    text: str
    subject: str = ""
    token: str = ""
    thread: str = ""
    nature: str = "person"
    proof: str = ""
    warnings: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    joins: bool = False  # may be read as one question with its neighbours
    heard_at: datetime
    received_at: datetime
    ready_at: datetime
    state: str = "waiting"
    claims: int = 0
    lease_until: datetime | None = None
    fence: str = ""
    handled_at: datetime | None = None
    reason: str = ""
    told: bool = False  # the officer knows that it stopped


class AttachmentRow(SQLModel, table=True):
    """A file that came with a message, sealed; it goes with the question of a person, or soon after an answer."""

    __tablename__ = "attachments"
    id: int | None = Field(default=None, primary_key=True)
    inbox_id: int = Field(foreign_key="inbox.id", ondelete="CASCADE", index=True)
    filename: str
    content_type: str
    size: int  # bytes
    sealed: bytes
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)
    question_id: int | None = Field(default=None, foreign_key="questions.id", index=True)  # answered by the program
    inline: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class OutboxRow(SQLModel, table=True):
    """A message of ours. waiting -> sending -> sent -> delivered, or failed | unknown | held | dead | dropped."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index(
            "ix_outbox_unfinished",
            "address_id",
            "kind",
            "id",
            sqlite_where=sa.text("state IN ('waiting','sending')"),
            postgresql_where=sa.text("state IN ('waiting','sending')"),
        ),
        sa.Index(
            "ix_outbox_due",
            "priority",
            "id",
            sqlite_where=sa.text("state IN ('waiting','sending')"),
            postgresql_where=sa.text("state IN ('waiting','sending')"),
        ),
        sa.Index(
            "ix_outbox_untold",
            "id",
            sqlite_where=sa.text("state IN ('failed','unknown','held','dead') AND NOT told"),
            postgresql_where=sa.text("state IN ('failed','unknown','held','dead') AND NOT told"),
        ),
        sa.Index("ix_outbox_provider", "channel", "provider_id"),
        sa.Index("ix_outbox_charged", "channel", "charged_at"),
        sa.Index("ix_outbox_recipient", "address_id", "id"),
        sa.Index(
            "ix_outbox_followed",
            "id",
            sqlite_where=sa.text("followed_by <> ''"),
            postgresql_where=sa.text("followed_by <> ''"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    channel: str
    address_id: int = Field(foreign_key="addresses.id")
    council_id: int | None = Field(default=None, foreign_key="councils.id")
    kind: str = ANSWER
    priority: int = 0  # answers before bulk, and of bulk what is wanted soonest
    name: str
    text: str
    subject: str = ""
    token: str = ""
    thread: str = ""
    filled: dict[str, str] = Field(default_factory=dict, sa_type=sa.JSON)
    choices: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)
    state: str = "waiting"
    created_at: datetime
    due_at: datetime
    attempts: int = 0  # tries that ended, whatever came of them
    claims: int = 0  # tries begun since the last one that ended
    doubts: int = 0  # times that the provider may have had it
    lease_until: datetime | None = None
    fence: str = ""
    provider_id: str = ""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    reason: str = ""
    told: bool = False  # the officer knows that it did not arrive
    rest: str = ""  # what was too long for its channel: sent when it is asked for
    cost: int = 0  # thousandths of a euro, once it was handed to a provider who charges
    charged_at: datetime | None = None
    files: int = 0  # how many it carries (outbox_attachments)
    followed_by: str = ""  # the text to say once this one has arrived
    asked: bool = False  # waits for its recipient to write first, and has asked them to


class EarlyReceipt(SQLModel, table=True):
    """A delivery report that overtook the note that its message was sent: matched when the provider's id is written."""

    __tablename__ = "early_receipts"
    __table_args__ = (sa.UniqueConstraint("channel", "provider_id", "state"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    provider_id: str
    state: str
    reason: str = ""
    key: str = Field(default="", sa_column_kwargs={"server_default": ""})  # ours, where the provider tells it back
    gone: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # the address takes nothing more
    heard_at: datetime = Field(index=True)


class ChannelPause(SQLModel, table=True):
    """A channel whose provider asked for a rest."""

    __tablename__ = "channel_pauses"
    channel: str = Field(primary_key=True)
    until: datetime
    reason: str = ""


@dataclass(frozen=True)
class Heard:
    """One message of a turn."""

    id: int
    text: str
    subject: str
    token: str
    thread: str
    nature: str
    proof: str
    warnings: tuple[str, ...]
    heard_at: datetime
    received_at: datetime


@dataclass(frozen=True)
class Turn:
    """What one person wrote, claimed by one worker until the lease is over."""

    channel: str
    address_id: int
    council_id: int | None
    messages: tuple[Heard, ...]
    fence: str

    @property
    def text(self) -> str:
        """As it was written: a provider may bring the parts in another order."""
        return "\n".join(each.text for each in sorted(self.messages, key=lambda each: each.heard_at))

    @property
    def last(self) -> Heard:
        return self.messages[-1]


@dataclass(frozen=True)
class Sending:
    """One outbox message, claimed by one worker until the lease is over."""

    id: int
    key: str
    channel: str
    address_id: int
    kind: str
    name: str
    text: str
    subject: str
    token: str
    thread: str
    filled: Mapping[str, str]
    choices: tuple[str, ...]
    ticket_id: int | None
    attempts: int
    doubts: int
    created_at: datetime
    fence: str
    files: int = 0
    asked: bool = False


@cache  # built once: putting it together costs more than running it
def _insert_of(model: type[SQLModel], dialect_name: str) -> Any:
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[dialect_name]
    table = model.__table__  # type: ignore[attr-defined]
    return dialect.insert(table).on_conflict_do_nothing().returning(table.c.id)


@cache
def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    found = ((name, field) for name, field in model.model_fields.items() if name != "id" and not field.is_required())
    return {name: field.get_default(call_default_factory=True) for name, field in found}


def _insert_once(session: Session, model: type[SQLModel], **values: Any) -> int | None:
    """INSERT … ON CONFLICT DO NOTHING in the words of either database: the new id, or None.

    No object is made of the row: on the way of every message, that would cost more than the statement.
    """
    insert = _insert_of(model, session.get_bind().dialect.name)
    row = {**_defaults(model), **values}
    return session.connection().execute(insert, row).scalar()  # a rowcount would be -1 on PostgreSQL


def _among(column: Any, states: Sequence[str]) -> Any:
    """`state IN ('waiting','claimed')`, written out: with parameters in it no partial index would be used."""
    return col(column).in_([sa.literal_column(f"'{state}'") for state in states])


# --- the inbox -------------------------------------------------------------------------------------------------------


def receive(
    session: Session,
    message: Inbound,
    address_id: int,
    council_id: int | None,
    now: datetime,
    quiet: timedelta | None,
) -> int | None:
    """Keep a message; its id, or None when we already had it (R2).

    `quiet` is how long to wait for more of the same question: zero for what stands alone, and nothing before it waits
    any longer either; None where people write whole messages (email).
    """
    new = _insert_once(
        session,
        InboxRow,
        channel=message.sender.channel,
        account=message.account,
        external_id=message.external_id,
        address_id=address_id,
        council_id=council_id,
        text=message.text,
        subject=message.subject,
        token=message.token,
        thread=message.thread,
        nature=message.nature,
        proof=message.proof,
        warnings=list(message.warnings),
        joins=bool(quiet),
        heard_at=message.heard_at,
        received_at=now,
        ready_at=now + (quiet or timedelta()),
    )
    if new and quiet is not None:
        _wait_for_more(session, address_id, now, quiet, new)
    return new


def _wait_for_more(session: Session, address_id: int, now: datetime, quiet: timedelta, new: int) -> None:
    """One more message of the same question: those before it wait as long, 15 s at most from the first."""
    rows = session.connection().execute(_joining(), {"who": address_id}).all()
    if not rows or [row.id for row in rows] == [new]:
        return  # alone: it waits for its own silence already
    first = min(received_at for _, received_at in rows)
    ready = min(now + quiet, first + timedelta(seconds=15))
    session.execute(sa.update(InboxRow).where(col(InboxRow.id).in_([id for id, _ in rows])).values(ready_at=ready))


@cache  # built once: putting it together costs more than running it
def _joining() -> Any:
    return (
        sa.select(col(InboxRow.id), col(InboxRow.received_at))
        .where(
            col(InboxRow.address_id) == sa.bindparam("who"),
            _among(InboxRow.state, UNFINISHED_IN),
            col(InboxRow.state) == "waiting",
            col(InboxRow.joins).is_(True),
            col(InboxRow.claims) == 0,
        )
        .with_for_update(skip_locked=True)  # one that is being claimed is not waiting any more; and no deadlock with it
    )


def _goes_alone(table: type[InboxRow] | type[OutboxRow], busy: str) -> Any:
    """Those that were interrupted repeatedly are taken one by one, some seconds apart or each after the other's end.

    Else a message that kills its worker would be taken up again together with those that were in the same worker's
    hands, whenever their common lease is over, and all of them would be held with it.
    """
    other = aliased(table)
    unfinished = UNFINISHED_IN if table is InboxRow else UNFINISHED_OUT
    just_taken = sa.exists().where(
        _among(other.state, unfinished),
        col(other.state) == busy,
        col(other.claims) > SUSPECT,
        col(other.lease_until) > sa.bindparam("just_taken"),
    )
    return sa.or_(col(table.claims) < SUSPECT, ~just_taken)


@cache  # built once: putting it together costs more than running it
def _next_turn() -> Any:
    earlier = aliased(InboxRow)
    held_up = (
        sa.exists()
        .where(
            col(earlier.address_id) == InboxRow.address_id,
            col(earlier.id) < col(InboxRow.id),
            _among(earlier.state, UNFINISHED_IN),
        )
        .correlate(InboxRow)
    )
    ready = sa.or_(
        sa.and_(col(InboxRow.state) == "waiting", col(InboxRow.ready_at) <= sa.bindparam("now")),
        sa.and_(col(InboxRow.state) == "claimed", col(InboxRow.lease_until) <= sa.bindparam("now")),
    )
    return (
        select(InboxRow)
        .where(_among(InboxRow.state, UNFINISHED_IN), ready, ~held_up, _goes_alone(InboxRow, "claimed"))
        .order_by(col(InboxRow.id))
        .limit(1)
        .with_for_update(skip_locked=True, of=InboxRow)  # nothing on SQLite: its writers queue anyway
    )


def claim_turn(session: Session, now: datetime, lease: timedelta = LEASE) -> Turn | None:
    """Take the oldest ready message that no earlier one of its sender holds up, and those it belongs with (R6, R10)."""
    given = {"now": now, "just_taken": now + lease * 5 / 6}
    while True:
        head = session.scalars(_next_turn(), given).first()
        if head is None:
            return None
        if head.claims < CLAIMS:
            break
        head.state, head.reason = "held", f"{CLAIMS} essais interrompus : le message arrête le programme qui le lit"
        session.add(head)
        session.flush()
    rows = [head]
    if head.joins and head.claims == 0:  # after a failure each is read alone, so that only the poisoned one is held
        rows += _companions(session, head)
    fence = secrets.token_hex(8)
    for row in rows:
        row.state, row.fence, row.lease_until, row.claims = "claimed", fence, now + lease, row.claims + 1
        session.add(row)
    session.flush()
    return Turn(head.channel, head.address_id, head.council_id, tuple(map(_heard, rows)), fence)


def _companions(session: Session, head: InboxRow) -> list[InboxRow]:
    rows = session.exec(
        select(InboxRow)
        .where(InboxRow.address_id == head.address_id, col(InboxRow.id) > head.id, InboxRow.state == "waiting")
        .order_by(col(InboxRow.id))
        .limit(TURN - 1)
        .with_for_update()
    ).all()
    together = []
    for row in rows:
        if not row.joins or row.claims or (row.token, row.nature) != (head.token, head.nature):
            break
        together.append(row)
    return together


def _heard(row: InboxRow) -> Heard:
    assert row.id is not None
    return Heard(
        row.id,
        row.text,
        row.subject,
        row.token,
        row.thread,
        row.nature,
        row.proof,
        tuple(row.warnings),
        row.heard_at,
        row.received_at,
    )


@cache
def _handling() -> Any:
    table = InboxRow.__table__  # type: ignore[attr-defined]
    return (
        sa.update(table)
        .where(
            table.c.id.in_(sa.bindparam("ids", expanding=True)),
            table.c.fence == sa.bindparam("mine"),
            table.c.state == "claimed",
        )
        .values(state="handled", handled_at=sa.bindparam("now"), lease_until=None)
        .returning(table.c.id)
    )


def handled(session: Session, turn: Turn, now: datetime) -> None:
    """Mark a turn as dealt with; LeaseLost, and so no effect at all, if another worker has it (R5)."""
    ids = [message.id for message in turn.messages]
    done = session.execute(
        _handling(), {"ids": ids, "mine": turn.fence, "now": now}, execution_options={"synchronize_session": False}
    ).all()
    if len(done) != len(ids):
        raise LeaseLost(f"inbox {ids}")


def let_go(session: Session, turn: Turn, reason: str, now: datetime) -> None:
    """Give a turn back after an error: tried again in ten seconds, held after five times."""
    session.execute(
        sa.update(InboxRow)
        .where(
            col(InboxRow.id).in_([message.id for message in turn.messages]),
            col(InboxRow.fence) == turn.fence,
            col(InboxRow.state) == "claimed",
        )
        .values(state="waiting", ready_at=now + timedelta(seconds=10), lease_until=None, reason=reason[:500])
    )


def heard_since(session: Session, address_id: int, since: Sequence[datetime]) -> list[int]:
    """How many messages this address sent from each of these moments on; the last is the earliest."""
    given = {f"since_{number}": moment for number, moment in enumerate(since)}
    return [
        int(count or 0)
        for count in session.connection().execute(_counts(len(since)), given | {"who": address_id}).one()
    ]


@cache
def _counts(moments: int) -> Any:
    later = [
        sa.func.sum(sa.case((col(InboxRow.received_at) >= sa.bindparam(f"since_{number}"), 1), else_=0))
        for number in range(moments)
    ]
    return sa.select(*later).where(
        col(InboxRow.address_id) == sa.bindparam("who"),
        col(InboxRow.received_at) >= sa.bindparam(f"since_{moments - 1}"),
    )


# --- the outbox ------------------------------------------------------------------------------------------------------


def post(
    session: Session,
    message: Outbound,
    key: str,
    address_id: int,
    now: datetime,
    *,
    kind: str = ANSWER,
    due_at: datetime | None = None,
    council_id: int | None = None,
    ticket_id: int | None = None,
    dropped: str = "",
    rest: str = "",
    followed_by: str = "",
    vault: Vault | None = None,
) -> int | None:
    """Put a message in the outbox; its id, or None when `key` was posted before (R4).

    `dropped` says why it must not go (the person said STOP): the row stands, to be seen, and is never sent.
    `vault` seals its attachments; a message that carries none needs none.
    """
    new = _insert_once(
        session,
        OutboxRow,
        key=key,
        channel=message.recipient.channel,
        address_id=address_id,
        council_id=council_id,
        kind=kind,
        priority=0 if kind == ANSWER else FIRST_OF_BULK,
        name=message.name,
        text=message.text,
        subject=message.subject,
        token=message.token,
        thread=message.thread,
        filled=dict(message.values),
        choices=list(message.choices),
        ticket_id=ticket_id,
        rest=rest,
        followed_by=followed_by,
        state="dropped" if dropped else "waiting",
        reason=dropped,
        created_at=now,
        due_at=due_at or now,
        files=len(message.attachments),
    )
    if new is not None:
        attachments.attach(session, vault, {new: message.attachments}, now)
    return new


def newest_rest(session: Session, address_id: int) -> str:
    """What the newest message to this address left unsaid; empty when it said everything."""
    newest = select(OutboxRow.rest).where(OutboxRow.address_id == address_id).order_by(col(OutboxRow.id).desc())
    return session.exec(newest.limit(1)).first() or ""


def token_of(session: Session, address_id: int, provider_id: str) -> str:
    """The token of the message of ours that someone replied to; ids are per conversation, and may be several."""
    rows = session.execute(
        sa.select(col(OutboxRow.provider_id), col(OutboxRow.token))
        .where(
            col(OutboxRow.address_id) == address_id, col(OutboxRow.provider_id).contains(provider_id, autoescape=True)
        )
        .order_by(col(OutboxRow.id).desc())
    ).all()
    return next((token for ids, token in rows if provider_id in ids.split()), "")


@dataclass(frozen=True)
class Bulk:
    """One of many messages that are posted together; nobody waits for an answer in it."""

    key: str
    address_id: int
    council_id: int | None
    message: Outbound
    rest: str = ""  # what its channel has no room for: SUITE brings it
    within: int = 0  # days in which it must have been read: what is wanted soonest leaves first


def post_bulk(
    session: Session,
    letters: Sequence[Bulk],
    now: datetime,
    due_at: datetime | None = None,
    *,
    vault: Vault | None = None,
) -> set[str]:
    """Put many bulk messages in the outbox by one statement; the keys that were not posted before (R4).

    For people who may be written to: whoever said STOP is left out by the caller. `vault` seals what they carry: a
    file that they share is kept once.
    """
    if not letters:
        return set()
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[session.get_bind().dialect.name]
    table = OutboxRow.__table__  # type: ignore[attr-defined]
    blank = OutboxRow(
        key="", channel="", address_id=0, name="", text="", created_at=now, due_at=due_at or now
    ).model_dump()
    blank["kind"] = BULK
    del blank["id"]
    rows = [
        blank
        | {
            "key": each.key,
            "channel": each.message.recipient.channel,
            "address_id": each.address_id,
            "council_id": each.council_id,
            "name": each.message.name,
            "text": each.message.text,
            "subject": each.message.subject,
            "token": each.message.token,
            "thread": each.message.thread,
            "filled": dict(each.message.values),
            "choices": list(each.message.choices),
            "files": len(each.message.attachments),
            "rest": each.rest,
            "priority": FIRST_OF_BULK + max(0, each.within),
        }
        for each in letters
    ]
    insert = dialect.insert(table).on_conflict_do_nothing().returning(table.c.key, table.c.id)
    ids = {key: id for key, id in session.execute(insert, rows).all()}  # noqa: C416
    carried = {each.key: each.message.attachments for each in letters if each.message.attachments and each.key in ids}
    attachments.attach(session, vault, {ids[key]: files for key, files in carried.items()}, now)
    return set(ids)


@cache
def _next_sending(channels: tuple[str, ...], bulk: bool, hold: Any) -> Any:
    earlier = aliased(OutboxRow)
    held_up = (
        sa.exists()
        .where(
            col(earlier.address_id) == OutboxRow.address_id,
            col(earlier.kind) == OutboxRow.kind,
            col(earlier.id) < col(OutboxRow.id),
            _among(earlier.state, UNFINISHED_OUT),
            # one that can still be taken back has not left its writer's hands: it holds up nobody
            sa.or_(
                col(earlier.due_at) <= sa.bindparam("now"),
                col(earlier.attempts) > 0,
                col(earlier.state) == "sending",
                col(earlier.reason) != "",
            ),
        )
        .correlate(OutboxRow)
    )
    due = sa.or_(
        sa.and_(col(OutboxRow.state) == "waiting", col(OutboxRow.due_at) <= sa.bindparam("now")),
        sa.and_(col(OutboxRow.state) == "sending", col(OutboxRow.lease_until) <= sa.bindparam("now")),
    )
    paused = select(ChannelPause.channel).where(ChannelPause.until > sa.bindparam("now"))
    return (
        select(OutboxRow)
        .where(
            _among(OutboxRow.state, UNFINISHED_OUT),
            due,
            col(OutboxRow.channel).concat("").in_(channels),  # not by the index on channel: all that was ever sent
            col(OutboxRow.channel).not_in(paused),
            ~held_up,
            _goes_alone(OutboxRow, "sending"),
            *(() if bulk else (col(OutboxRow.kind) == ANSWER,)),
            *(() if hold is None else (sa.or_(col(OutboxRow.kind) == ANSWER, ~hold),)),
        )
        .order_by(col(OutboxRow.priority), col(OutboxRow.id))
        .limit(1)
        .with_for_update(skip_locked=True, of=OutboxRow)
    )


def claim_sending(
    session: Session,
    now: datetime,
    channels: Collection[str],
    idempotent: Collection[str] = (),
    lease: timedelta = LEASE,
    bulk: bool = True,
    hold: Any = None,
) -> Sending | None:
    """Take the next due message of these channels, the head of its conversation within its kind (R5, R6, R7, R10).

    `hold`: for which recipients bulk waits, as a condition on the outbox with `now` and `held_since`.
    """
    query = _next_sending(tuple(sorted(channels)), bulk, hold)
    given = {"now": now, "just_taken": now + lease * 5 / 6, "held_since": now - HELD_FOR}
    while True:
        row = session.scalars(query, given).first()
        if row is None:
            return None
        if row.claims >= CLAIMS:
            row.state, row.reason = "held", f"{CLAIMS} envois interrompus : le message arrête le programme qui l'envoie"
        elif row.state == "sending" and row.channel not in idempotent and (row.kind == BULK or row.doubts):
            row.state, row.reason = "unknown", "envoi interrompu : peut-être reçu, jamais répété sans votre accord"
        else:
            break
        row.lease_until = None
        session.add(row)
        session.flush()
    if row.state == "sending":
        row.doubts += 1
    row.state, row.fence, row.lease_until = "sending", secrets.token_hex(8), now + lease
    row.claims += 1
    session.add(row)
    session.flush()
    assert row.id is not None
    return Sending(
        row.id,
        row.key,
        row.channel,
        row.address_id,
        row.kind,
        row.name,
        row.text,
        row.subject,
        row.token,
        row.thread,
        dict(row.filled),
        tuple(row.choices),
        row.ticket_id,
        row.attempts,
        row.doubts,
        row.created_at,
        row.fence,
        row.files,
        row.asked,
    )


def _settle(session: Session, sending: Sending, **values: Any) -> None:
    """Write a result, fenced (R5): LeaseLost if another worker has the message by now."""
    given = {f"new_{name}": value for name, value in values.items()}
    given |= {"this": sending.id, "mine": sending.fence, "new_attempts": sending.attempts + 1}
    if session.connection().execute(_settling(tuple(values)), given).first() is None:
        raise LeaseLost(f"outbox {sending.id}")


@cache  # built once for each set of columns: putting it together costs more than running it
def _settling(names: tuple[str, ...]) -> Any:
    table = OutboxRow.__table__  # type: ignore[attr-defined]
    new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in (*names, "attempts")}
    return (
        sa.update(table)
        .where(table.c.id == sa.bindparam("this"), table.c.fence == sa.bindparam("mine"), table.c.state == "sending")
        .values(lease_until=None, claims=0, **new)
        .returning(table.c.id)
    )


def sent(session: Session, sending: Sending, provider_id: str, now: datetime) -> None:
    _settle(session, sending, state="sent", sent_at=now, provider_id=provider_id, reason="")


def postpone(
    session: Session,
    sending: Sending,
    reason: str,
    now: datetime,
    after: float | None = None,
    until_heard: bool = False,
) -> bool:
    """Try again later (R8); False when two days have passed and it is dead. `until_heard`: see `heard_from`.

    Two days in which we were away ourselves, or the channel rested, are no tries: the short delays come first always.
    """
    if now - sending.created_at >= GIVE_UP_AFTER and sending.attempts >= len(RETRY_SECONDS):
        give_up(session, sending, f"{sending.attempts + 1} essais sans succès en deux jours : {reason}")
        return False
    seconds = (
        after
        if after is not None
        else RETRY_SECONDS[sending.attempts]
        if sending.attempts < len(RETRY_SECONDS)
        else LATE_RETRY.total_seconds()
    )
    delay = timedelta(seconds=seconds * random.uniform(0.8, 1.2)) if after is None else timedelta(seconds=seconds)
    _settle(
        session, sending, state="waiting", due_at=now + delay, reason=reason[:500], asked=sending.asked or until_heard
    )
    return True


def heard_from(session: Session, address_id: int, now: datetime) -> None:
    """Someone wrote: what waited for that goes now."""
    session.execute(_waiting_for_a_word(), {"who": address_id, "now": now})


@cache  # asked at every message that comes in
def _waiting_for_a_word() -> Any:
    table = OutboxRow.__table__  # type: ignore[attr-defined]
    return (
        sa.update(table)
        .where(table.c.address_id == sa.bindparam("who"), _among(table.c.state, UNFINISHED_OUT), table.c.asked)
        .where(table.c.state == "waiting")
        .values(due_at=sa.bindparam("now"))
    )


def spent(session: Session, channel: str, since: datetime) -> int:
    """What sending on this channel cost from then on, in thousandths of a euro."""
    return session.exec(
        select(sa.func.coalesce(sa.func.sum(OutboxRow.cost), 0)).where(
            OutboxRow.channel == channel, col(OutboxRow.charged_at) >= since
        )
    ).one()


def charge(session: Session, sending: Sending, thousandths: int, now: datetime) -> None:
    """Write what a message costs before it goes: one whose sending is in doubt may be billed."""
    session.execute(
        sa.update(OutboxRow)
        .where(col(OutboxRow.id) == sending.id)
        .values(cost=OutboxRow.cost + thousandths, charged_at=now)
    )


def wait(session: Session, sending: Sending, until: datetime, reason: str) -> None:
    """Put a message back until a ceiling allows it: no try was made."""
    session.execute(
        sa.update(OutboxRow)
        .where(col(OutboxRow.id) == sending.id, col(OutboxRow.fence) == sending.fence)
        .values(state="waiting", due_at=until, lease_until=None, claims=0, reason=reason[:500])
    )


def lighten(session: Session, row: "OutboxRow", text: str, now: datetime) -> None:
    """A message that failed for its files goes again without them, as `text`."""
    attachments.detach(session, [row.id or 0])
    row.files, row.text = 0, text
    row.state, row.due_at, row.provider_id, row.reason, row.told = "waiting", now, "", "", False
    session.add(row)
    session.flush()


def give_up(session: Session, sending: Sending, reason: str) -> None:
    _settle(session, sending, state="dead", reason=reason[:500])


def unsure(session: Session, sending: Sending, reason: str, now: datetime, idempotent: bool) -> bool:
    """The provider may have it (R7): send again where that is safe, else once, else leave it to the officer (False)."""
    if idempotent or (sending.kind == ANSWER and sending.doubts == 0):
        _settle(
            session,
            sending,
            state="waiting",
            due_at=now + timedelta(seconds=RETRY_SECONDS[0]),
            reason=reason[:500],
            doubts=sending.doubts + 1,
        )
        return True
    _settle(session, sending, state="unknown", reason=reason[:500])
    return False


def pause(session: Session, channel: str, until: datetime, reason: str) -> None:
    """No sending on this channel before `until`."""
    row = session.get(ChannelPause, channel)
    if row is None:
        session.add(ChannelPause(channel=channel, until=until, reason=reason[:500]))
    elif row.until < until:
        row.until, row.reason = until, reason[:500]
        session.add(row)


def report(session: Session, receipt: Receipt, now: datetime) -> OutboxRow | None:
    """Write a delivery report on the message that it speaks of; None if it is none of ours or says nothing new.

    A message whose answer was lost has no id yet: the key that the provider tells back finds it, so that it is not
    repeated.
    """
    mine = select(OutboxRow).where(OutboxRow.channel == receipt.channel).with_for_update()
    row = session.exec(mine.where(OutboxRow.provider_id == receipt.provider_id)).first()
    if row is None and receipt.key:
        row = session.exec(mine.where(OutboxRow.key == receipt.key, OutboxRow.provider_id == "")).first()
        if row is None or not (row.state == "unknown" or (row.state == "waiting" and row.doubts)):
            return None  # still in a worker's hands: it will tell the id itself
        row.provider_id = receipt.provider_id
    elif row is None or receipt.state == "sent" or row.state not in ("sent", "unknown", "sending"):
        return None
    row.state, row.reason = receipt.state, receipt.reason[:500]
    if receipt.state == "delivered":
        row.delivered_at = now
    if receipt.state != "failed" and row.sent_at is None:
        row.sent_at = now  # only now do we know that it left
    session.add(row)
    session.flush()
    return row


def keep_early(session: Session, receipt: Receipt, now: datetime) -> bool:
    """A report on a message whose id we do not know yet; False when it speaks of one that has said its last."""
    known = select(OutboxRow.id).where(
        OutboxRow.channel == receipt.channel, OutboxRow.provider_id == receipt.provider_id
    )
    if (receipt.state == "sent" and not receipt.key) or session.exec(known.limit(1)).first() is not None:
        return False
    new = _insert_once(
        session,
        EarlyReceipt,
        channel=receipt.channel,
        provider_id=receipt.provider_id,
        state=receipt.state,
        reason=receipt.reason[:500],
        key=receipt.key,
        gone=receipt.gone,
        heard_at=now,
    )
    return new is not None


def early(session: Session, channel: str, provider_id: str) -> Receipt | None:
    """The report that overtook the note that this message was sent, taken off the shelf."""
    table = EarlyReceipt.__table__  # type: ignore[attr-defined]
    found = session.execute(
        sa.delete(table)
        .where(table.c.channel == channel, table.c.provider_id == provider_id)
        .returning(table.c.state, table.c.reason, table.c.gone)
    ).all()
    last = next((each for each in found if each.state == "delivered"), found[0] if found else None)
    return Receipt(channel, provider_id, last.state, last.reason, gone=last.gone) if last else None


def told_of(session: Session, channel: str, key: str) -> str:
    """The id under which a provider has the message of this key, as a report told while its sending was in doubt."""
    found = select(EarlyReceipt.provider_id).where(EarlyReceipt.channel == channel, EarlyReceipt.key == key)
    return session.exec(found.where(EarlyReceipt.state != "failed").limit(1)).first() or ""


def forget_early(session: Session, before: datetime) -> None:
    """Reports that nobody claimed: of messages that are not ours."""
    session.execute(sa.delete(EarlyReceipt).where(col(EarlyReceipt.heard_at) < before))


def unfollowed(session: Session, before: datetime, limit: int = 50) -> list[OutboxRow]:
    """What was sent before then, was to be followed by a word once it arrived, and no report came."""
    return list(
        session.exec(
            select(OutboxRow)
            .where(sa.text("outbox.followed_by <> ''"), OutboxRow.state == "sent", col(OutboxRow.sent_at) < before)
            .order_by(col(OutboxRow.id))
            .limit(limit)
        ).all()
    )


def collect(session: Session, address_id: int, after: int, now: datetime) -> list[Collected]:
    """What a page shows after a given id, oldest first; reading settles it as delivered."""
    rows = session.exec(
        select(OutboxRow)
        .where(
            OutboxRow.address_id == address_id,
            sa.or_(col(OutboxRow.id) > after, col(OutboxRow.state) == "waiting"),  # it may have been due later
            OutboxRow.due_at <= now,
            col(OutboxRow.state).in_(("waiting", "sent", "delivered")),
        )
        .order_by(col(OutboxRow.id))
        .limit(200)
    ).all()
    for row in rows:
        if row.state == "waiting":
            row.state, row.delivered_at, row.attempts = "delivered", now, row.attempts + 1
            session.add(row)
    files = attachments.names(session, [row.id or 0 for row in rows if row.files])
    return [
        Collected(row.id or 0, False, row.text, row.created_at, tuple(row.choices), files.get(row.id or 0, ()))
        for row in rows
    ]


def newest_for(session: Session, address_ids: Sequence[int], now: datetime | None = None) -> dict[int, int]:
    """The newest message id of each address: cheap to ask often, so that pages know when to collect.

    With `now`, what is due later does not count, and what is due and unseen comes after all that was seen.
    """
    number: Any = OutboxRow.id
    query = sa.select(col(OutboxRow.address_id), sa.func.max(number)).where(col(OutboxRow.address_id).in_(address_ids))
    if now is not None:
        number = sa.case((col(OutboxRow.state) == "waiting", BEYOND), else_=col(OutboxRow.id))
        query = sa.select(col(OutboxRow.address_id), sa.func.max(number)).where(
            col(OutboxRow.address_id).in_(address_ids), col(OutboxRow.due_at) <= now
        )
    rows = session.execute(query.group_by(col(OutboxRow.address_id))).all()
    return {address: newest for address, newest in rows}  # noqa: C416


# --- what the officer and the technician see and do ------------------------------------------------------------------


def recall(session: Session, ticket_id: int, key: str, now: datetime, reason: str) -> bool:
    """Take back a message, with its copies, that is not due yet; False if one of them left (or is leaving)."""
    rows = session.exec(
        select(OutboxRow)
        .where(
            OutboxRow.ticket_id == ticket_id,
            (col(OutboxRow.key) == key) | col(OutboxRow.key).startswith(f"{key}:", autoescape=True),
        )
        .with_for_update()
    ).all()
    if any(row.state != "waiting" or row.due_at <= now for row in rows):
        return False
    for row in rows:
        row.state, row.reason = "dropped", reason
        session.add(row)
    return True


def waiting_or_troubled(session: Session, table: type[InboxRow] | type[OutboxRow], limit: int = 200) -> list[Any]:
    """What waits, oldest first, and what failed."""
    done = ("handled", "dropped") if table is InboxRow else ("sent", "delivered", "dropped")
    return list(
        session.exec(select(table).where(col(table.state).not_in(done)).order_by(col(table.id)).limit(limit)).all()
    )


def untold(session: Session, table: type[InboxRow] | type[OutboxRow], limit: int) -> list[Any]:
    """What stopped and the officer has not heard of, oldest first."""
    states = ("held",) if table is InboxRow else TROUBLED_OUT
    return list(
        session.exec(
            select(table)
            .where(_among(table.state, states), sa.text(f"NOT {table.__tablename__}.told"))
            .order_by(col(table.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
    )


def retry(session: Session, table: type[InboxRow] | type[OutboxRow], id: int, now: datetime) -> bool:
    """Put a message that stopped back to wait; False if there is none, or it is not stopped."""
    row: Any = session.get(table, id)
    if row is None or row.state not in ("held", *TROUBLED_OUT):
        return False
    row.state, row.claims, row.reason, row.told = "waiting", 0, "", False
    if isinstance(row, OutboxRow):
        row.due_at = row.created_at = now  # two fresh days of tries
        row.doubts = row.attempts = 0
    else:
        row.ready_at = now
    session.add(row)
    return True


def drop(session: Session, table: type[InboxRow] | type[OutboxRow], id: int, reason: str) -> bool:
    """Take a message out of the way, for a reason that is kept; False if it is done already or unknown."""
    row: Any = session.get(table, id)
    if row is None or row.state in ("handled", "sent", "delivered", "dropped", "claimed", "sending"):
        return False
    row.state, row.reason = "dropped", reason
    session.add(row)
    return True
