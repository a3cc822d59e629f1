"""Who sits where and how they are reached: councils, people, addresses and seats as they stand; their words."""

import re
from dataclasses import dataclass, field
from datetime import datetime

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlmodel import Session, col, select

from bot.desk.importing import council_core
from bot.desk.letters import channel_name
from bot.office import Office
from bot.sheets import fold
from channels import directory, manners
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from scheduler.committees import Seat

KINDS = {"membre": "member", "partenaire": "partner", "institution": "institution"}
KIND_NAMES = {kind: name for name, kind in KINDS.items()}
LANGUAGES = {
    "francais": "fr",
    "anglais": "en",
    "arabe": "ar",
    "turc": "tr",
    "espagnol": "es",
    "portugais": "pt",
    "russe": "ru",
    "roumain": "ro",
    "ukrainien": "uk",
    "somali": "so",
    "comorien": "zdj",
    "peul": "ff",
    "wolof": "wo",
    "bambara": "bm",
    "lingala": "ln",
    "dari": "prs",
    "pachto": "ps",
}
SEAT_NAMES = {"copil": "COPIL", "cotech": "comité technique", "interconseil": "inter-conseils"}
ROLE_NAMES = {"titulaire": "titulaire", "suppleant": "suppléant"}
EMAIL = re.compile(
    r"[^\s@,;:<>()\[\]\"]{1,64}@(?:[^\s@,;:<>()\[\]\".]{1,63}\.)+[^\s@,;:<>()\[\]\".\d-][^\s@.,;:<>]{1,62}"
)


@dataclass(frozen=True)
class Member:
    """A person as they are listed: handles masked."""

    id: int
    name: str
    kind: str
    council: str
    slug: str
    ways: tuple[str, ...]  # « SMS 06 •• •• •• 78 », the preferred first
    seats: tuple[str, ...]


def phone(text: str) -> Address | None:
    """`06 12 34 56 78`, `+33 6…` or `0033…` as an address: SMS, or phone for a fixed line; None if it is no number."""
    try:
        number = phonenumbers.parse(text, "FR")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or number.extension:
        return None
    mobile = phonenumbers.number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Address("sms" if mobile else "phone", e164)


def masked(address: Address) -> str:
    """« 06 •• •• •• 78 », « a•••@exemple.fr »: enough to recognise, too little to use."""
    handle = address.handle
    if manners(address.channel).phones and handle.startswith("+33") and len(handle) == 12:
        return f"0{handle[3:4]} •• •• •• {handle[-2:]}"
    if "@" in handle:
        return f"{handle[:1]}•••@{handle.rpartition('@')[2]}"
    return f"{handle[:3]}••••{handle[-2:]}" if len(handle) > 6 else "••••"


@dataclass
class Here:
    """All that an import must compare with, read once."""

    councils: list[Council]
    people: dict[int, Person]
    rows: dict[tuple[str, str], AddressRow]  # by channel and blind index
    rows_of: dict[int, list[AddressRow]]
    seats_of: dict[int, list[Seat]]
    by_name: dict[tuple[str, int | None], list[Person]] = field(default_factory=dict)


def stands(session: Session) -> Here:
    people = {person.id: person for person in session.exec(select(Person)) if person.id is not None}
    rows = session.exec(select(AddressRow).order_by(col(AddressRow.id))).all()
    here = Here(
        list(session.exec(select(Council).order_by(col(Council.id)))),
        people,
        {(row.channel, row.blind): row for row in rows},
        {},
        {},
    )
    for row in rows:
        if row.person_id is not None:
            here.rows_of.setdefault(row.person_id, []).append(row)
    for seat in session.exec(select(Seat).order_by(col(Seat.id))):
        here.seats_of.setdefault(seat.person_id, []).append(seat)
    for person in people.values():
        here.by_name.setdefault((fold(person.name), person.council_id), []).append(person)
    return here


def council_named(here: Here, name: str, city: str) -> Council | str | None:
    """The council of this name; None if unknown; what is wrong, if several fit."""
    wanted, core, town = fold(name), council_core(name), fold(city)
    found = [c for c in here.councils if wanted in (fold(c.slug), fold(c.name))]
    found = found or [c for c in here.councils if core and council_core(c.name) == core]
    if town:
        found = [c for c in found if not c.city or fold(c.city) == town]
    if len(found) > 1:
        return f"plusieurs conseils s'appellent « {name} » : précisez la ville"
    return found[0] if found else None


def free_slug(here: Here, name: str, city: str) -> str:
    taken = {council.slug for council in here.councils}
    base = fold(name).replace(" ", "-") or "conseil"
    choices = [base, f"{base}-{fold(city).replace(' ', '-')}"] if city else [base]
    return next(
        (slug for slug in choices if slug not in taken),
        next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken),
    )


def new_slug(session: Session, name: str, city: str) -> str:
    """A short name that no council has yet."""
    return free_slug(Here(list(session.exec(select(Council)).all()), {}, {}, {}, {}), name, city)


def held(seat: Seat, now: datetime) -> bool:
    return seat.until is None or seat.until > now


def sit(session: Session, council_id: int, person_id: int, kind: str, role: str, now: datetime) -> None:
    standing = session.exec(
        select(Seat).where(Seat.council_id == council_id, Seat.person_id == person_id, Seat.committee_kind == kind)
    ).first()
    if standing is None:
        standing = Seat(council_id=council_id, person_id=person_id, committee_kind=kind, since=now)
    elif not held(standing, now):
        standing.since, standing.until = now, None
    standing.role = role
    session.add(standing)


def listed_members(session: Session, office: Office, council: str = "", limit: int = 2000) -> list[Member]:
    """People by council and name, handles masked; of one council when it is named. LookupError if it is unknown."""
    here = stands(session)
    people = list(here.people.values())
    if council:
        found = council_named(here, council, "")
        if not isinstance(found, Council):
            raise LookupError(found or f"conseil inconnu : « {council} »")
        seated = {id for id, seats in here.seats_of.items() if any(seat.council_id == found.id for seat in seats)}
        people = [person for person in people if person.council_id == found.id or person.id in seated]
    councils = {each.id: each for each in here.councils}

    def one(person: Person) -> Member:
        theirs = councils.get(person.council_id)
        rows = sorted(here.rows_of.get(person.id or 0, ()), key=lambda row: row.channel != person.preferred_channel)
        return Member(
            person.id or 0,
            person.name,
            KIND_NAMES.get(person.kind, person.kind),
            theirs.name if theirs else "",
            theirs.slug if theirs else "",
            tuple(way_of(office, row) for row in rows),
            tuple(
                f"{SEAT_NAMES.get(seat.committee_kind, seat.committee_kind)}"
                + (" (suppléant)" if seat.role == "suppleant" else "")
                for seat in here.seats_of.get(person.id or 0, ())
                if seat.until is None
            ),
        )

    everyone = [one(person) for person in people]
    return sorted(everyone, key=lambda member: (fold(member.council), fold(member.name)))[:limit]


def way_of(office: Office, row: AddressRow) -> str:
    address = directory.opened(office.vault, row)
    shown = "" if address.handle.startswith("person:") else f" {masked(address)}"
    state = " (STOP)" if row.stopped_at else " (ne passe plus)" if row.paused_at else ""
    return f"{channel_name(row.channel)}{shown}{state}"
