"""Who sits where and how they are reached: councils, people, addresses and seats, from a table; all or nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlmodel import Session, col, select

from bot import audit
from bot.desk import bounces
from bot.desk.importing import council_core
from bot.desk.letters import channel_name
from bot.office import Office
from bot.sheets import Line, Problem, fold, listed, read
from channels import directory, manners, writable
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from scheduler.committees import Seat

COLUMNS: dict[str, tuple[str, ...]] = {
    "conseil": ("conseil citoyen", "nom du conseil", "quartier", "council"),
    "ville": ("commune", "city"),
    "nom": ("personne", "nom et prénom", "prénom et nom", "nom prénom", "prénom nom", "membre", "name"),
    "prénom": ("first name",),
    "type": ("statut", "kind"),
    "téléphone": ("tel", "mobile", "portable", "numéro", "numéro de téléphone", "n de téléphone", "sms", "phone"),
    "email": ("e-mail", "mail", "courriel", "adresse mail", "adresse e-mail", "adresse électronique"),
    "canal": ("canal préféré", "préférence", "préféré", "channel"),
    "siège": ("sièges", "instance", "instances", "comités", "seat", "seats"),
    "langue": ("language",),
}
REQUIRED = ("conseil", "nom")
KINDS = {"membre": "member", "partenaire": "partner", "institution": "institution"}
KIND_NAMES = {kind: name for name, kind in KINDS.items()}
CHANNELS = (*writable(), "phone")
CHANNEL_WORDS = {word: name for name in CHANNELS for word in (name, *manners(name).words)}
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
SEAT_WORDS = (
    ("copil", r"copil|comite de pilotage|pilotage|oui|x"),
    ("cotech", r"cotech|comite technique|technique"),
    ("interconseil", r"inter ?conseils?"),
)
SEAT_NAMES = {"copil": "COPIL", "cotech": "comité technique", "interconseil": "inter-conseils"}
ROLE_NAMES = {"titulaire": "titulaire", "suppleant": "suppléant"}
NO_SEAT = ("non", "aucun", "sans", "0")
EMAIL = re.compile(
    r"[^\s@,;:<>()\[\]\"]{1,64}@(?:[^\s@,;:<>()\[\]\".]{1,63}\.)+[^\s@,;:<>()\[\]\".\d-][^\s@.,;:<>]{1,62}"
)
WRITTEN = {"sms": "téléphone", "phone": "téléphone", "email": "email"}

Done = Literal["new", "changed", "same"]


@dataclass(frozen=True)
class Change:
    """What an import does with one person."""

    line: int
    what: Done
    name: str
    council: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What an import did, or would do; nothing at all was written when there are problems."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    new_councils: tuple[str, ...] = ()

    def count(self, what: Done) -> int:
        return sum(change.what == what for change in self.changes)


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


# --- what a line says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """A person as one line says it; None or empty where it says nothing."""

    line: Line
    council: str
    city: str
    name: str
    kind: str  # empty: not said
    addresses: tuple[Address, ...]
    channel: str
    seats: dict[str, str] | None  # committee kind -> role; None: not said
    language: str


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


def _wanted(line: Line, columns: frozenset[str]) -> tuple[Wanted, list[Problem]]:
    problems: list[Problem] = []
    name = " ".join(f"{line['prénom']} {line['nom']}".split())
    if not line["nom"]:
        problems.append(line.problem("nom", "à remplir"))
    kind = ""
    if line["type"]:
        kind = next((k for word, k in KINDS.items() if fold(line["type"]).startswith(word)), "")
        if not kind:
            problems.append(line.problem("type", f"« {line['type']} » est inconnu. Écrivez {' ou '.join(KINDS)}"))
    addresses = []
    for part in listed(line["téléphone"], "|;,/\n"):
        found = phone(part)
        if found is None:
            problems.append(line.problem("téléphone", f"« {part} » n'est pas un numéro. Exemple : 06 12 34 56 78"))
        else:
            addresses.append(found)
    for part in listed(line["email"], "|;,\n"):
        if len(part) > 254 or ".." in part or not EMAIL.fullmatch(part):
            problems.append(line.problem("email", f"« {part} » n'est pas un e-mail. Exemple : awa@exemple.fr"))
        else:
            addresses.append(Address("email", part.lower()))
    channel = ""
    if line["canal"]:
        channel = CHANNEL_WORDS.get(fold(line["canal"]), "")
        if not channel:
            known = f"{', '.join(writable())}, téléphone"
            problems.append(line.problem("canal", f"« {line['canal']} » est inconnu. Canaux connus : {known}"))
    seats: dict[str, str] | None = None
    if "siège" in columns:
        seats = _seats(line, problems)
    if not line["conseil"]:
        if seats:
            problems.append(line.problem("conseil", "à remplir : un siège est le siège d'un conseil"))
        elif kind in ("", "member"):
            problems.append(line.problem("conseil", "à remplir (sauf pour un partenaire ou une institution)"))
    language = fold(line["langue"])
    language = LANGUAGES.get(language, language)
    if language and not re.fullmatch(r"[a-z]{2,3}", language):
        problems.append(line.problem("langue", f"« {line['langue']} » est inconnue. Exemple : français, ou fr"))
    council, city = " ".join(line["conseil"].split()), " ".join(line["ville"].split())
    return Wanted(line, council, city, name, kind, tuple(addresses), channel, seats, language), problems


def _seats(line: Line, problems: list[Problem]) -> dict[str, str]:
    """« copil, cotech (suppléant) » -> {"copil": "titulaire", "cotech": "suppleant"}; a role alone is said of all."""
    seats: dict[str, str] = {}
    common = "titulaire"
    for part in re.split(r"[|,;/+\n]|\bet\b", line["siège"]):
        words = fold(part)
        if not words or words in NO_SEAT:
            continue
        role = "suppleant" if re.search(r"\bsuppleant", words) else "titulaire" if "titulaire" in words else ""
        kinds = [kind for kind, pattern in SEAT_WORDS if re.search(rf"\b(?:{pattern})\b", words)]
        for kind in kinds:
            seats[kind] = role
        if not kinds and role:
            common = role
        if not kinds and not role:
            known = "copil, cotech, interconseil, suivis de titulaire ou suppléant"
            problems.append(line.problem("siège", f"« {part.strip()} » est inconnu. Écrivez {known}"))
    return {kind: role or common for kind, role in seats.items()}


# --- what is here -----------------------------------------------------------------------------------------------------


@dataclass
class _Here:
    """All that an import must compare with, read once."""

    councils: list[Council]
    people: dict[int, Person]
    rows: dict[tuple[str, str], AddressRow]  # by channel and blind index
    rows_of: dict[int, list[AddressRow]]
    seats_of: dict[int, list[Seat]]
    by_name: dict[tuple[str, int | None], list[Person]] = field(default_factory=dict)


def _here(session: Session) -> _Here:
    people = {person.id: person for person in session.exec(select(Person)) if person.id is not None}
    rows = session.exec(select(AddressRow).order_by(col(AddressRow.id))).all()
    here = _Here(
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


def _council(here: _Here, name: str, city: str) -> Council | str | None:
    """The council of this name; None if unknown; what is wrong, if several fit."""
    wanted, core, town = fold(name), council_core(name), fold(city)
    found = [c for c in here.councils if wanted in (fold(c.slug), fold(c.name))]
    found = found or [c for c in here.councils if core and council_core(c.name) == core]
    if town:
        found = [c for c in found if not c.city or fold(c.city) == town]
    if len(found) > 1:
        return f"plusieurs conseils s'appellent « {name} » : précisez la ville"
    return found[0] if found else None


def _slug(here: _Here, name: str, city: str) -> str:
    taken = {council.slug for council in here.councils}
    base = fold(name).replace(" ", "-") or "conseil"
    choices = [base, f"{base}-{fold(city).replace(' ', '-')}"] if city else [base]
    return next(
        (slug for slug in choices if slug not in taken),
        next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken),
    )


def new_slug(session: Session, name: str, city: str) -> str:
    """A short name that no council has yet."""
    return _slug(_Here(list(session.exec(select(Council)).all()), {}, {}, {}, {}), name, city)


# --- the import -------------------------------------------------------------------------------------------------------


@dataclass
class _Plan:
    """One person of the file: their lines, one a council."""

    wanted: list[Wanted]
    councils: list[Council | None]
    person: Person | None = None


def import_sheet(
    session: Session, office: Office, content: bytes, now: datetime, create_councils: bool, dry_run: bool,
    actor: str = "command",
) -> Report:  # fmt: skip
    """Councils, people, addresses and seats from a CSV file, all or nothing. BadSheet if it is no table.

    1. Each line is read; a council must be known, unless new ones may be made.
    2. A person is found by an address, else by name and council; lines of the same person are taken together.
    3. What differs is told, and written unless something is wrong or it is a dry run.
    An empty cell changes nothing. A new number or email takes the place of one that was never heard from.
    """
    sheet = read(content, COLUMNS, REQUIRED)
    problems = list(sheet.problems)
    notes = [f"colonne ignorée : {name}" for name in sheet.unknown]
    here = _here(session)
    new: list[Council] = []
    plans = _plans(session, office, here, sheet.lines, sheet.columns, create_councils, new, problems)
    changes: list[Change] = []
    todo: list[tuple[_Plan, _Difference]] = []
    for each in plans:
        difference = _difference(office, here, each, now, problems, notes)
        todo.append((each, difference))
        first = each.wanted[0]
        main = each.councils[0]
        what: Done = "new" if each.person is None else "changed" if difference.words else "same"
        changes.append(Change(first.line.number, what, first.name, main.name if main else "", tuple(difference.words)))
    report = Report(
        tuple(sorted(changes, key=lambda change: change.line)),
        tuple(problems),
        tuple(dict.fromkeys(notes)),
        tuple(council.name for council in new),
    )
    if problems or dry_run:
        return report
    session.add_all(new)
    session.flush()
    for each, difference in todo:
        _write(session, office, each, difference, now)
    if new or any(change.what != "same" for change in changes):
        words = f"nouveaux {report.count('new')}, changés {report.count('changed')}, conseils {len(new)}"
        audit.append(session, now, actor, "members imported", "members", text=words)
    return report


def _plans(
    session: Session,
    office: Office,
    here: _Here,
    lines: Sequence[Line],
    columns: frozenset[str],
    create_councils: bool,
    new: list[Council],
    problems: list[Problem],
) -> list[_Plan]:
    """The people of a file, each with their lines; what is wrong goes to `problems`."""
    plans: list[_Plan] = []
    by_address: dict[Address, _Plan] = {}
    by_name: dict[tuple[str, str], tuple[_Plan, int]] = {}
    for line in lines:
        wanted, wrong = _wanted(line, columns)
        council: Council | None = None
        if wanted.council:
            found = _council(here, wanted.council, wanted.city)
            if isinstance(found, str):
                wrong.append(line.problem("conseil", found))
            elif found is not None:
                council = found
            elif create_councils:
                council = Council(slug=_slug(here, wanted.council, wanted.city), name=wanted.council, city=wanted.city)
                here.councils.append(council)
                new.append(council)
            else:
                wrong.append(
                    line.problem(
                        "conseil", f"conseil inconnu : « {wanted.council} » (pour le créer : --create-councils)"
                    )
                )
        problems += wrong
        if wrong:
            continue
        before = next((by_address[address] for address in wanted.addresses if address in by_address), None)
        name_key = (fold(wanted.name), council.slug if council else "")
        if before is not None:
            first = before.wanted[0]
            shared = next(address for address in wanted.addresses if by_address.get(address) is before)
            column = WRITTEN[shared.channel]
            if fold(first.name) != fold(wanted.name):
                problems.append(line.problem(column, f"déjà ligne {first.line.number}, pour {first.name}"))
                continue
            if council in before.councils:
                problems.append(line.problem(column, f"cette personne est déjà ligne {first.line.number}"))
                continue
            before.wanted.append(wanted)
            before.councils.append(council)
        elif name_key in by_name:
            problems.append(line.problem("nom", f"cette personne est déjà ligne {by_name[name_key][1]}"))
            continue
        else:
            before = _Plan([wanted], [council])
            plans.append(before)
        by_name[name_key] = (before, line.number)
        for address in wanted.addresses:
            by_address[address] = before
    return plans


@dataclass
class _Difference:
    """What to write for one person, and how to say it."""

    words: list[str] = field(default_factory=list)
    council: Council | None = None
    add: list[Address] = field(default_factory=list)
    wake: list[AddressRow] = field(default_factory=list)  # addresses that are the right ones again
    retire: list[AddressRow] = field(default_factory=list)  # addresses that another takes the place of
    seats: list[tuple[Council, str, str]] = field(
        default_factory=list
    )  # council, committee kind, role: begin or change
    end: list[Seat] = field(default_factory=list)


def _difference(
    office: Office, here: _Here, plan: _Plan, now: datetime, problems: list[Problem], notes: list[str]
) -> _Difference:
    first = plan.wanted[0]
    plan.person = _find(office, here, plan, problems)
    person, words, difference = plan.person, [], _Difference(council=plan.councils[0])
    said = {
        "nom": first.name,
        "type": next((w.kind for w in plan.wanted if w.kind), ""),
        "canal": next((w.channel for w in plan.wanted if w.channel), ""),
        "langue": next((w.language for w in plan.wanted if w.language), ""),
    }
    if person is not None:
        standing = {
            "nom": person.name,
            "type": person.kind,
            "canal": person.preferred_channel,
            "langue": person.language,
        }
        for name, value in said.items():
            if value and value != standing[name]:
                shown = {"type": KIND_NAMES, "canal": {}}.get(name, {})
                old = channel_name(standing[name]) if name == "canal" else shown.get(standing[name], standing[name])
                new = channel_name(value) if name == "canal" else shown.get(value, value)
                words.append(f"{name} : {old or 'rien'} -> {new}")
        difference.council = _main_council(here, plan, person)
        if difference.council is not None and difference.council.id != person.council_id:
            words.append(f"conseil : {_council_name(here, person.council_id)} -> {difference.council.name}")
    for wanted, council in zip(plan.wanted, plan.councils, strict=True):
        if council is not None and wanted.city and not council.city and council.id is not None:
            words.append(f"ville du conseil : {wanted.city}")
    _addresses(office, here, plan, difference, words, notes)
    _seat_changes(here, plan, difference, words, now)
    has = {address.channel for wanted in plan.wanted for address in wanted.addresses}
    if person is not None and person.id is not None:
        has |= {row.channel for row in here.rows_of.get(person.id, ())}
    if said["canal"] and said["canal"] not in has:
        wish = channel_name(said["canal"])
        notes.append(f"ligne {first.line.number} : {first.name} préfère {wish}, et n'y a pas encore d'adresse")
    elif not has & set(writable()):
        notes.append(f"ligne {first.line.number} : {first.name} n'a ni mobile ni e-mail : à prévenir de vive voix")
    difference.words = words
    return difference


def _find(office: Office, here: _Here, plan: _Plan, problems: list[Problem]) -> Person | None:
    """The person that these lines speak of: by address, else by name and council; a clash is a problem."""
    by_name = next(
        (
            found
            for wanted, council in zip(plan.wanted, plan.councils, strict=True)
            if (found := here.by_name.get((fold(wanted.name), council.id if council else None)))
            and (council is None or council.id is not None)
        ),
        [],
    )
    owner: Person | None = None
    for wanted in plan.wanted:
        for address in wanted.addresses:
            row = _row_of(office, here, address)
            person = here.people.get(row.person_id) if row is not None and row.person_id is not None else None
            if person is None:
                continue
            same = set(fold(person.name).split()) & set(fold(wanted.name).split())
            elsewhere = (owner is not None and owner is not person) or (by_name and person not in by_name)
            if elsewhere or not same:
                what = f"{masked(address)} est déjà l'adresse de {person.name}"
                problems.append(wanted.line.problem(WRITTEN[address.channel], what))
                continue
            owner = person
    if owner is None and len(by_name) > 1:
        what = f"plusieurs personnes s'appellent {plan.wanted[0].name} : ajoutez un numéro ou un e-mail connu"
        problems.append(plan.wanted[0].line.problem("nom", what))
    return owner or (by_name[0] if by_name else None)


def _row_of(office: Office, here: _Here, address: Address) -> AddressRow | None:
    blinds = office.vault.blinds(address.channel, address.handle)
    return next((row for blind in blinds if (row := here.rows.get((address.channel, blind)))), None)


def _main_council(here: _Here, plan: _Plan, person: Person) -> Council | None:
    """The person's council stays while a line names it, or while they have a seat in a council that a line names."""
    named = [council for council in plan.councils if council is not None]
    current = next((council for council in here.councils if council.id == person.council_id), None)
    if not named or (current is not None and current in named):
        return current
    seated = {seat.council_id for seat in here.seats_of.get(person.id or 0, ()) if seat.until is None}
    return current if current is not None and any(council.id in seated for council in named) else named[0]


