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
from sqlmodel import Session, col

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


# asked, answered by the base, by a person, open, useful, useless; of everything, of each channel, council and kind
Counts = list[int]
Part = dict[object, Counts]
COUNTED = ("asked", AUTOMATIC, PERSON, OPEN, "useful", "useless")


@dataclass(frozen=True)
class _Month:
    """A month's questions, counted in each of the ways that the page shows."""

    whole: Counts
    channels: Part
    councils: Part
    kinds: Part


class Memory:
    """What months came to, kept by a process: one is counted anew only when something in it changed."""

    MOST = 400  # months, of all the choices of councils

    def __init__(self) -> None:
        self._kept: dict[object, tuple[object, _Month]] = {}

    def get(self, key: object, mark: object) -> _Month | None:
        kept = self._kept.get(key)
        return kept[1] if kept and kept[0] == mark else None

    def keep(self, key: object, mark: object, month: _Month) -> None:
        if len(self._kept) >= self.MOST:
            self._kept.clear()
        self._kept[key] = mark, month


def figures(
    session: Session,
    office: Office,
    who: Who,
    since: date,
    until: date,
    council_id: int | None,
    now: datetime,
    memory: Memory | None = None,
) -> Figures:
    """Count what was asked from `since` to the end of `until`, of one council or all that `who` sees.

    A statement for each month that `memory` does not know as it stands, one for the tickets' times. NoSuchCouncil.
    """
    name = "Tous les conseils" if who.councils is None else "Vos conseils"
    if council_id is not None:
        council = session.get(Council, council_id)
        if council is None or not who.sees(council_id):
            raise NoSuchCouncil(council_id)
        name = council.name
    months = list(_months(since, until))
    found = _counted(session, office.zone, who, months, since, until, council_id, memory or Memory())
    names: dict[int, str] = dict(session.execute(sa.select(col(Council.id), col(Council.name))).all())
    whole = _named(({"": each.whole} for each in found), str)
    return Figures(
        since,
        until,
        name,
        total=_lines(whole, [("", "Ensemble")])[0],
        choices=_shown(whole[""][OPEN]),
        months=_lines(
            _named(({n: each.whole} for n, each in enumerate(found)), lambda n: n),
            [(n, f"{MONTHS[m.month - 1]} {m.year}") for n, m in enumerate(months)],
        ),
        channels=_lines(_named((each.channels for each in found), channel_name), secondary=True),
        councils=_lines(
            _named((each.councils for each in found), lambda id: names.get(id, "Sans conseil connu")), secondary=True
        ),
        themes=_lines(
            _named((each.kinds for each in found), lambda kind: THEMES.get(kind or "", NO_THEME)), secondary=True
        ),
        times=_times(session, office, who, since, until, council_id, now),
    )


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


