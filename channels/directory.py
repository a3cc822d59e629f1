"""Who writes to us and how they are reached: people, councils, consents, and the one table that holds a handle."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select

from channels.contract import Address
from channels.vault import Vault


class Council(SQLModel, table=True):
    """A conseil citoyen."""

    __tablename__ = "councils"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    city: str = ""
    example: bool = False


class Person(SQLModel, table=True):
    """Someone we know by name: a member of a council, a partner, or someone in an institution."""

    __tablename__ = "people"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "member"  # member | partner | institution; the last two need no council
    name: str
    council_id: int | None = Field(default=None, foreign_key="councils.id", index=True)
    language: str = "fr"
    preferred_channel: str = ""
    example: bool = False
    created_at: datetime


class AddressRow(SQLModel, table=True):
    """One handle on one channel, sealed; every other table holds its id."""

    __tablename__ = "addresses"
    __table_args__ = (UniqueConstraint("channel", "blind"),)
    id: int | None = Field(default=None, primary_key=True)
    channel: str
    blind: str  # HMAC of the handle: finds it again, tells nothing
    sealed: bytes  # the handle, AES-GCM
    person_id: int | None = Field(default=None, foreign_key="people.id", index=True)
    created_at: datetime
    last_heard_at: datetime | None = None
    noticed_at: datetime | None = None  # when the first-contact notice was sent
    limit_noticed_at: datetime | None = None  # when « trop de messages » was last said
    verified_at: datetime | None = None
    stopped_at: datetime | None = None  # STOP: silence until START
    paused_at: datetime | None = None  # bounced for good, say
    pause_reason: str = ""
    bounces: int = 0  # messages that came back for good since the person last wrote
    erasing_at: datetime | None = None  # everything else is erased; the handle goes once the last word is out
    generation: int = 1  # personal links made for an earlier one open nothing


class Consent(SQLModel, table=True):
    """What someone agreed to, when, and when they took it back."""

    __tablename__ = "consents"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)
    what: str  # reminders | newsletter | answer-by-email
    given_at: datetime
    withdrawn_at: datetime | None = None


class Proof(SQLModel, table=True):
    """A code sent to one address, to be typed on another: what proves that both are one person's."""

    __tablename__ = "proofs"
    id: int | None = Field(default=None, primary_key=True)
    address_id: int = Field(foreign_key="addresses.id", index=True)  # where the code is to be typed
    target_id: int = Field(foreign_key="addresses.id")  # where it was sent
    purpose: str = "answers"  # answers (are to come there too) | link (one person behind both)
    mac: str  # of the code: a reader of the database does not learn it
    tries: int = 0
    sent_at: datetime
    lapses_at: datetime
    proven_at: datetime | None = None


def find(session: Session, vault: Vault, address: Address) -> AddressRow | None:
    """The row of this address, made under the current secret or one before."""
    blinds = vault.blinds(address.channel, address.handle)
    rows = session.exec(
        select(AddressRow).where(AddressRow.channel == address.channel, col(AddressRow.blind).in_(blinds))
    ).all()
    return min(rows, key=lambda row: blinds.index(row.blind), default=None)


def keep(session: Session, vault: Vault, address: Address, now: datetime) -> AddressRow:
    """The row of this address, made if it is new; two who make it at once get the same."""
    vault = vault.still()
    row = find(session, vault, address)
    if row is None:
        blind = vault.blind(address.channel, address.handle)
        try:
            with session.begin_nested():
                row = AddressRow(
                    channel=address.channel,
                    blind=blind,
                    sealed=vault.seal(address.handle.encode(), address.channel),
                    created_at=now,
                )
                session.add(row)
        except IntegrityError:
            row = find(session, vault, address)
            assert row is not None, "the one that stood in the way is gone"
    return row


def reveal(session: Session, vault: Vault, address_id: int) -> Address:
    """The address behind an id; LookupError if it was erased, WrongKey if it was sealed elsewhere."""
    row = session.get(AddressRow, address_id)
    if row is None:
        raise LookupError(f"no address {address_id}")
    return opened(vault, row)


def opened(vault: Vault, row: AddressRow) -> Address:
    return Address(row.channel, vault.open(row.sealed, row.channel).decode())


def person_at(session: Session, address_id: int) -> Person | None:
    row = session.get(AddressRow, address_id)
    return session.get(Person, row.person_id) if row and row.person_id else None


def ways_to(session: Session, person: Person) -> list[AddressRow]:
    """The addresses of a person that may be written to, the preferred channel first, then the oldest."""
    rows = session.exec(
        select(AddressRow)
        .where(
            AddressRow.person_id == person.id, col(AddressRow.stopped_at).is_(None), col(AddressRow.paused_at).is_(None)
        )
        .order_by(col(AddressRow.id))
    ).all()
    return sorted(rows, key=lambda row: row.channel != person.preferred_channel)


def together(session: Session, row: AddressRow) -> list[int]:
    """The addresses of the person behind one; that one alone when we do not know them."""
    if row.person_id is None:
        return [row.id] if row.id else []
    return list(session.exec(select(AddressRow.id).where(AddressRow.person_id == row.person_id)).all())  # type: ignore[arg-type]


def answered_too(session: Session, address_id: int) -> list[AddressRow]:
    """The other addresses at which the person behind this one asked, with proof, to be answered as well."""
    proven = select(Proof.target_id).where(
        Proof.address_id == address_id, Proof.purpose == "answers", col(Proof.proven_at).is_not(None)
    )
    return list(
        session.exec(select(AddressRow).where(col(AddressRow.id).in_(proven)).order_by(col(AddressRow.id))).all()
    )


def council_by_name(session: Session, name: str) -> Council | None:
    return session.exec(select(Council).where((Council.slug == name) | (Council.name == name))).first()
