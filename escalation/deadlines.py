"""By when an answer is promised: working days of the office, French public holidays left out; pure."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def is_working(day: date, holidays: Collection[date]) -> bool:
    return day.weekday() < 5 and day not in holidays


def promised(asked_at: datetime, days: int, zone: ZoneInfo, holidays: Collection[date]) -> datetime:
    """The end (17:00, local) of the `days`-th working day after the one on which it was asked."""
    day = asked_at.astimezone(zone).date()
    left = days
    while left > 0:
        day += timedelta(days=1)
        if is_working(day, holidays):
            left -= 1
    return datetime(day.year, day.month, day.day, 17, tzinfo=zone)
