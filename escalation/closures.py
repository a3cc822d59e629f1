"""Days on which the office is closed beside weekends and public holidays: a table that is edited on a page."""

from datetime import date, timedelta

from sqlmodel import Field, Session, SQLModel, col, select

LONGEST = 366  # days


class OfficeClosure(SQLModel, table=True):
    """From the first to the last of these days, both included, no answer is promised."""

    __tablename__ = "office_closures"
    id: int | None = Field(default=None, primary_key=True)
    first_day: date = Field(index=True)
    last_day: date = Field(index=True)
    reason: str = ""


def listed(session: Session, since: date) -> list[OfficeClosure]:
    """Those that are not over, the next first."""
    return list(
        session.exec(
            select(OfficeClosure).where(OfficeClosure.last_day >= since).order_by(col(OfficeClosure.first_day))
        ).all()
    )


def days(session: Session, since: date) -> frozenset[date]:
    """Every closed day from then on."""
    return frozenset(
        each.first_day + timedelta(days=n)
        for each in listed(session, since)
        for n in range(min((each.last_day - each.first_day).days, LONGEST) + 1)
    )