def _addresses(
    office: Office, here: _Here, plan: _Plan, difference: _Difference, words: list[str], notes: list[str]
) -> None:
    theirs = here.rows_of.get(plan.person.id or 0, []) if plan.person else []
    listed_rows: list[AddressRow] = []
    said = list(dict.fromkeys(address for wanted in plan.wanted for address in wanted.addresses))
    for address in said:
        row = _row_of(office, here, address)
        if row is not None:
            listed_rows.append(row)
        if row is None or row not in theirs:
            difference.add.append(address)
            words.append(f"{channel_name(address.channel)} : {masked(address)}")
    for row in listed_rows:
        rivals = [other for other in theirs if other.channel == row.channel and other not in listed_rows]
        if row.paused_at is None:
            continue
        if any(other.paused_at is None for other in rivals):  # the number of before is the right one again
            difference.wake.append(row)
            words.append(f"{channel_name(row.channel)} : adresse reprise")
        elif row in theirs:
            where = f"ligne {plan.wanted[0].line.number}"
            notes.append(f"{where} : {channel_name(row.channel)} : les messages n'y passent plus, à vérifier")
    channels = {address.channel for address in said}
    for row in theirs:
        # what the person proved or wrote from is theirs, whatever a list says
        untried = row.last_heard_at is None and row.verified_at is None and row.paused_at is None
        if row.channel in channels and row not in listed_rows and untried:
            difference.retire.append(row)
            words.append(
                f"{channel_name(row.channel)} : {masked(directory.opened(office.vault, row))} n'est plus utilisé"
            )


