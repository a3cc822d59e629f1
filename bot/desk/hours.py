"""By when the office answers, its closures and absences included."""

from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from bot.office import Office
from escalation import closures, deadlines, officers


def closed(session: Session, office: Office, since: datetime) -> frozenset[date]:
    """Every day on which nobody answers, from the day of `since` on: public holidays and closures."""
    return frozenset({*office.holidays, *closures.days(session, office.date_of(since))})


def promised(session: Session, office: Office, council_id: int | None, now: datetime) -> datetime:
    """By when a person answers: counted from the day that somebody is there again, when everybody is away."""
    back = officers.back_on(session, council_id, office.date_of(now))
    morning = datetime.combine(back, time(9), office.zone) if back else now
    return office.promised(max(now, morning), closures.days(session, office.date_of(now)))


def left(office: Office, closed_days: frozenset[date], now: datetime, until: datetime) -> timedelta:
    """How long the office is open until then."""
    return deadlines.open_time(now, until, office.zone, closed_days, office.week)
