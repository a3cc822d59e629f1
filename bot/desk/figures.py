"""What was asked and answered, counted across the rooms: no words, no person, nothing under five shown."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.conversations import Question
from bot.desk.letters import channel_name
from bot.office import MONTHS, Office
from channels.directory import Council
from escalation.accounts import Who
from escalation.console.views import THEMES
from escalation.tickets import Ticket
from knowledge.entries import EntryRow

FEWEST = 5  # a count under this could point at someone
AUTOMATIC, PERSON, OPEN = "automatic", "person", "open"
NO_THEME = "Sans fiche proche"


@dataclass(frozen=True)
class Line:
    """One row of a breakdown; None where the count is under five, or could be worked out from the others."""

    name: str
    asked: int | None
    automatic: int | None
    person: int | None
    useful: int | None = None
    useless: int | None = None


@dataclass(frozen=True)
class Times:
    """How long people waited for a person's answer, and whether the promise was kept."""

    answered: int
    kept: int  # of them, by the promised moment
    late: int  # not answered yet, and the promise is over
    waiting: int  # not answered yet, and there is still time
    median_hours: float | None  # on the clock, nights and week-ends included

    @property
    def share_kept(self) -> int | None:
        """In percent, of all whose moment has come; None under five."""
        due = self.answered + self.late
        return round(100 * self.kept / due) if due >= FEWEST else None


@dataclass(frozen=True)
class Figures:
    """A period in figures."""

    since: date
    until: date  # the last day
    council: str  # « Tous les conseils », or a name
    total: Line
    choices: int | None  # asked, offered a choice, and nothing chosen
    months: tuple[Line, ...]
    channels: tuple[Line, ...]
    councils: tuple[Line, ...]
    themes: tuple[Line, ...]
    times: Times

    @property
    def share_automatic(self) -> int | None:
        if not self.total.asked or self.total.automatic is None:
            return None
        return round(100 * self.total.automatic / self.total.asked)


class NoSuchCouncil(LookupError):
    """No council has this number, or it is another officer's."""


def figures(
    session: Session, office: Office, who: Who, since: date, until: date, council_id: int | None, now: datetime
) -> Figures:
    """Count what was asked from `since` to the end of `until`, of one council or all that `who` sees.

    A statement for each month groups the questions, one reads the tickets' times. NoSuchCouncil.
    """
    name = "Tous les conseils" if who.councils is None else "Vos conseils"
    if council_id is not None:
        council = session.get(Council, council_id)
        if council is None or not who.sees(council_id):
            raise NoSuchCouncil(council_id)
        name = council.name
    months = list(_months(since, until))
    rows = _grouped(session, office.zone, who, months, since, until, council_id)
    names = {each.id: each.name for each in session.exec(select(Council))}
    whole = _counted(rows, lambda row: "Ensemble")
    return Figures(
        since,
        until,
        name,
        total=(_lines(whole) or (Line("Ensemble", 0, 0, 0, 0, 0),))[0],
        choices=_shown(sum(row.count for row in rows if row.outcome == OPEN)),
        months=_lines(
            _counted(rows, lambda row: row.month),
            [(n, f"{MONTHS[m.month - 1]} {m.year}") for n, m in enumerate(months)],
        ),
        channels=_lines(_counted(rows, lambda row: channel_name(row.channel)), secondary=True),
        councils=_lines(_counted(rows, lambda row: names.get(row.council_id, "Sans conseil connu")), secondary=True),
        themes=_lines(_counted(rows, lambda row: THEMES.get(row.theme or "", NO_THEME)), secondary=True),
        times=_times(session, office, who, since, until, council_id, now),
    )


@dataclass(frozen=True)
class _Row:
    month: int
    channel: str
    council_id: int | None
    theme: str | None
    outcome: str
    useful: bool | None
    count: int


def _months(since: date, until: date) -> Iterable[date]:
    first = since.replace(day=1)
    while first <= until:
        yield first
        first = (first + timedelta(days=32)).replace(day=1)


def last_day(month: date) -> date:
    """The last day of the month that this day is in."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def year_before(last: date) -> date:
    """The first day of the twelve months that end with this one's."""
    return (last.replace(day=1) - timedelta(days=330)).replace(day=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone)