def _seat_changes(here: _Here, plan: _Plan, difference: _Difference, words: list[str], now: datetime) -> None:
    seats = here.seats_of.get(plan.person.id or 0, []) if plan.person else []
    moved_from = plan.person.council_id if plan.person and plan.person.council_id else None
    kept = {council.id for council in plan.councils if council is not None}
    for wanted, council in zip(plan.wanted, plan.councils, strict=True):
        if wanted.seats is None or council is None:
            continue
        current = {seat.committee_kind: seat for seat in seats if seat.council_id == council.id and _held(seat, now)}
        for kind, role in wanted.seats.items():
            if kind not in current or current[kind].role != role:
                difference.seats.append((council, kind, role))
                words.append(f"siège : {SEAT_NAMES[kind]} ({ROLE_NAMES[role]}), {council.name}")
        for kind, seat in current.items():
            if kind not in wanted.seats:
                difference.end.append(seat)
                words.append(f"ne siège plus : {SEAT_NAMES.get(kind, kind)}, {council.name}")
    if moved_from is not None and difference.council is not None and difference.council.id != moved_from:
        for seat in seats:
            if seat.council_id == moved_from and moved_from not in kept and _held(seat, now):
                difference.end.append(seat)
                name = SEAT_NAMES.get(seat.committee_kind, seat.committee_kind)
                words.append(f"ne siège plus : {name}, {_council_name(here, moved_from)}")


