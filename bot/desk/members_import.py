"""A table of members is compared with who stands here, then written: all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from bot import audit
from bot.desk import bounces
from bot.desk.letters import channel_name
from bot.desk.member_lines import COLUMNS, REQUIRED, Wanted, wanted_of
from bot.desk.members import (
    KIND_NAMES,
    ROLE_NAMES,
    SEAT_NAMES,
    Here,
    council_named,
    free_slug,
    held,
    masked,
    sit,
    stands,
)
from bot.office import Office
from bot.sheets import Line, Problem, fold, read
from channels import directory, writable
from channels.contract import Address
from channels.directory import AddressRow, Council, Person
from scheduler.committees import Seat

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
    here = stands(session)
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
    here: Here,
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
        wanted, wrong = wanted_of(line, columns)
        council: Council | None = None
        if wanted.council:
            found = council_named(here, wanted.council, wanted.city)
            if isinstance(found, str):
                wrong.append(line.problem("conseil", found))
            elif found is not None:
                council = found
            elif create_councils:
                council = Council(
                    slug=free_slug(here, wanted.council, wanted.city), name=wanted.council, city=wanted.city
                )
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
    office: Office, here: Here, plan: _Plan, now: datetime, problems: list[Problem], notes: list[str]
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


def _find(office: Office, here: Here, plan: _Plan, problems: list[Problem]) -> Person | None:
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


def _row_of(office: Office, here: Here, address: Address) -> AddressRow | None:
    blinds = office.vault.blinds(address.channel, address.handle)
    return next((row for blind in blinds if (row := here.rows.get((address.channel, blind)))), None)


def _main_council(here: Here, plan: _Plan, person: Person) -> Council | None:
    """The person's council stays while a line names it, or while they have a seat in a council that a line names."""
    named = [council for council in plan.councils if council is not None]
    current = next((council for council in here.councils if council.id == person.council_id), None)
    if not named or (current is not None and current in named):
        return current
    seated = {seat.council_id for seat in here.seats_of.get(person.id or 0, ()) if seat.until is None}
    return current if current is not None and any(council.id in seated for council in named) else named[0]


def _addresses(
    office: Office, here: Here, plan: _Plan, difference: _Difference, words: list[str], notes: list[str]
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


def _seat_changes(here: Here, plan: _Plan, difference: _Difference, words: list[str], now: datetime) -> None:
    seats = here.seats_of.get(plan.person.id or 0, []) if plan.person else []
    moved_from = plan.person.council_id if plan.person and plan.person.council_id else None
    kept = {council.id for council in plan.councils if council is not None}
    for wanted, council in zip(plan.wanted, plan.councils, strict=True):
        if wanted.seats is None or council is None:
            continue
        current = {seat.committee_kind: seat for seat in seats if seat.council_id == council.id and held(seat, now)}
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
            if seat.council_id == moved_from and moved_from not in kept and held(seat, now):
                difference.end.append(seat)
                name = SEAT_NAMES.get(seat.committee_kind, seat.committee_kind)
                words.append(f"ne siège plus : {name}, {_council_name(here, moved_from)}")


def _council_name(here: Here, council_id: int | None) -> str:
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
