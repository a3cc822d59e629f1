"""What became of each committee of a year: reminded, answered, came, prepared, invited in time, by council."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from bot.desk.figures import midnight
from bot.office import Office
from channels.directory import Council
from escalation.accounts import Who
from scheduler import plan
from scheduler.attendance import NO, PREPARE, Attendance
from scheduler.committees import CANCELLED, Committee, CommitteeCouncil, Reminder, Seat
from scheduler.preparation import Preparation

IN_TIME = timedelta(days=15)  # an invitation that comes later leaves no time to prepare
KINDS = ("copil", "cotech", "interconseil")


@dataclass(frozen=True)
class Line:
    """One committee and one council of it; counts of people."""

    committee_id: int
    title: str
    starts_at: datetime
    over: bool
    council: str
    seats: int
    reminded: int
    answered: int
    comes: int
    came: int | None  # None while nobody noted it
    prepared: int
    meeting_held: bool  # a preparation meeting was fixed
    invited: str  # in-time | late | never


@dataclass(frozen=True)
class Total:
    """The year of one council."""

    council: str
    committees: int
    seats: int
    reminded: int
    answered: int
    came: int
    prepared: int
    in_time: int  # of the committees

    def share(self, count: int) -> int:
        """In percent of the seats."""
        return round(100 * count / self.seats) if self.seats else 0


@dataclass(frozen=True)
class Report:
    year: int
    lines: tuple[Line, ...]
    totals: tuple[Total, ...]


INVITED = {"in-time": "à temps", "late": "tard", "never": "non notée"}
HEADINGS = (
    "Comité", "Date", "Conseil", "Sièges", "Prévenus", "Ont répondu", "Viennent", "Sont venus", "Veulent préparer",
    "Réunion de préparation", "Invitation",
)  # fmt: skip


def report(session: Session, office: Office, who: Who | None, year: int, now: datetime) -> Report:
    """Every committee of a year that was not cancelled, of the councils that `who` sees (None: all)."""
    since, until = midnight(date(year, 1, 1), office.zone), midnight(date(year + 1, 1, 1), office.zone)
    return between(session, who, since, until, now, year)


def between(session: Session, who: Who | None, since: datetime, until: datetime, now: datetime, year: int) -> Report:
    """The same between two moments."""
    pairs = session.execute(
        sa.select(Committee, col(Council.id), col(Council.name), col(CommitteeCouncil.invited_at))
        .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
        .join(Council, col(Council.id) == col(CommitteeCouncil.council_id))
        .where(
            col(Committee.starts_at) >= since,
            col(Committee.starts_at) < until,
            col(Committee.kind).in_(KINDS),
            col(Committee.state) != CANCELLED,
        )
        .order_by(col(Committee.starts_at), col(Committee.id), col(Council.name))
    ).all()
    pairs = [row for row in pairs if who is None or who.sees(row[1])]
    ids = sorted({row[0].id for row in pairs})
    seats = _counts(session, ids, "seats")
    reminded = _counts(session, ids, "reminded")
    said = _said(session, ids)
    held = set(
        session.execute(
            sa.select(col(Preparation.committee_id)).where(
                col(Preparation.committee_id).in_(ids), col(Preparation.meeting_id).is_not(None)
            )
        ).scalars()
    )
    lines = []
    for meeting, council_id, name, invited_at in pairs:
        key = (meeting.id, council_id)
        answered, comes, prepared, noted, came = said.get(key, (0, 0, 0, 0, 0))
        lines.append(
            Line(
                meeting.id,
                meeting.title,
                meeting.starts_at,
                meeting.starts_at <= now,
                name,
                seats.get(key, 0),
                reminded.get(key, 0),
                answered,
                comes,
                came if noted else None,
                prepared,
                meeting.id in held,
                "never" if invited_at is None else "in-time" if invited_at <= meeting.starts_at - IN_TIME else "late",
            )
        )
    return Report(year, tuple(lines), tuple(_totals([line for line in lines if line.over])))


def _totals(lines: Sequence[Line]) -> list[Total]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.council, []).append(line)
    return [
        Total(
            council,
            len(mine),
            sum(line.seats for line in mine),
            sum(line.reminded for line in mine),
            sum(line.answered for line in mine),
            sum(line.came or 0 for line in mine),
            sum(line.prepared for line in mine),
            sum(line.invited == "in-time" for line in mine),
        )
        for council, mine in sorted(found.items())
    ]


def _counts(session: Session, ids: Sequence[int], what: str) -> dict[tuple[int, int], int]:
    """People by (committee, council): who had a seat, or who was told of the meeting as it stands."""
    query: Any
    if what == "seats":
        query = (
            sa.select(col(Committee.id), col(Seat.council_id), sa.func.count(sa.distinct(col(Seat.person_id))))
            .join(CommitteeCouncil, col(CommitteeCouncil.committee_id) == col(Committee.id))
            .join(Seat, sa.and_(col(Seat.council_id) == col(CommitteeCouncil.council_id), plan.seat_of_kind()))
            .where(col(Committee.id).in_(ids), plan.sits())
            .group_by(col(Committee.id), col(Seat.council_id))
        )
    else:
        query = (
            sa.select(col(Committee.id), col(Reminder.council_id), sa.func.count(sa.distinct(col(Reminder.person_id))))
            .join(Reminder, col(Reminder.committee_id) == col(Committee.id))
            .where(col(Committee.id).in_(ids), col(Reminder.revision) == col(Committee.revision))
            .group_by(col(Committee.id), col(Reminder.council_id))
        )
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def _said(session: Session, ids: Sequence[int]) -> dict[tuple[int, int], tuple[int, int, int, int, int]]:
    """(answered, come, want to prepare, noted, came) by (committee, council)."""
    fresh = col(Attendance.revision) == col(Committee.revision)
    rows = session.execute(
        sa.select(
            col(Attendance.committee_id),
            col(Attendance.council_id),
            sa.func.count(sa.case((sa.and_(fresh, col(Attendance.answer) != ""), 1))),
            sa.func.count(sa.case((sa.and_(fresh, col(Attendance.answer).not_in(("", NO))), 1))),
            sa.func.count(sa.case((col(Attendance.answer) == PREPARE, 1))),
            sa.func.count(sa.case((col(Attendance.came).is_not(None), 1))),
            sa.func.count(sa.case((col(Attendance.came).is_(True), 1))),
        )
        .join(Committee, col(Committee.id) == col(Attendance.committee_id))
        .where(col(Attendance.committee_id).in_(ids))
        .group_by(col(Attendance.committee_id), col(Attendance.council_id))
    )
    return {(row[0], row[1]): (row[2], row[3], row[4], row[5], row[6]) for row in rows}


SHORT_HEADINGS = ("Comité", "Sièges", "Prév.", "Rép.", "Vien.", "Venus", "Prép.", "Invit.")


def short(office: Office, found: Report) -> list[list[str]]:
    """The lines of a report for a narrow screen: committee, day and council in one cell."""
    return [
        [
            f"{line.title}\n{line.starts_at.astimezone(office.zone):%d/%m/%Y}, {line.council}",
            *(str(count) for count in (line.seats, line.reminded, line.answered, line.comes)),
            "" if line.came is None else str(line.came),
            str(line.prepared),
            INVITED[line.invited],
        ]
        for line in found.lines
    ]


YEAR_HEADINGS = (
    "Conseil", "Comités", "Invités à temps", "Prévenus", "Ont répondu", "Sont venus", "Veulent préparer",
)  # fmt: skip


def years(found: Report) -> list[list[str]]:
    """The year of each council as rows of text: committees, invitations in time, and shares of its seats."""
    return [
        [each.council, str(each.committees), f"{each.in_time} sur {each.committees}"]
        + [f"{each.share(count)} %" for count in (each.reminded, each.answered, each.came, each.prepared)]
        for each in found.totals
    ]


def table(office: Office, found: Report) -> list[list[str]]:
    """The report as rows of text, for a spreadsheet."""
    return [
        list(HEADINGS),
        *(
            [
                line.title, office.when(line.starts_at), line.council, str(line.seats), str(line.reminded),
                str(line.answered), str(line.comes), "" if line.came is None else str(line.came), str(line.prepared),
                "oui" if line.meeting_held else "non", INVITED[line.invited],
            ]
            for line in found.lines
        ),
    ]  # fmt: skip


def meetings_of(found: Report) -> list[dict[str, str]]:
    """Each committee of a report in one row, all its councils together, for a paper."""
    rows: dict[int, list[Line]] = {}
    for line in found.lines:
        rows.setdefault(line.committee_id, []).append(line)
    return [
        {
            "title": mine[0].title,
            "councils": ", ".join(line.council for line in mine[:4]) + (" …" if len(mine) > 4 else ""),
            "seats": str(sum(line.seats for line in mine)),
            "reminded": str(sum(line.reminded for line in mine)),
            "answered": str(sum(line.answered for line in mine)),
            "came": str(sum(line.came or 0 for line in mine)) if any(line.came is not None for line in mine) else "",
            "invited": f"{sum(line.invited == 'in-time' for line in mine)} sur {len(mine)}",
        }
        for mine in rows.values()
    ]