def _held(seat: Seat, now: datetime) -> bool:
    return seat.until is None or seat.until > now


def _council_name(here: _Here, council_id: int | None) -> str:
    return next((council.name for council in here.councils if council.id == council_id), "aucun")


def _write(session: Session, office: Office, plan: _Plan, difference: _Difference, now: datetime) -> None:
    first = plan.wanted[0]
    kind = next((w.kind for w in plan.wanted if w.kind), "")
    channel = next((w.channel for w in plan.wanted if w.channel), "")
    language = next((w.language for w in plan.wanted if w.language), "")
    person = plan.person
    if person is None:
        person = Person(name=first.name, created_at=now)
    elif not difference.words:
        return
    person.name = first.name
    person.kind = kind or person.kind
    person.preferred_channel = channel or person.preferred_channel
    person.language = language or person.language
    person.council_id = difference.council.id if difference.council else person.council_id
    session.add(person)
    session.flush()
    for wanted, council in zip(plan.wanted, plan.councils, strict=True):
        if council is not None and wanted.city and not council.city:
            council.city = wanted.city
            session.add(council)
    for address in difference.add:
        row = directory.keep(session, office.vault, address, now)
        row.person_id = person.id
        session.add(row)
    for row in difference.wake:
        bounces.heard_again(session, row)
        session.add(row)
    for row in difference.retire:
        row.paused_at = now
        session.add(row)
    for seat in difference.end:
        seat.until = now
        session.add(seat)
    assert person.id is not None
    for council, seat_kind, role in difference.seats:
        assert council.id is not None
        sit(session, council.id, person.id, seat_kind, role, now)
    session.flush()


def sit(session: Session, council_id: int, person_id: int, kind: str, role: str, now: datetime) -> None:
    standing = session.exec(
        select(Seat).where(Seat.council_id == council_id, Seat.person_id == person_id, Seat.committee_kind == kind)
    ).first()
    if standing is None:
        standing = Seat(council_id=council_id, person_id=person_id, committee_kind=kind, since=now)
    elif not _held(standing, now):
        standing.since, standing.until = now, None
    standing.role = role
    session.add(standing)


# --- lists ------------------------------------------------------------------------------------------------------------


def listed_members(session: Session, office: Office, council: str = "", limit: int = 2000) -> list[Member]:
    """People by council and name, handles masked; of one council when it is named. LookupError if it is unknown."""
    here = _here(session)
    people = list(here.people.values())
    if council:
        found = _council(here, council, "")
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
