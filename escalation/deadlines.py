"""By when an answer is promised: the hours in which the office is open, holidays and closures left out; pure."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

Slots = tuple[tuple[time, time], ...]
Week = Mapping[int, Slots]  # Monday is 0; a day that is not in it is closed
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MOST_DAYS = 400  # nobody is closed longer: a table of closures that says so does not hang the hotline
USUAL: Week = {day: ((time(9), time(12, 30)), (time(14), time(17))) for day in range(5)}
_SLOT = re.compile(r"(\d{1,2})(?:[h:](\d{2})?)?-(\d{1,2})(?:[h:](\d{2})?)?")


def week_of(text: str) -> Week:
    """The opening hours that « lundi-jeudi 9h-12h30 14h-17h, vendredi 9h-12h » says; ValueError, in French."""
    week: dict[int, Slots] = {}
    for part in filter(None, (each.strip() for each in re.split(r"[,;]", text.lower()))):
        days, *slots = part.split()
        first, _, last = days.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"« {days} » n'est pas un jour, ni deux jours comme lundi-vendredi")
        found = tuple(_slot(each) for each in slots)
        if not found or any(later[0] < earlier[1] for earlier, later in pairwise(found)):
            raise ValueError(f"« {part} » n'a pas d'heures qui se suivent, comme 9h-12h30 14h-17h")
        start, end = DAYS.index(first), DAYS.index(last or first)
        for day in range(start, end + 1 if end >= start else end + 8):
            week[day % 7] = found
    if not week:
        raise ValueError("il faut un jour d'ouverture au moins")
    return week


def _slot(text: str) -> tuple[time, time]:
    found = _SLOT.fullmatch(text)
    try:
        assert found
        start, end = (time(int(found[n]), int(found[n + 1] or 0)) for n in (1, 3))
    except (AssertionError, ValueError):
        raise ValueError(f"« {text} » n'est pas un créneau comme 9h-12h30") from None
    if end <= start:
        raise ValueError(f"le créneau « {text} » finit avant de commencer")
    return start, end


def is_working(day: date, closed: Collection[date], week: Week = USUAL) -> bool:
    return day.weekday() in week and day not in closed


def promised(asked_at: datetime, days: int, zone: ZoneInfo, closed: Collection[date], week: Week = USUAL) -> datetime:
    """When the office closes on the `days`-th day that it is open after the one on which it was asked (local time)."""
    day = asked_at.astimezone(zone).date()
    left = days
    for _ in range(MOST_DAYS):
        day += timedelta(days=1)
        if is_working(day, closed, week):
            left -= 1
            if left <= 0:
                break
    end = week[day.weekday()][-1][1] if day.weekday() in week else time(17)
    return datetime.combine(day, end, zone)


def open_time(since: datetime, until: datetime, zone: ZoneInfo, closed: Collection[date], week: Week) -> timedelta:
    """How long the office is open between two moments; zero when the second comes first."""
    total, day = timedelta(), since.astimezone(zone).date()
    for _ in range(MOST_DAYS):
        if day > until.astimezone(zone).date():
            break
        if is_working(day, closed, week):
            for start, end in week[day.weekday()]:
                begins = max(datetime.combine(day, start, zone), since)
                ends = min(datetime.combine(day, end, zone), until)
                total += max(ends - begins, timedelta())
        day += timedelta(days=1)
    return total
