"""The people of the desk's pages: found, read, written, joined, handed their data, erased; each act in the trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot import audit
from bot.conversations import Question
from bot.desk import disclosing, erasing, joining, members
from bot.desk.letters import channel_name
from bot.desk.members import KIND_NAMES, LANGUAGES, ROLE_NAMES, SEAT_NAMES
from bot.office import Office
from bot.sheets import fold
from channels import directory, writable
from channels.contract import Address
from channels.directory import AddressRow, Consent, Council, Person
from channels.pages.people import Refused
from escalation.accounts import Who
from escalation.officers import Officer, OfficerAddress
from escalation.tickets import Ticket
from scheduler.committees import Seat, SeatPlaces

PAGE = 50
LANGUAGE_NAMES = {code: name for name, code in LANGUAGES.items()} | {"fr": "français"}


@dataclass(frozen=True)
class Row:
    """A person in the list."""

    id: int
    name: str
    kind: str
    council: str
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """An address of a person, masked, and whether it may be written to."""

    id: int
    channel: str
    masked: str
    state: str  # done | waiting | failed
    words: str
    paused: bool


@dataclass(frozen=True)
class HeldSeat:
    id: int
    words: str
    council: str


@dataclass(frozen=True)
class Detail:
    """A person's page."""

    id: int
    name: str
    kind: str
    kind_words: str
    council: str
    council_id: int | None
    language: str
    language_words: str
    preferred: str
    preferred_words: str
    ways: tuple[Way, ...]
    seats: tuple[HeldSeat, ...]
    consents: tuple[tuple[str, datetime], ...]
    questions: tuple[tuple[datetime, str, int | None], ...]  # when, in how many words, its ticket
    tickets: int


@dataclass(frozen=True)
class CouncilRow:
    id: int
    name: str
    city: str
    members: int
    empty: int  # titular seats without anybody


@dataclass(frozen=True)
class CouncilDetail:
    """A council's page: who sits, and which seats are empty. kinds: kind, words, places, titulars, alternates."""

    id: int
    name: str
    city: str
    kinds: tuple[tuple[str, str, int, tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]], ...]
    members: tuple[tuple[int, str], ...]


def choices() -> dict[str, list[tuple[str, str]]]:
    """What the forms offer."""
    return {
        "type": list(KIND_NAMES.items()),
        "langue": sorted(LANGUAGE_NAMES.items(), key=lambda each: (each[0] != "fr", each[1])),
        "canal": [("", "Sans préférence"), *((name, channel_name(name)) for name in (*writable(), "phone"))],
        "siege": list(SEAT_NAMES.items()),
        "place": list(ROLE_NAMES.items()),
    }


# --- lists ------------------------------------------------------------------------------------------------------------


def _seen(who: Who) -> "sa.ColumnElement[bool]":
    """People whom this officer may see: of their councils, with a seat there, or of none."""
    if who.councils is None:
        return sa.true()
    mine = list(who.councils)
    seated = sa.select(col(Seat.person_id)).where(col(Seat.council_id).in_(mine), col(Seat.until).is_(None))
    return col(Person.council_id).is_(None) | col(Person.council_id).in_(mine) | col(Person.id).in_(seated)


def listed(
    session: Session, office: Office, who: Who, search: str, council: int | None, page: int
) -> tuple[list[Row], int]:  # fmt: skip
    """A page of people by name, and how many there are; `search` in names and councils, without accents or case."""
    names = dict(session.exec(select(Council.id, Council.name)).all())
    query = sa.select(col(Person.id), col(Person.name), col(Person.kind), col(Person.council_id)).where(
        _seen(who), col(Person.name) != erasing.ERASED
    )
    if council is not None:
        seated = sa.select(col(Seat.person_id)).where(col(Seat.council_id) == council, col(Seat.until).is_(None))
        query = query.where((col(Person.council_id) == council) | col(Person.id).in_(seated))
    words = fold(search).split()
    found = [
        row
        for row in session.execute(query).all()
        if all(word in fold(f"{row[1]} {names.get(row[3], '')}") for word in words)
    ]
    found.sort(key=lambda row: (fold(row[1]), row[0]))
    shown = found[(page - 1) * PAGE : page * PAGE]
    ways: dict[int, list[str]] = {}
    rows = session.exec(
        select(AddressRow).where(col(AddressRow.person_id).in_([row[0] for row in shown])).order_by(col(AddressRow.id))
    ).all()
    for each in rows:
        ways.setdefault(each.person_id or 0, []).append(members.way_of(office, each))
    return [
        Row(row[0], row[1], KIND_NAMES.get(row[2], row[2]), names.get(row[3], ""), tuple(ways.get(row[0], ())))
        for row in shown
    ], len(found)