def _counted(
    session: Session,
    zone: ZoneInfo,
    who: Who,
    months: Sequence[date],
    since: date,
    until: date,
    council_id: int | None,
    memory: Memory,
) -> list[_Month]:
    """Each month in its own time zone's days: a stretch of the index, counted unless it is remembered as it stands."""
    wanted = (
        col(Question.asked_at) >= sa.bindparam("first"),
        col(Question.asked_at) < sa.bindparam("after"),
        *_theirs(col(Question.council_id), who, council_id),
    )
    automatic = col(Question.decision).in_(("answer", "chosen"))
    outcome = sa.case((col(Question.ticket_id).is_not(None), PERSON), (automatic, AUTOMATIC), else_=OPEN)
    keys = (col(Question.channel), col(Question.council_id), col(EntryRow.kind), outcome, col(Question.useful))
    query = (
        sa.select(*keys, sa.func.count())
        .select_from(Question)
        .outerjoin(EntryRow, col(EntryRow.slug) == col(Question.nearest))
        .where(*wanted)
        .group_by(*(sa.literal_column(str(n + 1)) for n in range(len(keys))))
    )
    # All that may change in a question, each weighed by whose it is: seven times quicker than to count it.
    weights = (
        (col(Question.useful).is_(True), 1), (col(Question.useful).is_(False), 2),
    )  # fmt: skip
    whose = col(Question.address_id)
    mark = sa.select(
        sa.func.count(),
        sa.func.sum(sa.case(*weights, else_=0) * whose),
        sa.func.sum(sa.case((col(Question.ticket_id).is_not(None), whose), else_=0)),
        sa.func.sum(sa.case((automatic, whose), else_=0)),
        sa.func.sum((sa.func.coalesce(col(Question.council_id), 0) + 1) * whose),
    ).where(*wanted)
    base = tuple(session.execute(sa.select(sa.func.count(), sa.func.max(col(EntryRow.version_id)))).one())
    found = []
    for first, after in pairwise([since, *months[1:], until + timedelta(days=1)]):
        edges = {"first": midnight(first, zone), "after": midnight(after, zone)}
        key = (first, after, str(zone), council_id, who.councils if council_id is None else None)
        now_marked = (base, tuple(session.execute(mark, edges).one()))
        month = memory.get(key, now_marked)
        if month is None:
            month = _month(session.execute(query, edges).all())
            memory.keep(key, now_marked, month)
        found.append(month)
    return found


def _month(rows: Iterable[Any]) -> _Month:
    month = _Month([0] * 6, {}, {}, {})
    for channel, council_id, kind, outcome, useful, count in rows:
        places = [0, COUNTED.index(outcome)]
        if useful is not None and outcome != OPEN:
            places.append(4 if useful else 5)
        for counts in (
            month.whole,
            month.channels.setdefault(channel, [0] * 6),
            month.councils.setdefault(council_id, [0] * 6),
            month.kinds.setdefault(kind, [0] * 6),
        ):
            for place in places:
                counts[place] += count
    return month


def _named(parts: Iterable[Part], name: Callable[[Any], object]) -> dict[object, Counter[str]]:
    """The parts of several months added up, by the names that they are shown under."""
    found: dict[object, Counter[str]] = {}
    for part in parts:
        for key, counts in part.items():
            found.setdefault(name(key), Counter()).update(dict(zip(COUNTED, counts, strict=True)))
    return found


def _theirs(column: Any, who: Who, council_id: int | None) -> list["sa.ColumnElement[bool]"]:
    if council_id is not None:
        return [column == council_id]
    if who.councils is None:
        return []
    return [sa.or_(column.is_(None), column.in_(who.councils))]


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
    opened, promised, answered = col(Ticket.opened_at), col(Ticket.promised_at), col(Ticket.answered_at)
    theirs = (
        col(Ticket.kind) == "question",
        opened >= midnight(since, office.zone),
        opened < midnight(until + timedelta(days=1), office.zone),
        *_theirs(col(Ticket.council_id), who, council_id),
    )
    waiting = sa.and_(answered.is_(None), col(Ticket.state) == "open")
    counts = (
        sa.func.sum(sa.case((each, 1), else_=0))
        for each in (answered <= promised, sa.and_(waiting, promised < now), sa.and_(waiting, promised >= now))
    )
    kept, late, still = (int(each or 0) for each in session.execute(sa.select(*counts).where(*theirs)).one())
    seconds = sa.extract("epoch", answered) - sa.extract("epoch", opened)
    waits = session.execute(sa.select(seconds).where(*theirs, answered.is_not(None))).scalars().all()
    return Times(
        answered=len(waits),
        kept=kept,
        late=late,
        waiting=still,
        median_hours=round(float(median(waits)) / 3600, 1) if len(waits) >= FEWEST else None,
    )


def councils(session: Session, who: Who) -> list[tuple[int, str]]:
    """The councils that this officer may choose, by name."""
    rows = session.execute(sa.select(col(Council.id), col(Council.name)).order_by(col(Council.name))).all()
    return [(id, name) for id, name in rows if who.sees(id)]


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