def _grouped(
    session: Session,
    zone: ZoneInfo,
    who: Who,
    months: Sequence[date],
    since: date,
    until: date,
    council_id: int | None,
) -> list[_Row]:
    """A statement for each month, in its own time zone's days: a month is a stretch of the index."""
    outcome = sa.case(
        (col(Question.ticket_id).is_not(None), PERSON),
        (col(Question.decision).in_(("answer", "chosen")), AUTOMATIC),
        else_=OPEN,
    )
    keys = (col(Question.channel), col(Question.council_id), col(EntryRow.kind), outcome, col(Question.useful))
    query = (
        sa.select(*keys, sa.func.count())
        .select_from(Question)
        .outerjoin(EntryRow, col(EntryRow.slug) == col(Question.nearest))
        .where(
            col(Question.asked_at) >= sa.bindparam("first"),
            col(Question.asked_at) < sa.bindparam("after"),
            *_theirs(col(Question.council_id), who, council_id),
        )
        .group_by(*(sa.literal_column(str(n + 1)) for n in range(len(keys))))
    )
    edges = [since, *months[1:], until + timedelta(days=1)]
    return [
        _Row(number, *row)
        for number, (first, after) in enumerate(pairwise(edges))
        for row in session.execute(query, {"first": midnight(first, zone), "after": midnight(after, zone)}).all()
    ]


def _theirs(column: Any, who: Who, council_id: int | None) -> list["sa.ColumnElement[bool]"]:
    if council_id is not None:
        return [column == council_id]
    if who.councils is None:
        return []
    return [sa.or_(column.is_(None), column.in_(who.councils))]


def _counted(rows: Iterable[_Row], key: Callable[[_Row], object]) -> dict[object, Counter[str]]:
    found: dict[object, Counter[str]] = {}
    for row in rows:
        counts = found.setdefault(key(row), Counter())
        counts["asked"] += row.count
        counts[row.outcome] += row.count
        if row.useful is not None and row.outcome != OPEN:
            counts["useful" if row.useful else "useless"] += row.count
    return found


def _shown(count: int) -> int | None:
    return None if 0 < count < FEWEST else count


def _lines(
    found: dict[object, Counter[str]], named: Sequence[tuple[object, str]] = (), *, secondary: bool = False
) -> tuple[Line, ...]:
    """Lines in the order of `named`, or the most asked first; a lone hidden count hides the next smallest too."""
    order = list(named) or sorted(((key, str(key)) for key in found), key=lambda each: -found[each[0]]["asked"])
    hidden: dict[str, set[object]] = {}
    for what in ("asked", AUTOMATIC, PERSON, "useful", "useless"):
        counts = {key: found[key][what] for key, _ in order if key in found}
        hidden[what] = {key for key, count in counts.items() if 0 < count < FEWEST}
        if secondary and len(hidden[what]) == 1:
            rest = sorted((count, str(key), key) for key, count in counts.items() if count >= FEWEST)
            if rest:
                hidden[what].add(rest[0][2])

    def cell(key: object, what: str) -> int | None:
        return None if key in hidden[what] else found.get(key, Counter())[what]

    return tuple(
        Line(name, *(cell(key, what) for what in ("asked", AUTOMATIC, PERSON, "useful", "useless")))
        for key, name in order
    )


def _times(
    session: Session, office: Office, who: Who, since: date, until: date, council_id: int | None, now: datetime
) -> Times:
    rows = session.execute(
        sa.select(col(Ticket.opened_at), col(Ticket.promised_at), col(Ticket.answered_at), col(Ticket.state)).where(
            col(Ticket.kind) == "question",
            col(Ticket.opened_at) >= midnight(since, office.zone),
            col(Ticket.opened_at) < midnight(until + timedelta(days=1), office.zone),
            *_theirs(col(Ticket.council_id), who, council_id),
        )
    ).all()
    answered = [(opened, promised, at) for opened, promised, at, _ in rows if at is not None]
    waiting = [promised for _, promised, at, state in rows if at is None and state == "open"]
    hours = [(at - opened) / timedelta(hours=1) for opened, _, at in answered]
    return Times(
        answered=len(answered),
        kept=sum(at <= promised for _, promised, at in answered),
        late=sum(promised < now for promised in waiting),
        waiting=sum(promised >= now for promised in waiting),
        median_hours=round(median(hours), 1) if len(hours) >= FEWEST else None,
    )


def councils(session: Session, who: Who) -> list[tuple[int, str]]:
    """The councils that this officer may choose, by name."""
    rows = session.exec(select(Council).order_by(col(Council.name))).all()
    return [(each.id, each.name) for each in rows if each.id is not None and who.sees(each.id)]


HEADINGS = (
    "Partie", "Ligne", "Questions", "Réponses automatiques", "Passées à une personne", "Jugées utiles", "Inutiles",
)  # fmt: skip


def table(found: Figures) -> list[list[str]]:
    """All of it as rows of text, for a spreadsheet; « moins de 5 » where a count is hidden."""

    def row(part: str, line: Line) -> list[str]:
        cells = (line.asked, line.automatic, line.person, line.useful, line.useless)
        return [part, line.name, *("moins de 5" if cell is None else str(cell) for cell in cells)]

    parts = (
        ("Mois", found.months), ("Canal", found.channels), ("Conseil", found.councils), ("Thème", found.themes),
    )  # fmt: skip
    return [
        list(HEADINGS),
        row("Ensemble", found.total),
        *(row(part, line) for part, lines in parts for line in lines),
    ]