def table(session: Session, office: Office, who: Who, council: int | None, now: datetime) -> list[list[str]]:
    """All that a list of members says, with the headings that an import reads; handles in the clear."""
    if council is not None and not who.sees(council):
        raise LookupError(council)
    query = select(Person).where(_seen(who), col(Person.name) != erasing.ERASED).order_by(col(Person.name))
    if council is not None:
        query = query.where(col(Person.council_id) == council)
    people = session.exec(query).all()
    numbers = [each.id for each in people]
    councils = {each.id: each for each in session.exec(select(Council)).all()}
    handles: dict[tuple[int, str], list[str]] = {}
    for row in session.exec(select(AddressRow).where(col(AddressRow.person_id).in_(numbers))).all():
        if row.sealed:
            kind = "email" if row.channel == "email" else "phone" if row.channel in ("sms", "phone") else ""
            handles.setdefault((row.person_id or 0, kind), []).append(directory.opened(office.vault, row).handle)
    seats: dict[int, list[str]] = {}
    for seat in session.exec(select(Seat).where(col(Seat.person_id).in_(numbers), col(Seat.until).is_(None))).all():
        words = f"{seat.committee_kind} ({ROLE_NAMES.get(seat.role, seat.role)})"
        seats.setdefault(seat.person_id, []).append(words)
    audit.append(session, now, f"officer:{who.id}", "people exported", "members", council, f"{len(people)}")
    lines = [["conseil", "ville", "nom", "type", "téléphone", "email", "canal", "siège", "langue"]]
    for each in people:
        theirs = councils.get(each.council_id)
        lines.append(
            [
                theirs.name if theirs else "", theirs.city if theirs else "", each.name,
                KIND_NAMES.get(each.kind, each.kind), " | ".join(handles.get((each.id or 0, "phone"), ())),
                " | ".join(handles.get((each.id or 0, "email"), ())),
                each.preferred_channel, ", ".join(seats.get(each.id or 0, ())), each.language,
            ]
        )  # fmt: skip
    return lines


# --- one person -------------------------------------------------------------------------------------------------------


def the_person(session: Session, who: Who, number: int) -> Person:
    """LookupError if there is none whom this officer may see."""
    found = session.exec(select(Person).where(Person.id == number, _seen(who), Person.name != erasing.ERASED)).first()
    if found is None:
        raise LookupError(number)
    return found


def _rows(session: Session, number: int) -> list[AddressRow]:
    return list(
        session.exec(select(AddressRow).where(AddressRow.person_id == number).order_by(col(AddressRow.id))).all()
    )


def detail(session: Session, office: Office, who: Who, number: int) -> Detail:
    person = the_person(session, who, number)
    rows = _rows(session, number)
    ids = [row.id for row in rows]
    names = dict(session.exec(select(Council.id, Council.name)).all())
    seats = session.exec(
        select(Seat).where(Seat.person_id == number, col(Seat.until).is_(None)).order_by(col(Seat.id))
    ).all()
    consents = session.exec(
        select(Consent).where(col(Consent.address_id).in_(ids), col(Consent.withdrawn_at).is_(None))
    ).all()
    questions = session.exec(
        select(Question).where(col(Question.address_id).in_(ids)).order_by(col(Question.id).desc()).limit(20)
    ).all()
    open_tickets = session.execute(
        sa.select(sa.func.count()).where(col(Ticket.address_id).in_(ids), col(Ticket.state) == "open")
    ).scalar_one()
    return Detail(
        number, person.name, person.kind, KIND_NAMES.get(person.kind, person.kind),
        names.get(person.council_id, ""), person.council_id, person.language,
        LANGUAGE_NAMES.get(person.language, person.language), person.preferred_channel,
        channel_name(person.preferred_channel) if person.preferred_channel else "sans préférence",
        tuple(_way(office, row) for row in rows),
        tuple(
            HeldSeat(
                each.id or 0,
                f"{SEAT_NAMES.get(each.committee_kind, each.committee_kind)}, {ROLE_NAMES.get(each.role, each.role)}",
                names.get(each.council_id, ""),
            )
            for each in seats
        ),
        tuple((each.what, each.given_at) for each in consents),
        tuple((each.asked_at, " ".join(each.text.split()), each.ticket_id) for each in questions),
        open_tickets,
    )  # fmt: skip


