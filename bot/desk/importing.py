"""Meetings from a spreadsheet or a calendar file: matched with those that stand here, then written, all or nothing."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from sqlmodel import Session, col, select

from bot import audit
from bot.desk.calendar import KIND_NAMES
from bot.desk.kit import TO_CONFIRM
from bot.desk.reminding import withdraw
from bot.office import Office
from bot.sheets import BadCell, Line, Problem, day, fold, hour, listed, moment, read
from channels.directory import Council
from scheduler import committees, ics
from scheduler.committees import CANCELLED, Committee, CommitteeCouncil

KIND_WORDS = (  # the first that fits: « préparation du COPIL » is no COPIL
    ("preparation", r"preparation|preparatoire|prepa"),
    ("interconseil", r"inter ?conseils?"),
    ("training", r"formation"),
    ("cotech", r"cotech|comite technique|technique"),
    ("copil", r"copil|comite de pilotage|pilotage"),
    ("council", r"reunion du conseil|conseil citoyen|pleniere"),
)
COLUMNS: dict[str, tuple[str, ...]] = {
    "titre": ("intitulé", "réunion", "nom", "objet", "title", "comité", "instance"),
    "conseils": ("conseil", "conseil citoyen", "conseils citoyens", "quartier", "quartiers", "council", "councils"),
    "date": ("jour", "le"),
    "heure": ("début", "heure de début", "à", "hour", "time"),
    "fin": ("heure de fin", "end"),
    "lieu": ("adresse", "salle", "endroit", "place", "où"),
    "à préparer": ("a_preparer", "préparation", "ordre du jour", "odj", "agenda"),
    "type": ("type de réunion", "genre", "kind"),
    "état": ("statut", "state"),
}
REQUIRED = ("titre", "conseils", "date", "heure")
EMPTY_WORDS = frozenset(
    ["conseil", "conseils", "citoyen", "citoyens", "de", "du", "des", "la", "le", "les", "l", "d", "quartier", "et"]
)


@dataclass(frozen=True)
class Wanted:
    """A meeting as a file says it, councils by id."""

    where: str  # « ligne 4 », « événement « COPIL » »
    kind: str  # empty: what it is here already, else `else_kind`
    title: str
    councils: frozenset[int]
    starts_at: datetime
    ends_at: datetime | None = None
    place: str = ""
    agenda: str = ""
    cancelled: bool = False
    uid: str = ""
    sequence: int = 0
    else_kind: str = committees.COPIL

    def alike(self) -> tuple[str, frozenset[int]]:
        return fold(self.title), self.councils


Done = Literal["new", "moved", "changed", "cancelled", "same", "ignored"]


@dataclass(frozen=True)
class Change:
    """What an import does with one meeting."""

    where: str
    what: Done
    title: str
    starts_at: datetime
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What an import did, or would do; nothing at all was written when there are problems."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, what: Done) -> int:
        return sum(change.what == what for change in self.changes)


def import_sheet(session: Session, office: Office, content: bytes, now: datetime, dry_run: bool) -> Report:
    """Meetings from a CSV file, all or nothing. BadSheet if it is no table."""
    sheet = read(content, COLUMNS, REQUIRED)
    councils = Councils(session.exec(select(Council).order_by(col(Council.id))).all())
    wanted, problems = [], list(sheet.problems)
    for line in sheet.lines:
        one, wrong = _from_line(line, councils, office, now)
        problems += wrong
        if one is not None:
            wanted.append(one)
    notes = tuple(f"colonne ignorée : {name}" for name in sheet.unknown)
    return _import(session, office, wanted, problems, notes, now, dry_run)


def import_calendar(
    session: Session, office: Office, content: bytes, council_names: Sequence[str], now: datetime, dry_run: bool
) -> Report:
    """Meetings from an iCalendar file, all or nothing; of the councils named, else of those that its words name.

    ics.NotACalendar if it is none.
    """
    calendar = ics.read(content, office.zone, now)
    councils = Councils(session.exec(select(Council).order_by(col(Council.id))).all())
    problems = [Problem(fault.where, fault.what) for fault in calendar.faults]
    notes = list(calendar.notes)
    given: set[int] = set()
    for name in council_names:
        found = councils.named(name)
        if isinstance(found, str):
            problems.append(Problem("--council", found))
        else:
            given.add(found)
    wanted: list[Wanted] = []
    for event in calendar.events:
        kind = _kind_of(f"{event.title} {event.categories}")
        if kind is None:
            notes.append(f"{event.where} : ni COPIL ni comité technique dans le titre, donc sans rappel")
        theirs = given or councils.within(f"{event.title} {event.place} {event.agenda}")
        if not theirs:
            problems.append(Problem(event.where, "aucun conseil reconnu dans le titre : ajoutez --council NOM"))
            continue
        wanted.append(
            Wanted(
                event.where,
                kind or "",
                event.title,
                frozenset(theirs),
                event.starts_at,
                event.ends_at,
                event.place,
                event.agenda,
                event.cancelled,
                event.uid,
                event.sequence,
                "other",
            )
        )
    return _import(session, office, wanted, problems, tuple(notes), now, dry_run)


@dataclass
class Councils:
    """The councils, found by slug, by name, or by name without « conseil citoyen de »."""

    all: Sequence[Council]
    by_name: dict[str, list[int]] = field(default_factory=dict)
    cores: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for council in self.all:
            assert council.id is not None
            core = council_core(council.name)
            self.cores[council.id] = core
            for name in {fold(council.slug), fold(council.name), core, f"{core} {fold(council.city)}"}:
                if name:
                    self.by_name.setdefault(name, []).append(council.id)

    def named(self, name: str) -> int | str:
        """The id, or what is wrong, in French."""
        found = self.by_name.get(fold(name)) or self.by_name.get(council_core(name)) or []
        if not found:
            return f"conseil inconnu : « {name} »"
        if len(found) > 1:
            return f"plusieurs conseils s'appellent « {name} » : donnez le nom court (hotline members list)"
        return found[0]

    def within(self, text: str) -> set[int]:
        """The councils that a text speaks of; a longer name hides the shorter one that it holds."""
        words = f" {' '.join(w for w in fold(text).split() if w not in EMPTY_WORDS)} "
        found: set[int] = set()
        for id, core in sorted(self.cores.items(), key=lambda item: -len(item[1])):
            if core and f" {core} " in words:
                found.add(id)
                words = words.replace(f" {core} ", " | ")
        return found


def council_core(name: str) -> str:
    """« Conseil citoyen de Bellevue » -> "bellevue" """
    return " ".join(word for word in fold(name).split() if word not in EMPTY_WORDS)


def _kind_of(text: str) -> str | None:
    folded = fold(text)
    return next((kind for kind, words in KIND_WORDS if re.search(rf"\b(?:{words})\b", folded)), None)


def _from_line(line: Line, councils: Councils, office: Office, now: datetime) -> tuple[Wanted | None, list[Problem]]:
    problems = [line.problem(column, "à remplir") for column in REQUIRED if not line[column]]
    ids: set[int] = set()
    whole = councils.named(line["conseils"]) if line["conseils"] else ""
    for name in [line["conseils"]] if isinstance(whole, int) else listed(line["conseils"]):
        found = councils.named(name)
        if isinstance(found, str):
            problems.append(line.problem("conseils", found))
        else:
            ids.add(found)
    kind = ""
    if line["type"]:
        named = line["type"] if line["type"] in committees.KINDS else _kind_of(line["type"])
        if named is None and fold(line["type"]) in ("autre", "divers"):
            named = "other"
        if named is None:
            known = ", ".join(KIND_NAMES.values())
            problems.append(line.problem("type", f"« {line['type']} » est inconnu. Types connus : {known}"))
        kind = named or kind
    state = fold(line["état"])
    cancelled = bool(re.match(r"annul|cancel", state))
    if state and not cancelled and not re.match(r"prevu|confirm|planifi|maintenu|deplac|report|planned|moved", state):
        problems.append(line.problem("état", f"« {line['état']} » est inconnu. Écrivez « prévu » ou « annulé »"))
    starts_at, ends_at = _times(line, office, problems)
    if starts_at and starts_at <= now:
        problems.append(line.problem("date", f"{office.when(starts_at)} est déjà passé"))
    if problems or starts_at is None:
        return None, problems
    title, agenda = " ".join(line["titre"].split()), line["à préparer"]
    place = " ".join(line["lieu"].split())
    wanted = Wanted(f"ligne {line.number}", kind, title, frozenset(ids), starts_at, ends_at, place, agenda, cancelled)
    return wanted, []


def _times(line: Line, office: Office, problems: list[Problem]) -> tuple[datetime | None, datetime | None]:
    on: date | None = None
    at = until = None
    if line["date"]:
        try:
            on = day(line["date"])
        except BadCell as error:
            problems.append(line.problem("date", str(error)))
    for column in ("heure", "fin"):
        if line[column]:
            try:
                at, until = (hour(line[column]), until) if column == "heure" else (at, hour(line[column]))
            except BadCell as error:
                problems.append(line.problem(column, str(error)))
    if on is None or at is None:
        return None, None
    try:
        starts_at = moment(on, at, office.zone)
        ends_at = moment(on, until, office.zone) if until else None
    except BadCell as error:
        problems.append(line.problem("heure", str(error)))
        return None, None
    if ends_at and ends_at <= starts_at:
        problems.append(line.problem("fin", "la fin vient avant le début"))
    return starts_at, ends_at


def _import(
    session: Session,
    office: Office,
    wanted: Sequence[Wanted],
    problems: Sequence[Problem],
    notes: tuple[str, ...],
    now: datetime,
    dry_run: bool,
) -> Report:
    """Match what a file says with what stands here, and write it unless something is wrong."""
    problems = [*problems, *_doubles(wanted)]
    matched, more_notes = _match(session, office, wanted, now)
    pairs = [(_completed(one, standing.committee if standing else None), standing) for one, standing in matched]
    planned = [_compare(office, one, standing) for one, standing in pairs]
    report = Report(tuple(planned), tuple(problems), (*notes, *more_notes))
    if problems or dry_run:
        return report
    for (one, standing), change in zip(pairs, planned, strict=True):
        _write(session, one, standing.committee if standing else None, change.what, now)
    session.flush()
    withdraw(session, now)
    if any(change.what not in ("same", "ignored") for change in planned):
        words = ", ".join(f"{what} {report.count(what)}" for what in ("new", "moved", "changed", "cancelled"))
        audit.append(session, now, "command", "meetings imported", "committees", text=words)
    return report


def _doubles(wanted: Sequence[Wanted]) -> Iterable[Problem]:
    seen: dict[tuple[object, ...], str] = {}
    for one in wanted:
        key = (*one.alike(), one.starts_at)
        if key in seen:
            yield Problem(one.where, f"la même réunion est déjà là : {seen[key]}")
        seen.setdefault(key, one.where)


@dataclass(frozen=True)
class _Standing:
    """A meeting that is here already, with its councils."""

    committee: Committee
    councils: frozenset[int]

    def alike(self) -> tuple[str, frozenset[int]]:
        return fold(self.committee.title), self.councils


Pair = tuple[Wanted, "_Standing | None"]


def _match(
    session: Session, office: Office, wanted: Sequence[Wanted], now: datetime
) -> tuple[list[Pair], tuple[str, ...]]:
    """Each meeting of a file with the one that it is here: by uid, else by title, councils and date, else by year.

    Title and councils in the same year are the same meeting, moved; several are paired in the order of their dates.
    """
    rows = session.exec(select(Committee).where(Committee.starts_at > now).order_by(col(Committee.starts_at))).all()
    theirs: dict[int, set[int]] = {}
    for link in session.exec(
        select(CommitteeCouncil)
        .join(Committee, col(Committee.id) == col(CommitteeCouncil.committee_id))
        .where(Committee.starts_at > now)
    ):
        theirs.setdefault(link.committee_id, set()).add(link.council_id)
    free = [_Standing(row, frozenset(theirs.get(row.id or 0, ()))) for row in rows]
    found: dict[int, _Standing] = {}

    def take(index: int, standing: _Standing) -> None:
        found[index] = standing
        free.remove(standing)

    by_uid = {standing.committee.uid: standing for standing in free if standing.committee.uid}
    for index, one in enumerate(wanted):
        if one.uid and one.uid in by_uid and index not in found and by_uid[one.uid] in free:
            take(index, by_uid[one.uid])
    exact = {(*standing.alike(), standing.committee.starts_at): standing for standing in free}
    for index, one in enumerate(wanted):
        standing = exact.get((*one.alike(), one.starts_at))
        if index not in found and standing is not None and standing in free:
            take(index, standing)
    notes = []
    alike: dict[tuple[object, ...], list[_Standing]] = {}
    for standing in free:
        if standing.committee.state != CANCELLED and not standing.committee.uid:
            alike.setdefault(standing.alike(), []).append(standing)
    for index, one in sorted(enumerate(wanted), key=lambda item: item[1].starts_at):
        if index in found or one.uid or one.cancelled:
            continue
        year = one.starts_at.astimezone(office.zone).year
        candidates = alike.get(one.alike(), [])
        moved = next((s for s in candidates if s.committee.starts_at.astimezone(office.zone).year == year), None)
        if moved is not None:
            candidates.remove(moved)
            take(index, moved)
        elif candidates:
            other = candidates[0].committee
            notes.append(
                f"{one.where} : une réunion du même nom a lieu {office.when(other.starts_at)} (n° {other.id}). "
                "Si c'est elle qui change d'année : hotline committees move"
            )
    return [(one, found.get(index)) for index, one in enumerate(wanted)], tuple(notes)


def _completed(one: Wanted, here: Committee | None) -> Wanted:
    """What a file leaves out stays as it is: an empty cell takes nothing back."""
    if here is None:
        return replace(one, kind=one.kind or one.else_kind)
    length = here.ends_at - here.starts_at if here.ends_at else None
    return replace(
        one,
        kind=one.kind or here.kind,
        place=one.place or here.place,
        agenda=one.agenda or here.agenda,
        ends_at=one.ends_at or (one.starts_at + length if length else None),
    )


def _compare(office: Office, one: Wanted, standing: _Standing | None) -> Change:
    if standing is None:
        if one.cancelled:
            return Change(one.where, "ignored", one.title, one.starts_at, ("annulée, et inconnue ici",))
        return Change(one.where, "new", one.title, one.starts_at)
    here = standing.committee
    if one.uid and one.uid == here.uid and one.sequence < here.sequence:
        older = f"plus ancienne que la nôtre (SEQUENCE {one.sequence} avant {here.sequence})"
        return Change(one.where, "ignored", one.title, one.starts_at, (older,))
    if one.cancelled:
        return Change(one.where, "same" if here.state == CANCELLED else "cancelled", one.title, here.starts_at)
    details = []
    if here.starts_at != one.starts_at:
        details.append(f"avant : {office.when(here.starts_at)}")
    if here.place != one.place:
        details.append(f"lieu avant : {here.place or TO_CONFIRM}")
    if here.state == CANCELLED:
        details.append("n'est plus annulée")
    if details:
        return Change(one.where, "moved", one.title, one.starts_at, tuple(details))
    details += [f"titre avant : {here.title}"] if here.title != one.title else []
    details += ["conseils"] if standing.councils != one.councils else []
    details += ["fin"] if here.ends_at != one.ends_at else []
    details += ["à préparer"] if here.agenda != one.agenda else []
    details += [f"type avant : {KIND_NAMES[here.kind]}"] if here.kind != one.kind else []
    return Change(one.where, "changed" if details else "same", one.title, one.starts_at, tuple(details))


def _write(session: Session, one: Wanted, here: Committee | None, what: Done, now: datetime) -> None:
    if what == "ignored":
        return
    if here is None:
        here = Committee(
            kind=one.kind,
            title=one.title,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            place=one.place,
            agenda=one.agenda,
            uid=one.uid,
            sequence=one.sequence,
            created_at=now,
        )
        session.add(here)
        session.flush()
        committees.link(session, here, one.councils)
        return
    here.uid, here.sequence = one.uid or here.uid, one.sequence if one.uid else here.sequence
    session.add(here)
    if what == "cancelled":
        committees.cancel(session, here)
    if what in ("cancelled", "same"):
        return
    revived = here.state == CANCELLED
    if not committees.move(session, here, one.starts_at, one.ends_at, one.place) and revived:
        committees.revive(session, here)
    here.title, here.agenda, here.kind = one.title, one.agenda, one.kind
    session.add(here)
    session.flush()
    committees.link(session, here, one.councils)