def _way(office: Office, row: AddressRow) -> Way:
    assert row.id is not None
    state, words = "done", "on peut écrire"
    if row.stopped_at:
        state, words = "failed", "a écrit STOP"
    elif row.paused_at:
        state, words = "waiting", "les messages ne passent plus"
    masked = members.masked(directory.opened(office.vault, row)) if row.sealed else "(effacée)"
    return Way(row.id, channel_name(row.channel), masked, state, words, bool(row.paused_at and not row.stopped_at))


def handles(session: Session, office: Office, who: Who, number: int, now: datetime) -> list[tuple[str, str]]:
    """The addresses of a person in the clear; the trail says who asked."""
    person = the_person(session, who, number)
    audit.append(session, now, f"officer:{who.id}", "address shown", f"person:{number}", person.council_id)
    return [
        (channel_name(row.channel), directory.opened(office.vault, row).handle)
        for row in _rows(session, number)
        if row.sealed
    ]


def save(
    session: Session, office: Office, who: Who, number: int | None, typed: Mapping[str, str], now: datetime
) -> int:  # fmt: skip
    """Write a person down, new or known; Refused says what is wrong by field, as an address of somebody else."""
    person = the_person(session, who, number) if number is not None else Person(name="", created_at=now)
    errors: dict[str, str] = {}
    council = int(typed["conseil"]) if typed["conseil"].isdigit() else None
    if council is not None and (not who.sees(council) or session.get(Council, council) is None):
        errors["conseil"] = "Choisissez un conseil de la liste."
    if not typed["nom"]:
        errors["nom"] = "Écrivez un nom."
    elif len(typed["nom"]) > 150:
        errors["nom"] = "Écrivez 150 caractères au plus."
    offered = choices()
    for name in ("type", "langue", "canal"):
        kept = {"type": person.kind, "langue": person.language, "canal": person.preferred_channel}[name]
        if typed[name] not in {value for value, _ in offered[name]} | {kept}:
            errors[name] = "Choisissez dans la liste."
    if typed["type"] == "member" and council is None and not errors.get("conseil"):
        errors["conseil"] = "Un membre est membre d'un conseil : lequel ?"
    added = []
    if typed["telephone"]:
        phone = members.phone(typed["telephone"])
        if phone is None:
            errors["telephone"] = "Ce n'est pas un numéro. Exemple : 06 12 34 56 78."
        else:
            added.append(("telephone", phone))
    if typed["email"]:
        if not members.EMAIL.fullmatch(typed["email"]) or len(typed["email"]) > 254:
            errors["email"] = "Ce n'est pas une adresse e-mail. Exemple : awa@exemple.fr."
        else:
            added.append(("email", Address("email", typed["email"].lower())))
    rows = []
    for name, address in added:
        row = directory.keep(session, office.vault, address, now)
        owner = session.get(Person, row.person_id) if row.person_id else None
        if owner is not None and owner.id != number:
            mine = who.sees(owner.council_id)
            errors[name] = f"C'est déjà l'adresse de {owner.name}." if mine else "Cette adresse est déjà connue."
        rows.append(row)
    if errors:
        raise Refused(errors)
    person.name, person.kind, person.council_id = typed["nom"], typed["type"], council
    person.language, person.preferred_channel = typed["langue"], typed["canal"]
    session.add(person)
    session.flush()
    assert person.id is not None
    for row in rows:
        row.person_id = person.id
        session.add(row)
    act = "person added" if number is None else "person changed"
    audit.append(session, now, f"officer:{who.id}", act, f"person:{person.id}", council)
    return person.id


def resume(session: Session, who: Who, number: int, address: int, now: datetime) -> None:
    """Messages may go to this address again. LookupError."""
    person, row = the_person(session, who, number), session.get(AddressRow, address)
    if row is None or row.person_id != number:
        raise LookupError(address)
    row.paused_at, row.bounces, row.pause_reason = None, 0, ""
    session.add(row)
    audit.append(session, now, f"officer:{who.id}", "address resumed", f"address:{address}", person.council_id)


def sit(session: Session, who: Who, number: int, typed: Mapping[str, str], now: datetime) -> None:
    """A seat for this person. LookupError, Refused."""
    the_person(session, who, number)
    council = int(typed["siege_conseil"]) if typed["siege_conseil"].isdigit() else 0
    if not who.sees(council) or session.get(Council, council) is None:
        raise Refused({"siege_conseil": "Choisissez un conseil de la liste."})
    if typed["siege"] not in SEAT_NAMES or typed["place"] not in ROLE_NAMES:
        raise Refused({"siege": "Choisissez dans la liste."})
    members.sit(session, council, number, typed["siege"], typed["place"], now)
    audit.append(session, now, f"officer:{who.id}", "seat changed", f"person:{number}", council, typed["siege"])


def stand_up(session: Session, who: Who, number: int, seat: int, now: datetime) -> None:
    """The seat is free from now on. LookupError."""
    the_person(session, who, number)
    found = session.get(Seat, seat)
    if found is None or found.person_id != number or not who.sees(found.council_id):
        raise LookupError(seat)
    found.until = now
    session.add(found)
    audit.append(session, now, f"officer:{who.id}", "seat changed", f"person:{number}", found.council_id)


def merge(session: Session, who: Who, number: int, other: int, now: datetime) -> None:
    """`other` was the same person all along: addresses and seats become this one's. LookupError, Refused."""
    person = the_person(session, who, number)
    try:
        double = the_person(session, who, other)
    except LookupError:
        raise Refused({"autre": "Aucune personne n'a ce numéro."}) from None
    if other == number:
        raise Refused({"autre": "C'est la même fiche : donnez le numéro de l'autre."})
    session.execute(
        sa.update(AddressRow).where(col(AddressRow.person_id) == other).values(person_id=number)
    )  # fmt: skip
    held = {
        (seat.council_id, seat.committee_kind)
        for seat in session.exec(select(Seat).where(Seat.person_id == number)).all()
    }
    for seat in session.exec(select(Seat).where(Seat.person_id == other)).all():
        if (seat.council_id, seat.committee_kind) in held:
            seat.until = seat.until or now
        else:
            seat.person_id = number
        session.add(seat)
    joining.take_over(session, number, other)
    person.council_id = person.council_id or double.council_id
    double.name, double.preferred_channel, double.council_id = erasing.ERASED, "", None
    session.add_all((person, double))
    audit.append(
        session, now, f"officer:{who.id}", "people merged", f"person:{number}", person.council_id, f"person:{other}"
    )


# --- councils ---------------------------------------------------------------------------------------------------------


def councils(session: Session, who: Who) -> list[CouncilRow]:
    query = select(Council).order_by(col(Council.name))
    if who.councils is not None:
        query = query.where(col(Council.id).in_(list(who.councils)))
    counts = dict(
        session.execute(
            sa.select(col(Person.council_id), sa.func.count())
            .where(col(Person.name) != erasing.ERASED)
            .group_by(col(Person.council_id))
        ).all()
    )
    held: dict[tuple[int, str], int] = {}
    for council_id, kind, count in session.execute(
        sa.select(col(Seat.council_id), col(Seat.committee_kind), sa.func.count())
        .where(col(Seat.until).is_(None), col(Seat.role) == "titulaire")
        .group_by(col(Seat.council_id), col(Seat.committee_kind))
    ).all():
        held[council_id, kind] = count
    empty: dict[int, int] = {}
    for places in session.exec(select(SeatPlaces)).all():
        missing = places.places - held.get((places.council_id, places.committee_kind), 0)
        empty[places.council_id] = empty.get(places.council_id, 0) + max(missing, 0)
    return [
        CouncilRow(each.id or 0, each.name, each.city, counts.get(each.id, 0), empty.get(each.id or 0, 0))
        for each in session.exec(query).all()
    ]


def council(session: Session, who: Who, number: int) -> CouncilDetail:
    """LookupError if it is not theirs to see."""
    found = session.get(Council, number)
    if found is None or not who.sees(number):
        raise LookupError(number)
    sitting = session.execute(
        sa.select(col(Seat.committee_kind), col(Seat.role), col(Person.id), col(Person.name))
        .join(Person, col(Person.id) == col(Seat.person_id))
        .where(col(Seat.council_id) == number, col(Seat.until).is_(None), col(Person.name) != erasing.ERASED)
        .order_by(col(Person.name))
    ).all()
    places = {
        each.committee_kind: each.places
        for each in session.exec(select(SeatPlaces).where(SeatPlaces.council_id == number)).all()
    }

    def who_sits(kind: str, role: str) -> tuple[tuple[int, str], ...]:
        return tuple((row[2], row[3]) for row in sitting if row[0] == kind and row[1] == role)

    kinds = tuple(
        (kind, words, places.get(kind, 0), who_sits(kind, "titulaire"), who_sits(kind, "suppleant"))
        for kind, words in SEAT_NAMES.items()
    )
    people = session.execute(
        sa.select(col(Person.id), col(Person.name))
        .where(col(Person.council_id) == number, col(Person.name) != erasing.ERASED)
        .order_by(col(Person.name))
        .limit(500)
    ).all()
    return CouncilDetail(number, found.name, found.city, kinds, tuple((row[0], row[1]) for row in people))


def save_council(session: Session, who: Who, number: int | None, typed: Mapping[str, str], now: datetime) -> int:
    """Write a council down, and how many titular seats it has on each kind of committee. LookupError, Refused."""
    if number is not None:
        council(session, who, number)
    if not typed["nom"] or len(typed["nom"]) > 150:
        raise Refused({"nom": "Écrivez un nom, de 150 caractères au plus."})
    twin = directory.council_by_name(session, typed["nom"])
    if twin is not None and twin.id != number:
        raise Refused({"nom": "Un autre conseil a ce nom."})
    found = session.get(Council, number) if number is not None else None
    if found is None:
        found = Council(slug=members.new_slug(session, typed["nom"], typed["ville"]), name=typed["nom"])
    found.name, found.city = typed["nom"], typed["ville"][:100]
    session.add(found)
    session.flush()
    assert found.id is not None
    for kind in SEAT_NAMES:
        asked = typed.get(f"places_{kind}", "")
        if asked and (not asked.isdigit() or int(asked) > 50):
            raise Refused({f"places_{kind}": "Écrivez un nombre de 0 à 50."})
        if asked:
            standing = session.get(SeatPlaces, (found.id, kind))
            standing = standing or SeatPlaces(council_id=found.id, committee_kind=kind, places=0)
            standing.places = int(asked)
            session.add(standing)
    act = "council added" if number is None else "council changed"
    audit.append(session, now, f"officer:{who.id}", act, f"council:{found.id}", found.id)
    return found.id


# --- a person's data --------------------------------------------------------------------------------------------------


def data(session: Session, office: Office, who: Who, number: int, now: datetime) -> dict[str, Any]:
    """All that is kept about a person, to hand to them (GDPR, art. 15 and 20); the trail says who asked."""
    person = the_person(session, who, number)
    found = disclosing.all_of(session, office, person)
    audit.append(session, now, f"officer:{who.id}", "data handed out", f"person:{number}", person.council_id)
    return found


def erase(session: Session, office: Office, who: Who, number: int, now: datetime) -> None:
    """Everything about a person goes; that questions were asked stays, as figures. LookupError, also for an officer."""
    person = the_person(session, who, number)
    rows = [row.id for row in _rows(session, number) if row.id is not None]
    linked = sa.select(col(OfficerAddress.address_id))
    if session.exec(
        select(AddressRow.id).where(
            col(AddressRow.id).in_(rows),
            col(AddressRow.id).in_(sa.select(col(Officer.address_id)).union(linked)),
        )
    ).first():
        raise LookupError("an officer's address")
    council_id = person.council_id
    erasing.erase_person(session, office, person, rows, now)
    audit.append(session, now, f"officer:{who.id}", "erased", f"person:{number}", council_id)
